# The same few commands for everything, here and in CI. `make help` lists them.
# Needs Python 3.11 or newer with venv, and the package registry; everything else is installed into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
TEST_PROCESSES ?= 2
ARGS ?=

# The first interpreter that is new enough; `make PYTHON=python3.13 …` chooses another.
PYTHON ?= $(shell for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	if $$candidate -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo $$candidate; break; fi; done)

.PHONY: help setup serve test clients lint format types console bench docs lock clean

help: ## List the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

$(VENV)/made:
	@if [ -z "$(PYTHON)" ]; then \
		echo "cleanplate needs Python 3.11 or newer with its venv module; install it, or run make PYTHON=/path/to/python" >&2; \
		exit 1; fi
	@if [ ! -x $(BIN)/python ]; then $(PYTHON) -m venv $(VENV); fi
	@touch $@

# What `make serve` needs: the pinned libraries, each checked against its hash, then this package in place.
$(VENV)/base: requirements/base.txt pyproject.toml | $(VENV)/made
	@echo "Installing cleanplate into $(VENV) (once; a minute or so)…" >&2
	@$(PIP) install --require-hashes --requirement requirements/base.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: requirements/dev.txt $(VENV)/base
	@echo "Installing the tools for tests and checks…" >&2
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@touch $@

setup: $(VENV)/dev ## Install everything into .venv

serve: $(VENV)/base ## Start the server on 127.0.0.1:8080 with its data in ./data
	@$(BIN)/cleanplate serve $(ARGS)

test: $(VENV)/dev ## Run every test; ARGS="tests/unit/cli -k remove" runs some
	@$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile $(ARGS)

clients: $(VENV)/clients/made ## Install what generates clients, for the tests that try them (needs npm)
$(VENV)/clients/made: tests/contract/clients/requirements.txt tests/contract/clients/typescript/package.json | $(VENV)/made
	@echo "Installing generators of clients into $(VENV)/clients…" >&2
	@rm -rf $(VENV)/clients && mkdir -p $(VENV)/clients/typescript
	@$(BIN)/python -m venv $(VENV)/clients/python
	@$(VENV)/clients/python/bin/python -m pip --disable-pip-version-check --quiet install \
		--require-hashes --requirement tests/contract/clients/requirements.txt
	@cp tests/contract/clients/typescript/package.json $(VENV)/clients/typescript/
	@npm install --prefix $(VENV)/clients/typescript --no-package-lock --ignore-scripts --no-audit --no-fund --silent
	@touch $@

console: console/node_modules/.package-lock.json ## Build the console into the package (needs Node.js 20.19 or newer)
	@npm --prefix console run --silent build
console/node_modules/.package-lock.json: console/package.json console/package-lock.json
	@npm --prefix console ci --ignore-scripts --no-audit --no-fund --silent

lint: $(VENV)/dev ## Check style, types, directions of imports and dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@$(BIN)/deptry src

format: $(VENV)/dev ## Put the source into shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/dev ## Measure quality and speed; ARGS="automatic speed" measures some
	@$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/dev ## Write the generated reference pages again
	@$(BIN)/python docs/generate.py

# Names, versions and hashes only: no addresses, so that the files work with any registry or mirror.
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --upgrade --extra heic --group build
lock: $(VENV)/dev ## Pin the newest releases in requirements/ (then run make test)
	@$(LOCK) --output-file requirements/base.txt
	@$(LOCK) --group dev --extra telemetry --constraint requirements/base.txt --output-file requirements/dev.txt

clean: ## Remove what the tools made; data/ stays
	@rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
