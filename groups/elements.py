"""Element data: symbols, isotope masses and covalent radii, read once from a generated file.

The file `data/elements.json` is written by tools/make_elements.py; nothing in it is typed by hand.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..errors import MoleculeError

__all__ = ["Element", "element", "parse_symbol"]

HIGHEST_NUMBER = 118

# Masses of one element closer than this are the same nuclide (isotopes differ by about 1 u; an average weight
# such as 1.008 and the main isotope's 1.00783 are one choice written twice).
SAME_NUCLIDE_U = 0.02

# Names under which programs write points that are not atoms (ghost basis functions, ring centres, lone
# pairs).
_DUMMY_SYMBOLS = frozenset({"x", "xx", "bq", "gh", "du", "*", "q", "lp", "ep", "dummy", "ghost", "da", "vac"})

# Hydrogen's isotopes are the only ones with symbols of their own (IUPAC Red Book IR-3.3.2).
_HYDROGEN_ISOTOPES = {"d": 2, "t": 3}


@dataclass(frozen=True)
class Element:
    """One chemical element.

    Attributes
    ----------
    number : int
        Atomic number Z, 1..118.
    symbol, name : str
        IUPAC symbol and English name.
    standard_weight : float
        Standard atomic weight in u (average over the natural isotopes; the bracketed mass number if there are
        none). Only used to recognise averaged masses in other programs' objects.
    covalent_radius_angstrom : float
        Single-bond radius, Cordero et al. (2008), above Z = 96 Pyykko and Atsumi (2009).
    main_isotope : int
        Mass number of the most abundant isotope; for an element without natural abundances the one IUPAC
        lists in brackets.
    isotope_masses : dict of int to float
        Mass in u (AME2020) of each known isotope, keyed by mass number.
    """

    number: int
    symbol: str
    name: str
    standard_weight: float
    covalent_radius_angstrom: float
    main_isotope: int
    isotope_masses: dict[int, float]

    @property
    def main_mass(self) -> float:
        """Mass of the main isotope in u."""
        return self.isotope_masses[self.main_isotope]

    def isotope_mass(self, mass_number: int) -> float:
        """Return the mass in u of the isotope with this mass number; 0 means the main isotope."""
        mass = self.isotope_masses.get(int(mass_number) or self.main_isotope)
        if mass is None:
            known = sorted(self.isotope_masses)
            raise MoleculeError(
                f"{self.name} has no known isotope with mass number {mass_number}: AME2020 lists "
                f"{self.symbol}-{known[0]} to {self.symbol}-{known[-1]}. Give one of these, or 0 for the "
                "main "
                f"isotope ({self.symbol}-{self.main_isotope})."
            )
        return mass


@cache
def _records() -> tuple[list, ...]:
    text = Path(__file__).with_name("data").joinpath("elements.json").read_text(encoding="ascii")
    return tuple(json.loads(text)["elements"])


@cache
def _numbers_by_symbol() -> dict[str, int]:
    return {record[0].lower(): number for number, record in enumerate(_records(), start=1)}


@cache
def _element(number: int) -> Element:
    symbol, name, weight, radius, main, offsets = _records()[number - 1]
    masses = {int(a): int(a) + offset * 1e-8 for a, offset in offsets.items()}
    return Element(number, symbol, name, weight, radius, main, masses)


def element(key: int | str) -> Element:
    """Return the element with this atomic number (1..118) or symbol (any case).

    Raises
    ------
    MoleculeError
        If there is no such element, or it is a dummy atom (Z = 0, "X", "Bq", ...).

    Examples
    --------
    >>> element("Cl").main_isotope, element(6).symbol
    (35, 'C')
    """
    if isinstance(key, str):
        return _element(parse_symbol(key)[0])
    number = int(key)
    if number == 0:
        raise MoleculeError(
            "atomic number 0 is a dummy atom, not a nucleus: remove such points, or replace them by the "
            "atoms "
            "they stand for."
        )
    if not 1 <= number <= HIGHEST_NUMBER:
        raise MoleculeError(f"{number} is not an atomic number: elements are 1..{HIGHEST_NUMBER}.")
    return _element(number)


def parse_symbol(text: str) -> tuple[int, int]:
    """Return (atomic number, mass number) for an element symbol; mass number 0 is the main isotope.

    Understood: "C" and "CL" (any case), "D" and "T", a mass number in front ("13C", "2H"), and an atomic
    number ("6").

    Examples
    --------
    >>> parse_symbol("D"), parse_symbol("cl"), parse_symbol("13C")
    ((1, 2), (17, 0), (6, 13))
    """
    match = re.fullmatch(r"([0-9]{1,3})?([A-Za-z*]{1,8})?", text.strip())
    digits, letters = match.groups() if match else (None, None)
    if digits is None and letters is None:
        raise MoleculeError(
            f"{text[:40]!r} is not an element symbol. Write the symbol alone ('C', 'Cl', 'D', '13C') or the "
            "atomic number."
        )
    if letters is None:
        return element(int(digits or 0)).number, 0
    letters = letters.lower()
    if letters in _DUMMY_SYMBOLS:
        raise MoleculeError(
            f"{text[:40]!r} is a dummy atom, not a nucleus: remove such points, or replace them by the atoms "
            "they stand for."
        )
    if letters in _HYDROGEN_ISOTOPES and digits is None:
        return 1, _HYDROGEN_ISOTOPES[letters]
    number = _numbers_by_symbol().get(letters)
    if number is None:
        raise MoleculeError(f"{text[:40]!r} is not the symbol of an element.")
    mass_number = int(digits or 0)
    _element(number).isotope_mass(mass_number)
    return number, mass_number


def isotope_of_mass(number: int, mass: float) -> int | None:
    """Return the mass number that a mass in u means: 0 for the default, None if it is no known isotope's.

    The default is meant by the standard atomic weight and by the main isotope's mass; each comparison is to
    0.02 u.

    Examples
    --------
    >>> isotope_of_mass(1, 1.008), isotope_of_mass(1, 2.0141), isotope_of_mass(1, 1e6)
    (0, 2, None)
    """
    kind = element(number)
    if abs(mass - kind.standard_weight) < SAME_NUCLIDE_U:
        return 0
    nearest = round(mass) if abs(mass) < 1000 else -1
    known = kind.isotope_masses.get(nearest)
    if known is None or abs(mass - known) > SAME_NUCLIDE_U:
        return None
    return 0 if nearest == kind.main_isotope else nearest


@cache
def main_masses() -> np.ndarray:
    """Return the main-isotope masses in u, shape (119,), indexed by atomic number (entry 0 unused, 0)."""
    masses = np.array([0.0] + [_element(z).main_mass for z in range(1, HIGHEST_NUMBER + 1)])
    masses.setflags(write=False)
    return masses


@cache
def main_isotopes() -> np.ndarray:
    """Return the main-isotope mass numbers, shape (119,), indexed by atomic number (entry 0 unused, 0)."""
    numbers = np.array([0] + [_element(z).main_isotope for z in range(1, HIGHEST_NUMBER + 1)])
    numbers.setflags(write=False)
    return numbers


@cache
def covalent_radii_angstrom() -> np.ndarray:
    """Return the covalent radii in angstrom, shape (119,), indexed by atomic number (entry 0 unused, 0)."""
    radii = np.array([0.0] + [_element(z).covalent_radius_angstrom for z in range(1, HIGHEST_NUMBER + 1)])
    radii.setflags(write=False)
    return radii
