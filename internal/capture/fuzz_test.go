package capture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// checkFile reads any bytes as a capture file, and holds the outcome to what must always be true.
func checkFile(t *testing.T, data []byte) {
	// Not through OpenFile: the goroutine that waits for a pipe would make each run take another path.
	f := &File{in: &counter{r: bytes.NewReader(data)}}
	filter := Filter{Large: true}
	f.stream.name, f.stream.r, f.stream.filter = "fuzz", f.in, filter
	defer f.Close()
	var frames []packet.Frame
	var last uint64
	for {
		frame, err := f.Next(context.Background())
		if err != nil {
			var damage *DamageError
			if errors.As(err, &damage) && (damage.Offset < 0 || damage.Frame != f.Stats().Frames || damage.Reason == "") {
				t.Fatalf("%+v after %+v", damage, f.Stats())
			}
			break
		}
		if frame.Number <= last || frame.Length < len(frame.Data) || frame.Interface == nil || frame.Time.Unix() < 0 ||
			frame.LinkType != frame.Interface.LinkType || !filter.Match(frame.LinkType, frame.Data) {
			t.Fatalf("%+v after frame %d", frame, last)
		}
		last = frame.Number
		if len(frames) < 50 {
			frame.Data = bytes.Clone(frame.Data)
			frames = append(frames, frame)
		}
	}
	if last > f.Stats().Frames {
		t.Fatalf("frame %d of %d", last, f.Stats().Frames)
	}
	copied, err := OpenFile("-", bytes.NewReader(write(t, frames, f.Stats())), filter)
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	again, _, err := drain(copied)
	if err != io.EOF || len(again) != len(frames) {
		t.Fatalf("wrote %d frames, read %d: %v", len(frames), len(again), err)
	}
	for i := range again {
		if diff := same(frames[i], again[i]); diff != "" {
			t.Fatalf("frame %d: %s", i, diff)
		}
	}
}

func FuzzPcap(f *testing.F) {
	for _, big := range []bool{false, true} {
		for _, magic := range []uint32{magicMicro, magicNano, magicModified} {
			for _, network := range []uint32{0, 1, 101, 113, 276, 0x24000001} {
				f.Add(craft.Join(pcapHeader(big, magic, network), pcapRecord(big, 1, 2, len(ndFrame), ndFrame),
					pcapRecord(big, 1, 2, len(ndIP), ndIP), pcapRecord(big, 1, 2, 0, nil)))
			}
		}
	}
	f.Add(small(6))
	f.Add(gzipped(f, small(6)))
	f.Add(zstandard(f, small(6)))
	f.Fuzz(checkFile)
}

func FuzzPcapng(f *testing.F) {
	for _, big := range []bool{false, true} {
		n := ng{big}
		f.Add(craft.Join(n.section(),
			n.iface(1, 0, n.option(ifName, []byte("eth0")), n.option(optComment, []byte("v6probe: mtu 1450")),
				n.option(ifTSResol, []byte{0xa0}), n.option(ifTSOffset, n.u64(1000)), n.option(ifFCSLen, []byte{32}),
				n.option(ifMACAddr, make([]byte, 6))),
			n.enhanced(0, 1<<32, 90, ndFrame, n.option(epbFlags, n.u32(4<<5|1))),
			n.block(blockSimple, n.u32(60), ndFrame[:60]),
			n.block(blockPacket, n.u16(0), n.u16(0), n.u64(0), n.u32(60), n.u32(60), ndFrame[:60]),
			n.block(9, make([]byte, 9)),
			n.block(blockStatistics, n.u32(0), n.u64(0), n.option(isbIfDrop, n.u64(9)))))
	}
	f.Add(write(f, written()[:5], Stats{KernelDrops: 1}))
	f.Fuzz(checkFile)
}
