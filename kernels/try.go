//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"v6probe/kernels/wire"
)

const (
	// caseLimit is for one case. A machine that shares its processor with others is slow.
	caseLimit = time.Minute
	// bootLimit is how much longer than a case takes a machine may say nothing.
	bootLimit = time.Minute
)

// trial is a kernel and what came of it.
type trial struct {
	series  string
	release string // "" for what was never booted
	done    []wire.Message
	running string // the case that has begun and not ended
	err     error  // errNoKernel, or how the machine died
}

// try runs all cases on all kernels, and prints what came of it. It reports whether all was good.
func try(ctx context.Context, o options) (good bool, err error) {
	if err := o.check(); err != nil {
		return false, err
	}
	plan, err := o.plan()
	if err != nil {
		return false, err
	}
	cache, err := openCache(note)
	if err != nil {
		return false, err
	}
	defer cache.Close()
	temp, err := os.MkdirTemp("", "v6probe-kernels-")
	if err != nil {
		return false, err
	}
	if o.keep {
		note("the machines' files are in %s", temp)
	} else {
		defer os.RemoveAll(temp)
	}
	guest := filepath.Join(temp, "init")
	if err := build(ctx, guest); err != nil {
		return false, err
	}
	common, missing, err := system(ctx, guest, o.v6probe, plan)
	if err != nil {
		return false, err
	}
	for _, p := range missing {
		note("%s is not installed (Debian: apt-get install %s): the cases that need it are missing", p.name, p.debian)
	}
	trials := make([]*trial, len(o.series))
	var wg sync.WaitGroup
	free := make(chan struct{}, runtime.NumCPU())
	for i, series := range o.series {
		t := &trial{series: series}
		trials[i] = t
		k, err := cache.kernel(ctx, series)
		if err != nil {
			t.err = err
			continue
		}
		t.release = k.release
		wg.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			t.err = t.boot(ctx, temp, common, k, plan)
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return false, errors.New("interrupted")
	}
	good = print(os.Stdout, trials, plan.Cases, o.require)
	if !slices.ContainsFunc(trials, func(t *trial) bool { return t.release != "" }) {
		return false, errors.New("no kernel could be tried")
	}
	return good, nil
}

// note tells how far it is.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, "kernels: "+format+"\n", args...) }

// build builds the init of the machines, which is static.
func build(ctx context.Context, name string) error {
	note("building the machines' init")
	return runQuietly(ctx, "env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-ldflags=-s -w", "-o", name, "v6probe/kernels/guest")
}

// boot runs the machine of a kernel and keeps what it says.
func (t *trial) boot(ctx context.Context, dir string, common tree, k kernel, plan wire.Plan) error {
	m := &machine{kernel: k, dir: dir, initrd: filepath.Join(dir, k.series+".initrd"),
		silence: bootLimit + caseLimit + plan.Healthy}
	if err := writeInitrd(m.initrd, common, k); err != nil {
		return err
	}
	note("%s: booting %s", k.series, k.release)
	began := time.Now()
	m.heard = func(msg wire.Message) {
		switch msg.Type {
		case wire.Hello:
			note("%s: up after %.1f s", t.series, time.Since(began).Seconds())
			t.release = msg.Kernel
		case wire.Begin:
			t.running = msg.Case
		case wire.Done:
			t.running = ""
			note("%s: %s %s (%.1f s)", t.series, printable(msg.Case), printable(string(msg.Result)), msg.Seconds)
			t.done = append(t.done, msg)
		}
	}
	return m.run(ctx)
}
