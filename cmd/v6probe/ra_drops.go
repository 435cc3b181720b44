package main

import (
	"fmt"
	"time"

	"v6probe/internal/drops"
	"v6probe/internal/icmp6"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// dropWatch counts what this kernel drops while a command listens. All methods of a nil one do nothing, so that a command
// need not ask whether it is wanted.
//
// A command that has the flag --drops calls watchDrops before it begins to listen, and close at the end; found goes into
// Finish of its view, told into picture, and entries and summary into those.
type dropWatch struct {
	host   machine
	source dropSource
	scope  *dropScope
	begun  time.Time
	result *report.Dropped // nil until the end
	failed error           // to read
}

// watchDrops begins to count the messages of some types, nil for all, that are dropped on iface, "" or any for all.
func watchDrops(m machine, iface string, types ...icmp6.Type) (*dropWatch, error) {
	scope, err := newDropScope(m, iface, "")
	if err != nil {
		return nil, err
	}
	source, err := m.open(drops.Options{Types: types, NetNS: scope.stacks()})
	if err != nil {
		return nil, err
	}
	return &dropWatch{host: m, source: source, scope: scope, begun: m.now()}, nil
}

// found ends the counting and returns what was dropped that hurts, and list behind it: a drop is often why a router is absent.
func (w *dropWatch) found(list []rule.Finding) []rule.Finding {
	if w == nil || w.source == nil {
		return list
	}
	defer w.close()
	s, err := w.source.Read()
	if err != nil {
		w.failed = err
		return list
	}
	w.result = &report.Dropped{Snapshot: s, Took: s.Time.Sub(w.begun), Where: w.scope.where(), Interface: w.scope.iface}
	w.result.Drops, w.result.Elsewhere = w.scope.split(drops.Infer(s.Drops))
	w.result.NotDrops = w.host.whatIsNone(w.scope.iface)
	return append(drops.Findings(w.result.Drops, w.result.Took), list...)
}

// close ends the counting.
func (w *dropWatch) close() {
	if w != nil && w.source != nil {
		w.source.Close() // it was only read from: nothing can be lost
		w.source = nil
	}
}

// head writes the headline where this kernel dropped all of the heard messages of a type.
func (w *dropWatch) head(t *report.Text, typ icmp6.Type, heard uint64) {
	if w != nil && w.result != nil {
		t.AllDropped(w.result, typ, heard)
	}
}

// finding writes a finding with what is known of its drop.
func (w *dropWatch) finding(j *report.JSON, f rule.Finding) error {
	if w == nil || w.result == nil {
		return j.Finding(f)
	}
	return j.DropFinding(f, w.result.Drops)
}

// told says how many of the heard messages of a type this kernel dropped, and where.
func (w *dropWatch) told(t *report.Text, typ icmp6.Type, heard uint64) {
	if w != nil && w.result != nil {
		t.HeardAndDropped(w.result, typ, heard)
	}
}

// entries writes an object for each place.
func (w *dropWatch) entries(j *report.JSON) error {
	if w == nil || w.result == nil {
		return nil
	}
	for i := range w.result.Drops {
		d := &w.result.Drops[i]
		if err := j.Drop(d, d.Packets); err != nil {
			return err
		}
	}
	return nil
}

// summary adds what was counted to s.
func (w *dropWatch) summary(s *report.Summary) {
	if w == nil {
		return
	}
	s.Dropped = w.result
	if err := w.trouble(); err != nil {
		s.Damage = oneLine(err.Error())
	}
}

// trouble says what kept it from counting to the end, nil for nothing.
func (w *dropWatch) trouble() error {
	if w == nil || w.failed == nil {
		return nil
	}
	return fmt.Errorf("--drops: %w", w.failed)
}
