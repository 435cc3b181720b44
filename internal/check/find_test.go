package check

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree makes files below a new directory, which becomes the working directory. A name that ends in a slash is a directory, and
// "a -> b" a link.
func tree(t *testing.T, names ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, name := range names {
		name, target, link := strings.Cut(name, " -> ")
		if err := os.MkdirAll(filepath.Dir(name+"x"), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case link:
			if err = os.Symlink(target, name); err != nil {
				t.Skipf("no links here: %v", err)
			}
		case !strings.HasSuffix(name, "/"):
			err = os.WriteFile(name, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFind(t *testing.T) {
	tests := []struct {
		name  string
		tree  []string
		paths []string
		want  []string // the name of each, and what goes for it
	}{
		{"in the order of their names, and those only",
			[]string{"b.pcap", "a.pcapng", "c/x.cap", "c/INDEX", "a.pcapng.ndjson", "notes.gz", ".pcap", "d.PCAP.GZ", "e.pcap.zst"}, []string{"."},
			[]string{"a.pcapng", "b.pcap", "c/x.cap", "d.PCAP.GZ", "e.pcap.zst"}},
		{"nothing hidden, unless named", []string{".x.pcap", ".git/y.pcap", "z.pcap", ".x/w.pcap"}, []string{".", ".x"},
			[]string{"z.pcap", ".x/w.pcap"}},
		{"files as they are, in the order given", []string{"one", "two.txt", "d/c.pcap"}, []string{"two.txt", "one", "d"},
			[]string{"two.txt", "one", "d/c.pcap"}},
		{"each once", []string{"d/a.pcap", "d/b.pcap"}, []string{"d/b.pcap", "./d/b.pcap", "d", "d/../d", "d/a.pcap"},
			[]string{"d/b.pcap", "d/a.pcap"}},
		{"a directory whose captures were all named", []string{"d/a.pcap"}, []string{"d/a.pcap", "d"}, []string{"d/a.pcap"}},
		{"no directory twice, whatever the links", []string{"d/a.pcap", "d/e/b.pcap", "d/e/up -> ..", "d/self -> .", "l -> d"}, []string{"."},
			[]string{"d/a.pcap", "d/e/b.pcap"}},
		{"links to captures and directories", []string{"real/", "real/a", "d/a.pcap -> ../real/a", "d/gone.pcap -> nowhere", "d/sub -> ../other", "other/b.cap"},
			[]string{"d"}, []string{"d/a.pcap", "d/gone.pcap", "d/sub/b.cap"}},
		{"no directory that is called a capture", []string{"d.pcap/a.pcap"}, []string{"."}, []string{"d.pcap/a.pcap"}},
		{"expectations by the stem or the whole name",
			[]string{"vm.pcap.gz", "vm.expect.yaml", "w.pcap", "w.pcap.expect.yaml", "w.pcapng", "x.dump.pcap", "x.dump.notes"}, []string{"."},
			[]string{"vm.pcap.gz vm.expect.yaml", "w.pcap w.pcap.expect.yaml", "w.pcapng", "x.dump.pcap"}},
		{"of a file that is not called a capture", []string{"dump", "dump.expect.yaml"}, []string{"dump"}, []string{"dump dump.expect.yaml"}},
		{"the nearest baseline", []string{"a.pcap", "v6probe.baseline", "d/b.pcap", "e/c.pcap", "e/v6probe.baseline", "e/f/d.pcap"}, []string{".", "a.pcap"},
			[]string{"a.pcap v6probe.baseline", "d/b.pcap v6probe.baseline", "e/c.pcap e/v6probe.baseline", "e/f/d.pcap e/v6probe.baseline"}},
		{"the nearest baseline above what is named", []string{"a.pcap", "v6probe.baseline", "d/e/b.pcap", "f/c.pcap", "f/v6probe.baseline", "f/g/d.pcap"},
			[]string{"a.pcap", "d/e/b.pcap", "f/c.pcap", "f/g"},
			[]string{"a.pcap v6probe.baseline", "d/e/b.pcap v6probe.baseline", "f/c.pcap f/v6probe.baseline", "f/g/d.pcap f/v6probe.baseline"}},
		{"one name for a baseline", []string{"d/v6probe.baseline", "d/a.pcap", "d/b.pcap", "d/e/c.pcap", "l -> d"}, []string{"l/a.pcap", "d", "l/e"},
			[]string{"l/a.pcap d/v6probe.baseline", "d/b.pcap d/v6probe.baseline", "d/e/c.pcap d/v6probe.baseline"}},
		{"no baseline from above the repository", []string{"v6probe.baseline", "r/.git/", "r/a.pcap", "r/d/b.pcap", "s/.git", "s/c.pcap"},
			[]string{"r/a.pcap", "r/d", "s", "r/d/b.pcap"}, []string{"r/a.pcap", "r/d/b.pcap", "s/c.pcap"}},
		{"no baseline from too far above", []string{"v6probe.baseline", strings.Repeat("d/", maxAbove-1) + "a.pcap", strings.Repeat("e/", maxAbove) + "b.pcap"},
			[]string{strings.Repeat("d/", maxAbove-1) + "a.pcap", strings.Repeat("e/", maxAbove) + "b.pcap"},
			[]string{strings.Repeat("d/", maxAbove-1) + "a.pcap v6probe.baseline", strings.Repeat("e/", maxAbove) + "b.pcap"}},
		{"once by any spelling", []string{"d/a.pcap", "d/dump", "l -> d"}, []string{"d/dump", "./d/dump", "l/dump", "$PWD/d/dump", "$PWD/l", "d"},
			[]string{"d/dump", "l/a.pcap"}},
		{"an expectation of what is named otherwise", []string{"d/dump", "d/dump.expect.yaml", "d/a.pcap"}, []string{"d", "d/dump"},
			[]string{"d/a.pcap", "d/dump d/dump.expect.yaml"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree(t, tt.tree...)
			wd, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			for _, p := range tt.paths {
				paths = append(paths, strings.Replace(p, "$PWD", wd, 1))
			}
			items, err := Find(paths)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, i := range items {
				i.Name = strings.TrimPrefix(i.Name, filepath.ToSlash(wd)+"/")
				if i.Err != nil {
					t.Errorf("%s: %v", i.Name, i.Err)
				}
				got = append(got, strings.TrimSpace(i.Name+" "+filepath.ToSlash(i.Expect+i.Known)))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestFindErrors(t *testing.T) {
	tests := []struct {
		name       string
		tree       []string
		path       string
		want, hint string
	}{
		{"nothing there", nil, "nosuch", "nosuch: there is no such file or directory", "name captures, or directories with captures in them"},
		{"nothing in it", []string{"d/a.txt", "d/.git/x.pcap"}, "d", "d: there are no captures in it", namesHint},
		{"an expectation", []string{"a.expect.yaml"}, "a.expect.yaml", "a.expect.yaml: that is an expectation and no capture", "name the capture, beside which it is found, or the directory"},
		{"one that is not read", []string{"a.expect.yml"}, "a.expect.yml", "a.expect.yml: that is an expectation and no capture", "name the capture, beside which it is found, or the directory"},
		{"a baseline", []string{"d/v6probe.baseline"}, "d/v6probe.baseline", "d/v6probe.baseline: that is a baseline and no capture", "name its directory, or give it by --baseline"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree(t, tt.tree...)
			_, err := Find([]string{tt.path})
			if err == nil || err.Error() != tt.want || hint(err) != tt.hint {
				t.Errorf("got %v (%s), want %s (%s)", err, hint(err), tt.want, tt.hint)
			}
		})
	}
}

// hint returns what err says to do about it.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// TestFindOneFails wants a capture with two expectations to fail by itself.
func TestFindOneFails(t *testing.T) {
	tree(t, "a.pcap", "b.pcap", "b.expect.yaml", "b.pcap.expect.yaml", "c.pcap", "c.expect.yaml/")
	items, err := Find([]string{"."})
	if err != nil || len(items) != 3 {
		t.Fatalf("%d items, %v; want 3", len(items), err)
	}
	if items[0].Err != nil {
		t.Error(items[0].Err)
	}
	if err := items[1].Err; err == nil || err.Error() != "b.pcap: beside it there are both b.pcap.expect.yaml and b.expect.yaml" {
		t.Errorf("b.pcap: %v", err)
	}
	if err := items[2].Err; err == nil || !strings.Contains(err.Error(), "c.expect.yaml: not a file") {
		t.Errorf("c.pcap: %v", err)
	}
}

// TestFindStray wants an expectation that belongs to no capture to fail: its test would end unseen.
func TestFindStray(t *testing.T) {
	const plain = "rename it after its capture, as vm.expect.yaml for vm.pcap, or remove it"
	tests := []struct {
		name       string
		tree       []string
		want, hint string // of the last of two items
	}{
		{"of what is gone", []string{"a.pcap", "router.expect.yaml"}, "d/router.expect.yaml: it belongs to no capture", plain},
		{"misspelt", []string{"web-tier.pcap.gz", "web-teir.expect.yaml"}, "d/web-teir.expect.yaml: it belongs to no capture",
			"if it is for web-tier.pcap.gz, rename it to web-tier.expect.yaml"},
		{"misspelt with the whole name", []string{"web.pcap", "wep.pcap.expect.yaml"}, "d/wep.pcap.expect.yaml: it belongs to no capture",
			"if it is for web.pcap, rename it to web.pcap.expect.yaml"},
		{"near to one that has its own", []string{"host1.pcap", "host1.expect.yaml", "host2.expect.yaml"},
			"d/host2.expect.yaml: it belongs to no capture", plain},
		{"with the end that is not read", []string{"a.pcap", "a.expect.yml"}, "d/a.expect.yml: it is not read: expectations end in .expect.yaml",
			"rename it to a.expect.yaml"},
		{"with both", []string{"a.pcap", "a.expect.yaml", "a.expect.yml"},
			"d/a.expect.yml: it is not read: expectations end in .expect.yaml", "remove it: there is a.expect.yaml as well"},
		{"of what is not called a capture", []string{"a.pcap", "vm", "vm.expect.yaml"}, "d/vm.expect.yaml: it belongs to no capture: vm is not called one",
			namesHint},
		{"of a directory", []string{"a.pcap", "vm.pcap/b.txt", "vm.expect.yaml"}, "d/vm.expect.yaml: it belongs to no capture", plain},
		{"with other capitals", []string{"Zone-Of-Tests.pcap", "zone-of-tests.expect.yaml"}, "d/zone-of-tests.expect.yaml: it belongs to no capture",
			"if it is for Zone-Of-Tests.pcap, rename it to Zone-Of-Tests.expect.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var names []string
			for _, n := range tt.tree {
				names = append(names, "d/"+n)
			}
			tree(t, names...)
			if _, err := os.Stat("D"); err == nil {
				t.Skip("capitals are small letters here")
			}
			items, err := Find([]string{"d"})
			if err != nil || len(items) != 2 {
				t.Fatalf("%d items, %v; want 2", len(items), err)
			}
			bad := items[slices.IndexFunc(items, Item.IsExpectation)]
			if bad.Err == nil || bad.Err.Error() != tt.want || hint(bad.Err) != tt.hint {
				t.Errorf("got %v (%s)\nwant %s (%s)", bad.Err, hint(bad.Err), tt.want, tt.hint)
			}
			if c := one(t.Context(), bad, &Options{NeverFail: true}); !c.Failed || c.Err != bad.Err || c.Name != bad.Name {
				t.Errorf("it comes to %+v", c)
			}
			b, err := NewBaseline("known")
			if err != nil || b.Take(one(t.Context(), bad, &Options{}), true) || len(b.Entries()) > 0 {
				t.Errorf("a baseline takes it for a damaged capture: %v, %v", b.Entries(), err)
			}
		})
	}
	tree(t, "d/gone.expect.yaml")
	if items, err := Find([]string{"d"}); err != nil || len(items) != 1 || items[0].Err == nil {
		t.Errorf("alone it comes to %+v, %v", items, err)
	}
}

func TestStem(t *testing.T) {
	for name, want := range map[string]string{
		"a.pcap": "a", "a.pcapng.zst": "a", "a.cap.gz": "a", "a.b.pcap": "a.b", "a.pcap.pcap": "a.pcap", "A.PCAP.GZ": "A",
		"a": "a", "a.gz": "a.gz", ".pcap": ".pcap", "pcap": "pcap", "": "", "a.pcap.bz2": "a.pcap.bz2",
	} {
		if got := stem(name); got != want {
			t.Errorf("stem(%q) = %q, want %q", name, got, want)
		}
	}
}
