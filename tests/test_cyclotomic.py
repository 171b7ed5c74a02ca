"""Exact arithmetic in cyclotomic fields."""

import cmath
import pickle
from fractions import Fraction
from math import cos, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symvib.errors import SymvibError
from symvib.groups.cyclotomic import Cyclotomic
from symvib.groups.cyclotomic_text import Style, render

z = Cyclotomic.zeta

numbers = st.builds(
    lambda n, powers: Cyclotomic.from_powers(n, powers),
    st.integers(1, 30),
    st.dictionaries(st.integers(0, 29), st.integers(-3, 3), max_size=3),
)


@given(numbers, numbers, numbers)
@settings(max_examples=150, deadline=None)
def test_ring_axioms(a, b, c):
    assert a + b == b + a
    assert a * b == b * a
    assert a * (b + c) == a * b + a * c
    assert (a * b) * c == a * (b * c)
    assert a - a == 0
    assert a + 0 == a == a * 1


@given(numbers, numbers)
@settings(max_examples=150, deadline=None)
def test_agrees_with_complex_floats(a, b):
    assert complex(a * b + a) == pytest.approx(complex(a) * complex(b) + complex(a), abs=1e-9)
    assert complex(a.conjugate()) == pytest.approx(complex(a).conjugate(), abs=1e-9)


@given(numbers, numbers)
@settings(max_examples=150, deadline=None)
def test_division_undoes_multiplication(a, b):
    if b:
        assert a * b / b == a


@given(numbers)
@settings(max_examples=150, deadline=None)
def test_equal_numbers_have_equal_hash_whatever_the_route(a):
    around = (a + z(7)) * z(11) * z(11, -1) - z(7)
    assert around == a
    assert hash(around) == hash(a)
    assert around.conductor == a.conductor


@given(numbers)
@settings(max_examples=100, deadline=None)
def test_terms_add_up_to_the_number(a):
    total = 0j
    for term in a.terms():
        angle = float(term.turn) * pi
        value = {
            "1": 1,
            "i": 1j,
            "sqrt": sqrt(term.radicand),
            "cos": cos(angle),
            "exp": cmath.exp(1j * angle),
        }[term.kind]
        total += float(term.factor) * value
    assert total == pytest.approx(complex(a), abs=1e-9)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Cyclotomic(2), "2"),
        (Cyclotomic(-1), "-1"),
        (Cyclotomic(Fraction(3, 2)), "3/2"),
        (-z(5, 2) - z(5, 3), "(1+sqrt5)/2"),
        (-z(5) - z(5, 4), "(1-sqrt5)/2"),
        (z(5, 2) + z(5, 3), "-(1+sqrt5)/2"),
        (z(8) + z(8, 7), "sqrt2"),
        (-z(12) - z(12, 11), "-sqrt3"),
        (z(7) + z(7, 6), "2cos(2pi/7)"),
        (-z(9, 2) - z(9, 7), "-2cos(4pi/9)"),
        (z(16) + z(16, 15), "2cos(pi/8)"),
        (z(3), "exp(2pi i/3)"),
        (z(3, 2), "exp(-2pi i/3)"),
        (-z(3), "-exp(2pi i/3)"),
        (z(4), "i"),
        (z(4, 3), "-i"),
        (1 + z(7) + z(7, 6), "-2cos(4pi/7)-2cos(6pi/7)"),
        (z(12) + z(12, 5), "i"),
        (Cyclotomic(0), "0"),
    ],
)
def test_text(value, text):
    assert str(value) == text


def test_latex_and_unicode():
    golden = -z(5, 2) - z(5, 3)
    assert golden.latex() == r"\frac{1+\sqrt{5}}{2}"
    assert golden.unicode() == "(1+√5)/2"
    assert (z(7) + z(7, 6)).latex() == r"2\cos\frac{2\pi}{7}"
    assert (-golden).latex() == r"-\frac{1+\sqrt{5}}{2}"
    assert z(3).latex() == r"\mathrm{e}^{2\pi\mathrm{i}/3}"
    assert render((Cyclotomic(1) / 2).terms(), Style.LATEX) == r"\frac{1}{2}"


def test_smallest_field():
    assert z(6).conductor == 3
    assert (z(15, 3) + z(15, 6)).conductor == 5
    assert (z(8) * z(8)).conductor == 4
    assert sum((z(30, k) for k in range(30)), Cyclotomic(0)) == 0


def test_sympy_round_trip():
    import sympy

    for value in (z(5) + z(5, 4), z(7) + z(7, 6), z(3), z(4), Cyclotomic(Fraction(1, 3))):
        assert complex(sympy.N(value.to_sympy(), 20)) == pytest.approx(complex(value), abs=1e-14)


def test_python_and_numpy_numbers_mix():
    assert z(3) + z(3, 2) == -1 == Cyclotomic(-1)
    assert hash(Cyclotomic(-1)) == hash(-1)
    assert np.int64(2) * z(4) == z(4) * 2 == 2 * z(4)
    assert 1 / z(5) == z(5, 4)
    assert z(5) ** -2 == z(5, 3)
    assert 1 - z(4) == -(z(4) - 1)
    assert int(z(2)) == -1
    assert float(z(8) + z(8, 7)) == pytest.approx(sqrt(2), abs=1e-15)
    assert (np.array([z(3), z(3, 2)], dtype=object) * 2).sum() == -2


@given(numbers)
@settings(max_examples=50, deadline=None)
def test_pickle_round_trip(a):
    assert pickle.loads(pickle.dumps(a / 3)) == a / 3


def test_galois_action_permutes_the_roots():
    x = z(7) + z(7, 6)
    assert x.galois(2) == z(7, 2) + z(7, 5)
    with pytest.raises(SymvibError, match="coprime"):
        x.galois(7)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Cyclotomic(0.5),  # type: ignore[arg-type]
        lambda: float(z(3)),
        lambda: int(Cyclotomic(Fraction(1, 2))),
        lambda: z(5).to_fraction(),
        lambda: z(0),
        lambda: z(5).coefficients(3),
    ],
)
def test_refusals(call):
    with pytest.raises(SymvibError):
        call()


def test_division_by_zero():
    with pytest.raises(ZeroDivisionError):
        z(3) / 0


@pytest.mark.parametrize(("number", "n"), [(Cyclotomic.zeta(4), 2), (Cyclotomic.zeta(8) + Cyclotomic.zeta(8, 7), 4)])
def test_coefficients_in_too_small_a_field_are_refused(number, n):
    with pytest.raises(SymvibError, match="does not lie"):
        number.coefficients(n)
