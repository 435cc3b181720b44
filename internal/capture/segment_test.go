package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// inSegments opens data as a large file with segments of length bytes, or with a reader alone if length is 0.
func inSegments(data io.ReaderAt, size, length int64) *File {
	f := &File{total: size, ahead: newAhead(data, 0, size, length)}
	f.stream.name, f.stream.filter = "test", Filter{Large: true}
	f.in = &counter{r: &cursor{file: data}}
	if f.ahead != nil {
		f.in.r = f.ahead.file
	}
	f.stream.r = f.in
	return f
}

// told is all that one call of Next tells.
type told struct {
	frame packet.Frame
	ifc   packet.Interface
	stats Stats
	err   string
}

// tell reads a file to its end and returns all that it tells. ahead is how many frames came from the worker.
func tell(f *File) (all []told, ahead int) {
	defer f.Close()
	for {
		frame, err := f.Next(context.Background())
		t := told{frame: frame, stats: f.Stats(), err: fmt.Sprint(err)}
		if err == nil {
			t.ifc = *frame.Interface
			t.frame.Data, t.frame.Interface = bytes.Clone(frame.Data), nil
			if f.ahead != nil && f.ahead.taken != nil {
				ahead++
			}
		}
		if err != io.EOF {
			t.stats.Bytes = 0 // what is read ahead differs
		}
		all = append(all, t)
		if err != nil {
			return all, ahead
		}
	}
}

