package keeper

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// command is one of the shell in guest1, with nothing to read or to write to.
func command(script string) Command {
	return Command{Node: "guest1", Path: "/bin/sh", Args: []string{"sh", "-c", script}, Dir: "/", Env: os.Environ(),
		Files: [3]*os.File{os.Stdin, os.Stdout, os.Stderr}}
}

func execError(_ int, err error) error { return err }

// pipes gives cmd pipes and returns their other ends.
func pipes(t *testing.T, cmd *Command) (in io.WriteCloser, out *bufio.Reader) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r2, w2, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Files[0], cmd.Files[1] = r, w2
	t.Cleanup(func() { closeAll([]*os.File{r, w, r2, w2}) })
	return w, bufio.NewReader(r2)
}

func TestExec(t *testing.T) {
	k := keepBuilt(t)
	cmd := command(`read line; echo "$line $V6PROBE_LAB_NODE $0 $PWD $PATH"; exit 7`)
	cmd.Args = append(cmd.Args, "name")
	cmd.Env = []string{"PATH=/bin", "X=y"}
	cmd.Dir = "/usr"
	in, out := pipes(t, &cmd)
	io.WriteString(in, "hello\n")
	code, err := k.exec(cmd)
	if err != nil || code != 7 {
		t.Errorf("exit code %d, %v", code, err)
	}
	if line, err := out.ReadString('\n'); err != nil || line != "hello guest1 name /usr /lab/bin:/bin\n" {
		t.Errorf("it wrote %q, %v", line, err)
	}
	for _, c := range []struct {
		script string
		code   int
	}{{"true", 0}, {"exit 255", 255}, {"kill -9 $$", 137}, {"kill -TERM $$", 143}} {
		if code, err := k.exec(command(c.script)); err != nil || code != c.code {
			t.Errorf("%s: exit code %d, %v, want %d", c.script, code, err, c.code)
		}
	}
	cmd = command("pwd")
	cmd.Dir = "/not/there"
	_, out = pipes(t, &cmd)
	if code, err := k.exec(cmd); err != nil || code != 0 {
		t.Errorf("in a directory that is not there: exit code %d, %v", code, err)
	}
	if line, _ := out.ReadString('\n'); line != "/\n" {
		t.Errorf("it ran in %q", line)
	}
}

func TestExecRefused(t *testing.T) {
	k := keepBuilt(t)
	for _, c := range []struct {
		change func(*Command)
		want   string
	}{
		{func(c *Command) { c.Node = "nobody" }, `there is no node "nobody"`},
		{func(c *Command) { c.Path = "sh" }, "the command's path is not absolute: sh"},
		{func(c *Command) { c.Args = nil }, "the request to run a command lacks its files or its name"},
		{func(c *Command) { c.Path = "/not/there" }, "fork/exec /not/there: no such file or directory"},
		{func(c *Command) { c.Env = []string{strings.Repeat("x", maxMessage)} }, "the command and its environment take"},
	} {
		cmd := command("true")
		c.change(&cmd)
		if _, err := k.exec(cmd); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// TestExecSignal has what Ctrl-C sends to the client reach the command and all that it started.
func TestExecSignal(t *testing.T) {
	k := keepBuilt(t)
	// A shell heeds its trap only when what it runs has ended.
	cmd := command(`trap 'echo parent; exit 42' INT; sh -c 'echo ready; read x'; exit 1`)
	_, out := pipes(t, &cmd)
	type ended struct {
		code int
		err  error
	}
	done := make(chan ended, 1)
	go func() {
		code, err := k.exec(cmd)
		done <- ended{code, err}
	}()
	if line, err := out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if e := <-done; e.err != nil || e.code != 42 {
		t.Errorf("exit code %d, %v", e.code, e.err)
	}
	if line, _ := out.ReadString('\n'); line != "parent\n" {
		t.Errorf("it wrote %q", line)
	}
}

// TestGone has a client go: what it started is told, and killed if it does not mind.
func TestGone(t *testing.T) {
	k := keepBuilt(t)
	// A shell that was born with the signal ignored, as under nohup, cannot trap it. signal.Ignored does not know that any more
	// when the signal was asked for once.
	deaf := exec.Command("/bin/sh", "-c", "kill -HUP $$").Run() == nil
	for _, script := range []string{
		`trap 'echo told; exit' HUP; echo ready; read x; echo "no signal"`,
		`trap '' HUP; echo ready; read x; echo "no signal"`,
	} {
		cmd := command(script)
		_, out := pipes(t, &cmd)
		c, err := k.call()
		if err != nil {
			t.Fatal(err)
		}
		if err := sendCommand(c, cmd); err != nil {
			t.Fatal(err)
		}
		cmd.Files[1].Close() // so that out ends with the command
		if line, err := out.ReadString('\n'); line != "ready\n" {
			t.Fatalf("%q, %v", line, err)
		}
		c.Close()
		want := ""
		if strings.Contains(script, "told") && !deaf {
			want = "told\n"
		}
		if rest, err := io.ReadAll(out); err != nil || string(rest) != want {
			t.Errorf("%s: %q, %v, want %q", script, rest, err, want)
		}
	}
}

// TestSignalsBounded sends a command signals that no terminal sends, and then one that it heeds.
func TestSignalsBounded(t *testing.T) {
	k := keepBuilt(t)
	cmd := command(`trap 'exit 5' TERM; echo ready; read x; exit 1`)
	_, out := pipes(t, &cmd)
	c, err := k.call()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := sendCommand(c, cmd); err != nil {
		t.Fatal(err)
	}
	if line, err := out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	for _, s := range []syscall.Signal{syscall.SIGKILL, syscall.SIGUSR1, -1, 0, 1 << 30, syscall.SIGTERM} {
		if err := writeMessage(c, request{Do: doSignal, Signal: int(s)}); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := lastReply(c); err != nil || r.Code != 5 {
		t.Errorf("exit code %d, %v", r.Code, err)
	}
}
