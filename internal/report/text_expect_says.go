package report

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"v6probe/internal/expect"
	"v6probe/internal/rule"
)

// wanted is one value that is expected of an advertisement, in words.
type wanted struct {
	name, text string
	at         rule.Place
}

// wants gathers the values of an advertisement.
type wants []wanted

// advertised returns the values that a expects, in the order of the message; nil for a nil a.
func advertised(a *expect.Advertisement) []wanted {
	if a == nil {
		return nil
	}
	var w wants
	w.number("hop limit", a.CurHopLimit, "")
	w.flag("M flag", a.Managed, "set", "not set")
	w.flag("O flag", a.Other, "set", "not set")
	w.flag("H flag", a.HomeAgent, "set", "not set")
	w.word("preference", a.Preference, "")
	w.number("router lifetime", a.RouterLifetime, "s")
	w.number("reachable time", a.ReachableTime, "ms")
	w.number("retrans timer", a.RetransTimer, "ms")
	if r := a.Interval; r != nil {
		w.add("interval", intervalText(r), r.Place)
	}
	w.flag("source MAC", a.SourceLinkLayer, "given", "not given")
	if a.MTU != nil && a.MTU.Max == 0 {
		w.add("MTU", "no such option", a.MTU.Place)
	} else {
		w.number("MTU", a.MTU, "bytes")
	}
	w.prefixes(a.Prefixes)
	w.others(a)
	w.word("portal", a.Portal, "no such option")
	w.options(a.Options)
	return w
}

func (w *wants) add(name, text string, at rule.Place) { *w = append(*w, wanted{name, text, at}) }

func (w *wants) number(name string, r *expect.Range, unit string) {
	if r != nil {
		w.add(name, rangeText(r, unit), r.Place)
	}
}

func (w *wants) flag(name string, s *expect.Switch, on, off string) {
	if s != nil {
		w.add(name, switchText(s, on, off), s.Place)
	}
}

// word adds a word or a string; none is how it is said that it is empty.
func (w *wants) word(name string, v *expect.Text, none string) {
	if v == nil {
		return
	}
	text := printable(v.Want)
	if text == "" {
		text = none
	}
	w.add(name, text, v.Place)
}

// end says whether there may be others than the n that were listed.
func (w *wants) end(name string, n int, more bool, at rule.Place) {
	text := "no other"
	switch {
	case more && n > 0:
		text = "others too"
	case more:
		text = "any"
	case n == 0:
		text = "none"
	}
	w.add(name, text, at)
}

func (w *wants) prefixes(list *expect.Prefixes) {
	if list == nil {
		return
	}
	for i := range list.List {
		p := &list.List[i]
		text := joinText(", ", p.Prefix.String(), switchText(p.OnLink, "on-link", "not on-link"),
			switchText(p.Autonomous, "autonomous", "not autonomous"),
			switchText(p.RouterAddress, "router address", "no router address"),
			lifetimeText("valid ", p.Valid), lifetimeText("preferred ", p.Preferred))
		w.add("prefix", text, p.Place)
	}
	w.end("prefixes", len(list.List), list.More, list.Place)
}

// others adds the routes, the DNS servers and domains, and the NAT64 prefixes.
func (w *wants) others(a *expect.Advertisement) {
	if list := a.Routes; list != nil {
		for _, r := range list.List {
			preference := ""
			if r.Preference != nil {
				preference = "preference " + printable(r.Preference.Want)
			}
			w.add("route", joinText(", ", r.Prefix.String(), preference, lifetimeText("for ", r.Lifetime)), r.Place)
		}
		w.end("routes", len(list.List), list.More, list.Place)
	}
	if list := a.RDNSS; list != nil {
		for _, s := range list.List {
			w.add("DNS server", joinText(", ", s.Address.String(), lifetimeText("for ", s.Lifetime)), s.Place)
		}
		w.end("DNS servers", len(list.List), list.More, list.Place)
	}
	if list := a.DNSSL; list != nil {
		for _, d := range list.List {
			w.add("DNS search", joinText(", ", fileText(d.Name), lifetimeText("for ", d.Lifetime)), d.Place)
		}
		w.end("DNS searches", len(list.List), list.More, list.Place)
	}
	if list := a.PREF64; list != nil {
		for _, n := range list.List {
			w.add("NAT64", joinText(", ", n.Prefix.String(), lifetimeText("for ", n.Lifetime)), n.Place)
		}
		w.end("NAT64 prefixes", len(list.List), list.More, list.Place)
	}
}

func (w *wants) options(list *expect.Options) {
	if list == nil {
		return
	}
	for _, o := range list.List {
		w.add("option", joinText(": ", strconv.Itoa(int(o.Type)), short(hex.EncodeToString(o.Data))), o.Place)
	}
	w.end("other options", len(list.List), list.More, list.Place)
}

// rangeText is "45 s", "30 to 60 s" or "infinity".
func rangeText(r *expect.Range, unit string) string {
	text := strings.ReplaceAll(r.String(), " ", nbsp)
	if unit == "" || r.Max == expect.Infinity {
		return text
	}
	return text + nbsp + unit
}

// intervalText says milliseconds in seconds, with as many decimals as they have.
func intervalText(r *expect.Range) string {
	text := fmt.Sprint(float64(r.Min) / 1000)
	if r.Max != r.Min {
		text += nbsp + "to" + nbsp + fmt.Sprint(float64(r.Max)/1000)
	}
	return text + nbsp + "s"
}

func lifetimeText(what string, r *expect.Range) string {
	if r == nil {
		return ""
	}
	return what + rangeText(r, "s")
}

func switchText(s *expect.Switch, on, off string) string {
	switch {
	case s == nil:
		return ""
	case s.On:
		return on
	}
	return off
}
