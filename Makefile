# Every check of this repository is a target here; CI calls nothing else. `make help` lists them.

GO      ?= go
BASE    ?= main
COUNT   ?= 6
BENCH   ?= .
PKG     ?= ./...
TIMEOUT ?= 10m

# Tools are pinned in a module of their own, so that the library's go.mod stays short. The first run of one builds it
# (golangci-lint: some four minutes on two cores), later ones come from Go's build cache.
TOOL := $(GO) tool -modfile=tools/go.mod

# The oldest supported release, as go.mod says.
OLDEST := go$(shell sed -n 's/^go //p' go.mod)

# npm leaves this file behind; as long as it is newer than the lock file, neither make nor the Go tests install again.
NODE_READY := $(patsubst %/package-lock.json,%/node_modules/.package-lock.json,$(wildcard e2e/package-lock.json client/test/package-lock.json examples/*/*/package-lock.json redisadapter/*/package-lock.json redisadapter/*/*/package-lock.json))

.PHONY: all
all: fmt lint test ## format, lint and test: what to run before a commit

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

.PHONY: fmt
fmt: ## gofumpt and goimports, in place
	$(TOOL) golangci-lint fmt

.PHONY: lint
lint: ## golangci-lint with the import walls, and the guards
	@tools/guard.sh; guard=$$?; $(TOOL) golangci-lint run && cd benchmarks && $(GO) tool -modfile=../tools/go.mod golangci-lint run && exit $$guard

.PHONY: guard
guard: ## what a linter does not see: sleeps, skips, machine paths, minimum versions
	@tools/guard.sh

# Allocations are counted without the race detector, which makes pools forget what they hold.
.PHONY: test
test: need $(NODE_READY) ## everything: vet, race detector, golden vectors, seed corpora, JavaScript clients, Chromium
	$(GO) vet ./...
	$(GO) test -run Alloc -timeout $(TIMEOUT) ./...
	$(GO) test -race -shuffle=on -timeout $(TIMEOUT) ./...
	$(MAKE) event
	$(GO) -C benchmarks test -shuffle=on -timeout $(TIMEOUT) ./...

# Tests of HTTP requests, which wait for seconds when they end, prove nothing more the second time.
.PHONY: event
event: ## the engine once more, with event-driven reading
	REALTIME_TEST_EVENT_DRIVEN=1 $(GO) test -race -shuffle=on -timeout $(TIMEOUT) -skip 'Polling|Post|Body|Path|Origin|Method|Address|Parameter|Revision|Headers|Copy|Allow|Foreign|Unjoined' ./internal/engine

.PHONY: short
short: ## a quick look: no race detector, no JavaScript clients, no browser
	$(GO) test -short -timeout 2m $$($(GO) list ./... | grep -vE '/(e2e|browser)$$')

.PHONY: e2e
e2e: need $(NODE_READY) ## only the official JavaScript clients against the server
	$(GO) test -race -count=1 -timeout $(TIMEOUT) -v ./e2e/...

.PHONY: fuzz
fuzz: ## fuzz all targets, or T=FuzzDecode alone, FUZZTIME (30s or 10000x) each
	@tools/fuzz.sh '$(T)' '$(FUZZTIME)'

.PHONY: bench
bench: ## benchmarks into bench.txt; BENCH=pattern COUNT=6 PKG=./... BENCHTIME=1s
	@tools/bench.sh '$(BENCH)' '$(COUNT)' '$(PKG)' '$(BENCHTIME)' >bench.txt; status=$$?; cat bench.txt; exit $$status

.PHONY: bench-compare
bench-compare: ## benchstat of the working tree against BASE=main, runs interleaved
	@tools/bench-compare.sh '$(BASE)' '$(BENCH)' '$(COUNT)' '$(PKG)' '$(BENCHTIME)' '$(TOOL)'

.PHONY: bench-peers
bench-peers: ## this library beside socket.io, centrifuge, melody, gws and gorilla; RUNS=3 SCENARIO=main
	$(GO) -C benchmarks run . -runs $(or $(RUNS),3) -scenario $(or $(SCENARIO),main)

.PHONY: profile
profile: ## CPU, heap, block and mutex profiles into profiles/, of a server in a scenario: SCENARIO=rooms SYSTEM=realtime; or of a benchmark: BENCH=Fanout/1000 PKG=.
	@mkdir -p profiles
ifdef SCENARIO
	$(GO) -C benchmarks build -o ../profiles/benchmarks .
	cd benchmarks && ../profiles/benchmarks -scenario $(SCENARIO) -systems $(or $(SYSTEM),realtime) -profiles ../profiles -out ../profiles
	@$(GO) tool pprof -top -nodecount 15 profiles/benchmarks profiles/$(SCENARIO)-$(or $(SYSTEM),realtime).cpu 2>/dev/null
else
	$(GO) test -run '^$$' -bench '$(if $(filter .,$(BENCH)),Fanout/1000,$(BENCH))' -benchmem -outputdir profiles -o profiles/test.bin \
		-cpuprofile cpu.out -memprofile heap.out -blockprofile block.out -mutexprofile mutex.out $(if $(filter ./...,$(PKG)),.,$(PKG))
	@$(GO) tool pprof -top -nodecount 15 profiles/test.bin profiles/cpu.out 2>/dev/null
endif

.PHONY: cover
cover: need $(NODE_READY) ## coverage of all packages by all tests, into cover.out
	$(GO) test -timeout $(TIMEOUT) -coverpkg=./... -coverprofile=cover.out ./...
	$(GO) tool cover -func=cover.out | tail -n 1

.PHONY: vuln
vuln: ## govulncheck; needs the vulnerability database, hence public CI
	$(TOOL) govulncheck ./...

.PHONY: tidy
tidy: ## fails, with a diff, when `go mod tidy` would change a module file
	$(GO) mod tidy -diff
	$(GO) -C tools mod tidy -diff
	$(GO) -C benchmarks mod tidy -diff

.PHONY: cross
cross: ## vet for other systems and with the oldest supported Go release, build for 32 bits
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(GO) vet ./...
	GOOS=linux GOARCH=386 CGO_ENABLED=0 $(GO) build ./...
	GOTOOLCHAIN=$(OLDEST) $(GO) vet ./...

.PHONY: api
api: ## changes of the exported API since BASE=main, for the changelog
	@tools/api.sh '$(BASE)' '$(TOOL)'

.PHONY: size
size: ## files over 500 lines and functions over complexity 15; prints, never fails
	@git ls-files -co --exclude-standard '*.go' | xargs wc -l | awk '$$2 != "total" && $$1 > 500 { print $$2 ": " $$1 " lines" }'
	@$(TOOL) golangci-lint run --enable-only=cyclop --show-stats=false --output.text.print-issued-lines=false || true

.PHONY: need
need:
	@tools/need.sh

%/node_modules/.package-lock.json: %/package-lock.json
	npm ci --prefix $* --no-audit --no-fund
	@touch $@
