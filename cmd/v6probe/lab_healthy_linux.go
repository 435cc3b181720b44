package main

import "v6probe/internal/lab/cloud"

// healthyZone is the name of the zone without a fault.
const healthyZone = "healthy"

// labScenarios returns the scenario of a name, or for healthyZone one for each command that finds nothing there.
func labScenarios(name string) ([]*cloud.Scenario, error) {
	if name == healthyZone {
		return healthyScenarios(), nil
	}
	s, err := findScenario(name)
	if err != nil {
		return nil, err
	}
	return []*cloud.Scenario{s}, nil
}

// healthyScenarios are what is run where nothing is wrong: every role's command. A warning would be a false alarm, too.
func healthyScenarios() []*cloud.Scenario {
	var all []*cloud.Scenario
	add := func(role, node string, command ...string) {
		all = append(all, &cloud.Scenario{
			Name: healthyZone, About: "nothing is wrong", Role: role, Node: node, Command: append(command, "--fail-on", "warning"),
		})
	}
	for _, guest := range []string{"guest1", "guest2", "guest3"} {
		add("guest", guest, "slaac", "-i", "eth0", "--target", cloud.Server)
	}
	add("vr", "vr", "vr", "-i", "eth0", "--expect", "{files}/radvd.conf", "--expect", "{files}/networks.json")
	for _, host := range []string{"kvm1", "kvm2"} {
		add("kvm", host, "kvm")
		add("kvm", host, "kvm", "trace")
	}
	return all
}
