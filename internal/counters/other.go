//go:build !linux

package counters

import (
	"context"
	"errors"
)

// Take fails: it needs Linux.
func Take(ctx context.Context, o Options) (*Sample, error) {
	return nil, errors.New("to read the kernel's counters of drops needs Linux")
}
