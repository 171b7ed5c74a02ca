"""Scores of the transfer benchmark over splits: means with intervals, shares of the ceiling, what is best and how."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np

from ..errors import EvaluationError
from ._transfer_base import Array
from ._transfer_spec import TABLES
from ._transfer_table import ScoreTable

__all__ = ["BY_OTHER_SPLITS", "BY_TRANSFER", "ON_TEST", "Mean", "MethodSummary", "mean_over_splits", "summaries"]

ON_TEST = "best on the test samples (optimistic)"
BY_TRANSFER = "chosen by the transfer samples"
BY_OTHER_SPLITS = "chosen by the other splits"


@dataclass(frozen=True)
class Mean:
    """A mean over splits with its 95 % interval; of one split the limits are None."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class MethodSummary:
    """One method, direction, property and budget over all splits.

    Attributes
    ----------
    data, source, target, property, table, method, calibration : str
        As in `TransferScore`; ``calibration`` is "" where a choice among methods is summarised.
    k : int
    n_splits, n_train, n_test : int
    r2, rmsep : Mean
    bias, sep : float
        Means over splits.
    ceiling_r2, ceiling_rmsep : float
    r2_share : Mean or None
        Mean R2 over the mean R2 of the ceiling; None where that is not above 0.
    rmsep_ratio : Mean
        Mean RMSEP over the mean RMSEP of the ceiling.
    minus_classical : Mean or None
        Mean difference of the RMSEP, split by split, to the best classical method of the same table and budget.
    which : str
        Of a choice: the method most often chosen, and how often.
    refused : str
        Why the method gave nothing on any split; all numbers are then None.
    """

    data: str
    source: str
    target: str
    property: str
    k: int
    table: str
    method: str
    calibration: str
    n_splits: int = 0
    n_train: int = 0
    n_test: int = 0
    r2: Mean | None = None
    rmsep: Mean | None = None
    bias: float | None = None
    sep: float | None = None
    ceiling_r2: float | None = None
    ceiling_rmsep: float | None = None
    r2_share: Mean | None = None
    rmsep_ratio: Mean | None = None
    minus_classical: Mean | None = None
    which: str = ""
    refused: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def mean_over_splits(values: Any, n_train: float, n_test: float) -> Mean:
    """Mean of scores (m,) of random splits of one set, with a 95 % interval that knows that the splits overlap.

    Student's t with the variance times 1/m + n_test/n_train in place of 1/m: C. Nadeau, Y. Bengio, Mach. Learn. 52,
    239 (2003).

    Examples
    --------
    >>> mean_over_splits([0.8, 0.9, 0.7, 0.8], 30, 10)
    Mean(value=0.8, low=0.60154, high=0.99846)
    """
    from scipy.stats import t

    scores = np.asarray(values, dtype=np.float64)
    m = len(scores)
    value = float(scores.mean())
    if m < 2:
        return Mean(round(value, 6), None, None)
    half = float(t.ppf(0.975, m - 1)) * float(scores.std(ddof=1)) * sqrt(1.0 / m + n_test / n_train)
    return Mean(round(value, 6), round(value - half, 6), round(value + half, 6))


def summaries(table: ScoreTable) -> list[MethodSummary]:
    """Every method, and the three ways to name a best one, of every set, property, direction and budget."""
    found: list[MethodSummary] = []
    for part in _groups(table, ("data", "property", "source", "target")):
        key = {name: str(part[name][0]) for name in ("data", "property", "source", "target")}
        ceiling = _by_split(part.where(table="ceiling"))
        if not ceiling:
            raise EvaluationError(f"summaries: no ceiling among the scores of {key}.")
        for name in TABLES:
            of_table = part.where(table=name)
            if name == "ceiling":  # of all training samples, whose number may differ from split to split
                of_table.columns["k"][:] = round(float(of_table["k"].mean()))
            for k in dict.fromkeys(of_table["k"].tolist()):
                found += _summaries_of(of_table.where(k=k), ceiling, {**key, "k": k, "table": name})
    return found


def _groups(table: ScoreTable, names: tuple[str, ...]) -> Iterable[ScoreTable]:
    """Parts with equal values, in order of first appearance."""
    _, codes = np.unique(np.array([table[name] for name in names]), axis=1, return_inverse=True)
    codes = codes.reshape(-1)
    for code in dict.fromkeys(codes.tolist()):
        yield table.rows(codes == code)


def _by_split(part: ScoreTable) -> dict[str, dict[str, Any]]:
    """Split to its one row, of rows that were not refused."""
    numbers = {name: part[name].tolist() for name in _COLUMNS}
    rows = (dict(zip(numbers, values, strict=True)) for values in zip(*numbers.values(), strict=True))
    return {row["split"]: row for row in rows if not row["refused"]}


_COLUMNS = ("split", "rmsep", "bias", "sep", "r2", "criterion", "n_train", "n_test", "refused")


