package guest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/checklist"
	"v6probe/internal/rule"
)

// dns judges the servers that are advertised (RFC 8106 §5.1).
func (j *judge) dns() {
	if j.off != "" {
		j.skip(lineDNS, j.off)
		return
	}
	l := checklist.Line{Name: lineDNS}
	var servers []string
	over := 0
	for _, s := range j.State.DNS {
		if s.Left == 0 {
			over++
			continue
		}
		servers = append(servers, s.Address.String())
	}
	why, failed := j.Probes.failed(ProbeDNS)
	switch {
	case len(j.Probes.DNS) > 0:
		j.judgeDNS(&l)
	case len(servers) == 0:
		j.noServer(&l, over)
	case j.Facts == nil:
		l.Text = strings.Join(servers, ", ")
	case failed:
		l.Status, l.Text = checklist.Unknown, strings.Join(servers, ", ")+", could not be asked: "+why
	case j.blocked() != "":
		l.Status, l.Text = checklist.Skipped, strings.Join(servers, ", ")+": see "+j.blocked()
	default:
		l.Status, l.Text = checklist.Skipped, strings.Join(servers, ", ")+", not asked"
	}
	j.add(l)
}

// blocked names the line because of which nothing beyond the link can be reached, "" where there is none.
func (j *judge) blocked() string {
	if j.Facts == nil {
		return ""
	}
	return first(j.cut, j.homeless, j.routes)
}

// noServer tells that no server is advertised, which is a fault of nothing: IPv4 or DHCPv6 may name one.
func (j *judge) noServer(l *checklist.Line, over int) {
	switch {
	case j.silent != "":
		l.Status, l.Text = checklist.Skipped, "see "+j.silent
		return
	case over > 0:
		l.Status, l.Text = checklist.Note, fmt.Sprintf("none any more: the lifetime of %d servers is over", over)
	default:
		l.Status, l.Text = checklist.Note, "no server is advertised"
	}
	if j.Facts != nil && len(j.Facts.Resolvers) > 0 {
		l.Status = checklist.OK
		l.Text += "; resolv.conf has " + some(j.Facts.Resolvers)
	}
}

func (j *judge) judgeDNS(l *checklist.Line) {
	answered := slices.ContainsFunc(j.Probes.DNS, func(d DNS) bool { return d.Status == Answered })
	silentToo := j.Probes.Target != nil && j.Probes.Target.Status != Answered
	var words []string
	for _, d := range j.Probes.DNS {
		l.Evidence = append(l.Evidence, fmt.Sprintf("asked %v for the name servers of the root, %s", d.Server, times(d.Asked)))
		switch {
		case d.Status == Answered:
			words = append(words, fmt.Sprintf("%v answers after %s (%s)", d.Server, duration(d.Time), d.Rcode))
			continue
		case j.blocked() != "":
			words = append(words, fmt.Sprintf("%v does not answer: see %s", d.Server, j.blocked()))
			l.Status = max(l.Status, checklist.Skipped)
			continue
		case d.Error != nil && d.Error.unreachable() && !d.Error.Local && d.Error.Code != portUnreachable:
			words = append(words, fmt.Sprintf("%v: %v", d.Server, d.Error))
			j.unreachable(l, d.Error, d.Server.String())
			continue
		case j.strange != "" && !answered && (j.Probes.Target == nil || silentToo):
			words = append(words, fmt.Sprintf("%v does not answer: see %s", d.Server, j.strange))
			l.Status = max(l.Status, checklist.Skipped)
			continue
		case silentToo && !answered:
			// Where nothing beyond the gateway answers, the way is at fault and not the server.
			words = append(words, fmt.Sprintf("%v does not answer either: see %s", d.Server, lineTarget))
			l.Status = max(l.Status, checklist.Skipped)
			continue
		}
		detail := fmt.Sprintf("%v was asked %s and did not answer", d.Server, times(d.Asked))
		word := fmt.Sprintf("%v does not answer", d.Server)
		switch {
		case d.Error != nil:
			detail, word = fmt.Sprintf("%v: %v", d.Server, d.Error), fmt.Sprintf("%v: %v", d.Server, d.Error)
		case d.Why != "":
			detail, word = fmt.Sprintf("%v could not be asked: %s", d.Server, d.Why), fmt.Sprintf("%v: %s", d.Server, d.Why)
		}
		words = append(words, word)
		why := d.Why
		if d.Error != nil && !d.Error.Local {
			why = "" // it is not this host that refuses
		}
		fix := j.fixSilence(why, d.Server, filled("guest.dns-silent", "SERVER", d.Server))
		f := j.found(l, "guest.dns-silent", d.Server.String(), fix, "%s", detail)
		if answered {
			f.Severity = rule.Warning // another does
			f.Detail += "; another server does"
		}
	}
	l.Text = strings.Join(words, "; ")
}

