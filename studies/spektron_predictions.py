"""The registered predictions P1, P2, P3 and E8, judged: ``python studies/spektron_predictions.py``.

Applies the rules of docs/predictions_registered.md to Spektron "small" as it is shipped (P1, P2, E8), asked about
every test molecule by three pairs of virtual instruments (simulated; what `symvib evaluate --model small` asks), and
to "tiny" trained on more and more molecules (P3, read from what studies/spektron_sample_size.py wrote). The cosine
search and that by spectral information divergence are judged by the same rules beside it; they decide nothing. Option
``--queries N`` asks about fewer molecules and writes another file. Writes studies/results/spektron_predictions.json.
Ten minutes on 2 cores.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from _tools import write_results

from symvib.evaluation._stored_results import stored_table
from symvib.evaluation.hits import Covariates, Hits
from symvib.evaluation.model_outcomes import identification_outcomes
from symvib.evaluation.predictions import registration_hash
from symvib.evaluation.sample_efficiency import sample_efficiency
from symvib.evaluation.silent_probe import composition_features, silent_probe
from symvib.evaluation.strata import Strata
from symvib.evaluation.symmetry_effect import completeness_effect, exclusion_gain
from symvib.spektron.model import Spektron
from symvib.spektron.peers import LibrarySearch, SpektronPeer
from symvib.spektron.rendering import reference_spectra, spectral_axis
from symvib.spektron.retrieval_task import distinct_rows, measured
from symvib.spektron.training_data import TrainingData, load_training_data
from symvib.spektron.views import HELD_OUT


def nearest_similarity(data: TrainingData) -> dict[str, float]:
    """Of each molecule of the library: the largest cosine with another, of ideal spectra of unit length, joined."""
    rows = distinct_rows(data, "test")
    spectra = reference_spectra(data.lines[rows], spectral_axis()).numpy()
    joined = (spectra / np.maximum(np.linalg.norm(spectra, axis=-1, keepdims=True), 1e-12)).reshape(len(rows), -1)
    cosine = joined @ joined.T / np.outer(*2 * [np.maximum(np.linalg.norm(joined, axis=1), 1e-12)])
    np.fill_diagonal(cosine, -np.inf)
    return {data.ids[row]: float(value) for row, value in zip(rows, cosine.max(axis=1), strict=True)}


def share_found(better: np.ndarray, tied: np.ndarray) -> np.ndarray:
    """First or not, with ties shared."""
    return np.where(better == 0, 1 / (1 + tied), 0.0)


def hits_of(peer: Any, data: TrainingData, n_queries: int | None) -> Hits:
    """What a model finds, asked about every test molecule."""
    found = identification_outcomes(peer, data, n_queries=n_queries)
    hits = share_found(found.prediction - 1, found.n_tied)
    return Hits(tuple(found.ids.tolist()), tuple(found.modalities.tolist()), hits)


def missed_too(hits: Hits, ids: Sequence[str]) -> Hits:
    """The hits, and a miss with IR and Raman for each molecule that could not be asked."""
    left = [name for name in ids if name not in set(hits.ids)]
    values = np.concatenate([hits.values, np.zeros(len(left))])
    return Hits((*hits.ids, *left), (*hits.modalities, *["ir+raman"] * len(left)), values)


def hits_by_size() -> dict[int, Hits]:
    """What "tiny" finds after training on so many molecules."""
    stored = stored_table("spektron_sample_size")
    found = {}
    for size in np.unique(stored["size"]).tolist():
        rows = stored["size"] == size
        hits = share_found(stored["better"][rows], stored["tied"][rows])
        found[int(size)] = Hits(tuple(stored["id"][rows]), ("ir+raman",) * int(rows.sum()), hits)
    return found


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, help="test molecules to ask about; all if not given")
    options = parser.parse_args(given)
    data = load_training_data()
    similar = nearest_similarity(data)
    strata = Strata.shipped(list(similar))
    table = Covariates.of(strata, nearest_similarity=list(similar.values()), chemistry=strata.labels("chemistry"))
    model = Spektron.from_pretrained("small")
    results: dict[str, Any] = {
        "simulated": True,
        "data_hash": data.data_hash,
        "weights": model.fingerprint(),
        "queries": options.queries,
        "registration": registration_hash(),
    }
    peers = {
        "Spektron small": SpektronPeer(model),
        "cosine": LibrarySearch.shipped("cosine"),
        "spectral information divergence": LibrarySearch.shipped("sid"),
    }
    for method, peer in peers.items():
        hits = hits_of(peer, data, options.queries)
        for judge in (completeness_effect, exclusion_gain):
            found = judge(hits, table)
            print(f"{method}: {found}", flush=True)
            results.setdefault(found.prediction.key, {})[method] = found.as_dict()
        if method == "Spektron small":
            found = completeness_effect(missed_too(hits, table.ids), table)
            results["P1"][f"{method}, molecules without lines as misses"] = found.as_dict()
    learned = sample_efficiency(hits_by_size(), table)
    print(learned)
    results["P3"] = {"Spektron tiny": learned.as_dict()}
    results["E8"] = {"Spektron small": probe(data, model)}
    print(write_results("spektron_predictions" + "_reduced" * (options.queries is not None), results))


if __name__ == "__main__":
    main()
