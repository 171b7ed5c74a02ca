"""Crystals with the species that the literature gives for them; structures by space group and Wyckoff coordinates.

Origin choice 1 and hexagonal axes throughout (those of ``Structure.from_spacegroup`` with a bare number). Coordinates
are rounded literature values: the counts depend on the Wyckoff positions only.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Crystal:
    """``optic``: the species of the optic modes after ``source``; acoustic modes that it includes are left out here."""

    name: str
    number: int
    cell: tuple[float, ...]
    sites: tuple[tuple[str, tuple[float, float, float]], ...]
    optic: str
    source: str

    def structure(self) -> Any:
        """The pymatgen Structure, the same object each time: copy it before you change it."""
        return _structure(self)


@cache
def _structure(crystal: Crystal) -> Any:
    from pymatgen.core import Lattice, Structure

    a, b, c, *angles = {
        1: lambda: (crystal.cell[0],) * 3 + (90, 90, 90),
        2: lambda: (crystal.cell[0], *crystal.cell, 90, 90, 120 if 143 <= crystal.number <= 194 else 90),
        3: lambda: (*crystal.cell, 90, 90, 90),
        4: lambda: (*crystal.cell[:3], 90, crystal.cell[3], 90),
    }[len(crystal.cell)]()
    lattice = Lattice.from_parameters(a, b, c, *angles)
    kinds, places = zip(*crystal.sites, strict=True)
    return Structure.from_spacegroup(crystal.number, lattice, list(kinds), [list(p) for p in places])


SECOND = "no citation: the counts as commonly quoted; the numerical second path of test_crystal.py confirms them"
HAND = "site tables of Rousseau, Bauman, Porto, J. Raman Spectrosc. 10, 253 (1981), summed by hand"

CRYSTALS = (
    Crystal("diamond", 227, (3.567,), (("C", (0, 0, 0)),), "T2g", "Yu, Cardona, Fundamentals of Semiconductors, ch. 3"),
    Crystal("NaCl", 225, (5.64,), (("Na", (0, 0, 0)), ("Cl", (0.5, 0.5, 0.5))), "T1u", HAND),
    Crystal("CsCl", 221, (4.12,), (("Cs", (0, 0, 0)), ("Cl", (0.5, 0.5, 0.5))), "T1u", HAND),
    Crystal("fluorite", 225, (5.46,), (("Ca", (0, 0, 0)), ("F", (0.25, 0.25, 0.25))), "T2g + T1u", HAND),
    Crystal(
        "zincblende", 216, (5.41,), (("Zn", (0, 0, 0)), ("S", (0.25, 0.25, 0.25))), "T2",
        "Yu, Cardona, Fundamentals of Semiconductors, ch. 3",
    ),
    Crystal(
        "wurtzite", 186, (3.81, 6.23), (("Zn", (1 / 3, 2 / 3, 0)), ("S", (1 / 3, 2 / 3, 0.375))), "A1 + 2B1 + E1 + 2E2",
        "Arguello, Rousseau, Porto, Phys. Rev. 181, 1351 (1969)",
    ),
    Crystal(
        "rutile", 136, (4.594, 2.959), (("Ti", (0, 0, 0)), ("O", (0.305, 0.305, 0))),
        "A1g + A2g + B1g + B2g + Eg + A2u + 2B1u + 3Eu", "Porto, Fleury, Damen, Phys. Rev. 154, 522 (1967)",
    ),
    Crystal(
        "anatase", 141, (3.785, 9.514), (("Ti", (0, 0, 0)), ("O", (0, 0, 0.208))),
        "A1g + 2B1g + 3Eg + A2u + B2u + 2Eu", "Ohsaka, Izumi, Fujiki, J. Raman Spectrosc. 7, 321 (1978)",
    ),
    Crystal(
        "calcite", 167, (4.99, 17.06), (("Ca", (0, 0, 0)), ("C", (0, 0, 0.25)), ("O", (0.257, 0, 0.25))),
        "A1g + 3A2g + 4Eg + 2A1u + 3A2u + 5Eu", "Porto, Giordmaine, Damen, Phys. Rev. 147, 608 (1966)",
    ),
    Crystal(
        "alpha-quartz", 154, (4.913, 5.405), (("Si", (0.47, 0, 2 / 3)), ("O", (0.413, 0.267, 0.786))),
        "4A1 + 4A2 + 8E", "Scott, Porto, Phys. Rev. 161, 903 (1967)",
    ),
    Crystal(
        "corundum", 167, (4.76, 12.99), (("Al", (0, 0, 0.352)), ("O", (0.306, 0, 0.25))),
        "2A1g + 3A2g + 5Eg + 2A1u + 2A2u + 4Eu", "Porto, Krishnan, J. Chem. Phys. 47, 1009 (1967)",
    ),
    Crystal(
        "cubic perovskite", 221, (4.0,), (("Ba", (0, 0, 0)), ("Ti", (0.5, 0.5, 0.5)), ("O", (0.5, 0.5, 0))),
        "3T1u + T2u", "DiDomenico, Wemple, Porto, Bauman, Phys. Rev. 174, 522 (1968)",
    ),
    Crystal(
        "tetragonal perovskite", 99, (3.99, 4.03),
        (("Ba", (0, 0, 0)), ("Ti", (0.5, 0.5, 0.515)), ("O", (0.5, 0.5, 0.975)), ("O", (0.5, 0, 0.485))),
        "3A1 + B1 + 4E", "DiDomenico, Wemple, Porto, Bauman, Phys. Rev. 174, 522 (1968)",
    ),
    Crystal(
        "spinel", 227, (8.08,), (("Mg", (0, 0, 0)), ("Al", (5 / 8, 5 / 8, 5 / 8)), ("O", (0.387, 0.387, 0.387))),
        "A1g + Eg + T1g + 3T2g + 2A2u + 2Eu + 4T1u + 2T2u",
        "White, DeAngelis, Spectrochim. Acta A 23, 985 (1967)",
    ),
    Crystal(
        "graphite", 194, (2.46, 6.71), (("C", (0, 0, 0.25)), ("C", (1 / 3, 2 / 3, 0.25))), "2B2g + 2E2g + A2u + E1u",
        "Tuinstra, Koenig, J. Chem. Phys. 53, 1126 (1970)",
    ),
    Crystal(
        "zircon", 141, (6.61, 5.98), (("Zr", (0, 0, 0)), ("Si", (0, 0, 0.5)), ("O", (0, 0.316, 0.320))),
        "2A1g + A2g + 4B1g + B2g + 5Eg + A1u + 3A2u + B1u + 2B2u + 4Eu",
        "Dawson, Hargreave, Wilkinson, J. Phys. C 4, 240 (1971)",
    ),
    Crystal(
        "barite", 62, (8.88, 5.46, 7.16),
        (
            ("Ba", (0.184, 0.25, 0.158)), ("S", (0.437, 0.75, 0.191)), ("O", (0.587, 0.75, 0.106)),
            ("O", (0.318, 0.75, 0.052)), ("O", (0.418, 0.974, 0.312)),
        ),
        "11Ag + 7B1g + 11B2g + 7B3g + 7Au + 10B1u + 6B2u + 10B3u", HAND,
    ),
    Crystal(
        "forsterite", 62, (10.2, 5.98, 4.76),
        (
            ("Mg", (0, 0, 0)), ("Mg", (0.277, 0.25, 0.992)), ("Si", (0.094, 0.25, 0.426)), ("O", (0.091, 0.25, 0.766)),
            ("O", (0.447, 0.25, 0.222)), ("O", (0.163, 0.033, 0.277)),
        ),
        "11Ag + 11B1g + 7B2g + 7B3g + 10Au + 9B1u + 13B2u + 13B3u",  # in Pbnm
        "Iishi, Am. Mineral. 63, 1198 (1978)",
    ),
    Crystal(
        "pyrope", 230, (11.46,),
        (("Mg", (1 / 8, 0, 1 / 4)), ("Al", (0, 0, 0)), ("Si", (3 / 8, 0, 1 / 4)), ("O", (0.033, 0.050, 0.653))),
        "3A1g + 5A2g + 8Eg + 14T1g + 14T2g + 5A1u + 5A2u + 10Eu + 17T1u + 16T2u",
        "Hofmeister, Chopelas, Phys. Chem. Miner. 17, 503 (1991)",
    ),
    Crystal(
        "fluorapatite", 176, (9.37, 6.88),
        (
            ("Ca", (1 / 3, 2 / 3, 0.001)), ("Ca", (0.993, 0.243, 0.25)), ("P", (0.369, 0.398, 0.25)),
            ("O", (0.485, 0.327, 0.25)), ("O", (0.467, 0.588, 0.25)), ("O", (0.257, 0.342, 0.07)), ("F", (0, 0, 0.25)),
        ),
        "12Ag + 9Bg + 8E1g + 13E2g + 8Au + 12Bu + 12E1u + 8E2u", SECOND,
    ),
    Crystal(
        "cuprite", 224, (4.27,), (("Cu", (0.25, 0.25, 0.25)), ("O", (0, 0, 0))), "T2g + A2u + Eu + 2T1u + T2u",
        "Dawson, Hargreave, Wilkinson, J. Phys. Chem. Solids 34, 2201 (1973)",
    ),
    Crystal(
        "pyrite", 205, (5.42,), (("Fe", (0, 0, 0)), ("S", (0.385, 0.385, 0.385))), "Ag + Eg + 3Tg + 2Au + 2Eu + 5Tu",
        "Vogt, Chattopadhyay, Stolz, J. Phys. Chem. Solids 44, 869 (1983)",
    ),
    Crystal(
        "scheelite", 88, (5.24, 11.37), (("Ca", (0, 0, 0.5)), ("W", (0, 0, 0)), ("O", (0.241, 0.151, 0.086))),
        "3Ag + 5Bg + 5Eg + 4Au + 3Bu + 4Eu", "Porto, Scott, Phys. Rev. 157, 716 (1967)",
    ),
    Crystal(
        "lithium niobate", 161, (5.15, 13.86),
        (("Li", (0, 0, 0.28)), ("Nb", (0, 0, 0)), ("O", (0.049, 0.345, 0.065))),
        "4A1 + 5A2 + 9E", "Schaufele, Weber, Phys. Rev. 152, 705 (1966)",
    ),
    Crystal(
        "2H-MoS2", 194, (3.16, 12.29), (("Mo", (1 / 3, 2 / 3, 0.25)), ("S", (1 / 3, 2 / 3, 0.621))),
        "A1g + 2B2g + E1g + 2E2g + A2u + B1u + E1u + E2u", "Verble, Wieting, Phys. Rev. Lett. 25, 362 (1970)",
    ),
    Crystal(
        "tellurium", 152, (4.46, 5.93), (("Te", (0.263, 0, 1 / 3)),), "A1 + A2 + 2E",
        "Pine, Dresselhaus, Phys. Rev. B 4, 356 (1971)",
    ),
    Crystal(
        "orthorhombic LaMnO3", 62, (5.75, 7.69, 5.54),
        (("La", (0.549, 0.25, 0.01)), ("Mn", (0, 0, 0)), ("O", (-0.014, 0.25, -0.07)), ("O", (0.309, 0.039, 0.224))),
        "7Ag + 5B1g + 7B2g + 5B3g + 8Au + 9B1u + 7B2u + 9B3u",
        "Iliev et al., Phys. Rev. B 57, 2872 (1998)",
    ),
    Crystal("magnesium", 194, (3.21, 5.21), (("Mg", (1 / 3, 2 / 3, 0.25)),), "B2g + E2g", HAND),
    Crystal("copper", 225, (3.61,), (("Cu", (0, 0, 0)),), "0", HAND),
)  # fmt: skip
BY_NAME = {crystal.name: crystal for crystal in CRYSTALS}
