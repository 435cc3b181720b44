package cloud

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// dns is a server that says of every name that it is the server's address.
type dns struct {
	conn net.PacketConn
	done sync.WaitGroup
}

// startDNS starts it on the server.
func (z *Zone) startDNS() error {
	d := &dns{}
	err := z.spaces["server"].Do(func() (err error) {
		d.conn, err = net.ListenPacket("udp6", net.JoinHostPort(Server, "53"))
		return err
	})
	if err != nil {
		return fmt.Errorf("DNS: %w", err)
	}
	d.done.Add(1)
	go d.serve()
	if z.dns == nil {
		z.closers = append(z.closers, z.stopDNS)
	}
	z.dns = d
	return nil
}

func (z *Zone) stopDNS() error {
	if z.dns == nil || z.dns.conn == nil {
		return nil
	}
	err := z.dns.conn.Close()
	z.dns.done.Wait()
	z.dns.conn = nil
	return err
}

func (d *dns) serve() {
	defer d.done.Done()
	buffer := make([]byte, 4096)
	for {
		n, from, err := d.conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMPv6 error about an answer
		}
		if reply := answer(buffer[:n]); reply != nil {
			d.conn.WriteTo(reply, from) // who does not hear it asks again
		}
	}
}

// answer returns the reply to a query, nil if it is none.
func answer(query []byte) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil || h.Response {
		return nil
	}
	questions, err := p.AllQuestions()
	if err != nil || len(questions) == 0 {
		return nil
	}
	q := questions[0]
	m := dnsmessage.Message{
		Header: dnsmessage.Header{ID: h.ID, Response: true, OpCode: h.OpCode, RecursionDesired: h.RecursionDesired,
			RecursionAvailable: true},
		Questions: questions[:1],
	}
	if q.Type == dnsmessage.TypeAAAA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
			Body:   &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(Server).As16()},
		}}
	}
	reply, err := m.Pack()
	if err != nil {
		return nil
	}
	return reply
}
