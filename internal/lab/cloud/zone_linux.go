package cloud

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"v6probe/internal/lab"
)

// Options say what zone to build. The zero value is a zone over IPv4, without security groups, with CloudStack's interval.
type Options struct {
	Underlay       int           // 4 or 6: what carries the VXLAN; 4
	Interval       time.Duration // radvd's largest; 15 s. It takes none below 4 s
	SecurityGroups bool          // left out where this machine lacks what they take
	Log            func(string)  // is told of progress; may be nil
	Fault          []*Scenario   // the faults to be there from the beginning
}

// Zone is a zone that is up.
type Zone struct {
	options Options
	build   Build
	groups  bool // it has security groups
	dir     string
	spaces  map[string]*lab.Namespace

	mu      sync.Mutex // over all below: faults may be switched by several
	closers []func() error
	radvd   *radvd
	vr2     *radvd
	dns     *dns
	network map[string]string // fields of the network in networks.json that are not as they should be
	on      []*active
}

// Up builds a zone. When it returns, the guests have made their addresses and reached the server, as far as the faults let
// them, and each fault is to be seen.
func Up(ctx context.Context, o Options) (*Zone, error) {
	z := newZone(o)
	if err := z.plan(); err != nil {
		return nil, err
	}
	if err := z.raise(ctx, z.steps()); err != nil {
		return nil, errors.Join(err, z.Close())
	}
	return z, nil
}

func newZone(o Options) *Zone {
	return &Zone{options: o, spaces: map[string]*lab.Namespace{}, network: map[string]string{}}
}

// plan fills in what is left out, and sums up what the faults ask for.
func (z *Zone) plan() error {
	o := &z.options
	if o.Underlay == 0 {
		o.Underlay = 4
	}
	if o.Interval == 0 {
		o.Interval = 15 * time.Second
	}
	if o.Underlay != 4 && o.Underlay != 6 {
		return fmt.Errorf("the underlay is IPv4 or IPv6, not %d", o.Underlay)
	}
	if o.Interval < 4*time.Second || o.Interval > 1800*time.Second {
		return fmt.Errorf("radvd's largest interval is from 4 s to 30 m, not %v", o.Interval)
	}
	for _, s := range o.Fault {
		if lacking := s.Missing(); len(lacking) > 0 {
			return fmt.Errorf("%s needs %v, which this machine lacks", s.Name, lacking)
		}
		if err := z.build.merge(s.Zone); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	z.groups = o.SecurityGroups
	if z.build.SecurityGroups != nil {
		z.groups = *z.build.SecurityGroups
	}
	if z.groups {
		if lacking := missing(groupNeeds()); len(lacking) > 0 {
			z.log(fmt.Sprintf("no security groups: this machine lacks %v", lacking))
			z.groups = false
		}
	}
	return nil
}

func (z *Zone) log(text string) {
	if z.options.Log != nil {
		z.options.Log(text)
	}
}

// buildStep is a part of the building of a zone.
type buildStep struct {
	what string
	do   func(context.Context) error
}

// steps returns the parts in which a zone is built, in order.
func (z *Zone) steps() []buildStep {
	return []buildStep{
		{"namespaces and links", z.links},
		{"hypervisors and VXLAN", z.overlay},
		{"routers and server", z.routers},
		{"security groups", z.securityGroups},
		{"faults", z.firstFaults},
		{"guests", z.bootAll},
	}
}

// raise does what Up promises.
func (z *Zone) raise(ctx context.Context, steps []buildStep) error {
	var err error
	if z.dir, err = os.MkdirTemp("", "v6probe-lab-"); err != nil {
		return err
	}
	z.closers = append(z.closers, func() error { return os.RemoveAll(z.dir) })
	for _, step := range steps {
		z.log(step.what)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// Close takes the zone down, with all that runs in it.
func (z *Zone) Close() error {
	z.mu.Lock()
	defer z.mu.Unlock()
	var err error
	for _, a := range z.on {
		err = errors.Join(err, a.end(context.Background()))
	}
	z.on = nil
	for _, c := range slices.Backward(z.closers) {
		err = errors.Join(err, c())
	}
	z.closers = nil
	return err
}

// Nodes returns the names of the nodes.
func (z *Zone) Nodes() []string {
	return slices.DeleteFunc(nodes(), func(n string) bool { return z.spaces[n] == nil })
}

// Node returns the namespace of a node.
func (z *Zone) Node(name string) (*lab.Namespace, bool) {
	n, ok := z.spaces[name]
	return n, ok
}

// Files returns a directory with what the commands are given: networks.json, which has what CloudStack's API lists of this
// zone (networks, virtual machines and routers); radvd.conf, as the virtual router has it now; radvd-vr2.conf, likewise of its
// backup; radvd-good.conf, as it should be. It goes with Close.
func (z *Zone) Files() string { return z.dir }
