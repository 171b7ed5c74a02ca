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
from _tools import write_table

from symvib.evaluation.cross_modal import CrossModalTask, cross_modal_task, spektron_other_spectrum
from symvib.spektron.model import Spektron
from symvib.spektron.peers import LibrarySearch, MeanSpectrum, NearestNeighbour, RegressionPeer
from symvib.spektron.training_data import load_training_data

MODALITIES = ("ir", "raman")
COMPONENTS, NEIGHBOURS = (16, 32, 64, 128), (1, 2, 4, 8, 16)
Array = np.ndarray


def squares(spectra: Array) -> Array:
    """Sum of squares (n,) of each spectrum (n, L)."""
    return np.square(spectra).sum(axis=1)


def error(predicted: Array, truth: Array) -> float:
    """Sum of squared errors over the sum of squares."""
    return float(squares(predicted - truth).sum() / squares(truth).sum())


def baselines(train: CrossModalTask, held_out: CrossModalTask) -> dict[str, Callable[[Array], Array]]:
    """Mean, PLS2 and nearest neighbours, fitted to ``train``, with the settings that do best on ``held_out``."""
    seen = (train.given, train.truth)
    whole = RegressionPeer("pls", n_components=max(COMPONENTS)).fit(*seen)
    pls = [whole.variant(n_components=n) for n in COMPONENTS]
    near = [NearestNeighbour(LibrarySearch(), n).fit(*seen) for n in NEIGHBOURS]
    found: dict[str, Callable[[Array], Array]] = {"mean spectrum": MeanSpectrum().fit(*seen).predict}
    for name, tried, settings in (("PLS2", pls, COMPONENTS), ("nearest neighbours", near, NEIGHBOURS)):
        errors = [error(peer.predict(held_out.given), held_out.truth) for peer in tried]
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
    data, most = load_training_data(), 200 if options.quick else None
    models = [Spektron.from_pretrained(name) for name in options.model or ["small"]]
    rows: list[dict[str, Any]] = []
    for source in MODALITIES:
        train, held_out, test = (cross_modal_task(data, part, source, most) for part in ("train", "validation", "test"))
        methods = baselines(train, held_out)
        methods |= {f"Spektron {model.config.name}": spektron_other_spectrum(model, test) for model in models}
        for method, predict in methods.items():
            guess = predict(test.given)
            cosine = test.cosine(guess)
            say(f"{source} to {test.target}, {method}: {error(guess, test.truth):.3f}, cosine {cosine.mean():.3f}")
            columns = (test.ids, cosine, squares(guess - test.truth), squares(test.truth))
            rows += [
                {"source": source, "target": test.target, "method": method, "id": name}
                | {"cosine": float(c), "squared_error": float(e), "square": float(s)}
                for name, c, e, s in zip(*columns, strict=True)
            ]
    print(write_table("spektron_cross_modal" + "_quick" * options.quick, rows))


if __name__ == "__main__":
    main()
