package rule

// newRadvd goes with settings that an older radvd takes for a syntax error, upon which it does not start.
const newRadvd = "radvd knows this setting from 2.20 on; an older one does not start with it."

// duplicateRules are about options that an RA may have once.
var duplicateRules = []Rule{
	{
		ID: "opt.duplicate-mtu", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §4.2, §4.6.4",
		Title: "a message has more than one MTU option",
		Why:   "Linux takes the first, others the last: hosts of one link may use different MTUs.",
		Fix:   "Keep one AdvLinkMTU for the interface in radvd.conf. A relay that adds options of its own is another suspect.",
	},
	{
		ID: "opt.duplicate-slla", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §4.1, §4.2, §4.6.1",
		Title: "a message has more than one source link-layer address option",
		Why:   "Which address receivers send to is their own choice. With different addresses this may be an attack.",
		Fix:   "Find the sender by its Ethernet address and update its software.",
	},
	{
		ID: "opt.duplicate-interval", Severity: Warning, Receiver: ReceiverAccepts, RFC: "6275 §7.3",
		Title: "a message has more than one Advertisement Interval option",
		Why:   "Mobile nodes cannot tell how often the router really advertises.",
		Fix:   "Keep one `AdvIntervalOpt on` for the interface, or none: only Mobile IPv6 uses it.",
	},
	{
		ID: "opt.duplicate-home-agent", Severity: Warning, Receiver: ReceiverAccepts, RFC: "6275 §7.4",
		Title: "a message has more than one Home Agent Information option",
		Why:   "Mobile nodes cannot tell which preference and lifetime hold.",
		Fix:   "Keep one `AdvHomeAgentInfo on` for the interface, or none: only Mobile IPv6 uses it.",
	},
	{
		ID: "opt.duplicate-flags", Severity: Warning, Receiver: ReceiverAccepts, RFC: "5175 §4",
		Title: "a message has more than one RA Flags Extension option",
		Why:   "Receivers look at one of them only, so flags in the other may be lost.",
		Fix:   "Find the sender by its Ethernet address and update its software.",
	},
	{
		ID: "opt.duplicate-captive-portal", Severity: Warning, Receiver: ReceiverAccepts, RFC: "8910 §2.3, §3",
		Title: "a message has more than one Captive-Portal option",
		Why:   "Hosts use one of the URIs, and which one is their own choice.",
		Fix:   "Keep one AdvCaptivePortalAPI for the interface in radvd.conf. " + newRadvd,
	},
}

