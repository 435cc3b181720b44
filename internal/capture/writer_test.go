package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// written are frames of several interfaces with all that a file can keep.
func written() []packet.Frame {
	tap := &packet.Interface{Name: "vnet1", Index: 7, LinkType: 1, MTU: 1450, HardwareAddr: packet.MAC{0xfe, 0, 0, 0, 0, 1},
		MarksOffload: true}
	bare := &packet.Interface{LinkType: 1}
	tun := &packet.Interface{Name: "tun0", LinkType: 101, MTU: 1280}
	twin := &packet.Interface{Name: "vnet1", LinkType: 1}
	frame := func(i *packet.Interface, nsec int64, d packet.Direction, data []byte, more int) packet.Frame {
		return packet.Frame{Time: time.Unix(1700000000, nsec), Data: data, Length: len(data) + more, LinkType: i.LinkType,
			Interface: i, Direction: d}
	}
	offloaded := frame(tap, 2, packet.Outgoing, ndFrame, 0)
	offloaded.Offload = true
	after := frame(bare, 9, packet.DirectionUnknown, ndFrame, 0)
	after.Lost = 1 << 40
	return []packet.Frame{
		frame(tap, 1, packet.Incoming, ndFrame, 0),
		frame(tap, 999_999_999, packet.Outgoing, vxlan4(8472, ndFrame), 1400),
		frame(bare, 5, packet.DirectionUnknown, ndFrame[:55], 0),
		frame(tun, 6, packet.Outgoing, ndIP, 0),
		frame(tap, 7, packet.Incoming, ndFrame[:30], 1),
		frame(twin, 8, packet.Incoming, craft.Join(ndFrame, make([]byte, 70000)), 2),
		offloaded,
		after,
	}
}

// same reports what differs between frames that were written and frames that were read.
func same(want, got packet.Frame) string {
	wantIfc, gotIfc := *want.Interface, *got.Interface
	wantIfc.Index, wantIfc.LinkType = 0, want.LinkType
	switch {
	case !bytes.Equal(got.Data, want.Data):
		return fmt.Sprintf("data % x, want % x", got.Data, want.Data)
	case !got.Time.Equal(want.Time):
		return fmt.Sprintf("time %v, want %v", got.Time, want.Time)
	case got.Length != want.Length || got.LinkType != want.LinkType || got.Direction != want.Direction ||
		got.Offload != want.Offload || got.Lost != want.Lost:
		return fmt.Sprintf("got %+v, want %+v", got, want)
	case gotIfc != wantIfc:
		return fmt.Sprintf("interface %+v, want %+v", gotIfc, wantIfc)
	}
	return ""
}

func TestWriter(t *testing.T) {
	want := written()
	frames, stats, err := read(write(t, want, Stats{KernelDrops: 40, Shed: Shed{KindSpare: 1, KindVital: 1}}))
	if err != io.EOF || len(frames) != len(want) || stats.KernelDrops != 42 {
		t.Fatalf("%d frames, %+v, %v", len(frames), stats, err)
	}
	for i, f := range frames {
		if diff := same(want[i], f); diff != "" {
			t.Errorf("frame %d: %s", i, diff)
		}
	}
	if frames[0].Interface != frames[1].Interface || frames[0].Interface != frames[4].Interface {
		t.Error("one interface has become several")
	}
	if frames[0].Interface == frames[5].Interface {
		t.Error("two interfaces of one name have become one")
	}
	again, _, err := read(write(t, frames, stats))
	if err != io.EOF || len(again) != len(want) {
		t.Fatalf("second time: %d frames, %v", len(again), err)
	}
	for i, f := range again {
		if diff := same(frames[i], f); diff != "" {
			t.Errorf("second time, frame %d: %s", i, diff)
		}
	}
}

func TestWriterEmpty(t *testing.T) {
	frames, stats, err := read(write(t, nil, Stats{}))
	if err != io.EOF || len(frames) != 0 || stats.Frames != 0 {
		t.Errorf("%d frames, %+v, %v", len(frames), stats, err)
	}
}

// TestWriterLinkType splits an interface that changes its link type, and a frame that came before the change.
func TestWriterLinkType(t *testing.T) {
	ifc := &packet.Interface{Name: "any", LinkType: packet.LinkTypeEthernet}
	eth := packet.Frame{Data: ndFrame, LinkType: packet.LinkTypeEthernet, Interface: ifc}
	raw := packet.Frame{Data: ndIP, LinkType: packet.LinkTypeRaw, Interface: ifc}
	frames, _, err := read(write(t, []packet.Frame{eth, raw, eth}, Stats{}))
	if err != io.EOF || len(frames) != 3 || frames[1].LinkType != packet.LinkTypeRaw || frames[2].LinkType != packet.LinkTypeEthernet {
		t.Errorf("%+v, %v", frames, err)
	}
}

// TestWriterFlush reads what has been flushed while the file is still being written.
func TestWriterFlush(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf)
	for i, f := range written() {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if frames, _, err := read(buf.Bytes()); err != io.EOF || len(frames) != i+1 {
			t.Fatalf("%d frames, %v", len(frames), err)
		}
	}
}

// full is a disk without room.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(p), nil
}

func TestWriterErrors(t *testing.T) {
	w := NewWriter(&full{room: 1 << 17})
	var err error
	for n := 0; err == nil && n < 10; n++ {
		err = w.Write(written()[5])
	}
	if err == nil || w.Close(Stats{}) == nil {
		t.Errorf("no room: %v", err)
	}
	large := packet.Frame{Data: make([]byte, maxCaptured+1), Interface: &packet.Interface{}}
	if err := NewWriter(io.Discard).Write(large); err == nil {
		t.Error("a frame that cannot be read again was written")
	}
}

