//go:build !linux

package kvm

import (
	"context"
	"errors"
)

// Read fails: it needs Linux.
func Read(context.Context) (Facts, error) {
	return Facts{}, errors.New("to read the bridges of a KVM host needs Linux")
}