// portUnreachable is the code with which a host says that no program listens (RFC 4443 §3.1).
const portUnreachable = 4

// unreachableRules are the rules about Destination Unreachable, by its code (RFC 4443 §3.1).
func unreachableRule(code uint8) rule.ID {
	rules := [...]rule.ID{"unreach.no-route", "unreach.prohibited", "unreach.beyond-scope", "unreach.address", "unreach.port",
		"unreach.source-policy", "unreach.reject-route", "unreach.source-routing", "unreach.headers-too-long"}
	if int(code) < len(rules) {
		return rules[code]
	}
	return "unreach.code"
}

// unreachable reports an error that answers a probe of this host, once for whoever sends it.
func (j *judge) unreachable(l *checklist.Line, e *Error, target string) {
	id := unreachableRule(e.Code)
	for _, f := range append(j.list.Findings(), l.Findings...) {
		if f.Rule == id && f.Source == e.From {
			l.Status = max(l.Status, checklist.Skipped)
			return
		}
	}
	f := j.found(l, id, e.From.String(), "", "%v answers what is sent to %s: %v", e.From, target, e)
	f.Severity, f.Source = rule.Error, e.From
}

// dhcpv6 judges whether a server is there where the routers send hosts to one (RFC 4861 §4.2).
func (j *judge) dhcpv6() {
	if j.off != "" || j.silent != "" {
		j.skip(lineDHCP, first(j.off, j.silent))
		return
	}
	l := checklist.Line{Name: lineDHCP}
	why, failed := j.Probes.failed(ProbeDHCPv6)
	d := j.Probes.DHCPv6
	switch {
	case j.State.Managed:
		l.Text = "M=1: addresses by DHCPv6 too"
	case j.State.Other:
		l.Text = "O=1: DNS and more by DHCPv6"
	default:
		l.Text = "not needed (M=0 O=0)"
	}
	l.Evidence = append(l.Evidence, fmt.Sprintf("the last advertisement has M=%d O=%d", bit(j.State.Managed), bit(j.State.Other)))
	switch {
	case !j.State.Managed && !j.State.Other && len(j.about(lineDHCP)) == 0:
	case d != nil && len(d.Servers) > 0:
		l.Text += fmt.Sprintf("; %v answers after %s", d.Servers[0].Address, duration(d.Time))
		if n := len(d.Servers) - 1; n > 0 {
			l.Status, l.Text = checklist.Note, l.Text+fmt.Sprintf(", and %d more", n)
		}
		j.judgeServer(&l, &d.Servers[0])
	case d != nil:
		l.Text += "; no server answers"
		f := j.found(&l, "ra.managed-no-server", "", "", "the routers set %s, DHCPv6 servers were asked %s, and none answered", j.flags(),
			times(d.Asked))
		if known := j.about(lineDHCP); len(known) > 0 {
			f.Source, f.Link, f.Subject = known[0].Source, known[0].Link, known[0].Subject
		}
	case len(j.about(lineDHCP)) > 0:
		l.Text += "; no server answers"
		l.Findings = j.about(lineDHCP)
	case j.Heard.DHCPv6Answers:
		l.Text += "; a server answers"
	case failed:
		l.Status, l.Text = checklist.Unknown, l.Text+"; could not be asked: "+why
	case j.Heard.DHCPv6Asked:
		l.Status, l.Text = checklist.Unknown, l.Text+"; clients ask, and no server was heard"
	default:
		l.Status, l.Text = checklist.Unknown, l.Text+"; nobody asked here, so whether a server is there is not known"
	}
	j.add(l)
}

func bit(set bool) int {
	if set {
		return 1
	}
	return 0
}

func (j *judge) flags() string {
	switch {
	case j.State.Managed && j.State.Other:
		return "M and O"
	case j.State.Managed:
		return "M"
	}
	return "O"
}

// judgeServer tells of a server that answers and gives nothing.
func (j *judge) judgeServer(l *checklist.Line, s *Server) {
	if s.Code != 0 {
		l.Status = max(l.Status, checklist.Note)
		l.Text += fmt.Sprintf("; it says: status %d %s", s.Code, s.CodeText)
	}
}

