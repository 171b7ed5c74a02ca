"""Shimanouchi's fundamentals (NSRDS-NBS 39 and others), each molecule with the experimental geometry it belongs to.

Both files live outside the repository (../shared/data). Geometries are of CCCBDB and matched by hand; isotopologues get
their isotopes put in here. Used by tests/test_fundamentals.py and by the scripts in studies/.
"""

import csv
import gzip
import json
from collections import Counter
from functools import cache
from itertools import permutations
from pathlib import Path

import numpy as np

from symvib import Molecule
from symvib.groups.elements import parse_symbol

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
TABLE = DATA / "fundamentals" / "fundamentals.csv"
GEOMETRIES = DATA / "molecules" / "cccbdb_experimental_geometries.json.gz"

# Name in the table -> name of the geometry (same molecule, same conformer; matched by hand).
PLAIN = {
    "Benzene": "Benzene", "Cyclohexane": "Cyclohexane", "Methyl Alcohol": "Methyl alcohol",
    "Carbon Tetrachloride": "Carbon tetrachloride", "Trichloromethane": "Chloroform", "Ethane": "Ethane",
    "Methylene chloride": "Methylene chloride", "Acetonitrile": "Acetonitrile", "Methane": "Methane",
    "Ethane, 1,2-dichloro-": "Ethane, 1,2-dichloro-", "Ethylene": "Ethylene", "Propane": "Propane",
    "Formic acid": "Formic acid", "Furan": "Furan", "Propanenitrile": "ethyl cyanide", "Acetylene": "Acetylene",
    "Methyl formate": "methyl formate", "Dimethyl ether": "Dimethyl ether", "Ethyl Chloride": "Ethyl chloride",
    "Chloromethane": "Methyl chloride", "Ethylene oxide": "Ethylene oxide",
    "Tetrafluoromethane": "Carbon tetrafluoride", "Cyclopropane": "Cyclopropane", "Propyne": "propyne",
    "Water": "Water", "Methane, tribromo-": "bromoform", "Methane, iodo-": "methyl iodide", "2-Propenal": "Acrolein",
    "Ethene, 1,1-dichloro-": "Ethene, 1,1-dichloro-", "Methane, bromo-": "methyl bromide", "Ammonia": "Ammonia",
    "Hydrogen sulfide": "Hydrogen sulfide", "2-Butyne": "2-Butyne", "Methane, dibromo-": "dibromomethane",
    "Fluoroform": "Methane, trifluoro-", "Ethane, hexafluoro-": "hexafluoroethane",
    "Hydrogen cyanide": "Hydrogen cyanide", "Formaldehyde": "Formaldehyde",
    "Ethylene, 1,2-dichloro-, (Z)-": "Ethene, 1,2-dichloro-, (Z)-", "Allene": "allene",
    "Carbon tetrabromide": "Carbon tetrabromide", "Ethene, tetrafluoro-": "Tetrafluoroethylene",
    "Methyl fluoride": "Methyl fluoride", "1,3-Butadiyne": "Diacetylene", "Silane": "Silane", "Phosphine": "Phosphine",
    "Propanedinitrile": "Malononitrile", "Nitrogen trifluoride": "Nitrogen trifluoride",
    "Phosphorus trichloride": "Phosphorus trichloride", "Silicon tetrafluoride": "Silicon tetrafluoride",
    "Methane, bromochloro-": "Methane, bromochloro-", "Silicon tetrachloride": "Silane, tetrachloro-",
    "Phosphorus trifluoride": "Phosphorus trifluoride",
    "Ethylenimine": "Aziridine", "Ethyne, chloro-": "Chloroacetylene",
    "Methane, bromotrichloro-": "Methane, bromotrichloro-", "Ethane, fluoro-": "fluoroethane",
    "(Z)-1,2-Difluoroethylene": "Ethene, 1,2-difluoro-, (Z)-", "Oxygen difluoride": "Difluorine monoxide",
    "silicon tetrabromide": "Silicon tetrabromide", "silicon tetraiodide": "silicon tetraiodide",
    "Ethyne, fluoro-": "Fluoroacetylene", "Arsine": "Arsine", "dihydrogen selenide": "Hydrogen selenide",
    "Acetylene, bromo-": "bromoacetylene", "germanium tetrabromide": "Germanium tetrabromide",
    "fluorosilane": "monofluorosilane", "chlorosilane": "chlorosilane", "Silane, bromo-": "bromosilane",
    "Ethene, 1,1-dichloro-2,2-difluoro-": "difluorodichloroethylene", "1,2,5-Oxadiazole": "Furazan",
    "Methane, tetraiodo-": "tetraiodomethane", "Stibine": "Stibine", "Ozone": "Ozone",
    "Carbonyl sulfide (12C16O32S)": "Carbonyl sulfide", "Oxygen dichloride (35Cl216O)": "Dichlorine monoxide",
    "Carbon disulfide (12C32S2)": "Carbon disulfide", "Carbon dioxide (12C16O2)": "Carbon dioxide",
    "Sulfur dioxide (32S16O2)": "Sulfur dioxide", "Nitrous oxide (14N2O)": "Nitrous oxide",
    "Cyanogen chloride (35ClCN)": "chlorocyanogen", "Cyanogen bromide (81BrCN)": "Cyanogen bromide",
    "Diborane (11B2H6)": "Diborane", "Xenon tetrafluoride": "Xenon tetrafluoride", "Cubane": "cubane",
    "Sulfur hexafluoride": "Sulfur Hexafluoride", "Boron trichloride": "Borane, trichloro-",
    "Boron trifluoride": "Borane, trifluoro-",
}  # fmt: skip
# The same with every H replaced by D.
DEUTERATED = {
    "deuterium oxide": "Water",
    "(2H4)methane": "Methane", "Hydrogen sulfide-d2": "Hydrogen sulfide", "Benzene-D6": "Benzene",
    "Cyclohexane-d12": "Cyclohexane", "[2H4]ethylene": "Ethylene", "Acetylene-d2": "Acetylene",
    "(2H3)ammonia": "Ammonia", "Ethane-d6": "Ethane", "Methanol-D4": "Methyl alcohol", "Propane-d8": "Propane",
    "[2H3]acetonitrile": "Acetonitrile", "(2H)formaldehyde": "Formaldehyde", "Hydrogen cyanide-d1": "Hydrogen cyanide",
    "Oxirane-d4": "Ethylene oxide", "Chloromethane-d3": "Methyl chloride", "Propyne-d4": "propyne",
    "Phosphine-d3": "Phosphine", "Fluoromethane-d3": "Methyl fluoride", "iodo(2H3)methane": "methyl iodide",
    "[2H4]silane": "Silane", "Methane-D2-, dichloro-": "Methylene chloride", "Methane-d tribromo-": "bromoform",
    "Methane-d, trichloro-": "Chloroform", "Dibromomethane-d2": "dibromomethane", "Malononitrile-d2": "Malononitrile",
    "bromo(2H3)methane": "methyl bromide", "Stibine-d3": "Stibine", "Arsine-d3": "Arsine",
    "[2H]formic [2]acid": "Formic acid", "Diborane-d6 (10B2D6)": "Diborane",
    "Bromochloromethane-d2": "Methane, bromochloro-", "Methyl formate-d4": "methyl formate",
    "cis-1,2-Difluoroethylene-d2": "Ethene, 1,2-difluoro-, (Z)-",
    "cis-1,2-Dichloroethylene-d2": "Ethene, 1,2-dichloro-, (Z)-", "1,1-Dichloroethylene-d2": "Ethene, 1,1-dichloro-",
    "Propene-d6": "Cyclopropane",
}  # fmt: skip
# Name in the table -> geometry and the isotopes: {index of the atom: mass number}.
D = 2
ISOTOPES: dict[str, tuple[str, dict[int, int]]] = {
    "Methan-d3-ol": ("Methyl alcohol", {2: D, 3: D, 4: D}),
    "methan(2H)ol": ("Methyl alcohol", {5: D}),
    "Ethane-1,1,1-d3": ("Ethane", {2: D, 3: D, 4: D}),
    "CH3CD2CH3": ("Propane", {3: D, 4: D}),
    "Propane-1,1,1,3,3,3-d6": ("Propane", dict.fromkeys((5, 7, 8, 6, 9, 10), D)),
    "Propane-1,1,1-d3": ("Propane", {5: D, 7: D, 8: D}),
    "deuteriomethane 1": ("Methane", {1: D}),
    "Methane-d2": ("Methane", {1: D, 2: D}),
    "Methane-d3": ("Methane", {1: D, 2: D, 3: D}),
    "Silane-d2": ("Silane", {1: D, 2: D}),
    "Silane-d3": ("Silane", {1: D, 2: D, 3: D}),
    "Propyne-3,3,3-d1": ("propyne", {4: D, 5: D, 6: D}),
    "Acetylene-d1": ("Acetylene", {2: D}),
    "Water-d": ("Water", {1: D}),
    "Hydrogen deuterium selenide": ("Hydrogen selenide", {1: D}),
    "Formaldehyde-d1": ("Formaldehyde", {2: D}),
    "Dichloromethane-d1": ("Methylene chloride", {1: D}),
    "Dibromomethane-d1": ("dibromomethane", {1: D}),
    "Bromochloromethane-d1": ("Methane, bromochloro-", {3: D}),
    "cis-1,2-Dichloroethylene-d1": ("Ethene, 1,2-dichloro-, (Z)-", {2: D}),
    "cis-1,2-Difluoroethylene-d1": ("Ethene, 1,2-difluoro-, (Z)-", {4: D}),
    "1,1-Dichloroethylene-d1": ("Ethene, 1,1-dichloro-", {2: D}),
    "methyl (2H)formate": ("methyl formate", {7: D}),
    "Methyl formate-d3": ("methyl formate", {4: D, 5: D, 6: D}),
    "Dimethylether-d3": ("Dimethyl ether", {3: D, 5: D, 6: D}),
    "Carbon dioxide (13C16O2)": ("Carbon dioxide", {0: 13}),
    "Nitrous oxide (14N15NO)": ("Nitrous oxide", {1: 15}),
    "Nitrous oxide (15N2O)": ("Nitrous oxide", {0: 15, 1: 15}),
    "Cyanogen chloride (37ClCN)": ("chlorocyanogen", {0: 37}),
    "Cyanogen bromide (70BrCN)": ("Cyanogen bromide", {2: 79}),  # 70Br is a misprint of the source for 79Br
    "Diborane (10B2H6)": ("Diborane", {0: 10, 1: 10}),
}

