# Every target sets up what it needs in .venv: Python 3.11 or later, pip, gcc and make are all it takes.
# The constraint holds torch to the release that was tested; the package index decides whether its build is one for GPUs.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test docs fuzz chaos soak attacks check-kernels check-kernels-sanitized lint bench bench-gpu check-gpu clean

$(VENV)/user: pyproject.toml constraints-cpu.txt CMakeLists.txt $(wildcard native/*)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints-cpu.txt -e '.[all]'
	touch $@

$(VENV)/dev: $(VENV)/user
	$(BIN)/pip install --quiet -c constraints-cpu.txt -e '.[dev]'
	touch $@

demo: $(VENV)/user  ## a trained model at work; then EleAtt-GRU against the plain GRU, in words and on a page; so small a net is no faster on two threads
	OMP_NUM_THREADS=1 $(BIN)/attentive demo
	OMP_NUM_THREADS=1 $(BIN)/attentive compare japanese-vowels --models gate no-gate --seeds 0 1 2 --training.max_epochs 20

test: $(VENV)/dev  ## all tests, with the slowest named; those that need real data look for it in $ATTENTIVE_TEST_DATA
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations=15

fuzz: $(VENV)/dev  ## damaged files for every reader and every file of a run, for some minutes; what shows a fault is kept in build/fuzz
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m fuzz.run --count 500 --keep build/fuzz --write docs/reliability.md

chaos: $(VENV)/dev  ## kills, full disks and read-only folders for every command that writes
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python tools/chaos.py --write docs/reliability.md
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python tools/chaos_study.py --write docs/reliability.md

docs: $(VENV)/dev  ## the documentation site, in build/docs; a warning, such as a broken link, is an error
	$(BIN)/python -m sphinx -W --keep-going -q -d build/doctrees docs build/docs
	@echo "open build/docs/index.html"

MINUTES := 10
soak: $(VENV)/dev  ## the recogniser and the page under long use, for so many MINUTES
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python tools/soak.py --minutes $(MINUTES) --write docs/reliability.md

attacks: $(VENV)/dev  ## visitors of the page who want in, or want it down
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python tools/attacks.py --write docs/reliability.md

COUNT := 200000
SEED := 0
RECORD := --seed $(SEED) --record build/kernels.jsonl --write docs/reliability.md
check-kernels: $(VENV)/dev  ## COUNT random calls of the CPU kernels against the reference, from SEED
	mkdir -p build
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python tools/check_kernels.py --count $(COUNT) $(RECORD)

check-kernels-sanitized: $(VENV)/dev  ## a tenth of COUNT such calls, of kernels with the address and undefined-behaviour sanitizers
	mkdir -p build
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python tools/sanitized.py tools/check_kernels.py --count $$(($(COUNT) / 10)) $(RECORD)

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/python tools/check_structure.py

bench: $(VENV)/dev  ## speed against torch's own layers; run it on an idle machine
	$(BIN)/python -m benchmarks.bench --threads 1 2 --write docs/benchmarks.md

bench-gpu: $(VENV)/dev  ## the same on a GPU, against cuDNN's layers; exit status 2 where there is none
	$(BIN)/python -m benchmarks.gpu --write docs/benchmarks.md

check-gpu: $(VENV)/dev  ## what only a GPU can show, within seven minutes, into build/check-gpu.json; exit status 2 where there is none
	$(BIN)/python tools/check_gpu.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
