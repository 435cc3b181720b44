package guest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/checklist"
	"v6probe/internal/rule"
	"v6probe/internal/slaac"
)

// maxLines bounds how many prefixes have a line each.
const maxLines = 8

// addresses judges prefix by prefix whether the host has the address that RFC 4862 §5.5.3 makes, and how it comes to none.
func (j *judge) addresses() {
	switch {
	case j.off != "":
		j.homeless = j.off
		j.skip(lineAddress, j.off)
		return
	case j.Facts != nil:
		if why, unread := j.Facts.Misses(PartAddresses); unread {
			j.add(checklist.Line{Name: lineAddress, Status: checklist.Unknown, Text: "could not be read: " + why})
			return
		}
	}
	var lines []checklist.Line
	for _, a := range j.State.Addresses {
		lines = append(lines, j.formed(a))
	}
	for _, r := range j.State.Refused {
		if !slices.ContainsFunc(j.State.Addresses, func(a slaac.Address) bool { return a.Prefix == r.Prefix }) {
			lines = append(lines, refused(r))
		}
	}
	lines = append(lines, j.others()...)
	lines = atMost(lines)
	if j.none() {
		// A line that says why needs no other beside it.
		if !slices.ContainsFunc(lines, func(l checklist.Line) bool { return len(l.Findings) > 0 || l.Status == checklist.Skipped }) {
			lines = append(lines, j.noAddress())
		}
		j.homeless = lineAddress
	}
	for _, l := range lines {
		j.add(l)
	}
}

// none reports whether the host has no address beyond the link, nor one that is tested still.
func (j *judge) none() bool {
	if j.Facts == nil {
		return len(j.State.Usable()) == 0
	}
	return !slices.ContainsFunc(j.Facts.Addresses, func(a Address) bool { return !a.Failed && beyond(a.Addr()) })
}

// atMost folds what goes beyond maxLines into one line. What is found there stays.
func atMost(lines []checklist.Line) []checklist.Line {
	if len(lines) <= maxLines {
		return lines
	}
	rest := checklist.Line{Name: lineAddress, Text: fmt.Sprintf("and %d lines more", len(lines)-maxLines+1)}
	for _, l := range lines[maxLines-1:] {
		rest.Status = max(rest.Status, l.Status)
		rest.Evidence = append(rest.Evidence, l.Text)
		rest.Findings = append(rest.Findings, l.Findings...)
	}
	return append(lines[:maxLines-1:maxLines-1], rest)
}

// formed is the line of an address that the model formed.
func (j *judge) formed(m slaac.Address) checklist.Line {
	l := checklist.Line{Name: lineAddress}
	switch {
	case m.State == slaac.Expired:
		l.Status, l.Text = checklist.Note, m.Prefix.String()+": its valid lifetime is over, and no router has renewed it"
		return l
	case j.Facts == nil:
		j.modelAddress(&l, m)
		return l
	}
	own := j.inside(m.Prefix)
	var usable, tested []string
	for _, a := range own {
		l.Evidence = append(l.Evidence, a.describe())
		switch {
		case a.Usable():
			usable = append(usable, a.word())
		case !a.Failed:
			tested = append(tested, a.Addr().String())
		}
	}
	switch {
	case len(usable) > 0:
		l.Text = strings.Join(usable, ", ")
		j.stale(&l, m, own)
	case len(tested) > 0:
		l.Status, l.Text = checklist.Unknown, strings.Join(tested, ", ")+", still tested for a duplicate"
	case slices.ContainsFunc(own, func(a *Address) bool { return a.Failed }):
		l.Status, l.Text = checklist.Skipped, m.Prefix.String()+": formed, see "+lineTest
	default:
		j.missing(&l, m)
	}
	return l
}

// inside returns the host's addresses of a prefix.
func (j *judge) inside(p netip.Prefix) []*Address {
	var list []*Address
	for i := range j.Facts.Addresses {
		if a := &j.Facts.Addresses[i]; p.Contains(a.Addr()) {
			list = append(list, a)
		}
	}
	return list
}

