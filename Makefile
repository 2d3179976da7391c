# Every target that runs code first makes .venv when it is missing or stale.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
RUN := $(VENV)/bin
RADTUNE := $(RUN)/radtune

.DEFAULT_GOAL := help
.PHONY: help install data optimize train validate calibrate dashboard postgres bench bench-large bench-accuracy bench-decision bench-search test test-others test-all test-faults hazards docs docs-output check format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "RadTune needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: $(STAMP) ## create .venv with all dependencies

data: $(STAMP) ## rebuild the generated data from its seed
	$(RUN)/python -m data.generator

optimize: $(STAMP) ## tune the weights (ARGS='--max-experiments 200')
	@$(RADTUNE) optimize $(ARGS); code=$$?; \
	case $$code in \
		0) echo "make optimize: done, exported";; \
		3) echo "make optimize: done, no credible gain, config.yaml kept";; \
		4) echo "make optimize: done, more critical errors, config.yaml kept";; \
		*) exit $$code;; \
	esac

study-%: $(STAMP) ## run a study file (make study-auto runs studies/auto.yaml)
	@$(RADTUNE) optimize studies/$*.yaml $(ARGS); code=$$?; \
	case $$code in 0|3|4) ;; *) exit $$code;; esac

train: $(STAMP) ## run the engine over all training files and measure it
	$(RADTUNE) train $(ARGS)

validate: $(STAMP) ## measure config.yaml on the sanity set
	$(RADTUNE) validate $(ARGS)

calibrate: $(STAMP) ## fit confidence and accept threshold of config.yaml
	$(RADTUNE) calibrate $(ARGS)

# Only make's own arguments change these: some shells export a HOST.
dashboard: HOST = 127.0.0.1
dashboard: PORT = 8080
ifdef STORAGE
dashboard: export OPTUNA_STORAGE = $(STORAGE)
endif
dashboard: $(STAMP) ## browse studies at http://127.0.0.1:8080 (STORAGE=URL PORT=8081)
	$(RADTUNE) dashboard --host $(HOST) --port $(PORT)

postgres: PORT = 0
postgres: $(STAMP) ## start a temporary PostgreSQL server (PORT=5433)
	@$(RUN)/python -m benchmarks.postgres_server --port $(PORT)

# Two processes run tests, each on a core: more threads would only wait for each other.
test test-others test-all: export OPENBLAS_NUM_THREADS = 1
test test-others test-all: export OMP_NUM_THREADS = 1
PYTEST := $(RUN)/python -m pytest --numprocesses 2 --dist worksteal
OTHERS := process or postgres or browser or slow

test: $(STAMP) ## run the quick tests in under 5 minutes (ARGS='-k lookup')
	$(PYTEST) --hypothesis-profile quick -m 'not ($(OTHERS))' $(ARGS)

test-others: $(STAMP) ## run the other tests: processes, PostgreSQL, browser, slow
	$(PYTEST) --hypothesis-profile full -m '$(OTHERS)' $(ARGS)

test-all: $(STAMP) ## run all tests except test-faults (ARGS='-k lookup')
	$(PYTEST) --hypothesis-profile full $(ARGS)

test-faults: $(STAMP) ## run the fault tests (an hour; ARGS='10000 42': inputs, seed)
	$(RUN)/python -m tests.faults_tests.malformed $(ARGS)
	$(RUN)/python -m pytest tests/faults_tests/test_disk_full.py tests/test_security.py
	$(RUN)/python -m benchmarks.train_faults
	$(RUN)/python -m benchmarks.worker_faults

bench: $(STAMP) ## measure how fast everything is (under 10 minutes)
	$(RUN)/python -m benchmarks.bench

bench-accuracy: $(STAMP) ## compare the engine with plain text matching
	$(RUN)/python -m benchmarks.accuracy

bench-decision: $(STAMP) ## measure calibrated answers on unseen sites
	$(RUN)/python -m benchmarks.decision

bench-search: $(STAMP) ## compare search strategies over time (under 20 minutes)
	$(RUN)/python -m benchmarks.search $(ARGS)

bench-large: $(STAMP) ## measure time and memory with many cases (ARGS='15000 1500000')
	$(RUN)/python -m benchmarks.large $(ARGS)

hazards: $(STAMP) ## count the hazards again and write the hazard log
	$(RUN)/python -m benchmarks.hazards

docs: $(STAMP) ## write docs/reference from the code
	$(RUN)/python -m benchmarks.reference_pages

docs-output: $(STAMP) ## write what the commands of the guide print (minutes)
	$(RUN)/python -m benchmarks.guide_commands $(ARGS)

check: $(STAMP) ## check style, types, spelling and layers
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/codespell
	$(RUN)/python -m pytest -q tests/test_layers.py

format: $(STAMP) ## format the code
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

clean: ## remove .venv and caches; studies, sessions and exports stay
	rm -rf $(VENV) .local build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
