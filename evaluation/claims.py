"""The claims about the model and what it shows, each checked against stored results; every verdict follows a rule.

The rows of `theory.claims.ledger` that need a trained model, a benchmark or a study. The rules stand in the statements;
whatever the numbers are, the same code gives the verdict.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import DatasetError
from ..theory.claims import Claim, Outcome
from ._statistics import student_interval
from ._stored_results import benchmark_rows, shipped_metrics, stored_result
from .predictions import Estimate, registered, registration_hash

__all__ = ["SPEKTRON_CLAIMS"]

PUBLISHED_ACCURACY = {"cnn": 71.2, "transformer": 78.3, "cnn_transformer": 83.7, "cnn_dlinoss": 84.2}
PUBLISHED_GAIN = (8.0, 10.0)
PUBLISHED_SPEED = {2048: 1.8, 8192: 7.0}
PUBLISHED_COMPONENTS = (80.0, 100.0)
PUBLISHED_ERROR = 0.036

_ARM = {
    "cnn": "CNN",
    "transformer": "Transformer",
    "cnn_transformer": "CNN + Transformer",
    "cnn_dlinoss": "CNN + D-LinOSS",
    "patches_dlinoss": "raw patches + D-LinOSS",
}
_SCORE = "top-1, IR and Raman"
_LEAST_STEP = 1.0  # points; a published difference below is a tie
_FEWEST_SEEDS = 5
_SAME_SPEED = 0.25  # share by which a ratio of times may differ from the published one
_STILL_GROWING = 1.1  # number of components of all molecules over that of half of them
_VERDICTS = {"supported": "confirmed", "refuted": "refuted", "undecided": "open"}


def _by_seed(arm: str, runs: list[dict[str, Any]]) -> dict[int, float]:
    return {run["seed"]: 100 * run[_SCORE] for run in runs if run["arm"] == arm}


def _difference(arm: str, other: str, runs: list[dict[str, Any]]) -> Estimate:
    """Points that ``arm`` scores above ``other``, paired by seed, with the interval of Student's t."""
    ours, theirs = _by_seed(arm, runs), _by_seed(other, runs)
    seeds = sorted(ours.keys() & theirs.keys())
    if len(seeds) < 2:
        raise DatasetError(
            f"studies/results/spektron_ablation.json: {len(seeds)} seeds with both {arm} and {other}, two are needed; "
            "`python studies/spektron_ablation.py --seeds 5` trains them."
        )
    values = np.array([ours[seed] - theirs[seed] for seed in seeds])
    low, high = student_interval(values, (-100.0, 100.0))
    return Estimate(f"{_ARM[arm]} minus {_ARM[other]}", float(values.mean()), low, high, 0.95, len(seeds), "points")


def _points(found: Estimate) -> str:
    return f"{found.name} {found.value:+.1f} ({found.low:+.1f} to {found.high:+.1f}; {found.n} seeds)"


def _ablation() -> Outcome:
    result = stored_result("spektron_ablation")
    arms = list(PUBLISHED_ACCURACY)
    steps = [
        (_difference(better, worse, result["runs"]), PUBLISHED_ACCURACY[better] - PUBLISHED_ACCURACY[worse])
        for worse, better in pairwise(arms)
    ]
    if any(found.n < _FEWEST_SEEDS for found, _ in steps):
        verdict = "open"
    elif any(found.high < 0 for found, _ in steps):
        verdict = "refuted"
    elif any(not found.low <= size <= found.high for found, size in steps):
        verdict = "corrected"
    elif any(found.low <= 0 for found, size in steps if size >= _LEAST_STEP):
        verdict = "open"
    else:
        verdict = "confirmed"
    means = {arm: _by_seed(arm, result["runs"]).values() for arm in arms}
    return Outcome(
        "Shares belong to a data set; the order and the differences can be tested. Here: arms of equal size and equal "
        f'steps ({result["steps"]}, budget "tiny"), identification of unseen molecules from infrared and Raman '
        "(simulated). Rule, on the 95 % intervals (over seeds of the training, not over molecules) of the three "
        "differences: open below five seeds; refuted where one lies below 0 (the other order); else corrected where "
        "one does not hold the published difference; else open where one of a published difference of a point or more "
        "holds 0; else confirmed.",
        verdict,
        "measured",
        "found first: "
        + ", ".join(f"{_ARM[arm]} {np.mean(list(values)):.1f} %" for arm, values in means.items())
        + "; points: "
        + "; ".join(f"{_points(found)}, published {size:+.1f}" for found, size in steps),
    )


