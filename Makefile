# `make run` and `make test` set up a fresh machine first. Needs Python 3.11 to 3.13, and make.
PYTHON ?= python3
BIN := .venv/bin
DONE := .venv/.ready
MINIMUM := .venv-minimum
CODE := src workflow/scripts tests benchmarks tools docs
SNAKEFILES := Snakefile workflow/rules
PARALLEL_PYTEST := OMP_NUM_THREADS=1 pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
RANDOM_INPUTS := tests/data/test_random_inputs.py tests/importers/test_random_tables.py
QUICK_TESTS := $(PARALLEL_PYTEST) --ignore tests/faults --ignore tests/slow
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: run test check minimum lint format setup schema envs dag docs links clean help

run: setup  ## find the best configuration on the sample and print a summary
	snakemake --cores all
	python workflow/scripts/show_summary.py results

test: setup lint  ## format, lint, types, package layers and all quick tests; what CI runs
	$(QUICK_TESTS)

check: test minimum  ## also what takes longer: simulated sweeps, faults, kills, mixed use of the tools
	DRAWS=2000 $(PARALLEL_PYTEST) tests/faults tests/slow $(RANDOM_INPUTS)

minimum: $(MINIMUM)/.ready  ## the quick tests with the lowest versions that pyproject.toml allows
	$(QUICK_TESTS)

lint: setup
	ruff format --check $(CODE)
	ruff check $(CODE)
	mypy
	PYTHONPATH=src lint-imports
	snakefmt --check $(SNAKEFILES)

format: setup  ## format the code and fix what ruff can fix
	ruff format $(CODE)
	ruff check --fix $(CODE)
	snakefmt $(SNAKEFILES)

setup: $(DONE)  ## create the environment (.venv) with the versions of requirements.lock

$(DONE): requirements.lock data/sample-archives.txt envs/segsweep.post-deploy.sh envs/launcher.sh
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	sh envs/segsweep.post-deploy.sh
	touch $(DONE)

minimum $(MINIMUM)/.ready: export PATH := $(CURDIR)/$(MINIMUM)/bin:$(PATH)

$(MINIMUM)/.ready: pyproject.toml tools/minimum_versions.py data/sample-archives.txt envs/launcher.sh
	$(PYTHON) -m venv --clear $(MINIMUM)
	python tools/minimum_versions.py pyproject.toml > $(MINIMUM)/requirements.txt
	python -m pip install --quiet --requirement $(MINIMUM)/requirements.txt
	sh envs/segsweep.post-deploy.sh
	touch $@

schema: setup  ## write the reference of the study's keys and of the commands
	python workflow/scripts/schema.py
	python docs/commands.py

envs: setup  ## write the versions of requirements.lock into the conda environment
	python tools/conda_environment.py requirements.lock envs/segsweep.yaml

dag: setup  ## draw docs/dag.svg (needs Graphviz)
	snakemake --rulegraph | dot -Grankdir=LR -Tsvg > docs/dag.svg

docs: setup  ## build the documents as a site in docs/_build/html; a warning is an error
	python -m sphinx -W --keep-going -n -q docs docs/_build/html

links: setup  ## check the documents' external links (needs a network)
	python -m sphinx -q -b linkcheck docs docs/_build/links

clean:  ## delete data and results; finished trainings stay in the cache (.store)
	rm -rf data/raw data/processed logs
	find results -mindepth 1 ! -name README.md -delete

help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10
