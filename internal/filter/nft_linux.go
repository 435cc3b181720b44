package filter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Read reads the rules of the network namespace that the calling thread is in. Without the right to it is a
// *PermissionError. Programs of xtables are asked for what is theirs: what they do not tell is in Unread.
func Read(ctx context.Context) (*Ruleset, error) {
	r := &Ruleset{}
	compat, err := readNFT(ctx, r)
	if err != nil {
		return nil, err
	}
	readXT(ctx, r, compat)
	return r, nil
}

// attempts is how often rules that change while they are read are read again.
const attempts = 8

// readNFT adds the rules of nftables to r and returns the tables that iptables or ebtables made.
func readNFT(ctx context.Context, r *Ruleset) (compat []string, err error) {
	s, err := openSocket()
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil, nil // a kernel without nfnetlink
	}
	if err != nil {
		return nil, fmt.Errorf("read the rules of nftables: %w", err)
	}
	defer s.close()
	before, err := s.generation(ctx)
	switch {
	case errors.Is(err, unix.EPERM):
		return nil, &PermissionError{err}
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return nil, nil // a kernel without nftables
	case err != nil:
		return nil, fmt.Errorf("read the rules of nftables: %w", err)
	}
	links, err := readLinks()
	if err != nil {
		return nil, fmt.Errorf("read the rules of nftables: %w", err)
	}
	for range attempts {
		t := &tables{socket: s, links: links, byName: map[tableKey]*nftTable{}}
		err = t.read(ctx)
		after, err2 := s.generation(ctx)
		switch {
		case err2 != nil:
			err = err2
		case before != after:
			before, err = after, errInterrupted
		case err == nil:
			t.addTo(r)
			return t.compat(), nil
		}
		if !errors.Is(err, errInterrupted) && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ENOENT) {
			break
		}
	}
	return nil, fmt.Errorf("read the rules of nftables: %w", err)
}

// tableKey names a table.
type tableKey struct {
	family uint8
	name   string
}

// nftTable is a table as it is read.
type nftTable struct {
	tableKey
	dormant bool
	compat  bool
	chains  []*Chain // base chains once for each device
	byName  map[string][]*Chain
	sets    map[string]*nftSet
	rules   []nftRule
}

// nftRule is a rule before the sets that it asks are known.
type nftRule struct {
	chain  string
	handle uint64
	body   []byte
}

// tables are read from one socket.
type tables struct {
	*socket
	links  map[string]linkInfo
	byName map[tableKey]*nftTable
	list   []*nftTable
}

// families are those that ICMPv6 can meet, as nft calls them.
func families() []uint8 {
	return []uint8{unix.NFPROTO_IPV6, unix.NFPROTO_INET, unix.NFPROTO_BRIDGE, unix.NFPROTO_NETDEV}
}

func familyName(f uint8) string {
	switch f {
	case unix.NFPROTO_IPV6:
		return "ip6"
	case unix.NFPROTO_INET:
		return "inet"
	case unix.NFPROTO_BRIDGE:
		return "bridge"
	}
	return "netdev"
}

// dump reads all objects of a kind in the families that matter; name is the attribute that names their table.
func (t *tables) dump(ctx context.Context, kind uint16, name uint16, f func(table *nftTable, a attrs)) error {
	for _, family := range families() {
		err := t.ask(ctx, kind, unix.NLM_F_DUMP, family, nil, func(family uint8, b []byte) {
			a := parse(bytes.Clone(b))
			if table := t.byName[tableKey{family, a.string(name)}]; table != nil {
				f(table, a)
			}
		})
		if err != nil && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EAFNOSUPPORT) {
			return err
		}
	}
	return nil
}

func (t *tables) read(ctx context.Context) error {
	for _, family := range families() {
		err := t.ask(ctx, unix.NFT_MSG_GETTABLE, unix.NLM_F_DUMP, family, nil, func(family uint8, b []byte) {
			a := parse(bytes.Clone(b))
			table := &nftTable{tableKey: tableKey{family, a.string(unix.NFTA_TABLE_NAME)}, byName: map[string][]*Chain{},
				sets: map[string]*nftSet{}, dormant: a.u32(unix.NFTA_TABLE_FLAGS)&unix.NFT_TABLE_F_DORMANT != 0}
			t.byName[table.tableKey] = table
			t.list = append(t.list, table)
		})
		if err != nil && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EAFNOSUPPORT) {
			return err
		}
	}
	err := t.dump(ctx, unix.NFT_MSG_GETCHAIN, unix.NFTA_CHAIN_TABLE, (*nftTable).chain)
	if err == nil {
		err = t.dump(ctx, unix.NFT_MSG_GETSET, unix.NFTA_SET_TABLE, func(table *nftTable, a attrs) {
			set := parseSet(a)
			table.sets[set.name] = set
		})
	}
	if err == nil {
		err = t.dump(ctx, unix.NFT_MSG_GETRULE, unix.NFTA_RULE_TABLE, func(table *nftTable, a attrs) {
			table.rules = append(table.rules, nftRule{a.string(unix.NFTA_RULE_CHAIN), a.u64(unix.NFTA_RULE_HANDLE),
				a[unix.NFTA_RULE_EXPRESSIONS]})
		})
	}
	for _, table := range t.list {
		for _, set := range table.sets {
			if err == nil {
				err = t.elements(ctx, table, set)
			}
		}
	}
	return err
}

