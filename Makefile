# All that a developer or CI does here. `make` alone lists it.
#
#   PYTHON=python3.12   the interpreter that a new .venv is made with, if it is not to be chosen for its speed;
#                       `make clean` first to change it
#   ARGS="-k vault -x"  more arguments for the command behind run, test, bench, soak, crash, faults, simulate, fuzz

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
.PHONY: help run test check bench soak crash faults simulate fuzz fmt lock clean

PYTHON ?=
PORT ?=
ARGS ?=
N ?=
SEED ?=
# Tests wait for other processes half of their time, so there are two for each core, up to eight.
WORKERS ?= $(shell python3 -c 'import os; print(min(2 * os.cpu_count(), 8))')
BIN := .venv/bin
INPUTS := pyproject.toml scripts/bootstrap
export PYTHON

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/.ready ## start the gateway with demo merchants and test cards (PORT=8080 chooses the port)
	@exec $(BIN)/bezant serve --demo $(if $(PORT),--port $(PORT)) $(ARGS)

test: .venv/.ready-dev ## pass all tests, on SQLite and on a private PostgreSQL
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: .venv/.ready-dev ## lint, formatting, types, import contracts
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/.ready-dev ## measure payments a second, their latencies and costs, and draw how they grow
	@$(BIN)/python -m tests.bench --plots docs/performance $(ARGS)

soak: .venv/.ready-dev ## load, kill and restart the gateway for a while; the books must balance
	@$(BIN)/python -m tests.soak $(ARGS)

crash: .venv/.ready-dev ## kill the gateway at every step of every operation; all books must agree afterwards
	@$(BIN)/python -m tests.faults crash $(ARGS)

faults: .venv/.ready-dev ## break its links, its database and its disk under load; the same must hold
	@$(BIN)/python -m tests.faults links $(ARGS)

simulate: .venv/.ready-dev ## live through simulated universes of faults (N=1000; SEED=123 replays one)
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),$(if $(N),-n $(N))) $(ARGS)

fuzz: .venv/.ready-dev ## send bad input to every parser and operation (SECONDS=300 says how long)
	@$(BIN)/python -m tests.fuzz $(if $(filter environment command,$(origin SECONDS)),--seconds $(SECONDS)) $(ARGS)

fmt: .venv/.ready-dev ## format the code and fix what the linter can fix
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

# What the oldest Python needs includes what newer ones do; the other way round, something would be missing.
lock: .venv/.ready-dev ## pin the newest allowed dependencies, with hashes (in a .venv of Python 3.11)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "make lock: needs Python 3.11")'
	@export CUSTOM_COMPILE_COMMAND="make lock"; \
	$(BIN)/pip-compile --upgrade --all-build-deps -o requirements.lock pyproject.toml; \
	$(BIN)/pip-compile --upgrade --all-build-deps --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean: ## remove .venv and all caches; data folders stay
	@rm -rf .venv .*_cache build dist
	@find src tests -name __pycache__ -prune -exec rm -rf {} +

.venv/.ready: requirements.lock $(INPUTS)
	@scripts/bootstrap
	@touch $@

.venv/.ready-dev: requirements-dev.lock $(INPUTS)
	@scripts/bootstrap dev
	@touch $@ .venv/.ready
