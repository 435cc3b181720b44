package guest

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func dnsReply(edit func(*dnsmessage.Message)) []byte {
	q := dnsQuestion{id: 7}
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, Response: true}, Questions: []dnsmessage.Question{q.question()}}
	edit(&m)
	b, _ := m.Pack()
	return b
}

func TestDNSAnswer(t *testing.T) {
	whole := dnsReply(func(m *dnsmessage.Message) {})
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"answer":           {whole, "NOERROR"},
		"refusal":          {dnsReply(func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeRefused }), "REFUSED"},
		"a code":           {dnsReply(func(m *dnsmessage.Message) { m.RCode = 9 }), "RCODE9"},
		"no question":      {dnsReply(func(m *dnsmessage.Message) { m.RCode, m.Questions = dnsmessage.RCodeFormatError, nil }), "FORMERR"},
		"another id":       {dnsReply(func(m *dnsmessage.Message) { m.ID = 8 }), ""},
		"a question":       {dnsReply(func(m *dnsmessage.Message) { m.Response = false }), ""},
		"another name":     {dnsReply(func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("a.") }), ""},
		"another type":     {dnsReply(func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeA }), ""},
		"cut":              {whole[:len(whole)-1], ""},
		"cut in its head":  {whole[:11], ""},
		"nothing":          {nil, ""},
		"a name of a loop": {append(append([]byte(nil), whole[:12]...), 0xc0, 12, 0, 2, 0, 1), ""},
	} {
		q := dnsQuestion{id: 7}
		if rcode, ok := q.answer(c.b); ok != (c.want != "") || ok && rcode != c.want {
			t.Errorf("%s: %q, %v", name, rcode, ok)
		}
	}
}

func TestDNSAsks(t *testing.T) {
	reply := message{data: dnsReply(func(*dnsmessage.Message) {})}
	q := dnsQuestion{server: addr("2001:db8::53"), id: 7}
	w := newFake(func(i int, _ []byte, _ netip.Addr) []arrival {
		if i == 0 {
			return []arrival{{after: time.Millisecond, m: message{data: []byte{1}}}}
		}
		return []arrival{{after: 3 * time.Millisecond, m: reply}}
	})
	if d, err := q.ask(w); err != nil || d.Status != Answered || d.Asked != 2 || d.Time != 3*time.Millisecond || d.Rcode != "NOERROR" {
		t.Errorf("the second: %+v, %v", d, err)
	}
	var m dnsmessage.Message
	if err := m.Unpack(w.sent[0].b); err != nil || !m.RecursionDesired || m.ID != 7 || m.Questions[0].Name.String() != "." {
		t.Errorf("asked %+v, %v", m, err)
	}
	w = newFake(nil)
	if d, err := q.ask(w); err != nil || d.Status != Silent || !slices.Equal(w.sentAt(), []int64{0, 1200}) {
		t.Errorf("silence: %+v, %v at %v", d, err, w.sentAt())
	}
	w = newFake(func(int, []byte, netip.Addr) []arrival {
		return []arrival{{m: message{refused: &Error{Type: 1, Code: 1, From: addr("2001:db8::1")}}}}
	})
	if d, err := q.ask(w); err != nil || d.Status != Refused || d.Why != "administratively prohibited from 2001:db8::1" || d.Asked != 1 {
		t.Errorf("an error: %+v, %v", d, err)
	}
}