# Errors of the geometry file: what its coordinates really have, and the correction that the test applies first.
SIGN_ERRORS = {
    # geometry: (group as printed, atom, axes whose sign is wrong, reason)
    "Acetonitrile": ("Cs", 5, [0, 1], "x and y of the last H: it is 1.04 A from one H and 1.80 A from the other"),
    "Ethene, 1,2-difluoro-, (Z)-": ("Cs", 5, [2], "z of the last H has the wrong sign: its C-H would be 2.27 A long"),
}
LOOSE = {
    # geometry: (group as printed, tolerance in A that gives the molecule's own group, reason)
    "Aziridine": ("C1", 0.2, "N and its H stand 0.1 A off the mirror that maps the two CH2 on each other"),
}
# Differences of the tables: (labels renamed before the comparison, reason).
RELABELLED = {
    "Propene-d6": (
        {"e": "E''", "a2": "A2''", "a1": "A1''"},
        "the name is wrong (the species are those of cyclopropane-d6) and the scraper dropped double primes",
    ),
}
INCOMPLETE = {
    "Xenon tetrafluoride": "only one of the six rows has a species",
    "Cubane": "three of the f1u fundamentals only; most of cubane has no readable source",
    "Sulfur hexafluoride": "nu3 only",
    "Boron trichloride": "nu2 missing",
    "Boron trifluoride": "nu1 only",
    "Ozone": "nu2 missing",
}
OTHER_CONFORMER = {
    "Ethane, 1,2-dichloro-": ("C2", "the geometry is the gauche conformer (C2), the table lists the trans one (C2h)"),
}


