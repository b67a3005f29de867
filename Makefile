# Everything there is to remember: install check test bench serve demo docs.
# `make demo DATA=<folder>` runs on real data; PYTHON chooses the interpreter that builds .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JAVA := $(VENV)/.java

.PHONY: install check test bench serve demo docs
.DEFAULT_GOAL := demo

install: $(STAMP)

# Installed again only when what is asked for has changed.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Weir needs Python 3.11 or newer; name one with: make install PYTHON=python3.12' >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo 'No virtual environment could be made; on Debian: apt-get install python3-venv' >&2; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[test,bench]'
	@touch $@

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory docs

test: install $(JAVA)
	$(BIN)/pytest

# The Spark engine is tested on real Spark, which runs on Java.
$(JAVA): | $(STAMP)
	@java -version > /dev/null 2>&1 \
		|| { test "$$(id -u)" = 0 && apt-get update && apt-get install -y --no-install-recommends default-jre-headless; } \
		|| { echo 'The tests of the Spark engine need Java 17; on Debian: apt-get install default-jre-headless' >&2; exit 1; }
	@touch $@

bench: install
	$(BIN)/python -m benchmarks

serve: install
	$(BIN)/weir serve

demo: install
	$(BIN)/weir demo $(if $(DATA),--data "$(DATA)")

# The commands in README and docs/ are run, and everything they should mention is looked for.
docs: install
	@if [ -d tests/docs ]; then $(BIN)/pytest tests/docs; fi
