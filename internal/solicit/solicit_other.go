//go:build !linux

package solicit

import (
	"context"
	"errors"
)

const needsLinux = "router solicitations need Linux"

// Allowed returns false: router solicitations need Linux.
func Allowed(iface string) (ok bool, reason string) { return false, needsLinux }

// Await is Allowed.
func Await(_ context.Context, iface string) (ok bool, reason string) { return Allowed(iface) }

// New fails: router solicitations need Linux.
func New(iface string) (*Asker, error) { return nil, errors.New(needsLinux) }
