# One command for each job. `make demo`, `make up` and `make test` do all of their set-up: Python 3.11+ is enough.
ENV ?= dev
SAY ?=
SAMPLE ?=
KEEP ?=
PART ?=
RUN ?=
THREAD ?=
DAY ?=
LOCAL_PORT ?=
PYTHON ?=

# What is given here is data, and may come from a stranger: commands get it through their environment, never as a part of
# their text. `value` takes it as it is, so that a $(shell ...) in it is no more than these letters.
GIVEN := ENV SAY SAMPLE KEEP PART RUN THREAD DAY YES LOCAL_PORT PYTHON
ENV_IS_GIVEN := $(findstring command,$(origin ENV))
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)
# Several words, each an argument of its own, without the shell's patterns.
WORDS := set -f;

VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Without byte code in the virtual environment, every synth compiles the CDK again.
unexport PYTHONDONTWRITEBYTECODE
# Without a home to write to, what uv, npm and the CDK keep there is kept here.
ifneq ($(shell test -d "$$HOME" && test -w "$$HOME" && echo ok),ok)
export HOME := $(CURDIR)/.build/home
$(shell mkdir -p "$(HOME)")
endif

.PHONY: help setup up dev down clean chat demo watch report usage budget export republish test check lint collect browser \
	soak format verify bench docs layers synth deploy destroy lock

help:
	@echo "make demo [SAMPLE=...]   deploy to the embedded AWS and watch an assistant at work"
	@echo "make up | down [KEEP=1]  the local stack, for your own programs: see .local/env"
	@echo "make dev                 the local stack, which serves your tools as you save them"
	@echo "make chat                talk to an assistant in the terminal"
	@echo "make watch | report [RUN=run_...] [THREAD=...] [ENV=dev]   a run, or the last one, in the terminal or as an HTML file"
	@echo "make test | check        the tests; with linters and types"
	@echo "make soak                hundreds of runs at once with every kind of fault"
	@echo "make deploy ENV=dev      deploy to your AWS account; make verify ENV=dev tries it there"
	@echo "make destroy ENV=dev     delete an environment that does not keep its data; asks first"
	@echo "make usage | budget | export [ENV=dev] [SAY=...]   what was used; what may be used; usage and text as files"
	@echo "make republish [ENV=dev] publish again the events that were given up"
	@echo "$(ASSISTANTS) --help     these and more commands for operators: keys, lists of runs, logs"
	@echo "make bench | docs | layers | synth | lock | format"
	@echo "make clean               remove what was downloaded and made in this folder"

setup:
	@scripts/set_up.sh

dev: setup
	@$(BIN)/python -m local.dev

up: setup
	@$(BIN)/python -m local.up $(if $(KEEP),--keep)

