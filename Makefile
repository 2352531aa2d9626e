# Every target builds what it needs and asks nothing: Python 3.11 or later (venv and pip), make and git are enough.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
PYTHON_SOURCES := src tests $(wildcard bench scripts)
# Options for the program behind a target: make demo ARGS="--json", make test ARGS="tests/wire -x".
ARGS ?=
JOBS ?= 2

LOCKED := $(addprefix requirements/,bootstrap.txt main.txt build.txt ble.txt)
LOCKED_DEV := $(LOCKED) $(addprefix requirements/,dev.txt yubikey.txt activity-data.txt)
# The runner of the promises writes promises.json; without one, plain tests.
PROMISES := $(if $(wildcard tests/promises/run.py),tests/promises/run.py,-m pytest -q -m promise tests/promises)
RUN := .venv/.stamp-main
DEV := .venv/.stamp-dev

# Targets with a text behind ## are listed by `make help`.
.PHONY: demo test check promises bench wheel docs-cli docs-gatt lock format system clean help pcsc

demo: $(RUN) ## run the whole chain, from a card number to an approved tap
	@exec $(BIN)/python -m wristlet demo $(ARGS)

check: $(DEV) ## format, lint, types, import contracts, unit tests (90 s at most)
	@scripts/stage.sh format $(BIN)/ruff format --check --quiet $(PYTHON_SOURCES)
	@scripts/stage.sh lint $(BIN)/ruff check --quiet $(PYTHON_SOURCES)
	@scripts/stage.sh types $(BIN)/mypy --no-error-summary src tests $(wildcard bench)
	@scripts/stage.sh imports $(BIN)/lint-imports --no-logo
	@HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-quick} scripts/stage.sh units $(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup -m "not slow and not outside and not promise" $(ARGS)

test: $(DEV) pcsc ## all tests
	@scripts/stage.sh tests $(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup -m "not promise" $(ARGS)

promises: $(DEV) pcsc ## measure the promises, write promises.json
	@scripts/stage.sh promises $(BIN)/python $(PROMISES) $(ARGS)

bench: $(DEV) ## benchmarks, as ratios against limit loops
	@exec $(BIN)/python -m bench $(ARGS)

wheel: $(RUN) ## build the wheel into dist/
	@rm -rf dist
	@scripts/uv.sh build --quiet --wheel --no-build-isolation --offline --python $(BIN)/python --out-dir dist
	@ls dist/*.whl

docs-cli: $(DEV) ## write docs/reference/cli.md from the command line itself
	@mkdir -p docs/reference
	@$(BIN)/typer wristlet.cli.main utils docs --name wristlet --output docs/reference/cli.md

docs-gatt: $(DEV) ## write docs/reference/gatt.md from the strap's declared services
	@$(BIN)/python scripts/gatt_page.py > docs/reference/gatt.md

format: $(DEV) ## format the code and repair what lint can repair
	@$(BIN)/ruff format --quiet $(PYTHON_SOURCES)
	@$(BIN)/ruff check --quiet --fix $(PYTHON_SOURCES)

lock: $(DEV) ## pin requirements/*.txt anew (ARGS=--upgrade moves every pin)
	@scripts/lock.sh $(ARGS)

system: ## install the Debian packages of requirements/debian.txt (root), or print the line
	@scripts/system.sh

clean: ## remove .venv, dist and caches
	@rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

$(RUN): $(LOCKED) pyproject.toml scripts/venv.sh
	@scripts/venv.sh main

$(DEV): $(LOCKED_DEV) pyproject.toml scripts/venv.sh
	@scripts/venv.sh dev

pcsc: $(DEV)
	@scripts/venv.sh pcsc
