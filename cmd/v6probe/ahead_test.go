package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"v6probe/internal/capture"
	"v6probe/internal/conform"
	"v6probe/internal/craft"
	"v6probe/internal/expect"
	"v6probe/internal/nd"
	"v6probe/internal/pipeline"
	"v6probe/internal/pmtu"
	"v6probe/internal/ra"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// alone tells what a command writes as NDJSON for a capture, judged by one goroutine or, if ahead is set, by two.
func alone(t *testing.T, command string, file []byte, ahead bool) string {
	t.Helper()
	filter := capture.Filter{Large: command != "ra", TCP: command == "pmtu"}
	source, err := capture.OpenFile("-", bytes.NewReader(file), filter)
	if err != nil {
		return err.Error()
	}
	defer source.Close()
	var out bytes.Buffer
	f := &sourceFlags{json: true}
	o := newOutput(&out, report.Style{}, report.NewProgress(io.Discard, nil, true))
	var v view
	switch command {
	case "ra":
		v = &raView{Checker: ra.New(ra.Options{}), progress: o.progress}
	case "nd":
		v = &ndView{nd: nd.New(), ra: ra.New(ra.Options{}), want: conform.New(&expect.State{}), tally: rule.NewTally(), progress: o.progress}
	case "pmtu":
		v = &pathsView{Checker: pmtu.NewChecker(), nd: nd.New(), tally: rule.NewTally()}
	}
	r, err := pipeline.Run(t.Context(), pipeline.Options{Source: source, Checker: v, Sink: newSink(f, v, o), Wanted: v.wanted,
		Large: filter.Large, TCP: filter.TCP, Flush: o.flush, Ahead: ahead})
	sum := report.Summary{Stats: r.Stats, Messages: r.Messages, Cut: r.Cut, Tally: r.Tally}
	v.summary(&sum)
	if err != nil {
		sum.Damage = err.Error()
	}
	if err := f.tell(o, v, sum, outcome{Result: r}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestAheadFixtures: over every capture of fixtures, as it is and with some of its bytes changed, two goroutines write what
// one writes, byte for byte.
func TestAheadFixtures(t *testing.T) {
	files, err := filepath.Glob("../../fixtures/pcaps/*.pcap*")
	if err != nil || len(files) < 400 {
		t.Fatalf("%d captures, %v", len(files), err)
	}
	rng := rand.New(rand.NewPCG(8, 8))
	for _, name := range files {
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 2 {
			file := bytes.Clone(whole)
			for range 8 * n {
				if len(file) > 48 {
					file[24+rng.IntN(len(file)-24)] = byte(rng.Uint32())
				}
			}
			for _, command := range []string{"ra", "nd", "pmtu"} {
				if one, two := alone(t, command, file, false), alone(t, command, file, true); one != two {
					t.Errorf("%s of %s, changed %d times: not the same\n%s", command, filepath.Base(name), 8*n, difference(one, two))
				}
			}
		}
	}
}

// difference returns the first lines that differ.
func difference(one, two string) string {
	a, b := strings.Split(one, "\n"), strings.Split(two, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d:\n%.500s\n%.500s", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(a), len(b))
}

// TestWorkers runs the commands on captures so large that on two processors the file is read, decoded and judged by three
// goroutines: what they write is what they write on one, byte for byte, damage included.
func TestWorkers(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(9, 9))
	whole := largeCapture(t)
	for n := range 3 {
		file := bytes.Clone(whole)
		for range 200 * n { // in the packets; the second time also a header
			file[len(file)/4+rng.IntN(len(file)/2)] ^= byte(1 + rng.IntN(255))
		}
		name := filepath.Join(dir, fmt.Sprintf("%d.pcap", n))
		if err := os.WriteFile(name, file, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"ra"}, {"ra", "--json"}, {"ra", "-v"}, {"nd"}, {"nd", "--json"}, {"nd", "-v"}, {"pmtu", "--json"}} {
			args = append(args, "-r", name)
			one, two := on(t, 1, args), on(t, 2, args)
			if one != two {
				t.Errorf("%v: not the same\n%s", args, difference(one, two))
			}
			if len(one) < 1000 {
				t.Errorf("%v: %s", args, one)
			}
		}
	}
}

// on runs a command with so many processors and returns all that it writes, and its exit code.
func on(t *testing.T, processors int, args []string) string {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
	var out, errs bytes.Buffer
	code := execute(t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &errs})
	return fmt.Sprintf("%s%sexit code %d\n", &out, &errs, code)
}

// largeCapture is a pcap file of 10 MiB: the frames of the fixtures again and again, and among them the traffic of a busy port.
func largeCapture(t *testing.T) []byte {
	t.Helper()
	files, err := filepath.Glob("../../fixtures/pcaps/*.pcap")
	if err != nil {
		t.Fatal(err)
	}
	file := craft.PcapHeader()
	mixed := craft.NewMixed(3)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	add := func(data []byte) {
		at = at.Add(time.Millisecond)
		file = craft.AppendPcapRecord(file, at, data)
	}
	for len(file) < 10<<20 {
		for _, name := range files {
			whole, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if len(whole) < 24 || !bytes.Equal(whole[:4], file[:4]) || whole[20] != 1 {
				continue
			}
			for rest := whole[24:]; len(rest) >= 16; {
				n := int(binary.LittleEndian.Uint32(rest[8:]))
				if n > len(rest)-16 {
					break
				}
				add(rest[16 : 16+n])
				rest = rest[16+n:]
			}
			for range 20 {
				_, data := mixed.Next()
				add(data)
			}
		}
	}
	return file
}
