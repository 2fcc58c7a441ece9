# One command each. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# a process that starts compiled modules starts in a third of the time, and tests start many
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= $(firstword $(foreach p,python3.11 python3 python,$(if $(shell command -v $(p)),$(p))))
VENV := .venv
BIN := $(VENV)/bin
CODE := $(wildcard twooter workers tests bench)
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.PHONY: help run test check bench lock scan fmt map clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.runtime ## everything on this machine: web server, worker, SQLite in ./var (PORT, TWOOTER_VAR_DIR)
	@$(if $(PORT),TWOOTER_PORT=$(PORT) )exec $(BIN)/python -m twooter run

test: $(VENV)/.dev ## all tests; with private MariaDB, Redis and RabbitMQ where they are installed
	@tests/install-services.sh
	@echo "$(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests $(ARGS)"
	@exec $(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests $(ARGS)

check: $(VENV)/.dev ## format, lint, types, layers, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy --strict $(CODE) .ci/scan.py
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/rules

bench: $(VENV)/.dev ## load and growth benchmarks
	@exec $(BIN)/python -m bench $(ARGS)

fmt: $(VENV)/.dev ## format, and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

map: $(VENV)/.dev ## write the module map in ARCHITECTURE.md and the settings table in README.md anew
	$(BIN)/python -m tests.rules.house_map

lock: $(VENV)/.dev ## pin requirements*.in into requirements*.txt; `make lock ARGS=--upgrade` takes newer ones
	$(COMPILE) $(ARGS) requirements.in -o requirements.txt
	$(COMPILE) $(ARGS) requirements-dev.in -o requirements-dev.txt

scan: $(VENV)/.dev ## look for known vulnerabilities in what is pinned
	@$(BIN)/python .ci/scan.py

clean: ## remove the environment and caches (./var, the data, stays)
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: an environment is made anew only when what it is made of changed.
$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$$($(PYTHON) -V) is too old, 3.11 is needed: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { v=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		echo "$(PYTHON) has no venv module: apt install python$$v-venv" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(BIN)/pip
	@echo "installing requirements.txt"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(BIN)/pip
	@echo "installing requirements-dev.txt"
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime
