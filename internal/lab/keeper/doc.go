// Package keeper keeps a zone of internal/lab/cloud alive between two commands of a shell. A process in the background
// builds the zone, holds its namespaces, and does what its owner asks for by a socket: to switch faults on and off, and to
// run commands in the zone's nodes with the terminal of who asks. The zone has no names, mounts or files outside that
// process but a directory of the owner's own, so that it is gone when the process is, whatever way that ends. Linux only.
package keeper
