"""What a certificate file holds: names, types and ranges of its fields, and its statement in words."""

from collections.abc import Mapping
from math import comb
from typing import Any

from ..errors import CertificateError

__all__ = ["SCHEMA", "SIZE_LIMIT", "VERSION", "checked_content", "counting_bound_of", "statement_of"]

SCHEMA = "symvib rank certificate"
VERSION = 1
SIZE_LIMIT = 64_000_000  # bytes
_MOST_ATOMS = 2000
_MOST_PARAMETERS = 100_000
_LARGEST_BLOCK = 1000
_LONGEST_TEXT = 20_000
_OBSERVABLES = ("freq", "ir", "raman", "rho")
_TOP = {
    "schema",
    "version",
    "statement",
    "molecule",
    "point_group",
    "force_field",
    "observables",
    "derivatives",
    "problem",
    "prime",
    "point",
    "rank",
    "pivot_rows",
    "pivot_columns",
}
_BLOCK = {"label", "degeneracy", "complex", "size", "visible", "k", "factors", "reach"}


def _fail(what: str) -> None:
    raise CertificateError(f"certificate: {what}.")


def _fields(value: Any, names: set[str], where: str) -> None:
    if not isinstance(value, Mapping) or set(value) != names:
        got = sorted(map(str, value)) if isinstance(value, Mapping) else type(value).__name__
        _fail(f"{where} has {got}; the fields {sorted(names)} are needed")


