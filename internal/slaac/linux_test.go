package slaac

import (
	"errors"
	"io"
	"testing"
	"time"

	"v6probe/internal/capture"
	"v6probe/internal/packet"
)

// TestLinux holds the model against a Linux 6 guest that heard the two advertisements of testdata/linux.pcap, with good and bad
// prefixes and cut lifetimes: what is wanted is what `ip -6 addr` and its sysctls said in it half a second after the second.
func TestLinux(t *testing.T) {
	source, err := capture.OpenFile("testdata/linux.pcap", nil, capture.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	h, d := New(Options{MAC: packet.MAC{2, 0, 0, 0, 0, 0x42}, LinkMTU: 1500}), packet.NewDecoder()
	var p packet.Packet
	var last time.Time
	for {
		f, err := source.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if d.Decode(&f, &p) {
			h.Packet(&p, false)
			last = f.Time
		}
	}
	s := h.At(last)
	want := []Address{
		{Address: addr("2001:db8:1::ff:fe00:42"), State: Preferred, Valid: secs(7200), Preferred: secs(30)},
		{Address: addr("2001:db8:6::ff:fe00:42"), State: Deprecated, Valid: secs(3998)},
	}
	if len(s.Addresses) != len(want) {
		t.Fatalf("addresses %+v, want %+v", s.Addresses, want)
	}
	for i, w := range want {
		a := s.Addresses[i]
		if a.Address != w.Address || a.State != w.State || (a.Valid-w.Valid).Abs() > 2*time.Second || (a.Preferred-w.Preferred).Abs() > 2*time.Second {
			t.Errorf("%+v, want %+v", a, w)
		}
	}
	if r, ok := s.Default(); !ok || r.Address != addr("fe80::b017:c9ff:fe2a:9f8e") || r.Preference.String() != "high" {
		t.Errorf("default router %+v (%v)", r, ok)
	}
	if s.HopLimit.Value != 20 || s.MTU != (MTU{1400, 1600, AboveLink}) {
		t.Errorf("hop limit %d, MTU %+v", s.HopLimit.Value, s.MTU)
	}
	if s.LinkLocal.Address != addr("fe80::ff:fe00:42") || s.LinkLocal.State != Preferred {
		t.Errorf("link-local %+v", s.LinkLocal)
	}
}
