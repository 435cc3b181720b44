package counters

// blind returns what a source can never see.
func blind(source string) []string {
	switch source {
	case SNMP6:
		return []string{
			"netfilter (nftables, ip6tables, ebtables) moves none of these when it drops what is received or forwarded, tc and" +
				" XDP neither",
			"neighbor discovery that the kernel refuses (hop limit 64 instead of 255, a code that is not 0) counts as received",
			"packets to a group that this host has not joined are dropped without a count, as they should be",
			"what a bridge drops, or drops for a guest, does not reach IPv6 here",
		}
	case DevSNMP6:
		return []string{"the same as snmp6; an interface whose MTU is below 1280 has none"}
	case NFTables:
		return []string{"rules without a counter, policies of chains, and elements of sets and verdict maps do not count"}
	case IP6Tables:
		return []string{"only DROP, REJECT and the policies of built-in chains are looked at; which packets it were, and" +
			" whose, is not counted"}
	case EBTables:
		return []string{"policies of chains do not count; which packets it were, and whose, is not counted"}
	case Link:
		return []string{
			"what is in the packets; netfilter, bridges and IPv6 do not move these",
			"many drivers, and most virtual interfaces, count little of this",
		}
	case Softnet:
		return []string{"it is of the whole machine, for every network namespace and every protocol"}
	}
	return nil
}
