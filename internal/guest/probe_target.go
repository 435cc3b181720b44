package guest

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"time"

	"v6probe/internal/icmp6"
)

// targetPlan is when to ask: three times, as one packet or two may be lost.
func targetPlan() plan {
	const gap = 200 * time.Millisecond
	return plan{[]time.Duration{0, gap, 2 * gap}, 1500 * time.Millisecond}
}

const echoHeader = 8

// echoQuestion is an echo request to a target.
type echoQuestion struct {
	target, own netip.Addr // without a zone
	id          uint16
	token       [16]byte // what it carries, random
}

// newEchoQuestion returns one that no other can be taken for.
func newEchoQuestion(target, own netip.Addr) *echoQuestion {
	q := &echoQuestion{target: target, own: own, id: uint16(number())}
	rand.Read(q.token[:]) // never fails
	return q
}

// ask asks, and takes note of the errors that come instead. After the last reply, or error, it waits no longer.
func (q *echoQuestion) ask(w wire) (*Target, error) {
	t := &Target{Address: q.target, Source: q.own}
	asks := targetPlan().asks
	sent, seen := make([]time.Time, len(asks)), make([]bool, len(asks))
	done := 0
	err := targetPlan().follow(w, func(i int) error {
		sent[i] = w.now()
		t.Asked++
		return w.send(q.request(i), q.target)
	}, func(m message) bool {
		i, failed, ok := q.answer(m)
		if !ok || i >= t.Asked {
			return false
		}
		if failed != nil {
			t.fail(*failed)
		} else if !seen[i] {
			t.Replies++
			if rtt := w.now().Sub(sent[i]); t.Replies == 1 || rtt < t.Time {
				t.Time = rtt
			}
		}
		if !seen[i] {
			seen[i] = true
			done++
		}
		return done == len(asks)
	})
	switch {
	case filtered(err):
		t.Asked--
		t.Status, t.Why, err = Refused, whyFiltered, nil
	case err != nil:
	case t.Replies > 0:
		t.Status = Answered
	case len(t.Errors) > 0:
		t.Status, t.Why = Refused, t.Errors[0].String()
	default:
		t.Status = Silent
	}
	return t, err
}

// maxErrors bounds how many different errors are kept.
const maxErrors = 16

// fail counts an error.
func (t *Target) fail(e Error) {
	for i := range t.Errors {
		if o := &t.Errors[i]; o.Type == e.Type && o.Code == e.Code && o.From == e.From && o.MTU == e.MTU {
			o.Count++
			return
		}
	}
	if len(t.Errors) < maxErrors {
		t.Errors = append(t.Errors, e)
	}
}

// request returns the i-th echo request (RFC 4443 §4.1). The kernel fills in its checksum.
func (q *echoQuestion) request(i int) []byte {
	b := make([]byte, echoHeader, echoHeader+len(q.token))
	b[0] = uint8(icmp6.TypeEchoRequest)
	binary.BigEndian.PutUint16(b[4:], q.id)
	binary.BigEndian.PutUint16(b[6:], uint16(i+1))
	return append(b, q.token[:]...)
}

// answer reports whether m is about one of the requests, and about which: a reply to it, or an error that quotes it.
func (q *echoQuestion) answer(m message) (i int, failed *Error, ok bool) {
	var msg icmp6.Message
	msg.Decode(m.data)
	if msg.Type == icmp6.TypeEchoReply {
		if len(m.data) != echoHeader+len(q.token) || msg.Code != 0 || m.from != q.target || !q.mine(m.data[4:]) {
			return 0, nil, false
		}
		i = int(binary.BigEndian.Uint16(m.data[6:])) - 1
		return i, nil, i >= 0
	}
	if !msg.Type.IsError() || msg.Short {
		return 0, nil, false
	}
	quote, ok := icmp6.ParseQuote(msg.Quoted())
	if !ok || quote.Source != q.own || quote.Destination != q.target || !quote.HasEcho ||
		quote.ICMPType != icmp6.TypeEchoRequest || !q.mine(quote.Payload[4:]) {
		return 0, nil, false
	}
	i = int(quote.EchoSequence) - 1
	e := &Error{Type: msg.Type, Code: msg.Code, From: m.from, Local: m.from == q.own, MTU: msg.MTU(), Count: 1}
	return i, e, i >= 0
}

// mine reports whether b, from an echo's identifier on, has the question's: and its token too, as far as it is there.
func (q *echoQuestion) mine(b []byte) bool {
	if len(b) < 4 || binary.BigEndian.Uint16(b) != q.id {
		return false
	}
	token := b[4:]
	n := min(len(token), len(q.token))
	return string(token[:n]) == string(q.token[:n])
}
