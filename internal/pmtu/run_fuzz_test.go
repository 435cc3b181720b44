package pmtu

import (
	"context"
	"net/netip"
	"testing"
	"time"
)

// wild is a network that answers as its bytes say, whatever was sent.
type wild struct {
	data []byte
	now  time.Time
	sent int
}

func (w *wild) byte() byte {
	if len(w.data) == 0 {
		return 0
	}
	b := w.data[0]
	w.data = w.data[1:]
	return b
}

func (w *wild) Now() time.Time { return w.now }

func (w *wild) Send(Probe) error {
	w.sent++
	return nil
}

func (w *wild) Receive(until time.Time) (Reply, bool, error) {
	if len(w.data) == 0 || w.byte() < 32 {
		if until.After(w.now) {
			w.now = until
		}
		return Reply{}, false, nil
	}
	w.now = w.now.Add(time.Duration(w.byte()) * 100 * time.Microsecond)
	kind := w.byte()
	r := Reply{
		ID: w.sent - int(w.byte()) + int(w.byte()>>6), Type: ReplyType(kind & 3), Time: w.now, Filtered: kind&4 != 0,
		HopLimit: int(w.byte()), QuotedHopLimit: int(w.byte()), Code: kind >> 4,
		Source: netip.AddrFrom16([16]byte{0x20, 1, 15: kind >> 3}),
	}
	if kind&8 != 0 {
		r.Source = simTarget
	}
	switch r.Type {
	case TooBig:
		r.MTU = uint32(w.byte())<<8 | uint32(w.byte())
		if r.MTU == 0xffff {
			r.MTU = 0xffffffff
		}
	case Answer:
		if kind&16 != 0 {
			r.FragmentSize = 1200 + int(w.byte())
		}
	}
	return r, true, nil
}

// FuzzRun wants an end, a bounded number of packets and a result that can be judged, whatever comes back.
func FuzzRun(f *testing.F) {
	f.Add([]byte{255, 1, 0, 1, 0, 64, 64}, uint16(1500), uint8(1))
	f.Add([]byte{255, 1, 1, 1, 0, 64, 64, 5, 120, 255, 1, 2, 2, 0, 60, 60, 255, 1, 9, 3, 0, 60, 60, 5, 20}, uint16(1450), uint8(4))
	f.Fuzz(func(t *testing.T, data []byte, local uint16, flows uint8) {
		w := &wild{data: data, now: time.Unix(1e9, 0)}
		c := Config{Target: simTarget, Local: max(int(local), MinMTU), Flows: int(flows % 9)}
		r, err := Run(context.Background(), c, w)
		if err != nil {
			t.Fatal(err)
		}
		if most := 1000 * max(c.Flows, 1); w.sent > most {
			t.Errorf("%d packets", w.sent)
		}
		if r.MTU > c.Local || r.AtLeast > c.Local || r.MTU > 0 && r.MTU != r.AtLeast {
			t.Errorf("%+v", r)
		}
		r.Findings(Wanted{Link: "eth0", MTU: 1450, Cached: 1300})
		_ = r.Place()
	})
}
