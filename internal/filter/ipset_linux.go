package filter

import "context"

// readSets returns the ipsets of the network namespace of the calling thread.
func readSets(ctx context.Context) (map[string]Set, error) {
	out, err := run(ctx, "ipset", "save")
	if err != nil {
		return nil, err
	}
	return parseSets(out), nil
}
