"""Fibres: explicit families of different force fields with identical infrared and Raman spectra."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ..forward.normal_modes import NormalModes, normal_modes
from ..forward.response import HarmonicResponse
from ._isospectral_paths import followed_path, orbit_path, relative_distance, silent_path
from ._molecular_block import MolecularBlock
from ._observables import OBSERVABLES, checked_observables
from ._spectral_comparison import SpectralDeviation, compare_spectra

__all__ = ["ConstantChange", "Fibre", "fibre", "fibre_dimensions"]

Array = NDArray[np.float64]
Matrix = NDArray[Any]


@dataclass(frozen=True)
class ConstantChange:
    """One force constant at both ends of a fibre.

    Attributes
    ----------
    label : str
        In words: "C-H stretch / C-C-H bend".
    unit : str
        "mdyn/A", "mdyn" or "mdyn A".
    start, end : float
        At t = 0 and at the last point.
    """

    label: str
    unit: str
    start: float
    end: float

    @property
    def change(self) -> float:
        """From ``start`` to ``end``."""
        return self.end - self.start

    def __str__(self) -> str:
        return f"{self.label}: {self.start:.4f} -> {self.end:.4f} {self.unit} ({self.change:+.4f})"


@dataclass(frozen=True, eq=False, repr=False)
class Fibre:
    """A one-parameter family of force fields F(t) of one species, all with the same spectra.

    Attributes
    ----------
    molecular_block : MolecularBlock
        Where it starts: molecule, response (averaged over its point group), symmetry coordinates.
    observables : tuple of str
        What stays the same.
    kind : str
        "silent" (the species has no line) or "visible".
    dimension : int
        Of the whole family through this force field: unknowns - rank.
    unknowns, rank : int
        Number of force constants of the block, and of independent observables.
    gap : float
        Of the singular values that decided ``rank``.
    parameters : ndarray (m,)
        t; see ``meaning``.
    meaning : str
        What t is.
    evidence : str
        "proved" where an identity keeps the spectra, "numerical" where a corrector does, to ``deviation``.
    matrices : ndarray (m, n, n)
        A(t) = root^+ F(t) root with G = root root^+.
    deviation : SpectralDeviation
        Largest over all points, from Cartesian Hessians, by `normal_modes`.
    """

    molecular_block: MolecularBlock
    observables: tuple[str, ...]
    kind: str
    dimension: int
    unknowns: int
    rank: int
    gap: float
    parameters: Array
    meaning: str
    evidence: str
    matrices: Matrix
    deviation: SpectralDeviation

    def __post_init__(self) -> None:
        for array in (self.parameters, self.matrices):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def irrep(self) -> str:
        """The species whose constants move."""
        return self.molecular_block.block.label

    @cached_property
    def force_constants(self) -> Matrix:
        """F(t) (m, n, n) in symmetry coordinates of one partner, mdyn/A, mdyn, mdyn A; complex pairs: Hermitian."""
        found = self.molecular_block.block.force_constants(self.matrices)
        found.setflags(write=False)
        return found

    @cached_property
    def relative_change(self) -> Array:
        """|A(t) - A| / |A| of the block, (m,): independent of the choice of coordinates."""
        return relative_distance(self.matrices, self.matrices[0])

    def response(self, point: int = -1) -> HarmonicResponse:
        """The response with H(t) at a point (0 is the molecule's own, -1 the last); derivatives are unchanged."""
        return self.molecular_block.response_with(self.force_constants[point])

    def hessian(self, point: int = -1) -> Array:
        """H(t) (3N, 3N) in Eh/bohr^2, for `normal_modes`."""
        return self.response(point).hessian

    @property
    def relative_hessian_change(self) -> float:
        """|H(t) - H| / |H| at the last point, Frobenius norms of the Cartesian Hessians."""
        start = self.molecular_block.response.hessian
        return float(np.linalg.norm(self.hessian() - start) / np.linalg.norm(start))

    @cached_property
    def constants(self) -> Array:
        """The force constants along the path, (m, unknowns), named by ``labels``."""
        found = np.array(self.molecular_block.constants(self.force_constants))
        found.setflags(write=False)
        return found

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of ``constants`` in words."""
        return self.molecular_block.constant_names

    def changes(self) -> tuple[ConstantChange, ...]:
        """What happens to each force constant between the ends, largest change (as a number) first."""
        first, last = self.constants[0], self.constants[-1]
        units = self.molecular_block.constant_units
        order = np.argsort(-np.abs(last - first), kind="stable")
        return tuple(ConstantChange(self.labels[i], units[i], float(first[i]), float(last[i])) for i in order)

    def __repr__(self) -> str:
        molecule = self.molecular_block.response.molecule
        return f"Fibre({molecule.formula}, {self.irrep}, {self.kind}, dimension {self.dimension}, {len(self)} points)"

    def __str__(self) -> str:
        return self.describe()

    def describe(self, largest: int = 5) -> str:
        """The family in words, with the ``largest`` changes."""
        block, formula = self.molecular_block.block, self.molecular_block.response.molecule.formula
        seen = ", ".join(f"{name} rank {rank}" for name, rank in block.intensity_ranks.items())
        head = [
            f"{formula} ({self.molecular_block.point_group}), {self.irrep}: {block.size} levels, {self.unknowns} force "
            f"constants, {self.rank} determined by {'+'.join(self.observables)} ({seen or 'silent'}); "
            f"a family of dimension {self.dimension}.",
            f"Along it: {self.meaning} ({self.evidence}).",
            f"F differs by {100 * self.relative_change[-1]:.3g} % of the block, "
            f"{100 * self.relative_hessian_change:.3g} % of the Hessian; {self.deviation}.",
        ]
        return "\n".join([*head, *(f"  {change}" for change in self.changes()[:largest])])

    def _repr_html_(self) -> str:
        head, *rows = self.describe().split("\n  ")
        cells = "".join(f"<li>{escape(row)}</li>" for row in rows)
        return f"<p>{escape(head)}</p><ul>{cells}</ul>"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; ``force_constants`` by name at every t."""
        return {
            "molecule": self.molecular_block.response.molecule.as_dict(),
            "irrep": self.irrep,
            "observables": list(self.observables),
            "kind": self.kind,
            "dimension": self.dimension,
            "unknowns": self.unknowns,
            "rank": self.rank,
            "gap": self.gap,
            "meaning": self.meaning,
            "evidence": self.evidence,
            "parameters": self.parameters.tolist(),
            "relative_change": self.relative_change.tolist(),
            "labels": list(self.labels),
            "units": list(self.molecular_block.constant_units),
            "constants": self.constants.tolist(),
            "deviation": self.deviation.as_dict(),
        }

    def plot(self, ax: Any = None) -> Any:
        """Two axes: the force constants moving, and the spectra of all points on top of each other."""
        from ._fibre_plot import plot_fibre

        return plot_fibre(self, ax)


def fibre(
    response: HarmonicResponse,
    irrep: str,
    observables: Iterable[str] = OBSERVABLES,
    *,
    distance: float = 0.1,
    points: int = 11,
    follow: bool = False,
) -> Fibre:
    """A family of force fields of one species that has the spectra of the molecule.

    Parameters
    ----------
    response : HarmonicResponse
        Averaged over the point group first.
    irrep : str
        Whose force constants move.
    observables : iterable of {"freq", "ir", "raman", "rho"}
        What must stay. "raman" without "rho" is one intensity.
    distance : float
        Relative change |A(t) - A|/|A| of the block that the family reaches (at least).
    points : int
        About how many force fields to give, >= 2.
    follow : bool
        True: follow the null space numerically also where there is a closed form.

    Returns
    -------
    Fibre

    Raises
    ------
    IdentifiabilityError
        The force constants of the species are determined (no family), the distance is out of reach, no such species,
        or no derivatives for the observables.

    Notes
    -----
    In the symmetric form A = V Lambda V^+ the data of a species are Lambda and I_jk = v_k^+ W_j v_k.
    Silent: A(t) = (1 + t) A. Visible: if a rotation S(t) commutes with every W_j, A(t) = S A S^+; else Lambda is kept,
    V moves in the null space of the incidence matrix of W~ = V^+ W V and Newton's method returns it to the intensities.
    Every point is turned into a Cartesian Hessian, solved by `normal_modes` and compared with the start; what remains
    is stated as ``deviation``. Derivatives of dipole and polarizability (Cartesian) are those of the response.

    Examples
    --------
    >>> import symvib as sv
    >>> benzene = sv.shipped_dataset("responses_survey_gfn2").response("sym-C6(H)6 ring +0")
    >>> family = fibre(benzene, "E1u", distance=0.05, points=3)
    >>> family.kind, family.dimension
    ('visible', 1)
    >>> bool(family.relative_change[-1] > 0.049), family.deviation.wavenumber_cm1 < 1e-8
    (True, True)
    """
    observables = checked_observables(observables)
    if not (np.isfinite(distance) and distance > 0 and points >= 2):
        raise IdentifiabilityError(f"fibre: distance={distance}, points={points}; a positive number and >= 2 needed.")
    part = MolecularBlock.of(response, irrep, observables)
    block = part.block
    if not block.visible:
        rank, gap, path = 0, float("inf"), silent_path(block, distance, points)
    else:
        block.check_distinct()
        found = block.rank()[0]
        rank, gap = block.size + found.rank, found.gap
        if rank == block.unknowns:
            raise IdentifiabilityError(
                f"fibre of {irrep}: its {rank} force constants are locally determined (gap {gap:.1e}): no family. For "
                "discrete others see theory.twins.twins."
            )
        path = None if follow else orbit_path(block, distance, points)
        path = followed_path(block, distance, points) if path is None else path
    return Fibre(
        part,
        observables,
        "visible" if block.visible else "silent",
        block.unknowns - rank,
        block.unknowns,
        rank,
        gap,
        path.parameters,
        path.meaning,
        "proved" if path.proved else "numerical",
        path.matrices,
        worst_deviation(part, block.force_constants(path.matrices), observables),
    )


def worst_deviation(part: MolecularBlock, force_constants: Matrix, observables: tuple[str, ...]) -> SpectralDeviation:
    """Largest deviation of the spectra of F (m, n, n) from those of the molecule."""
    start = _modes(part, part.response)
    worst: SpectralDeviation | None = None
    for f in force_constants:
        found = compare_spectra(start, _modes(part, part.response_with(f)), observables)
        worst = found if worst is None else worst.largest(found)
    if worst is None:
        raise IdentifiabilityError(f"{part.block.label}: no force field to compare.")
    return worst


def _modes(part: MolecularBlock, response: HarmonicResponse) -> NormalModes:
    return normal_modes(response, check=False)


def fibre_dimensions(
    response: HarmonicResponse, observables: Iterable[str] = OBSERVABLES
) -> dict[str, tuple[int, int]]:
    """Of each species the number of force constants and how many combinations of them the spectra leave open."""
    found: dict[str, tuple[int, int]] = {}
    for irrep, part in MolecularBlock.all_of(response, checked_observables(observables)).items():
        block = part.block
        rank = block.size + block.rank()[0].rank if block.visible else 0
        found[irrep] = block.unknowns, block.unknowns - rank
    return found
