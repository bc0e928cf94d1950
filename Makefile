# Targets explain themselves: `make help` prints the text behind each "##".

SHELL := /bin/bash
BUILD := build
GO    ?= go
FUZZ_TIME ?= 30s

.DEFAULT_GOAL := help

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install what building and testing need (Debian, as root)
	@scripts/setup.sh test

.PHONY: setup-demo
setup-demo: # what the demonstration needs
	@scripts/setup.sh demo

.PHONY: setup-bench
setup-bench: # what the benchmarks need
	@scripts/setup.sh bench

.PHONY: build
build: ## build the program as build/gophersnake
	$(GO) build -trimpath -o $(BUILD)/gophersnake ./cmd/gophersnake

.PHONY: demo
demo: setup-demo build ## install what is missing, build, and serve the demonstration on http://localhost:8000/
	@scripts/demo.sh $(BUILD)/gophersnake $(DEMO_ARGS)

.PHONY: test
test: setup ## set up and run all tests: both ways of building, race detector, every Python
	@scripts/test.sh

.PHONY: lossless
lossless: ## reload, recycle and kill daemons under load, large bodies, at full length (about 3 minutes)
	$(GO) test -count=1 -timeout 40m ./test/e2e -run 'LosesNothing|Killed|LargeBodies' -args -full

.PHONY: fuzz
fuzz: ## run every fuzz target of scripts/fuzz.txt for FUZZ_TIME (30s)
	@scripts/fuzz.sh $(FUZZ_TIME)

.PHONY: asan
asan: setup ## run the tests of the adapter with AddressSanitizer
	@scripts/asan.sh

.PHONY: cgocheck
cgocheck: setup ## run the tests of the adapter with strict checks of pointers passed to C
	GOEXPERIMENT=cgocheck2 $(GO) test -count=1 ./internal/python
	GOEXPERIMENT=cgocheck2 $(GO) test -count=1 -parallel 4 ./test/wsgi -python 3.11 # what Go passes to C does not depend on the version

.PHONY: bench
bench: setup-bench build ## compare with other servers, both modes, into bench/README.md (30 minutes, quiet machine)
	$(GO) run ./bench -gophersnake $(BUILD)/gophersnake -update-readme bench/README.md $(BENCH_ARGS)

.PHONY: idle
idle: setup-bench build ## memory of 10,000 idle connections, both modes, into bench/README.md
	$(GO) run ./bench/idle -gophersnake $(BUILD)/gophersnake -update-readme bench/README.md $(IDLE_ARGS)

.PHONY: soak
soak: setup-demo build ## a million requests and 20,000 uploads in each mode: memory and descriptors must stay
	$(GO) run ./bench/soak -gophersnake $(BUILD)/gophersnake $(SOAK_ARGS)
	$(GO) run ./bench/soak -gophersnake $(BUILD)/gophersnake -daemon $(SOAK_ARGS)

.PHONY: check
check: ## formatting, vet and lint
	@scripts/check.sh

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BUILD)
