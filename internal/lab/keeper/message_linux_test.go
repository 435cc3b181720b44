package keeper

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sendRaw sends what a client of ours would not, and returns what comes back.
func sendRaw(t *testing.T, k *kept, data []byte, fds ...int) (reply, error) {
	t.Helper()
	c, err := k.call()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if _, _, err := c.WriteMsgUnix(data, rights, nil); err != nil {
		t.Fatal(err)
	}
	c.CloseWrite()
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
	var r reply
	return r, readMessage(c, &r)
}

func TestHostile(t *testing.T) {
	k := keepBuilt(t)
	message := func(v any) []byte {
		data, err := encode(v)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	long := binary.BigEndian.AppendUint32(nil, maxMessage+1)
	run := request{Version: protocol, Do: doExec, Node: "guest1", Command: &launch{Path: raw("/bin/true"), Args: toRaw([]string{"true"})}}
	for name, c := range map[string]struct {
		data []byte
		fds  []int
		want string
	}{
		"nothing":             {[]byte{0}, nil, "the request cannot be read"},
		"too long":            {append(long, "x"...), nil, "the request cannot be read: a message of 1048577 bytes"},
		"longest, cut short":  {append(binary.BigEndian.AppendUint32(nil, maxMessage), "{}"...), nil, "the request cannot be read: a message ends"},
		"no JSON":             {append(binary.BigEndian.AppendUint32(nil, 2), "[]"...), nil, "the request cannot be read: json"},
		"empty":               {binary.BigEndian.AppendUint32(nil, 0), nil, "the request cannot be read"},
		"unknown":             {message(request{Version: protocol, Do: "explode"}), nil, "the zone was built by another version"},
		"a signal to nobody":  {message(request{Version: protocol, Do: doSignal, Signal: 9}), nil, "the zone was built by another version"},
		"another version":     {message(request{Version: 2, Do: doFault, Scenario: "a"}), nil, "the zone was built by another version"},
		"exec without files":  {message(run), nil, "the request to run a command lacks"},
		"exec with one file":  {message(run), []int{0}, "the request to run a command lacks"},
		"exec of nothing":     {message(request{Version: protocol, Do: doExec, Node: "guest1"}), []int{0, 1, 2}, "the request to run a command lacks"},
		"status with 3 files": {message(request{Do: doStatus}), []int{0, 1, 2}, ""},
	} {
		r, err := sendRaw(t, k, c.data, c.fds...)
		if err != nil || !strings.HasPrefix(r.Error, c.want) || c.want == "" && r.Error != "" {
			t.Errorf("%s: %q, %v, want %q", name, r.Error, err, c.want)
		}
	}
	if got := k.zone.called(); len(got) > 0 {
		t.Errorf("the zone was asked %q", got)
	}
	// Hundreds of files are not kept.
	before := openFiles(t)
	many := make([]int, 200)
	for range 20 {
		if _, err := sendRaw(t, k, message(request{Do: doStatus}), many...); err != nil {
			t.Error(err)
		}
	}
	if after := openFiles(t); after > before+50 {
		t.Errorf("%d files are open, and %d were before", after, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestStranger has another user connect, who has got past the directory.
func TestStranger(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("V6PROBE_CI") == "1" {
			t.Fatal("needs root")
		}
		t.Skip("only root can be somebody else")
	}
	k := keepBuilt(t)
	path := k.places[0].file(socketName)
	for dir := filepath.Dir(path); dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread is somebody else's
		const nobody = 65534
		if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, nobody, nobody); e != 0 {
			got <- e
			return
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			got <- err
			return
		}
		defer c.Close()
		if err := writeMessage(c, request{Do: doStatus}); err != nil && !errors.Is(err, syscall.EPIPE) {
			got <- err
			return
		}
		var r reply
		err = readMessage(c, &r)
		if err == nil {
			err = errors.New("a stranger is answered")
		} else if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			err = nil
		}
		got <- err
	}()
	if err := <-got; err != nil {
		t.Error(err)
	}
	if err := k.places[0].check(); err == nil {
		t.Error("a directory that is open to others is taken")
	}
	os.Chmod(string(k.places[0]), 0o700)
}

func TestMessage(t *testing.T) {
	var b bytes.Buffer
	in := request{Do: doExec, Node: "guest1", Command: &launch{Path: raw("/bin/\xff"), Args: toRaw([]string{"a", "", "\xfe\n"})}}
	if err := writeMessage(&b, in); err != nil {
		t.Fatal(err)
	}
	var out request
	if err := readMessage(&b, &out); err != nil || out.Node != "guest1" || string(out.Command.Path) != "/bin/\xff" ||
		!slices.Equal(fromRaw(out.Command.Args), []string{"a", "", "\xfe\n"}) {
		t.Errorf("%+v, %v", out, err)
	}
	if err := readMessage(&b, &out); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func FuzzMessage(f *testing.F) {
	whole, _ := encode(request{Do: doStatus})
	f.Add(whole)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, '{'})
	f.Fuzz(func(t *testing.T, data []byte) {
		var r request
		if readMessage(bytes.NewReader(data), &r) == nil && !json.Valid(data[4:4+binary.BigEndian.Uint32(data)]) {
			t.Error("a message that is no JSON is taken")
		}
	})
}
