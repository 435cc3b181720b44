#!/usr/bin/env bash
# Installs by apt what a make target needs and this machine lacks. Does nothing where it is not root or has no apt: the
# tests that need a missing tool then skip and say so.
set -euo pipefail

case "${1:-}" in
test)  tools=(radvd:radvd tcpdump:tcpdump tshark:tshark nft:nftables ip:iproute2 ndppd:ndppd xtables-nft-multi:iptables
	ebtables:ebtables ping:iputils-ping bpftool:bpftool clang:clang llvm-strip:llvm
	/usr/include/bpf/bpf_helpers.h:libbpf-dev xmllint:libxml2-utils npm:npm prove:perl
	atk6-flood_router6:thc-ipv6) ;;
lint)  tools=(shellcheck:shellcheck) ;;
kernels) tools=(qemu-system-x86_64:qemu-system-x86 depmod:kmod ip:iproute2 nft:nftables xtables-nft-multi:iptables
	ebtables:ebtables radvd:radvd ping:iputils-ping) ;;
bench) tools=(tcpdump:tcpdump tracepath:iputils-tracepath traceroute:traceroute ping:iputils-ping scamper:scamper
	nft:nftables ip:iproute2 bpftrace:bpftrace tshark:tshark) ;;
*)     echo "usage: deps.sh test|lint|kernels|bench" >&2; exit 2 ;;
esac

PATH=$PATH:/usr/sbin:/sbin
missing=()
for t in "${tools[@]}"; do
	[ -e "${t%%:*}" ] || command -v "${t%%:*}" >/dev/null || missing+=("${t##*:}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "not installed: ${missing[*]} (run as root to have apt install them)" >&2
	exit 0
fi
echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; }
install 2>/dev/null || { apt-get update -qq && install; }
