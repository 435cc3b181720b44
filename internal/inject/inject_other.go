//go:build !linux

package inject

import "errors"

// Injector is for Linux only.
type Injector struct{}

// Into fails: it needs Linux.
func Into(string) (*Injector, error) {
	return nil, errors.New("to put frames into an interface needs Linux")
}

// Send fails.
func (*Injector) Send([]byte) error { return errors.New("to put frames into an interface needs Linux") }

// Close does nothing.
func (*Injector) Close() error { return nil }
