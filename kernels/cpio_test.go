//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// member is a file as it is read back from an archive.
type member struct {
	name, content string
	mode, inode   int64
}

// unarchive reads an archive by the description of its format, and checks that all is where the kernel looks for it.
func unarchive(t *testing.T, b []byte) (list []member) {
	t.Helper()
	at := 0
	take := func(n int) string {
		if at+n > len(b) {
			t.Fatalf("the archive ends at %d, before %d", len(b), at+n)
		}
		s := string(b[at : at+n])
		at += n
		return s
	}
	align := func() {
		for at%4 != 0 {
			if take(1) != "\x00" {
				t.Fatalf("padding at %d is not zero", at-1)
			}
		}
	}
	for {
		if magic := take(6); magic != "070701" {
			t.Fatalf("magic %q", magic)
		}
		var number [13]int64
		for i := range number {
			n, err := strconv.ParseInt(take(8), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			number[i] = n
		}
		name := take(int(number[11]))
		align()
		content := take(int(number[6]))
		align()
		name, ok := strings.CutSuffix(name, "\x00")
		if !ok {
			t.Fatalf("the name %q has no zero at its end", name)
		}
		if name == "TRAILER!!!" {
			if at != len(b) {
				t.Errorf("%d bytes after the trailer", len(b)-at)
			}
			return list
		}
		list = append(list, member{name, content, number[1], number[0]})
	}
}

func TestTree(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	files := tree{}
	files.text("/usr/lib/a/b", "x")
	files.link("lib", "usr/lib")
	files.dir("proc")
	if err := files.copy("/usr/bin/script", script); err != nil {
		t.Fatal(err)
	}
	if err := files.copy("etc", dir); err == nil {
		t.Error("a directory was copied like a file")
	}
	var b bytes.Buffer
	if err := files.write(&b); err != nil {
		t.Fatal(err)
	}
	var got []string
	inodes := map[int64]bool{}
	for _, m := range unarchive(t, b.Bytes()) {
		got = append(got, fmt.Sprintf("%o %s %q", m.mode, m.name, m.content))
		if inodes[m.inode] {
			t.Errorf("%s has the inode number of another file", m.name)
		}
		inodes[m.inode] = true
	}
	want := []string{`120777 lib "usr/lib"`, `40755 proc ""`, `40755 usr ""`, `40755 usr/bin ""`,
		`100744 usr/bin/script "#!/bin/sh\n"`, `40755 usr/lib ""`, `40755 usr/lib/a ""`, `100644 usr/lib/a/b "x"`}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
