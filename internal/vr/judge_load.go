package vr

import (
	"fmt"

	"v6probe/internal/checklist"
	"v6probe/internal/rule"
)

// How full a table may be, in percent, before it is a note, and before it is an error.
const (
	fullNote  = 75
	fullError = 90
)

func (j *judge) connections() []checklist.Line {
	return one(table("connections", "connections", "vr.conntrack-full", j.Connections,
		"net.netfilter.nf_conntrack_count = %d", "net.netfilter.nf_conntrack_max = %d"))
}

func (j *judge) neighbors() []checklist.Line {
	return one(table("neighbors", "IPv6 neighbors", "vr.neighbor-table-full", j.Neighbors,
		"entries of ndisc_cache, of all network namespaces: %d", "net.ipv6.neigh.default.gc_thresh3 = %d"))
}

// table is the line of a table of the kernel.
func table(name, what string, id rule.ID, t Table, used, limit string) checklist.Line {
	line := checklist.Line{Name: name}
	switch {
	case t.Absent:
		line.Text = "not tracked here"
		return line
	case t.Unread != "":
		line.Status, line.Text = checklist.Unknown, t.Unread
		return line
	}
	line.Evidence = []string{fmt.Sprintf(used, t.Used), fmt.Sprintf(limit, t.Max)}
	line.Text = fmt.Sprintf("%d of %d", t.Used, t.Max)
	if t.Max == 0 {
		line.Text = fmt.Sprintf("%d, without a limit", t.Used)
		return line
	}
	percent := int(float64(t.Used) / float64(t.Max) * 100)
	if percent < fullNote {
		return line
	}
	f := checklist.Finding(id, "", fmt.Sprintf("%d of %d %s are in use, %d %%", t.Used, t.Max, what, percent), "")
	if percent < fullError {
		f.Severity = rule.Info
	}
	line.Findings = append(line.Findings, f)
	return line
}

func (j *judge) backlog() []checklist.Line {
	line := checklist.Line{Name: "backlog"}
	b := j.Backlog
	if b.Unread != "" {
		line.Status, line.Text = checklist.Unknown, b.Unread
		return one(line)
	}
	line.Evidence = []string{fmt.Sprintf("/proc/net/softnet_stat: %d dropped since the start, on all processors", b.After)}
	line.Text = "nothing dropped meanwhile"
	if b.After > b.Before { // the counters of a processor have 32 bits, and begin again
		line.Text = fmt.Sprintf("%d dropped in %s", b.After-b.Before, seconds(j.Listened))
		line.Findings = append(line.Findings, checklist.Finding("vr.backlog-drops", "",
			fmt.Sprintf("%d received packets were dropped in %s before any filter saw them", b.After-b.Before, seconds(j.Listened)), ""))
	}
	return one(line)
}

// mtu compares the interfaces with what CloudStack says.
func (j *judge) mtu() []checklist.Line {
	line := checklist.Line{Name: "MTU"}
	var seen []string
	for _, i := range j.judged() {
		name := printable(i.Name)
		seen = append(seen, fmt.Sprintf("%s %d", name, i.MTU))
		line.Evidence = append(line.Evidence, fmt.Sprintf("%s: mtu %d", name, i.MTU))
		if i.MTU < leastMTU {
			continue // told with IPv6
		}
		if f, ok := j.narrowNetwork(i); ok {
			line.Findings = append(line.Findings, f)
			continue
		}
		l := j.expected(j.Expect, i)
		if l == nil || l.MTU == 0 || l.MTU == i.MTU {
			continue
		}
		f := checklist.Finding("vr.interface-mtu", name, fmt.Sprintf("%s carries %d bytes, and %s has %d", name, i.MTU, l.Name, l.MTU),
			fmt.Sprintf("Restart the network with cleanup, or `ip link set %s mtu %d`; see that the KVM host's bridge and VXLAN carry it.",
				name, l.MTU))
		f.Expected = l.Place
		line.Findings = append(line.Findings, f)
	}
	line.Text = some(seen)
	return one(line)
}
