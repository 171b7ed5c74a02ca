"""Columns of a dataset as padded arrays, without a Python loop over molecules, and properties of the geometries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..constants import (
    ATOMIC_MASS_CONSTANT_KG,
    BOHR_M,
    DEBYE_C_M,
    ELEMENTARY_CHARGE_C,
    PLANCK_J_S,
    SPEED_OF_LIGHT_M_PER_S,
)
from ..forward._allowed import allowed_parts
from ..forward.dataset_files import SimulatedDataset
from ..groups.elements import element
from .rendering import LineBatch

__all__ = ["PROPERTY_NAMES", "Ragged", "line_batch", "properties"]

PROPERTY_NAMES = (
    "mass_u",
    "n_atoms",
    "n_heavy_atoms",
    "n_carbon",
    "n_nitrogen",
    "n_oxygen",
    "dipole_debye",
    "log10_rotational_constant_a_cm1",
    "log10_rotational_constant_b_cm1",
    "log10_rotational_constant_c_cm1",
)
_DEBYE_PER_E_BOHR = ELEMENTARY_CHARGE_C * BOHR_M / DEBYE_C_M
# B in 1/cm times the moment of inertia in u A^2: h / (8 pi^2 c).
_ROTATIONAL_CM1_U_ANGSTROM2 = PLANCK_J_S / (
    8 * np.pi**2 * SPEED_OF_LIGHT_M_PER_S * 100 * ATOMIC_MASS_CONSTANT_KG * 1e-20
)
_LINEAR_U_ANGSTROM2 = 1e-3  # a smaller moment of inertia is that about the axis of a linear molecule


@dataclass(frozen=True, eq=False)
class Ragged:
    """Lists of several lengths, one after the other.

    Attributes
    ----------
    values : ndarray (sum of lengths,)
    lengths : ndarray (n,) of int
    """

    values: NDArray[Any]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, dataset: SimulatedDataset, column: str) -> "Ragged":
        """A list column of a dataset."""
        lists = dataset.table.column(column).combine_chunks()
        offsets = lists.offsets.to_numpy()
        return cls(lists.flatten().to_numpy(zero_copy_only=False), np.diff(offsets).astype(np.int64))

    @property
    def row(self) -> NDArray[np.int64]:
        """The row of each value."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @property
    def place(self) -> NDArray[np.int64]:
        """The place of each value in its row."""
        starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])
        return np.arange(len(self.values)) - np.repeat(starts, self.lengths)

    def total(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Sums (n,) over the rows of what stands at each value."""
        return np.bincount(self.row, values, len(self.lengths)).astype(float)


def line_batch(dataset: SimulatedDataset) -> LineBatch:
    """Line lists of all rows: IR in km/mol, Raman in A^4/u, float32.

    Real lines only, in the order of the rows. What the selection rules forbid is exactly zero, as in
    `SimulatedDataset.lines`: the rows hold rounding there.
    """
    wavenumbers = Ragged.of(dataset, "wavenumber_cm1")
    infrared_allowed, raman_allowed = _allowed(dataset)
    real = wavenumbers.values > 0
    counts = Ragged(wavenumbers.values[real], wavenumbers.total(real).astype(np.int64))
    row, place = counts.row, counts.place
    shape = (len(dataset), int(counts.lengths.max(initial=0)))
    padded = np.zeros(shape, dtype=np.float32)
    padded[row, place] = counts.values
    intensities = np.zeros((shape[0], 2, shape[1]), dtype=np.float32)
    for modality, (column, allowed) in enumerate(
        [("ir_km_per_mol", infrared_allowed), ("raman_a4_per_amu", raman_allowed)]
    ):
        values = Ragged.of(dataset, column).values
        intensities[row, modality, place] = np.where(allowed, values, 0.0)[real]
    return LineBatch(torch.from_numpy(padded), torch.from_numpy(intensities)).checked()


def _allowed(dataset: SimulatedDataset) -> "tuple[NDArray[np.bool_], NDArray[np.bool_]]":
    """Infrared and Raman allowed, for each line; each pair of point group and irrep is looked up once."""
    irreps = dataset.table.column("irrep").combine_chunks()
    labels = irreps.flatten().dictionary_encode()
    groups = dataset.table.column("point_group").combine_chunks().dictionary_encode()
    names = labels.dictionary.to_pylist()
    lengths = np.diff(irreps.offsets.to_numpy())
    group_of_line = np.repeat(groups.indices.to_numpy(), lengths)
    pair, which = np.unique(group_of_line * len(names) + labels.indices.to_numpy(), return_inverse=True)
    infrared, raman = np.zeros(len(pair), dtype=bool), np.zeros(len(pair), dtype=bool)
    for group, label in enumerate(groups.dictionary.to_pylist()):
        mine = pair // len(names) == group
        parts = allowed_parts(label, [names[k] for k in pair[mine] % len(names)])
        infrared[mine], raman[mine] = parts.infrared, parts.raman
    return infrared[which], raman[which]


def properties(dataset: SimulatedDataset) -> "tuple[NDArray[np.float32], NDArray[np.bool_]]":
    """`PROPERTY_NAMES` (n, P) of the molecules, and the mask (n, P): False where a property does not exist.

    The dipole moment of an ion depends on the origin, and a linear molecule has no rotational constant A.
    Masses are those of the main isotopes unless the rows name others.
    """
    numbers = Ragged.of(dataset, "numbers")
    masses = _masses(numbers, dataset)
    positions = Ragged.of(dataset, "positions_angstrom").values.reshape(-1, 3)
    mass = numbers.total(masses)
    rotational = _rotational_constants(numbers, masses, positions)
    dipoles = Ragged.of(dataset, "dipole_e_bohr").values.reshape(-1, 3).astype(float)
    neutral = np.array(dataset.column("charge")) == 0
    counts = [numbers.total(numbers.values == z) for z in (6, 7, 8)]
    dipole = np.linalg.norm(dipoles, axis=1) * _DEBYE_PER_E_BOHR
    columns = [mass, numbers.lengths, numbers.total(numbers.values > 1), *counts, np.where(neutral, dipole, np.nan)]
    values = np.column_stack([*columns, np.log10(rotational)])
    mask = np.isfinite(values)
    return np.where(mask, values, 0.0).astype(np.float32), mask


def _masses(numbers: Ragged, dataset: SimulatedDataset) -> NDArray[np.float64]:
    """Mass in u of each atom."""
    isotopes = np.zeros(len(numbers.values), dtype=np.int64)
    if "mass_numbers" in dataset.table.column_names:
        given: Sequence[list[int] | None] = dataset.column("mass_numbers")
        lengths = numbers.lengths.tolist()
        isotopes = np.concatenate([row or [0] * n for row, n in zip(given, lengths, strict=True)]).astype(np.int64)
    kinds, which = np.unique(np.stack([numbers.values.astype(np.int64), isotopes]), axis=1, return_inverse=True)
    found = [element(z).isotope_masses[a or element(z).main_isotope] for z, a in kinds.T.tolist()]
    return np.array(found)[which.reshape(-1)]


def _rotational_constants(
    numbers: Ragged, masses: NDArray[np.float64], positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A >= B >= C (n, 3) in 1/cm; NaN where a moment of inertia is zero."""
    total = numbers.total(masses)
    centre = np.column_stack([numbers.total(masses * x) for x in positions.T]) / total[:, None]
    relative = positions - centre[numbers.row]
    second = np.empty((len(total), 3, 3))
    for i in range(3):
        for j in range(3):
            second[:, i, j] = numbers.total(masses * relative[:, i] * relative[:, j])
    inertia = np.trace(second, axis1=1, axis2=2)[:, None, None] * np.eye(3) - second
    moments = np.linalg.eigvalsh(inertia)
    return np.where(moments > _LINEAR_U_ANGSTROM2, _ROTATIONAL_CM1_U_ANGSTROM2 / np.maximum(moments, 1e-30), np.nan)
