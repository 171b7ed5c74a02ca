"""The polynomial map from force constants to moments of a spectrum, with rational coefficients.

F = sum_p x_p E_p in the coordinates of the model, A_b = sum_t K_bt F K_bt^+ in symmetry block b and W_bj = Q_bj Q_bj^+.
All isotopologues share x; each has its own blocks.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import IdentifiabilityError
from ..forward._symmetric_form import SymmetricForm
from ..forward.force_field import GeneralForceField
from ..forward.jacobian import SpectralBlock
from ..forward.symmetry_coordinates import SymmetryCoordinates
from ..groups.operations import NDArrayFloat, NDArrayInt
from ._linear_structure import LinearStructure, float_map, independent_maps
from ._rational import RationalMatrix, compressed_factor, exact_rows, rounded
from .block_rank import block_rank

__all__ = ["ExactBlock", "ExactProblem"]

_log = logging.getLogger(__name__)

_ABSENT = 1e-13  # relative size of an entry of a basis that is rounding


@dataclass(frozen=True, eq=False)
class ExactBlock:
    """One symmetry block of one isotopologue.

    Attributes
    ----------
    label : str
        Unique in its problem.
    degeneracy : int
    is_complex : bool
        Hermitian: one of a pair of complex-conjugate irreps.
    size : int
        n.
    k : tuple of RationalMatrix (n, m)
        A = sum_t K_t F K_t^+ with F in the m coordinates of the model; empty in the general model, where the entries of
        A are the unknowns.
    factors : dict of RationalMatrix (n, r)
        Q of each observed intensity; an intensity that the irrep forbids is absent.
    visible : bool
        False: nothing of the block is observed (it still counts among the unknowns).
    reach : RationalMatrix (n_entries, n_parameters) or None
        Instead of ``k``: the entries of A as linear functions of the parameters, written out.
    """

    label: str
    degeneracy: int
    is_complex: bool
    size: int
    k: tuple[RationalMatrix, ...] = ()
    factors: Mapping[str, RationalMatrix] = field(default_factory=dict)
    visible: bool = True
    reach: RationalMatrix | None = None

    @property
    def n_entries(self) -> int:
        """Independent real entries of A: n(n+1)/2, or n^2 of a Hermitian one."""
        return self.size**2 if self.is_complex else self.size * (self.size + 1) // 2

    @property
    def n_moments(self) -> int:
        """Rows of the Jacobian: n of frequencies and n - 1 of each intensity; none where nothing is seen."""
        return (self.size + len(self.factors) * (self.size - 1)) if self.visible else 0

    @property
    def counting_bound(self) -> int:
        """Most that a spectrum can say about the block: the counting rule, with its sum rules as relations."""
        kind = "complex" if self.is_complex else "real"
        return block_rank(self.size, self.intensity_ranks.values(), self.visible, kind)

    @property
    def intensity_ranks(self) -> dict[str, int]:
        """Rank of W of each intensity."""
        return {name: factor.shape[1] for name, factor in self.factors.items()}


@dataclass(frozen=True, eq=False)
class ExactProblem:
    """A force-field model of a molecule (and isotopologues) with rational coefficients.

    Attributes
    ----------
    blocks : tuple of ExactBlock
    n_parameters : int
        Number of unknowns x.
    entries : ndarray (k, 4) of int64, or None
        Rows (p, i, j, numerator): E_p[i, j] = numerator / ``denominator``, both triangles. None: blocks with ``reach``,
        or the general model, where x are the entries of the blocks A_b, block by block, the upper triangle row by row
        (of a Hermitian X + iY that of X, then the strict one of Y).
    denominator : int
    n_constants : int
        Constants of the force-field model. More than ``n_parameters`` where only that many combinations of them act
        (redundant coordinates) and the unknowns are these combinations.
    """

    blocks: tuple[ExactBlock, ...]
    n_parameters: int
    entries: NDArrayInt | None = None
    denominator: int = 1
    n_constants: int = 0

    @property
    def is_general(self) -> bool:
        """Are the unknowns the entries of the blocks?"""
        return self.entries is None and all(block.reach is None for block in self.blocks)

    def __post_init__(self) -> None:
        labels = [block.label for block in self.blocks]
        if not labels or len(set(labels)) != len(labels):
            raise IdentifiabilityError(f"ExactProblem: blocks {labels}; one or more with different labels are needed.")
        if not self.n_constants:
            object.__setattr__(self, "n_constants", self.n_parameters)
        if self.is_general:
            total = sum(block.n_entries for block in self.blocks)
            if total != self.n_parameters or any(block.k for block in self.blocks):
                raise IdentifiabilityError(
                    f"ExactProblem: general model with {total} entries, not {self.n_parameters}."
                )

    def linear_bound(self, limits: Sequence[int]) -> int:
        """Upper bound of the rank from the linear maps of sets of blocks, see `LinearStructure.bound`.

        The best set is found modulo a prime, and its rank confirmed over the rationals.
        """
        from ._modular import DEFAULT_PRIME, Ring, block_map

        ring = Ring(DEFAULT_PRIME)
        found = _structure(self, [block_map(self, block, ring) for block in self.blocks], ring)
        subset = found.best(limits)
        integers = Ring(None)
        maps = [block_map(self, self.blocks[k], integers) for k in subset]
        rank = int(integers.matrix(np.concatenate(maps)).rank()) if maps else 0
        return rank + sum(limit for k, limit in enumerate(limits) if k not in subset)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{b.label} {b.size}{'*' if b.is_complex else ''}" for b in self.blocks)
        return f"ExactProblem({self.n_parameters} constants; blocks {sizes})"

    @classmethod
    def from_blocks(
        cls, blocks: Sequence[SpectralBlock], *, visible: Sequence[bool] | None = None, digits: int = 6
    ) -> "ExactProblem":
        """The problem of spectral blocks: all entries of each A_b unknown, or the shared constants of their bases.

        Blocks of several isotopologues may be given together if they have bases. ``visible``: is the block seen at
        all; default yes. ``digits``: significant decimals of the rational coefficients.

        Raises
        ------
        IdentifiabilityError
            Bases in some blocks only or of different lengths; no block.
        """
        seen = [True] * len(blocks) if visible is None else list(visible)
        counts = {None if block.basis is None else len(np.asarray(block.basis)) for block in blocks}
        if len(counts) != 1 or len(seen) != len(blocks):
            raise IdentifiabilityError(
                f"ExactProblem.from_blocks: {len(blocks)} blocks with {sorted(map(str, counts))} basis matrices and "
                f"{len(seen)} flags; all or none need a basis, of one length."
            )
        labels = _unique([block.label for block in blocks])
        (count,) = counts
        forms = [SymmetricForm.of(block.g, block.f, block.intensities) for block in blocks]
        made = [
            _block(label, block.degeneracy, form, shown, digits)
            for label, block, form, shown in zip(labels, blocks, forms, seen, strict=True)
        ]
        if count is None:
            return cls(tuple(made), sum(block.n_entries for block in made))
        sizes = [len(form.root) * (1 + block.is_complex) for form, block in zip(forms, made, strict=True)]
        offsets = np.cumsum([0, *sizes])
        entries, values, completed, maps = [], [], [], []
        for block, spectral, form, offset in zip(made, blocks, forms, offsets, strict=False):
            where, what = _basis_entries(np.asarray(spectral.basis), block.is_complex)
            rows = _doubled(form.root.conj().T) if block.is_complex else form.root.T
            maps.append(float_map(rows.conj().T, where, what, count))
            entries.append(where + [0, offset, offset])
            values.append(what)
            base, reduced = exact_rows(rows, (), np.zeros(rows.shape[1], dtype=np.int64), digits)
            k = RationalMatrix.of(base, digits) @ reduced
            completed.append(replace(block, k=(_placed(k, int(offset), int(offsets[-1])),)))
        problem = cls(tuple(completed), count, *_exact_entries(np.concatenate(entries), np.concatenate(values), digits))
        return with_kept_structure(problem, maps, digits)

    @classmethod
    def from_coordinates(
        cls,
        coordinates: Sequence[SymmetryCoordinates] | SymmetryCoordinates,
        spectral: Sequence[Sequence[SpectralBlock]] | Sequence[SpectralBlock],
        force_field: Any | None = None,
        *,
        visible: Sequence[Sequence[bool]] | None = None,
        names: Sequence[str] | None = None,
        digits: int = 6,
    ) -> "ExactProblem":
        """The problem of a molecule and its isotopologues with shared force constants.

        Parameters
        ----------
        coordinates : sequence of SymmetryCoordinates
            Of the molecule, then of each isotopologue, on the same internal coordinates.
        spectral : sequence of sequence of SpectralBlock
            For each of them one block an irrep, as `forward.response_blocks` gives them.
        force_field : LinearForceField, optional
            A model in these internal coordinates; None or a `GeneralForceField`: all constants that symmetry allows.
        visible : sequence of sequence of bool, optional
        names : sequence of str, optional
            Of the isotopologues; block labels of all but the first get " of NAME" (default: its number).
        digits : int

        Raises
        ------
        IdentifiabilityError
            Numbers that do not match, or other internal coordinates.
        """
        from ._shared_constants import shared_problem

        sets = [coordinates] if isinstance(coordinates, SymmetryCoordinates) else list(coordinates)
        given = [spectral] if spectral and isinstance(spectral[0], SpectralBlock) else list(spectral)
        blocks: list[list[SpectralBlock]] = [list(part) for part in given]  # type: ignore[arg-type]
        flags = [[True] * len(part) for part in blocks] if visible is None else [list(v) for v in visible]
        _check_sets(sets, blocks, flags)
        general = force_field is None or isinstance(force_field, GeneralForceField)
        if general and len(sets) == 1:
            return cls.from_blocks([_without_basis(block) for block in blocks[0]], visible=flags[0], digits=digits)
        labels = [[block.irrep for block in sets[0].blocks]]
        for number, part in enumerate(sets[1:], start=2):
            name = names[number - 1] if names else str(number)
            labels.append([f"{block.irrep} of {name}" for block in part.blocks])
        return shared_problem(sets, blocks, flags, labels, None if general else force_field, digits)


def with_kept_structure(problem: ExactProblem, maps: Sequence[NDArrayFloat], digits: int) -> ExactProblem:
    """The problem, or one in independent combinations of its constants if rounding has made dependent ones independent.

    ``maps``: the measured maps (n_entries, n_parameters) of the blocks.
    """
    from ._modular import DEFAULT_PRIME, Ring, block_map

    ring = Ring(DEFAULT_PRIME)
    measured = LinearStructure.measured(maps, [block.visible for block in problem.blocks])
    exact = _structure(problem, [block_map(problem, block, ring) for block in problem.blocks], ring)
    if exact.ranks == measured.ranks:
        return problem
    reaches = independent_maps(maps, [block.visible for block in problem.blocks], digits)
    blocks = tuple(replace(block, k=(), reach=reach) for block, reach in zip(problem.blocks, reaches, strict=True))
    reduced = ExactProblem(blocks, reaches[0].shape[1], None, 1, problem.n_constants)
    limits = [block.counting_bound for block in blocks]
    found = _structure(reduced, [ring.integers(reach.real) for reach in reaches], ring).bound(limits)
    if found != measured.bound(limits):
        _log.warning(
            "the rational model lacks linear dependences of the measured one: its rank may be up to %d too high.",
            found - measured.bound(limits),
        )
    return reduced


def _structure(problem: ExactProblem, maps: Sequence[NDArray[Any]], ring: Any) -> LinearStructure:
    return LinearStructure.exact(
        [block.visible for block in problem.blocks],
        lambda subset: int(ring.matrix(np.concatenate([maps[k] for k in subset])).rank()),
    )


def _check_sets(
    sets: Sequence[SymmetryCoordinates], blocks: Sequence[Sequence[Any]], flags: Sequence[Sequence[bool]]
) -> None:
    sizes = [[block.n_levels for block in part.blocks] for part in sets]
    found = [[np.asarray(block.g).shape[0] for block in part] for part in blocks]
    shown = [len(part) for part in flags]
    if sizes != found or shown != [len(part) for part in sizes]:
        raise IdentifiabilityError(
            f"ExactProblem.from_coordinates: symmetry coordinates with blocks of sizes {sizes}, spectral blocks of "
            f"{found}, flags {shown}: one of each is needed for every irrep."
        )
    if any(tuple(part.internals) != tuple(sets[0].internals) for part in sets):
        raise IdentifiabilityError("ExactProblem.from_coordinates: isotopologues need the same internal coordinates.")


def _without_basis(block: SpectralBlock) -> SpectralBlock:
    return SpectralBlock(block.label, block.g, block.f, block.intensities, None, block.degeneracy)


def _unique(labels: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    made = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        made.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return made


def _block(label: str, degeneracy: int, form: SymmetricForm, visible: bool, digits: int) -> ExactBlock:
    is_complex = bool(np.iscomplexobj(form.matrix))
    factors = {name: compressed_factor(factor) for name, factor in form.factors.items()}
    exact = {name: RationalMatrix.of(factor, digits) for name, factor in factors.items() if factor.shape[1]}
    return ExactBlock(label, degeneracy, is_complex, len(form.matrix), (), exact, visible)


def _doubled(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows [C, iC]: a Hermitian X + iY becomes the real [[X, -Y], [Y, X]] / 2 of twice the size."""
    return np.hstack([rows, 1j * rows])


