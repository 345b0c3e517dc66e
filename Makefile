# `make demo` and `make test` need a fresh clone, Python 3.11 or newer, GNU make and a POSIX shell; nothing else.

.DEFAULT_GOAL := help
.PHONY: help demo test prove lint clean python

# Tried in this order; the first one is taken that runs (a pyenv shim may not), is new enough and can build environments.
CANDIDATES = python3 python3.13 python3.12 python3.11 python3.14 python "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[1-9]*/bin/python

# Prints the interpreter's real path, or one line about what to do.
FIND_PYTHON = \
	for candidate in $(if $(PYTHON),"$(PYTHON)",$(CANDIDATES)); do \
		"$$candidate" -c 'import sys, ensurepip, venv; sys.exit(print(sys.executable) if sys.version_info >= (3, 11) else 1)' \
			2>/dev/null && exit; \
	done; \
	echo "make: $(if $(PYTHON),$(PYTHON) is no,found no) Python 3.11 or newer with the modules venv and ensurepip" \
		"(Debian and Ubuntu: apt install python3-venv); name one with PYTHON=/path/to/python3.12" >&2; \
	exit 1

# A finished environment notes where it was built and with which PYTHON=. In a moved folder it has to be built again.
ENVIRONMENTS = .venv .venv-test .venv-prove .venv-dev
STALE := $(shell for env in $(ENVIRONMENTS); do \
	{ [ -x $$env/bin/python ] && read -r folder && [ "$$folder" = "$(CURDIR)" ] && \
		read -r python && [ "$${python:-none}" = "$(or $(PYTHON),$${python:-none})" ]; } \
		2>/dev/null < $$env/finished || echo $$env/finished; \
	done 2>/dev/null)
.PHONY: $(STALE)

.venv/finished: EXTRAS =
.venv-test/finished: EXTRAS = [test]
.venv-prove/finished: EXTRAS = [prove]
.venv-dev/finished: EXTRAS = [dev]

$(ENVIRONMENTS:=/finished): setup.cfg pyproject.toml
	@python=$$($(FIND_PYTHON)) || exit 1; \
	echo "==> building the environment $(@D) with $$("$$python" -V), once; this takes about half a minute"; \
	"$$python" -m venv --clear $(@D) && \
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.$(EXTRAS)' && \
	printf '%s\n' "$(CURDIR)" "$(PYTHON)" > $@

help: ## Say what can be made.
	@echo 'make demo     two SQLite databases that behave like one: settings_examples/simple, migrated and used'
	@echo 'make test     the whole test suite; ARGS="-k router -x" goes to pytest'
	@echo 'make prove    the property tests with new seeds, for MINUTES=10; then migrations against Django, in full'
	@echo 'make lint     ruff check, ruff format --check, mypy'
	@echo 'make clean    removes environments, caches and the databases of the examples'
	@echo
	@echo 'Each builds the environment that it needs (.venv, .venv-test, .venv-prove, .venv-dev) when it runs for the first time, and'
	@echo 'again when setup.cfg has changed. PYTHON=/path/to/python3.12 chooses the interpreter.'

demo: .venv/finished ## Show one project on two databases.
	@.venv/bin/python settings_examples/demo.py

test: .venv-test/finished ## Run all tests.
	@echo '==> running the tests with '"$$(.venv-test/bin/python -V)"': python -m pytest $(ARGS)'
	@.venv-test/bin/python -m pytest $(ARGS)

MINUTES ?= 10
prove: .venv-prove/finished ## Run the property tests with other seeds, for MINUTES, and all trials of migrations.
	@echo '==> running the property tests with new seeds for $(MINUTES) minutes; the first finding ends it'
	@.venv-prove/bin/python -m tests.prove --minutes $(MINUTES)
	@echo '==> comparing migrate_all with migrate --database X on SQLite, PostgreSQL and MariaDB; about half an hour'
	@.venv-prove/bin/python -m tests.lockstep.prove --write $(ARGS)

lint: .venv-dev/finished ## Check style and types.
	@echo '==> ruff check'
	@.venv-dev/bin/python -m ruff check .
	@echo '==> ruff format --check'
	@.venv-dev/bin/python -m ruff format --check .
	@echo '==> mypy'
	@.venv-dev/bin/python -m mypy

python: ## Print the interpreter that environments are built with.
	@$(FIND_PYTHON)

clean: ## Remove what the other targets made.
	rm -rf $(ENVIRONMENTS) .work build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	rm -f settings_examples/*/db/*.sqlite3
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
