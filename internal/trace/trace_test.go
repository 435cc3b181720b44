package trace

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	routerMAC = "02:01:00:cb:00:fe"
	guestMAC  = "02:01:00:cb:00:01"
	routerLL  = "fe80::1:ff:fecb:fe"
	guestLL   = "fe80::1:ff:fecb:1"
)

// scene shows frames to a Checker: of a bridge with a router, two guests and an overlay.
type scene struct {
	*Checker
	decoder *packet.Decoder
	now     time.Time
}

func options() Options {
	return Options{Bridge: "brvx-100", Ports: []Port{
		{Name: "vnet9"}, {Name: "vnet1", Guest: true}, {Name: "vnet2", Guest: true},
		{Name: "vxlan100", Kind: Overlay, VNI: 100, UDPPort: 4789},
	}}
}

func newScene(o Options) *scene {
	return &scene{New(o), packet.NewDecoder(), time.Unix(1000, 0)}
}

// at shows a frame at places, "vnet1<" where it comes in and "vnet2>" where it goes out, within a few microseconds.
func (s *scene) at(frame []byte, places ...string) {
	for _, place := range places {
		s.now = s.now.Add(2 * time.Microsecond)
		f := packet.Frame{Time: s.now, Data: frame, Length: len(frame), LinkType: packet.LinkTypeEthernet,
			Direction: packet.Incoming,
			Interface: &packet.Interface{Name: place[:len(place)-1]}}
		if strings.HasSuffix(place, ">") {
			f.Direction = packet.Outgoing
		}
		var p packet.Packet
		if s.decoder.Decode(&f, &p) {
			s.Packet(&p)
		}
	}
}

// in puts a frame into VXLAN.
func in(frame []byte, port uint16) []byte { return overlay(frame, port, 100) }

func overlay(frame []byte, port uint16, vni uint32) []byte {
	return craft.Ethernet(craft.MAC("02:00:00:00:01:02"), craft.MAC("02:00:00:00:01:01"), nil, 0x0800, craft.VXLAN("192.0.2.1",
		"192.0.2.2", port, vni, frame))
}

func (s *scene) judge() (paths []Path, found []string) {
	s.Finish(s.now.Add(time.Second))
	paths = s.Paths()
	for _, f := range Judge(paths, s.Strays(), false, nil) {
		found = append(found, fmt.Sprintf("%s %s: %s", f.Severity, f.Rule, f.Detail))
	}
	return paths, found
}

func advertisement() []byte {
	return craft.Frame(routerMAC, routerLL, craft.AllNodes, craft.CloudStackRA().Message(craft.CloudStackOptions()...))
}

func rogue() []byte {
	return craft.Frame(guestMAC, guestLL, craft.AllNodes, craft.CloudStackRA().Message())
}

