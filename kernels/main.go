//go:build linux

// Command kernels tries v6probe drops on kernels that other machines run: Debian's cloud kernels 5.10, 6.1 and 6.12, each
// in a virtual machine that qemu emulates, so that neither root nor hardware for it is needed. The kernels come from the
// archive that this machine has its packages from, in the newest version that is there, and are kept; the programs in the
// machines are this machine's own. The cases are those of package dropzone.
//
// It ends with 1 when v6probe says anything but what it should on a kernel, or a machine died, and with 2 when it could
// try nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"v6probe/internal/lab/dropzone"
	"v6probe/kernels/wire"
)

// options are the flags.
type options struct {
	series  []string
	v6probe string
	healthy time.Duration
	run     *regexp.Regexp
	keep    bool
	require bool
}

func main() {
	o := options{run: regexp.MustCompile("")}
	series := flag.String("kernels", "5.10,6.1,6.12", "`series` of kernels, with commas between them")
	flag.StringVar(&o.v6probe, "v6probe", "./v6probe", "`path` of the v6probe to try, a static one")
	flag.DurationVar(&o.healthy, "healthy", time.Minute, "watch the healthy zone for this `time`")
	flag.Func("run", "run only the cases whose names match the `regexp`", func(s string) (err error) {
		o.run, err = regexp.Compile(s)
		return err
	})
	list := flag.Bool("list", false, "list the cases and do nothing else")
	flag.BoolVar(&o.keep, "keep", false, "leave the files of the machines, and say where they are")
	flag.BoolVar(&o.require, "require", false, "fail if one of the kernels is not in the archive")
	flag.Parse()
	if *list {
		for _, c := range cases() {
			fmt.Printf("%-28s %s\n", c.name, c.about)
		}
		return
	}
	o.series = strings.Split(*series, ",")
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	good, err := try(ctx, o)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(2)
	}
	if !good {
		os.Exit(1)
	}
}

// check refuses what cannot be tried.
func (o *options) check() error {
	if flag.NArg() > 0 || o.healthy <= 0 {
		return errors.New("usage: -healthy is positive, and there are no arguments")
	}
	if runtime.GOARCH != "amd64" {
		return errors.New("only on amd64: the machines use the programs of this one")
	}
	for _, s := range o.series {
		if !regexp.MustCompile(`^[0-9]{1,3}\.[0-9]{1,3}$`).MatchString(s) {
			return fmt.Errorf("-kernels: %q is not like 5.10", s)
		}
	}
	if _, err := lookPath("qemu-system-x86_64"); err != nil {
		return fmt.Errorf("%w (Debian: apt-get install qemu-system-x86)", err)
	}
	if _, err := os.Stat(o.v6probe); err != nil {
		return fmt.Errorf("%w (make build makes it; -v6probe says where it is)", err)
	}
	return nil
}

// named is a case that the machines know.
type named struct{ name, about string }

func cases() []named {
	list := []named{{wire.Environment, "the programs and modules of which the networks are made"}}
	for _, c := range dropzone.Cases() {
		list = append(list, named{c.Name, c.About})
	}
	return append(list,
		named{wire.Counters, "the kernel's own counters, without a program in the kernel"},
		named{wire.Healthy, "a zone in which nothing is lost: nothing may hurt"})
}

// plan returns the cases to run.
func (o *options) plan() (wire.Plan, error) {
	p := wire.Plan{Healthy: o.healthy, Limit: caseLimit}
	for _, c := range cases() {
		if o.run.MatchString(c.name) {
			p.Cases = append(p.Cases, c.name)
		}
	}
	if p.Cases == nil {
		return p, errors.New("no case matches -run; see -list")
	}
	return p, nil
}
