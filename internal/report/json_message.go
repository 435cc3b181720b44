package report

import (
	"net/netip"
	"strconv"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// packet appends where a message was seen and what carried it.
func (o object) packet(p *packet.Packet) object {
	if name := p.Frame.Interface.Name; name != "" {
		o = o.raw(`,"iface":`).string(name)
	}
	if len(p.VLANs) > 0 {
		o = o.vlans(p.VLANs)
	}
	if n := len(p.Tunnels); n > 0 {
		o = o.uint("vni", uint64(p.Tunnels[n-1].VNI)).tunnels(p.Tunnels)
	}
	o = o.raw(`,"frame":`).num(p.Frame.Number)
	switch p.Frame.Direction {
	case packet.Incoming:
		o = o.raw(`,"direction":"in"`)
	case packet.Outgoing:
		o = o.raw(`,"direction":"out"`)
	}
	return o
}

func (o object) vlans(tags []packet.VLAN) object {
	o = o.key("vlan").open('[')
	for _, v := range tags {
		o = strconv.AppendUint(o.elem(), uint64(v.ID), 10)
	}
	return o.close(']')
}

func (o object) tunnels(tunnels []packet.Tunnel) object {
	o = o.key("tunnels").open('[')
	for _, t := range tunnels {
		o = o.elem().open('{').key("kind").string("vxlan").uint("vni", uint64(t.VNI))
		o = o.addr("source", t.Source).addr("destination", t.Destination).uint("port", uint64(t.Port))
		if len(t.VLANs) > 0 {
			o = o.vlans(t.VLANs)
		}
		o = o.close('}')
	}
	return o.close(']')
}

// message appends the decoded message.
func (o object) message(p *packet.Packet) object {
	m := &p.Message
	o = o.raw(`,"message":"`).raw(m.Type.String()).raw(`","source":"`).ip(p.Source)
	o = o.raw(`","destination":"`).ip(p.Destination)
	if p.HasEthernet {
		o = appendEthernet(o.raw(`","source_mac":"`), p.EthernetSource)
		o = appendEthernet(o.raw(`","destination_mac":"`), p.EthernetDestination)
	}
	o = o.raw(`","hop_limit":`).num(uint64(p.HopLimit)).raw(`,"code":`).num(uint64(m.Code))
	o = o.raw(`,"checksum":"`).raw(checksumName(p.Checksum)).raw(`","checksum_value":`).num(uint64(m.Checksum))
	if len(p.Extensions) > 0 {
		o = o.key("extensions").open('[')
		for _, e := range p.Extensions {
			o = strconv.AppendUint(o.elem(), uint64(e.Header), 10)
		}
		o = o.close(']')
	}
	if p.Fragment.Pieces > 0 && p.Fragment.Reassembled {
		o = o.uint("fragments", uint64(p.Fragment.Pieces))
	}
	if !p.Complete || m.Short {
		o = o.bool("truncated", true)
	}
	return o.fields(m).options(m)
}

func checksumName(c packet.Checksum) string {
	switch c {
	case packet.ChecksumGood:
		return "good"
	case packet.ChecksumBad:
		return "bad"
	case packet.ChecksumOffload:
		return "offload"
	}
	return "unverified"
}

// fields appends the fixed fields of m's type.
func (o object) fields(m *icmp6.Message) object {
	switch m.Type {
	case icmp6.TypeRouterAdvertisement:
		f := &m.RA
		o = o.raw(`,"cur_hop_limit":`).num(uint64(f.CurHopLimit)).raw(`,"managed":`).truth(f.Managed)
		o = o.raw(`,"other":`).truth(f.Other).raw(`,"home_agent":`).truth(f.HomeAgent)
		o = o.raw(`,"preference":"`).raw(f.Preference.String())
		o = o.raw(`","proxy":`).truth(f.Proxy).raw(`,"snac":`).truth(f.SNAC)
		o = o.raw(`,"router_lifetime":`).num(uint64(f.RouterLifetime))
		o = o.raw(`,"reachable_time":`).num(uint64(f.ReachableTime)).raw(`,"retrans_timer":`).num(uint64(f.RetransTimer))
	case icmp6.TypeNeighborAdvertisement:
		o = o.raw(`,"router":`).truth(m.NA.Router).raw(`,"solicited":`).truth(m.NA.Solicited)
		o = o.raw(`,"override":`).truth(m.NA.Override).raw(`,"target":"`).ip(m.Target).raw(`"`)
	case icmp6.TypeNeighborSolicitation:
		o = o.raw(`,"target":"`).ip(m.Target).raw(`"`)
	case icmp6.TypeRedirect:
		o = o.addr("target", m.Target).addr("redirect_destination", m.RedirectDestination)
	default:
		if m.Type.IsError() {
			o = o.errorFields(m)
		} else if m.Type.IsMLD() {
			o = o.mldFields(m)
		}
	}
	return o
}

func (o object) options(m *icmp6.Message) object {
	if !m.Type.IsND() {
		return o
	}
	o = o.raw(`,"options":[`)
	for i := range m.Options {
		o = o.elem().option(&m.Options[i])
	}
	o = o.close(']')
	if m.Trailing > 0 {
		o = o.uint("trailing_bytes", uint64(m.Trailing))
	}
	return o
}

func (o object) option(opt *icmp6.Option) object {
	o = o.raw(`{"type":`).num(uint64(opt.Type)).raw(`,"name":"`).raw(opt.Type.String())
	o = o.raw(`","length":`).num(uint64(opt.Length)).raw(`,"offset":`).num(uint64(opt.Offset))
	switch opt.Fault {
	case icmp6.FaultZero:
		o = o.key("fault").string("length-zero")
	case icmp6.FaultOverrun:
		o = o.key("fault").string("overrun")
	}
	if opt.Guessed {
		o = o.bool("guessed", true)
	}
	o, ok := o.optionFields(opt)
	if !ok {
		o = o.hex("raw", opt.Raw)
	}
	return o.close('}')
}

// optionFields appends the decoded fields of opt; false means that it has none, and its bytes must speak.
func (o object) optionFields(opt *icmp6.Option) (object, bool) {
	switch opt.Type {
	case icmp6.OptSourceLinkLayerAddress, icmp6.OptTargetLinkLayerAddress:
		if a, ok := opt.LinkLayerAddress(); ok {
			return append(appendMAC(o.raw(`,"address":"`), a), '"'), true
		}
	case icmp6.OptPrefixInformation:
		if v, ok := opt.PrefixInformation(); ok {
			o = o.raw(`,"prefix":"`).ip(v.Address).raw(`","prefix_length":`).num(uint64(v.PrefixLength))
			o = o.raw(`,"on_link":`).truth(v.OnLink).raw(`,"autonomous":`).truth(v.Autonomous)
			o = o.raw(`,"router_address":`).truth(v.RouterAddress).raw(`,"dhcpv6_pd":`).truth(v.DHCPv6PD)
			o = o.raw(`,"valid_lifetime":`).num(uint64(v.ValidLifetime))
			return o.raw(`,"preferred_lifetime":`).num(uint64(v.PreferredLifetime)), true
		}
	case icmp6.OptMTU:
		if v, ok := opt.MTU(); ok {
			return o.raw(`,"mtu":`).num(uint64(v.MTU)), true
		}
	case icmp6.OptRouteInformation:
		if v, ok := opt.RouteInformation(); ok {
			o = o.addr("prefix", v.Address).uint("prefix_length", uint64(v.PrefixLength))
			o = o.key("preference").string(v.Preference.String())
			return o.uint("lifetime", uint64(v.Lifetime)), true
		}
	case icmp6.OptAdvertisementInterval:
		if ms, ok := opt.AdvertisementInterval(); ok {
			return o.uint("interval", uint64(ms)), true
		}
	case icmp6.OptHomeAgentInformation:
		if v, ok := opt.HomeAgentInformation(); ok {
			return o.uint("preference", uint64(v.Preference)).uint("lifetime", uint64(v.Lifetime)), true
		}
	case icmp6.OptNonce:
		if v, ok := opt.Nonce(); ok {
			return o.hex("nonce", v), true
		}
	case icmp6.OptRedirectedHeader:
		if v, ok := opt.RedirectedHeader(); ok {
			return o.hex("packet", v).quoted(v), true
		}
	default:
		return o.serviceFields(opt)
	}
	return o, false
}

// serviceFields is optionFields for the options about names and services.
func (o object) serviceFields(opt *icmp6.Option) (object, bool) {
	switch opt.Type {
	case icmp6.OptRDNSS:
		if v, ok := opt.RDNSS(); ok {
			o = o.raw(`,"lifetime":`).num(uint64(v.Lifetime)).raw(`,"servers":[`)
			for i := range v.Len() {
				o = o.element(v.Server(i))
			}
			return o.close(']'), true
		}
	case icmp6.OptDNSSL:
		if v, ok := opt.DNSSL(); ok {
			return o.raw(`,"lifetime":`).num(uint64(v.Lifetime)).domains(&v), true
		}
	case icmp6.OptFlagsExtension:
		if _, ok := opt.FlagsExtension(); ok {
			return o.hex("flags", opt.Raw[2:8]), true
		}
	case icmp6.Opt6CO:
		if v, ok := opt.SixCO(); ok {
			o = o.addr("prefix", v.Prefix).uint("context_length", uint64(v.ContextLength))
			o = o.uint("context_id", uint64(v.ContextID)).bool("compress", v.Compress)
			return o.uint("valid_lifetime", 60*uint64(v.ValidLifetime)), true
		}
	case icmp6.OptCaptivePortal:
		if v, ok := opt.CaptivePortal(); ok {
			return o.key("uri").string(wireText(v)), true
		}
	case icmp6.OptPREF64:
		if v, ok := opt.PREF64(); ok {
			return o.uint("lifetime", uint64(v.Lifetime)).uint("plc", uint64(v.PLC)).prefix("prefix", v.Prefix()), true
		}
	case icmp6.OptEncryptedDNS:
		if v, ok := opt.EncryptedDNS(); ok {
			o = o.uint("priority", uint64(v.ServicePriority)).uint("lifetime", uint64(v.Lifetime))
			name, _ := v.Name()
			o = o.key("adn").string(name).key("servers").open('[')
			for i := range v.Len() {
				o = o.element(v.Server(i))
			}
			return o.close(']').hex("svc_params", v.SvcParams), true
		}
	}
	return o, false
}

func (o object) element(a netip.Addr) object { return o.elem().raw(`"`).ip(a).raw(`"`) }

// servers is an option that lists addresses.
type servers interface {
	Len() int
	Server(i int) netip.Addr
}

// domains appends a search list. Each name is written where it is to stand, and over again in the rare case that something in
// it needs to be escaped.
func (o object) domains(v *icmp6.DNSSL) object {
	o = o.raw(`,"domains":[`)
	for off := 0; ; {
		before := o.elem()
		named, next, err := v.AppendDomain(before.open('"'), off)
		switch {
		case err != nil:
			return o.raw(`],"domains_error":`).string(err.Error())
		case next == off:
			return o.close(']')
		}
		off = next
		if name := named[len(before)+1:]; allPlain(name) {
			o = append(named, '"')
		} else {
			o = before.string(string(name))
		}
	}
}
