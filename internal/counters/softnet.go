package counters

import (
	"bytes"
	"strconv"
)

// parseSoftnet reads /proc/net/softnet_stat: a line of hexadecimal numbers for each CPU, of which the second counts packets
// for which the backlog had no room, and the eleventh, where there is one, those that the flow limit refused.
func parseSoftnet(b []byte) (backlog, flowLimit uint64) {
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		number := func(i int) uint64 {
			if i >= len(f) {
				return 0
			}
			v, err := strconv.ParseUint(string(f[i]), 16, 32)
			if err != nil {
				return 0
			}
			return v
		}
		backlog += number(1)
		flowLimit += number(10)
	}
	return backlog, flowLimit
}

func softnet(b []byte) []counter {
	backlog, flowLimit := parseSoftnet(b)
	of := func(name, meaning string, value uint64) counter {
		return counter{Moved: Moved{Source: Softnet, Name: name, Meaning: meaning, Drop: true}, key: Softnet + " " + name,
			group: Softnet, value: value, device: true}
	}
	return []counter{
		of("dropped", "A CPU's receive queue was full and packets of any kind were dropped: raise net.core.netdev_max_backlog,"+
			" or spread the load over CPUs.", backlog),
		of("flow_limit", "A CPU's receive queue was filling, and packets of the flow that sent most were dropped"+
			" (net.core.flow_limit_cpu_bitmap).",
			flowLimit),
	}
}
