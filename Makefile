# finetui: make run · make test · make check · make bench · make faults
PYTHON ?= python3
# Two by two: the long tests mostly wait for a child or a model. Threads that spin would take the other one's core.
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check format bench faults help clean

help:
	@echo "make run     open the workbench on the bundled sample (without a terminal: train it and print the scores)"
	@echo "make test    run the tests"
	@echo "make check   format, lint, types and import contracts"
	@echo "make bench   measure the screen and the engine (minutes)"
	@echo "make faults  long fault injection (minutes)"

$(VENV)/.ready-run: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "finetui needs Python 3.11 or newer; name one: make run PYTHON=python3.12" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing finetui into $(VENV) (once; torch takes a few minutes)..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[starter,gpu]'
	@$(BIN)/python -m compileall -q core tui
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready-run
	@echo "Installing what the tests need..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[starter,gpu,dev]'
	@touch $@

run: $(VENV)/.ready-run
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/finetui $(ARGS); else $(BIN)/finetui train sample $(ARGS); fi

test: $(VENV)/.ready-test
	@OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.ready-test
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.ready-test
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.ready-test
	@$(BIN)/python -m tests.benchmarks $(ARGS)

faults: $(VENV)/.ready-test
	@$(BIN)/python -m tests.faults $(ARGS)
	@$(BIN)/python -m pytest -m faults tests/core

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
