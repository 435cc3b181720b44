package report

import (
	"fmt"
	"strings"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/nd"
)

func stateName(s nd.State) string {
	switch s {
	case nd.Incomplete:
		return "incomplete"
	case nd.Reachable:
		return "reachable"
	case nd.Stale:
		return "stale"
	case nd.Failed:
		return "failed"
	case nd.Tentative:
		return "tentative"
	}
	return "conflict"
}

// learntFrom are the members of nd.Learnt in the words of a table and of JSON.
var learntFrom = [...]struct {
	bit        nd.Learnt
	text, json string
}{
	{nd.FromNS, "NS", "ns"},
	{nd.FromNA, "NA", "na"},
	{nd.FromUnsolicitedNA, "unasked NA", "unsolicited-na"},
	{nd.FromRS, "RS", "rs"},
	{nd.FromRA, "RA", "ra"},
	{nd.FromRedirect, "Redirect", "redirect"},
	{nd.FromDAD, "DAD", "dad"},
}

// protocolName returns the name of an upper-layer protocol or next header, "" for one without.
func protocolName(p uint8) string {
	switch p {
	case 0:
		return "hop-by-hop"
	case 4:
		return "ipv4"
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case 33:
		return "dccp"
	case 41:
		return "ipv6"
	case 43:
		return "routing"
	case 44:
		return "fragment"
	case 47:
		return "gre"
	case 50:
		return "esp"
	case 51:
		return "ah"
	case 58:
		return "icmpv6"
	case 59:
		return "no-next-header"
	case 60:
		return "destination-options"
	case 132:
		return "sctp"
	case 136:
		return "udp-lite"
	}
	return ""
}

func protocol(p uint8) string {
	if name := protocolName(p); name != "" {
		return name
	}
	return fmt.Sprintf("protocol%s%d", nbsp, p)
}

// codeWords says in a few words what the code of an error means, and its usual cause. Both are "" where the type has no
// codes, and the cause where there is nothing to add.
func codeWords(t icmp6.Type, code uint8) (meaning, cause string) {
	switch t {
	case icmp6.TypeDestinationUnreachable:
		return unreachableWords(code)
	case icmp6.TypeTimeExceeded:
		switch code {
		case 0:
			return "hop limit exceeded", "a routing loop, or a traceroute that passes by"
		case 1:
			return "reassembly time exceeded", "fragments got lost on the way, often to a firewall"
		}
	case icmp6.TypeParameterProblem:
		return parameterWords(code)
	case icmp6.TypePacketTooBig:
		if code == 0 {
			return "", ""
		}
	}
	return fmt.Sprintf("code%s%d", nbsp, code), ""
}

// unreachableWords is codeWords for RFC 4443 §3.1 and what was added to it.
func unreachableWords(code uint8) (meaning, cause string) {
	switch code {
	case 0:
		return "no route", "that router has no route there; if a guest is there, the upstream router lacks the route to its " +
			"prefix (ip6routes in listNetworks)"
	case 1:
		return "prohibited", "a firewall or an ACL on the way refuses it"
	case 2:
		return "beyond scope of the source", "a link-local source address for a destination that is not on the link"
	case 3:
		return "address unreachable", "nobody answers neighbor discovery for the destination: it is down, or its answers get lost"
	case 4:
		return "port unreachable", "nothing listens on that port"
	case 5:
		return "source address refused", "a filter takes no such source address there: not one of the network's own prefix"
	case 6:
		return "reject route", "a route of kind unreachable or prohibit covers the destination"
	case 7:
		return "error in source routing header", "a low-power network's router cannot follow the source route (RFC 6550)"
	case 8:
		return "headers too long", "a router cannot look that far into the extension headers (RFC 8883)"
	}
	return fmt.Sprintf("code%s%d", nbsp, code), ""
}

