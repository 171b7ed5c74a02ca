"""Shares with intervals, and quantiles, as plain values."""

from collections.abc import Iterable
from math import sqrt
from typing import Any

import numpy as np

__all__ = ["quantiles", "share", "wilson_interval"]

_Z95 = 1.959963984540054


def wilson_interval(count: int, total: int, z: float = _Z95) -> tuple[float, float]:
    """Interval (low, high) of a share of which ``count`` of ``total`` draws are an estimate.

    E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927); by default 95 %.

    Examples
    --------
    >>> [round(x, 4) for x in wilson_interval(999, 999)]
    [0.9962, 1.0]
    """
    if total == 0:
        return 0.0, 1.0
    p, zz = count / total, z * z / total
    middle, half = p + zz / 2, z * sqrt(p * (1 - p) / total + zz / (4 * total))
    return max(0.0, (middle - half) / (1 + zz)), min(1.0, (middle + half) / (1 + zz))


def share(count: int, total: int, sample: bool) -> dict[str, Any]:
    """Count, total, share; of a sample, with its Wilson interval (all of a population has none)."""
    found: dict[str, Any] = {"count": count, "of": total, "share": count / total if total else None}
    if sample:
        found["wilson_95"] = [round(x, 6) for x in wilson_interval(count, total)]
    return found


def quantiles(values: Iterable[float | None], digits: int = 4) -> dict[str, Any]:
    """Number, least, 10 %, median, 90 % and greatest of the finite values, rounded to significant digits."""
    array = np.array([v for v in values if v is not None and np.isfinite(v)], dtype=float)
    if not array.size:
        return {"n": 0}
    cut = np.quantile(array, (0.0, 0.1, 0.5, 0.9, 1.0))
    names = ("least", "p10", "median", "p90", "greatest")
    return {"n": int(array.size), **{k: float(f"{v:.{digits}g}") for k, v in zip(names, cut, strict=True)}}