// elements reads what is in a set.
func (t *tables) elements(ctx context.Context, table *nftTable, set *nftSet) error {
	body := appendString(nil, unix.NFTA_SET_ELEM_LIST_TABLE, table.name)
	body = appendString(body, unix.NFTA_SET_ELEM_LIST_SET, set.name)
	err := t.ask(ctx, unix.NFT_MSG_GETSETELEM, unix.NLM_F_DUMP, table.family, body, func(_ uint8, b []byte) {
		set.add(parse(bytes.Clone(b)))
	})
	set.finish()
	return err
}

// chain adds a chain.
func (t *nftTable) chain(a attrs) {
	c := Chain{Tool: "nft", Table: familyName(t.family) + " " + t.name, Name: a.string(unix.NFTA_CHAIN_NAME), Policy: Accept,
		NAT: a.string(unix.NFTA_CHAIN_TYPE) == "nat"}
	switch t.family {
	case unix.NFPROTO_BRIDGE:
		c.Family = Bridge
	case unix.NFPROTO_NETDEV:
		c.Family = Netdev
	}
	if a.has(unix.NFTA_CHAIN_POLICY) && a.u32(unix.NFTA_CHAIN_POLICY) == nftVerdictDrop {
		c.Policy = Drop
	}
	devices := []string{""}
	if a.has(unix.NFTA_CHAIN_HOOK) {
		hook := parse(a[unix.NFTA_CHAIN_HOOK])
		c.Base, c.Priority = true, int(int32(hook.u32(unix.NFTA_HOOK_PRIORITY)))
		if !c.place(hook.u32(unix.NFTA_HOOK_HOOKNUM)) {
			return // of a hook that these packets do not come to
		}
		if c.Family == Netdev {
			devices = hookDevices(hook)
		}
	}
	for _, device := range devices {
		c := c
		c.Device = device
		t.chains = append(t.chains, &c)
		t.byName[c.Name] = append(t.byName[c.Name], &c)
	}
}

// place sets the hook from its number, and reports whether there is one of that number.
func (c *Chain) place(number uint32) bool {
	switch {
	case c.Family == Netdev && number <= 1:
		c.Hook = [...]Hook{Ingress, Egress}[number]
	case c.Family == IPv6 && number == nfInetIngress:
		c.Family, c.Hook = Netdev, Ingress // of inet
	case c.Family != Netdev && number <= unix.NF_INET_POST_ROUTING:
		c.Hook = [...]Hook{Prerouting, Input, Forward, Output, Postrouting}[number]
	default:
		return false
	}
	return true
}

// hookDevices returns the devices of a chain; those of a prefix end with an asterisk.
func hookDevices(hook attrs) []string {
	var list []string
	if name := hook.string(unix.NFTA_HOOK_DEV); name != "" {
		list = append(list, name)
	}
	for kind, v := range attributes(hook[nftaHookDevs]) {
		name := unix.ByteSliceToString(v)
		if kind == nftaDevicePrefix {
			name += "*"
		}
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// addTo adds the chains to r. Of hooks with equal priority the kernel calls the last one first.
func (t *tables) addTo(r *Ruleset) {
	for _, table := range slices.Backward(t.list) {
		table.compile(t.links)
		if !table.dormant {
			slices.Reverse(table.chains)
			r.Chains = append(r.Chains, table.chains...)
		}
	}
}

// compile makes rules of what was read.
func (t *nftTable) compile(links map[string]linkInfo) {
	for _, r := range t.rules {
		chains := t.byName[r.chain]
		if len(chains) == 0 {
			continue
		}
		c := &compiler{sets: t.sets, text: writer{links: links}}
		program := c.rule(r.body)
		t.compat = t.compat || c.compat
		family, inet := chains[0].Family, t.family == unix.NFPROTO_INET
		rule := Rule{Handle: r.handle, Text: c.text.show(r.handle), Untracks: c.untracks,
			Apply: func(p *Packet) (Truth, Act, string) {
				m := &machine{packet: p, family: family, inet: inet, links: links, registers: unknownBits(registerBytes),
					matches: Yes}
				return m.run(program)
			}}
		for _, chain := range chains {
			chain.Rules = append(chain.Rules, rule)
		}
	}
}

// compat returns the tables that iptables or ebtables made: those with expressions of xtables, and those that are named as
// they name theirs, chains too.
func (t *tables) compat() []string {
	var list []string
	for _, table := range t.list {
		if table.compat || table.xtables() {
			list = append(list, familyName(table.family)+" "+table.name)
		}
	}
	return list
}

func (t *nftTable) xtables() bool {
	switch {
	case t.family == unix.NFPROTO_IPV6 && slices.Contains([]string{"filter", "nat", "mangle", "raw", "security"}, t.name):
	case t.family == unix.NFPROTO_BRIDGE && slices.Contains([]string{"filter", "nat", "broute"}, t.name):
	default:
		return false
	}
	return slices.ContainsFunc(t.chains, func(c *Chain) bool {
		return c.Base && slices.Contains([]string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}, c.Name)
	})
}
