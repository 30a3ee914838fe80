# Everything a person types. Each target does its own set-up; nothing is installed outside .venv, node_modules and (on request) the browser.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DIST := api/static/dist/app.css
PORT ?= 8000
SERVE ?= yes
DEMO_DIR ?= demo-data
TESTS ?= tests
WORKERS ?= 3
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) -q
BY_FILE := --dist loadfile --no-loadscope-reorder
ROOMS := auth catalog claims core quality web datasets/batches datasets/outputs datasets/releases datasets/sources datasets/tickets
unexport PYTHONDONTWRITEBYTECODE  # compiled modules are kept: each process would compile every library anew

.PHONY: setup assets browser r delta acro schemas demo serve test long fast check fix bench lock clean

setup: $(READY) $(DIST)  ## .venv with all that running and testing need, and the built pages' assets

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] < (3, 14), "Python 3.11 to 3.13 is needed; say make PYTHON=python3.12"'
	@echo "setting up $(VENV) (about a minute)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

assets: $(DIST)  ## stylesheet and script bundle, from npm by lock file

$(DIST): package-lock.json $(wildcard api/static/src/* api/static/src/*/*) | $(READY)
	$(BIN)/python -m api.assets

browser: $(READY)  ## Chromium and a Chinese font for the browser tests (Debian; needs root)
	@if ! command -v chromium >/dev/null || ! fc-list 2>/dev/null | grep -q 'Noto Sans CJK'; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk fontconfig >/dev/null; \
	fi

r:  ## R with jsonlite, for the tests of the lines that pages show for R (Debian; needs root)
	@if ! command -v Rscript >/dev/null || ! Rscript -e 'library(jsonlite)' >/dev/null 2>&1; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends r-base-core r-cran-jsonlite >/dev/null; \
	fi

delta: $(READY)  ## the Delta Sharing client, in an environment of its own (its libraries are older than ours)
	@if [ ! -e .venv-delta/.ready ]; then \
		$(PYTHON) -m venv .venv-delta; \
		.venv-delta/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-delta.lock; \
		touch .venv-delta/.ready; \
	fi

acro: $(READY)  ## acro, which checks research outputs, in an environment of its own (its pandas is older than ours): tests.campaigns.disclosure
	@if [ ! -e .venv-acro/.ready ] || [ requirements-acro.lock -nt .venv-acro/.ready ]; then \
		$(PYTHON) -m venv .venv-acro; \
		.venv-acro/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-acro.lock; \
		touch .venv-acro/.ready; \
	fi

schemas: $(READY)  ## published schemas of OAI-PMH, Atom and site maps, out of registries' packages by hash, into .schemas
	@if [ ! -e .schemas/.ready ] || [ requirements-schemas.lock -nt .schemas/.ready ]; then \
		$(BIN)/python -m tests.schemas; \
		touch .schemas/.ready; \
	fi

demo: setup  ## the synthetic sample, the journeys, then the service; SERVE=no stops after the journeys
	$(BIN)/datagrant demo --data-dir $(DEMO_DIR) $(if $(filter no,$(SERVE)),--no-serve,--port $(PORT))

serve: setup  ## the service on an installation of one's own (DATAGRANT_DATA_DIR, default ./data)
	$(BIN)/datagrant serve --port $(PORT)

test: setup  ## what is needed at each change: everything that is not marked `long`
	$(PYTEST) $(TESTS) $(BY_FILE) -m "not long"

long: setup  ## the rest: browser, killed processes, whole matrices; browser tests run where Chromium is found (DATAGRANT_EXAMPLES=10 draws more)
	$(PYTEST) $(TESTS) $(BY_FILE) -m long

fast: setup  ## rules, tables and services, on SQLite, without Great Expectations and without the app
	$(PYTEST) $(addprefix tests/,$(ROOMS)) -m "not gx and not postgres and not long and not app"

check: setup  ## changes nothing: lint, format, types, import rules, templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/web/test_templates.py -q

fix: setup  ## all that can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## measures against named alternatives, side by side in one run; BENCH="--write --sections delivery" chooses, and puts the tables into docs/bench.md
	$(BIN)/python -m tests.bench --vast $(BENCH)

lock:  ## pin the newest versions that work together (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url -o requirements.lock

clean:  ## forget what was built; data directories stay
	rm -rf $(VENV) .venv-delta .venv-acro .schemas node_modules api/static/dist build *.egg-info .mypy_cache .ruff_cache .pytest_cache test-artifacts
