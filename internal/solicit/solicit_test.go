package solicit

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/ipv6"

	"v6probe/internal/craft"
)

// fakeConn keeps what is sent, and when; it calls onSend with the number of messages after each.
type fakeConn struct {
	begin  time.Time
	sent   []ndp.Message
	times  []time.Duration
	to     []netip.Addr
	err    error
	onSend func(n int)
}

func (c *fakeConn) WriteTo(m ndp.Message, cm *ipv6.ControlMessage, dst netip.Addr) error {
	if c.err != nil {
		return c.err
	}
	c.sent, c.to, c.times = append(c.sent, m), append(c.to, dst), append(c.times, time.Since(c.begin))
	if c.onSend != nil {
		c.onSend(len(c.sent))
	}
	return nil
}

func (c *fakeConn) Close() error { return nil }

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer int           // closes answered after so many messages; 0 for never
		end    time.Duration // of the context
		want   []time.Duration
	}{
		{"no answer", 0, time.Hour, []time.Duration{0, 4 * time.Second, 8 * time.Second}},
		{"answered at once", 1, time.Hour, []time.Duration{0}},
		{"answered late", 2, time.Hour, []time.Duration{0, 4 * time.Second}},
		{"context ends", 0, 5 * time.Second, []time.Duration{0, 4 * time.Second}},
		{"context has ended", 0, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.end)
				defer cancel()
				answered := make(chan struct{})
				fake := &fakeConn{begin: time.Now(), onSend: func(n int) {
					if n == c.answer {
						close(answered)
					}
				}}
				asker := newAsker("eth0", net.HardwareAddr(craft.MAC(craft.GuestMAC)), fake)
				if err := asker.Run(ctx, answered); err != nil {
					t.Error(err)
				}
				if !slices.Equal(fake.times, c.want) || asker.Sent() != len(c.want) {
					t.Errorf("sent at %v, %d in all; want %v", fake.times, asker.Sent(), c.want)
				}
				for _, to := range fake.to {
					if to != netip.MustParseAddr(craft.AllRouters) {
						t.Errorf("sent to %v", to)
					}
				}
			})
		})
	}
}

func TestRunFails(t *testing.T) {
	down := errors.New("network is down")
	asker := newAsker("eth0", nil, &fakeConn{err: down})
	err := asker.Run(t.Context(), nil)
	if !errors.Is(err, down) || err.Error() != "eth0: router solicitation: network is down" || asker.Sent() != 0 {
		t.Errorf("%v, %d sent", err, asker.Sent())
	}
}

func TestMessage(t *testing.T) {
	for _, c := range []struct {
		name    string
		address net.HardwareAddr
		want    []byte
	}{
		{"ethernet", net.HardwareAddr(craft.MAC(craft.GuestMAC)), craft.RS(craft.SLLA(craft.GuestMAC))},
		{"tun", nil, craft.RS()},
		{"eight bytes", make(net.HardwareAddr, 8), craft.RS()},
	} {
		fake := &fakeConn{}
		ctx, cancel := context.WithCancel(t.Context())
		fake.onSend = func(int) { cancel() }
		if err := newAsker("eth0", c.address, fake).Run(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if got, err := ndp.MarshalMessage(fake.sent[0]); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: % x, %v; want % x", c.name, got, err, c.want)
		}
	}
}
