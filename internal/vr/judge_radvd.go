package vr

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/checklist"
	"v6probe/internal/expect"
	"v6probe/internal/rule"
)

// radvd looks whether the daemon runs, and whether it should.
func (j *judge) radvd() []checklist.Line {
	line := checklist.Line{Name: "radvd", Text: "does not run"}
	r := &j.Radvd
	if r.Running {
		line.Text = fmt.Sprintf("runs (%d), configured by %s", r.PID, r.File)
		line.Evidence = append(line.Evidence, fmt.Sprintf("process %d is called radvd and is in this network namespace", r.PID))
	}
	if len(j.Senders) > 0 {
		line.Evidence = append(line.Evidence, "other programs here that may advertise: "+some(j.Senders))
	}
	line.Evidence = append(line.Evidence, j.Role.Evidence...)
	speaking := j.speaking()
	switch {
	case r.Running:
		if f, bad := j.mustNotRun(speaking); bad {
			j.unexpected = true
			line.Findings = append(line.Findings, f)
		}
	case len(j.Guests) == 0:
		line.Status, line.Text = checklist.Skipped, "there is no interface for guests"
	case len(speaking) == 0:
		line.Text += ", as it should be: " + j.whyQuiet()
	case r.Unsure != "":
		line.Status, line.Text = checklist.Unknown, r.Unsure
	case j.othersAdvertise(speaking):
		line.Text += "; another program of this machine advertises"
	case r.Problem != "":
		line.Status, line.Text = checklist.Skipped, "does not run: its configuration cannot be read"
	case j.Role.Type == "" && len(j.Senders) > 0:
		// They may be slower than what was listened for.
		line.Status, line.Text = checklist.Unknown, "does not run; "+some(j.Senders)+" may advertise in its place"
	case j.noForwarding && !r.Installed && r.Missing && len(j.Sure) == 0 && j.Role.Type == "":
		line.Status, line.Text = checklist.Skipped, "is not installed, and this machine does not forward: it is no router"
	default:
		j.radvdDown = true
		detail := "no radvd runs in this network namespace: nobody advertises to the guests on " + names(speaking)
		if r.Missing {
			detail += ", and there is no " + r.File
		}
		line.Findings = append(line.Findings, checklist.Finding("vr.radvd-down", "", detail, ""))
	}
	return one(line)
}

// whyQuiet says why this machine must not advertise at all.
func (j *judge) whyQuiet() string {
	for _, i := range j.guests() {
		if why := j.quiet(i); why != "" {
			return why
		}
	}
	return ""
}

// othersAdvertise reports whether advertisements go out, or would be seen to, on every interface that needs them.
func (j *judge) othersAdvertise(names []string) bool {
	for _, name := range names {
		h := j.heard(name)
		if len(h.Own) == 0 {
			return false
		}
	}
	return true
}

// mustNotRun finds that radvd serves an interface that it must not.
func (j *judge) mustNotRun(speaking []string) (rule.Finding, bool) {
	for _, i := range j.guests() {
		why := j.quiet(i)
		b := j.Radvd.block(i.Name)
		serves := b != nil && !silent(b) || len(j.heard(i.Name).Own) > 0
		if why == "" || len(speaking) > 0 && !serves {
			continue
		}
		fix := ""
		if l := j.expected(j.Expect, i); l != nil {
			for _, r := range l.Forbidden {
				if i.hasMAC(r.MAC) {
					fix = r.Fix
				}
			}
		}
		if len(speaking) > 0 {
			fix = fmt.Sprintf("Take the block of %s out of %s, then `systemctl reload radvd`.", printable(i.Name), j.Radvd.File)
		}
		return checklist.Finding("vr.radvd-unexpected", printable(i.Name), "radvd runs here, and must not on "+printable(i.Name)+": "+why, fix), true
	}
	return rule.Finding{}, false
}

