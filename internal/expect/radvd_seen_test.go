package expect

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/icmp6"
)

// radvdDifferences holds a whole advertisement against what is expected of it, in the order of what radvd sends: nothing may
// be missing, and nothing be there besides.
func radvdDifferences(a *Advertisement, m *icmp6.Message) (all []string) {
	differ := func(name string, got, want any) {
		all = append(all, fmt.Sprintf("%s is %v, expected %v", name, got, want))
	}
	number := func(name string, got uint64, want *Range) {
		if !want.Has(got) {
			differ(name, got, want)
		}
	}
	flag := func(name string, got bool, want *Switch) {
		if got != want.On {
			differ(name, got, want.On)
		}
	}
	word := func(name string, got fmt.Stringer, want *Text) {
		if want != nil && got.String() != want.Want {
			differ(name, got, want.Want)
		}
	}
	ra := &m.RA
	number("hop limit", uint64(ra.CurHopLimit), a.CurHopLimit)
	flag("M", ra.Managed, a.Managed)
	flag("O", ra.Other, a.Other)
	flag("H", ra.HomeAgent, a.HomeAgent)
	word("preference", ra.Preference, a.Preference)
	number("router lifetime", uint64(ra.RouterLifetime), a.RouterLifetime)
	number("reachable time", uint64(ra.ReachableTime), a.ReachableTime)
	number("retrans timer", uint64(ra.RetransTimer), a.RetransTimer)

	mtu, linkLayer := uint64(0), false
	prefixes, routes := slices.Clone(a.Prefixes.List), slices.Clone(a.Routes.List)
	servers, domains, others := slices.Clone(a.RDNSS.List), slices.Clone(a.DNSSL.List), slices.Clone(a.Options.List)
	for _, o := range m.Options {
		switch o.Type {
		case icmp6.OptMTU:
			v, _ := o.MTU()
			mtu = uint64(v.MTU)
		case icmp6.OptSourceLinkLayerAddress:
			linkLayer = true
		case icmp6.OptPrefixInformation:
			v, _ := o.PrefixInformation()
			if a.Prefixes.More && (len(prefixes) == 0 || prefixes[0].Prefix != v.Prefix()) {
				continue
			}
			w, ok := radvdFirst(&prefixes)
			if !ok || w.Prefix != v.Prefix() {
				differ("prefix", v.Prefix(), w.Prefix)
				continue
			}
			name := w.Prefix.String()
			flag(name+" L", v.OnLink, w.OnLink)
			flag(name+" A", v.Autonomous, w.Autonomous)
			flag(name+" R", v.RouterAddress, w.RouterAddress)
			number(name+" valid", uint64(v.ValidLifetime), w.Valid)
			number(name+" preferred", uint64(v.PreferredLifetime), w.Preferred)
		case icmp6.OptRouteInformation:
			v, _ := o.RouteInformation()
			if w, ok := radvdFirst(&routes); !ok || w.Prefix != v.Prefix() {
				differ("route", v.Prefix(), w.Prefix)
			} else {
				word(w.Prefix.String()+" preference", v.Preference, w.Preference)
				number(w.Prefix.String()+" lifetime", uint64(v.Lifetime), w.Lifetime)
			}
		case icmp6.OptRDNSS:
			v, _ := o.RDNSS()
			for i := range v.Len() {
				if w, ok := radvdFirst(&servers); !ok || w.Address != v.Server(i) {
					differ("server", v.Server(i), w.Address)
				} else {
					number(w.Address.String(), uint64(v.Lifetime), w.Lifetime)
				}
			}
		case icmp6.OptDNSSL:
			v, _ := o.DNSSL()
			names, err := v.Domains()
			if err != nil && !a.DNSSL.More {
				differ("domain", err, "none damaged")
			}
			for _, name := range names {
				if a.DNSSL.More && (len(domains) == 0 || domains[0].Name != strings.TrimSuffix(name, ".")) {
					continue
				}
				if w, ok := radvdFirst(&domains); !ok || w.Name != name && w.Name+"." != name {
					differ("domain", name, w.Name)
				} else {
					number(w.Name, uint64(v.Lifetime), w.Lifetime)
				}
			}
		default:
			w, ok := radvdFirst(&others)
			got, want := hex.EncodeToString(o.Raw[2:]), hex.EncodeToString(w.Data)
			if !ok || w.Type != uint8(o.Type) || got != want {
				differ("option "+o.Type.String(), got, want)
			}
		}
	}
	number("MTU", mtu, a.MTU)
	flag("link-layer address", linkLayer, a.SourceLinkLayer)
	if n := len(prefixes) + len(routes) + len(servers) + len(domains) + len(others); n > 0 {
		differ("what is missing", slices.Concat(radvdNames(prefixes), radvdNames(routes), radvdNames(servers),
			radvdNames(domains), radvdNames(others)), "nothing")
	}
	return all
}

func radvdNames[T any](list []T) (names []string) {
	for _, v := range list {
		names = append(names, fmt.Sprintf("%+v", v))
	}
	return names
}

// radvdFirst takes the first of a list.
func radvdFirst[T any](list *[]T) (first T, ok bool) {
	if len(*list) == 0 {
		return first, false
	}
	first = (*list)[0]
	*list = (*list)[1:]
	return first, true
}
