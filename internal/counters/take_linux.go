package counters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"v6probe/internal/tool"
)

// proc is /proc/net of the calling thread: /proc/net itself is that of the process's first thread, which may be in another
// network namespace.
const proc = "/proc/thread-self/net/"

// Take reads all sources in the network namespace of the calling thread, one after the other. That one cannot be read is said
// in the sample and is no error; there is one when ctx ends, when o names no interface, or when nothing could be read at all.
func Take(ctx context.Context, o Options) (*Sample, error) {
	s := &Sample{Time: time.Now(), iface: o.Interface}
	all, err := links()
	s.add(Source{Name: Link, Tool: "rtnetlink"}, all, err)
	if err == nil && o.Interface != "" && !slices.ContainsFunc(all, func(c counter) bool { return c.Interface == o.Interface }) {
		return nil, fmt.Errorf("%s: no such interface", tool.Clean(o.Interface, maxText))
	}
	s.takeIPv6()
	stat, err := readFile(proc + "softnet_stat")
	s.add(Source{Name: Softnet, Tool: "/proc/net/softnet_stat"}, softnet(stat), err)
	s.takeRules(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(s.Sources, func(s Source) bool { return s.Read }) {
		return nil, errors.New("none of the kernel's counters could be read: " + s.Sources[0].Why)
	}
	return s, nil
}

// add adds a source and, without an error, its counters.
func (s *Sample) add(of Source, list []counter, err error) {
	of.Blind = append(blind(of.Name), of.Blind...)
	if err == nil {
		of.Read, of.Counters = true, len(list)
		s.counters = append(s.counters, list...)
		s.Sources = append(s.Sources, of)
		return
	}
	of.Why = err.Error()
	var hinted interface{ Hint() string }
	switch {
	case errors.As(err, &hinted):
		of.Hint = hinted.Hint()
	case errors.Is(err, os.ErrPermission):
		of.Hint = permissionHint
	}
	s.Sources = append(s.Sources, of)
}

// takeIPv6 reads the counters of the namespace and of each interface.
func (s *Sample) takeIPv6() {
	b, err := readFile(proc + "snmp6")
	if errors.Is(err, os.ErrNotExist) {
		err = &toolError{tool: "/proc/net/snmp6", text: "this kernel runs without IPv6",
			hint: "look for ipv6.disable=1 in /proc/cmdline, or load it: modprobe ipv6"}
	}
	s.add(Source{Name: SNMP6, Tool: "/proc/net/snmp6"}, snmp(parseSNMP(b), "", 0, false), err)
	entries, err := os.ReadDir(proc + "dev_snmp6")
	if errors.Is(err, os.ErrNotExist) {
		return // said already
	}
	of := Source{Name: DevSNMP6, Tool: "/proc/net/dev_snmp6"}
	if len(entries) > maxDevices {
		of.Blind = append(of.Blind, fmt.Sprintf("%d interfaces more than are looked at", len(entries)-maxDevices))
		entries = entries[:maxDevices]
	}
	var all []counter
	for _, e := range entries {
		b, err := readFile(proc + "dev_snmp6/" + e.Name())
		if err != nil {
			continue // the interface went away meanwhile
		}
		list := parseSNMP(b)
		i := slices.IndexFunc(list, func(e entry) bool { return e.name == "ifIndex" })
		if i < 0 || list[i].value == 0 {
			continue
		}
		all = append(all, snmp(list, e.Name(), list[i].value, ipv6Off(e.Name()))...)
	}
	s.add(of, all, err)
}

// ipv6Off reports whether IPv6 is turned off on an interface.
func ipv6Off(iface string) bool {
	b, err := readFile(filepath.Join("/proc/sys/net/ipv6/conf", iface, "disable_ipv6"))
	return err == nil && bytes.HasPrefix(b, []byte("1"))
}

// takeRules asks the programs that know netfilter's rules. What the two kinds of iptables know is left out of nftables.
func (s *Sample) takeRules(ctx context.Context) {
	known := s.takeSave(ctx, IP6Tables, "ip6tables-nft-save", "ip6")
	known = append(known, s.takeSave(ctx, EBTables, "ebtables-nft-save", "bridge")...)
	if tables, err := readFile(proc + "ip6_tables_names"); len(bytes.TrimSpace(tables)) > 0 {
		s.takeLegacy(ctx)
	} else if errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("/proc/net/ip6_tables_names: %w", os.ErrPermission)
		s.add(Source{Name: IP6Tables, Tool: "ip6tables-legacy-save"}, nil, err)
	}
	s.takeLegacyEBTables(ctx)

	of := Source{Name: NFTables, Tool: "nft"}
	// -t leaves out the elements of sets, which may be many; the first versions that print JSON do not have it.
	out, err := run(ctx, "nft", "-j", "-t", "list", "ruleset")
	if err != nil && strings.Contains(err.Error(), "option") {
		out, err = run(ctx, "nft", "-j", "list", "ruleset")
	}
	var r rules
	if err == nil && len(bytes.TrimSpace(out)) > 0 { // older versions print nothing where there is nothing
		r, err = parseNFT(bytes.NewReader(out), func(family, table string) bool { return slices.Contains(known, family+" "+table) })
	}
	if missing(err) {
		of.Blind = append(of.Blind, "rules of nftables, if this host has any")
		err = &toolError{tool: "nft", text: "not installed", hint: "install nftables, if this host has such rules"}
	}
	of.Blind = append(of.Blind, r.blind...)
	s.add(of, r.counters, err)
}

