package filter

import (
	"bytes"
	"slices"
	"sort"

	"golang.org/x/sys/unix"
)

// nftSet is a set or a map of nftables.
type nftSet struct {
	name     string
	flags    uint32
	keyType  uint32 // as nft numbers types: what no kernel looks at
	keyLen   int
	fields   []int // lengths of the parts of a concatenation with intervals, in bytes
	elements []nftElement
	rest     *nftElement            // the catch-all
	exact    map[string]*nftElement // of a set without intervals
	unread   bool                   // its contents are not known
}

// nftElement is an element of a set; in a set with intervals it is where an interval begins or ends.
type nftElement struct {
	key, keyEnd []byte
	end         bool // an interval ends before key
	value       []byte
	verdict     *nftVerdict
	conditional bool // a limit or the like belongs to it, which may say that it is not there
}

// nftVerdict is a verdict as nftables has it.
type nftVerdict struct {
	code  int32
	chain string
}

func (s *nftSet) anonymous() bool { return s.flags&unix.NFT_SET_ANONYMOUS != 0 }
func (s *nftSet) interval() bool  { return s.flags&unix.NFT_SET_INTERVAL != 0 }

// parseSet reads the attributes of a set, its elements not included.
func parseSet(a attrs) *nftSet {
	s := &nftSet{name: a.string(unix.NFTA_SET_NAME), flags: a.u32(unix.NFTA_SET_FLAGS),
		keyType: a.u32(unix.NFTA_SET_KEY_TYPE), keyLen: int(a.u32(unix.NFTA_SET_KEY_LEN))}
	for _, field := range attributes(parse(a[unix.NFTA_SET_DESC])[nftaSetDescConcat]) {
		s.fields = append(s.fields, int(parse(field).u32(nftaSetFieldLen)))
	}
	if s.keyLen <= 0 || s.keyLen > registerBytes {
		s.unread = true
	}
	return s
}

// add reads the elements in a message.
func (s *nftSet) add(a attrs) {
	for _, b := range attributes(a[unix.NFTA_SET_ELEM_LIST_ELEMENTS]) {
		v := parse(b)
		flags := v.u32(unix.NFTA_SET_ELEM_FLAGS)
		e := nftElement{key: v.value(unix.NFTA_SET_ELEM_KEY), keyEnd: v.value(nftaSetElemKeyEnd),
			end: flags&unix.NFT_SET_ELEM_INTERVAL_END != 0}
		if data := parse(v[unix.NFTA_SET_ELEM_DATA]); data.has(unix.NFTA_DATA_VERDICT) {
			e.verdict = parseVerdict(data[unix.NFTA_DATA_VERDICT])
		} else {
			e.value = data[unix.NFTA_DATA_VALUE]
		}
		e.conditional = !harmless(v[unix.NFTA_SET_ELEM_EXPR])
		for _, x := range attributes(v[nftaSetElemExpressions]) {
			e.conditional = e.conditional || !harmless(x)
		}
		switch {
		case flags&nftSetElemCatchall != 0:
			s.rest = &e
		case len(e.key) != s.keyLen || e.keyEnd != nil && len(e.keyEnd) != s.keyLen:
			s.unread = true
		default:
			s.elements = append(s.elements, e)
		}
	}
}

// harmless reports whether an expression that belongs to an element only counts.
func harmless(b []byte) bool {
	name := parse(b).string(unix.NFTA_EXPR_NAME)
	return name == "" || name == "counter" || name == "last"
}

func parseVerdict(b []byte) *nftVerdict {
	a := parse(b)
	return &nftVerdict{int32(a.u32(unix.NFTA_VERDICT_CODE)), a.string(unix.NFTA_VERDICT_CHAIN)}
}

// finish makes the set ready for lookups when all elements are there.
func (s *nftSet) finish() {
	// Where one interval ends and the next begins, the beginning counts.
	slices.SortStableFunc(s.elements, func(a, b nftElement) int {
		switch c := bytes.Compare(a.key, b.key); {
		case c != 0 || a.end == b.end:
			return c
		case a.end:
			return -1
		}
		return 1
	})
	if !s.interval() {
		s.exact = make(map[string]*nftElement, len(s.elements))
		for i := range s.elements {
			s.exact[string(s.elements[i].key)] = &s.elements[i]
		}
		return
	}
	if s.flags&nftSetConcat == 0 {
		return
	}
	total := 0
	for _, n := range s.fields {
		if n <= 0 || n > registerBytes {
			s.unread = true
			return
		}
		total += (n + 3) &^ 3
	}
	s.unread = s.unread || total != s.keyLen
}

// lookup tells whether key is in the set, and, if Yes, as which element; nil where that is not known.
func (s *nftSet) lookup(key bits) (Truth, *nftElement) {
	if s.unread {
		return CannotTell, nil
	}
	truth, e := s.find(key)
	if truth == No && s.rest != nil {
		truth, e = Yes, s.rest
	}
	if truth == Yes && e.conditional {
		return CannotTell, nil
	}
	return truth, e
}

func (s *nftSet) find(key bits) (Truth, *nftElement) {
	switch {
	case s.exact != nil && key.allKnown():
		if e := s.exact[string(key.value)]; e != nil {
			return Yes, e
		}
		return No, nil
	case s.exact == nil && s.flags&nftSetConcat == 0:
		return s.findInterval(key)
	}
	truth := No
	for i := range s.elements {
		e := &s.elements[i]
		switch s.matches(e, key) {
		case Yes:
			return Yes, e
		case CannotTell:
			truth = CannotTell
		}
	}
	return truth, nil
}

// matches tells whether key is the element, or in it part by part where it has intervals.
func (s *nftSet) matches(e *nftElement, key bits) Truth {
	if e.keyEnd == nil || len(s.fields) == 0 {
		return key.equal(e.key)
	}
	truth, at := Yes, 0
	for _, n := range s.fields {
		switch key.slice(at, n).within(e.key[at:at+n], e.keyEnd[at:at+n]) {
		case No:
			return No
		case CannotTell:
			truth = CannotTell
		}
		at += (n + 3) &^ 3
	}
	return truth
}

// findInterval looks among intervals, each from a key to the next. The key is in one of those between the one with the least
// that it may be and the one with the greatest.
func (s *nftSet) findInterval(key bits) (Truth, *nftElement) {
	least, most := key.value, make([]byte, len(key.value))
	for i := range most {
		most[i] = key.value[i] | ^key.known[i]
	}
	first, last := s.before(least), s.before(most)
	inside, outside := 0, 0
	for i := first; i <= last; i++ {
		if i >= 0 && !s.elements[i].end {
			inside++
		} else if i < 0 || i == last || !bytes.Equal(s.elements[i].key, s.elements[i+1].key) {
			outside++ // not where nothing is between an end and the next beginning
		}
	}
	switch {
	case inside == 0:
		return No, nil
	case outside == 0 && first == last:
		return Yes, &s.elements[first]
	}
	return CannotTell, nil
}

// before returns the index of the last element whose key is at most v, -1 if there is none.
func (s *nftSet) before(v []byte) int {
	return sort.Search(len(s.elements), func(i int) bool { return bytes.Compare(s.elements[i].key, v) > 0 }) - 1
}
