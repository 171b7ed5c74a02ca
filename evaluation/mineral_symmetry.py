"""Whether an inversion centre makes transfer between infrared and Raman harder: the registered M1 and M2."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ._association import Association, Controls, least_squares
from ._matching import Caliper, match_pairs
from ._mineral_data import MineralPairs
from ._mineral_metrics import correlations
from .hits import Covariates
from .mineral_predictions import mineral_prediction, mineral_registration_hash
from .mineral_strata import MineralStratum
from .mineral_transfer import group_means
from .predictions import Decision, Estimate

__all__ = ["GroupTable", "MineralVerdict", "coincidence", "group_table", "judge"]

CONTROLS = ("bands_ir", "bands_raman", "likeness_ir", "likeness_raman")
_SHARED_CM1 = (400.0, 1400.0)
_PROMINENCE = 0.05
_LEAST_OF_A_CLASS = 5
_CALIPERS = (
    Caliper("class", 0),
    Caliper("bands_ir", 1, in_deviations=True),
    Caliper("bands_raman", 1, in_deviations=True),
    Caliper("likeness_ir", 0.5, in_deviations=True),
    Caliper("likeness_raman", 0.5, in_deviations=True),
)
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroupTable:
    """What is known of groups of minerals, whatever a method does with them.

    Attributes
    ----------
    groups : ndarray (g,) of int
    names : tuple of str (g,)
        Minerals of the group, joined by "/".
    inversion, majority, system, classes : ndarray of str (g,)
        By all structures; by two thirds of them; crystal system; class by composition.
    numbers : mapping of str to ndarray (g,)
        bands_ir, bands_raman: numbers of bands; likeness_ir, likeness_raman: largest correlation with another group.
    """

    groups: NDArray[np.int64]
    names: tuple[str, ...]
    inversion: NDArray[np.str_]
    majority: NDArray[np.str_]
    system: NDArray[np.str_]
    classes: NDArray[np.str_]
    numbers: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.groups)


@dataclass(frozen=True, eq=False)
class MineralVerdict:
    """The verdict on M1 or M2, and what stands beside it.

    Attributes
    ----------
    key, subject : str
        "M1", and the method that was judged.
    effect : Estimate
        Noncentrosymmetric minus centrosymmetric, controls held.
    association : Association
        The regression that gave it.
    decision : Decision
    beside : tuple of Estimate
        The pairs, the raw difference, the strata by majority; only the pairs can overturn.
    n : mapping of str to int
        Groups in each stratum.
    registration : str
        Hash of the rules.
    """

    key: str
    subject: str
    effect: Estimate
    association: Association
    decision: Decision
    beside: tuple[Estimate, ...]
    n: Mapping[str, int]
    registration: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "key": self.key,
            "subject": self.subject,
            "verdict": self.decision.verdict,
            "reason": self.decision.reason,
            "effect": self.effect.as_dict(),
            "regression": self.association.as_dict(),
            "beside": [part.as_dict() for part in self.beside],
            "n": dict(self.n),
            "registration": self.registration,
        }

    def __str__(self) -> str:
        return "\n".join([f"{self.key} ({self.subject}): {self.decision}", *map(str, self.beside)])


def group_table(pairs: MineralPairs, strata: Mapping[str, MineralStratum]) -> GroupTable:
    """Covariates of the groups of pairs of infrared and Raman spectra.

    Parameters
    ----------
    pairs : MineralPairs
        From infrared to Raman.
    strata : mapping of str to MineralStratum
        For every name in ``pairs``.

    Raises
    ------
    EvaluationError
        Another direction, or a name without a stratum.
    """
    if (pairs.source, pairs.target) != ("ir", "raman"):
        raise EvaluationError(f"group_table takes pairs of ir and raman, not {pairs.source} and {pairs.target}.")
    absent = sorted(set(pairs.minerals) - set(strata))
    if absent:
        raise EvaluationError(f"group_table: no stratum of {', '.join(absent[:5])} ({len(absent)} names).")
    groups = np.unique(pairs.groups)
    members = {g: sorted({pairs.minerals[k] for k in np.flatnonzero(pairs.groups == g)}) for g in groups.tolist()}

    def agreed(what: str) -> NDArray[np.str_]:
        found = []
        for g in groups.tolist():
            values = {str(getattr(strata[name], what)) for name in members[g]} - {"unknown"}
            found.append("unknown" if not values else next(iter(values)) if len(values) == 1 else "ambiguous")
        return np.array(found)

    inside = (pairs.x_axis >= _SHARED_CM1[0]) & (pairs.x_axis <= _SHARED_CM1[1])
    numbers = {
        "bands_ir": _bands(pairs.x[:, inside], pairs.x_mask[:, inside]),
        "bands_raman": _bands(pairs.y, pairs.y_mask),
        "likeness_ir": _likeness(pairs.x, pairs.x_mask, pairs.groups),
        "likeness_raman": _likeness(pairs.y, pairs.y_mask, pairs.groups),
    }
    return GroupTable(
        groups=groups,
        names=tuple("/".join(members[g]) for g in groups.tolist()),
        inversion=agreed("inversion"),
        majority=agreed("majority"),
        system=agreed("system"),
        classes=np.array([strata[members[g][0]].mineral_class for g in groups.tolist()]),
        numbers={name: group_means(values, pairs.groups)[1] for name, values in numbers.items()},
    )


def coincidence(
    pairs: MineralPairs, table: GroupTable, *, own: bool = True, seed: int = 0
) -> tuple[Array, NDArray[np.bool_]]:
    """The response of M2 for each group (g,), and where it exists: classes of one group have nothing to compare with.

    Correlation of the infrared with the Raman spectrum of the specimen, less its mean with those of other groups of the
    class. With ``own=False`` an infrared spectrum of another group of the class, drawn at random, takes its place.
    """
    inside = (pairs.y_axis >= _SHARED_CM1[0]) & (pairs.y_axis <= _SHARED_CM1[1])
    axis = pairs.y_axis[inside]
    given = np.array([np.interp(axis, pairs.x_axis, row) for row in pairs.x])
    measured = np.array([np.interp(axis, pairs.x_axis, row.astype(float)) for row in pairs.x_mask]) > 0.999
    between = correlations(given, measured, pairs.y[:, inside], pairs.y_mask[:, inside])
    at = np.searchsorted(table.groups, pairs.groups)
    classes = table.classes[at]
    others = (classes[:, None] == classes[None, :]) & (at[:, None] != at[None, :])
    n = others.sum(axis=1)
    rows = np.arange(len(pairs))
    if not own:
        rng = np.random.default_rng(seed)
        rows = np.array([rng.choice(np.flatnonzero(o)) if o.any() else k for k, o in enumerate(others)])
        others = others[rows] & (at[rows][:, None] != at[None, :])
        n = others.sum(axis=1)
    response = between[rows, np.arange(len(pairs))] - np.where(others, between[rows], 0.0).sum(axis=1) / np.maximum(
        n, 1
    )
    return group_means(response, pairs.groups)[1], group_means((n > 0).astype(float), pairs.groups)[1] == 1.0


def judge(
    key: str, response: Array, table: GroupTable, *, subject: str, kept: NDArray[np.bool_] | None = None
) -> MineralVerdict:
    """M1 or M2 of a response (g,), one number for each group of the table, by the registered rule.

    Parameters
    ----------
    key : {"M1", "M2"}
    response : ndarray (g,)
    table : GroupTable
    subject : str
        What is judged: a method's name.
    kept : ndarray (g,) of bool, optional
        Groups that have a response.

    Raises
    ------
    EvaluationError
        A response of another length or not finite, or one of the strata empty.
    """
    rule = mineral_prediction(key)
    kept = np.ones(len(table), dtype=bool) if kept is None else kept
    if response.shape != (len(table),) or not np.isfinite(response[kept]).all():
        raise EvaluationError(f"judge({key}): response {response.shape} for {len(table)} groups; all must be finite.")
    found, association = _regression(response, table, table.inversion, kept, rule.level, "controls held")
    beside = (
        _matched(response, table, kept, rule.level),
        _raw(response, table.inversion, kept, rule.level),
        _regression(response, table, table.majority, kept, rule.level, "by the majority of structures")[0],
    )
    pairs = beside[0]
    opposed = pairs is not None and (pairs.high < 0 < found.value or found.value < 0 < pairs.low)
    objection = f"the matched pairs point the other way: {pairs}" if opposed else ""
    return MineralVerdict(
        key=key,
        subject=subject,
        effect=found,
        association=association,
        decision=rule.decide(found, objection=objection),
        beside=tuple(part for part in beside if part is not None),
        n=dict(Counter(table.inversion[kept].tolist())),
        registration=mineral_registration_hash(),
    )


def _sides(label: NDArray[np.str_], kept: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    without, centred = kept & (label == "noncentrosymmetric"), kept & (label == "centrosymmetric")
    if not without.any() or not centred.any():
        raise EvaluationError(f"{without.sum()} noncentrosymmetric and {centred.sum()} centrosymmetric groups.")
    return without, centred


def _regression(
    response: Array, table: GroupTable, label: NDArray[np.str_], kept: NDArray[np.bool_], level: float, name: str
) -> tuple[Estimate, Association]:
    """The registered coefficient, over the groups of the two strata."""
    without, centred = _sides(label, kept)
    rows = without | centred
    controls = Controls.of(np.column_stack([table.numbers[name][rows] for name in CONTROLS]), CONTROLS)
    controls = controls.with_columns(*_class_indicators(table.classes[rows]))
    fit = least_squares(response[rows], without[rows].astype(float), "noncentrosymmetric", controls, level)
    if fit.coefficient is None or fit.low is None or fit.high is None:
        raise EvaluationError(f"the regression was refused: {fit.refused}")
    n = int(min(without.sum(), centred.sum()))
    return Estimate(name, fit.coefficient, fit.low, fit.high, level, n, "correlation", fit.p_value), fit


def _class_indicators(classes: NDArray[np.str_]) -> tuple[Array, list[str]]:
    """Indicators of the classes but the most frequent; small ones together."""
    counts = Counter(classes.tolist())
    merged = np.array([c if counts[c] >= _LEAST_OF_A_CLASS else "small classes" for c in classes.tolist()])
    names = [name for name, _ in Counter(merged.tolist()).most_common()][1:]
    return np.array([merged == name for name in names], dtype=float).reshape(len(names), -1).T, names


def _raw(response: Array, label: NDArray[np.str_], kept: NDArray[np.bool_], level: float) -> Estimate:
    """The difference of the means, by Welch's t."""
    from scipy.stats import ttest_ind

    without, centred = _sides(label, kept)
    test: Any = ttest_ind(response[without], response[centred], equal_var=False)
    low, high = test.confidence_interval(level)
    value = float(response[without].mean() - response[centred].mean())
    n = int(min(without.sum(), centred.sum()))
    return Estimate("without controls", value, float(low), float(high), level, n, "correlation", float(test.pvalue))


