# Every target sets up what it needs: a virtual environment in .venv and the package in it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TORCH := .venv-torch
MUSICTOOL := $(BIN)/musictool
# Tests run in as many processes as there are cores: threads beside them would only wait for one another.
PYTEST := TF_NUM_INTRAOP_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest
PIP := $(BIN)/python -m pip --disable-pip-version-check

export MUSICTOOL_HOME := $(CURDIR)

.PHONY: help song install test test-all test-browser lint format golden docs figures benchmarks models release-check campaign clean

help:
	@echo "make song      prepare the Bach chorales, train a model of four voices, write song.mid, song.wav and song.png"
	@echo "make test      the fast tests;  make test-all: the slow ones too, and other random cases"
	@echo "make test-browser   the page in Chromium, if it and chromium-driver are installed"
	@echo "make install   .venv with musictool in it"
	@echo "make lint      ruff and mypy;  make format: let ruff lay the code out"
	@echo "make docs      docs/reference.md from the program's own words;  make figures: its pictures"
	@echo "make benchmarks   speed, beside the peers (PyTorch goes into $(TORCH), some gigabytes)"
	@echo "make models    the models that ship, from public collections; GENRES=\"folk hymns\" DATA=folder MINUTES=5"
	@echo "make release-check   wheel and sdist, checked; a model plays from the wheel. FULL=1: with a new set of packages"
	@echo "make campaign  damaged files by the thousand and killed runs (docs/reliability.md); FILES=10000 KILLS=100 SEED=1"
	@echo "make clean     remove what make made, corpora and models too"

$(STAMP): setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 14) else \
	  "musictool runs on Python 3.10 to 3.14, and $(PYTHON) is %d.%d; name another: make PYTHON=python3.12" % v)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --only-binary :all: --upgrade pip setuptools wheel
	$(PIP) install --only-binary :all: --no-build-isolation --editable '.[dev]'
	touch $@

install: $(STAMP)

song: $(STAMP)
	$(MUSICTOOL) prepare bach
	$(MUSICTOOL) train bach --arch voice-lstm --name song --transpose to-c --max-minutes 5 --seed 1
	$(MUSICTOOL) sample song --bars 32 --temperature 0.9 --seed 1 --out song.mid
	$(MUSICTOOL) render song.mid --out song.wav --out song.png
	@echo "Your model wrote song.mid; listen to song.wav, look at song.png."

test: $(STAMP)
	$(PYTEST) -n auto --dist worksteal

test-all: $(STAMP)
	MUSICTOOL_HYPOTHESIS=explore $(PYTEST) -n auto --dist worksteal -m ''

# Waits for sounds and drawings may run out on a machine that does other work: what failed is tried once more.
test-browser: $(STAMP)
	$(PYTEST) -m slow tests/web/test_browser.py || $(PYTEST) -m slow --last-failed tests/web/test_browser.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: $(STAMP)
	MUSICTOOL_REGENERATE_GOLDENS=1 $(BIN)/python -m pytest tests/test_goldens.py

docs: $(STAMP)
	$(BIN)/python docs/generate.py
	$(BIN)/python -m genres.card

figures: $(STAMP)
	$(BIN)/python docs/figures.py
	$(BIN)/python docs/plot_examples.py

$(TORCH)/.installed:
	$(PYTHON) -m venv $(TORCH)
	$(TORCH)/bin/python -m pip install --only-binary :all: torch numpy
	touch $@

benchmarks: $(STAMP) $(TORCH)/.installed
	$(BIN)/python benchmarks/prepare.py
	$(BIN)/python benchmarks/encodings.py bach
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/train.py --torch-python $(TORCH)/bin/python
	$(BIN)/python benchmarks/sample.py --torch-python $(TORCH)/bin/python
	$(BIN)/python benchmarks/segments.py --torch-python $(TORCH)/bin/python
	$(BIN)/python benchmarks/evaluate.py
	$(BIN)/python benchmarks/render.py

models: $(STAMP)
	$(BIN)/python -m genres.make $(GENRES) $(if $(DATA),--data '$(DATA)') $(if $(MINUTES),--minutes $(MINUTES))

release-check: $(STAMP)
	$(BIN)/python tests/release_check.py $(if $(FULL),--full)

campaign: $(STAMP)
	$(BIN)/python -m tests.campaign $(if $(FILES),--files $(FILES)) $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

clean:
	rm -rf $(VENV) $(TORCH) build dist genres/build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis song.*
	find corpora -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
	for model in saved_models/*/; do [ -e "$$model/card.json" ] || rm -rf "$$model"; done
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
