"""How molecules are sorted into strata: by point group, by bins of a number, by the elements they are made of."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..groups.elements import element
from ..groups.schoenflies import PointGroup
from ._strata_symmetry import EXCLUSION, IDENTIFIABILITY

__all__ = ["CHEMISTRY", "KINDS", "RANGE_CM1", "UNKNOWN_LINES", "Kind", "chemistry"]

Columns = Mapping[str, NDArray[Any]]
Labels = NDArray[np.str_]

RANGE_CM1 = (400.0, 4000.0)
"""Where lines are counted: the range of the spectra that the models read."""

UNKNOWN_LINES = -1
"""Number of lines of a molecule without computed lines."""

CHEMISTRY = (
    "hydrocarbon",
    "CHO",
    "CHN",
    "CHNO",
    "organohalogen",
    "other carbon compound",
    "no carbon, no metal",
    "with metal",
)
"""Classes of molecules by the elements in them; see `chemistry`."""

_COMPLETENESS = ("R = 1", "0.9 <= R < 1", "0.75 <= R < 0.9", "R < 0.75")
_HALOGENS = frozenset({"F", "Cl", "Br", "I", "At"})
# Metalloids (B, Si, Ge, As, Sb, Te) stand with the non-metals, as their molecules do.
_NOT_METALS = frozenset(
    ("H", "He", "B", "C", "N", "O", "F", "Ne", "Si", "P", "S", "Cl", "Ar", "Ge", "As", "Se", "Br", "Kr", "Sb", "Te")
    + ("I", "Xe", "At", "Rn")
)
_FAMILIES = (
    *("C1", "Ci", "Cs", "Cn", "Cnv", "Cnh", "Sn", "Dn", "Dnd", "Dnh"),
    *("T", "Td", "Th", "O", "Oh", "I", "Ih", "Cinfv", "Dinfh"),
)


def chemistry(numbers: Collection[int]) -> str:
    """The class of a molecule made of the elements with these atomic numbers; classes are exclusive.

    Metals are all elements but hydrogen, the noble gases, halogens, C N O P S Se and the metalloids B Si Ge As Sb Te.
    Any metal makes "with metal"; a molecule with neither metal nor carbon is "no carbon, no metal". "hydrocarbon",
    "CHO", "CHN" and "CHNO" hold carbon, the other letters and possibly hydrogen, nothing else (CO2 is "CHO", C60 a
    "hydrocarbon"); "organohalogen" is one of these with a halogen.

    Examples
    --------
    >>> [chemistry(z) for z in ([6, 1], [6, 8], [6, 7, 1, 9], [6, 1, 14], [16, 9], [26, 6, 1])]
    ['hydrocarbon', 'CHO', 'organohalogen', 'other carbon compound', 'no carbon, no metal', 'with metal']
    """
    symbols = {element(int(z)).symbol for z in numbers}
    if symbols - _NOT_METALS:
        return "with metal"
    if "C" not in symbols:
        return "no carbon, no metal"
    rest = symbols - {"C", "H"}
    if rest - _HALOGENS - {"N", "O"}:
        return "other carbon compound"
    if rest & _HALOGENS:
        return "organohalogen"
    return "CH" + "".join(sorted(rest)) if rest else "hydrocarbon"


@dataclass(frozen=True)
class Kind:
    """One way of sorting molecules into strata.

    Attributes
    ----------
    name, meaning : str
    label : callable
        Columns of molecules to the label (n,) of each.
    order : callable
        Labels that occur to the same labels in a sensible order.
    """

    name: str
    meaning: str
    label: Callable[[Columns], Labels]
    order: Callable[[Collection[str]], tuple[str, ...]]


def _as_listed(listed: Sequence[str]) -> Callable[[Collection[str]], tuple[str, ...]]:
    return lambda labels: tuple(name for name in listed if name in labels)


def _column(name: str, meaning: str, column: str, listed: Sequence[str]) -> Kind:
    return Kind(name, meaning, lambda columns: columns[column], _as_listed(listed))


def _bins(name: str, meaning: str, column: str, starts: Sequence[int]) -> Kind:
    """Whole numbers sorted by where each bin starts; below the first is not known."""
    stops = [b - 1 for b in starts[1:]]
    closed = [str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, stops, strict=False)]
    listed = np.array(["not known", *closed, f"> {starts[-1] - 1}"])

    def label(columns: Columns) -> Labels:
        return listed[np.searchsorted(starts, columns[column], side="right")]

    return Kind(name, meaning, label, _as_listed([*listed[1:].tolist(), "not known"]))


def _completeness(columns: Columns) -> Labels:
    """Exactly, in integers: R >= 9/10 where 10 n_silent <= n_vib."""
    silent, all_modes = columns["n_silent"].astype(int), columns["n_vib"].astype(int)
    below = (silent > 0).astype(int) + (10 * silent > all_modes) + (4 * silent > all_modes)
    return np.array(_COMPLETENESS)[below]


def _by_order(labels: Collection[str]) -> tuple[str, ...]:
    """Point groups by their number of operations, infinite ones last."""
    return tuple(sorted(labels, key=lambda label: (PointGroup.parse(label).order or inf, label)))


_LISTED = (
    Kind("point group", "point group at the tolerance of the data", lambda columns: columns["point_group"], _by_order),
    _column("family", "family of the point group", "family", _FAMILIES),
    Kind(
        "completeness",
        "share R of the vibrations that infrared or Raman sees",
        _completeness,
        _as_listed(_COMPLETENESS),
    ),
    _column(
        "exclusion",
        "mutual exclusion (no vibration is both infrared and Raman active): by an inversion centre, by other symmetry "
        "(as in D5h, D4d), or none",
        "exclusion",
        tuple(EXCLUSION.values()),
    ),
    _bins("silent modes", "vibrations that neither infrared nor Raman sees", "n_silent", (0, 1, 3, 6)),
    _column(
        "identifiability",
        "share of the force constants that frequencies and intensities determine, by the counting rule",
        "identifiability",
        IDENTIFIABILITY,
    ),
    _bins("vibrations", "vibrations, with degeneracy", "n_vib", (1, 7, 13, 25, 37, 49, 61)),
    _bins("atoms", "number of atoms", "n_atoms", (2, 5, 9, 13, 17, 21)),
    _column("chemistry", "elements that the molecule is made of", "chemistry", CHEMISTRY),
    _bins(
        "lines in range",
        f"distinct infrared or Raman active levels within {RANGE_CM1[0]:g}-{RANGE_CM1[1]:g} 1/cm",
        "n_lines",
        (0, 1, 3, 6, 11, 21, 41),
    ),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _LISTED}
"""Name to kind, in the order of a report."""
