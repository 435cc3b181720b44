package main

import "testing"

func TestByteSize(t *testing.T) {
	for text, want := range map[string]string{
		"256K": "256K", "512": "512K", "64M": "64M", "64MiB": "64M", "64mb": "64M", "1G": "1024M", "1024M": "1024M", "300k": "300K",
		"": "", "M": "", "64T": "", "-1M": "", "1.5M": "", "255K": "", "2G": "", "64 M": "", "99999999999G": "", "1MB2": "",
	} {
		var s byteSize
		got := ""
		if err := s.Set(text); err == nil {
			got = s.String()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
