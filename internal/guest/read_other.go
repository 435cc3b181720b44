//go:build !linux

package guest

import "errors"

// Read fails: it needs Linux.
func Read(iface string) (*Facts, error) {
	return nil, errors.New("to read how this host configures itself needs Linux")
}
