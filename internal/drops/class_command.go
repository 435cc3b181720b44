package drops

import (
	"strconv"
	"strings"
)

// fill completes a command: {iface} is the packet's device, {arrived} the one by which it came, {port} the guest's of the
// two, {from} the one by which it came if there is one and else the device, {in} what has a command run in the packet's
// namespace, {vni} the VXLAN's number. It returns "" for a command that lacks what it names.
func fill(d *Drop, command string) string {
	if strings.Contains(command, "{in}") && outOfReach(d.NetNS) {
		return "lsns -t net -o NS,PID,COMMAND" // to find a process there whose namespace nsenter can enter
	}
	text := fillText(d, command)
	if strings.Contains(text, missing) {
		return ""
	}
	return text
}

// from returns the device by which the packet came, as far as that is known.
func from(d *Drop) string {
	if d.Arrived != "" {
		return d.Arrived
	}
	return d.Interface
}

// missing stands in a text for a name that is not known.
const missing = "NAME"

// fillText completes commands in a text; NAME stands for what is not known.
func fillText(d *Drop, text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	from := from(d)
	port := from
	if isTap(d.Interface) {
		port = d.Interface
	}
	return strings.NewReplacer("{iface}", name(d.Interface), "{arrived}", name(d.Arrived), "{from}", name(from), "{port}", name(port),
		"{in}", inside(d.NetNS), "{vni}", strconv.FormatUint(uint64(d.VNI), 10)).Replace(text)
}

// name is a name as a shell takes it.
func name(s string) string {
	if s == "" {
		return missing
	}
	return quote(s)
}

// quote makes a name safe in a command. Names of devices may have any byte but blanks and a slash.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-:@%+", r)
	}
	if s != "" && s[0] != '-' && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// inside is what a command begins with to run in a namespace, as Namespaces calls it.
func inside(netns string) string {
	if netns == "" || outOfReach(netns) {
		return ""
	}
	if pid := processOf(netns); pid != "" {
		return "nsenter -t " + pid + " -n "
	}
	return "ip netns exec " + quote(netns) + " "
}

// outOfReach reports whether nothing is known of a namespace by which a command could be run inside.
func outOfReach(netns string) bool {
	return strings.HasPrefix(netns, "inode ") && processOf(netns) == ""
}

// processOf returns the process id in "inode 4026531840 (radvd, pid 17)", "" if there is none. A process chooses its name:
// what is behind the last comma is ours.
func processOf(netns string) string {
	if !strings.HasPrefix(netns, "inode ") || !strings.HasSuffix(netns, ")") {
		return ""
	}
	const mark = ", pid "
	i := strings.LastIndex(netns, mark)
	if i < 0 {
		return ""
	}
	pid := netns[i+len(mark) : len(netns)-1]
	if n, err := strconv.ParseUint(pid, 10, 31); err != nil || n == 0 {
		return ""
	}
	return pid
}

// isTap reports whether a device is called as libvirt calls those of guests.
func isTap(device string) bool { return numbered(device, "vnet") || numbered(device, "tap") }

// numbered reports whether a name is the prefix and a number.
func numbered(name, prefix string) bool {
	digits, ok := strings.CutPrefix(name, prefix)
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}
