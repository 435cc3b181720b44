// Package like finds the word that was meant by one that is misspelt.
package like

import "strings"

// longest is more than any name has that something could be like, in bytes.
const longest = 128

// Nearest returns the one of words that is most like s, in any case of its letters: the first of several. It returns "" if
// none is much like it: one letter in three may differ, four at most.
func Nearest(s string, words []string) string {
	if len(s) > longest {
		return ""
	}
	s = strings.ToLower(s)
	best, limit := "", max(2, 1+min(len(s)/3, 4))
	for _, w := range words {
		if n := distance(s, strings.ToLower(w), limit); n < limit {
			best, limit = w, n
		}
	}
	return best
}

// distance is how many letters must be changed, added or removed to make b of a, or limit if they are as many or more.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return min(row[len(b)], limit)
}
