//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"v6probe/internal/lab"
	"v6probe/kernels/wire"
)

// environment is what cases are made of, as commands. A program that is not there is missing; any other failure would make
// cases fail for reasons that are not v6probe's.
var environment = [...]string{
	"ip link add veth0 type veth peer name veth1",
	"ip link add bridge0 type bridge mcast_snooping 1",
	"ip link set veth1 master bridge0",
	"bridge link set dev veth1 isolated on",
	"ip link add vxlan0 type vxlan id 7 dstport 4789 local fe80::1 remote fe80::2 dev veth0",
	"ip link add link veth0 name vlan0 type vlan id 5",
	"ip link add dummy0 type dummy",
	"ip tuntap add tap0 mode tap",
	"ip -6 tunnel add tunnel0 mode ip6ip6 remote fe80::2 local fe80::1 dev veth0",
	"nft add table ip6 a",
	"nft add chain ip6 a b { type filter hook input priority 0 ; }",
	"nft add rule ip6 a b icmpv6 type nd-router-advert counter limit rate 1/second reject",
	"nft add table bridge a",
	"nft add chain bridge a b { type filter hook forward priority 0 ; }",
	"nft add rule bridge a b meta ibrname bridge0 icmpv6 type nd-router-advert ct state new counter drop",
	"nft add table netdev a",
	"nft add chain netdev a b { type filter hook ingress device veth0 priority 0 ; }",
	"ip6tables-nft -A INPUT -p icmpv6 --icmpv6-type 134 -m limit --limit 1/s -j DROP",
	"ip6tables-legacy -A INPUT -p icmpv6 --icmpv6-type 134 -m mac --mac-source 02:00:00:00:00:01 -j DROP",
	"ip6tables-legacy -t raw -A PREROUTING -p icmpv6 -m hl --hl-lt 255 -j DROP",
	"ip6tables-legacy -t mangle -A FORWARD -m physdev --physdev-in veth1 -j DROP",
	"ebtables-nft -A FORWARD -p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type 134 -j DROP",
	"ebtables-legacy -A FORWARD -p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type 134 -j DROP",
	"ebtables-legacy -t nat -A PREROUTING -s ! 02:00:00:00:00:01 -j DROP",
	"tc qdisc add dev veth0 clsact",
	"tc filter add dev veth0 ingress protocol ipv6 matchall action drop",
	"tc filter add dev veth0 egress protocol ipv6 flower ip_proto icmpv6 action drop",
	"tc filter add dev veth0 egress protocol ipv6 u32 match ip6 protocol 58 0xff action drop",
	"radvd --configtest --config /etc/radvd.conf",
	"ping -V",
}

// files are what v6probe reads of the kernel.
var files = [...]string{"/sys/kernel/btf/vmlinux", "/sys/kernel/tracing/events/skb/kfree_skb/format", "/proc/kallsyms",
	"/dev/net/tun", "/proc/sys/net/bridge/bridge-nf-call-ip6tables"}

// checkEnvironment tries all in a namespace of its own.
func checkEnvironment(ctx context.Context) wire.Message {
	ns, err := lab.New()
	if err != nil {
		return wire.Message{Result: wire.Differs, Text: err.Error()}
	}
	defer ns.Close()
	var missing, wrong []string
	for _, command := range environment {
		f := strings.Fields(command)
		_, err := ns.Output(ctx, f[0], f[1:]...)
		switch {
		case errors.Is(err, exec.ErrNotFound):
			missing = append(missing, f[0])
		case err != nil:
			wrong = append(wrong, fmt.Sprintf("%s: %v", command, err))
		}
	}
	for _, name := range files {
		if _, err := os.Stat(name); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	switch {
	case wrong != nil:
		return wire.Message{Result: wire.Differs, Text: strings.Join(wrong, "\n")}
	case missing != nil:
		return wire.Message{Result: wire.Missing, Text: "not installed: " + strings.Join(missing, ", ")}
	}
	return wire.Message{Result: wire.OK}
}

// checkCounters asks v6probe for what the kernel counts by itself, and for nothing else.
func checkCounters(ctx context.Context) wire.Message {
	cmd := exec.CommandContext(ctx, wire.Binary, "drops", "--counters", "--json", "--for", "1s")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != 1 {
		return wire.Message{Result: wire.Differs, Text: fmt.Sprintf("v6probe drops --counters: %v: %s", err, said.String())}
	}
	source, err := summarySource(out)
	if err != nil || source != "counters" {
		return wire.Message{Result: wire.Differs, Text: fmt.Sprintf("the source of the summary is %q, not counters (%v)", source, err)}
	}
	return wire.Message{Result: wire.OK}
}

// summarySource returns what the summary in v6probe's NDJSON names as the source of the numbers.
func summarySource(out []byte) (string, error) {
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r struct{ Type, Source string }
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return "", fmt.Errorf("%w in %q", err, lines.Text())
		}
		if r.Type == "summary" {
			return r.Source, nil
		}
	}
	return "", errors.Join(errors.New("no summary"), lines.Err())
}