def _matched(response: Array, table: GroupTable, kept: NDArray[np.bool_], level: float) -> Estimate | None:
    """The mean difference over pairs of equal class and alike in the controls; None with fewer than two pairs."""
    from scipy.stats import t

    without, centred = _sides(table.inversion, kept)
    known = {name: k for k, name in enumerate(sorted(set(table.classes.tolist())))}
    covariates = Covariates.of(
        {
            "id": [str(g) for g in table.groups.tolist()],
            "class": [float(known[c]) for c in table.classes.tolist()],
            **table.numbers,
        }
    )
    pairs = match_pairs(covariates, without, centred, _CALIPERS)
    if len(pairs) < 2:
        return None
    change = response[pairs.treated] - response[pairs.control]
    value, error = float(change.mean()), float(change.std(ddof=1)) / np.sqrt(len(change))
    half = float(t.ppf((1 + level) / 2, len(change) - 1)) * error
    return Estimate("matched pairs", value, value - half, value + half, level, len(pairs), "correlation")


def _bands(values: Array, mask: NDArray[np.bool_]) -> Array:
    """Numbers (n,) of maxima of prominence 0.05 or more in the measured part, scaled there to largest value 1."""
    from scipy.signal import find_peaks

    found = np.zeros(len(values))
    for row, (y, known) in enumerate(zip(values, mask, strict=True)):
        part = y[known]
        if len(part) and part.max() > 0:
            found[row] = len(find_peaks(part / part.max(), prominence=_PROMINENCE)[0])
    return found


def _likeness(values: Array, mask: NDArray[np.bool_], groups: NDArray[np.int64]) -> Array:
    """Largest correlation (n,) of each spectrum with one of another group."""
    between = correlations(values, mask, values, mask)
    between[groups[:, None] == groups[None, :]] = -1.0
    return between.max(axis=1)
