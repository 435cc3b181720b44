package conform

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"v6probe/internal/expect"
	"v6probe/internal/icmp6"
	"v6probe/internal/rule"
)

// option compares one option, and takes note of what it offers.
func (d *differ) option(o *icmp6.Option) {
	switch o.Type {
	case icmp6.OptSourceLinkLayerAddress:
		d.offer.sourceLinkLayer = true
		if s := d.says.SourceLinkLayer; s != nil && !s.On {
			d.c.add(d.l, d.o, finding{id: "expect.source-link-layer", subject: d.of, place: s.Place, offset: o.Offset},
				"there is a Source Link-Layer Address option, expected none")
		}
	case icmp6.OptMTU:
		d.mtu(o)
	case icmp6.OptPrefixInformation:
		d.prefix(o)
	case icmp6.OptRouteInformation:
		d.route(o)
	case icmp6.OptRDNSS:
		d.servers(o)
	case icmp6.OptDNSSL:
		d.domains(o)
	case icmp6.OptPREF64:
		d.nat64(o)
	case icmp6.OptCaptivePortal:
		d.portal(o)
	default:
		d.other(o)
	}
}

func (d *differ) mtu(o *icmp6.Option) {
	v, ok := o.MTU()
	want := d.says.MTU
	if !ok || want == nil {
		return
	}
	d.offer.mtu = true
	if want.Max == 0 {
		d.c.add(d.l, d.o, finding{id: "expect.mtu", subject: d.of, place: want.Place, offset: o.Offset},
			"the MTU option says %d, expected no such option", v.MTU)
		return
	}
	d.number("expect.mtu", "the MTU option", "", "", o.Offset, uint64(v.MTU), want)
}

func (d *differ) prefix(o *icmp6.Option) {
	p, ok := prefixOf(o)
	want := d.says.Prefixes
	if !ok || want == nil {
		return
	}
	prefix := p.Prefix()
	var first *expect.Prefix // with that prefix: radvd may have several blocks of it
	for i := range want.List {
		w := &want.List[i]
		if w.Prefix != prefix {
			continue
		}
		d.offer.add(rowPrefix, i)
		if fitsPrefix(&p, w) {
			return
		}
		if first == nil {
			first = w
		}
	}
	if first != nil {
		d.comparePrefix(o, &p, first)
		return
	}
	if want.More || p.ValidLifetime == 0 {
		return // a prefix may be withdrawn by whoever once advertised it
	}
	listed, place := among(len(want.List), want.Place, "no prefix", func(i int) (string, rule.Place) {
		return want.List[i].Prefix.String(), want.List[i].Place
	})
	detail := fmt.Sprintf("%v is advertised, expected %s", prefix, listed)
	if name := d.c.owner(prefix, d.of); name != "" {
		detail += "; it is that of " + name
	}
	d.unexpected("ra.unknown-prefix", prefix.String(), place, o, detail)
}

// fitsPrefix reports whether p is as w says.
func fitsPrefix(p *icmp6.PrefixInformation, w *expect.Prefix) bool {
	return fits(uint64(p.ValidLifetime), w.Valid) && fits(uint64(p.PreferredLifetime), w.Preferred) && (w.OnLink == nil || w.OnLink.On == p.OnLink) &&
		(w.Autonomous == nil || w.Autonomous.On == p.Autonomous) && (w.RouterAddress == nil || w.RouterAddress.On == p.RouterAddress)
}

func fits(n uint64, r *expect.Range) bool { return r == nil || r.Has(n) }

func (d *differ) comparePrefix(o *icmp6.Option, p *icmp6.PrefixInformation, w *expect.Prefix) {
	name, of := w.Prefix.String(), " of "+w.Prefix.String()
	d.flag("expect.prefix-flags", "the L flag"+of, name, o.Offset, p.OnLink, w.OnLink)
	d.flag("expect.prefix-flags", "the A flag"+of, name, o.Offset, p.Autonomous, w.Autonomous)
	d.flag("expect.prefix-flags", "the R flag"+of, name, o.Offset, p.RouterAddress, w.RouterAddress)
	d.number("expect.prefix-lifetime", "the valid lifetime"+of, name+" valid", "s", o.Offset, uint64(p.ValidLifetime), w.Valid)
	d.number("expect.prefix-lifetime", "the preferred lifetime"+of, name+" preferred", "s", o.Offset, uint64(p.PreferredLifetime), w.Preferred)
}

