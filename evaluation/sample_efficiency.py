"""The prediction P3 tested: does a model learn faster where spectra determine more of the force field?"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ._association import Controls, least_squares, z_scored
from .hits import Covariates, Hits
from .predictions import Estimate, RegisteredPrediction, registered
from .symmetry_effect import CONTROLS, SymmetryEffect, judged, known_molecules

__all__ = ["sample_efficiency"]

_LARGEST_INFLATION = 20.0  # of the margin, above which a sample cannot tell it from size
Array = NDArray[np.float64]


def sample_efficiency(hits_by_size: Mapping[int, Hits], covariates: Any) -> SymmetryEffect:
    """Verdict on P3: whether top-1 grows faster with the training size where the identifiability margin is larger.

    Parameters
    ----------
    hits_by_size : mapping of int to Hits
        Number of training molecules, and what the model trained on them identified ("ir+raman"); three sizes or more.
    covariates : Covariates, mapping with "id", or Strata
        "n_atoms", "n_vib", "n_levels", "nearest_similarity", "margin".

    Raises
    ------
    EvaluationError
        Fewer than three sizes, no molecule asked at all of them, a margin that the controls determine.
    """
    rule = registered("P3")
    sizes = sorted(hits_by_size)
    if len(sizes) < 3 or sizes[0] < 1:
        raise EvaluationError(f"sample_efficiency: training sizes {sizes}; three or more, each at least 1, are needed.")
    ids = sorted(set.intersection(*(set(h.ids) for h in hits_by_size.values())))
    if not ids:
        raise EvaluationError(f"sample_efficiency: no molecule was asked at all of the training sizes {sizes}.")
    table, shares, notes = _all_sizes([hits_by_size[size] for size in sizes], covariates, ids)
    doublings = np.log2(sizes) - np.log2(sizes).mean()
    weights = doublings / float(doublings @ doublings)
    slopes, steepest = shares @ weights, float(weights[weights > 0].sum())
    controls = Controls.of(table.numbers(CONTROLS), CONTROLS)
    margin = table["margin"].astype(float)
    root = z_scored(np.sign(margin) * np.sqrt(np.abs(margin)))
    fit = least_squares(slopes, root, "signed root of margin", controls, rule.level)
    if fit.coefficient is None or fit.low is None or fit.high is None:
        raise EvaluationError(f"sample_efficiency: no estimate for {len(table)} molecules: {fit.refused}.")
    effect = Estimate(
        "slope for one deviation of the root of margin",
        fit.coefficient,
        fit.low,
        fit.high,
        rule.level,
        fit.n,
        rule.unit,
        fit.p_value,
    )
    objection = ""
    if fit.inflation > _LARGEST_INFLATION:
        objection = (
            f"variance inflation of the margin is {fit.inflation:.1f}, above {_LARGEST_INFLATION:g}: size and margin "
            "are one in this sample"
        )
    parts, accuracies = [], {}
    for name in ("margin", "n_vib"):
        for label, rows in _thirds(table[name].astype(float)).items():
            parts.append(_mean_slope(slopes[rows], steepest, f"slope, {name} {label}", rule))
            tops = dict(zip(map(str, sizes), shares[rows].mean(axis=0).tolist(), strict=True))
            accuracies[f"{name} {label}"] = tops
    return judged(rule, effect, None, fit, tuple(parts), accuracies, notes, objection)


def _all_sizes(each: list[Hits], covariates: Any, ids: list[str]) -> tuple[Covariates, Array, list[str]]:
    """As `_asked`, one column for each training size."""
    shares = np.column_stack([hits.table(ids, ("ir+raman",))[:, 0] for hits in each])
    whole = np.asarray(~np.isnan(shares).any(axis=1))
    asked = {name for hits in each for name in hits.ids}
    if not whole.any():
        raise EvaluationError(f"None of {len(asked)} molecules was asked with ir+raman at every training size.")
    left = len(asked) - int(whole.sum())
    notes = [f"{left} of {len(asked)} molecules were not asked at every training size."] if left else []
    return known_molecules(covariates, ids, whole), shares[whole], notes


def _thirds(values: Array) -> dict[str, NDArray[np.bool_]]:
    """Masks of the lowest, middle and highest third; equal values stay together, empty thirds are left out."""
    low, high = np.quantile(values, [1 / 3, 2 / 3])
    masks = {
        f"up to {low:g}": values <= low,
        f"{low:g} to {high:g}": (values > low) & (values <= high),
        f"above {high:g}": values > high,
    }
    return {name: mask for name, mask in masks.items() if mask.any()}


def _mean_slope(slopes: Array, steepest: float, name: str, rule: RegisteredPrediction) -> Estimate:
    """Mean over molecules with Student's interval; of one molecule, that of all slopes that hits from 0 to 1 allow."""
    from scipy.stats import t

    n, mean = len(slopes), float(slopes.mean())
    if n == 1:
        return Estimate(name, mean, -steepest, steepest, rule.level, n, rule.unit)
    half = float(t.ppf((1 + rule.level) / 2, n - 1)) * float(slopes.std(ddof=1)) / np.sqrt(n)
    return Estimate(name, mean, mean - half, mean + half, rule.level, n, rule.unit)