func TestWriterAllocates(t *testing.T) {
	w, frames := NewWriter(io.Discard), written()
	if n := testing.AllocsPerRun(100, func() {
		for _, f := range frames {
			if err := w.Write(f); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestWriterAgainstPcapgo has pcapgo read what Writer writes.
func TestWriterAgainstPcapgo(t *testing.T) {
	want := written()
	var statistics []pcapgo.NgInterfaceStatistics
	r, err := pcapgo.NewNgReader(bytes.NewReader(write(t, want, Stats{KernelDrops: 42})), pcapgo.NgReaderOptions{
		WantMixedLinkType:  true,
		StatisticsCallback: func(_ int, s pcapgo.NgInterfaceStatistics) { statistics = append(statistics, s) }})
	if err != nil {
		t.Fatal(err)
	}
	comments := map[int]string{0: "", 1450: "v6probe: mtu 1450, checksum offload", 1280: "v6probe: mtu 1280"}
	for i, f := range want {
		data, ci, err := r.ReadPacketData()
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if !bytes.Equal(data, f.Data) || !ci.Timestamp.Equal(f.Time) || ci.Length != f.Length {
			t.Errorf("frame %d: %+v, % x", i, ci, data)
		}
		ifc, err := r.Interface(ci.InterfaceIndex)
		if err != nil || ifc.Name != f.Interface.Name || ifc.LinkType != layers.LinkType(f.LinkType) ||
			!strings.HasPrefix(ifc.Comment, comments[f.Interface.MTU]) {
			t.Errorf("frame %d: interface %+v, %v", i, ifc, err)
		}
	}
	if _, _, err := r.ReadPacketData(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if len(statistics) != 4 || statistics[0].PacketsDropped != 42 || statistics[1].PacketsDropped != pcapgo.NgNoValue64 {
		t.Errorf("statistics %+v", statistics)
	}
	if app := r.SectionInfo().Application; app != "v6probe" {
		t.Errorf("application %q", app)
	}
}

// tool runs a program and returns what it prints. A program that is missing skips the test, except in CI.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("V6PROBE_CI") != "" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, stderr.String())
	}
	return string(out)
}

// TestWriterTshark has tshark read what Writer writes, direction and interface included.
func TestWriterTshark(t *testing.T) {
	file := filepath.Join(t.TempDir(), "written.pcapng")
	if err := os.WriteFile(file, write(t, written(), Stats{KernelDrops: 42}), 0o644); err != nil {
		t.Fatal(err)
	}
	got := tool(t, "tshark", "-r", file, "-T", "fields", "-E", "separator=/s", "-e", "frame.time_epoch", "-e", "frame.len",
		"-e", "frame.cap_len", "-e", "frame.interface_id", "-e", "frame.packet_flags_direction", "-e", "frame.drop_count")
	want := ""
	for i, f := range written() {
		direction := map[packet.Direction]string{packet.Incoming: "0x00000001", packet.Outgoing: "0x00000002"}[f.Direction]
		lost := ""
		if f.Lost > 0 {
			lost = fmt.Sprint(f.Lost)
		}
		want += strings.Trim(fmt.Sprintf("%d.%09d %d %d %d %s %s", f.Time.Unix(), f.Time.Nanosecond(), f.Length, len(f.Data),
			[]int{0, 0, 1, 2, 0, 3, 0, 1}[i], direction, lost), "\n") + "\n"
	}
	if got != want {
		t.Errorf("tshark reads\n%swant\n%s", got, want)
	}
}

// TestTcpdump has tcpdump read what Writer writes, and the older forms of pcap that are read here, for the same times.
func TestTcpdump(t *testing.T) {
	one := pcapRecord(false, 7, 8, len(ndFrame), ndFrame)
	modified := craft.Join(pcapHeader(false, magicModified, 1), one[:16], []byte{0, 0, 0, 2, 0x86, 0xdd, 4, 0}, one[16:])
	old := with(craft.Join(pcapHeader(false, magicMicro, 1), one[:8], one[12:16], one[8:12], one[16:]), 6, 2)
	fcs := craft.Join(pcapHeader(true, magicNano, 0x24000001), pcapRecord(true, 7, 8000, len(ndFrame)+4, craft.Join(ndFrame, make([]byte, 4))))
	files := map[string][]byte{"modified": modified, "version 2.2": old, "fcs": fcs,
		"written": write(t, []packet.Frame{{Time: time.Unix(7, 8000), Data: ndFrame, LinkType: 1, Interface: &packet.Interface{LinkType: 1}}}, Stats{})}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			frames, _, err := read(data)
			if err != io.EOF || len(frames) != 1 || !bytes.Equal(frames[0].Data, ndFrame) || !frames[0].Time.Equal(time.Unix(7, 8000)) {
				t.Fatalf("%+v, %v", frames, err)
			}
			file := filepath.Join(t.TempDir(), "capture")
			if err := os.WriteFile(file, data, 0o644); err != nil {
				t.Fatal(err)
			}
			got := tool(t, "tcpdump", "-n", "-tt", "-r", file)
			if !strings.HasPrefix(got, "7.000008 IP6 fe80::ff:fe00:2 > ff02::1: ICMP6, neighbor advertisement") ||
				strings.Count(got, "\n") != 1 {
				t.Errorf("tcpdump prints %s", got)
			}
		})
	}
}