def _basis_entries(basis: NDArray[Any], is_complex: bool) -> tuple[NDArrayInt, NDArray[np.float64]]:
    """Entries (p, i, j) and values of a basis (n_par, n, n), complex ones in the doubled form."""
    if is_complex:
        even, odd = np.real(basis), np.imag(basis)
        upper, lower = np.concatenate([even, -odd], axis=2), np.concatenate([odd, even], axis=2)
        basis = np.concatenate([upper, lower], axis=1) / 2
    basis = np.where(np.abs(basis) > _ABSENT * np.abs(basis).max(initial=0.0), basis, 0.0)
    p, i, j = np.nonzero(basis)
    return np.stack([p, i, j], axis=1), basis[p, i, j]


def _exact_entries(where: NDArrayInt, values: ArrayLike, digits: int) -> tuple[NDArrayInt, int]:
    exact = rounded(np.asarray(values, dtype=float)[None], digits)
    entries = np.hstack([where, exact.real.T]).astype(np.int64)
    entries = entries[entries[:, 3] != 0]
    entries.setflags(write=False)
    return entries, exact.denominator


def _placed(k: RationalMatrix, offset: int, width: int) -> RationalMatrix:
    """K in columns ``offset`` ... of a wider matrix."""

    def wide(part: NDArrayInt) -> NDArrayInt:
        whole = np.zeros((len(part), width), dtype=np.int64)
        whole[:, offset : offset + part.shape[1]] = part
        return whole

    return RationalMatrix(wide(k.real), None if k.imag is None else wide(k.imag), k.denominator)
