package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	practice "v6probe/internal/lab/cloud"
)

const (
	matrixZones    = 6 // at a time: most of the time they wait for advertisements
	matrixInterval = 4 * time.Second
	matrixTime     = 4 * time.Minute // for one zone, with what is run in it
)

// matrixCase is a zone and the commands that are run in it one after the other.
type matrixCase struct {
	name     string
	scenario *practice.Scenario // nil where nothing is wrong
	underlay int
	runs     []matrixRun
}

// matrixRun is one command, and what came of it.
type matrixRun struct {
	role, node string
	args       []string

	result result
	took   time.Duration
	err    error
}

// matrixCases are the healthy zone, in each role, and every scenario.
func matrixCases(t *testing.T) []*matrixCase {
	t.Helper()
	slaac := []string{"slaac", "-i", "eth0", "--target", practice.Server}
	kvm := []matrixRun{
		{role: "kvm", node: "kvm1", args: []string{"kvm"}}, {role: "kvm", node: "kvm2", args: []string{"kvm"}},
		{role: "kvm", node: "kvm1", args: []string{"kvm", "trace"}}, {role: "kvm", node: "kvm2", args: []string{"kvm", "trace"}},
	}
	cases := []*matrixCase{
		{name: "healthy-guest", runs: []matrixRun{
			{role: "guest", node: "guest1", args: slaac}, {role: "guest", node: "guest2", args: slaac},
			{role: "guest", node: "guest3", args: slaac}}},
		{name: "healthy-vr", runs: []matrixRun{{role: "vr", node: "vr", args: []string{"vr", "-i", "eth0",
			"--expect", "{files}/radvd.conf", "--expect", "{files}/networks.json"}}}},
		{name: "healthy-kvm", runs: slices.Clone(kvm)},
		{name: "healthy-kvm-over-ipv6", underlay: 6, runs: slices.Clone(kvm[:2])},
	}
	all, err := practice.Scenarios()
	check(t, err)
	for _, s := range all {
		cases = append(cases, &matrixCase{name: s.Name, scenario: s, runs: []matrixRun{{role: s.Role, node: s.Node, args: s.Command}}})
	}
	return cases
}

// TestMatrix switches on every fault that the practice zone can have, and wants v6probe to name that one, first what is to be
// mended first, and nothing else.
func TestMatrix(t *testing.T) {
	needs(t)
	t.Parallel()
	cases := matrixCases(t)
	if n := len(cases); n < 56 {
		t.Errorf("there are %d zones: 46 faults, 6 pairs and the healthy ones are more", n)
	}
	done := make([]chan error, len(cases))
	for i := range cases {
		done[i] = make(chan error, 1)
	}
	go func() {
		slots := make(chan struct{}, matrixZones)
		for i, c := range cases {
			slots <- struct{}{}
			go func() {
				done[i] <- c.run(t.Context())
				<-slots
			}()
		}
	}()
	var table strings.Builder
	for i, c := range cases {
		ok := t.Run(c.name, func(t *testing.T) {
			if err := <-done[i]; errors.Is(err, errMissing) && os.Getenv("V6PROBE_CI") != "1" {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			for i := range c.runs {
				c.judge(t, &c.runs[i])
			}
		})
		c.row(&table, ok)
	}
	text := fmt.Sprintf("%-7s%-8s%-7s%s\n%s", "", "TIME", "ROLE", "FAULT: wanted / found", table.String())
	t.Log("\n" + text)
	// go test keeps to itself what a test that passes says; make test shows this file.
	if name := os.Getenv("V6PROBE_MATRIX"); name != "" {
		check(t, os.WriteFile(name, []byte(text), 0o644))
	}
}

var errMissing = errors.New("this machine lacks what it needs")

// run builds the zone, switches the fault on, and runs the commands.
func (c *matrixCase) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, matrixTime)
	defer cancel()
	o := practice.Options{Interval: matrixInterval, SecurityGroups: true, Underlay: c.underlay}
	s := c.scenario
	later := false
	if s != nil {
		if missing := s.Missing(); len(missing) > 0 {
			return fmt.Errorf("%w: %s", errMissing, strings.Join(missing, ", "))
		}
		// As users do where it can be done.
		later = !s.Early && (s.Zone.SecurityGroups == nil || *s.Zone.SecurityGroups)
		if !later {
			o.Fault = append(o.Fault, s)
		}
	}
	z, err := practice.Up(ctx, o)
	if err != nil {
		return fmt.Errorf("build the zone: %w", err)
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	if later {
		if err := z.Fault(ctx, s); err != nil {
			return fmt.Errorf("switch the fault on: %w", err)
		}
	}
	for i := range c.runs {
		c.runs[i].do(ctx, z)
	}
	return nil
}

