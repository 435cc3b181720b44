package expect

import (
	"fmt"
	"strings"

	"v6probe/internal/rule"
)

// apiKind is what an entry of a list is.
type apiKind int

// The kinds. What tells a later one is more than what tells an earlier one: routers have all that machines have.
const (
	apiUnknown apiKind = iota
	apiNetwork
	apiMachine
	apiRouter
)

// apiListed is the kind of the entries of a list of that name.
func apiListed(name string) apiKind {
	switch name {
	case "network":
		return apiNetwork
	case "virtualmachine":
		return apiMachine
	case "router":
		return apiRouter
	}
	return apiUnknown
}

func (k apiKind) String() string {
	return [...]string{"entry", "network", "virtual machine", "router"}[k]
}

// apiEntry is a network, a machine or a router: what they have in common has the same type in all.
type apiEntry struct {
	place rule.Place
	guess apiKind // what its fields make of it

	id, name apiText

	// Of networks.
	typ, traffic, protocol, uri, vpc apiText
	cidr, gateway, dns1, dns2        apiText
	privateMTU, publicMTU            apiNumber

	// Of machines and routers.
	instance, linkLocal apiText
	nics                []*apiNIC
	nicsPlace           rule.Place
}

// apiNIC is an interface of a machine or a router.
type apiNIC struct {
	place                                                                   rule.Place
	mac, address, cidr, gateway, uri, network, networkName, typ, trafficTyp apiText
	mtu                                                                     apiNumber
	secondary                                                               []apiText
	secondaryPlace                                                          rule.Place
}

func (e *apiEntry) text(key string) *apiText {
	switch key {
	case "id":
		return &e.id
	case "name":
		return &e.name
	case "type":
		return &e.typ
	case "traffictype":
		return &e.traffic
	case "internetprotocol":
		return &e.protocol
	case "broadcasturi":
		return &e.uri
	case "vpcid":
		return &e.vpc
	case "ip6cidr":
		return &e.cidr
	case "ip6gateway":
		return &e.gateway
	case "ip6dns1":
		return &e.dns1
	case "ip6dns2":
		return &e.dns2
	case "instancename":
		return &e.instance
	case "linklocalip":
		return &e.linkLocal
	}
	return nil
}

func (n *apiNIC) text(key string) *apiText {
	switch key {
	case "macaddress":
		return &n.mac
	case "ip6address":
		return &n.address
	case "ip6cidr":
		return &n.cidr
	case "ip6gateway":
		return &n.gateway
	case "broadcasturi":
		return &n.uri
	case "networkid":
		return &n.network
	case "networkname":
		return &n.networkName
	case "type":
		return &n.typ
	case "traffictype":
		return &n.trafficTyp
	}
	return nil
}

// telling is the kind of which only entries of that kind have such a field.
func telling(key string) apiKind {
	switch key {
	case "ip6cidr", "broadcastdomaintype", "networkofferingid", "traffictype", "restartrequired", "canusefordeploy",
		"privatemtu":
		return apiNetwork
	case "instancename", "haenable", "nic":
		return apiMachine
	case "linklocalip", "linklocalmacaddress", "isredundantrouter", "redundantstate", "scriptsversion", "guestmacaddress",
		"requiresupgrade":
		return apiRouter
	}
	return apiUnknown
}

// label is by what name a machine is known to its host and to its user.
func (e *apiEntry) label() string {
	for _, t := range []apiText{e.instance, e.name, e.id} {
		if t.S != "" {
			return apiShort(t.S)
		}
	}
	return ""
}

// apiLists is all that CloudStack lists, from all documents.
type apiLists struct {
	networks, machines, routers []*apiEntry
	room                        int
	ids                         map[apiKind]map[string]rule.Place
}

// read adds what is in a file.
func (l *apiLists) read(s Source) error {
	r, err := newAPIReader(s, &l.room)
	if err != nil {
		return err
	}
	for {
		more, err := r.next()
		if err != nil || !more {
			return err
		}
		switch r.peek() {
		case '{':
			err = l.answer(r, "", true)
		case '[':
			err = l.list(r, "", apiUnknown)
		default:
			err = r.wrong("", "an object or a list of CloudStack's API")
		}
		if err != nil {
			return err
		}
	}
}

