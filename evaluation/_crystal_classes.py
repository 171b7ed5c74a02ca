"""Crystal class, crystal system and inversion centre from a Hermann-Mauguin symbol of a space group, in any setting.

The class is what remains when the lattice letter is dropped, screw axes become rotations and glide planes become
mirrors (International Tables for Crystallography A, 2.1.3.4). Nothing is looked up, so unusual settings (I2mb, C-1,
F2/d) are read as well; a test compares all 530 settings of spglib.
"""

import re

__all__ = ["centrosymmetric", "crystal_class_of", "crystal_system"]

_ELEMENT = re.compile(r"(-?[12346])(?:_[1-5])?(/[abcdenm])?|([abcdenm])")
_SYSTEMS = {
    "triclinic": ("1", "-1"),
    "monoclinic": ("2", "m", "2/m"),
    "orthorhombic": ("222", "mm2", "mmm"),
    "tetragonal": ("4", "-4", "4/m", "422", "4mm", "-42m", "4/mmm"),
    "trigonal": ("3", "-3", "32", "3m", "-3m"),
    "hexagonal": ("6", "-6", "6/m", "622", "6mm", "-6m2", "6/mmm"),
    "cubic": ("23", "m-3", "432", "-43m", "m-3m"),
}
_SYSTEM_OF = {name: system for system, names in _SYSTEMS.items() for name in names}
_CENTRED = frozenset({"-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3", "m-3m"})
# Other spellings of a class: axes named in another order, axes of order 1 written out, full and old symbols.
_SPELLINGS = {
    **{name: name for name in _SYSTEM_OF},
    **{f"1{name}1": name for name in ("2", "m", "2/m")},
    **{f"11{name}": name for name in ("2", "m", "2/m")},
    **{f"{name}11": name for name in ("2", "m", "2/m")},
    "m2m": "mm2",
    "2mm": "mm2",
    "2/m2/m2/m": "mmm",
    "-4m2": "-42m",
    "4/m2/m2/m": "4/mmm",
    "4/m2/mm": "4/mmm",
    "321": "32",
    "312": "32",
    "3m1": "3m",
    "31m": "3m",
    "-3m1": "-3m",
    "-31m": "-3m",
    "-32/m": "-3m",
    "-32/m1": "-3m",
    "-312/m": "-3m",
    "-62m": "-6m2",
    "6/m2/m2/m": "6/mmm",
    "m3": "m-3",
    "2/m-3": "m-3",
    "m3m": "m-3m",
    "4/m-32/m": "m-3m",
}


def crystal_class_of(symbol: str) -> str | None:
    """The crystal class of a space group, "m-3m" say; None where the symbol is not understood.

    Parameters
    ----------
    symbol : str
        Hermann-Mauguin, lattice letter first, screw axes with an underscore: "P2_1/c", "Fd3m", "R-32/c".

    Examples
    --------
    >>> crystal_class_of("I4_1/amd"), crystal_class_of("Pbnm"), crystal_class_of("I2mb"), crystal_class_of("P31c")
    ('4/mmm', 'mmm', 'mm2', '3m')
    >>> crystal_class_of("quartz") is None
    True
    """
    bare = re.sub(r"\s+|[:*].*$", "", symbol)
    if not bare or bare[0] not in "PABCIFRH":
        return None
    rest, found = bare[1:], ""
    while rest:
        element = _ELEMENT.match(rest)
        if element is None:
            return None
        axis, perpendicular, plane = element.groups()
        found += "m" if plane else axis + ("/m" if perpendicular else "")
        rest = rest[element.end() :]
    return _SPELLINGS.get(found)


def centrosymmetric(symbol: str) -> bool | None:
    """Whether a space group has an inversion centre; None where the symbol is not understood.

    Examples
    --------
    >>> centrosymmetric("R-3c"), centrosymmetric("P3_221"), centrosymmetric("P-42_1m")
    (True, False, False)
    """
    found = crystal_class_of(symbol)
    return None if found is None else found in _CENTRED


def crystal_system(symbol: str) -> str | None:
    """The crystal system of a space group, "monoclinic" say; None where the symbol is not understood.

    Examples
    --------
    >>> crystal_system("P-42_1m"), crystal_system("R-3m")
    ('tetragonal', 'trigonal')
    """
    found = crystal_class_of(symbol)
    return None if found is None else _SYSTEM_OF[found]
