# The one front door. Every verb does its own set-up; only Python 3.11 or newer, git and make are needed before.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

VENV := .venv
BIN := $(VENV)/bin
# The full suite runs on the first of these that runs here; `make test` adds the others of OTHER_PYTHONS.
PYTHONS := 3.11 3.12 3.13 3.14
OTHER_PYTHONS := 3.12 3.13
# What must hold on every Python: the pure suites. The rest talks to servers and takes time, once is enough.
PORTABLE_TESTS := tests/unit tests/contract tests/frames tests/transcripts tests/property

.PHONY: help demo test test-scenarios test-others test-long test-service check bench docs dist catalogs clean install update status uninstall

help: ## what can be done here
	@echo "hems-data-collector: make <verb>"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.run ## the collector on the built-in emulator: a few readings, no hardware
	@$(BIN)/python tools/demo.py

test: $(VENV)/.dev $(VENV)/.pack ## the full suite, then the portable part on the other Pythons that run here
	@$(MAKE) -j 2 test-scenarios test-others $(OTHER_PYTHONS:%=test-on-%)

# The two halves of the full suite, at the same time: neither has use for more than one core.
test-scenarios: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/scenarios
test-others: $(VENV)/.pack
	@$(BIN)/python -m pytest -q --ignore=tests/scenarios

# What `make test` does a hundred times here happens a thousand times, and a month is lived through in small steps.
test-long: $(VENV)/.dev ## the proofs at length: kills, power cuts, a month of outages, the service on a booted system
	@HEMS_TEST_KILLS=1000 HEMS_TEST_STATES=10000 HEMS_TEST_INTERVAL=60 HEMS_TEST_DAMAGED_COPIES=500 \
	    $(BIN)/python -m pytest -q tests/services/test_kill.py tests/services/test_powerloss.py \
	    tests/scenarios/test_outage.py tests/unit/store/test_salvage.py
	@$(MAKE) test-service

# Where it can be: a system is booted from a tree that debootstrap makes (a minute, kept in .cache) and thrown away.
test-service: $(VENV)/.dev
	@if ! tools/can-boot; then echo "The service is not tried on a booted system here."; \
	else HEMS_TEST_NSPAWN=1 $(BIN)/python -m pytest -q tests/services/test_service_nspawn.py; fi

# The portable part on one other Python; says so where that Python is not here, or is the one of the full suite.
test-on-%:
	@if $(BIN)/python -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$*")'; then \
	    echo "Python $*: the full suite ran on it."; \
	elif tools/find-python $* > /dev/null 2>&1; then \
	    $(MAKE) $(VENV)-$*/.dev && echo "Python $*:" && \
	    $(VENV)-$*/bin/python -m pytest -q -p no:cacheprovider $(wildcard $(PORTABLE_TESTS)); \
	else \
	    echo "Python $*: none runs here, its part of the suite is left out."; \
	fi

# The part of the long run that is about the link; what its tests measure is shown.
.PHONY: test-long-link
test-long: test-long-link
test-long-link: $(VENV)/.dev
	@HEMS_TEST_UNPLUGS=500 HEMS_TEST_FAULTS=all HEMS_TEST_FUZZ=1000000 \
	    $(BIN)/python -m pytest -q -s tests/services/test_unplug.py tests/services/test_carriers_recover.py \
	    tests/services/test_momonga_faults.py $(wildcard tests/property/*_fuzz.py)
	@HEMS_TEST_MIXES=1000 HEMS_TEST_DAYS=10 \
	    $(BIN)/python -m pytest -q tests/scenarios/test_fault_mixes.py tests/scenarios/test_ten_days.py

check: $(VENV)/.dev ## style, types, layers, documents, man page
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_layers.py tests/test_docs.py tests/test_docs_ja.py tests/test_share_files.py

bench: $(VENV)/.dev ## measures speed against the emulator and writes docs/performance.md
	@$(BIN)/python -m benchmarks

docs: $(VENV)/.dev ## writes what comes from the code: tables and pictures of documents, man page, completions
	@$(BIN)/python -m tools.doc_tables
	@$(BIN)/python -m tools.data_path
	@$(BIN)/python -m tools.share_files

catalogs: $(VENV)/.dev ## takes new texts for people into the catalogs of translations, and compiles them
	@$(BIN)/python -m tools.catalogs

dist: $(VENV)/.pack ## sdist and wheel into dist/, the same bytes for the same commit
	@tools/dist

# As root by sudo where needed. Flags: make install ARGS='--yes --port emulator:'
install: ## the collector as a service of systemd: asks, installs, starts
	@./service-manager.sh install $(ARGS)

update: ## the version of this folder into the service; goes back where it does not come up
	@./service-manager.sh update $(ARGS)

status: ## how the service and the collector are doing
	@./service-manager.sh status

uninstall: ## removes the service; asks about the readings
	@./service-manager.sh uninstall $(ARGS)

clean: ## removes everything that make has made
	rm -rf $(VENV) $(VENV)-3.* build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .cache

# The program alone, for the demo.
$(VENV)/.run: requirements/run.txt pyproject.toml tools/find-python tools/make-venv
	@tools/make-venv $(VENV) run "$(PYTHONS)"

# The program with every extra that the tests use, and the tools; the same for each Python.
DEV_INPUTS := requirements/dev.txt pyproject.toml tools/find-python tools/make-venv
$(VENV)/.dev: $(DEV_INPUTS)
	@tools/make-venv $(VENV) dev "$(PYTHONS)"
$(VENV)-%/.dev: $(DEV_INPUTS)
	@tools/make-venv $(VENV)-$* dev "$*"

# Beside that, what makes packages and tries them.
$(VENV)/.pack: $(VENV)/.dev requirements/pack.txt
	@echo "Installing requirements/pack.txt into $(VENV) ..."
	@$(BIN)/python -m pip install -qq -r requirements/pack.txt
	@touch $@
