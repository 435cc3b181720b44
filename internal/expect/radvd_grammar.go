package expect

import "v6probe/internal/like"

// radvdTakes is what follows the name of an option, before the semicolon.
type radvdTakes uint8

const (
	takesSwitch     radvdTakes = iota // on or off
	takesNumber                       // 32 bits
	takesSeconds                      // a number, with decimals or without
	takesLifetime                     // a number, or infinity
	takesPreference                   // low, medium, high, or a number with its sign
	takesName                         // an interface
	takesURI
)

// radvdOption is an option of a block.
type radvdOption struct {
	name  string
	takes radvdTakes
	since bool // radvd 2.20 was the first to know it
}

// radvdHead is what stands between the name of a block and its brace.
type radvdHead uint8

const (
	headNothing   radvdHead = iota
	headName                // an interface
	headPrefix              // an address, "/" and a length
	headAddress             // an address, which may have "/" and a length, as it once did
	headAddresses           // one at least
	headDomains             // one at least
	bodyAddresses           // nothing; in the braces stand addresses, each with a semicolon, one at least
	bodyClients             // likewise, and "!" may stand before each
	bodyPrefixes            // likewise, prefixes
)

// radvdBlock is a block, and what may stand in it.
type radvdBlock struct {
	name    string
	head    radvdHead
	bare    bool // its braces may be left out
	since   bool // radvd 2.20 was the first to know it
	options []radvdOption
	blocks  []radvdBlock
}

// radvdFile is the one kind of block that a radvd.conf consists of. It has what radvd 2.20 knows, and what it still
// accepts of older releases.
var radvdFile = radvdBlock{
	name: "interface", head: headName,
	options: []radvdOption{
		{name: "IgnoreIfMissing"},
		{name: "AdvSendAdvert"},
		{name: "UnicastOnly"},
		{name: "UnrestrictedUnicast", since: true},
		{name: "AdvRASolicitedUnicast"},
		{name: "RemoveAdvOnExit", since: true},
		{name: "MaxRtrAdvInterval", takes: takesSeconds},
		{name: "MinRtrAdvInterval", takes: takesSeconds},
		{name: "MinDelayBetweenRAs", takes: takesSeconds},
		{name: "AdvManagedFlag"},
		{name: "AdvOtherConfigFlag"},
		{name: "AdvLinkMTU", takes: takesNumber},
		{name: "AdvRAMTU", takes: takesNumber},
		{name: "AdvReachableTime", takes: takesNumber},
		{name: "AdvRetransTimer", takes: takesNumber},
		{name: "AdvCurHopLimit", takes: takesNumber},
		{name: "AdvDefaultLifetime", takes: takesNumber},
		{name: "AdvDefaultPreference", takes: takesPreference},
		{name: "AdvSourceLLAddress"},
		{name: "AdvHomeAgentFlag"},
		{name: "AdvHomeAgentInfo"},
		{name: "HomeAgentLifetime", takes: takesNumber},
		{name: "HomeAgentPreference", takes: takesNumber},
		{name: "AdvMobRtrSupportFlag"},
		{name: "AdvIntervalOpt"},
		{name: "AdvCaptivePortalAPI", takes: takesURI, since: true},
	},
	blocks: []radvdBlock{
		{name: "prefix", head: headPrefix, bare: true, options: []radvdOption{
			{name: "AdvOnLink"},
			{name: "AdvAutonomous"},
			{name: "AdvRouterAddr"},
			{name: "AdvValidLifetime", takes: takesLifetime},
			{name: "AdvPreferredLifetime", takes: takesLifetime},
			{name: "DeprecatePrefix"},
			{name: "DecrementLifetimes"},
			{name: "Base6Interface", takes: takesName},
			{name: "Base6to4Interface", takes: takesName},
		}},
		{name: "route", head: headPrefix, options: []radvdOption{
			{name: "AdvRouteLifetime", takes: takesLifetime},
			{name: "AdvRoutePreference", takes: takesPreference},
			{name: "RemoveRoute"},
		}},
		{name: "RDNSS", head: headAddresses, options: []radvdOption{
			{name: "AdvRDNSSLifetime", takes: takesLifetime},
			{name: "FlushRDNSS"},
			{name: "AdvRDNSSPreference", takes: takesNumber}, // of a draft; without effect
			{name: "AdvRDNSSOpen"},                           // likewise
		}},
		{name: "DNSSL", head: headDomains, options: []radvdOption{
			{name: "AdvDNSSLLifetime", takes: takesLifetime},
			{name: "FlushDNSSL"},
		}},
		{name: "nat64prefix", head: headPrefix, bare: true, since: true, options: []radvdOption{
			{name: "AdvValidLifetime", takes: takesNumber},
		}},
		{name: "lowpanco", options: []radvdOption{
			{name: "AdvContextLength", takes: takesNumber},
			{name: "AdvContextCompressionFlag"},
			{name: "AdvContextID", takes: takesNumber},
			{name: "AdvLifeTime", takes: takesNumber},
		}},
		{name: "abro", head: headAddress, options: []radvdOption{
			{name: "AdvVersionLow", takes: takesNumber},
			{name: "AdvVersionHigh", takes: takesNumber},
			{name: "AdvValidLifeTime", takes: takesNumber},
		}},
		{name: "clients", head: bodyClients},
		{name: "AdvRASrcAddress", head: bodyAddresses},
		{name: "autoignoreprefixes", head: bodyPrefixes, since: true},
	},
}

// option returns the option of b that t names, nil if there is none.
func (b *radvdBlock) option(t *radvdToken) *radvdOption {
	for i := range b.options {
		if t.is(b.options[i].name) {
			return &b.options[i]
		}
	}
	return nil
}

// block returns the block in b that t names, nil if there is none.
func (b *radvdBlock) block(t *radvdToken) *radvdBlock {
	for i := range b.blocks {
		if t.is(b.blocks[i].name) {
			return &b.blocks[i]
		}
	}
	return nil
}

// words returns all that may begin a statement in b.
func (b *radvdBlock) words() []string {
	var words []string
	for i := range b.options {
		words = append(words, b.options[i].name)
	}
	for i := range b.blocks {
		words = append(words, b.blocks[i].name)
	}
	return words
}

// radvdReserved reports whether radvd takes t for one of its own words, so that nothing can be called that.
func radvdReserved(t *radvdToken) bool {
	for _, w := range []string{"interface", "on", "off", "low", "medium", "high", "infinity"} {
		if t.is(w) {
			return true
		}
	}
	for _, b := range append(radvdFile.blocks, radvdFile) {
		if b.option(t) != nil || b.block(t) != nil {
			return true
		}
	}
	return false
}

// radvdHint says what may have been meant by t in block b.
func radvdHint(b *radvdBlock, t *radvdToken) string {
	for _, o := range append(radvdFile.blocks, radvdFile) {
		if o.option(t) != nil || o.block(t) != nil {
			return "it goes into the block of " + o.name
		}
	}
	best := like.Nearest(t.text, b.words())
	if best == "" {
		return ""
	}
	return "did you mean: " + best
}
