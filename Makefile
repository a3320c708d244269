# Every target that needs the environment makes it first: .venv, from requirements.lock.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

EXPERIMENT ?= experiment2
PROFILE ?= smoke
ARGS ?=
# A page that opens an experiment has profiles and stored results; another notebook has neither.
TRAINS = $(shell grep -sl train_missing notebooks/$(EXPERIMENT).md)

INSTALL := $(if $(shell command -v uv),uv pip install --python $(BIN)/python,$(BIN)/python -m pip install --disable-pip-version-check)
# Each core takes files of its own, so that what a file's tests share is made once, and a test has one
# thread; tests/conftest.py orders the files. Not more processes than 8, as each holds PyTorch in memory.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses logical --maxprocesses 8 --dist loadfile \
	--no-loadscope-reorder

# Pages with code are executed once. What they gave is kept, by their code, for the book, for the tests
# that build it, and for nbval; and forgotten when the package, the stored results, the environment or
# the list of pages is another than it was.
OUT ?= .
CACHE := $(CURDIR)/_build/.jupyter_cache
# The longest come early, so that none of them is left for one core at the end.
PAGES := $(shell grep -l "{code-cell}" book/*.md notebooks/*.md | sort -r)
export JUPYTERCACHE := $(CACHE)

NOTEBOOKS := $(sort $(wildcard notebooks/*.ipynb))
SOURCES := $(sort $(wildcard notebooks/*.md))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help book executed test notebooks reproduce bench campaign clean

help: ## this list; the times are those of two idle cores, after 2 min for .venv
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Where pages leave their figures, as vector graphics in two themes, and the data that they draw.
book executed: export INFOVAE_FIGURES = $(CACHE)/figures
# A store of its own for results that are trained although others are there.
reproduce: export INFOVAE_RESULTS := $(if $(FRESH),$(CURDIR)/_build/fresh,$(INFOVAE_RESULTS))

book: executed ## 2 min: run the notebooks and build the pages into _build/html, warnings as errors
	test "$(OUT)" = . || { mkdir -p "$(OUT)/_build" && ln -sfn "$(CACHE)" "$(OUT)/_build/.jupyter_cache"; }
	$(BIN)/jupyter-book build --path-output "$(OUT)" --all --warningiserror --keep-going .

executed: $(INSTALLED)
	@now=$$({ find infovae_core notebooks/results requirements.lock -type f ! -name '*.pyc' \
		! -path '*/weights/*' \
		-exec cksum {} + | sort; $(BIN)/python -VV; env | grep ^INFOVAE_; echo $(PAGES); } | cksum); \
	test "$$(cat "$(CACHE)/of" 2>&1)" = "$$now" || { \
		rm -rf "$(CACHE)" && mkdir -p "$(CACHE)/figures" && echo "$$now" > "$(CACHE)/of"; }
	OMP_NUM_THREADS=1 $(BIN)/python -m infovae_core.report.execute $(PAGES)

test: $(INSTALLED) ## 6 min: lint, type check, tests with coverage, then the notebooks against their outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) --cov --cov-report=term-missing
	$(BIN)/pytest -p tests.replay --nbval --nbval-current-env --nbval-sanitize-with tests/nbval.cfg -W default $(NOTEBOOKS)

notebooks: $(INSTALLED) ## 1 min: write notebooks/*.ipynb anew from their .md twins, outputs included
	$(BIN)/jupytext --to ipynb --update --set-kernel python3 $(SOURCES)
	OMP_NUM_THREADS=1 $(BIN)/python -m infovae_core.report.execute $(SOURCES:.md=.ipynb)

reproduce: $(INSTALLED) ## 1 min (smoke) to hours (cpu): train what is missing, with FRESH=1 all: EXPERIMENT=experiment2 PROFILE=smoke|brief|cpu|paper ARGS="-p seeds 0,1"
	@test -f notebooks/$(EXPERIMENT).ipynb || { echo "No notebook $(EXPERIMENT): choose one of" \
		"$(basename $(notdir $(NOTEBOOKS)))" >&2; exit 2; }
	mkdir -p _build/reproduced
	$(BIN)/papermill --cwd notebooks notebooks/$(EXPERIMENT).ipynb \
		_build/reproduced/$(EXPERIMENT)$(if $(TRAINS),-$(PROFILE)).ipynb \
		$(if $(TRAINS),-p profile $(PROFILE) -p train_missing True) $(ARGS)

bench: $(INSTALLED) ## 10 min: measure what training costs, beside peers and the limit: ARGS="--device cuda"
	$(INSTALL) --no-deps -r requirements-bench.txt || \
		echo "pythae could not be installed: the table will say that it is missing" >&2
	$(BIN)/python -m tests.benchmarks $(ARGS)

campaign: $(INSTALLED) ## 30 min: kill, damage, fill and call wrongly, and store what was lost: ARGS="--seed 1 --count 20"
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign $(ARGS)

clean: ## remove what was built; keep the environment, the results and the weights
	rm -rf _build .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis

# PyTorch comes first and by its version alone, since it has smaller wheels for machines without a GPU
# in other places, which pip may have been told of. All else has the hashes of the lock. The last step
# adds what PyTorch asks for beyond the lock: with PyPI's wheel for Linux, NVIDIA's libraries.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || { \
		echo "Python 3.11 to 3.13 is needed, '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --no-deps "$$(grep -o '^torch==[^ ]*' requirements.lock)"
	$(INSTALL) --require-hashes --no-deps -r requirements.lock
	$(INSTALL) --editable .
	touch $@
