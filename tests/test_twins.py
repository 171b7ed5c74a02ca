"""Discrete twins: closed forms, the search, and certificates of existence in ball arithmetic."""

import json
from functools import cache
from itertools import product

import numpy as np
import pytest

import symvib as sv
from isospectral_blocks import halomethane, random_block
from symvib.errors import IdentifiabilityError
from symvib.theory._closed_twins import closed_twins
from symvib.theory._isospectral import IsospectralBlock
from symvib.theory._krawczyk import MomentSystem
from symvib.theory._twin_search import search
from symvib.theory.twins import twins


@cache
def survey(row):
    return sv.shipped_dataset("responses_survey_gfn2").response(row)


def spectrum(block, a):
    values, vectors = np.linalg.eigh(a)
    return np.concatenate([values, *(np.real(np.diag(vectors.conj().T @ w @ vectors)) for w in block.stack)])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("rank", [1, 2])
def test_two_levels_and_one_intensity_have_exactly_two_force_fields(rank, seed):
    """Against a scan of all modes: the circle of V is cut twice by the intensity."""
    found = twins(random_block(2, (rank,), seed))
    assert (len(found), found.evidence, found.twins[0].evidence) == (1, "proved", "proved")
    block, (twin,) = found.block, found.twins
    assert spectrum(block, twin.matrix) == pytest.approx(spectrum(block, block.matrix), rel=1e-10)
    angles = np.linspace(0, np.pi, 20001)
    c, s = np.cos(angles), np.sin(angles)
    modes = np.moveaxis(np.array([[c, -s], [s, c]]), -1, 0)
    misfit = block.intensities(modes)[:, 0, 0] - block.intensities(block.modes)[0, 0]
    assert (np.sign(misfit[1:]) != np.sign(misfit[:-1])).sum() == 2


CLOSED = [
    (2, (1,), False), (2, (2, 1), False), (2, (1, 1), False), (3, (1, 1), False), (4, (1, 1, 1), False),
    (3, (1, 1, 1), False), (2, (2, 2), True), (2, (1, 2), True), (2, (1, 2, 2), True),
]  # fmt: skip


@pytest.mark.parametrize(("n", "ranks", "is_complex"), CLOSED, ids=str)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_closed_forms_are_what_the_search_finds(n, ranks, is_complex, seed):
    block = IsospectralBlock.of(random_block(n, ranks, seed, is_complex))
    closed = closed_twins(block)
    result = search(block, 300, seed)
    assert len(closed.matrices) == len(result.hits) - 1
    for a in closed.matrices:
        assert spectrum(block, a) == pytest.approx(spectrum(block, block.matrix), rel=1e-9, abs=1e-11)
        assert np.linalg.norm(result.matrices - a, axis=(1, 2)).min() < 1e-6


@pytest.mark.parametrize(
    ("n", "ranks", "is_complex"),
    [(4, (3, 1), False), (4, (1, 2), False), (4, (2, 2), False), (3, (2, 2, 3), True)],
    ids=str,
)
@pytest.mark.parametrize("seed", [1, 2])
def test_exactly_determined_blocks_have_certified_twins(n, ranks, is_complex, seed):
    found = twins(random_block(n, ranks, seed, is_complex), starts=400, certify=100)
    assert len(found) >= 1
    assert found.evidence == "searched"
    assert found.certified == len(found)
    start = spectrum(found.block, found.block.matrix)
    for twin in found.twins:
        assert spectrum(found.block, twin.matrix) == pytest.approx(start, rel=1e-8)
        if twin.evidence == "certified":
            assert twin.existence.contraction < 0.5
            assert twin.existence.distance > 1e-4
        else:
            assert twin.evidence == "proved"
            assert sum(ranks) == n - 1
    pairs = [a.matrix - b.matrix for a, b in product(found.twins, repeat=2) if a is not b]
    assert all(np.linalg.norm(d) > 1e-5 * np.linalg.norm(found.block.matrix) for d in pairs)


@pytest.mark.slow
def test_four_atoms_without_symmetry_have_many_force_fields():
    found = twins(random_block(6, (3, 1, 5), 1), starts=1000, certify=10)
    assert len(found) > 20
    assert found.certified == 10


