package main

import (
	"v6probe/internal/drops"
)

// openDrops begins to count.
func openDrops(o drops.Options) (dropSource, error) {
	c, err := drops.Open(o)
	if err != nil {
		return nil, err
	}
	return c, nil
}
