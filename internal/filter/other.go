//go:build !linux

package filter

import (
	"context"
	"errors"
)

// Read is for Linux.
func Read(context.Context) (*Ruleset, error) {
	return nil, errors.New("packet filter: rules can be read on Linux only")
}