def _integer(value: Any, low: int, high: int, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        _fail(f"{where} is {str(value)[:40]!r}; an integer from {low} to {high} is needed")
    return value


def _list(value: Any, length: int | None, where: str) -> list[Any]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        got = f"{len(value)} items" if isinstance(value, list) else type(value).__name__
        _fail(f"{where} is {got}; a list{'' if length is None else f' of {length}'} is needed")
    return value


def _text(value: Any, where: str) -> None:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        _fail(f"{where} is not a text of at most {_LONGEST_TEXT} letters")


def _number(value: Any, where: str) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e9:
        _fail(f"{where} is {str(value)[:40]!r}; a finite number is needed")


def _masses(value: Any, atoms: int, where: str) -> None:
    for mass in _list(value, atoms, where):
        _number(mass, where)
        if mass <= 0:
            _fail(f"{where} holds {mass}; masses are positive")


def checked_content(content: Mapping[str, Any]) -> None:
    """Refuse a certificate with fields missing, unknown, of a wrong type or out of range.

    Raises
    ------
    CertificateError
    """
    _fields(content, _TOP, "the file")
    if content["schema"] != SCHEMA or content["version"] != VERSION:
        _fail(f"schema {content['schema']!r}, version {content['version']!r}; {SCHEMA!r}, {VERSION} are read")
    for name in ("statement", "point_group", "force_field", "derivatives"):
        _text(content[name], name)
    factors = _factors(content["observables"])
    molecule = content["molecule"]
    _fields(molecule, {"formula", "numbers", "positions_angstrom", "masses_u"}, "molecule")
    _text(molecule["formula"], "formula")
    atoms = len(_list(molecule["numbers"], None, "numbers"))
    _integer(atoms, 2, _MOST_ATOMS, "the number of atoms")
    for z in molecule["numbers"]:
        _integer(z, 1, 200, "an atomic number")
    for position in _list(molecule["positions_angstrom"], atoms, "positions_angstrom"):
        for x in _list(position, 3, "a position"):
            _number(x, "a coordinate")
    _masses(molecule["masses_u"], atoms, "masses_u")
    count = _check_problem(content["problem"])
    names = {name for block in content["problem"]["blocks"] for name in block["factors"]}
    if not names <= factors:
        _fail(f"intensities {sorted(names - factors)} do not belong to the observables {content['observables']}")
    rows = sum(_moments(block) for block in content["problem"]["blocks"])
    prime = _integer(content["prime"], 2**20, 2**31, "prime")
    for x in _list(content["point"], count, "point"):
        _integer(x, 0, prime - 1, "a coordinate of the point")
    rank = _integer(content["rank"], 0, min(rows, count), "rank")
    for name, most in (("pivot_rows", rows), ("pivot_columns", count)):
        pivots = _list(content[name], rank, name)
        for place in pivots:
            _integer(place, 0, most - 1, name)
        if len(set(pivots)) != rank:
            _fail(f"{name} holds a place twice")


def _factors(observables: Any) -> set[str]:
    """Names of the intensities that these observables are."""
    given = [str(name) for name in _list(observables, None, "observables")]
    if [name for name in _OBSERVABLES if name in given] != given or "freq" not in given:
        _fail(f"observables {given[:9]}: freq and some of {', '.join(_OBSERVABLES[1:])} are known, in this order")
    raman = {"raman_isotropic", "raman_anisotropic"} if "rho" in given else {"raman"} if "raman" in given else set()
    return raman | ({"ir"} if "ir" in given else set())


def _check_problem(problem: Any) -> int:
    _fields(problem, {"n_parameters", "n_constants", "denominator", "entries", "blocks"}, "problem")
    count = _integer(problem["n_parameters"], 1, _MOST_PARAMETERS, "n_parameters")
    _integer(problem["n_constants"], count, 10 * _MOST_PARAMETERS, "n_constants")
    _integer(problem["denominator"], 1, 10**40, "denominator")
    blocks = _list(problem["blocks"], None, "blocks")
    width = 0
    for block in blocks:
        width = max(width, _check_block(block, problem["entries"] is not None, count))
    labels = [block["label"] for block in blocks]
    if not labels or len(set(labels)) != len(labels):
        _fail(f"blocks are named {labels[:9]}: one or more with different names are needed")
    if problem["entries"] is None:
        reach = [block["reach"] is not None for block in blocks]
        general = sum(_entries(block) for block in blocks)
        if any(reach) != all(reach) or (not any(reach) and general != count):
            _fail(f"the general model of these blocks has {general} unknowns, not {count}")
        return count
    for entry in _list(problem["entries"], None, "entries"):
        p, i, j, value = _list(entry, 4, "an entry")
        _integer(p, 0, count - 1, "the parameter of an entry")
        _integer(i, 0, width - 1, "the row of an entry")
        _integer(j, 0, width - 1, "the column of an entry")
        _integer(value, -(10**40), 10**40, "an entry")
    return count


def _check_block(block: Any, sparse: bool, count: int) -> int:
    _fields(block, _BLOCK, "a block")
    _text(block["label"], "the label of a block")
    where = f"block {block['label'][:40]!r}"
    _integer(block["degeneracy"], 1, 5, f"{where}: degeneracy")
    size = _integer(block["size"], 1, _LARGEST_BLOCK, f"{where}: size")
    for name in ("complex", "visible"):
        if not isinstance(block[name], bool):
            _fail(f"{where}: {name} is not true or false")
    if block["complex"] and block["degeneracy"] != 2:
        _fail(f"{where}: complex-conjugate pairs have degeneracy 2")
    terms = _list(block["k"], None, f"{where}: k")
    if sparse != bool(terms) or (sparse and block["reach"] is not None):
        _fail(f"{where}: either entries and k, or neither")
    widths = {_check_matrix(k, size, None, block["complex"], f"{where}: k") for k in terms}
    if len(widths) > 1:
        _fail(f"{where}: matrices k of widths {sorted(widths)}")
    if not isinstance(block["factors"], Mapping) or len(block["factors"]) > 20:
        _fail(f"{where}: factors is not a short mapping")
    for name, factor in block["factors"].items():
        _check_matrix(factor, size, None, block["complex"], f"{where}: {name[:40]}")
    if block["reach"] is not None:
        _check_matrix(block["reach"], _entries(block), count, False, f"{where}: reach")
    return max(widths, default=0)


def _check_matrix(matrix: Any, height: int, width: int | None, is_complex: bool, where: str) -> int:
    _fields(matrix, {"denominator", "real", "imag"}, where)
    _integer(matrix["denominator"], 1, 10**40, f"{where}: denominator")
    if matrix["imag"] is not None and not is_complex:
        _fail(f"{where}: imaginary parts in a real block")
    for part in (matrix["real"], matrix["imag"]):
        if part is None and part is not matrix["real"]:
            continue
        for row in _list(part, height, where):
            width = len(_list(row, width, f"a row of {where}"))
            for value in row:
                if type(value) is not int or abs(value) > 10**40:
                    _fail(f"{where} holds {str(value)[:40]!r}; integers are needed")
    if not width:
        _fail(f"{where} has no column")
    assert width is not None
    return width


def _entries(block: Mapping[str, Any]) -> int:
    n = block["size"]
    return n * n if block["complex"] else n * (n + 1) // 2


def _moments(block: Mapping[str, Any]) -> int:
    n = block["size"]
    return n + len(block["factors"]) * (n - 1) if block["visible"] else 0


def counting_bound_of(problem: Mapping[str, Any]) -> int:
    """Most that the spectra can determine: the counting rule of every block, and the number of unknowns.

    Of a block of size n with s intensities: n frequencies and s (n - 1), as sum_k I_k does not depend on F; for t
    intensities of rank one (not of complex blocks) t(t-1)/2 fewer; never more than it has entries.
    """
    total = 0
    for block in problem["blocks"]:
        if block["visible"]:
            n, ranks = block["size"], [len(q["real"][0]) for q in block["factors"].values()]
            relations = 0 if block["complex"] else comb(min(n, ranks.count(1)), 2)
            total += min(_entries(block), n + len(ranks) * (n - 1) - relations)
    return min(problem["n_parameters"], total)


def statement_of(content: Mapping[str, Any]) -> str:
    """What the certificate proves and what it does not, in words, from its other fields."""
    problem, rank = content["problem"], content["rank"]
    unknowns, bound = problem["n_parameters"], counting_bound_of(problem)
    combinations = (
        "" if problem["n_constants"] == unknowns else f" ({problem['n_constants']} constants act through them)"
    )
    data = ", ".join(content["observables"])
    proved = (
        f"PROVED for the rational model in this file (made for {content['molecule']['formula']}, force field "
        f"{content['force_field']}, {unknowns} unknowns{combinations}; data: {data}): at almost every force field of "
        f"the model the data determine locally at least {rank} independent combinations of the unknowns, because a "
        f"minor of order {rank} of the Jacobian of the moments is not zero modulo {content['prime']} at the point "
        "given. "
    )
    if rank == bound:
        proved += (
            f"The counting rule (sum rules of the intensities, number of unknowns) allows no more than {bound}: the "
            "generic rank is exactly that. "
        )
    else:
        proved += f"The counting rule allows up to {bound}: this file says nothing about the difference. "
    if rank == unknowns:
        proved += "So all unknowns are determined locally at almost every force field. "
    elif rank == bound:
        proved += f"So {unknowns - rank} combinations of the unknowns stay undetermined at almost every force field. "
    return proved + (
        "NOT PROVED: that the coefficients, rounded from floating-point numbers (derivatives of dipole moment and "
        f"polarizability: {content['derivatives']}), are those of the molecule; that a dependence between constants "
        "was not lost or made by rounding; anything about exceptional force fields, about other solutions far away, "
        "about noise, or about unassigned lines."
    )
