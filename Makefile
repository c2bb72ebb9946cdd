# The targets work from a fresh clone; each makes ready what it needs. Variables: ARGS is handed on, PYTEST_WORKERS.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format bench docs shell clean

ENV := source perception_ws/env.sh &&
PYTEST_WORKERS ?= auto
# These talk over DDS and have deadlines: one at a time, or they measure each other. Each folder is a run of its own, in
# a ROS domain of its own: what one leaves in the graph for a moment is company that a demo refuses.
LIVE := $(wildcard tests/nodes tests/system tests/faults)
SOURCES := perception_ws/src perception_ws/training perception_ws/stubs perception_ws/underlay tests $(wildcard launch)

help: ## what there is
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## ROS 2 Jazzy, Python packages, build
	@perception_ws/setup.sh

demo: setup ## a simulated drive through the running nodes; report in out/demo
	@$(ENV) perception demo $(ARGS)

test: setup ## all tests: quick ones in parallel, then those with running nodes
	@$(ENV) status=0; \
	python -m pytest -n $(PYTEST_WORKERS) --dist loadfile $(LIVE:%=--ignore=%) tests $(ARGS) || [ $$? -eq 5 ] || status=1; \
	for folder in $(LIVE); do python -m pytest $$folder $(ARGS) || [ $$? -eq 5 ] || status=1; done; \
	exit $$status

lint: setup ## ruff, mypy, our use of TensorRT against its own signatures, shell syntax
	@$(ENV) status=0; \
	ruff check $(SOURCES) || status=1; \
	ruff format --check $(SOURCES) || status=1; \
	mypy || status=1; \
	python perception_ws/stubs/check_tensorrt.py || status=1; \
	for script in perception_ws/*.sh docker/*.sh .ci/run; do bash -n "$$script" || status=1; done; \
	exit $$status

format: setup ## what ruff can mend by itself
	@$(ENV) ruff check --fix $(SOURCES); ruff format $(SOURCES)

bench: ## speed and quality beside the peers: Open3D, PCL (apt: pcl-tools), Patchwork++, scikit-learn, norfair, AB3DMOT
	@PERCEPTION_PEERS=1 perception_ws/setup.sh
	@$(ENV) perception bench $(ARGS)

docs: setup ## params/README.md, the table of all parameters
	@$(ENV) python -m perception_tools.parameter_docs > params/README.md

shell: setup ## a shell with everything sourced
	@exec bash --rcfile <(cat ~/.bashrc 2>/dev/null; echo 'source "$(CURDIR)/perception_ws/env.sh"') -i

clean: ## build trees and what the commands wrote; the installed ROS and Python packages stay
	rm -rf perception_ws/build perception_ws/install perception_ws/log perception_ws/.ros/*.ok out \
	  .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find perception_ws/src tests launch -name __pycache__ -prune -exec rm -rf {} +
