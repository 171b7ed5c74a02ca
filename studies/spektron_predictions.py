"""The registered predictions P1, P2, P3 and E8, judged: ``python studies/spektron_predictions.py``.

Reads what studies/spektron_retrieval.py and studies/spektron_sample_size.py wrote (ranks in every query, simulated) and
applies the rules of docs/predictions_registered.md to Spektron "small" (P1, P2, E8) and to "tiny" trained on more and
more molecules (P3). The peers are judged by the same rules beside it; they decide nothing. Writes
studies/results/spektron_predictions.json. A few minutes.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from _tools import RESULTS, write_results
from pyarrow import parquet

from symvib.evaluation.hits import Covariates, Hits
from symvib.evaluation.predictions import registration_hash
from symvib.evaluation.sample_efficiency import sample_efficiency
from symvib.evaluation.silent_probe import composition_features, silent_probe
from symvib.evaluation.strata import Strata
from symvib.evaluation.symmetry_effect import completeness_effect, exclusion_gain
from symvib.spektron.model import Spektron
from symvib.spektron.rendering import reference_spectra, spectral_axis
from symvib.spektron.retrieval_task import distinct_rows, measured
from symvib.spektron.training_data import TrainingData, load_training_data
from symvib.spektron.views import HELD_OUT

LEVEL = "GFN2-xTB"


def nearest_similarity(data: TrainingData) -> dict[str, float]:
    """Of each molecule of the library: the largest cosine with another, of ideal spectra of unit length, joined."""
    rows = distinct_rows(data, "test")
    spectra = reference_spectra(data.lines[rows], spectral_axis()).numpy()
    joined = (spectra / np.maximum(np.linalg.norm(spectra, axis=-1, keepdims=True), 1e-12)).reshape(len(rows), -1)
    cosine = joined @ joined.T / np.outer(*2 * [np.maximum(np.linalg.norm(joined, axis=1), 1e-12)])
    np.fill_diagonal(cosine, -np.inf)
    return {data.ids[row]: float(value) for row, value in zip(rows, cosine.max(axis=1), strict=True)}


def hits_of(table: dict[str, np.ndarray], rows: np.ndarray) -> Hits:
    """First or not, with ties shared."""
    found = np.where(table["better"][rows] == 0, 1 / (1 + table["tied"][rows]), 0.0)
    shown = table["modalities"][rows] if "modalities" in table else np.full(rows.sum(), "ir+raman")
    return Hits(tuple(table["id"][rows]), tuple(shown), found)


def columns(name: str) -> dict[str, np.ndarray]:
    """A table of studies/results as arrays."""
    table = parquet.read_table(RESULTS / f"{name}.parquet")
    return {key: np.array(table.column(key).to_pylist()) for key in table.column_names}


def probe(data: TrainingData, model: Spektron) -> dict[str, Any]:
    """E8 on the test molecules that have silent modes, and both spectra."""
    rows = distinct_rows(data, "test")
    spectra = measured(data.lines[rows], [HELD_OUT["test"]], seed=0)
    wavenumbers = data.lines.wavenumbers_cm1[rows].numpy()
    intensities = data.lines.intensities[rows].numpy()
    silent = (wavenumbers > 0) & (intensities == 0).all(axis=1)
    raman = (wavenumbers > 0) & (intensities[:, 1] > 0)
    kept = silent.any(axis=1) & raman.any(axis=1) & np.isfinite(spectra).all(axis=(1, 2))
    with torch.no_grad():
        parts = [model.encode(part).chem.mean for part in torch.from_numpy(spectra[kept]).split(256)]
    formulas = [data.formulas[row] for row in rows[kept]]
    means = [(wavenumbers * part)[kept].sum(axis=1) / part[kept].sum(axis=1) for part in (silent, raman)]
    found = silent_probe(torch.cat(parts).numpy(), composition_features(formulas)[0], *means, formulas)
    print(found)
    return found.as_dict()


def main(given: Sequence[str] | None = None) -> None:
    """Judge and write."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(given)
    data = load_training_data()
    similar = nearest_similarity(data)
    strata = Strata.shipped(list(similar))
    table = Covariates.of(strata, nearest_similarity=list(similar.values()), chemistry=strata.labels("chemistry"))
    ranks = columns("spektron_retrieval_ranks")
    results: dict[str, Any] = {"simulated": True, "data_hash": data.data_hash, "registration": registration_hash()}
    for method in dict.fromkeys(ranks["method"].tolist()):
        rows = (ranks["method"] == method) & (ranks["level"] == LEVEL)
        if not rows.any():
            continue
        hits = hits_of(ranks, rows)
        for judge in (completeness_effect, exclusion_gain):
            found = judge(hits, table)
            print(f"{method}: {found}")
            results.setdefault(found.prediction.key, {})[method] = found.as_dict()
    sizes = columns("spektron_sample_size")
    by_size = {int(size): hits_of(sizes, sizes["size"] == size) for size in np.unique(sizes["size"])}
    learned = sample_efficiency(by_size, table)
    print(learned)
    results["P3"] = {"Spektron tiny": learned.as_dict()}
    results["E8"] = {"Spektron small": probe(data, Spektron.from_pretrained("small"))}
    print(write_results("spektron_predictions", results))


if __name__ == "__main__":
    main()
