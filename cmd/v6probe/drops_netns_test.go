package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/drops"
	"v6probe/internal/host"
	"v6probe/internal/rule"
)

// fakeNamespaces are kvm1, and the namespace of a radvd without a name.
type fakeNamespaces struct {
	inside bool  // while a function runs in one
	refuse error // to enter any
	gone   bool
	asked  int // whether one is gone
}

const radvdNamespace = "inode 4026532321 (radvd, pid 17)"

func (f *fakeNamespaces) Find(name string) (uint32, error) {
	switch name {
	case "kvm1":
		return 4026532320, nil
	case "pid:17":
		return 4026532321, nil
	case "pid:1":
		return 1, nil
	}
	return 0, errors.New("there is none")
}

func (f *fakeNamespaces) Name(inode uint32) string {
	return map[uint32]string{4026532320: "kvm1", 4026532321: radvdNamespace}[inode]
}

func (f *fakeNamespaces) Names() []string { return []string{"kvm1"} }

func (f *fakeNamespaces) Enter(_ uint32, do func() error) error {
	if f.refuse != nil {
		return f.refuse
	}
	f.inside = true
	defer func() { f.inside = false }()
	return do()
}

func (f *fakeNamespaces) Gone(uint32) bool {
	f.asked++
	return f.gone && f.asked > 1 // it was there at first
}

// machine is one whose bridges are in kvm1, while its own namespace has a port's name only.
func (f *fakeNamespaces) machine() machine {
	return machine{
		namespaces: func() namespaces { return f },
		links: func() ([]host.Link, error) {
			if f.inside {
				return links()
			}
			return []host.Link{{Name: "lo", Index: 1}, {Name: "vnet0", Index: 2}, {Name: "ours0", Index: 3}}, nil
		},
		notDrops: func(names []string) ([]host.Statement, error) {
			if !f.inside {
				return []host.Statement{{Interfaces: []string{"ours0"}, Text: "ours"}}, nil
			}
			return []host.Statement{{Interfaces: []string{"cloudbr1"}, Text: "theirs", Fix: "if not: `sysctl -w a=1`"}}, nil
		},
	}
}

func lostAt(netns, iface string) drops.Drop {
	return drops.Drop{Place: drops.Place{Type: 134, NetNS: netns, Interface: iface}, Packets: 5,
		Verdict: drops.Verdict{Class: drops.Hurts, Rule: "drop.filter-bridge", Severity: rule.Error}}
}

// TestDropsInNamespace asks about a bridge in another namespace: what its ports there lose is the bridge's.
func TestDropsInNamespace(t *testing.T) {
	counted := drops.Snapshot{Drops: []drops.Drop{lostAt("kvm1", "vnet0"), lostAt("", "vnet0"), lostAt(drops.UnknownNamespace, "")}}
	f := &fakeDrops{readings: []drops.Snapshot{counted}}
	out, errs, code := runFake(t, f, (&fakeNamespaces{}).machine(), "--netns", "kvm1", "-i", "cloudbr1", "--json")
	for _, want := range []string{`"packets":5,"total":5,`, `"netns":"kvm1"`,
		`"hurts":5,"unknown":0,"benign":0,"hurts_elsewhere":5`, `"theirs"`, "if not: `ip netns exec kvm1 sysctl -w a=1`"} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %s", want)
		}
	}
	if code != exitFindings || strings.Count(errs, "\n") != 1 || strings.Count(out, `"type":"drop"`) != 1 {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
}

// TestDropsBlind has no right to enter the namespace: that must be seen, as the verdict is about less.
func TestDropsBlind(t *testing.T) {
	for _, more := range []string{"-v", "-q"} {
		f := &fakeDrops{readings: []drops.Snapshot{{Drops: []drops.Drop{lostAt("kvm1", "vnet0")}}}}
		out, errs, code := runFake(t, f, (&fakeNamespaces{refuse: errors.New("no permission")}).machine(), "--netns", "kvm1",
			"-i", "cloudbr1", more)
		if code != exitOK || !strings.Contains(errs, "cloudbr1: what belongs to it, such as the ports of a bridge, "+
			"cannot be read in namespace kvm1: no permission; only what is dropped at cloudbr1 itself is counted\n") {
			t.Errorf("%s: exit code %d, %s", more, code, errs)
		}
		if line := strings.Join(strings.Fields(out), " "); more == "-v" && !strings.Contains(line,
			"on cloudbr1 alone (whether it has ports could not be read) in namespace kvm1,") {
			t.Errorf("the headline does not tell:\n%s", out)
		}
	}
}

