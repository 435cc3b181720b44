package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"v6probe/internal/capture"
	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// numbered finds a fault in every third packet, and says which.
type numbered struct{ n int }

func (c *numbered) Packet(p *packet.Packet) []rule.Finding {
	if c.n++; c.n%3 != 0 {
		return nil
	}
	return []rule.Finding{{Rule: "nd.hop-limit", Severity: rule.Error, Subject: fmt.Sprint(p.Frame.Number), Frame: p.Frame.Number}}
}

func (c *numbered) Finish(whole bool) []rule.Finding {
	return []rule.Finding{{Rule: "ra.absent", Detail: fmt.Sprint(whole)}}
}

// halved is numbered in two halves, of which one finds something of its own in every second packet.
type halved struct {
	numbered
	early, late int
}

func (c *halved) Packet(p *packet.Packet) []rule.Finding { return c.Late(p, c.Early(p)) }

func (c *halved) Early(p *packet.Packet) []rule.Finding {
	if c.early++; c.early%2 != 0 {
		return nil
	}
	return []rule.Finding{{Rule: "ra.flood", Subject: fmt.Sprint(p.Frame.Number)}, {Rule: "nd.code", Frame: p.Frame.Number}}
}

func (c *halved) Late(p *packet.Packet, found []rule.Finding) []rule.Finding {
	c.late++
	return append(found, c.numbered.Packet(p)...)
}

// log writes down all that it is told.
type log struct {
	bytes.Buffer
	prepared, messages int
	fail               int // from so many messages on
	err                error
}

func (l *log) Message(p *packet.Packet, found []rule.Finding) error {
	return l.write(fmt.Appendf(nil, "message %d % x", p.Frame.Number, p.Message.Raw), found)
}

func (l *log) Finding(f rule.Finding) error {
	fmt.Fprintf(l, "finding %s %d %s\n", f.Rule, f.Frame, f.Detail)
	return nil
}

func (l *log) write(text []byte, found []rule.Finding) error {
	if l.messages++; l.fail > 0 && l.messages >= l.fail {
		return l.err
	}
	fmt.Fprintf(l, "%s %d\n", text, len(found))
	return nil
}

// preparing is a log that prepares. Every fifth message it leaves to Message.
type preparing struct{ log }

func (l *preparing) Prepare(b []byte, p *packet.Packet) []byte {
	if p.Frame.Number%5 == 0 {
		return b
	}
	return fmt.Appendf(b, "message %d % x", p.Frame.Number, p.Message.Raw)
}

func (l *preparing) Prepared(text []byte, p *packet.Packet, found []rule.Finding) error {
	l.prepared++
	return l.write(text, found)
}

// some are frames of all kinds, several batches of them: messages, fragments that come together, what is no message, and
// frames longer than a batch.
func some() [][]byte {
	list := ra(1)
	echo := craft.ICMPv6(craft.GuestLL, craft.RouterLL, craft.Join([]byte{128, 0, 0, 0}, make([]byte, 3000)))
	for i := range 3 * batchPackets {
		list = append(list, craft.Frame(craft.GuestMAC, craft.GuestLL, craft.RouterLL, craft.NS(fmt.Sprintf("fe80::%x", i))))
		switch i % 50 {
		case 7:
			for _, ip := range craft.FragmentIPv6(craft.GuestLL, craft.RouterLL, 255, 58, uint32(i), echo, 1232, 2464) {
				list = append(list, craft.EthernetIPv6(craft.GuestMAC, craft.RouterLL, ip))
			}
		case 8:
			list = append(list, []byte("nothing to look at at all"))
		case 9:
			list = append(list, append(list[1][:len(list[1]):len(list[1])], make([]byte, batchBytes)...))
		}
	}
	return list
}

// TestAhead: two goroutines come to the same as one, whether the sink prepares or not, and the checker is of two halves or not.
func TestAhead(t *testing.T) {
	broken := errors.New("broken off")
	for _, end := range []error{io.EOF, broken} {
		for _, sink := range []Sink{&log{}, &preparing{}} {
			t.Run(fmt.Sprintf("%T, %v", sink, end), func(t *testing.T) {
				compareAhead(t, sink, end, &numbered{}, &numbered{})
			})
		}
		c := &halved{}
		t.Run(fmt.Sprintf("halved, %v", end), func(t *testing.T) { compareAhead(t, &preparing{}, end, &halved{}, c) })
		if c.early == 0 || c.early != c.late {
			t.Errorf("%d packets judged early, %d late", c.early, c.late)
		}
	}
}

