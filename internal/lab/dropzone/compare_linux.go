package dropzone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// place is what tells the records of drops apart.
func (r *Record) place() string {
	return fmt.Sprint(r.Type, r.Code, r.Reason, r.Location, r.Hook, r.Iface, r.Arrived, r.NetNS, r.VLAN, r.VNI, r.Flags)
}

func (r *Record) String() string {
	s := fmt.Sprintf("%d packets of type %d code %d, %s", r.Total, r.Type, r.Code, cmp.Or(r.Class, "no class"))
	for _, f := range [][2]string{{"reason", r.Reason}, {"at", strings.Join(r.stack(), " < ")}, {"hook", r.Hook},
		{"iface", r.Iface}, {"arrived", r.Arrived}, {"netns", r.NetNS}, {"flags", strings.Join(r.Flags, " ")}} {
		if f[1] != "" {
			s += ", " + f[0] + " " + f[1]
		}
	}
	if r.VNI != 0 {
		s += fmt.Sprintf(", VNI %d", r.VNI)
	}
	return s
}

func (r *Record) stack() []string { return append([]string{r.Location}, r.Callers...) }

// latest returns the last record of each place in the network, without the mark.
func (c *Case) latest(n *network, all []Record) []Record {
	var list []Record
	index := map[string]int{}
	for _, r := range all {
		if r.Kind != "drop" || r.Type == markType || !c.ours(n, &r) {
			continue
		}
		i, ok := index[r.place()]
		if !ok {
			index[r.place()] = len(list)
			list = append(list, r)
			continue
		}
		list[i] = r
	}
	return list
}

// ours reports whether a drop was in the network.
func (c *Case) ours(n *network, r *Record) bool {
	if c.Inside != "" {
		return true
	}
	for part := range n.shown {
		if n.in(part, r) {
			return true
		}
	}
	return false
}

// in reports whether a drop was in a part of the network. v6probe says of a namespace without a name who is in it.
func (n *network) in(part string, r *Record) bool {
	shown := n.shown[part]
	return shown != "" && (r.NetNS == shown || strings.HasPrefix(r.NetNS, shown+" "))
}

func marked(all []Record) bool {
	return slices.ContainsFunc(all, func(r Record) bool { return r.Kind == "drop" && r.Type == markType })
}

// is reports whether a record is of the loss, in so far as they can be told apart from other losses.
func (l *Loss) is(c *Case, n *network, r *Record) bool {
	if l.Type != r.Type || l.Code != r.Code || l.Interface != r.Iface {
		return false
	}
	return c.Inside == l.NetNS && r.NetNS == "" || n.in(l.NetNS, r)
}

func (l *Loss) records(c *Case, n *network, list []Record) (mine []Record, total uint64) {
	for _, r := range list {
		if l.is(c, n, &r) {
			mine = append(mine, r)
			total += r.Total
		}
	}
	return mine, total
}

// reached reports whether all losses have been counted.
func (c *Case) reached(n *network, v Version, all []Record) bool {
	list := c.latest(n, all)
	for _, l := range c.Losses {
		if _, total := l.records(c, n, list); l.on(v) && total < l.Packets {
			return false
		}
	}
	return true
}

// compare returns the records of the network and how they differ from the truth.
func (c *Case) compare(n *network, v Version, all []Record) (list []Record, differences []string) {
	list = c.latest(n, all)
	differ := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	claimed := map[string]bool{}
	types := map[uint8]bool{}
	for _, l := range c.Losses {
		types[l.Type] = true
		if !l.on(v) {
			continue
		}
		mine, total := l.records(c, n, list)
		if total != l.Packets {
			differ("counted %d packets of type %d code %d on %q in %q, not %d", total, l.Type, l.Code, l.Interface,
				n.shown[l.NetNS], l.Packets)
		}
		for _, r := range mine {
			claimed[r.place()] = true
			for _, d := range l.differences(v, &r) {
				differ("%s: %v", d, &r)
			}
		}
	}
	for _, r := range list {
		if !claimed[r.place()] && (types[r.Type] || r.Class == "hurts") {
			differ("not expected: %v", &r)
		}
	}
	for _, r := range list {
		if r.Class == "hurts" && !slices.ContainsFunc(all, func(f Record) bool { return f.Kind == "finding" && f.Rule == r.Rule }) {
			differ("no finding with the rule %q of: %v", r.Rule, &r)
		}
	}
	differences = append(differences, c.summary(all)...)
	for _, r := range all {
		// These are of the whole machine: they explain what is missing, and are nothing wrong by themselves.
		if r.Kind == "summary" && len(differences) > 0 && r.Unread+r.MapFull+r.Missed > 0 {
			differ("on the whole machine %d unread, %d for a full map, %d missed", r.Unread, r.MapFull, r.Missed)
		}
	}
	return list, differences
}

// differences says what of a record is not as the loss has it.
func (l *Loss) differences(v Version, r *Record) (all []string) {
	differ := func(what, got, want string) {
		if got != want {
			all = append(all, fmt.Sprintf("%s %q, want %q", what, got, want))
		}
	}
	differ("reason", r.Reason, l.Reason.On(v))
	differ("class", r.Class, l.Class)
	differ("arrived", r.Arrived, l.Arrived)
	differ("VNI", fmt.Sprint(r.VNI), fmt.Sprint(l.VNI))
	if l.Rule != "" {
		differ("rule", r.Rule, l.Rule)
	}
	if !strings.Contains(r.Hook, l.Hook) {
		differ("hook", r.Hook, l.Hook)
	}
	if where := l.Where.On(v); !passes(r.stack(), strings.Split(where, " < ")) {
		differ("at", strings.Join(r.stack(), " < "), where)
	}
	for _, f := range l.Flags {
		if !slices.Contains(r.Flags, f) {
			all = append(all, "flag "+f+" is missing")
		}
	}
	for _, f := range l.Absent {
		if slices.Contains(r.Flags, f) {
			all = append(all, "flag "+f+" is wrong")
		}
	}
	return all
}

// passes reports whether a stack begins with the first of some functions and has the others in this order. For one
// function there can be several names: which of them are made part of others is a matter of the compiler.
func passes(stack, through []string) bool {
	is := func(names string) func(string) bool {
		return func(f string) bool { return slices.Contains(strings.Split(names, "|"), f) }
	}
	if !is(through[0])(stack[0]) {
		return false
	}
	stack = stack[1:]
	for _, f := range through[1:] {
		i := slices.IndexFunc(stack, is(f))
		if i < 0 {
			return false
		}
		stack = stack[i+1:]
	}
	return true
}

// summary says what of the summary is not as it should be.
func (c *Case) summary(all []Record) (differences []string) {
	i := slices.IndexFunc(all, func(r Record) bool { return r.Kind == "summary" })
	if i < 0 {
		return []string{"no summary"}
	}
	s := all[i]
	said := func(s statement) bool { return strings.Contains(s.Text, c.NotDrop) }
	if c.NotDrop != "" && !slices.ContainsFunc(s.NotDrops, said) {
		differences = append(differences, fmt.Sprintf("not said: %q; but %v", c.NotDrop, s.NotDrops))
	}
	if !marked(all) {
		differences = append(differences, "the packet sent after all was not counted")
	}
	return differences
}
