// Package ifaddr reads the IPv6 addresses of this host's interfaces with the flags that Linux gives them, as only an address
// that has passed duplicate address detection may be sent from.
package ifaddr
