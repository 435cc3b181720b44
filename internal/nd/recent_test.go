package nd

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// A recent agrees with a plain list, also when its numbers wrap around.
func TestRecent(t *testing.T) {
	const limit = 2 * recentStart
	for _, first := range []uint32{0, 1 << 31, ^uint32(0) - limit} {
		r := newRecent[testKey, int](limit)
		r.first = first
		type pair struct {
			k testKey
			v int
		}
		var want []pair
		random := rand.New(rand.NewPCG(1, uint64(first)))
		for i := range 20_000 {
			k := testKey(random.IntN(100))
			switch {
			case random.IntN(1000) == 0:
				r.clear()
				want = nil
			case random.IntN(3) == 0:
				r.pop()
				want = want[min(1, len(want)):]
			default:
				*r.push(k, 0) = i
				want = append(want, pair{k, i})
				want = want[max(0, len(want)-limit):]
			}
			if int(r.length) != len(want) {
				t.Fatalf("step %d: %d entries, want %d", i, r.length, len(want))
			}
			var same []int
			for _, p := range slices.Backward(want) {
				if p.k == k {
					same = append(same, p.v)
				}
			}
			var room [3]*int
			var got []int
			for _, v := range r.find(k, room[:]) {
				got = append(got, *v)
			}
			if same = same[:min(len(same), 3)]; !slices.Equal(got, same) {
				t.Fatalf("step %d: %d is %v, want %v", i, k, got, same)
			}
			at := random.IntN(limit)
			if k, v := r.at(at); (v != nil) != (at < len(want)) || v != nil && (pair{k, *v}) != want[at] {
				t.Fatalf("step %d: entry %d is %v %v", i, at, k, v)
			}
		}
	}
}

// What has an old number by chance is not taken for an entry, nor does a chain of such numbers go on for ever.
func TestRecentStale(t *testing.T) {
	r := newRecent[testKey, int](recentStart)
	for i := range recentStart {
		r.push(testKey(i), i)
	}
	for i := range r.heads {
		r.heads[i] = r.first + uint32(i)
		r.entries[i].older = r.first + uint32(i+1)%recentStart
	}
	var room [recentStart]*int
	for i := range recentStart {
		if got := r.find(testKey(i), room[:]); len(got) > 1 {
			t.Errorf("%d was found %d times", i, len(got))
		}
	}
}

func BenchmarkRecent(b *testing.B) {
	r := newRecent[addrKey, [24]byte](maxProbes)
	random := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for b.Loop() {
		k := addrKey{addr: ip{random.Uint64(), random.Uint64()}}
		var room [4]*[24]byte
		if len(r.find(k, room[:])) > 0 {
			b.Fatal(fmt.Sprint(k))
		}
		r.push(k, [24]byte{})
	}
}
