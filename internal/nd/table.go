package nd

// table is a map of bounded size that forgets what was seen once before what was seen again: a flood of new keys pushes
// out itself and not what is in use (a segmented LRU). Every operation takes constant time, and a full table does not
// allocate: what is new takes the memory of what is forgotten for it.
//
// It has a hash table of its own. A map of Go would hash a key and look for it again each time that it is found, moved and
// forgotten, and what is not there has to be told by looking at numbers only: in a flood that is each key, and entries that
// lie anywhere in memory take far longer to be looked at.
type table[K hashable, V any] struct {
	limit  int // of each of the two lists
	seed   seed
	slots  []slot // a power of two, at least twice as many as entries
	chunks [][]entry[K, V]
	length int

	found   *entry[K, V] // the last that was asked for: what follows is mostly about the same one
	missed  missed[K]    // likewise the last that was asked for in vain
	fresh   list[K, V]   // seen once
	proven  list[K, V]   // seen again
	spare   *entry[K, V] // those that left, to be used again, by next
	evicted uint64       // how many were forgotten for lack of room
	// dropped is told of each entry that is forgotten for lack of room, if it is not nil.
	dropped func(K, *V)
}

// slot is where an entry stands by its hash: in the first free slot from that of the hash on.
type slot struct {
	hash  uint32
	entry uint32 // its number from 1 on, 0 for none
}

// missed is a key that is not there, and its hash.
type missed[K hashable] struct {
	key   K
	hash  uint32
	valid bool
}

type entry[K hashable, V any] struct {
	key        K
	hash       uint32
	number     uint32
	proven     bool
	prev, next *entry[K, V]
	value      V
}

// list is doubly linked, the one used last in front.
type list[K hashable, V any] struct {
	front, back *entry[K, V]
	length      int
}

const chunkSize = 32 // entries that are made at a time; they never move

// newTable returns a table of at most 2 × limit entries.
func newTable[K hashable, V any](limit int) table[K, V] {
	return table[K, V]{limit: limit, seed: newSeed()}
}

func (t *table[K, V]) hashOf(k K) uint32 { return uint32(k.hash(&t.seed)) }

// entry returns the one with that number.
func (t *table[K, V]) entry(number uint32) *entry[K, V] {
	i := number - 1
	return &t.chunks[i/chunkSize][i%chunkSize]
}

// find returns the entry of k, or nil.
func (t *table[K, V]) find(k K) *entry[K, V] {
	if e := t.found; e != nil && e.key == k {
		return e
	}
	if t.length == 0 || t.missed.valid && t.missed.key == k {
		return nil
	}
	hash := t.hashOf(k)
	mask := uint32(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s.entry == 0 {
			t.missed = missed[K]{k, hash, true}
			return nil
		}
		if s.hash != hash {
			continue
		}
		if e := t.entry(s.entry); e.key == k {
			t.found = e
			return e
		}
	}
}

// enter gives e a slot.
func (t *table[K, V]) enter(e *entry[K, V]) {
	if t.length++; 2*t.length > len(t.slots) {
		old := t.slots
		t.slots = make([]slot, max(2*chunkSize, 2*len(old)))
		for _, s := range old {
			if s.entry != 0 {
				t.place(s)
			}
		}
	}
	t.place(slot{e.hash, e.number})
}

func (t *table[K, V]) place(s slot) {
	mask := uint32(len(t.slots) - 1)
	i := s.hash & mask
	for t.slots[i].entry != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

// leave takes e out of its slot. Those behind it that would have stood there move up, so that nothing is passed over by
// who looks for them.
func (t *table[K, V]) leave(e *entry[K, V]) {
	if t.found == e {
		t.found = nil
	}
	t.length--
	mask := uint32(len(t.slots) - 1)
	free := e.hash & mask
	for t.slots[free].entry != e.number {
		free = (free + 1) & mask
	}
	for i := (free + 1) & mask; t.slots[i].entry != 0; i = (i + 1) & mask {
		if s := t.slots[i]; (i-s.hash)&mask >= (i-free)&mask { // its way here leads over the free one
			t.slots[free] = s
			free = i
		}
	}
	t.slots[free] = slot{}
}

// take returns an entry that is not in use.
func (t *table[K, V]) take() *entry[K, V] {
	if t.spare == nil {
		chunk := make([]entry[K, V], chunkSize)
		t.chunks = append(t.chunks, chunk)
		last := len(t.chunks) * chunkSize
		for i := range chunk {
			e := &chunk[chunkSize-1-i] // so that they are taken in the order in which they lie
			e.number = uint32(last - i)
			e.next, t.spare = t.spare, e
		}
	}
	e := t.spare
	t.spare = e.next
	return e
}

// peek returns the value of k, or nil. It does not count as use. The pointer is good until k is forgotten.
func (t *table[K, V]) peek(k K) *V {
	if e := t.find(k); e != nil {
		return &e.value
	}
	return nil
}

// touch moves k, which has been seen again, out of the way of what is new.
func (t *table[K, V]) touch(k K) {
	e := t.find(k)
	if e == nil {
		return
	}
	if e.proven {
		if t.proven.front != e {
			t.proven.remove(e)
			t.proven.push(e)
		}
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
	if e := t.find(k); e != nil {
		return &e.value, false
	}
	hash := t.missed.hash
	if !t.missed.valid || t.missed.key != k { // there was nothing to look for it in
		hash = t.hashOf(k)
	}
	t.missed.valid = false
	t.trim(t.limit - 1)
	e := t.take()
	*e = entry[K, V]{key: k, hash: hash, number: e.number}
	t.enter(e)
	t.fresh.push(e)
	t.found = e
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
		t.release(e)
		t.evicted++
	}
}

// remove forgets k.
func (t *table[K, V]) remove(k K) {
	e := t.find(k)
	if e == nil {
		return
	}
	if e.proven {
		t.proven.remove(e)
	} else {
		t.fresh.remove(e)
	}
	t.release(e)
}

// release gives up e, which is in no list any more.
func (t *table[K, V]) release(e *entry[K, V]) {
	t.leave(e)
	e.next, t.spare = t.spare, e
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
