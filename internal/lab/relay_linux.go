package lab

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// Relay is a wire, or a switch, between two interfaces: it hands each frame that comes in at one out at the other, in
// order, after a time, unless it is too long. It does so for kernels without netem, and where a switch is to swallow long
// frames without a word. A VLAN tag that the kernel takes off is missing from what it hands on, and what a tunnel leaves
// to the hardware to cut, as of a TCP stream in VXLAN, does not pass.
type Relay struct {
	ports [2]*port
	loop  *loop
}

// Place is an interface of a namespace.
type Place struct {
	NS   *Namespace
	Name string
}

// Wire says what a Relay does with what it carries one way.
type Wire struct {
	Delay   time.Duration
	Largest int // bytes of the longest IP packet that it carries; 0 for any
}

// queued is how many frames a Relay holds one way; more are lost, as on a router.
const queued = 4096

// StartRelay joins the interfaces a and b until Close. there is for what comes in at a, back for what comes in at b.
func StartRelay(a, b Place, there, back Wire) (*Relay, error) {
	r := &Relay{}
	var err error
	for i, p := range []Place{a, b} {
		if r.ports[i], err = p.NS.openPort(p.Name); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	if r.loop, err = newLoop(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	for i, w := range []Wire{there, back} {
		l := &lane{Wire: w, in: r.ports[i], out: r.ports[1-i], buffer: make([]byte, maxFrame)}
		r.loop.run(l.in, l.step)
	}
	return r, nil
}

// Close ends the Relay; what it holds is lost.
func (r *Relay) Close() error {
	var err error
	if r.loop != nil {
		err = r.loop.end()
	}
	for i, p := range r.ports {
		if p != nil {
			err = errors.Join(err, unix.Close(p.fd))
			r.ports[i] = nil
		}
	}
	return err
}

// lane is one way through a Relay.
type lane struct {
	Wire
	in, out *port
	buffer  []byte
	// ring holds the frames to be sent, count of them from first on. It grows to queued entries and keeps their memory.
	ring         []held
	first, count int
}

type held struct {
	due   time.Time
	frame []byte
}

// step takes in what has come, sends what is due, and returns when the next frame is.
func (l *lane) step() (time.Time, error) {
	for {
		n, ago, ok, err := l.in.receive(l.buffer)
		if err != nil {
			return time.Time{}, err
		}
		if !ok {
			break
		}
		l.hold(l.buffer[:n], ago)
		l.flush()
	}
	l.flush()
	if l.count == 0 {
		return time.Time{}, nil
	}
	return l.ring[l.first].due, nil
}

// hold queues a frame that came in some time ago, or drops it.
func (l *lane) hold(b []byte, ago time.Duration) {
	if l.Largest != 0 && packetSize(b) > l.Largest || l.count == queued {
		return
	}
	// The time that this thread was late is part of the delay. The stamp is by the wall clock, which may be set.
	due := time.Now().Add(l.Delay - min(max(ago, 0), l.Delay))
	if l.count == len(l.ring) {
		l.grow()
	}
	h := &l.ring[(l.first+l.count)%len(l.ring)]
	h.due, h.frame = due, append(h.frame[:0], b...)
	l.count++
}

func (l *lane) grow() {
	ring := make([]held, max(64, 2*len(l.ring)))
	for i := range l.count {
		ring[i] = l.ring[(l.first+i)%len(l.ring)]
	}
	l.ring, l.first = ring, 0
}

func (l *lane) flush() {
	for l.count > 0 && !l.ring[l.first].due.After(time.Now()) {
		l.out.send(l.ring[l.first].frame)
		l.first = (l.first + 1) % len(l.ring)
		l.count--
	}
}