// answer reads an object that holds lists, or one within it as the API itself answers, or is an entry of a list.
func (l *apiLists) answer(r *apiReader, path string, outer bool) error {
	p, err := r.begin(path)
	if err != nil {
		return err
	}
	e := &apiEntry{place: p}
	lists, fields := false, false
	err = r.object(func(key []byte) error {
		switch k := string(key); {
		case k == "count":
			return nil
		case k == "errortext":
			var t apiText
			if err := r.text(&t, apiMember(path, k)); err != nil {
				return err
			}
			return apiFail(t.Place, "CloudStack answered with an error: "+apiShort(t.S), "")
		case apiListed(k) != apiUnknown:
			lists = true
			return l.list(r, apiMember(path, k), apiListed(k))
		case outer && strings.HasSuffix(k, "response") && r.peek() == '{':
			lists = true
			return l.answer(r, apiMember(path, k), false)
		default:
			fields = true
			return r.entryField(e, key, path)
		}
	})
	if err != nil || lists || !fields {
		return err
	}
	return l.add(e, apiUnknown)
}

// list reads a list of entries of that kind, or one that is no list: so other commands than list answer.
func (l *apiLists) list(r *apiReader, path string, k apiKind) error {
	entry := func(at string) error {
		p, err := r.begin(at)
		if err != nil {
			return err
		}
		e := &apiEntry{place: p}
		if err := r.object(func(key []byte) error { return r.entryField(e, key, at) }); err != nil {
			return err
		}
		return l.add(e, k)
	}
	switch r.peek() {
	case 'n':
		return nil
	case '{':
		return entry(path)
	case '[':
		return r.list(func(i int) error { return entry(fmt.Sprintf("%s[%d]", path, i)) })
	}
	return r.wrong(path, "a list")
}

func (r *apiReader) entryField(e *apiEntry, key []byte, path string) error {
	k := string(key)
	e.guess = max(e.guess, telling(k))
	if t := e.text(k); t != nil {
		return r.text(t, apiMember(path, k))
	}
	switch k {
	case "privatemtu":
		return r.number(&e.privateMTU, apiMember(path, k))
	case "publicmtu":
		return r.number(&e.publicMTU, apiMember(path, k))
	case "nic":
		return r.objects(&e.nicsPlace, apiMember(path, k), func(at string, p rule.Place) error {
			n := &apiNIC{place: p}
			e.nics = append(e.nics, n)
			return r.object(func(key []byte) error { return r.nicField(n, key, at) })
		})
	}
	return nil
}

func (r *apiReader) nicField(n *apiNIC, key []byte, path string) error {
	k := string(key)
	if t := n.text(k); t != nil {
		return r.text(t, apiMember(path, k))
	}
	switch k {
	case "mtu":
		return r.number(&n.mtu, apiMember(path, k))
	case "secondaryip":
		return r.objects(&n.secondaryPlace, apiMember(path, k), func(at string, _ rule.Place) error {
			var t apiText
			err := r.object(func(key []byte) error {
				if string(key) == "ipaddress" {
					return r.text(&t, apiMember(at, "ipaddress"))
				}
				return nil
			})
			if t.S != "" {
				n.secondary = append(n.secondary, t)
			}
			return err
		})
	}
	return nil
}

// objects reads a list of objects, or null; place is that of the list, to tell whether it is there twice.
func (r *apiReader) objects(place *rule.Place, path string, each func(path string, p rule.Place) error) error {
	p, err := r.once(*place, path)
	if err != nil {
		return err
	}
	*place = p
	switch r.peek() {
	case 'n':
		return nil
	case '[':
	default:
		return r.wrong(path, "a list")
	}
	return r.list(func(i int) error {
		at := fmt.Sprintf("%s[%d]", path, i)
		p, err := r.begin(at)
		if err != nil {
			return err
		}
		return each(at, p)
	})
}

// add takes an entry to the others of its kind.
func (l *apiLists) add(e *apiEntry, k apiKind) error {
	if k == apiUnknown {
		k = e.guess
	}
	switch k {
	case apiNetwork:
		l.networks = append(l.networks, e)
	case apiMachine:
		l.machines = append(l.machines, e)
	case apiRouter:
		l.routers = append(l.routers, e)
	default:
		return apiFail(e.place, "it is no network, virtual machine or router of CloudStack's API",
			"give what `cmk list networks`, `cmk list virtualmachines` or `cmk list routers` prints")
	}
	if e.id.S == "" {
		return nil
	}
	if l.ids[k] == nil {
		l.ids[k] = map[string]rule.Place{}
	}
	if first, twice := l.ids[k][e.id.S]; twice {
		return apiFail(e.id.Place, fmt.Sprintf("the %s %s is listed twice; first at %v", k, apiShort(e.id.S), first),
			"leave one of the two out")
	}
	l.ids[k][e.id.S] = e.id.Place
	return nil
}

func apiMember(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func apiFail(p rule.Place, reason, hint string) error {
	return &Error{Place: p, Reason: reason, hint: hint}
}
