package guest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/checklist"
	"v6probe/internal/expect"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
	"v6probe/internal/slaac"
)

// identifier judges whether the host is known by the addresses that its network knows it by: those of its MAC, or those that an
// expectation names.
func (j *judge) identifier() {
	switch {
	case j.off != "" || j.homeless != "":
		j.skip(lineIdent, first(j.off, j.homeless))
		return
	case j.Facts.Interface.MAC == packet.MAC{}:
		j.add(checklist.Line{Name: lineIdent, Status: checklist.Skipped, Text: "there is no MAC address to make one of"})
		return
	}
	l := checklist.Line{Name: lineIdent, Text: "made of the MAC address (EUI-64)"}
	if s := j.Facts.Settings; s != nil {
		l.Evidence = append(l.Evidence, fmt.Sprintf("net.ipv6.conf.%s.addr_gen_mode = %d", j.name, s.AddrGenMode),
			fmt.Sprintf("net.ipv6.conf.%s.use_tempaddr = %d", j.name, s.UseTempaddr))
	}
	if n := j.neighbor(); n != nil {
		j.judgeExpected(&l, n)
	} else {
		j.judgeIdentifier(&l)
	}
	j.add(l)
}

// neighbor returns what is expected of this host by its MAC address: nil for nothing, or for any address.
func (j *judge) neighbor() *expect.Neighbor {
	if j.Expect == nil {
		return nil
	}
	for _, l := range j.Expect.Links {
		for i := range l.Neighbors {
			if n := &l.Neighbors[i]; packet.MAC(n.MAC) == j.Facts.Interface.MAC && len(n.Addresses) > 0 {
				return n
			}
		}
	}
	return nil
}

// judgeExpected compares with the addresses that are expected of this host.
func (j *judge) judgeExpected(l *checklist.Line, n *expect.Neighbor) {
	var missing []string
	cause := ""
	for _, a := range n.Addresses {
		has := slices.ContainsFunc(j.Facts.Addresses, func(own Address) bool { return own.Addr() == a && !own.Failed })
		switch { // what was already told of it or its prefix needs no second word
		case has:
		case j.elsewherePrefix(a):
			cause = lineHeard
		case j.tells("guest.address-missing"):
			cause = lineAddress
		case told(j.list.Findings(), a):
			cause = lineTest
		default:
			missing = append(missing, a.String())
		}
	}
	switch {
	case len(missing) > 0:
	case cause != "":
		l.Status, l.Text = checklist.Skipped, "another address than expected: see "+cause
		j.strange = cause
		return
	default:
		l.Text = "as expected"
		j.temporary(l)
		return
	}
	l.Text, j.strange = "another address than expected", lineIdent
	f := j.found(l, "guest.not-eui64", strings.Join(missing, " "), j.fixIdentifier(), "%s uses %s, expected %s", j.name,
		some(j.global()), strings.Join(missing, " and "))
	f.Severity, f.Expected = rule.Error, n.Place
}

// elsewherePrefix reports whether a is of a prefix that should be advertised and is not, as was told.
func (j *judge) elsewherePrefix(a netip.Addr) bool {
	formed := slices.ContainsFunc(j.State.Addresses, func(m slaac.Address) bool { return m.Prefix.Contains(a) })
	return !formed && (j.tells("expect.prefix-missing") || j.tells("ra.unknown-prefix"))
}

// global returns the addresses beyond the link that the host may use.
func (j *judge) global() []netip.Addr {
	var all []netip.Addr
	for _, a := range j.Facts.usable() {
		all = append(all, a.Addr())
	}
	return all
}

// judgeIdentifier tells of addresses that are not made of the MAC, where nobody says which are expected. Those that were set by
// hand, or by DHCPv6, are what somebody wanted.
func (j *judge) judgeIdentifier(l *checklist.Line) {
	var other []netip.Addr
	formed := 0
	for i := range j.Facts.Addresses {
		a := &j.Facts.Addresses[i]
		ll := a.Addr().IsLinkLocalUnicast()
		if !a.Usable() || a.Temporary || !ll && !j.Facts.advertised(a, j.State) {
			continue
		}
		formed++
		eui := packet.EUI64(netip.PrefixFrom(a.Addr(), 64), j.Facts.Interface.MAC)
		// A second address of the prefix is no matter where the one of the MAC is there.
		has := slices.ContainsFunc(j.Facts.Addresses, func(b Address) bool { return b.Addr() == eui && b.Usable() })
		if a.Addr() != eui && !has {
			other = append(other, a.Addr())
		}
	}
	switch {
	case len(other) > 0:
		l.Text = "not made of the MAC address: " + some(other)
		j.found(l, "guest.not-eui64", j.name, j.fixIdentifier(), "%s uses %s, %s", j.name, some(other), j.howMade(other))
	case formed == 0:
		l.Text = "no address was formed here"
	default:
		j.temporary(l)
	}
}

// temporary tells of temporary addresses beside those of the MAC (RFC 8981).
func (j *judge) temporary(l *checklist.Line) {
	var list []string
	for _, a := range j.Facts.usable() {
		if a.Temporary {
			list = append(list, a.Addr().String())
		}
	}
	if len(list) == 0 {
		return
	}
	l.Text += "; temporary ones beside it"
	fix := fmt.Sprintf("Where CloudStack's security groups are in use: `sysctl -w net.ipv6.conf.%s.use_tempaddr=0`; in NetworkManager "+
		"ipv6.ip6-privacy=0", j.name)
	j.found(l, "guest.not-eui64", "temporary", fix, "%s has %d temporary addresses, such as %s, which it may prefer", j.name, len(list),
		list[0])
}

// howMade says what made other identifiers.
func (j *judge) howMade(other []netip.Addr) string {
	s := j.Facts.Settings
	stable := slices.ContainsFunc(j.Facts.Addresses, func(a Address) bool { return a.StablePrivacy && slices.Contains(other, a.Addr()) })
	switch {
	case stable && s != nil:
		return fmt.Sprintf("which RFC 7217 made (addr_gen_mode %d)", s.AddrGenMode)
	case stable:
		return "which RFC 7217 made"
	case j.client != nil:
		return "which " + j.client.Name + " made"
	}
	return "whose identifier is not that of the MAC address"
}

func (j *judge) fixIdentifier() string {
	if c := j.client; c != nil {
		return "In NetworkManager ipv6.addr-gen-mode=eui64 and ipv6.ip6-privacy=0; in systemd-networkd [IPv6AcceptRA] Token=eui64; then " +
			"bring the interface up again"
	}
	return fmt.Sprintf("`sysctl -w net.ipv6.conf.%s.addr_gen_mode=0 net.ipv6.conf.%s.use_tempaddr=0`, then `ip link set %s down` and `up`",
		j.name, j.name, j.name)
}

// some joins the first few addresses.
func some(all []netip.Addr) string {
	const most = 3
	var words []string
	for i, a := range all {
		if i == most {
			return strings.Join(words, ", ") + fmt.Sprintf(" and %d more", len(all)-most)
		}
		words = append(words, a.String())
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
