package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// CloudStackRadvd returns the configuration that CloudStack's virtual router gives to radvd for one interface. gateway
// is the router's address with the length of the prefix, "fd17::1/64": CloudStack writes it as the prefix, host bits
// and all.
func CloudStackRadvd(name, gateway string, dns ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "interface %s {\n\tAdvSendAdvert on;\n\tMinRtrAdvInterval 5;\n\tMaxRtrAdvInterval 15;\n", name)
	if gateway != "" {
		fmt.Fprintf(&b, "\tprefix %s {\n\t\tAdvOnLink on;\n\t\tAdvAutonomous on;\n\t};\n", gateway)
	}
	if len(dns) > 0 {
		fmt.Fprintf(&b, "\tRDNSS %s {\n\t\tAdvRDNSSLifetime 30;\n\t};\n", strings.Join(dns, " "))
	}
	return b.String() + "};\n"
}

// CloudStackFirewall is what the router of an isolated network lets in, as a script for nft: its input chain lacks the
// Router Solicitation.
const CloudStackFirewall = `table ip6 ip6_firewall {
	chain fw_input {
		type filter hook input priority 0; policy drop;
		icmpv6 type { echo-request, echo-reply, nd-neighbor-solicit, nd-router-advert, nd-neighbor-advert } accept
	}
}
`

// Radvd is a running radvd.
type Radvd struct {
	cmd *exec.Cmd
	dir string
	log limitedBuffer
}

// Radvd starts radvd inside the namespace with the configuration given.
func (n *Namespace) Radvd(config string) (*Radvd, error) {
	dir, err := os.MkdirTemp("", "lab-radvd-")
	if err != nil {
		return nil, err
	}
	r := &Radvd{dir: dir}
	file := filepath.Join(dir, "radvd.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if out, err := exec.Command("radvd", "--configtest", "--config", file).CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("radvd: %w: %s", err, out), os.RemoveAll(dir))
	}
	r.cmd = exec.Command("radvd", "--nodaemon", "--logmethod", "stderr", "--debug", "1",
		"--config", file, "--pidfile", filepath.Join(dir, "pid"))
	r.cmd.Stderr = &r.log
	if err := n.Start(r.cmd); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return r, nil
}

// Stop ends radvd as a service manager does. It then says goodbye with RAs of lifetime zero.
func (r *Radvd) Stop() error { return r.end(syscall.SIGTERM) }

// Kill ends radvd as a crash does: its hosts are told nothing.
func (r *Radvd) Kill() error { return r.end(syscall.SIGKILL) }

func (r *Radvd) end(s syscall.Signal) error {
	defer os.RemoveAll(r.dir)
	if err := r.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop radvd: %w", err)
	}
	err := r.cmd.Wait()
	if err != nil && s == syscall.SIGKILL && r.cmd.ProcessState != nil && !r.cmd.ProcessState.Exited() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("radvd: %w: %s", err, r.log.String())
	}
	return nil
}