func (a *Address) word() string {
	s := a.Addr().String()
	switch {
	case a.Temporary:
		s += " (temporary)"
	case a.Deprecated:
		s += " (deprecated: not for new connections)"
	}
	return s
}

// modelAddress is the line of an address of a host in a capture.
func (j *judge) modelAddress(l *checklist.Line, a slaac.Address) {
	l.Text = a.Address.String()
	switch a.State {
	case slaac.Duplicate:
		l.Status, l.Text = checklist.Skipped, l.Text+": formed, see "+lineTest
		return
	case slaac.Deprecated:
		l.Text += ": deprecated, so not for new connections; valid for " + lifetime(a.Valid)
	default:
		l.Text += ": preferred for " + lifetime(a.Preferred) + ", valid for " + lifetime(a.Valid)
	}
	if a.Held {
		l.Text += "; the router cut that, but hosts hold on to it (RFC 4862 §5.5.3(e))"
	}
}

// maxAddresses is how many addresses Linux forms on an interface (net.ipv6.conf.DEV.max_addresses).
const maxAddresses = 16

// missing judges that the host has no address of a prefix, of which a conforming one has.
func (j *judge) missing(l *checklist.Line, m slaac.Address) {
	l.Text = "none of " + m.Prefix.String()
	switch {
	case j.mute != "":
		l.Status, l.Text = checklist.Skipped, l.Text+": see "+j.mute
	case j.refuses():
		l.Status, l.Text = checklist.Skipped, l.Text+": see "+lineSettings
	case j.dropped():
		l.Status, l.Text = checklist.Skipped, l.Text+": this kernel drops what comes, see "+lineDrops
	case j.wireless(), j.byHand, j.client != nil && j.Facts.given(j.State) != nil:
		l.Status, l.Text = checklist.Note, l.Text+": this host has another"
	case len(j.Facts.Addresses) >= maxAddresses:
		l.Status = checklist.Unknown
		l.Text += fmt.Sprintf(": it has %d addresses, which may be as many as it forms", len(j.Facts.Addresses))
	default:
		fix := ""
		if c := j.client; c != nil {
			fix = fmt.Sprintf("%s forms the addresses here: `networkctl status %s` or `nmcli device show %s`, and its log", c.Name, j.name,
				j.name)
		} else if s := j.Facts.Settings; s.tooShort(m.Valid) {
			fix = j.fixMinimum()
			j.found(l, "guest.address-missing", m.Prefix.String(), fix, "%v advertises %v for %s, and accept_ra_min_lft makes %s ignore "+
				"what is valid for less than %d s", m.Router, m.Prefix, lifetime(m.Valid), j.name, s.AcceptRAMinLft)
			return
		}
		j.found(l, "guest.address-missing", m.Prefix.String(), fix, "%v advertises %v, of which %s should have formed %v, and has none",
			m.Router, m.Prefix, j.name, m.Address)
	}
}

// refuses reports whether a setting keeps the kernel from forming addresses.
func (j *judge) refuses() bool {
	return slices.ContainsFunc(j.list.Findings(), func(f rule.Finding) bool {
		switch f.Rule {
		case "guest.accept-ra-off", "guest.accept-ra-forwarding", "guest.accept-ra-pinfo-off", "guest.autoconf-off":
			return true
		}
		return false
	})
}

// dropped reports whether this kernel was seen to drop what a guest lives by.
func (j *judge) dropped() bool {
	return j.Drops != nil && slices.ContainsFunc(j.Drops.Findings, func(f rule.Finding) bool { return f.Severity == rule.Error })
}

