package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/packet"
	"v6probe/internal/pipeline"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// view is one command's way to look at the packets: what it judges, shows of each message, and tells at the end.
type view interface {
	pipeline.Checker
	// wanted says which packets are messages of this view, and which of them count for -c.
	wanted(p *packet.Packet) (message, counts bool)
	// message is told of each of them while the run goes on, for the progress.
	message(p *packet.Packet)
	// picture writes what the packets come to; heard says for the verdict how much that is.
	picture(t *report.Text, r outcome)
	heard(r outcome) string
	// summary fills in what the view adds to it; entries writes what NDJSON has before it.
	summary(s *report.Summary)
	entries(j *report.JSON) error
}

// findingWriter is a view that knows more of a finding than the finding itself says.
type findingWriter interface {
	finding(j *report.JSON, f rule.Finding) error
}

// output is where results go. What is written lies in buffer until flush.
type output struct {
	buffer   *bufio.Writer
	text     *report.Text
	json     *report.JSON
	progress *report.Progress
}

// outputBuffer is how much is written at once, if there is so much.
const outputBuffer = 64 << 10

func newOutput(out io.Writer, style report.Style, p *report.Progress) output {
	b := bufio.NewWriterSize(out, outputBuffer)
	return output{b, report.NewText(b, style), report.NewJSON(b), p}
}

func (o *output) flush() error { return o.buffer.Flush() }

// outcome is what a run came to.
type outcome struct {
	pipeline.Result
	listened time.Duration // how long a live run took, 0 for a file
}

// span says how long that took, " in 4.0 s".
func (r *outcome) span() string {
	if r.listened > 0 {
		return " in " + report.Duration(r.listened)
	}
	if d := r.Last.Sub(r.First); d > 0 {
		return " in " + report.Duration(d)
	}
	return ""
}

// opened is a session with all that its flags ask for.
type opened struct {
	*session
	output
	failOn rule.Severity
	never  bool
}

// start checks the flags and opens what they ask for. filter says which packets are wanted besides the usual ones.
func (f *sourceFlags) start(c *cobra.Command, filter capture.Filter) (*opened, error) {
	if err := f.check(c); err != nil {
		return nil, err
	}
	out := c.OutOrStdout()
	style, err := textStyle(f.color, out)
	if err != nil {
		return nil, err
	}
	s := &opened{}
	if s.failOn, s.never, err = f.fail(); err != nil {
		return nil, err
	}
	if s.session, err = f.open(c, filter); err != nil {
		return nil, err
	}
	s.output = newOutput(out, style, s.session.newProgress(out, c.ErrOrStderr(), f))
	return s, nil
}

// run reads the source to its end, or as long as it is to listen, and reports what v makes of it. meanwhile, which may be
// nil, is called when listening begins; what it returns is called at the end of that.
func (f *sourceFlags) run(c *cobra.Command, s *opened, v view, meanwhile func(context.Context) (wait func())) error {
	result, runErr := f.pull(c.Context(), s, v, meanwhile)
	s.progress.End()
	if closeErr := s.close(); runErr == nil {
		runErr = closeErr
	}
	switch {
	case errors.As(runErr, new(*pipeline.SinkError)):
		return runErr
	case runErr != nil && !s.live && result.Stats.Frames == 0 && !errors.As(runErr, new(*capture.DamageError)):
		return withHint(captureHint, runErr) // there is nothing to report
	}
	// The terminal may have another size by now.
	out := c.OutOrStdout()
	if style, err := textStyle(f.color, out); err == nil {
		s.text = report.NewText(s.buffer, style)
	}
	sum := report.Summary{Stats: result.Stats, Messages: result.Messages, Cut: result.Cut, Tally: result.Tally, FailOn: s.failOn, NeverFail: s.never}
	v.summary(&sum)
	if runErr != nil {
		sum.Damage = oneLine(runErr.Error())
	}
	if err := f.tell(s.output, v, sum, result); err != nil {
		return err
	}
	if runErr == nil && sum.Failed() {
		return codeError(exitFindings)
	}
	return runErr
}

func (f *sourceFlags) pull(ctx context.Context, s *opened, v view, meanwhile func(context.Context) func()) (r outcome, err error) {
	if s.live {
		defer func(start time.Time) { r.listened = time.Since(start) }(time.Now())
		if f.timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, f.timeout)
			defer cancel()
		}
		if meanwhile != nil {
			defer meanwhile(ctx)()
		}
	}
	r.Result, err = pipeline.Run(ctx, pipeline.Options{
		Source: s.source, Checker: v, Sink: newSink(f, v, s.output), Wanted: v.wanted, Large: s.filter.Large, TCP: s.filter.TCP,
		Count: f.count, Tee: s.tee, Tick: s.progress.Source, Flush: s.flush, Ahead: f.ahead && s.large(),
	})
	return r, err
}

// tell writes what is told at the end.
func (f *sourceFlags) tell(o output, v view, sum report.Summary, r outcome) error {
	if f.json {
		if err := v.entries(o.json); err != nil {
			return err
		}
		if err := o.json.Summary(sum); err != nil {
			return err
		}
		return o.flush()
	}
	if !f.quiet {
		if f.verbose && r.Messages > 0 {
			o.text.Blank()
		}
		v.picture(o.text, r)
	}
	o.text.Findings(r.Tally.Found())
	o.text.Verdict(sum, v.heard(r))
	return o.flush() // which has the error of a line, too
}

// sink writes messages and findings as they come, as far as the flags want that.
type sink struct {
	flags *sourceFlags
	view  view
	output
	ahead *report.JSON // of the goroutine that prepares
}

func newSink(f *sourceFlags, v view, o output) *sink {
	return &sink{f, v, o, report.NewJSON(io.Discard)}
}

// Prepare makes the part of a message's line that asks nothing of the view.
func (s *sink) Prepare(b []byte, p *packet.Packet) []byte {
	if s.flags.json {
		return s.ahead.AppendMessage(b, p)
	}
	return b
}

// Prepared is Message for what Prepare made.
func (s *sink) Prepared(text []byte, p *packet.Packet, found []rule.Finding) error {
	s.view.message(p)
	return s.json.Prepared(text, found)
}

func (s *sink) Message(p *packet.Packet, found []rule.Finding) error {
	s.view.message(p)
	switch {
	case s.flags.json:
		return s.json.Message(p, found)
	case s.flags.verbose:
		s.text.Line(p, found)
		return s.text.Err()
	}
	return nil
}

func (s *sink) Finding(f rule.Finding) error {
	if !s.flags.json {
		return nil
	}
	// A view that knows more of a finding writes it itself.
	if v, ok := s.view.(findingWriter); ok {
		return v.finding(s.json, f)
	}
	return s.json.Finding(f)
}
