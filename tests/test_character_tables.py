"""Character tables: every theorem for every group, and textbook values for named groups."""

import copy
import json
import pickle
from functools import lru_cache

import numpy as np
import pytest
from flint import fmpz_poly

from symvib.errors import PointGroupError
from symvib.groups.character_table import CharacterTable, character_table
from symvib.groups.cyclotomic import Cyclotomic
from symvib.groups.operations import multiplication_table
from symvib.groups.schoenflies import PointGroup

GROUPS = [
    *(f"C{n}" for n in range(1, 31)),
    *(f"C{n}v" for n in range(2, 31)),
    *(f"C{n}h" for n in range(2, 31)),
    *(f"D{n}" for n in range(2, 31)),
    *(f"D{n}h" for n in range(2, 31)),
    *(f"D{n}d" for n in range(2, 31)),
    *(f"S{n}" for n in range(4, 61, 2)),
    *("Cs", "Ci", "T", "Td", "Th", "O", "Oh", "I", "Ih"),
]
every_group = pytest.mark.parametrize("label", GROUPS)


def finite(label, form="complex") -> CharacterTable:
    table = character_table(label, form)
    assert isinstance(table, CharacterTable)
    return table


class PowerBasis:
    """Characters as integer vectors in the basis 1, zeta, zeta^2, ... of Q(zeta_e); products stay exact.

    Integers are held in float64 for fast matrix products; all stay far below 2^53, where they are exact.
    """

    def __init__(self, table: CharacterTable) -> None:
        self.exponent = int(np.lcm.reduce([c.order for c in table.classes]))
        modulus = [int(c) for c in fmpz_poly.cyclotomic(self.exponent).coeffs()]
        self.degree = len(modulus) - 1
        self.vectors = self._vectors(table.characters)
        self.conjugates = self._vectors(np.vectorize(Cyclotomic.conjugate, otypes=[object])(table.characters))
        rows = np.zeros((2 * self.degree - 1, self.degree))
        row = np.zeros(self.degree)
        row[0] = 1
        for k in range(len(rows)):  # rows[k] is zeta^k in the basis
            rows[k] = row
            carry, row = row[-1], np.roll(row, 1)
            row[0] = 0
            row -= carry * np.array(modulus[:-1])
        self.reduction = rows

    def _vectors(self, characters):
        known = {}
        result = np.zeros((*characters.shape, self.degree))
        for place, value in np.ndenumerate(characters):
            if value not in known:
                coefficients = value.coefficients(self.exponent)
                assert all(c.denominator == 1 for c in coefficients)
                known[value] = [int(c) for c in coefficients]
            result[place] = known[value]
        return result

    def reduce(self, products):
        """Sum over a+b = k of products[..., a, b], reduced: (..., degree)."""
        d = self.degree
        total = np.zeros((*products.shape[:-2], 2 * d - 1))
        for a in range(d):
            total[..., a : a + d] += products[..., a, :]
        assert np.abs(total).max() < 2**50
        return total @ self.reduction


@lru_cache(maxsize=2)
def power_basis(label):
    return PowerBasis(finite(label))


def assert_is_multiple_of_identity(found, diagonal):
    expected = np.zeros_like(found)
    index = np.arange(len(diagonal))
    expected[index, index, 0] = diagonal
    assert np.array_equal(found, expected)


@every_group
def test_sums_and_counts(label):
    table = finite(label)
    h = table.point_group.order
    assert sum(irrep.dimension**2 for irrep in table.irreps) == h
    assert len(table.irreps) == len(table.classes)
    assert sum(c.size for c in table.classes) == h
    assert all(h % c.size == 0 for c in table.classes)
    assert sorted(g for c in table.classes for g in c.indices) == list(range(h))
    assert table.classes[0].label == "E"
    assert all(x == 1 for x in table.characters[0])
    assert [int(x) for x in table.characters[:, 0]] == [irrep.dimension for irrep in table.irreps]


