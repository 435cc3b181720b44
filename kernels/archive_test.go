//go:build linux

package main

import (
	"slices"
	"testing"
)

func TestSources(t *testing.T) {
	const keys = " [signed-by=K]"
	for _, tt := range []struct{ name, targets, want string }{
		{"a release, its updates, its security, and others' packages",
			"bookworm main file:/a/\nbookworm main file:/a/\nbookworm contrib file:/a/\nbookworm-updates main file:/a/\n" +
				"bookworm-security main file:/s/\ncloud-sdk-bookworm main file:/g/\nnodistro main file:/n/\n",
			"deb [signed-by=K] file:/a/ bullseye main\ndeb [signed-by=K] file:/s/ bullseye-security main\n"},
		{"by the name of its state", "stable main file:/a/\n", "deb [signed-by=K] file:/a/ bullseye main\n"},
		{"another distribution", "noble main file:/u/\nnoble-security main file:/u/\n", ""},
		{"nothing", "", ""},
		{"a line that is cut off", "bookworm main\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := sources(tt.targets, "bullseye", keys); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func TestNewer(t *testing.T) {
	want := []string{
		"linux-image-6.12.117+deb12-cloud-amd64",
		"linux-image-6.12.117+deb12-cloud-amd64-unsigned",
		"linux-image-6.12.99+deb12-cloud-amd64",
		"linux-image-6.1.0-57-cloud-amd64-unsigned",
		"linux-image-6.1.0-56-cloud-amd64",
		"linux-image-6.1.0-9-cloud-amd64",
	}
	for i := range want {
		// Whatever the order in which apt-cache names them.
		got := slices.Concat(want[i:], want[:i])
		slices.SortFunc(got, newer)
		if !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	}
}
