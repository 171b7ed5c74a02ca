"""Symmetry and chemistry of minerals by name: inversion centre and crystal system of structures, class of the formula.

Structures are those of the American Mineralogist Crystal Structure Database in two extracts: the 385 of
`mineral_sets.amcsd_lines`, and the 5,439 with a name that the package larixite carries. A mineral whose structures
disagree (phases at high pressure or temperature, refinements that disagree) is "ambiguous", one without a structure
"unknown"; neither is guessed.
"""

import json
import re
import sqlite3
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from ._crystal_classes import centrosymmetric, crystal_system
from ._instrument_files import KnownFile
from .mineral_classes import mineral_class

__all__ = ["MineralStratum", "Structure", "amcsd_structures", "mineral_strata", "plain_name"]

_DATABASE = KnownFile(
    "larixite",
    "amcsd_cif1.db",
    "991b2c197bb13537bda2383eb9621cac2b80ebfb2fe8960900db15083a8a0e33",
    "It lies in the wheel larixite-2026.1.0 of PyPI (`pip install --no-deps larixite==2026.1.0`): structures of AMCSD, "
    "less large and near-duplicate ones, 2021-05-16.",
)
_TERM = re.compile(r"([+-]?)([xyz])")
_INVERSION = ((-1, 0, 0), (0, -1, 0), (0, 0, -1))


@dataclass(frozen=True)
class Structure:
    """A published crystal structure.

    Attributes
    ----------
    mineral, space_group : str
    centrosymmetric : bool or None
        None: the symbol is not understood, or the listed operations contradict it.
    """

    mineral: str
    space_group: str
    centrosymmetric: bool | None

    @classmethod
    def of(cls, mineral: str, space_group: str) -> "Structure":
        """From the symbol alone.

        Examples
        --------
        >>> Structure.of("Quartz", "P3_221").centrosymmetric
        False
        """
        return cls(mineral, space_group, centrosymmetric(space_group))


@dataclass(frozen=True)
class MineralStratum:
    """What is known of a mineral.

    Attributes
    ----------
    mineral : str
    inversion : {"centrosymmetric", "noncentrosymmetric", "ambiguous", "unknown"}
    system : str
        Crystal system, "ambiguous" or "unknown".
    mineral_class : str
        One of `mineral_classes.CLASSES`.
    n_structures, n_centrosymmetric, n_noncentrosymmetric : int
        All, and those of which it is known.
    space_groups : mapping of str to int
        Structures of each symbol.
    """

    mineral: str
    inversion: str
    system: str
    mineral_class: str
    n_structures: int
    n_centrosymmetric: int
    n_noncentrosymmetric: int
    space_groups: Mapping[str, int]

    @property
    def majority(self) -> str:
        """As ``inversion``, but decided by two thirds or more of the structures in place of all."""
        known = self.n_centrosymmetric + self.n_noncentrosymmetric
        if not known:
            return "unknown"
        if 3 * self.n_centrosymmetric >= 2 * known:
            return "centrosymmetric"
        return "noncentrosymmetric" if 3 * self.n_noncentrosymmetric >= 2 * known else "ambiguous"

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "space_groups": dict(self.space_groups)}


def plain_name(name: str) -> str:
    """A name by letters and digits only, lower case, so that "Hübnerite" and "Fluorapophyllite-(K)" are found.

    Examples
    --------
    >>> plain_name("Fluorapophyllite-(K)"), plain_name("Hübnerite")
    ('fluorapophyllitek', 'hubnerite')
    """
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub("[^a-z0-9]", "", letters.lower())


