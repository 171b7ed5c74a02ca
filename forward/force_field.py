"""Force fields that are linear in their constants: F = sum_p x_p B_p in internal coordinates.

Constants in mdyn/A (stretch-stretch), mdyn (stretch-bend) and mdyn A (bend-bend) unless a model says otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..errors import ForceFieldError
from ..groups.operations import NDArrayFloat, NDArrayInt
from .force_constants import AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2, cartesian_to_internal, wavenumbers_of
from .ped import coordinate_groups
from .symmetry_coordinates import SymmetryCoordinates, symmetry_coordinates

__all__ = ["ForceField", "ForceFieldFit", "GeneralForceField", "LinearForceField"]

_AT_ONCE = 2_000_000  # numbers in one slice of a basis


@runtime_checkable
class ForceField(Protocol):
    """What a force field offers: F linear in its parameters."""

    @property
    def internals(self) -> Sequence[Any]:
        """The internal coordinates, in the order of F."""
        ...

    @property
    def n_parameters(self) -> int:
        """Number of independent constants."""
        ...

    @property
    def parameters(self) -> NDArrayFloat:
        """Their values, (n_parameters,)."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Their names in words, (n_parameters,)."""
        ...

    @property
    def basis(self) -> NDArrayFloat:
        """Derivatives dF/dx_p, (n_parameters, n_q, n_q)."""
        ...

    def matrix(self) -> NDArrayFloat:
        """F (n_q, n_q)."""
        ...


@dataclass(frozen=True, eq=False)
class ForceFieldFit:
    """A force field fitted to a Hessian, and how well it can reproduce it.

    Attributes
    ----------
    force_field : ForceField
        With the fitted constants.
    relative_residual : float
        ``|H - H_fit| / |H|``, Frobenius norms of the mass-weighted Hessians of the vibrations.
    rms_cm1, max_cm1 : float
        Root mean square and largest difference of the wavenumbers, in ascending order.
    rank : int
        Number of combinations of constants that the Hessian determines; with ``rank < n_parameters`` the constants of
        smallest norm are given.
    singular_values : ndarray (n_parameters,)
        Of the design matrix, relative to the largest.
    """

    force_field: "LinearForceField"
    relative_residual: float
    rms_cm1: float
    max_cm1: float
    rank: int
    singular_values: NDArrayFloat

    def __str__(self) -> str:
        return (
            f"{self.force_field.n_parameters} constants ({self.rank} determined): Hessian within "
            f"{100 * self.relative_residual:.2g} %, wavenumbers rms {self.rms_cm1:.2f}, max {self.max_cm1:.2f} cm-1"
        )


@dataclass(frozen=True, eq=False)
class LinearForceField:
    """A force field F = sum_p x_p B_p; made by ``of(molecule, internals)`` of its subclasses, with all x_p = 0.

    Attributes
    ----------
    coordinates : SymmetryCoordinates
        Of the molecule: its geometry, symmetry and internal coordinates.
    labels : tuple of str (n_parameters,)
        Name of each constant in words.
    entries : ndarray (m, 3) of int, values : ndarray (m,)
        The basis as a sparse list: ``B[p, i, j] = value`` for entries (p, i, j), each once.
    parameters : ndarray (n_parameters,)
        mdyn/A, mdyn, mdyn A.
    """

    coordinates: SymmetryCoordinates
    labels: tuple[str, ...]
    entries: NDArrayInt
    values: NDArrayFloat
    parameters: NDArrayFloat

    @property
    def internals(self) -> Sequence[Any]:
        """The internal coordinates, in the order of F."""
        return self.coordinates.internals

    @property
    def n_parameters(self) -> int:
        """Number of independent constants."""
        return len(self.labels)

    @property
    def basis(self) -> NDArrayFloat:
        """dF/dx_p (n_parameters, n_q, n_q), dense: 8 n_parameters n_q^2 bytes."""
        return self.basis_slice(0, self.n_parameters)

    def basis_slice(self, start: int, stop: int) -> NDArrayFloat:
        """dF/dx_p for start <= p < stop, dense."""
        size = len(self.internals)
        part = (self.entries[:, 0] >= start) & (self.entries[:, 0] < stop)
        p, i, j = self.entries[part].T
        slab = np.zeros((stop - start, size, size))
        slab[p - start, i, j] = self.values[part]
        return slab

    def matrix(self) -> NDArrayFloat:
        """F (n_q, n_q) in mdyn/A, mdyn, mdyn A."""
        size = len(self.internals)
        p, i, j = self.entries.T
        flat = np.bincount(i * size + j, self.values * self.parameters[p], minlength=size * size)
        return flat.reshape(size, size)

    def with_parameters(self, parameters: Any) -> "LinearForceField":
        """The same model with these constants (n_parameters,).

        Raises
        ------
        ForceFieldError
            A wrong number, or not finite.
        """
        values = np.array(parameters, dtype=float)
        if values.shape != (self.n_parameters,) or not np.isfinite(values).all():
            raise ForceFieldError(
                f"{type(self).__name__}.with_parameters: {values.shape} given; {self.n_parameters} finite numbers are "
                "needed."
            )
        values.setflags(write=False)
        return replace(self, parameters=values)

    def fitted(self, hessian: Any) -> ForceFieldFit:
        """The constants that best reproduce a Cartesian Hessian (3N, 3N) in Eh/bohr^2, by linear least squares.

        What is minimised is the Frobenius norm of the difference of the mass-weighted Hessians on the vibrations, which
        weighs coordinates as the secular equation does; the Hessian is averaged over the symmetry group first.
        Equivalent constants are one parameter, so they stay equal.
        """
        target, vibrations = self._target(hessian)
        design = np.concatenate([
            self._weighted(self.basis_slice(a, min(a + step, self.n_parameters)), vibrations)
            for step in [max(1, _AT_ONCE // len(self.internals) ** 2)]
            for a in range(0, self.n_parameters, step)
        ])  # fmt: skip
        constants, _, rank, singular = np.linalg.lstsq(design.T, target, rcond=1e-9)
        return self._fit(constants, target, vibrations, int(rank), singular / max(float(singular[0]), 1e-300))

    def _fit(
        self, constants: NDArrayFloat, target: NDArrayFloat, vibrations: NDArrayFloat, rank: int, singular: NDArrayFloat
    ) -> ForceFieldFit:
        fitted = self.with_parameters(constants)
        reached = self._weighted(fitted.matrix()[None], vibrations)[0]
        both = [wavenumbers_of(np.linalg.eigvalsh(_unpacked(x, vibrations.shape[1]))) for x in (target, reached)]
        difference = both[0] - both[1]
        relative = float(np.linalg.norm(target - reached) / max(float(np.linalg.norm(target)), 1e-300))
        rms = float(np.sqrt((difference**2).mean()))
        return ForceFieldFit(fitted, relative, rms, float(np.abs(difference).max()), rank, singular)

    def _target(self, hessian: Any) -> tuple[NDArrayFloat, NDArrayFloat]:
        """Upper triangle of the mass-weighted Hessian of the vibrations, and B M^-1/2 times their basis, (n_q, d)."""
        action = self.coordinates.action
        matrix = np.array(hessian, dtype=float)
        size = 3 * action.n_atoms
        if matrix.shape != (size, size) or not np.isfinite(matrix).all():
            raise ForceFieldError(
                f"fitted: hessian of shape {matrix.shape}; finite numbers ({size}, {size}) are needed."
            )
        averaged = action.average((matrix + matrix.T) / 2) * AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2
        weights = action.mass_weights
        basis = np.hstack(list(action.vibrational_bases().values()))
        inside = basis.T @ (averaged / np.outer(weights, weights)) @ basis
        return _packed(inside[None])[0], (self.coordinates.b_matrix / weights) @ basis

    @staticmethod
    def _weighted(matrices: NDArrayFloat, vibrations: NDArrayFloat) -> NDArrayFloat:
        return _packed(vibrations.T @ matrices @ vibrations)

    def __repr__(self) -> str:
        formula = self.coordinates.molecule.formula
        return f"{type(self).__name__}({formula}, {self.n_parameters} constants in {len(self.internals)} coordinates)"

    def tabulate(self) -> str:
        """A text table of the constants."""
        return "\n".join(f"  {x:12.5f}  {label}" for x, label in zip(self.parameters, self.labels, strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "model": type(self).__name__,
            "internals": [coordinate.label(self.coordinates.molecule.symbols) for coordinate in self.internals],
            "labels": list(self.labels),
            "parameters_mdyn_angstrom": self.parameters.tolist(),
        }


def _packed(matrices: NDArrayFloat) -> NDArrayFloat:
    """Upper triangles (m, d(d+1)/2) of symmetric matrices (m, d, d), off-diagonal times sqrt 2: the same norm."""
    rows, columns = np.triu_indices(matrices.shape[1])
    return matrices[:, rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2.0))


def _unpacked(packed: NDArrayFloat, size: int) -> NDArrayFloat:
    rows, columns = np.triu_indices(size)
    matrix = np.zeros((size, size))
    matrix[rows, columns] = matrix[columns, rows] = packed / np.where(rows == columns, 1.0, np.sqrt(2.0))
    return matrix


@dataclass(frozen=True, eq=False)
class GeneralForceField(LinearForceField):
    """The most general harmonic force field that the symmetry allows: force constants in symmetry coordinates.

    One constant for each pair of symmetry coordinates of a species: n(n+1)/2 for a species that occurs n times, n^2 for
    a complex-conjugate pair (whose F is Hermitian). These are all totally symmetric quadratic invariants, and they are
    independent whether or not the internal coordinates are redundant. The symmetry coordinates are those of
    ``coordinates``.

    Examples
    --------
    >>> import symvib as sv
    >>> water = sv.Molecule.from_arrays([8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.471], [0, -0.757, -0.471]])
    >>> print(*GeneralForceField.of(water).labels, sep=", ")
    A1 O-H stretch, A1 O-H stretch / H-O-H bend, A1 H-O-H bend, B2 O-H stretch
    """

    @classmethod
    def of(cls, molecule: Any, internals: Any | None = None) -> "GeneralForceField":
        """The model with all constants zero; arguments as for `symmetry_coordinates`, whose result is taken, too."""
        coordinates = as_symmetry_coordinates(molecule, internals)
        words = coordinate_groups(coordinates.molecule, coordinates.internals)
        labels: list[str] = []
        entries, values = [], []
        for block in coordinates.blocks:
            names = [words[i] for i in block.leading]
            for a in range(block.n_levels):
                for b in range(a, block.n_levels):
                    pair = names[a] if a == b else f"{names[a]} / {names[b]}"
                    for unit, note in _units(block.n_levels, a, b, block.is_complex):
                        form = block.expand(unit)
                        i, j = np.nonzero(np.abs(form) > 1e-12)
                        entries.append(np.stack([np.full(len(i), len(labels)), i, j], axis=1))
                        values.append(form[i, j])
                        labels.append(f"{block.irrep} {pair}{note}")
        return cls(coordinates, tuple(labels), np.concatenate(entries), np.concatenate(values), np.zeros(len(labels)))

    def fitted(self, hessian: Any) -> ForceFieldFit:
        """The constants of a Cartesian Hessian (3N, 3N) in Eh/bohr^2: exact up to the part that lacks the symmetry."""
        target, vibrations = self._target(hessian)
        action = self.coordinates.action
        averaged = action.average(np.array(hessian, dtype=float))
        whole = cartesian_to_internal(averaged, None, self.internals, action.positions, action.masses).force_constants
        constants = np.concatenate(
            [_upper(block.restrict(whole), block.is_complex) for block in self.coordinates.blocks]
        )
        return self._fit(constants, target, vibrations, self.n_parameters, np.ones(self.n_parameters))


def _units(size: int, a: int, b: int, is_complex: bool) -> list[tuple[NDArrayFloat, str]]:
    """Hermitian unit matrices (n, n) of the constant F_ab: real, and for complex blocks the imaginary one."""
    real = np.zeros((size, size))
    real[a, b] = real[b, a] = 1.0
    if not is_complex or a == b:
        return [(real, "")]
    imaginary = np.zeros((size, size), dtype=complex)
    imaginary[a, b], imaginary[b, a] = 1j, -1j
    return [(real, " (real)"), (imaginary, " (imaginary)")]


def _upper(block: NDArrayFloat, is_complex: bool) -> NDArrayFloat:
    """Constants of one block in the order of `_units`."""
    parts = []
    for a in range(len(block)):
        for b in range(a, len(block)):
            parts += [block[a, b].real, block[a, b].imag] if is_complex and a != b else [block[a, b].real]
    return np.array(parts)


def as_symmetry_coordinates(molecule: Any, internals: Any | None) -> SymmetryCoordinates:
    """The symmetry coordinates given, or those of a molecule."""
    return molecule if isinstance(molecule, SymmetryCoordinates) else symmetry_coordinates(molecule, internals)
