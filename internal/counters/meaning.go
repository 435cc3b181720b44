package counters

import (
	"slices"
	"strconv"
	"strings"
)

// about is what the matches of a rule let through to its target.
type about struct {
	only  bool    // nothing but ICMPv6
	never bool    // no ICMPv6
	types []uint8 // of ICMPv6, where the rule names them; at most maxTypes
}

const maxTypes = 8

func (a *about) add(t uint8) {
	if len(a.types) < maxTypes {
		a.types = append(a.types, t)
	}
}

// vital reports whether a type is among them without which IPv6 does not work: a Router Advertisement, what neighbor discovery
// asks and answers, a Packet Too Big.
func (a *about) vital() bool {
	return a.only && slices.ContainsFunc(a.types, func(t uint8) bool { return t == 2 || t >= 134 && t <= 136 })
}

// icmpType is a type of ICMPv6 by the names that nft, ip6tables and ebtables have for it.
type icmpType struct {
	kind  uint8
	names string // separated by blanks
	title string
	then  string // what it means that it is dropped
}

func icmpTypes() []icmpType {
	const late = "senders learn of a failure by waiting only"
	const snooped = "a bridge or switch that snoops may stop passing on neighbor discovery"
	return []icmpType{
		{1, "destination-unreachable", "Destination Unreachable", late},
		{2, "packet-too-big", "Packet Too Big", "connections hang as soon as they send more than the narrowest link on" +
			" their way carries"},
		{3, "time-exceeded ttl-exceeded", "Time Exceeded", late},
		{4, "parameter-problem", "Parameter Problem", late},
		{128, "echo-request ping", "Echo Request", "pings go unanswered"},
		{129, "echo-reply pong", "Echo Reply", "pings go unanswered"},
		{130, "mld-listener-query multicast-listener-query", "MLD query", snooped},
		{131, "mld-listener-report multicast-listener-report", "MLD report", snooped},
		{132, "mld-listener-done mld-listener-reduction multicast-listener-done", "MLD done", "a switch goes on sending to" +
			" a group for a while"},
		{133, "nd-router-solicit router-solicitation", "Router Solicitation", "a guest that starts waits for the next" +
			" periodic Router Advertisement"},
		{134, "nd-router-advert router-advertisement", "Router Advertisement", "whoever should hear it gets no address," +
			" default route or DNS server from it"},
		{135, "nd-neighbor-solicit neighbour-solicitation neighbor-solicitation", "Neighbor Solicitation", "who is asked" +
			" for seems to be away"},
		{136, "nd-neighbor-advert neighbour-advertisement neighbor-advertisement", "Neighbor Advertisement", "who answers" +
			" seems to be away"},
		{137, "nd-redirect redirect", "Redirect", "packets take the longer way by the router"},
		{143, "mld2-listener-report", "MLDv2 report", snooped},
	}
}

// typeOf returns the type that a rule calls by a name or a number: "nd-router-advert", "134", "134/0".
func typeOf(name string) (uint8, bool) {
	number, _, _ := strings.Cut(name, "/")
	if first, last, ranged := strings.Cut(number, ":"); ranged { // ebtables
		if first != last {
			return 0, false
		}
		number = first
	}
	if n, err := strconv.ParseUint(number, 10, 8); err == nil {
		return uint8(n), true
	}
	for _, t := range icmpTypes() {
		for n := range strings.FieldsSeq(t.names) {
			if n == name {
				return t.kind, true
			}
		}
	}
	return 0, false
}

// meaning says what it means that packets met a rule that drops.
func (a *about) meaning() string {
	if !a.only {
		return "A rule dropped packets, of ICMPv6 or of anything else that it matches."
	}
	var titles []string
	then := ""
	for _, kind := range a.types {
		title := "type " + strconv.Itoa(int(kind))
		for _, t := range icmpTypes() {
			if t.kind == kind {
				title, then = t.title, t.then
			}
		}
		titles = append(titles, title)
	}
	switch len(titles) {
	case 0:
		return "A rule dropped ICMPv6."
	case 1:
		if then != "" {
			then = ": " + then
		}
		return "A rule dropped ICMPv6 " + titles[0] + then + "."
	}
	return "A rule dropped ICMPv6 of the types " + some(titles) + "."
}

// policyMeaning says what it means that packets met the end of a chain.
const policyMeaning = "The chain's policy dropped packets that no rule took, of ICMPv6 or of anything else."
