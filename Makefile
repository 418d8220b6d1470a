# make demo | make test are all a fresh machine needs; everything they want they install into .venv.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .setup
FLOORS := agents envs harness trajectories training
FAST := -m "not slow and not gpu and not network"

.PHONY: demo test test-slow check format system docs clean help

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not on PATH; install Python 3.11 or call make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/core: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[demo]'
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/all: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints.txt 'torch'
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[all,dev]'
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/core

system: ## install the system parts (Java, bubblewrap, ...) where this machine allows it, and name what is missing
	@bash .ci/system $(PARTS)

demo: $(STAMPS)/core ## set up the core and run the main job on the bundled worlds
	@PARTS=java; bash .ci/system $$PARTS
	$(BIN)/agentbank demo --out runs/demo

test: $(STAMPS)/all system ## set everything up and run the tests that a person would wait for
	$(BIN)/python -m pytest $(FAST) $(ARGS)

test-slow: $(STAMPS)/all system ## the tests that take longer
	$(BIN)/python -m pytest -m "slow and not gpu and not network" $(ARGS)

check: $(STAMPS)/all ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# By a link named as the package, since a checkout's own folder may have a name that no package can have.
	@mkdir -p $(STAMPS)/types && ln -sfn ../.. $(STAMPS)/types/agentbank
	cd $(STAMPS)/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml $(FLOORS:%=agentbank/%)

format: $(STAMPS)/all ## put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(BIN)/python ## build the pages into site/
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[docs]'
	$(BIN)/mkdocs build -q -f .ci/mkdocs.yml

clean: ## remove what the targets above made
	rm -rf $(VENV) $(STAMPS) build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache
