// Package bloom remembers hashes in a fixed room, the newest at least, and takes a few for them that it never saw.
package bloom

// Pair is a pair of Bloom filters: when the newer has as many hashes as it may hold, the older is emptied and takes its place.
// It is for one goroutine.
type Pair struct {
	most  int            // that the newer may hold
	slots [][2][2]uint64 // of both filters, beside each other, as both are looked at; nil until there is a hash
	size  int            // of slots, a power of two
	newer int            // which of the pair
	n     int            // in the newer
}

// New returns an empty Pair of which each filter holds most hashes in so many slots, a power of two. A slot takes 32 bytes, of
// both. With one for every four hashes, one hash in about 3,000 that is not there seems to be; with one for sixteen, one in 20.
// No memory is taken before the first hash.
func New(most, slots int) Pair { return Pair{most: most, size: slots} }

// Add takes in h, whose bits are random, and reports whether it seemed to be there.
func (p *Pair) Add(h uint64) (known bool) {
	if p.slots == nil {
		p.slots = make([][2][2]uint64, p.size)
	}
	if p.n == p.most {
		p.newer, p.n = 1-p.newer, 0
		for i := range p.slots {
			p.slots[i][p.newer] = [2]uint64{}
		}
	}
	slot, bits := p.place(h)
	if contains(&slot[p.newer], bits) {
		return true
	}
	slot[p.newer][0] |= bits[0]
	slot[p.newer][1] |= bits[1]
	p.n++
	return contains(&slot[1-p.newer], bits)
}

// Has reports whether h seems to be there.
func (p *Pair) Has(h uint64) bool {
	if p.slots == nil {
		return false
	}
	slot, bits := p.place(h)
	return contains(&slot[0], bits) || contains(&slot[1], bits)
}

// place returns where h stands: in one slot, as it is the looking for it that takes time, two bits of each of the words there.
func (p *Pair) place(h uint64) (slot *[2][2]uint64, bits [2]uint64) {
	return &p.slots[h>>24&uint64(p.size-1)], [2]uint64{1<<(h&63) | 1<<(h>>6&63), 1<<(h>>12&63) | 1<<(h>>18&63)}
}

func contains(words *[2]uint64, bits [2]uint64) bool {
	return words[0]&bits[0] == bits[0] && words[1]&bits[1] == bits[1]
}
