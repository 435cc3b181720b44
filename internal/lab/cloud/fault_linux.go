package cloud

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// active is a scenario that is on, and how it is taken back.
type active struct {
	scenario *Scenario
	undo     []undo
}

// undo takes back one step. It is nil for a step of which the scenario does not say how.
type undo func(context.Context) error

// firstFaults switches those on that are to be there from the beginning. The guests are not started yet.
func (z *Zone) firstFaults(ctx context.Context) error {
	for _, s := range z.options.Fault {
		if err := z.switchOn(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// Fault switches a fault on. The guests are started anew, so that they come as far as they would in a zone that has had it
// from the beginning. When it returns, the fault is to be seen.
func (z *Zone) Fault(ctx context.Context, s *Scenario) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	switch {
	case slices.ContainsFunc(z.on, func(a *active) bool { return a.scenario.Name == s.Name }):
		return fmt.Errorf("%s is on already", s.Name)
	case s.Early:
		return fmt.Errorf("%s must be there when the zone is built: end this zone and build one with it", s.Name)
	case s.Zone.SecurityGroups != nil && *s.Zone.SecurityGroups != z.groups:
		if z.groups {
			return fmt.Errorf("%s takes a zone without security groups, and this one has them", s.Name)
		}
		return fmt.Errorf("%s takes a zone with security groups, and this one has none", s.Name)
	}
	if lacking := s.Missing(); len(lacking) > 0 {
		return fmt.Errorf("%s needs %s, which this machine lacks", s.Name, strings.Join(lacking, ", "))
	}
	if err := z.switchOn(ctx, s); err != nil {
		return err
	}
	return z.boot(ctx)
}

// switchOn does the steps of a scenario, all or none.
func (z *Zone) switchOn(ctx context.Context, s *Scenario) error {
	a := &active{scenario: s}
	for _, step := range s.Do {
		back, err := z.do(ctx, step)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: on %s: %w", s.Name, step.On, err), a.end(ctx))
		}
		a.undo = append(a.undo, back)
	}
	z.on = append(z.on, a)
	return nil
}

// Heal switches a fault off that is on, and starts the guests anew.
func (z *Zone) Heal(ctx context.Context, s *Scenario) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	i := slices.IndexFunc(z.on, func(a *active) bool { return a.scenario.Name == s.Name })
	switch {
	case i < 0:
		return fmt.Errorf("%s is not on", s.Name)
	case s.Early || slices.ContainsFunc(z.on[i].undo, func(u undo) bool { return u == nil }):
		return fmt.Errorf("%s cannot be taken out of a zone: end this zone and build another one", s.Name)
	}
	a := z.on[i]
	z.on = slices.Delete(z.on, i, i+1)
	if err := a.end(ctx); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return z.boot(ctx)
}

// end takes the steps back, the last one first.
func (a *active) end(ctx context.Context) error {
	var err error
	for _, u := range slices.Backward(a.undo) {
		if u != nil {
			err = errors.Join(err, u(ctx))
		}
	}
	a.undo = nil
	return err
}

// do does one step.
func (z *Zone) do(ctx context.Context, s Step) (undo, error) {
	n := z.spaces[s.On]
	if n == nil {
		return nil, errors.New("the zone has no such node")
	}
	switch {
	case s.Run != "":
		return z.undoRun(s), z.run(ctx, s.On, s.Run)
	case s.Nft != "":
		return z.undoRun(s), feed(ctx, n, z.fill(s.Nft), "nft", "-f", "-")
	case s.Sysctl != nil:
		return z.sysctls(s)
	case s.Radvd != "":
		return z.undoRadvd(s.On), z.runRadvd(ctx, s.On, z.config(s.Radvd))
	case s.Config != "":
		_, file := z.ofNode(s.On)
		return z.undoRadvd(s.On), os.WriteFile(file, []byte(z.config(s.Config)), 0o644)
	case s.Stop == "radvd":
		return z.undoRadvd(s.On), z.stopRadvd(s.On)
	case s.Stop == "dns":
		return func(context.Context) error { return z.startDNS() }, z.stopDNS()
	case s.Send != nil:
		return z.send(n, s)
	case s.Fill != 0:
		return z.fillConnections(n, s.Fill)
	}
	return z.api(s.API)
}

// fill fills in what a text leaves open.
func (z *Zone) fill(text string) string {
	family := z.options.Underlay
	return strings.NewReplacer("{files}", z.dir, "{kvm1}", underlay(family, "kvm1"), "{kvm2}", underlay(family, "kvm2"),
		"{interval}", z.intervalLines()).Replace(text)
}

// config is a radvd.conf of a scenario.
func (z *Zone) config(text string) string {
	if text == "good" {
		return z.radvdConf()
	}
	return z.fill(text)
}

// run runs a command on a node.
func (z *Zone) run(ctx context.Context, node, line string) error {
	_, err := z.output(ctx, node, line)
	return err
}

func (z *Zone) output(ctx context.Context, node, line string) (string, error) {
	words := strings.Fields(z.fill(line))
	path, _ := tool(words[0])
	return z.spaces[node].Output(ctx, path, words[1:]...)
}

func (z *Zone) undoRun(s Step) undo {
	if s.Undo == "" {
		return nil
	}
	return func(ctx context.Context) error {
		if s.Undo == undoFirewall {
			return z.firewall(ctx, z.spaces[s.On])
		}
		return z.run(ctx, s.On, s.Undo)
	}
}

// undoRadvd is as it should be: running on the virtual router, and not on its backup.
func (z *Zone) undoRadvd(node string) undo {
	return func(ctx context.Context) error {
		if node == "vr2" {
			return z.stopRadvd(node)
		}
		return z.runRadvd(ctx, node, z.radvdConf())
	}
}

// sysctls sets some, in the order of their names.
func (z *Zone) sysctls(s Step) (undo, error) {
	n := z.spaces[s.On]
	var names []string
	for name := range s.Sysctl {
		names = append(names, name)
	}
	slices.Sort(names)
	old := map[string]string{}
	restore := func(context.Context) error {
		var err error
		for name, value := range old {
			err = errors.Join(err, n.Sysctl(name, value))
		}
		return err
	}
	for _, name := range names {
		path := strings.ReplaceAll(strings.TrimPrefix(name, "net."), ".", "/")
		var was []byte
		err := n.Do(func() (err error) {
			was, err = os.ReadFile(filepath.Join("/proc/sys/net", path))
			return err
		})
		if err == nil {
			old[path] = strings.TrimSpace(string(was))
			err = n.Sysctl(path, s.Sysctl[name])
		}
		if err != nil {
			return nil, errors.Join(err, restore(context.Background()))
		}
	}
	return restore, nil
}

// api has networks.json tell something else.
func (z *Zone) api(fields map[string]string) (undo, error) {
	for name, value := range fields {
		z.network[name] = value
	}
	return func(context.Context) error {
		for name := range fields {
			delete(z.network, name)
		}
		return z.writeNetworks()
	}, z.writeNetworks()
}

func (z *Zone) writeNetworks() error {
	data, err := networksJSON(z.build, z.network)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(z.dir, networksFile), append(data, '\n'), 0o644)
}
