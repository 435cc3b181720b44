package nd

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// bothProbe takes in that p tests the address that the station first has tested age before.
func (c *Checker) bothProbe(l *link, p *packet.Packet, age time.Duration, first packet.MAC) {
	d := Duplicate{Address: p.Message.Target, Prober: first, Defender: p.EthernetSource, Probed: true, Both: true,
		At: p.Frame.Time, Frame: p.Frame.Number}
	if s := &c.probes; age >= c.repeatTime(l) && len(s.late) < maxLate {
		s.late = append(s.late, lateTest{l, age, d})
		return
	}
	c.bothTest(l, d)
}

// bothTest tells of d, in which two stations test one address.
func (c *Checker) bothTest(l *link, d Duplicate) {
	c.conflict(l, d, func() string {
		if d.Prober == d.Defender {
			return fmt.Sprintf("two stations with the Ethernet address %v test %v at the same time, one on either side of the interface: "+
				"neither may use it, and what goes to that Ethernet address reaches one of them", d.Prober, d.Address)
		}
		return fmt.Sprintf("%v and %v test %v at the same time: whichever hears the other may not use it%s", d.Prober, d.Defender,
			d.Address, ownAddress(d.Address, d.Prober, d.Defender))
	})
}

// judgeLate tells of late tests that the first station did not answer. end says that nothing more will come: then what
// came while the first one still tested needs no waiting for.
func (c *Checker) judgeLate(end bool) {
	s := &c.probes
	if len(s.late) == 0 {
		return
	}
	s.late = slices.DeleteFunc(s.late, func(t lateTest) bool {
		wait := defaultRetransTimer
		switch {
		case end && t.age <= defaultRetransTimer:
			wait = 0
		case end:
			wait = soonestAnswer
		}
		if c.clock.Now.Sub(t.At) < wait {
			return false
		}
		answer := s.conflicts.peek(conflict{keyOf(t.link, t.Address), t.Defender, t.Prober})
		if answer == nil || answer.At.Before(t.At) {
			c.bothTest(t.link, t.Duplicate)
		}
		return true
	})
}

// defend takes in an NA that receivers accept.
func (c *Checker) defend(l *link, p *packet.Packet) {
	c.listenerAlive(l, p)
	a := p.Message.Target
	if !a.IsValid() {
		return
	}
	c.heardOf(l, c.this.target)
	s := &c.probes
	if s.recent.length == 0 {
		return
	}
	s.begin(c.clock.Era)
	at := c.clock.Packet.UnixNano()
	var room [4]*probe
	for _, o := range s.recent.find(l.key(c.this.target), room[:]) {
		// What came before the test may be the station's own past, or another's that has left since.
		if age := time.Duration(at - o.at); age >= 0 && age <= c.detectionTime(l) {
			if o.flags&probeUsed == 0 || !l.turned(p, o.flags, way(p)) {
				c.defended(l, p, *o, age)
			}
			if o.mac == p.EthernetSource && o.flags&way(p) != 0 {
				o.flags |= probeUsed
			}
		}
	}
}

// defended judges p, an advertisement of the address that o tests, age after it.
func (c *Checker) defended(l *link, p *packet.Packet, o probe, age time.Duration) {
	to, a := p.Destination, p.Message.Target
	defender := p.EthernetSource
	claimed := c.this.mac
	if defender == (packet.MAC{}) {
		defender = claimed
	}
	override := p.Message.NA.Override
	switch {
	case o.mac == packet.MAC{} || defender == packet.MAC{}:
		// A station does not say so of an address that it still tests (RFC 4862 §5.4, RFC 4429 §3.3). Later it may.
		if !override || !to.IsMulticast() || age >= c.repeatTime(l) {
			return
		}
	case o.mac == defender && age < c.repeatTime(l) && l.turned(p, o.flags, way(p)):
		// Nobody advertises an address that it tests still, least of all from the other side.
		c.clone(l, p, o, age)
		return
	case o.mac == defender || o.mac == claimed:
		return
	case !to.IsMulticast() && !override:
		return // for one that asks a proxy (RFC 4861 §7.2.8); the station that tests does not hear it
	}
	d := Duplicate{Address: a, Prober: o.mac, Defender: defender, Probed: true, At: p.Frame.Time, Frame: p.Frame.Number}
	c.conflict(l, d, func() string {
		from := macText(defender)
		if claimed != defender && claimed != (packet.MAC{}) {
			from += fmt.Sprintf(" (in the name of %v)", claimed)
		}
		if p.Source != a {
			from += fmt.Sprintf(", %v,", p.Source)
		}
		return fmt.Sprintf("%s tests %v, and %s advertised it %s later, so %s may not use it%s", macText(o.mac), a, from, seconds(age),
			macText(o.mac), ownAddress(a, o.mac, defender))
	})
}

// clone tells of another station with the Ethernet address of o's, which advertised the address that o tests, age after it.
func (c *Checker) clone(l *link, p *packet.Packet, o probe, age time.Duration) {
	d := Duplicate{Address: p.Message.Target, Prober: o.mac, Defender: o.mac, Probed: true, At: p.Frame.Time, Frame: p.Frame.Number}
	c.conflict(l, d, func() string {
		return fmt.Sprintf("%v tests %v, and another station with the same Ethernet address advertised it %s later from the other side of "+
			"the interface, so %v may not use it, and what goes to that Ethernet address reaches one of them", o.mac, d.Address, seconds(age), o.mac)
	})
}

// conflict tells of d, once an attempt of the station that tests. detail is asked for only then.
func (c *Checker) conflict(l *link, d Duplicate, detail func() string) {
	k := conflict{keyOf(l, d.Address), d.Prober, d.Defender}
	known, isNew := c.probes.conflicts.add(k)
	age := d.At.Sub(known.At)
	if !isNew {
		c.probes.conflicts.touch(k)
		if age.Abs() < c.repeatTime(l) {
			return
		}
	}
	*known = d
	text := detail()
	doubt := l.several(d.Address)
	if doubt {
		text += oneLinkDoubt
	}
	f := c.add(l, "dad.conflict", text)
	f.Source, f.Frame, f.Time = d.Address, d.Frame, d.At // one finding an address, however many want it
	if doubt {
		f.Severity = rule.Info
	}
}

// oneLinkDoubt is said of stations where several reports true.
const oneLinkDoubt = "; whether they are on one link cannot be known, as the capture does not tell its interfaces apart"

// ownAddress says whose EUI-64 address a is (RFC 4291 Appendix A), if it is that of one of the two stations: then the
// other one has an address that is not its own.
func ownAddress(a netip.Addr, one, other packet.MAC) string {
	for _, m := range [2]packet.MAC{one, other} {
		b := a.As16()
		if m != (packet.MAC{}) && [8]byte(b[8:]) == [8]byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]} {
			return fmt.Sprintf("; it is made of the Ethernet address of %v", m)
		}
	}
	return ""
}

// macText returns m, or a phrase for a station whose Ethernet address is not in the capture.
func macText(m packet.MAC) string {
	if m == (packet.MAC{}) {
		return "a station"
	}
	return m.String()
}
