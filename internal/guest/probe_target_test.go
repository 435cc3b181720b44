package guest

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"v6probe/internal/icmp6"
)

func theEcho() *echoQuestion {
	return &echoQuestion{target: addr("2001:db8::80"), own: addr("2001:db8::2"), id: 0x1234, token: [16]byte{1, 2, 3, 15: 9}}
}

// echoReply returns what answers the i-th request.
func echoReply(q *echoQuestion, i int) []byte {
	b := q.request(i)
	b[0] = uint8(icmp6.TypeEchoReply)
	return b
}

// refusal returns an error that quotes the i-th request, up to so many bytes of the request.
func refusal(q *echoQuestion, kind, code byte, i, quoted int) []byte {
	b := make([]byte, 8+40, 128)
	b[0], b[1] = kind, code
	b[8], b[13], b[14] = 6<<4, 24, 58
	copy(b[16:], q.own.AsSlice())
	copy(b[32:], q.target.AsSlice())
	return append(b, q.request(i)[:quoted]...)
}

func TestTargetAnswer(t *testing.T) {
	q, from := theEcho(), "2001:db8::80"
	edit := func(b []byte, at int) []byte { b[at]++; return b }
	for name, c := range map[string]struct {
		b    []byte
		from string
		i    int // -1 where it is none
		err  string
	}{
		"reply":                 {echoReply(q, 1), from, 1, ""},
		"of another":            {echoReply(q, 1), "2001:db8::81", -1, ""},
		"another id":            {edit(echoReply(q, 1), 5), from, -1, ""},
		"another token":         {edit(echoReply(q, 1), 23), from, -1, ""},
		"a code":                {edit(echoReply(q, 1), 1), from, -1, ""},
		"sequence zero":         {echoReply(q, -1), from, -1, ""},
		"longer":                {append(echoReply(q, 1), 0), from, -1, ""},
		"shorter":               {echoReply(q, 1)[:20], from, -1, ""},
		"a request":             {q.request(1), from, -1, ""},
		"nothing":               {nil, from, -1, ""},
		"unreachable":           {refusal(q, 1, 0, 2, 24), "fe80::1", 2, "no route from fe80::1"},
		"this host's own":       {refusal(q, 1, 3, 0, 24), "2001:db8::2", 0, "address unreachable, says this host itself"},
		"eight bytes quoted":    {refusal(q, 3, 0, 0, 8), "fe80::1", 0, "hop limit exceeded from fe80::1"},
		"seven bytes quoted":    {refusal(q, 3, 0, 0, 7), "fe80::1", -1, ""},
		"another token quoted":  {edit(refusal(q, 3, 0, 0, 24), 8+40+8), "fe80::1", -1, ""},
		"another target quoted": {edit(refusal(q, 1, 0, 0, 24), 8+39), "fe80::1", -1, ""},
		"another source quoted": {edit(refusal(q, 1, 0, 0, 24), 8+23), "fe80::1", -1, ""},
		"no packet quoted":      {refusal(q, 1, 0, 0, 24)[:20], "fe80::1", -1, ""},
		"an error cut short":    {refusal(q, 1, 0, 0, 24)[:7], "fe80::1", -1, ""},
	} {
		i, failed, ok := q.answer(message{data: c.b, from: addr(c.from)})
		if ok != (c.i >= 0) || ok && i != c.i || (failed != nil) != (c.err != "") ||
			failed != nil && failed.String() != c.err {
			t.Errorf("%s: %d, %v, %v", name, i, failed, ok)
		}
	}
}

func TestTargetAsks(t *testing.T) {
	q := theEcho()
	w := newFake(func(i int, _ []byte, _ netip.Addr) []arrival {
		m := message{data: echoReply(q, i), from: q.target}
		d := time.Duration(9-i) * time.Millisecond
		return []arrival{{after: d, m: m}, {after: d, m: m}, {after: d, m: message{data: echoReply(q, 9), from: q.target}}}
	})
	if r, err := q.ask(w); err != nil || r.Status != Answered || r.Replies != 3 || r.Asked != 3 || r.Time != 7*time.Millisecond ||
		!slices.Equal(w.sentAt(), []int64{0, 200, 400}) || w.clock.Sub(epoch()) != 407*time.Millisecond {
		t.Errorf("%+v, %v at %v until %v", r, err, w.sentAt(), w.clock)
	}
	w = newFake(func(i int, _ []byte, _ netip.Addr) []arrival {
		if i != 2 {
			return []arrival{{after: time.Millisecond, m: message{data: refusal(q, 1, 0, i, 24), from: addr("fe80::1")}}}
		}
		return []arrival{{after: time.Second, m: message{data: echoReply(q, i), from: q.target}}}
	})
	if r, err := q.ask(w); err != nil || r.Status != Answered || r.Replies != 1 || len(r.Errors) != 1 || r.Errors[0].Count != 2 ||
		r.Time != time.Second {
		t.Errorf("both: %+v, %v", r, err)
	}
	w = newFake(func(i int, _ []byte, _ netip.Addr) []arrival {
		var all []arrival
		for router := range 200 {
			from := netip.AddrFrom16([16]byte{0xfe, 0x80, 14: 1, 15: byte(router)})
			all = append(all, arrival{m: message{data: refusal(q, 1, 0, 0, 24), from: from}})
		}
		return all
	})
	if r, err := q.ask(w); err != nil || r.Status != Refused || len(r.Errors) != maxErrors {
		t.Errorf("a flood: %+v, %v", r, err)
	}
	w = newFake(nil)
	if r, err := q.ask(w); err != nil || r.Status != Silent || w.clock.Sub(epoch()) != 1500*time.Millisecond {
		t.Errorf("silence: %+v, %v", r, err)
	}
	if a, b := newEchoQuestion(q.target, q.own), newEchoQuestion(q.target, q.own); a.token == b.token {
		t.Error("two questions have one token")
	}
}