func TestJudge(t *testing.T) {
	ra := advertisement()
	ns := craft.Frame(routerMAC, routerLL, "ff02::1:ffcb:1", craft.NS(guestLL, craft.SLLA(routerMAC)))
	na := craft.EthernetIPv6(guestMAC, routerLL, craft.IPv6(guestLL, routerLL, 255, 58, craft.ICMPv6(guestLL, routerLL,
		craft.NA(0x60, guestLL))))
	copy(na, craft.MAC(routerMAC))
	rs := craft.Frame(guestMAC, guestLL, "ff02::2", craft.RS())
	back := craft.EthernetIPv6(routerMAC, guestLL, craft.IPv6(routerLL, guestLL, 255, 58, craft.ICMPv6(routerLL, guestLL,
		craft.NA(0xe0, routerLL))))
	copy(back, craft.MAC(guestMAC))
	tagged := slices.Concat(ra[:12], []byte{0x81, 0, 0, 100}, ra[12:])
	for name, tt := range map[string]struct {
		change func(*Options)
		show   func(s *scene)
		want   []string // how each finding begins
		has    string   // in the first
	}{
		"an advertisement to all": {show: func(s *scene) {
			for range 3 { // the same bytes each time
				s.at(ra, "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
				s.at(in(ra, 4789), "eth0>")
				s.now = s.now.Add(4 * time.Second)
			}
		}},
		"an advertisement lost at one port": {show: func(s *scene) {
			s.at(ra, "vnet9<", "vnet1>", "vxlan100>")
			s.at(in(ra, 4789), "eth0>")
		}, want: []string{"error kvm.lost"}, has: "from vnet9 did not come out of vnet2: once"},
		"lost now and then": {show: func(s *scene) {
			s.at(ra, "vnet9<", "vnet1>", "vxlan100>", "vnet2>")
			s.at(in(ra, 4789), "eth0>")
			s.now = s.now.Add(4 * time.Second)
			s.at(ra, "vnet9<", "vnet1>", "vxlan100>")
			s.at(in(ra, 4789), "eth0>")
		}, want: []string{"warning kvm.lost"}, has: "1 of 2"},
		"a port that is closed": {change: func(o *Options) { o.Ports[2].Closed = true }, show: func(s *scene) {
			s.at(ra, "vnet9<", "vnet1>", "vxlan100>")
			s.at(in(ra, 4789), "eth0>")
		}},
		"isolated ports": {change: func(o *Options) { o.Ports[0].Apart, o.Ports[2].Apart = true, true }, show: func(s *scene) {
			s.at(ra, "vnet9<", "vnet1>", "vxlan100>")
			s.at(in(ra, 4789), "eth0>")
		}},
		"lost below the overlay": {show: func(s *scene) {
			s.at(ra, "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
		}, want: []string{"error kvm.lost"}, has: "went into vxlan100 and did not leave this host"},
		"from the overlay": {show: func(s *scene) {
			s.at(in(ra, 4789), "eth0<")
			s.at(ra, "vxlan100<", "vnet1>", "vnet2>", "vnet9>")
		}},
		"not taken from the overlay": {show: func(s *scene) {
			s.at(in(ra, 4789), "eth0<")
		}, want: []string{"error kvm.lost"}, has: "came to this host in VXLAN 100 from 192.0.2.1, and vxlan100 did not take it"},
		"to the other port of VXLAN": {show: func(s *scene) {
			s.at(in(ra, 8472), "eth0<")
		}, want: []string{"error kvm.vxlan-port"}, has: "to UDP port 8472, once, and vxlan100 listens to 4789"},
		"another network": {show: func(s *scene) {
			s.at(overlay(ra, 8472, 200), "eth0<")
		}},
		"a question for a guest that is known": {show: func(s *scene) {
			s.at(na, "vnet1<", "vnet9>")
			s.at(ns, "vnet9<", "vnet2>", "vxlan100>")
			s.at(in(ns, 4789), "eth0>")
		}, want: []string{"error kvm.lost"}, has: "about fe80::1:ff:fecb:1 from vnet9 did not come out of vnet1"},
		"VXLAN for another host": {change: func(o *Options) { o.Ours = func(netip.Addr) bool { return false } },
			show: func(s *scene) {
				s.at(in(ra, 4789), "eth0<")
				s.at(in(ra, 8472), "eth0<")
			}},
		"to a port that another device takes": {change: func(o *Options) { o.Taken = func(uint32, uint16) bool { return true } },
			show: func(s *scene) {
				s.at(in(ra, 8472), "eth0<")
			}},
		"by another device out of this host": {show: func(s *scene) {
			s.at(ra, "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
			s.at(in(ra, 8472), "eth0>")
		}, want: []string{"error kvm.lost"}, has: "went into vxlan100 and did not leave this host"},
		"an overlay that is not seen below": {change: func(o *Options) { o.Ports[3].Hidden, o.Ports[3].UDPPort = true, 5000 },
			show: func(s *scene) {
				s.at(ra, "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
			}},
		"a station that has moved": {show: func(s *scene) {
			s.at(na, "vnet1<", "vnet9>")
			s.at(back, "vnet9<", "vnet2>")
		}},
		"tagged, for a VLAN's own device": {change: func(o *Options) { o.Ports[0].Trunk = true }, show: func(s *scene) {
			s.at(tagged, "vnet9<", "vnet9>")
		}},
		"tagged, for all": {show: func(s *scene) {
			s.at(tagged, "vnet9<", "vnet1>", "vxlan100>")
			s.at(in(tagged, 4789), "eth0>")
			s.at(ra, "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
			s.at(in(ra, 4789), "eth0>")
		}, want: []string{"warning kvm.lost"}, has: "did not come out of vnet2: 1 of 2"},
		"the same of two VLANs at once": {show: func(s *scene) {
			s.at(ra, "vnet9<")
			s.at(tagged, "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
			s.at(in(tagged, 4789), "eth0>")
			s.at(ra, "vnet1>", "vnet2>", "vxlan100>")
			s.at(in(ra, 4789), "eth0>")
		}},
		"VLANs that are kept apart": {change: func(o *Options) { o.VLANs = true }, show: func(s *scene) {
			s.at(tagged, "vnet9<")
			s.at(ra, "vnet1>")
		}},
		"a question that the bridge answers": {change: func(o *Options) { o.Ports[1].Spared = true }, show: func(s *scene) {
			s.at(na, "vnet1<", "vnet9>")
			s.at(ns, "vnet9<", "vnet2>", "vxlan100>")
			s.at(in(ns, 4789), "eth0>")
		}},
		"a question for nobody": {show: func(s *scene) {
			s.at(ns, "vnet9<", "vnet2>", "vxlan100>")
			s.at(in(ns, 4789), "eth0>")
		}},
		"an answer that is lost": {show: func(s *scene) {
			s.at(ra, "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
			s.at(in(ra, 4789), "eth0>")
			s.at(na, "vnet1<")
		}, want: []string{"error kvm.lost"}, has: "did not come out of vnet9"},
		"a solicitation that does not reach the router": {show: func(s *scene) {
			s.at(ra, "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
			s.at(in(ra, 4789), "eth0>")
			s.now = s.now.Add(time.Second)
			s.at(rs, "vnet1<")
		}, want: []string{"error kvm.lost"}, has: "Router Solicitation of fe80::1:ff:fecb:1 from vnet1 did not come out of vnet9"},
		"a solicitation that other guests do not get": {show: func(s *scene) {
			s.at(ra, "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
			s.at(in(ra, 4789), "eth0>")
			s.now = s.now.Add(time.Second)
			s.at(rs, "vnet1<", "vnet9>")
		}},
		"a rogue that is stopped": {show: func(s *scene) { s.at(rogue(), "vnet1<") },
			want: []string{"error ra.from-guest"}, has: "none of it came out of another port"},
		"a rogue on a hairpin": {show: func(s *scene) { s.at(rogue(), "vnet1<", "vnet1>") },
			want: []string{"error ra.from-guest"}},
		"a rogue that passes": {show: func(s *scene) { s.at(rogue(), "vnet1<", "vnet2>") },
			want: []string{"error ra.from-guest", "error kvm.guard-passed"}, has: guestMAC},
		"machines without security groups": {change: func(o *Options) {
			for i := range o.Ports {
				o.Ports[i].Guest = false
			}
		}, show: func(s *scene) {
			s.at(ra, "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
			s.at(in(ra, 4789), "eth0>")
			s.at(rogue(), "vnet1<", "vnet9>", "vnet2>", "vxlan100>")
			s.at(in(rogue(), 4789), "eth0>")
		}, want: []string{"error ra.from-guest", "error ra.from-guest"}, has: "though router fe80::1:ff:fecb:1 serves this " +
			"network"},
		"one machine without security groups": {change: func(o *Options) {
			for i := range o.Ports {
				o.Ports[i].Guest = false
			}
		}, show: func(s *scene) {
			s.at(ra, "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
			s.at(in(ra, 4789), "eth0>")
		}},
		"the routers are told": {change: func(o *Options) {
			o.Router = func(p *packet.Packet) bool { return p.Source == netip.MustParseAddr(routerLL) }
			for i := range o.Ports {
				o.Ports[i].Guest = false
			}
		}, show: func(s *scene) {
			s.at(ra, "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
			s.at(in(ra, 4789), "eth0>")
			s.at(rogue(), "vnet1<")
		}, want: []string{"error ra.from-guest"}, has: "vnet1"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			if tt.change != nil {
				tt.change(&o)
			}
			s := newScene(o)
			tt.show(s)
			_, found := s.judge()
			ok := slices.EqualFunc(found, tt.want, strings.HasPrefix)
			if !ok || len(found) > 0 && !strings.Contains(found[0], tt.has) {
				t.Errorf("found\n  %s\nwanted %q, with %q", strings.Join(found, "\n  "), tt.want, tt.has)
			}
		})
	}
}

// TestDisguises: what is behind an extension header or in fragments is known again, and told.
func TestDisguises(t *testing.T) {
	message := craft.ICMPv6(guestLL, craft.AllNodes, craft.CloudStackRA().Message())
	behind := craft.EthernetIPv6(guestMAC, craft.AllNodes, craft.IPv6(guestLL, craft.AllNodes, 255, 60,
		append(craft.DestinationOptions(58, 0), message...)))
	s := newScene(options())
	s.at(behind, "vnet1<", "vnet2>")
	pieces := craft.FragmentIPv6(guestLL, craft.AllNodes, 255, 60, 7, append(craft.DestinationOptions(58, 0), message...), 8)
	for _, place := range []string{"vnet1<", "vnet9>"} {
		for _, ip := range pieces {
			s.at(craft.EthernetIPv6(guestMAC, craft.AllNodes, ip), place)
		}
	}
	paths, found := s.judge()
	if len(paths) != 2 || paths[0].Disguise != "behind an extension header" || paths[1].Disguise != "in fragments" {
		t.Errorf("paths %+v", paths)
	}
	if len(found) != 4 {
		t.Errorf("found %q", found)
	}
}

// TestTest: what this run itself sends to test the guard is no rogue; that it passes is told.
func TestTest(t *testing.T) {
	o := options()
	o.Test = func(p *packet.Packet) bool { return p.EthernetSource == packet.MAC(craft.MAC(guestMAC)) }
	s := newScene(o)
	s.at(rogue(), "vnet1<")
	if paths, found := s.judge(); len(found) != 0 || len(paths) != 1 || !paths[0].Test {
		t.Errorf("stopped: %q, %+v", found, paths)
	}
	s = newScene(o)
	s.at(rogue(), "vnet1<", "vnet2>")
	if _, found := s.judge(); len(found) != 1 || !strings.HasPrefix(found[0], "error kvm.guard-passed") {
		t.Errorf("passed: %q", found)
	}
}

// TestEnd: a message that comes in when the capture ends is not judged, and where frames were lost nothing is missed.
func TestEnd(t *testing.T) {
	s := newScene(options())
	s.at(advertisement(), "vnet9<", "vnet1>")
	s.Finish(s.now)
	if paths := s.Paths(); len(paths) != 0 {
		t.Errorf("paths %+v", paths)
	}
	s = newScene(options())
	s.at(advertisement(), "vnet9<", "vnet1>")
	s.Finish(s.now.Add(time.Second))
	if found := Judge(s.Paths(), nil, true, nil); len(found) != 0 {
		t.Errorf("unsure, and found %v", found)
	}
	if found := Judge(s.Paths(), nil, false, nil); len(found) != 2 || found[0].Severity != rule.Error {
		t.Errorf("found %v", found)
	}
}

// TestChanged: what did not come out of a port that was closed meanwhile is not missed.
func TestChanged(t *testing.T) {
	s := newScene(options())
	s.at(advertisement(), "vnet9<", "vnet1>", "vxlan100>")
	s.at(in(advertisement(), 4789), "eth0>")
	s.Finish(s.now.Add(time.Second))
	if found := Judge(s.Paths(), nil, false, nil); len(found) != 1 {
		t.Errorf("found %v", found)
	}
	s.Changed("vnet2")
	if paths := s.Paths(); len(Judge(paths, nil, false, nil)) != 0 || len(paths[0].Exits) != 2 {
		t.Errorf("paths %+v", paths)
	}
}

// TestBounds: a flood fills the tables and no more.
func TestBounds(t *testing.T) {
	s := newScene(options())
	for i := range 3 * maxStations {
		mac := fmt.Sprintf("02:02:00:%02x:%02x:%02x", i>>16, i>>8&0xff, i&0xff)
		ll := fmt.Sprintf("fe80::%x", i+1)
		s.at(craft.Frame(mac, ll, craft.AllNodes, craft.CloudStackRA().Message()), "vnet9<", "vnet1>")
	}
	s.Finish(s.now.Add(time.Second))
	if len(s.paths) > maxPaths+maxOffers || len(s.order) != 0 || len(s.open) != 0 || len(s.macs) > maxStations ||
		s.Forgotten() == 0 {
		t.Errorf("%d paths, %d open, %d stations, %d forgotten", len(s.paths), len(s.open), len(s.macs), s.Forgotten())
	}
}

// TestOffersInFlood: a flood of questions leaves room for an advertisement, and when a router was asked for is known.
func TestOffersInFlood(t *testing.T) {
	s := newScene(options())
	for i := range 2 * maxPaths {
		s.at(craft.Frame(guestMAC, guestLL, "ff02::1:ff00:1", craft.NS(fmt.Sprintf("fe80::%x", i+1))), "vnet1<", "vnet2>")
	}
	if !s.Asked().IsZero() {
		t.Error("nobody has asked for a router")
	}
	s.at(craft.Frame(guestMAC, guestLL, "ff02::2", craft.RS()), "vnet1<")
	asked := s.now
	s.at(craft.Frame(guestMAC, guestLL, "ff02::2", craft.RS()), "vnet1<")
	s.at(advertisement(), "vnet9<", "vnet1>", "vnet2>", "vxlan100>")
	if paths, _ := s.judge(); paths[0].Source != netip.MustParseAddr(routerLL) || !s.Asked().Equal(asked) {
		t.Errorf("%+v, asked at %v", paths[0], s.Asked())
	}
}
