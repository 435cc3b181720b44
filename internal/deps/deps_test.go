// Package deps holds no code: its test keeps the arrows between the packages as docs/architecture.md draws them.
package deps

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport lists, for each package, the packages of this module that its code (tests aside) may import, and why no more.
var mayImport = map[string]struct {
	allowed []string
	reason  string
}{
	"internal/icmp6":        {nil, "a leaf: views over bytes know nothing of captures or rules"},
	"internal/rule":         {nil, "a leaf: the catalogue and the form of a finding, for every checker"},
	"internal/like":         {nil, "a leaf: it knows letters"},
	"internal/expect":       {[]string{"internal/like", "internal/rule"}, "what is wanted does not depend on what was seen"},
	"internal/craft":        {nil, "a leaf: it builds bytes for tests and fixtures and must not share code with what reads them"},
	"internal/packet":       {[]string{"internal/icmp6"}, "decoding is apart from judging"},
	"internal/bloom":        {nil, "a leaf: it knows hashes"},
	"internal/capture":      {[]string{"internal/bloom", "internal/packet"}, "a source gives frames and does not look into them further than its filter"},
	"internal/ifaddr":       {nil, "a leaf: what the kernel says of this host's addresses, for who sends from them"},
	"internal/solicit":      {[]string{"internal/ifaddr"}, "it asks; what comes back is heard by capture and judged by ra"},
	"internal/ndcheck":      {[]string{"internal/icmp6", "internal/packet", "internal/rule"}, "what ra and nd share; they must not import each other"},
	"internal/ra":           {[]string{"internal/bloom", "internal/icmp6", "internal/ndcheck", "internal/packet", "internal/rule"}, "a checker sees packets, not sources or reports, so that live and replay cannot differ"},
	"internal/encap":        {nil, "a leaf: arithmetic about tunnels, for every checker of sizes"},
	"internal/nd":           {[]string{"internal/encap", "internal/icmp6", "internal/ndcheck", "internal/packet", "internal/rule"}, "a checker sees packets, not sources or reports, so that live and replay cannot differ"},
	"internal/pmtu":         {[]string{"internal/encap", "internal/icmp6", "internal/packet", "internal/rule"}, "it probes by an interface of its own, so that a simulated path does as well as a network; of the host it is told"},
	"internal/host":         {[]string{"internal/encap", "internal/rule"}, "what this machine is set to, for whoever asks: it looks at no packets"},
	"internal/resolve":      {[]string{"internal/icmp6", "internal/ifaddr", "internal/packet", "internal/rule"}, "it asks, and counts the answers among the packets that it is shown"},
	"internal/drops":        {[]string{"internal/icmp6", "internal/rule"}, "it counts in the kernel and judges what was counted; it sees no packets"},
	"internal/tool":         {nil, "a leaf: it runs programs for who reads what they print"},
	"internal/counters":     {[]string{"internal/tool"}, "what any kernel counts, for hosts where no program can be loaded"},
	"internal/checklist":    {[]string{"internal/rule"}, "the form of what a role's command tells: it looks at nothing itself"},
	"internal/filter":       {[]string{"internal/tool"}, "rules and the packet that is followed through them: it knows nothing of what asks"},
	"internal/guest":        {[]string{"internal/checklist", "internal/expect", "internal/host", "internal/icmp6", "internal/ifaddr", "internal/packet", "internal/rule", "internal/slaac"}, "it judges a guest by what it is told and reads of its host; what is on the wire others hear"},
	"internal/vr":           {[]string{"internal/checklist", "internal/expect", "internal/filter", "internal/host", "internal/icmp6", "internal/ifaddr", "internal/packet", "internal/rule"}, "it judges a virtual router likewise"},
	"internal/kvm":          {[]string{"internal/checklist", "internal/expect", "internal/filter", "internal/host", "internal/packet", "internal/rule"}, "it judges a hypervisor likewise"},
	"internal/trace":        {[]string{"internal/checklist", "internal/icmp6", "internal/packet", "internal/rule"}, "it follows messages by their content through the packets that it is shown"},
	"internal/lab/keeper":   {[]string{"internal/lab", "internal/lab/cloud"}, "it keeps a zone alive between two commands, and knows nothing of what is run there"},
	"internal/lab/cloud":    {[]string{"internal/craft", "internal/lab"}, "a zone is built, and broken, by other code than judges it"},
	"internal/slaac":        {[]string{"internal/icmp6", "internal/packet"}, "a model of a host sees packets and is told which are dropped: it judges none"},
	"internal/report":       {[]string{"internal/capture", "internal/check", "internal/checklist", "internal/counters", "internal/drops", "internal/encap", "internal/expect", "internal/host", "internal/icmp6", "internal/nd", "internal/packet", "internal/pmtu", "internal/ra", "internal/resolve", "internal/rule", "internal/slaac", "internal/trace"}, "it words what checkers found; no checker knows how"},
	"internal/conform":      {[]string{"internal/expect", "internal/icmp6", "internal/ndcheck", "internal/packet", "internal/rule"}, "it compares what is seen with what is wanted, and judges neither"},
	"internal/check":        {[]string{"internal/capture", "internal/conform", "internal/expect", "internal/icmp6", "internal/like", "internal/nd", "internal/packet", "internal/pipeline", "internal/ra", "internal/rule"}, "it joins the parts for many captures, as the command line does for one"},
	"internal/pipeline":     {[]string{"internal/capture", "internal/packet", "internal/rule"}, "one loop for every command: it knows no checker and no report by name"},
	"internal/inject":       {nil, "a leaf: it sends what it is given, where it is told"},
	"internal/lab":          {nil, "namespaces and senders know nothing of what will look at them"},
	"internal/lab/zone":     {[]string{"internal/craft", "internal/lab"}, "a network is built and its truth counted by other code than probes it"},
	"internal/lab/dropzone": {[]string{"internal/craft", "internal/lab"}, "networks that lose packets are made by other code than counts them"},
	"kernels":               {[]string{"internal/lab/dropzone", "kernels/wire"}, "it boots other kernels and hears what came of the cases there"},
	"kernels/guest":         {[]string{"internal/lab", "internal/lab/dropzone", "kernels/wire"}, "the init of those machines: it runs the cases, and the binary as a user would"},
	"kernels/wire":          {nil, "a leaf: what the two tell each other"},
	"internal/lab/demo":     {[]string{"internal/lab"}, "it runs the binary as a user would"},
	"fixtures/gen":          {[]string{"internal/capture", "internal/craft", "internal/packet"}, "captures are made by other code than reads them, but for our own pcapng writer"},
	"fixtures/radvd":        {[]string{"internal/craft", "internal/lab"}, "captures of the real radvd, and of one packet that no daemon sends"},
	"bench":                 {[]string{"internal/capture", "internal/craft", "internal/lab", "internal/lab/zone", "internal/packet"}, "it makes its inputs, our own pcapng among them, and runs the binary as a user would"},
	"internal/rule/doc":     {[]string{"internal/rule"}, "it prints the catalogue"},
	"cmd/v6probe": {[]string{"internal/capture", "internal/check", "internal/checklist", "internal/conform", "internal/counters", "internal/drops",
		"internal/encap", "internal/expect", "internal/filter", "internal/guest", "internal/host", "internal/icmp6", "internal/ifaddr", "internal/inject", "internal/kvm",
		"internal/lab", "internal/lab/cloud", "internal/lab/keeper", "internal/like", "internal/nd", "internal/packet", "internal/pipeline", "internal/pmtu", "internal/ra",
		"internal/report", "internal/resolve", "internal/rule", "internal/slaac", "internal/solicit", "internal/trace", "internal/vr"}, "it joins the parts"},
	"internal/deps": {nil, "this test"},
	"fixtures":      {nil, "tests only"},
	"internal/e2e":  {nil, "tests only"},
}

