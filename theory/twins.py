"""Twins: discrete other force fields of a species with exactly the same lines, although nothing is left to vary."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ..forward.jacobian import SpectralBlock
from ..forward.response import HarmonicResponse
from ._closed_twins import closed_twins, mirror_twin
from ._isospectral import IsospectralBlock
from ._isospectral_paths import relative_distance
from ._krawczyk import ExistenceProof, MomentSystem
from ._molecular_block import MolecularBlock
from ._observables import OBSERVABLES, checked_observables
from ._spectral_comparison import SpectralDeviation
from ._twin_search import search

__all__ = ["Twin", "Twins", "twins"]

Array = NDArray[np.float64]
Matrix = NDArray[Any]

_ITSELF = 1e-6  # relative distance from A


@dataclass(frozen=True, eq=False)
class Twin:
    """Another force field with the same spectrum.

    Attributes
    ----------
    force_constants : ndarray (n, n)
        F in the coordinates of the block, mdyn/A, mdyn, mdyn A; positive definite if the given one is.
    matrix : ndarray (n, n)
        A = root^+ F root.
    relative_distance : float
        |A' - A| / |A|, Frobenius norms.
    evidence : str
        "proved" (closed form), "certified" (Krawczyk test passed), "numerical" (converged only).
    existence : ExistenceProof or None
        Of the Krawczyk test.
    hits : int
        How many searches ended here; 0 where none was made.
    """

    force_constants: Matrix
    matrix: Matrix
    relative_distance: float
    evidence: str
    existence: ExistenceProof | None
    hits: int

    def __post_init__(self) -> None:
        for array in (self.force_constants, self.matrix):
            array.setflags(write=False)


@dataclass(frozen=True, eq=False, repr=False)
class Twins:
    """The other force fields of a block that is determined up to finitely many.

    Attributes
    ----------
    block : IsospectralBlock
    molecular_block : MolecularBlock or None
        Where a response was given.
    observables : tuple of str
    twins : tuple of Twin
        The nearest first.
    evidence : str
        Of their number: "proved" (there are no others) or "searched" (there are at least these).
    reason : str
        Why there are no others, or how they were looked for.
    starts, converged : int
        Of the search; 0 where none was needed.
    unseen : float
        Good and Turing's estimate of the probability that one more converged search finds yet another force field.
    basin_bound : float
        Others, if any, are reached from less than this share of the converged starts (95 % confidence).
    """

    block: IsospectralBlock
    molecular_block: MolecularBlock | None
    observables: tuple[str, ...]
    twins: tuple[Twin, ...]
    evidence: str
    reason: str
    starts: int
    converged: int
    unseen: float
    basin_bound: float

    def __len__(self) -> int:
        return len(self.twins)

    @property
    def certified(self) -> int:
        """How many exist for certain, by closed form or Krawczyk test."""
        return sum(twin.evidence in ("proved", "certified") for twin in self.twins)

    def response(self, twin: int = 0) -> HarmonicResponse:
        """The molecule's response with the force constants of a twin.

        Raises
        ------
        IdentifiabilityError
            A bare block was given.
        """
        if self.molecular_block is None:
            raise IdentifiabilityError("twins of a bare block have no Hessian: give a HarmonicResponse and an irrep.")
        return self.molecular_block.response_with(self.twins[twin].force_constants)

    def deviation(self, twin: int = 0) -> SpectralDeviation:
        """How far the spectra of a twin are from those of the molecule, from the Hessians, by `normal_modes`.

        Raises
        ------
        IdentifiabilityError
            As `response`.
        """
        from .fibre import worst_deviation

        if self.molecular_block is None:
            raise IdentifiabilityError("twins of a bare block have no spectra: give a HarmonicResponse and an irrep.")
        return worst_deviation(self.molecular_block, self.twins[twin].force_constants[None], self.observables)

    def __repr__(self) -> str:
        return f"Twins({self.block.label}, n = {self.block.size}, {len(self)} others, {self.evidence})"

    def __str__(self) -> str:
        return self.describe()

    def describe(self) -> str:
        """The count and the nearest twins in words."""
        ranks = ", ".join(f"{name} rank {rank}" for name, rank in self.block.intensity_ranks.items())
        number = {"proved": "exactly", "searched": "at least"}[self.evidence]
        count = (
            f"{number} {1 + len(self)} force fields have this spectrum" if self.twins else "no other force field found"
        )
        count = "no other force field has this spectrum" if not self.twins and self.evidence == "proved" else count
        lines = [
            f"{self.block.label}: {self.block.size} levels, {self.block.unknowns} force constants ({ranks}): {count}"
            + (f"; {self.certified} of {len(self)} twins exist for certain." if self.twins else "."),
            f"  {self.reason}",
        ]
        for k, twin in enumerate(self.twins[:5], start=1):
            box = f", box of radius {twin.existence.radius:.0e}" if twin.existence else ""
            lines.append(f"  twin {k}: F differs by {100 * twin.relative_distance:.3g} % ({twin.evidence}{box})")
            if self.molecular_block is not None:
                lines.append(f"    {_largest_change(self.molecular_block, self.block, twin)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.describe())}</pre>"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; force constants as real and imaginary parts."""
        return {
            "label": self.block.label,
            "size": self.block.size,
            "observables": list(self.observables),
            "intensity_ranks": self.block.intensity_ranks,
            "evidence": self.evidence,
            "reason": self.reason,
            "starts": self.starts,
            "converged": self.converged,
            "unseen": self.unseen,
            "basin_bound": self.basin_bound,
            "twins": [
                {
                    "force_constants_real": np.real(twin.force_constants).tolist(),
                    "force_constants_imaginary": np.imag(twin.force_constants).tolist(),
                    "relative_distance": twin.relative_distance,
                    "evidence": twin.evidence,
                    "existence": None if twin.existence is None else dict(vars(twin.existence)),
                    "hits": twin.hits,
                }
                for twin in self.twins
            ],
        }


