package main

import (
	"v6probe/internal/drops"
	"v6probe/internal/icmp6"
)

// openDrops begins to count.
func openDrops(types []icmp6.Type, btf string) (dropSource, error) {
	c, err := drops.Open(drops.Options{Types: types, BTF: btf})
	if err != nil {
		return nil, err
	}
	return c, nil
}
