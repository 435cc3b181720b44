package nd

import (
	"fmt"
	"time"

	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
)

const (
	// So many solicitations in one second are a flood whatever they are for, of one station and of a whole link. A
	// thousand machines that start at once may well test their addresses at a rate below floodTests.
	floodStation = 1000
	floodTests   = 2000
	floodLink    = 10000

	maxAskers = 256 // told apart
	// scanShare is of how many solicitations in a flood on an asker is a part of it. Others on the link go on asking for
	// what they need.
	scanShare = 32
)

// second is what was asked within one second.
type second struct {
	start        int64 // Unix time, ns
	total, tests int   // tests are of duplicate address detection
	answered     int   // targets that nobody had been known to have before
	stations     heavy[station6]
	busiest      heavy[ip]
	askers       askers // of a second in which much is asked
}

// askers are the different source addresses of solicitations, at most maxAskers.
type askers map[ip]struct{}

func (a askers) add(asker ip) {
	if len(a) < maxAskers {
		a[asker] = struct{}{}
	}
}

// String returns "256 or more source addresses" when there is no room for others.
func (a askers) String() string {
	switch n := len(a); {
	case n == 1:
		return "1 source address"
	case n < maxAskers:
		return fmt.Sprintf("%d source addresses", n)
	}
	return fmt.Sprintf("%d or more source addresses", maxAskers)
}

// station6 is a station by its Ethernet address, or by its IPv6 address where the capture does not have the other.
type station6 struct {
	mac  packet.MAC
	addr ip
}

// scanFlood is a scan or another flood of solicitations.
type scanFlood struct {
	until       ndcheck.Stamp // it goes on till then, unless more comes
	all         bool          // every solicitation is a part of it
	station     station6      // whose solicitations are a part of it, if any is named
	total       uint64
	first, last int64
	second      int64
	inSecond    int
	peak        int
	askers      askers
	busiest     heavy[ip]
	stations    heavy[station6]
}

// heavy finds the keys that come most often: each that makes up more than a ninth is there, with a count that is too low
// by at most a ninth of all (J. Misra, D. Gries, 1982).
type heavy[K comparable] [8]struct {
	key   K
	count uint32
}

// add counts k and returns its count.
func (h *heavy[K]) add(k K) uint32 {
	free := -1
	for i := range h {
		if h[i].count == 0 {
			if free < 0 {
				free = i
			}
		} else if h[i].key == k {
			h[i].count++
			return h[i].count
		}
	}
	if free >= 0 {
		h[free].key, h[free].count = k, 1
		return 1
	}
	for i := range h {
		h[i].count--
	}
	return 0
}

// count returns the count of k.
func (h *heavy[K]) count(k K) uint32 {
	for i := range h {
		if h[i].count > 0 && h[i].key == k {
			return h[i].count
		}
	}
	return 0
}

// most returns the key that came most often.
func (h *heavy[K]) most() (K, uint32) {
	at := 0
	for i := range h {
		if h[i].count > h[at].count {
			at = i
		}
	}
	return h[at].key, h[at].count
}

func station6Of(mac packet.MAC, source ip) station6 {
	if mac == (packet.MAC{}) {
		return station6{addr: source}
	}
	return station6{mac: mac}
}

// nameScan tells that too many targets of l that nobody has were asked for. Of the station who all count.
func (c *Checker) nameScan(l *link, who packet.MAC) {
	f := c.newFlood(l, make(askers))
	c.addSought(l, f, who)
	detail := fmt.Sprintf("%d addresses that nobody is known to have were asked for within %s, %s", f.total,
		seconds(time.Duration(f.last-f.first)), c.whoScans(l, f))
	if who != (packet.MAC{}) && l.advertisements == 0 {
		detail += "; no advertisement at all was seen here, so whether they are answered elsewhere cannot be known"
	}
	c.add(l, "ns.flood", detail)
}

func (c *Checker) newFlood(l *link, a askers) *scanFlood {
	l.flood = &scanFlood{askers: a}
	return l.flood
}

// goesOn takes in that f still goes on, or does so again.
func (f *scanFlood) goesOn(now ndcheck.Stamp) {
	if now > f.until {
		f.all, f.station = false, station6{}
	}
	f.until = now.Add(scanTime)
}

// addSought counts into f the solicitations for targets of l that nobody has, and of the station who, if any, for all that
// nobody is known to have.
func (c *Checker) addSought(l *link, f *scanFlood, who packet.MAC) {
	s := &c.scans
	for i := range int(s.recent.length) {
		k, a := s.recent.at(i)
		if k.link != l.id || !a.proven && (a.mac != who || who == packet.MAC{}) {
			continue
		}
		if a.unknown || i >= s.judged && !a.heard && !c.exists(l, k.addr) {
			f.add(a.at, a.asker, station6Of(a.mac, a.asker))
		}
	}
}

