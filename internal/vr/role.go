package vr

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Where CloudStack keeps what it told a virtual router.
const (
	commandLineJSON = "/etc/cloudstack/cmdline.json"
	commandLine     = "/var/cache/cloud/cmdline"
	addressesJSON   = "/etc/cloudstack/ips.json"
	guestsJSON      = "/etc/cloudstack/guestnetwork.json"
)

// maxFile is how many bytes of a file are read.
const maxFile = 1 << 20

// readFile reads a file that is not larger than it can be.
func readFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(b) > maxFile {
		return nil, fmt.Errorf("%s: it is larger than %d MiB", name, maxFile>>20)
	}
	return b, err
}

// roleFiles is what is in CloudStack's files; nil for those that are not there.
type roleFiles struct{ commandLineJSON, commandLine, addresses, guests []byte }

// readRole reads what CloudStack told this machine that it is.
func readRole(o Options) Role {
	var f roleFiles
	for _, file := range []struct {
		to   *[]byte
		name string
	}{{&f.commandLineJSON, commandLineJSON}, {&f.commandLine, commandLine}, {&f.addresses, addressesJSON}, {&f.guests, guestsJSON}} {
		*file.to, _ = readFile(filepath.Join(o.Root, file.name))
	}
	return f.role(o.Type)
}

// role returns what the files say, unless the user knows the type better. Those that are none of CloudStack's say nothing.
func (f *roleFiles) role(typ string) Role {
	r := Role{Gateways: make(map[string]netip.Addr)}
	words, from := f.words()
	if t := words["type"]; slices.Contains([]string{Isolated, VPC, Shared}, t) {
		r.Type = t
		r.Redundant = words["redundant_router"] == "true" || words["redundant_router"] == "1"
		r.Evidence = append(r.Evidence, fmt.Sprintf("%s: type = %s, redundant_router = %v", from, t, r.Redundant))
	}
	if typ != "" {
		r.Type = typ
		r.Evidence = append(r.Evidence, "--type "+typ)
	}
	if a, err := netip.ParseAddr(words["guestgw6"]); err == nil && a.Is6() && r.Type == Isolated {
		r.Gateways["eth0"] = a.WithZone("")
	}
	r.interfaces(f)
	return r
}

// words returns the settings that a virtual router was started with, and the file that has them.
func (f *roleFiles) words() (words map[string]string, from string) {
	words = make(map[string]string)
	var bag struct {
		Config map[string]any `json:"config"`
	}
	if json.Unmarshal(f.commandLineJSON, &bag) == nil && len(bag.Config) > 0 {
		for k, v := range bag.Config {
			words[k] = fmt.Sprint(v)
		}
		return words, commandLineJSON
	}
	for _, w := range strings.Fields(string(f.commandLine)) {
		if k, v, ok := strings.Cut(w, "="); ok {
			words[k] = v
		}
	}
	return words, commandLine
}

// interfaces takes in for what CloudStack uses each interface, and the guests' gateways.
func (r *Role) interfaces(f *roleFiles) {
	for name, uses := range bag(f.addresses) {
		for _, u := range uses {
			switch added, _ := u["add"].(bool); {
			case !added:
			case u["nw_type"] == "guest" && !slices.Contains(r.Guests, name):
				r.Guests = append(r.Guests, name)
			case u["nw_type"] == "public" && (r.Public == "" || name < r.Public):
				r.Public = name
			}
		}
	}
	slices.Sort(r.Guests)
	for name, uses := range bag(f.guests) {
		for _, u := range uses {
			text, _ := u["router_guest_ip6_gateway"].(string)
			a, err := netip.ParseAddr(text)
			if added, told := u["add"].(bool); err == nil && a.Is6() && (added || !told) {
				r.Gateways[name] = a.WithZone("")
			}
		}
	}
}

// bag reads one of CloudStack's files that have a list for each interface; what has another form is left out.
func bag(b []byte) map[string][]map[string]any {
	var all map[string]json.RawMessage
	if json.Unmarshal(b, &all) != nil {
		return nil
	}
	lists := make(map[string][]map[string]any)
	for key, raw := range all {
		var list []map[string]any
		if json.Unmarshal(raw, &list) == nil {
			lists[key] = list
		}
	}
	return lists
}

// settle takes in whether the user knows that this router rests, or tells it from the public interface of a redundant one:
// CloudStack takes it down there.
func (r *Role) settle(o Options, public *Interface) {
	switch {
	case o.Backup != nil:
		r.Backup = *o.Backup
		r.Evidence = append(r.Evidence, fmt.Sprintf("--backup=%v", r.Backup))
	case r.Redundant && public != nil:
		r.Backup = !public.Up
		state := "up: this is the primary"
		if r.Backup {
			state = "down: this is the backup"
		}
		r.Evidence = append(r.Evidence, printable(public.Name)+" is "+state)
	}
}
