package capture

import (
	"strings"

	"v6probe/internal/packet"
)

// linkTypeOf returns the link type of the frames of a hardware type, and whether they can be decoded.
func linkTypeOf(hardware uint16) (packet.LinkType, bool) {
	switch hardware {
	case hardwareEthernet, hardwareLoopback:
		return packet.LinkTypeEthernet, true
	case hardwareTunnel, hardwareTunnel6, hardwareSIT, hardwareIPGRE, hardwareRawIP, hardwareNone:
		return packet.LinkTypeRaw, true
	}
	return 0, false
}

func noSuchInterface(name string) error {
	return &InterfaceError{Name: name, Reason: "no such interface", advice: interfaceAdvice()}
}

func interfaceGone(name string) error {
	return &InterfaceError{Name: name, Reason: "the interface is gone", advice: interfaceAdvice()}
}

func interfaceIsDown(name string) error {
	return &InterfaceError{Name: name, Reason: "the interface is down", advice: upAdvice(name)}
}

func interfaceWentDown(name string) error {
	return &InterfaceError{Name: name, Reason: "the interface went down", advice: upAdvice(name)}
}

func interfaceAdvice() string {
	return "the interfaces are " + strings.Join(InterfaceNames(), ", ") + "; " + AnyInterface + " stands for all of them"
}

func upAdvice(name string) string { return "bring it up: ip link set " + name + " up" }