// onlyIn lists the libraries that are kept behind some packages, and why.
var onlyIn = map[string]struct {
	packages []string
	reason   string
}{
	"github.com/google/gopacket":     {[]string{"fixtures/gen"}, "its tables take longer to set up than a capture of 50 MB to read; it writes the fixtures, and tests hold our decoder and our readers against it"},
	"github.com/mdlayher/ndp":        {[]string{"internal/solicit", "internal/lab", "internal/lab/cloud"}, "it drops what is malformed: for sending only"},
	"github.com/vishvananda/netlink": {[]string{"internal/lab", "internal/inject"}, "links are made in the lab, and to test a guard"},
	"github.com/goccy/go-yaml":       {[]string{"internal/lab/zone", "internal/lab/cloud", "internal/expect"}, "what people write is read by who needs it, with line and column"},
	"github.com/cilium/ebpf":         {[]string{"internal/drops", "bench"}, "programs in the kernel are the counter's affair; bench measures it beside an empty one"},
	"github.com/spf13/cobra":         {[]string{"cmd/v6probe"}, "flags are the command line's affair"},
	"github.com/klauspost/compress":  {[]string{"internal/capture", "fixtures/gen"}, "compression belongs to files"},
	"golang.org/x/net/bpf":           {[]string{"internal/capture", "internal/pmtu"}, "the kernel's filter belongs to who reads a socket"},
	"golang.org/x/term":              {[]string{"cmd/v6probe"}, "who the reader is, terminal or not, is known at the edge"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "v6probe/...")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var list []listed
	for dec := json.NewDecoder(out); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestArrows(t *testing.T) {
	list := packages(t)
	if len(list) < 10 {
		t.Fatalf("go list shows %d packages: is this the module?", len(list))
	}
	for _, p := range list {
		name := strings.TrimPrefix(p.ImportPath, "v6probe/")
		rule, ok := mayImport[name]
		if !ok {
			t.Errorf("%s: a package without a place: give it one in mayImport and in docs/architecture.md", name)
			continue
		}
		for _, imp := range p.Imports {
			if ours, ok := strings.CutPrefix(imp, "v6probe/"); ok {
				if !slices.Contains(rule.allowed, ours) {
					t.Errorf("%s imports %s: %s", name, ours, rule.reason)
				}
				continue
			}
			for lib, only := range onlyIn {
				if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !slices.Contains(only.packages, name) {
					t.Errorf("%s imports %s: %s", name, imp, only.reason)
				}
			}
		}
	}
}
