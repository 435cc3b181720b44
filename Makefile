# make run     shows the main job at once, without root
# make test    runs every test; as root it first installs what they need
# make lint    gofmt, go vet, staticcheck, govulncheck, shellcheck
# make kernels boots the kernels 5.10, 6.1 and 6.12 under qemu and has v6probe count drops there; KERNELS=6.1 for one of them
# make bench   measures v6probe beside tcpdump, cat and tshark; as root also beside tracepath, traceroute, ping, scamper and bpftrace
# make profile measures where v6probe spends its time, for the compiler
# make generate, make fixtures, make dist: generated files, captures, release binaries

GO          ?= go
BIN         := bin/v6probe
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.6.0
PROFILE     := cmd/v6probe/v6probe.pgo
BUILD       := CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -pgo=$(PROFILE)
PLATFORMS   := linux/amd64 linux/arm64 darwin/arm64 windows/amd64
FUZZTIME    ?= 60s
KERNELS     ?= 5.10,6.1,6.12
HEALTHY     ?= 60s
MATRIX      := $(CURDIR)/bin/fault-matrix.txt

.PHONY: all build run test lint kernels bench profile fuzz generate fixtures dist clean

all: build

build:
	$(BUILD) -o $(BIN) ./cmd/v6probe

run: build
	@$(GO) run ./internal/lab/demo $(BIN)

# -count=1: some tests build and run the binary, which go's cache of test results does not see. -timeout: forty probes of a
# network that loses packets take minutes.
test: build
	@scripts/deps.sh test
	@rm -f $(MATRIX)
	V6PROBE_MATRIX=$(MATRIX) $(GO) test -count=1 -timeout 20m ./...
	@if [ -e $(MATRIX) ]; then cat $(MATRIX); else echo 'The fault matrix was not built: that takes root.'; fi
	$(BIN) check fixtures/pcaps

lint:
	@scripts/deps.sh lint
	@scripts/lint.sh "$(STATICCHECK)" "$(GOVULNCHECK)" $(PLATFORMS)

# HEALTHY is for how long a healthy zone is watched on each of them.
kernels: build
	@scripts/deps.sh kernels
	$(GO) run ./kernels -v6probe $(BIN) -kernels $(KERNELS) -healthy $(HEALTHY)

bench: build
	@scripts/deps.sh bench
	$(GO) run ./bench -v6probe $(BIN)

# What the compiler learns from: where v6probe spends its time on large captures. To be made anew when that has changed.
profile:
	CGO_ENABLED=0 $(GO) test -trimpath -run '^$$' -bench BenchmarkRead -benchtime 10x -cpuprofile $(CURDIR)/$(PROFILE) -o bin/v6probe.test ./cmd/v6probe

# Runs every fuzz target for FUZZTIME, one after the other.
fuzz:
	scripts/fuzz.sh $(FUZZTIME)

generate:
	$(GO) generate ./...

# The synthetic captures, the golden files, and what v6probe check knows to be wrong in them. Those of the real radvd and kernel are made by fixtures/radvd, as root.
fixtures: build
	$(GO) run ./fixtures/gen -o fixtures/pcaps
	$(GO) test ./fixtures -run Golden -update
	$(BIN) check fixtures/pcaps --update --force --baseline fixtures/pcaps/v6probe.baseline

dist:
	@set -e; rm -rf dist; for p in $(PLATFORMS); do \
		os=$${p%/*} arch=$${p#*/}; ext=; [ "$$os" != windows ] || ext=.exe; \
		echo "dist/v6probe-$$os-$$arch$$ext"; \
		GOOS=$$os GOARCH=$$arch $(BUILD) -o "dist/v6probe-$$os-$$arch$$ext" ./cmd/v6probe; \
	done
	cd dist && sha256sum v6probe-* > SHA256SUMS

clean:
	rm -rf bin dist
