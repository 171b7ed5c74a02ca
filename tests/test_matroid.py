"""The heaviest set of force constants that the data determine."""

import json
from functools import cache
from itertools import combinations

import numpy as np
import pytest

import symvib as sv
from isospectral_blocks import halomethane
from symvib.errors import IdentifiabilityError
from symvib.forward.force_field import ForceField, GeneralForceField
from symvib.forward.response_jacobian import response_jacobian
from symvib.forward.valence_models import DiagonalForceField, ValenceForceField
from symvib.theory._greedy import greedy_basis
from symvib.theory._observed_rows import observed_rows
from symvib.theory.constant_weights import DEFAULT_WEIGHTS, constant_kinds, default_weights
from symvib.theory.fibre import fibre_dimensions
from symvib.theory.matroid import supported_force_field

WATER, BENZENE, NICKEL_CARBONYL = "qm9-000003", "sym-C6(H)6 ring +0", "sym-Ni(CO) tetrahedron +0"


@cache
def survey(row):
    return sv.shipped_dataset("responses_survey_gfn2").response(row)


def heaviest(matrix, weights):
    """Exhaustive search over all bases."""
    rank = np.linalg.matrix_rank(matrix)
    sets = combinations(range(matrix.shape[1]), rank)
    return max(weights[list(s)].sum() for s in sets if np.linalg.matrix_rank(matrix[:, s]) == rank)


@pytest.mark.parametrize("seed", range(40))
def test_greedy_is_optimal_among_all_sets(seed):
    """Small integer matrices with many dependent columns, positive and equal weights among them."""
    rng = np.random.default_rng(seed)
    rank, columns = rng.integers(1, 5), rng.integers(4, 10)
    matrix = rng.integers(-2, 3, size=(6, rank)) @ rng.integers(-1, 2, size=(rank, columns))
    weights = rng.integers(1, 6, size=columns).astype(float)
    if not matrix.any():
        pytest.skip("a zero matrix")
    found = greedy_basis(matrix, weights)
    assert len(found.chosen) == np.linalg.matrix_rank(matrix)
    assert np.linalg.matrix_rank(matrix[:, found.chosen]) == len(found.chosen)
    assert weights[found.chosen].sum() == heaviest(matrix, weights)


@pytest.mark.parametrize("seed", range(10))
def test_greedy_is_optimal_for_a_molecule(seed):
    """Water with one observable left out at a time, random weights: all 2^4 sets."""
    response = survey(WATER)
    model = GeneralForceField.of(response.molecule).fitted(response.hessian).force_field
    weights = np.random.default_rng(seed).random(4)
    for observables in (("freq",), ("freq", "ir"), ("freq", "raman")):
        found = supported_force_field(response, model, weights, observables)
        rows = observed_rows(
            response_jacobian(response, basis=model, symmetry_coordinates=model.coordinates), observables
        )
        assert found.total_weight == pytest.approx(heaviest(rows, weights))


@pytest.mark.parametrize("row", [WATER, BENZENE, NICKEL_CARBONYL])
def test_general_force_field_keeps_what_the_fibres_leave_open(row):
    response = survey(row)
    model = GeneralForceField.of(response.molecule).fitted(response.hessian).force_field
    for observables in (("freq", "ir", "raman", "rho"), ("freq", "ir"), ("freq", "raman"), ("freq",)):
        found = supported_force_field(response, model, observables=observables)
        assert len(found.kept) == sum(free for _, free in fibre_dimensions(response, observables).values())
        assert (found.evidence, found.optimality) == ("certified", "probabilistic")
        assert found.rank.rank == len(found.fitted)


@pytest.mark.parametrize("model_class", [GeneralForceField, ValenceForceField, DiagonalForceField])
def test_fitted_columns_are_independent_and_the_others_are_not(model_class):
    response = halomethane()
    model = model_class.of(response.molecule).fitted(response.hessian).force_field
    found = supported_force_field(response, model)
    rows = observed_rows(response_jacobian(response, basis=model, symmetry_coordinates=model.coordinates))
    unit = rows / np.linalg.norm(rows, axis=0)
    assert np.linalg.svd(unit[:, found.fitted], compute_uv=False)[-1] > 1e-6
    projector = unit[:, found.fitted] @ np.linalg.pinv(unit[:, found.fitted])
    assert np.abs(unit[:, found.kept] - projector @ unit[:, found.kept]).max(initial=0.0) < 1e-6
    assert found.evidence == "certified"
    # nothing kept could replace something lighter
    for kept in found.kept:
        depends_on = np.abs(np.linalg.lstsq(unit[:, found.fitted], unit[:, kept])[0]) > 1e-6
        assert found.weights[kept] <= found.weights[found.fitted][depends_on].min(initial=np.inf)


