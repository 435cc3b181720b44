package icmp6

import (
	"errors"
	"fmt"
)

// The limits of RFC 1035 §3.1 and §2.3.4.
const (
	maxLabel = 63
	maxName  = 255 // with the length bytes and the zero at the end
)

// wholeName returns the name that b, at offset base of its option, is from its first to its last byte.
func wholeName(b []byte, base int) (string, error) {
	if len(b) == 0 {
		return "", errors.New("no name: its length is zero")
	}
	name, n, err := readName(b, base)
	if err == nil && n < len(b) {
		err = fmt.Errorf("name at offset %d: %d bytes follow its end", base, len(b)-n)
	}
	return name, err
}

// readName returns the name at the start of b in presentation form and how many bytes it takes; base is the offset of
// b in its option, for the error.
func readName(b []byte, base int) (name string, n int, err error) {
	var room [64]byte // more than most names take
	text, n, err := appendName(room[:0], b, base)
	return string(text), n, err
}

// appendName is readName that appends the name to text; nothing where there is an error.
func appendName(text, b []byte, base int) (_ []byte, n int, err error) {
	before := len(text)
	for n < len(b) {
		length := int(b[n])
		if length == 0 {
			return text, n + 1, nil
		}
		if err := labelFault(b, n, base); err != nil {
			return text[:before], 0, err
		}
		if n > 0 {
			text = append(text, '.')
		}
		text = appendLabel(text, b[n+1:n+1+length])
		n += 1 + length
	}
	return text[:before], 0, fmt.Errorf("name at offset %d: no zero byte ends it", base)
}

// labelFault says what is wrong with the label at b[n:] of the name that b begins with.
func labelFault(b []byte, n, base int) error {
	length := int(b[n])
	switch {
	case length >= 0xc0:
		return fmt.Errorf("name at offset %d: compression pointer at offset %d", base, base+n)
	case length > maxLabel:
		return fmt.Errorf("name at offset %d: label of %d bytes at offset %d", base, length, base+n)
	case n+1+length >= maxName:
		return fmt.Errorf("name at offset %d: longer than %d bytes", base, maxName)
	case n+1+length > len(b):
		return fmt.Errorf("name at offset %d: label at offset %d runs past the end", base, base+n)
	}
	return nil
}

// appendLabel appends label in presentation form (RFC 4343 §2.1).
func appendLabel(text, label []byte) []byte {
	for _, c := range label {
		if c <= ' ' || c >= 0x7f || c == '.' || c == '\\' {
			text = append(text, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
			continue
		}
		text = append(text, c)
	}
	return text
}
