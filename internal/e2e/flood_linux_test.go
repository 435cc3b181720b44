package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// floodEnv is the environment variable that makes the floods last longer, "60s".
const floodEnv = "V6PROBE_FLOOD"

// floodFor is how long the floods last.
func floodFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv(floodEnv)
	if text == "" {
		return 8 * time.Second
	}
	d, err := time.ParseDuration(text)
	check(t, err)
	return d
}

// underFlood runs v6probe with its output in a file. When it has heard the router once a tool of thc-ipv6 floods from the other
// end. It returns what v6probe said, without the messages that keep does not want, and what the router advertised in the flood.
func underFlood(t *testing.T, guest, vr *lab.Namespace, tool []string, keep func(line []byte) bool, args ...string) (r result, sent int) {
	t.Helper()
	// All namespaces share one neighbor table, which other tests need: this guest has no IPv6 to fill it with.
	check(t, guest.Sysctl("ipv6/conf/eth0/disable_ipv6", "1"))
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	check(t, err)
	defer file.Close()
	stderr := newOutput()
	probe := exec.Command(binary, args...)
	probe.Stdout, probe.Stderr = file, stderr
	check(t, guest.Start(probe))
	defer probe.Process.Kill()
	check(t, stderr.await(within(t, 20*time.Second), "listening on"))
	l, err := guest.Listen("eth0")
	check(t, err)
	_, err = l.Await(within(t, 20*time.Second), lab.ICMPv6Type(134)) // the flood comes upon a router that is known
	l.Close()
	check(t, err)

	before := advertised(t, vr)
	flood := exec.Command(tool[0], tool[1:]...)
	check(t, vr.Start(flood))
	defer flood.Process.Kill()
	end := time.AfterFunc(floodFor(t), func() { flood.Process.Kill() })
	defer end.Stop()
	flood.Wait()
	sent = advertised(t, vr) - before
	check(t, probe.Process.Signal(syscall.SIGINT))
	probe.Wait()

	const most = 64 << 10 // KiB
	if rss := probe.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; rss > most {
		t.Errorf("%v: %d KiB of memory, want no more than %d", args, rss, most)
	} else {
		t.Logf("%v: %d KiB of memory", args, rss)
	}
	r = result{code: probe.ProcessState.ExitCode(), stderr: stderr.String()}
	_, err = file.Seek(0, 0)
	check(t, err)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	var kept strings.Builder
	for lines.Scan() {
		if keep == nil || keep(lines.Bytes()) {
			kept.Write(append(lines.Bytes(), '\n'))
		}
	}
	check(t, lines.Err())
	r.stdout = kept.String()
	return r, sent
}

// advertised returns how many RAs the kernel of a namespace has sent for its daemon; those of a flood do not pass there.
func advertised(t *testing.T, ns *lab.Namespace) int {
	t.Helper()
	counters, err := ns.Output(within(t, 20*time.Second), "cat", "/proc/net/snmp6")
	check(t, err)
	for text := range strings.Lines(counters) {
		var n int
		if c, _ := fmt.Sscanf(text, "Icmp6OutType134 %d", &n); c == 1 {
			return n
		}
	}
	return 0
}

// quick is the configuration of a radvd that speaks every three to four seconds.
func quick() string {
	return strings.NewReplacer("MinRtrAdvInterval 5", "MinRtrAdvInterval 3", "MaxRtrAdvInterval 15", "MaxRtrAdvInterval 4").
		Replace(lab.CloudStackRadvd("eth0", gateway, dns1, dns2))
}

// notFlooded keeps the lines of --json that are not messages of others than the router.
func notFlooded(line []byte) bool {
	return !bytes.HasPrefix(line, []byte(`{"type":"message"`)) || bytes.Contains(line, []byte(`"source":"`+craft.RouterLL+`"`))
}

// TestRouterFlood: in a flood of routers, each of which advertises a prefix of its own, the flood is told once, memory
// stays within bounds, and every RA of the real router is told, however many strangers are let go, unless the processors are so
// busy that frames of known senders were lost, which is told too. The text has it before the strangers.
func TestRouterFlood(t *testing.T) {
	needs(t, "radvd", "atk6-flood_router6")
	for _, form := range []string{"", "-H"} {
		t.Run("flood_router6"+form, func(t *testing.T) {
			guest, vr := isolated(t)
			radvdHeard(t, guest, vr, quick())
			tool := strings.Fields("atk6-flood_router6 " + form + " eth0")
			r, sent := underFlood(t, guest, vr, tool, notFlooded, "ra", "-i", "eth0", "--passive", "--timeout", "0", "--json")
			r.parse(t)
			lost := lostFrames(t, r)
			t.Logf("lost frames: %+v", lost)
			if heard := len(r.advertisements()); sent < 2 || heard < sent && !lost.known() {
				t.Errorf("%d RAs of the router told, it sent %d; lost frames: %+v", heard, sent, lost)
			}
			once(t, r, "ra.flood")

			r, sent = underFlood(t, guest, vr, tool, nil, "ra", "-i", "eth0", "--passive", "--timeout", "0", "--color", "never")
			if n := strings.Count(r.stdout, "WARNING ra.flood"); n != 1 {
				t.Errorf("ra.flood is told %d times", n)
			}
			words := strings.ReplaceAll(strings.Join(strings.Fields(r.stdout), " "), "errors of new or flooding senders", "")
			known := strings.Contains(words, "the kernel dropped") || strings.Contains(words, "redirects and errors")
			if at := strings.Index(r.stdout, "\nRouter "); !known && sent >= 2 && (at < 0 || !strings.HasPrefix(r.stdout[at:], "\nRouter "+craft.RouterLL+" ")) {
				t.Errorf("the real router is not the first:\n%.2000s", r.stdout)
			}
		})
	}
}

// TestSolicitationFlood: in a flood of solicitations the flood is told once, and memory stays within bounds.
func TestSolicitationFlood(t *testing.T) {
	needs(t, "radvd", "atk6-flood_solicitate6")
	guest, vr := isolated(t)
	radvdHeard(t, guest, vr, quick())
	r, sent := underFlood(t, guest, vr, []string{"atk6-flood_solicitate6", "eth0"}, notFlooded, "nd", "-i", "eth0", "--timeout", "0", "--json")
	r.parse(t)
	once(t, r, "ns.flood")
	t.Logf("%d RAs sent; lost frames: %+v", sent, lostFrames(t, r))
	r, sent = underFlood(t, guest, vr, []string{"atk6-flood_solicitate6", "eth0"}, notFlooded, "ra", "-i", "eth0", "--passive", "--timeout", "0", "--json")
	r.parse(t)
	if heard := len(r.advertisements()); sent < 2 || heard < sent && !lostFrames(t, r).known() {
		t.Errorf("%d RAs of the router told, it sent %d", heard, sent)
	}
	r.want(t, 0)
}

// once wants a rule told by one finding.
func once(t *testing.T, r result, id string) {
	t.Helper()
	n := 0
	for _, f := range r.of("finding") {
		if f.Rule == id {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%s is told %d times:\n%.3000s", id, n, r.stdout)
	}
}

// lost is how many frames the kernel dropped and v6probe shed.
type lost struct {
	Dropped uint64 `json:"kernel_drops"`
	Shed    struct{ Total, Vital uint64 }
}

// known reports whether there may be some of a known router among them.
func (l lost) known() bool { return l.Dropped+l.Shed.Vital > 0 }

// lostFrames returns what was lost, by the summary.
func lostFrames(t *testing.T, r result) (l lost) {
	t.Helper()
	check(t, json.Unmarshal([]byte(r.of("summary")[0].raw), &l))
	return l
}