// configuration looks at what radvd is told to send, and at whether that, and what the user expects, is what is sent.
func (j *judge) configuration() []checklist.Line {
	line := checklist.Line{Name: "configuration"}
	r := &j.Radvd
	speaking := j.speaking()
	needed := len(speaking) > 0 && (r.Running || !j.othersAdvertise(speaking))
	switch {
	case len(speaking) == 0:
		line.Text = "none is needed"
	case r.Problem != "" && (needed || r.Running):
		line.Text = "cannot be read"
		line.Findings = append(line.Findings, j.unreadable())
	case r.State != nil && needed:
		line.Text = r.File + " has " + j.blocks()
		line.Findings = append(line.Findings, j.judgeBlocks(speaking)...)
	case r.Missing && r.Running:
		line.Status, line.Text = checklist.Unknown, r.File+", which radvd was started with, is not there"
	case r.Missing && j.radvdDown:
		line.Status, line.Text = checklist.Skipped, "there is no "+r.File
	default:
		line.Text = "not radvd's"
	}
	if r.File != "" && r.State != nil {
		line.Evidence = append(line.Evidence, r.File+" was read, with "+j.blocks())
	}
	found, against := j.compared()
	line.Findings = append(line.Findings, found...)
	if against != "" && len(line.Findings) == 0 {
		line.Text += against
	}
	return one(line)
}

func (j *judge) unreadable() rule.Finding {
	r := &j.Radvd
	detail := r.Problem
	for _, i := range j.guests() {
		if j.cause[i.Name] == "" && !r.Running {
			j.cause[i.Name] = "radvd does not start with its configuration"
		}
	}
	if r.Running {
		detail += "; radvd runs, with what it read before, and will not start again"
	} else {
		detail += "; radvd does not start with it"
	}
	fix := "Correct it"
	if r.Hint != "" {
		fix += " (" + r.Hint + ")"
	}
	fix += fmt.Sprintf("; `radvd --configtest --config %s` says whether it is right. Restarting the network with cleanup has CloudStack "+
		"write it again.", r.File)
	f := checklist.Finding("vr.radvd-config", r.File, detail, fix)
	f.Expected = r.Place
	return f
}

// blocks counts what the configuration has.
func (j *judge) blocks() string {
	var here, gone []string
	for _, l := range j.Radvd.State.Links {
		if j.iface(l.Iface) != nil {
			here = append(here, l.Iface)
		} else {
			gone = append(gone, l.Iface)
		}
	}
	switch {
	case len(here) == 0:
		return "no block of an interface that is there, only of " + names(gone)
	case len(gone) > 0:
		return "blocks of " + names(here) + "; also of " + names(gone) + ", not there"
	}
	return "blocks of " + names(here)
}

// judgeBlocks finds interfaces of which the configuration says nothing, or to be silent.
func (j *judge) judgeBlocks(speaking []string) []rule.Finding {
	var found []rule.Finding
	for _, name := range speaking {
		shown, b := printable(name), j.Radvd.block(name)
		if len(j.heard(name).Own) > 0 {
			continue // what is sent comes of something that is not in this file
		}
		switch {
		case b == nil:
			f := checklist.Finding("vr.radvd-interface", shown, fmt.Sprintf("%s has no block of %s: nothing is advertised to the guests there",
				j.Radvd.File, shown), "")
			if !j.Sure[name] {
				f.Severity = rule.Info
				f.Detail = fmt.Sprintf("%s has no block of %s, which has a prefix for guests", j.Radvd.File, shown)
				f.Fix = fmt.Sprintf("Nothing, if no guests are there; else add a block, and name it to be sure: `v6probe vr -i %s`.", shown)
			}
			found = append(found, f)
			j.because(name, j.Radvd.File+" has no block of "+shown)
		case silent(b):
			f := checklist.Finding("vr.radvd-config", shown, fmt.Sprintf("AdvSendAdvert is off for %s in %s, as it is where it is left out",
				shown, j.Radvd.File), "Put `AdvSendAdvert on;` into the block, then `systemctl reload radvd`.")
			f.Expected = b.Place
			found = append(found, f)
			j.because(name, "AdvSendAdvert is off for "+shown)
		}
	}
	return found
}

