package nd

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// testKey is the key of tables and recents in tests.
type testKey int

func (k testKey) hash(s *seed) uint64 { return s.mix(uint64(k), 0) }

// check fails t unless the lists and the slots of a table agree.
func (tb *table[K, V]) check(t *testing.T) {
	t.Helper()
	n := 0
	for _, l := range []*list[K, V]{&tb.fresh, &tb.proven} {
		length := 0
		var last *entry[K, V]
		for e := l.front; e != nil; e = e.next {
			if e.prev != last || tb.find(e.key) != e || tb.hashOf(e.key) != e.hash || e.proven != (l == &tb.proven) {
				t.Fatalf("entry %v", e.key)
			}
			last = e
			length++
		}
		if l.back != last || length != l.length || length > tb.limit {
			t.Fatalf("a list of %d, counted %d, limit %d", length, l.length, tb.limit)
		}
		n += length
	}
	placed := 0
	for _, s := range tb.slots {
		if s.entry != 0 {
			placed++
		}
	}
	if n != tb.length || n != placed || 2*n > len(tb.slots) {
		t.Fatalf("%d entries, counted %d, %d in %d slots", n, tb.length, placed, len(tb.slots))
	}
}

func keys(tb *table[testKey, string]) string {
	var all []testKey
	tb.each(func(k testKey, v *string) { all = append(all, k) })
	return fmt.Sprint(all)
}

func TestTable(t *testing.T) {
	tb := newTable[testKey, string](3)
	for i := range testKey(3) {
		v, isNew := tb.add(i)
		if !isNew || *v != "" {
			t.Fatalf("%d: %q, %v", i, *v, isNew)
		}
		*v = fmt.Sprint(i)
	}
	if v, isNew := tb.add(1); isNew || *v != "1" {
		t.Errorf("%q, %v", *v, isNew)
	}
	tb.touch(0)
	tb.touch(99)
	for i := testKey(3); i < 6; i++ {
		if v, _ := tb.add(i); *v != "" { // in the memory of another
			t.Errorf("%d is %q", i, *v)
		}
		tb.check(t)
	}
	if got := keys(&tb); got != "[3 4 5 0]" {
		t.Errorf("after a flood: %s", got)
	}
	if tb.peek(1) != nil || *tb.peek(0) != "0" || tb.evicted != 2 {
		t.Errorf("1 is there, or 0 is not; %d evicted", tb.evicted)
	}
	tb.touch(3)
	tb.touch(4)
	tb.touch(5)
	tb.check(t)
	if got := keys(&tb); got != "[0 3 4 5]" { // the one that was proven longest ago is on trial again
		t.Errorf("after proofs: %s", got)
	}
	tb.touch(3)
	if got := keys(&tb); got != "[0 4 5 3]" {
		t.Errorf("after another proof: %s", got)
	}
	tb.remove(4)
	tb.remove(0)
	tb.remove(77)
	tb.check(t)
	if got := keys(&tb); got != "[5 3]" {
		t.Errorf("after removal: %s", got)
	}
	tb.each(func(k testKey, v *string) { tb.remove(k) })
	tb.check(t)
	if tb.length != 0 {
		t.Errorf("%s left", keys(&tb))
	}
}

// A table is told of what it forgets, and not of what is removed.
func TestTableDropped(t *testing.T) {
	tb := newTable[testKey, int](2)
	dropped := ""
	tb.dropped = func(k testKey, v *int) { dropped += fmt.Sprintf("%d=%d ", k, *v) }
	for i := range 4 {
		v, _ := tb.add(testKey(i))
		*v = 10 * i
	}
	tb.remove(3)
	tb.add(4)
	tb.add(5)
	if dropped != "0=0 1=10 2=20 " {
		t.Error(dropped)
	}
}

// Any row of operations leaves the table whole, and what it holds is what was put in.
func TestTableAtRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	tb := newTable[testKey, int](8)
	for range 20000 {
		k := testKey(rng.IntN(40))
		switch rng.IntN(4) {
		case 0, 1:
			v, isNew := tb.add(k)
			if isNew == (*v != 0) {
				t.Fatalf("%d: new %v, value %d", k, isNew, *v)
			}
			*v = int(k) + 1
		case 2:
			tb.touch(k)
		case 3:
			if rng.IntN(4) == 0 {
				tb.remove(k)
			}
		}
		if v := tb.peek(k); v != nil && *v != int(k)+1 {
			t.Fatalf("%d is %d", k, *v)
		}
		tb.check(t)
	}
	if tb.evicted == 0 || tb.proven.length == 0 {
		t.Errorf("%d evicted, %d proven", tb.evicted, tb.proven.length)
	}
}

// model is a table as simple as can be: two lists, the one used last in front.
type model struct {
	limit         int
	fresh, proven []testKey
	evicted       uint64
}

func (m *model) has(k testKey) bool {
	return slices.Contains(m.fresh, k) || slices.Contains(m.proven, k)
}

func without(list []testKey, k testKey) []testKey {
	return slices.DeleteFunc(list, func(x testKey) bool { return x == k })
}

func (m *model) trim(n int) {
	if len(m.fresh) > n {
		m.evicted += uint64(len(m.fresh) - n)
		m.fresh = m.fresh[:n]
	}
}

func (m *model) add(k testKey) {
	if !m.has(k) {
		m.trim(m.limit - 1)
		m.fresh = slices.Insert(m.fresh, 0, k)
	}
}

func (m *model) touch(k testKey) {
	if !m.has(k) {
		return
	}
	m.fresh, m.proven = without(m.fresh, k), slices.Insert(without(m.proven, k), 0, k)
	if n := len(m.proven); n > m.limit {
		m.fresh = slices.Insert(m.fresh, 0, m.proven[n-1])
		m.proven = m.proven[:n-1]
		m.trim(m.limit)
	}
}

// A table forgets what its model forgets, and keeps the same order.
func TestTableModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	for _, limit := range []int{1, 2, 7, 40} {
		tb, m := newTable[testKey, int](limit), &model{limit: limit}
		for step := range 20_000 {
			k := testKey(rng.IntN(4 * limit))
			switch n := rng.IntN(10); {
			case n < 5:
				tb.add(k)
				m.add(k)
			case n < 8:
				tb.touch(k)
				m.touch(k)
			case n < 9:
				if (tb.peek(k) != nil) != m.has(k) {
					t.Fatalf("limit %d, step %d: %d is there or is not", limit, step, k)
				}
			default:
				tb.remove(k)
				m.fresh, m.proven = without(m.fresh, k), without(m.proven, k)
			}
			var got []testKey
			tb.each(func(k testKey, _ *int) { got = append(got, k) })
			slices.Reverse(got)
			if want := slices.Concat(m.proven, m.fresh); !slices.Equal(got, want) || tb.evicted != m.evicted {
				t.Fatalf("limit %d, step %d: %v, %d evicted; want %v, %d", limit, step, got, tb.evicted, want, m.evicted)
			}
		}
		tb.check(t)
	}
}

// A flood of new keys allocates nothing once the table is full.
func TestTableDoesNotAllocate(t *testing.T) {
	tb := newTable[testKey, [64]byte](1024)
	k := testKey(0)
	next := func() {
		k++
		tb.add(k)
		tb.touch(1)
	}
	for range 100000 {
		next()
	}
	if n := testing.AllocsPerRun(100000, next); n != 0 {
		t.Errorf("%v allocations", n)
	}
	tb.check(t)
}