// stale notes that the kernel has not renewed an address by the advertisement that was just heard: then it did not take it.
func (j *judge) stale(l *checklist.Line, m slaac.Address, own []*Address) {
	const late = 10e9 // no clock is so slow
	if j.refuses() || j.client != nil {
		return
	}
	for _, a := range own {
		if a.Origin == "kernel_ra" && a.Addr() == m.Address && m.Valid-j.Later-a.Valid > late && a.Valid != Forever {
			l.Status = max(l.Status, checklist.Note)
			l.Text += "; not renewed by what was just heard: `v6probe slaac --drops` tells whether this kernel drops it"
		}
	}
}

// refused is the line of a prefix of which no address is formed. Whether that is a fault the advertisement's own line says.
func refused(r slaac.Refusal) checklist.Line {
	what := "an option"
	if r.Prefix.IsValid() {
		what = r.Prefix.String()
	}
	return checklist.Line{Name: lineAddress, Status: checklist.Note, Text: "none of " + what + ": " + r.Reason.String(),
		Evidence: []string{fmt.Sprintf("from %v, %d times", r.Router, r.Count)}}
}

// others is a line for the addresses that no advertised prefix is behind.
func (j *judge) others() []checklist.Line {
	if j.Facts == nil {
		return nil
	}
	var words, evidence []string
	for _, a := range j.Facts.usable() {
		if slices.ContainsFunc(j.State.Addresses, func(m slaac.Address) bool {
			return m.Prefix.Contains(a.Addr()) && m.State != slaac.Expired
		}) {
			continue
		}
		how := "of an advertisement that was not heard now"
		if !j.Facts.advertised(a, j.State) {
			how = "set by hand"
			if a.Prefix.Bits() == 128 && !a.Permanent {
				how = "of DHCPv6"
			}
		}
		words = append(words, fmt.Sprintf("%s, %s", a.word(), how))
		evidence = append(evidence, a.describe())
	}
	if len(words) == 0 {
		return nil
	}
	const most = 4
	if len(words) > most {
		words = append(words[:most:most], fmt.Sprintf("and %d more", len(words)-most))
	}
	return []checklist.Line{{Name: lineAddress, Text: strings.Join(words, "; "), Evidence: evidence}}
}

// noAddress is the line that says why there is none beyond the link.
func (j *judge) noAddress() checklist.Line {
	l := checklist.Line{Name: lineAddress, Status: checklist.Skipped, Text: "none beyond the link"}
	switch {
	case j.silent != "":
		l.Text += ": see " + j.silent
	case j.State.Cut:
		l.Status, l.Text = checklist.Unknown, "none is known, but the capture cut the advertisements short"
	case len(j.State.Addresses) > 0:
		l.Text += ": see above"
		if slices.ContainsFunc(j.State.Addresses, func(a slaac.Address) bool { return a.State == slaac.Duplicate }) {
			l.Text = "none beyond the link that another station has not"
		}
	case j.State.Managed && j.served():
		j.found(&l, "guest.address-missing", "DHCPv6", "Start a DHCPv6 client: `dhclient -6 "+j.name+"`, or DHCP=yes in the .network "+
			"file of systemd-networkd", "the routers send hosts to DHCPv6 (M), a server answers, and %s has no address of it", j.name)
	case j.State.Managed:
		l.Text += ": the routers send hosts to DHCPv6, see " + lineDHCP
	case len(j.State.Refused) > 0 && !j.tells("ra.no-address-source") && !j.badPrefix():
		// As with the P flag of RFC 9762, or where another router's goodbye leaves it open.
		l.Status, l.Text = checklist.Unknown, l.Text+": the prefixes are not for forming addresses of"
	default:
		l.Text += ": no prefix is advertised that one may be formed of, see " + lineHeard
	}
	return l
}

// served reports whether a DHCPv6 server is known to answer.
func (j *judge) served() bool {
	if d := j.Probes.DHCPv6; d != nil {
		return j.Facts != nil && len(d.Servers) > 0 && !d.Stateless
	}
	return false
}

func (j *judge) tells(id rule.ID) bool {
	return slices.ContainsFunc(j.list.Findings(), func(f rule.Finding) bool { return f.Rule == id })
}