def _tokenizer() -> Outcome:
    result = stored_result("spektron_ablation")
    found = _difference("cnn_dlinoss", "patches_dlinoss", result["runs"])
    least, most = PUBLISHED_GAIN
    if found.n < _FEWEST_SEEDS:
        verdict = "open"
    elif found.high < least and found.low <= 0:
        verdict = "refuted"
    elif found.low <= 0:
        verdict = "open"
    elif found.high < least or found.low > most:
        verdict = "corrected"
    else:
        verdict = "confirmed"
    return Outcome(
        "The convolutional tokenizer against raw patches in front of the same D-LinOSS layers, all else equal (budget "
        f'"tiny", {result["steps"]} steps, simulated). Rule, on the 95 % interval over seeds: open below five; refuted '
        f"where it ends below {least:g} points and does not lie above 0; open where it holds 0 and {least:g}; "
        f"corrected where it lies above 0 and outside {least:g} to {most:g}; else confirmed.",
        verdict,
        "measured",
        f"{_SCORE}, points: {_points(found)}",
    )


def _speed() -> Outcome:
    rows = [row for row in benchmark_rows("D-LinOSS against attention: time") if row["pass"] == "forward"]
    found = {
        length: {
            (row["directions"], name): float(row[f"attention / {name}"])
            for row in rows
            if row["length"] == str(length)
            for name in ("chunked", "fft", "scan")
        }
        for length in PUBLISHED_SPEED
    }
    if not all(found.values()):
        raise DatasetError(f"docs/benchmarks.md: no times at {[n for n, r in found.items() if not r]}; `make bench`.")
    ours = {
        length: {how: ratio for how, ratio in ratios.items() if how[1] == "chunked"} for length, ratios in found.items()
    }
    if any(ratio <= 1 for ratios in ours.values() for ratio in ratios.values()):
        verdict = "refuted"
    elif all(
        any(abs(ratio / PUBLISHED_SPEED[length] - 1) <= _SAME_SPEED for ratio in ratios.values())
        for length, ratios in ours.items()
    ):
        verdict = "confirmed"
    else:
        verdict = "corrected"
    lines = [
        f"length {length} (published {PUBLISHED_SPEED[length]:g}): "
        + ", ".join(f"{name} {ratios['one', name]:g} / {ratios['both', name]:g}" for name in ("chunked", "fft", "scan"))
        for length, ratios in found.items()
    ]
    growth = ", ".join(
        f"{row['operator']} {row['one, forward']} / {row['both, forward']}"
        for row in benchmark_rows("D-LinOSS against attention: growth and memory")
    )
    return Outcome(
        "The ratio belongs to the way the recurrence is evaluated and to the machine (here one CPU thread, attention "
        "without a stored matrix); the growth with the length says more. Rule, for the evaluator that the model uses "
        "(chunked), forward: refuted where D-LinOSS is not faster in each direction at both lengths; confirmed where "
        f"at both lengths one direction or both come within {100 * _SAME_SPEED:.0f} % of the published ratio; else "
        "corrected.",
        verdict,
        "measured",
        f"time of attention over that of D-LinOSS, forward, one / both directions: {'; '.join(lines)}; exponents of "
        f"the growth with the length: {growth}",
    )


def _grows(found: Mapping[str, Any]) -> bool:
    """Whether the number for 95 % is still that of the sample: more molecules give more components."""
    return found["components"]["for 95 %"]["number"] > _STILL_GROWING * found["for 95 % from half of the molecules"]


def _holds_published(found: Mapping[str, Any]) -> bool | None:
    """Whether the interval reaches the published range; None where that cannot be told.

    That is: fewer columns than the range asks for, or a number that still grows and has not passed the range.
    """
    least, most = PUBLISHED_COMPONENTS
    number = found["components"]["for 95 %"]
    if found["n_columns"] < least or (_grows(found) and number["low"] <= most):
        return None
    return bool(number["low"] <= most and number["high"] >= least)


def _components() -> Outcome:
    representations = stored_result("force_constant_components")["representations"]
    every = [(f"{name}, {scaling}", found) for name, each in representations.items() for scaling, found in each.items()]
    told = [holds for holds in (_holds_published(found) for _, found in every) if holds is not None]
    verdict = "open" if not told else "confirmed" if all(told) else "corrected" if any(told) else "refuted"
    least, most = PUBLISHED_COMPONENTS
    lines = [
        "{}: {number} ({low:g} to {high:g}) of {} possible, {} molecules".format(
            name, found["greatest_rank"], found["n_molecules"], **found["components"]["for 95 %"]
        )
        + (f", from half of them {found['for 95 % from half of the molecules']:g}" if _grows(found) else "")
        for name, found in every
    ]
    passing = [
        f"{point['for 95 %']:g} components of {point['n_molecules']} molecules ({name})"
        for name, found in every
        for point in found["over sample size"]
        if _grows(found) and least <= point["for 95 %"] <= most
    ]
    return Outcome(
        "The number belongs to the representation; where it grows with the number of molecules it tells the size of "
        "the sample. Linear components bound no nonlinear encoder, from either side, and a model sees spectra, not "
        "force constants: no such number justifies a size of a latent. Rule, over the representations that can tell "
        f"(at least {least:g} columns; from half of the molecules to all the number grows by less than "
        f"{100 * (_STILL_GROWING - 1):.0f} %, or has passed {most:g} already): confirmed where all 95 % intervals "
        f"reach {least:g} to {most:g}, corrected where some do, refuted where none does; open without one that can "
        "tell.",
        verdict,
        "numerical",
        "components for 95 % of the variance (Hessians of QM9 molecules, small and symmetric ones preferred, GFN2-xTB, "
        f"simulated): {'; '.join(lines)}. "
        f"In the published range while growing: {', '.join(passing) or 'none'}",
    )


