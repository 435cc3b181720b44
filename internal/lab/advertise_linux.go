package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/ipv6"
)

// CloudStackRA returns the RA that CloudStack's virtual router with that Ethernet address sends, with the prefix
// fd17:625c:f037:2::/64.
func CloudStackRA(mac string) (*ndp.RouterAdvertisement, error) {
	address, err := net.ParseMAC(mac)
	if err != nil {
		return nil, err
	}
	return &ndp.RouterAdvertisement{
		CurrentHopLimit: 64,
		RouterLifetime:  45 * time.Second,
		Options: []ndp.Option{
			&ndp.PrefixInformation{
				PrefixLength:                   64,
				OnLink:                         true,
				AutonomousAddressConfiguration: true,
				ValidLifetime:                  24 * time.Hour,
				PreferredLifetime:              4 * time.Hour,
				Prefix:                         netip.MustParseAddr("fd17:625c:f037:2::"),
			},
			&ndp.RecursiveDNSServer{
				Lifetime: 30 * time.Second,
				Servers:  []netip.Addr{netip.MustParseAddr("2001:db8::53"), netip.MustParseAddr("2001:db8:1::53")},
			},
			&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: address},
		},
	}, nil
}

// Advertiser is a router's RA sender: to all nodes at an interval, and to a host that asks. It exists for where radvd
// is not; it does not hold back answers (RFC 4861 §6.2.6).
type Advertiser struct {
	conn *ndp.Conn
	done sync.WaitGroup
	stop chan struct{}
	once sync.Once

	mu  sync.Mutex
	err error
}

// Advertise sends ra from the link-local address of an interface, which must have one, until Close.
func (n *Namespace) Advertise(name string, interval time.Duration, ra *ndp.RouterAdvertisement) (*Advertiser, error) {
	a := &Advertiser{stop: make(chan struct{})}
	err := n.Do(func() error {
		ifi, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		// It is the zone of the addresses. A name would be looked up among those of whatever namespace the standard library has
		// seen last; a number is taken as it is.
		ifi.Name = strconv.Itoa(ifi.Index)
		if a.conn, _, err = ndp.Listen(ifi, ndp.LinkLocal); err != nil {
			return err
		}
		var filter ipv6.ICMPFilter
		filter.SetAll(true)
		filter.Accept(ipv6.ICMPTypeRouterSolicitation)
		return errors.Join(a.conn.SetICMPFilter(&filter), a.conn.JoinGroup(netip.IPv6LinkLocalAllRouters()))
	})
	if err != nil {
		if a.conn != nil {
			a.conn.Close()
		}
		return nil, fmt.Errorf("advertise on %s: %w", name, err)
	}
	a.done.Add(2)
	go a.advertise(ra, interval)
	go a.answer(ra)
	return a, nil
}

// Close ends the sending, without a last RA of lifetime zero. It returns what went wrong on the way.
func (a *Advertiser) Close() error {
	a.once.Do(func() {
		close(a.stop)
		a.keep(a.conn.SetDeadline(time.Now()))
		a.done.Wait()
		a.keep(a.conn.Close())
	})
	return a.err
}

func (a *Advertiser) advertise(ra *ndp.RouterAdvertisement, interval time.Duration) {
	defer a.done.Done()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if !a.send(ra, netip.IPv6LinkLocalAllNodes()) {
			return
		}
		select {
		case <-a.stop:
			return
		case <-tick.C:
		}
	}
}

func (a *Advertiser) answer(ra *ndp.RouterAdvertisement) {
	defer a.done.Done()
	for {
		message, _, from, err := a.conn.ReadFrom()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil {
			a.keep(err)
			return
		}
		if _, ok := message.(*ndp.RouterSolicitation); !ok {
			continue
		}
		to := from
		if from.IsUnspecified() {
			to = netip.IPv6LinkLocalAllNodes()
		}
		if !a.send(ra, to) {
			return
		}
	}
}

// send reports whether there is any use in going on.
func (a *Advertiser) send(ra *ndp.RouterAdvertisement, to netip.Addr) bool {
	err := a.conn.WriteTo(ra, nil, to)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	a.keep(err)
	return err == nil
}

// keep keeps the first error.
func (a *Advertiser) keep(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.err = err
	}
}
