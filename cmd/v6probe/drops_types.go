package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"v6probe/internal/icmp6"
)

// typeName is a name that --type takes, and what it stands for.
type typeName struct {
	name  string
	types []icmp6.Type
	text  string // for the completion
}

func typeNames() []typeName {
	return []typeName{
		{"ra", []icmp6.Type{icmp6.TypeRouterAdvertisement}, "Router Advertisement"},
		{"rs", []icmp6.Type{icmp6.TypeRouterSolicitation}, "Router Solicitation"},
		{"ns", []icmp6.Type{icmp6.TypeNeighborSolicitation}, "Neighbor Solicitation"},
		{"na", []icmp6.Type{icmp6.TypeNeighborAdvertisement}, "Neighbor Advertisement"},
		{"redirect", []icmp6.Type{icmp6.TypeRedirect}, "Redirect"},
		{"ptb", []icmp6.Type{icmp6.TypePacketTooBig}, "Packet Too Big"},
		{"unreach", []icmp6.Type{icmp6.TypeDestinationUnreachable}, "Destination Unreachable"},
		{"time-exceeded", []icmp6.Type{icmp6.TypeTimeExceeded}, "Time Exceeded"},
		{"parameter-problem", []icmp6.Type{icmp6.TypeParameterProblem}, "Parameter Problem"},
		{"echo", []icmp6.Type{icmp6.TypeEchoRequest, icmp6.TypeEchoReply}, "Echo Request and Echo Reply"},
		{"mld", []icmp6.Type{icmp6.TypeMLDQuery, icmp6.TypeMLDReport, icmp6.TypeMLDDone, icmp6.TypeMLDv2Report},
			"multicast listener discovery, versions 1 and 2"},
	}
}

// icmpTypes reads the values of --type; nil, which is all types, for none.
func icmpTypes(list []string) ([]icmp6.Type, error) {
	var types []icmp6.Type
	for _, text := range list {
		those := typesNamed(text)
		if those == nil {
			var names []string
			for _, n := range typeNames() {
				names = append(names, n.name)
			}
			return nil, hinted("one of: "+strings.Join(names, ", ")+", or a number from 0 to 255", "--type: no such type: %q", text)
		}
		types = append(types, those...)
	}
	slices.Sort(types)
	return slices.Compact(types), nil
}

// typesNamed returns the types that text names: as above, as NDJSON has them, or a number; nil for none.
func typesNamed(text string) []icmp6.Type {
	text = strings.ToLower(strings.TrimSpace(text))
	for _, n := range typeNames() {
		if n.name == text {
			return n.types
		}
	}
	if n, err := strconv.ParseUint(text, 10, 8); err == nil {
		return []icmp6.Type{icmp6.Type(n)}
	}
	for n := range 256 {
		if icmp6.Type(n).String() == text {
			return []icmp6.Type{icmp6.Type(n)}
		}
	}
	return nil
}

// completeTypes has the shell complete the last of the names that commas separate.
func completeTypes(c *cobra.Command) {
	list := func(_ *cobra.Command, _ []string, given string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
		before := given[:strings.LastIndex(given, ",")+1]
		for _, n := range typeNames() {
			if !slices.Contains(strings.Split(before, ","), n.name) {
				names = append(names, cobra.CompletionWithDesc(before+n.name, n.text))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	c.RegisterFlagCompletionFunc("type", list)
}
