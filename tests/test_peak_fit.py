"""Peak fits: exact recovery, honest standard errors, the solver against scipy's, refusals."""

import json

import numpy as np
import pytest

from symvib.errors import SpectrumError
from symvib.forward._peak_profiles import LARGEST_SHARE, PeakModel, approximate_voigt, gaussian_part, peak_profiles
from symvib.forward._peak_solver import bounded_least_squares, covariance
from symvib.forward.line_shapes import gaussian, lorentzian, voigt, voigt_fwhm
from symvib.forward.peak_fit import PEAK_SHAPES, fit_peaks

AXIS = np.linspace(200.0, 1000.0, 801)
#: position, height, FWHM of the Gaussian part, of the Lorentzian part
VOIGTS = ((310.0, 80.0, 9.0, 5.0), (464.3, 100.0, 4.0, 8.0), (500.0, 30.0, 12.0, 6.0), (806.7, 25.0, 6.0, 12.0))


def voigt_sum(axis, peaks=VOIGTS):
    return sum(h * voigt(axis - c, g, w) / voigt(0.0, g, w) for c, h, g, w in peaks)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99, LARGEST_SHARE])
def test_width_of_a_voigt_profile_is_that_of_line_shapes(share):
    part = float(gaussian_part(np.array([share]))[0][0])
    assert voigt_fwhm(7.3 * part, 7.3 * share) == pytest.approx(7.3, rel=1e-10)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, LARGEST_SHARE])
def test_voigt_profile_of_unit_height_is_that_of_line_shapes(share):
    offset = np.linspace(-60, 60, 121)
    part = float(gaussian_part(np.array([share]))[0][0])
    found = peak_profiles("voigt", offset[:, None], np.array([8.0]), np.array([share]))[0][:, 0]
    reference = voigt(offset, 8.0 * part, 8.0 * share)
    np.testing.assert_allclose(found, reference / reference[60], atol=1e-13)


@pytest.mark.parametrize(("shape", "reference"), [("gaussian", gaussian), ("lorentzian", lorentzian)])
def test_profiles_of_one_width_are_those_of_line_shapes(shape, reference):
    offset = np.linspace(-60, 60, 121)
    found = peak_profiles(shape, offset[:, None], np.array([8.0]), np.zeros(1))[0][:, 0]
    np.testing.assert_allclose(found, reference(offset, 8.0) / reference(0.0, 8.0), atol=1e-14)


def test_search_profile_is_within_one_percent_of_the_voigt_profile():
    offset = np.linspace(-100, 100, 2001)[:, None]
    for share in np.linspace(0, LARGEST_SHARE, 21):
        exact = peak_profiles("voigt", offset, np.array([8.0]), np.array([share]))[0]
        assert np.abs(approximate_voigt(offset, np.array([8.0]), np.array([share]))[0] - exact).max() < 0.013


@pytest.mark.parametrize("rough", [False, True])
@pytest.mark.parametrize("shape", PEAK_SHAPES)
def test_jacobian_against_central_differences(shape, rough):
    model = PeakModel(AXIS, shape, 2, rough)
    peaks = np.array([[400.0, 2.0, 9.0, 0.4], [640.0, 1.0, 25.0, 0.85]])[:, : model.per_peak]
    vector = np.concatenate([[0.3, -0.1, 0.05], peaks.ravel()])
    jacobian = model.value_and_jacobian(vector)[1]
    for column in range(len(vector)):
        step = np.zeros_like(vector)
        step[column] = 1e-5
        ends = [model.value_and_jacobian(vector + sign * step)[0] for sign in (1, -1)]
        np.testing.assert_allclose(jacobian[:, column], (ends[0] - ends[1]) / 2e-5, atol=2e-8)


def test_solver_agrees_with_scipy():
    from scipy.optimize import least_squares

    rng = np.random.default_rng(3)
    y = voigt_sum(AXIS) / 100 + rng.normal(0, 0.005, len(AXIS))
    model = PeakModel(AXIS, "voigt", 1)
    start = np.concatenate([[0.0, 0.0], *([c + 2.0, h / 90, 15.0, 0.5] for c, h, _, _ in VOIGTS)])
    lower = np.concatenate([[-np.inf] * 2, *([200.0, 0.0, 1.0, 0.0] for _ in VOIGTS)])
    upper = np.concatenate([[np.inf] * 2, *([1000.0, np.inf, 400.0, LARGEST_SHARE] for _ in VOIGTS)])
    ours = bounded_least_squares(model.value_and_jacobian, y, start, lower, upper, tolerance=1e-12)
    theirs = least_squares(
        lambda v: model.value_and_jacobian(v)[0] - y,
        start,
        lambda v: model.value_and_jacobian(v)[1],
        bounds=(lower, upper),
        x_scale="jac",
        xtol=1e-12,
        ftol=1e-14,
    )
    assert ours.converged
    assert ours.square_sum == pytest.approx(2 * theirs.cost, rel=1e-8)
    errors = np.sqrt(np.diagonal(covariance(ours)))
    assert np.all(np.abs(ours.vector - theirs.x) < 1e-2 * errors)


