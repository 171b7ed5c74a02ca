"""Class of a mineral from its formula, by a rule of composition that is stated and can be checked.

The classes are those of Dana and Strunz as far as composition alone gives them. Where the systems differ this says:
silica (SiO2) is a silicate (Dana), chromates, molybdates and tungstates stand with the sulfates (both), arsenites,
selenites, tellurites and iodates with the oxides (Strunz), oxyhalides with the halides (Strunz), alloys, carbides and
phosphides with the native elements (Strunz). Structure is not looked at.
"""

import re

__all__ = ["CLASSES", "formula_counts", "mineral_class"]

CLASSES = (
    "silicate",
    "carbonate",
    "sulfate",
    "phosphate",
    "borate",
    "oxide",
    "sulfide",
    "halide",
    "native",
    "other",
)
Counts = dict[str, float]
_HALOGENS = ("F", "Cl", "Br", "I")
_SULFUR_LIKE = ("S", "Se", "Te", "As", "Sb", "Bi")
# Classes of oxygen compounds in the order in which ties are broken, with their central atoms.
_CENTRES = {
    "silicate": ("Si",),
    "phosphate": ("P", "As", "V"),
    "sulfate": ("S", "Cr", "Mo", "W"),
    "carbonate": ("C", "N"),
    "borate": ("B",),
}
# Oxygen atoms that an atom in such an anion has at least; shared ones count for less, so these are lower bounds.
_OXYGEN_FOR = {
    "Si": 1.25,
    "P": 3.0,
    "As": 3.5,
    "V": 2.5,
    "S": 3.0,
    "Cr": 4.0,
    "Mo": 4.0,
    "W": 4.0,
    "C": 3.0,
    "N": 3.0,
    "B": 1.5,
}
_IODATE = re.compile(r"IO_[34]_")
_TOKEN = re.compile(r"\^[^^]*\^|_([^_]*)_|([A-Z][a-z]?)|([(\[{])|([)\]}])|(,)|(\d+(?:\.\d+)?)|.")
_NUMBER = re.compile(r"\d*\.?\d+")
_VACANCY = re.compile(r"\[\s*box\s*\]|□", re.IGNORECASE)


def formula_counts(formula: str) -> dict[str, float]:
    """Atoms of each element in a formula as RRUFF writes it, water of crystallisation left out.

    Subscripts stand between underscores, charges between carets; of a range ("4.5-2.5") the mean is taken, elements in
    a bracket with commas share it evenly, "n" and "x" count as 1, "[box]" is a vacancy.

    Examples
    --------
    >>> formula_counts("Ca_2_(Mg,Fe^2+^)_5_Si_8_O_22_(OH)_2_")
    {'Ca': 2.0, 'Mg': 2.5, 'Fe': 2.5, 'Si': 8.0, 'O': 24.0, 'H': 2.0}
    >>> formula_counts("CaSO_4_·2H_2_O")
    {'Ca': 1.0, 'S': 1.0, 'O': 4.0}
    """
    total: Counts = {}
    for part in re.split(r"[·•*]", _VACANCY.sub("", formula)):
        counts = _counts(part.strip())
        if set(counts) != {"H", "O"} or not total:
            _add(total, counts)
    return {element: n for element, n in total.items() if n > 0}


def _add(total: Counts, more: Counts, times: float = 1.0) -> None:
    for name, n in more.items():
        total[name] = total.get(name, 0.0) + n * times


def _counts(text: str) -> Counts:
    """Atoms of one formula without water."""
    stack: list[list[Counts]] = [[{}]]  # for each open bracket, its alternatives
    last: Counts = {}
    for subscript, element, opened, closed, comma, number in _TOKEN.findall(text):
        if element:
            last = {element: 1.0}
            _add(stack[-1][-1], last)
        elif opened:
            stack.append([{}])
        elif closed and len(stack) > 1:
            last = _shared(stack.pop())
            _add(stack[-1][-1], last)
        elif comma and len(stack) > 1:
            stack[-1].append({})
        elif (subscript or number) and last:
            _add(stack[-1][-1], last, _amount(subscript or number) - 1.0)
            last = {}
    while len(stack) > 1:  # a bracket that is not closed
        _add(stack[-2][-1], _shared(stack.pop()))
    return stack[0][0]


