//go:build !linux

package drops

import "errors"

// Namespaces names network namespaces, which it does on Linux only.
type Namespaces struct{}

// OpenNamespaces returns Namespaces that know none.
func OpenNamespaces() *Namespaces { return &Namespaces{} }

// ProcessNamespace fails: namespaces need Linux.
func ProcessNamespace(pid int) (inode uint32, err error) { return 0, errNamespaces }

// Name returns "": there is one network alone.
func (n *Namespaces) Name(inode uint32) string { return "" }

// Device returns fallback.
func (n *Namespaces) Device(inode, index uint32, fallback string) string { return fallback }

// Names returns none.
func (n *Namespaces) Names() []string { return nil }

// Find fails: namespaces need Linux.
func (n *Namespaces) Find(name string) (inode uint32, err error) { return 0, errNamespaces }

// Enter fails: namespaces need Linux.
func (n *Namespaces) Enter(inode uint32, f func() error) error { return errNamespaces }

// Gone returns false.
func (n *Namespaces) Gone(inode uint32) bool { return false }

var errNamespaces = errors.New("network namespaces need Linux")