// owner returns the name of another expected link that has the prefix, or "".
func (c *Checker) owner(prefix netip.Prefix, but string) string {
	for _, e := range c.want.Links {
		for _, p := range e.Prefixes {
			if p == prefix && e.Name != but {
				return e.Name
			}
		}
	}
	return ""
}

// unexpected reports what should not be there.
func (d *differ) unexpected(id rule.ID, subject string, place rule.Place, o *icmp6.Option, detail string) {
	d.c.add(d.l, d.o, finding{id: id, subject: d.of + subject, place: place, offset: o.Offset}, "%s", detail)
}

func (d *differ) route(o *icmp6.Option) {
	v, ok := o.RouteInformation()
	want := d.says.Routes
	if !ok || want == nil || v.PrefixLength > 128 {
		return
	}
	prefix := v.Prefix()
	var first *expect.Route
	for i := range want.List {
		w := &want.List[i]
		if w.Prefix != prefix {
			continue
		}
		d.offer.add(rowRoute, i)
		if fits(uint64(v.Lifetime), w.Lifetime) && (w.Preference == nil || w.Preference.Want == v.Preference.String()) {
			return
		}
		if first == nil {
			first = w
		}
	}
	if first != nil {
		of := " of the route " + prefix.String()
		d.word("expect.route", "the preference"+of, prefix.String()+" preference", o.Offset, v.Preference.String(), first.Preference)
		d.number("expect.route", "the lifetime"+of, prefix.String()+" lifetime", "s", o.Offset, uint64(v.Lifetime), first.Lifetime)
		return
	}
	if want.More || v.Lifetime == 0 {
		return
	}
	listed, place := among(len(want.List), want.Place, "no route", func(i int) (string, rule.Place) {
		return want.List[i].Prefix.String(), want.List[i].Place
	})
	d.unexpected("expect.route-unknown", prefix.String(), place, o, fmt.Sprintf("the route %v is advertised, expected %s", prefix, listed))
}

func (d *differ) servers(o *icmp6.Option) {
	v, ok := o.RDNSS()
	want := d.says.RDNSS
	if !ok || want == nil {
		return
	}
	for n := range v.Len() {
		server := v.Server(n)
		known, misfit := false, (*expect.Range)(nil)
		for i := range want.List {
			w := &want.List[i]
			if w.Address == server {
				d.offer.add(rowServer, i)
				known, misfit = fitting(known, misfit, v.Lifetime, w.Lifetime)
			}
		}
		switch {
		case misfit != nil:
			d.number("expect.rdnss-lifetime", "the lifetime of the DNS server "+server.String(), server.String(), "s", o.Offset,
				uint64(v.Lifetime), misfit)
		case !known && !want.More && v.Lifetime > 0:
			listed, place := among(len(want.List), want.Place, "none", func(i int) (string, rule.Place) {
				return want.List[i].Address.String(), want.List[i].Place
			})
			d.unexpected("expect.rdnss", server.String(), place, o,
				fmt.Sprintf("the DNS server %v is advertised, expected %s", server, listed))
		}
	}
}

// fitting takes in an entry of a list that may have the same twice: one that fits is enough. misfit is the range of the first that
// does not, nil once one does.
func fitting(known bool, misfit *expect.Range, lifetime uint32, want *expect.Range) (bool, *expect.Range) {
	switch {
	case fits(uint64(lifetime), want), known && misfit == nil:
		return true, nil
	case misfit == nil:
		return true, want
	}
	return true, misfit
}

func (d *differ) domains(o *icmp6.Option) {
	v, ok := o.DNSSL()
	want := d.says.DNSSL
	if !ok || want == nil {
		return
	}
	names, _ := v.Domains() // what follows damage is not taken for a name
	for _, name := range names {
		known, misfit := false, (*expect.Range)(nil)
		for i := range want.List {
			w := &want.List[i]
			if strings.EqualFold(w.Name, strings.TrimSuffix(name, ".")) {
				d.offer.add(rowDomain, i)
				known, misfit = fitting(known, misfit, v.Lifetime, w.Lifetime)
			}
		}
		switch {
		case misfit != nil:
			d.number("expect.dnssl-lifetime", "the lifetime of the search domain "+name, name, "s", o.Offset, uint64(v.Lifetime), misfit)
		case !known && !want.More && v.Lifetime > 0:
			listed, place := among(len(want.List), want.Place, "none", func(i int) (string, rule.Place) {
				return want.List[i].Name, want.List[i].Place
			})
			d.unexpected("expect.dnssl", name, place, o, fmt.Sprintf("the search domain %s is advertised, expected %s", name, listed))
		}
	}
}