// dnsRules are about the options that tell DNS servers and search domains.
var dnsRules = []Rule{
	{
		ID: "rdnss.length", Severity: Error, Receiver: ReceiverIgnores, RFC: "8106 §5.1, §5.3.1; CVE-2020-16898",
		Title: "an RDNSS option has a length that does not hold whole addresses",
		Why: "The length must be odd and at least 3. Hosts ignore the option, so they have no DNS server from it; an even " +
			"length is also how unpatched Windows is attacked.",
		Fix: "Find the sender by its Ethernet address. If it is your router, update its software; if not, shut its port and " +
			"patch Windows guests (CVE-2020-16898).",
	},
	{
		ID: "rdnss.address", Severity: Error, Receiver: ReceiverIgnores, RFC: "8106 §5.1, §5.3.1",
		Title: "an RDNSS option has an address that cannot be a DNS server",
		Why:   "Multicast, loopback and unspecified addresses are no servers on the link. Hosts ignore them, or time out on them.",
		Fix: "Put the addresses of real resolvers (ip6dns1, ip6dns2 of the zone or the network) into the `RDNSS` line of " +
			"radvd.conf.",
	},
	{
		ID: "rdnss.lifetime-short", Severity: Warning, Receiver: ReceiverAccepts, RFC: "8106 §5.1",
		Title: "the DNS servers' lifetime is short for the time between RAs",
		Why: "When the lifetime is shorter than the gap between two RAs, hosts have no DNS server for the rest of the gap. " +
			"Below three times the interval, which is only noted, one or two lost RAs are enough; CloudStack's 30 s at 15 s " +
			"is such a case.",
		Fix: "Set AdvRDNSSLifetime in radvd.conf to at least 3 × MaxRtrAdvInterval (45 with CloudStack's 15). If it is, RAs " +
			"get lost on their way.",
	},
	{
		ID: "dnssl.length", Severity: Error, Receiver: ReceiverIgnores, RFC: "8106 §5.2, §5.3.1",
		Title: "a DNSSL option is too short to hold a domain",
		Why:   "Hosts ignore the option.",
		Fix:   "Find the sender by its Ethernet address and update its router software.",
	},
	{
		ID: "dnssl.encoding", Severity: Error, Receiver: ReceiverIgnores, RFC: "8106 §5.2; 1035 §3.1",
		Title: "the domains of a DNSSL option are not well encoded",
		Why:   "Hosts ignore the option or stop at the fault, so search domains are missing.",
		Fix: "Check the domains in the `DNSSL` line of radvd.conf: labels of 1 to 63 characters, no leading or double dots. " +
			"If they are right, update the router's software: the option must have at least one name, uncompressed, and zeros " +
			"only behind the last.",
	},
	{
		ID: "encdns.length", Severity: Error, Receiver: ReceiverIgnores, RFC: "9463 §6.1",
		Title: "a field of an Encrypted DNS option reaches past its end",
		Why:   "Hosts ignore the option and fall back to plain DNS, or to no DNS at all.",
		Fix:   "Update the router's software, or remove the option: plain RDNSS still works.",
	},
	{
		ID: "encdns.adn", Severity: Error, Receiver: ReceiverIgnores, RFC: "9463 §6.1; 8415 §10",
		Title: "the authentication domain name of an Encrypted DNS option is no domain name",
		Why:   "Hosts need it to check the resolver's certificate; without a good one they ignore the option.",
		Fix:   "Set the resolver's full domain name, as in its certificate, on the router.",
	},
	{
		ID: "encdns.address", Severity: Error, Receiver: ReceiverIgnores, RFC: "9463 §6.1, §6.2",
		Title: "an Encrypted DNS option has no usable resolver address",
		Why:   "Hosts discard addresses that are multicast or loopback, and an option whose address field is not made of addresses.",
		Fix:   "List the resolver's IPv6 addresses on the router, or none at all and no parameters (name only).",
	},
	{
		ID: "encdns.svcparams", Severity: Error, Receiver: ReceiverIgnores, RFC: "9463 §3.1.5, §6.1; 9460 §2.2",
		Title: "the service parameters of an Encrypted DNS option are not well formed",
		Why: "Hosts cannot tell protocol and port of the resolver, and ignore the option. Keys must ascend, values must fit, " +
			"and address hints must not be there.",
		Fix: "Correct the parameters on the router (alpn=dot, alpn=h2 with dohpath, port), or update its software.",
	},
}

// nat64Rules are about the PREF64 option.
var nat64Rules = []Rule{
	{
		ID: "pref64.length", Severity: Error, Receiver: ReceiverIgnores, RFC: "8781 §4",
		Title: "a PREF64 option is not 16 bytes long",
		Why:   "Hosts ignore the option, so guests without IPv4 reach no IPv4 server by address.",
		Fix:   "Find the sender by its Ethernet address and update its router software.",
	},
	{
		ID: "pref64.plc", Severity: Error, Receiver: ReceiverIgnores, RFC: "8781 §4",
		Title: "the prefix length code of a PREF64 option has no meaning",
		Why:   "Codes 0 to 5 stand for /96, /64, /56, /48, /40 and /32; with 6 or 7 hosts ignore the option.",
		Fix:   "Set a prefix of one of these lengths (`nat64prefix` in radvd.conf), or update the router's software. " + newRadvd,
	},
	{
		ID: "pref64.lifetime", Severity: Warning, Receiver: ReceiverAccepts, RFC: "8781 §4.1",
		Title: "a NAT64 prefix has a short lifetime",
		Why: "Below three times the longest interval between RAs, which is 12 s at the least, one or two lost RAs cost hosts " +
			"the way to IPv4. A lifetime below the router's, which is only noted, can end while the router still is their " +
			"default router: IPv6 works and IPv4 does not.",
		Fix: "Set AdvValidLifetime in the `nat64prefix` block of radvd.conf to the router's lifetime (AdvDefaultLifetime) or " +
			"more, up to 65528. " + newRadvd,
	},
}

