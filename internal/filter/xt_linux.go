package filter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// procNet is /proc/net of the calling thread, which may be in another network namespace than the process's first.
const procNet = "/proc/thread-self/net/"

// readXT adds the rules of ip6tables and ebtables to r, in which those of nftables are already. The tables in compat,
// each as "family name", were made by the tools that keep their rules in nftables: what these tell goes in their place.
// The older tools are asked only where the kernel has tables of theirs: they would load modules for others.
func readXT(ctx context.Context, r *Ruleset, compat []string) {
	x := &xtTools{ctx: ctx, rules: r, state: &xtState{}}
	x.newer("ip6", compat)
	x.newer("bridge", compat)
	x.olderIP6()
	x.olderBridge()
	x.state.noteMarks(r.Chains)
	if len(x.state.asked) > 0 {
		sets, err := readSets(ctx)
		if err != nil {
			r.Unread = append(r.Unread, err.Error())
		}
		r.Sets, x.state.sets = sets, sets
	}
}

// noteMarks looks for rules of nftables that set marks.
func (s *xtState) noteMarks(chains []*Chain) {
	for _, c := range chains {
		for _, rule := range c.Rules {
			if c.Tool == "nft" && (strings.Contains(rule.Text, "mark set ") || strings.HasPrefix(rule.Text, unshown)) {
				s.change(changesMark, allBits, nil)
				s.change(changesConnmark, allBits, nil)
				return
			}
		}
	}
}

// xtTools reads with the tools one after the other.
type xtTools struct {
	ctx   context.Context
	rules *Ruleset
	state *xtState
}

func (x *xtTools) unread(format string, args ...any) {
	x.rules.Unread = append(x.rules.Unread, fmt.Sprintf(format, args...))
}

// newer reads the tables of a family that are kept in nftables. Where the tool does not tell, the rules stay as nftables
// has them, and what only the tool knows is doubtful.
func (x *xtTools) newer(family string, compat []string) {
	var tables []string
	for _, t := range compat {
		if strings.HasPrefix(t, family+" ") {
			tables = append(tables, t)
		}
	}
	if len(tables) == 0 {
		return
	}
	tool := "ip6tables"
	if family == "bridge" {
		tool = "ebtables"
	}
	out, err := run(x.ctx, tool+"-nft-save")
	if absent(err) && x.kind(tool) == "nft" {
		out, err = run(x.ctx, tool+"-save")
	}
	why := tool + " does not show it"
	if err != nil {
		why = err.Error()
	} else {
		read := parseXT(out, tool, family == "bridge", x.state)
		x.rules.merge(read)
		x.unreadRules(read)
	}
	for _, c := range x.rules.Chains {
		if c.Tool != "nft" || !slices.Contains(tables, c.Table) {
			continue
		}
		for i := range c.Rules {
			if strings.HasPrefix(c.Rules[i].Text, unshown) {
				c.Rules[i].Text += " (" + why + ")"
			}
		}
	}
}

// unshown is how the text of a rule of nftables begins that cannot be shown.
const unshown = "handle "

func (x *xtTools) unreadRules(read *xtReader) {
	if read.left > 0 {
		x.unread("%s: %d rules more than are looked at", read.tool, read.left)
	}
}

// kind tells which kind of a tool goes by its plain name: "nft" or "legacy".
func (x *xtTools) kind(tool string) string {
	out, err := run(x.ctx, tool, "-V")
	switch {
	case err != nil:
		return ""
	case bytes.Contains(out, []byte("nf_tables")):
		return "nft"
	}
	return "legacy"
}

// olderIP6 reads the tables of ip6tables that are not in nftables.
func (x *xtTools) olderIP6() {
	names, err := readFile(procNet + "ip6_tables_names")
	switch {
	case errors.Is(err, os.ErrNotExist):
		return // a kernel, or one without the module, that has none
	case err != nil:
		x.unread("ip6tables-legacy: %v", err)
		return
	case len(bytes.TrimSpace(names)) == 0:
		return
	}
	tool := "ip6tables-legacy"
	out, err := run(x.ctx, tool+"-save")
	if absent(err) && x.kind("ip6tables") == "legacy" {
		tool = "ip6tables"
		out, err = run(x.ctx, tool+"-save")
	}
	if err != nil {
		x.unread("%v: the kernel has the tables %s of ip6tables", err, strings.Join(strings.Fields(string(names)), ", "))
		return
	}
	read := parseXT(out, tool, false, x.state)
	x.rules.Chains = append(x.rules.Chains, read.chains...)
	x.unreadRules(read)
}

// olderBridge reads the tables of ebtables that are not in nftables and whose modules are loaded.
func (x *xtTools) olderBridge() {
	modules, err := readFile("/proc/modules")
	if err != nil {
		return // a kernel without modules
	}
	tool := "ebtables-legacy"
	for _, table := range []string{"broute", "nat", "filter"} {
		if !bytes.Contains(append([]byte("\n"), modules...), []byte("\nebtable_"+table+" ")) {
			continue
		}
		out, err := run(x.ctx, tool, "-t", table, "-L")
		if absent(err) && x.kind("ebtables") == "legacy" {
			tool = "ebtables"
			out, err = run(x.ctx, tool, "-t", table, "-L")
		}
		if err != nil {
			x.unread("%v: the kernel has the table %s of ebtables", err, table)
			continue
		}
		read := parseXT(out, tool, true, x.state)
		x.rules.Chains = append(x.rules.Chains, read.chains...)
		x.unreadRules(read)
	}
}

// readFile reads a file of the kernel's, which has no length in advance.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1<<20))
}
