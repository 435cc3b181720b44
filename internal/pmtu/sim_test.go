package pmtu

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"time"
)

// simNode is a router of a simulated path, or the host (node 0) or the target (the last).
type simNode struct {
	quiet    bool          // sends no Time Exceeded
	silent   bool          // sends no Packet Too Big for the link behind it
	tunnel   bool          // the link behind it is a tunnel whose endpoint answers in the target's name
	says     int           // the MTU in its Packet Too Big; 0 for the link's
	shouts   int           // it says Packet Too Big of packets above this size, though it passes them on; 0 for no
	interval time.Duration // least time between two of its Packet Too Big
	lastSaid time.Time
	exceeded simBurst
}

// simBurst is a token bucket as Linux has for its ICMPv6 errors: six at once, then one each gap.
type simBurst struct {
	gap  time.Duration
	used float64
	last time.Time
}

func (b *simBurst) take(now time.Time) bool {
	if b.gap == 0 {
		return true
	}
	b.used = max(b.used-float64(now.Sub(b.last))/float64(b.gap), 0)
	b.last = now
	if b.used > 5 {
		return false
	}
	b.used++
	return true
}

// simPath is a path in virtual time. It is a Transport.
type simPath struct {
	rand    *rand.Rand
	local   int
	nodes   []simNode // the host, the routers, the target
	there   []int     // there[i] is the MTU from node i to node i+1
	back    []int     // back[i] is the MTU from node i+1 to node i
	backPTB []bool    // whether node i+1 tells the target of it
	delay   []time.Duration
	jitter  time.Duration
	loss    float64 // each way
	answers [4]bool // kinds that the target answers
	errors  simBurst
	echoes  simBurst    // what limits the echoes that the target gets; without a gap nothing does
	loop    bool        // the last router sends everything back to the one before it
	refuses bool        // the last router has no route to the target
	rejects int         // the last router answers larger packets with Destination Unreachable
	holds   int         // a filter of the host holds larger packets
	echo    int         // the MTU of another link between the first two routers, which echoes go by
	flows   map[int]int // the MTU of the last link for some flows, whose packets above it vanish
	forger  bool        // sends a forged Packet Too Big for each probe
	filter  bool        // the host drops each Packet Too Big that comes in

	now     time.Time
	pending simHeap
	learnt  int // MTU that the target believes in, for the way back
	learn   time.Time
	sent    int
}

type simHeap []Reply

func (h simHeap) Len() int           { return len(h) }
func (h simHeap) Less(i, j int) bool { return h[i].Time.Before(h[j].Time) }
func (h simHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *simHeap) Push(x any)        { *h = append(*h, x.(Reply)) }
func (h *simHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

var simTarget = netip.MustParseAddr("2001:db8:ffff::1")

func simAddress(node int) netip.Addr {
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 0, byte(node), 15: 1})
}

// newSimPath returns a healthy path of so many routers, all its links as wide as the first.
func newSimPath(seed uint64, routers, local int) *simPath {
	s := &simPath{rand: rand.New(rand.NewPCG(seed, 1)), local: local, now: time.Unix(1e9, 0)}
	s.nodes = make([]simNode, routers+2)
	for i := range routers + 1 {
		s.there = append(s.there, local)
		s.back = append(s.back, local)
		s.backPTB = append(s.backPTB, true)
		s.delay = append(s.delay, 2*time.Millisecond)
		s.nodes[i].exceeded.gap = time.Second
	}
	s.answers = [4]bool{true, true, true, true}
	s.errors.gap = 100 * time.Millisecond
	return s
}

func (s *simPath) target() int { return len(s.nodes) - 1 }

// mtu returns the path MTU there, and the one back.
func (s *simPath) mtu() (there, back int) {
	there, back = s.local, math.MaxInt
	for i := range s.there {
		there, back = min(there, s.there[i]), min(back, s.back[i])
	}
	return there, back
}

func (s *simPath) lost(links int) bool {
	n := float64(len(s.there))
	return s.rand.Float64() > math.Pow(1-s.loss, float64(links)/n)
}

func (s *simPath) Now() time.Time { return s.now }

func (s *simPath) Receive(until time.Time) (Reply, bool, error) {
	if len(s.pending) > 0 && !s.pending[0].Time.After(until) {
		r := heap.Pop(&s.pending).(Reply)
		if r.Time.After(s.now) {
			s.now = r.Time
		}
		return r, true, nil
	}
	if until.After(s.now) {
		s.now = until
	}
	return Reply{}, false, nil
}

