"""What the symmetry species of a molecule's vibrations imply for its spectra: activity, completeness, constants."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ..groups.schoenflies import PointGroup
from ..groups.selection_rules import selection_rules
from ..theory.block_rank import BlockCount, block_count
from ..theory.intensity_patterns import block_kind, intensity_ranks

__all__ = ["EXCLUSION", "IDENTIFIABILITY", "SymmetryFacts", "symmetry_facts"]

EXCLUSION = {"none": "none", "table": "other", "inversion": "inversion"}
"""`SelectionRules.exclusion_kind` to the stratum: "other" is exclusion by the tables without an inversion centre."""

IDENTIFIABILITY = (
    "frequencies suffice",
    "intensities needed",
    "all but silent species",
    "half or more",
    "quarter to half",
    "less than a quarter",
)
"""What frequencies and intensities determine of the force constants that symmetry allows, most first.

In the words of `symvib.theory.identifiability`: the first is "unique", the second at least "locally unique" for almost
every force field, all others "family".
"""


@dataclass(frozen=True)
class SymmetryFacts:
    """What follows from a point group and the number of vibrations of each of its species.

    Attributes
    ----------
    point_group, family : str
        Schoenflies symbol; its family ("Dnh").
    exclusion : str
        "inversion", "other" (by the tables, without an inversion centre) or "none".
    n_vib, n_ir, n_raman, n_silent : int
        Vibrations with degeneracy: all, infrared active, Raman active, neither.
    n_levels : int
        Vibrations, degenerate sets counted once.
    n_constants : int
        Force constants that symmetry allows.
    n_observables : int
        Independent observables of the visible species by the counting rule (`block_count`).
    n_determined : int
        Independent combinations of force constants that they determine: the generic rank.
    identifiability : str
        One of `IDENTIFIABILITY`.
    """

    point_group: str
    family: str
    exclusion: str
    n_vib: int
    n_levels: int
    n_ir: int
    n_raman: int
    n_silent: int
    n_constants: int
    n_observables: int
    n_determined: int
    identifiability: str

    @property
    def completeness(self) -> Fraction:
        """R = 1 - n_silent/n_vib, exactly."""
        return 1 - Fraction(self.n_silent, self.n_vib)


def symmetry_facts(group: str, vibrations: Mapping[str, int], techniques: tuple[str, ...]) -> SymmetryFacts:
    """The facts; equal arguments are computed once.

    Parameters
    ----------
    group : str
        Schoenflies symbol.
    vibrations : mapping of str to int
        Gamma_vib: how often each real species occurs, degenerate ones counted once; at least one vibration.
    techniques : tuple of str
        Intensities that count as observables, keys of `symvib.theory.intensity_patterns.TECHNIQUES`.

    Raises
    ------
    PointGroupError, IdentifiabilityError
        Unknown group, species or technique.

    Examples
    --------
    >>> ethylene = {"Ag": 3, "Au": 1, "B1g": 2, "B1u": 1, "B2g": 1, "B2u": 2, "B3u": 2}
    >>> f = symmetry_facts("D2h", ethylene, ("ir", "raman"))
    >>> f.exclusion, f.n_ir, f.n_raman, f.n_silent, str(f.completeness), f.n_constants, f.identifiability
    ('inversion', 5, 6, 1, '11/12', 18, 'half or more')
    """
    return _facts(PointGroup.parse(group).label, tuple(sorted(vibrations.items())), techniques)


@lru_cache(maxsize=8192)
def _facts(group: str, vibrations: tuple[tuple[str, int], ...], techniques: tuple[str, ...]) -> SymmetryFacts:
    rules = selection_rules(group)
    species = [(rules[label], n) for label, n in vibrations]
    blocks = [_block(group, label, n, techniques) for label, n in vibrations]
    return SymmetryFacts(
        point_group=group,
        family=PointGroup.parse(group).family,
        exclusion=EXCLUSION[rules.exclusion_kind],
        n_vib=sum(n * s.dimension for s, n in species),
        n_levels=sum(n for _, n in species),
        n_ir=sum(n * s.dimension for s, n in species if s.infrared_active),
        n_raman=sum(n * s.dimension for s, n in species if s.raman),
        n_silent=sum(n * s.dimension for s, n in species if s.silent),
        n_constants=sum(b.unknowns for b in blocks),
        n_observables=sum(b.independent for b in blocks),
        n_determined=sum(b.rank for b in blocks),
        identifiability=_identifiability(blocks),
    )


@lru_cache(maxsize=65536)
def _block(group: str, species: str, n: int, techniques: tuple[str, ...]) -> BlockCount:
    ranks = _ranks(group, species, techniques)
    return block_count(n, ranks, visible=any(ranks), kind=block_kind(group, species))


@lru_cache(maxsize=4096)
def _ranks(group: str, species: str, techniques: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(intensity_ranks(group, species, techniques).values())


def _identifiability(blocks: list[BlockCount]) -> str:
    visible = [b for b in blocks if b.intensity_ranks]
    if all(b.identifiable for b in visible):
        if len(visible) < len(blocks):
            return IDENTIFIABILITY[2]
        return IDENTIFIABILITY[0 if all(b.n == 1 for b in blocks) else 1]
    share = Fraction(sum(b.rank for b in blocks), sum(b.unknowns for b in blocks))
    return IDENTIFIABILITY[3 if share >= Fraction(1, 2) else 4 if share >= Fraction(1, 4) else 5]
