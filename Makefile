# make run: install, fetch the default model, start the app.
# make test: install, run the tests, fast ones first and with their coverage.   make test-fast: those alone.
# make test-browser: the app, in a real browser.   make test-long: what takes long and shorter tests show in part.
# make lint: what a commit must pass.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
CHECK_PYTHON := import sys; v = sys.version_info[:2]; \
	sys.exit(None if (3, 11) <= v <= (3, 13) else f"Python 3.11 to 3.13 is needed, not {v[0]}.{v[1]}. Try: make PYTHON=python3.11")

# $(call system,TEST,PACKAGES): where TEST fails, install Debian packages if we may, else say how.
system = { $(1); } >/dev/null 2>&1 || { \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(2); \
	else echo "System packages are missing. Run: sudo apt-get install $(2)" >&2; exit 1; fi; }

# Two processes of one thread each do more than one of two; the tests of a file stay together, as what they share does.
SIDE_BY_SIDE := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile
BROWSER := tests/e2e
NODE_18 := node -e "process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)"

.PHONY: run test test-fast test-browser test-long fuzz lint install install-test model clean

run: model
	$(BIN)/python -m streamlit run app.py

test: install-test model
	@$(call system,$(NODE_18),nodejs)
	node --test tests/frontend/*.test.js
	$(SIDE_BY_SIDE) -m "not slow and not alone and not long" --cov
	$(SIDE_BY_SIDE) -m "slow and not alone and not long" --ignore $(BROWSER)
	$(BIN)/python -m pytest -m alone --ignore $(BROWSER)
	@$(BIN)/coverage report --sort=cover | awk '/^TOTAL/ || $$NF + 0 < 80'

test-fast: install-test model
	$(SIDE_BY_SIDE) -m "not slow and not alone and not long"

test-browser: install-test model
	$(SIDE_BY_SIDE) $(BROWSER) -m "not alone and not long"
	$(BIN)/python -m pytest $(BROWSER) -m alone

test-long: install-test model
	$(SIDE_BY_SIDE) -m long

fuzz: install-test
	XSSAB_FUZZ_ROUNDS=20000 $(SIDE_BY_SIDE) tests/test_hand_made_files.py tests/benchmark/test_format.py -k mutated

lint: install-test node_modules/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile
	node_modules/.bin/tsc

model: install
	$(BIN)/python -m xssab_core models fetch sface

install: $(VENV)/.installed

install-test: $(VENV)/.installed-test

$(VENV)/.installed: requirements.txt
	$(PYTHON) -c '$(CHECK_PYTHON)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.txt
	@$(call system,$(BIN)/python -c "import cv2",libgl1 libglib2.0-0)
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed tests/requirements.txt
	$(PIP) -r tests/requirements.txt
	@$(call system,command -v chromium && command -v nginx,chromium nginx-light)
	@touch $@

node_modules/.installed: package.json
	@$(call system,$(NODE_18) && command -v npm,nodejs npm)
	npm install --no-package-lock --no-audit --no-fund --silent
	@touch $@

clean:
	rm -rf $(VENV) node_modules
