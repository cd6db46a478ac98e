# SPDX-License-Identifier: Apache-2.0
# Needs Go, git and make; everything else comes from the Go module proxy at the versions that the go.mod files name.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Each folder with a go.mod: the SDK, its tests beside etcd's own code, its tools, and what needs more modules than the SDK.
MODULES := . test tools otel adapters/clientv3
# The race detector is written in C; without a compiler tests run without it rather than not at all.
RACE := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)
# The number of times that `make soak` repeats the fault tests.
ROUNDS ?= 20

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: quickstart
quickstart: ## see the SDK at work on its own cluster of three members
	go run ./examples/quickstart

.PHONY: discovery
discovery: ## see gRPC services come and go, and a client that balances over them
	go run ./examples/discovery

.PHONY: config
config: ## see workers keep valid settings through mistakes and a restore of the cluster
	go run ./examples/config

.PHONY: lock
lock: ## see workers take turns under a lock, and a late write refused
	go run ./examples/lock

.PHONY: election
election: ## see the next candidate lead after the leader is killed
	go run ./examples/election

.PHONY: stm
stm: ## see clerks move money at the same time without losing any
	go run ./examples/stm

.PHONY: test
test: ## run all tests, on real etcd servers and with the race detector on
	@test -n '$(RACE)' || echo 'make test: no C compiler found, so the race detector is OFF' >&2
	@go -C test run ./servers
	go test $(RACE) -count=1 ./...
# One package at a time, because these tests stop members and measure times.
	go -C test test $(RACE) -count=1 -p 1 ./...
	go -C tools test $(RACE) -count=1 ./...
	go -C otel test $(RACE) -count=1 -p 1 ./...
	go -C adapters/clientv3 test $(RACE) -count=1 -p 1 ./...
# The race detector allocates too, so the allocations of calls are tested without it.
	go -C test test -count=1 ./allocs

# go.mod requires the oldest grpc that passes all tests, since no user gets an older one. test/ has a newer one, which etcd requires.
GRPC_NEWEST ?= v1.85.0

.PHONY: grpc-newest
grpc-newest: ## compile the SDK with the newest grpc (GRPC_NEWEST), and run its tests
	@mkdir -p bin && cp go.mod bin/newest.mod && cp go.sum bin/newest.sum
	go get -modfile=bin/newest.mod google.golang.org/grpc@$(GRPC_NEWEST)
	go mod tidy -modfile=bin/newest.mod
	go vet -modfile=bin/newest.mod ./...
	go test -modfile=bin/newest.mod -count=1 ./...

# The browser of browser-test: the name or the path of a Chromium.
export CHROMIUM ?= chromium

.PHONY: browser
browser: ## install Debian's chromium with apt-get, unless CHROMIUM (chromium) is there
	@command -v '$(CHROMIUM)' >/dev/null || { command -v apt-get >/dev/null && apt-get update && \
		apt-get install -y --no-install-recommends chromium fonts-dejavu-core; } || \
		{ echo 'make browser: install a Chromium, or set CHROMIUM to the path of one' >&2; exit 1; }

.PHONY: browser-test
browser-test: browser ## look at the page of conn/debug in a real browser; its pictures are in bin/
	go -C test vet -tags browser ./debug
	go -C test test -count=1 -v -tags browser -run Browser ./debug

.PHONY: faults
faults: ## compare what the loss of a member costs readers of the SDK and of clientv3
	go -C test test -count=1 -v -run TestReadsSurvive ./faults

.PHONY: kine
kine: ## test the SDK with kine, which speaks a part of etcd's protocol
	go -C test test $(RACE) -count=1 -v ./kine

# How long `make fuzz` gives each fuzz target, as a time or as a number of inputs such as 1000x.
FUZZTIME ?= 30s
# In `make ci` they run for a moment, because there are twelve of them. A number of inputs does not depend on how busy the machine is.
ci: FUZZTIME = 1000x

.PHONY: fuzz
fuzz: ## feed generated input to each fuzz target for FUZZTIME (30s)
	@git grep -o '^func Fuzz[A-Za-z0-9]*' -- '*_test.go' | sed 's|/[^/]*:func | |' | while read -r folder target; do \
		echo "$$folder $$target" && go -C $$folder test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x . || exit 1; \
	done

.PHONY: go-oldest
go-oldest: ## compile the SDK and its tests with the oldest Go that it supports, and run the tests that need no server
	GOTOOLCHAIN=go$$(awk '$$1 == "go" { print $$2 }' go.mod) go vet ./...
	GOTOOLCHAIN=go$$(awk '$$1 == "go" { print $$2 }' go.mod) go test -count=1 ./internal/... ./ctx ./op ./compare ./etcderr