def _reconstruction() -> Outcome:
    held_out = shipped_metrics("small")["held_out"]
    parts = {
        **{f"hidden channels, {kind}": error for kind, error in held_out["masked"].items()},
        **{f"{kind} from the other spectrum": error for kind, error in held_out["cross_modal"].items()},
    }
    reached = [error["interval"][0] <= PUBLISHED_ERROR for error in parts.values()]
    return Outcome(
        "A reconstruction error belongs to its data, its mask and its norm, and those of the published number are not "
        "known: not reaching it does not refute it. Here: sum of squared errors over sum of squares, unseen molecules "
        "and instruments (simulated), model small. Rule: confirmed where all four 95 % intervals reach "
        f"{PUBLISHED_ERROR:g} or less, corrected where some do, open where none does.",
        "confirmed" if all(reached) else "corrected" if any(reached) else "open",
        "measured",
        "; ".join(
            f"{name} {error['model']:.3f} ({error['interval'][0]:.3f} to {error['interval'][1]:.3f}; mean spectrum "
            f"{error['mean_spectrum']:.3f})"
            for name, error in parts.items()
        )
        + f"; {held_out['n_scored']:,} molecules",
    )


def _of_model(judged: Mapping[str, Any], model: str, key: str) -> dict[str, Any]:
    """The result of the first of our models whose name begins so."""
    for name, found in judged.items():
        if name.startswith(model):
            return found
    raise DatasetError(
        f"studies/results/spektron_predictions.json: {key} was judged for {sorted(judged)}, not for {model}; "
        "`python studies/spektron_predictions.py` judges it."
    )


def _prediction(key: str, model: str) -> Callable[[], Outcome]:
    def check() -> Outcome:
        results = stored_result("spektron_predictions")
        if results["registration"] != registration_hash():
            raise DatasetError(
                "studies/results/spektron_predictions.json was judged by other rules than those registered "
                f"({results['registration'][:12]}, not {registration_hash()[:12]}); `python "
                "studies/spektron_predictions.py` judges anew."
            )
        found = _of_model(results.get(key, {}), model, key)
        return Outcome(
            f"{registered(key).hypothesis} Rule: docs/predictions_registered.md, written before the run; supported is "
            f'"confirmed", undecided "open". {model} on simulated spectra: {found["verdict"]}.',
            _VERDICTS[found["verdict"]],
            "measured",
            str(Estimate(**found["effect"])),
        )

    return check


_ABLATION = "python studies/spektron_ablation.py"
_PREDICTIONS = "python studies/spektron_predictions.py"
_MODELS = {"P1": "Spektron small", "P2": "Spektron small", "P3": "Spektron tiny", "E8": "Spektron small"}

SPEKTRON_CLAIMS: tuple[Claim, ...] = (
    Claim("architecture", "the architecture decides: accuracy "
          + ", ".join(f"{share} % ({_ARM[arm]})" for arm, share in PUBLISHED_ACCURACY.items()), _ABLATION, _ablation),
    Claim("tokenizer", "the convolutional tokenizer is worth 8 to 10 points over raw patches", _ABLATION, _tokenizer),
    Claim("speed-against-attention", "D-LinOSS is 1.8 times as fast as attention at length 2048, 7 times at 8192",
          "python benchmarks/dlinoss.py", _speed),
    Claim("components-of-force-constants", "80 to 100 principal components hold 95 % of the variance of force "
          "constants, hence a latent of 128 + 64 numbers", "python studies/force_constant_components.py", _components),
    Claim("reconstruction-error", "hidden parts of spectra are reconstructed with a normalised error of 0.036",
          "symvib train --config small; python docs/make_spektron.py", _reconstruction),
    *(Claim(f"prediction-{key.lower()}", f"prediction {key}: {registered(key).title}", _PREDICTIONS,
            _prediction(key, model)) for key, model in _MODELS.items()),
)  # fmt: skip
"""The claims about the model and the registered predictions, for `theory.claims.ledger`."""
