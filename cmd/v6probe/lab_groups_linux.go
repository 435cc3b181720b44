package main

import (
	"slices"
	"unicode/utf8"

	"v6probe/internal/lab/cloud"
)

// labRole is a role of the zone's nodes: its name in scenarios, in words, and its faults.
type labRole struct {
	name, words string
	groups      []labGroup
}

// labGroup is faults of one kind. They are in the order of cause and effect, as the lines of the role's checklist.
type labGroup struct {
	title string
	names []string
}

// column is where the text beside the names begins.
func (g labGroup) column() int {
	widest := len("accept-ra-defrtr-off") // the same for all groups, except where names are longer
	for _, n := range g.names {
		widest = max(widest, utf8.RuneCountInString(n))
	}
	return len("  ") + widest + len("  ")
}

// labRoles returns the pages of the picture book.
func labRoles() []labRole {
	return []labRole{
		{"guest", "On a guest: v6probe slaac", []labGroup{
			{"The interface", []string{"no-carrier", "guest-mtu-below-1280", "ipv6-disabled", "addr-gen-none", "duplicate-mac"}},
			{"The guest's settings", []string{"accept-ra-off", "forwarding-on", "accept-ra-pinfo-off", "autoconf-off",
				"accept-ra-defrtr-off", "privacy-address"}},
			{"The advertisement", []string{"no-advertisement", "hop-limit-64", "global-source", "no-prefix", "a-flag-off",
				"prefix-not-64", "prefix-lifetime-zero", "preferred-over-valid", "wrong-prefix-api", "no-default-route",
				"managed-no-server"}},
			{"The way to the world", []string{"gateway-deaf", "dns-silent", "no-route-upstream", "no-return-route", "ptb-filtered"}},
			{"Two at once", []string{"pairs-accept-ra-off-no-prefix", "pairs-dns-silent-ptb-filtered"}},
		}},
		{"vr", "On the virtual router: v6probe vr", []labGroup{
			{"The machine", []string{"vr-ipv6-disabled", "forwarding-off", "vr-no-address", "vr-no-default-route", "vr-mtu",
				"mtu-below-1280", "conntrack-full"}},
			{"radvd", []string{"radvd-down", "radvd-broken", "wrong-prefix-config", "tier-missing", "radvd-on-backup",
				"two-advertisers"}},
			{"The packet filter", []string{"stock-input", "rs-dropped", "vr-ns-dropped", "answers-dropped", "ptb-dropped"}},
			{"Two at once", []string{"pairs-radvd-down-forwarding-off", "pairs-no-default-route-tier-missing",
				"pairs-two-advertisers-conntrack-full"}},
		}},
		{"kvm", "On a KVM host: v6probe kvm", []labGroup{
			{"Bridges and VXLAN", []string{"port-down", "mtu-above-overlay", "vxlan-vni", "vxlan-ports", "vxlan-no-dev",
				"vxlan-no-flood", "snooping-group-lost"}},
			{"The packet filter", []string{"ra-dropped-nft", "ra-dropped-ip6tables", "ra-dropped-ebtables", "ns-dropped",
				"na-dropped"}},
			{"Security groups", []string{"group-missing", "group-unicast-ra", "set-member"}},
			{"Guests that advertise", []string{"rogue-ra", "rogue-ra-exthdr", "rogue-ra-fragments", "rogue-ra-stopped"}},
			{"Two at once", []string{"pairs-port-down-no-flood", "pairs-vxlan-no-dev-ra-dropped", "pairs-ns-dropped-set-member"}},
		}},
	}
}

// labPlace is where a scenario stands in the picture book; what is in none of a role's groups comes after them.
func labPlace(s *cloud.Scenario) (role, group, name int) {
	roles := labRoles()
	role = slices.IndexFunc(roles, func(r labRole) bool { return r.name == s.Role })
	if role < 0 {
		return len(roles), 0, 0
	}
	for i, g := range roles[role].groups {
		if n := slices.Index(g.names, s.Name); n >= 0 {
			return role, i, n
		}
	}
	return role, len(roles[role].groups), 0
}

// labGroupOf returns the role and the group to which a scenario belongs.
func labGroupOf(s *cloud.Scenario) (labRole, labGroup) {
	role, group, _ := labPlace(s)
	roles := labRoles()
	if role == len(roles) {
		return labRole{name: s.Role, words: s.Role}, labGroup{title: "More"}
	}
	if group == len(roles[role].groups) {
		return roles[role], labGroup{title: "More", names: []string{s.Name}}
	}
	return roles[role], roles[role].groups[group]
}

// labOrdered returns scenarios in the order of the picture book.
func labOrdered(all []*cloud.Scenario) []*cloud.Scenario {
	return slices.SortedStableFunc(slices.Values(all), func(a, b *cloud.Scenario) int {
		r, g, n := labPlace(a)
		s, h, m := labPlace(b)
		return slices.Compare([]int{r, g, n}, []int{s, h, m})
	})
}
