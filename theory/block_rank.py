"""How many combinations of force constants the spectra of one symmetry block determine: a formula in integers.

A block holds the n vibrations of one symmetry species (of one partner of a degenerate one): n(n+1)/2 force constants,
n^2 for one of a pair of complex-conjugate species. The rank of an intensity is that of its matrix W = Q Q^+: how many
independent components of the derivative (dipole, polarizability) the species has. The theorem, its proof and what
"generic" means are in docs/block_rank.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate
from math import comb
from numbers import Integral
from typing import Any, Literal

from ..errors import IdentifiabilityError

__all__ = ["BlockCount", "block_count", "block_rank", "largest_identifiable"]

Kind = Literal["real", "complex"]


@dataclass(frozen=True)
class BlockCount:
    """The count of one block, from the unknowns to the rank.

    Attributes
    ----------
    n : int
        Vibrations of the species, each degenerate set counted once.
    kind : {"real", "complex"}
        "complex" for one member of a pair of complex-conjugate species (E of C3, Eg of Th ...).
    intensity_ranks : tuple of int
        Ranks of the intensities that are measured and allowed, none above n; empty if the block is silent.
    unknowns : int
        Force constants of the block: n(n+1)/2, complex n^2.
    nominal : int
        Numbers read from the spectra: n frequencies and n values of each intensity.
    sum_rules : int
        One for each intensity: the sum over the modes is tr W, whatever F (Crawford's G-sum rule).
    gram_relations : int
        One for each pair among (at most n) intensities of rank one, whose amplitudes are known up to sign:
        sum_k +-sqrt(I_k J_k) is fixed too. None in complex blocks, where phases are unknown.
    frame_relations : int
        What remains to be taken off where intensities of low rank together span few directions (R < n - 1) and so
        depend on C(n,2) - C(n-R,2) parameters only. Zero for ordinary IR and Raman; see docs/block_rank.md.
    independent : int
        nominal - sum_rules - gram_relations - frame_relations.
    rank : int
        min(unknowns, independent): the generic number of combinations of force constants that are determined.
    """

    n: int
    kind: Kind
    intensity_ranks: tuple[int, ...]
    unknowns: int
    nominal: int
    sum_rules: int
    gram_relations: int
    frame_relations: int
    independent: int
    rank: int

    @property
    def undetermined(self) -> int:
        """Dimension of the family of force fields with the same spectra: unknowns - rank."""
        return self.unknowns - self.rank

    @property
    def identifiable(self) -> bool:
        """True where all force constants of the block are determined, up to finitely many alternatives."""
        return self.rank == self.unknowns

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        counts = asdict(self) | {"intensity_ranks": list(self.intensity_ranks)}
        return counts | {"undetermined": self.undetermined, "identifiable": self.identifiable}


def block_rank(
    n: int, intensity_ranks: Iterable[int] | Mapping[str, int], visible: bool = True, kind: Kind = "real"
) -> int:
    """Generic rank of the spectra of a block as functions of its force constants.

    Parameters
    ----------
    n : int
        Vibrations of the species, each degenerate set counted once; 0 or more.
    intensity_ranks : iterable of int, or mapping of technique to int
        One for each intensity measured per mode, e.g. infrared, isotropic and anisotropic Raman, as
        `symvib.theory.intensity_patterns.intensity_ranks` gives them; 0 (forbidden) is ignored, a rank above n counts
        as n. Of a mapping of which all are forbidden, the block is not visible.
    visible : bool
        False: nothing of the block is seen, the rank is 0 whatever else is given. True without any intensity: the
        frequencies alone are known.
    kind : {"real", "complex"}
        "complex" for one member of a pair of complex-conjugate species.

    Returns
    -------
    int
        With s intensities, and R_j the sum of the j smallest ranks (at most n):
        n + min over j = 0 .. s of C(n,2) - C(n-R_j,2) + (s-j)(n-1) for a real block; min(n^2, n + s(n-1)) for a
        complex one. For all patterns of ordinary IR and Raman the first is
        min(n(n+1)/2, n + s(n-1) - C(t,2)), t = min(n, intensities of rank one).

    Raises
    ------
    IdentifiabilityError
        n or a rank that is negative or not an integer; an unknown kind.

    Examples
    --------
    C1 with infrared and both parts of Raman, 3N-6 = 6 and 12; E1u of benzene; A1 of C3v.

    >>> block_rank(6, (3, 1, 5)), block_rank(12, (3, 1, 5)), block_rank(3, (1,)), block_rank(4, (1, 1, 1))
    (21, 45, 5, 10)
    >>> block_rank(3, (), visible=False)
    0
    """
    if isinstance(intensity_ranks, Mapping):
        visible = visible and (not intensity_ranks or any(intensity_ranks.values()))
        intensity_ranks = intensity_ranks.values()
    return block_count(n, intensity_ranks, visible, kind).rank


def block_count(n: int, intensity_ranks: Iterable[int], visible: bool = True, kind: Kind = "real") -> BlockCount:
    """`block_rank` broken down: unknowns, numbers read, relations between them, rank. Same arguments and errors.

    Examples
    --------
    T2 of Ni(CO)4: four vibrations, infrared and Raman of rank one.

    >>> c = block_count(4, (1, 1))
    >>> c.unknowns, c.nominal, c.sum_rules, c.gram_relations, c.independent, c.rank
    (10, 12, 2, 1, 9, 9)
    """
    n = checked_whole("n", n)
    ranks = checked_ranks(intensity_ranks)
    _check_kind(kind)
    unknowns = n * n if kind == "complex" else n * (n + 1) // 2
    if not visible or n == 0:
        return BlockCount(n, kind, (), unknowns, 0, 0, 0, 0, 0, 0)
    ranks = tuple(min(r, n) for r in ranks)
    s = len(ranks)
    gram = frame = 0
    if kind == "real":
        gram = comb(min(n, ranks.count(1)), 2)
        frame = _frame_relations(n, ranks, s * (n - 1) - gram)
    independent = n + s * (n - 1) - gram - frame
    return BlockCount(n, kind, ranks, unknowns, n * (1 + s), s, gram, frame, independent, min(unknowns, independent))


def frame_dimension(n: int, span: int) -> int:
    """Dimension of O(n)/O(n - span): of the frames that ``span`` fixed vectors form in the basis of the modes."""
    return comb(n, 2) - comb(max(n - span, 0), 2)


def _frame_relations(n: int, ranks: tuple[int, ...], simple: int) -> int:
    """By how much the bound over joint frames of the j lowest ranks is below the ``simple`` one.

    Frames of n-1 or more directions fix all modes: they say rank <= unknowns, which is not a relation of the data.
    """
    spans = accumulate(sorted(ranks), initial=0)
    bounds = [frame_dimension(n, r) + (len(ranks) - j) * (n - 1) for j, r in enumerate(spans) if r < n - 1]
    return max(0, simple - min(bounds, default=simple))


def largest_identifiable(intensity_ranks: Iterable[int], kind: Kind = "real") -> int:
    """Largest n for which all force constants of a visible block are generically determined.

    All smaller blocks are determined too: setting couplings to a mode aside leaves columns that stay independent.

    Examples
    --------
    Frequencies only; benzene E1u; C1; A1 of C3v; the E pair of C3 with IR and Raman.

    >>> [largest_identifiable(r) for r in ((), (1,), (3, 1, 5), (1, 1, 1))], largest_identifiable((1, 2), "complex")
    ([1, 2, 6, 4], 2)
    """
    ranks = checked_ranks(intensity_ranks)
    n = 1
    while block_count(n + 1, ranks, kind=kind).identifiable:
        n += 1
    return n


def checked_whole(name: str, value: Any) -> int:
    """``value`` as an int of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
        raise IdentifiabilityError(f"{name}={value!r}: an integer of 0 or more is needed.")
    return int(value)


def checked_ranks(intensity_ranks: Iterable[int]) -> tuple[int, ...]:
    """The ranks that are not zero."""
    if isinstance(intensity_ranks, str) or not isinstance(intensity_ranks, Iterable):
        raise IdentifiabilityError(f"intensity_ranks={intensity_ranks!r}: give one integer for each intensity.")
    checked = (checked_whole(f"intensity_ranks[{i}]", r) for i, r in enumerate(intensity_ranks))
    return tuple(r for r in checked if r)


def _check_kind(kind: str) -> None:
    if kind not in ("real", "complex"):
        raise IdentifiabilityError(f"kind={kind!r}: 'real' or 'complex'.")
