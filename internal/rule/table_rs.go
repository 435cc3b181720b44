package rule

// rsRules are about Router Solicitations.
var rsRules = []Rule{
	{
		ID: "rs.too-short", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §6.1.1",
		Title: "a Router Solicitation is shorter than 8 bytes",
		Why:   "Routers drop it, so the host that sent it waits for the next periodic RA.",
		Fix:   "Find the sender by its Ethernet address and update its network stack or boot firmware.",
	},
	{
		ID: "rs.unspecified-with-slla", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §6.1.1, §4.1",
		Title: "a Router Solicitation from :: has a source link-layer address option",
		Why: "Routers drop it: an option that binds the unspecified address would poison their caches. The host waits for the " +
			"next periodic RA.",
		Fix: "Find the sender by its Ethernet address and update its network stack or boot firmware (iPXE, an appliance).",
	},
	{
		ID: "rs.dst", Severity: Warning, Receiver: ReceiverNone, RFC: "4861 §4.1, §6.3.7",
		Title: "a Router Solicitation goes to an address where routers do not listen",
		Why:   "Only ff02::2 reaches all routers. KVM hosts with security groups let guests send solicitations to ff02::2 only.",
		Fix:   "Find the sender by its Ethernet address and update its network stack.",
	},
	{
		ID: "rs.unanswered", Severity: Warning, Receiver: ReceiverNone, RFC: "4861 §6.3.7, §6.2.6",
		Title: "a host solicited and got no Router Advertisement",
		Why: "The host has no prefix and no default route until a periodic RA comes by, and gives up soliciting after three " +
			"tries. It is an error on a guest, where nothing else can bring the answer.",
		Fix: "See whether the VR gets the solicitation: its input chain drops it unless `nft insert rule ip6 ip6_firewall " +
			"fw_input icmpv6 type nd-router-solicit accept` was made. In zones with security groups the KVM host drops the " +
			"answer when radvd sends it to the host alone, so set `AdvRASolicitedUnicast off` there.",
	},
}