// compareAhead has one checker judge on one goroutine and another on two, for sink, until the source ends with err.
func compareAhead(t *testing.T, sink Sink, end error, alone, ahead Checker) {
	one := &log{}
	list := some()
	lost := make([]int, len(list))
	lost[len(lost)/2] = 5000 // its frame was cut
	want, wantErr := Run(t.Context(), Options{Source: &frames{list: list, lost: lost, err: end}, Checker: alone, Sink: one, Wanted: every})
	var teed, ticks int
	got, err := Run(t.Context(), Options{Source: &frames{list: list, lost: lost, err: end}, Checker: ahead, Sink: sink, Wanted: every,
		Ahead: true, Tee: func(packet.Frame) error { teed++; return nil }, Tick: func(capture.Stats) { ticks++ }})
	text := ""
	switch s := sink.(type) {
	case *log:
		text = s.String()
	case *preparing:
		text = s.String()
		if s.prepared == 0 || s.prepared == s.messages {
			t.Errorf("%d of %d messages prepared", s.prepared, s.messages)
		}
	}
	if text != one.String() {
		t.Errorf("not the same:\n%.2000s\nwant\n%.2000s", text, one)
	}
	if !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
		t.Errorf("%v, want %v", err, wantErr)
	}
	if got.Stats != want.Stats || got.Messages != want.Messages || got.Cut != want.Cut || !got.First.Equal(want.First) ||
		!got.Last.Equal(want.Last) || !slices.EqualFunc(got.Tally.Found(), want.Tally.Found(), alike) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if teed != len(list) || ticks == 0 {
		t.Errorf("%d frames of %d teed, %d ticks", teed, len(list), ticks)
	}
}

func alike(a, b rule.Found) bool { return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b) }

// TestAheadEnds: whatever fails ends both goroutines, what came before is there, and the source is not used any more.
func TestAheadEnds(t *testing.T) {
	broken := errors.New("broken")
	for name, o := range map[string]Options{
		"sink":  {Sink: &log{fail: 2, err: broken}},
		"tee":   {Sink: &log{}, Tee: func(f packet.Frame) error { return failAt(f, 300, broken) }},
		"flush": {Sink: &log{}, Flush: func() error { return broken }},
	} {
		source := &frames{list: some(), err: io.EOF}
		o.Source, o.Checker, o.Wanted, o.Ahead = source, &numbered{}, every, true
		_, err := Run(t.Context(), o)
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		if errors.As(err, new(*SinkError)) != (name != "tee") {
			t.Errorf("%s: %T", name, err)
		}
		if name == "tee" {
			alone := &log{}
			Run(t.Context(), Options{Source: &frames{list: some(), err: io.EOF}, Checker: &numbered{}, Sink: alone, Wanted: every, Tee: o.Tee})
			if o.Sink.(*log).String() != alone.String() || alone.messages == 0 {
				t.Errorf("%s: %d messages before it failed, want %d", name, o.Sink.(*log).messages, alone.messages)
			}
		}
		source.number++ // the race detector tells if the other goroutine goes on
	}
}

func failAt(f packet.Frame, n uint64, err error) error {
	if f.Number >= n {
		return err
	}
	return nil
}

// slow is a source that has nothing at hand after each frame.
type slow struct {
	frames
	onWait func()
}

func (s *slow) OnWait(f func()) { s.onWait = f }

func (s *slow) Next(ctx context.Context) (packet.Frame, error) {
	s.onWait()
	return s.frames.Next(ctx)
}

// TestFlush: before the source waits, all that was heard is judged and flushed, on one goroutine as on two; and a flush
// that fails ends the wait.
func TestFlush(t *testing.T) {
	for _, ahead := range []bool{false, true} {
		sink := &log{}
		var told []int // messages at each flush
		_, err := Run(t.Context(), Options{Source: &slow{frames: frames{list: ra(5), err: io.EOF}}, Checker: &numbered{}, Sink: sink,
			Wanted: every, Ahead: ahead, Flush: func() error { told = append(told, sink.messages); return nil }})
		if want := []int{0, 1, 2, 3, 4, 5}; err != nil || !slices.Equal(slices.Compact(told), want) {
			t.Errorf("ahead %v: %v, messages at each flush %v, want %v", ahead, err, told, want)
		}
		broken := errors.New("broken")
		endless := &stuck{}
		if _, err := Run(t.Context(), Options{Source: endless, Checker: &numbered{}, Sink: sink, Wanted: every, Ahead: ahead,
			Flush: func() error { return broken }}); !errors.Is(err, broken) {
			t.Errorf("ahead %v: %v", ahead, err)
		}
	}
}

// stuck is a source that gives one frame and then nothing, until its context ends.
type stuck struct{ slow }

func (s *stuck) Next(ctx context.Context) (packet.Frame, error) {
	if s.number == 0 {
		s.list, s.err = ra(1), io.EOF
		return s.frames.Next(ctx)
	}
	s.onWait()
	<-ctx.Done()
	return packet.Frame{}, ctx.Err()
}
