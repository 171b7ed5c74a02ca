"""E8: whether a spectrum's features tell more of the silent modes than composition does."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import EvaluationError
from ._grouped_ridge import out_of_fold
from ._tested import TestedPrediction
from .predictions import Estimate, RegisteredPrediction, registered, registration_hash

__all__ = ["SilentProbe", "composition_features", "silent_probe"]

Array = NDArray[np.float64]
_N_FOLDS = 5
_N_BOOTSTRAP = 2000
_ELEMENT = re.compile(r"([A-Z][a-z]?)(\d*)")


@dataclass(frozen=True, eq=False)
class SilentProbe(TestedPrediction):
    """What features of a spectrum add to composition in predicting silent modes: R2 out of fold, of E8.

    Beside what every `TestedPrediction` has (the effect being R2 with features minus R2 of composition alone; E8
    expects none):

    Attributes
    ----------
    positive, shuffled : Estimate
        The same for modes that the spectrum shows, which must be above 0; and with features of other molecules.
    r2_composition, r2_both : float
        Of the silent modes.
    r2_visible : tuple of float
        The same two of the visible modes: where composition says nearly all, little can be added to it.
    n_formulas : int
    """

    positive: Estimate
    shuffled: Estimate
    r2_composition: float
    r2_both: float
    r2_visible: tuple[float, float]
    n_formulas: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **super().as_dict(),
            "positive_control": self.positive.as_dict(),
            "shuffled_features": self.shuffled.as_dict(),
            "r2_composition": self.r2_composition,
            "r2_composition_and_features": self.r2_both,
            "r2_visible": list(self.r2_visible),
            "n_formulas": self.n_formulas,
        }

    def _beside(self) -> tuple[Estimate, ...]:
        return self.positive, self.shuffled


def silent_probe(
    features: ArrayLike,
    composition: ArrayLike,
    silent_cm1: ArrayLike,
    visible_cm1: ArrayLike,
    formulas: Sequence[str],
    *,
    seed: int = 0,
) -> SilentProbe:
    """Verdict on E8: R2 that features of a spectrum add to composition for silent modes, on formulas never seen.

    Parameters
    ----------
    features : (n, p) array
        Of the spectrum of each molecule with silent modes: an embedding.
    composition : (n, q) array
        The prior; `composition_features` makes one.
    silent_cm1 : (n,) array
        Mean wavenumber of the silent modes.
    visible_cm1 : (n,) array
        Mean wavenumber of the Raman-active modes: the positive control.
    formulas : sequence of str (n,)
        Molecules of a formula are never split.
    seed : int
        Of folds, bootstrap and the dealing out of features.

    Raises
    ------
    EvaluationError
        Lengths that differ, values that are no finite numbers, a constant target, fewer than 25 formulas.

    Notes
    -----
    The rule is ``registered("E8")``. Ridge with one penalty for each block, chosen within the training folds; a block
    that does not help can be left out, so that useless features cost nothing but noise in that choice.
    """
    rule = registered("E8")
    x, prior, silent, visible = _checked(features, composition, silent_cm1, visible_cm1, formulas)

    def added(part: Array, target: Array, name: str) -> tuple[Estimate, float, float]:
        return _added(part, prior, target, formulas, name, rule, seed)

    effect, alone, both = added(x, silent, "silent modes")
    positive, *r2_visible = added(x, visible, "visible modes (positive control)")
    dealt = np.random.default_rng(seed).permutation(len(x))
    shuffled = added(x[dealt], silent, "silent modes, features of other molecules")[0]
    objection = "" if positive.low > 0 else f"the positive control failed ({positive})"
    decision = rule.decide(effect, objection=objection)
    n_formulas = len(set(formulas))
    seen = (r2_visible[0], r2_visible[1])
    return SilentProbe(rule, decision, effect, registration_hash(), positive, shuffled, alone, both, seen, n_formulas)


def composition_features(formulas: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    """Counts and shares of the elements, squares of the shares, and size (n, q) of Hill formulas; names (q,).

    Examples
    --------
    >>> values, names = composition_features(["CH4", "C2H4"])
    >>> dict(zip(names, values[0].round(2).tolist()))["share of H"]
    0.8
    """
    counts: list[dict[str, int]] = []
    for formula in formulas:
        found = _ELEMENT.findall(formula)
        if not found or "".join(a + b for a, b in found) != formula:
            raise EvaluationError(f"composition_features: {formula!r} is no formula such as C2H6O.")
        one: dict[str, int] = {}
        for symbol, number in found:
            one[symbol] = one.get(symbol, 0) + int(number or 1)
        counts.append(one)
    elements = sorted({symbol for one in counts for symbol in one})
    table = np.array([[one.get(symbol, 0) for symbol in elements] for one in counts], dtype=float)
    total = table.sum(axis=1, keepdims=True)
    shares = table / total
    names = [
        *(f"number of {e}" for e in elements),
        *(f"share of {e}" for e in elements),
        *(f"squared share of {e}" for e in elements),
    ]
    return np.column_stack([table, shares, shares**2, total, 1 / total]), (*names, "atoms", "1 / atoms")


def _added(
    features: Array,
    prior: Array,
    target: Array,
    formulas: Sequence[str],
    name: str,
    rule: RegisteredPrediction,
    seed: int,
) -> tuple[Estimate, float, float]:
    """What features add in R2, with R2 of the prior and of both."""
    alone, mean = out_of_fold([prior], target, formulas, n_folds=_N_FOLDS, seed=seed)
    both, _ = out_of_fold([prior, features], target, formulas, n_folds=_N_FOLDS, seed=seed)
    squares = np.column_stack([(target - guess) ** 2 for guess in (alone, both, mean)])
    _, index = np.unique(np.asarray(formulas), return_inverse=True)
    sums = np.column_stack([np.bincount(index, column) for column in squares.T])
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=_N_BOOTSTRAP) @ sums
    tails = np.array([1 - rule.level, 1 + rule.level]) / 2
    low, high = np.quantile((draws[:, 0] - draws[:, 1]) / draws[:, 2], tails)
    r2_alone, r2_both = (1 - sums[:, :2].sum(axis=0) / sums[:, 2].sum()).tolist()
    estimate = Estimate(name, r2_both - r2_alone, float(low), float(high), rule.level, len(target), rule.unit)
    return estimate, r2_alone, r2_both


def _checked(
    features: ArrayLike, composition: ArrayLike, silent: ArrayLike, visible: ArrayLike, formulas: Sequence[str]
) -> tuple[Array, Array, Array, Array]:
    tables = [np.asarray(a, dtype=float) for a in (features, composition)]
    targets = [np.asarray(a, dtype=float) for a in (silent, visible)]
    n = len(formulas)
    shapes = [a.shape for a in (*tables, *targets)]
    if any(a.ndim != 2 or len(a) != n for a in tables) or any(a.shape != (n,) for a in targets):
        raise EvaluationError(f"silent_probe: {n} formulas, arrays of shapes {shapes}; (n, p), (n, q), (n,), (n,) go.")
    for name, values in zip(("features", "composition", "silent_cm1", "visible_cm1"), (*tables, *targets), strict=True):
        wrong = np.flatnonzero(~np.isfinite(values.reshape(n, -1)).all(axis=1))
        if len(wrong):
            raise EvaluationError(
                f"silent_probe: {name} of {len(wrong)} molecules is no finite number (rows {wrong[:5].tolist()} ...): "
                "leave molecules without silent modes out."
            )
    if len(set(formulas)) < _N_FOLDS**2 or min(float(np.ptp(t)) for t in targets) == 0:
        raise EvaluationError(
            f"silent_probe: {len(set(formulas))} formulas ({_N_FOLDS**2} are needed) and targets that must vary."
        )
    return tables[0], tables[1], targets[0], targets[1]
