# Every target that runs code first makes .venv when it is missing or stale.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
RUN := $(VENV)/bin
RADTUNE := $(RUN)/radtune

.DEFAULT_GOAL := help
.PHONY: help install data optimize train validate calibrate dashboard postgres bench bench-large bench-accuracy bench-decision bench-search test test-others test-all test-faults hazards check format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "RadTune needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: $(STAMP) ## make .venv with everything in it

data: $(STAMP) ## rebuild the generated data from its seed
	$(RUN)/python -m data.generator

optimize: $(STAMP) ## tune the weights and export optimized_config.yaml (ARGS='--max-experiments 200')
	@$(RADTUNE) optimize $(ARGS); code=$$?; \
	case $$code in \
		0) echo "make optimize: done, exported";; \
		3) echo "make optimize: done, no credible gain, config.yaml kept";; \
		4) echo "make optimize: done, more critical errors, config.yaml kept";; \
		*) exit $$code;; \
	esac

study-%: $(STAMP) ## run studies/%.yaml (make study-auto; ARGS='--workers 2')
	@$(RADTUNE) optimize studies/$*.yaml $(ARGS); code=$$?; \
	case $$code in 0|3|4) ;; *) exit $$code;; esac

train: $(STAMP) ## run the engine over all training files with the best weights there are
	$(RADTUNE) train $(ARGS)

validate: $(STAMP) ## measure config.yaml on the hand-written sanity set
	$(RADTUNE) validate $(ARGS)

calibrate: $(STAMP) ## fit confidence and accept threshold to the weights of config.yaml
	$(RADTUNE) calibrate $(ARGS)

# Only make's own arguments change these: some shells export a HOST.
dashboard: HOST = 127.0.0.1
dashboard: PORT = 8080
ifdef STORAGE
dashboard: export OPTUNA_STORAGE = $(STORAGE)
endif
dashboard: $(STAMP) ## browse the trials at http://127.0.0.1:8080 (STORAGE=URL, else OPTUNA_STORAGE; PORT=8081)
	$(RADTUNE) dashboard --host $(HOST) --port $(PORT)

postgres: PORT = 0
postgres: $(STAMP) ## start a temporary PostgreSQL server (PORT=5433; else a free one)
	@$(RUN)/python -m benchmarks.postgres_server --port $(PORT)

# Two processes run tests, each on a core: more threads would only wait for each other.
test test-others test-all: export OPENBLAS_NUM_THREADS = 1
test test-others test-all: export OMP_NUM_THREADS = 1
PYTEST := $(RUN)/python -m pytest --numprocesses 2 --dist worksteal
OTHERS := process or postgres or browser or slow

test: $(STAMP) ## run the quick tests: no other process but one start of each verb (under 5 minutes; ARGS='-k lookup')
	$(PYTEST) --hypothesis-profile quick -m 'not ($(OTHERS))' $(ARGS)

test-others: $(STAMP) ## run the tests that `make test` leaves out: processes, PostgreSQL, what is slow
	$(PYTEST) --hypothesis-profile full -m '$(OTHERS)' $(ARGS)

test-all: $(STAMP) ## run all tests but those of test-faults, with more examples each (ARGS='-k lookup')
	$(PYTEST) --hypothesis-profile full $(ARGS)

test-faults: $(STAMP) ## malformed inputs, full disks, killed studies, training runs and compute workers, lost servers: docs/reliability.md (an hour; ARGS='10000 42': inputs, seed)
	$(RUN)/python -m tests.faults_tests.malformed $(ARGS)
	$(RUN)/python -m pytest tests/faults_tests/test_disk_full.py tests/test_security.py
	$(RUN)/python -m benchmarks.train_faults
	$(RUN)/python -m benchmarks.worker_faults

bench: $(STAMP) ## how fast everything is, into docs/benchmarks.md (under 10 minutes)
	$(RUN)/python -m benchmarks.bench

bench-accuracy: $(STAMP) ## the engine beside plain matching, into docs/benchmarks.md
	$(RUN)/python -m benchmarks.accuracy

bench-decision: $(STAMP) ## what calibrated answers are worth on unseen sites, into docs/benchmarks.md
	$(RUN)/python -m benchmarks.decision

bench-search: $(STAMP) ## every search strategy: value by trials and seconds, test sites, into docs/benchmarks.md (under 20 minutes)
	$(RUN)/python -m benchmarks.search $(ARGS)

bench-large: $(STAMP) ## time and memory a case at 15,000 and 150,000 cases, alone and on compute workers, into docs/scaling.md (ARGS='15000 1500000': an hour)
	$(RUN)/python -m benchmarks.large $(ARGS)

hazards: $(STAMP) ## write docs/hazards.md with a fresh count
	$(RUN)/python -m benchmarks.hazards

check: $(STAMP) ## ruff, ruff format, mypy and the layers
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/python -m pytest -q tests/test_layers.py

format: $(STAMP) ## format the code
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

clean: ## remove .venv and caches; studies, sessions and exports stay
	rm -rf $(VENV) .local build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
