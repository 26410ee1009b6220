# make book    install, execute, build the site: _build/html/index.html
# make test    everything that CI checks
# make help    the other targets
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
# Where Linux finds PyTorch without CUDA; empty: pip's own index.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

BIN := $(VENV)/bin
READY := $(VENV)/.ready
SITE := _build/html
# One thread for each worker: two workers with two threads each wait for each other.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal
BUILT = --ignore tests/site --ignore tests/colab
NOTEBOOKS = $(filter-out %.draft.md,$(shell grep -ls '^kernelspec:' *.md book/*.md lectures/*.md))

.PHONY: help book execute notebooks check unit lint test compare site-test \
  colab-test serve bundle pdf instructor release nbgrader-test experiments bench clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt src/dgm/course/install.py
	@$(PYTHON) src/dgm/course/install.py --venv "$(VENV)" --torch-index "$(TORCH_INDEX)"

book: execute ## execute what changed, build the site
	@# After a build that failed or was broken off, Sphinx would not read its pages again.
	@test -e _build/.whole || rm -rf _build/.doctrees
	@rm -f _build/.whole
	$(BIN)/jupyter-book build -q -W -n --keep-going .
	@touch _build/.whole
	@echo "Read it: $(SITE)/index.html"

execute: $(READY)
	$(BIN)/dgm execute -j $(JOBS)

notebooks: book ## what Colab opens: clean .ipynb, and the package as a wheel
	$(BIN)/dgm notebooks

bundle: book ## one archive for readers without a network; with the PDF, if there is one
	$(BIN)/dgm bundle

pdf: book ## the whole book on paper; needs Chromium
	$(BIN)/dgm pdf

instructor: execute ## the instructor's edition: _build/instructor/html/index.html
	$(BIN)/dgm instructor

check: lint ## the fast part of the tests
	$(PYTEST) -m "not slow" tests $(BUILT)

lint: $(READY) ## style, types, layers
	$(BIN)/ruff check -q src tests book benchmarks
	$(BIN)/ruff format -q --check src tests book benchmarks
	$(BIN)/python tests/lint_lectures.py $(NOTEBOOKS)
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-logo

unit: $(READY) ## tests of the package, of the lectures' definitions, of the tools
	$(PYTEST) tests $(BUILT)

# In one session, so that one worker reads pages while the other installs for Colab.
test: lint unit compare notebooks ## everything CI checks
	TORCH_INDEX="$(TORCH_INDEX)" $(PYTEST) tests/colab tests/site
	$(BIN)/dgm experiments --check
	$(BIN)/dgm release --check

compare: book ## execute every notebook once more, compare with the book
	$(BIN)/python -m pytest -q -o addopts= -p tests.plugins.nbval_book --nbval \
	  --nbval-cell-timeout 300 -n $(JOBS) --dist loadfile $(NOTEBOOKS)

site-test: book ## the built site in a browser
	$(PYTEST) tests/site

colab-test: notebooks ## the notebooks where there is only what Colab ships
	TORCH_INDEX="$(TORCH_INDEX)" $(PYTEST) --dist load --maxschedchunk 1 tests/colab

serve: book ## read the book on http://127.0.0.1:8000
	$(BIN)/python -m http.server -b 127.0.0.1 -d $(SITE) 8000

release: $(READY) ## problem sets for students: solutions/ -> exercises/
	$(BIN)/dgm release

nbgrader-test: $(READY) ## optional: stock nbgrader reads every master as we do
	$(PYTHON) -m venv _build/nbgrader
	_build/nbgrader/bin/pip install -q --constraint constraints.txt \
	  --extra-index-url "$(TORCH_INDEX)" -e '.[book,test,grade]' nbgrader
	_build/nbgrader/bin/python -m pytest -q tests/grading/test_nbgrader.py

experiments: $(READY) ## record experiments; NAME=slug/function for one
	$(BIN)/dgm experiments -j $(JOBS) $(NAME)

bench: $(READY) ## measure the budgets
	$(BIN)/dgm bench

clean: ## remove what was built; the environment stays
	rm -rf _build
