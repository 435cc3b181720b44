package resolve

import (
	"fmt"
	"strings"
	"time"
)

func percent(c Count) float64 { return 100 * float64(c.Lost()) / float64(c.Sent) }

func none(n int) string {
	if n == 0 {
		return "none was"
	}
	return were(n)
}

func were(n int) string {
	if n == 1 {
		return "1 was"
	}
	return fmt.Sprintf("%d were", n)
}

// times counts: "once", "3 times".
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// places lists the Ethernet addresses that were asked by unicast.
func places(r *Result) string {
	var list []string
	for _, m := range r.Places {
		list = append(list, m.String())
	}
	return enumerate(list)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// in says a time with three digits, " in 2.00 s" or " in 43.2 ms", unless there was but one moment.
func in(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	number, unit := d.Seconds(), "s"
	if d < 100*time.Millisecond {
		number, unit = 1e3*number, "ms"
	}
	digits := 2
	switch {
	case number < 1:
		digits = 3
	case number >= 100:
		digits = 0
	case number >= 10:
		digits = 1
	}
	return fmt.Sprintf(" in %.*f %s", digits, number, unit)
}

// numbered lists causes: "(1) …; (2) …".
func numbered(list []string) string {
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "(%d) %s", i+1, s)
	}
	return b.String()
}

// enumerate lists stations: "a, b and c".
func enumerate(list []string) string {
	n := len(list) - 1
	if n < 1 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:n], ", ") + " and " + list[n]
}
