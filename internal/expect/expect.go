// Package expect holds what the network should look like, as far as its user has said.
package expect

import "net/netip"

// State is the expected state of a link. The zero State expects nothing.
type State struct {
	Routers  []netip.Addr   // link-local addresses of the routers that may advertise; empty: any may
	Prefixes []netip.Prefix // prefixes that may be advertised in PIOs, masked; empty: any may
}