def test_solver_stops_at_a_bound():
    axis = np.linspace(-1, 1, 50)
    found = bounded_least_squares(
        lambda v: (v[0] + v[1] * axis, np.stack([np.ones(50), axis], 1)),
        2.0 + 3.0 * axis,
        np.zeros(2),
        np.array([-np.inf, 0.0]),
        np.array([np.inf, 1.0]),
    )
    np.testing.assert_allclose(found.vector, [2.0, 1.0], atol=1e-8)


def test_noise_free_voigts_are_recovered():
    fit = fit_peaks(AXIS, voigt_sum(AXIS) + 3.0 + 0.01 * AXIS)
    assert len(fit) == len(VOIGTS)
    assert fit.r2 > 1 - 1e-9
    np.testing.assert_allclose(fit.positions_cm1, [v[0] for v in VOIGTS], atol=0.01)
    np.testing.assert_allclose(fit.heights, [v[1] for v in VOIGTS], rtol=1e-2)
    np.testing.assert_allclose(fit.fwhm_cm1, [voigt_fwhm(g, w) for _, _, g, w in VOIGTS], rtol=1e-2)
    np.testing.assert_allclose(fit.gaussian_fwhm_cm1, [v[2] for v in VOIGTS], rtol=0.03)
    np.testing.assert_allclose(fit.lorentzian_fwhm_cm1, [v[3] for v in VOIGTS], rtol=0.03)
    areas = [h / voigt(0.0, g, w) for _, h, g, w in VOIGTS]
    np.testing.assert_allclose(fit.areas, areas, rtol=1e-2)


def test_standard_errors_cover_the_truth():
    """z = (found - true) / error of 60 noisy spectra of four Voigts: mean square 1, 95 % inside 1.96."""
    rng = np.random.default_rng(0)
    clean = voigt_sum(AXIS) + 5.0
    widths = np.array([voigt_fwhm(g, w) for _, _, g, w in VOIGTS])
    truth = np.stack([[v[0] for v in VOIGTS], [v[1] for v in VOIGTS], widths, [v[3] for v in VOIGTS] / widths])
    scores = []
    for _ in range(60):
        fit = fit_peaks(AXIS, clean + rng.normal(0, 0.5, len(AXIS)))
        assert len(fit) == 4
        found = np.stack([fit.positions_cm1, fit.heights, fit.fwhm_cm1, fit.lorentzian_share])
        errors = [fit.positions_error_cm1, fit.heights_error, fit.fwhm_error_cm1, fit.lorentzian_share_error]
        scores.append((found - truth) / np.stack(errors))
    z = np.stack(scores)  # (60, 4 parameters, 4 peaks): standard error of a mean square over 240 is 0.09
    assert np.all(np.abs((z**2).mean(axis=(0, 2)) - 1) < 0.35)
    assert 0.92 < (np.abs(z) < 1.96).mean() < 0.98


def test_shape_is_chosen_by_the_criterion():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.3, len(AXIS))
    for shape, profile in (("gaussian", gaussian), ("lorentzian", lorentzian)):
        clean = sum(h * profile(AXIS - c, 14.0) / profile(0.0, 14.0) for c, h in ((350.0, 100.0), (700.0, 60.0)))
        fit = fit_peaks(AXIS, clean + noise, shape="best")
        assert fit.shape == shape
        assert set(fit.bic_by_shape) == set(PEAK_SHAPES)
        assert fit.bic == min(fit.bic_by_shape.values())
        assert len(fit) == 2
    assert fit_peaks(AXIS, voigt_sum(AXIS) + noise, shape="best").shape == "voigt"


def test_a_shoulder_is_found():
    rng = np.random.default_rng(2)
    y = voigt_sum(AXIS, ((500.0, 100.0, 10.0, 4.0), (510.0, 40.0, 10.0, 4.0))) + rng.normal(0, 0.3, len(AXIS))
    fit = fit_peaks(AXIS, y)
    np.testing.assert_allclose(fit.positions_cm1, [500.0, 510.0], atol=1.5)