def _shared(alternatives: list[Counts]) -> Counts:
    filled = [a for a in alternatives if a]
    total: Counts = {}
    for alternative in filled:
        _add(total, alternative, 1.0 / len(filled))
    return total


def _amount(subscript: str) -> float:
    """The number of a subscript: the mean of a range, after "Σ=" where that stands; 1 where it is a letter."""
    text = subscript.split("=")[-1]
    numbers = [float(n) for n in _NUMBER.findall(text.replace("–", "-").replace("-", " "))]
    return sum(numbers) / len(numbers) if numbers else 1.0


def mineral_class(formula: str) -> str:
    """The class of a mineral by composition, one of `CLASSES`.

    Without oxygen: S, Se, Te, As, Sb or Bi beside another element make a sulfide, carbon and hydrogen "other", a
    halogen a halide; all else is native. With oxygen: an organic compound (less than 2.5 oxygen atoms to each
    carbon, or C, H and N with two carbons or more) is "other"; sulfur with less than two oxygen atoms to each is a
    sulfide (not in silicates). Then the class with most central atoms (Si; P, As, V; S, Cr, Mo, W; C and the N of
    nitrates; B), where the oxygen suffices for them (`_OXYGEN_FOR`); ties in the order silicate, phosphate,
    sulfate, carbonate, borate. Without any: a halide where there is a halogen (not of an iodate) to five oxygen
    atoms or fewer, else an oxide. No formula: "other".

    Examples
    --------
    >>> [mineral_class(f) for f in ("CaCO_3_", "SiO_2_", "FeS_2_", "Fe_2_O_3_", "NaCl", "Ca_5_(PO_4_)_3_F")]
    ['carbonate', 'silicate', 'sulfide', 'oxide', 'halide', 'phosphate']
    """
    counts = formula_counts(formula)
    oxygen = counts.get("O", 0.0)
    halogen = any(name in counts for name in _HALOGENS)
    if not counts:
        return "other"
    if not oxygen:
        return _without_oxygen(counts, halogen)
    carbon = counts.get("C", 0.0)
    if carbon and (oxygen < 2.5 * carbon or ("H" in counts and "N" in counts and carbon > 1)):
        return "other"
    sulfur = counts.get("S", 0.0)
    if sulfur and oxygen < 2.0 * sulfur and "Si" not in counts:
        return "sulfide"
    best = _main_centre(counts, oxygen, "NO_3_" in formula)
    if best:
        return best
    halogens = 0.0 if _IODATE.search(formula) else sum(counts.get(name, 0.0) for name in _HALOGENS)
    return "halide" if halogens >= oxygen / 5.0 else "oxide"


def _without_oxygen(counts: dict[str, float], halogen: bool) -> str:
    if len(counts) > 1 and any(name in counts for name in _SULFUR_LIKE):
        return "sulfide"
    if "C" in counts and "H" in counts:
        return "other"
    return "halide" if halogen else "native"


def _main_centre(counts: dict[str, float], oxygen: float, nitrate: bool) -> str:
    """The class with the most central atoms that the oxygen suffices for; "" for none."""
    amounts = {
        name: sum(
            counts.get(atom, 0.0)
            for atom in centres
            if oxygen >= _OXYGEN_FOR[atom] * counts.get(atom, 0.0) and (atom != "N" or nitrate)
        )
        for name, centres in _CENTRES.items()
    }
    name = max(amounts, key=lambda key: amounts[key])
    return name if amounts[name] > 0 else ""
