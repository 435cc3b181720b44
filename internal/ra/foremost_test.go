package ra

import (
	"fmt"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// TestForemost: of many routers the one that was heard most comes before one that was heard twice, and these before all that
// passed once.
func TestForemost(t *testing.T) {
	c := New(Options{})
	at, n := time.Unix(1700000000, 0), uint64(0)
	hear := func(router int) {
		n++
		at = at.Add(2 * time.Second)
		frame := craft.Frame(fmt.Sprintf("02:00:00:00:00:%02x", router), fmt.Sprintf("fe80::%x", router), craft.AllNodes, craft.CloudStackRA().Message())
		c.Packet(decodeFrame(t, frame, func(f *packet.Frame) { f.Time, f.Number = at, n }))
	}
	for router := range 20 {
		hear(router + 1)
	}
	for _, again := range []int{5, 9, 9} {
		hear(again)
	}
	l := c.Links()[0]
	var got []string
	for _, r := range l.Foremost(4) {
		got = append(got, r.Source.String())
	}
	if want := "[fe80::9 fe80::5 fe80::1 fe80::2]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if all := l.Foremost(20); len(all) != 20 || all[0] != l.Routers[0] {
		t.Errorf("of %d routers, where there is room: %d, the first %v", len(l.Routers), len(all), all[0].Source)
	}
	l.Flooded = true
	if all := l.Foremost(20); len(all) != 20 || all[0] != l.Routers[8] {
		t.Errorf("of %d routers in a flood: %d, the first %v", len(l.Routers), len(all), all[0].Source)
	}
}