.PHONY: soak
soak: ## measure outages of 15 s and 60 s, and repeat the fault tests ROUNDS times (20) with longer histories
	go -C test run ./returnbench -rounds 10 -outages 15s,60s
	EETCD_FAULT_SECONDS=60 go -C test test $(RACE) -count=$(ROUNDS) -timeout=0 -p 1 ./faults ./retirement ./watches ./leases ./coordination ./stm ./typed ./resolvers ./presences ./tables
	EETCD_PROGRAMS=10000 go -C test test $(RACE) -count=1 -timeout=0 -run TestNamespaceAnswersRandom ./namespace
	EETCD_PAGES_KEYS=1000000 go -C test test -count=1 -timeout=0 -v ./pages

# The last patch of each minor version that can be built from the Go module proxy.
MATRIX ?= v3.4.13 v3.5.33 v3.6.16 v3.7.3

.PHONY: matrix
matrix: ## run all tests on each supported version of etcd
	@failed=''; for version in $(MATRIX); do \
		echo "etcd $$version"; ETCD_VERSION=$$version $(MAKE) test || failed="$$failed $$version"; \
	done; test -z "$$failed" || { echo "make matrix: tests failed on etcd$$failed" >&2; exit 1; }

.PHONY: bench
bench: export EETCD_BENCH_ROWS := $(CURDIR)/bin/bench.rows
bench: ## compare the SDK with a bare gRPC stub and with etcd's clientv3, and print all figures as one table
	@mkdir -p bin && rm -f $(EETCD_BENCH_ROWS)
	go -C test run ./bench
	go -C test run ./bench -members 3
	go -C test run ./manybench
	go -C test run ./watchbench
	go -C test run ./connbench
	go -C test run ./lockbench
	go -C test run ./returnbench
	go -C test run ./tablebench -large 1000000
	go -C adapters/clientv3 run ./bench
	@go -C test run ./benchtable $(EETCD_BENCH_ROWS)

.PHONY: deps-check
deps-check: ## show the modules that the SDK, its modules for users and clientv3 need
	go -C test test -count=1 -v ./deps

.PHONY: release-check
release-check: ## show that the modules for users compile as they would with the SDK released as VERSION (v0.3.0, say)
	@test -n '$(VERSION)' || { echo 'make release-check: set VERSION to the version to come, such as v0.3.0' >&2; exit 1; }
	@.ci/release-check '$(VERSION)'

.PHONY: lint
lint: tools proto-lint ## check format, vet, staticcheck, go.mod files, import rules, circles of files, api.txt and protos
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo 'not formatted by gofmt:' >&2; echo "$$unformatted" >&2; exit 1; }
	for module in $(MODULES); do go -C $$module vet ./... || exit 1; done
	for module in $(MODULES); do go -C $$module mod tidy -diff || exit 1; done
# Generated packages have no package comment; protoc-gen-go writes none.
	bin/staticcheck -checks all,-ST1000 ./gen/...
	bin/staticcheck $$(go list ./... | grep -v /gen/)
	for module in test tools otel adapters/clientv3; do (cd $$module && $(CURDIR)/bin/staticcheck ./...) || exit 1; done
	bin/depguard ./...
	go -C tools run ./api -C .. ../api.txt
	go -C tools run ./filedeps -C .. -check filedeps/exceptions.txt $(ROOMS)

.PHONY: api
api: ## write the exported API to api.txt, so that a review sees each change
	go -C tools run ./api -C .. -write ../api.txt

# The packages whose files should depend on each other in one direction.
ROOMS ?= ./conn ./conn/debug ./internal/... ./kv ./lease ./watch ./cluster ./maintenance ./auth ./etcderr ./lock ./election ./stm ./typed ./presence ./table ./resolver ./config

.PHONY: files
files: ## show where the files of a package depend on each other in a circle
	go -C tools run ./filedeps -C .. $(ROOMS)

# Some of these have 32 bits. Vet and the tests cover this machine's own.
PLATFORMS := linux/386 linux/arm linux/arm64 darwin/arm64 freebsd/amd64 windows/amd64 js/wasm wasip1/wasm

.PHONY: platforms
platforms: ## check that the SDK and its tests compile on all supported platforms
	go -C tools run ./platforms -C .. $(PLATFORMS)
	go -C tools run ./platforms -C ../test linux/386 darwin/arm64

.PHONY: gen
gen: tools ## make gen/ from proto/
	bin/buf generate

.PHONY: gen-check
gen-check: tools proto-lint ## fail if gen/ is not up to date with proto/
	@rm -rf bin/fresh
	bin/buf generate --output bin/fresh
	git diff --no-index --exit-code gen bin/fresh/gen || { echo 'gen/ is stale: run make gen' >&2; exit 1; }
	@rm -rf bin/fresh # otherwise the Go command takes it for packages of this module

.PHONY: proto-lint
proto-lint: tools
	bin/buf format --diff --exit-code
	bin/buf lint

# Go's build cache decides what to build, so a second run takes less than a second. There is no version stamp, because it
# would relink everything after each commit.
.PHONY: tools
tools:
	go -C tools build -buildvcs=false -o ../bin/ tool ./protoc-gen-eetcd-grpc

.PHONY: ci
ci: lint platforms gen-check test browser-test fuzz grpc-newest ## everything that a change must pass
