package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/ra"
)

// TestFloodText: the picture of a flooded link begins with the flood, and has the router that is known before a few strangers.
func TestFloodText(t *testing.T) {
	c := ra.New(ra.Options{})
	at, n := time.Unix(1700000000, 0), uint64(0)
	hear := func(frame []byte) {
		n++
		p := decode(t, frame)
		p.Frame.Time, p.Frame.Number = at, n
		c.Packet(p)
	}
	strangers := craft.NewStrangers(1)
	for range 4 {
		for range 1000 {
			_, frame := strangers.Next()
			hear(frame)
		}
		at = at.Add(4 * time.Second)
		hear(craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.CloudStackRA().Message(craft.CloudStackOptions()...)))
	}
	var out bytes.Buffer
	NewText(&out, Style{}).Links(c.Links(), 0)
	want := "eth\\x1b0: the link is flooded with Router Advertisements; guests form addresses in fd17:625c:f037:2::/64, "
	if got := strings.Join(strings.Fields(out.String()), " "); !strings.HasPrefix(got, want) || !strings.Contains(got, "besides those of the routers that are not kept.") {
		t.Errorf("it begins with %.300q, want %q", got, want)
	}
	blocks := strings.Split(out.String(), "\nRouter ")[1:]
	if len(blocks) != 4 || !strings.HasPrefix(blocks[0], craft.RouterLL+" ") || !strings.Contains(blocks[3], "routers more.") {
		t.Errorf("%d routers:\n%.3000s", len(blocks), &out)
	}
}

// TestUntoldText: the picture says that there are more contradictions than findings.
func TestUntoldText(t *testing.T) {
	const untold = "More routers contradict each other"
	for routers, want := range map[int]bool{2: false, 12: true} {
		c := ra.New(ra.Options{})
		for i := range routers {
			ra := craft.CloudStackRA()
			ra.CurHopLimit = uint8(64 + i)
			p := decode(t, craft.Frame(fmt.Sprintf("02:00:00:00:00:%02x", i+1), fmt.Sprintf("fe80::%x", i+1), craft.AllNodes, ra.Message()))
			p.Frame.Time, p.Frame.Number = time.Unix(1700000000+int64(i), 0), uint64(i+1)
			c.Packet(p)
		}
		var out bytes.Buffer
		NewText(&out, Style{}).Links(c.Links(), 0)
		if got := strings.Contains(out.String(), untold); got != want {
			t.Errorf("%d routers: told %v\n%s", routers, got, &out)
		}
	}
}