// target judges whether what was named answers.
func (j *judge) target() {
	if j.Target == "" {
		return
	}
	l := checklist.Line{Name: lineTarget}
	t := j.Probes.Target
	why, failed := j.Probes.failed(ProbeTarget)
	switch {
	case t != nil && t.Status == Answered:
		l.Text = fmt.Sprintf("%s answers %d of %d echo requests, the soonest after %s", j.Target, t.Replies, t.Asked, duration(t.Time))
		if t.Replies < t.Asked {
			l.Status = checklist.Note
		}
	case j.blocked() != "":
		l.Status, l.Text, j.lost = checklist.Skipped, j.Target+": see "+j.blocked(), j.blocked()
	case t == nil && failed:
		l.Status, l.Text, j.lost = checklist.Unknown, j.Target+" could not be asked: "+why, lineTarget
	case t == nil:
		l.Status, l.Text, j.lost = checklist.Skipped, j.Target+": not asked", lineTarget
	default:
		j.lost = lineTarget
		j.judgeTarget(&l, t)
	}
	if t != nil {
		l.Evidence = append(l.Evidence, fmt.Sprintf("%d echo requests from %v to %v, %d replies", t.Asked, t.Source, t.Address, t.Replies))
	}
	j.add(l)
}

func (j *judge) judgeTarget(l *checklist.Line, t *Target) {
	l.Text = j.Target + " does not answer"
	for i := range t.Errors {
		if e := &t.Errors[i]; e.unreachable() && !e.Local {
			l.Text += fmt.Sprintf("; %v says: %v", e.From, e)
			j.unreachable(l, e, t.Address.String())
		}
	}
	if len(l.Findings) > 0 || l.Status == checklist.Skipped {
		return
	}
	if j.strange != "" {
		l.Status, l.Text = checklist.Skipped, l.Text+": see "+j.strange
		return
	}
	detail := fmt.Sprintf("%v answers none of %d echo requests, and no router says why", t.Address, t.Asked)
	switch {
	case t.Why != "":
		l.Text += ": " + t.Why
		detail = fmt.Sprintf("%v could not be asked: %s", t.Address, t.Why)
	case len(t.Errors) > 0:
		l.Text += fmt.Sprintf(": %v", &t.Errors[0])
		detail = fmt.Sprintf("%v answers none of %d echo requests: %v", t.Address, t.Asked, &t.Errors[0])
	}
	fix := j.fixSilence(t.Why, t.Address, filled("guest.target-silent", "TARGET", t.Address))
	j.found(l, "guest.target-silent", t.Address.String(), fix, "%s", detail)
}

// fixSilence says what helps where nothing comes back from a: known does where neither this host refuses to send, nor sends from
// an address that CloudStack's security groups may drop.
func (j *judge) fixSilence(why string, a netip.Addr, known string) string {
	switch {
	case why == whyFiltered:
		return "`nft list ruleset` and `ip6tables -S OUTPUT` on this host"
	case why != "":
		return fmt.Sprintf("`ip -6 rule` and `ip -6 route get fibmatch %v` show what of this host refuses", a)
	case j.tells("guest.not-eui64"):
		return "CloudStack's security groups let only the address made of the MAC send: see guest.not-eui64. Without them: " + known
	}
	return known
}

// filled is the rule's fix with an address in place of a word.
func filled(id rule.ID, word string, a netip.Addr) string {
	r, _ := rule.Lookup(id)
	return strings.ReplaceAll(r.Fix, word, a.String())
}

// path judges the path MTU to the target.
func (j *judge) path() {
	l := checklist.Line{Name: linePath}
	switch {
	case j.Target == "":
		return
	case j.Path == nil && j.lost != "":
		l.Status, l.Text = checklist.Skipped, "see "+j.lost
	case j.Path == nil:
		l.Status, l.Text = checklist.Skipped, "not looked at"
	default:
		l.Text, l.Findings = j.Path.Text, j.Path.Findings
		if j.Path.Unknown {
			l.Status = checklist.Unknown
		}
	}
	j.add(l)
}

// drops tells what this kernel dropped meanwhile.
func (j *judge) drops() {
	if j.Drops == nil {
		return
	}
	l := checklist.Line{Name: lineDrops, Text: j.Drops.Text, Findings: j.Drops.Findings}
	if j.Drops.Unknown {
		l.Status = checklist.Unknown
	}
	j.add(l)
}