@pytest.mark.parametrize(("n", "ranks"), [(3, (1, 3)), (4, (1, 2, 3)), (5, (1, 2, 2))], ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_overdetermined_blocks_have_no_twin_that_is_found(n, ranks, seed):
    found = twins(random_block(n, ranks, seed), starts=200)
    assert (len(found), found.evidence) == (0, "searched")
    assert found.converged > 0
    assert "no other" in str(found)


@pytest.mark.parametrize(("n", "ranks"), [(5, (1, 1, 2)), (4, (1, 2)), (4, (1, 1, 1))], ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_ranks_that_add_up_to_one_less_than_n_leave_a_mirror_image(n, ranks, seed):
    """A1 of C2v with n = 5 has 16 independent equations for 15 unknowns, and two force fields all the same."""
    found = twins(random_block(n, ranks, seed), starts=100, certify=0)
    (mirror,) = [twin for twin in found.twins if twin.evidence == "proved"]
    start = spectrum(found.block, found.block.matrix)
    assert spectrum(found.block, mirror.matrix) == pytest.approx(start, rel=1e-10, abs=1e-12)
    assert mirror.relative_distance > 1e-3
    assert n == 4 or (len(found) == 1 and mirror.hits > 0)  # the search finds it, and no other


# ------------------------------------------------------------------------------------------------ Krawczyk's test


@pytest.mark.parametrize("off", [1e-12, 1e-6, 0.3])
def test_krawczyk_rejects_a_box_without_a_solution(off):
    """Newton's steps left out: a box of 2^-60 about a point that is off by more than that."""
    block = IsospectralBlock.of(random_block(4, (3, 1), 1))
    system = MomentSystem(block.matrix, block.stack)
    exact, other = (system._parameters(a / system.scale) for a in (block.matrix, block.matrix * (1 + off)))
    inverse = system._mid_matrix(system._jacobian(system._assemble(exact)).inv())
    assert system._contraction(exact, inverse, 40) < 0.5
    assert system._contraction(other, inverse, 60) > 1


def test_krawczyk_does_not_take_the_given_force_field_for_a_twin():
    block = IsospectralBlock.of(random_block(4, (3, 1), 1))
    proof = MomentSystem(block.matrix, block.stack).prove(block.matrix)
    assert proof.proved
    assert proof.distance == 0


def test_krawczyk_fails_on_a_family():
    """As many equations as unknowns, but both intensities of rank one: the solutions are a curve."""
    block = random_block(4, (1, 2), 1)
    q = np.asarray(block.intensities["raman_isotropic"]).copy()
    q[:, 1] = q[:, 0]  # rank one after all: a family
    form = IsospectralBlock.of(random_block(4, (1, 2), 1))
    p = q[:, :1] @ q[:, :1].T
    stack = np.stack([form.stack[0], p / np.linalg.norm(p)])
    assert not MomentSystem(form.matrix, stack).prove(form.matrix).proved


@pytest.mark.parametrize("is_complex", [False, True])
def test_gradients_of_the_moments(is_complex):
    """The Jacobian in ball arithmetic against differences of the moments."""
    block = IsospectralBlock.of(random_block(3, (2, 2, 3) if is_complex else (1, 2), 4, is_complex))
    system = MomentSystem(block.matrix, block.stack)
    x = system._parameters(block.matrix / system.scale)
    jacobian, step = system._jacobian(system._assemble(x)), 1e-6
    for p in range(len(x)):
        up, down = list(x), list(x)
        up[p], down[p] = up[p] + step, down[p] - step
        for row, (a, b) in enumerate(
            zip(system._moments(system._assemble(up)), system._moments(system._assemble(down)), strict=True)
        ):
            assert float(a - b) / (2 * step) == pytest.approx(float(jacobian[row, p]), rel=1e-6, abs=1e-8)


# -------------------------------------------------------------------------------------------------------- molecules


def test_chlorofluoromethane_and_its_twins():
    """CH2FCl: A' has six levels, ranks (2, 1, 3): 21 force constants and 21 data."""
    response = halomethane(("H", "H", "F", "Cl"), seed=1)
    found = twins(response, "A'", starts=300, certify=3)
    assert found.block.intensity_ranks == {"ir": 2, "raman_isotropic": 1, "raman_anisotropic": 3}
    assert len(found) >= 1
    assert found.certified == min(3, len(found))
    deviation = found.deviation(0)
    assert deviation.wavenumber_cm1 < 1e-8
    assert deviation.relative_ir < 1e-10
    assert deviation.relative_raman < 1e-10
    assert np.abs(found.response(0).hessian - response.hessian).max() > 1e-3
    assert np.linalg.eigvalsh(found.twins[0].force_constants)[0] > 0


@pytest.mark.parametrize(
    ("row", "irrep"),
    [
        ("sym-trans-N2(Cl)2", "Bu"),
        ("sym-anti-N2(H)4", "Bg"),
        ("sym-Ni(CO) tetrahedron +0", "A1"),
        ("sym-Ni(CO) tetrahedron +0", "E"),
    ],
)
def test_two_levels_of_molecules(row, irrep):
    found = twins(survey(row), irrep)
    assert (len(found), found.evidence) == (1, "proved")
    assert found.deviation().wavenumber_cm1 < 1e-8
    assert "exactly 2 force fields" in str(found)
    assert json.dumps(found.as_dict())


def test_methane_has_no_twin():
    """T2: two levels, infrared and Raman of rank one each: the force field is unique."""
    found = twins(survey("qm9-000001"), "T2")
    assert (len(found), found.evidence) == (0, "proved")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: twins(survey("sym-Ni(CO) tetrahedron +0"), "T2"), "family"),
        (lambda: twins(survey("sym-Ni(CO) tetrahedron +0"), "T1"), "no lines"),
        (lambda: twins(survey("sym-Ni(CO) tetrahedron +0")), "which species"),
        (lambda: twins(random_block(2, (1,))).response(), "bare block"),
        (lambda: twins(random_block(2, (1,))).deviation(), "bare block"),
    ],
)
def test_what_cannot_be_asked(call, words):
    with pytest.raises(IdentifiabilityError, match=words):
        call()
