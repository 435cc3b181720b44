package cloud

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// nodes are those of the zone; vr2 is only where it is asked for.
func nodes() []string {
	return []string{"guest1", "guest2", "guest3", "vr", "vr2", "kvm1", "kvm2", "upstream", "server"}
}

// reaches are how far guests come, from nothing on.
func reaches() []string { return []string{"any", "nothing", "link-local", "address", "server"} }

// check returns what is wrong and the YAML path of the value.
func (s *Scenario) check() (where string, err error) {
	switch {
	case strings.TrimSpace(s.About) == "" || strings.Contains(strings.TrimSpace(s.About), "\n"):
		return "$.about", errors.New("about is to say in one line what is broken and what is seen of it")
	case !slices.Contains([]string{"guest", "vr", "kvm"}, s.Role):
		return "$.role", fmt.Errorf("role is %q, not guest, vr or kvm", s.Role)
	case !slices.Contains(nodes(), s.Node):
		return "$.node", noNode(s.Node)
	case len(s.Command) == 0:
		return "$.command", errors.New("command is missing: the arguments of v6probe")
	case len(s.Findings) == 0:
		return "$.findings", errors.New("findings is missing: the rules that v6probe must name")
	case len(s.Faults) == 0 && len(s.Do) == 0 && !s.Zone.early():
		return "$.do", errors.New("do is missing: how the fault is made")
	case len(s.Faults) > 0 && (len(s.Do) > 0 || s.Zone.early() || len(s.Faults) < 2):
		return "$.faults", errors.New("faults is for two or more, and do and zone are theirs")
	}
	for i, step := range s.Do {
		if field, err := step.check(); err != nil {
			return fmt.Sprintf("$.do[%d]%s", i, field), err
		}
	}
	for i, see := range s.See {
		if field, err := see.check(); err != nil {
			return fmt.Sprintf("$.see[%d]%s", i, field), err
		}
	}
	for who, far := range s.Reach {
		if who != "all" && !slices.ContainsFunc(guests(), func(g guest) bool { return g.node == who }) {
			return "$.reach", fmt.Errorf("%q is no guest, nor all", who)
		}
		if !slices.Contains(reaches(), far) {
			return "$.reach." + who, fmt.Errorf("%q is none of %s", far, strings.Join(reaches(), ", "))
		}
	}
	return s.Zone.check()
}

func noNode(name string) error {
	return fmt.Errorf("%q is none of the nodes: %s", name, strings.Join(nodes(), ", "))
}

