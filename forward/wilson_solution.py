"""The solution of a GF problem: modes, energy distribution, mode descriptions and their tables."""

from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat, NDArrayInt
from ..groups.schoenflies import PointGroup
from ._line_presentation import mode_numbers_text, wavenumber_text
from .coordinate_rank import CoordinateRank
from .force_constants import wavenumbers_of
from .internals import InternalCoordinates
from .ped import EnergyDistribution, coordinate_groups
from .symmetry_coordinates import SymmetryCoordinates

__all__ = ["WilsonBlock", "WilsonSolution"]

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
        Part of F or of the Hessian that lacks the symmetry and was averaged away: largest element over the largest.
    removed : float or None
        Of a Hessian: largest element (Eh/bohr^2) that internal coordinates do not carry (residue of rigid motion).
    coordinates : SymmetryCoordinates or None
        Those that factored the problem; None with ``symmetry=False``.
    """

    molecule: Molecule
    point_group: PointGroup
    internals: InternalCoordinates
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
    removed: float | None = None
    coordinates: SymmetryCoordinates | None = None

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

    def _rows(self) -> list[tuple[int, str, str, str, int, str]]:
        """Number nu, modes, irrep, wavenumber, degeneracy and words of each set, by number nu."""
        means = self._means(self.wavenumbers_cm1)
        words = {int(line.split()[0][2:]): line.partition(", ")[2] for line in self.describe()}
        rows = {}
        for s, mean in enumerate(means):
            members = np.flatnonzero(self.set_index == s)
            number = self.numbers[members[0]]
            shown = words[number] + (" (imaginary)" if mean < 0 else "")
            irrep = self.irreps[members[0]]
            rows[number] = (number, mode_numbers_text(members), irrep, wavenumber_text(mean), len(members), shown)
        return [rows[number] for number in sorted(rows)]

    @property
    def _notes(self) -> tuple[str, ...]:
        """What the numbers mean, the rank of the coordinates, and what was made of a Hessian."""
        numbering = "nu: Herzberg's numbers, by species; mode: number by ascending wavenumber, from 1"
        rank = str(self.rank)
        if self.removed is None:
            return (numbering, rank)
        return (
            numbering,
            rank,
            f"of the Hessian {100 * self.asymmetry:.2g} % of the largest element averaged away over "
            f"{self.point_group.label}, {self.removed:.1e} Eh/bohr^2 not carried by the coordinates (rigid motions)",
        )

    def tabulate(self) -> str:
        """A text table: one line for each degenerate set, then what is remarkable."""
        lines = ["   nu     mode  irrep         cm-1  degeneracy  potential energy"]
        for number, modes, irrep, wavenumber, degeneracy, words in self._rows():
            lines.append(f"  {number:3d}  {modes:>7s}  {irrep:8s} {wavenumber:>9s}  {degeneracy:10d}  {words}")
        return "\n".join([*lines, *self._notes])

    def __str__(self) -> str:
        return self.tabulate()

    def __repr__(self) -> str:
        return f"WilsonSolution({self.molecule.formula}, {self.point_group.label}, {len(self.irreps)} vibrations)"

    def _repr_html_(self) -> str:
        names = ("nu", "mode", "irrep", "cm<sup>-1</sup>", "degeneracy", "potential energy")
        head = "<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"
        body = "".join("<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>" for row in self._rows())
        return f"<table>{head}{body}</table><p>{escape('; '.join(self._notes))}</p>"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        undefined = [bool(row.any()) for row in np.ma.getmaskarray(self.ped)]
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
            "removed_hartree_per_bohr2": self.removed,
        }
