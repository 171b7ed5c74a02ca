# Two commands on a fresh machine (Python >= 3.11, make): `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK = 1
JOBS ?= auto
STUDIES := study-retrieval study-ablation study-sample-size study-cross-modal study-predictions study-components study-instrument
# Many small matrices: threads of BLAS and OpenMP would only fight the test processes for the cores.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: demo demo-model report studies $(STUDIES) study-transfer study-minerals test test-slow lint bench docs clean

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

# The pages that say what the result files of the studies say.
define RESULT_PAGES
$(PY) docs/make_spektron.py
$(PY) docs/make_predictions.py
$(PY) docs/make_evaluation.py
$(PY) docs/make_transfer.py
$(PY) docs/make_minerals.py
$(VENV)/bin/symvib claims --out docs/claims.md
endef

# Tables, figures and pages from the shipped weights and the shipped result files; the same numbers each time. Minutes.
report: $(VENV)/.test
	@mkdir -p out
	$(VENV)/bin/symvib evaluate --model small --model cosine \
	  --report out/report.html --json out/report.json --csv out/report.csv
	$(VENV)/bin/symvib evaluate examples/predictions.csv --report out/report_of_a_file.html
	$(RESULT_PAGES)
	@echo; echo "Open out/report.html (Spektron beside a cosine search) and out/report_of_a_file.html;"; \
	  echo "docs/evaluation.md, docs/spektron.md and docs/claims.md hold what the result files say."

# The result files themselves, anew: hours. Killed, the same command goes on. Each study can be made alone (in the order
# of the list: study-predictions reads what study-sample-size wrote).
studies: $(STUDIES)

STUDY = OMP_NUM_THREADS=$(shell nproc) $(PY) studies

# 1 h on 2 cores: three trainings of tiny, one of the ResNet, all methods on all queries.
study-retrieval: $(VENV)/.test
	for seed in 0 1 2; do \
	  OMP_NUM_THREADS=$(shell nproc) $(VENV)/bin/symvib train --config tiny --seed $$seed --out out/tiny_$$seed || exit; done
	$(STUDY)/spektron_retrieval.py --model small --model out/tiny_0 --model out/tiny_1 --model out/tiny_2 \
	  --resnet out/resnet.safetensors --resnet-parameters 2000000 --resnet-steps 800 --resnet-batch 128

# 1.5 h on 2 cores: ten architectures, five seeds.
study-ablation: $(VENV)/.test
	$(STUDY)/spektron_ablation.py

# 40 minutes on 2 cores: six sizes of the training set.
study-sample-size: $(VENV)/.test
	$(STUDY)/spektron_sample_size.py

# 10 minutes on 2 cores.
study-cross-modal: $(VENV)/.test
	$(STUDY)/spektron_cross_modal.py

# 10 minutes on 2 cores; reads what study-sample-size wrote, which comes with the repository.
study-predictions: $(VENV)/.test
	$(STUDY)/spektron_predictions.py

# Of measured spectra, which lie in the folder that SYMVIB_DATA names (docs/calibration_transfer.md, docs/minerals.md): not
# in `make studies`. Two hours on one core, half of them Spektron's; then an hour.
study-transfer: $(VENV)/.test
	$(PY) studies/calibration_transfer.py --folder out/transfer
	$(PY) studies/raman_instruments.py
	$(PY) studies/spektron_transfer.py

study-minerals: $(VENV)/.test
	$(PY) studies/mineral_transfer.py

# A minute on one core: how many numbers of z_inst the shipped model uses.
study-instrument: $(VENV)/.test
	$(PY) studies/instrument_dimension.py

# Minutes on one core.
study-components: $(VENV)/.test
	$(STUDY)/force_constant_components.py

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
	$(PY) docs/make_crystals.py
	$(PY) docs/make_block_rank.py
	$(PY) docs/make_fibres.py
	$(PY) docs/make_survey.py
	$(RESULT_PAGES)
	$(PY) docs/make_detection.py
	$(PY) docs/make_forward_accuracy.py
	$(PY) docs/make_figures.py

clean:
	rm -rf $(VENV) build dist *.egg-info out .pytest_cache .ruff_cache .hypothesis
