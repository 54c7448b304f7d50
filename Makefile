# `make demo` and `make test` need Python 3.11 or newer and make; everything else is installed into .venv, here.

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
UV_VERSION := 0.13.9
LOCKED := dev demo node bench # in this order
# One more than there are cores: tests often wait for a process or a disk.
WORKERS = $$($(PY) -c "import os; print((os.cpu_count() or 1) + 1)")

.DEFAULT_GOAL := help
.PHONY: help demo test lint types layers tests crash model fuzz bench screenshots lock clean
.DELETE_ON_ERROR:

help: ## show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r verb what; do printf '%-14s %s\n' "$$verb" "$$what"; done

# -- what people run ------------------------------------------------------------------------------

# On a terminal the demo gets a process group of its own (set -m), so that Ctrl-C ends it and not make: exit status 0.
demo: $(VENV)/.demo ## a server and a device that sends this machine's own readings
	@if [ -t 0 ]; then set -m; fi; $(PY) examples/demo.py

test: lint types layers tests ## everything: style, types, layers, tests with coverage

lint: $(VENV)/.dev ## ruff: rules and format
	@echo "== ruff"
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check

types: $(VENV)/.dev ## mypy, strict
	@echo "== mypy"
	@$(PY) -m mypy

layers: $(VENV)/.dev ## import-linter: which way dependencies point
	@echo "== import-linter"
	@$(VENV)/bin/lint-imports --no-cache

tests: $(VENV)/.dev ## pytest, with coverage
	@echo "== pytest"
	@mkdir -p .build/coverage
	@sh requirements/nginx .build/debian
	@sh requirements/chromium
	@PATH="$(CURDIR)/.build/debian/usr/sbin:$$PATH" $(PY) -m pytest -n $(WORKERS) --dist loadfile --cov --cov-report=term:skip-covered

crash: $(VENV)/.dev ## kill devices and servers 1000 times each, break their network 10 000 times; ARGS="--seed 7"
	@$(PY) -m tests.crash $(ARGS)

model: $(VENV)/.dev ## the push protocol as a model: every state within bounds, and each rule left out
	@$(PY) -m docs.model

fuzz: $(VENV)/.dev ## a million damaged inputs to the decoders; the stateful tests of pushing, longer
	@$(PY) -m tests.fuzz
	@NIKDEV_LONG=1 $(PY) -m pytest -q -p no:cacheprovider tests/client/test_push_stateful.py

bench: $(VENV)/.dev $(VENV)/.bench ## the benchmarks, beside the peers
	@$(PY) -m benchmarks.run

screenshots: $(VENV)/.dev ## docs/pictures: the pages, for the README
	@sh requirements/chromium
	@$(PY) examples/screenshots.py

# -- what it takes --------------------------------------------------------------------------------

lock: $(VENV)/.made ## requirements/*.txt from pyproject.toml; with UPGRADE=--upgrade the newest versions
	@echo "locking …"
	@$(PIP) install uv==$(UV_VERSION)
	@for name in $(LOCKED); do sh requirements/lock $$name $(VENV)/bin/uv $(UPGRADE) || exit 1; done

clean: ## remove what was built, installed and recorded here
	@rm -rf $(VENV) .build dist demo-data .coverage* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@sh requirements/venv $(VENV)
	@touch $@

# Each set is installed exactly as locked, and the project itself editable, without asking for anything more. That also
# brings the browser libraries of the pages (hatch_build.py); where there is no npm for it, one is installed here.
$(VENV)/.demo $(VENV)/.dev: $(VENV)/.%: requirements/%.txt pyproject.toml assets/package-lock.json | $(VENV)/.made
	@echo "installing requirements/$*.txt into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements/$*.txt
	@if [ -n "$$($(PY) hatch_build.py)" ]; then $(PIP) install --require-hashes -r requirements/node.txt; fi
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.bench: requirements/bench.txt | $(VENV)/.dev
	@echo "installing requirements/bench.txt into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements/bench.txt
	@touch $@
