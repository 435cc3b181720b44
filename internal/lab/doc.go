// Package lab builds small networks in anonymous network namespaces: links, addresses, programs inside, packets from
// nothing, a sender of Router Advertisements. v6probe lab is made of it (package cloud), and so are tests, the fixtures and
// the demonstration; what looks at a real network does not need it. A namespace lives as long as a descriptor or a process
// holds it, so that nothing stays behind, whatever way the program ends. Linux only; it needs CAP_SYS_ADMIN and
// CAP_NET_ADMIN in its user namespace.
package lab
