# The dozen things one does here. Only Python 3.11 or later and the package registries are needed.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
# The tests and the hub start many processes: none is to compile thousands of modules anew.
export UV_COMPILE_BYTECODE := 1
export PYTHONDONTWRITEBYTECODE :=
# The tests' databases are thrown away: in memory, where it has 6 GB to spare, they take half the time. Of workers there
# is one more than of processors, since many tests wait for a time limit or for another process.
MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 6000000 {print "TMPDIR=/dev/shm"}')
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTEST := $(MEMORY) $(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder
OWN := -e . -e libs/xmlrules -e plugins/svefaktura -e plugins/agresso

.PHONY: help run test check torture bench format lock needs clean

help: ## what there is to do
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: .venv/ready ## the demonstration city, with the console at a printed address
	$(BIN)/hub demo

test: .venv/ready needs ## everything there is to test, on SQLite and on PostgreSQL
	$(PYTEST)

check: .venv/ready needs ## format, lint, types, floors, texts and tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST)

torture: .venv/ready needs ## 15 minutes of killed workers and failing peers; OPTIONS="--seed 7", OPTIONS=--help
	$(BIN)/python -m tests.torture $(OPTIONS)

bench: .venv/ready needs ## figures side by side; see bench/README.md
	$(BIN)/python -m bench

format: .venv/ready ## mend what a tool can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

needs: .venv/ready ## what the tests need beside Python packages: installed where it may be
	@$(BIN)/python tools/needs.py

lock: .venv/ready ## the newest releases that fit, pinned with their digests
	$(UV) lock --upgrade
	$(UV) export --quiet --all-packages --all-groups --all-extras --no-emit-workspace --no-annotate --no-header \
		--output-file requirements.lock

.venv/ready: requirements.lock pyproject.toml libs/xmlrules/pyproject.toml plugins/svefaktura/pyproject.toml plugins/agresso/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed; say which: make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv \
		|| { echo "Python's venv module is missing (on Debian: apt-get install python3-venv)"; exit 1; }
	@test -x "$(UV)" || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(OWN)
	@touch $@

clean: ## away with the environment and all caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
