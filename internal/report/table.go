package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// tableGap is how many spaces stand between two columns.
const tableGap = 2

// table writes rows under head, the columns as wide as what is in them. Where there is no room for that, the last column
// is broken into lines, and what is too long for the first stands on a line of its own.
func (t *Text) table(head []string, rows [][]string) {
	widths := t.fit(head, rows)
	t.row(widths, head)
	for _, r := range rows {
		t.row(widths, r)
	}
}

// fit returns the widths of the columns with which the table takes the fewest lines.
func (t *Text) fit(head []string, rows [][]string) []int {
	last := len(head) - 1
	all := append(rows[:len(rows):len(rows)], head)
	widths := make([]int, len(head))
	room := t.style.width() - tableGap*last
	for i := range head {
		for _, r := range all {
			widths[i] = max(widths[i], utf8.RuneCountInString(r[i]))
		}
		if 0 < i && i < last {
			room -= widths[i]
		}
	}
	if widths[0]+widths[last] <= room {
		return widths
	}
	word := 0
	for _, r := range all {
		for w := range strings.SplitSeq(r[last], " ") {
			word = max(word, utf8.RuneCountInString(w))
		}
	}
	least := utf8.RuneCountInString(head[0])
	widths[0], widths[last] = least, max(room-least, word)
	fewest := tableLines(all, widths[0], widths[last])
	for _, r := range rows {
		first := utf8.RuneCountInString(r[0])
		if first <= least || first+word > room {
			continue
		}
		if n := tableLines(all, first, room-first); n < fewest || n == fewest && first > widths[0] {
			fewest, widths[0], widths[last] = n, first, room-first
		}
	}
	return widths
}

// tableLines returns how many lines rows take when their first and last column have the widths given.
func tableLines(rows [][]string, first, last int) int {
	n := 0
	for _, r := range rows {
		n += len(wrap(r[len(r)-1], last))
		if utf8.RuneCountInString(r[0]) > first {
			n++
		}
	}
	return n
}

func (t *Text) row(widths []int, cells []string) {
	if utf8.RuneCountInString(cells[0]) > widths[0] {
		t.line(cells[0])
		cells = append([]string{""}, cells[1:]...)
	}
	last := len(cells) - 1
	left := ""
	for i, c := range cells[:last] {
		left += fmt.Sprintf("%-*s", widths[i]+tableGap, c)
	}
	for i, l := range wrap(cells[last], widths[last]) {
		if i > 0 {
			left = strings.Repeat(" ", utf8.RuneCountInString(left))
		}
		t.line(strings.TrimRight(left+l, " "))
	}
}

// entry writes text indented, and what does not fit on its first line four columns further in.
func (t *Text) entry(indent int, text string) {
	for i, l := range wrap(text, t.style.width()-indent-4) {
		pad := indent
		if i > 0 {
			pad += 4
		}
		t.line(strings.Repeat(" ", pad) + l)
	}
}

// andMore says how many of noun are not shown.
func (t *Text) andMore(indent, n int, noun string) {
	if n > 0 {
		t.entry(indent, fmt.Sprintf("… and %s more.", Plural(n, noun)))
	}
}
