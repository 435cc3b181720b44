package ra

import (
	"hash/maphash"

	"v6probe/internal/icmp6"
)

// said is what a message says, as far as it is worked out once and used again when its router repeats it. All of it follows
// from the bytes after the checksum, of which message is the hash; but for kept and order, which say where in
// Router.Options and Router.prefixes the message's options are. These do not move before the router says something else.
type said struct {
	message uint64
	version uint32 // counts the times that the message was another than the one before
	known   bool   // message is the last one, and kept and order are all there is to know of its options

	kept  uint64  // a bit for each of Router.Options that is in the message
	order []uint8 // the places in Router.prefixes of the message's prefixes

	interval uint32 // of an Advertisement Interval option, in milliseconds
	limited  bool   // there is one
	servers  serversSaid
	content  uint64        // what the message says, lifetimes apart
	values   [pasts]uint64 // of the fields that stand in it
	fields   uint16        // a bit for each of these
}

// serversSaid is what the RDNSS options of a message say of their lifetimes.
type serversSaid struct {
	some      bool
	lifetime  uint32 // seconds, the shortest; infinity when there are none
	withdrawn bool   // some have lifetime 0
}

// read works out what m says, apart from kept and order.
func (c *Checker) read(s *said, m *icmp6.Message) {
	s.interval, s.limited = advertisedInterval(m.Options)
	s.servers = serversOf(m.Options)
	s.content = c.content(m)
	s.fields = 0
	number := func(f field, v uint32) {
		if v != 0 { // else unspecified
			s.set(f, uint64(v))
		}
	}
	number(hopLimit, uint32(m.RA.CurHopLimit))
	number(reachableTime, m.RA.ReachableTime)
	number(retransTimer, m.RA.RetransTimer)
	s.set(managed, bit(m.RA.Managed))
	s.set(other, bit(m.RA.Other))
	if v, ok := linkMTU(m.Options); ok {
		s.set(mtu, uint64(v))
	}
	for f := portal; f <= pref64; f++ {
		if v, ok := c.hashOf(m.Options, f.option()); ok {
			s.set(f, v)
		}
	}
}

func (s *said) set(f field, v uint64) {
	s.values[f] = v
	s.fields |= 1 << f
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// hashOf returns a hash of what the options of type typ say, apart from their lifetimes.
func (c *Checker) hashOf(options []icmp6.Option, typ icmp6.OptionType) (sum uint64, ok bool) {
	for i := range options {
		o := &options[i]
		if o.Type != typ || !sound(o) || len(o.Raw) < 8 {
			continue
		}
		from := 2
		switch typ {
		case icmp6.OptRDNSS, icmp6.OptDNSSL:
			from = 8
		case icmp6.OptPREF64:
			from, sum = 4, sum+uint64(o.Raw[3]&7) // the prefix length code shares its byte with the lifetime
		}
		sum, ok = sum+maphash.Bytes(c.seed, o.Raw[from:]), true
	}
	return sum, ok
}

// content returns a hash of what an RA says, lifetimes apart: they may count down from one RA to the next.
func (c *Checker) content(m *icmp6.Message) uint64 {
	b := append(c.scratch[:0], m.Raw[4:16]...)
	for i := range m.Options {
		o := &m.Options[i]
		from, to := 0, 0
		switch o.Type {
		case icmp6.OptPrefixInformation:
			from, to = 4, 12
		case icmp6.OptRouteInformation, icmp6.OptRDNSS, icmp6.OptDNSSL, icmp6.OptEncryptedDNS:
			from, to = 4, 8
		case icmp6.OptPREF64:
			from, to = 2, 4
		}
		if len(o.Raw) < to {
			from, to = 0, 0
		}
		b = append(append(b, o.Raw[:from]...), o.Raw[to:]...)
	}
	c.scratch = b
	return maphash.Bytes(c.seed, b)
}

// linkMTU returns the MTU that hosts take over (RFC 4861 §6.3.4).
func linkMTU(options []icmp6.Option) (uint32, bool) {
	for i := range options {
		o := &options[i]
		if o.Type != icmp6.OptMTU {
			continue
		}
		if m, ok := o.MTU(); ok && sound(o) && o.Length == 1 && m.MTU >= 1280 {
			return m.MTU, true
		}
	}
	return 0, false
}

// advertisedInterval returns what an Advertisement Interval option says, in milliseconds.
func advertisedInterval(options []icmp6.Option) (ms uint32, ok bool) {
	for i := range options {
		o := &options[i]
		if o.Type != icmp6.OptAdvertisementInterval {
			continue
		}
		if ms, ok := o.AdvertisementInterval(); ok && sound(o) && o.Length == 1 {
			return ms, true
		}
	}
	return 0, false
}

// serversOf returns what the RDNSS options say.
func serversOf(options []icmp6.Option) serversSaid {
	s := serversSaid{lifetime: infinity}
	for i := range options {
		o := &options[i]
		if o.Type != icmp6.OptRDNSS {
			continue
		}
		if d, ok := o.RDNSS(); ok && sound(o) && d.Len() > 0 {
			if d.Lifetime == 0 {
				s.withdrawn = true
				continue
			}
			s.some, s.lifetime = true, min(s.lifetime, d.Lifetime)
		}
	}
	return s
}
