"""Character tables of all point groups, generated and exact."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal, Union

import numpy as np
from numpy.typing import NDArray

from ..errors import PointGroupError
from ._dixon import ModularTable, dixon
from ._table_presentation import TablePresentation
from .basis_functions import BasisFunctions, find_basis_functions
from .cyclotomic import Cyclotomic
from .mulliken import MullikenSymbol, irrep_key, irrep_symbols, name_classes
from .operations import multiplication_table
from .schoenflies import PointGroup

if TYPE_CHECKING:
    from .linear_groups import InfiniteTable

__all__ = ["CharacterTable", "ConjugacyClass", "Irrep", "character_table"]

Form = Literal["complex", "real"]


@dataclass(frozen=True)
class ConjugacyClass:
    """One class of conjugate operations.

    Attributes
    ----------
    label : str
        Name with the number of operations, "2C6", "3sigma_v", "C2(z)".
    symbol : str
        Name without the number, "C6".
    size : int
        Number of operations.
    indices : tuple of int
        Which of ``point_group.operations`` they are.
    order : int
        Smallest m > 0 with g^m = E.
    description : str
        The elements in words, so that C2' and C2'', sigma_v and sigma_d can be told apart.
    """

    label: str
    symbol: str
    size: int
    indices: tuple[int, ...]
    order: int
    description: str


@dataclass(frozen=True)
class Irrep:
    """One row of a table.

    Attributes
    ----------
    label : str
        Mulliken symbol in ASCII: "A1g", "E''", "1E1u".
    dimension : int
        Dimension; 2 for a complex-conjugate pair written as one real E.
    reality : {"real", "complex"}
        "complex" for a member of a complex-conjugate pair, and for the pair itself in the real form.
    partner : str
        Label of the complex-conjugate irrep (the irrep itself where it is real).
    real_label : str
        Label in the real form: "E1u" for "1E1u".
    """

    label: str
    dimension: int
    reality: str
    partner: str
    real_label: str


@dataclass(frozen=True, eq=False)
class CharacterTable(TablePresentation):
    """Character table of a finite point group.

    Attributes
    ----------
    point_group : PointGroup
    form : {"complex", "real"}
        "complex": n irreps for n classes, complex-conjugate pairs as "1E", "2E", where 1E_m has the character
        exp(+2 pi i m/n) on the principal rotation C_n (S_n; in T and Th: on C3 about (1,1,1)).
        "real": such a pair is one row "E" of dimension 2, the sum of both; the norm of that row is 2, not 1.
    classes : tuple of ConjugacyClass
    irreps : tuple of Irrep
    characters : ndarray (n_irreps, n_classes) of Cyclotomic
        Exact; read-only.
    """

    point_group: PointGroup
    form: Form
    classes: tuple[ConjugacyClass, ...]
    irreps: tuple[Irrep, ...]
    characters: NDArray[np.object_]
    modular: ModularTable = field(repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return character_table, (self.point_group, self.form)

    @property
    def order(self) -> int:
        """Number of operations of the group."""
        return int(sum(c.size for c in self.classes))

    @cached_property
    def class_sizes(self) -> NDArray[np.int64]:
        """Operations per class, (n_classes,); read-only."""
        sizes = np.array([c.size for c in self.classes])
        sizes.setflags(write=False)
        return sizes

    @property
    def labels(self) -> tuple[str, ...]:
        """Irrep labels, in the order of the rows."""
        return tuple(irrep.label for irrep in self.irreps)

    @cached_property
    def real_labels(self) -> tuple[str, ...]:
        """Irrep labels of the real form, in order: the keys of ``functions`` and of decompositions."""
        return tuple(dict.fromkeys(irrep.real_label for irrep in self.irreps))

    @cached_property
    def real_dimensions(self) -> dict[str, int]:
        """Dimension of each irrep of the real form."""
        return {i.real_label: i.dimension * (2 if i.label != i.real_label else 1) for i in self.irreps}

    @cached_property
    def functions(self) -> Mapping[str, BasisFunctions]:
        """Linear, rotational, quadratic and cubic functions per irrep of the real form."""
        return find_basis_functions(self)

    @cached_property
    def _keys(self) -> dict[tuple[str, str, str], int]:
        return {key: i for i, label in enumerate(self.labels) if (key := irrep_key(label)) is not None}

    def index(self, label: str) -> int:
        """Row of the irrep ``label``, in any spelling.

        Raises
        ------
        PointGroupError
            The group has no such irrep.
        """
        key = irrep_key(label) if isinstance(label, str) else None
        if key is not None and key[1] == "f" and self.point_group.is_cubic:  # F is an older letter for T
            key = (key[0], "t", key[2])
        if key not in self._keys:
            raise PointGroupError(
                f"{self.point_group.label} has no irrep {label!r} in the {self.form} form; "
                f"it has {', '.join(self.labels)}."
            )
        return self._keys[key]

    def irrep(self, label: str) -> Irrep:
        """The irrep ``label``, in any spelling ("a1g", "A_{1g}", "A₁g")."""
        return self.irreps[self.index(label)]

    def row(self, label: str) -> tuple[Cyclotomic, ...]:
        """Characters (n_classes,) of the irrep ``label``."""
        return tuple(self.characters[self.index(label)])

    def power_map(self, k: int) -> tuple[int, ...]:
        """For each class of elements g, the index of the class of g^k."""
        return tuple(int(c) for c in self.modular.powers[:, k % self.modular.exponent])

    def to_numpy(self) -> NDArray[Any]:
        """Characters (n_irreps, n_classes) as floats, or complex numbers where any is not real; read-only."""
        return self._numeric

    @cached_property
    def _numeric(self) -> NDArray[Any]:
        known: dict[int, complex] = {}
        flat = self.characters.ravel()
        for value in flat:
            if id(value) not in known:
                known[id(value)] = complex(value)
        values = np.array([known[id(value)] for value in flat], dtype=np.complex128).reshape(self.characters.shape)
        result = values if any(i.label != i.real_label for i in self.irreps) else np.real(values).copy()
        result.setflags(write=False)
        return result

    def with_form(self, form: Form) -> "CharacterTable":
        """The same table in the other form."""
        table = character_table(self.point_group, form)
        assert isinstance(table, CharacterTable)
        return table

    def __repr__(self) -> str:
        n = len(self.irreps)
        return f"<CharacterTable {self.point_group.label} ({self.form} form): {n} irreps, {len(self.classes)} classes>"


def character_table(group: str | PointGroup, form: Form = "complex") -> Union[CharacterTable, "InfiniteTable"]:
    """Character table of a point group, generated exactly and cached.

    Parameters
    ----------
    group : str or PointGroup
        Any spelling.
    form : {"complex", "real"}
        How complex-conjugate pairs of irreps are shown; see :class:`CharacterTable`.

    Returns
    -------
    CharacterTable, or InfiniteTable for Cinfv, Dinfh and Kh.

    Raises
    ------
    PointGroupError
        ``group`` names no point group, or ``form`` is unknown.

    Examples
    --------
    >>> table = character_table("C3v")
    >>> table.labels, [c.label for c in table.classes]
    (('A1', 'A2', 'E'), ['E', '2C3', '3sigma_v'])
    >>> [str(x) for x in character_table("Ih").row("T1u")[:3]]
    ['3', '(1+sqrt5)/2', '(1-sqrt5)/2']
    """
    if form not in ("complex", "real"):
        raise PointGroupError(f"character_table({group!r}, form={form!r}): form is 'complex' or 'real'.")
    point_group = PointGroup.parse(group)
    if not point_group.is_finite:
        from .linear_groups import infinite_table

        return infinite_table(point_group)
    return _finite_table(point_group, form)


def finite_table(group: str | PointGroup) -> CharacterTable:
    """Character table (complex form) of a finite group."""
    table = character_table(group)
    assert isinstance(table, CharacterTable)
    return table


@lru_cache(maxsize=256)
def _finite_table(group: PointGroup, form: Form) -> CharacterTable:
    if form == "real":
        return _real_form(_finite_table(group, "complex"))
    modular = dixon(multiplication_table(group.matrices))
    names = name_classes(group, modular)
    symbols = irrep_symbols(group, modular)
    class_order = sorted(range(len(names)), key=lambda c: names[c].place)
    irrep_order = sorted(range(len(symbols)), key=lambda i: symbols[i].place)
    modular = modular.reordered(irrep_order, class_order)
    classes = tuple(
        ConjugacyClass(
            (str(len(members)) if len(members) > 1 else "") + names[c].symbol,
            names[c].symbol,
            len(members),
            tuple(int(g) for g in members),
            int(order),
            names[c].description,
        )
        for c, members, order in zip(class_order, modular.classes, modular.orders, strict=True)
    )
    irreps = tuple(_irrep(symbols[i], int(modular.dimensions[row])) for row, i in enumerate(irrep_order))
    return CharacterTable(group, "complex", classes, irreps, _lift(modular), modular)


def _irrep(symbol: MullikenSymbol, dimension: int) -> Irrep:
    if not symbol.member:
        return Irrep(symbol.label, dimension, "real", symbol.label, symbol.real_label)
    partner = MullikenSymbol(symbol.letter, symbol.index, symbol.parity, 3 - symbol.member)
    return Irrep(symbol.label, dimension, "complex", partner.label, symbol.real_label)


def _lift(modular: ModularTable) -> NDArray[np.object_]:
    """Exact characters (n_irreps, n_classes) from the eigenvalue multiplicities; equal numbers share one object."""
    known: dict[tuple, Cyclotomic] = {}
    characters = np.empty(modular.residues.shape, dtype=object)
    for c, found in enumerate(modular.multiplicities):
        order = found.shape[1]
        for i, row in enumerate(found):
            powers = np.flatnonzero(row)
            key = (order, *powers.tolist(), *row[powers].tolist())
            if key not in known:
                known[key] = Cyclotomic.from_powers(order, {int(k): int(row[k]) for k in powers})
            characters[i, c] = known[key]
    characters.setflags(write=False)
    return characters


def _real_form(table: CharacterTable) -> CharacterTable:
    rows, irreps = [], []
    for label in table.real_labels:
        members = [i for i, irrep in enumerate(table.irreps) if irrep.real_label == label]
        first = table.irreps[members[0]]
        if len(members) == 1:
            rows.append(table.characters[members[0]])
            irreps.append(first)
        else:
            rows.append(table.characters[members[0]] + table.characters[members[1]])
            irreps.append(Irrep(label, 2 * first.dimension, "complex", label, label))
    characters = np.array(rows, dtype=object)
    characters.setflags(write=False)
    return CharacterTable(table.point_group, "real", table.classes, tuple(irreps), characters, table.modular)
