package drops

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Namespaces names the network namespaces of this machine, and the devices in them. A name that it has given stays, even
// when a process ends or a device is renamed: what was counted belongs together. Names are as the kernel has them, and may
// hold any bytes. It is not for use by several goroutines at once.
type Namespaces struct {
	own    uint32
	device uint64   // of the file system that namespaces are files of
	dirs   []string // where ip netns keeps its names

	names   map[uint32]string // given
	devices map[deviceKey]string

	found map[uint32]owner // by the last search
	ended time.Time        // when that was over
	rest  time.Duration    // how long to keep from the next
}

// Nobody can make us remember more.
const maxNames = 8192

// OpenNamespaces returns what names namespaces. Our own is the one that it is called in.
func OpenNamespaces() *Namespaces {
	n := &Namespaces{
		dirs:    []string{"/run/netns", "/var/run/netns"},
		names:   make(map[uint32]string),
		devices: make(map[deviceKey]string),
	}
	var st unix.Stat_t
	if unix.Stat("/proc/thread-self/ns/net", &st) == nil {
		n.own, n.device = uint32(st.Ino), uint64(st.Dev)
	}
	return n
}

// ProcessNamespace returns the inode of the network namespace that a process is in. Of the processes of others it needs
// CAP_SYS_PTRACE.
func ProcessNamespace(pid int) (inode uint32, err error) {
	var st unix.Stat_t
	err = unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &st)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESRCH):
		return 0, fmt.Errorf("there is no process %d", pid)
	case errors.Is(err, os.ErrPermission):
		return 0, &fault{fmt.Errorf("no permission to see the network namespace of process %d", pid),
			"run as root, or give the inode number of the namespace"}
	case err != nil:
		return 0, fmt.Errorf("network namespace of process %d: %w", pid, err)
	}
	return uint32(st.Ino), nil
}

// Name returns the name of a network namespace: that of ip netns, or else the first process in it, as in
// "inode 4026532321 (radvd, pid 17)", or else its number alone. It is "" for our own, and for 0, which is none.
func (n *Namespaces) Name(inode uint32) string {
	if inode == 0 || inode == n.own {
		return ""
	}
	if name, ok := n.names[inode]; ok {
		return name
	}
	o, sure := n.owner(inode)
	name := o.name
	switch {
	case name != "":
	case o.pid != 0:
		name = fmt.Sprintf("inode %d (%s, pid %d)", inode, o.comm, o.pid)
	default:
		name = fmt.Sprintf("inode %d", inode)
	}
	if sure && len(n.names) < maxNames {
		n.names[inode] = name
	}
	return name
}

// Names returns the names that ip netns has given, sorted.
func (n *Namespaces) Names() []string {
	var names []string
	for _, o := range n.named() {
		names = append(names, o.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Find returns the inode of the network namespace that a user means: by its name by ip netns, by a process as "pid:17", or
// by its inode number. The error has a Hint with the names that there are.
func (n *Namespaces) Find(name string) (inode uint32, err error) {
	for _, o := range n.named() {
		if o.name == name {
			return o.inode, nil
		}
	}
	if process, ok := strings.CutPrefix(name, "pid:"); ok {
		pid, err := strconv.Atoi(process)
		if err != nil || pid <= 0 {
			return 0, fmt.Errorf("%q names no process: it takes a number, as in pid:17", name)
		}
		return ProcessNamespace(pid)
	}
	// Whether a number is one of a namespace cannot be asked: it may be held by a file descriptor, or by a process that is
	// hidden from us, as those outside of a container are.
	if number, err := strconv.ParseUint(name, 10, 32); err == nil && number >= leastInode {
		return uint32(number), nil
	}
	return 0, &fault{fmt.Errorf("there is no network namespace %q", name), n.advice()}
}

// leastInode is below all that kernels give to namespaces: they begin at 0xf0000000, the first ones a little below that. It
// is above all ids of processes.
const leastInode = 0xe0000000

// advice lists some of the names.
func (n *Namespaces) advice() string {
	const most = 10
	others := "pid:N takes that of a process, and a number is an inode"
	names := n.Names()
	if len(names) == 0 {
		return "ip netns has named none; " + others
	}
	var list []string
	for _, name := range names[:min(len(names), most)] {
		list = append(list, strconv.Quote(name))
	}
	if more := len(names) - most; more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	return "ip netns has named " + strings.Join(list, ", ") + "; " + others
}