def _largest_change(part: MolecularBlock, block: IsospectralBlock, twin: Twin) -> str:
    """The force constant that differs most, in words."""
    start = part.constants(block.force_constants(block.matrix))
    end = part.constants(twin.force_constants)
    i = int(np.argmax(np.abs(end - start)))
    return f"{part.constant_names[i]}: {start[i]:.4f} -> {end[i]:.4f} {part.constant_units[i]}"


def twins(
    block_or_response: SpectralBlock | HarmonicResponse,
    irrep: str | None = None,
    observables: Iterable[str] = OBSERVABLES,
    *,
    starts: int = 1000,
    seed: int = 0,
    certify: int = 20,
) -> Twins:
    """Other force fields of one species with the same wavenumbers and intensities.

    Parameters
    ----------
    block_or_response : SpectralBlock or HarmonicResponse
    irrep : str, optional
        Which species of a response.
    observables : iterable of {"freq", "ir", "raman", "rho"}
        "raman" without "rho" is one intensity.
    starts : int
        Random starts of the search, where there is no closed form.
    seed : int
    certify : int
        How many twins to put to the Krawczyk test, the nearest first (n = 6: about 0.2 s each).

    Returns
    -------
    Twins

    Raises
    ------
    IdentifiabilityError
        A silent species or one with a family (see `fibre`); no irrep with a response.
    MissingPackageError
        python-flint, for the Krawczyk test.

    Notes
    -----
    Closed forms (`_closed_twins`): n = 2; and any n with all intensities of rank one. For n = 2, s = 1, real: write
    A = m + r (cos 2a sigma_z + sin 2a sigma_x), W = c + w (cos 2b sigma_z + sin 2b sigma_x). The eigenvalues are
    m +- r; the intensities c +- w cos 2(a - b). So cos 2(a - b) is known and a - b up to its sign: EXACTLY TWO force
    fields, A and its mirror image S A S, S the reflection in an eigenvector of W - but one where A and W commute.

    Real blocks whose intensity ranks add up to n - 1 have a mirror image for a twin, however many equations there are.

    Otherwise Levenberg-Marquardt runs from random modes find solutions, and each is certified by Krawczyk's test where
    the moment equations are as many as the unknowns (n + s(n-1) = n(n+1)/2; complex n^2), see `_krawczyk`. The decimal
    numbers of A and W are taken as exact.

    Examples
    --------
    >>> found = twins(SpectralBlock("B2", np.eye(2), [[2.0, 0.5], [0.5, 1.0]], {"ir": [[1.0], [0.0]]}))
    >>> found.evidence, [twin.force_constants.round(6).tolist() for twin in found.twins]
    ('proved', [[[2.0, -0.5], [-0.5, 1.0]]])
    """
    observables = checked_observables(observables)
    part, block = _read(block_or_response, irrep, observables)
    if not block.visible:
        raise IdentifiabilityError(f"twins: {block.label} has no lines; any force constants do: see theory.fibre.")
    block.check_distinct()
    rank, _ = block.rank()
    if block.size + rank.rank < block.unknowns:
        raise IdentifiabilityError(
            f"twins: {block.size + rank.rank} of the {block.unknowns} force constants of {block.label} are determined: "
            "its isospectral force fields are a family; see theory.fibre."
        )
    closed = closed_twins(block)
    if closed is not None:
        others = [_twin(block, a, "proved", 0) for a in closed.matrices]
        reason = closed.reason + (f" (next candidate {closed.margin:.1e} off)" if np.isfinite(closed.margin) else "")
        return Twins(block, part, observables, _sorted(others), "proved", reason, 0, 0, 0.0, 0.0)
    result = search(block, starts, seed)
    away = relative_distance(result.matrices, block.matrix) > _ITSELF
    pairs = zip(result.matrices[away], result.hits[away], strict=True)
    found = [_twin(block, a, "numerical", int(h)) for a, h in pairs]
    others = _certified(block, _sorted(_with_mirror(block, found)), certify)
    unseen, bound = result.unseen, result.basin_bound
    reason = (
        f"{result.converged} of {starts} searches converged; probability that one more finds another force field: "
        f"{unseen:.2g} (Good-Turing); others have basins below {bound:.2g} of the starts (95 %)"
    )
    return Twins(block, part, observables, others, "searched", reason, starts, result.converged, unseen, bound)


