package drops

import (
	"strconv"

	"v6probe/internal/icmp6"
	"v6probe/internal/rule"
)

// message is what is known of a type of ICMPv6.
type message struct {
	typ      icmp6.Type
	one      string // "Router Advertisement"
	several  string
	nft      string // as nft calls the type
	group    set
	severity rule.Severity // of missing it (RFC 4890 §4.3, §4.4)
}

// set is a set of kinds of messages.
type set uint16

const (
	advertisements set = 1 << iota // of routers
	solicitations                  // of routers
	neighbors                      // solicitations and advertisements
	redirects
	listeners // reports and done of MLD
	queries   // of MLD
	tooBig
	failures // the other errors
	echoRequests
	echoReplies
	others

	discovery = advertisements | solicitations | neighbors | redirects
	onLink    = discovery | listeners | queries // what no router forwards
	echoes    = echoRequests | echoReplies
)

func (s set) has(d *Drop) bool { return s&messageOf(d).group != 0 }

// messages are the types that are known.
var messages = [...]message{
	{icmp6.TypeDestinationUnreachable, "Destination Unreachable", "Destination " +
		"Unreachable", "destination-unreachable", failures, rule.Warning},
	{icmp6.TypePacketTooBig, "Packet Too Big", "Packet Too Big", "packet-too-big", tooBig, rule.Error},
	{icmp6.TypeTimeExceeded, "Time Exceeded", "Time Exceeded", "time-exceeded", failures, rule.Warning},
	{icmp6.TypeParameterProblem, "Parameter Problem", "Parameter Problems", "parameter-problem", failures, rule.Warning},
	{icmp6.TypeEchoRequest, "Echo Request", "Echo Requests", "echo-request", echoRequests, rule.Info},
	{icmp6.TypeEchoReply, "Echo Reply", "Echo Replies", "echo-reply", echoReplies, rule.Info},
	{icmp6.TypeMLDQuery, "MLD query", "MLD queries", "mld-listener-query", queries, rule.Warning},
	{icmp6.TypeMLDReport, "MLD report", "MLD reports", "mld-listener-report", listeners, rule.Warning},
	{icmp6.TypeMLDDone, "MLD done", "MLD done", "mld-listener-done", listeners, rule.Warning},
	{icmp6.TypeRouterSolicitation, "Router Solicitation", "Router " +
		"Solicitations", "nd-router-solicit", solicitations, rule.Warning},
	{icmp6.TypeRouterAdvertisement, "Router Advertisement", "Router " +
		"Advertisements", "nd-router-advert", advertisements, rule.Error},
	{icmp6.TypeNeighborSolicitation, "Neighbor Solicitation", "Neighbor " +
		"Solicitations", "nd-neighbor-solicit", neighbors, rule.Error},
	{icmp6.TypeNeighborAdvertisement, "Neighbor Advertisement", "Neighbor " +
		"Advertisements", "nd-neighbor-advert", neighbors, rule.Error},
	{icmp6.TypeRedirect, "Redirect", "Redirects", "nd-redirect", redirects, rule.Warning},
	{icmp6.TypeMLDv2Report, "MLDv2 report", "MLDv2 reports", "mld2-listener-report", listeners, rule.Warning},
}

// messageOf returns what is known of the type of d, never nil. That of a later fragment is not known.
func messageOf(d *Drop) *message {
	if d.Flags.Has(LaterPiece) {
		return &message{0, "later fragment of ICMPv6", "later fragments of ICMPv6", "0-255", others, rule.Info}
	}
	for i := range messages {
		if messages[i].typ == d.Type {
			return &messages[i]
		}
	}
	n := strconv.Itoa(int(d.Type))
	return &message{d.Type, "ICMPv6 message of type " + n, "ICMPv6 messages of type " + n, n, others, rule.Info}
}
