package check

import (
	"context"
	"runtime"
	"sync"

	"v6probe/internal/expect"
	"v6probe/internal/rule"
)

// Options says how captures are judged.
type Options struct {
	Expect    *expect.State // of all of them, instead of the files beside them; nil for those
	Against   []string      // where Expect comes from
	Ignore    Rules         // left out
	Known     Baselines     // likewise, as often as it says; by the file that an Item names
	FailOn    rule.Severity // findings from this one on fail a capture
	NeverFail bool          // none does
	Jobs      int           // how many captures are judged at one time; 0: one a processor
	Record    bool          // also record what is to be expected, for Capture.Update
}

// window is how many captures there may be, for each that is judged, that were judged and wait for one before them.
const window = 4

// Run judges items side by side and hands on what came of them, in their order and as soon as there is. It ends with the
// error of emit, or with that of ctx when not all of them could be judged; those that were are handed on.
func Run(ctx context.Context, items []Item, o Options, emit func(*Capture) error) error {
	return run(ctx, items, o.Jobs, func(ctx context.Context, i Item) *Capture { return one(ctx, i, &o) }, emit)
}

// run is Run with the judge, who returns nil when interrupted.
func run(ctx context.Context, items []Item, jobs int, judge func(context.Context, Item) *Capture,
	emit func(*Capture) error) error {
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	jobs = min(jobs, len(items))
	work, cancel := context.WithCancel(ctx)
	type task struct {
		item Item
		done chan *Capture
	}
	todo, order := make(chan task), make(chan chan *Capture, window*jobs)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	for range jobs {
		workers.Go(func() {
			for t := range todo {
				t.done <- judge(work, t.item)
			}
		})
	}
	workers.Go(func() {
		defer close(order)
		defer close(todo)
		for _, item := range items {
			t := task{item, make(chan *Capture, 1)}
			select {
			case order <- t.done:
			case <-work.Done():
				return
			}
			select {
			case todo <- t:
			case <-work.Done():
				close(t.done)
				return
			}
		}
	})
	emitted := 0
	for done := range order {
		c := <-done
		if c == nil {
			continue
		}
		if err := emit(c); err != nil {
			return err
		}
		emitted++
	}
	if emitted < len(items) {
		return ctx.Err()
	}
	return nil
}
