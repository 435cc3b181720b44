package guest

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const routerLL = "fe80::1:ff:fecb:fe"

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// fakeWire is a network without a kernel: to each packet it gives what answer says, a delay after it was sent.
type fakeWire struct {
	clock  time.Time
	sent   []sent
	answer func(i int, b []byte, to netip.Addr) []arrival
	queue  []arrival
	fail   error // of send
	broken error // of receive, where nothing is queued
}

type sent struct {
	at time.Duration
	b  []byte
	to netip.Addr
}

type arrival struct {
	after time.Duration
	at    time.Time
	m     message
}

func epoch() time.Time { return time.Unix(1e9, 0) }

func newFake(answer func(i int, b []byte, to netip.Addr) []arrival) *fakeWire {
	return &fakeWire{clock: epoch(), answer: answer}
}

func (w *fakeWire) now() time.Time { return w.clock }

func (w *fakeWire) send(b []byte, to netip.Addr) error {
	if w.fail != nil {
		return w.fail
	}
	if w.answer != nil {
		for _, a := range w.answer(len(w.sent), b, to) {
			a.at = w.clock.Add(a.after)
			w.queue = append(w.queue, a)
		}
		slices.SortStableFunc(w.queue, func(a, b arrival) int { return a.at.Compare(b.at) })
	}
	w.sent = append(w.sent, sent{w.clock.Sub(epoch()), slices.Clone(b), to})
	return nil
}

func (w *fakeWire) receive(until time.Time) (message, bool, error) {
	if len(w.queue) > 0 && !w.queue[0].at.After(until) {
		a := w.queue[0]
		w.queue = w.queue[1:]
		if a.at.After(w.clock) {
			w.clock = a.at
		}
		return a.m, true, nil
	}
	if w.broken != nil {
		return message{}, false, w.broken
	}
	w.clock = until
	return message{}, false, nil
}

// sentAt returns when the packets were sent, in milliseconds.
func (w *fakeWire) sentAt() []int64 {
	var list []int64
	for _, s := range w.sent {
		list = append(list, s.at.Milliseconds())
	}
	return list
}

func FuzzAnswers(f *testing.F) {
	f.Add(na(routerLL, 0xe0, 2, 1, 2, 0, 0, 0, 0, 1))
	f.Add(dhcp(dhcpAdvertise, 0xabcdef, appendOption(nil, dhcpClientID, theSolicit(false).duid()), appendOption(nil, dhcpServerID, []byte{1}),
		appendOption(nil, dhcpIANA, make([]byte, 40)), appendOption(nil, dhcpStatus, []byte{0, 2, 27})))
	f.Add(dnsReply(func(*dnsmessage.Message) {}))
	f.Add(echoReply(theEcho(), 0))
	f.Add(refusal(theEcho(), 1, 0, 0, 24))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := message{data: b, from: addr("2001:db8::80"), hopLimit: 255}
		theGateway().answer(m)
		if s, ok := theSolicit(false).answer(m); ok && (s.DUID == "" ||
			len(s.Addresses) > maxServerList || len(s.DNS) > maxServerList ||
			len(s.CodeText) > 2000 || escape(s.CodeText) != s.CodeText && s.CodeText[0] != '"') {
			t.Errorf("%+v", s)
		}
		theSolicit(true).answer(m)
		q := dnsQuestion{id: 7}
		q.answer(b)
		if i, _, ok := theEcho().answer(m); ok && i < 0 {
			t.Error(i)
		}
	})
}
