//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestParseLdd(t *testing.T) {
	const out = "/usr/sbin/ip:\n" +
		"\tlinux-vdso.so.1 (0x00007ffc1)\n" +
		"\tlibmnl.so.0 => /lib/x86_64-linux-gnu/libmnl.so.0 (0x00007f1)\n" +
		"\t/lib64/ld-linux-x86-64.so.2 (0x00007f2)\n" +
		"/usr/bin/v6probe:\n\tnot a dynamic executable\n" +
		"/usr/sbin/nft:\n" +
		"\tlibmnl.so.0 => /lib/x86_64-linux-gnu/libmnl.so.0 (0x00007f9)\n"
	want := []string{"/lib/x86_64-linux-gnu/libmnl.so.0", "/lib64/ld-linux-x86-64.so.2"}
	if got, err := parseLdd([]byte(out)); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := parseLdd([]byte("/a:\n\tlibmnl.so.0 => not found\n")); err == nil {
		t.Errorf("a library that is not there: got %q", got)
	}
}

func TestMerged(t *testing.T) {
	for name, want := range map[string]string{"/lib64/a.so": "/usr/lib64/a.so", "/usr/lib/a.so": "/usr/lib/a.so",
		"/etc/ethertypes": "/etc/ethertypes"} {
		if got := merged(name); got != want {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestModules(t *testing.T) {
	const release = "6.1.0"
	dir := t.TempDir()
	modules := filepath.Join(dir, "lib/modules", release)
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(modules, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("modules.dep", "kernel/fs/ext4.ko: kernel/lib/crc16.ko\n"+
		"kernel/net/sched/act_bpf.ko:\n"+
		"kernel/drivers/net/tun.ko.xz: kernel/lib/tap.ko\n"+
		"kernel/drivers/net/tunnel.ko:\n")
	for _, name := range []string{"modules.alias", "kernel/fs/ext4.ko", "kernel/net/sched/act_bpf.ko",
		"kernel/drivers/net/tun.ko.xz", "kernel/lib/tap.ko"} {
		write(name, name)
	}
	files := tree{}
	if err := addModules(files, kernel{release: release, dir: dir}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, n := range files {
		if n.from != "" {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	const at = "usr/lib/modules/" + release + "/"
	want := []string{at + "kernel/drivers/net/tun.ko.xz", at + "kernel/lib/tap.ko", at + "kernel/net/sched/act_bpf.ko",
		at + "modules.alias", at + "modules.dep"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	write("modules.dep", "no colon\n")
	if err := addModules(tree{}, kernel{release: release, dir: dir}); err == nil {
		t.Error("a list that depmod cannot have written was taken")
	}
}
