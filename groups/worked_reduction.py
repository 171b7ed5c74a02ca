"""The decomposition of Gamma_3N worked step by step, as on paper: characters per class, then the sum per irrep."""

from collections.abc import Sequence
from dataclasses import dataclass

from .character_table import CharacterTable, character_table
from .cyclotomic import Cyclotomic
from .representation import vector_characters
from .schoenflies import PointGroup

__all__ = ["ClassStep", "IrrepStep", "WorkedReduction", "work_reduction"]


@dataclass(frozen=True)
class ClassStep:
    """One class: its operations, the atoms that stay in place, and chi_3N = fixed atoms x contribution per atom."""

    label: str
    symbol: str
    size: int
    description: str
    fixed_atoms: int
    contribution: Cyclotomic
    character: Cyclotomic


@dataclass(frozen=True)
class IrrepStep:
    """One irrep: n = (1/h) sum over classes of size x conj(chi) x chi_3N.

    ``terms`` holds (size, chi, chi_3N) of each class with chi_3N not zero; ``total`` is their sum. For a
    complex-conjugate pair chi is the sum of both characters and the norm (2) divides as well.
    """

    label: str
    terms: tuple[tuple[int, Cyclotomic, Cyclotomic], ...]
    total: Cyclotomic
    norm: int
    multiplicity: int


@dataclass(frozen=True)
class WorkedReduction:
    """All steps for one molecule of a finite point group of order ``order``."""

    point_group: PointGroup
    order: int
    classes: tuple[ClassStep, ...]
    irreps: tuple[IrrepStep, ...]


def work_reduction(group: str | PointGroup, fixed_atoms_per_class: Sequence[int]) -> WorkedReduction:
    """The steps from the atoms that stay in place to the multiplicities in Gamma_3N.

    Parameters
    ----------
    group : str or PointGroup
        A finite group.
    fixed_atoms_per_class : sequence of int
        In the order of ``character_table(group).classes``.

    Examples
    --------
    >>> work = work_reduction("C2v", [3, 1, 1, 3])
    >>> [str(step.character) for step in work.classes], [step.multiplicity for step in work.irreps]
    (['9', '-1', '1', '3'], [3, 1, 2, 3])
    """
    table = character_table(group, form="real")
    assert isinstance(table, CharacterTable), "infinite groups have a closed form instead"
    steps = []
    for cls, fixed, trace in zip(table.classes, fixed_atoms_per_class, vector_characters(table), strict=True):
        steps.append(ClassStep(cls.label, cls.symbol, cls.size, cls.description, fixed, trace, trace * fixed))
    order = sum(step.size for step in steps)
    irreps = tuple(
        _reduce_row(irrep.label, table.row(irrep.label), irrep.reality == "complex", steps, order)
        for irrep in table.irreps
    )
    return WorkedReduction(table.point_group, order, tuple(steps), irreps)


def _reduce_row(label: str, row: Sequence[Cyclotomic], pair: bool, steps: Sequence[ClassStep], order: int) -> IrrepStep:
    terms = []
    total = Cyclotomic.zeta(1, 0) * 0
    for chi, step in zip(row, steps, strict=True):
        if step.character != 0:
            terms.append((step.size, chi, step.character))
            total = total + chi.conjugate() * step.character * step.size
    norm = 2 if pair else 1
    return IrrepStep(label, tuple(terms), total, norm, int(total) // (norm * order))
