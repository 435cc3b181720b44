package vr

import (
	"bytes"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"v6probe/internal/expect"
)

// radvdDefault is where radvd looks for its configuration.
const radvdDefault = "/etc/radvd.conf"

// configOf returns the configuration that a command line gives to radvd.
func configOf(args []string, directory string) string {
	name := radvdDefault
	for i, a := range args {
		switch {
		case (a == "-C" || a == "--config") && i+1 < len(args):
			name = args[i+1]
		case strings.HasPrefix(a, "--config="):
			name = strings.TrimPrefix(a, "--config=")
		case strings.HasPrefix(a, "-C") && len(a) > 2:
			name = a[2:]
		}
	}
	if !filepath.IsAbs(name) && directory != "" {
		name = filepath.Join(directory, name)
	}
	return name
}

// load reads the configuration from the file called name, which is shown as r.File.
func (r *Radvd) load(name string) {
	data, err := readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		r.Missing = true
		return
	}
	if err != nil {
		r.Place.File = r.File
		r.Problem = err.Error()
		if pe := (*os.PathError)(nil); errors.As(err, &pe) {
			r.Problem = r.File + ": " + pe.Err.Error()
		}
		return
	}
	r.parse(data)
}

// parse reads the configuration.
func (r *Radvd) parse(data []byte) {
	r.Place.File = r.File
	if line, ok := begins(data); !ok {
		r.Place.Line = line
		r.Problem = r.Place.String() + ": it does not begin with an interface block"
		if line == 0 {
			r.Problem = r.File + ": there is nothing in it"
		}
		return
	}
	state, err := expect.Load([]expect.Source{{Name: r.File, Data: data}})
	if e := (*expect.Error)(nil); errors.As(err, &e) {
		r.Problem, r.Place, r.Hint = e.Error(), e.Place, e.Hint()
		return
	} else if err != nil {
		r.Problem = err.Error()
		return
	}
	r.State = state
}

// begins reports whether the first word of a radvd.conf is that of an interface block, and else the line of what is there
// instead, 0 for nothing.
func begins(data []byte) (line int, ok bool) {
	for n, l := range bytes.Split(data, []byte("\n")) {
		l = bytes.TrimSpace(bytes.TrimPrefix(l, []byte("\xef\xbb\xbf")))
		if len(l) == 0 || l[0] == '#' {
			continue
		}
		word := bytes.Fields(l)[0]
		return n + 1, strings.EqualFold(string(word), "interface")
	}
	return 0, false
}

// prefixes returns what the configuration advertises.
func (r *Radvd) prefixes() []netip.Prefix {
	var list []netip.Prefix
	if r.State != nil {
		for _, l := range r.State.Links {
			list = append(list, l.Prefixes...)
		}
	}
	return list
}