def _summaries_of(part: ScoreTable, ceiling: dict[str, Any], key: dict[str, Any]) -> list[MethodSummary]:
    candidates: dict[tuple[str, str], dict[str, Any]] = {}
    refused: dict[tuple[str, str], str] = {}
    for of in _groups(part, ("method", "calibration")):
        name = str(of["method"][0]), str(of["calibration"][0])
        rows = _by_split(of)
        if rows:
            candidates[name] = rows
        else:
            refused[name] = str(of["refused"][0])
    classical = {name: rows for name, rows in candidates.items() if name[1] != "own"}
    most = max(map(len, classical.values()), default=0)
    classical = {name: rows for name, rows in classical.items() if len(rows) == most}  # means of the same splits
    best = min(classical, key=lambda name: _mean(classical[name]), default=None)
    reference = None if best is None else candidates[best]
    found = [
        _summary(rows, ceiling, reference, {**key, "method": method, "calibration": calibration})
        for (method, calibration), rows in candidates.items()
    ]
    found += [MethodSummary(method=m, calibration=c, refused=why, **key) for (m, c), why in refused.items()]
    if key["table"] in ("paired", "unpaired", "labelled") and len(candidates) > 1:
        for name, chosen in _choices(candidates).items():
            rows = {split: candidates[which][split] for split, which in chosen.items()}
            summary_of = {**key, "method": name, "calibration": "", "which": _most_often(chosen)}
            found.append(_summary(rows, ceiling, reference, summary_of))
    return found


def _mean(rows: dict[str, Any]) -> float:
    return float(np.mean([row["rmsep"] for row in rows.values()]))


def _choices(candidates: dict[tuple[str, str], dict[str, Any]]) -> dict[str, dict[str, tuple[str, str]]]:
    """For each way to choose, split to the candidate; only candidates that were fitted on every split."""
    splits = list(dict.fromkeys(split for rows in candidates.values() for split in rows))
    complete = {name: rows for name, rows in candidates.items() if len(rows) == len(splits)}
    names = list(complete)
    if not names:
        return {}
    errors = np.array([[rows[split]["rmsep"] for split in splits] for rows in complete.values()])
    criteria = np.array([[rows[split]["criterion"] for split in splits] for rows in complete.values()], dtype=float)
    found = {ON_TEST: dict.fromkeys(splits, names[int(errors.mean(axis=1).argmin())])}
    if len(splits) > 1:
        others = errors.sum(axis=1, keepdims=True) - errors
        found[BY_OTHER_SPLITS] = {s: names[int(others[:, i].argmin())] for i, s in enumerate(splits)}
    if np.isfinite(criteria).any(axis=0).all():
        filled = np.where(np.isfinite(criteria), criteria, np.inf)
        found[BY_TRANSFER] = {s: names[int(filled[:, i].argmin())] for i, s in enumerate(splits)}
    return found


def _most_often(chosen: dict[str, tuple[str, str]]) -> str:
    counted = {name: list(chosen.values()).count(name) for name in chosen.values()}
    (method, calibration), n = max(counted.items(), key=lambda item: item[1])
    of = f" (calibration: {calibration})" if calibration != "own" else ""
    return f"{method}{of}, {n} of {len(chosen)}"


def _summary(
    rows: dict[str, Any], ceiling: dict[str, Any], reference: dict[str, Any] | None, key: dict[str, Any]
) -> MethodSummary:
    splits = [split for split in rows if split in ceiling]
    own = {name: np.array([rows[s][name] for s in splits], dtype=float) for name in ("rmsep", "r2", "bias", "sep")}
    top = {name: np.array([ceiling[s][name] for s in splits], dtype=float) for name in ("rmsep", "r2")}
    n_train, n_test = (float(np.mean([rows[s][name] for s in splits])) for name in ("n_train", "n_test"))
    shared = [s for s in splits if reference is not None and s in reference]
    minus = None
    if reference is not None and shared:
        changes = [rows[s]["rmsep"] - reference[s]["rmsep"] for s in shared]
        minus = mean_over_splits(changes, n_train, n_test)
    return MethodSummary(
        n_splits=len(splits),
        n_train=round(n_train),
        n_test=round(n_test),
        r2=mean_over_splits(own["r2"], n_train, n_test),
        rmsep=mean_over_splits(own["rmsep"], n_train, n_test),
        bias=round(float(own["bias"].mean()), 6),
        sep=round(float(own["sep"].mean()), 6),
        ceiling_r2=round(float(top["r2"].mean()), 6),
        ceiling_rmsep=round(float(top["rmsep"].mean()), 6),
        r2_share=_ratio(own["r2"], top["r2"], n_train, n_test) if top["r2"].mean() > 0 else None,
        rmsep_ratio=_ratio(own["rmsep"], top["rmsep"], n_train, n_test),
        minus_classical=minus,
        **key,
    )


def _ratio(above: Array, below: Array, n_train: float, n_test: float) -> Mean:
    """Ratio of two means over the same splits; the interval is that of the linearised ratio."""
    ratio = float(above.mean() / below.mean())
    part = mean_over_splits((above - ratio * below) / below.mean(), n_train, n_test)
    if part.low is None or part.high is None:
        return Mean(round(ratio, 6), None, None)
    return Mean(round(ratio, 6), round(ratio + part.low, 6), round(ratio + part.high, 6))