@cache
def table_rows() -> list[dict[str, str]]:
    """Rows of the table."""
    with TABLE.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@cache
def tabulated() -> dict[str, Counter]:
    """Name -> how often each species is listed, in symvib's spelling of the labels."""
    species: dict[str, Counter] = {}
    for row in table_rows():
        if row["irrep"]:
            species.setdefault(row["molecule"], Counter())[species_of(row)] += 1
    return species


def species_of(row: dict[str, str]) -> str:
    """Species of a row of the table in symvib's spelling."""
    renamed = RELABELLED.get(row["molecule"], ({}, ""))[0]
    return renamed.get(row["irrep"]) or spelled(row["irrep"])


def spelled(label: str) -> str:
    """Label of the table in symvib's spelling: "f1u" -> "T1u", "sigma_g+" -> "Sigmag+"."""
    if label.startswith(("sigma", "pi")):
        return label.replace("_", "").capitalize()
    return label.replace("f", "t").capitalize()


@cache
def geometries() -> dict[str, dict]:
    with gzip.open(GEOMETRIES, "rt", encoding="utf-8") as file:
        return {entry["name"]: entry for entry in json.load(file)}


def geometry_of(name: str) -> tuple[str, dict[int, int]]:
    """Name of the geometry of a molecule of the table, and the isotopes put in: {index of the atom: mass number}."""
    return ISOTOPES[name] if name in ISOTOPES else (PLAIN.get(name) or DEUTERATED[name], {})


