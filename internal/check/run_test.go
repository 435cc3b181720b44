package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

func numbered(n int) []Item {
	items := make([]Item, n)
	for i := range items {
		items[i].Name = fmt.Sprint(i)
	}
	return items
}

// TestRunOrder has captures end in the opposite of their order, and wants them in it.
func TestRunOrder(t *testing.T) {
	const n = 4
	ended := make([]chan struct{}, n+1)
	for i := range ended {
		ended[i] = make(chan struct{})
	}
	close(ended[n])
	judge := func(_ context.Context, item Item) *Capture {
		i := int(item.Name[0] - '0')
		<-ended[i+1]
		close(ended[i])
		return &Capture{Name: item.Name}
	}
	var got []string
	err := run(t.Context(), numbered(n), n, judge, func(c *Capture) error { got = append(got, c.Name); return nil })
	if want := []string{"0", "1", "2", "3"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

// TestRunBounded wants no more captures to be judged ahead of one that is not handed on than there is room for.
func TestRunBounded(t *testing.T) {
	const jobs, all = 2, 100
	const room = window*jobs + 1 // those that wait, and the one that is handed on
	var begun atomic.Int64
	filled := make(chan struct{})
	first := true
	err := run(t.Context(), numbered(all), jobs, func(_ context.Context, i Item) *Capture {
		if begun.Add(1) == window*jobs {
			close(filled)
		}
		return &Capture{Name: i.Name}
	}, func(*Capture) error {
		if first {
			first = false
			<-filled // so many may be judged while none is handed on
			if n := begun.Load(); n > room {
				t.Errorf("%d are judged while the first is handed on, want no more than %d", n, room)
			}
		}
		return nil
	})
	if n := begun.Load(); err != nil || n != all {
		t.Errorf("%d were judged, %v; want %d", n, err, all)
	}
}

func TestRunEnds(t *testing.T) {
	broken := errors.New("broken")
	t.Run("with what fails to be told", func(t *testing.T) {
		told := 0
		err := run(t.Context(), numbered(50), 3, func(_ context.Context, i Item) *Capture { return &Capture{} }, func(*Capture) error {
			if told++; told == 2 {
				return broken
			}
			return nil
		})
		if err != broken || told != 2 {
			t.Errorf("told %d, %v; want 2, %v", told, err, broken)
		}
	})
	t.Run("when interrupted, telling what was done", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		err := run(ctx, numbered(50), 1, func(ctx context.Context, i Item) *Capture {
			if i.Name == "3" {
				cancel()
			}
			if ctx.Err() != nil {
				return nil
			}
			return &Capture{Name: i.Name}
		}, func(c *Capture) error { got = append(got, c.Name); return nil })
		if want := []string{"0", "1", "2"}; !errors.Is(err, context.Canceled) || !slices.Equal(got, want) {
			t.Errorf("told %v, %v; want %v", got, err, want)
		}
	})
	t.Run("well, when interrupted after the last", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		err := run(ctx, numbered(3), 2, func(_ context.Context, i Item) *Capture { return &Capture{Name: i.Name} }, func(c *Capture) error {
			if c.Name == "2" {
				cancel()
			}
			return nil
		})
		cancel()
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("at once without captures", func(t *testing.T) {
		if err := Run(t.Context(), nil, Options{}, func(*Capture) error { return broken }); err != nil {
			t.Error(err)
		}
	})
}

func TestGuard(t *testing.T) {
	c := guard(Item{Name: "a.pcap", Path: "a.pcap"}, func() *Capture { panic("index out of range") })
	if c.Name != "a.pcap" || c.Err == nil || !strings.Contains(c.Err.Error(), "a.pcap: v6probe failed on it: index out of range") {
		t.Errorf("%+v", c)
	}
}
