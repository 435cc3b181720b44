package nd

import (
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// TestNobodysWord wants nothing learnt from what no host takes in.
func TestNobodysWord(t *testing.T) {
	na := func(destination string) []byte {
		return craft.Frame(craft.RouterMAC, craft.RouterLL, destination, craft.NA(0xa0, craft.RouterLL, craft.TLLA(craft.RouterMAC)))
	}
	ra := func(source string, hopLimit uint8, message []byte) []byte {
		return craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes,
			craft.IPv6(source, craft.AllNodes, hopLimit, 58, craft.ICMPv6(source, craft.AllNodes, message)))
	}
	good := craft.CloudStackRA().Message(craft.SLLA(craft.RouterMAC))
	for name, tt := range map[string]struct {
		frame []byte
		known bool
	}{
		"NA to all nodes":               {na(craft.AllNodes), true},
		"NA to the loopback address":    {na("::1"), false},
		"NA to no address":              {na("::"), false},
		"RA":                            {ra(craft.RouterLL, 255, good), true},
		"RA that was forwarded":         {ra(craft.RouterLL, 64, good), false},
		"RA from a global address":      {ra("2001:db8::1", 255, good), false},
		"RA with an option of length 0": {ra(craft.RouterLL, 255, craft.CloudStackRA().Message(craft.WithLength(craft.SLLA(craft.RouterMAC), 0))), false},
		"RA that is cut":                {ra(craft.RouterLL, 255, good[:12]), false},
		"RA with bytes behind its end":  {ra(craft.RouterLL, 255, craft.Join(good, []byte{1})), false},
	} {
		f := packet.Frame{Number: 1, Time: time.Unix(1700000000, 0), Data: tt.frame, Length: len(tt.frame),
			LinkType: packet.LinkTypeEthernet, Interface: &packet.Interface{}}
		var p packet.Packet
		packet.NewDecoder().Decode(&f, &p)
		c := New()
		c.Packet(&p)
		known := 0
		for _, l := range c.links.order {
			c.eachNeighbor(l, func(*Neighbor) { known++ })
		}
		if (known > 0) != tt.known {
			t.Errorf("%s: %d neighbors learnt", name, known)
		}
	}
}
