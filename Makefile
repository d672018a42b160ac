# Needs GNU make and Python 3.11 or later; everything else is installed into .venv and .venv-oldest in this folder.

PYTHON ?= python3
# Processes that share the tests.
JOBS ?= 2
PYTEST_ARGS ?=
# How often `make torture` kills.
KILLS ?= 200
DEMO_ARGS ?=
# Such as `load --case 20k-20ms`; `python -m tests.benchmarks --help` lists all.
BENCH_ARGS ?=

# Both lines of DuckDB that are supported. `constraints.txt` pins everything but this, and with it the newest dlt.
DUCKDB := duckdb==2.0.*
DUCKDB_OLDEST := duckdb==1.5.*

# The oldest dlt that pyproject.toml allows.
DLT_OLDEST := dlt==1.22.0

# Tests that neither DuckDB nor dlt has a part in, or are about processes and answers and not about what these make of
# them: one run of them is enough.
WITHOUT_EITHER := tests/emulator tests/extract tests/records tests/schedules \
	$(addprefix tests/packaging/test_,new_field.py repository.py wheel.py) \
	$(addprefix tests/robustness/test_,network.py odd_inputs.py secrets.py)

VENV := .venv
VENV_OLDEST := .venv-oldest

# The caller's shell must not reach into our environments: an activated virtual environment, modules on a path, packages
# in the home directory or a pip set to install there.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV
export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The suite kills processes and measures memory: two runs of it at once (make -j) would disturb each other.
.NOTPARALLEL:
# A stamp must not outlive the command that failed to finish what it stands for.
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: $(VENV)/.product ## Run a month of daily loads against the API emulator and show what the warehouse answers
	$(VENV)/bin/flexprice-wallets demo $(DEMO_ARGS)

.PHONY: setup
setup: $(VENV)/.dev ## Install the project, editable, with all development tools

.PHONY: check
check: $(VENV)/.dev ## Check format, lint, types and SQL
	$(VENV)/bin/python -m ruff format --check pipelines tests
	$(VENV)/bin/python -m ruff check pipelines tests
	$(VENV)/bin/python -m mypy
	$(VENV)/bin/python -m sqlfluff lint --disable-progress-bar sql

.PHONY: format
format: $(VENV)/.dev ## Format the Python code, and put right what the linter can
	$(VENV)/bin/python -m ruff check --fix-only --quiet pipelines tests
	$(VENV)/bin/python -m ruff format pipelines tests

.PHONY: test
test: test-newest test-oldest ## Run the tests on the newest and on the oldest DuckDB and dlt that are supported

.PHONY: test-newest
test-newest: $(VENV)/.dev ## Run all tests on DuckDB 2.0 and the newest dlt
	$(VENV)/bin/python -m pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

.PHONY: test-oldest
test-oldest: $(VENV_OLDEST)/.test ## Run the tests that these have a part in on DuckDB 1.5 and the oldest dlt
	$(VENV_OLDEST)/bin/python -m pytest -n $(JOBS) --dist worksteal $(WITHOUT_EITHER:%=--ignore=%) $(PYTEST_ARGS)

.PHONY: test-fast
test-fast: $(VENV)/.dev ## Run the tests that take no more than a few seconds each, on DuckDB 2.0
	$(VENV)/bin/python -m pytest -n $(JOBS) --dist worksteal -m 'not slow and not torture and not bi and not replication and not orchestrators and not engines' $(PYTEST_ARGS)

.PHONY: postgres
postgres: ## Install a PostgreSQL server by apt-get, where there is none
	@[ -n "$(POSTGRES)" ] || $(INSTALL_POSTGRES)

.PHONY: test-postgres
test-postgres: $(VENV)/.dev postgres ## Run every view on a PostgreSQL server, load and replicate to it
	$(VENV)/bin/python -m pytest -m 'not torture' -o faulthandler_timeout=2400 tests/views/test_postgres.py \
		tests/replicate tests/snapshot/test_destinations.py tests/benchmarks/test_replication_smoke.py \
		-k 'not delta and not iceberg' $(PYTEST_ARGS)

.PHONY: test-engines
test-engines: $(VENV)/.dev postgres ## Replicate with kills for Spark (Delta) and Trino (Iceberg on S3), compare all views (needs Java 17 and 24, Maven)
	$(VENV)/bin/python -m pytest -n $(JOBS) --dist loadgroup -m engines -o faulthandler_timeout=1800 tests/engines $(PYTEST_ARGS)