def molecule_of(name: str) -> tuple[Molecule, float | None]:
    """The molecule that a row of the table is about, and the tolerance its geometry needs."""
    geometry, isotopes = geometry_of(name)
    plain, tolerance = molecule_of_geometry(geometry)
    masses = [isotopes.get(i, D if z == 1 and name in DEUTERATED else 0) for i, z in enumerate(plain.numbers)]
    return Molecule.from_arrays(plain.numbers, plain.positions, mass_numbers=masses, name=name), tolerance


def molecule_of_geometry(geometry: str) -> tuple[Molecule, float | None]:
    """A corrected geometry without isotopes, and the tolerance it needs."""
    entry = geometries()[geometry]
    numbers = [1 if symbol == "D" else parse_symbol(symbol)[0] for symbol in entry["symbols"]]
    positions = np.array(entry["xyz_angstrom"])
    if geometry in SIGN_ERRORS:
        _, atom, axes, _ = SIGN_ERRORS[geometry]
        positions[atom, axes] *= -1
    return Molecule.from_arrays(numbers, positions, name=geometry), LOOSE.get(geometry, (0, None))[1]


def relabellings(group: str, labels: list[str]) -> list[dict[str, str]]:
    """Ways to rename species that a different choice of axes allows."""
    if group in ("D2", "D2h"):
        return [
            {f"B{a}{p}": f"B{b}{p}" for a, b in zip((1, 2, 3), order, strict=True) for p in ("", "g", "u")}
            for order in permutations((1, 2, 3))
        ]
    swap = {f"B{a}{p}": f"B{b}{p}" for a, b in ((1, 2), (2, 1)) for p in ("", "g", "u")}
    return [{}, swap] if group in ("C2v", "C4v", "C6v", "D4h", "D6h", "D4", "D6", "D2d") else [{}]


COMPLETE = sorted((set(PLAIN) | set(DEUTERATED) | set(ISOTOPES)) - set(INCOMPLETE) - set(OTHER_CONFORMER))
