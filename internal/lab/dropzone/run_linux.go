package dropzone

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Result is what came of a case.
type Result struct {
	Kernel      Version
	Differences []string // between the truth and what v6probe said, in words; none where all is well
	Records     []Record // what v6probe counted in the namespaces of the case, the last of each place
	Output      string   // NDJSON, whole
	Diagnostics string   // standard error, whole
}

// Record is a line of v6probe's NDJSON: a drop, a finding or the summary.
type Record struct {
	Kind     string   `json:"type"`
	Class    string   `json:"class"`
	Packets  uint64   `json:"packets"`
	Total    uint64   `json:"total"`
	Type     uint8    `json:"icmp_type"`
	Code     uint8    `json:"code"`
	Reason   string   `json:"reason"`
	Hook     string   `json:"hook"`
	Location string   `json:"location"`
	Callers  []string `json:"callers"`
	Iface    string   `json:"iface"`
	Arrived  string   `json:"arrived"`
	NetNS    string   `json:"netns"`
	VLAN     int      `json:"vlan"`
	VNI      int      `json:"vni"`
	Flags    []string `json:"flags"`
	Why      string   `json:"why"`
	Rule     string   `json:"rule"`

	Unread   uint64      `json:"unread"` // these are of the summary
	MapFull  uint64      `json:"map_full"`
	Missed   uint64      `json:"missed"`
	NotDrops []statement `json:"not_drops"`
}

type statement struct {
	Iface string `json:"iface"`
	Text  string `json:"text"`
}

// Run builds the network of a case, runs the v6probe binary on it until it has counted what is lost, and compares. An
// error is about the attempt; a *Missing among them says what the machine lacks. The context bounds the waiting: what was
// not counted by then is a difference.
func Run(ctx context.Context, binary string, c Case) (r Result, err error) {
	if r.Kernel, err = Kernel(); err != nil {
		return r, err
	}
	if r.Kernel.less(c.Since) {
		return r, &Missing{What: "a kernel from " + c.Since.String() + " on", Kernel: true, Err: fmt.Errorf("this is %v", r.Kernel)}
	}
	n := newNetwork(ctx)
	defer func() { err = errors.Join(err, n.close()) }()
	c.build(n)
	where := c.Inside
	if where == "" {
		where = "mark"
	}
	n.markable(where)
	if n.err != nil {
		return r, fmt.Errorf("build %s: %w", c.Name, n.err)
	}
	p, err := startProbe(ctx, n, binary, c.Inside)
	if err != nil {
		return r, err
	}
	for _, send := range n.send {
		err = errors.Join(err, send())
	}
	err = errors.Join(err, mark(n.spaces[where]))
	if err == nil {
		for _, verify := range n.verify {
			err = errors.Join(err, verify())
		}
		p.await(ctx, func(all []Record) bool { return marked(all) && c.reached(n, r.Kernel, all) })
	}
	err = errors.Join(err, p.stop())
	r.Output, r.Diagnostics = p.output.String(), p.diagnostics.String()
	r.Records, r.Differences = c.compare(n, r.Kernel, p.records)
	return r, err
}

// Kernel returns the version of the running kernel.
func Kernel() (v Version, err error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return v, fmt.Errorf("uname: %w", err)
	}
	release := unix.ByteSliceToString(name.Release[:])
	if _, err := fmt.Sscanf(release, "%d.%d", &v.Major, &v.Minor); err != nil {
		return v, fmt.Errorf("kernel release %q: %w", release, err)
	}
	return v, nil
}

// probe is a running v6probe drops.
type probe struct {
	cmd         *exec.Cmd
	output      bytes.Buffer
	diagnostics text
	records     []Record
	more        chan Record // closed at the end of the output
	broken      error       // of the output; to be read when more is closed
}

// startProbe starts v6probe and waits until it is counting. inside is the part of the network to run it in, or "".
func startProbe(ctx context.Context, n *network, binary, inside string) (*probe, error) {
	args := []string{"drops", "--json", "--for", "0", "--interval", "200ms"}
	if inside == "" {
		args = append(args, "--netns", "all")
	}
	p := &probe{cmd: exec.Command(binary, args...), more: make(chan Record, 64)}
	p.diagnostics.ready = make(chan struct{})
	p.cmd.Stderr = &p.diagnostics
	stdout, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout = w
	start := p.cmd.Start
	if inside != "" {
		start = func() error { return n.spaces[inside].Start(p.cmd) }
	} else {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if err := errors.Join(start(), w.Close()); err != nil {
		return nil, errors.Join(err, stdout.Close())
	}
	go p.read(stdout)
	select {
	case <-p.diagnostics.ready:
		return p, nil
	case _, running := <-p.more:
		err = fmt.Errorf("v6probe ended (output: %v) before it counted", running)
	case <-ctx.Done():
		err = fmt.Errorf("wait for v6probe to count: %w", ctx.Err())
	}
	err = errors.Join(err, p.stop())
	return nil, fmt.Errorf("%w: %s", err, p.diagnostics.String())
}

// read reads the output to its end.
func (p *probe) read(stdout io.ReadCloser) {
	defer close(p.more)
	defer stdout.Close()
	lines := bufio.NewScanner(io.TeeReader(stdout, &p.output))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			p.broken = errors.Join(p.broken, fmt.Errorf("%w in %q", err, lines.Text()))
			continue
		}
		p.more <- r
	}
	p.broken = errors.Join(p.broken, lines.Err())
}

// await takes records until enough of them are there, v6probe ends, or the context does.
func (p *probe) await(ctx context.Context, enough func([]Record) bool) {
	for !enough(p.records) {
		select {
		case r, ok := <-p.more:
			if !ok {
				return
			}
			p.records = append(p.records, r)
		case <-ctx.Done():
			return
		}
	}
}

// stop ends v6probe as an operator does and takes the rest of what it says.
func (p *probe) stop() error {
	err := p.cmd.Process.Signal(os.Interrupt)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	for r := range p.more {
		p.records = append(p.records, r)
	}
	ended := p.cmd.Wait()
	const found = 1 // the exit code where there are findings
	if p.cmd.ProcessState != nil && p.cmd.ProcessState.ExitCode() == found {
		ended = nil
	}
	return errors.Join(err, ended, p.broken)
}

// text keeps what is written and says when a line has "counting" in it.
type text struct {
	mu    sync.Mutex
	data  strings.Builder
	ready chan struct{}
	said  bool
}

func (t *text) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data.Write(b)
	if !t.said && strings.Contains(t.data.String(), "counting") {
		t.said = true
		close(t.ready)
	}
	return len(b), nil
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.data.String()
}
