package dropzone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// network is a case that is being built, or is built. The first error sticks: what follows it does nothing.
type network struct {
	ctx     context.Context
	spaces  map[string]*lab.Namespace
	shown   map[string]string // how v6probe calls each of them
	closers []func() error
	send    []func() error // what loses the packets
	verify  []func() error // whether the packets went where they should, by other means than v6probe's
	err     error
}

func newNetwork(ctx context.Context) *network {
	return &network{ctx: ctx, spaces: map[string]*lab.Namespace{}, shown: map[string]string{}}
}

// close ends all that the network is made of, the last first.
func (n *network) close() error {
	var err error
	for i := len(n.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, n.closers[i]())
	}
	return err
}

// do calls f unless there was an error, and keeps the one that it returns.
func (n *network) do(f func() error) {
	if n.err == nil {
		n.err = f()
	}
}

// space returns the namespace of a part, without IPv6 on what is added to it, so that it says nothing of its own.
func (n *network) space(part string) *lab.Namespace {
	if s := n.spaces[part]; s != nil || n.err != nil {
		return s
	}
	s, err := lab.New()
	if err != nil {
		n.err = err
		return nil
	}
	n.closers = append(n.closers, s.Close)
	inode, err := s.Inode()
	n.err = errors.Join(err, s.Sysctl("ipv6/conf/default/disable_ipv6", "1"))
	n.spaces[part], n.shown[part] = s, fmt.Sprintf("inode %d", inode)
	return s
}

// named gives the namespace of a part a name of its own.
func (n *network) named(part string) {
	s := n.space(part)
	n.do(func() error {
		name := fmt.Sprintf("lab-%s-%s", part, strings.TrimPrefix(n.shown[part], "inode "))
		unbind, err := s.Bind(name)
		if err == nil {
			n.closers = append(n.closers, unbind)
			n.shown[part] = name
		}
		return err
	})
}

// host returns the namespace of a part that has IPv6, uses its addresses at once and does not ask for routers.
func (n *network) host(part string) *lab.Namespace {
	s := n.space(part)
	n.do(func() error {
		return errors.Join(s.SkipDAD(), s.Sysctl("ipv6/conf/default/disable_ipv6", "0"),
			s.Sysctl("ipv6/conf/default/router_solicitations", "0"))
	})
	return s
}

// router returns the namespace of a part that forwards and answers as often as it is asked.
func (n *network) router(part string) *lab.Namespace {
	s := n.host(part)
	n.sysctl(part, "ipv6/conf/all/forwarding", "1")
	n.sysctl(part, "ipv6/icmp/ratelimit", "0")
	return s
}

// wire joins two parts, given as "part:interface", each with its Ethernet address or "".
func (n *network) wire(a, aMAC, b, bMAC string) {
	aPart, aName, _ := strings.Cut(a, ":")
	bPart, bName, _ := strings.Cut(b, ":")
	x, y := n.space(aPart), n.space(bPart)
	n.do(func() error {
		return lab.Veth(lab.End{NS: x, Name: aName, MAC: aMAC}, lab.End{NS: y, Name: bName, MAC: bMAC})
	})
}

// sysctl writes a setting. One that is not there belongs to a module that is not.
func (n *network) sysctl(part, name, value string) {
	n.do(func() error {
		err := n.spaces[part].Sysctl(name, value)
		if errors.Is(err, os.ErrNotExist) {
			return &Missing{What: "the setting net/" + name, Kernel: true, Err: err}
		}
		return err
	})
}

// run runs a program with arguments, separated by blanks, in the namespace of a part.
func (n *network) run(part, program, args string) {
	n.command(part, "", program, strings.Fields(args)...)
}

// nft runs a script of nft.
func (n *network) nft(part, script string) { n.command(part, script, "nft", "-f", "-") }

func (n *network) command(part, stdin, program string, args ...string) {
	n.do(func() error {
		path, err := exec.LookPath(program)
		if err != nil {
			return &Missing{What: program, Err: err}
		}
		cmd := exec.CommandContext(n.ctx, path, args...)
		cmd.Stdin = strings.NewReader(stdin)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err = n.spaces[part].Run(cmd); err == nil {
			return nil
		}
		err = fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
		if unsupported(said.String()) {
			return &Missing{What: "the kernel's part of " + program, Kernel: true, Err: err}
		}
		return err
	})
}

// unsupported reports whether a program complains of the kernel, not of what it was told.
func unsupported(said string) bool {
	for _, words := range []string{"not supported", "No such file or directory", "does not exist", "can't initialize",
		"missing kernel module", "Protocol not available", "Specified qdisc kind is unknown", "Unknown device type",
		"The kernel doesn't support"} {
		if strings.Contains(said, words) {
			return true
		}
	}
	return false
}

// needs turns the error of what the kernel was asked for into Missing where the kernel does not know it.
func needs(what string, err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.ENOSYS) {
		return &Missing{What: what, Kernel: true, Err: err}
	}
	return err
}

// count is how many packets a case sends, unless it says otherwise.
const count = 7

// inject has a frame sent count times out of an interface, "part:interface", when v6probe is counting.
func (n *network) inject(place string, frame []byte) { n.injectTimes(count, place, frame) }

func (n *network) injectTimes(times int, place string, frame []byte) {
	part, name, _ := strings.Cut(place, ":")
	space := n.space(part)
	n.send = append(n.send, func() error {
		for range times {
			// The kernel tells a sender of some drops by this error.
			if err := space.Inject(name, frame); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return err
			}
		}
		return nil
	})
}

// The packet by which one learns that those before it have been counted. Nobody else sends that type, which is for private
// experiments.
const (
	markType = 200
	markName = "mark0"
)

// markable gives a part an interface whose packets are dropped at its other end, in the same namespace.
func (n *network) markable(part string) {
	n.space(part)
	n.wire(part+":"+markName, "", part+":mark1", "")
	n.sysctl(part, "ipv6/conf/mark0/disable_ipv6", "1")
	n.sysctl(part, "ipv6/conf/mark1/disable_ipv6", "1")
}

func mark(space *lab.Namespace) error {
	message := craft.Join([]byte{markType, 0, 0, 0}, make([]byte, 4))
	return space.Inject(markName, craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, message))
}
