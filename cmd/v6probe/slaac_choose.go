package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/pipeline"
	"v6probe/internal/rule"
)

// chosen is a host to follow, and where it is.
type chosen struct {
	mac  packet.MAC
	link packet.Link
	why  choice
}

// choice says why it is this host.
type choice uint8

// The reasons for a host.
const (
	given     choice = iota // --mac
	solicited               // the first that asked for a router
	tested                  // the first that tested an address
	example                 // there is none in the capture
	own                     // the interface that is listened on
)

// String is the choice in JSON.
func (c choice) String() string {
	return [...]string{"given", "solicited", "tested", "example", "interface"}[c]
}

// words says the choice for a headline. present says that the host itself is in the capture.
func (c choice) words(present bool) string {
	switch {
	case c == solicited:
		return "the first guest that solicited a router here"
	case c == tested:
		return "the first guest that tested an address here"
	case c == example:
		return "an example: no guest solicited or tested an address here"
	case present:
		return "as told"
	}
	return "as told; it is not heard here itself"
}

// exampleMAC is the host's where the capture has none.
var exampleMAC = packet.MAC{0x02, 0, 0, 0, 0, 0x0a}

// choose reads the capture once to find the host: the first guest in it, or the one that --mac names and the link it is on.
func (f *slaacFlags) choose(c *cobra.Command) (chosen, error) {
	mac, err := f.given(c)
	if err != nil {
		return chosen{}, err
	}
	remove, err := f.readTwice(c)
	if err != nil {
		return chosen{}, err
	}
	defer remove()
	source, err := capture.OpenFile(f.read, c.InOrStdin(), capture.Filter{})
	if err != nil {
		return chosen{}, withHint(captureHint, err)
	}
	s := &scout{given: mac}
	// Damage is told by the run that follows; until there the capture tells as much as it does then.
	_, _ = pipeline.Run(c.Context(), pipeline.Options{Source: source, Checker: s, Sink: s, Wanted: nothing})
	source.Close()
	if err := c.Context().Err(); err != nil {
		return chosen{}, err
	}
	if err := rewind(f.read, c.InOrStdin()); err != nil {
		return chosen{}, err
	}
	return s.choice(), nil
}

// given returns what --mac says; the zero MAC when it is not there.
func (f *slaacFlags) given(c *cobra.Command) (packet.MAC, error) {
	if !c.Flags().Changed("mac") {
		return packet.MAC{}, nil
	}
	a, err := net.ParseMAC(f.mac)
	if err != nil || len(a) != len(packet.MAC{}) {
		return packet.MAC{}, hinted("for example --mac 02:01:00:cb:00:05", "--mac: not an Ethernet address: %q", f.mac)
	}
	if m := packet.MAC(a); m[0]&1 == 0 && m != (packet.MAC{}) {
		return m, nil
	}
	return packet.MAC{}, hinted("for example --mac 02:01:00:cb:00:05", "--mac: %s is no address of one interface", a)
}

// readTwice makes what is no file one: a copy of it becomes standard input. remove does away with that, which the open file
// outlives.
func (f *slaacFlags) readTwice(c *cobra.Command) (remove func(), err error) {
	in := c.InOrStdin()
	if f.read != "-" {
		info, err := os.Stat(f.read)
		if err != nil || info.Mode().IsRegular() || info.IsDir() {
			return func() {}, nil // what cannot be opened is told by who opens it
		}
		pipe, err := os.Open(f.read)
		if err != nil {
			return nil, withHint(captureHint, err)
		}
		defer pipe.Close()
		in = pipe
	} else if file, ok := in.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			return func() {}, nil
		}
	}
	file, err := os.CreateTemp("", "v6probe-slaac-")
	if err != nil {
		return nil, fmt.Errorf("a copy of what is read is needed: %w", err)
	}
	remove = func() { os.Remove(file.Name()) }
	_, err = io.Copy(file, in)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		remove()
		return nil, fmt.Errorf("a copy of what is read is needed: %w", err)
	}
	f.read = "-"
	c.SetIn(file)
	return remove, nil
}

// rewind goes back to the beginning of standard input, if that is what is read.
func rewind(name string, in io.Reader) error {
	file, ok := in.(io.Seeker)
	if name != "-" || !ok {
		return nil
	}
	_, err := file.Seek(0, io.SeekStart)
	return err
}

func nothing(*packet.Packet) (message, counts bool) { return false, false }

// What a scout keeps at most.
const (
	maxCandidates = 1024
	maxSenders    = 1024
)

// scout looks for the host to follow.
type scout struct {
	given packet.MAC

	candidates []chosen     // who solicited or tested an address, in the order of their first
	routers    []packet.MAC // who advertises
	givenLink  *packet.Link // where given was first seen
	raLink     *packet.Link // of the first advertisement
	firstLink  *packet.Link
}

// Packet takes in p.
func (s *scout) Packet(p *packet.Packet) []rule.Finding {
	if !p.IsICMPv6 || p.IsPiece() {
		return nil
	}
	link, mac := p.Link(), p.EthernetSource
	first(&s.firstLink, link)
	if mac == s.given {
		first(&s.givenLink, link)
	}
	m := &p.Message
	switch {
	case m.Type == icmp6.TypeRouterAdvertisement:
		first(&s.raLink, link)
		if len(s.routers) < maxSenders && !slices.Contains(s.routers, mac) {
			s.routers = append(s.routers, mac)
		}
	case m.Type == icmp6.TypeRouterSolicitation:
		s.candidate(chosen{mac, link, solicited})
	case m.Type == icmp6.TypeNeighborSolicitation && p.Source.IsUnspecified():
		s.candidate(chosen{mac, link, tested})
	}
	return nil
}

func first(at **packet.Link, link packet.Link) {
	if *at == nil {
		*at = &link
	}
}

func (s *scout) candidate(c chosen) {
	if c.mac == (packet.MAC{}) || c.mac[0]&1 != 0 || len(s.candidates) == maxCandidates {
		return
	}
	for _, old := range s.candidates {
		if old.mac == c.mac {
			return
		}
	}
	s.candidates = append(s.candidates, c)
}

// choice returns the host: who advertises is none.
func (s *scout) choice() chosen {
	c := chosen{mac: s.given, why: given}
	if s.given == (packet.MAC{}) {
		for _, c := range s.candidates {
			if !slices.Contains(s.routers, c.mac) {
				return c
			}
		}
		c = chosen{mac: exampleMAC, why: example}
	} else if s.givenLink != nil {
		c.link = *s.givenLink
		return c
	}
	switch {
	case s.raLink != nil:
		c.link = *s.raLink
	case s.firstLink != nil:
		c.link = *s.firstLink
	}
	return c
}

// Finish ends nothing: a scout judges nothing.
func (s *scout) Finish(bool) []rule.Finding { return nil }

// Message and Finding are never called.
func (s *scout) Message(*packet.Packet, []rule.Finding) error { return nil }
func (s *scout) Finding(rule.Finding) error                   { return nil }
