# Every verb of this project. `make` alone prints them.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run demo test lint check bench fuzz soak histories scenarios faults mutants format lock clean

help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: ## start everything here: Postgres, the API, the scheduler; Ctrl-C stops it
	@$(PYTHON) bootstrap.py && exec $(BIN)/caselog up

demo: ## live through twelve disputes in seconds and tell them, on the running Caselog or one of its own
	@$(PYTHON) bootstrap.py && exec $(BIN)/python -m tests.scenarios.demo $(ARGS)

# As many processes as there are cores; tests/sharing.py says which tests stay together and what comes first.
TESTERS := -n auto --maxprocesses=4 --dist=loadgroup --no-loadscope-reorder

# Each of its many processes would compile every module anew where the environment forbids to keep what was compiled.
test: export PYTHONDONTWRITEBYTECODE :=
test: ## run the tests, against a real Postgres they start themselves (ARGS="-n 0 tests/core" for some, in one process)
	@$(PYTHON) bootstrap.py --dev && exec $(BIN)/python -m pytest $(TESTERS) $(ARGS)

lint: ## ruff and mypy, as CI runs them
	@$(PYTHON) bootstrap.py --dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test ## what CI runs

bench: ## measure everything against its floor (ONLY=feed for one; GROWTH=5000000 VERIFY=200000 PEERS=yes)
	@$(PYTHON) bootstrap.py --dev && exec $(BIN)/python -m tests.bench $(ONLY) $(if $(PEERS),--peers) \
		$(if $(GROWTH),--growth $(GROWTH)) $(if $(VERIFY),--verify $(VERIFY)) $(ARGS)

fuzz: ## send the API what its OpenAPI allows and forbids, for long (EXAMPLES=500 for longer)
	@$(PYTHON) bootstrap.py --dev && CASELOG_FUZZ_EXAMPLES=$(or $(EXAMPLES),150) exec $(BIN)/python -m pytest \
		tests/api/test_fuzz.py --timeout=3600 $(ARGS)

soak: ## ten minutes of random disputes under clocks that move: no watermark goes back, none is wrong (MINUTES=2 SEED=6)
	@$(PYTHON) bootstrap.py --dev && exec $(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),10) \
		$(if $(SEED),--seed $(SEED))

histories: ## ask 10,000 generated disputes of every type whatever can be asked (COUNT=2000 for fewer)
	@$(PYTHON) bootstrap.py --dev && CASELOG_HISTORIES=$(or $(COUNT),10000) exec $(BIN)/python -m pytest \
		tests/core/test_histories.py $(ARGS)

scenarios: ## play every scenario of the domain over HTTP, under test clocks, and verify the record (make test plays some)
	@$(PYTHON) bootstrap.py --dev && CASELOG_SCENARIOS=all exec $(BIN)/python -m pytest tests/scenarios/test_performed.py $(ARGS)

faults: ## kill, stop and cut off schedulers, writers and Postgres under load; judge by the events (SEED=1 again)
	@$(PYTHON) bootstrap.py --dev && exec $(BIN)/python -m tests.faults $(if $(SEED),--seed $(SEED)) $(ARGS)

mutants: ## change the rules in 400 small ways, each in a copy, and see which tests notice (ARGS="--count 600 --seed 2")
	@$(PYTHON) bootstrap.py --dev && exec $(BIN)/python -m tests.mutants $(ARGS)

format: ## let ruff mend what it can
	@$(PYTHON) bootstrap.py --dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The flags keep out what belongs to one machine: registry addresses, paths, the command line itself.
LOCKED := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --group build

lock: ## resolve the dependencies anew (needs uv; UPGRADE=--upgrade takes newer releases)
	$(LOCKED) $(UPGRADE) pyproject.toml --output-file requirements.lock
	$(LOCKED) $(UPGRADE) --extra dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock
	$(LOCKED) $(UPGRADE) --extra bench --constraint requirements-dev.lock pyproject.toml \
		--output-file requirements-bench.lock

clean: ## remove .venv and caches; the data in .caselog stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist caselog.egg-info
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
