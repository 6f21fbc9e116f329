# Octant's commands. `make help` lists them. CI calls .ci/run, which calls `make test`.

GO          ?= go
BENCH_TIME  ?= 60m
SOAK_TIME   ?= 30m
SEEDS_TIME  ?= 60m
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2

.DEFAULT_GOAL := help
.PHONY: help build engines demo compose-test test test-processes test-race bench soak lint vet fmt-check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## compile bin/octant
	$(GO) build -trimpath -o bin/octant ./cmd/octant

engines: ## provide what tests and demo use: a database server by apt, as root; others unpacked into the cache; Prometheus, Chromium, and others
	@./testenv/install-engines
	@./testenv/install-tools "promtool: prometheus" "chromium: chromium fonts-dejavu-core" "pt-online-schema-change: percona-toolkit" \
		"mydumper: mydumper" "mariadb-backup: mariadb-backup"
	@GO=$(GO) ./testenv/build-tool testenv/ghost
	@./testenv/install-tools "docker-compose: docker-compose" # alone: not every release has it, and the others must come all the same

demo: build engines ## eight regions on this machine; ENGINES=mysql, postgres or mixed; KEEP=1 leaves them running
	bin/octant demo $(if $(ENGINES),--engines $(ENGINES)) $(if $(KEEP),--keep)

# What plays seeds in one goroutine each goes first, and without the race detector: there is nothing for it to find. Nor is there in the
# tests whose relays and databases are processes of their own: they run beside all the others. Nor in those of very large values, which it makes slow.
SEEDED    = ./conflict/simulation ./applier
PROCESSES = ./testenv/regions ./testenv/replicas ./testenv/mixed ./protocol/postgres/regions
LARGE     = TestLargestBlob|TestLargeValue|TestIdentityIsTheServersEquality

test: engines vet fmt-check ## everything: vet, format, all tests with the race detector and real databases
	GOGC=400 $(GO) test -run 'TestHistories|TestTornCheckpoints' $(SEEDED) # 18,000 histories; fewer in test-race
	@$(MAKE) --no-print-directory -j 2 test-processes test-race

test-processes:
	$(GO) test -p 1 -timeout 28m $(PROCESSES)
	$(GO) test -p 1 -run '$(LARGE)' ./protocol/mysql/apply ./protocol/mysql/binlog ./applier ./relaylog

test-race:
	$(GO) test -race -p 1 -timeout 28m -skip '$(LARGE)' $$($(GO) list ./... | grep -v -F $(PROCESSES:.%=-e %))

compose-test: ## docker-compose.yml: builds the images, cuts a region off, heals, compares; starts a Docker daemon if none runs
	@./deploy/compose/test

bench: engines ## Octant beside stock replication, as ratios of medians
	@./testenv/install-tools "pt-table-checksum: percona-toolkit"
	$(GO) test -run TestBench -tags bench -v -count 1 -timeout $(BENCH_TIME) ./bench/...

soak: engines ## fresh seeds for SEEDS_TIME; real regions under random faults for SOAK_TIME; replicas behind relays that are killed
	OCTANT_SOAK=$(SEEDS_TIME) $(GO) test -run TestSoak -tags soak -v -count 1 -timeout 0 ./conflict/simulation
	OCTANT_SOAK=$(SOAK_TIME) $(GO) test -run TestSoak -tags soak -v -count 1 -timeout 0 -p 1 ./testenv/regions ./testenv/mixed ./testenv/replicas ./protocol/postgres/regions

vet:
	$(GO) vet ./...

fmt-check:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then \
		echo "not formatted, run gofmt -w:" >&2; echo "$$unformatted" >&2; exit 1; fi

lint: vet fmt-check ## vet, format and staticcheck
	$(GO) run $(STATICCHECK) ./...

clean: ## remove what was built; the engines' cache stays
	rm -rf bin coverage*
