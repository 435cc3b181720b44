package vr

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"v6probe/internal/filter"
	"v6probe/internal/host"
)

// Read reads this machine, in the network namespace of the calling thread. What cannot be read is told in the Facts; an error
// says that nothing can be told. Choose is left to the caller.
func Read(o Options) (*Facts, error) {
	f := &Facts{Role: readRole(o)}
	links, err := host.Links()
	if err != nil {
		return nil, fmt.Errorf("interfaces: %w", err)
	}
	for _, l := range links {
		d, err := host.ReadDevice(l.Name)
		if err != nil {
			continue // it has gone meanwhile
		}
		i := Interface{Device: d}
		if c, err := host.ReadConf(l.Name); err == nil {
			i.Conf = &c
		}
		i.Addresses, _ = host.OwnAddresses(l.Index)
		f.Interfaces = append(f.Interfaces, i)
	}
	f.All, err = host.ReadConf("all")
	f.NoIPv6 = errors.Is(err, fs.ErrNotExist)
	if err != nil {
		f.AllUnread = err.Error()
	}
	f.readWorld()
	f.readRadvd(o)
	f.Role.settle(o, f.iface(f.choosePublic()))
	f.Connections = readConnections()
	f.Neighbors = readNeighbors()
	if f.Backlog.Before, err = ReadBacklog(); err != nil {
		f.Backlog.Unread = err.Error()
	}
	f.Backlog.After = f.Backlog.Before
	ctx, cancel := context.WithTimeout(context.Background(), filterTime)
	defer cancel()
	if f.Filter, err = filter.Read(ctx); err != nil {
		f.Filter, f.FilterError = nil, err.Error()
	}
	return f, nil
}

// filterTime is how long the reading of the packet filter may take: it runs programs of others.
const filterTime = 15 * time.Second

func (f *Facts) readWorld() {
	w, err := host.Route(nobodys, "", netip.Addr{})
	if err != nil {
		f.NoWorld = strings.ReplaceAll(err.Error(), "no route to "+nobodys.String(), "the kernel knows no way to addresses of the world")
		for _, kind := range []string{"unreachable", "prohibit", "blackhole"} {
			if r := (*host.Refusal)(nil); errors.As(err, &r) && strings.HasSuffix(r.Reason, " says "+kind) {
				f.Refused = kind
			}
		}
		return
	}
	f.World = &w
}

// readRadvd looks for radvd, and for others that may advertise, and reads radvd's configuration.
func (f *Facts) readRadvd(o Options) {
	r := &f.Radvd
	f.findSenders()
	for _, name := range []string{"/usr/sbin/radvd", "/sbin/radvd", "/usr/local/sbin/radvd", "/usr/bin/radvd"} {
		if _, err := os.Stat(name); err == nil {
			r.Installed = true
		}
	}
	name := o.Radvd
	switch {
	case name != "":
		r.File = name
	case r.Running && r.File != "":
		// A daemon in a container has a root of its own.
		name = fmt.Sprintf("/proc/%d/root%s", r.PID, r.File)
		if _, err := os.Stat(name); err != nil {
			name = r.File
		}
	default:
		r.File = radvdDefault
		name = r.File
	}
	r.load(name)
	r.File = printable(r.File)
	r.Ways = make(map[netip.Prefix]string)
	for _, p := range r.prefixes() {
		if w, err := host.Route(p.Addr().Next(), "", netip.Addr{}); err == nil && !w.Gateway.IsValid() {
			r.Ways[p] = w.Device
			if w.Local {
				r.Ways[p] = w.Holder
			}
		}
	}
}

// senders are the programs, by the names that the kernel has for them, that may send Router Advertisements.
var senders = map[string]string{
	"dnsmasq": "dnsmasq", "systemd-network": "systemd-networkd", "bird": "bird", "bird6": "bird", "zebra": "zebra",
	"odhcpd": "odhcpd", "corerad": "corerad", "rad": "rad", "rtadvd": "rtadvd",
}

// findSenders looks for processes in the network namespace of this thread.
func (f *Facts) findSenders() {
	own, err := os.Readlink("/proc/thread-self/ns/net")
	list, err2 := os.ReadDir("/proc")
	if err = errors.Join(err, err2); err != nil {
		f.Radvd.Unsure = err.Error()
		return
	}
	for _, e := range list {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := "/proc/" + e.Name()
		comm, err := os.ReadFile(dir + "/comm")
		name := strings.TrimSpace(string(comm))
		other, known := senders[name]
		if err != nil || !known && name != "radvd" || zombie(dir) {
			continue
		}
		netns, err := os.Readlink(dir + "/ns/net")
		switch {
		case errors.Is(err, fs.ErrPermission) && name == "radvd":
			f.Radvd.Unsure = fmt.Sprintf("radvd (%d) runs; whether here or in another network namespace only root may see", pid)
		case err != nil || netns != own:
		case known:
			f.Senders = append(f.Senders, fmt.Sprintf("%s (%d)", other, pid))
		case !f.Radvd.Running:
			f.Radvd.Running, f.Radvd.PID = true, pid
			cmdline, _ := os.ReadFile(dir + "/cmdline")
			directory, _ := os.Readlink(dir + "/cwd")
			f.Radvd.File = configOf(strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00"), directory)
		}
	}
	if f.Radvd.Running {
		f.Radvd.Unsure = ""
	}
}

// zombie reports whether a process has ended and is only waited for.
func zombie(dir string) bool {
	stat, _ := os.ReadFile(dir + "/stat")
	i := strings.LastIndexByte(string(stat), ')')
	return i >= 0 && strings.HasPrefix(strings.TrimSpace(string(stat[i+1:])), "Z")
}
