package e2e

import (
	"bufio"
	"bytes"
	endian "encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"v6probe/internal/craft"
)

// TestScan reads a scan of a /64, a million solicitations from random sources for random targets, in whose middle one
// guest takes another's address. Both are told, the scan once, in less memory than a router has to spare.
func TestScan(t *testing.T) {
	needs(t)
	t.Parallel()
	file := filepath.Join(t.TempDir(), "scan.pcap")
	writeScan(t, file, 1_000_000)
	for _, args := range [][]string{{"nd", "-r", file, "-q"}, {"nd", "-r", file, "--json"}} {
		cmd := exec.Command(binary, args...)
		out, err := cmd.Output()
		if code := cmd.ProcessState.ExitCode(); code != 1 {
			t.Fatalf("%v: exit code %d (%v):\n%s", args, code, err, tail(string(out)))
		}
		const most = 64 << 10 // KiB
		if rss := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; rss > most {
			t.Errorf("%v: %d KiB of memory, want no more than %d", args, rss, most)
		}
		t.Logf("v6probe %s: %v of CPU time, %d KiB", strings.Join(args[3:], " "), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(),
			cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		r := result{code: 1, stdout: withoutMessages(out)}
		if args[3] != "--json" {
			contains(t, r.stdout, "ERROR   dad.conflict", "WARNING ns.flood")
			continue
		}
		r.parse(t)
		var told []string
		for _, l := range r.of("finding") {
			told = append(told, l.Rule)
		}
		if strings.Join(told, " ") != "ns.flood dad.conflict" {
			t.Errorf("findings %v, want the scan and the duplicate, each once", told)
		}
		contains(t, r.detail("dad.conflict"), prefix+"20", craft.GuestMAC, guest2MAC)
	}
}

// withoutMessages drops the messages of NDJSON, a million of which take long to parse.
func withoutMessages(out []byte) string {
	var b strings.Builder
	for line := range bytes.Lines(out) {
		if !bytes.HasPrefix(line, []byte(`{"type":"message"`)) {
			b.Write(line)
		}
	}
	return b.String()
}

func tail(s string) string { return s[max(0, len(s)-2000):] }

// writeScan writes a capture of n solicitations within ten seconds.
func writeScan(t *testing.T, name string, n int) {
	t.Helper()
	f, err := os.Create(name)
	check(t, err)
	w := bufio.NewWriterSize(f, 1<<20)
	w.Write(craft.PcapHeader())
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var record []byte
	write := func(at time.Duration, frame []byte) {
		record = craft.AppendPcapRecord(record[:0], start.Add(at), frame)
		w.Write(record)
	}
	random := rand.New(rand.NewPCG(1, 2))
	address := func() string {
		a := netip.MustParseAddr(prefix).As16()
		endian.BigEndian.PutUint64(a[8:], random.Uint64())
		return netip.AddrFrom16(a).String()
	}
	const span = 10 * time.Second
	at := func(i int) time.Duration { return span * time.Duration(i) / time.Duration(n) }
	for i := range n {
		switch i {
		case n / 2:
			write(at(i), craft.Frame(guest2MAC, "::", "ff02::1:ff00:20", craft.NS(prefix+"20", craft.Nonce([]byte("v6prob")))))
		case n/2 + 5000: // 50 ms later
			write(at(i), craft.Frame(craft.GuestMAC, prefix+"20", craft.AllNodes, craft.NA(0x20, prefix+"20", craft.TLLA(craft.GuestMAC))))
		default:
			target := address()
			a := netip.MustParseAddr(target).As16()
			group := netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]}).String()
			mac := craft.RouterMAC
			write(at(i), craft.Frame(mac, address(), group, craft.NS(target, craft.SLLA(mac))))
		}
	}
	check(t, w.Flush(), f.Close())
}
