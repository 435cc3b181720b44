package guest

import (
	"fmt"
	"net/netip"
	"slices"

	"v6probe/internal/checklist"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
	"v6probe/internal/slaac"
)

// duplicates judges the tests of the addresses beyond the link (RFC 4862 §5.4).
func (j *judge) duplicates() {
	if j.off != "" || j.mute != "" && j.tells("guest.dad-failed") {
		j.skip(lineTest, first(j.off, j.mute))
		return
	}
	l := checklist.Line{Name: lineTest}
	count := 0
	if j.Facts != nil {
		count = j.ownTests(&l)
	} else {
		count = j.modelTests(&l)
	}
	for _, f := range j.about(lineTest) {
		if j.mine(f.Source) && !told(l.Findings, f.Source) {
			l.Findings = append(l.Findings, f)
			l.Text = also(&checklist.Line{Text: l.Text, Findings: l.Findings[1:]}, "another claims "+f.Source.String())
		}
	}
	switch {
	case len(l.Findings) > 0 || l.Text != "":
	case count == 0:
		l.Status, l.Text = checklist.Skipped, "no address to test"
	case j.Facts == nil && !j.State.Present:
		l.Text = "nobody here has it"
	default:
		l.Text = "nobody objects"
	}
	j.add(l)
}

func told(list []rule.Finding, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(f rule.Finding) bool { return f.Source == a || f.Subject == a.String() })
}

func (j *judge) ownTests(l *checklist.Line) (count int) {
	for i := range j.Facts.Addresses {
		a := &j.Facts.Addresses[i]
		if !beyond(a.Addr()) {
			continue
		}
		count++
		if a.Failed {
			l.Text = also(l, a.Addr().String()+": the test found another station with it")
			j.failed(l, a.Addr())
		}
	}
	if s := j.Facts.Settings; s != nil {
		l.Evidence = append(l.Evidence, fmt.Sprintf("net.ipv6.conf.%s.accept_dad = %d", j.name, s.AcceptDAD),
			fmt.Sprintf("net.ipv6.conf.%s.dad_transmits = %d", j.name, s.DADTransmits))
		if len(l.Findings) == 0 && count > 0 && (s.AcceptDAD == 0 || s.DADTransmits == 0) {
			l.Status, l.Text = checklist.Note, "turned off: addresses are used without a test"
		}
	}
	return count
}

// failed reports an address that the kernel found to be another station's, and who that is where it was heard.
func (j *judge) failed(l *checklist.Line, a netip.Addr) {
	who := "another station"
	for _, f := range j.Heard.Findings {
		if f.Rule == "dad.conflict" && f.Source == a {
			l.Evidence = append(l.Evidence, f.Detail)
		}
	}
	for _, c := range j.State.Conflicts {
		if c.Address == a {
			who = c.MAC.String()
		}
	}
	for _, m := range append([]slaac.Address{j.State.LinkLocal}, j.State.Addresses...) {
		if m.Address == a && m.Contested != (packet.MAC{}) {
			who = m.Contested.String()
		}
	}
	f := j.found(l, "guest.dad-failed", a.String(), fmt.Sprintf("`v6probe nd %v -i %s` names the other one's Ethernet address. Give one of the "+
		"two another MAC address, or take the address off it; then `ip link set %s down` and `up`", a, j.name, j.name),
		"duplicate address detection of %v failed: %s has it", a, who)
	f.Source = a
}

// duplicate reports an address of a host in a capture that another has.
func (j *judge) duplicate(l *checklist.Line, a netip.Addr, other packet.MAC) {
	for _, f := range j.about(lineTest) {
		if f.Source == a && f.Rule == "dad.conflict" {
			l.Findings = append(l.Findings, f)
			return
		}
	}
	who := "another station"
	if other != (packet.MAC{}) {
		who = other.String()
	}
	f := j.found(l, "dad.conflict", a.String(), "", "%v is an address of %v, and %s claims it", a, j.State.MAC, who)
	f.Source = a
}

func (j *judge) modelTests(l *checklist.Line) (count int) {
	open := 0
	for _, a := range j.State.Addresses {
		if a.State == slaac.Expired {
			continue
		}
		count++
		switch {
		case a.State == slaac.Duplicate || a.Contested != packet.MAC{}:
			l.Text = also(l, fmt.Sprintf("%v: another has it too", a.Address))
			j.duplicate(l, a.Address, a.Contested)
		case a.State == slaac.Tentative:
			open++
		}
	}
	for _, c := range j.State.Conflicts {
		l.Text = also(l, fmt.Sprintf("%v: tested by this host, but another has it", c.Address))
		j.duplicate(l, c.Address, c.MAC)
	}
	if len(l.Findings) == 0 && open > 0 {
		l.Status, l.Text = checklist.Unknown, "nobody objects, but the capture ends before the test is over"
	}
	return count
}
