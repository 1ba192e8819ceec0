# make serve   install what is missing, then open the workbench on this machine
# make test    install what the tests need, then run every check
# make check LAB=rs    the quick checks while one works on a lab: lint, its tests, its contract
#
# Settings: PYTHON=python3.12  PORT=5006  DESKTOP=0 (no napari, no Open3D)  TORCH=cpu|cuda  TORCH_INDEX=ADDRESS
# Plain POSIX make and sh: GNU make, macOS make and BSD make all read it.

PYTHON ?= python3.11 python3.12 python3.13 python3 python
VENV ?= .venv
BIN = $(VENV)/bin
PORT ?= 5006
DESKTOP ?= 1
ARGS ?=
# Processes that run tests side by side.
JOBS ?= 2
# One thread a process: the tests run several at once, and torch threads that compete are slower than one.
QUIET = OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive MLFLOW_DISABLE_TELEMETRY=true
# Numbers as another processor would find them: older vector instructions, another number of threads.
OTHER = ATEN_CPU_CAPABILITY=default OPENBLAS_CORETYPE=Haswell OMP_NUM_THREADS=2 MLFLOW_DISABLE_TELEMETRY=true
NUMERIC = tests/labs tests/toolkit
SETTINGS = tools/jupyterlab/etc/jupyter/labconfig/page_config.d/workbench.json \
	tools/jupyterlab/share/jupyter/lab/settings/overrides.d/workbench.json
SETUP = pyproject.toml setup.py constraints.txt tools/install.py $(SETTINGS)
PANEL = $(BIN)/panel serve workbench/app.py --address localhost --port $(PORT) \
	--allow-websocket-origin localhost:$(PORT) --allow-websocket-origin 127.0.0.1:$(PORT) \
	--websocket-max-message-size 268435456 --keep-alive 15000

.PHONY: serve install test check lint fuzz bench doctor desktop pins clean

serve: $(VENV)/.core
	@test "$(DESKTOP)" = 0 || $(MAKE) $(VENV)/.desktop
	@echo "The workbench is at http://localhost:$(PORT)/app  (Ctrl-C ends it)"
	@show=; if [ "$$(uname)" = Darwin ] || [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then show=--show; fi; \
	exec $(PANEL) $$show $(ARGS)

install: $(VENV)/.core

test: $(VENV)/.dev lint
	@test "$(DESKTOP)" = 0 || $(MAKE) $(VENV)/.desktop
	$(QUIET) $(BIN)/python -m pytest tests $$(ls notebooks/*.ipynb 2>/dev/null) --nbval-lax --nbval-current-env \
		-n $(JOBS) --no-loadscope-reorder $(ARGS)
	$(OTHER) $(BIN)/python -m pytest $(NUMERIC) -m "not slow" -n $(JOBS) $(ARGS)

check: $(VENV)/.dev lint
	@test -n "$(LAB)" || { echo "Which lab? make check LAB=rs" >&2; exit 1; }
	$(QUIET) $(BIN)/python -m pytest tests/labs/$(LAB) tests/contract --lab $(LAB) -n $(JOBS) $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

# Damage small files of every format, many more than `make test` does.
fuzz: $(VENV)/.dev
	FUZZ=20000 $(QUIET) $(BIN)/python -m pytest tests/data/test_fuzz.py -n $(JOBS) --timeout 36000 $(ARGS)

bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[bench]"
	$(QUIET) $(BIN)/python -m pytest benchmarks $(ARGS)

doctor: $(VENV)/.core
	@$(BIN)/workbench doctor $(ARGS)

# Try the desktop viewers again, whatever came of it last time.
desktop: $(VENV)/.core
	@rm -f $(VENV)/.desktop
	@$(MAKE) $(VENV)/.desktop

# Write constraints.txt anew: the newest versions that the ranges in pyproject.toml allow. Run `make test` after it.
pins: $(VENV)/.core
	$(BIN)/python tools/pins.py

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	find workbench widgets tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.venv:
	@for p in $(PYTHON); do \
	  $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	  echo "Making $(VENV) with $$($$p --version)"; $$p -m venv $(VENV) && touch $@ && exit 0; \
	done; \
	echo "Python 3.11 or newer with its venv module was not found." >&2; \
	echo "Debian and Ubuntu: sudo apt-get install python3-venv; macOS: brew install python@3.11." >&2; \
	echo "One that has another name or place: make serve PYTHON=/path/to/python3.11" >&2; \
	exit 1

$(VENV)/.core: $(VENV)/.venv $(SETUP)
	@TORCH="$(TORCH)" TORCH_INDEX="$(TORCH_INDEX)" $(BIN)/python tools/install.py core
	@touch $@

$(VENV)/.dev: $(VENV)/.core apt-test.txt
	@$(BIN)/python tools/install.py dev
	@touch $@

$(VENV)/.desktop: $(VENV)/.core apt.txt
	@$(BIN)/python tools/install.py desktop
	@touch $@
