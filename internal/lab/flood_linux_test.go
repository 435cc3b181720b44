package lab

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
)

func TestFlood(t *testing.T) {
	guest, router := pair(t)
	var cpus unix.CPUSet
	check(t, unix.SchedGetaffinity(0, &cpus))
	cpu := 0
	for !cpus.IsSet(cpu) {
		cpu++
	}
	// Of an EtherType that nobody speaks, so that nothing is answered.
	frame := craft.Ethernet(craft.MAC(craft.RouterMAC), craft.MAC(craft.GuestMAC), nil, 0x88b5, make([]byte, 46))
	last := craft.Ethernet(craft.MAC(craft.RouterMAC), craft.MAC(craft.GuestMAC), nil, 0x88b6, make([]byte, 46))
	l := listen(t, router, "vr0")
	const count = 3*floodBatch + 7 // no multiple of a batch
	took, err := guest.Flood("eth0", frame, count, cpu)
	check(t, err, guest.Inject("eth0", last))
	if took <= 0 {
		t.Errorf("took %v", took)
	}
	came := 0
	_, err = l.Await(deadline(t), func(f []byte) bool {
		if bytes.Equal(f, frame) {
			came++
		}
		return bytes.Equal(f, last)
	})
	check(t, err)
	if came != count {
		t.Errorf("%d frames came of %d", came, count)
	}
	for _, c := range []struct {
		name, iface string
		frame       []byte
		cpu         int
	}{
		{"no frame", "eth0", nil, cpu},
		{"no such interface", "eth9", frame, cpu},
		{"no such CPU", "eth0", frame, 1023},
	} {
		if _, err := guest.Flood(c.iface, c.frame, 1, c.cpu); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}
