package filter

import (
	"errors"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadWithoutTheRight(t *testing.T) {
	done := make(chan error, 1)
	go func() {
		// The thread ends with what it has lost: the goroutine stays locked to it.
		runtime.LockOSThread()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			done <- err
			return
		}
		_, err := Read(t.Context())
		done <- err
	}()
	err := <-done
	var denied *PermissionError
	if !errors.As(err, &denied) || denied.Hint() == "" || !errors.Is(err, unix.EPERM) {
		t.Errorf("%v", err)
	}
}

// Rules are shown as nft shows them.
func TestText(t *testing.T) {
	k := newKernel(t)
	rules := []string{
		"ct state established,related accept",
		"icmpv6 type { echo-request, echo-reply, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept",
		"icmpv6 type nd-router-solicit counter drop",
		"icmpv6 type mld-listener-query-nd-router-solicit icmpv6 code 0 jump c",
		"ip6 saddr fe80::/64 ip6 daddr ff02::1 ip6 hoplimit 255 accept",
		"ip6 saddr != 2001:db8::/31 drop",
		"ip6 daddr { ::1, 2001:db8::-2001:db8::ff } accept",
		`iifname "vnet*" oifname != "eth0" goto c`,
		`iif "vr0" accept`,
		`iifname { "vr0", "vr1" } accept`,
		"ip6 nexthdr ipv6-icmp ip6 length > 100 accept",
		"meta length 100-200 return",
		"limit rate 10/second accept",
		"limit rate over 5/minute drop",
		"icmpv6 type vmap { nd-router-solicit : accept, nd-router-advert : jump c }",
		`iifname . icmpv6 type { "vr0" . nd-redirect } drop`,
		"ip6 saddr @s accept",
		"exthdr hbh exists accept",
		"meta pkttype multicast accept",
		"fib saddr . iif oif missing drop",
		"ether saddr 02:00:00:00:00:02 accept",
		"meta mark set … accept",
		"icmpv6 type nd-router-advert reject",
		"handle 25",
	}
	text := strings.ReplaceAll(strings.Join(rules, "\n "), "set …", "set 1")
	text = strings.ReplaceAll(text, "mld-listener-query-nd-router-solicit", "130-133")
	text = strings.ReplaceAll(text, "handle 25", "numgen random mod 2 1 drop")
	k.check(k.load(chains("ip6", "set s {\n type ipv6_addr\n }", chain("c"),
		"chain base {\n type filter hook input priority 0;\n "+
			text+"\n }")))
	for _, c := range k.read().Chains {
		for i, r := range c.Rules {
			if c.Name != "base" {
				continue
			}
			want := rules[i]
			if strings.HasPrefix(want, "handle ") {
				want = "handle " + strconv.FormatUint(r.Handle, 10)
			}
			if r.Text != want {
				t.Errorf("%s\nwant %s", r.Text, want)
			}
		}
	}
}

// CloudStack's own rules drop Router Solicitations, Packet Too Big and MLD queries.
func TestCloudStack(t *testing.T) {
	k := newKernel(t)
	for rules, chain := range map[string]string{cloudStackIsolated(): "fw_input", cloudStackVPC(): "acl_input"} {
		k.check(k.load(rules))
		r := k.read()
		for _, typ := range probeTypes() {
			p, _ := probe(local, typ, 1)
			o := r.Hook(IPv6, Input, p)
			switch typ {
			case 133, 2, 130:
				if o.Verdict != Dropped || o.At.Tool != "nft" || o.At.Chain != chain || o.At.Rule != "policy drop" ||
					o.At.Hook != Input {
					t.Errorf("type %d: %+v", typ, o)
				}
			default:
				if o.Verdict != Passes {
					t.Errorf("type %d: %+v", typ, o)
				}
			}
		}
	}
}

// The tables of iptables and of ebtables are told from those of nft, which may have their names.
func TestCompat(t *testing.T) {
	k := newKernel(t)
	if _, err := exec.LookPath("ip6tables-nft"); err != nil {
		t.Skip("needs ip6tables-nft:", err)
	}
	k.check(k.load("table ip6 nat {\n chain input {\n type filter hook input priority 0;\n }\n}\ntable bridge filter {\n}\n"))
	_, err := k.router.Output(t.Context(), "ip6tables-nft", "-A", "INPUT", "-p", "icmpv6", "-j", "DROP")
	k.check(err)
	var compat []string
	k.check(k.router.Do(func() (err error) {
		compat, err = readNFT(t.Context(), &Ruleset{})
		return err
	}))
	if want := []string{"ip6 filter"}; !slices.Equal(compat, want) {
		t.Errorf("%q, want %q", compat, want)
	}
}