// captiveRules are about the Captive-Portal option.
var captiveRules = []Rule{
	{
		ID: "captive.empty", Severity: Error, Receiver: ReceiverIgnores, RFC: "8910 §2.3",
		Title: "a Captive-Portal option has no URI",
		Why:   "Hosts ignore it. To say that there is no portal an option needs urn:ietf:params:capport:unrestricted.",
		Fix:   "Set AdvCaptivePortalAPI in radvd.conf to the portal's API endpoint, or remove the option. " + newRadvd,
	},
	{
		ID: "captive.padding", Severity: Error, Receiver: ReceiverIgnores, RFC: "8910 §2.3; 3986 §2",
		Title: "the URI of a Captive-Portal option has bytes that no URI has",
		Why:   "Only NULs may fill the option up, and only at its end. Hosts cut the URI at the wrong place or ignore it.",
		Fix:   "Correct the URI on the router: printable ASCII without spaces, anything else percent-encoded.",
	},
	{
		ID: "captive.not-https", Severity: Error, Receiver: ReceiverIgnores, RFC: "8910 §2; 8908 §4",
		Title: "the captive portal's URI is not https",
		Why: "The URI must be the portal's API endpoint, which hosts ask over TLS only. The address of a web page, as the older " +
			"RFC 7710 had it, is ignored.",
		Fix: "Set AdvCaptivePortalAPI to the https URI of the API endpoint, or to urn:ietf:params:capport:unrestricted if there " +
			"is no portal. " + newRadvd,
	},
	{
		ID: "captive.ip-literal", Severity: Warning, Receiver: ReceiverAccepts, RFC: "8910 §2",
		Title: "the captive portal's URI has an IP address in place of a name",
		Why:   "Hosts must check the server's certificate, and few certificates are for addresses.",
		Fix:   "Give the API endpoint a name with a certificate and use that in AdvCaptivePortalAPI. " + newRadvd,
	},
}

// otherOptionRules are about options that are rare in a cloud.
var otherOptionRules = []Rule{
	{
		ID: "flags.all-zero", Severity: Warning, Receiver: ReceiverIgnores, RFC: "5175 §4",
		Title: "an RA Flags Extension option has no flag set",
		Why:   "A router must not send the option without a flag: it says nothing.",
		Fix:   "Switch the option off on the router or update its software.",
	},
	{
		ID: "nonce.length", Severity: Warning, Receiver: ReceiverIgnores, RFC: "3971 §5.3.2; 7527 §4",
		Title: "a Nonce option is too short for a nonce",
		Why:   "A nonce has at least 6 bytes. Receivers that use it (SEND, enhanced DAD) cannot rely on a shorter one.",
		Fix:   "Find the sender by its Ethernet address and update its network stack.",
	},
	{
		ID: "interval.length", Severity: Warning, Receiver: ReceiverIgnores, RFC: "6275 §7.3",
		Title: "an Advertisement Interval option is not 8 bytes long",
		Why:   "Mobile nodes must ignore it; other hosts ignore it in any case.",
		Fix:   "Set `AdvIntervalOpt off` in radvd.conf unless Mobile IPv6 is in use, or update the router's software.",
	},
	{
		ID: "homeagent.lifetime-zero", Severity: Warning, Receiver: ReceiverIgnores, RFC: "6275 §7.4",
		Title: "a Home Agent Information option has the lifetime 0",
		Why:   "0 is not allowed: mobile nodes cannot tell how long the home agent serves.",
		Fix:   "Set HomeAgentLifetime in radvd.conf to a value above 0, or `AdvHomeAgentInfo off`.",
	},
	{
		ID: "6co.length", Severity: Warning, Receiver: ReceiverIgnores, RFC: "6775 §4.2",
		Title: "a 6LoWPAN Context option has a length that does not fit its context",
		Why:   "The option takes 16 bytes, or 24 when the context is longer than 64 bits. Nodes ignore any other.",
		Fix:   "Correct the `lowpanco` block of radvd.conf. The option has no use on Ethernet: outside a 6LoWPAN remove it.",
	},
}