// reply has a node answer, at a time, unless that is lost on the way.
func (s *simPath) reply(node int, at time.Time, r Reply) {
	if s.lost(node) {
		return
	}
	for _, d := range s.delay[:node] {
		at = at.Add(d)
	}
	r.Time = at.Add(time.Duration(s.rand.Float64() * float64(s.jitter)))
	r.HopLimit = 64 - max(node-1, 0)
	if r.Type == TooBig && s.filter {
		r.Filtered = true
	}
	heap.Push(&s.pending, r)
}

func (s *simPath) Send(p Probe) error {
	s.sent++
	if s.forger {
		heap.Push(&s.pending, Reply{Type: TooBig, Source: simAddress(1), MTU: 1290, Time: s.now})
	}
	if p.Size > s.local {
		panic(fmt.Sprintf("a probe of %d bytes on a link of %d", p.Size, s.local))
	}
	if s.holds > 0 && p.Size > s.holds {
		heap.Push(&s.pending, Reply{ID: p.ID, Type: Held, Time: s.now})
		return nil
	}
	at, hopLimit := s.now, p.HopLimit
	for node := 0; node < s.target(); node++ {
		n := &s.nodes[node]
		if node > 0 {
			if hopLimit <= 1 {
				if !n.quiet && n.exceeded.take(at) {
					s.reply(node, at, Reply{ID: p.ID, Type: Exceeded, Source: simAddress(node)})
				}
				return nil
			}
			if n.shouts > 0 && p.Size > n.shouts {
				s.tooBig(node, at, p, hopLimit, n.shouts)
			}
		}
		if node == s.target()-1 && (s.refuses || s.rejects > 0 && p.Size > s.rejects) {
			s.reply(node, at, Reply{ID: p.ID, Type: Unreachable, Source: simAddress(node), Code: 0})
			return nil
		}
		if node == s.target()-1 && s.loop {
			s.reply(node, at, Reply{ID: p.ID, Type: Exceeded, Source: simAddress(node)})
			return nil
		}
		if mtu := s.flows[p.Flow]; mtu > 0 && node == s.target()-1 && p.Size > mtu {
			return nil
		}
		if node == 1 && p.Kind == Echo && s.echo > 0 && p.Size > s.echo {
			return nil
		}
		if p.Size > s.there[node] {
			mtu := s.there[node]
			if n.says > 0 {
				mtu = n.says
			}
			s.tooBig(node, at, p, hopLimit, mtu)
			return nil
		}
		if node > 0 {
			hopLimit--
		}
		if s.lost(1) {
			return nil
		}
		at = at.Add(s.delay[node])
	}
	s.arrive(p, at)
	return nil
}

func (s *simPath) tooBig(node int, at time.Time, p Probe, hopLimit, mtu int) {
	n := &s.nodes[node]
	if n.silent && !n.tunnel || node == 0 && !n.tunnel || n.interval > 0 && at.Sub(n.lastSaid) < n.interval {
		return
	}
	n.lastSaid = at
	r := Reply{ID: p.ID, Type: TooBig, Source: simAddress(node), MTU: uint32(mtu), QuotedHopLimit: hopLimit}
	if n.tunnel {
		r.Source = simTarget
		if node > 0 {
			r.QuotedHopLimit--
		}
	}
	s.reply(node, at, r)
}

// arrive has the target answer.
func (s *simPath) arrive(p Probe, at time.Time) {
	if !s.answers[p.Kind] || limited(p.Kind) && !s.errors.take(at) {
		return
	}
	if p.Kind == Echo && !s.echoes.take(at) {
		return
	}
	r := Reply{ID: p.ID, Type: Answer, Source: simTarget}
	size := p.Size
	if p.Kind != Echo {
		size = min(p.Size, 1280)
	}
	if s.learnt > 0 && !at.Before(s.learn) && size > s.learnt {
		size = 48 + (s.learnt-48)/8*8
		r.FragmentSize = size
	}
	for i := s.target() - 1; i >= 0; i-- {
		if size <= s.back[i] {
			continue
		}
		if s.backPTB[i] && !s.lost(1) {
			if s.learnt == 0 || s.back[i] < s.learnt {
				s.learnt, s.learn = s.back[i], at.Add(time.Millisecond)
			}
		}
		return
	}
	s.reply(s.target(), at, r)
}