@every_group
def test_labels_are_unique(label):
    table = finite(label)
    assert len(set(table.labels)) == len(table.irreps)
    assert len({c.label for c in table.classes}) == len(table.classes)
    assert len({tuple(row) for row in table.characters}) == len(table.irreps)


@every_group
def test_rows_are_orthogonal(label):
    table, basis = finite(label), power_basis(label)
    n, d = len(table.irreps), basis.degree
    weighted = basis.vectors * table.class_sizes[None, :, None]
    left = weighted.transpose(0, 2, 1).reshape(n * d, -1)
    right = basis.conjugates.transpose(1, 0, 2).reshape(-1, n * d)
    products = (left @ right).reshape(n, d, n, d).transpose(0, 2, 1, 3)
    assert_is_multiple_of_identity(basis.reduce(products), [table.order] * n)


@every_group
def test_columns_are_orthogonal(label):
    table, basis = finite(label), power_basis(label)
    n, d = len(table.classes), basis.degree
    left = basis.vectors.transpose(1, 2, 0).reshape(n * d, -1)
    right = basis.conjugates.reshape(-1, n * d)
    products = (left @ right).reshape(n, d, n, d).transpose(0, 2, 1, 3)
    assert_is_multiple_of_identity(basis.reduce(products), [table.order // c.size for c in table.classes])


@every_group
def test_products_of_irreps_are_sums_of_irreps(label):
    """Multiplicities are read from floats, then proved: sum_k N_ijk chi_k = chi_i chi_j in exact integers."""
    table, basis = finite(label), power_basis(label)
    n, d = len(table.irreps), basis.degree
    values = np.asarray(table.to_numpy(), dtype=complex)
    projector = (values.conj() * table.class_sizes / table.order).T
    for i in range(n):
        raw = (values[i] * values) @ projector
        counts = np.rint(raw.real)
        assert np.abs(raw - counts).max() < 1e-9
        assert counts.min() >= 0
        sums = (counts @ basis.vectors.reshape(n, -1)).reshape(n, -1, d)
        products = basis.vectors[i][None, :, :, None] * basis.vectors[:, :, None, :]
        assert np.array_equal(sums, basis.reduce(products))


@every_group
def test_power_map_and_galois_conjugates(label):
    """chi(g^k) is the Galois conjugate of chi(g) for k coprime to the exponent; -1 gives the inverse class."""
    table = finite(label)
    exponent = table.modular.exponent
    for k in (exponent - 1, next(k for k in range(2, 3 * exponent + 3) if np.gcd(k, exponent) == 1)):
        image = np.vectorize(lambda x, k=k: x.galois(k), otypes=[object])(table.characters)
        assert np.array_equal(table.characters[:, list(table.power_map(k))], image)
    cayley = multiplication_table(table.point_group.matrices)
    class_of = {g: c for c, members in enumerate(table.classes) for g in members.indices}
    squares = table.power_map(2)
    assert all(class_of[int(cayley[g, g])] == squares[c] for g, c in class_of.items())


@every_group
def test_parity_marks(label):
    table = finite(label)
    group = table.point_group
    primes = group.label == "Cs" or (group.family in ("Cnh", "Dnh") and group.n % 2 == 1)
    for irrep in table.irreps:
        assert (irrep.label[-1] in "gu") == group.has_inversion
        assert ("'" in irrep.label) == primes
    if group.has_inversion:
        at_inversion = [c.label for c in table.classes].index("i")
        for irrep, value in zip(table.irreps, table.characters[:, at_inversion], strict=True):
            assert value == irrep.dimension * (1 if irrep.label.endswith("g") else -1)


@every_group
def test_complex_pairs_and_real_form(label):
    table, real = finite(label), finite(label, "real")
    for irrep in table.irreps:
        conjugate = tuple(x.conjugate() for x in table.row(irrep.label))
        assert table.row(irrep.partner) == conjugate
        assert (irrep.reality == "real") == all(x.is_real for x in table.row(irrep.label))
        assert (irrep.label[0] in "12") == (irrep.reality == "complex")
    assert all(x.is_real for x in real.characters.ravel())
    assert real.labels == table.real_labels
    assert sum(i.dimension**2 // (2 if i.reality == "complex" else 1) for i in real.irreps) == table.order
    for irrep in real.irreps:
        members = [i.label for i in table.irreps if i.real_label == irrep.label]
        total = [sum(column, Cyclotomic(0)) for column in zip(*map(table.row, members), strict=True)]
        assert list(real.row(irrep.label)) == total


@every_group
def test_first_of_a_pair_has_the_positive_phase(label):
    table = finite(label)
    if not any(irrep.label.startswith("1") for irrep in table.irreps):
        assert table.point_group.family not in ("Th", "T")
        return
    group = table.point_group
    by_symbol = {c.symbol: i for i, c in enumerate(table.classes)}
    n = {"T": 3, "Th": 3}.get(group.family, group.n)
    symbol = f"C{n}"
    if group.family == "Sn":
        symbol, n = (f"S{n}", n) if n % 4 == 0 else (f"C{n // 2}", n // 2)
    for irrep in table.irreps:
        if irrep.label.startswith("1"):
            digits = "".join(c for c in irrep.label[2:] if c.isdigit())
            assert table.row(irrep.label)[by_symbol[symbol]] == Cyclotomic.zeta(n, int(digits or 1))


def polynomial_characters(table: CharacterTable):
    """Characters of the polynomials of degree 1, 2, 3 and of the rotations, by eigenvalues of the matrices."""
    result = {"linear": [], "rotational": [], "quadratic": [], "cubic": []}
    for c in table.classes:
        m = table.point_group.operations[c.indices[0]].matrix
        t1, t2, t3 = np.trace(m), np.trace(m @ m), np.trace(m @ m @ m)
        result["linear"].append(t1)
        result["rotational"].append(np.linalg.det(m) * t1)
        result["quadratic"].append((t1**2 + t2) / 2)
        result["cubic"].append((t1**3 + 3 * t1 * t2 + 2 * t3) / 6)
    return result


@every_group
def test_functions_are_as_many_as_the_characters_say(label):
    real = finite(label, "real")
    functions = real.functions
    assert tuple(functions) == real.labels
    for kind, characters in polynomial_characters(real).items():
        total = 0
        for irrep, row in zip(real.irreps, real.to_numpy(), strict=True):
            norm = 2 if irrep.reality == "complex" else 1
            expected = float(row @ (np.array(characters) * real.class_sizes)) / real.order / norm
            found = getattr(functions[irrep.label], kind)
            assert len(found) == pytest.approx(expected, abs=1e-9), (irrep.label, kind)
            total += len(found) * irrep.dimension
        assert total == {"linear": 3, "rotational": 3, "quadratic": 6, "cubic": 10}[kind]


@every_group
def test_every_presentation_is_made(label):
    table = finite(label)
    text = table.text()
    assert all(irrep.label in text for irrep in table.irreps)
    json.dumps(table.as_dict())
    assert table.html().count("<tr>") == len(table.irreps) + 1
    assert table.latex().count(r"\\") >= len(table.irreps) + 1
    assert len(table.markdown().splitlines()) >= len(table.irreps) + 2


# -------------------------------------------------------------------------- traps that other programs fell into


def test_d15h_has_primes_and_no_g_or_u():
    labels = finite("D15h").labels
    assert labels[:4] == ("A1'", "A2'", "E1'", "E2'")
    assert "E7''" in labels
    assert not any(label[-1] in "gu" for label in labels)


def test_ih_is_the_textbook_table():
    """A published program prints +1/2 where -1 belongs."""
    table = finite("Ih")
    golden = (Cyclotomic(1) + (1 + 2 * (Cyclotomic.zeta(5) + Cyclotomic.zeta(5, 4)))) / 2
    other = 1 - golden
    assert golden * golden == golden + 1
    assert float(golden) == pytest.approx((1 + 5**0.5) / 2)
    assert [c.label for c in table.classes][:5] == ["E", "12C5", "12C5^2", "20C3", "15C2"]
    assert [c.label for c in table.classes][5:] == ["i", "12S10", "12S10^3", "20S6", "15sigma"]
    half = {
        "A": [1, 1, 1, 1, 1],
        "T1": [3, golden, other, 0, -1],
        "T2": [3, other, golden, 0, -1],
        "G": [4, -1, -1, 1, 0],
        "H": [5, 0, 0, -1, 1],
    }
    # i C5 = S10^7 (in the class of S10^3) and i C5^2 = S10^9 (in that of S10): Cotton's order swaps the two.
    for letter, row in half.items():
        swapped = [row[0], row[2], row[1], row[3], row[4]]
        assert list(table.row(letter + "g")) == row + swapped
        assert list(table.row(letter + "u")) == row + [-x for x in swapped]


@pytest.mark.parametrize(
    ("spelling", "label"),
    [("D1d", "C2h"), ("S2", "Ci"), ("D1h", "C2v"), ("C1v", "Cs"), ("S3", "C3h"), ("C3i", "S6")],
)
def test_odd_names_of_groups_are_never_printed(spelling, label):
    table = finite(spelling)
    assert table.point_group.label == label
    assert table.text().startswith(label + " ")


def test_infinite_label_is_never_a_star():
    assert character_table("D*h").text().startswith("Dinfh ")


@pytest.mark.parametrize(("label", "largest"), [("D4d", 3), ("D6d", 5), ("D2d", 0), ("D8d", 7), ("S8", 3), ("S12", 5)])
def test_e_irreps_of_improper_axes(label, largest):
    found = [name for name in finite(label).real_labels if name.startswith("E")]
    assert found == ([f"E{m}" for m in range(1, largest + 1)] if largest else ["E"])


def test_d2_has_an_a():
    assert finite("D2").labels == ("A", "B1", "B2", "B3")
    assert finite("D2h").labels == ("Ag", "B1g", "B2g", "B3g", "Au", "B1u", "B2u", "B3u")


# --------------------------------------------------------------------------------------------- textbook values
# F. A. Cotton, Chemical Applications of Group Theory, 3rd ed., Appendix II; classes by name, so in any order.

TEXTBOOK = {
    "C2v": """E C2(z) sigma_v(xz) sigma_v'(yz)
        A1 1 1 1 1 | z ; x^2, y^2, z^2
        A2 1 1 -1 -1 | Rz ; xy
        B1 1 -1 1 -1 | x, Ry ; xz
        B2 1 -1 -1 1 | y, Rx ; yz""",
    "C3v": """E 2C3 3sigma_v
        A1 1 1 1 | z ; x^2+y^2, z^2
        A2 1 1 -1 | Rz ;
        E 2 -1 0 | (x,y), (Rx,Ry) ; (x^2-y^2,xy), (xz,yz)""",
    "C4v": """E 2C4 C2 2sigma_v 2sigma_d
        A1 1 1 1 1 1 | z ; x^2+y^2, z^2
        A2 1 1 1 -1 -1 | Rz ;
        B1 1 -1 1 1 -1 | ; x^2-y^2
        B2 1 -1 1 -1 1 | ; xy
        E 2 0 -2 0 0 | (x,y), (Rx,Ry) ; (xz,yz)""",
    "C2h": """E C2 i sigma_h
        Ag 1 1 1 1 | Rz ; x^2, y^2, z^2, xy
        Bg 1 -1 1 -1 | Rx, Ry ; xz, yz
        Au 1 1 -1 -1 | z ;
        Bu 1 -1 -1 1 | x, y ;""",
    "D2h": """E C2(z) C2(y) C2(x) i sigma(xy) sigma(xz) sigma(yz)
        Ag 1 1 1 1 1 1 1 1 | ; x^2, y^2, z^2
        B1g 1 1 -1 -1 1 1 -1 -1 | Rz ; xy
        B2g 1 -1 1 -1 1 -1 1 -1 | Ry ; xz
        B3g 1 -1 -1 1 1 -1 -1 1 | Rx ; yz
        Au 1 1 1 1 -1 -1 -1 -1 | ;
        B1u 1 1 -1 -1 -1 -1 1 1 | z ;
        B2u 1 -1 1 -1 -1 1 -1 1 | y ;
        B3u 1 -1 -1 1 -1 1 1 -1 | x ;""",
    "D3h": """E 2C3 3C2 sigma_h 2S3 3sigma_v
        A1' 1 1 1 1 1 1 | ; x^2+y^2, z^2
        A2' 1 1 -1 1 1 -1 | Rz ;
        E' 2 -1 0 2 -1 0 | (x,y) ; (x^2-y^2,xy)
        A1'' 1 1 1 -1 -1 -1 | ;
        A2'' 1 1 -1 -1 -1 1 | z ;
        E'' 2 -1 0 -2 1 0 | (Rx,Ry) ; (xz,yz)""",
    "D4h": """E 2C4 C2 2C2' 2C2'' i 2S4 sigma_h 2sigma_v 2sigma_d
        A1g 1 1 1 1 1 1 1 1 1 1 | ; x^2+y^2, z^2
        A2g 1 1 1 -1 -1 1 1 1 -1 -1 | Rz ;
        B1g 1 -1 1 1 -1 1 -1 1 1 -1 | ; x^2-y^2
        B2g 1 -1 1 -1 1 1 -1 1 -1 1 | ; xy
        Eg 2 0 -2 0 0 2 0 -2 0 0 | (Rx,Ry) ; (xz,yz)
        A1u 1 1 1 1 1 -1 -1 -1 -1 -1 | ;
        A2u 1 1 1 -1 -1 -1 -1 -1 1 1 | z ;
        B1u 1 -1 1 1 -1 -1 1 -1 -1 1 | ;
        B2u 1 -1 1 -1 1 -1 1 -1 1 -1 | ;
        Eu 2 0 -2 0 0 -2 0 2 0 0 | (x,y) ;""",
    "D6h": """E 2C6 2C3 C2 3C2' 3C2'' i 2S3 2S6 sigma_h 3sigma_d 3sigma_v
        A1g 1 1 1 1 1 1 1 1 1 1 1 1 | ; x^2+y^2, z^2
        A2g 1 1 1 1 -1 -1 1 1 1 1 -1 -1 | Rz ;
        B1g 1 -1 1 -1 1 -1 1 -1 1 -1 1 -1 | ;
        B2g 1 -1 1 -1 -1 1 1 -1 1 -1 -1 1 | ;
        E1g 2 1 -1 -2 0 0 2 1 -1 -2 0 0 | (Rx,Ry) ; (xz,yz)
        E2g 2 -1 -1 2 0 0 2 -1 -1 2 0 0 | ; (x^2-y^2,xy)
        A1u 1 1 1 1 1 1 -1 -1 -1 -1 -1 -1 | ;
        A2u 1 1 1 1 -1 -1 -1 -1 -1 -1 1 1 | z ;
        B1u 1 -1 1 -1 1 -1 -1 1 -1 1 -1 1 | ;
        B2u 1 -1 1 -1 -1 1 -1 1 -1 1 1 -1 | ;
        E1u 2 1 -1 -2 0 0 -2 -1 1 2 0 0 | (x,y) ;
        E2u 2 -1 -1 2 0 0 -2 1 1 -2 0 0 | ;""",
    "D2d": """E 2S4 C2 2C2' 2sigma_d
        A1 1 1 1 1 1 | ; x^2+y^2, z^2
        A2 1 1 1 -1 -1 | Rz ;
        B1 1 -1 1 1 -1 | ; x^2-y^2
        B2 1 -1 1 -1 1 | z ; xy
        E 2 0 -2 0 0 | (x,y), (Rx,Ry) ; (xz,yz)""",
    "D4d": """E 2S8 2C4 2S8^3 C2 4C2' 4sigma_d
        A1 1 1 1 1 1 1 1 | ; x^2+y^2, z^2
        A2 1 1 1 1 1 -1 -1 | Rz ;
        B1 1 -1 1 -1 1 1 -1 | ;
        B2 1 -1 1 -1 1 -1 1 | z ;
        E1 2 sqrt2 0 -sqrt2 -2 0 0 | (x,y) ;
        E2 2 0 -2 0 2 0 0 | ; (x^2-y^2,xy)
        E3 2 -sqrt2 0 sqrt2 -2 0 0 | (Rx,Ry) ; (xz,yz)""",
    "D5d": """E 2C5 2C5^2 5C2 i 2S10^3 2S10 5sigma_d
        A1g 1 1 1 1 1 1 1 1 | ; x^2+y^2, z^2
        A2g 1 1 1 -1 1 1 1 -1 | Rz ;
        E1g 2 (-1+sqrt5)/2 -(1+sqrt5)/2 0 2 (-1+sqrt5)/2 -(1+sqrt5)/2 0 | (Rx,Ry) ; (xz,yz)
        E2g 2 -(1+sqrt5)/2 (-1+sqrt5)/2 0 2 -(1+sqrt5)/2 (-1+sqrt5)/2 0 | ; (x^2-y^2,xy)
        A1u 1 1 1 1 -1 -1 -1 -1 | ;
        A2u 1 1 1 -1 -1 -1 -1 1 | z ;
        E1u 2 (-1+sqrt5)/2 -(1+sqrt5)/2 0 -2 (1-sqrt5)/2 (1+sqrt5)/2 0 | (x,y) ;
        E2u 2 -(1+sqrt5)/2 (-1+sqrt5)/2 0 -2 (1+sqrt5)/2 (1-sqrt5)/2 0 | ;""",
    "Td": """E 8C3 3C2 6S4 6sigma_d
        A1 1 1 1 1 1 | ; x^2+y^2+z^2
        A2 1 1 1 -1 -1 | ;
        E 2 -1 2 0 0 | ; (2z^2-x^2-y^2,x^2-y^2)
        T1 3 0 -1 1 -1 | (Rx,Ry,Rz) ;
        T2 3 0 -1 -1 1 | (x,y,z) ; (xy,xz,yz)""",
    "Oh": """E 8C3 6C2' 6C4 3C2 i 6S4 8S6 3sigma_h 6sigma_d
        A1g 1 1 1 1 1 1 1 1 1 1 | ; x^2+y^2+z^2
        A2g 1 1 -1 -1 1 1 -1 1 1 -1 | ;
        Eg 2 -1 0 0 2 2 0 -1 2 0 | ; (2z^2-x^2-y^2,x^2-y^2)
        T1g 3 0 -1 1 -1 3 1 0 -1 -1 | (Rx,Ry,Rz) ;
        T2g 3 0 1 -1 -1 3 -1 0 -1 1 | ; (xy,xz,yz)
        A1u 1 1 1 1 1 -1 -1 -1 -1 -1 | ;
        A2u 1 1 -1 -1 1 -1 1 -1 -1 1 | ;
        Eu 2 -1 0 0 2 -2 0 1 -2 0 | ;
        T1u 3 0 -1 1 -1 -3 -1 0 1 1 | (x,y,z) ;
        T2u 3 0 1 -1 -1 -3 1 0 1 -1 | ;""",
    "C3": """E C3 C3^2
        A 1 1 1 | z, Rz ; x^2+y^2, z^2
        1E 1 exp(2pi_i/3) exp(-2pi_i/3) | (x,y), (Rx,Ry) ; (x^2-y^2,xy), (xz,yz)
        2E 1 exp(-2pi_i/3) exp(2pi_i/3) | (x,y), (Rx,Ry) ; (x^2-y^2,xy), (xz,yz)""",
    "S4": """E S4 C2 S4^3
        A 1 1 1 1 | Rz ; x^2+y^2, z^2
        B 1 -1 1 -1 | z ; x^2-y^2, xy
        1E 1 i -1 -i | (x,y), (Rx,Ry) ; (xz,yz)
        2E 1 -i -1 i | (x,y), (Rx,Ry) ; (xz,yz)""",
    "T": """E 4C3 4C3^2 3C2
        A 1 1 1 1 | ; x^2+y^2+z^2
        1E 1 exp(2pi_i/3) exp(-2pi_i/3) 1 | ; (2z^2-x^2-y^2,x^2-y^2)
        2E 1 exp(-2pi_i/3) exp(2pi_i/3) 1 | ; (2z^2-x^2-y^2,x^2-y^2)
        T 3 0 0 -1 | (x,y,z), (Rx,Ry,Rz) ; (xy,xz,yz)""",
    "Th": """E 4C3 4C3^2 3C2 i 4S6^5 4S6 3sigma_h
        Ag 1 1 1 1 1 1 1 1 | ; x^2+y^2+z^2
        1Eg 1 exp(2pi_i/3) exp(-2pi_i/3) 1 1 exp(2pi_i/3) exp(-2pi_i/3) 1 | ; (2z^2-x^2-y^2,x^2-y^2)
        2Eg 1 exp(-2pi_i/3) exp(2pi_i/3) 1 1 exp(-2pi_i/3) exp(2pi_i/3) 1 | ; (2z^2-x^2-y^2,x^2-y^2)
        Tg 3 0 0 -1 3 0 0 -1 | (Rx,Ry,Rz) ; (xy,xz,yz)
        Au 1 1 1 1 -1 -1 -1 -1 | ;
        1Eu 1 exp(2pi_i/3) exp(-2pi_i/3) 1 -1 -exp(2pi_i/3) -exp(-2pi_i/3) -1 | ;
        2Eu 1 exp(-2pi_i/3) exp(2pi_i/3) 1 -1 -exp(-2pi_i/3) -exp(2pi_i/3) -1 | ;
        Tu 3 0 0 -1 -3 0 0 1 | (x,y,z) ;""",
}


@pytest.mark.parametrize("label", TEXTBOOK)
def test_textbook(label):
    table = finite(label)
    header, *rows = TEXTBOOK[label].splitlines()
    assert [c.label for c in table.classes] == header.split()
    assert [row.split()[0] for row in rows] == list(table.labels)
    for row in rows:
        left, right = row.split("|")
        name, *values = left.split()
        assert [str(x).replace(" ", "_") for x in table.row(name)] == values, name
        first, quadratic = (part.strip() for part in right.split(";"))
        found = table.functions[table.irrep(name).real_label]
        assert ", ".join([*found.linear, *found.rotational]) == first, name
        assert ", ".join(found.quadratic) == quadratic, name


def test_textbook_c5h():
    table = finite("C5h", "real")
    assert table.labels == ("A'", "E1'", "E2'", "A''", "E1''", "E2''")
    assert table.functions["E1'"].linear == ("(x,y)",)
    assert table.functions["E2'"].quadratic == ("(x^2-y^2,xy)",)
    assert table.functions["E1''"].quadratic == ("(xz,yz)",)
    assert table.functions["A'"].rotational == ("Rz",)


@pytest.mark.parametrize(
    ("label", "irrep", "cubic"),
    [
        ("Oh", "A2u", ("xyz",)),
        ("Oh", "T1u", ("(x^3,y^3,z^3)", "(x(y^2+z^2),y(z^2+x^2),z(x^2+y^2))")),
        ("Oh", "T2u", ("(x(y^2-z^2),y(z^2-x^2),z(x^2-y^2))",)),
        ("Td", "A1", ("xyz",)),
        ("D6h", "B1u", ("x(x^2-3y^2)",)),
        ("D6h", "E2u", ("(xyz,z(x^2-y^2))",)),
        ("D4h", "B1u", ("xyz",)),
        ("C2v", "A2", ("xyz",)),
        ("C1", "A", ("x^3", "y^3", "z^3", "x^2y", "x^2z", "xy^2", "xz^2", "y^2z", "yz^2", "xyz")),
    ],
)
def test_cubic_functions(label, irrep, cubic):
    assert finite(label).functions[irrep].cubic == cubic


def test_icosahedral_cubic_functions_carry_the_golden_ratio():
    functions = finite("Ih").functions
    assert functions["Gu"].cubic[0].startswith("(xyz,x(2x^2-(3-sqrt5)y^2-(3+sqrt5)z^2),")
    assert functions["T2u"].cubic[0].startswith("(x(2x^2-(3+3sqrt5)y^2+(3sqrt5-3)z^2),")


# ------------------------------------------------------------------------------------------------------ access


@pytest.mark.parametrize(
    ("group", "spelling", "label"),
    [
        ("D6h", "a1g", "A1g"),
        ("D6h", "A_{1g}", "A1g"),
        ("D6h", "A₁g", "A1g"),
        ("D6h", "$E_{2u}$", "E2u"),
        ("D3h", "A2″", "A2''"),
        ("D3h", 'A2"', "A2''"),
        ("D3h", "A''2", "A2''"),
        ("D3h", "E′", "E'"),
        ("D3h", r"A_2^{\prime\prime}", "A2''"),
        ("C3", "¹E", "1E"),
        ("C3", "{}^{2}E", "2E"),
        ("Td", "F2", "T2"),
        ("Ih", "t1u", "T1u"),
    ],
)
def test_spellings_of_irreps(group, spelling, label):
    assert finite(group).irrep(spelling).label == label


@pytest.mark.parametrize("spelling", ["A3", "E1", "", "A1g ; drop", "Ünsinn", "1A1", "E3'"])
def test_unknown_irreps_are_refused(spelling):
    with pytest.raises(PointGroupError, match="has no irrep"):
        finite("C3v").irrep(spelling)


def test_unknown_form():
    with pytest.raises(PointGroupError, match="form"):
        character_table("C3v", "imaginary")  # type: ignore[arg-type]


def test_tables_are_cached_and_read_only():
    table = finite("D6h")
    assert finite(" D_{6h}") is table
    with pytest.raises(ValueError, match="read-only"):
        table.characters[0, 0] = Cyclotomic(2)
    with pytest.raises(ValueError, match="read-only"):
        table.to_numpy()[0, 0] = 2
    with pytest.raises(TypeError):
        table.functions["A1g"] = None  # type: ignore[index]


@pytest.mark.parametrize("label", ["D3h", "Ih", "Dinfh"])
def test_tables_survive_pickle_and_copy(label):
    table = character_table(label)
    assert pickle.loads(pickle.dumps(table)) is table
    assert copy.deepcopy(table) is table


def test_class_descriptions_tell_the_axes_apart():
    table = finite("D6h")
    words = {c.symbol: c.description for c in table.classes}
    assert "about x" in words["C2'"]
    assert "about y" in words["C2''"]
    assert "xz" in words["sigma_v"]
    assert "yz" in words["sigma_d"]
    group = PointGroup.parse("D6h")
    for c in table.classes:
        if c.symbol == "C2'":
            assert any(abs(group.operations[g].axis @ [1, 0, 0]) > 0.999 for g in c.indices)


def test_presentations():
    table = finite("C3")
    assert "e = exp(2pi i/3)" in table.text()
    assert "1E  1   e    e*" in table.text()
    assert "ε" in table.text(unicode=True)
    assert "¹E" in table.text(unicode=True)
    assert table._repr_html_() == table.html()
    assert "<sup>1</sup>E" in table.html()
    assert r"{}^{1}E" in table.latex()
    assert r"\toprule" in table.latex()
    data = finite("D3h").as_dict()
    assert data["characters"][2] == ["2", "-1", "0", "2", "-1", "0"]
    assert data["characters_numeric"][2] == [2.0, -1.0, 0.0, 2.0, -1.0, 0.0]
    assert data["functions"]["E'"]["linear"] == ["(x,y)"]
    assert repr(table) == "<CharacterTable C3 (complex form): 3 irreps, 3 classes>"
    assert "norm 2" in finite("C3", "real").text()
