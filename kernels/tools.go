//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// program is one of this machine's that goes into the virtual machines, with its Debian package.
type program struct{ name, debian string }

// needed are the programs without which nothing can be tried.
var needed = [...]program{{"ip", "iproute2"}, {"bridge", "iproute2"}, {"tc", "iproute2"},
	{"nft", "nftables"}, {"kmod", "kmod"}}

// useful are those that only some cases need, which say so.
var useful = [...]program{{"xtables-nft-multi", "iptables"}, {"xtables-legacy-multi", "iptables"},
	{"ebtables-legacy", "ebtables"}, {"radvd", "radvd"}, {"ping", "iputils-ping"}}

// programs is where they go, and where symbolic links are named after what the programs with many names do.
const programs = "/usr/sbin"

// extensions are what the programs load by themselves, and the protocols that ebtables knows by name.
var extensions = [...]string{"/usr/lib/x86_64-linux-gnu/xtables/*.so", "/etc/ethertypes", "/etc/protocols"}

// addPrograms adds programs of this machine with their libraries. It returns the useful ones that are not installed.
func addPrograms(ctx context.Context, t tree) (missing []program, err error) {
	var files []string
	for _, p := range slices.Concat(needed[:], useful[:]) {
		file, err := lookPath(p.name)
		switch {
		case err == nil:
			files = append(files, file)
			t.copy(filepath.Join(programs, p.name), file)
		case slices.Contains(needed[:], p):
			return nil, fmt.Errorf("%s is not installed (Debian: apt-get install %s)", p.name, p.debian)
		default:
			missing = append(missing, p)
		}
	}
	for _, pattern := range extensions {
		names, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if err := t.copy(merged(name), name); err != nil {
				return nil, err
			}
			if strings.HasSuffix(name, ".so") {
				files = append(files, name)
			}
		}
	}
	if err := addLibraries(ctx, t, files); err != nil {
		return nil, err
	}
	return missing, addAliases(t)
}

// lookPath finds a program also where the path of a user does not lead.
func lookPath(name string) (string, error) {
	file, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err == nil {
			break
		}
		file, err = exec.LookPath(filepath.Join(dir, name))
	}
	return file, err
}

// addLibraries adds the shared libraries of programs. What is static has none.
func addLibraries(ctx context.Context, t tree, files []string) error {
	out, err := exec.CommandContext(ctx, "ldd", files...).Output()
	// For a static program ldd ends with 1, having told of the others.
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return fmt.Errorf("ldd: %w", err)
	}
	libraries, err := parseLdd(out)
	if err != nil {
		return err
	}
	for _, name := range libraries {
		if err := t.copy(merged(name), name); err != nil {
			return err
		}
	}
	return nil
}

// parseLdd returns the files that ldd names, each once.
func parseLdd(out []byte) ([]string, error) {
	var files []string
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		name, target, found := strings.Cut(strings.TrimSpace(lines.Text()), " => ")
		if found && strings.HasPrefix(target, "not found") {
			return nil, fmt.Errorf("ldd: the library %s is not installed", name)
		}
		if found {
			name = target
		}
		// "/lib/…/libc.so.6 (0x…)"; the lines "/usr/sbin/ip:" are the programs themselves.
		if name, _, found = strings.Cut(name, " ("); found && filepath.IsAbs(name) {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return slices.Compact(files), lines.Err()
}

// merged returns where a file of this machine is in a system whose /bin, /sbin and /lib… are links into /usr.
func merged(name string) string {
	if strings.HasPrefix(name, "/usr/") || strings.HasPrefix(name, "/etc/") {
		return name
	}
	return "/usr" + name
}

// addAliases adds the names under which the programs that have many are called: links, by way of others, to one of them.
func addAliases(t tree) error {
	entries, err := os.ReadDir(programs)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type() != fs.ModeSymlink {
			continue
		}
		target, err := filepath.EvalSymlinks(filepath.Join(programs, e.Name()))
		if err != nil {
			continue // a link to what was removed
		}
		switch base := filepath.Base(target); base {
		case "xtables-nft-multi", "xtables-legacy-multi", "ebtables-legacy":
			t.link(filepath.Join(programs, e.Name()), base)
		}
	}
	t.link(filepath.Join(programs, "modprobe"), "kmod")
	return nil
}
