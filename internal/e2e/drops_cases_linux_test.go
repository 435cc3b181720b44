package e2e

import (
	"errors"
	"os"
	"testing"
	"time"

	"v6probe/internal/lab/dropzone"
)

// TestDropCases runs v6probe drops on networks that lose packets in known ways.
func TestDropCases(t *testing.T) {
	needs(t, "ip", "nft")
	for _, c := range dropzone.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			r, err := dropzone.Run(within(t, 90*time.Second), binary, c)
			asTrue(t, r, err)
		})
	}
}

// TestHealthyZone has v6probe drops watch a zone in which nothing is lost, for 10 seconds or V6PROBE_HEALTHY.
func TestHealthyZone(t *testing.T) {
	needs(t, "ip", "radvd")
	t.Parallel()
	length := 10 * time.Second
	if text := os.Getenv("V6PROBE_HEALTHY"); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		check(t, err)
	}
	r, err := dropzone.Healthy(within(t, length+2*time.Minute), binary, length)
	asTrue(t, r, err)
}

// asTrue fails the test if v6probe said anything but the truth. What the kernel itself lacks is tried on other kernels.
func asTrue(t *testing.T, r dropzone.Result, err error) {
	t.Helper()
	missing := (*dropzone.Missing)(nil)
	switch {
	case errors.As(err, &missing) && (missing.Kernel || os.Getenv("V6PROBE_CI") != "1"):
		t.Skip(err)
	case err != nil:
		t.Fatalf("%v\n%s", err, r.Diagnostics)
	}
	for _, d := range r.Differences {
		t.Error(d)
	}
	if t.Failed() {
		t.Logf("%s%s", r.Output, r.Diagnostics)
	}
}
