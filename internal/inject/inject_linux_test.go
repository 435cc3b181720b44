package inject

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// TestInto: what is put into a port is forwarded as if the machine behind the port had sent it, and nothing else is.
func TestInto(t *testing.T) {
	host, err := lab.New()
	if err != nil {
		if os.Getenv("V6PROBE_CI") != "" {
			t.Fatal(err)
		}
		t.Skip("needs root: ", err)
	}
	defer host.Close()
	guest, err := lab.New()
	if err != nil {
		t.Fatal(err)
	}
	defer guest.Close()
	for _, name := range []string{"vnet1", "vnet2"} {
		if err := lab.Veth(lab.End{NS: host, Name: name}, lab.End{NS: guest, Name: "eth" + name[4:]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := host.AddBridge("br0", "vnet1", "vnet2"); err != nil {
		t.Fatal(err)
	}
	heard, err := guest.Listen("eth2")
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close()
	var injector *Injector
	if err := host.Do(func() (err error) { injector, err = Into("vnet1"); return err }); err != nil {
		t.Fatal(err)
	}
	frame := craft.Frame("02:01:00:cb:00:01", "fe80::1", "ff02::1", craft.CloudStackRA().Message())
	if err := injector.Send(frame); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := heard.Await(ctx, func(f []byte) bool { return bytes.Equal(f, frame) }); err != nil {
		t.Fatal("the frame did not come out of the other port: ", err)
	}
	// The interface is removed where it was made: netlink speaks for the namespace of the thread.
	if err := host.Do(injector.Close); err != nil {
		t.Fatal(err)
	}
	err = host.Do(func() error {
		if _, err := Into("nowhere"); err == nil {
			t.Error("an interface that is not there was taken")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
