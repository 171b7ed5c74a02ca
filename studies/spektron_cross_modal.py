"""The other spectrum of a molecule, predicted from one (E5): ``python studies/spektron_cross_modal.py``.

Options: ``--model FOLDER`` for each Spektron (default "small"), ``--quick``. Every test molecule that has both
spectra is measured by a test instrument (simulated); Spektron and the baselines say what the other spectrum looks like
on an ideal instrument. Baselines: the mean spectrum of the training molecules, PLS2 and the nearest neighbours among
the training molecules (their spectra averaged), whose settings are chosen on validation molecules. Writes
studies/results/spektron_cross_modal.parquet: for each direction, method and molecule the cosine of predicted and true
spectrum, the sum of squared errors and the sum of squares of the truth (largest value 1). Some minutes on 2 cores.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from _tools import write_table

from symvib.spektron.model import Spektron, evaluating
from symvib.spektron.peers import LibrarySearch, MeanSpectrum, NearestNeighbour, RegressionPeer
from symvib.spektron.rendering import reference_spectra, spectral_axis
from symvib.spektron.retrieval_task import distinct_rows, measured
from symvib.spektron.training_data import TrainingData, load_training_data
from symvib.spektron.views import HELD_OUT

MODALITIES = ("ir", "raman")
COMPONENTS, NEIGHBOURS = (16, 32, 64, 128), (1, 2, 4, 8, 16)
Array = np.ndarray


def spectra_of(data: TrainingData, part: str, source: int, most: int | None) -> tuple[Array, Array, Array]:
    """Rows (n,) of molecules with both spectra, the source as measured (n, 1, L) and the other as it is (n, L)."""
    rows = distinct_rows(data, part)[:most]
    first = HELD_OUT[part]
    given = measured(data.lines[rows], range(first, first + (64 if part == "train" else 8)), seed=1)
    truth = reference_spectra(data.lines[rows], spectral_axis()).numpy()
    both = np.isfinite(given).all(axis=(1, 2))
    return rows[both], given[both][:, [source]], truth[both][:, 1 - source]


def asked(model: Spektron, source: int) -> Callable[[Array], Array]:
    """What Spektron makes of spectra (n, 1, L): the other spectra (n, L)."""

    def predict(spectra: Array) -> Array:
        found = []
        with evaluating(model), torch.no_grad():
            for chunk in torch.from_numpy(spectra).split(256):
                chem = model.encode(chunk, modalities=(MODALITIES[source],)).chem.mean
                other = torch.full((len(chunk),), model.config.modalities.index(MODALITIES[1 - source]))
                found.append(model.reconstruct(chem, None, other))
        return torch.cat(found).numpy()

    return predict


def error(predicted: Array, truth: Array) -> float:
    """Sum of squared errors over the sum of squares."""
    return float(np.square(predicted - truth).sum() / np.square(truth).sum())


def baselines(train: tuple[Array, Array], held_out: tuple[Array, Array]) -> dict[str, Callable[[Array], Array]]:
    """Mean, PLS2 and nearest neighbours, fitted to ``train``, with the settings that do best on ``held_out``."""
    whole = RegressionPeer("pls", n_components=max(COMPONENTS)).fit(*train)
    pls = [whole.variant(n_components=n) for n in COMPONENTS]
    near = [NearestNeighbour(LibrarySearch(), n).fit(*train) for n in NEIGHBOURS]
    found: dict[str, Callable[[Array], Array]] = {"mean spectrum": MeanSpectrum().fit(*train).predict}
    for name, tried, settings in (("PLS2", pls, COMPONENTS), ("nearest neighbours", near, NEIGHBOURS)):
        errors = [error(peer.predict(held_out[0]), held_out[1]) for peer in tried]
        best = int(np.argmin(errors))
        say(f"{name}: {dict(zip(settings, np.round(errors, 4).tolist(), strict=True))}")
        found[f"{name} ({settings[best]})"] = tried[best].predict
    return found


def say(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr, flush=True)


def main(given: Sequence[str] | None = None) -> None:
    """Fit, predict and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="folder of a trained Spektron, or its name")
    parser.add_argument("--quick", action="store_true", help="a few molecules: that the command works")
    options = parser.parse_args(given)
    data = load_training_data()
    models = {name: Spektron.from_pretrained(name) for name in options.model or ["small"]}
    rows: list[dict[str, Any]] = []
    for source, name in enumerate(MODALITIES):
        parts = {
            part: spectra_of(data, part, source, 200 if options.quick else None)
            for part in ("train", "validation", "test")
        }
        methods = baselines(parts["train"][1:], parts["validation"][1:])
        methods |= {f"Spektron {model.config.name}": asked(model, source) for model in models.values()}
        index, spectra, truth = parts["test"]
        for method, predict in methods.items():
            guess = predict(spectra)
            sizes = np.linalg.norm(guess, axis=1) * np.linalg.norm(truth, axis=1)
            cosine = (guess * truth).sum(axis=1) / np.maximum(sizes, 1e-12)
            squares, errors = np.square(truth).sum(axis=1), np.square(guess - truth).sum(axis=1)
            say(f"{name} to {MODALITIES[1 - source]}, {method}: {error(guess, truth):.3f}, cosine {cosine.mean():.3f}")
            rows += [
                {"source": name, "target": MODALITIES[1 - source], "method": method, "id": data.ids[row]}
                | {"cosine": float(c), "squared_error": float(e), "square": float(s)}
                for row, c, e, s in zip(index, cosine, errors, squares, strict=True)
            ]
    print(write_table("spektron_cross_modal" + "_quick" * options.quick, rows))


if __name__ == "__main__":
    main()
