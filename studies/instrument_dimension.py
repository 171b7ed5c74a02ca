"""How many of the 64 numbers of z_inst tell instruments apart: ``python studies/instrument_dimension.py``.

The test molecules, each measured once on one of 32 virtual instruments that nobody trained with (simulated), are
encoded by the shipped model. For the mean of z_inst: principal components that hold 95 % of its variance, and the
accuracy of a linear probe that names the instrument from the first 1, 2, 4 ... 64 of them (components and probe from
one half of the molecules, accuracy from the other; 95 % Wilson intervals). A dimension found here is one of a model
trained with 64: it says how many it uses, not how many it would need.

Writes studies/results/instrument_dimension.json. About two minutes on one core. Option: ``--quick``.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from _tools import write_results
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from symvib.spektron.instrument import InstrumentTable, measure
from symvib.spektron.model import Spektron
from symvib.spektron.retrieval import wilson_interval
from symvib.spektron.training_data import TrainingData, load_training_data
from symvib.spektron.views import HELD_OUT, MODALITIES, has_spectrum

SHARE = 0.95
SIZES = (1, 2, 4, 8, 16, 32, 64)
FIRST = HELD_OUT["test"] + 700_000  # no other task measures with these


def latents(model: Spektron, data: TrainingData, modality: str, n_instruments: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of z_inst (n, 64) of the test molecules, in random order, and the number of the instrument (n,) of each."""
    column = MODALITIES.index(modality)
    rows = torch.from_numpy(np.asarray(data.indices("test")))
    rows = rows[has_spectrum(data.lines[rows], model.axis)[:, column]]
    generator = torch.Generator().manual_seed(0)
    rows = rows[torch.randperm(len(rows), generator=generator)]
    number = torch.arange(len(rows)) % n_instruments
    table = InstrumentTable.of_seeds(range(FIRST, FIRST + n_instruments), MODALITIES)
    spectra = measure(data.lines[rows], table.pick(number), model.axis, generator)[:, column : column + 1]
    with torch.no_grad():
        parts = [model.encode(part, modalities=(modality,)).inst.mean[:, 0] for part in spectra.split(256)]
    return torch.cat(parts).numpy(), number.numpy()


def dimension(values: np.ndarray, number: np.ndarray, sizes: Sequence[int]) -> dict[str, Any]:
    """Components for 95 % of the variance, and the accuracy of the probe for each number of components."""
    half = len(values) // 2
    mean = values[:half].mean(axis=0)
    _, singular, axes = np.linalg.svd(values[:half] - mean, full_matrices=False)
    shares = np.cumsum(singular**2) / (singular**2).sum()
    scores = (values - mean) @ axes.T
    probes = []
    for k in sizes:
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
        probe.fit(scores[:half, :k], number[:half])
        hits = int((probe.predict(scores[half:, :k]) == number[half:]).sum())
        n = len(values) - half
        probes.append({"components": k, "accuracy": hits / n, "interval": list(wilson_interval(hits, n))})
    return {
        "n_molecules": len(values),
        "numbers": values.shape[1],
        "components_for_share": int(np.searchsorted(shares, SHARE) + 1),
        "variance_shares": shares.round(6).tolist(),
        "probes": probes,
    }


def main() -> None:
    """Encode, decompose, probe, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="four instruments; writes another file")
    quick = parser.parse_args().quick
    n_instruments = 4 if quick else 32
    model, data = Spektron.from_pretrained("small"), load_training_data()
    model.eval()
    found = {
        modality: dimension(*latents(model, data, modality, n_instruments), SIZES[:2] if quick else SIZES)
        for modality in ("ir", "raman")
    }
    results = {
        "simulated": True,
        "data_hash": data.data_hash,
        "n_instruments": n_instruments,
        "share": SHARE,
        "modalities": found,
    }
    print(write_results("instrument_dimension" + "_quick" * quick, results))


if __name__ == "__main__":
    main()
