// Package dropzone builds small networks that lose ICMPv6 in known ways, and runs v6probe drops on them. A Case is a
// network with its truth: how many packets of which type are lost, where, and what the running kernel says of it. It is
// for tests, on this kernel and inside virtual machines with others; the binary does not contain it. It needs Linux,
// root, and the programs that operators filter with.
package dropzone
