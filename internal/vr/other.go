//go:build !linux

package vr

import "errors"

// Read fails: it needs Linux.
func Read(Options) (*Facts, error) { return nil, errors.New("to look at a virtual router needs Linux") }

// ReadBacklog fails: it needs Linux.
func ReadBacklog() (uint64, error) { return 0, errors.New("needs Linux") }
