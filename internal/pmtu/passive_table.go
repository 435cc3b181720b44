package pmtu

// table is a map of bounded size that forgets what was not asked for the longest, half of it at a time. Every operation but
// that takes constant time.
type table[K comparable, V any] struct {
	limit      int // of each of the two
	young, old map[K]*V
	evicted    uint64
	dropped    func(K, *V) // told of each that is forgotten, if it is not nil
}

// newTable returns a table of at most 2 × limit entries.
func newTable[K comparable, V any](limit int) table[K, V] {
	return table[K, V]{limit: limit, young: make(map[K]*V)}
}

// peek returns the value of k, or nil. It does not count as use.
func (t *table[K, V]) peek(k K) *V {
	if v := t.young[k]; v != nil {
		return v
	}
	return t.old[k]
}

// use returns the value of k, or nil, and keeps it from being forgotten soon.
func (t *table[K, V]) use(k K) *V {
	if v := t.young[k]; v != nil {
		return v
	}
	v := t.old[k]
	if v != nil {
		delete(t.old, k)
		t.put(k, v)
	}
	return v
}

// add returns the value of k, a zero one if k is new.
func (t *table[K, V]) add(k K) *V {
	v := t.use(k)
	if v == nil {
		v = new(V)
		t.put(k, v)
	}
	return v
}

// put makes v the value of k, which has none.
func (t *table[K, V]) put(k K, v *V) {
	if len(t.young) == t.limit {
		for k, v := range t.old {
			if t.dropped != nil {
				t.dropped(k, v)
			}
		}
		t.evicted += uint64(len(t.old))
		t.old, t.young = t.young, make(map[K]*V, t.limit)
	}
	t.young[k] = v
}

// remove forgets k.
func (t *table[K, V]) remove(k K) {
	delete(t.young, k)
	delete(t.old, k)
}

// each calls f for every entry, in no order.
func (t *table[K, V]) each(f func(K, *V)) {
	for k, v := range t.old {
		f(k, v)
	}
	for k, v := range t.young {
		f(k, v)
	}
}
