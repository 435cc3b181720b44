package nd

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// check fails t unless the lists and the index of a table agree.
func (tb *table[K, V]) check(t *testing.T) {
	t.Helper()
	n := 0
	for _, l := range []*list[K, V]{&tb.fresh, &tb.proven} {
		length := 0
		var last *entry[K, V]
		for e := l.front; e != nil; e = e.next {
			if e.prev != last || tb.index[e.key] != e || e.proven != (l == &tb.proven) {
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
	if n != len(tb.index) {
		t.Fatalf("%d entries, %d in the index", n, len(tb.index))
	}
}

func keys(tb *table[int, string]) string {
	var all []int
	tb.each(func(k int, v *string) { all = append(all, k) })
	return fmt.Sprint(all)
}

func TestTable(t *testing.T) {
	tb := newTable[int, string](3)
	for i := range 3 {
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
	for i := 3; i < 6; i++ {
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
	tb.each(func(k int, v *string) { tb.remove(k) })
	tb.check(t)
	if len(tb.index) != 0 {
		t.Errorf("%s left", keys(&tb))
	}
}

// A table is told of what it forgets, and not of what is removed.
func TestTableDropped(t *testing.T) {
	tb := newTable[int, int](2)
	dropped := ""
	tb.dropped = func(k int, v *int) { dropped += fmt.Sprintf("%d=%d ", k, *v) }
	for i := range 4 {
		v, _ := tb.add(i)
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
	tb := newTable[int, int](8)
	for range 20000 {
		k := rng.IntN(40)
		switch rng.IntN(4) {
		case 0, 1:
			v, isNew := tb.add(k)
			if isNew == (*v != 0) {
				t.Fatalf("%d: new %v, value %d", k, isNew, *v)
			}
			*v = k + 1
		case 2:
			tb.touch(k)
		case 3:
			if rng.IntN(4) == 0 {
				tb.remove(k)
			}
		}
		if v := tb.peek(k); v != nil && *v != k+1 {
			t.Fatalf("%d is %d", k, *v)
		}
		tb.check(t)
	}
	if tb.evicted == 0 || tb.proven.length == 0 {
		t.Errorf("%d evicted, %d proven", tb.evicted, tb.proven.length)
	}
}

// A flood of new keys allocates nothing once the table is full.
func TestTableDoesNotAllocate(t *testing.T) {
	tb := newTable[[16]byte, [64]byte](1024)
	var k [16]byte
	next := func() {
		for i := range k {
			if k[i]++; k[i] != 0 {
				break
			}
		}
		tb.add(k)
		tb.touch([16]byte{1})
	}
	for range 100000 {
		next()
	}
	if n := testing.AllocsPerRun(100000, next); n != 0 {
		t.Errorf("%v allocations", n)
	}
	tb.check(t)
}