func TestDropsNoInterface(t *testing.T) {
	for _, c := range []struct{ netns, iface, err, hint string }{
		{"kvm1", "nope0", "nope0: no such interface in namespace kvm1", "interfaces there: lo, eth0, eth1, eth1.7, cloudbr1, "},
		{"pid:17", "nope0", "nope0: no such interface in namespace " + radvdNamespace, "interfaces there: lo, eth0, "},
		{"kvm1", "ours0", "ours0: no such interface in namespace kvm1",
			"ours0 is in the namespace of v6probe itself: leave --netns out; interfaces there: lo"},
		{"", "cloudbr1", "cloudbr1: no such interface",
			"cloudbr1 is in namespace kvm1: --netns kvm1; interfaces here: lo, vnet0, ours0"},
		{"pid:1", "nope0", "nope0: no such interface", "interfaces here: lo, vnet0, ours0"},
		{"pid:9", "", "there is none", "see them, with a process of each: lsns -t net"},
		{"kvm9", "", "there is none", "see them: ip netns"},
	} {
		_, err := newDropScope((&fakeNamespaces{}).machine(), c.iface, c.netns)
		var h interface{ Hint() string }
		if err == nil || err.Error() != c.err || !errors.As(err, &h) || !strings.HasPrefix(h.Hint(), c.hint) {
			t.Errorf("--netns %q -i %s: %v, %v", c.netns, c.iface, err, h)
		}
	}
}

// TestDropsNamespaceUnknown: nobody is blamed for what may be another's.
func TestDropsNamespaceUnknown(t *testing.T) {
	counted := drops.Snapshot{Drops: []drops.Drop{lostAt(drops.UnknownNamespace, "")}}
	for _, c := range []struct {
		args  []string
		code  int
		note  string // on standard error
		shows bool
	}{
		{nil, exitOK, "", false},
		{[]string{"-v"}, exitOK, "not shown: 5 packets whose namespace is not known; --netns all shows them", false},
		{[]string{"-i", "vnet0"}, exitOK, "", false},
		{[]string{"--netns", "kvm1"}, exitOK, "", false},
		{[]string{"--netns", "kvm1", "-v"}, exitOK, "not shown: 5 packets whose namespace is not known; --netns all", false},
		{[]string{"--netns", "all"}, exitFindings, "5 packets whose namespace is not known: they had lost their device", true},
		{[]string{"--netns", "all", "-i", "eth0"}, exitOK, "", false},
	} {
		out, errs, code := runFake(t, &fakeDrops{readings: []drops.Snapshot{counted}}, (&fakeNamespaces{}).machine(), c.args...)
		notes := strings.Contains(errs, "not known") == (c.note != "") && strings.Contains(errs, c.note)
		if code != c.code || !notes || strings.Contains(out, "drop.filter-bridge") != c.shows {
			t.Errorf("%q: exit code %d\n%s%s", c.args, code, out, errs)
		}
	}
}

// TestDropsNamespaceGone deletes the namespace while it is counted: what was counted is told.
func TestDropsNamespaceGone(t *testing.T) {
	f := &fakeDrops{readings: []drops.Snapshot{{Drops: []drops.Drop{lostAt("kvm1", "vnet0")}}, {}, {}, {}}}
	out, errs, code := runFake(t, f, (&fakeNamespaces{gone: true}).machine(), "--netns", "kvm1")
	if code != exitTrouble || f.read != 1 || !strings.Contains(errs, "v6probe: namespace kvm1 is gone\n") ||
		!strings.Contains(out, "ended early: namespace kvm1 is gone") || !strings.Contains(out, "drop.filter-bridge") {
		t.Errorf("exit code %d after %d readings\n%s%s", code, f.read, out, errs)
	}
}

func TestInterfacesIn(t *testing.T) {
	m := (&fakeNamespaces{}).machine()
	if got := m.interfacesIn("kvm1"); !slices.Contains(got, "cloudbr1") {
		t.Errorf("in kvm1 there are %q", got)
	}
	if got := m.interfacesIn(""); slices.Contains(got, "cloudbr1") || len(got) == 0 {
		t.Errorf("here there are %q", got)
	}
	if got := m.interfacesIn("kvm9"); got != nil {
		t.Errorf("in no namespace there are %q", got)
	}
}