def amcsd_structures(path: str | Path | None = None, *, verify: bool = True) -> tuple[Structure, ...]:
    """Space groups of the structures of AMCSD with a mineral's name that the package larixite carries.

    An inversion centre is read from the listed symmetry operations and from the symbol; where these contradict each
    other it is None.

    Parameters
    ----------
    path : str or Path, optional
        amcsd_cif1.db or a folder that holds it [default: larixite if it is installed, else the folder SYMVIB_DATA].
    verify : bool
        Compare the sha256.

    Raises
    ------
    DatasetError
        No such file, or another one.
    """
    if path is None:
        installed = find_spec("larixite")
        folders = installed.submodule_search_locations if installed else None
        path = next(iter(folders), None) if folders else None
    place = _DATABASE.verified(path, verify)
    try:
        with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as database:
            groups = {
                number: (symbol, _has_inversion(symbol, json.loads(operations)))
                for number, symbol, operations in database.execute(
                    "select id, hm_notation, symmetry_xyz from spacegroups"
                )
            }
            rows = database.execute(
                "select minerals.name, cif.spacegroup_id from cif join minerals on minerals.id = cif.mineral_id "
                "order by cif.id"
            ).fetchall()
    except (sqlite3.Error, ValueError) as error:
        raise DatasetError(f"{place}: cannot be read as the expected database: {error}") from error
    known = [(name, *groups[number]) for name, number in rows if not name.startswith("<") and number in groups]
    return tuple(Structure(name, with_underscores(symbol), inverted) for name, symbol, inverted in known)


def with_underscores(symbol: str) -> str:
    """A symbol with spaces between its axes in the spelling of `crystal_class_of`.

    Examples
    --------
    >>> with_underscores("P 1 21/c 1"), with_underscores("R 3 c %var1%"), with_underscores("P 63/m m c")
    ('P12_1/c1', 'R3c', 'P6_3/mmc')
    """
    parts = symbol.split("%")[0].split()
    return "".join(re.sub(r"^([2346])([1-5])", r"\1_\2", part) for part in parts)


def mineral_strata(
    minerals: Mapping[str, str], structures: Iterable[Structure], *, aliases: Sequence[Sequence[str]] = ()
) -> dict[str, MineralStratum]:
    """Strata of minerals by name.

    Parameters
    ----------
    minerals : mapping of str to str
        Names to formulas.
    structures : iterable of Structure
        Those of other names are of no account.
    aliases : sequence of sequence of str
        Names of one mineral: each takes the structures of all.

    Examples
    --------
    >>> found = mineral_strata({"Quartz": "SiO_2_", "X": ""}, [Structure.of("quartz", "P3_221")])
    >>> found["Quartz"].inversion, found["Quartz"].system, found["X"].inversion
    ('noncentrosymmetric', 'trigonal', 'unknown')
    """
    by_name: dict[str, list[Structure]] = defaultdict(list)
    for structure in structures:
        by_name[plain_name(structure.mineral)].append(structure)
    same: dict[str, set[str]] = defaultdict(set)
    for names in aliases:
        for name in names:
            same[name] |= {plain_name(other) for other in names}
    found = {}
    for name, formula in minerals.items():
        of = [s for key in sorted(same[name] | {plain_name(name)}) for s in by_name.get(key, ())]
        centres = {s.centrosymmetric for s in of} - {None}
        systems = {crystal_system(s.space_group) for s in of} - {None}
        words = {True: "centrosymmetric", False: "noncentrosymmetric"}
        found[name] = MineralStratum(
            mineral=name,
            inversion=_agreed({words[c] for c in centres if c is not None}),
            system=_agreed({s for s in systems if s is not None}),
            mineral_class=mineral_class(formula),
            n_structures=len(of),
            n_centrosymmetric=sum(s.centrosymmetric is True for s in of),
            n_noncentrosymmetric=sum(s.centrosymmetric is False for s in of),
            space_groups=dict(sorted(Counter(s.space_group for s in of).items())),
        )
    return found


def _agreed(values: set[str]) -> str:
    if not values:
        return "unknown"
    return next(iter(values)) if len(values) == 1 else "ambiguous"


def _has_inversion(symbol: str, operations: Sequence[str]) -> bool | None:
    """By the operations, where the symbol does not say otherwise."""
    listed = any(_rotation(operation) == _INVERSION for operation in operations)
    return None if centrosymmetric(with_underscores(symbol)) not in (None, listed) else listed


def _rotation(operation: str) -> tuple[tuple[int, ...], ...]:
    """The rotation part of "1/2-x,y,-z"."""
    rows = []
    for part in operation.split(","):
        row = [0, 0, 0]
        for sign, letter in _TERM.findall(part.replace(" ", "")):
            row["xyz".index(letter)] += -1 if sign == "-" else 1
        rows.append(tuple(row))
    return tuple(rows)
