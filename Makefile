# Two commands on a fresh machine (Python >= 3.11, make): `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK = 1
JOBS ?= auto
# Many small matrices: threads of BLAS and OpenMP would only fight the test processes for the cores.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: demo demo-model test test-slow lint bench docs clean

demo: $(VENV)/.qm
	@mkdir -p out
	$(VENV)/bin/symvib report examples/benzene.xyz --html out/benzene.html
	$(VENV)/bin/symvib report examples/*.xyz --csv out/examples.csv
	$(VENV)/bin/symvib completeness D6h 12
	$(VENV)/bin/symvib spectrum examples/benzene.xyz --output out/benzene_spectrum.png
	$(VENV)/bin/symvib identify examples/benzene.xyz --engine xtb --plot out/benzene_identify.png
	@echo; echo "Open out/benzene.html in a browser, and out/benzene_spectrum.png: simulated IR above Raman."; \
	  echo "out/examples.csv has one row for each molecule in examples/."

# The spectral model on a simulated infrared and Raman spectrum of benzene.
demo-model: $(VENV)/.ml
	@mkdir -p out
	$(VENV)/bin/symvib spectrum examples/benzene.xyz --curve out/benzene_ir.csv > /dev/null
	$(VENV)/bin/symvib spectrum examples/benzene.xyz --quantity raman --curve out/benzene_raman.csv > /dev/null
	$(VENV)/bin/symvib predict out/benzene_ir.csv --raman out/benzene_raman.csv --plot out/benzene_predict.png
	@echo; echo "Asked about out/benzene_ir.csv and out/benzene_raman.csv (simulated); open out/benzene_predict.png."

test: $(VENV)/.test
	$(PY) -m pytest -n $(JOBS) -m "not slow"

test-slow: $(VENV)/.test
	$(PY) -m pytest -n $(JOBS) -m slow

lint: $(VENV)/.test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pyright

bench: $(VENV)/.bench
	$(PY) docs/make_benchmarks.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "symvib needs Python 3.11 or newer; say 'make PYTHON=/path/to/python3.11 ...'"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian: apt-get install python3-venv"; exit 1; }

# One stamp per set of packages; a stamp is made anew when pyproject.toml changes.
$(VENV)/.qm: pyproject.toml | $(VENV)/bin/python
	$(PY) -m pip install --quiet --editable '.[qm]'
	@touch $@

# The torch of PyPI brings gigabytes of CUDA on some platforms: the version that is tested, first and by itself.
$(VENV)/.ml: pyproject.toml | $(VENV)/bin/python
	$(PY) -m pip install --quiet 'torch==2.13.0'
	$(PY) -m pip install --quiet --editable '.[qm,ml]'
	@touch $@ $(VENV)/.qm

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(PY) -m pip install --quiet 'torch==2.13.0'
	$(PY) -m pip install --quiet --editable '.[all,test]'
	@touch $@ $(VENV)/.qm $(VENV)/.ml

$(VENV)/.bench: pyproject.toml | $(VENV)/bin/python
	$(PY) -m pip install --quiet 'torch==2.13.0'
	$(PY) -m pip install --quiet --editable '.[bench,qm,data,ml]'
	@for peer in pymsym molsympy libmolsymm; do \
	  $(PY) -m pip install --quiet $$peer || echo "$$peer cannot be installed here: left out of the comparison"; done
	@touch $@

# Everything in docs/ that a command produced, produced again.
docs: $(VENV)/.test
	$(PY) docs/make_completeness.py
	$(PY) docs/make_block_rank.py
	$(PY) docs/make_fibres.py
	$(PY) docs/make_survey.py
	$(PY) docs/make_spektron.py
	$(VENV)/bin/symvib claims --out docs/claims.md
	$(PY) docs/make_detection.py
	$(PY) docs/make_forward_accuracy.py
	$(PY) docs/make_figures.py

clean:
	rm -rf $(VENV) build dist *.egg-info out .pytest_cache .ruff_cache .hypothesis
