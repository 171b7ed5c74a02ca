"""What the data do not see, in words: combinations of force constants."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from ..groups.operations import NDArrayFloat

__all__ = ["null_space_words"]

_SHOWN = 4  # combinations
_TERMS = 4  # constants a combination
_SMALL = 0.05  # of the largest coefficient


def null_space_words(
    irrep: str, labels: Sequence[str], null_space: NDArrayFloat | None, dimension: int
) -> tuple[str, ...]:
    """One sentence a combination that is invisible: "E1u: 0.8 C-C stretch - 0.6 C-C stretch / C-C-H bend ...".

    The combinations are reduced: each has one constant that no other has, so that they name as few constants as a null
    space allows; ``null_space`` None: only their number is known. Coefficients are in natural units, sqrt(F_aa F_bb)
    of each constant.

    Examples
    --------
    >>> null_space_words("E", ["C-H stretch", "C-H stretch / H-C-H bend"], np.array([[0.6, -0.8]]), 1)
    ('E: 0.60 C-H stretch - 0.80 C-H stretch / H-C-H bend is invisible',)
    """
    if not dimension:
        return ()
    if null_space is None:
        return (f"{irrep}: {dimension} combinations of its {len(labels)} constants are invisible (not listed)",)
    if len(null_space) == len(labels):
        return (f"{irrep}: all {len(labels)} constants are invisible",)
    sentences = [f"{irrep}: {_combination(row, labels)} is invisible" for row in _reduced(null_space)[:_SHOWN]]
    if len(null_space) > _SHOWN:
        sentences.append(f"{irrep}: and {len(null_space) - _SHOWN} more such combinations")
    return tuple(sentences)


def _reduced(rows: NDArrayFloat) -> NDArrayFloat:
    """Rows of the same span in reduced echelon form by the best-conditioned columns, each of unit norm."""
    import scipy.linalg

    _, pivots = cast(Any, scipy.linalg.qr(rows, pivoting=True, mode="r"))
    reduced = np.linalg.solve(rows[:, pivots[: len(rows)]], rows)
    return np.asarray(reduced / np.linalg.norm(reduced, axis=1, keepdims=True), dtype=float)


def _combination(row: NDArrayFloat, labels: Sequence[str]) -> str:
    order = np.argsort(-np.abs(row), kind="stable")
    order = order[np.abs(row[order]) > _SMALL * np.abs(row).max()]
    shown = sorted(order[:_TERMS].tolist())
    sign = np.sign(row[shown[0]])
    terms = [f"{'+' if sign * row[k] > 0 else '-'} {abs(row[k]):.2f} {labels[k]}" for k in shown]
    text = " ".join(terms).removeprefix("+ ")
    return text + (f" (+ {len(order) - len(shown)} smaller terms)" if len(order) > len(shown) else "")
