"""Vibrational representation of a molecule and what infrared and Raman see of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

from ..errors import RepresentationError
from .character_table import finite_table
from .representation import Decomposition, molecular_characters, reduce
from .schoenflies import PointGroup
from .selection_rules import (
    SelectionRules,
    rotational_representation,
    selection_rules,
    vector_representation,
)

__all__ = ["Counted", "ModeCounts", "VibrationalAnalysis", "count_modes", "vibrational_representation"]


@dataclass(frozen=True)
class ModeCounts:
    """How many vibrations there are and who sees them.

    Attributes
    ----------
    n_vib : int
        All vibrations.
    n_ir, n_raman : int
        Infrared-active and Raman-active ones.
    n_both, n_silent : int
        Active in both, and in neither.
    """

    n_vib: int
    n_ir: int
    n_raman: int
    n_both: int
    n_silent: int

    def as_dict(self) -> dict[str, int]:
        """Plain values, for JSON."""
        return dict(vars(self))


class Counted:
    """What follows from ``counts`` (with degeneracy) and ``exclusion_kind``; mixed into results that have them."""

    counts: ModeCounts
    exclusion_kind: Any

    @property
    def n_vib(self) -> int:
        """Vibrations, with degeneracy."""
        return self.counts.n_vib

    @property
    def n_ir(self) -> int:
        """Infrared-active vibrations, with degeneracy."""
        return self.counts.n_ir

    @property
    def n_raman(self) -> int:
        """Raman-active vibrations, with degeneracy."""
        return self.counts.n_raman

    @property
    def n_both(self) -> int:
        """Vibrations active in infrared and Raman, with degeneracy."""
        return self.counts.n_both

    @property
    def n_silent(self) -> int:
        """Vibrations active in neither, with degeneracy."""
        return self.counts.n_silent

    @property
    def completeness(self) -> float | None:
        """R = (n_ir + n_raman - n_both)/n_vib = 1 - n_silent/n_vib: the share seen by at least one technique.

        None for an atom, which has no vibrations.
        """
        return (self.n_vib - self.n_silent) / self.n_vib if self.n_vib else None

    @property
    def raw_ratio(self) -> float | None:
        """(n_ir + n_raman)/n_vib: counts modes seen by both twice, so it reaches 2; None for an atom."""
        return (self.n_ir + self.n_raman) / self.n_vib if self.n_vib else None

    @property
    def mutual_exclusion(self) -> bool:
        """True where the molecule has infrared and Raman active modes and none is both.

        A statement about this molecule's modes. ``exclusion_kind`` is the rule that stands behind it, a
        statement about the group.
        """
        return self.n_both == 0 and self.n_ir > 0 and self.n_raman > 0

    @property
    def exclusion_vacuous(self) -> bool:
        """True where the rule holds but one of the two sets is empty (O2 has no infrared line)."""
        return self.exclusion_kind != "none" and not (self.n_ir and self.n_raman)


@dataclass(frozen=True, eq=False)
class VibrationalAnalysis(Counted):
    """Symmetry species of a molecule's vibrations, their activity, and the completeness of IR + Raman.

    Attributes
    ----------
    point_group : PointGroup
    n_atoms : int
    gamma_3n, gamma_trans, gamma_rot, gamma_vib : Decomposition
        Representations of all Cartesian displacements, translations, rotations and vibrations.
        Gamma_vib = Gamma_3N - Gamma_trans - Gamma_rot (Wilson, Decius, Cross 1955, sec. 6-1).
    counts : ModeCounts
        With degeneracy: an E vibration counts twice, its counts add up to 3N - 6 (linear 3N - 5, atom 0).
    levels : ModeCounts
        The same as distinct levels: an E vibration counts once.
    """

    point_group: PointGroup
    n_atoms: int
    gamma_3n: Decomposition
    gamma_trans: Decomposition
    gamma_rot: Decomposition
    gamma_vib: Decomposition
    counts: ModeCounts
    levels: ModeCounts

    @cached_property
    def rules(self) -> SelectionRules:
        """Selection rules of the point group."""
        return selection_rules(self.point_group)

    @property
    def exclusion_kind(self) -> str:
        """The rule: "inversion", "table" (no i, yet no irrep is both active) or "none" (see SelectionRules)."""
        return self.rules.exclusion_kind

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "point_group": self.point_group.label,
            "n_atoms": self.n_atoms,
            "gamma_3n": dict(self.gamma_3n),
            "gamma_trans": dict(self.gamma_trans),
            "gamma_rot": dict(self.gamma_rot),
            "gamma_vib": dict(self.gamma_vib),
            **self.counts.as_dict(),
            "levels": self.levels.as_dict(),
            "completeness": self.completeness,
            "raw_ratio": self.raw_ratio,
            "mutual_exclusion": self.mutual_exclusion,
            "exclusion_kind": self.exclusion_kind,
            "exclusion_vacuous": self.exclusion_vacuous,
        }


def vibrational_representation(
    group: str | PointGroup,
    fixed_atoms_per_class: Sequence[int] | None = None,
    *,
    n_atoms: int | None = None,
    atom_at_centre: bool | None = None,
) -> VibrationalAnalysis:
    """Gamma_3N, Gamma_trans, Gamma_rot and Gamma_vib of a molecule, with activities and counts.

    Parameters
    ----------
    group : str or PointGroup
    fixed_atoms_per_class : sequence of int
        Finite groups: for each class, in the order of ``character_table(group).classes``, the number of atoms
        that an operation of the class leaves in place (for the identity: all). Not used for linear molecules.
    n_atoms : int
        Cinfv and Dinfh: the number of atoms. Finite groups: taken from the identity, checked if given.
    atom_at_centre : bool
        Dinfh only: whether an atom sits at the centre; default: where ``n_atoms`` is odd.

    Raises
    ------
    RepresentationError
        The numbers belong to no molecule of this group: wrong length, or characters that are no sum of irreps.

    Examples
    --------
    >>> from symvib.groups.character_table import character_table
    >>> [c.label for c in character_table("C2v").classes]
    ['E', 'C2(z)', 'sigma_v(xz)', "sigma_v'(yz)"]
    >>> water = vibrational_representation("C2v", [3, 1, 1, 3])
    >>> str(water.gamma_vib), water.completeness, water.raw_ratio
    ('2A1 + B2', 1.0, 2.0)
    """
    group = PointGroup.parse(group)
    if group.label == "Kh":
        if n_atoms not in (None, 1):
            raise RepresentationError(
                f"vibrational_representation('Kh', n_atoms={n_atoms}): only an atom has this group."
            )
        return _atom(group)
    if group.is_linear:
        n_atoms, gamma_3n, gamma_rot = _linear(group, n_atoms, atom_at_centre)
    else:
        if fixed_atoms_per_class is None:
            raise RepresentationError(f"vibrational_representation({group.label}): fixed_atoms_per_class is needed.")
        gamma_3n = cartesian_representation(group, fixed_atoms_per_class, n_atoms)
        n_atoms, gamma_rot = gamma_3n.dimension // 3, rotational_representation(group)
    gamma_trans = vector_representation(group)
    gamma_vib = gamma_3n - gamma_trans - gamma_rot
    counts, levels = count_modes(gamma_vib)
    return VibrationalAnalysis(group, n_atoms, gamma_3n, gamma_trans, gamma_rot, gamma_vib, counts, levels)


def cartesian_representation(group: PointGroup, fixed: Sequence[int], n_atoms: int | None = None) -> Decomposition:
    """Gamma_3N: chi(R) = (atoms that R leaves in place) x (trace of R)."""
    table = finite_table(group)
    if not all(isinstance(count, Integral) for count in fixed):
        raise RepresentationError(
            f"vibrational_representation({group.label}): fixed_atoms_per_class {list(fixed)} must be integers."
        )
    fixed = [int(count) for count in fixed]
    if len(fixed) != len(table.classes):
        raise RepresentationError(
            f"vibrational_representation({group.label}): fixed_atoms_per_class has {len(fixed)} entries {fixed}, but "
            f"the group has {len(table.classes)} classes: {', '.join(cls.label for cls in table.classes)}."
        )
    total = fixed[[cls.order for cls in table.classes].index(1)]
    if n_atoms not in (None, total):
        raise RepresentationError(
            f"vibrational_representation({group.label}): {n_atoms} atoms were given, but E leaves {total} in place."
        )
    return reduce(molecular_characters(fixed, table), table)


def _linear(group: PointGroup, n_atoms: int | None, centre: bool | None) -> tuple[int, Decomposition, Decomposition]:
    """Number of atoms, Gamma_3N and Gamma_rot of a linear molecule, in closed form.

    Displacements along the axis are Sigma+, those across it Pi; in Dinfh an atom at the centre gives u species,
    a pair of atoms u and g. A linear molecule has two rotations, not three: Pi (Pi_g).
    """
    call = f"vibrational_representation({group.label}, n_atoms={n_atoms}, atom_at_centre={centre})"
    if n_atoms is None or n_atoms < 2:
        raise RepresentationError(f"{call}: a linear molecule needs n_atoms >= 2.")
    if group.label == "Cinfv":
        if centre:
            raise RepresentationError(f"{call}: Cinfv has no centre.")
        return n_atoms, Decomposition(group, {"Sigma+": n_atoms, "Pi": n_atoms}), Decomposition(group, {"Pi": 1})
    pairs, odd = divmod(n_atoms, 2)
    if centre is not None and centre != bool(odd):
        raise RepresentationError(f"{call}: in Dinfh an odd number of atoms, and no even one, has one at the centre.")
    u = pairs + odd
    gamma_3n = Decomposition(group, {"Sigmag+": pairs, "Sigmau+": u, "Pig": pairs, "Piu": u})
    return n_atoms, gamma_3n, Decomposition(group, {"Pig": 1})


def _atom(group: PointGroup) -> VibrationalAnalysis:
    """An atom: three translations (a vector, odd under inversion) and nothing else."""
    moves, none, zero = Decomposition(group, {"Pu": 1}), Decomposition(group), ModeCounts(0, 0, 0, 0, 0)
    return VibrationalAnalysis(group, 1, moves, moves, none, none, zero, zero)


def count_modes(gamma_vib: Decomposition) -> tuple[ModeCounts, ModeCounts]:
    """Counts with degeneracy, and as distinct levels."""
    rules = selection_rules(gamma_vib.point_group)
    modes, levels = [0] * 5, [0] * 5
    for label, multiplicity in gamma_vib.items():
        activity = rules[label]
        ir, raman = activity.infrared_active, activity.raman
        for place, applies in enumerate((True, ir, raman, ir and raman, not (ir or raman))):
            levels[place] += multiplicity * applies
            modes[place] += multiplicity * applies * activity.dimension
    return ModeCounts(*modes), ModeCounts(*levels)
