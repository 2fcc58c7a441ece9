# One command each. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# a process that starts compiled modules starts in a third of the time, and tests start many
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= $(firstword $(foreach p,python3.11 python3 python,$(if $(shell command -v $(p)),$(p))))
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .tools/python
CODE := $(wildcard twooter workers tests bench e2e monitoring)
IMAGE ?= twooter:dev
ARCHIVE = var/image/$(subst :,-,$(notdir $(IMAGE))).tar
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links

.PHONY: help run test check bench e2e lock chart manifests image pipeline scan sbom release publish deploy fmt map clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.runtime ## everything on this machine: web server, worker, SQLite in ./var (PORT, TWOOTER_VAR_DIR)
	@$(if $(PORT),TWOOTER_PORT=$(PORT) )exec $(BIN)/python -m twooter run

test: $(VENV)/.dev ## all tests; with private MariaDB, Redis and RabbitMQ where they are installed
	@tests/install-services.sh
	@echo "$(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests $(ARGS)"
	@exec $(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests $(ARGS)

check: $(VENV)/.dev ## format, lint, types, layers, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy --strict $(CODE)
	$(BIN)/python -m mypy --strict .ci
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/rules

bench: $(VENV)/.dev ## load and growth benchmarks
	@exec $(BIN)/python -m bench $(ARGS)

e2e: $(VENV)/.dev ## install, upgrade and break the chart on the cluster of KUBECONFIG (IMAGE, E2E_*: docs/operating.md)
	@E2E_IMAGE=$(IMAGE) E2E_ARCHIVE=$(ARCHIVE) exec $(BIN)/python -m e2e $(ARGS)

fmt: $(VENV)/.dev ## format, and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

map: $(VENV)/.dev ## write what is generated anew: the map, the tables of settings, metrics and events, the dashboards
	$(BIN)/python -m tests.rules.house_map

lock: $(VENV)/.dev ## pin requirements*.in into requirements*.txt; `make lock ARGS=--upgrade` takes newer ones
	$(COMPILE) $(ARGS) requirements.in -o requirements.txt
	$(COMPILE) $(ARGS) --constraint requirements.txt requirements-otel.in -o requirements-otel.txt
	$(COMPILE) $(ARGS) requirements-dev.in -o requirements-dev.txt
	$(COMPILE) $(ARGS) requirements-ci.in -o requirements-ci.txt
	$(COMPILE) $(ARGS) requirements-chart.in -o requirements-chart.txt

image: $(VENV)/.dev ## build the container image, try it, and leave it as an archive (IMAGE=name:tag)
	@tests/install-services.sh
	@IMAGE=$(IMAGE) PYTHON=$(BIN)/python image/build.sh $(ARCHIVE)
	@TWOOTER_TEST_IMAGE=$(ARCHIVE) exec $(BIN)/python -m pytest -q tests/image

chart: $(VENV)/.dev ## check the chart and k8s/: lint, refusals, schemas of Kubernetes 1.29 to 1.34, policies, what is generated
	@PYTHON=$(BIN)/python .ci/chart

manifests: $(VENV)/.dev ## write k8s/ and the chart's README anew from helm/twooter
	@PYTHON=$(BIN)/python .ci/chart manifests

pipeline: $(TOOLS)/.ready ## lint workflows, shell scripts, the Dockerfile and YAML
	@.ci/tools actionlint
	@.ci/lint

scan: $(TOOLS)/.ready ## look for known vulnerabilities in what is pinned, and for secrets in the tree and its history
	@.ci/tools gitleaks
	@$(TOOLS)/bin/python .ci/scan.py
	@.ci/secrets

sbom: $(TOOLS)/.ready ## write what Twooter is made of to dist/sbom.cdx.json
	@mkdir -p dist
	@cat requirements.txt requirements-otel.txt | PYTHONWARNINGS=ignore $(TOOLS)/bin/cyclonedx-py requirements \
		--pyproject pyproject.toml --mc-type application --output-reproducible --output-file dist/sbom.cdx.json -
	@echo "sbom: $$(grep -c '"purl"' dist/sbom.cdx.json) packages in dist/sbom.cdx.json"

release: ## say whether all versions agree; with TAG=v1.2.3 also with the tag, and the notes to dist/notes.md
	@$(PYTHON) .ci/release.py check $(if $(TAG),--tag '$(TAG)')
	@$(if $(TAG),mkdir -p dist && $(PYTHON) .ci/release.py notes '$(TAG:v%=%)' >dist/notes.md)

publish: ## build for all platforms, push and sign image and chart (REGISTRY, VERSION; see .ci/publish)
	@.ci/publish

deploy: $(VENV)/.runtime ## upgrade a release, look at it as a client, go back if it does not work (see .ci/deploy)
	@.ci/deploy

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

$(TOOLS)/.ready: requirements-ci.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: apt install python3 python3-venv" >&2; exit 1; }
	@echo "installing requirements-ci.txt into $(TOOLS)"
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-ci.txt
	@touch $@
