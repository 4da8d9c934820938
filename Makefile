# Everything here works on a machine with Go, git and make. What tests need
# besides, `make test` says or installs.
GO ?= go
export CGO_ENABLED ?= 0

.PHONY: build test check generate crash-matrix crash-matrix-mutants kill9 fuzz demo

build:
	$(GO) build -trimpath -o bin/pawl ./cmd/pawl

# Everything that must pass. Race-checked where goroutines meet.
test: check servers
	$(GO) test ./...
	$(MAKE) --no-print-directory test-pkcs11 PKCS11=./envelope/pkcs11 PKCS11_RACE=
	$(MAKE) --no-print-directory race crash-matrix CRASH_SAMPLE=16
	$(MAKE) --no-print-directory crash-matrix-mutants canary
	$(MAKE) --no-print-directory kill9 KILL9_RUNS=30

check:
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) mod verify

# The servers behind some stand-ins. Quick where they are installed.
.PHONY: servers
servers:
	@test -n "$$PAWL_WITHOUT_SERVERS" || vendorsim/servers.sh

.PHONY: race
race:
	@if command -v $${CC:-gcc} >/dev/null; then CGO_ENABLED=1 $(GO) test -race -short ./internal/crash ./store/... ./driver/rest; \
	else echo "race: no C compiler here, the race detector is left out"; fi

# The key keeper for PKCS#11 tokens needs cgo, and SoftHSM for its tests.
# The tests leave out what would have both clouds' clients compiled again.
PKCS11 ?= ./envelope/pkcs11 ./internal/keepers
PKCS11_RACE ?= -race
.PHONY: test-pkcs11
test-pkcs11:
	@if ! command -v $${CC:-gcc} >/dev/null; then echo "test-pkcs11: no C compiler here, the key keeper for tokens is left out: install gcc"; \
	elif [ -n "$$PAWL_WITHOUT_SERVERS" ]; then echo "test-pkcs11: PAWL_WITHOUT_SERVERS is set, the key keeper for tokens is left out"; \
	else vendorsim/servers.sh softhsm2 && CGO_ENABLED=1 $(GO) vet -tags pkcs11 $(PKCS11) && \
	  CGO_ENABLED=1 $(GO) test $(PKCS11_RACE) -tags pkcs11 $(PKCS11); fi

generate:
	$(GO) generate ./...

# About one schedule in CRASH_SAMPLE is run. The tests run a sixteenth, to stay
# under ten minutes on two cores.
CRASH_SAMPLE ?= 1
crash-matrix:
	@$(GO) run ./internal/crash/cmd -sample $(CRASH_SAMPLE) matrix

# Every schedule of the eleven secrets of examples/runbook. crash-matrix runs
# about one in 400 of them.
.PHONY: crash-matrix-runbook
crash-matrix-runbook:
	@$(GO) run ./internal/crash/cmd -sample $(CRASH_SAMPLE) runbook

crash-matrix-mutants:
	@$(GO) run ./internal/crash/cmd mutants

KILL9_RUNS ?= 200
kill9: build
	@$(GO) run ./internal/kill9 -pawl bin/pawl -runs $(KILL9_RUNS)

# Go minimises each new input for up to a minute, in which it tries no other
# and reports no run: with that default a minute of fuzzing ran 59 inputs.
FUZZTIME ?= 60s
fuzz:
	@for t in $$(grep -rlE '^func Fuzz' --include=*_test.go . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$t/*_test.go | awk '{print $$2}'); do \
	    echo "fuzz: $$t $$f"; $(GO) test $$t -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x || exit 1; done; done

demo:
	$(GO) run ./cmd/pawl demo

# Rotates all secrets of examples/runbook against the whole system of the
# runbook, with a scripted person, in virtual time.
.PHONY: demo-runbook
demo-runbook: servers
	@$(GO) run ./internal/demorunbook

# Rotates all secrets of examples/runbook at the SaaS of examples/saas, which
# runs and serves a load, while pawl is killed at random.
.PHONY: demo-saas
demo-saas: servers
	@$(GO) build -trimpath -o bin/demosaas ./internal/demosaas
	@bin/demosaas

# What a rotation costs, on this machine and now.
.PHONY: bench
bench: build servers
	@$(GO) build -trimpath -o bin/bench ./internal/bench
	@bin/bench -pawl bin/pawl

# Kills pawl reencrypt and the server beside a writer, and reads every row.
ROWS ?= 200000
.PHONY: reencrypt-torture
reencrypt-torture: build servers
	@$(GO) build -trimpath -o bin/reencrypttorture ./internal/reencrypttorture
	@bin/reencrypttorture -pawl bin/pawl -rows $(ROWS)

# What pawl reencrypt costs beside the server's own rewriting of the same
# bytes, and beside what is done without it. ROWS=1000000 is the full run.
.PHONY: bench-reencrypt
bench-reencrypt: build servers
	@$(GO) build -trimpath -o bin/reencryptbench ./internal/reencryptbench
	@bin/reencryptbench -pawl bin/pawl -rows $(ROWS)

# Searches everything that pawl leaves and shows for secret values.
.PHONY: canary
canary: build
	@$(GO) run ./internal/canary -pawl bin/pawl

# Holds all traffic of drivers and stand-ins to what the vendors publish about
# their APIs. The descriptions are not in this repository.
SPECS ?= ../shared/specs
.PHONY: contract
contract:
	@cd internal/contract && $(GO) vet . && $(GO) test .
	@$(GO) test -tags pawlrecord -run '^TestRecord$$' ./vendorsim
	@cd internal/contract && $(GO) run . -specs $(abspath $(SPECS)) -root ../..
