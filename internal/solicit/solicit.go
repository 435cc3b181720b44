// Package solicit asks the routers of a link to advertise themselves now, as a host that comes up does (RFC 4861
// §6.3.7), instead of waiting for the next unsolicited Router Advertisement.
package solicit

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/ipv6"
)

// What RFC 4861 §10 has a host do: MAX_RTR_SOLICITATIONS, each RTR_SOLICITATION_INTERVAL after the one before.
const (
	solicitations = 3
	interval      = 4 * time.Second
)

// conn sends neighbor discovery messages; *ndp.Conn does.
type conn interface {
	WriteTo(m ndp.Message, cm *ipv6.ControlMessage, dst netip.Addr) error
	Close() error
}

// Asker sends Router Solicitations on one interface.
type Asker struct {
	name    string
	conn    conn
	message *ndp.RouterSolicitation
	sent    atomic.Int64
}

// newAsker returns an Asker whose messages bear the link-layer address, if it is one of Ethernet.
func newAsker(name string, address net.HardwareAddr, conn conn) *Asker {
	a := &Asker{name: name, conn: conn, message: &ndp.RouterSolicitation{}}
	if len(address) == 6 {
		a.message.Options = []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: address}}
	}
	return a
}

// Run sends a solicitation at once, and after four seconds a second, and after four more a third. It returns when there
// is nothing more to send: after the third, when answered is closed or received from, or when ctx ends, which is no
// error.
func (a *Asker) Run(ctx context.Context, answered <-chan struct{}) error {
	for n := 1; ctx.Err() == nil; n++ {
		if err := a.conn.WriteTo(a.message, nil, netip.IPv6LinkLocalAllRouters()); err != nil {
			return fmt.Errorf("%s: router solicitation: %w", a.name, err)
		}
		a.sent.Add(1)
		if n == solicitations {
			break
		}
		select {
		case <-ctx.Done():
		case <-answered:
			return nil
		case <-time.After(interval):
		}
	}
	return nil
}

// Sent returns the number of solicitations sent so far. It may be called while Run runs.
func (a *Asker) Sent() int { return int(a.sent.Load()) }

// Close frees the socket; a Run that runs then ends with an error when it next sends.
func (a *Asker) Close() error { return a.conn.Close() }
