# Every command of the project. `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
PY     := $(VENV)/bin/python
LABELS ?=
ROUTES ?=
export HF_HUB_OFFLINE ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-real lint check format bench lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## create the environment (once; again when the lock changes)

$(VENV)/.ready: requirements.lock pyproject.toml
	@echo "Setting up $(VENV) (about 2 GB, a few minutes the first time) …"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install -q --disable-pip-version-check --progress-bar on -r requirements.lock
	@$(PY) -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@
	@echo "Environment ready."

demo: setup ## train, report, serve and route a few requests (LABELS=path ROUTES=path for your own)
	@$(PY) -m service demo $(if $(LABELS),--labels $(LABELS)) $(if $(ROUTES),--routes $(ROUTES))

test: setup ## the fast tests: offline, under 3 minutes
	@OMP_NUM_THREADS=1 $(PY) -m pytest -m "not real" -n 2 --dist loadfile
	@echo "Tests passed. Next: make demo, or make test-real for the tests with real processes."

test-real: setup ## the tests that start real processes
	@$(PY) -m pytest -m real --timeout 600

lint: setup ## format, lint and types
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy router training eval service

check: lint test ## lint and the fast tests: what every commit must pass

format: setup ## format and mend what the linter can mend
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

bench: setup ## measure the figures of eval/FIGURES.md (needs the label sets)
	@$(PY) -m eval bench

lock: setup ## write requirements.lock from the environment
	@$(PY) -m pip freeze --exclude-editable --disable-pip-version-check | grep -v '^tierwise' | sed 's/+cpu$$//' > requirements.lock

clean: ## remove the environment and everything generated
	rm -rf $(VENV) *.egg-info reports $(filter-out models/README.md models/verifier,$(wildcard models/*)) mlruns/[!R]* .mypy_cache .ruff_cache .hypothesis