// because names what keeps this machine from advertising, where nothing before does.
func (j *judge) because(name, cause string) {
	if j.cause[name] == "" {
		j.cause[name] = cause
	}
}

// compared returns what differs on the wire from radvd's configuration and from the expectation, as far as nothing else is the
// cause, and says in words what was compared.
func (j *judge) compared() (found []rule.Finding, against string) {
	for _, f := range j.Wire {
		if aboutExpectation(f.Rule) && !j.follows(f) {
			if f.Expected.File == j.Radvd.File && f.Rule != "expect.source" {
				f.Fix = fmt.Sprintf("`systemctl reload radvd`, so that it reads %s again; if it stays, what is sent comes of something else",
					j.Radvd.File)
			}
			found = append(found, f)
		}
	}
	// What is missing says what should be there; what is there instead comes after it.
	slices.SortStableFunc(found, func(a, b rule.Finding) int { return cmp.Compare(unknown(a.Rule), unknown(b.Rule)) })
	heard := false
	for _, h := range j.Heard {
		heard = heard || len(h.Own) > 0
	}
	switch expects := j.Expect != nil && len(j.Expect.Links) > 0; {
	case !heard || len(j.speaking()) == 0:
	case expects && j.Radvd.State != nil:
		against = ", and that and what is expected is sent"
	case expects:
		against = "; what is expected is sent"
	case j.Radvd.State != nil && j.Radvd.Running:
		against = ", and that is sent"
	}
	return found, against
}

// unknown is 1 for a rule about what is not expected.
func unknown(id rule.ID) int {
	if strings.HasPrefix(string(id), "ra.unknown-") {
		return 1
	}
	return 0
}

// aboutExpectation reports whether a rule is about what is expected.
func aboutExpectation(id rule.ID) bool {
	return strings.HasPrefix(string(id), "expect.") || id == "ra.unknown-router" || id == "ra.unknown-prefix"
}

// follows reports whether a difference from what is expected is the consequence of something that is told elsewhere.
func (j *judge) follows(f rule.Finding) bool {
	h := j.heard(f.Link)
	own, other := h.own(f.Source), h.other(f.Source)
	switch f.Rule {
	case "expect.network-mtu":
		return true // with the MTU
	case "expect.router-missing":
		return len(j.causes()) > 0 || j.radvdDown || j.silentSomewhere()
	case "expect.advertisers":
		return true // with other routers, and with radvd where it must not run
	case "expect.router-lifetime":
		if own && j.noForwarding {
			return true
		}
	case "expect.source":
		if b := j.flawed(f); b != nil && silent(b) {
			return true
		}
	}
	return other && !j.welcome(f.Link, h, f) || own && j.unexpected
}

// welcome reports whether the other router that f is about is none of which other routers tells.
func (j *judge) welcome(name string, h Heard, f rule.Finding) bool {
	i := j.iface(name)
	for _, s := range h.Others {
		if s.Source == f.Source && i != nil {
			return j.mayAdvertise(i, s)
		}
	}
	return true
}

// flawed returns the block of radvd's configuration that a finding is about.
func (j *judge) flawed(f rule.Finding) *expect.Link {
	if j.Radvd.State == nil {
		return nil
	}
	for n := range j.Radvd.State.Flaws {
		if l := &j.Radvd.State.Flaws[n]; l.Place == f.Expected {
			return j.Radvd.block(l.Link)
		}
	}
	return nil
}

// silentSomewhere reports whether nothing was heard of this machine where something should be.
func (j *judge) silentSomewhere() bool {
	return slices.ContainsFunc(j.speaking(), func(name string) bool {
		return len(j.heard(name).Own) == 0
	})
}
