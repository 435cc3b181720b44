package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// blocks returns the code of docs/ci.md in one language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/ci.md")
	check(t, err)
	var list []string
	for _, part := range strings.Split(string(doc), "\n```"+language+"\n")[1:] {
		code, _, ok := strings.Cut(part, "\n```")
		if !ok {
			t.Fatalf("a block of %s does not end", language)
		}
		list = append(list, code+"\n")
	}
	return list
}

// commands returns the commands in which a CI system is told to run v6probe.
func commands(t *testing.T) []string {
	t.Helper()
	type step struct {
		Run string `yaml:"run"`
	}
	var actions struct {
		Jobs map[string]struct {
			Steps []step `yaml:"steps"`
		} `yaml:"jobs"`
	}
	var gitlab map[string]struct {
		Script []string `yaml:"script"`
	}
	code := blocks(t, "yaml")
	if len(code) != 2 {
		t.Fatalf("%d blocks of YAML, want that of GitHub and that of GitLab", len(code))
	}
	check(t, yaml.Unmarshal([]byte(code[0]), &actions), yaml.Unmarshal([]byte(code[1]), &gitlab))
	var list []string
	for _, job := range actions.Jobs {
		for _, s := range job.Steps {
			if s.Run != "" {
				list = append(list, s.Run)
			}
		}
	}
	for _, job := range gitlab {
		list = append(list, job.Script...)
	}
	for _, sh := range blocks(t, "sh") {
		list = append(list, strings.Split(strings.TrimSpace(sh), "\n")...)
	}
	return list
}

// TestCIExamples runs what docs/ci.md tells to run, where all is well and where something is wrong.
func TestCIExamples(t *testing.T) {
	dir := t.TempDir()
	sh := func(command string) int {
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit):
			t.Logf("%s: %v\n%s", command, err, out)
			return exit.ExitCode()
		case err != nil:
			t.Fatal(err)
		}
		return 0
	}
	path, err := filepath.Abs(binary)
	check(t, err)
	good, err := filepath.Abs("../../fixtures/pcaps/radvd-isolated.pcap")
	check(t, err)
	bad, err := filepath.Abs("../../fixtures/pcaps/radvd-vpc-redundant-no-prefix.pcap")
	check(t, err)
	check(t, os.MkdirAll(filepath.Join(dir, "tools"), 0o755), os.MkdirAll(filepath.Join(dir, "captures", "vpc"), 0o755),
		os.Symlink(path, filepath.Join(dir, "tools", "v6probe")))
	write := func(name, text string) { check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)) }
	write("radvd.conf", "interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 5; MaxRtrAdvInterval 15; prefix fd17:625c:f037:2::1/64 { };\n"+
		"RDNSS 2001:db8::53 2001:db8:1::53 { AdvRDNSSLifetime 30; }; };\n")
	write("networks.json", `{"network":[{"id":"n1","name":"web","type":"Isolated","ip6cidr":"fd17:625c:f037:2::/64"}]}`)
	write("routers.json", `{"router":[{"id":"r1","name":"r-1-VM","nic":[{"networkid":"n1","macaddress":"02:00:3e:12:00:01"}]}]}`)
	write("Makefile", strings.Join(blocks(t, "make"), "\n"))
	if code := sh("cp " + good + " captures/web.pcapng && tools/v6probe expect init -r captures/web.pcapng -o captures/web.expect.yaml"); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	list := append(commands(t), "make check-ipv6", "make accept-ipv6")
	if len(list) < 8 {
		t.Fatalf("commands %q", list)
	}
	for _, command := range list {
		if code := sh(command); code != 0 {
			t.Errorf("%s: exit code %d where all is well", command, code)
		}
	}
	for name, want := range map[string]string{"v6probe.xml": `tests="1"`, "v6probe.sarif": `"version":"2.1.0"`} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		check(t, err)
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s: %s", name, text)
		}
	}
	sh("cp " + bad + " captures/web.pcapng")
	for _, command := range list {
		want := 1
		switch {
		case strings.Contains(command, "--fail-on never"), strings.Contains(command, "accept"):
			want = 0
		case strings.HasPrefix(command, "make"):
			want = 2 // as make does
		}
		if code := sh(command); code != want {
			t.Errorf("%s: exit code %d, want %d where a prefix is missing", command, code, want)
		}
	}
	if code := sh("make check-ipv6"); code != 0 {
		t.Errorf("exit code %d after it was accepted", code)
	}
}
