//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// releases are the Debian releases whose kernel a series is. A machine of another release gets it from there.
var releases = map[string]string{"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie"}

// errNoKernel says that there is no kernel of a series to be had.
var errNoKernel = errors.New("no such kernel in the archive")

// apt runs the programs of apt, on the machine's own package lists or on private ones.
type apt struct {
	options []string
	release string // of private lists; "" for the machine's own
}

func (a apt) run(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	// As root apt would download as another user, who may not write here.
	args = slices.Concat(a.options, []string{"-o", "APT::Sandbox::User=root"}, args)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		last := lastLines(said.Bytes(), 3)
		err = fmt.Errorf("%s: %w: %s", name, err, strings.Join(last, "; "))
	}
	return out, cmp.Or(ctx.Err(), err)
}

// private returns an apt with lists of its own, in dir, of another release of Debian. They come from where the machine has
// its packages. Neither root nor the machine's settings are touched.
func private(ctx context.Context, dir, release string) (apt, error) {
	targets, err := apt{}.run(ctx, "", "apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)")
	if err != nil {
		return apt{}, err
	}
	list := sources(string(targets), release, keyrings())
	if list == "" {
		return apt{}, fmt.Errorf("%w: this machine has no packages from Debian", errNoKernel)
	}
	for _, sub := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return apt{}, err
		}
	}
	file := filepath.Join(dir, "sources.list")
	if err := os.WriteFile(file, []byte(list), 0o644); err != nil {
		return apt{}, err
	}
	a := apt{release: release}
	for _, o := range []string{"Dir::State=" + filepath.Join(dir, "state"), "Dir::Cache=" + filepath.Join(dir, "cache"),
		"Dir::Etc::sourcelist=" + file, "Dir::Etc::sourceparts=-",
		"Acquire::Languages=none", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false"} {
		a.options = append(a.options, "-o", o)
	}
	_, err = a.run(ctx, "", "apt-get", "update")
	return a, err
}

// sources returns a sources.list for a release of Debian, made of another one's: a line "RELEASE COMPONENT URI" for each
// index of that.
func sources(targets, release, keyrings string) string {
	var list []string
	for line := range strings.Lines(targets) {
		f := strings.Fields(line)
		if len(f) != 3 || f[1] != "main" {
			continue
		}
		suite := release
		base, pocket, _ := strings.Cut(f[0], "-")
		switch {
		case !debian(base):
			continue
		case pocket == "security":
			suite += "-security"
		case pocket != "":
			continue // of the same URI as the release itself
		}
		list = append(list, fmt.Sprintf("deb%s %s %s main\n", keyrings, f[2], suite))
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), "")
}

// debian reports whether a name is that of a release of Debian, and not of somebody else's.
func debian(release string) bool {
	return slices.Contains([]string{"bullseye", "bookworm", "trixie", "forky", "sid", "unstable", "testing", "stable",
		"oldstable", "oldoldstable"}, release)
}

// keyrings returns the option of a source that names the keys of all of Debian's releases: a newer release trusts an old
// one's no more by itself.
func keyrings() string {
	var found []string
	for _, name := range []string{"archive-keyring.gpg", "archive-keyring.pgp", "archive-removed-keys.gpg",
		"archive-removed-keys.pgp"} {
		file := "/usr/share/keyrings/debian-" + name
		if _, err := os.Stat(file); err == nil {
			found = append(found, file)
		}
	}
	if found == nil {
		return ""
	}
	return " [signed-by=" + strings.Join(found, ",") + "]"
}

// search returns the names of the kernels of a series, the newest first.
func (a apt) search(ctx context.Context, series string) ([]string, error) {
	pattern := "^linux-image-" + regexp.QuoteMeta(series) + `\.[0-9][^ ]*-cloud-amd64(-unsigned)?$`
	out, err := a.run(ctx, "", "apt-cache", "search", "--names-only", pattern)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		if name, _, ok := strings.Cut(line, " "); ok {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, newer)
	return names, nil
}

var digits = regexp.MustCompile(`[0-9]+`)

// newer compares the names of kernels by the numbers in them, the newest first. Of the same, the signed one is first, as
// that is what machines run.
func newer(a, b string) int {
	x, y := digits.FindAllString(a, -1), digits.FindAllString(b, -1)
	for i := range min(len(x), len(y)) {
		// What is too long for a number is the largest one.
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return cmp.Compare(n, m)
		}
	}
	return cmp.Or(cmp.Compare(len(y), len(x)), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// file returns the name of the file that a package would be downloaded as.
func (a apt) file(ctx context.Context, name string) (string, error) {
	out, err := a.run(ctx, "", "apt-get", "--print-uris", "download", name)
	if err != nil {
		return "", err
	}
	// 'URI' FILE SIZE HASH
	f := strings.Fields(string(out))
	if len(f) < 2 || !strings.HasPrefix(f[1], name+"_") || strings.ContainsRune(f[1], '/') {
		return "", fmt.Errorf("apt-get names no file for %s", name)
	}
	return f[1], nil
}
