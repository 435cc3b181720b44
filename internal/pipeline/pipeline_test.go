package pipeline

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"v6probe/internal/capture"
	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// frames is a source of the frames given, which ends with err.
type frames struct {
	list   [][]byte
	lost   []int // how many bytes of each the capture lacks; nil for none
	err    error
	number uint64
}

func (s *frames) Next(ctx context.Context) (packet.Frame, error) {
	if ctx.Err() != nil {
		return packet.Frame{}, ctx.Err()
	}
	if int(s.number) == len(s.list) {
		return packet.Frame{}, s.err
	}
	data, lost := s.list[s.number], 0
	if s.lost != nil {
		lost = s.lost[s.number]
	}
	s.number++
	return packet.Frame{
		Number: s.number, Time: time.Unix(int64(s.number), 0), Data: data, Length: len(data) + lost,
		LinkType: packet.LinkTypeEthernet, Interface: &packet.Interface{},
	}, nil
}

func (s *frames) Stats() capture.Stats { return capture.Stats{Frames: s.number} }
func (s *frames) Close() error         { return nil }

// always finds one fault in every packet, and one at the end.
type always struct{ finished, whole bool }

func (c *always) Packet(p *packet.Packet) []rule.Finding {
	return []rule.Finding{{Rule: "nd.hop-limit", Severity: rule.Error, Source: p.Source, Frame: p.Frame.Number}}
}

func (c *always) Finish(whole bool) []rule.Finding {
	c.finished, c.whole = true, whole
	return []rule.Finding{{Rule: "ra.absent", Severity: rule.Error}}
}

type record struct {
	messages int
	findings []rule.ID
	err      error
}

func (r *record) Message(*packet.Packet, []rule.Finding) error { r.messages++; return r.err }
func (r *record) Finding(f rule.Finding) error                 { r.findings = append(r.findings, f.Rule); return nil }

func ra(n int) [][]byte {
	frame := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.CloudStackRA().Message())
	return slices.Repeat([][]byte{frame}, n)
}

func every(*packet.Packet) (bool, bool) { return true, true }

func TestRunTellsAFaultOnce(t *testing.T) {
	var sink record
	var teed int
	got, err := Run(t.Context(), Options{
		Source: &frames{list: ra(3), err: io.EOF}, Checker: &always{}, Sink: &sink, Wanted: every,
		Tee: func(packet.Frame) error { teed++; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if sink.messages != 3 || got.Messages != 3 || teed != 3 || got.Stats.Frames != 3 {
		t.Errorf("messages %d and %d, teed %d, frames %d: want 3 of each", sink.messages, got.Messages, teed, got.Stats.Frames)
	}
	if want := []rule.ID{"nd.hop-limit", "ra.absent"}; !slices.Equal(sink.findings, want) {
		t.Errorf("findings %v, want %v", sink.findings, want)
	}
	if found := got.Tally.Found(); found[0].Count != 3 || found[0].LastFrame != 3 {
		t.Errorf("the fault was counted as %+v, want 3 times up to frame 3", found[0])
	}
	if d := got.Last.Sub(got.First); d != 2*time.Second {
		t.Errorf("the messages span %v, want 2s", d)
	}
}

// TestRunCountsCutFrames wants those counted of which too little is there, and not a long frame whose headers are.
func TestRunCountsCutFrames(t *testing.T) {
	list := ra(4)
	list[3] = append(slices.Clone(list[3]), make([]byte, enough)...)
	got, err := Run(t.Context(), Options{Source: &frames{list: list, lost: []int{0, 1, 1000, 1000}, err: io.EOF},
		Checker: &always{}, Sink: &record{}, Wanted: every})
	if err != nil || got.Cut != 2 {
		t.Errorf("%d frames were cut (%v), want 2", got.Cut, err)
	}
}

// afterLoss is a source whose second frame, which is no message, and third one come after others were lost.
type afterLoss struct{ frames }

func (s *afterLoss) Next(ctx context.Context) (packet.Frame, error) {
	f, err := s.frames.Next(ctx)
	f.Lost = []uint64{0, 0, 5, 2, 0}[f.Number]
	return f, err
}

// losses is a checker that takes down what was lost before each packet.
type losses struct {
	always
	before []uint64
}

func (c *losses) Packet(p *packet.Packet) []rule.Finding {
	c.before = append(c.before, p.Frame.Lost)
	return nil
}

// TestRunTellsLost: what was lost before a frame that is no message was lost before the next.
func TestRunTellsLost(t *testing.T) {
	for _, ahead := range []bool{false, true} {
		list := ra(4)
		list[1] = []byte("nothing to look at at all")
		c := &losses{}
		_, err := Run(t.Context(), Options{Source: &afterLoss{frames{list: list, err: io.EOF}}, Checker: c, Sink: &record{}, Wanted: every, Ahead: ahead})
		if want := []uint64{0, 7, 0}; err != nil || !slices.Equal(c.before, want) {
			t.Errorf("ahead %v: lost before each %v (%v), want %v", ahead, c.before, err, want)
		}
	}
}

func TestRunEnds(t *testing.T) {
	broken := errors.New("broken")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name     string
		ctx      context.Context
		source   frames
		sinkErr  error
		count    uint64
		messages int
		err      error
		finished bool
	}{
		{"at the end", t.Context(), frames{list: ra(2), err: io.EOF}, nil, 0, 2, nil, true},
		{"at the count", t.Context(), frames{list: ra(9), err: io.EOF}, nil, 4, 4, nil, true},
		{"when cancelled", cancelled, frames{list: ra(9), err: io.EOF}, nil, 0, 0, nil, true},
		{"at damage, having judged what came before", t.Context(), frames{list: ra(2), err: broken}, nil, 0, 2, broken, true},
		{"when nobody listens any more", t.Context(), frames{list: ra(9), err: io.EOF}, broken, 0, 1, broken, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sink := record{err: tt.sinkErr}
			var checker always
			_, err := Run(tt.ctx, Options{Source: &tt.source, Checker: &checker, Sink: &sink, Wanted: every, Count: tt.count})
			if checker.finished && checker.whole != (tt.err == nil) {
				t.Errorf("the input was whole: %v, and it ended with %v", checker.whole, tt.err)
			}
			if !errors.Is(err, tt.err) || sink.messages != tt.messages || checker.finished != tt.finished {
				t.Errorf("error %v, %d messages, finished %v; want %v, %d, %v",
					err, sink.messages, checker.finished, tt.err, tt.messages, tt.finished)
			}
		})
	}
}
