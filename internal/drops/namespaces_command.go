package drops

import "strings"

// CommandsIn has the commands in a text, which are between backquotes, run in the network namespace that Namespaces call
// netns. It returns "" where nothing is known by which a command could be run there.
func CommandsIn(netns, text string) string {
	if outOfReach(netns) {
		return ""
	}
	parts := strings.Split(text, "`")
	for i := 1; i < len(parts)-1; i += 2 {
		parts[i] = inside(netns) + parts[i]
	}
	return strings.Join(parts, "`")
}
