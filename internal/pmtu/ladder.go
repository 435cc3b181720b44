package pmtu

import "slices"

// likely are the MTUs that paths have in practice, the largest first: Ethernet and jumbo frames, and what tunnels and PPPoE
// leave of them.
var likely = []int{
	9216, 9166, 9146, 9000, 8950, 8930, 4470, 2000, 1600, 1550, 1530,
	1500, 1492, 1480, 1476, 1462, 1450, 1442, 1430, 1420, 1400, 1380, 1350, 1320, 1280,
}

// ladder returns the sizes of the first batch for a link of that MTU, the largest first: the link's own and the likely
// ones below it.
func ladder(local int) []int {
	sizes := []int{local}
	for _, size := range likely {
		if size < local {
			sizes = append(sizes, size)
		}
	}
	return sizes
}

// isLikely reports whether size is one that paths have in practice.
func isLikely(size int) bool { return slices.Contains(likely, size) }

// between returns at most n sizes spread evenly between low and high, both excluded, in ascending order.
func between(low, high, n int) []int {
	inner := high - low - 1
	n = min(n, inner)
	var sizes []int
	for i := 1; i <= n; i++ {
		sizes = append(sizes, low+(i*(inner+1)+n/2)/(n+1))
	}
	return slices.Compact(sizes)
}