# Without a set-up, even a broken one: it needs nothing but a Python. What runs has written down that it does.
down:
	@if ls .local/*.json >/dev/null 2>&1; then \
		$$(test -x $(BIN)/python && echo $(BIN)/python || echo python3) -m local.down $(if $(KEEP),--keep); \
	else echo "Nothing is running."; fi

# Everything that was downloaded and made here, with what the local stack holds. `.env` stays.
clean: down
	@if test -d .local; then chmod -R u+w .local; fi # A stack that was killed leaves folders that are read-only.
	@rm -rf .venv node_modules .build .local cdk.out build *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A conversation in the terminal with an assistant of the local stack, or of the one that ENV names.
chat: setup
	@$(WORDS) $(ASSISTANTS) chat $$SAY $(WHERE)

demo: setup
	@$(BIN)/python -m local.demo $${SAMPLE:+"$$SAMPLE"}

# The local stack, or the one in your account that ENV names. Without RUN, the last one is meant. SAY is more of the
# command: `python -m assistants --help`.
ASSISTANTS := $(BIN)/python -m assistants
WHERE := $(if $(ENV_IS_GIVEN),"--env=$$ENV")

watch report: setup
	@if test -n "$$RUN"; then $(ASSISTANTS) runs $@ $${THREAD:+"--thread=$$THREAD"} $(WHERE) -- "$$RUN"; \
	else $(ASSISTANTS) runs $@ --last $(WHERE); fi

usage budget export: setup
	@$(WORDS) $(ASSISTANTS) $@ $$SAY $${DAY:+"--day=$$DAY"} $(WHERE)

republish: setup
	@$(ASSISTANTS) events republish $(WHERE)

# Two processes with a stack of their own, whose tests often wait, and one for the tests that need none.
PYTEST := $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

test: setup layers
	@$(PYTEST)

# Types and the rest take a core each, side by side. With the pages in a browser where Debian's chromium is.
check: setup
	@$(MAKE) --no-print-directory --jobs=2 lint layers collect
	@if test -x /usr/bin/chromium; then $(PYTEST) -m "not soak"; \
	else $(PYTEST); echo "Without /usr/bin/chromium, the pages were not tried in a browser."; fi

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

# Imports all tests once: processes that begin together would each compile all of it. Errors are for the tests to tell.
collect: setup
	@$(BIN)/python -m pytest --collect-only >/dev/null 2>&1 || true

# The pages alone, with the long lists scrolled whole; needs Debian's chromium.
browser: setup layers
	@$(BIN)/python -m pytest -m browser tests/contract tests/e2e tests/faults

# Hundreds of runs with every kind of fault; SOAK_SEED=... draws the same faults again.
soak: setup layers
	@$(BIN)/python -m pytest -m "soak or session" -s tests/e2e tests/faults tests/session

format: setup
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

# Tests and probes against a stack in your AWS account, with its own model; says first what that costs, less than a
# dollar, and asks. YES=1 doesn't ask.
verify: setup
	@PYTHONPATH=layers/engine $(BIN)/python -m verify "--env=$$ENV" $(if $(YES),--yes)

# Costs, speed and sizes; makes the tables and plots of docs/performance.md. PART="costs growth" measures these alone.
bench: setup layers
	@$(WORDS) $(BIN)/python -m bench $$PART

# What is made from the code and committed: the API's description and its page, the diagrams of docs/architecture.md, the
# pictures of the console (all of them are in .build/pictures, to be looked at).
# The picture of the demo is made by a run of it: python -m scripts.demo_picture.
docs: setup
	@PYTHONPATH=layers/engine:lambdas/api $(BIN)/python -m scripts.openapi
	@$(BIN)/python -m scripts.system_calls
	@PYTHONPATH=layers/engine $(BIN)/python -m scripts.rooms
	@$(BIN)/python -m scripts.settings
	@PYTHONPATH=layers/engine $(BIN)/python -m scripts.console_pictures

layers: setup
	@$(BIN)/python -m layers.build --target lambda
	@$(BIN)/python -m layers.build --target host

synth: setup
	@node_modules/.bin/cdk synth --quiet -c "env=$$ENV"

# SAY="-c model=..." changes the configuration. A stack that is new takes over what an earlier one left.
deploy: setup
	@$(WORDS) $(BIN)/python -m scripts.before_deploy "--env=$$ENV" $$SAY
	@$(WORDS) node_modules/.bin/cdk deploy -c "env=$$ENV" $$SAY

# Deletes an environment that does not keep its data; asks first.
destroy: setup
	@$(BIN)/python -m scripts.destroy "--env=$$ENV"

# Resolves every lock anew from its .in file.
LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock"
lock: setup
	@$(LOCK) requirements.in --output-file requirements.txt
	@$(LOCK) local/requirements.in --output-file local/requirements.txt
	@for folder in layers/graphql layers/openai layers/parsers layers/powertools layers/python_data layers/speech \
		layers/standardwebhooks \
		$(patsubst %/requirements.in,%,$(wildcard lambdas/tools/*/requirements.in)); do \
		$(LOCK) $$folder/requirements.in --output-file $$folder/requirements.txt; done
	@$(LOCK) layers/compiler/ziglang.in --output-file layers/compiler/ziglang.txt
	@for folder in layers/libraries/*; do \
		$(LOCK) --no-deps $$folder/requirements.in --output-file $$folder/requirements.txt; done
	@for name in openai_1_21 semantic_kernel; do \
		$(LOCK) tests/clients/$$name.in --output-file tests/clients/$$name.txt; done
	@for folder in . layers/compiler tests/clients; do \
		(cd $$folder && "$(CURDIR)/$(BIN)/npm" install --package-lock-only --omit-lockfile-registry-resolved --silent); done
	@$(BIN)/python -m layers.typical