.PHONY: test-lakes
test-lakes: $(VENV)/.dev postgres ## Replicate to Delta and Iceberg tables in a folder and on S3, with kills and upkeep
	$(VENV)/bin/python -m pytest -m 'not torture' -o faulthandler_timeout=2400 tests/replicate tests/engines/test_s3.py \
		-k 'delta or iceberg or lake or s3' $(PYTEST_ARGS)

# Debian keeps the server's programs off the path.
POSTGRES = $(shell command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb 2> /dev/null)
define INSTALL_POSTGRES
{ \
	sudo=$$([ "$$(id -u)" = 0 ] || echo 'sudo -n'); \
	command -v apt-get > /dev/null && $$sudo true 2> /dev/null || { \
		echo 'There is no PostgreSQL server here, and installing one takes apt-get and the rights of root:' \
			'install the server (Debian: postgresql) and try again.' >&2; exit 1; }; \
	$$sudo apt-get update && $$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get install --yes --no-install-recommends postgresql; }
endef

.PHONY: bi
bi: $(VENV)/.dev ## Try Apache Superset, JDBC (needs Java and Maven) and dbt on a warehouse
	$(VENV)/bin/python -m pytest -m bi $(PYTEST_ARGS)

.PHONY: orchestrators
orchestrators: $(VENV)/.dev ## Run the recipes for Airflow and Dagster, each with the wheel installed beside it
	$(VENV)/bin/python -m pytest -m orchestrators -o faulthandler_timeout=1800 $(PYTEST_ARGS)

.PHONY: torture
torture: $(VENV)/.dev ## Kill loads at KILLS random instants (200) and compare with an undisturbed twin
	KILLS=$(KILLS) $(VENV)/bin/python -m pytest -m torture -o faulthandler_timeout=2400 $(PYTEST_ARGS)

.PHONY: bench
bench: $(VENV)/.dev ## Measure the load beside other programs, the warehouse and its replicas; writes BENCHMARKS.md
	$(VENV)/bin/python -m tests.benchmarks --install --output BENCHMARKS.md $(BENCH_ARGS)

.PHONY: wheel
wheel: $(VENV)/.dev ## Build the wheel into dist/
	$(VENV)/bin/python -m build --wheel --no-isolation --outdir dist

.PHONY: constraints
constraints: ## Renew constraints.txt with the newest versions that fit pyproject.toml
	$(PYTHON) -m venv --clear .venv-constraints
	.venv-constraints/bin/python -m pip install --quiet --editable '.[dev]'
	sed -n '/^#/p' constraints.txt > .venv-constraints/pins
	.venv-constraints/bin/python -m pip freeze --all --exclude-editable --exclude pip --exclude duckdb \
		>> .venv-constraints/pins
	mv .venv-constraints/pins constraints.txt
	rm -rf .venv-constraints

.PHONY: clean
clean: ## Remove the environments, caches and builds; warehouses stay
	rm -rf .venv .venv-* dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find pipelines tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- Environments: each is a chain of stamps, rebuilt only when what it depends on has changed ---

PYTHON_VERSION := $(shell $(PYTHON) -E -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>&1)
# An editable install names its checkout: a copied or moved folder would go on testing the code of the first one.
IDENTITY := $(CURDIR) Python $(PYTHON_VERSION)
unfit = $(shell [ -x $(1)/bin/python ] && [ "$$(cat $(1)/.created 2>&1)" = "$(IDENTITY)" ] || echo $(1)/.created)
.PHONY: $(foreach venv,$(VENV) $(VENV_OLDEST),$(call unfit,$(venv)))

PACKAGING := pyproject.toml constraints.txt Makefile
install = $(@D)/bin/python -m pip install --quiet --constraint constraints.txt
# Without isolation, so that the build backend is the constrained one too.
install_project = $(install) --no-build-isolation --editable

$(VENV)/.created $(VENV_OLDEST)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Python 3.11 or later is needed, and $(PYTHON) is not that: make PYTHON=python3.12 …' >&2; exit 1; }
	$(PYTHON) -m venv --clear $(@D)
	@echo "$(IDENTITY)" > $@

$(VENV)/.product: $(VENV)/.created $(PACKAGING)
	$(install) hatchling
	$(install_project) . '$(DUCKDB)'
	@touch $@

$(VENV)/.dev: $(VENV)/.product
	$(install_project) '.[dev]' '$(DUCKDB)'
	@touch $@

$(VENV_OLDEST)/.test: $(VENV_OLDEST)/.created $(PACKAGING)
	$(install) hatchling
	$(install_project) '.[test]' '$(DUCKDB_OLDEST)'
	$(@D)/bin/python -m pip install --quiet '$(DLT_OLDEST)'
	@touch $@
