//go:build !linux

package solicit

import "errors"

const needsLinux = "router solicitations need Linux"

// Allowed returns false: router solicitations need Linux.
func Allowed(iface string) (ok bool, reason string) { return false, needsLinux }

// New fails: router solicitations need Linux.
func New(iface string) (*Asker, error) { return nil, errors.New(needsLinux) }