def test_it_is_a_force_field():
    response = survey(BENZENE)
    model = ValenceForceField.of(response.molecule).fitted(response.hessian).force_field
    found = supported_force_field(response, model)
    assert isinstance(found, ForceField)
    assert found.matrix() == pytest.approx(model.matrix())
    changed = found.with_parameters(found.parameters + 0.1)
    difference = changed.matrix() - model.matrix()
    assert difference == pytest.approx(0.1 * model.basis[found.fitted].sum(axis=0))
    assert set(found.labels) | set(found.kept_labels) == set(model.labels)
    assert len(found.labels) + len(found.kept_labels) == model.n_parameters


def test_fitted_constants_are_recovered_from_the_spectrum_with_the_others_at_their_prior():
    """Gauss-Newton from a perturbed start: the fitted constants come back, which is what 'determined' means."""
    response = survey(BENZENE)
    model = ValenceForceField.of(response.molecule).fitted(response.hessian).force_field
    found = supported_force_field(response, model)
    truth = np.array(found.parameters)
    x = truth * (1 + 1e-3 * np.random.default_rng(0).normal(size=len(truth)))

    def data(values):
        jacobian = response_jacobian(
            response,
            basis=model,
            symmetry_coordinates=model.coordinates,
            force_field=found.with_parameters(values).matrix(),
        )
        return jacobian.values, jacobian.jacobian[:, found.fitted]

    target, _ = data(truth)
    scale = np.maximum(np.abs(target), 1e-3 * np.abs(target).max())
    for _ in range(8):
        values, jacobian = data(x)
        x = x + np.linalg.lstsq(jacobian / scale[:, None], (target - values) / scale)[0]
    assert x == pytest.approx(truth, abs=1e-7)


def test_silent_species_are_of_no_effect():
    response = survey(BENZENE)
    model = GeneralForceField.of(response.molecule).fitted(response.hessian).force_field
    found = supported_force_field(response, model)
    silent = [p for p, label in enumerate(model.labels) if label.split()[0] in ("A2g", "B2g", "B1u", "B2u", "E2u")]
    assert found.without_effect.tolist() == silent
    assert "fit these 17, keep those 17 at their prior" in str(found)


def test_default_weights_by_kind():
    response = survey(WATER)
    general = GeneralForceField.of(response.molecule)
    assert constant_kinds(general) == ("stretch", "stretch / bend", "bend", "stretch")
    assert default_weights(general).tolist() == [DEFAULT_WEIGHTS[k] for k in constant_kinds(general)]
    valence = ValenceForceField.of(response.molecule)
    assert constant_kinds(valence) == ("stretch", "bend", "stretch / stretch", "stretch / bend")


def test_plain_values_and_words():
    response = survey(WATER)
    model = GeneralForceField.of(response.molecule).fitted(response.hessian).force_field
    found = supported_force_field(response, model, observables=("freq",))
    values = json.loads(json.dumps(found.as_dict()))
    assert list(values["keep"]) == list(found.kept_labels)
    assert len(values["fit"]) == 3
    assert found.tabulate().count("fit") == 3
    assert "<pre>" in found._repr_html_()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda r, m: supported_force_field(r, m, [1.0]), "constants"),
        (lambda r, m: supported_force_field(r, m, observables=("freq", "x")), "unknown"),
        (lambda r, m: supported_force_field(r.molecule, m), "needed"),
        (lambda r, m: supported_force_field(response_jacobian(r, m.coordinates.b_matrix), m), "parameters"),
        (lambda r, m: supported_force_field(r, m).with_parameters([1.0]), "finite numbers"),
        (lambda r, m: supported_force_field(sv.HarmonicResponse(r.molecule, r.hessian), m), "no level shows"),
        (lambda r, m: greedy_basis(np.eye(2), [1.0]), "needed"),
    ],
)
def test_what_cannot_be_asked(call, words):
    response = survey(WATER)
    model = DiagonalForceField.of(response.molecule).fitted(response.hessian).force_field
    with pytest.raises(IdentifiabilityError, match=words):
        call(response, model)


def test_more_constants_demanded_than_the_data_determine():
    response = survey(BENZENE)
    general = GeneralForceField.of(response.molecule).fitted(response.hessian).force_field
    with pytest.raises(IdentifiabilityError, match="34 constants must be fitted, but the data determine only 17"):
        supported_force_field(response, general, np.full(general.n_parameters, np.inf))
    demanded = np.zeros(general.n_parameters)
    demanded[general.labels.index("A2u C out-of-plane bend")] = np.inf
    assert supported_force_field(response, general, demanded).total_weight == np.inf


def test_a_model_by_name():
    response = survey(WATER)
    general = GeneralForceField.of(response.molecule).fitted(response.hessian).force_field
    assert supported_force_field(response, "general").as_dict() == supported_force_field(response, general).as_dict()
    with pytest.raises(IdentifiabilityError, match="choose from general"):
        supported_force_field(response, "morse")
