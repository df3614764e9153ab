# Kopilka. `make run` starts a demo shop, `make test` proves it, `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec

VERSION ?= $(shell sh installer/packages/version.sh 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
BUILD   := go build -trimpath -ldflags "$(LDFLAGS)"
TOOL    := go tool -modfile=tools.mod
PROGRAMS := ./agent/cmd/kopilka-agent ./cloud/cmd/kopilka-cloud ./drivers/cmd/kopilka-emulator ./installer/cmd/kopilka-demo
SIMS    ?= 3000
# The simulations flush to disk as the programs do; on a disk of memory they take half the time. Only where
# it has room; whether flushes reach a disk is shown by the power cuts' own tests, on any file system.
TESTDIR := $(shell [ -w /dev/shm ] && [ "$$(df -m --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 2000 ] 2>/dev/null && echo /dev/shm || echo "$${TMPDIR:-/tmp}")

# The longest go first, so that none is left running alone at the end.
LONGEST := ./installer/cmd/kopilka-demo ./agent ./installer/cmd/kopilka-updater ./cloud/web ./agent/desk ./cloud/store

.PHONY: help run build build-windows packages test race sim exactly fuzz bench vm lint ci fmt deps clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build everything and start the demo shop (Ctrl-C ends it, its data stay in demo/)
	@exec bin/kopilka-demo -bin bin -dir demo

build: ## build all programs into bin/
	@mkdir -p bin
	$(BUILD) -o bin/ $(PROGRAMS)

build-windows: ## cross-build the agent for Windows; HID needs mingw, without it the agent is built without
	@mkdir -p bin/windows
	if command -v x86_64-w64-mingw32-gcc >/dev/null; then export CGO_ENABLED=1 CC=x86_64-w64-mingw32-gcc; else export CGO_ENABLED=0; fi; \
	GOOS=windows GOARCH=amd64 $(BUILD) -o bin/windows/ ./agent/cmd/kopilka-agent

packages: ## programs, deb, rpm, MSI, bills of materials and release.json into dist/ (VERSION=1.3.0; KOPILKA_PGP_KEY, KOPILKA_CODE_CERT and _KEY sign)
	@VERSION=$(VERSION) bash installer/packages/build.sh

test: ## run every test anew; skipped ones are named with their reason
	TMPDIR=$(TESTDIR) GOTMPDIR=$${TMPDIR:-/tmp} go test -p 4 -count=1 -json -timeout 10m $(LONGEST) ./... | go run .ci/summary.go

race: ## the packages where goroutines meet, under the race detector
	TMPDIR=$(TESTDIR) GOTMPDIR=$${TMPDIR:-/tmp} KOPILKA_HISTORIES=40 go test -race -timeout 20m ./agent/... ./drivers/... ./ledger ./sync/... ./cloud/hub

sim: ## thousands of simulated shop histories (SIMS=3000)
	TMPDIR=$(TESTDIR) GOTMPDIR=$${TMPDIR:-/tmp} KOPILKA_HISTORIES=$(SIMS) go test ./agent -run 'TestShop' -count=1 -timeout 60m -v | grep -v '^=== '

exactly: ## every job of every register protocol cut behind every byte (an hour and more; CUT_STEP_WORDY=11 takes JSON in coarser steps)
	TMPDIR=$(TESTDIR) GOTMPDIR=$${TMPDIR:-/tmp} KOPILKA_CUT_STEP=$(or $(CUT_STEP),1) KOPILKA_CUT_STEP_WORDY=$(CUT_STEP_WORDY) go test ./agent -run 'TestExactlyOnce' -count=1 -timeout 180m -v | grep --line-buffered -vE '^(=== | *--- PASS)'

fuzz: ## every fuzz target for FUZZTIME (10s)
	@bash .ci/fuzz $(or $(FUZZTIME),10s)

bench: ## ratios against stated limits and peers, measured in one run
	@bash .ci/bench

vm: ## scanners on virtual USB in a virtual machine, with the real libusb, hidraw and serial code
	@bash .ci/vm.sh

lint: ## gofumpt, vet, staticcheck, golangci-lint
	@test -z "$$($(TOOL) gofumpt -l . | tee /dev/stderr)"
	go vet ./...
	GOOS=windows CGO_ENABLED=0 go vet ./agent/... ./ledger/... ./drivers/... ./sync/... ./installer/...
	$(TOOL) staticcheck ./...
	$(TOOL) golangci-lint run ./...

ci: ## all of it as before a change goes in: lint, builds, tests, races, the planted bug, fuzz, wine, a fresh make run
	@.ci/run

fmt: ## format the code
	$(TOOL) gofumpt -w .

deps: ## install what the tests use beyond Go and a C compiler (Debian, root)
	@bash .ci/deps

clean: ## remove built programs and the demo shop's data
	rm -rf bin demo dist