def _read(
    given: Any, irrep: str | None, observables: tuple[str, ...]
) -> tuple[MolecularBlock | None, IsospectralBlock]:
    if isinstance(given, SpectralBlock):
        return None, IsospectralBlock.of(given, observables)
    if irrep is None:
        raise IdentifiabilityError("twins: which species? Give irrep= with a response.")
    part = MolecularBlock.of(given, irrep, observables)
    return part, part.block


def _twin(block: IsospectralBlock, a: Matrix, evidence: str, hits: int) -> Twin:
    a = np.array(a)
    return Twin(block.force_constants(a), a, float(relative_distance(a, block.matrix)), evidence, None, hits)


def _with_mirror(block: IsospectralBlock, found: list[Twin]) -> list[Twin]:
    """The twins with the mirror image, where there is one, as proved."""
    mirror = mirror_twin(block)
    if mirror is None:
        return found
    same = [float(relative_distance(twin.matrix, mirror)) < _ITSELF for twin in found]
    hits = sum(twin.hits for twin, yes in zip(found, same, strict=True) if yes)
    rest = [twin for twin, yes in zip(found, same, strict=True) if not yes]
    return [*rest, _twin(block, mirror, "proved", hits)]


def _sorted(found: list[Twin]) -> tuple[Twin, ...]:
    return tuple(sorted(found, key=lambda twin: twin.relative_distance))


def _certified(block: IsospectralBlock, found: tuple[Twin, ...], limit: int) -> tuple[Twin, ...]:
    """The twins with the outcome of Krawczyk's test for the first ``limit``."""
    if not found or limit <= 0:
        return found
    system = MomentSystem(block.matrix, block.stack)
    if not system.is_square:
        return found
    checked = []
    for twin in found[:limit]:
        if twin.evidence == "proved":
            checked.append(twin)
            continue
        proof = system.prove(twin.matrix)
        sure = proof.proved and proof.distance > 0
        checked.append(replace(twin, existence=proof, evidence="certified" if sure else "numerical"))
    return (*checked, *found[limit:])
