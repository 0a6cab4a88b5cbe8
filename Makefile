# Two commands for a fresh machine: `make demo` and `make test`. Both need Python 3.11 or newer, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Debian packages that tests use as real peers; without them those tests are skipped with a reason.
PEERS := orthanc orthanc-dicomweb dcmtk strace openssl
export DO_NOT_TRACK = 1

.PHONY: demo test up check bench format peers

demo: $(VENV)/installed
	$(BIN)/vetflow demo

up: $(VENV)/installed
	$(BIN)/vetflow keys make
	$(BIN)/vetflow up

test: $(VENV)/installed peers
	$(BIN)/python -m pytest

bench: $(VENV)/installed peers
	$(BIN)/vetflow bench

check: $(VENV)/installed
	$(BIN)/ruff check src tests conftest.py
	$(BIN)/ruff format --check src tests conftest.py
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache

format: $(VENV)/installed
	$(BIN)/ruff check --fix src tests conftest.py
	$(BIN)/ruff format src tests conftest.py

# dm_control is wanted for its bone meshes only: its own dependencies (a physics engine, OpenGL) are left out.
$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[demo,dev]'
	$(PIP) --no-deps dm_control
	touch $@

peers:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  missing=; for package in $(PEERS); do dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done; \
	  if [ -n "$$missing" ]; then \
	    apt-get update -qq; \
	    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $$missing; \
	  fi; \
	fi
