// Package lab builds small networks in anonymous network namespaces: links, addresses, programs inside, packets from
// nothing, a sender of Router Advertisements. It is for tests, for the fixtures and for the demonstration; the product
// does not need it. A namespace lives as long as a descriptor or a process holds it, so that nothing stays behind,
// whatever way the program ends. Linux only; it needs CAP_SYS_ADMIN and CAP_NET_ADMIN in its user namespace.
package lab
