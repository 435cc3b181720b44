//go:build linux

package main

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"v6probe/internal/capture"
	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// inputs are the captures that generate makes, all of the same frames.
var inputs = [...]string{"mixed.pcap", "mixed.pcapng", "mixed.pcap.gz"}

// generate makes the captures in dir, the pcap file of about size bytes, and prints what is in them.
func generate(dir string, size int64) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var out [len(inputs)]*bufio.Writer
	for i, name := range inputs {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		defer f.Close()
		out[i] = bufio.NewWriterSize(f, 1<<18)
	}
	packed := gzip.NewWriter(out[2])
	pcap := io.MultiWriter(out[0], packed)
	pcapng := capture.NewWriter(out[1])
	frames, candidates, err := mix(size, pcap, pcapng)
	if err = errors.Join(err, pcapng.Close(capture.Stats{}), packed.Close()); err != nil {
		return err
	}
	for _, w := range out {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	fmt.Printf("%d frames in %d MiB, %d of them candidates\n", frames, size>>20, candidates)
	return nil
}

// mix writes mixed traffic to a pcap and a pcapng file.
func mix(size int64, pcap io.Writer, pcapng *capture.Writer) (frames, candidates int, err error) {
	if _, err := pcap.Write(fileHeader()); err != nil {
		return 0, 0, err
	}
	mixed := craft.NewMixed(1)
	ifc := &packet.Interface{Name: "eth0", LinkType: packet.LinkTypeEthernet, MTU: 1500}
	var header []byte
	for written := int64(0); written < size; frames++ {
		at, data := mixed.Next()
		f := packet.Frame{Time: beginning.Add(at), Data: data, Length: len(data), LinkType: ifc.LinkType, Interface: ifc}
		header = appendHeader(header[:0], f.Time, f.Length)
		_, err1 := pcap.Write(header)
		_, err2 := pcap.Write(data)
		if err := errors.Join(err1, err2, pcapng.Write(f)); err != nil {
			return frames, candidates, err
		}
		if capture.Match(f.LinkType, data) {
			candidates++
		}
		written += int64(len(header) + len(data))
	}
	return frames, candidates, nil
}

// beginning is when the captures begin.
var beginning = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// appendHeader appends the header of a pcap record that is whole.
func appendHeader(b []byte, at time.Time, length int) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(at.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(at.Nanosecond()/1000))
	b = binary.LittleEndian.AppendUint32(b, uint32(length))
	return binary.LittleEndian.AppendUint32(b, uint32(length))
}

// fileHeader is that of a pcap file with microseconds, of Ethernet.
func fileHeader() []byte {
	b := make([]byte, 24)
	binary.LittleEndian.PutUint32(b, 0xa1b2c3d4)
	binary.LittleEndian.PutUint16(b[4:], 2)
	binary.LittleEndian.PutUint16(b[6:], 4)
	binary.LittleEndian.PutUint32(b[16:], 262144)
	binary.LittleEndian.PutUint32(b[20:], uint32(packet.LinkTypeEthernet))
	return b
}
