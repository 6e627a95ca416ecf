# make run    serves the app                make check     formats, lints, type-checks, runs the fast tests
# make test   runs all but long tests       make test-all  runs every test, some of which take minutes
# make help   says this

PYTHON ?= python3
PORT ?= 8501
VENV := .venv
FIND_BROWSER := for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	command -v $$name && break; done >/dev/null

.DELETE_ON_ERROR:
.PHONY: help run test test-all check browser

help:
	@sed -n '/^#/!q; s/^# //p' Makefile

run: $(VENV)/.run
	$(VENV)/bin/streamlit run app.py --server.port $(PORT)

# Without a browser the browser tests can't run: an error where CI is set, a sentence elsewhere. They have the machine to
# themselves, since they wait for what moves.
test: $(VENV)/.dev browser
	$(VENV)/bin/python -m pytest -n auto -m "not e2e and not long"
	@if $(FIND_BROWSER); then \
		$(VENV)/bin/python -m pytest -m "e2e and not long"; \
	else \
		echo "The browser tests (e2e) were left out, because there is no Chromium."; \
	fi

test-all: test
	$(VENV)/bin/python -m pytest -n auto -m "long and not e2e"
	$(VENV)/bin/python -m pytest -m "long and e2e"

check: $(VENV)/.dev
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -n auto -m "not e2e and not slow and not long"

# Installs Debian's Chromium when there is no browser and we are root or may be (sudo asks for no password).
browser:
	@$(FIND_BROWSER) && exit 0; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi; \
	if command -v apt-get >/dev/null && $$sudo true 2>/dev/null; then \
		$$sudo apt-get update -q && $$sudo apt-get install -q -y --no-install-recommends chromium; \
	fi; \
	$(FIND_BROWSER) && exit 0; \
	echo "Expected a Chromium or Chrome for the browser tests, but found none and could not install it" \
	     "(as root: apt-get install chromium)."; \
	[ -z "$$CI" ]

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Expected Python 3.11 or newer, but '$(PYTHON)' is not: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Expected Python's venv module, but '$(PYTHON)' has none (Debian: apt-get install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install -q -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install -q -r requirements-dev.txt
	@touch $@
