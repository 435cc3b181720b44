package counters

import (
	"bytes"
	"strconv"
)

// entry is a line of snmp6.
type entry struct {
	name  string
	value uint64
}

// parseSNMP reads /proc/net/snmp6 or /proc/net/dev_snmp6/IFACE: a name and a number a line. Of the latter the first is ifIndex.
func parseSNMP(b []byte) []entry {
	var list []entry
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) != 2 {
			continue
		}
		if v, err := strconv.ParseUint(string(f[1]), 10, 64); err == nil {
			list = append(list, entry{string(f[0]), v})
		}
	}
	return list
}

// snmpCounter is what a counter of IPv6 says about drops.
type snmpCounter struct {
	name    string
	drop    bool
	icmpv6  bool
	meaning string
}

// snmpCounters returns the counters that say something about drops (RFC 4293, RFC 4292 and Linux's own). Where the kernel
// counts one packet twice, as with Ip6InTooBigErrors and Ip6FragFails, both are told.
func snmpCounters() []snmpCounter {
	return []snmpCounter{
		{"Ip6InHdrErrors", true, false, "Received packets had a bad IPv6 header, or their hop limit was used up when they" +
			" should be forwarded."},
		{"Ip6InTooBigErrors", true, false, "Packets to be forwarded were longer than the way out carries; a Packet Too Big" +
			" goes to their senders," +
			" unless a rule here drops that."},
		{"Ip6InNoRoutes", true, false, "Received packets had no route from here: see `ip -6 route`."},
		{"Ip6InAddrErrors", true, false, "Received packets had addresses that may not be routed, such as a source that is" +
			" not unicast, or a route said blackhole or prohibit."},
		{"Ip6InUnknownProtos", true, false, "Received packets were of a protocol that this host does not have."},
		{"Ip6InTruncatedPkts", true, false, "Received packets were shorter than their header says: something on the way cut" +
			" them."},
		{"Ip6InDiscards", true, false, "Received packets were discarded: IPv6 is off on the interface (disable_ipv6=1, or" +
			" MTU below 1280), IPsec refused them, or memory was short."},
		{"Ip6OutDiscards", true, false, "Packets of this host's own were not sent: a rule on the way out dropped them, or a" +
			" queue was full."},
		{"Ip6OutNoRoutes", true, false, "Packets of this host's own had no route: see `ip -6 route`."},
		{"Ip6ReasmTimeout", true, false, "Pieces of packets were thrown away after 60 seconds, as others never came."},
		{"Ip6ReasmFails", true, false, "Packets could not be put together from their pieces: pieces were missing," +
			" overlapped, or were too many."},
		{"Ip6FragFails", true, false, "Packets were too long to be sent and could not be cut into pieces, as a router may" +
			" not do that."},
		{"Icmp6InErrors", false, true, "ICMPv6 was not used: a wrong checksum, a header cut off, or an error about a" +
			" connection that this host does not have" +
			" (which is no fault)."},
		{"Icmp6InCsumErrors", true, true, "ICMPv6 had a wrong checksum: it was damaged on the way, or its sender left the" +
			" checksum to hardware that did not set it."},
		{"Icmp6OutErrors", true, true, "This host could not send ICMPv6 that it wanted to send: no route, no memory, or a" +
			" rule on the way out."},
		{"Icmp6OutRateLimitHost", true, true, "This host held back ICMPv6 errors such as Packet Too Big, as it had sent as" +
			" many as net.ipv6.icmp.ratelimit allows."},
	}
}

// snmp turns what was read into counters. index is of an interface, 0 for the whole namespace. off says that IPv6 is turned
// off on it.
func snmp(list []entry, iface string, index uint64, off bool) []counter {
	source, key := SNMP6, SNMP6+" "
	if index != 0 {
		source, key = DevSNMP6, DevSNMP6+" "+strconv.FormatUint(index, 10)+" "
	}
	var all []counter
	for _, known := range snmpCounters() {
		for _, e := range list {
			if e.name != known.name {
				continue
			}
			m := Moved{Source: source, Interface: iface, Name: e.name, Meaning: known.meaning, Drop: known.drop, ICMPv6: known.icmpv6}
			if off && e.name == "Ip6InDiscards" {
				m.Drop = false
				m.Meaning = "IPv6 is off on this interface (disable_ipv6=1) and what it receives itself is discarded, which is as" +
					" it should be" +
					" on a bridge of a KVM host: what the bridge forwards is not concerned."
			}
			all = append(all, counter{Moved: m, key: key + e.name, group: iface, value: e.value, device: true})
			break
		}
	}
	return all
}
