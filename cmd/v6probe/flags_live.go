package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// liveFlags are the flags of how a live interface is captured from.
type liveFlags struct {
	buffer    byteSize
	direction string
}

func (f *liveFlags) add(c *cobra.Command) {
	fs := c.Flags()
	fs.VarP(&f.buffer, "buffer", "B", "room for `SIZE` of frames that wait to be read, 512K, 64M; live only (default 16M)")
	fs.StringVarP(&f.direction, "direction", "Q", "inout", "frames of which `DIR`: in leaves out what this machine sends, inout is all; live only")
	complete(c, "direction", func() []string { return []string{"in", "inout"} })
	complete(c, "buffer", func() []string { return []string{"16M", "64M", "256M"} })
}

// check says what is wrong with the flags; reading is what is read instead of an interface, if anything.
func (f *liveFlags) check(c *cobra.Command, reading string) error {
	if f.direction != "in" && f.direction != "inout" {
		return hinted("one of: in, inout", "-Q: no such direction: %q", f.direction)
	}
	if reading != "" {
		return unused(c, "-r", "buffer", "direction")
	}
	return nil
}

// byteSize is a number of bytes on the command line, with the unit K, M or G, of 1024 each. A bare number is KiB, as it is to
// tcpdump's -B.
type byteSize int

const (
	leastBuffer = 256 << 10
	mostBuffer  = 1 << 30
)

const noSize = "a size is a number with K, M or G behind it: 512K, 64M"

// Set implements pflag.Value.
func (s *byteSize) Set(text string) error {
	digits, unit := text, int64(1<<10)
	if at := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' }); at >= 0 {
		digits = text[:at]
		switch strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(text[at:]), "B"), "I") {
		case "K":
		case "M":
			unit = 1 << 20
		case "G":
			unit = 1 << 30
		default:
			return errors.New(noSize)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil {
		return errors.New(noSize)
	}
	if n *= unit; n < leastBuffer || n > mostBuffer {
		return errors.New("it is from 256K to 1G")
	}
	*s = byteSize(n)
	return nil
}

// String implements pflag.Value.
func (s *byteSize) String() string {
	switch n := int(*s); {
	case n == 0:
		return ""
	case n%(1<<20) == 0:
		return strconv.Itoa(n>>20) + "M"
	default:
		return strconv.Itoa(n>>10) + "K"
	}
}

// Type implements pflag.Value.
func (s *byteSize) Type() string { return "SIZE" }
