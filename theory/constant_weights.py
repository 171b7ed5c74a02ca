"""What a force constant is worth when not all can be fitted: its kind, and a default weight for each kind."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ..forward.force_field import ForceField, LinearForceField

__all__ = ["DEFAULT_WEIGHTS", "constant_kinds", "default_weights"]

Array = NDArray[np.float64]

DEFAULT_WEIGHTS = {
    "stretch": 10.0,
    "bend": 9.0,
    "linear_bend": 9.0,
    "out_of_plane": 8.0,
    "torsion": 7.0,
    "stretch / stretch": 5.0,
    "stretch / bend": 4.0,
    "bend / bend": 3.0,
    "other interaction": 2.0,
}
"""Weight of a force constant by its kind: diagonal constants before interactions, stiff before soft. Only the order
matters. Among equal weights the column with the largest independent part is taken, which keeps the fit well
conditioned and the total weight the same."""


def constant_kinds(force_field: ForceField) -> tuple[str, ...]:
    """Kind of each constant, a key of `DEFAULT_WEIGHTS`, from where its form dF/dx is largest.

    A constant is diagonal where the trace of its form does not vanish (so are those of symmetry coordinates).
    """
    kinds = [coordinate.kind for coordinate in force_field.internals]
    found = []
    for p, i, j, values in _forms(force_field):
        diagonal = i == j
        if not len(values):
            raise IdentifiabilityError(f"constant {force_field.labels[p]!r} does not enter F.")
        if abs(values[diagonal].sum()) > 1e-9 * np.abs(values).sum():
            found.append(kinds[int(i[diagonal][np.argmax(np.abs(values[diagonal]))])])
            continue
        off = np.flatnonzero(~diagonal) if (~diagonal).any() else np.arange(len(values))
        largest = int(off[np.argmax(np.abs(values[off]))])
        found.append(_pair_kind(kinds[int(i[largest])], kinds[int(j[largest])]))
    return tuple(found)


def _forms(force_field: ForceField) -> Iterable[tuple[int, NDArray[Any], NDArray[Any], Array]]:
    """Constant, rows, columns and values of each form."""
    if isinstance(force_field, LinearForceField):
        for p in range(force_field.n_parameters):
            mine = force_field.entries[:, 0] == p
            yield p, force_field.entries[mine, 1], force_field.entries[mine, 2], force_field.values[mine]
    else:
        for p, form in enumerate(force_field.basis):
            i, j = np.nonzero(form)
            yield p, i, j, form[i, j]


def _pair_kind(first: str, second: str) -> str:
    plain = sorted({"linear_bend": "bend"}.get(kind, kind) for kind in (first, second))
    name = {
        ("stretch", "stretch"): "stretch / stretch",
        ("bend", "stretch"): "stretch / bend",
        ("bend", "bend"): "bend / bend",
    }
    return name.get((plain[0], plain[1]), "other interaction")


def default_weights(force_field: ForceField) -> Array:
    """`DEFAULT_WEIGHTS` of each constant of a force field, (n_parameters,)."""
    return np.array([DEFAULT_WEIGHTS[kind] for kind in constant_kinds(force_field)])
