package counters

// linkCounter is one of an interface's statistics (struct rtnl_link_stats64, linux/if_link.h).
type linkCounter struct {
	name    string
	index   int // among the 64-bit numbers
	drop    bool
	meaning string
}

// linkCounters returns those that tell of packets that were lost. None knows what was in them.
func linkCounters() []linkCounter {
	return []linkCounter{
		{"rx_dropped", 6, false, "Received packets of any kind were not taken; among them are those of protocols that" +
			" nobody here wants, such as LLDP and" +
			" spanning tree, which is no fault."},
		{"tx_dropped", 7, true, "Packets of any kind to be sent were dropped by the interface: its queue is full, or it has" +
			" no way for them."},
		{"rx_over_errors", 11, true, "Packets of any kind were lost, as the interface received more than it could hold."},
		{"rx_crc_errors", 12, true, "Frames came in damaged: look at cable, optics and the port at the other end."},
		{"rx_frame_errors", 13, true, "Frames came in that are no valid frames."},
		{"rx_fifo_errors", 14, true, "Packets of any kind were lost, as the interface's queue was full: raise it with" +
			" `ethtool -G`."},
		{"rx_missed_errors", 15, true, "Packets of any kind were lost, as the host did not fetch them in time: raise the" +
			" ring with `ethtool -G`."},
		{"tx_carrier_errors", 17, true, "Packets of any kind were not sent, as the link was away or, with a tunnel, as" +
			" there was no way to its other end."},
		{"tx_fifo_errors", 18, true, "Packets of any kind were not sent, as the interface's queue failed."},
	}
}

// linkMeaning says what a counter means with some kinds of interfaces, and "" where it means the same as with others.
func linkMeaning(kind, name string) string {
	switch kind + " " + name {
	case "tun tx_dropped":
		return "Packets of any kind for a guest were dropped: it does not empty the queue of its tap, or is not running."
	case "vxlan tx_dropped":
		return "Packets of any kind were not tunneled: the forwarding database names no other end for them (`bridge fdb" +
			" show`), or the tunnel refused them."
	}
	return ""
}

// linkStats is an interface and its statistics.
type linkStats struct {
	name  string
	index int
	kind  string // the kernel's: "tun", "vxlan"; "" for hardware
	stats []uint64
}

func (l *linkStats) counters(key string) []counter {
	var all []counter
	for _, known := range linkCounters() {
		if known.index >= len(l.stats) {
			continue // an older kernel
		}
		m := Moved{Source: Link, Interface: l.name, Name: known.name, Meaning: known.meaning, Drop: known.drop}
		if special := linkMeaning(l.kind, known.name); special != "" {
			m.Meaning = special
		}
		all = append(all, counter{Moved: m, key: key + "" +
			" " + known.name, group: l.name, value: l.stats[known.index], device: true})
	}
	return all
}
