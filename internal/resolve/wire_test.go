package resolve

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	target   = "fd17:625c:f037:2::5"
	groupOf  = "ff02::1:ff00:5"
	ownMAC   = craft.GuestMAC
	ownLL    = craft.GuestLL
	oneMAC   = "02:00:00:00:00:05"
	otherMAC = "02:00:00:00:00:06"
)

// testLink is the interface that asks.
func testLink() Link {
	return Link{Name: "eth0", Index: 2, MAC: packet.MAC(craft.MAC(ownMAC)), Source: netip.MustParseAddr(ownLL),
		Prefixes: []netip.Prefix{netip.MustParsePrefix("fd17:625c:f037:2::/64")}}
}

// reply is a frame that comes some time after a solicitation.
type reply struct {
	after time.Duration
	frame []byte
}

// question is a solicitation as the neighbors see it.
type question struct {
	number int           // from 1
	at     time.Duration // since the first
	to     string        // its destination
	mac    string        // and that of its frame
}

// neighbors say what is answered to a question.
type neighbors func(q question) []reply

// wire is a link with neighbors on it, for an Asker that sends and a Tracker that listens. Its time is that of the
// synctest bubble.
type wire struct {
	t         *testing.T
	tracker   *Tracker
	neighbors neighbors
	iface     packet.Interface

	mu      sync.Mutex
	decoder *packet.Decoder
	frames  uint64
	begin   time.Time
	sent    []question
	found   []rule.Finding
	fail    error // of Send from failAt on
	failAt  int
}

func newWire(t *testing.T, tracker *Tracker, n neighbors) *wire {
	decoder := packet.NewDecoder()
	decoder.Large = true
	return &wire{t: t, tracker: tracker, neighbors: n, decoder: decoder, iface: packet.Interface{
		Name: "eth0", LinkType: packet.LinkTypeEthernet, HardwareAddr: tracker.link.MAC, MarksOffload: true}}
}

// Send is what the Asker calls.
func (w *wire) Send(frame []byte) error {
	if w.begin.IsZero() {
		w.begin = time.Now()
	}
	if w.fail != nil && len(w.sent)+1 >= w.failAt {
		return w.fail
	}
	p := w.see(frame, packet.Outgoing)
	q := question{len(w.sent) + 1, time.Since(w.begin), p.Destination.String(), p.EthernetDestination.String()}
	w.sent = append(w.sent, q)
	for _, r := range w.neighbors(q) {
		time.AfterFunc(r.after, func() { w.see(r.frame, packet.Incoming) })
	}
	return nil
}

// see gives a frame to the tracker.
func (w *wire) see(frame []byte, d packet.Direction) *packet.Packet {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frames++
	var p packet.Packet
	f := packet.Frame{Number: w.frames, Time: time.Now(), Data: frame, Length: len(frame), LinkType: packet.LinkTypeEthernet,
		Interface: &w.iface, Direction: d}
	if !w.decoder.Decode(&f, &p) {
		w.t.Fatalf("% x cannot be decoded", frame)
	}
	w.found = append(w.found, w.tracker.Packet(&p)...)
	return &p
}

// na returns an answer of the station mac to the one that asks; flags are R 0x80, S 0x40, O 0x20.
func na(mac string, flags uint8) []byte {
	return craft.Ethernet(craft.MAC(ownMAC), craft.MAC(mac), nil, 0x86dd,
		craft.IPv6(target, ownLL, 255, 58, craft.ICMPv6(target, ownLL, craft.NA(flags, target, craft.TLLA(mac)))))
}

// host answers every question that reaches it after a time.
func host(mac string, flags uint8, after time.Duration) neighbors {
	return func(q question) []reply {
		if q.mac != mac && !strings.HasPrefix(q.mac, "33:33:") {
			return nil
		}
		return []reply{{after, na(mac, flags)}}
	}
}

// all is several neighbors.
func all(list ...neighbors) neighbors {
	return func(q question) (r []reply) {
		for _, n := range list {
			r = append(r, n(q)...)
		}
		return r
	}
}

func nobody(question) []reply { return nil }

// run asks on a wire and returns it, what came of it, and the findings.
func run(t *testing.T, l Link, burst int, n neighbors) (w *wire, r *Result, found []rule.Finding) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tracker := NewTracker(l, netip.MustParseAddr(target), burst)
		w = newWire(t, tracker, n)
		began := time.Now()
		if err := NewAsker(tracker, w).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > tracker.Longest() {
			t.Errorf("it took %v, more than the %v promised", took, tracker.Longest())
		}
		synctest.Wait()
		found = append(w.found, tracker.Finish(true)...)
		r = tracker.Result()
	})
	return w, r, found
}

// rules lists findings as "rule severity".
func rules(found []rule.Finding) []string {
	var list []string
	for _, f := range found {
		list = append(list, string(f.Rule)+" "+f.Severity.String())
	}
	return list
}

// withContext runs f with a context that ends after d, in a bubble.
func withContext(t *testing.T, d time.Duration, f func(ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		f(ctx)
	})
}