// checkSegments reads data with segments of the given lengths, and wants what a reader alone gives. It returns how many
// frames came from the worker.
func checkSegments(t *testing.T, data []byte, lengths ...int64) (ahead int) {
	t.Helper()
	want, _ := tell(inSegments(bytes.NewReader(data), int64(len(data)), 0))
	for _, length := range lengths {
		got, n := tell(inSegments(bytes.NewReader(data), int64(len(data)), length))
		ahead += n
		for i := range min(len(want), len(got)) {
			if w, g := fmt.Sprintf("%+v", want[i]), fmt.Sprintf("%+v", got[i]); w != g {
				t.Fatalf("segments of %d in %d bytes, call %d:\ngot  %s\nwant %s", length, len(data), i, g, w)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("segments of %d in %d bytes: %d calls, want %d", length, len(data), len(got), len(want))
		}
	}
	return ahead
}

// randomData returns the data of a frame: often a candidate, sometimes nothing or zeros, sometimes records in a record,
// which the worker takes for those of the file.
func randomData(r *rand.Rand, records []byte) []byte {
	switch n := r.IntN(20); {
	case n < 6:
		return ndFrame
	case n < 7:
		return nil
	case n < 8:
		return make([]byte, r.IntN(300))
	case n < 9:
		return large6[:100+r.IntN(len(large6)-100)]
	case n < 11:
		at := r.IntN(len(records) + 1)
		return craft.Join(tcp4, records[at:min(len(records), at+r.IntN(1500))])
	case n < 14:
		return craft.Join(ndFrame, make([]byte, r.IntN(900)))
	}
	return tcp4
}

// randomPcap returns a pcap file of about size bytes.
func randomPcap(r *rand.Rand, size int, big bool, magic, network uint32, minor byte) []byte {
	file := with(pcapHeader(big, magic, network), 6, minor)
	if big {
		file = with(pcapHeader(big, magic, network), 7, minor)
	}
	sec := uint32(1_700_000_000)
	for len(file) < size {
		data := randomData(r, file[24:])
		sec += uint32(r.IntN(3))
		rec := pcapRecord(big, sec, uint32(r.IntN(1e6)), len(data)+r.IntN(2)*100, data)
		if minor < 3 || minor == 3 && r.IntN(2) == 0 {
			rec = craft.Join(rec[:8], rec[12:16], rec[8:12], rec[16:])
		}
		if magic == magicModified {
			rec = craft.Join(rec[:16], []byte{0, 0, 0, 2, 0x86, 0xdd, byte(r.IntN(6)), 0}, rec[16:])
		}
		file = append(file, rec...)
	}
	return file
}

// randomNg returns a pcapng file of about size bytes. One with more has other blocks than packets now and then, and
// frames that are not read.
func randomNg(r *rand.Rand, size int, big, more bool) []byte {
	n := ng{big}
	head := craft.Join(n.section(), n.iface(1, 0), n.iface(1, 0, n.option(ifName, []byte("eth1")),
		n.option(ifTSResol, []byte{9}), n.option(ifFCSLen, []byte{32})))
	file := bytes.Clone(head)
	if more {
		file = append(file, n.iface(105, 0)...)
	}
	for len(file) < size {
		data := randomData(r, file)
		switch k := r.IntN(200); {
		case !more || k < 180:
			file = append(file, n.enhanced(uint32(r.IntN(2)), r.Uint64(), len(data), data,
				n.option(epbFlags, n.u32(uint32(r.IntN(4)))))...)
		case k < 183:
			file = append(file, n.enhanced(2, 0, len(data), data)...)
		case k < 186:
			file = append(file, n.block(blockSimple, n.u32(uint32(len(data))), data)...)
		case k < 189:
			file = append(file, n.block(blockPacket, n.u16(1), n.u16(0), n.u64(7), n.u32(uint32(len(data))), n.u32(99), data)...)
		case k < 192:
			file = append(file, n.block(blockStatistics, n.u32(0), n.u64(0), n.option(isbIfDrop, n.u64(r.Uint64N(9))))...)
		case k < 195:
			file = append(file, n.iface(1, 0, n.option(ifName, data[:min(4, len(data))]))...)
		case k < 197:
			file = append(file, n.block(9, make([]byte, r.IntN(5000)))...)
		case k < 198:
			n.big = r.IntN(2) == 0
			file = append(file, craft.Join(n.section(), n.iface(1, 0), n.iface(101, 0), n.iface(105, 0))...)
		}
	}
	return file
}

// randomFiles returns a file of about size bytes of every kind there is.
func randomFiles(r *rand.Rand, size int) map[string][]byte {
	files := map[string][]byte{}
	for _, big := range []bool{false, true} {
		for _, magic := range []uint32{magicMicro, magicNano, magicModified} {
			files[fmt.Sprintf("pcap %x, big-endian %t", magic, big)] = randomPcap(r, size, big, magic, 1, 4)
		}
		for _, more := range []bool{false, true} {
			files[fmt.Sprintf("pcapng, more %t, big-endian %t", more, big)] = randomNg(r, size, big, more)
		}
		for minor := range byte(3) {
			files[fmt.Sprintf("pcap 2.%d, big-endian %t", minor+1, big)] = randomPcap(r, size, big, magicMicro, 1, minor+1)
		}
	}
	files["pcap, fcs"] = randomPcap(r, size, false, magicMicro, 0x24000001, 4)
	files["pcap, not read"] = randomPcap(r, size, false, magicMicro, 105, 4)
	return files
}

// TestSegments reads files of every kind with segments of many lengths, shorter than a record and longer than a block.
func TestSegments(t *testing.T) {
	for name, data := range randomFiles(rand.New(rand.NewPCG(1, 2)), 100_000) {
		ahead := checkSegments(t, data, 60, 250, 1000, 1001, 1002, 1003, 3333, 5000, 12000)
		if name != "pcap, not read" && ahead < 30 {
			t.Errorf("%s: %d frames came from the worker", name, ahead)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for name, data := range map[string][]byte{"pcap": randomPcap(r, 3<<20, false, magicNano, 1, 4), "pcapng": randomNg(r, 3<<20, false, false)} {
		if n := checkSegments(t, data, 300_000, 1<<18, 1<<16); n < 1000 {
			t.Errorf("%s: %d frames came from the worker", name, n)
		}
	}
}

// TestSegmentsCut cuts files at every byte of some segments, and makes segments end at every byte of the file.
func TestSegmentsCut(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, data := range [][]byte{randomPcap(r, 9000, false, magicMicro, 1, 4), randomNg(r, 9000, false, true)} {
		for n := 7000; n <= 7400; n++ {
			checkSegments(t, data[:n], 500)
		}
		for length := range int64(300) {
			checkSegments(t, data, length+400)
		}
	}
}

// TestSegmentsDamaged spoils one to three bytes at random places.
func TestSegmentsDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	damaged := 0
	for range 7 {
		for _, data := range randomFiles(r, 12000) {
			for range 5 {
				bad := bytes.Clone(data)
				for range 1 + r.IntN(3) {
					bad[24+r.IntN(len(bad)-24)] ^= byte(1 + r.IntN(255))
				}
				all, _ := tell(inSegments(bytes.NewReader(bad), int64(len(bad)), 0))
				if all[len(all)-1].err != "EOF" {
					damaged++
				}
				checkSegments(t, bad, 400, 1200)
			}
		}
	}
	if damaged < 30 {
		t.Errorf("only %d files are damaged", damaged)
	}
}

// badFile cannot be read from offset from on.
type badFile struct {
	*bytes.Reader
	from int64
	err  error
}

func (b badFile) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) <= b.from {
		return b.Reader.ReadAt(p, at)
	}
	n, _ := b.Reader.ReadAt(p[:max(0, b.from-at)], at)
	return n, b.err
}

