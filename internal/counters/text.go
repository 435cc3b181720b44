package counters

import (
	"fmt"
	"strings"
)

// some lists the first of a list: "a, b and 7 more".
func some(list []string) string {
	const most = 4
	switch n := len(list); {
	case n == 0:
		return ""
	case n == 1:
		return list[0]
	case n <= most:
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
