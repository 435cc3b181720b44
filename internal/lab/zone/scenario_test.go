package zone

import (
	"slices"
	"testing"
	"time"
)

func TestScenariosAreSound(t *testing.T) {
	all, err := Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 40 {
		t.Errorf("there are %d scenarios", len(all))
	}
	for _, s := range all {
		if s.Loss > 0 && s.Within > 0 {
			t.Errorf("%s: with loss no time is promised", s.Name)
		}
		if s.Loss == 0 && s.Within == 0 {
			t.Errorf("%s: says nothing of the time", s.Name)
		}
		if (s.Second != nil) != slices.Contains(s.Args, "--flows") {
			t.Errorf("%s: two paths and --flows belong together", s.Name)
		}
	}
}

func TestParseFillsIn(t *testing.T) {
	const file = `about: All that can be said.
underlay: {family: 6}
links:
  r1-r2: {mtu: 1400}
  r2-server: {mtu: 1450, return: 1300}
drop:
  - {at: r1, hook: output, what: packet-too-big, rate: 1}
args: [--flows, "8"]
within: 1.5s
truth: {mtu: 1400, hops: [2], findings: []}
`
	s, err := Parse("dir/one.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ got, want int }{
		"guest":      {s.Guest, 1450},
		"overlay":    {s.Overlay, 1450},
		"underlay":   {s.Underlay.MTU, 1520},
		"port":       {s.Underlay.Port, 8472},
		"vr-r1":      {s.Links.VRR1.MTU, 1500},
		"r1-r2":      {s.Links.R1R2.Return, 1400},
		"r2-server":  {s.Links.R2Server.Return, 1300},
		"rate":       {s.Drop[0].Rate, 1},
		"return_mtu": {s.Truth.ReturnMTU, 1400},
	} {
		if c.got != c.want {
			t.Errorf("%s is %d, want %d", what, c.got, c.want)
		}
	}
	if s.Name != "one" || !slices.Equal(s.Args, []string{"--flows", "8"}) || s.Within != 1500*time.Millisecond {
		t.Errorf("name %q, args %q, within %v", s.Name, s.Args, s.Within)
	}
	if s.Truth.Findings == nil {
		t.Error("that there are no findings is not told from not saying so")
	}
	if s, err = Parse("", []byte("about: jumbo\nguest: 9000\ntruth: {mtu: 9000}\n")); err != nil {
		t.Fatal(err)
	}
	if s.Truth.Findings != nil || s.Underlay.MTU != 9050 || s.Links.VRR1.MTU != 9000 {
		t.Errorf("findings %v, underlay %d, vr-r1 %d", s.Truth.Findings, s.Underlay.MTU, s.Links.VRR1.MTU)
	}
}

func TestParseSaysWhere(t *testing.T) {
	const good = "about: a case\n"
	for _, c := range []struct{ file, want string }{
		{good + "gest: 1500\n", `x.yaml:2:1: unknown field "gest"`},
		{good + "links:\n  r1-r2: {mtu: 1400, switsch: 1}\n", `x.yaml:3:22: unknown field "switsch"`},
		{good + "guest: 1500\nguest: 1400\n", `x.yaml:3:1: mapping key "guest" already defined at [2:1]`},
		{good + "guest: wide\n", `x.yaml:2:8: cannot unmarshal string into Go struct field Scenario.Guest of type int`},
		{good + "within: soon\ntruth: {mtu: 1400}\n", `x.yaml:2:9: time: invalid duration "soon"`},
		{good + "truth: {mtu: [\n", `x.yaml:2:14: sequence end token ']' not found`},
		{"", `x.yaml:1:1: about is missing: say what the case is`},
		{good, `x.yaml:1:1: truth.mtu is 0, no size from 1280 to 9216`},
		{good + "truth: {mtu: 1279}\n", `x.yaml:2:14: truth.mtu is 1279, no size from 1280 to 9216`},
		{good + "guest: 9300\n", `x.yaml:2:8: guest is 9300, no size from 1280 to 9216`},
		{good + "truth: {mtu: 1400}\nlinks:\n  vr-r1: {mtu: 1400, return: 12}\n",
			`x.yaml:4:30: links.vr-r1.return is 12, no size from 1280 to 9216`},
		{good + "truth: {mtu: 1400}\nlinks:\n  vr-r1: {switch: 99}\n",
			`x.yaml:4:19: links.vr-r1.switch is 99, no size from 1280 to 9216`},
		{good + "truth: {mtu: 1400}\nsecond: {mtu: 1}\n", `x.yaml:3:15: second.mtu is 1, no size from 1280 to 9216`},
		{good + "truth: {mtu: 1400}\nliar: {says: 1300}\n", `x.yaml:3:7: liar.above is 0, no size from 1280 to 9216`},
		{good + "truth: {mtu: 1400}\nforger: {says: -1}\n", `x.yaml:3:16: forger.says is -1, no size from 1 to 9216`},
		{good + "truth: {mtu: 1400}\nunderlay: {family: 5}\n", `x.yaml:3:20: family is 5, not 4 or 6`},
		{good + "truth: {mtu: 1400}\nunderlay: {port: 65536}\n", `x.yaml:3:18: 65536 is no UDP port`},
		{good + "truth: {mtu: 1400}\nloss: 100\n", `x.yaml:3:7: 100 is no percentage from 0 to 99`},
		{good + "truth: {mtu: 1400}\nsecond_return: true\n", `x.yaml:3:16: second_return without a second path`},
		{good + "truth: {mtu: 1400}\nwithin: -1s\n", `x.yaml:3:9: within is negative`},
		{good + "truth: {mtu: 1400}\ndrop:\n  - {at: r3, hook: input, what: udp}\n",
			`x.yaml:4:10: "r3" is none of guest, vr, r1, r2, server`},
		{good + "truth: {mtu: 1400}\ndrop:\n  - {at: r1, what: udp}\n",
			`x.yaml:4:5: "" is none of input, forward, output`},
		{good + "truth: {mtu: 1400}\ndrop:\n  - {at: r1, hook: input, what: tcp}\n",
			`x.yaml:4:33: "tcp" is nothing that can be dropped`},
		{good + "truth: {mtu: 1400}\ndrop:\n  - {at: r1, hook: input, what: udp, rate: -1}\n", `x.yaml:4:44: rate is negative`},
		{good + "truth: {mtu: 1451}\n", `x.yaml:2:14: mtu is 1451, more than the guest's 1450`},
		{good + "truth: {mtu: 1400, black_hole: true, after: 2, before: 2}\n",
			`x.yaml:2:56: no hole can be after hop 2 and before hop 2`},
		{good + "truth: {mtu: 1400, before: 3}\n", `x.yaml:2:28: after and before are of a black hole`},
		{good + "truth: {mtu: 1400, hops: [2, 1]}\n", `x.yaml:2:30: hop 1 is no router behind the one before`},
		{good + "truth: {mtu: 1400, hops: [4]}\n", `x.yaml:2:27: hop 4 is no router behind the one before`},
		{good + "truth: {mtu: 1400, flows: [1400]}\n", `x.yaml:2:27: one flow is no comparison`},
		{good + "truth: {mtu: 1400, flows: [1400, 1]}\n", `x.yaml:2:34: truth.flows[1] is 1, no size from 1280 to 9216`},
	} {
		if s, err := Parse("x.yaml", []byte(c.file)); err == nil {
			t.Errorf("%q gives %+v, want %s", c.file, s, c.want)
		} else if err.Error() != c.want {
			t.Errorf("%q:\ngot  %v\nwant %s", c.file, err, c.want)
		}
	}
}
