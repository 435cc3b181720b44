package vr

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// files writes files below a folder of the test's and returns it.
func files(t *testing.T, all map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range all {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestReadRole(t *testing.T) {
	const vpc = `{"id":"cmdline","config":{"type":"vpcrouter","redundant_router":"true","name":"r-7-VM","privategateway":1}}`
	for _, c := range []struct {
		name      string
		files     map[string]string
		typ       string // --type
		want      string
		redundant bool
		guests    string
		public    string
		gateway   string // of the interface before the blank
	}{
		{name: "nothing"},
		{name: "VPC", files: map[string]string{commandLineJSON: vpc}, want: VPC, redundant: true},
		{name: "by the kernel's command line", files: map[string]string{
			commandLine: " template=domP name=r-4-VM type=router redundant_router=true guestgw6=fd17::1 disable_rp_filter=true\n"},
			want: Isolated, redundant: true, gateway: "eth0 fd17::1"},
		{name: "shared", files: map[string]string{commandLine: "type=dhcpsrvr"}, want: Shared},
		{name: "the user knows better", files: map[string]string{commandLineJSON: vpc}, typ: Shared, want: Shared, redundant: true},
		{name: "another system VM", files: map[string]string{commandLine: "type=consoleproxy redundant_router=true"}},
		{name: "damaged", files: map[string]string{commandLineJSON: vpc[:40], addressesJSON: "[1]", guestsJSON: `{"eth2":[3]}`}},
		{name: "interfaces", files: map[string]string{commandLineJSON: vpc,
			addressesJSON: `{"id":"ips","eth3":[{"nw_type":"guest","add":true}],"eth2":[{"nw_type":"guest","add":true}],
				"eth4":[{"nw_type":"guest","add":false}],"eth1":[{"nw_type":"public","add":true}],"eth0":[{"nw_type":"control","add":true}]}`,
			guestsJSON: `{"id":"guestnetwork","eth2":[{"router_guest_ip6_gateway":"fd17::1","cidr6":"fd17::/64","add":true}]}`},
			want: VPC, redundant: true, guests: "eth2 eth3", public: "eth1", gateway: "eth2 fd17::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := readRole(Options{Root: files(t, c.files), Type: c.typ})
			if r.Type != c.want || r.Redundant != c.redundant || strings.Join(r.Guests, " ") != c.guests || r.Public != c.public {
				t.Errorf("%+v", r)
			}
			if name, want, _ := strings.Cut(c.gateway, " "); c.gateway != "" && r.Gateways[name] != addr(want) || c.gateway == "" && len(r.Gateways) > 0 {
				t.Errorf("gateways %v", r.Gateways)
			}
		})
	}
}

func TestBackup(t *testing.T) {
	yes, no := true, false
	up, down := &Interface{}, &Interface{}
	up.Name, up.Up, down.Name = "eth2", true, "eth2"
	for _, c := range []struct {
		name      string
		redundant bool
		options   Options
		public    *Interface
		want      bool
	}{
		{"alone", false, Options{}, down, false},
		{"primary", true, Options{}, up, false},
		{"backup", true, Options{}, down, true},
		{"unknown", true, Options{}, nil, false},
		{"said to be", false, Options{Backup: &yes}, up, true},
		{"said not to be", true, Options{Backup: &no}, down, false},
	} {
		r := Role{Redundant: c.redundant}
		if r.settle(c.options, c.public); r.Backup != c.want {
			t.Errorf("%s: backup is %v", c.name, r.Backup)
		}
	}
}

func TestConfigOf(t *testing.T) {
	for _, c := range []struct{ line, directory, want string }{
		{"/usr/sbin/radvd", "/", "/etc/radvd.conf"},
		{"radvd -C /etc/a.conf -n", "/", "/etc/a.conf"},
		{"radvd -n -C a.conf", "/var/lib", "/var/lib/a.conf"},
		{"radvd -C/etc/a.conf", "/", "/etc/a.conf"},
		{"radvd --config /etc/a.conf", "/", "/etc/a.conf"},
		{"radvd --config=../a.conf", "/var/lib", "/var/a.conf"},
		{"radvd -C", "/", "/etc/radvd.conf"},
	} {
		if got := configOf(strings.Fields(c.line), c.directory); got != c.want {
			t.Errorf("%s: %s, want %s", c.line, got, c.want)
		}
	}
}

func TestLoad(t *testing.T) {
	root := files(t, map[string]string{
		"good": "# by CloudStack\n\nInterface eth0 { AdvSendAdvert on; };\n", "empty": "# nothing\n\n", "other": "\n# x\ninterfac eth0 { };\n",
		"broken": "interface eth0 {\n\tAdvSendAdvert;\n};\n", "large": strings.Repeat("#", maxFile+1),
	})
	for _, c := range []struct{ name, problem string }{
		{"good", ""}, {"empty", "FILE: there is nothing in it"}, {"other", "FILE:3: it does not begin with an interface block"},
		{"broken", "FILE:2:15: "}, {"large", "larger than 1 MiB"},
	} {
		r := Radvd{File: filepath.Join(root, c.name)}
		r.load(r.File)
		want := strings.ReplaceAll(c.problem, "FILE", r.File)
		if (r.State == nil) != (c.problem != "") || !strings.Contains(r.Problem, want) || c.problem == "" && r.Problem != "" || r.Missing {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	r := Radvd{File: filepath.Join(root, "nosuch")}
	if r.load(r.File); !r.Missing || r.Problem != "" || r.State != nil {
		t.Errorf("no file: %+v", r)
	}
	r = Radvd{File: root}
	if r.load(root); r.Problem != root+": is a directory" {
		t.Errorf("a directory: %q", r.Problem)
	}
}

func TestInterval(t *testing.T) {
	s := isolated(t)
	s.Guests = []string{"eth0"}
	if got := s.Interval().Seconds(); got != 15 {
		t.Errorf("%v s", got)
	}
	s.radvd(t, strings.Replace(radvdConf, "15", "40", 1)+strings.ReplaceAll(strings.ReplaceAll(radvdConf, "15", "90"), "eth0", "eth9"))
	if got := s.Interval().Seconds(); got != 40 {
		t.Errorf("%v s", got)
	}
	s.Radvd.State = nil
	if got := s.Interval(); got != cloudStackInterval {
		t.Errorf("without a configuration: %v", got)
	}
}

func TestSome(t *testing.T) {
	for _, c := range []struct {
		n    int
		want string
	}{{0, "none"}, {1, "a"}, {2, "a and b"}, {6, "a, b, c, d, e and f"}, {8, "a, b, c, d, e, f and 2 more"}} {
		if got := some(strings.Split("abcdefgh", "")[:c.n]); got != c.want {
			t.Errorf("%d: %s", c.n, got)
		}
	}
	if got := names([]string{"eth0", "a\x1b[31m"}); got != `eth0 and "a\x1b[31m"` {
		t.Error(got)
	}
	if slices.Contains([]string{printable("é"), printable("eth0")}, `"é"`) {
		t.Error("letters are quoted")
	}
}

// FuzzRole reads files of any content.
func FuzzRole(f *testing.F) {
	f.Add([]byte(`{"config":{"type":"router"},"eth0":[{"nw_type":"guest","add":true,"router_guest_ip6_gateway":"fd17::1"}]}`))
	f.Add([]byte("type=router redundant_router=true guestgw6=fd17::1"))
	f.Add([]byte("interface eth0 { AdvSendAdvert on; };"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := (&roleFiles{b, b, b, b}).role("")
		if r.Type != "" && r.Type != Isolated && r.Type != VPC && r.Type != Shared {
			t.Errorf("type %q", r.Type)
		}
		for name, a := range r.Gateways {
			if !a.Is6() || a.Zone() != "" {
				t.Errorf("gateway of %q: %v", name, a)
			}
		}
		c := Radvd{File: "radvd.conf"}
		if c.parse(b); (c.State == nil) != (c.Problem != "") {
			t.Errorf("%+v", c)
		}
	})
}
