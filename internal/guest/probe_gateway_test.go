package guest

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"v6probe/internal/packet"
)

func theGateway() *gatewayQuestion {
	return &gatewayQuestion{gateway: addr(routerLL), own: addr("fe80::2"), mac: packet.MAC{2, 0, 0, 0, 0, 2}}
}

// na returns a Neighbor Advertisement.
func na(target string, flags byte, options ...byte) []byte {
	b := make([]byte, 24)
	b[0], b[4] = 136, flags
	copy(b[8:], addr(target).AsSlice())
	return append(b, options...)
}

func TestGatewayAnswer(t *testing.T) {
	lla := []byte{2, 1, 2, 0, 0, 0, 0, 0xfe}
	for name, c := range map[string]struct {
		b        []byte
		hopLimit int
		mac      string // "" where it is no answer
	}{
		"answer":                     {na(routerLL, 0xe0, lla...), 255, "02:00:00:00:00:fe"},
		"without its address":        {na(routerLL, 0xc0), 255, "00:00:00:00:00:00"},
		"an address of eight bytes":  {na(routerLL, 0x40, 2, 2, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0), 255, "00:00:00:00:00:00"},
		"unsolicited":                {na(routerLL, 0xa0, lla...), 255, ""},
		"another target":             {na("fe80::3", 0xe0, lla...), 255, ""},
		"of a hop limit below 255":   {na(routerLL, 0xe0, lla...), 254, ""},
		"an option of length zero":   {na(routerLL, 0xe0, 2, 0, 2, 0, 0, 0, 0, 1), 255, ""},
		"cut short":                  {na(routerLL, 0xe0)[:23], 255, ""},
		"nothing":                    {nil, 255, ""},
		"a solicitation":             {append([]byte{135}, na(routerLL, 0xe0)[1:]...), 255, ""},
		"a code that there is not":   {append([]byte{136, 1}, na(routerLL, 0xe0)[2:]...), 255, ""},
		"a source address beside it": {na(routerLL, 0xe0, append([]byte{1, 1, 2, 9, 9, 9, 9, 9}, lla...)...), 255, "02:00:00:00:00:fe"},
	} {
		mac, ok := theGateway().answer(message{data: c.b, hopLimit: c.hopLimit, from: addr(routerLL)})
		if ok != (c.mac != "") || ok && mac.String() != c.mac {
			t.Errorf("%s: %v, %v", name, mac, ok)
		}
	}
}

func TestGatewayAsks(t *testing.T) {
	group, reply := packet.SolicitedNode(addr(routerLL)), message{data: na(routerLL, 0x60), hopLimit: 255}
	if group != addr("ff02::1:ffcb:fe") {
		t.Fatal(group)
	}
	to := func(want netip.Addr, after time.Duration) func(int, []byte, netip.Addr) []arrival {
		return func(_ int, _ []byte, to netip.Addr) []arrival {
			if to != want {
				return nil
			}
			return []arrival{{after: after / 2, m: message{data: na("fe80::3", 0x60), hopLimit: 255}}, {after: after, m: reply}}
		}
	}
	all := []int64{0, 700, 1400, 2100, 2800}
	for name, c := range map[string]struct {
		answer func(int, []byte, netip.Addr) []arrival
		known  bool
		want   Gateway
		asks   []int64
	}{
		"at once": {to(group, 4*time.Millisecond), true,
			Gateway{Status: Answered, Group: Answered, Time: 4 * time.Millisecond, Asked: 1}, all[:1]},
		"nobody": {nil, false, Gateway{Status: Silent, Group: Silent, Asked: 5}, all},
		"nobody, known": {nil, true,
			Gateway{Status: Silent, Group: Silent, Unicast: Silent, Asked: 5}, all},
		"itself alone": {to(addr(routerLL), 2*time.Millisecond), true,
			Gateway{Status: Answered, Group: Silent, Unicast: Answered, Time: 2 * time.Millisecond, Asked: 2}, all[:2]},
		"itself alone, unknown": {to(addr(routerLL), time.Millisecond), false,
			Gateway{Status: Silent, Group: Silent, Asked: 5}, all},
		"the first is lost": {func(i int, _ []byte, _ netip.Addr) []arrival {
			if i == 0 {
				return nil
			}
			return []arrival{{after: time.Millisecond, m: reply}}
		}, false, Gateway{Status: Answered, Group: Answered, Time: time.Millisecond, Asked: 2}, all[:2]},
	} {
		q, w := theGateway(), newFake(c.answer)
		q.known, c.want.Address = c.known, q.gateway
		g, err := q.ask(w)
		if g != c.want || err != nil || !slices.Equal(w.sentAt(), c.asks) {
			t.Errorf("%s: %+v, %v; asked at %v", name, g, err, w.sentAt())
		}
	}
	q, w := theGateway(), newFake(nil)
	q.ask(w)
	b := w.sent[0].b
	if len(b) != 32 || b[0] != 135 || netip.AddrFrom16([16]byte(b[8:])) != q.gateway ||
		b[24] != 1 || b[25] != 1 || packet.MAC(b[26:]) != q.mac {
		t.Errorf("asked %x", b)
	}
	w = newFake(nil)
	w.fail = os.NewSyscallError("send", syscall.EPERM)
	if g, err := q.ask(w); g.Status != Refused || g.Group != NotAsked || g.Asked != 0 || err != nil {
		t.Errorf("a filter of this host: %+v, %v", g, err)
	}
	w = newFake(nil)
	w.broken = errors.New("gone")
	if g, err := q.ask(w); g.Status != NotAsked || err == nil {
		t.Errorf("an interface that goes: %+v, %v", g, err)
	}
}
