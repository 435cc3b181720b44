package guest

import (
	"fmt"
	"time"

	"v6probe/internal/checklist"
	"v6probe/internal/slaac"
)

// settings judges whether the kernel takes advertisements, and all of them. Where a program takes them in its place, or where
// nothing is needed of them, what it is set to is no fault.
func (j *judge) settings() {
	s := j.Facts.Settings
	l := checklist.Line{Name: lineSettings}
	why, unread := j.Facts.Misses(PartSettings)
	switch {
	case s == nil && unread:
		l.Status, l.Text = checklist.Unknown, "could not be read: "+why
		j.add(l)
		return
	case s == nil:
		j.skip(lineSettings, first(j.off, lineIPv6))
		return
	case j.off == lineLink && !j.broken() || j.wireless():
		l.Status, l.Text = checklist.Skipped, "no advertisement is taken here"
		j.add(l)
		return
	}
	l.Evidence = s.evidence(j.name)
	l.Text = "advertisements are taken"
	switch {
	case j.client != nil:
		m := j.client
		l.Text = m.Name + " takes advertisements in the kernel's place"
		l.Evidence = append(l.Evidence, m.Evidence)
		j.found(&l, "guest.ra-client", m.Name, "", "%s has %s: what the kernel is set to does not matter", m.Name, j.name)
	case j.byHand && !s.UsesRA():
		l.Status, l.Text = checklist.Note, "advertisements are ignored; this host has its address and its route otherwise"
	default:
		j.judgeSettings(&l, s)
	}
	j.add(l)
}

func (j *judge) judgeSettings(l *checklist.Line, s *Settings) {
	set := func(name string, value int) string {
		return fmt.Sprintf("`sysctl -w net.ipv6.conf.%s.%s=%d`, and in /etc/sysctl.d for good", j.name, name, value)
	}
	given := j.Facts.given(j.State) != nil
	switch {
	case s.AcceptRA == 0:
		l.Text, j.deaf = "advertisements are ignored (accept_ra=0)", lineSettings
		fix := set("accept_ra", 1)
		if s.Forwarding != 0 {
			fix = set("accept_ra", 2)
		}
		for _, m := range j.Facts.Managers {
			if m.Manages {
				fix = m.Name + " has the interface, and is set not to take them: IPv6AcceptRA=yes in its .network file, then `networkctl reload`"
			}
		}
		j.found(l, "guest.accept-ra-off", j.name, fix, "net.ipv6.conf.%s.accept_ra is 0", j.name)
	case s.Forwarding != 0 && s.AcceptRA != 2:
		l.Text, j.deaf = fmt.Sprintf("advertisements are ignored, as the host forwards (accept_ra=%d)", s.AcceptRA), lineSettings
		j.found(l, "guest.accept-ra-forwarding", j.name,
			fmt.Sprintf("`sysctl -w net.ipv6.conf.%s.accept_ra=2`, or `net.ipv6.conf.%s.forwarding=0` where it need not forward", j.name, j.name),
			"net.ipv6.conf.%s.forwarding is %d and accept_ra is %d, not 2", j.name, s.Forwarding, s.AcceptRA)
	}
	if s.AcceptRAPinfo == 0 && !given {
		l.Text = also(l, "their prefixes are ignored (accept_ra_pinfo=0)")
		j.found(l, "guest.accept-ra-pinfo-off", j.name, set("accept_ra_pinfo", 1), "net.ipv6.conf.%s.accept_ra_pinfo is 0", j.name)
	}
	if s.Autoconf == 0 && !given {
		l.Text = also(l, "no address is formed of their prefixes (autoconf=0)")
		j.found(l, "guest.autoconf-off", j.name, set("autoconf", 1), "net.ipv6.conf.%s.autoconf is 0", j.name)
	}
	if s.AcceptRADefrtr == 0 && !j.Facts.ownRoute() {
		l.Text = also(l, "their senders are not taken as routers (accept_ra_defrtr=0)")
		j.found(l, "guest.accept-ra-defrtr-off", j.name, set("accept_ra_defrtr", 1), "net.ipv6.conf.%s.accept_ra_defrtr is 0", j.name)
	}
	j.judgeValues(l, s)
}

// judgeValues looks at what is refused of advertisements that are taken.
func (j *judge) judgeValues(l *checklist.Line, s *Settings) {
	if h := j.State.HopLimit; h.Refused != 0 && int(h.Refused) < s.AcceptRAMinHopLimit {
		l.Text = also(l, fmt.Sprintf("their hop limit of %d is refused", h.Refused))
		j.found(l, "guest.hop-limit-refused", j.name, "", "hop limit %d is advertised, and accept_ra_min_hop_limit is %d", h.Refused,
			s.AcceptRAMinHopLimit)
	}
	m := j.State.MTU
	if m.Reason != slaac.MTUOff || int64(m.Refused) >= int64(j.Facts.sends()) {
		return // the host sends nothing longer, whatever sets that
	}
	l.Text = also(l, fmt.Sprintf("their MTU of %d is ignored", m.Refused))
	j.found(l, "guest.ra-mtu-ignored", j.name, fmt.Sprintf("`sysctl -w net.ipv6.conf.%s.accept_ra_mtu=1`", j.name),
		"MTU %d is advertised, accept_ra_mtu is 0 and %s sends up to %d bytes", m.Refused, j.name, j.Facts.sends())
}

// tooShort reports whether the host ignores what lasts no longer than d. A lifetime of 0 is always taken.
func (s *Settings) tooShort(d time.Duration) bool {
	return s != nil && d > 0 && d != Forever && d < time.Duration(s.AcceptRAMinLft)*time.Second
}

// fixMinimum has the host take short lifetimes.
func (j *judge) fixMinimum() string {
	return fmt.Sprintf("`sysctl -w net.ipv6.conf.%s.accept_ra_min_lft=0`, and in /etc/sysctl.d for good", j.name)
}

// sends returns how many bytes an IPv6 packet of the interface may have.
func (f *Facts) sends() int {
	if f.Settings != nil && f.Settings.MTU > 0 {
		return min(f.Settings.MTU, f.Interface.MTU)
	}
	return f.Interface.MTU
}

// also appends a clause to what a line says of faults; what it said of none goes.
func also(l *checklist.Line, text string) string {
	if len(l.Findings) == 0 {
		return text
	}
	return l.Text + "; " + text
}

// evidence lists the settings that matter.
func (s *Settings) evidence(name string) []string {
	var list []string
	for _, v := range []struct {
		name  string
		value int
	}{
		{"accept_ra", s.AcceptRA}, {"forwarding", s.Forwarding}, {"accept_ra_pinfo", s.AcceptRAPinfo}, {"autoconf", s.Autoconf},
		{"accept_ra_defrtr", s.AcceptRADefrtr}, {"accept_ra_min_hop_limit", s.AcceptRAMinHopLimit}, {"accept_ra_mtu", s.AcceptRAMTU},
		{"accept_ra_min_lft", s.AcceptRAMinLft},
		{"addr_gen_mode", s.AddrGenMode}, {"use_tempaddr", s.UseTempaddr}, {"mtu", s.MTU},
	} {
		if v.value != Unset {
			list = append(list, fmt.Sprintf("net.ipv6.conf.%s.%s = %d", name, v.name, v.value))
		}
	}
	return list
}
