//go:build linux

package main

import (
	"errors"
	"fmt"
	"testing"

	"v6probe/internal/lab/dropzone"
	"v6probe/kernels/wire"
)

func TestJudge(t *testing.T) {
	missing := fmt.Errorf("build a: %w", &dropzone.Missing{What: "radvd", Err: errors.New("not found")})
	for _, tt := range []struct {
		name   string
		result dropzone.Result
		err    error
		want   wire.Message
	}{
		{"as it should be", dropzone.Result{Diagnostics: "counting"}, nil, wire.Message{Result: wire.OK}},
		{"not to be built", dropzone.Result{}, missing,
			wire.Message{Result: wire.Missing, Text: "build a: radvd is missing: not found"}},
		{"other than it should be", dropzone.Result{Differences: []string{"one", "two"}}, nil,
			wire.Message{Result: wire.Differs, Text: "one\ntwo"}},
		{"failed", dropzone.Result{Diagnostics: "bad flag"}, errors.New("exit status 2"),
			wire.Message{Result: wire.Differs, Text: "exit status 2\nv6probe: bad flag"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := judge(tt.result, tt.err); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestSummarySource(t *testing.T) {
	const drop = `{"type":"drop","source":"fe80::1"}` + "\n"
	for _, tt := range []struct {
		out, want string
		fails     bool
	}{
		{drop + `{"type":"summary","source":"counters"}` + "\n", "counters", false},
		{drop, "", true},
		{"", "", true},
		{"oops\n", "", true},
	} {
		if got, err := summarySource([]byte(tt.out)); got != tt.want || (err != nil) != tt.fails {
			t.Errorf("%q: got %q, %v", tt.out, got, err)
		}
	}
}
