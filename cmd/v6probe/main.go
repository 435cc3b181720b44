// Command v6probe tells why IPv6 does or does not work in the data plane of an Apache CloudStack zone.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// memory is what the garbage collector is to make do with, in bytes: it works harder near that, instead of letting the
// heap grow. A router has little to spare, and what a flood makes v6probe keep is bounded well below.
const memory = 36 << 20

func main() {
	debug.SetMemoryLimit(memory)
	os.Exit(run())
}

// run is main with an exit code. The first interrupt ends the work in order, with its summary; the second kills.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
}
