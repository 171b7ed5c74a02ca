"""The unknowns of an identifiability question: F = S (sum_p x_p e_p) S^T with sparse e_p, whatever the model."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ..forward.force_field import LinearForceField
from ..forward.ped import coordinate_groups
from ..forward.symmetry_coordinates import SymmetryBlock, SymmetryCoordinates
from ..groups.operations import NDArrayFloat, NDArrayInt

__all__ = [
    "Parametrisation",
    "block_constants",
    "general_parametrisation",
    "model_parametrisation",
    "natural_scales",
]

# A coordinate whose force constant is this small next to the largest one is scaled as if it had this share of it.
_SMALLEST_SCALE = 1e-3


@dataclass(frozen=True, eq=False)
class Parametrisation:
    """A linear model of the force constants.

    Attributes
    ----------
    name : str
        "general", "valence", "diagonal", or the name of the class of a model.
    labels : tuple of str (n_par,)
        The constants in words.
    columns : ndarray (n_q, m)
        S: internal coordinates by coordinates of the model.
    entries : ndarray (k, 3) of int, values : ndarray (k,)
        e_p[i, j] = value for entries (p, i, j), both triangles.
    scales : ndarray (n_par,)
        Unit of each constant for condition numbers: sqrt(F_ii F_jj) of the coordinates it belongs to.
    """

    name: str
    labels: tuple[str, ...]
    columns: NDArrayFloat
    entries: NDArrayInt
    values: NDArrayFloat
    scales: NDArrayFloat

    @property
    def count(self) -> int:
        """Number of unknowns."""
        return len(self.labels)

    def restricted(self, block_columns: NDArray[Any]) -> NDArray[Any]:
        """dF/dx_p in the coordinates of one block, (n_par, n, n), for its columns U (n_q, n).

        O(n_entries n^2); dense: n_par n^2 numbers.
        """
        projected = self.columns.T @ block_columns
        p, i, j = self.entries.T
        order = np.argsort(p, kind="stable")
        p, i, j, values = p[order], i[order], j[order], self.values[order]
        size = projected.shape[1]
        result = np.zeros((self.count, size, size), dtype=projected.dtype)
        present, starts = np.unique(p, return_index=True)
        left, right = projected.conj()[i] * values[:, None], projected[j]
        for a in range(size):  # one row of the block at a time keeps the products as small as the result
            result[present, a] = np.add.reduceat(left[:, a, None] * right, starts, axis=0)
        return (result + result.conj().swapaxes(1, 2)) / 2


def general_parametrisation(coordinates: SymmetryCoordinates, force_constants: NDArrayFloat) -> Parametrisation:
    """All constants that symmetry allows: n(n+1)/2 of a real block, n^2 of a complex one, shared by the partners."""
    columns, entries, values, scales, labels = [], [], [], [], []
    words = coordinate_groups(coordinates.molecule, coordinates.internals)
    start = 0
    for block in coordinates.blocks:
        partners = _real_inverse(block)
        columns += [partner.T for partner in partners]
        diagonal = _positive(np.real(np.diag(block.restrict(force_constants))))
        size = block.n_levels
        for a, b, imaginary, label in block_constants(block, words):
            unit = _unit_entries(a, b, imaginary, start, size, len(partners))
            entries += [(len(labels), i, j) for i, j, _ in unit]
            values += [value for _, _, value in unit]
            scales.append(np.sqrt(diagonal[a] * diagonal[b]))
            labels.append(f"{block.irrep} {label}")
        start += size * len(partners)
    return Parametrisation(
        "general",
        tuple(labels),
        np.hstack(columns),
        np.array(entries, dtype=np.int64),
        np.array(values, dtype=float),
        np.array(scales),
    )


def block_constants(block: SymmetryBlock, words: tuple[str, ...]) -> list[tuple[int, int, bool, str]]:
    """(row, column, imaginary?, name) of the constants of a block, in the order of their columns."""
    names = [words[i] for i in block.leading]
    twice = {name for name in names if names.count(name) > 1}
    names = [f"{name} ({a + 1})" if name in twice else name for a, name in enumerate(names)]
    pairs = [(a, b) for a in range(block.n_levels) for b in range(a, block.n_levels)]

    def label(a: int, b: int, note: str) -> str:
        return names[a] if a == b else f"{names[a]} / {names[b]}{note}"

    real = " (real)" if block.is_complex else ""
    constants = [(a, b, False, label(a, b, real)) for a, b in pairs]
    if block.is_complex:
        constants += [(a, b, True, label(a, b, " (imaginary)")) for a, b in pairs if a != b]
    return constants


def _real_inverse(block: SymmetryBlock) -> list[NDArrayFloat]:
    """Real rows (n, n_q) of every partner: s[r] = inverse[r] @ q."""
    if not block.is_complex:
        return list(np.real(block.inverse))
    return [np.sqrt(2.0) * np.real(block.inverse[0]), -np.sqrt(2.0) * np.imag(block.inverse[0])]


def _unit_entries(
    a: int, b: int, imaginary: bool, start: int, size: int, partners: int
) -> list[tuple[int, int, float]]:
    """Entries of one constant F_ab of a block, for all partners."""
    if imaginary:  # 2 Re(c^+ X c) with X = i (e_ab - e_ba), in real partners
        first, second = start, start + size
        pairs = [(first + a, second + b, 1.0), (first + b, second + a, -1.0)]
    else:
        pairs = [(start + r * size + a, start + r * size + b, 1.0) for r in range(partners)]
    return [entry for i, j, v in pairs for entry in ([(i, j, v)] if i == j else [(i, j, v), (j, i, v)])]


def natural_scales(force_constants: NDArray[Any]) -> NDArrayFloat:
    """sqrt(F_aa F_bb) of a block F (n, n) for its constants: upper triangle, then imaginary parts if complex."""
    diagonal = _positive(np.real(np.diag(force_constants)))
    i, j = np.triu_indices(len(diagonal))
    upper = np.sqrt(diagonal[i] * diagonal[j])
    return np.concatenate([upper, upper[i != j]]) if np.iscomplexobj(force_constants) else upper


def _positive(diagonal: NDArrayFloat) -> NDArrayFloat:
    sizes = np.abs(diagonal)
    return np.maximum(sizes, _SMALLEST_SCALE * sizes.max(initial=0.0))


def model_parametrisation(name: str, field: LinearForceField, force_constants: NDArrayFloat) -> Parametrisation:
    """The constants of a force-field model, in its internal coordinates.

    Raises
    ------
    IdentifiabilityError
        A constant that does nothing.
    """
    entries, values = np.asarray(field.entries), np.asarray(field.values, dtype=float)
    diagonal = _positive(np.diag(force_constants))
    reach = np.abs(values) / np.sqrt(diagonal[entries[:, 1]] * diagonal[entries[:, 2]])
    largest = np.zeros(field.n_parameters)
    np.maximum.at(largest, entries[:, 0], reach)
    if not largest.all():
        empty = field.labels[int(np.flatnonzero(largest == 0)[0])]
        raise IdentifiabilityError(f"identify: the constant {empty!r} of {field!r} moves no element of F.")
    return Parametrisation(name, tuple(field.labels), np.eye(len(force_constants)), entries, values, 1 / largest)
