package nd

import (
	"net/netip"
	"time"

	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
)

const (
	maxAnswers  = 4096 // half of how many addresses are kept that somebody answers for
	maxStations = 1024 // half of how many stations are

	// An answer without Override is not its owner's when the address was used by another station within ownerWindow; one
	// with Override, when it was used since an answer of the same station within useWindow.
	ownerWindow = 10 * time.Minute
	useWindow   = 10 * time.Second
	// answerSpread is how far apart the answers of two stations to one solicitation may be.
	answerSpread = time.Second
	// turnWindow is how soon two stations must take turns in answering for both of them to be there.
	turnWindow = time.Minute

	// What a station must answer for until it is a proxy: addresses that others use, tests of others for theirs, and
	// addresses that it does not answer from itself.
	proxyOwned, proxyTests, proxyForeign = 4, 2, 16
)

// stations are the machines of every link, by the Ethernet address that they answer with: who answers for whom.
type stations struct {
	all     *table[stationKey, station]
	answers table[addrKey, answers]
}

type stationKey struct {
	link uint32
	mac  packet.MAC
}

func (k stationKey) hash(s *seed) uint64 { return s.mix(uint64(k.link), number(k.mac)) }

// station counts the addresses that it answers for.
type station struct {
	targets int
	owned   int // that another station used at that time
	foreign int // advertised from another address, by a station that does not use them
	meek    int // of those, without Override, as a proxy has it and an owner need not
	// The tests of other stations that it answered: two of different stations and addresses are enough.
	tested  int
	testers [proxyTests]packet.MAC
	tests   [proxyTests]netip.Addr

	proxy, toldTests bool
	doubted          bool // told that it may be one, or one on purpose
}

// answers are who answers for an address.
type answers struct {
	claims [3]claim // of different stations

	// The last station whose answer was solicited and had Override, when that was, and how often it was another than the
	// one before, without having announced itself.
	speaker claim
	turns   int

	dispute *dispute // nil when no two were known to have the address
}

// dispute is an address that two stations have.
type dispute struct {
	duplicate Duplicate     // the last proof
	proved    ndcheck.Stamp // when that was, zero for never
	told      ndcheck.Stamp
	doubted   bool // told that whether they are on one link cannot be known
}

// claim is a station's answer for an address.
type claim struct {
	mac    packet.MAC // that it answers with, zero for no claim
	source packet.MAC // of the frame
	asker  ip         // of the last answer
	last   ndcheck.Stamp
	full   bool // the last answer was solicited and had Override: an owner's
	// How the claim is counted in its station.
	owned, foreign, meek bool
}

func newStations() stations {
	all := newTable[stationKey, station](maxStations)
	s := stations{all: &all, answers: newTable[addrKey, answers](maxAnswers)}
	s.answers.dropped = func(k addrKey, a *answers) {
		for i := range a.claims {
			a.claims[i].uncount(all.peek(stationKey{k.link, a.claims[i].mac}))
		}
	}
	return s
}

// uncount takes a claim that is forgotten from what its station answers for. s may be nil.
func (m *claim) uncount(s *station) {
	if s == nil || m.mac == (packet.MAC{}) {
		return
	}
	s.targets = max(0, s.targets-1)
	if m.owned {
		s.owned = max(0, s.owned-1)
	}
	if m.foreign {
		s.foreign = max(0, s.foreign-1)
	}
	if m.meek {
		s.meek = max(0, s.meek-1)
	}
}

// answered takes in that p, an NA that receivers accept, came from its station.
func (c *Checker) answered(l *link, p *packet.Packet) {
	target, now := p.Message.Target, c.clock.Stamp
	mac := c.this.mac
	if !c.this.hasMAC {
		mac = p.EthernetSource
	}
	if mac == (packet.MAC{}) || !target.IsValid() || c.this.misfit != nil {
		return
	}
	asker := c.this.destination
	key, who := l.key(c.this.target), stationKey{l.id, mac}
	a, isNew := c.stations.answers.add(key)
	m := a.by(mac)
	if m != nil && within(m.last, now, copyGap) && m.asker == asker {
		return
	}
	if !isNew {
		c.stations.answers.touch(key)
	}
	s, isNew := c.stations.all.add(who)
	if !isNew {
		c.stations.all.touch(who)
	}
	if m == nil {
		m = a.oldest()
		m.uncount(c.stations.all.peek(stationKey{l.id, m.mac}))
		*m = claim{mac: mac}
		s.targets++
	}
	n := c.neighborAt(l, key.addr)
	c.countClaim(l, p, asker, a, m, s, n)
	c.judgeProxy(l, p, s, mac, n)
	m.source, m.asker, m.last = p.EthernetSource, asker, now
	m.full = p.Message.NA.Solicited && p.Message.NA.Override
	if p.Message.NA.Override {
		c.judgeDuplicate(l, p, a, m, n)
	}
}

// by returns the claim of the station with address mac, or nil.
func (a *answers) by(mac packet.MAC) *claim {
	for i := range a.claims {
		if a.claims[i].mac == mac {
			return &a.claims[i]
		}
	}
	return nil
}

// oldest returns a place for another claim.
func (a *answers) oldest() *claim {
	m := &a.claims[0]
	for i := range a.claims {
		if a.claims[i].mac == (packet.MAC{}) {
			return &a.claims[i]
		}
		if a.claims[i].last < m.last {
			m = &a.claims[i]
		}
	}
	return m
}

// apart reports whether m and o are of different stations. The members of a cluster share one link-layer address, and a
// bond may send from several.
func (m *claim) apart(o *claim) bool {
	return m.mac != o.mac && (m.source != o.source || m.source == packet.MAC{})
}