// add counts a solicitation.
func (f *scanFlood) add(at int64, asker ip, who station6) {
	if f.total == 0 {
		f.first, f.second = at, at
	}
	f.total++
	f.last = max(f.last, at)
	if at-f.second >= int64(time.Second) {
		f.second, f.inSecond = at, 0
	}
	f.inSecond++
	f.peak = max(f.peak, f.inSecond)
	f.busiest.add(asker)
	f.stations.add(who)
	f.askers.add(asker)
}

// rate counts a solicitation in its second and judges whether there are too many, whatever they are for. swept says that
// it checks a neighbor that the asker knows, and not the same as the one before.
func (c *Checker) rate(l *link, asker ip, who station6, at int64, test, swept bool) {
	s := &l.second
	if age := time.Duration(at - s.start); age >= time.Second || age < -ndcheck.MaxReorder {
		clear(s.askers)
		*s = second{start: at, askers: s.askers}
	}
	s.total++
	if test {
		s.tests++
	}
	s.busiest.add(asker)
	if s.total > scanTargets && l.flood == nil {
		if s.askers == nil {
			s.askers = make(askers)
		}
		s.askers.add(asker)
	}
	var sent uint32
	if !swept {
		sent = s.stations.add(who)
	}
	// A router that has forgotten its neighbors asks for all of them, and they answer.
	busy, all := int(sent)-s.answered >= floodStation, s.total >= floodLink || s.tests >= floodTests
	if !busy && !all {
		return
	}
	f, isNew := l.flood, l.flood == nil
	if isNew {
		f = c.newFlood(l, s.askers)
		s.askers = nil
		f.total, f.first, f.last, f.second = uint64(s.total), s.start, at, s.start
		f.inSecond, f.peak, f.busiest, f.stations = s.total, s.total, s.busiest, s.stations
	}
	f.goesOn(c.clock.Stamp)
	f.all = f.all || all
	if busy {
		f.station = who
	}
	if isNew {
		c.nameFlood(l, f, time.Duration(at-s.start), s.tests > s.total/2)
	}
}

// nameFlood tells that f, all of it within span, is too much.
func (c *Checker) nameFlood(l *link, f *scanFlood, span time.Duration, tests bool) {
	what, who := "solicitations", ""
	switch {
	case tests:
		what, who = "tests for duplicate addresses", "by "+f.mostly("many stations")
	case l.sought < scanTargets:
		who = fmt.Sprintf("by %s under %s, for few targets or for known ones", f.mostly("many stations"), f.askers)
	default:
		who = c.whoScans(l, f)
	}
	c.add(l, "ns.flood", fmt.Sprintf("%d %s came within %s, %s", f.total, what, seconds(span), who))
}

// mostly returns the station that sent at least three quarters of f, or else.
func (f *scanFlood) mostly(others string) string {
	who, sent := f.stations.most()
	switch {
	case uint64(sent) < f.total*3/4:
		return others
	case who.mac == packet.MAC{}:
		return who.addr.addr().String()
	}
	return who.mac.String()
}

// whoScans says whom the solicitations of f, for targets that nobody has, come from, and what that means.
func (c *Checker) whoScans(l *link, f *scanFlood) string {
	asker, asked := f.busiest.most()
	station := f.mostly("")
	if source := asker.addr(); uint64(asked) >= f.total*3/4 {
		name := source.String()
		if station != "" && station != name {
			name += " (" + station + ")"
		}
		if n := c.known(l, source); n != nil && n.Router {
			return fmt.Sprintf("by router %s: someone beyond it scans the prefix", name)
		}
		return fmt.Sprintf("by %s: it scans the link, or, if it is a router, someone beyond it does", name)
	}
	if station != "" {
		return fmt.Sprintf("by one station (%s) under %s: a flood on the link itself", station, f.askers)
	}
	return fmt.Sprintf("by many stations under %s: a flood on the link itself", f.askers)
}

// scanned reports whether solicitations of asker at the link's present time are part of a scan, so that each of them is
// not worth a word.
func (l *link) scanned(asker ip) bool {
	f := l.flood
	return f != nil && l.last.at <= f.until.UnixNano() && f.busiest.count(asker) >= scanShare
}

func (c *Checker) viewScan(l *link, v *Link) {
	f := l.flood
	if f == nil {
		return
	}
	at := func(ns int64) time.Time { return time.Unix(0, ns).In(c.clock.Now.Location()) }
	v.Scan = &Scan{Solicitations: f.total, Peak: f.peak, Askers: len(f.askers), First: at(f.first), Last: at(f.last)}
	if a, n := f.busiest.most(); uint64(n) > f.total/4 && a != (ip{}) {
		v.Scan.Asker = a.addr()
	}
	if s, n := f.stations.most(); uint64(n) > f.total/2 {
		v.Scan.MAC = s.mac
	}
}
