package ra

import (
	"bytes"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
)

// unrestricted is the URI that says that there is no captive portal (RFC 8910 §2).
const unrestricted = "urn:ietf:params:capport:unrestricted"

// checkCaptivePortal judges a Captive-Portal option.
func checkCaptivePortal(r *ndcheck.Report, o *icmp6.Option) {
	uri, ok := o.CaptivePortal()
	if !ok || len(uri) == 0 {
		r.Add("captive.empty", o.Offset, place(o), "nothing but padding in %d bytes", len(o.Raw))
		return
	}
	if i := bytes.IndexFunc(uri, notInURI); i >= 0 {
		r.Add("captive.padding", o.Offset+2+i, place(o), "byte 0x%02x in %+q", uri[i], clip(uri))
		return
	}
	if len(uri) == len(unrestricted) && hasPrefixFold(uri, unrestricted) {
		return
	}
	if !hasPrefixFold(uri, "https://") {
		r.Add("captive.not-https", o.Offset+2, place(o), "the URI is %+q", clip(uri))
	}
	if isLiteral(uriHost(uri)) {
		r.Add("captive.ip-literal", o.Offset+2, place(o), "the URI is %+q", clip(uri))
	}
}

// notInURI reports whether c has no place in a URI: RFC 3986 §2 has printable ASCII without space only.
func notInURI(c rune) bool { return c <= ' ' || c >= 0x7f }

// hasPrefixFold reports whether b begins with prefix, which is in lower case, whatever the case of b's letters.
func hasPrefixFold(b []byte, prefix string) bool {
	if len(b) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}

// clip keeps a detail short: a URI may fill a whole packet.
func clip(uri []byte) []byte { return uri[:min(len(uri), 200)] }

// uriHost returns the host in the authority of a URI (RFC 3986 §3.2), with the brackets of an IPv6 literal; nil if the
// URI has none.
func uriHost(uri []byte) []byte {
	_, rest, ok := bytes.Cut(uri, []byte("://"))
	if !ok {
		return nil
	}
	if i := bytes.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if i := bytes.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	if len(rest) > 0 && rest[0] == '[' {
		return rest
	}
	host, _, _ := bytes.Cut(rest, []byte(":"))
	return host
}

// isLiteral reports whether host is an address: an IPv6 literal in brackets, or four numbers with dots.
func isLiteral(host []byte) bool {
	if len(host) == 0 {
		return false
	}
	if host[0] == '[' {
		return true
	}
	for _, c := range host {
		if (c < '0' || c > '9') && c != '.' {
			return false
		}
	}
	return bytes.Count(host, []byte(".")) == 3
}
