package encap

import "slices"

// MinMTU is what every link of IPv6 carries, in bytes (RFC 8200 §5).
const MinMTU = 1280

// DefaultGuest is what guests have where nothing else is said: Ethernet's MTU.
const DefaultGuest = 1500

// Row is what an encapsulation asks of an underlay, and what it leaves of one. All are bytes of IP, without the Ethernet
// header and an outer VLAN tag.
type Row struct {
	Encapsulation Encapsulation
	Guest         int    // MTU of the guests
	Underlay      int    // that the guests need
	Minimum       int    // underlay that MinMTU needs: below it IPv6 does not work at all
	Left          []Left // of the underlays asked for, in ascending order
}

// Left is what remains of an underlay.
type Left struct {
	Underlay int
	Overlay  int
	Missing  int  // bytes by which the underlay is too small for the guests; 0 when they fit
	TooSmall bool // Overlay is below MinMTU
}

// Plan works out a row for each encapsulation, with guests of guest bytes, DefaultGuest for 0. What is left is told for
// underlays of 1500 and 9000 bytes and those given.
func Plan(list []Encapsulation, guest int, underlays ...int) []Row {
	if guest == 0 {
		guest = DefaultGuest
	}
	sizes := append([]int{1500, 9000}, underlays...)
	slices.Sort(sizes)
	sizes = slices.Compact(sizes)
	rows := make([]Row, 0, len(list))
	for _, e := range list {
		r := Row{Encapsulation: e, Guest: guest, Underlay: e.Underlay(guest), Minimum: e.Underlay(MinMTU)}
		for _, size := range sizes {
			left := e.Overlay(size)
			r.Left = append(r.Left, Left{size, left, max(0, guest-left), left < MinMTU})
		}
		rows = append(rows, r)
	}
	return rows
}
