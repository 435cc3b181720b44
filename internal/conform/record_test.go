package conform

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"v6probe/internal/capture"
	"v6probe/internal/craft"
	"v6probe/internal/nd"
	"v6probe/internal/packet"
	"v6probe/internal/ra"
	"v6probe/internal/rule"
)

// read gives every packet of a capture, and what is found about it, to take.
func read(t *testing.T, name string, take func(*packet.Packet, []rule.Finding)) (end []rule.Finding) {
	t.Helper()
	src, err := capture.OpenFile(name, nil, capture.Filter{Large: true})
	if err != nil {
		return nil // one of them is empty
	}
	defer src.Close()
	decoder := packet.NewDecoder()
	decoder.Large = true
	r, n := ra.New(ra.Options{}), nd.New()
	var p packet.Packet
	for {
		f, err := src.Next(context.Background())
		if err != nil {
			break // at the end, or at the damage that some captures have
		}
		if decoder.Decode(&f, &p) {
			found := r.Packet(&p)
			if nd.Judges(&p) {
				found = n.Packet(&p)
			} else {
				n.Packet(&p)
			}
			take(&p, found)
		}
	}
	return append(r.Finish(true), n.Finish(true)...)
}

// TestRecord records each fixture and compares it with what was recorded: nothing may differ, and every fault must be found
// again.
func TestRecord(t *testing.T) {
	names, err := filepath.Glob("../../fixtures/pcaps/*.pcap*")
	if err != nil || len(names) < 400 {
		t.Fatalf("%d captures, %v", len(names), err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".ndjson") {
			continue
		}
		recorder := NewRecorder()
		recorder.Finish(read(t, name, recorder.Packet))
		state := recorder.State()
		c := New(state)
		var found []rule.Finding
		end := read(t, name, func(p *packet.Packet, f []rule.Finding) { found = append(found, c.Packet(p, f)...) })
		for _, f := range append(found, c.Finish(true, end)...) {
			if f.Severity > rule.Info && f.Rule != "ra.from-guest" { // which is for who knows no routers
				t.Errorf("%s: %s: %s", filepath.Base(name), f.Rule, f.Detail)
			}
		}
	}
}

// TestRecordDiffers has something change after it was recorded.
func TestRecordDiffers(t *testing.T) {
	r := NewRecorder()
	decoder := packet.NewDecoder()
	var p packet.Packet
	data := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, good())
	f := packet.Frame{Number: 1, Time: start, Data: data, Length: len(data), LinkType: packet.LinkTypeEthernet, Interface: &packet.Interface{Name: "eth0"}}
	if !decoder.Decode(&f, &p) {
		t.Fatal("not decoded")
	}
	r.Packet(&p, nil)
	r.Finish(nil)
	state := r.State()
	if len(state.Links) != 1 || state.Links[0].Iface != "" || state.Links[0].Says.RouterLifetime.String() != "45" {
		t.Fatalf("recorded %+v", state.Links)
	}
	wants(t, play(t, state, sent(0, good())))
	wants(t, play(t, state, sent(0, good(craft.MTU(1400)))), "expect.mtu  the MTU option says 1400, expected no such option")
	wants(t, play(t, state, from(otherMAC, otherLL, 0, good())), "ra.unknown-router", "expect.router-missing")
}
