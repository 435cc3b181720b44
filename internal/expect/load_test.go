package expect

import (
	"strings"
	"testing"
)

func TestKind(t *testing.T) {
	for text, want := range map[string]format{
		"": yaml, "# only a comment": yaml, "expect: 1\n": yaml, "interfaces: 1": yaml, "interface: 1": yaml,
		"{}": json, " \n[": json, "\xef\xbb\xbf# c\n {": json,
		"interface eth0 {": radvd, "Interface eth0 {": radvd, "# radvd\n\n\tinterface\teth0": radvd,
	} {
		if got := kind([]byte(text)); got != want {
			t.Errorf("%q is of kind %d, want %d", text, got, want)
		}
	}
}

func TestSelect(t *testing.T) {
	conf := "interface eth2 { AdvSendAdvert on; };\ninterface eth3 { };\n"
	networks := `{"network":[{"id":"a","name":"web","type":"Isolated","ip6cidr":"2001:db8:1::/64"},` +
		`{"id":"b","name":"db","type":"Isolated","ip6cidr":"2001:db8:2::/64"},{"id":"c","name":"x","type":"L2"}]}`
	source := func(data, key string) Source { return Source{Name: "f", Data: []byte(data), Select: key} }
	for _, tt := range []struct {
		name    string
		sources []Source
		want    string // names of the links, or the error and its hint
		flaws   int
	}{
		{"all", []Source{source(conf, "")}, "eth2 eth3", 1},
		{"one", []Source{source(conf, "eth2")}, "eth2", 0},
		{"one and its flaw", []Source{source(conf, "eth3")}, "eth3", 1},
		{"two of one file", []Source{source(conf, "eth2"), source(conf, "eth3")}, "eth2 eth3", 1},
		{"none", []Source{source(conf, "eth9")}, `f: nothing in it is called "eth9": it has: eth2, eth3`, 0},
		{"networks", []Source{source(networks, "web"), source(networks, "b")}, `network "web" (Isolated) network "db" (Isolated)`, 0},
		{"network and interface", []Source{source(networks, "a"), source(conf, "eth2")}, `eth2 network "web" (Isolated)`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Load(tt.sources)
			got := ""
			if err != nil {
				got = err.Error() + ": " + err.(*Error).Hint()
			} else {
				var names []string
				for _, l := range s.Links {
					names = append(names, l.Name)
				}
				got = strings.Join(names, " ")
				if len(s.Flaws) != tt.flaws {
					t.Errorf("%d flaws, want %d: %+v", len(s.Flaws), tt.flaws, s.Flaws)
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
