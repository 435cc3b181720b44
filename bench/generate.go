//go:build linux

package main

import (
	"bufio"
	"compress/gzip"
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

// recipe is a capture to make.
type recipe struct {
	name    string // of the pcap file, without its ending
	share   int    // of the size that is asked for: one part in so many
	forms   []string
	traffic func() traffic
}

// traffic is what the captures are made of.
type traffic interface {
	Next() (time.Duration, []byte)
}

// recipes are the captures that generate makes.
func recipes() []recipe {
	return []recipe{
		{"mixed", 1, []string{".pcap", ".pcapng", ".pcap.gz"}, func() traffic { return craft.NewMixed(1) }},
		{"neighbors", 4, []string{".pcap"}, func() traffic { return craft.NewNeighbors(1) }},
		{"strangers", 16, []string{".pcap"}, func() traffic { return craft.NewStrangers(1) }},
	}
}

// generate makes the captures in dir, the largest pcap file of about size bytes, and prints what is in them.
func generate(dir string, size int64) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, r := range recipes() {
		frames, candidates, err := r.make(dir, size/int64(r.share))
		if err != nil {
			return err
		}
		fmt.Printf("%s: %d frames in %d MiB, %d of them candidates\n", r.name, frames, size/int64(r.share)>>20, candidates)
	}
	return nil
}

// make makes one capture in all its forms.
func (r *recipe) make(dir string, size int64) (frames, candidates int, err error) {
	var closers []func() error
	var pcap []io.Writer
	pcapng := capture.NewWriter(io.Discard)
	for _, form := range r.forms {
		f, err := os.Create(filepath.Join(dir, r.name+form))
		if err != nil {
			return 0, 0, err
		}
		defer f.Close()
		out := bufio.NewWriterSize(f, 1<<18)
		switch form {
		case ".pcap":
			pcap = append(pcap, out)
		case ".pcap.gz":
			packed := gzip.NewWriter(out)
			pcap = append(pcap, packed)
			closers = append(closers, packed.Close)
		case ".pcapng":
			pcapng = capture.NewWriter(out)
			closers = append(closers, func() error { return pcapng.Close(capture.Stats{}) })
		}
		closers = append(closers, out.Flush)
	}
	frames, candidates, err = mix(r.traffic(), size, io.MultiWriter(pcap...), pcapng)
	for _, end := range closers {
		err = errors.Join(err, end())
	}
	return frames, candidates, err
}

// mix writes traffic to a pcap and a pcapng file.
func mix(from traffic, size int64, pcap io.Writer, pcapng *capture.Writer) (frames, candidates int, err error) {
	if _, err := pcap.Write(craft.PcapHeader()); err != nil {
		return 0, 0, err
	}
	ifc := &packet.Interface{Name: "eth0", LinkType: packet.LinkTypeEthernet, MTU: 1500}
	var record []byte
	for written := int64(0); written < size; frames++ {
		at, data := from.Next()
		f := packet.Frame{Time: beginning.Add(at), Data: data, Length: len(data), LinkType: ifc.LinkType, Interface: ifc}
		record = craft.AppendPcapRecord(record[:0], f.Time, data)
		_, err := pcap.Write(record)
		if err := errors.Join(err, pcapng.Write(f)); err != nil {
			return frames, candidates, err
		}
		if capture.Match(f.LinkType, data) {
			candidates++
		}
		written += int64(len(record))
	}
	return frames, candidates, nil
}

// beginning is when the captures begin.
var beginning = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
