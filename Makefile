# `make run` and `make test` do all that a fresh machine needs. Python 3.11 to 3.13, and make.
PYTHON ?= python3
BIN := .venv/bin
DONE := .venv/.ready
MINIMUM := .venv-minimum
CODE := src workflow/scripts tests benchmarks tools docs
SNAKEFILES := Snakefile workflow/rules
QUICK := OMP_NUM_THREADS=1 pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder \
	--ignore tests/faults --ignore tests/slow
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: run test check minimum lint format setup schema envs dag docs links clean help

run: setup  ## find the best configuration on the sample, and say where to look
	snakemake --cores all
	python workflow/scripts/show_summary.py results

test: setup lint  ## format, lint, types and all quick tests; what CI runs
	$(QUICK)

check: test minimum  ## what takes longer: simulated sweeps, faults, kills, every order of the tools
	pytest tests/slow tests/faults

minimum: $(MINIMUM)/.ready  ## all quick tests with the lowest versions that pyproject.toml allows
	$(QUICK)

lint: setup
	ruff format --check $(CODE)
	ruff check $(CODE)
	mypy
	snakefmt --check $(SNAKEFILES)

format: setup  ## rewrite the code in the house's style
	ruff format $(CODE)
	ruff check --fix $(CODE)
	snakefmt $(SNAKEFILES)

setup: $(DONE)  ## the environment (.venv), exactly as requirements.lock has it

$(DONE): requirements.lock data/sample-archives.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	sh envs/segsweep.post-deploy.sh
	touch $(DONE)

minimum $(MINIMUM)/.ready: export PATH := $(CURDIR)/$(MINIMUM)/bin:$(PATH)

$(MINIMUM)/.ready: pyproject.toml tools/minimum_versions.py data/sample-archives.txt
	$(PYTHON) -m venv --clear $(MINIMUM)
	python tools/minimum_versions.py pyproject.toml > $(MINIMUM)/requirements.txt
	python -m pip install --quiet --requirement $(MINIMUM)/requirements.txt
	sh envs/segsweep.post-deploy.sh
	touch $@

schema: setup  ## write the reference of the study and of the scripts anew
	python workflow/scripts/schema.py
	python docs/scripts.py

envs: setup  ## write the conda environment's pins anew from requirements.lock
	python tools/conda_environment.py requirements.lock envs/segsweep.yaml

dag: setup  ## draw docs/dag.svg (needs Graphviz)
	snakemake --rulegraph | dot -Grankdir=LR -Tsvg > docs/dag.svg

docs: setup  ## the documents as a site, docs/_build/html/index.html; a warning is an error
	python -m sphinx -W --keep-going -n -q docs docs/_build/html

links: setup  ## whether the documents' links to the network lead somewhere (needs one)
	python -m sphinx -q -b linkcheck docs docs/_build/links

clean:  ## remove what can be made again; finished trainings stay in .store
	rm -rf data/raw data/processed logs
	find results -mindepth 1 ! -name README.md -delete

help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10
