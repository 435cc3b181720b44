package craft

// MLDQuery returns an MLDv1 Query for group, :: for all of them (RFC 2710 §3), checksum zero; maxResponse is in
// milliseconds.
func MLDQuery(maxResponse uint16, group string) []byte { return mld(130, maxResponse, group) }

// MLDReport returns an MLDv1 Report (RFC 2710 §3), checksum zero.
func MLDReport(group string) []byte { return mld(131, 0, group) }

// MLDDone returns an MLDv1 Done (RFC 2710 §3), checksum zero.
func MLDDone(group string) []byte { return mld(132, 0, group) }

func mld(typ uint8, maxResponse uint16, group string) []byte {
	return Join([]byte{typ, 0, 0, 0}, u16(maxResponse), u16(0), Addr(group))
}

// MLDv2Query returns an MLDv2 Query (RFC 3810 §5.1), checksum zero; sqrv is the byte with S (0x08) and QRV.
func MLDv2Query(maxResponseCode uint16, group string, sqrv, qqic uint8, sources ...string) []byte {
	return Join(mld(130, maxResponseCode, group), []byte{sqrv, qqic}, u16(uint16(len(sources))), addrs(sources))
}

// MLDv2ReportOf returns an MLDv2 Report of records (RFC 3810 §5.2), checksum zero.
func MLDv2ReportOf(records ...[]byte) []byte {
	return Join([]byte{143, 0, 0, 0, 0, 0}, u16(uint16(len(records))), Join(records...))
}

// MLDRecord returns a record of an MLDv2 Report without auxiliary data (RFC 3810 §5.2).
func MLDRecord(typ uint8, group string, sources ...string) []byte {
	return Join([]byte{typ, 0}, u16(uint16(len(sources))), Addr(group), addrs(sources))
}

func addrs(list []string) []byte {
	var b []byte
	for _, a := range list {
		b = append(b, Addr(a)...)
	}
	return b
}

// MLDFrame returns msg, its checksum filled in, as MLD goes out: with hop limit 1 and a Router Alert in front, in
// Ethernet from srcMAC (RFC 2710 §3, RFC 3810 §5).
func MLDFrame(srcMAC, src, dst string, msg []byte) []byte {
	return EthernetIPv6(srcMAC, dst, IPv6(src, dst, 1, 0, Join(RouterAlert(58), ICMPv6(src, dst, msg))))
}
