//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"

	"v6probe/kernels/wire"
)

// system returns what all virtual machines have in common: the init, v6probe, and this machine's programs for networks.
func system(ctx context.Context, init, v6probe string, plan wire.Plan) (t tree, missing []program, err error) {
	t = tree{}
	for _, dir := range []string{"dev", "proc", "sys", "run", "tmp", "root"} {
		t.dir(dir)
	}
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		t.dir("usr/" + dir)
		t.link(dir, "usr/"+dir)
	}
	t.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
	t.text("etc/group", "root:x:0:\n")
	t.text("etc/radvd.conf", "interface veth0 { AdvSendAdvert on; };\n")
	t.link("etc/mtab", "../proc/self/mounts")
	text, err := json.Marshal(plan)
	if err != nil {
		return nil, nil, err
	}
	t.text(wire.PlanFile, string(text))
	if err := errors.Join(t.copy("init", init), t.copy(wire.Binary, v6probe)); err != nil {
		return nil, nil, err
	}
	missing, err = addPrograms(ctx, t)
	return t, missing, err
}

// writeInitrd writes the file system of a kernel's virtual machine.
func writeInitrd(name string, common tree, k kernel) error {
	t := maps.Clone(common)
	if err := addModules(t, k); err != nil {
		return fmt.Errorf("modules of %s: %w", k.release, err)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	// Not compressed: under emulation it takes longer to unpack than to read.
	w := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(t.write(w), w.Flush(), f.Close())
}
