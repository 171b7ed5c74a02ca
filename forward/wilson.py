"""Wilson's GF problem: normal modes in internal coordinates, factored by symmetry."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CoordinateError, ForceFieldError, HessianError
from ..groups.detection import Detection
from ..groups.displacements import DisplacementSymmetry
from ..groups.molecule import Molecule
from ..groups.readers import as_molecule
from ..groups.operations import NDArrayFloat, NDArrayInt
from ..groups.schoenflies import PointGroup
from ._mode_numbers import mode_numbers
from .force_constants import cartesian_to_internal, eckart_b_matrix, wavenumbers_of
from .ped import EnergyDistribution, coordinate_groups, energy_distribution
from .response import HarmonicResponse
from .symmetry_coordinates import (
    CoordinateRank,
    SymmetryBlock,
    SymmetryCoordinates,
    real_partners,
    symmetry_coordinates,
)

__all__ = ["WilsonBlock", "WilsonSolution", "wilson_gf"]

_SYMMETRIC = 1e-9  # |F - F^T| relative to the largest element
_FORCE_FIELD_ASYMMETRY = 1e-6  # of a force field, relative: what is not totally symmetric is a mistake
_MENTIONED = 0.10  # share of the energy from which a group of coordinates is named


@dataclass(frozen=True, eq=False)
class WilsonBlock:
    """The secular equation of one species (of one partner, where it is degenerate).

    Attributes
    ----------
    irrep : str
    dimension : int
        Degeneracy of its levels.
    coefficients : ndarray (g, n_q, n)
        U: symmetry coordinates in internal coordinates, see `SymmetryBlock`.
    G, F : ndarray (n, n)
        In symmetry coordinates; Hermitian for a complex-conjugate pair, else real.
    L : ndarray (n, n)
        ``L L^+ = G``, ``L^+ F L = diag(eigenvalues)``.
    eigenvalues : ndarray (n,)
        mdyn/(A u), ascending.
    """

    irrep: str
    dimension: int
    coefficients: NDArray[Any]
    G: NDArray[Any]
    F: NDArray[Any]
    L: NDArray[Any]
    eigenvalues: NDArrayFloat

    @property
    def wavenumbers_cm1(self) -> NDArrayFloat:
        """Negative = imaginary, (n,)."""
        return wavenumbers_of(self.eigenvalues)


@dataclass(frozen=True, eq=False, repr=False)
class WilsonSolution:
    """Normal modes in internal coordinates, by ascending wavenumber.

    n_q counts internal coordinates, d vibrations; lengths in angstrom, angles in radian, masses in u.

    Attributes
    ----------
    molecule : Molecule
    point_group : PointGroup
        The group that factored the problem (C1 with ``symmetry=False``).
    internals : InternalCoordinates
    G : ndarray (n_q, n_q)
        B M^-1 B^T.
    F : ndarray (n_q, n_q)
        mdyn/A, mdyn, mdyn A.
    L : ndarray (n_q, d)
        dq/dQ: ``L L^T = G``, ``L^T F L = diag(eigenvalues)``.
    eigenvalues : ndarray (d,)
        lambda in mdyn/(A u).
    irreps : tuple of str (d,)
    set_index : ndarray (d,) of int
        Modes with the same index are one degenerate set.
    numbers : tuple of int (d,)
        Mode numbers nu_k in spectroscopic order: by species, descending wavenumber within each; see `mode_numbers`.
    displacements : ndarray (d, N, 3)
        Cartesian displacements, sum of m |d|^2 = 1, u^-1/2, in the input frame and obeying the Eckart conditions.
    energy : EnergyDistribution
    blocks : tuple of WilsonBlock
    rank : CoordinateRank
        How many internal coordinates are independent, with singular values.
    asymmetry : float
        Part of F that lacks the symmetry (relative; of a Hessian the Frobenius norm) and was averaged away.
    removed : float or None
        Of a Hessian: largest element (Eh/bohr^2) that internal coordinates do not carry (residue of rigid motion).
    """

    molecule: Molecule
    point_group: PointGroup
    internals: Sequence[Any]
    G: NDArrayFloat
    F: NDArrayFloat
    L: NDArrayFloat
    eigenvalues: NDArrayFloat
    irreps: tuple[str, ...]
    set_index: NDArrayInt
    numbers: tuple[int, ...]
    displacements: NDArrayFloat
    energy: EnergyDistribution
    blocks: tuple[WilsonBlock, ...]
    rank: CoordinateRank
    asymmetry: float
    removed: float | None = field(default=None)

    @property
    def wavenumbers_cm1(self) -> NDArrayFloat:
        """Harmonic wavenumbers (d,), ascending; imaginary modes are negative."""
        return wavenumbers_of(self.eigenvalues)

    @property
    def ped(self) -> Any:
        """Potential energy distribution, masked ndarray (d, n_q); rows sum to 1. See `EnergyDistribution.total`."""
        return self.energy.total

    @property
    def singular_values(self) -> NDArrayFloat:
        """Singular values of B, descending."""
        return self.rank.singular_values

    @property
    def imaginary(self) -> NDArrayInt:
        """Indices of imaginary modes: not a minimum."""
        return np.flatnonzero(self.eigenvalues < 0)

    @cached_property
    def coordinate_groups(self) -> tuple[str, ...]:
        """Group in words of each internal coordinate, (n_q,): "C=O stretch". See `ped.coordinate_groups`."""
        return coordinate_groups(self.molecule, self.internals)

    def group_shares(self) -> tuple[dict[str, float], ...]:
        """For each degenerate set the share of the potential energy of each group of coordinates, largest first.

        The mean over the partners of the set of the sum over the group: independent of the choice of partners. For a
        set without potential energy it is the kinetic energy.
        """
        names = tuple(dict.fromkeys(self.coordinate_groups))
        member = np.array([[group == name for name in names] for group in self.coordinate_groups], dtype=float)
        energy = np.where(np.ma.getmaskarray(self.ped), self.energy.kinetic, np.ma.getdata(self.ped))
        shares = self._means(energy @ member)
        order = np.argsort(-shares, axis=1, kind="stable")
        return tuple({names[i]: float(row[i]) for i in places} for row, places in zip(shares, order, strict=True))

    def _means(self, values: NDArrayFloat) -> NDArrayFloat:
        """Means over each degenerate set of values (d, ...)."""
        sums = np.zeros((int(self.set_index.max(initial=-1)) + 1, *values.shape[1:]))
        np.add.at(sums, self.set_index, values)
        counts = np.bincount(self.set_index).reshape(-1, *[1] * (values.ndim - 1))
        return sums / counts

    def describe(self) -> tuple[str, ...]:
        """One line in words for each degenerate set, by mode number: "nu3 A1, 92 % C=O stretch".

        Groups with a tenth of the potential energy or more are named. Their shares can exceed 100 % where others are
        negative (coupled coordinates).
        """
        first = [int(np.argmax(self.set_index == s)) for s in range(len(np.unique(self.set_index)))]
        lines = {}
        for shares, mode in zip(self.group_shares(), first, strict=True):
            undefined = bool(np.ma.getmaskarray(self.ped)[mode].any())
            named = [f"{100 * share:.0f} % {name}" for name, share in shares.items() if share >= _MENTIONED]
            note = " (of the kinetic energy: no restoring force)" if undefined else ""
            lines[self.numbers[mode]] = f"nu{self.numbers[mode]} {self.irreps[mode]}, {', '.join(named)}{note}"
        return tuple(lines[number] for number in sorted(lines))

    def _rows(self) -> list[tuple[int, str, float, int, str]]:
        """Number, irrep, wavenumber, degeneracy and words of each set, by number."""
        means = self._means(self.wavenumbers_cm1)
        words = {int(line.split()[0][2:]): line.partition(", ")[2] for line in self.describe()}
        rows = {}
        for s, mean in enumerate(means):
            members = np.flatnonzero(self.set_index == s)
            number = self.numbers[members[0]]
            rows[number] = (number, self.irreps[members[0]], float(mean), len(members), words[number])
        return [rows[number] for number in sorted(rows)]

    def tabulate(self) -> str:
        """A text table: one line for each degenerate set, then what is remarkable."""
        lines = ["   nu  irrep        cm-1  degeneracy  potential energy"]
        for number, irrep, wavenumber, degeneracy, words in self._rows():
            note = "  imaginary" if wavenumber < 0 else ""
            lines.append(f"  {number:3d}  {irrep:8s} {wavenumber:8.2f}  {degeneracy:10d}  {words}{note}")
        return "\n".join([*lines, str(self.rank)])

    def __str__(self) -> str:
        return self.tabulate()

    def __repr__(self) -> str:
        return f"WilsonSolution({self.molecule.formula}, {self.point_group.label}, {len(self.irreps)} vibrations)"

    def _repr_html_(self) -> str:
        head = "<tr><th>nu</th><th>irrep</th><th>cm<sup>-1</sup></th><th>degeneracy</th><th>potential energy</th></tr>"
        body = "".join(
            f"<tr><td>{number}</td><td>{escape(irrep)}</td><td>{wavenumber:.2f}</td><td>{degeneracy}</td>"
            f"<td>{escape(words)}{' (imaginary)' if wavenumber < 0 else ''}</td></tr>"
            for number, irrep, wavenumber, degeneracy, words in self._rows()
        )
        return f"<table>{head}{body}</table><p>{escape(str(self.rank))}</p>"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        undefined = np.ma.getmaskarray(self.ped).any(axis=1)
        ped = [None if skip else row.tolist() for row, skip in zip(np.ma.getdata(self.ped), undefined, strict=True)]
        return {
            "molecule": self.molecule.as_dict(),
            "point_group": self.point_group.label,
            "internals": [coordinate.label(self.molecule.symbols) for coordinate in self.internals],
            "wavenumbers_cm1": self.wavenumbers_cm1.tolist(),
            "irreps": list(self.irreps),
            "set_index": self.set_index.tolist(),
            "numbers": list(self.numbers),
            "G_per_u": self.G.tolist(),
            "F_mdyn_angstrom": self.F.tolist(),
            "L_per_sqrt_u": self.L.tolist(),
            "displacements_per_sqrt_u": self.displacements.tolist(),
            "ped": ped,
            "description": list(self.describe()),
            "rank": str(self.rank),
            "asymmetry": self.asymmetry,
        }


def wilson_gf(
    molecule: Any,
    force_field: Any | None = None,
    internals: Any | None = None,
    hessian: Any | None = None,
    symmetry: bool = True,
    *,
    gradient: Any | None = None,
    tolerance: float | None = None,
    max_asymmetry: float = 0.05,
) -> WilsonSolution:
    """Normal modes of a molecule from force constants in internal coordinates.

    Parameters
    ----------
    molecule : Detection, HarmonicResponse, or anything ``as_molecule`` reads
        A response brings its Hessian.
    force_field : ForceField or array (n_q, n_q), optional
        Force constants in mdyn/A, mdyn, mdyn A.
    internals : InternalCoordinates, optional
        Default: those of the force field, or ``internal_coordinates(molecule)``.
    hessian : array (3N, 3N), optional
        Eh/bohr^2, instead of a force field; it is averaged over the symmetry group and transformed.
    symmetry : bool
        False: one secular equation, not factored, at the geometry as it is. The factored one uses the geometry and the
        Hessian averaged over the group, so both agree as far as these have the symmetry.
    gradient : array (3N,), optional
        Eh/bohr, with ``hessian``: adds the gradient term of the transformation. Then F holds the true second
        derivatives in internal coordinates, which off a stationary point give other wavenumbers than the Hessian.
    tolerance : float, optional
        Angstrom, for the detection of the point group.
    max_asymmetry : float
        Largest part of the Hessian (relative Frobenius norm) that may lack the symmetry.

    Raises
    ------
    ForceFieldError
        Neither or both of force_field and hessian; F of a wrong shape, not symmetric, or not totally symmetric.
    HessianError
        A Hessian that lacks the symmetry, of a wrong shape.
    CoordinateError
        Internal coordinates that do not describe all vibrations.

    Notes
    -----
    With G = C C^T (Cholesky, in each symmetry block) the symmetric matrix C^T F C has the eigenvalues of GF, and with
    its eigenvectors V, L = C V. E. B. Wilson, J. Chem. Phys. 7, 1047 (1939); 9, 76 (1941); S. Califano, Vibrational
    States (1976), ch. 4. Redundant coordinates: G has rank d = 3N - 6 (5) and C spans its range (generalised inverse
    of G, J. R. Gibson, S. Crawford). An indefinite F gives imaginary modes, shown as negative wavenumbers.
    Cost O(n_q^2 3N), the eigenproblems O(sum over blocks of n^3).

    Examples
    --------
    >>> import symvib as sv
    >>> from symvib.forward.internals import InternalCoordinate as Internal, InternalCoordinates
    >>> water = sv.Molecule.from_arrays([8, 1, 1], [[0, 0, 0.1173], [0, 0.7572, -0.4692], [0, -0.7572, -0.4692]])
    >>> internals = InternalCoordinates(
    ...     [Internal("stretch", (0, 1)), Internal("stretch", (0, 2)), Internal("bend", (1, 0, 2))]
    ... )
    >>> field = [[8.45, -0.10, 0.23], [-0.10, 8.45, 0.23], [0.23, 0.23, 0.70]]  # mdyn/A, mdyn, mdyn A
    >>> print(wilson_gf(water, field, internals))
       nu  irrep        cm-1  degeneracy  potential energy
    """
    molecule, hessian = _inputs(molecule, force_field, hessian)
    if internals is None:
        internals = getattr(force_field, "internals", None)
    problem = _Problem.of(molecule, internals, symmetry, tolerance)
    removed: float | None = None
    if hessian is not None:
        averaged, asymmetry = _averaged(problem, np.asarray(hessian, dtype=float), max_asymmetry)
        transformed = cartesian_to_internal(
            averaged, gradient, problem.internals, problem.positions, problem.molecule.masses
        )
        force_constants, removed = transformed.force_constants, transformed.removed
    else:
        force_constants = _force_constants(force_field, len(problem.internals))
        asymmetry = problem.asymmetry(force_constants)
    return _solve(problem, force_constants, asymmetry, removed)


def _inputs(molecule: Any, force_field: Any | None, hessian: Any | None) -> tuple[Any, Any | None]:
    """Molecule or Detection, and the Hessian if it is that."""
    if isinstance(molecule, HarmonicResponse):
        if force_field is None and hessian is None:
            hessian = molecule.hessian
        molecule = molecule.molecule
    if (force_field is None) == (hessian is None):
        raise ForceFieldError("wilson_gf: give either force_field or hessian (a HarmonicResponse brings its own).")
    return molecule, hessian


def _force_constants(force_field: Any, count: int) -> NDArrayFloat:
    matrix = np.array(force_field.matrix() if hasattr(force_field, "matrix") else force_field, dtype=float)
    if matrix.shape != (count, count):
        raise ForceFieldError(
            f"wilson_gf: force constants of shape {matrix.shape} for {count} internal coordinates; ({count}, {count}) "
            "is needed, in their order."
        )
    if not np.isfinite(matrix).all():
        raise ForceFieldError("wilson_gf: force constants hold NaN or infinity.")
    worst, largest = float(np.abs(matrix - matrix.T).max()), float(np.abs(matrix).max())
    if worst > _SYMMETRIC * max(largest, 1e-300):
        raise ForceFieldError(
            f"wilson_gf: force constants are not symmetric: |F - F^T| reaches {worst:.3g} with elements up to "
            f"{largest:.3g}."
        )
    return (matrix + matrix.T) / 2


@dataclass(frozen=True, eq=False)
class _Problem:
    """What the secular equation needs beside F."""

    molecule: Molecule
    point_group: PointGroup
    internals: Any
    positions: NDArrayFloat
    b_matrix: NDArrayFloat
    blocks: tuple[SymmetryBlock, ...]
    rank: CoordinateRank
    coordinates: SymmetryCoordinates | None

    @classmethod
    def of(cls, molecule: Any, internals: Any | None, symmetry: bool, tolerance: float | None) -> "_Problem":
        if symmetry:
            found = symmetry_coordinates(molecule, internals, tolerance)
            return cls(
                found.molecule,
                found.point_group,
                found.internals,
                found.positions,
                found.b_matrix,
                found.blocks,
                found.rank,
                found,
            )
        molecule = molecule.molecule if isinstance(molecule, Detection) else as_molecule(molecule)
        if internals is None:
            from .selection import internal_coordinates

            internals = internal_coordinates(molecule)
        b_matrix = eckart_b_matrix(internals, molecule.positions, molecule.masses)
        expected = _n_vibrations(molecule)
        rank = CoordinateRank.of(b_matrix, expected)
        span = np.linalg.svd(b_matrix, full_matrices=False)[0][:, :expected]
        block = SymmetryBlock("A", 1, span[None], span.T[None], np.zeros(0, dtype=np.int64))
        return cls(molecule, PointGroup.parse("C1"), internals, molecule.positions, b_matrix, (block,), rank, None)

    @property
    def action(self) -> DisplacementSymmetry | None:
        return None if self.coordinates is None else self.coordinates.action

    def asymmetry(self, force_constants: NDArrayFloat) -> float:
        """Relative part of F that is not totally symmetric, which must be rounding."""
        if self.coordinates is None:
            return 0.0
        asymmetry = self.coordinates.asymmetry(force_constants)
        if asymmetry > _FORCE_FIELD_ASYMMETRY:
            raise ForceFieldError(
                f"wilson_gf: {asymmetry:.2g} of the force constants (relative to the largest) lacks the symmetry "
                f"{self.point_group.label} of the geometry; allowed: {_FORCE_FIELD_ASYMMETRY:g}. Make equivalent "
                "constants equal, or give symmetry=False."
            )
        return asymmetry


def _n_vibrations(molecule: Molecule) -> int:
    """3N - 6, or 3N - 5 for a linear molecule."""
    if len(molecule) == 1:
        raise CoordinateError(f"wilson_gf: {molecule!r} is one atom and does not vibrate.")
    centred = molecule.positions - molecule.positions.mean(axis=0)
    singular = np.linalg.svd(centred, compute_uv=False)
    linear = len(molecule) == 2 or singular[1] < 1e-4 * singular[0]
    return 3 * len(molecule) - (5 if linear else 6)


def _averaged(problem: _Problem, hessian: NDArrayFloat, limit: float) -> tuple[NDArrayFloat, float]:
    size = problem.positions.size
    if hessian.shape != (size, size) or not np.isfinite(hessian).all():
        raise HessianError(
            f"wilson_gf: hessian of shape {hessian.shape} for {size // 3} atoms; finite numbers ({size}, {size}) are "
            "needed."
        )
    hessian = (hessian + hessian.T) / 2
    if problem.action is None:
        return hessian, 0.0
    averaged = problem.action.average(hessian)
    relative = float(np.linalg.norm(hessian - averaged) / max(float(np.linalg.norm(hessian)), 1e-300))
    if relative > limit:
        raise HessianError(
            f"wilson_gf: {100 * relative:.1f} % of the hessian lacks the symmetry {problem.point_group.label} of the "
            f"geometry; allowed: {100 * limit:.1f} %. Check that orientation and atom order are the molecule's."
        )
    return averaged, relative


def _solve(problem: _Problem, force_constants: NDArrayFloat, asymmetry: float, removed: float | None) -> WilsonSolution:
    roots = np.repeat(np.sqrt(problem.molecule.masses), 3)
    weighted = problem.b_matrix / roots
    g_matrix = weighted @ weighted.T
    blocks = tuple(_solve_block(block, g_matrix, force_constants) for block in problem.blocks)
    modes, eigenvalues, irreps, set_index = _assemble(blocks)
    # x = M^-1 B^T p with the momenta p = G^+ L
    momenta = np.linalg.lstsq(weighted.T, np.linalg.lstsq(weighted, modes, rcond=1e-9)[0], rcond=1e-9)[0]
    displacements = ((weighted.T @ momenta) / roots[:, None]).T.reshape(len(eigenvalues), -1, 3)
    energy = energy_distribution(modes, force_constants, momenta, eigenvalues)
    for array in (g_matrix, force_constants, modes, eigenvalues, set_index, displacements):
        array.setflags(write=False)
    return WilsonSolution(
        problem.molecule,
        problem.point_group,
        problem.internals,
        g_matrix,
        force_constants,
        modes,
        eigenvalues,
        irreps,
        set_index,
        mode_numbers(irreps, eigenvalues, set_index, problem.molecule, problem.point_group),
        displacements,
        energy,
        blocks,
        problem.rank,
        asymmetry,
        removed,
    )


def _solve_block(block: SymmetryBlock, g_matrix: NDArrayFloat, force_constants: NDArrayFloat) -> WilsonBlock:
    g_block, f_block = block.restrict_g(g_matrix), block.restrict(force_constants)
    root = np.linalg.cholesky(g_block)
    eigenvalues, vectors = np.linalg.eigh(root.conj().T @ f_block @ root)
    modes = root @ vectors
    for array in (g_block, f_block, modes, eigenvalues):
        array.setflags(write=False)
    return WilsonBlock(block.irrep, block.dimension, block.coefficients, g_block, f_block, modes, eigenvalues)


def _assemble(blocks: tuple[WilsonBlock, ...]) -> tuple[NDArrayFloat, NDArrayFloat, tuple[str, ...], NDArrayInt]:
    """L (n_q, d), lambda (d,), irreps and set indices of all blocks, sets by ascending eigenvalue."""
    columns, eigenvalues, irreps, sets = [], [], [], []
    for block in blocks:
        modes = real_partners(block.coefficients @ block.L)  # (dimension, n_q, n)
        columns.append(modes.transpose(1, 2, 0).reshape(modes.shape[1], -1))
        eigenvalues.append(np.repeat(block.eigenvalues, block.dimension))
        irreps += [block.irrep] * (block.eigenvalues.size * block.dimension)
        sets.append(
            np.repeat(np.arange(block.eigenvalues.size) + sum(len(np.unique(s)) for s in sets), block.dimension)
        )
    values, labels, modes = np.concatenate(eigenvalues), np.concatenate(sets), np.hstack(columns)
    means = np.bincount(labels, values) / np.bincount(labels)
    order = np.lexsort((labels, means[labels]))
    set_index = np.concatenate([[0], np.cumsum(np.diff(labels[order]) != 0)])
    return modes[:, order], values[order], tuple(irreps[i] for i in order), set_index
