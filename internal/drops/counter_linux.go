package drops

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

const (
	// usualStacks costs 0.2 % of a CPU at most: a stack takes some 2 µs.
	usualStacks = 1000

	// The kernel reserves a value of each place for each CPU that there could be: together mapBytes at most.
	mapBytes  = 16 << 20
	maxPlaces = 4096
	minPlaces = 512
)

// Counter counts. It holds a program in the kernel, which ends with it, or with the process, however that ends.
type Counter struct {
	kernel     *kernel
	loaded     *loaded
	names      *names
	noSymbols  error
	unnamed    map[uint64]bool // the addresses that have no name, however often the symbols are read
	namespaces *Namespaces
}

// Open starts to count. An error has a Hint; it is Unavailable where this machine cannot be made to count.
func Open(o Options) (*Counter, error) {
	c := &Counter{names: &names{}, namespaces: OpenNamespaces(), unnamed: make(map[uint64]bool)}
	// The symbols take as long to read as all the rest: side by side they cost half.
	var reading sync.WaitGroup
	reading.Go(func() { c.names.symbols, c.noSymbols = readSymbols() })
	err := c.load(o)
	reading.Wait()
	if err != nil {
		return nil, err
	}
	if err := c.mark(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// load puts the program that fits into the kernel.
func (c *Counter) load(o Options) error {
	k, err := inspect(o.BTF)
	if err != nil {
		return err
	}
	spec, err := loadDrops()
	if err != nil {
		return err
	}
	if err := prepare(spec, k, o); err != nil {
		return err
	}
	if c.loaded, err = k.load(spec); err != nil {
		return err
	}
	k.cache, k.types = nil, nil
	c.kernel, c.names.reasons, c.names.where = k, k.reasons, c.namespaces
	return nil
}

// prepare writes into spec what is known before the program is loaded.
func prepare(spec *ebpf.CollectionSpec, k *kernel, o Options) error {
	var wanted [4]uint64
	for _, t := range o.Types {
		wanted[t/64] |= 1 << (t % 64)
	}
	if o.Types == nil {
		wanted = [4]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
	}
	if o.StacksPerSecond == 0 {
		o.StacksPerSecond = usualStacks
	}
	if o.Places == 0 {
		cpus, err := ebpf.PossibleCPU()
		if err != nil {
			return err
		}
		perPlace := int(spec.Maps[dropsMapDrops].ValueSize) * cpus
		o.Places = uint32(min(max(mapBytes/perPlace, minPlaces), maxPlaces))
	}
	spec.Maps[dropsMapDrops].MaxEntries = o.Places
	var filtered uint32
	for number, name := range k.reasons {
		if name == reasonNetfilter {
			filtered = number
		}
	}
	return errors.Join(
		spec.Variables[dropsVarWanted].Set(wanted),
		spec.Variables[dropsVarNetfilterDrop].Set(filtered),
		spec.Variables[dropsVarStacksPerSecond].Set(o.StacksPerSecond),
		spec.Variables[dropsVarStacksNetns].Set(o.NetNS),
	)
}

// crossroads are the functions where the callers tell more than the place: which hook it was, of which protocol family.
var crossroads = [...]string{"nf_hook_slow", "br_handle_frame"}

// mark tells the program where those functions are, as far as they have been loaded.
func (c *Counter) mark() error {
	if c.names.symbols == nil {
		return nil
	}
	var ranges [4]struct{ Start, End uint64 }
	for i, name := range crossroads {
		ranges[i].Start, ranges[i].End, _ = c.names.symbols.Range(name)
	}
	return c.loaded.maps.Crossroads.Put(uint32(0), ranges)
}

func readSymbols() (*Symbols, error) {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ParseSymbols(f)
}

// Notes returns what the counting cannot tell here, a line each.
func (c *Counter) Notes() []string {
	if c.noSymbols == nil {
		return nil
	}
	return []string{"the kernel's functions cannot be named, so that places are not told apart: " + c.noSymbols.Error()}
}

// Program returns the name of the program in use and its id in the kernel, for `bpftool prog`.
func (c *Counter) Program() (name string, id uint32) {
	info, err := c.loaded.program.Info()
	if err != nil {
		return c.loaded.name, 0
	}
	number, _ := info.ID()
	return c.loaded.name, uint32(number)
}

// Close ends the counting. Nothing stays in the kernel.
func (c *Counter) Close() error { return c.loaded.Close() }

// Read returns what was counted since Open. The kernel goes on counting meanwhile: a packet may be missing from Drops that
// is in Counts, for one reading, never the other way round.
func (c *Counter) Read() (Snapshot, error) {
	records, err := c.records()
	if err != nil {
		return Snapshot{}, err
	}
	counts, err := c.counts()
	if err != nil {
		return Snapshot{}, err
	}
	if err := c.nameLate(records); err != nil {
		return Snapshot{}, err
	}
	now, sinceBoot, err := clocks()
	if err != nil {
		return Snapshot{}, err
	}
	c.names.boot = now.Add(-sinceBoot)
	return Snapshot{Time: now, Drops: c.names.fold(records), Counts: counts}, nil
}

// nameLate reads the symbols again where a packet was freed at an address that had no name when they were read: a module
// was loaded since.
func (c *Counter) nameLate(records []Record) error {
	if c.names.symbols == nil || !slices.ContainsFunc(records, c.isNew) {
		return nil
	}
	symbols, err := readSymbols()
	if err != nil {
		return err
	}
	c.names.symbols = symbols
	for i := range records {
		if c.isNew(records[i]) {
			c.unnamed[records[i].Location] = true
		}
	}
	return c.mark()
}

// isNew reports whether r is at an address without a name that was not looked for yet.
func (c *Counter) isNew(r Record) bool {
	return c.names.function(r.Location) == "" && !c.unnamed[r.Location]
}

// clocks returns the time by both clocks: the wall's, and that of the kernel's time stamps.
func clocks() (time.Time, time.Duration, error) {
	var ts unix.Timespec
	now := time.Now().Round(0) // what is shown is wall time
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return now, 0, fmt.Errorf("read the clock: %w", err)
	}
	return now, time.Duration(ts.Nano()), nil
}

func (c *Counter) counts() (Counts, error) {
	var (
		all   []dropsCounts
		total Counts
	)
	if err := c.loaded.maps.Counters.Lookup(uint32(0), &all); err != nil {
		return total, fmt.Errorf("read the counters: %w", err)
	}
	for _, n := range all {
		total.Seen += n.Seen
		total.ICMPv6 += n.Icmpv6
		total.Unread += n.Unread
		total.MapFull += n.MapFull
		total.NoStack += n.NoStack
	}
	if stats, err := c.loaded.program.Stats(); err == nil {
		total.Missed = stats.RecursionMisses
	}
	return total, nil
}

// records reads the map. No entry is ever removed, so that one that is added meanwhile cannot disturb the others.
func (c *Counter) records() ([]Record, error) {
	var (
		list   []Record
		key    dropsKey
		values []dropsValue
	)
	seen := make(map[dropsKey]bool)
	for entries := c.loaded.maps.Drops.Iterate(); ; {
		if !entries.Next(&key, &values) {
			if err := entries.Err(); err != nil {
				return nil, fmt.Errorf("read what was counted: %w", err)
			}
			return list, nil
		}
		if !seen[key] {
			seen[key] = true
			list = append(list, record(&key, values))
		}
	}
}

// record adds up a place over the CPUs.
func record(k *dropsKey, values []dropsValue) Record {
	r := Record{Location: k.Location, Callers: k.Callers, NetNS: k.Netns, Interface: k.Interface, Arrived: k.Arrived,
		Reason: k.Reason, VNI: k.Vni, VLAN: k.Vlan, Type: k.Type, Code: k.Code, Flags: Flags(k.Flags)}
	for i := range values {
		r.add(&values[i])
	}
	return r
}
