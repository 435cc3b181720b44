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

// TestForemost: of many routers the one that was heard most comes before one that was heard twice, and these before all that
// passed once.
func TestForemost(t *testing.T) {
	c := ra.New(ra.Options{})
	at, n := time.Unix(1700000000, 0), uint64(0)
	hear := func(router int) {
		n++
		at = at.Add(2 * time.Second)
		p := decode(t, craft.Frame(fmt.Sprintf("02:00:00:00:00:%02x", router), fmt.Sprintf("fe80::%x", router), craft.AllNodes, craft.CloudStackRA().Message()))
		p.Frame.Time, p.Frame.Number = at, n
		c.Packet(p)
	}
	for router := range 20 {
		hear(router + 1)
	}
	for _, again := range []int{5, 9, 9} {
		hear(again)
	}
	routers := c.Links()[0].Routers
	var got []string
	for _, r := range foremost(routers, 4) {
		got = append(got, r.Source.String())
	}
	if want := "[fe80::9 fe80::5 fe80::1 fe80::2]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if all := foremost(routers, 20); len(all) != 20 || all[0] != routers[0] {
		t.Errorf("of %d routers, where there is room: %d, the first %v", len(routers), len(all), all[0].Source)
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
