package drops

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// owner is who a namespace was found by. It is empty where nobody was.
type owner struct {
	inode uint32
	name  string // by ip netns
	comm  string // of a process, where ip netns has no name
	pid   int
	path  string // the namespace as a file, as long as the owner lasts
}

const (
	maxNamed = 4096
	// A search looks at a process, or at a thread, in some 5 µs.
	maxProcesses = 32 << 10
	maxThreads   = 64 << 10

	leastRest = 500 * time.Millisecond
)

// owner returns who the namespace belongs to. It is not sure that there is nobody where the last search is so recent that it
// does not search again.
func (n *Namespaces) owner(inode uint32) (o owner, sure bool) {
	if o, ok := n.found[inode]; ok {
		return o, true
	}
	if !n.ended.IsZero() && time.Since(n.ended) < n.rest {
		return owner{}, false
	}
	n.search()
	return n.found[inode], true
}

// search finds the namespaces of this machine. One that has neither a name nor a process, but is held by a file descriptor
// or mounted elsewhere, it does not see. However many processes there are, it takes 5 % of a CPU at most.
func (n *Namespaces) search() {
	began := time.Now()
	n.found = make(map[uint32]owner)
	for _, o := range n.named() {
		n.add(o)
	}
	processes := numbers("/proc", maxProcesses)
	slices.Sort(processes) // the first is likely to be what the namespace was made for
	for _, pid := range processes {
		n.addTask(pid, filepath.Join("/proc", strconv.Itoa(pid)))
	}
	// The threads of a process may be elsewhere. They come last: one that is in a namespace on an errand does not own it.
	threads := 0
	for _, pid := range processes {
		dir := filepath.Join("/proc", strconv.Itoa(pid), "task")
		if threads >= maxThreads {
			break
		}
		for _, tid := range numbers(dir, maxThreads-threads) {
			threads++
			if tid != pid {
				n.addTask(pid, filepath.Join(dir, strconv.Itoa(tid)))
			}
		}
	}
	n.ended = time.Now()
	n.rest = max(leastRest, 20*n.ended.Sub(began))
}

// named returns the namespaces that ip netns has names for, by name.
func (n *Namespaces) named() []owner {
	var list []owner
	for _, dir := range n.dirs {
		f, err := os.Open(dir)
		if err != nil {
			continue
		}
		names, _ := f.Readdirnames(maxNamed)
		f.Close()
		slices.Sort(names)
		for _, name := range names {
			path := filepath.Join(dir, name)
			if inode, err := n.stat(path); err == nil {
				list = append(list, owner{inode: inode, name: name, path: path})
			}
		}
	}
	return list
}

// addTask adds the namespace that a process, or a thread of it, is in.
func (n *Namespaces) addTask(pid int, dir string) {
	path := filepath.Join(dir, "ns/net")
	inode, err := n.stat(path)
	if err != nil {
		return // it may have ended meanwhile, or be another user's
	}
	if _, ok := n.found[inode]; ok {
		return
	}
	comm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		return
	}
	n.add(owner{inode: inode, comm: string(bytes.TrimSuffix(comm, []byte("\n"))), pid: pid, path: path})
}

// add adds an owner. The first that is found is kept.
func (n *Namespaces) add(o owner) {
	if _, ok := n.found[o.inode]; !ok && len(n.found) < maxNames {
		n.found[o.inode] = o
	}
}

var errNoNamespace = errors.New("not a namespace")

// stat returns the inode of the namespace that is mounted at, or linked from path.
func (n *Namespaces) stat(path string) (uint32, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, err
	}
	if uint64(st.Dev) != n.device {
		return 0, errNoNamespace // what a name was mounted on, before or after
	}
	return uint32(st.Ino), nil
}

// numbers returns the first entries of a directory whose names are numbers.
func numbers(dir string, most int) []int {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	var list []int
	for {
		names, err := f.Readdirnames(256)
		for _, name := range names {
			if number, err := strconv.Atoi(name); err == nil && len(list) < most {
				list = append(list, number)
			}
		}
		if err != nil || len(names) == 0 || len(list) == most {
			return list
		}
	}
}
