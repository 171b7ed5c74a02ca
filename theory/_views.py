"""What is measured: for the molecule and each isotopologue, the symmetry blocks with the chosen observables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError, MoleculeError
from ..forward.isotopologues import isotopologue
from ..forward.jacobian import SpectralBlock
from ..forward.response import HarmonicResponse
from ..forward.response_blocks import response_blocks
from ..forward.symmetry_coordinates import SymmetryBlock, SymmetryCoordinates, symmetry_coordinates
from ..groups.molecule import Molecule
from ._observables import is_visible, observed_factors

__all__ = [
    "View",
    "ViewBlock",
    "isotopologue_coordinates",
    "isotopologue_responses",
    "view_of",
]

_FACTORS = ("ir", "raman_isotropic", "raman_anisotropic")
# |Q| singular values below this fraction of the largest are directions in which the block has no intensity.
_NO_INTENSITY = 1e-6


@dataclass(frozen=True, eq=False)
class ViewBlock:
    """One irrep of one isotopologue.

    Attributes
    ----------
    symmetry : SymmetryBlock
    spectral : SpectralBlock
        With the observed intensities as its factors.
    visible : bool
        Are its lines seen in the spectra that are measured?
    """

    symmetry: SymmetryBlock
    spectral: SpectralBlock
    visible: bool

    @property
    def size(self) -> int:
        """Multiplicity n of the irrep among the vibrations."""
        return self.symmetry.n_levels

    @property
    def unknowns(self) -> int:
        """Constants of the most general F of this block: n(n+1)/2, or n^2 of a Hermitian one."""
        return self.size**2 if self.symmetry.is_complex else self.size * (self.size + 1) // 2

    @property
    def intensity_ranks(self) -> dict[str, int]:
        """Rank of the matrix W of each observed intensity."""
        return {name: _rank(np.asarray(factor)) for name, factor in self.spectral.intensities.items()}

    @property
    def span(self) -> int:
        """Number of directions that the observed intensities see together."""
        factors = [np.asarray(q) / np.linalg.norm(q) for q in self.spectral.intensities.values()]
        return _rank(np.hstack(factors)) if factors else 0

    @property
    def independent_intensities(self) -> int:
        """Dimension of the span of the traceless parts of the W of the observed intensities."""
        root = np.linalg.cholesky(np.asarray(self.spectral.g))
        weights = [root.conj().T @ np.asarray(q) for q in self.spectral.intensities.values()]
        squares = [q @ q.conj().T / np.linalg.norm(q) ** 2 for q in weights]
        traceless = [(w - np.trace(w) / len(w) * np.eye(len(w))).ravel() for w in squares]
        parts = [np.concatenate([np.real(w), np.imag(w)]) for w in traceless]
        return int(np.linalg.matrix_rank(np.array(parts), tol=_NO_INTENSITY)) if parts else 0


def _rank(factor: NDArray[Any]) -> int:
    values = np.linalg.svd(factor, compute_uv=False)
    return int((values > _NO_INTENSITY * max(float(values.max(initial=0.0)), 1e-300)).sum())


@dataclass(frozen=True, eq=False)
class View:
    """The spectra of one isotopologue."""

    name: str
    response: HarmonicResponse
    coordinates: SymmetryCoordinates
    blocks: tuple[ViewBlock, ...]


def view_of(
    name: str,
    response: HarmonicResponse,
    coordinates: SymmetryCoordinates,
    observables: tuple[str, ...],
    force_constants: Any | None = None,
) -> View:
    """The blocks of a response (of an isotopologue) with the factors of the chosen observables."""
    spectral = response_blocks(response, coordinates, force_field=force_constants)
    strongest = {
        name: max(float(np.linalg.norm(np.asarray(b.intensities.get(name, 0.0)))) for b in spectral)
        for name in _FACTORS
    }
    blocks = []
    for symmetry, block in zip(coordinates.blocks, spectral, strict=True):
        # what symmetry allows may still vanish: no line, no datum
        block = replace(block, intensities={
            name: q for name, q in block.intensities.items()
            if np.linalg.norm(np.asarray(q)) > _NO_INTENSITY * max(strongest[name], 1e-300)
        })  # fmt: skip
        visible = is_visible(block.intensities, observables)
        blocks.append(
            ViewBlock(symmetry, replace(block, intensities=observed_factors(block.intensities, observables)), visible)
        )
    return View(name, response, coordinates, tuple(blocks))


def isotopologue_responses(
    response: HarmonicResponse, isotopologues: Iterable[Any]
) -> list[tuple[str, HarmonicResponse]]:
    """Names and responses of the isotopologues asked for.

    Each is a mapping {atom index or element: mass number}, an array of mass numbers, or a `Molecule` that differs from
    the parent in its masses only.

    Raises
    ------
    IdentifiabilityError
        Not an isotopologue of this molecule, or the same masses twice.
    """
    if isinstance(isotopologues, Mapping | Molecule | str) or not isinstance(isotopologues, Iterable):
        raise IdentifiabilityError(
            "identify(isotopologues=...): a list is needed, for instance [{'H': 2}] for full deuteration."
        )
    seen = [("the molecule itself", response.molecule.masses)]
    found = []
    for place, asked in enumerate(isotopologues):
        made = _isotopologue(response, asked, place)
        masses = made.molecule.masses
        for name, others in seen:
            if np.abs(masses - others).max() < 1e-6:
                raise IdentifiabilityError(
                    f"identify: isotopologue {place + 1} ({asked!r}) has the masses of {name}: it adds no data."
                )
        name = _isotope_name(response.molecule, made.molecule)
        seen.append((name, masses))
        found.append((name, made))
    return found


def _isotopologue(response: HarmonicResponse, asked: Any, place: int) -> HarmonicResponse:
    parent = response.molecule
    if isinstance(asked, Molecule):
        same = len(asked) == len(parent) and bool((asked.numbers == parent.numbers).all())
        if not same or np.abs(asked.positions - parent.positions).max() > 1e-6:
            raise IdentifiabilityError(
                f"identify: isotopologue {place + 1}, {asked!r}, has other atoms or positions than {parent!r}; only "
                "masses may differ."
            )
        return isotopologue(response, masses=asked.masses)
    try:
        return isotopologue(response, asked)
    except (MoleculeError, TypeError, ValueError) as error:
        raise IdentifiabilityError(f"identify: isotopologue {place + 1}: {error}") from error


def _isotope_name(parent: Molecule, made: Molecule) -> str:
    """Isotopes that differ from the parent and their atoms, counted from 1: "D at 2-3", "13C at 1"."""
    changed: dict[str, list[int]] = {}
    for k, (symbol, mass, old) in enumerate(zip(parent.symbols, made.masses, parent.masses, strict=True)):
        if abs(mass - old) > 1e-6:
            number = round(float(mass))
            isotope = {("H", 2): "D", ("H", 3): "T"}.get((symbol, number), f"{number}{symbol}")
            changed.setdefault(isotope, []).append(k + 1)
    return "; ".join(f"{isotope} at {_ranges(atoms)}" for isotope, atoms in changed.items())


def _ranges(numbers: list[int]) -> str:
    """Ascending numbers with runs joined: "2-4, 7"."""
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))


def isotopologue_coordinates(
    made: HarmonicResponse, parent: SymmetryCoordinates, tolerance: float | None = None
) -> SymmetryCoordinates:
    """Symmetry coordinates of an isotopologue, from the internal coordinates of its parent.

    Raises
    ------
    IdentifiabilityError
        It has more symmetry than the parent: the force constants have that of the nuclear charges, so the most
        symmetric isotopologue is the one to start from.
    """
    found = symmetry_coordinates(made.molecule, parent.internals, tolerance)
    if len(found.action.matrices) > len(parent.action.matrices):
        raise IdentifiabilityError(
            f"identify: the isotopologue {made.molecule!r} is {found.point_group.label}, the molecule given only "
            f"{parent.point_group.label}. Give the most symmetric one as the molecule, the other as its isotopologue."
        )
    return found
