# Everything runs in .venv, which is made on first use. Stamp files make a second call free.
# The first Python that is new enough; `make PYTHON=...` chooses another.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
ROOMS := engine connectors catalog interfaces localorg
PYTEST_ARGS ?= -q -n auto --dist loadfile
# How many generated queries `make fuzz` asks.
N ?= 2000
# What they are drawn from: the same seed asks the same queries.
SEED ?= 1

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports docs bench notebooks fuzz clients setup links clean

help:
	@echo "make demo       ask an org and files, write to it, keep a copy, and see what that costs"
	@echo "make test       run the tests"
	@echo "make lint       ruff, and the rules on imports"
	@echo "make types      mypy"
	@echo "make docs       build the documentation into site/"
	@echo "make notebooks  run the notebooks"
	@echo "make bench      compare with a full extract through simple-salesforce"
	@echo "make fuzz N=20000   ask generated queries three ways and compare the answers"
	@echo "make clients    try seven stock Salesforce clients against the local org"
	@echo "make setup      install all of the above"

demo: .venv/.ready-demo
	@$(BIN)/isthmus demo

test: .venv/.ready-test
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: .venv/.ready-lint imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

imports: .venv/.ready-lint
	$(BIN)/lint-imports

types: .venv/.ready-test .venv/.ready-lint
	$(BIN)/mypy

docs: .venv/.ready-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

notebooks: .venv/.ready-test
	$(BIN)/python -m pytest -q -p no:cacheprovider --nbmake --nbmake-timeout=120 notebooks

bench: .venv/.ready-test
	$(BIN)/python -m benchmarks

fuzz: .venv/.ready-test
	$(BIN)/python -m tests.differential.fuzz --count $(N) --seed $(SEED)

# Each client has an environment of its own, below .venv-clients; the first run installs them all.
clients: .venv/.ready-test
	ISTHMUS_CLIENTS=all $(BIN)/python -m pytest -q -n 0 -rA tests/clients

setup: .venv/.ready-dev

# A checkout without support for links leaves text files where the rooms should be.
links:
	@for room in $(ROOMS); do \
	  test -e src/isthmus/$$room/__init__.py || ln -sfn ../../$$room src/isthmus/$$room; \
	done

.venv/.made:
	@test -n "$(PYTHON)" || { echo "Isthmus needs Python 3.11 or later: make PYTHON=..." >&2; exit 1; }
	@echo "making .venv, once" >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@touch $@

# All groups at once, which is quicker than one after the other.
.venv/.ready-dev: .venv/.made pyproject.toml constraints.txt | links
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e . --group dev
	@touch .venv/.ready-demo .venv/.ready-test .venv/.ready-lint .venv/.ready-docs .venv/.ready-build
	@touch $@

# The demo needs the dependencies of the package and nothing else.
.venv/.ready-demo: .venv/.made pyproject.toml constraints.txt | links
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

.venv/.ready-%: .venv/.made pyproject.toml constraints.txt | links
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e . --group $*
	@touch $@

clean:
	rm -rf .venv .venv-clients site dist build