// do runs the command.
func (r *matrixRun) do(ctx context.Context, z *practice.Zone) {
	ns, ok := z.Node(r.node)
	if !ok {
		r.err = fmt.Errorf("there is no node %s", r.node)
		return
	}
	args := []string{}
	for _, a := range append(slices.Clone(r.args), "--json") {
		args = append(args, strings.ReplaceAll(a, "{files}", z.Files()))
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	begin := time.Now()
	err := ns.Run(cmd)
	r.took = time.Since(begin)
	r.result = result{code: cmd.ProcessState.ExitCode(), stdout: out.String(), stderr: said.String()}
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		r.err = err
	}
}

// found returns the rules of those severities that were found, each once, in order.
func (r *matrixRun) found(severities ...string) []string {
	var rules []string
	for _, l := range r.result.of("finding") {
		if slices.Contains(severities, l.Severity) && !slices.Contains(rules, l.Rule) {
			rules = append(rules, l.Rule)
		}
	}
	return rules
}

// judge holds what was found against what is to be found.
func (c *matrixCase) judge(t *testing.T, r *matrixRun) {
	t.Helper()
	check(t, r.err)
	said := func() string {
		return fmt.Sprintf("on %s: v6probe %s\n%s%s", r.node, strings.Join(r.args, " "), r.result.stdout, r.result.stderr)
	}
	if r.result.code > 1 {
		t.Fatalf("exit code %d %s", r.result.code, said())
	}
	r.result.parse(t)
	if c.scenario == nil {
		if bad := r.found("error", "warning"); r.result.code != 0 || len(bad) > 0 {
			t.Errorf("nothing is wrong, and v6probe names %q, exit code %d, %s", bad, r.result.code, said())
		}
		return
	}
	fails := r.found("error")
	if strings.Contains(strings.Join(r.args, " ")+" ", "--fail-on warning ") {
		fails = r.found("error", "warning")
	}
	wanted, all := c.scenario.Findings, r.found("error", "warning", "info")
	ok := r.result.code == 1 && len(fails) > 0 && fails[0] == wanted[0]
	for _, w := range wanted {
		ok = ok && slices.Contains(all, w)
	}
	for _, f := range fails {
		ok = ok && (slices.Contains(wanted, f) || slices.Contains(c.scenario.Also, f))
	}
	if !ok {
		t.Errorf("%s\nwanted %q, and besides only %q; found %q, of all %q, exit code %d, %s",
			c.scenario.About, wanted, c.scenario.Also, fails, all, r.result.code, said())
	}
}

// row writes the rows of the table.
func (c *matrixCase) row(b *strings.Builder, ok bool) {
	word := map[bool]string{true: "ok", false: "FAIL"}[ok]
	wanted := "nothing"
	if c.scenario != nil {
		wanted = strings.Join(c.scenario.Findings, " ")
	}
	for i := range c.runs {
		r := &c.runs[i]
		name := c.name
		if len(c.runs) > 1 {
			name += " (" + strings.Join(r.args[:min(2, len(r.args))], " ") + " on " + r.node + ")"
		}
		fmt.Fprintf(b, "%-7s%-8s%-7s%s: %s / %s\n", word, fmt.Sprintf("%.1f s", r.took.Seconds()), r.role, name, wanted,
			strings.Join(r.found("error", "warning"), " "))
	}
}