func (s *Step) check() (field string, err error) {
	if !slices.Contains(nodes(), s.On) {
		return ".on", noNode(s.On)
	}
	kinds := 0
	for _, there := range []bool{s.Run != "", s.Nft != "", s.Sysctl != nil, s.Radvd != "", s.Config != "", s.Stop != "",
		s.Send != nil, s.Fill != 0, s.API != nil} {
		if there {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return "", errors.New("a step is one of run, nft, sysctl, radvd, config, stop, send, fill and api")
	case s.Undo != "" && s.Run == "" && s.Nft == "":
		return ".undo", errors.New("undo is for run and nft; all else is undone by itself")
	case s.Stop != "" && s.Stop != "radvd" && s.Stop != "dns":
		return ".stop", fmt.Errorf("stop is %q, not radvd or dns", s.Stop)
	case s.Fill < 0 || s.Fill > 99:
		return ".fill", fmt.Errorf("%d is no percentage from 1 to 99", s.Fill)
	}
	for name := range s.Sysctl {
		if !strings.HasPrefix(name, "net.") || strings.Contains(name, "..") {
			return ".sysctl", fmt.Errorf("%q is no sysctl below net", name)
		}
	}
	if err := command(s.Run); err != nil {
		return ".run", err
	}
	if err := command(s.Undo); err != nil {
		return ".undo", err
	}
	return s.Send.check()
}

// command complains of what only a shell would understand.
func command(line string) error {
	if i := strings.IndexAny(line, "'\"$|;&<>`\\\n"); i >= 0 {
		return fmt.Errorf("a command runs without a shell, and has no %q", line[i])
	}
	return nil
}

func (s *Send) check() (field string, err error) {
	if s == nil {
		return "", nil
	}
	if !slices.Contains([]string{"", "plain", "exthdr", "fragments"}, s.Shape) {
		return ".send.shape", fmt.Errorf("shape is %q, not plain, exthdr or fragments", s.Shape)
	}
	if s.Source != "" {
		if a, err := netip.ParseAddr(s.Source); err != nil || !a.Is6() {
			return ".send.source", fmt.Errorf("%q is no IPv6 address", s.Source)
		}
	}
	if s.Prefix != "" {
		if p, err := netip.ParsePrefix(s.Prefix); err != nil || !p.Addr().Is6() {
			return ".send.prefix", fmt.Errorf("%q is no IPv6 prefix", s.Prefix)
		}
	}
	if s.HopLimit < 0 || s.HopLimit > 255 {
		return ".send.hop_limit", fmt.Errorf("%d is no hop limit", s.HopLimit)
	}
	if s.Valid < 0 || s.Preferred < 0 || s.Every < 0 {
		return ".send", errors.New("no time is negative")
	}
	return "", nil
}

func (s *Sight) check() (field string, err error) {
	if !slices.Contains(nodes(), s.On) {
		return ".on", noNode(s.On)
	}
	if s.Run == "" {
		return ".run", errors.New("run is missing: the command that shows the fault")
	}
	if err := command(s.Run); err != nil {
		return ".run", err
	}
	for field, text := range map[string]string{".shows": s.Shows, ".hides": s.Hides} {
		if _, err := regexp.Compile(text); err != nil {
			return field, err
		}
	}
	return "", nil
}

func (b *Build) check() (where string, err error) {
	for host, port := range b.VXLANPort {
		if host != "kvm1" && host != "kvm2" || port < 1 || port > 65535 {
			return "$.zone.vxlan_port", errors.New("vxlan_port is a UDP port for kvm1 and one for kvm2")
		}
	}
	for name, mtu := range map[string]int{"vxlan_mtu": b.VXLANMTU, "underlay_mtu": b.UnderlayMTU} {
		if mtu != 0 && (mtu < 1280 || mtu > 9216) {
			return "$.zone." + name, fmt.Errorf("%d is no MTU from 1280 to 9216", mtu)
		}
	}
	return "", nil
}

// brNetfilter is what the kernel has where bridges can hand IPv6 to ip6tables.
const brNetfilter = "/proc/sys/net/bridge/bridge-nf-call-ip6tables"

// Missing returns which of the things that the scenario needs this machine lacks, each once.
func (s *Scenario) Missing() []string {
	needs := append([]string{"ip"}, s.Needs...)
	if s.Zone.SecurityGroups != nil && *s.Zone.SecurityGroups {
		needs = append(needs, groupNeeds()...)
	}
	return missing(needs)
}

// missing returns which of needs are not there.
func missing(needs []string) []string {
	var lacking []string
	for _, n := range needs {
		there := false
		if n == "br_netfilter" {
			_, err := os.Stat(brNetfilter)
			there = err == nil
		} else {
			_, there = tool(n)
		}
		if !there && !slices.Contains(lacking, n) {
			lacking = append(lacking, n)
		}
	}
	return lacking
}

// groupNeeds is what security groups take.
func groupNeeds() []string {
	return []string{"ip6tables", "ip6tables-restore", "ipset", "br_netfilter"}
}

// tool returns where a program is. The paths of users often lack those of the administrator.
func tool(name string) (string, bool) {
	if p, err := exec.LookPath(name); err == nil {
		return p, true
	}
	for _, dir := range []string{"/usr/sbin/", "/sbin/", "/usr/local/sbin/"} {
		if p, err := exec.LookPath(dir + name); err == nil {
			return p, true
		}
	}
	return name, false
}
