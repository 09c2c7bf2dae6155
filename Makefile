# `make run` and `make test` are all that a user needs; the rest is for those who work on Tidegate.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
VENDOR := static/vendor/.installed

# How many tests run at a time: a number, or one for each core, up to four.
WORKERS ?= $(shell expr $$(nproc) + 1)

.PHONY: run setup test test-setup lint bench soak clean

run: setup  ## Install what is missing, bring the database up to date and serve.
	@$(BIN)/python app.py

setup: $(STAMP) $(VENDOR)  ## All that `make run` does up to serving.
	@$(BIN)/tidegate db upgrade

PIP = $(BIN)/pip install --quiet --disable-pip-version-check

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tidegate needs Python 3.11 or later."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && \
		apt-get install -y -qq python3-venv >/dev/null; } || { echo "First: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The C parser of requests has to be compiled; where there is no compiler, connecting costs a third more, that is all.
$(STAMP): pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	@$(PIP) --editable '.[fast]' 2>/dev/null || echo "No C compiler here: requests are parsed in Python."
	@touch $@

$(DEV_STAMP): pyproject.toml $(STAMP)
	$(PIP) --editable '.[dev]'
	@touch $@

$(VENDOR): package.json package-lock.json webapp/web/vendor.py $(STAMP)
	$(BIN)/python -m webapp.web.vendor
	@touch $@

test-setup: $(DEV_STAMP) $(VENDOR)
	@$(BIN)/python -m webapp.web.vendor --dev && touch $(VENDOR)
	@tests/install-system-packages

test: test-setup  ## Run the whole test suite.
	$(BIN)/pytest -m 'not soak' -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

soak: test-setup  ## Run what takes long: thousands of clients, long loads, series of faults.
	$(BIN)/pytest -m soak

lint: $(DEV_STAMP)  ## Check style, types and the directions of imports.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## Measure against peers and write bench/RESULTS.md.
	$(PIP) --editable '.[bench]'
	$(BIN)/python -m bench

clean:  ## Remove everything that set-up made; instance/ stays.
	rm -rf $(VENV) node_modules static/vendor bench/node_modules tests/sdk/node_modules docs/examples/vue-chat/node_modules
