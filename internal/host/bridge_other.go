//go:build !linux

package host

// Bridges fails: it needs Linux.
func Bridges() ([]Bridge, error) { return nil, errNeedsLinux }
