#!/usr/bin/env bash
# Runs every fuzz target of the module for the time given, 60s unless told: fuzz.sh [TIME]. Maps with a random seed make
# coverage vary, so that minimizing an input could take all the time there is: it gets ten tries.
set -euo pipefail
time=${1:-60s}
for pkg in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
		echo "== $pkg $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x "$pkg"
	done
done
