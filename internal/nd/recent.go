package nd

// recent is the last things that came, oldest first, found by their key. One takes little room and no allocation, so that
// many thousand can be kept: whatever comes within a second, even in the middle of a flood. What is too many pushes out
// the oldest.
//
// The entries are numbered as they come, and stand in a ring at their number. Those whose keys have the same hash are
// chained from the newest to the oldest. A number that has left the ring ends its chain, so nothing is ever unchained.
type recent[K hashable, V any] struct {
	limit   int // a power of two
	seed    seed
	asked   K // the last that was asked for, and its hash: what follows is mostly about the same one
	hash    uint64
	hashed  bool
	entries []recentEntry[K, V] // as long as heads, a power of two
	heads   []uint32            // by hash: the number of the newest entry
	first   uint32              // the oldest entry
	length  uint32
	evicted uint64 // how many were forgotten for lack of room
}

type recentEntry[K hashable, V any] struct {
	key   K
	older uint32 // the next of the chain
	value V
}

const recentStart = 64 // entries that there is room for in the beginning

// newRecent returns one of at most limit entries, a power of two of at least recentStart.
func newRecent[K hashable, V any](limit int) recent[K, V] {
	return recent[K, V]{limit: limit, seed: newSeed()}
}

func (r *recent[K, V]) slot(number uint32) *recentEntry[K, V] {
	return &r.entries[int(number)&(len(r.entries)-1)]
}

func (r *recent[K, V]) head(k K) *uint32 {
	if !r.hashed || r.asked != k {
		r.asked, r.hash, r.hashed = k, k.hash(&r.seed), true
	}
	return &r.heads[int(r.hash)&(len(r.heads)-1)]
}

// push adds a value of k and returns it. Older ones of k stay.
func (r *recent[K, V]) push(k K, v V) *V {
	if int(r.length) == len(r.entries) {
		if len(r.entries) < r.limit {
			r.grow()
		} else {
			r.evicted++
			r.pop()
		}
	}
	number := r.first + r.length
	r.length++
	r.chain(number, k)
	e := r.slot(number)
	e.value = v
	return &e.value
}

func (r *recent[K, V]) chain(number uint32, k K) {
	head := r.head(k)
	e := r.slot(number)
	e.key, e.older = k, *head
	*head = number
}

func (r *recent[K, V]) grow() {
	old := *r
	size := max(recentStart, 2*len(old.entries))
	r.entries, r.heads = make([]recentEntry[K, V], size), make([]uint32, size)
	for i := range r.heads {
		r.heads[i] = r.first - 1
	}
	for i := range old.length {
		e := old.slot(old.first + i)
		r.chain(old.first+i, e.key)
		r.slot(old.first + i).value = e.value
	}
}

// oldest returns the oldest value and its key, nil when there is none.
func (r *recent[K, V]) oldest() (K, *V) { return r.at(0) }

// at returns the i-th value from the oldest and its key, nil when there is none.
func (r *recent[K, V]) at(i int) (K, *V) {
	if i < 0 || i >= int(r.length) {
		var none K
		return none, nil
	}
	e := r.slot(r.first + uint32(i))
	return e.key, &e.value
}

// pop forgets the oldest.
func (r *recent[K, V]) pop() {
	if r.length > 0 {
		r.first++
		r.length--
	}
}

// clear forgets all and keeps the room for them.
func (r *recent[K, V]) clear() {
	r.first += r.length
	r.length = 0
}

// find returns the values of k that are kept, the newest first, as far as into has room. The pointers are good until the
// next push or pop.
func (r *recent[K, V]) find(k K, into []*V) []*V {
	into = into[:0]
	if r.length == 0 {
		return into
	}
	// A number from long ago may look like one of the ring. The way from first shrinks from entry to entry, so the walk
	// ends whatever it meets.
	way := r.length
	for number := *r.head(k); number-r.first < way && len(into) < cap(into); {
		way = number - r.first
		e := r.slot(number)
		if e.key == k {
			into = append(into, &e.value)
		}
		number = e.older
	}
	return into
}
