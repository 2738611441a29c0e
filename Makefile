# What a person does with a clone. Needs GNU make, a POSIX shell and Python 3.11 or newer; nothing else.
# Every path is relative, so the clone may live in a folder whose name has spaces.
#
#   make demo        run the order service; tables, pictures and the executed tour in build/demo/
#   make test        everything CI runs            (ARGS="--only unit" for one part, ARGS=--list for their names)
#   make lab         JupyterLab on the tutorials
#   make check       ruff and mypy
#   make notebooks   run the notebooks, tell what changed, store it   (ARGS=--diff stores nothing;
#                    a number that changed needs REASON="why": it becomes a line of CHANGELOG.md)
#   make docs        the site, in build/docs/html/: every warning an error, every link checked, offline
#   make break       break one rule at a time: does the test named for it fail?
#   make class       the notebooks without their answers, in build/class/
#   make gallery     every picture in build/gallery/: telling, empty, of one row and of a million
#   make bench       benchmarks, side by side with SimPy and SimFaaS
#   make soak        property tests with many more examples, and 10,000 random labs
#   make clean       remove what the above made
#
# PYTHON=/path/to/python chooses the Python that makes .venv; ARGS goes to the tool behind the target.

SHELL := /bin/sh
PYTHON ?=
ARGS ?=

run := .venv/bin/python
pip := $(run) -m pip install --quiet --quiet --disable-pip-version-check
candidates := python3 python3.14 python3.13 python3.12 python3.11 python

.PHONY: help demo test lab check notebooks docs break gallery bench soak class clean

help:
	@sed -n 's/^#   \(make [a-z]*  *.*\)/\1/p' Makefile

demo: .venv/.demo
	$(run) -m lambdalab demo build/demo $(ARGS)

test: .venv/.dev
	$(run) tools/run_tests.py $(ARGS)

check: .venv/.dev
	$(run) tools/run_tests.py --only check $(ARGS)

notebooks: .venv/.dev
	$(run) tools/check_notebooks.py --update --reason "$$REASON" $(ARGS)

docs: .venv/.docs
	$(run) tools/make_docs.py $(ARGS)

break: .venv/.dev
	$(run) tools/break.py $(ARGS)

soak: .venv/.dev
	$(run) -m pytest tests -m hypothesis --hypothesis-profile=soak --timeout=0 $(ARGS)
	POSITIONS=300 $(run) -m pytest tests/widgets/test_positions.py --timeout=0
	$(run) -m tests.world --n 10000 --seed "$$(date +%s)"

lab: .venv/.lab
	$(run) -m jupyterlab --ServerApp.root_dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS)

class: .venv/.demo
	$(run) tools/class_copies.py $(ARGS)

gallery: .venv/.demo
	$(run) tools/make_gallery.py build/gallery $(ARGS)

bench: .venv/.bench
	$(run) -m benchmarks $(ARGS)

clean:
	rm -rf build .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis lambdalab.egg-info

# One stamp for each set of packages, renewed when pyproject.toml changes.

.venv/.demo: pyproject.toml | .venv/bin/python
	@echo "installing lambdalab and what runs a notebook"
	@$(pip) -e . ipykernel nbclient nbconvert
	@touch $@

.venv/.lab .venv/.bench .venv/.docs .venv/.dev: .venv/.%: pyproject.toml | .venv/bin/python
	@echo "installing lambdalab[$*]"
	@$(pip) -e ".[$*]"
	@touch $@

.venv/bin/python:
	@for candidate in $(if $(PYTHON),"$(PYTHON)",$(candidates)); do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "making .venv with $$candidate ($$("$$candidate" -V))"; \
	    "$$candidate" -m venv .venv && exit 0; \
	    rm -rf .venv; exit 1; \
	  fi; \
	done; \
	echo "lambdalab needs Python 3.11 or newer with its venv module; tried:" $(if $(PYTHON),"$(PYTHON)",$(candidates)) >&2; \
	echo "name one: make PYTHON=/path/to/python $(or $(MAKECMDGOALS),demo)" >&2; \
	exit 1