func (d *differ) nat64(o *icmp6.Option) {
	v, ok := o.PREF64()
	want := d.says.PREF64
	if !ok || want == nil || !v.Prefix().IsValid() {
		return
	}
	for i := range want.List {
		w := &want.List[i]
		if w.Prefix == v.Prefix() {
			d.offer.add(rowNAT64, i)
			d.number("expect.pref64", "the lifetime of the NAT64 prefix "+w.Prefix.String(), w.Prefix.String(), "s", o.Offset,
				uint64(v.Lifetime), w.Lifetime)
			return
		}
	}
	if want.More || v.Lifetime == 0 {
		return
	}
	listed, place := among(len(want.List), want.Place, "none", func(i int) (string, rule.Place) {
		return want.List[i].Prefix.String(), want.List[i].Place
	})
	d.unexpected("expect.pref64", v.Prefix().String(), place, o,
		fmt.Sprintf("the NAT64 prefix %v is advertised, expected %s", v.Prefix(), listed))
}

func (d *differ) portal(o *icmp6.Option) {
	uri, ok := o.CaptivePortal()
	want := d.says.Portal
	if !ok || want == nil {
		return
	}
	d.offer.portal = true
	got := string(bytes.TrimRight(uri, "\x00"))
	switch {
	case got == want.Want:
	case want.Want == "":
		d.unexpected("expect.captive-portal", "", want.Place, o, fmt.Sprintf("the captive portal is %s, expected none", got))
	default:
		d.unexpected("expect.captive-portal", "", want.Place, o, fmt.Sprintf("the captive portal is %s, expected %s", got, want.Want))
	}
}

// other compares an option that has no field of its own.
func (d *differ) other(o *icmp6.Option) {
	want := d.says.Options
	if want == nil || len(o.Raw) < 2 {
		return
	}
	var same *expect.Option
	at := 0
	for i := range want.List {
		w := &want.List[i]
		switch {
		case w.Type != uint8(o.Type):
		case bytes.Equal(w.Data, o.Raw[2:]):
			d.offer.add(rowOption, i)
			return
		case same == nil || d.offer.items[rowOption][at]:
			same, at = w, i // the one that it stands for, if it stands for any
		}
	}
	if same != nil {
		d.offer.add(rowOption, at)
	}
	switch {
	case same != nil:
		d.unexpected("expect.option", o.Type.String(), same.Place, o, fmt.Sprintf("the option %v (%d) is %s, expected %s", o.Type,
			uint8(o.Type), bytesOf(o.Raw[2:]), bytesOf(same.Data)))
	case !want.More:
		d.unexpected("expect.option", o.Type.String(), want.Place, o, fmt.Sprintf("the option %v (%d) is there, expected none", o.Type,
			uint8(o.Type)))
	}
}

// bytesOf writes the first bytes of b.
func bytesOf(b []byte) string {
	if len(b) > 24 {
		return hex.EncodeToString(b[:24]) + "…"
	}
	return hex.EncodeToString(b)
}

// among says what is expected in a list of n, and where that stands: where its first item does, or else the list itself.
func among(n int, place rule.Place, none string, item func(int) (string, rule.Place)) (string, rule.Place) {
	if n > 0 {
		_, place = item(0)
	}
	return several(n, func(i int) string { word, _ := item(i); return word }, none), place
}

// several puts a list of n into words, of which only the first few are looked at.
func several(n int, word func(int) string, none string) string {
	var words []string
	for i := range min(n, 4) {
		words = append(words, word(i))
	}
	if n > 4 {
		words = append(words, fmt.Sprintf("and %d more", n-4))
	}
	if n == 0 {
		return none
	}
	return strings.Join(words, ", ")
}

// listed puts a list into words: the first four of it, none if it is empty.
func listed[T any](list []T, none string) string {
	return several(len(list), func(i int) string { return fmt.Sprint(list[i]) }, none)
}