// parameterWords is codeWords for RFC 4443 §3.4 and what was added to it (RFC 7112, RFC 8754, RFC 8883).
func parameterWords(code uint8) (meaning, cause string) {
	switch code {
	case 0:
		return "erroneous header field", "a header was damaged, or made wrongly"
	case 1:
		return "unrecognized next header", "the destination does not speak that protocol"
	case 2:
		return "unrecognized option", "an option says that who does not know it must refuse the packet"
	case 3:
		return "incomplete header chain in the first fragment", "a sender that splits its headers over fragments"
	case 4:
		return "upper-layer header error at a segment", "segment routing ends at a node that does not expect it"
	case 5:
		return "unrecognized next header at a router", "a router refuses an extension header that it does not know"
	case 6:
		return "extension header too big", "a router refuses so long an extension header"
	case 7:
		return "extension header chain too long", "a router cannot look that far into the extension headers"
	case 8:
		return "too many extension headers", "a router refuses so many extension headers"
	case 9:
		return "too many options", "a router refuses so many options in an extension header"
	case 10:
		return "option too big", "a router refuses so long an option"
	}
	return fmt.Sprintf("code%s%d", nbsp, code), ""
}

// messageName says the kind of a message in as few words as tell it: "unreachable (no route)", "port unreachable".
func messageName(t icmp6.Type, code uint8) string {
	if !t.IsError() {
		return t.String()
	}
	meaning, cause := codeWords(t, code)
	switch {
	case meaning == "":
		return t.String()
	case t == icmp6.TypeTimeExceeded && cause != "" || strings.HasSuffix(meaning, " unreachable"):
		return meaning
	case t == icmp6.TypeDestinationUnreachable:
		return "unreachable (" + meaning + ")"
	}
	return t.String() + " (" + meaning + ")"
}

// errorName says an error's kind: "packet-too-big 1400", "unreachable (no route)".
func errorName(e *nd.ErrorGroup) string {
	t := icmp6.Type(e.Type)
	name := messageName(t, e.Code)
	if rest, ok := strings.CutPrefix(name, icmp6.TypePacketTooBig.String()); ok {
		return fmt.Sprintf("%v%s%d%s", t, nbsp, e.MTU, rest)
	}
	return name
}

// flowText says whose packets an error is about: "fd17::a.43210 > 2001:db8::80.443 tcp".
func flowText(e *nd.ErrorGroup) string {
	switch {
	case !e.From.IsValid():
		return "a packet that is not quoted"
	case e.HasPorts:
		return fmt.Sprintf("%v.%d > %v.%d %s", e.From, e.SourcePort, e.To, e.Port, protocol(e.Protocol))
	case e.HasEcho:
		return fmt.Sprintf("%v > %v echo id%s%d", e.From, e.To, nbsp, e.SourcePort)
	}
	return fmt.Sprintf("%v > %v %s", e.From, e.To, protocol(e.Protocol))
}

// ago says how long before now t was: "2 s ago".
func ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case d < time.Second:
		return "now"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d%ss%sago", d/time.Second, nbsp, nbsp)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d%smin%sago", d/time.Minute, nbsp, nbsp)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d%sh%sago", d/time.Hour, nbsp, nbsp)
	}
	return fmt.Sprintf("%d%sd%sago", d/(24*time.Hour), nbsp, nbsp)
}

// justNow is ago in a sentence.
func justNow(now, t time.Time) string {
	if s := ago(now, t); s != "now" {
		return s
	}
	return "just now"
}

// howOften says how often something happened, in what time (0 for a time not to be told), and when it did last.
func howOften(count uint64, span time.Duration, now, last time.Time) string {
	when := justNow(now, last)
	if count == 1 {
		return "once, " + when
	}
	s := times(count)
	if span > 0 {
		s += " in " + Duration(span)
	}
	return s + ", the last " + when
}

// knownFrom says what messages a neighbor is known from, and what else is special about it.
func knownFrom(n nd.Neighbor) string {
	var s []string
	for _, m := range learntFrom {
		if n.Learnt&m.bit != 0 {
			s = append(s, m.text)
		}
	}
	if n.Outgoing {
		s = append(s, "this host")
	}
	if n.Proxied {
		s = append(s, "proxied")
	}
	if n.Changes > 0 {
		s = append(s, fmt.Sprintf("MAC changed %s", times(uint64(n.Changes))))
	}
	return strings.Join(s, ", ")
}
