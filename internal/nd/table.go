package nd

// table is a map of bounded size that forgets what was seen once before what was seen again: a flood of new keys pushes
// out itself and not what is in use (a segmented LRU). Every operation takes constant time, and a full table does not
// allocate: what is new takes the memory of what is forgotten for it.
type table[K comparable, V any] struct {
	limit   int // of each of the two lists
	index   map[K]*entry[K, V]
	fresh   list[K, V]   // seen once
	proven  list[K, V]   // seen again
	spare   *entry[K, V] // the last one that left, to be used again
	evicted uint64       // how many were forgotten for lack of room
	// dropped is told of each entry that is forgotten for lack of room, if it is not nil.
	dropped func(K, *V)
}

type entry[K comparable, V any] struct {
	key        K
	value      V
	proven     bool
	prev, next *entry[K, V]
}

// list is doubly linked, the one used last in front.
type list[K comparable, V any] struct {
	front, back *entry[K, V]
	length      int
}

// newTable returns a table of at most 2 × limit entries.
func newTable[K comparable, V any](limit int) table[K, V] {
	return table[K, V]{limit: limit, index: make(map[K]*entry[K, V])}
}

// peek returns the value of k, or nil. It does not count as use. The pointer is good until k is forgotten.
func (t *table[K, V]) peek(k K) *V {
	if e := t.index[k]; e != nil {
		return &e.value
	}
	return nil
}

// touch moves k, which has been seen again, out of the way of what is new.
func (t *table[K, V]) touch(k K) {
	e := t.index[k]
	if e == nil {
		return
	}
	if e.proven {
		t.proven.remove(e)
		t.proven.push(e)
		return
	}
	t.fresh.remove(e)
	e.proven = true
	t.proven.push(e)
	if t.proven.length > t.limit {
		e = t.proven.back
		t.proven.remove(e)
		e.proven = false
		t.fresh.push(e)
		t.trim(t.limit)
	}
}

// add returns the value of k, a zero one if k is new. It does not count as use of one that is there.
func (t *table[K, V]) add(k K) (v *V, isNew bool) {
	if e := t.index[k]; e != nil {
		return &e.value, false
	}
	t.trim(t.limit - 1)
	e := t.spare
	if t.spare = nil; e == nil {
		e = new(entry[K, V])
	}
	*e = entry[K, V]{key: k}
	t.index[k] = e
	t.fresh.push(e)
	return &e.value, true
}

// trim forgets the oldest of those seen once, until there are no more than n.
func (t *table[K, V]) trim(n int) {
	for t.fresh.length > n {
		e := t.fresh.back
		if t.dropped != nil {
			t.dropped(e.key, &e.value)
		}
		t.fresh.remove(e)
		delete(t.index, e.key)
		t.evicted++
		t.spare = e
	}
}

// remove forgets k.
func (t *table[K, V]) remove(k K) {
	e := t.index[k]
	if e == nil {
		return
	}
	if e.proven {
		t.proven.remove(e)
	} else {
		t.fresh.remove(e)
	}
	delete(t.index, k)
}

// each calls f for every entry, those in use last. f may remove the entry it is given.
func (t *table[K, V]) each(f func(K, *V)) {
	for _, l := range []*list[K, V]{&t.fresh, &t.proven} {
		for e := l.back; e != nil; {
			prev := e.prev // f may take e out of the list
			f(e.key, &e.value)
			e = prev
		}
	}
}

func (l *list[K, V]) push(e *entry[K, V]) {
	e.prev, e.next = nil, l.front
	if l.front != nil {
		l.front.prev = e
	} else {
		l.back = e
	}
	l.front = e
	l.length++
}

func (l *list[K, V]) remove(e *entry[K, V]) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.front = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		l.back = e.prev
	}
	e.prev, e.next = nil, nil
	l.length--
}
