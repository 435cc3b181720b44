package counters

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"v6probe/internal/tool"
)

// rules is what a program told of the rules of netfilter.
type rules struct {
	tables   []string // that it has
	counters []counter
	blind    []string // what is there and is not counted
	left     int      // rules that were left out, as there are too many
}

// add adds a counter, if there is room.
func (r *rules) add(c counter) {
	if len(r.counters) >= maxRules {
		r.left++
		return
	}
	r.counters = append(r.counters, c)
}

// nftObject is one object of nft's JSON (libnftables-json(5)): one of the fields is set, or none.
type nftObject struct {
	Table *struct {
		Family, Name string
		Handle       json.Number
	}
	Chain *struct {
		Family, Table, Name, Hook, Policy string
	}
	Counter *struct {
		Family, Table, Name string
		Packets             json.Number
	}
	Rule *nftRule
}

type nftRule struct {
	Family, Table, Chain, Comment string
	Handle                        json.Number
	Expr                          []map[string]any
}

// nftReader gathers what is needed of a ruleset. Objects may come in any order.
type nftReader struct {
	rules
	skip    func(family, table string) bool
	handles map[string]string      // of tables
	place   map[string]int         // how many rules of a chain were read
	named   map[string]uint64      // counters that have a name
	drops   []nftDrop              // rules that drop, and count
	users   map[string]*namedUsers // by the counter's key
	bare    []string               // rules that drop and do not count
	policy  []string               // chains whose policy drops
}

type nftDrop struct {
	nftJudged
	table, where, handle string
}

// namedUsers is who moves a counter that has a name.
type namedUsers struct {
	drops, others int
	about         about
	where         string
}

// parseNFT reads what `nft -j list ruleset` prints. Tables for which skip returns true are told by another source.
func parseNFT(r io.Reader, skip func(family, table string) bool) (rules, error) {
	d := json.NewDecoder(r)
	d.UseNumber()
	n := nftReader{skip: skip, handles: map[string]string{}, place: map[string]int{}, named: map[string]uint64{},
		users: map[string]*namedUsers{}}
	for _, want := range []json.Token{json.Delim('{'), "nftables", json.Delim('[')} {
		if got, err := d.Token(); err != nil || got != want {
			return rules{}, errors.New("nft: the answer is not a ruleset in JSON")
		}
	}
	for d.More() {
		var o nftObject
		err := d.Decode(&o)
		var mismatch *json.UnmarshalTypeError
		if errors.As(err, &mismatch) {
			continue // an object that has another form in another version
		}
		if err != nil {
			return rules{}, fmt.Errorf("nft: %s", tool.Clean(err.Error(), maxText))
		}
		n.object(&o)
	}
	n.finish()
	return n.rules, nil
}

// relevant reports whether IPv6 may meet the tables of a family.
func relevant(family string) bool {
	return slices.Contains([]string{"ip6", "inet", "bridge", "netdev"}, family)
}

func (n *nftReader) object(o *nftObject) {
	wanted := func(family, table string) bool { return relevant(family) && !n.skip(family, table) }
	switch {
	case o.Table != nil && wanted(o.Table.Family, o.Table.Name):
		t := tableName(o.Table.Family, o.Table.Name)
		n.tables = append(n.tables, t)
		n.handles[t] = o.Table.Handle.String()
	case o.Chain != nil && wanted(o.Chain.Family, o.Chain.Table):
		if o.Chain.Hook != "" && o.Chain.Policy == "drop" {
			n.policy = append(n.policy, chainName(o.Chain.Family, o.Chain.Table, o.Chain.Name))
		}
	case o.Counter != nil && wanted(o.Counter.Family, o.Counter.Table):
		n.named[tableName(o.Counter.Family, o.Counter.Table)+"\x00"+o.Counter.Name] = number(o.Counter.Packets)
	case o.Rule != nil && wanted(o.Rule.Family, o.Rule.Table):
		n.rule(o.Rule)
	}
}

func (n *nftReader) rule(r *nftRule) {
	chain := chainName(r.Family, r.Table, r.Chain)
	n.place[chain]++
	j := judgeNFT(r.Expr)
	table := tableName(r.Family, r.Table)
	where := fmt.Sprintf("%s, rule %d", chain, n.place[chain])
	if j.named != "" {
		n.use(table+"\x00"+j.named, &j, where)
	}
	switch {
	case j.about.never || !j.drops && !j.maybe:
	case j.maybe || !j.counted:
		if len(n.bare) < maxRules {
			n.bare = append(n.bare, where)
		}
	case j.named == "":
		text := j.text
		if r.Comment != "" {
			text += ` comment "` + r.Comment + `"`
		}
		if len(n.drops) >= maxRules {
			n.left++
			return
		}
		n.drops = append(n.drops, nftDrop{j, table, where + ": " + tool.Clean(text, maxText), r.Handle.String()})
	}
}

// use notes that a rule moves a counter that has a name.
func (n *nftReader) use(key string, j *nftJudged, where string) {
	u := n.users[key]
	if u == nil {
		u = &namedUsers{about: about{never: true}}
		n.users[key] = u
	}
	if !j.drops || !j.counted {
		u.others++
		return
	}
	switch u.drops++; u.drops {
	case 1:
		u.where, u.about = where, j.about
	default:
		u.about = about{only: u.about.only && j.about.only, never: u.about.never && j.about.never}
	}
}

// finish makes counters of what was gathered.
func (n *nftReader) finish() {
	for _, d := range n.drops {
		n.add(counter{
			Moved: Moved{Source: NFTables, Where: d.where, Name: "packets", Meaning: d.about.meaning(), Drop: true,
				ICMPv6: d.about.only, Vital: d.about.vital()},
			key:   NFTables + " " + d.table + " " + n.handles[d.table] + " " + d.handle,
			group: d.table, value: d.packets,
		})
	}
	for key, u := range n.users {
		table, name, _ := strings.Cut(key, "\x00")
		value, known := n.named[key]
		if !known || u.drops == 0 || u.about.never {
			continue
		}
		m := Moved{Source: NFTables, Where: fmt.Sprintf("%s counter %s"+
			" (%s)", table, tool.Clean(name, maxText), u.where), Name: "packets",
			Meaning: u.about.meaning(), Drop: true, ICMPv6: u.about.only}
		if u.drops > 1 {
			m.Where = fmt.Sprintf("%s counter %s (%d rules)", table, tool.Clean(name, maxText), u.drops)
		}
		if u.others > 0 {
			m.Drop = false
			m.Meaning = "Rules that drop and rules that do not share this counter: it cannot be told what was dropped."
		}
		n.add(counter{Moved: m, key: NFTables + " " + key + " " + n.handles[table], group: table, value: value})
	}
	if len(n.policy) > 0 {
		n.blind = append(n.blind, some(n.policy)+": the policy drops, and has no counter (a last rule `counter drop` would"+
			" have one)")
	}
	if len(n.bare) > 0 {
		n.blind = append(n.blind, some(n.bare)+": drops, or may, without a counter of just that (write `counter` before"+
			" `drop`)")
	}
	if n.left > 0 {
		n.blind = append(n.blind, fmt.Sprintf("%d rules more than are looked at", n.left))
	}
}

func tableName(family, table string) string {
	return "table " + tool.Clean(family, maxText) + " " + tool.Clean(table, maxText)
}

func chainName(family, table, chain string) string {
	return tableName(family, table) + " chain " + tool.Clean(chain, maxText)
}
