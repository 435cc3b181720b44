package keeper

import (
	"context"
	"fmt"
	"os/exec"
	"slices"

	"v6probe/internal/lab/cloud"
)

// cloudZone is a zone of internal/lab/cloud.
type cloudZone struct{ *cloud.Zone }

// buildCloud builds one.
func buildCloud(ctx context.Context, o Options, log func(string)) (zone, func() error, error) {
	options := cloud.Options{Log: log, SecurityGroups: true}
	if o.Underlay6 {
		options.Underlay = 6
	}
	for _, name := range o.Faults {
		s, err := scenario(name)
		if err != nil {
			return nil, nil, err
		}
		options.Fault = append(options.Fault, s)
	}
	z, err := cloud.Up(ctx, options)
	if err != nil {
		return nil, nil, Explain(err)
	}
	c := cloudZone{z}
	return c, c.end, nil
}

func scenario(name string) (*cloud.Scenario, error) {
	all, err := cloud.Scenarios()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(s *cloud.Scenario) bool { return s.Name == name })
	if i < 0 {
		return nil, &Error{fmt.Sprintf("no fault is called %q", name), "list them: v6probe lab list"}
	}
	return all[i], nil
}

func (z cloudZone) Start(node string, cmd *exec.Cmd) error {
	ns, ok := z.Node(node)
	if !ok {
		return fmt.Errorf("there is no node %q", node)
	}
	return ns.Start(cmd)
}

func (z cloudZone) Fault(ctx context.Context, name string) error {
	s, err := scenario(name)
	if err != nil {
		return err
	}
	return z.Zone.Fault(ctx, s)
}

func (z cloudZone) Heal(ctx context.Context, name string) error {
	s, err := scenario(name)
	if err != nil {
		return err
	}
	return z.Zone.Heal(ctx, s)
}

// end ends the zone, and what commands left running in it.
func (z cloudZone) end() error {
	inodes := make(map[uint64]bool)
	for _, name := range z.Nodes() {
		ns, ok := z.Node(name)
		if !ok {
			continue
		}
		if inode, err := ns.Inode(); err == nil {
			inodes[uint64(inode)] = true
		}
	}
	err := z.Close()
	killStrays(inodes)
	return err
}
