# Everything for working on reverb-py. `make serve` and `make test` set up what they need by themselves.

VENV   := .venv
PY     := $(VENV)/bin/python
LOCK   := requirements/dev.txt
NODE   := tests/clients/node_modules/.package-lock.json
# A name on the PATH may be a shim that refuses, so each candidate is asked.
PYTHON ?= $(shell for each in python3.13 python3.12 python3.11 python3 python /usr/bin/python3; do \
            $$each -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup serve test torture check format bench lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/.ready  ## the virtual environment, pinned by hashes
$(VENV)/.ready: $(LOCK) pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found: install it, or set PYTHON=/path/to/python"; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV) \
	  || { $(PYTHON) -m venv --without-pip --clear $(VENV) && $(PYTHON) -m pip --python $(PY) install -q pip; }; }
	@echo "Installing into $(VENV) (once)"
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(PY) -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

serve: setup  ## a development server on http://127.0.0.1:8080; ARGS="--port 9000" adds options
	@exec $(VENV)/bin/reverb-py serve --dev $(ARGS)

# The client libraries of the JavaScript tests. Without npm those tests are skipped, and say so.
$(NODE): tests/clients/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix tests/clients --no-audit --no-fund --loglevel error && touch $@; \
	else echo "npm was not found: the tests with JavaScript clients will be skipped"; fi

test: setup $(NODE)  ## all tests; ARGS="-k presence" chooses
	@$(PY) -m pytest -n 4 --dist loadfile $(ARGS)

torture: setup $(NODE)  ## attacks on a real server in their big forms, a walk over three nodes, a soak, a quarter of an hour in all; ARGS="-k slow" chooses
	@$(PY) -m pytest tests/torture tests/cluster/test_walk.py --torture $(ARGS)
	@$(PY) -m tests.torture.soak --minutes $(or $(SOAK),3)

check: setup  ## ruff, mypy strict, import contracts, Dockerfile and compose file
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/hadolint Dockerfile
	@$(VENV)/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

format: setup  ## ruff's format and its safe fixes
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

bench: setup  ## speed and memory beside a floor in C, about eight minutes; ARGS="--quick" takes one
	@$(PY) -m bench $(ARGS)

lock: setup  ## requirements/*.txt anew from pyproject.toml; needs uv
	@sh requirements/lock.sh

clean:  ## remove what setup and the tests made; development credentials in .reverb stay
	@rm -rf $(VENV) tests/clients/node_modules dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
