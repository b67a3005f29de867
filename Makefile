# Everything there is to remember: install equip check test bench load serve demo docs audit.
# `install` brings what the service runs on, `equip` also what its tests and benchmarks need.
# `make demo DATA=<folder>` runs on real data; PYTHON chooses the interpreter that builds .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EQUIPPED := $(VENV)/.equipped
JAVA := $(VENV)/.java
POSTGRES := $(VENV)/.postgres
REDIS := $(VENV)/.redis
AUDIT := $(VENV)/audit
LOOKED_UP := --progress-spinner off --no-deps --disable-pip
HAS_HEADERS := 'import sysconfig; open(sysconfig.get_path("include") + "/Python.h").close()'
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt

.PHONY: install equip check test bench load serve demo docs audit
.DEFAULT_GOAL := demo

install: $(STAMP)
equip: $(EQUIPPED)

# Installed again only when what is asked for has changed.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Weir needs Python 3.11 or newer; name one with: make install PYTHON=python3.12' >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo 'No virtual environment could be made; on Debian: apt-get install python3-venv' >&2; exit 1; }
	$(INSTALL) -e .
	@touch $@

# One of the benchmarks' peers comes as source alone; the README's story is played with curl.
$(EQUIPPED): $(STAMP)
	@{ g++ --version && curl --version && $(BIN)/python -c $(HAS_HEADERS); } > /dev/null 2>&1 \
		|| { test "$$(id -u)" = 0 && apt-get update && apt-get install -y --no-install-recommends g++ python3-dev curl; } \
		|| { echo 'Tests and benchmarks need a C++ compiler and curl; on Debian: apt-get install g++ python3-dev curl' >&2; exit 1; }
	$(INSTALL) -e '.[test,bench]'
	@touch $@

check: equip
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory docs

test: equip $(JAVA) $(POSTGRES) $(REDIS)
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# The Spark engine is tested on real Spark, which runs on Java.
$(JAVA): | $(EQUIPPED)
	@java -version > /dev/null 2>&1 \
		|| { test "$$(id -u)" = 0 && apt-get update && apt-get install -y --no-install-recommends default-jre-headless; } \
		|| { echo 'The tests of the Spark engine need Java 17; on Debian: apt-get install default-jre-headless' >&2; exit 1; }
	@touch $@

# The grown store is tested on a real server, which the tests start by themselves.
$(POSTGRES): | $(EQUIPPED)
	@ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || command -v initdb > /dev/null \
		|| { test "$$(id -u)" = 0 && apt-get update && apt-get install -y --no-install-recommends postgresql; } \
		|| { echo 'The tests of the grown store need PostgreSQL; on Debian: apt-get install postgresql' >&2; exit 1; }
	@touch $@

# What processes share is tested on real servers too, alone and as a Cluster.
$(REDIS): | $(EQUIPPED)
	@{ command -v redis-server && command -v redis-cli; } > /dev/null \
		|| { test "$$(id -u)" = 0 && apt-get update && apt-get install -y --no-install-recommends redis-server; } \
		|| { echo 'The tests of what processes share need Redis; on Debian: apt-get install redis-server' >&2; exit 1; }
	@touch $@

bench: equip
	$(BIN)/python -m benchmarks

# A server of its own under a rising load, on loopback, then another one with an hour's traffic in minutes: is memory flat?
load: install
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m benchmarks.load --soak

serve: install
	$(BIN)/weir serve

demo: install
	$(BIN)/weir demo $(if $(DATA),--data "$(DATA)")

# The commands in README and docs/ are run, and everything they should mention is looked for.
docs: equip
	@if [ -d tests/docs ]; then $(BIN)/pytest tests/docs; fi

# What is pinned is looked up among known vulnerabilities, with a tool in a virtual environment of its own.
# Ends with 1 when there are any, and with 2, saying so, when nobody could be asked: mirrors often leave the
# vulnerabilities out, so that one release that is known to have some is asked for first.
audit: install
	@test -x $(AUDIT)/bin/pip-audit || { $(BIN)/python -m venv $(AUDIT) \
		&& $(AUDIT)/bin/pip install --quiet --disable-pip-version-check pip-audit; } \
		|| { rm -rf $(AUDIT); echo 'pip-audit could not be installed: is there a network? Nothing was audited.' >&2; exit 2; }
	@echo 'urllib3==1.24.1' > $(AUDIT)/known.txt
	@! $(AUDIT)/bin/pip-audit $(LOOKED_UP) -r $(AUDIT)/known.txt > $(AUDIT)/known.log 2>&1 \
		&& grep -q 'known vulnerabilit' $(AUDIT)/known.log \
		|| { tail -1 $(AUDIT)/known.log >&2; \
		echo 'No list of vulnerabilities answered (no network, or a mirror without them). Nothing was audited.' >&2; exit 2; }
	@$(AUDIT)/bin/pip-audit $(LOOKED_UP) -r constraints.txt --desc on
