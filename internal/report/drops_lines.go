package report

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"v6probe/internal/drops"
)

// DropLines returns the live table of drops, for Progress.Show, on a terminal so many columns wide. now and before are two
// readings, and span is the time between them: what moved gives the rates. What is as it should be takes one line. more is
// how many places there are beyond the lines.
func DropLines(now, before []drops.Drop, span time.Duration, columns int) (lines []string, more int) {
	rate := rates(now, before, span)
	var (
		rows   []dropRow
		benign dropRow
		quiet  int // places of benign drops
	)
	for i := range now {
		d := &now[i]
		switch {
		case d.Class == drops.Benign:
			quiet++
			benign.rate += rate[i]
			benign.total += d.Packets
		case len(rows) < maxLines:
			rows = append(rows, dropRow{rate[i], d.Packets, [textCells]string{shortMessage(&d.Place), liveName(hookName(&d.Place)),
				devices(&d.Place, liveName), liveName(d.NetNS), d.Class.String()}})
		default:
			more++
		}
	}
	if quiet > 0 {
		rows = append(rows, benign)
	}
	rateWidth, totalWidth := len("/s")+3, len("total")
	for i := range rows {
		rateWidth = max(rateWidth, len(perSecond(rows[i].rate)))
		totalWidth = max(totalWidth, len(grouped(rows[i].total)))
	}
	number := func(rate, total string) string { return fmt.Sprintf("%*s  %*s", rateWidth, rate, totalWidth, total) }
	if quiet > 0 {
		rows = rows[:len(rows)-1]
	}
	lines = dropTable(rows, number, columns)
	if quiet > 0 {
		s := number(perSecond(benign.rate), grouped(benign.total)) + "  as it should be, at " + Plural(quiet, "place")
		lines = append(lines, shorten(s, columns-1))
	}
	if len(lines) == 0 {
		lines = append(lines, shorten("nothing yet: no ICMPv6 was dropped here", columns-1))
	}
	return lines, more
}

// The cells of a row that are text.
const (
	cellMessage = iota
	cellHook
	cellDevices
	cellNetNS
	cellClass
	textCells
)

// dropRow is a row of the live table.
type dropRow struct {
	rate  float64 // packets a second
	total uint64
	text  [textCells]string
}

// dropTable lays out rows under a head, each behind what number makes of its rate and total; a column that is empty in all
// of them is left out. Where there is no room, the hook loses its parenthesis, then the namespace becomes shorter, then
// hook and class go; the interfaces stay.
func dropTable(rows []dropRow, number func(rate, total string) string, columns int) []string {
	if len(rows) == 0 {
		return nil
	}
	head := [textCells]string{"message", "dropped at", "interface", "namespace", "class"}
	width := dropWidths(rows, head)
	room := columns - 1 - utf8.RuneCountInString(number("", ""))
	for _, w := range width {
		if w > 0 {
			room -= tableGap + w
		}
	}
	if fits := width[cellHook] + room; room < 0 {
		for i := range rows {
			if text := rows[i].text[cellHook]; utf8.RuneCountInString(text) > fits {
				rows[i].text[cellHook], _, _ = strings.Cut(text, " (")
			}
		}
		was := width[cellHook]
		width = dropWidths(rows, head)
		room += was - width[cellHook]
	}
	for _, squeeze := range []struct{ cell, least int }{
		{cellHook, 14}, {cellNetNS, 12}, {cellHook, 0}, {cellNetNS, 9}, {cellClass, 0}, {cellDevices, 9},
	} {
		if room >= 0 {
			break
		}
		if squeeze.least == 0 && width[squeeze.cell] > 0 {
			room += tableGap + width[squeeze.cell]
			width[squeeze.cell] = 0
		} else if by := min(-room, width[squeeze.cell]-squeeze.least); by > 0 {
			width[squeeze.cell] -= by
			room += by
		}
	}
	line := func(rate, total string, text [textCells]string) string {
		s := number(rate, total)
		for c, w := range width {
			if w > 0 {
				s += fmt.Sprintf("  %-*s", w, shorten(text[c], w))
			}
		}
		return shorten(strings.TrimRight(s, " "), columns-1)
	}
	lines := []string{line("/s", "total", head)}
	for i := range rows {
		lines = append(lines, line(perSecond(rows[i].rate), grouped(rows[i].total), rows[i].text))
	}
	return lines
}

// dropWidths returns how wide the columns are that hold all of rows and head; 0 where all cells are empty.
func dropWidths(rows []dropRow, head [textCells]string) (width [textCells]int) {
	for c := range width {
		for i := range rows {
			width[c] = max(width[c], utf8.RuneCountInString(rows[i].text[c]))
		}
		if width[c] > 0 {
			width[c] = max(width[c], utf8.RuneCountInString(head[c]))
		}
	}
	return width
}

// rates returns how many packets a second were added to each of now.
func rates(now, before []drops.Drop, span time.Duration) []float64 {
	list := make([]float64, len(now))
	if span <= 0 {
		return list
	}
	for i, n := range Moved(now, before) {
		list[i] = float64(n) / span.Seconds()
	}
	return list
}

// Moved returns how many packets were added to each of now since before.
func Moved(now, before []drops.Drop) []uint64 {
	was := make(map[drops.Place]uint64, len(before))
	for i := range before {
		was[before[i].Place] = before[i].Packets
	}
	list := make([]uint64, len(now))
	for i := range now {
		if n := was[now[i].Place]; now[i].Packets > n {
			list[i] = now[i].Packets - n
		}
	}
	return list
}

// perSecond says a rate in at most eight columns.
func perSecond(r float64) string {
	switch {
	case r == 0:
		return "0"
	case r < 0.1:
		return fmt.Sprintf("%.2f", r)
	case r < 99.95:
		return fmt.Sprintf("%.1f", r)
	case r < 999999.5:
		return grouped(uint64(r + 0.5))
	}
	return fmt.Sprintf("%.1f M", r/1e6)
}

// liveName is printable without letters that may take two columns of a terminal, as the live table must not be wider than that.
func liveName(s string) string { return wireText([]byte(s)) }

// shorten cuts s to width columns, with a mark that there was more.
func shorten(s string, width int) string {
	r := []rune(s)
	switch {
	case len(r) <= width:
		return s
	case width <= 0:
		return ""
	}
	return string(r[:width-1]) + "…"
}
