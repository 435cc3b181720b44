package drops

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// deviceKey tells devices apart: each namespace counts its own.
type deviceKey struct{ inode, index uint32 }

// Device returns the name of a device by its index in a network namespace. What is given as fallback was its name when the
// packet was dropped, and is right; without it the kernel is asked. To ask in another namespace than our own needs
// CAP_SYS_ADMIN. It is "ifindex 7" where the name cannot be had, and "" for 0, which is no device.
func (n *Namespaces) Device(inode, index uint32, fallback string) string {
	if index == 0 {
		return fallback
	}
	key := deviceKey{inode, index}
	known, ok := n.devices[key]
	switch {
	case fallback != "":
		if !ok {
			n.remember(key, fallback) // it may be gone when another packet came by it
		}
		return fallback
	case ok:
		return known
	}
	name, sure := n.ask(key)
	if name == "" {
		name = fmt.Sprintf("ifindex %d", index)
	}
	if sure {
		n.remember(key, name)
	}
	return name
}

func (n *Namespaces) remember(key deviceKey, name string) {
	if len(n.devices) < maxNames {
		n.devices[key] = name
	}
}

// ask asks the kernel for the name of a device. It is not sure that there is none where the namespace has not been found
// yet.
func (n *Namespaces) ask(key deviceKey) (name string, sure bool) {
	switch key.inode {
	case 0:
		return "", true
	case n.own:
		name, _ = deviceName(key.index)
		return name, true
	}
	o, sure := n.owner(key.inode)
	if o.path == "" {
		return "", sure
	}
	err := n.inside(o, func() (err error) {
		name, err = deviceName(key.index)
		return err
	})
	if err == errNoNamespace {
		delete(n.found, key.inode) // its owner has ended: another may be found next time
		return "", false
	}
	return name, true
}

// Enter runs f in a network namespace, on a thread that ends with it: what f opens is that namespace's. The error is that of
// f, or says why the namespace cannot be entered, with a Hint: that takes CAP_SYS_ADMIN, and a name or a process that it can
// be found by. In our own f is just called.
func (n *Namespaces) Enter(inode uint32, f func() error) error {
	if inode == n.own {
		return f()
	}
	entered := false
	for range 2 { // its owner may have ended: there may be another one
		o, _ := n.owner(inode)
		if o.path == "" {
			break
		}
		err := n.inside(o, func() error {
			entered = true
			return f()
		})
		switch {
		case entered:
			return err
		case errors.Is(err, os.ErrPermission):
			return &fault{errors.New("no permission to enter the network namespace"), "run as root, or with cap_sys_admin"}
		case err != errNoNamespace:
			return fmt.Errorf("enter the network namespace: %w", err)
		}
		delete(n.found, inode)
	}
	return &fault{errors.New("no process is found in the network namespace, and no name"), "run as root: it finds those of all users"}
}

// Gone reports whether a namespace can be found no more, neither by a name nor by a process. Where the last search is too
// recent for another one, it says no.
func (n *Namespaces) Gone(inode uint32) bool {
	if inode == n.own {
		return false
	}
	if o, ok := n.found[inode]; ok {
		if got, err := n.stat(o.path); err == nil && got == inode {
			return false
		}
		delete(n.found, inode)
	}
	o, sure := n.owner(inode)
	return sure && o.path == ""
}

// inside runs f on a thread in a namespace, if its owner still is there. Nothing is left behind that would hold the
// namespace.
func (n *Namespaces) inside(o owner, f func() error) error {
	fd, err := unix.Open(o.path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return errNoNamespace
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || uint64(st.Dev) != n.device || uint32(st.Ino) != o.inode {
		return errNoNamespace
	}
	return enter(fd, f)
}

// enter runs f on a thread of its own in the namespace fd.
func enter(fd int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			// The first thread would never end. While it waits, another goroutine has to run on another one.
			done <- enter(fd, f)
			runtime.UnlockOSThread()
			return
		}
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// deviceName returns the name of a device in the namespace that the thread is in. Unlike net.InterfaceByIndex it does not
// have the kernel list all devices, of which a hypervisor has thousands.
func deviceName(index uint32) (string, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("")
	if err != nil {
		return "", err
	}
	request.SetUint32(index)
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFNAME, request); err != nil {
		return "", err
	}
	return request.Name(), nil
}