def test_noise_alone_has_no_peaks():
    rng = np.random.default_rng(4)
    fit = fit_peaks(AXIS, 1.0 + 0.001 * AXIS + rng.normal(0, 0.01, len(AXIS)), baseline_degree=1)
    assert len(fit) == 0
    assert fit.as_dict()["positions_cm1"] == []


def test_scale_and_mirror_change_nothing():
    rng = np.random.default_rng(5)
    y = voigt_sum(AXIS) + rng.normal(0, 0.4, len(AXIS))
    fit, scaled = fit_peaks(AXIS, y), fit_peaks(AXIS, 1e-4 * y - 7.0)
    mirrored = fit_peaks(-AXIS[::-1], y[::-1])
    np.testing.assert_allclose(scaled.positions_cm1, fit.positions_cm1, atol=1e-3)
    np.testing.assert_allclose(scaled.heights, 1e-4 * fit.heights, rtol=1e-3)
    np.testing.assert_allclose(-mirrored.positions_cm1[::-1], fit.positions_cm1, atol=0.02)


def test_mask_and_nan_leave_points_out():
    y = voigt_sum(AXIS)
    spoiled = y.copy()
    spoiled[(AXIS > 600) & (AXIS < 700)] = 1e4
    kept = spoiled < 1e3
    nan = np.where(kept, spoiled, np.nan)
    masked, by_nan = fit_peaks(AXIS, spoiled, mask=kept), fit_peaks(AXIS, nan)
    np.testing.assert_array_equal(masked.positions_cm1, by_nan.positions_cm1)
    np.testing.assert_allclose(masked.positions_cm1, [v[0] for v in VOIGTS], atol=0.05)
    assert len(masked.axis_cm1) == kept.sum()


def test_render_dict_table_and_pictures():
    fit = fit_peaks(AXIS, voigt_sum(AXIS) + 4.0)
    np.testing.assert_allclose(fit.render().intensity, fit.intensity, atol=0.5)
    wide = fit.render(np.linspace(0, 2000, 501), baseline=False)
    assert 0 <= wide.intensity.min() < 0.5
    with pytest.raises(SpectrumError, match="not extrapolated"):
        fit.render(np.linspace(0, 2000, 501))
    values = json.loads(json.dumps(fit.as_dict()))
    assert values["positions_cm1"] == fit.positions_cm1.tolist()
    assert len(fit.tabulate().splitlines()) == len(fit) + 1
    assert "<table>" in fit._repr_html_()
    assert fit.plot().get_legend() is not None
    with pytest.raises(ValueError, match="read-only"):
        fit.heights[0] = 1.0


@pytest.mark.parametrize(
    ("axis", "intensity", "settings", "words"),
    [
        (AXIS[::-1], voigt_sum(AXIS), {}, "ascend"),
        (AXIS, voigt_sum(AXIS)[:-1], {}, "shape"),
        (AXIS, np.full(len(AXIS), np.nan), {}, "0 measured points"),
        (AXIS, np.full(len(AXIS), 2.0), {}, "nothing to fit"),
        (AXIS, np.full(len(AXIS), np.nan), {"mask": np.ones(len(AXIS), bool)}, "not finite"),
        (AXIS, voigt_sum(AXIS), {"mask": np.ones(3, bool)}, "mask has shape"),
        (AXIS, voigt_sum(AXIS), {"shape": "pearson"}, "none of"),
        (AXIS, voigt_sum(AXIS), {"max_peaks": 0}, "max_peaks"),
        (AXIS[:8], voigt_sum(AXIS)[100:108], {"baseline_degree": 3}, "too few"),
    ],
)
def test_refusals(axis, intensity, settings, words):
    with pytest.raises(SpectrumError, match=words):
        fit_peaks(axis, intensity, **settings)


@pytest.mark.parametrize("seed", range(8))
def test_rough_input_gives_finite_numbers(seed):
    rng = np.random.default_rng(seed)
    y = np.cumsum(rng.normal(size=300)) * 10.0 ** rng.integers(-6, 6)
    fit = fit_peaks(np.sort(rng.uniform(100, 4000, 300)), y)
    for name in ("positions", "heights", "fwhm"):
        for value in vars(fit).items():
            if value[0].startswith(name):
                assert np.isfinite(value[1]).all()
    assert np.isfinite(fit.lorentzian_share_error).all()
