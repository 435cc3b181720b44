#!/usr/bin/env bash
# Runs the linters: lint.sh STATICCHECK GOVULNCHECK PLATFORM...
set -euo pipefail
staticcheck=$1 govulncheck=$2
shift 2

unformatted=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
if [ -n "$unformatted" ]; then
	printf 'not formatted by gofmt:\n%s\n' "$unformatted" >&2
	exit 1
fi
echo "gofmt: clean"

for p in "$@"; do
	GOOS=${p%/*} GOARCH=${p#*/} CGO_ENABLED=0 go vet ./...
	echo "go vet ($p): clean"
done

go run "$staticcheck" ./...
echo "staticcheck: clean"

# govulncheck needs its database over the network; without it there is nothing that it could say.
if out=$(go run "$govulncheck" ./... 2>&1); then
	echo "govulncheck: clean"
elif grep -q 'fetching vulnerabilities\|dial tcp' <<<"$out"; then
	echo "govulncheck: cannot reach its database from here, not run"
else
	printf '%s\n' "$out" >&2
	exit 1
fi

if command -v shellcheck >/dev/null; then
	git ls-files '*.sh' .ci/run | xargs shellcheck
	echo "shellcheck: clean"
elif [ -n "${V6PROBE_CI:-}" ]; then
	echo "shellcheck is missing" >&2
	exit 1
else
	echo "shellcheck: not installed, not run"
fi
