package drops

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"v6probe/internal/icmp6"
)

// places names namespaces and devices. Namespaces does.
type places interface {
	Name(inode uint32) string
	Device(inode, index uint32, fallback string) string
}

// names turns numbers of the running kernel into its words.
type names struct {
	symbols *Symbols // nil where they may not be read
	reasons map[uint32]string
	where   places
	boot    time.Time // when the clock of the kernel's time stamps was zero
}

// function returns the name of the function that an address after a call is in, "" where it is unknown.
func (n *names) function(after uint64) string {
	if n.symbols == nil || after == 0 {
		return ""
	}
	return n.symbols.Name(after - 1) // the call may be the last of its function
}

// reason returns the kernel's word for a reason, "" where it gives none.
func (n *names) reason(number uint32) string {
	if name, ok := n.reasons[number]; ok {
		return name
	}
	switch subsystem := number >> 16; {
	case number == 0:
		return ""
	case subsystem != 0:
		return fmt.Sprintf("subsystem %d reason %d", subsystem, number&0xffff)
	}
	return fmt.Sprintf("reason %d", number)
}

// UnknownNamespace is the Place.NetNS of packets that had lost their device, and so their namespace.
const UnknownNamespace = "(unknown)"

// drop names a record and judges it.
func (n *names) drop(r *Record) Drop {
	d := Drop{
		Place: Place{
			Type: icmp6.Type(r.Type), Code: r.Code,
			Reason:    n.reason(r.Reason),
			Location:  n.function(r.Location),
			Interface: n.where.Device(r.NetNS, r.Interface, r.Name),
			NetNS:     n.where.Name(r.NetNS),
			VLAN:      r.VLAN, VNI: r.VNI, Flags: r.Flags,
		},
		Packets: r.Packets, Bytes: r.Bytes,
		First: n.boot.Add(time.Duration(r.First)), Last: n.boot.Add(time.Duration(r.Last)),
		Source: r.Source, Destination: r.Destination,
	}
	if r.Interface == 0 {
		d.Interface = ""
	}
	if r.NetNS == 0 {
		d.NetNS = UnknownNamespace // and a device by which it came could be anybody's
	} else if r.Arrived != 0 && r.Arrived != r.Interface {
		d.Arrived = n.where.Device(r.NetNS, r.Arrived, "")
	}
	if d.Location != checksumVerified {
		d.Flags &^= BadChecksum
	}
	for _, after := range r.Callers {
		if after == 0 {
			break
		}
		name := n.function(after)
		if name == "" {
			name = fmt.Sprintf("%#x", after)
		}
		d.Callers = append(d.Callers, name)
	}
	Judge(&d)
	return d
}

// checksumVerified is the function behind which a checksum that was not found right was found wrong.
const checksumVerified = "icmpv6_rcv"

// fold names the records and puts together those that are one place in an operator's eyes.
func (n *names) fold(records []Record) []Drop {
	at := make(map[Place]int, len(records))
	var list []Drop
	for i := range records {
		if records[i].Packets == 0 {
			continue // another CPU is about to count its first
		}
		d := n.drop(&records[i])
		if j, ok := at[d.Place]; ok {
			list[j].merge(&d)
			continue
		}
		at[d.Place] = len(list)
		list = append(list, d)
	}
	return judged(list)
}

// judged judges list once more, as some verdicts go by the mean size, which adding up has changed, and sorts it.
func judged(list []Drop) []Drop {
	for i := range list {
		Judge(&list[i])
	}
	slices.SortStableFunc(list, func(a, b Drop) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.Packets, a.Packets),
			a.First.Compare(b.First))
	})
	return list
}

// merge adds e, which is at the same place, to d.
func (d *Drop) merge(e *Drop) {
	d.Packets += e.Packets
	d.Bytes += e.Bytes
	if e.First.Before(d.First) {
		d.First, d.Source, d.Destination = e.First, e.Source, e.Destination
	}
	if e.Last.After(d.Last) {
		d.Last = e.Last
	}
	if len(d.Callers) == 0 {
		d.Callers = e.Callers
	}
}

// Infer gives packets without a stack to the place that they must have been at, where all packets like them that have one
// were at that place alone. The rest stays apart. It is for the end: what is seen later may show another place.
func Infer(list []Drop) []Drop {
	list = slices.Clone(list)
	alike := func(p Place) Place { p.Hook, p.Flags = "", p.Flags&^StackNotTaken; return p }
	known := make(map[Place][]int)
	for i := range list {
		if !list[i].Flags.Has(StackNotTaken) {
			p := alike(list[i].Place)
			known[p] = append(known[p], i)
		}
	}
	inferred := make([]bool, len(list))
	for i := range list {
		at := known[alike(list[i].Place)]
		if list[i].Flags.Has(StackNotTaken) && len(at) == 1 {
			list[at[0]].merge(&list[i])
			inferred[i] = true
		}
	}
	if !slices.Contains(inferred, true) {
		return list
	}
	kept := list[:0]
	for i := range list {
		if !inferred[i] {
			kept = append(kept, list[i])
		}
	}
	return judged(kept)
}