// TestSegmentsReadError reads a file on a failing disk: all that stands before comes.
func TestSegmentsReadError(t *testing.T) {
	data := randomPcap(rand.New(rand.NewPCG(9, 10)), 20000, false, magicMicro, 1, 4)
	for from := int64(30); from < int64(len(data)); from += 501 {
		f := badFile{bytes.NewReader(data), from, errors.New("input/output error")}
		want, _ := tell(inSegments(f, int64(len(data)), 0))
		got, _ := tell(inSegments(f, int64(len(data)), 700))
		if w, g := fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got); w != g {
			t.Fatalf("unreadable from %d:\ngot  %s\nwant %s", from, g, w)
		}
	}
}

// TestSegmentsGrow reads a file, from the middle and through standard input, that grows meanwhile.
func TestSegmentsGrow(t *testing.T) {
	data := randomPcap(rand.New(rand.NewPCG(11, 12)), 40000, false, magicMicro, 1, 4)
	want, _ := tell(inSegments(bytes.NewReader(data), int64(len(data)), 0))
	file, err := os.OpenFile(save(t, craft.Join([]byte("before"), data[:30000])), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Seek(6, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	f, err := openFile("-", file, Filter{Large: true}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Next(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(data[30000:], 30006); err != nil {
		t.Fatal(err)
	}
	got, ahead := tell(f)
	if len(got)+1 != len(want) || got[len(got)-1].err != "EOF" || ahead == 0 {
		t.Errorf("%d frames, %d from the worker, and %+v; want %d", len(got), ahead, got[len(got)-1], len(want)-1)
	}
}

// TestSegmentsInterrupted reads with a context that has ended and goes on with another, and closes early.
func TestSegmentsInterrupted(t *testing.T) {
	data := randomPcap(rand.New(rand.NewPCG(13, 14)), 100_000, false, magicMicro, 1, 4)
	want, _ := tell(inSegments(bytes.NewReader(data), int64(len(data)), 0))
	f := inSegments(bytes.NewReader(data), int64(len(data)), 2000)
	over, cancel := context.WithCancel(context.Background())
	cancel()
	var numbers []uint64
	for interrupted := 0; ; {
		frame, err := f.Next(context.Background())
		if err == nil {
			numbers = append(numbers, frame.Number)
			frame, err = f.Next(over)
		}
		if err == nil {
			numbers = append(numbers, frame.Number)
		} else if err == context.Canceled {
			interrupted++
		} else if err != io.EOF || interrupted < 20 || len(numbers) != len(want)-1 {
			t.Fatalf("%d frames, want %d, %d times interrupted, %v", len(numbers), len(want)-1, interrupted, err)
		} else {
			break
		}
	}
	for i, n := range numbers {
		if n != want[i].frame.Number {
			t.Fatalf("frame %d instead of %d", n, want[i].frame.Number)
		}
	}
	for n := range 40 {
		f := inSegments(bytes.NewReader(data), int64(len(data)), 2000)
		for range n * n {
			if _, err := f.Next(context.Background()); err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
		f.Close()
		if f.ahead.done == nil {
			continue // nothing was read
		}
		if _, running := <-f.ahead.done; running {
			t.Error("the worker goes on after Close")
		}
	}
}

// TestSegmentsAllocate wants next to no allocation: one for each segment that the worker takes.
func TestSegmentsAllocate(t *testing.T) {
	const each = 10000
	n := ng{}
	pcap, pcapng := pcapHeader(false, magicMicro, 1), craft.Join(n.section(), n.iface(1, 0))
	for range 12 * each {
		pcap = append(pcap, pcapRecord(false, 1, 0, len(tcp4), tcp4)...)
		pcap = append(pcap, pcapRecord(false, 1, 0, len(ndFrame), ndFrame)...)
		pcapng = append(pcapng, n.enhanced(0, 1, 0, tcp4)...)
		pcapng = append(pcapng, n.enhanced(0, 1, 0, ndFrame, n.option(epbFlags, n.u32(1)))...)
	}
	for name, data := range map[string][]byte{"pcap": pcap, "pcapng": pcapng} {
		f := inSegments(bytes.NewReader(data), int64(len(data)), segmentSize)
		got := testing.AllocsPerRun(10, func() {
			for range each {
				if _, err := f.Next(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		})
		if got > 3 || f.ahead.next < 4*segmentSize {
			t.Errorf("%s: %v allocations for %d frames", name, got, each)
		}
		f.Close()
	}
}

// FuzzSegments reads any bytes with the worker and without.
func FuzzSegments(f *testing.F) {
	r := rand.New(rand.NewPCG(15, 16))
	for _, data := range randomFiles(r, 3000) {
		f.Add(data, uint16(100+r.IntN(200)))
	}
	f.Fuzz(func(t *testing.T, data []byte, length uint16) {
		checkSegments(t, data, int64(length))
	})
}
