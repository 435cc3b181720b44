package expect

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestRadvdFlaws is about files that radvd takes, and that are hardly meant.
func TestRadvdFlaws(t *testing.T) {
	for _, tt := range []struct{ options, want string }{
		{"AdvCurHopLimit 300;", "3 warning radvd sends 44 for AdvCurHopLimit 300, as that does not fit"},
		{"AdvDefaultPreference -2;", "3 warning AdvDefaultPreference -2 makes radvd send the reserved value 10"},
		{"lowpanco { AdvContextID 17; };", "3 warning radvd sends 1 for AdvContextID 17, as that does not fit"},
		{"abro fe80::1 { };\nabro fe80::2 { };", "4 warning radvd sends the option of the first such block only, in line 3"},
		{"DNSSL a..b { };", `3 warning radvd sends the search domain "a..b" damaged: a label of it is empty`},
		{"DNSSL . { };", `3 warning radvd sends the search domain "." damaged: a label of it is empty`},
		{"DNSSL " + strings.Repeat("a", 64) + " { };", `3 warning radvd sends the search domain "` + strings.Repeat("a", 40) +
			`"… damaged: a label of it is longer than 63 bytes`},
		{"DNSSL " + strings.Repeat("abc.", 64) + "org { };", `3 warning radvd sends the search domain "` + strings.Repeat("abc.", 10) +
			`"… damaged: it is longer than 253 bytes`},
		{"advManagedflag\ton;", "3 info radvd before 2.20 refuses this file: it knows AdvManagedFlag, and no other spelling"},
		{"AdvManagedFlag ON;", "3 info radvd before 2.20 refuses this file: it knows on, and no other spelling"},
		{"AdvManagedFlag on;\nRemoveAdvOnExit on; nat64prefix 64:ff9b::/96;",
			"4 info radvd before 2.20 refuses this file: it does not know RemoveAdvOnExit"},
		{"nat64prefix 64:ff9b::/96;", "3 info radvd before 2.20 refuses this file: it does not know nat64prefix"},
		{"RDNSS 1:: 2:: 3:: 4:: { AdvRDNSSLifetime 600; };",
			"3 info radvd before 2.20 refuses this file: it takes at most 3 addresses in an RDNSS block"},
		{"clients { !fe80::1; };", `3 info radvd before 2.20 refuses this file: it takes no "!fe80::1"`},
		{"abro fe80::1 { AdvValidLifetime 3; };",
			"3 info radvd before 2.20 refuses this file: it knows AdvValidLifeTime, and no other spelling"},
		{"AdvCaptivePortalAPI urn:" + strings.Repeat("a", 252) + ";",
			"3 warning radvd cuts the URI of the captive portal after 254 characters|" +
				"3 info radvd before 2.20 refuses this file: it does not know AdvCaptivePortalAPI"},
	} {
		var all []string
		for _, f := range readRadvd(t, inBlock(tt.options)).Flaws {
			if f.Link != "eth0" || f.Rule != "expect.source" {
				t.Errorf("%s: flaw %+v", tt.options, f)
			}
			all = append(all, fmt.Sprint(f.Place.Line, " ", f.Severity, " ", f.Detail))
		}
		if got := strings.Join(all, "|"); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.options, got, tt.want)
		}
	}
	s := readRadvd(t, "interface a { AdvSendAdvert on; };\ninterface b { advsendadvert on; }; interface c { AdvSendAdvert on; };\n")
	if len(s.Flaws) != 1 || s.Flaws[0].Link != "b" {
		t.Errorf("flaws %+v, want one of b", s.Flaws)
	}
}

func TestRadvdErrors(t *testing.T) {
	for _, tt := range radvdErrors {
		_, err := parseRadvd(Source{Name: "radvd.conf", Data: []byte(tt.config)})
		var e *Error
		if !errors.As(err, &e) || e.Error() != tt.want || e.Hint() != tt.hint {
			hint := ""
			if e != nil {
				hint = e.Hint()
			}
			t.Errorf("%q:\n got %v\n     %s\nwant %s\n     %s", tt.config, err, hint, tt.want, tt.hint)
		}
	}
}
