package report

import (
	"encoding/hex"
	"fmt"
	"strings"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// describe says an option in the words of a router's block: a short name and its values.
func describe(o *icmp6.Option) (name, text string) {
	name, text, ok := describeAddressing(o)
	if !ok {
		name, text, ok = describeService(o)
	}
	if !ok {
		name, text = "option", fmt.Sprintf("%d (%v), %d bytes: %s", o.Type, o.Type, len(o.Raw), short(hex.EncodeToString(o.Raw)))
	}
	switch o.Fault {
	case icmp6.FaultZero:
		text += "; its length is zero"
	case icmp6.FaultOverrun:
		text += "; it runs past the end of the message"
	}
	return name, text
}

func short(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

func describeAddressing(o *icmp6.Option) (name, text string, ok bool) {
	switch o.Type {
	case icmp6.OptPrefixInformation:
		if v, ok := o.PrefixInformation(); ok {
			return "prefix", prefixText(v), true
		}
	case icmp6.OptSourceLinkLayerAddress:
		if a, ok := o.LinkLayerAddress(); ok {
			return "source MAC", string(appendMAC(nil, a)), true
		}
	case icmp6.OptTargetLinkLayerAddress:
		if a, ok := o.LinkLayerAddress(); ok {
			return "target MAC", string(appendMAC(nil, a)), true
		}
	case icmp6.OptMTU:
		if v, ok := o.MTU(); ok {
			return "MTU", fmt.Sprint(v.MTU), true
		}
	case icmp6.OptRouteInformation:
		if v, ok := o.RouteInformation(); ok {
			return "route", fmt.Sprintf("%s preference %v for %s",
				addrBits(v.Address.String(), v.PrefixLength), v.Preference, seconds(v.Lifetime)), true
		}
	case icmp6.OptAdvertisementInterval:
		if ms, ok := o.AdvertisementInterval(); ok {
			return "interval", fmt.Sprintf("at most %d ms between advertisements", ms), true
		}
	case icmp6.OptHomeAgentInformation:
		if v, ok := o.HomeAgentInformation(); ok {
			return "home agent", fmt.Sprintf("preference %d for %s", v.Preference, seconds(uint32(v.Lifetime))), true
		}
	case icmp6.OptRedirectedHeader:
		if v, ok := o.RedirectedHeader(); ok {
			return "about", quoteText(v), true
		}
	case icmp6.OptNonce:
		if v, ok := o.Nonce(); ok {
			return "nonce", hex.EncodeToString(v), true
		}
	}
	return "", "", false
}

func describeService(o *icmp6.Option) (name, text string, ok bool) {
	switch o.Type {
	case icmp6.OptRDNSS:
		if v, ok := o.RDNSS(); ok {
			return "DNS server", fmt.Sprintf("%s for %s", list(v), seconds(v.Lifetime)), true
		}
	case icmp6.OptDNSSL:
		if v, ok := o.DNSSL(); ok {
			domains, err := v.Domains()
			text := fmt.Sprintf("%s for %s", strings.Join(domains, ", "), seconds(v.Lifetime))
			if err != nil {
				text += "; " + err.Error()
			}
			return "DNS search", text, true
		}
	case icmp6.OptFlagsExtension:
		if _, ok := o.FlagsExtension(); ok {
			return "more flags", hex.EncodeToString(o.Raw[2:8]), true
		}
	case icmp6.Opt6CO:
		if v, ok := o.SixCO(); ok {
			return "6LoWPAN", fmt.Sprintf("context %d %s for %s", v.ContextID,
				addrBits(v.Prefix.String(), v.ContextLength), seconds(60*uint32(v.ValidLifetime))), true
		}
	case icmp6.OptCaptivePortal:
		if v, ok := o.CaptivePortal(); ok {
			return "portal", wireText(v), true
		}
	case icmp6.OptPREF64:
		if v, ok := o.PREF64(); ok {
			if !v.Prefix().IsValid() {
				return "NAT64", fmt.Sprintf("%v with prefix length code %d, which means nothing", v.Address, v.PLC), true
			}
			return "NAT64", fmt.Sprintf("%v for %s", v.Prefix(), seconds(v.Lifetime)), true
		}
	case icmp6.OptEncryptedDNS:
		if v, ok := o.EncryptedDNS(); ok {
			name, _ := v.Name()
			return "secure DNS", fmt.Sprintf("%s %s, priority %d, for %s", name, list(v), v.ServicePriority, seconds(v.Lifetime)), true
		}
	}
	return "", "", false
}

func list(s servers) string {
	addrs := make([]string, s.Len())
	for i := range addrs {
		addrs[i] = s.Server(i).String()
	}
	return strings.Join(addrs, ", ")
}

func addrBits(a string, bits uint8) string { return fmt.Sprintf("%s/%d", a, bits) }

func prefixText(v icmp6.PrefixInformation) string {
	var what []string
	for _, f := range []struct {
		on   bool
		name string
	}{{v.OnLink, "on-link"}, {v.Autonomous, "autonomous"}, {v.RouterAddress, "router address"}, {v.DHCPv6PD, "DHCPv6-PD preferred"}} {
		if f.on {
			what = append(what, f.name)
		}
	}
	if len(what) == 0 {
		what = []string{"no flags"}
	}
	s := fmt.Sprintf("%s %s; valid %s, preferred %s", addrBits(v.Address.String(), v.PrefixLength),
		strings.Join(what, ", "), seconds(v.ValidLifetime), seconds(v.PreferredLifetime))
	if p := v.Prefix(); p.IsValid() && p.Addr() != v.Address {
		s += fmt.Sprintf(" (the prefix is %v)", p)
	}
	return s
}

// Line writes one message on one line, as -v shows it.
func (t *Text) Line(p *packet.Packet, found []rule.Finding) {
	m := &p.Message
	var b strings.Builder
	b.WriteString(clock(p.Frame.Time))
	if l := p.Link().String(); l != "" {
		b.WriteString(" " + printable(l))
	}
	fmt.Fprintf(&b, " %v", p.Source)
	if p.Source.IsUnspecified() && p.EthernetSource != (packet.MAC{}) {
		fmt.Fprintf(&b, " (%v)", p.EthernetSource)
	}
	fmt.Fprintf(&b, " > %v %s", p.Destination, messageName(m.Type, m.Code))
	if !usualHopLimit(m.Type, p.HopLimit) {
		fmt.Fprintf(&b, ", hop limit %d", p.HopLimit)
	}
	said := describeMessage(&b, m)
	for i := range m.Options {
		if i == said {
			continue
		}
		name, text := describe(&m.Options[i])
		fmt.Fprintf(&b, ", %s %s", name, text)
	}
	line := b.String()
	for i, f := range found {
		if !repeats(found[:i], f.Rule) {
			line += " " + t.style.severity(f.Severity, "!"+string(f.Rule))
		}
	}
	t.line(line)
}

func shortFlags(f icmp6.RouterFields) string {
	s := ""
	for _, b := range []struct {
		on   bool
		name string
	}{{f.Managed, "M"}, {f.Other, "O"}, {f.HomeAgent, "H"}, {f.Proxy, "P"}, {f.SNAC, "S"}} {
		if b.on {
			s += b.name
		}
	}
	if s == "" {
		return "none"
	}
	return s
}
