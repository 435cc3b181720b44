package expect

import (
	"errors"
	"testing"
)

// FuzzRadvd is about what may not happen, whatever the file.
func FuzzRadvd(f *testing.F) {
	for _, tt := range radvdErrors {
		f.Add([]byte(tt.config))
	}
	g := newRadvdGenerator(3)
	for range 20 {
		f.Add([]byte(g.file(false)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseRadvd(Source{Name: "x", Data: b})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Place.Line < 1 && len(b) <= maxRadvd {
				t.Fatalf("%#v has no place", err)
			}
			for _, c := range e.Error() + e.Hint() {
				if c < ' ' || c == 0x7f {
					t.Fatalf("%q has a control character", e.Error())
				}
			}
			return
		}
		if len(s.Links) == 0 {
			t.Fatal("no link and no error")
		}
		for _, l := range s.Links {
			if l.Name == "" || l.Place.Line < 1 || l.Says == nil && !l.OnlyRouters {
				t.Fatalf("link %+v", l)
			}
		}
		for _, flaw := range s.Flaws {
			if flaw.Link == "" || flaw.Place.Line < 1 {
				t.Fatalf("flaw %+v", flaw)
			}
		}
	})
}
