package guest

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// A client is a program that configures interfaces, as /proc names its process.
type client struct {
	comm string // at most 15 bytes (TASK_COMM_LEN)
	name string
	ra   bool // it takes Router Advertisements itself
}

const (
	commNetworkd       = "systemd-network"
	commNetworkManager = "NetworkManager"
)

func clients() []client {
	return []client{
		{commNetworkd, "systemd-networkd", true}, {commNetworkManager, "NetworkManager", true}, {"dhcpcd", "dhcpcd", true},
		{"wickedd", "wickedd", true}, {"connmand", "connmand", true}, {"odhcp6c", "odhcp6c", true}, {"dhclient", "dhclient", false},
	}
}

// maxProcesses bounds how many processes are looked at.
const maxProcesses = 1 << 16

// readManagers looks for programs that may configure the interface in the kernel's place. Those of another network namespace
// know another interface by the same index, and are left out where that can be told. All is that every process is seen.
func (f *Facts) readManagers(root fs.FS, index int, all bool) {
	running, err := runningClients(root)
	f.missed(PartManagers, err)
	state := fmt.Sprintf("run/systemd/netif/links/%d", index)
	if fields := readFields(root, state); fields != nil && running[commNetworkd].here(all) {
		m := Manager{Name: "systemd-networkd", Evidence: "/" + state + ": ADMIN_STATE=" + escape(fields["ADMIN_STATE"])}
		admin := fields["ADMIN_STATE"]
		m.Manages = admin == "configured" || admin == "configuring"
		m.RA = m.Manages && !refusesRA(root, fields)
		f.Managers = append(f.Managers, m)
	}
	state = fmt.Sprintf("run/NetworkManager/devices/%d", index)
	if fields := readFields(root, state); fields != nil && running[commNetworkManager].here(all) {
		managed := fields["managed"]
		m := Manager{Name: "NetworkManager", Evidence: "/" + state + ": managed=" + escape(managed)}
		m.Manages = managed == "true" || managed == "1"
		m.RA = m.Manages
		f.Managers = append(f.Managers, m)
	}
	for _, c := range clients() {
		if p := running[c.comm]; c.comm != commNetworkd && c.comm != commNetworkManager && p.pid != "" && p.here(all) {
			f.Managers = append(f.Managers, Manager{Name: c.name, RA: c.ra, Evidence: "process " + p.pid + " (" + c.comm + ")"})
		}
	}
}

// process is where a client runs.
type process struct {
	pid       string // "" where none was seen
	elsewhere bool   // in another network namespace
}

// here reports whether the client may be one of this network namespace. One that is not seen runs where others' processes are
// hidden, perhaps, but not where all are seen: then a file of its is left over, or another container's.
func (p process) here(all bool) bool {
	if p.pid == "" {
		return !all
	}
	return !p.elsewhere
}

// runningClients looks for the processes of clients by their names. Of several the one in this network namespace counts.
func runningClients(root fs.FS) (map[string]process, error) {
	entries, err := fs.ReadDir(root, "proc")
	if err != nil {
		return nil, err
	}
	own, _ := fs.ReadLink(root, "proc/thread-self/ns/net")
	found := make(map[string]process)
	for i, e := range entries {
		pid := e.Name()
		if i == maxProcesses || strings.Trim(pid, "0123456789") != "" {
			continue
		}
		b, err := fs.ReadFile(root, path.Join("proc", pid, "comm"))
		if err != nil {
			continue // it has ended
		}
		comm := strings.TrimSpace(string(b))
		if known, seen := found[comm]; !isClient(comm) || seen && !known.elsewhere {
			continue
		}
		space, err := fs.ReadLink(root, path.Join("proc", pid, "ns/net"))
		found[comm] = process{pid, err == nil && own != "" && space != own}
	}
	return found, nil
}

func isClient(comm string) bool {
	for _, c := range clients() {
		if c.comm == comm {
			return true
		}
	}
	return false
}

// readFields reads the lines NAME=VALUE of a small file, the last of a name; nil where there is no such file.
func readFields(root fs.FS, name string) map[string]string {
	b, err := fs.ReadFile(root, name)
	if err != nil || len(b) > maxFile {
		return nil
	}
	fields := make(map[string]string)
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			fields[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return fields
}

// refusesRA reports whether the files that systemd-networkd has for a link say that it takes no advertisements
// (systemd.network(5), IPv6AcceptRA=). The last one counts.
func refusesRA(root fs.FS, link map[string]string) bool {
	refuses := false
	files := append([]string{link["NETWORK_FILE"]}, strings.Fields(link["NETWORK_FILE_DROPINS"])...)
	for _, name := range files {
		name = strings.TrimPrefix(path.Clean(strings.Trim(name, `"`)), "/")
		switch readFields(root, name)["IPv6AcceptRA"] {
		case "no", "false", "off", "0", "n", "f":
			refuses = true
		case "yes", "true", "on", "1", "y", "t":
			refuses = false
		}
	}
	return refuses
}
