package cloud

import (
	"encoding/json"
	"strconv"
)

// Identifiers in networks.json.
const (
	networkID = "5c2a61b0-6a3e-4f5b-9d0e-2f1c7b8d9e01"
	tierID    = "5c2a61b0-6a3e-4f5b-9d0e-2f1c7b8d9e02"
	publicID  = "5c2a61b0-6a3e-4f5b-9d0e-2f1c7b8d9e03"
)

// object is one of JSON.
type object = map[string]any

// networksJSON returns what CloudStack's API lists of a zone built so: networks, virtual machines and routers in one document.
// fields are those of the guests' network that are told otherwise.
func networksJSON(b Build, fields map[string]string) ([]byte, error) {
	network := networkObject(networkID, "lab", Prefix, Gateway, vni)
	network["redundantrouter"] = b.VR2
	for name, value := range fields {
		network[name] = value
		if n, err := strconv.Atoi(value); err == nil {
			network[name] = n
		}
	}
	nic := func(mac, address string) object {
		n := object{"id": "nic-" + mac, "macaddress": mac, "ip6address": address, "isdefault": true, "networkid": networkID,
			"networkname": "lab", "traffictype": "Guest", "type": "Isolated", "secondaryip": []object{}}
		for _, key := range []string{"ip6cidr", "ip6gateway", "broadcasturi"} {
			n[key] = network[key]
		}
		n["mtu"] = network["privatemtu"]
		return n
	}
	networks := []object{network}
	var machines []object
	for i, g := range guests() {
		machines = append(machines, object{"id": "5c2a61b0-6a3e-4f5b-9d0e-2f1c7b8da00" + strconv.Itoa(i+1), "name": g.node,
			"instancename": g.instance + "-VM", "hostname": g.host, "hypervisor": "KVM", "state": "Running", "haenable": false,
			"nic": []object{nic(g.mac, g.address)}})
	}
	router := func(id, name, host, mac, address, state string) object {
		return object{"id": id, "name": name, "hostname": host, "hypervisor": "KVM", "state": "Running",
			"isredundantrouter": b.VR2, "redundantstate": state, "requiresupgrade": false, "nic": []object{nic(mac, address)}}
	}
	state := "UNKNOWN"
	if b.VR2 {
		state = "PRIMARY"
	}
	first := router("5c2a61b0-6a3e-4f5b-9d0e-2f1c7b8db004", "r-4-VM", "kvm1", VRMAC, Gateway, state)
	public := object{"id": "nic-public", "ip6address": vrPublic, "ip6cidr": publicNetwork, "ip6gateway": Upstream,
		"isdefault": false, "mtu": serverMTU, "networkid": publicID, "networkname": "public", "traffictype": "Public",
		"secondaryip": []object{}}
	nics := []object{first["nic"].([]object)[0], public}
	if b.Tier2 {
		tier := networkObject(tierID, "lab-tier2", secondTier+gatewayLength, secondTier, vni+1)
		networks = append(networks, tier)
		second := nic(tier2MAC, secondTier)
		second["networkid"], second["networkname"] = tierID, tier["name"]
		for _, key := range []string{"ip6cidr", "ip6gateway", "broadcasturi"} {
			second[key] = tier[key]
		}
		nics = append(nics, second)
	}
	first["nic"] = nics
	routers := []object{first}
	if b.VR2 {
		routers = append(routers, router("5c2a61b0-6a3e-4f5b-9d0e-2f1c7b8db005", "r-5-VM", "kvm2", BackupMAC, Gateway, "BACKUP"))
	}
	return json.MarshalIndent(object{"network": networks, "virtualmachine": machines, "router": routers}, "", "  ")
}

// networkObject is an isolated network as listNetworks has it.
func networkObject(id, name, cidr, gateway string, segment int) object {
	return object{"id": id, "name": name, "displaytext": "the lab's", "type": "Isolated", "traffictype": "Guest",
		"internetprotocol": "DualStack", "broadcastdomaintype": "Vxlan", "broadcasturi": "vxlan://" + strconv.Itoa(segment),
		"ip6cidr": cidr, "ip6gateway": gateway, "ip6dns1": Server, "ip6routing": "Static",
		"ip6routes":  []object{{"subnet": cidr, "gateway": vrPublic}},
		"privatemtu": serverMTU, "publicmtu": serverMTU, "redundantrouter": false, "restartrequired": false, "state": "Implemented"}
}
