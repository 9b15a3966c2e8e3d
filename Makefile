# Everything here needs git and Python 3.11 or newer; `make test` makes the environment that it runs in.

PYTHON ?= $(or $(shell command -v python3.11),$(shell command -v python3))
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export DUALSTACK_CACHE := $(CURDIR)/.cache

.PHONY: test test-e2e score oracle collector cluster recordings demo bench bench-cluster check format docs clean help

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dualstack needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

test: $(READY) ## run the tests; what this machine lacks is skipped by name
	$(BIN)/pytest -n 2

test-e2e: $(READY) ## run the tests on a real Kubernetes cluster; needs root, `make collector` and `make cluster`
	$(BIN)/pytest -m cluster tests/e2e

score: $(READY) ## diagnose in every world of the lab and count; needs root
	$(BIN)/dualstack lab score

oracle: $(READY) ## record what real clients do, some of them fetched; needs root, a network and an hour
	$(BIN)/python -m tests.oracle.clients

collector: $(READY) ## build the real Collectors, Helm and kustomize for the tests, once; needs Go and a few minutes
	$(BIN)/python -m dualstack.lab.collector
	$(BIN)/python -m tests.real.helm
	$(BIN)/python -m tests.real.kustomize

cluster: $(READY) ## build the real Kubernetes for the tests, once, and what runs there; needs Go and twenty minutes
	$(BIN)/python -m tests.real.kubernetes
	$(BIN)/python -m tests.real.istio
	$(BIN)/python -m tests.real.otel_operator

recordings: $(READY) ## record anew what API servers of some versions answer, for the tests; needs root, etcd, Go and an hour
	@for version in 1.28.15 1.31.14 1.34.4 1.36.3; do \
		$(BIN)/python -m tests.real.kubernetes $$version kube-apiserver && \
		$(BIN)/python -m tests.real.record_api $$version || exit 1; done
	@for form in ipv4 ipv6 ipv6-first; do $(BIN)/python -m tests.real.record_api 1.34.4 $$form || exit 1; done

demo: $(READY) ## see the tool find faults that are made on purpose
	$(BIN)/dualstack demo

bench: $(READY) ## run the benchmarks
	@for file in $(filter-out %cluster.py,$(wildcard benchmarks/*.py)); do echo "== $$file"; $(BIN)/python $$file || exit 1; done

bench-cluster: $(READY) ## run the benchmark of a large cluster; needs etcd, `make cluster`, and five minutes
	$(BIN)/python benchmarks/cluster.py

check: $(READY) ## linters, types, import contracts, budgets, documentation
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy src
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/budgets.py
	$(MAKE) --no-print-directory docs

format: $(READY) ## apply the formatter and the safe fixes
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(READY) ## build the documentation into site/, warnings are errors
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs site

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) .cache build dist site
