//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// wanted are the kernel's modules that networks of the cases may be made of, by the beginning of their path. Programs ask
// for many of them by names that are known to the kernel alone, so all filters are there.
var wanted = [...]string{
	"kernel/net/8021q/", "kernel/net/bridge/", "kernel/net/core/", "kernel/net/ipv4/", "kernel/net/ipv6/",
	"kernel/net/netfilter/", "kernel/net/sched/",
	"kernel/drivers/net/bonding/", "kernel/drivers/net/dummy.", "kernel/drivers/net/geneve.", "kernel/drivers/net/ifb.",
	"kernel/drivers/net/macvlan.", "kernel/drivers/net/tap.", "kernel/drivers/net/tun.", "kernel/drivers/net/veth.",
	"kernel/drivers/net/vrf.", "kernel/drivers/net/vxlan",
}

// addModules adds the modules of a kernel that are wanted, and those they need.
func addModules(t tree, k kernel) error {
	dir := filepath.Join(k.dir, "lib/modules", k.release)
	deps, err := readDependencies(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return err
	}
	list := choose(deps)
	if len(list) == 0 {
		return fmt.Errorf("no modules for networks in %s", dir)
	}
	const inside = "usr/lib/modules"
	for _, name := range list {
		if err := t.copy(filepath.Join(inside, k.release, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	lists, err := filepath.Glob(filepath.Join(dir, "modules.*"))
	if err != nil {
		return err
	}
	for _, name := range lists {
		if err := t.copy(filepath.Join(inside, k.release, filepath.Base(name)), name); err != nil {
			return err
		}
	}
	return nil
}

// readDependencies reads what depmod wrote: for each module its path, a colon, and the paths of all that it needs.
func readDependencies(name string) (map[string][]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	deps := map[string][]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		module, needs, ok := strings.Cut(lines.Text(), ":")
		if !ok {
			return nil, fmt.Errorf("%s: a line without a colon", name)
		}
		deps[module] = strings.Fields(needs)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return deps, nil
}

// choose returns the modules that are wanted and what they need, each once.
func choose(deps map[string][]string) []string {
	var list []string
	for module, needs := range deps {
		if slices.ContainsFunc(wanted[:], func(w string) bool { return strings.HasPrefix(module, w) }) {
			list = append(append(list, module), needs...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