func missing(err error) bool {
	var t *toolError
	return errors.As(err, &t) && t.absent
}

// takeSave asks one of the programs of iptables that keep their rules in nftables, and returns the tables that it knows, each
// as "family name". A host without it has nothing of it, or has nft show it.
func (s *Sample) takeSave(ctx context.Context, source, tool, family string) (tables []string) {
	out, err := run(ctx, tool, "-c")
	if missing(err) {
		return nil
	}
	x := newXTReader(source, "")
	x.parseSave(out)
	s.add(Source{Name: source, Tool: tool, Blind: x.blind}, x.counters, err)
	for _, t := range x.tables {
		tables = append(tables, family+" "+t)
	}
	return tables
}

// takeLegacy asks for the rules of ip6tables that are not in nftables. It is called where there are such tables only, so that
// nobody is told of a program that has nothing to tell, or that is not installed.
func (s *Sample) takeLegacy(ctx context.Context) {
	tool := "ip6tables-legacy-save"
	out, err := run(ctx, tool, "-c")
	if missing(err) { // distributions from before nftables
		tool = "ip6tables-save"
		out, err = run(ctx, tool, "-c")
	}
	x := newXTReader(IP6Tables, "legacy ")
	x.parseSave(out)
	s.add(Source{Name: IP6Tables, Tool: tool, Blind: x.blind}, x.counters, err)
}

// takeLegacyEBTables asks for the rules of ebtables that are not in nftables, of the tables whose modules are loaded: the
// program would load them.
func (s *Sample) takeLegacyEBTables(ctx context.Context) {
	modules, err := readFile("/proc/modules")
	if err != nil {
		return // a kernel without modules
	}
	x := newXTReader(EBTables, "legacy ")
	asked, tool := false, "ebtables-legacy"
	for _, table := range []string{"filter", "nat", "broute"} {
		if !bytes.Contains(append([]byte("\n"), modules...), []byte("\nebtable_"+table+" ")) {
			continue
		}
		asked = true
		var out []byte
		out, err = run(ctx, tool, "-t", table, "-L", "--Lc")
		if missing(err) { // distributions from before nftables
			tool = "ebtables"
			out, err = run(ctx, tool, "-t", table, "-L", "--Lc")
		}
		if err != nil {
			break
		}
		x.parseList(out)
	}
	if asked {
		x.finish()
		s.add(Source{Name: EBTables, Tool: tool, Blind: x.blind}, x.counters, err)
	}
}

// readFile reads a file of the kernel's, which has no length in advance.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxOutput+1))
	if err == nil && len(b) > maxOutput {
		err = errTooLong
	}
	return b, err
}
