# `make run` and `make test` set everything up by themselves: Python 3.11 or newer, git and make are all they need.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help setup run test format lint types contracts tests docs bench clean

help:
	@echo "make run      run the bundled study imatinib-il2 and say where its report is"
	@echo "make test     format, lint, types, import contracts, tests, documentation"
	@echo "make bench    run the benchmarks and write benchmarks/RESULTS.md"
	@echo "make format   format the code"

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 15) else "Opsonin needs Python 3.11 to 3.14; this one is %d.%d. Name another with PYTHON=python3.12 make ..." % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || (echo "the venv module is missing: install your system's python3-venv package"; exit 1)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

setup: $(READY)

run: $(READY)
	$(BIN)/opsonin run imatinib-il2 --seed 1 --trials 200

test: format-check lint types contracts tests docs

.PHONY: format-check
format-check: $(READY)
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/pyright

contracts: $(READY)
	$(BIN)/lint-imports --no-cache

tests: $(READY)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

bench: $(READY)
	$(BIN)/python benchmarks/run_all.py

clean:
	rm -rf .venv site results .pytest_cache .ruff_cache .hypothesis
