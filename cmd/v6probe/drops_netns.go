package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"v6probe/internal/capture"
	"v6probe/internal/drops"
	"v6probe/internal/host"
)

// namespaces are the network namespaces of a machine. drops.Namespaces are.
type namespaces interface {
	Find(name string) (inode uint32, err error)
	Name(inode uint32) string
	Names() []string
	Enter(inode uint32, f func() error) error
	Gone(inode uint32) bool
}

// find finds the namespace that --netns names.
func (s *dropScope) find(m machine) error {
	spaces := m.namespaces()
	inode, err := spaces.Find(s.netns)
	if err != nil {
		hint := "see them: ip netns"
		if strings.HasPrefix(s.netns, "pid:") {
			hint = "see them, with a process of each: lsns -t net"
		}
		return withHint(hint, err)
	}
	s.inode, s.name = inode, spaces.Name(inode)
	if s.ours() {
		return nil
	}
	s.spaces, s.found = spaces, !spaces.Gone(inode)
	s.links = func() ([]host.Link, error) { return m.linksIn(spaces, inode) }
	return nil
}

// linksIn returns the interfaces of a namespace.
func (m machine) linksIn(spaces namespaces, inode uint32) (links []host.Link, err error) {
	err = spaces.Enter(inode, func() (err error) {
		links, err = m.links()
		return err
	})
	return links, err
}

// interfacesIn names the interfaces that -i can be with a value of --netns, as far as they can be known.
func (m machine) interfacesIn(netns string) []string {
	if netns == "" || netns == allNamespaces {
		return capture.InterfaceNames()
	}
	spaces := m.namespaces()
	inode, err := spaces.Find(netns)
	if err != nil {
		return nil
	}
	links, err := m.linksIn(spaces, inode)
	if err != nil {
		return nil
	}
	return linkNames(links)
}

// noInterface says that there is no such interface among links, which are all there are, and where there is one.
func (s *dropScope) noInterface(m machine, links []host.Link) error {
	in, hint := "", "interfaces here: "
	if s.name != "" {
		in, hint = " in namespace "+s.name, "interfaces there: "
	}
	hint += strings.Join(linkNames(links), ", ")
	if other := s.whereElse(m); other != "" {
		hint = other + "; " + hint
	}
	return hinted(hint, "%s: no such interface%s", s.iface, in)
}

// maxSearched bounds in how many namespaces an interface is looked for.
const maxSearched = 64

// whereElse tells in which other namespace the interface is, "" where it is not found.
func (s *dropScope) whereElse(m machine) string {
	has := func(links []host.Link, err error) bool {
		return err == nil && slices.ContainsFunc(links, func(l host.Link) bool { return l.Name == s.iface })
	}
	if !s.ours() && has(m.links()) {
		return s.iface + " is in the namespace of v6probe itself: leave --netns out"
	}
	if m.namespaces == nil {
		return ""
	}
	spaces := m.namespaces()
	names := spaces.Names()
	for _, name := range names[:min(len(names), maxSearched)] {
		if inode, err := spaces.Find(name); err == nil && inode != s.inode && has(m.linksIn(spaces, inode)) {
			return s.iface + " is in namespace " + name + ": --netns " + name
		}
	}
	return ""
}

// warning says what the counting is not about although it was asked for, "" for nothing.
func (s *dropScope) warning() string {
	if s.blind == nil {
		return ""
	}
	text := s.iface + ": what belongs to it, such as the ports of a bridge, cannot be read in namespace " + s.name + ": " +
		s.blind.Error()
	var h interface{ Hint() string }
	if errors.As(s.blind, &h) {
		text += " (" + h.Hint() + ")"
	}
	return oneLine(text + "; only what is dropped at " + s.iface + " itself is counted")
}

// lostNote says how many packets are of a namespace that is not known, "" for none.
func (s *dropScope) lostNote() string {
	noun := " packets"
	switch s.lost {
	case 0:
		return ""
	case 1:
		noun = " packet"
	}
	text := strconv.FormatUint(s.lost, 10) + noun + " whose namespace is not known"
	if s.netns == allNamespaces {
		return text + ": they had lost their device"
	}
	return "not shown: " + text + "; --netns all shows them"
}

// gone returns an error once the namespace is gone.
func (s *dropScope) gone() error {
	if !s.found || !s.spaces.Gone(s.inode) {
		return nil
	}
	return hinted("neither a name nor a process of it is left", "namespace %s is gone", s.name)
}

// whatIsNone returns what looks like a drop in the namespace and is none, with commands that are to be run from here. It is
// nothing for every namespace, and an error where another than ours could not be entered.
func (s *dropScope) whatIsNone(m machine) (list []host.Statement, err error) {
	switch {
	case s.netns == allNamespaces:
		return nil, nil
	case s.spaces == nil:
		return m.whatIsNone(s.iface), nil
	}
	err = s.spaces.Enter(s.inode, func() error {
		list = m.whatIsNone(s.iface)
		return nil
	})
	for i := range list {
		list[i].Fix = drops.CommandsIn(s.name, list[i].Fix)
	}
	return list, err
}
