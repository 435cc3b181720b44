package guest

import (
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsPlan is when to ask: a resolver has the name servers of the root at hand, and a packet may be lost.
func dnsPlan() plan {
	return plan{[]time.Duration{0, 1200 * time.Millisecond}, 2500 * time.Millisecond}
}

// dnsQuestion is one question: who serves the root. Every recursive server knows, and every other can say that it does not.
type dnsQuestion struct {
	server netip.Addr
	id     uint16
}

func (q *dnsQuestion) question() dnsmessage.Question {
	return dnsmessage.Question{Name: dnsmessage.MustNewName("."), Type: dnsmessage.TypeNS, Class: dnsmessage.ClassINET}
}

// ask asks. Any answer is one, a refusal too: that the server is reached and speaks is what was asked.
func (q *dnsQuestion) ask(w wire) (DNS, error) {
	d := DNS{Server: q.server}
	head := dnsmessage.Header{ID: q.id, RecursionDesired: true}
	query := dnsmessage.Message{Header: head, Questions: []dnsmessage.Question{q.question()}}
	b, err := query.Pack()
	if err != nil {
		return d, err
	}
	var at time.Time
	err = dnsPlan().follow(w, func(int) error {
		at = w.now()
		d.Asked++
		return w.send(b, q.server)
	}, func(m message) bool {
		if m.refused != nil {
			d.Status, d.Error, d.Why = Refused, m.refused, m.refused.String()
			return true
		}
		rcode, ok := q.answer(m.data)
		if ok {
			d.Status, d.Rcode, d.Time = Answered, rcode, w.now().Sub(at)
		}
		return ok
	})
	switch {
	case filtered(err):
		d.Asked--
		d.Status, d.Why, err = Refused, whyFiltered, nil
	case err == nil && d.Status == NotAsked:
		d.Status = Silent
	}
	return d, err
}

// answer reports whether b answers the question, and with which code.
func (q *dnsQuestion) answer(b []byte) (rcode string, ok bool) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || h.ID != q.id || !h.Response {
		return "", false
	}
	// A server that understands no question may leave it out (RFC 1035 §4.1.1, FORMERR).
	if asked, err := p.Question(); err == nil {
		want := q.question()
		if asked.Type != want.Type || asked.Class != want.Class || asked.Name.String() != want.Name.String() {
			return "", false
		}
	} else if err != dnsmessage.ErrSectionDone {
		return "", false
	}
	return rcodeName(h.RCode), true
}

// rcodeName names a response code as dig does (RFC 1035 §4.1.1).
func rcodeName(c dnsmessage.RCode) string {
	names := [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}
	if int(c) < len(names) {
		return names[c]
	}
	return "RCODE" + strconv.Itoa(int(c))
}
