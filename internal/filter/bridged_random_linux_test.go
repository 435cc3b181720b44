package filter

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestBridgedRandom compares Bridged with the kernel for rules that nobody would write.
func TestBridgedRandom(t *testing.T) {
	const sets = 10
	for _, tool := range []string{"ip6tables-nft", "ip6tables-legacy", "ebtables-nft"} {
		for seed := range uint64(sets) {
			t.Run(fmt.Sprintf("%s/%d", tool, seed), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(seed, 6))
				set := ruleset{script: randomRules(random, tool), anything: true,
					perhaps: true, doubt: tool == "ip6tables-nft"} // marks, as nftables has them
				if tool != "ebtables-nft" {
					set.needs = []string{"ipset"}
				}
				set.try(t, tool)
			})
		}
	}
}

// randomRules returns a script that fills three chains, each of which calls only later ones.
func randomRules(random *rand.Rand, tool string) string {
	matches, hook := ip6Matches(), "FORWARD"
	script := "ipset create s hash:net family inet6\nipset add s fe80::/64\nipset add s ff02::/16\nipset add s ff02::1 " +
		"nomatch\n"
	if tool == "ebtables-nft" {
		matches, script = bridgeMatches(), "$T -A FORWARD -p 0x88b5 -j ACCEPT\n"
	}
	chains := []string{hook, "a", "b"}
	for i, c := range chains {
		if i > 0 {
			script += "$T -N " + c + "\n"
		}
	}
	for i, c := range chains {
		acts := []string{"ACCEPT", "DROP", "RETURN"}
		for _, later := range chains[i+1:] {
			acts = append(acts, later, later)
		}
		for range 4 + random.IntN(8) {
			rule := "$T -A " + c
			if tool == "ebtables-nft" {
				rule += " -p IPv6"
			}
			used := map[string]bool{}
			for range 1 + random.IntN(3) {
				m := matches[random.IntN(len(matches))]
				words := strings.Fields(strings.ReplaceAll(m, "%", ""))
				kind := words[0]
				if kind == "-m" {
					kind = words[1]
				}
				if used[kind] {
					continue
				}
				used[kind] = true
				not := ""
				if random.IntN(3) == 0 {
					not = "! "
				}
				rule += " " + strings.Replace(m, "% ", not, 1)
			}
			script += rule + " -j " + acts[random.IntN(len(acts))] + "\n"
		}
	}
	if random.IntN(2) == 0 {
		script += "$T -P FORWARD DROP\n"
	}
	return script
}

// ip6Matches are matches in which a percent sign stands for the place of a "!".
func ip6Matches() []string {
	return []string{
		"% -s fe80::/64", "% -s ::/128", "% -s fd17::/16", "% -d ff00::/8", "% -d ff02::1", "% -d fe80::1:ff:fecb:7",
		"% -i brvx+", "% -o vnet1", "-p icmpv6 -m icmp6 % --icmpv6-type 134", "-p icmpv6 -m icmp6 % --icmpv6-type 135/0",
		"-p icmpv6 -m icmp6 % --icmpv6-type packet-too-big", "-p icmpv6 -m icmp6 % --icmpv6-type 1/4", "% -p icmpv6", "% -p udp",
		"-m hl % --hl-eq 255", "-m hl --hl-lt 64", "-m hl --hl-gt 64", "-m physdev % --physdev-in vnet1",
		"-m physdev % --physdev-out vnet2", "-m physdev % --physdev-is-bridged", "-m physdev % --physdev-is-in",
		"-m set % --match-set s src", "-m set % --match-set s dst", "-m state % --state NEW,UNTRACKED",
		"-m conntrack % --ctstate INVALID", "-m mac % --mac-source 02:01:00:cb:00:07", "-m pkttype % --pkt-type multicast",
		"-m length % --length 0:100", "-m addrtype % --dst-type MULTICAST", "-m ipv6header % --header hop --soft",
		"-m ipv6header --header prot", "-m mark % --mark 0x0/0xff", "-m iprange % --src-range fd17::-fe80::ffff", "-m eui64",
		"-m hbh", "-m frag", "-m comment --comment DROP",
	}
}

func bridgeMatches() []string {
	return []string{
		"-s % 02:01:00:cb:00:07", "-d % Multicast", "-d % 33:33:00:00:00:00/ff:ff:00:00:00:00", "-i % vnet1", "-o % " +
			"vnet2", "-i % vnet+",
		"--ip6-src % fe80::/64", "--ip6-src % ::", "--ip6-dst % ff02::1", "--ip6-dst % ff00::/8", "--ip6-proto % ipv6-icmp",
		"--ip6-proto ipv6-icmp --ip6-icmp-type % router-advertisement", "--ip6-proto ipv6-icmp --ip6-icmp-type 130:134",
		"--ip6-proto ipv6-icmp --ip6-icmp-type % 135:136/0:0", "--pkttype-type % multicast", "--pkttype-type % otherhost",
	}
}
