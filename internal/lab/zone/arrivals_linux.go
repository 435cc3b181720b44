package zone

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// Arrivals sends packets of all sizes from..to, in bytes, from the guest to the server, and returns the largest that
// arrived there, 0 for none. They leave by a packet socket, which no path MTU that the kernel knows holds back. They are
// UDP with a wrong checksum, which the server takes without a word; but they are refused on the way, which uses up what
// is rate limited there and makes a forger speak: a measurement that is to know nothing of that comes first, or has a
// zone of its own. What is lost is sent again.
func (z *Zone) Arrivals(ctx context.Context, from, to int) (int, error) {
	return z.FlowArrivals(ctx, 0, from, to)
}

// FlowArrivals is Arrivals for packets with a flow label.
func (z *Zone) FlowArrivals(ctx context.Context, label uint32, from, to int) (int, error) {
	arrived, err := z.count(ctx, z.there(label), from, to)
	return largest(arrived), err
}

// ReturnArrivals is Arrivals for the way from the server to the guest. What is longer than the server's own MTU is not
// sent.
func (z *Zone) ReturnArrivals(ctx context.Context, from, to int) (int, error) {
	arrived, err := z.count(ctx, z.back(), from, min(to, z.Scenario.Links.R2Server.Return))
	return largest(arrived), err
}

func largest(arrived map[int]bool) int {
	most := 0
	for size := range arrived {
		most = max(most, size)
	}
	return most
}

// way says where packets go in and where they are counted.
type way struct {
	in, out             lab.Place
	inMAC, routerMAC    string // of the sender and of its router
	source, destination string
	label               uint32
}

func (z *Zone) there(label uint32) way {
	return way{
		in: lab.Place{NS: z.Guest, Name: "eth0"}, out: lab.Place{NS: z.Server, Name: "eth0"},
		inMAC: craft.GuestMAC, routerMAC: craft.RouterMAC, source: guestAddress, destination: serverAddress, label: label,
	}
}

func (z *Zone) back() way {
	return way{
		in: lab.Place{NS: z.Server, Name: "eth0"}, out: lab.Place{NS: z.Guest, Name: "eth0"},
		inMAC: serverMAC, routerMAC: r2ServerMAC, source: serverAddress, destination: guestAddress,
	}
}

// count returns which sizes arrive.
func (z *Zone) count(ctx context.Context, w way, from, to int) (map[int]bool, error) {
	c := &counter{way: w, arrived: map[int]bool{}, marks: make(chan uint32, 64)}
	out, err := w.out.NS.OpenStation(w.out.Name, c.take)
	if err != nil {
		return nil, err
	}
	in, err := w.in.NS.OpenStation(w.in.Name, func([]byte) [][]byte { return nil })
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	for range z.rounds() {
		if err = c.send(ctx, in, from, to); err != nil {
			break
		}
	}
	return c.arrived, errors.Join(err, in.Close(), out.Close())
}

// rounds is how often a packet is to be sent for one to arrive but for a chance of one in a million.
func (z *Zone) rounds() int {
	if z.Scenario.Loss == 0 {
		return 1
	}
	return int(math.Ceil(math.Log(1e-6) / math.Log(float64(z.Scenario.Loss)/100)))
}

// magic begins the data of a counted packet. A mark, four bytes, follows it: 0, or the number of a packet that is sent to
// learn that those before it have arrived or will not.
const (
	magic      = "zonesize"
	discard    = 9       // UDP port
	headers    = 14 + 40 // Ethernet and IPv6
	data       = 54 + 8  // where the data of UDP begins in a frame
	markedSize = 40 + 8 + len(magic) + 4
	burst      = 256 // packets; less than the kernel queues on the way
)

// counter counts the sizes that arrive.
type counter struct {
	way
	mark    uint32
	mu      sync.Mutex
	arrived map[int]bool
	marks   chan uint32
}

func (c *counter) send(ctx context.Context, in *lab.Station, from, to int) error {
	for ; from <= to; from += burst {
		for size := from; size < from+burst && size <= to; size++ {
			in.Send(c.frame(size, 0))
		}
		// The second leaves when the first has arrived: not even another processor's queue holds anything back by then.
		for range 2 {
			if err := c.await(ctx, in); err != nil {
				return err
			}
		}
	}
	return nil
}

// await sends a mark until it arrives.
func (c *counter) await(ctx context.Context, in *lab.Station) error {
	c.mark++
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	in.Send(c.frame(markedSize, c.mark))
	for {
		select {
		case got := <-c.marks:
			if got == c.mark {
				return nil
			}
		case <-again.C:
			in.Send(c.frame(markedSize, c.mark))
		case <-ctx.Done():
			return fmt.Errorf("wait for a packet from %s on %s: %w", c.source, c.out.Name, ctx.Err())
		}
	}
}

// frame returns a packet of a size in Ethernet.
func (c *counter) frame(size int, mark uint32) []byte {
	text := make([]byte, size-40-8)
	binary.BigEndian.PutUint32(text[copy(text, magic):], mark)
	udp := craft.UDP6(c.source, c.destination, discard, discard, text)
	udp[7] ^= 1 // the checksum
	ip := craft.IPv6(c.source, c.destination, 64, unix.IPPROTO_UDP, udp)
	binary.BigEndian.PutUint32(ip, 6<<28|c.label)
	return craft.Ethernet(craft.MAC(c.routerMAC), craft.MAC(c.inMAC), nil, unix.ETH_P_IPV6, ip)
}

// take is called with what comes in where packets are counted.
func (c *counter) take(frame []byte) [][]byte {
	mark, ok := c.ours(frame)
	switch {
	case !ok:
	case mark == 0:
		c.mu.Lock()
		c.arrived[len(frame)-14] = true
		c.mu.Unlock()
	default:
		select {
		case c.marks <- mark:
		default: // nobody waits for so many
		}
	}
	return nil
}

// ours reports whether a frame has one of the packets that are counted, and its mark.
func (c *counter) ours(frame []byte) (mark uint32, ok bool) {
	if len(frame) < 14+markedSize || binary.BigEndian.Uint16(frame[12:]) != unix.ETH_P_IPV6 ||
		len(frame) != headers+int(binary.BigEndian.Uint16(frame[18:])) || !counted(frame[14:]) ||
		binary.BigEndian.Uint32(frame[14:])&0xfffff != c.label ||
		string(frame[22:54]) != string(craft.Join(craft.Addr(c.source), craft.Addr(c.destination))) {
		return 0, false
	}
	return binary.BigEndian.Uint32(frame[data+len(magic):]), true
}

// counted reports whether an IPv6 packet, or the beginning of one, is of those that are counted.
func counted(ip []byte) bool {
	return len(ip) >= markedSize && ip[6] == unix.IPPROTO_UDP && string(ip[48:48+len(magic)]) == magic
}
