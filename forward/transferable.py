"""A force field for any molecule without an electronic-structure program: constants transferred by bonding type.

The constants were fitted to GFN2-xTB Hessians of the molecules that ship with symvib, by
``tools/fit_transferable_force_field.py``; the table and its error on molecules left out of the fit stand in
``data/transferable_force_field.json``. A bond between elements that no fitted molecule had bonded gets the constant
that Badger's rule with Schlegel's parameters gives for its length (see `response_checks`): for 99 diatomic molecules of
such pairs, H2 among them, within a factor of 1.55 of GFN2-xTB in the median and of 2.5 in nine of ten.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from ..constants import BOHR_ANGSTROM
from ..errors import ForceFieldError
from ..groups.elements import covalent_radii_angstrom
from ..groups.molecule import Molecule
from ._bond_lengths import unusual_bonds
from ._error_classes import CLASSES, error_classes
from .force_constants import AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2
from .force_field import LinearForceField, as_symmetry_coordinates
from .response_checks import _SCHLEGEL_A, _SCHLEGEL_B

__all__ = ["Term", "TransferableForceField", "in_scope", "transferable_terms"]

_LARGEST_EXCESS = 0.25
_CONTACT_MDYN_PER_ANGSTROM = 0.05  # assumed, not fitted: about that of a hydrogen bond
_CONTACT = "contact (assumed)"
_BADGER = "Badger's rule"
_SHORTEST_BOHR = 1.0  # of a bond beyond Schlegel's B; those of real bonds are above 1.5
_MOST_NEIGHBOURS = 4
_GROUPS_D_F = ((21, 30), (39, 48), (57, 80), (89, 112))  # first and last atomic number


@dataclass(frozen=True)
class Term:
    """One entry of F: ``F[i, j] += coefficient * constant``, and what kind of constant it is.

    Attributes
    ----------
    levels : tuple of 3 str
        Kind, kind with elements, kind with elements and numbers of neighbours. The constant is the sum of what the
        table holds for the three: a mean, and corrections that are there only for types that were fitted.
    i, j : int
    coefficient : float
    """

    levels: tuple[str, str, str]
    i: int
    j: int
    coefficient: float


class _Typing:
    """Elements, neighbours and rings of the atoms, as the constants need them."""

    def __init__(self, molecule: Molecule, bonds: Any) -> None:
        self.symbols = molecule.symbols
        self.positions = molecule.positions
        self.neighbours: list[set[int]] = [set() for _ in molecule.symbols]
        for a, b in bonds:
            self.neighbours[a].add(b)
            self.neighbours[b].add(a)
        self.radii = covalent_radii_angstrom()[molecule.numbers]

    def element(self, atom: int) -> str:
        return self.symbols[atom]

    def typed(self, atom: int) -> str:
        return f"{self.symbols[atom]}{len(self.neighbours[atom])}"

    def excess(self, a: int, b: int) -> float:
        """How much longer the bond is than the sum of covalent radii, relative to it; within what was fitted."""
        length = float(np.linalg.norm(self.positions[a] - self.positions[b]))
        return float(np.clip(length / float(self.radii[a] + self.radii[b]) - 1.0, -_LARGEST_EXCESS, _LARGEST_EXCESS))

    def ring(self, a: int, centre: int, b: int) -> str:
        """Return "3" or "4" for an angle inside a ring of that size, else nothing."""
        if b in self.neighbours[a]:
            return "3"
        return "4" if (self.neighbours[a] & self.neighbours[b]) - {centre} else ""

    def levels(self, kind: str, atoms: Sequence[int], full: Sequence[int] = ()) -> tuple[str, str, str]:
        """Keys for atoms in order, read in whichever direction comes first; those in ``full`` with neighbours."""
        full = full or atoms
        elements = [self.element(a) for a in atoms]
        typed = [self.typed(a) if a in full else self.element(a) for a in atoms]
        if typed[::-1] < typed:
            elements, typed = elements[::-1], typed[::-1]
        elif elements[::-1] < elements:
            elements = elements[::-1]
        return kind, f"{kind} {'-'.join(min(elements, elements[::-1]))}", f"{kind} {'-'.join(typed)}"


def transferable_terms(molecule: Molecule, internals: Sequence[Any]) -> Iterator[Term]:
    """The entries of F for a molecule in the given internal coordinates (stretches of bonds first).

    Diagonal: stretches (a constant, and one times the relative excess of the length over the covalent radii), bends
    (by centre and ends; separate in rings of three and four), linear bends, torsions (divided by their number about a
    bond), out-of-plane angles. Interactions: two stretches, a stretch and a bend, two bends that share their centre.
    """
    bonds = {frozenset(pair) for pair in molecule.bonds().tolist()}
    stretches = {frozenset(q.atoms): k for k, q in enumerate(internals) if q.kind == "stretch"}
    typing = _Typing(molecule, [tuple(pair) for pair in bonds])
    for pair in set(stretches) - bonds:
        yield Term((_CONTACT, _CONTACT, _CONTACT), stretches[pair], stretches[pair], 1.0)
    stretches = {pair: k for pair, k in stretches.items() if pair in bonds}
    about: dict[frozenset[int], int] = {}
    for q in internals:
        if q.kind == "torsion":
            about[frozenset(q.atoms[1:3])] = about.get(frozenset(q.atoms[1:3]), 0) + 1
    for k, q in enumerate(internals):
        yield from _diagonal_terms(typing, k, q, about)
    yield from _stretch_stretch(typing, stretches)
    bends = [(k, q) for k, q in enumerate(internals) if q.kind == "bend"]
    yield from _stretch_bend(typing, stretches, bends)
    yield from _bend_bend(typing, bends)


def _diagonal_terms(typing: _Typing, k: int, q: Any, about: Mapping[frozenset[int], int]) -> Iterator[Term]:
    atoms = q.atoms
    if q.kind == "stretch" and atoms[1] not in typing.neighbours[atoms[0]]:
        return  # a contact
    if q.kind == "stretch":
        yield Term(typing.levels("stretch", atoms), k, k, 1.0)
        excess = typing.excess(*atoms)
        yield Term(typing.levels("stretch x excess", atoms), k, k, excess)
        yield Term(("stretch x excess^2", "stretch x excess^2", "stretch x excess^2"), k, k, excess**2)
    elif q.kind == "bend":
        yield Term(typing.levels("bend" + typing.ring(*atoms), atoms, atoms[1:2]), k, k, 1.0)
    elif q.kind == "linear_bend":
        yield Term(typing.levels("linear bend", atoms, atoms[1:2]), k, k, 1.0)
    elif q.kind == "torsion":
        middle = atoms[1:3]
        share = 1.0 / about[frozenset(middle)]
        yield Term(typing.levels("torsion", middle), k, k, share)
        yield Term(typing.levels("torsion x excess", middle), k, k, share * typing.excess(*middle))
    else:
        centre = atoms[1:2]
        yield Term(typing.levels("out of plane", centre), k, k, 1.0)


def _stretch_stretch(typing: _Typing, stretches: Mapping[frozenset[int], int]) -> Iterator[Term]:
    for centre, neighbours in enumerate(typing.neighbours):
        for a, b in combinations(sorted(neighbours), 2):
            kind = "stretch/stretch" + typing.ring(a, centre, b)
            i, j = stretches.get(frozenset((a, centre))), stretches.get(frozenset((centre, b)))
            if i is not None and j is not None:
                yield Term(typing.levels(kind, (a, centre, b), (centre,)), i, j, 1.0)


def _stretch_bend(
    typing: _Typing, stretches: Mapping[frozenset[int], int], bends: Sequence[tuple[int, Any]]
) -> Iterator[Term]:
    for k, q in bends:
        a, centre, b = q.atoms
        for near, far in ((a, b), (b, a)):
            side = stretches.get(frozenset((near, centre)))
            if side is not None:
                kind = "stretch/bend" + typing.ring(near, centre, far)
                # Ordered: the bond that stretches comes first.
                elements = f"{kind} {typing.element(near)},{typing.element(centre)},{typing.element(far)}"
                full = f"{kind} {typing.element(near)},{typing.typed(centre)},{typing.element(far)}"
                yield Term((kind, elements, full), side, k, 1.0)


def _bend_bend(typing: _Typing, bends: Sequence[tuple[int, Any]]) -> Iterator[Term]:
    by_centre: dict[int, list[tuple[int, Any]]] = {}
    for k, q in bends:
        by_centre.setdefault(q.atoms[1], []).append((k, q))
    for centre, group in by_centre.items():
        for (k, first), (m, second) in combinations(group, 2):
            shared = set(first.atoms) & set(second.atoms) - {centre}
            if not shared:
                kind = "bend/bend opposite"
                levels = (kind, f"{kind} {typing.element(centre)}", f"{kind} {typing.typed(centre)}")
                yield Term(levels, k, m, 1.0)
                continue
            (common,) = shared
            others = sorted(typing.element(a) for q in (first, second) for a in q.atoms if a not in (centre, common))
            ends = f"{typing.element(common)};{','.join(others)}"
            yield Term(
                (
                    "bend/bend",
                    f"bend/bend {typing.element(centre)} {ends}",
                    f"bend/bend {typing.typed(centre)} {ends}",
                ),
                k,
                m,
                1.0,
            )


def in_scope(molecule: Molecule) -> bool:
    """Is the molecule of the kind that was fitted: main group, no atom with more than four neighbours?"""
    neighbours = np.bincount(molecule.bonds().ravel(), minlength=len(molecule))
    heavy = any(((molecule.numbers >= a) & (molecule.numbers <= b)).any() for a, b in _GROUPS_D_F)
    return not heavy and int(neighbours.max()) <= _MOST_NEIGHBOURS


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    """What the fit recorded as "error", and "constants" by key. The file has one mapping for each kind."""
    path = Path(__file__).parent / "data" / "transferable_force_field.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    constants = {
        f"{kind} {rest}".rstrip(): value
        for kind, members in stored["constants"].items()
        for rest, value in members.items()
    }
    return {"error": stored["error"], "constants": constants}


def _with_badgers_rule(terms: Sequence[Term], molecule: Molecule, internals: Sequence[Any], table: Any) -> list[Term]:
    """The terms; a bond of elements that were not fitted keeps one of its own, by Badger's rule.

    F = 1.734 / (r - B)^3 in atomic units, times the constant 1; elements beyond argon count as of its row.
    """
    unknown = {t.i for t in terms if t.levels[0] == "stretch" and not {t.levels[1], t.levels[2]} & table.keys()}
    changed = []
    for term in terms:
        if term.i != term.j or term.i not in unknown:
            changed.append(term)
        elif term.levels[0] == "stretch":
            a, b = internals[term.i].atoms
            rows = np.minimum(np.searchsorted([2, 10, 18], molecule.numbers[[a, b]]), 2)
            length = float(np.linalg.norm(molecule.positions[a] - molecule.positions[b])) / BOHR_ANGSTROM
            beyond = length - float(_SCHLEGEL_B[rows[0], rows[1]])
            if beyond < _SHORTEST_BOHR:
                raise ForceFieldError(
                    f"the bond {internals[term.i].label(molecule.symbols)} of {length * BOHR_ANGSTROM:.3f} A is too "
                    "short: nothing like it was in the fit, and Badger's rule has no constant for it."
                )
            value = _SCHLEGEL_A / beyond**3 * AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2
            changed.append(Term((_BADGER, _BADGER, f"{term.levels[2]} ({_BADGER})"), term.i, term.i, value))
    return changed


@dataclass(frozen=True, eq=False, repr=False)
class TransferableForceField(LinearForceField):
    """Force constants from the fitted table, by bonding type; the default where no Hessian is at hand.

    ``error()`` says how far wavenumbers were off on molecules left out of the fit. Types that the table does not hold
    get the mean of their kind, bonds the constant of Badger's rule; `estimated` lists them. `unusual` lists bonds of a
    length that none fitted had.

    Examples
    --------
    >>> import symvib as sv
    >>> water = sv.Molecule.from_arrays([8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.471], [0, -0.757, -0.471]])
    >>> field = TransferableForceField.of(water)
    >>> field.estimated
    ()
    """

    estimated: tuple[str, ...] = ()
    unusual: tuple[str, ...] = ()

    @classmethod
    def of(cls, molecule: Any, internals: Any | None = None) -> "TransferableForceField":
        """The force field of a molecule; arguments as for `symmetry_coordinates`.

        Raises
        ------
        ForceFieldError
            An atom bonded to nothing, or two far too close (positions in bohr?); a stretching constant comes out
            negative: an unusual bond far from anything fitted.
        """
        coordinates = as_symmetry_coordinates(molecule, internals)
        # At the symmetrised geometry: equivalent bonds must be equally long, or their constants would differ.
        symmetric = replace(coordinates.molecule, positions=coordinates.positions)
        unusual = unusual_bonds(symmetric, _LARGEST_EXCESS)
        table = _table()["constants"] | {_CONTACT: _CONTACT_MDYN_PER_ANGSTROM, _BADGER: 1.0}
        terms = list(transferable_terms(symmetric, coordinates.internals))
        terms = _with_badgers_rule(terms, symmetric, coordinates.internals, table)
        names = list(dict.fromkeys(term.levels for term in terms))
        number = {levels: p for p, levels in enumerate(names)}
        parameters = np.array([sum(table.get(key, 0.0) for key in dict.fromkeys(levels)) for levels in names])
        entries, values = [], []
        for term in terms:
            p = number[term.levels]
            entries.append((p, term.i, term.j))
            values.append(term.coefficient)
            if term.i != term.j:
                entries.append((p, term.j, term.i))
                values.append(term.coefficient)
        field = cls(
            coordinates,
            tuple(levels[2] for levels in names),
            np.array(entries, dtype=np.int64).reshape(-1, 3),
            np.array(values),
            parameters,
            tuple(n[2] for n in names if n[0] in (_CONTACT, _BADGER) or (n[2] not in table and n[1] not in table)),
            unusual,
        )
        field._check_stretches()
        return field

    def _check_stretches(self) -> None:
        # Angles in rings and about planar centres are redundant: one of them alone may well be negative.
        stretches = np.array([coordinate.kind == "stretch" for coordinate in self.internals])
        diagonal = np.where(stretches, np.diag(self.matrix()), np.inf)
        if (diagonal <= 0).any():
            worst = int(np.argmin(diagonal))
            label = self.internals[worst].label(self.coordinates.molecule.symbols)
            raise ForceFieldError(
                f"the transferable force field gives {label} the constant {diagonal[worst]:.3f}: nothing like it was "
                "in the fit, or the geometry is far from a minimum. Compute a Hessian instead: harmonic_response, or "
                "--engine xtb."
            )

    def statement(self) -> str:
        """What the numbers are worth, in words."""
        error = self.error()
        if not in_scope(self.coordinates.molecule):
            return (
                "Transferable valence force field, fitted to main-group molecules whose atoms have at most four "
                "neighbours: this molecule is outside of that, the numbers are extrapolated and their error is not "
                "known."
            )
        text = (
            f"Transferable valence force field, fitted to {error['n_fitted_in_the_end']} molecules at GFN2-xTB. "
            f"{self._error_in_words()} The geometry is taken as given."
        )
        if self.unusual:
            text += (
                f" WARNING: lengths that no fitted bond had, {', '.join(self.unusual)}: the constants are extrapolated "
                "and their error is not known; is the geometry right?"
            )
        if "cumulated" in self.classes:
            text += " WARNING: cumulated double bonds, whose stretches come out far too low; use --engine xtb."
        if self.estimated:
            text += f" Estimated from the mean of their kind unless noted: {', '.join(self.estimated)}."
        if any(_BADGER in name for name in self.estimated):
            text += " Badger's rule gives a constant within a factor of 1.55 in the median, 2.5 in nine of ten."
        return text

    @property
    def classes(self) -> frozenset[str]:
        """Names of the classes, of those in ``error()["classes"]``, that the molecule belongs to."""
        return error_classes(self.coordinates.molecule, bool(self.estimated))

    def _error_in_words(self) -> str:
        """The error on unseen molecules: of the worst class that this one is in, and of all left out of the fit."""
        error = self.error()
        everything = (
            f"{error['n_molecules']} molecules of all kinds left out of the fit: "
            f"{error['mean_absolute_error_cm1']} cm-1 on average"
        )
        if len(self.coordinates.molecule) == 2:
            return f"Its error for diatomic molecules was not measured ({everything})."
        own = {name: error["classes"][name] for name in self.classes}
        name, worst = max(own.items(), key=lambda item: item[1]["mean_absolute_error_cm1"])
        return (
            f"Unseen molecules {CLASSES[name]} ({worst['n_molecules']}) have wavenumbers that differ from GFN2-xTB by "
            f"{worst['mean_absolute_error_cm1']} cm-1 on average, one in ten by more than {worst['percentile_90_cm1']} "
            f"({everything})."
        )

    @staticmethod
    def error() -> dict[str, Any]:
        """Error of the wavenumbers on molecules left out of the fit, and what was fitted, as recorded by the fit."""
        return dict(_table()["error"])
