"""Line shapes, rendering, Spectrum and the Kramers-Kronig pair."""

import json
import tracemalloc
from math import log, pi

import numpy as np
import pytest
from scipy.integrate import quad

from symvib.errors import SpectrumError
from symvib.forward.beer_lambert import (
    absorbance_to_transmittance,
    molar_absorption_integral,
    transmittance_to_absorbance,
)
from symvib.forward.kramers_kronig import (
    ComplexRefractiveIndex,
    absorption_index_from_dispersion,
    dispersion_from_absorption_index,
)
from symvib.forward.line_shapes import SHAPES, gaussian, line_shape, lorentzian, pseudo_voigt, voigt, voigt_fwhm
from symvib.forward.lines import LineList
from symvib.forward.spectrum import Spectrum, render

WIDTHS = {"gaussian": 7.0, "lorentzian": 7.0, "voigt": (4.0, 3.0), "pseudo_voigt": 7.0}


@pytest.fixture
def water():
    return LineList(
        [1595.0, 3657.0, 3756.0], [54.0, 2.2, 45.0], [1.2, 105.0, 27.0], name="water", method="made up"
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------- line shapes


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_have_unit_area(shape):
    profile = line_shape(shape, WIDTHS[shape])
    # Substitution x = tan t carries the whole line, Lorentzian wings included, to a finite interval.
    area = quad(lambda t: float(profile(np.array(np.tan(t)))) / np.cos(t) ** 2, -pi / 2, pi / 2, epsabs=1e-12)[0]
    assert area == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_half_height_is_at_half_the_stated_width(shape):
    width = WIDTHS[shape]
    total = voigt_fwhm(*width) if shape == "voigt" else width
    profile = line_shape(shape, width)
    for side in (-0.5, 0.5):
        assert profile(side * total) / profile(0.0) == pytest.approx(0.5, rel=1e-13)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_pseudo_voigt_keeps_its_width_for_every_share(share):
    assert pseudo_voigt(2.5, 5.0, share) / pseudo_voigt(0.0, 5.0, share) == pytest.approx(0.5, rel=1e-14)


def test_voigt_is_the_convolution():
    def convolved(x):
        return quad(lambda y: gaussian(y, 4.0) * lorentzian(x - y, 3.0), -60, 60, epsabs=1e-13, limit=400)[0]

    for x in (0.0, 1.7, 6.0, 25.0):
        assert voigt(x, 4.0, 3.0) == pytest.approx(convolved(x), rel=1e-9)


def test_voigt_limits():
    x = np.linspace(-20, 20, 41)
    np.testing.assert_allclose(voigt(x, 5.0, 0.0), gaussian(x, 5.0), rtol=1e-13)
    np.testing.assert_allclose(voigt(x, 0.0, 5.0), lorentzian(x, 5.0), rtol=1e-13)


@pytest.mark.parametrize("pair", [(1.0, 1.0), (10.0, 0.01), (1e-3, 5.0), (3e-5, 1e-5), (200.0, 300.0)])
def test_voigt_fwhm_agrees_with_olivero_and_longbothum(pair):
    g, lorentz = pair
    estimate = 0.5346 * lorentz + np.sqrt(0.2166 * lorentz**2 + g**2)  # J. Quant. Spectrosc. 17, 233: within 0.02 %
    assert voigt_fwhm(*pair) == pytest.approx(estimate, rel=3e-4)


@pytest.mark.parametrize(
    ("shape", "fwhm", "words"),
    [
        ("gauss", 5.0, "gaussian, lorentzian, voigt, pseudo_voigt"),
        ("gaussian", 0.0, "positive"),
        ("lorentzian", -1.0, "positive"),
        ("gaussian", np.nan, "positive"),
        ("gaussian", (1.0, 2.0), "one width"),
        ("voigt", 5.0, "pair"),
        ("voigt", (-1.0, 2.0), "0 or more"),
        ("voigt", (0.0, 0.0), "one of them positive"),
    ],
)
def test_bad_shapes_are_refused(shape, fwhm, words):
    with pytest.raises(SpectrumError, match=words):
        line_shape(shape, fwhm)


def test_bad_share_is_refused():
    with pytest.raises(SpectrumError, match="between 0 and 1"):
        line_shape("pseudo_voigt", 5.0, 1.1)


# ------------------------------------------------------------------------------------------------------ rendering


@pytest.mark.parametrize("shape", SHAPES)
def test_render_equals_the_plain_loop(shape, water):
    axis = np.sort(np.random.default_rng(3).uniform(500, 4500, 500))  # not evenly spaced
    profile = line_shape(shape, WIDTHS[shape])
    pairs = zip(water.wavenumbers_cm1, water.ir_km_per_mol, strict=True)
    expected = sum(100 / log(10) * area * profile(axis - centre) for centre, area in pairs)
    np.testing.assert_allclose(render(water, axis, shape, WIDTHS[shape]).intensity, expected, rtol=1e-13)


def test_render_ir_integral_in_exact_units(water):
    # int eps dnu over everything = 100 A / ln 10 (km/mol to L mol^-1 cm^-2); a Gaussian has no wings to lose.
    spectrum = render(water, np.arange(1000, 4500, 0.5), "gaussian", 20.0)
    assert spectrum.integrate() == pytest.approx(100 / log(10) * 101.2, rel=1e-10)
    assert spectrum.unit == "L mol^-1 cm^-1"


def test_km_per_mol_by_dimensions():
    # One band: napierian molar cross-section integrated over wavenumber, everything in SI.
    eps_integral = float(molar_absorption_integral(1.0))  # L mol^-1 cm^-2
    si = eps_integral * 1e-3 * 100**2 * log(10)  # m^3 mol^-1 m^-2 = m/mol, napierian
    assert si == pytest.approx(1000.0, rel=1e-14)  # 1 km/mol


def test_render_raman_integral(water):
    spectrum = render(water, np.arange(1000, 4500, 0.5), "gaussian", 20.0, quantity="raman")
    assert spectrum.integrate() == pytest.approx(133.2, rel=1e-10)
    assert (spectrum.quantity, spectrum.simulated, spectrum.name) == ("raman", True, "water")
    assert spectrum.source == "simulated, made up, scale 1.000"


def test_render_raman_cross_section_uses_the_laser(water):
    axis = np.arange(1000, 4500, 0.5)
    green = render(water, axis, "gaussian", 20.0, "raman_cross_section", laser_nm=532.0)
    red = render(water, axis, "gaussian", 20.0, "raman_cross_section", laser_nm=785.0)
    # nu^4 law of the bending line alone
    ratio = green.integrate(1400, 1800) / red.integrate(1400, 1800)
    assert ratio == pytest.approx(((1e7 / 532 - 1595) / (1e7 / 785 - 1595)) ** 4, rel=1e-8)
    with pytest.raises(SpectrumError, match="laser"):
        render(water, axis, "gaussian", 20.0, "raman_cross_section")


def test_imaginary_and_zero_modes_are_never_rendered():
    axis = np.linspace(-200, 1000, 601)
    with_imaginary = render(LineList([-100.0, 0.0, 500.0], [50.0, 50.0, 10.0]), axis)
    alone = render(LineList([500.0], [10.0]), axis)
    np.testing.assert_array_equal(with_imaginary.intensity, alone.intensity)


def test_empty_list_renders_to_zero():
    assert render(LineList([], []), [1.0, 2.0]).intensity.tolist() == [0.0, 0.0]


def test_render_memory_is_bounded():
    lines = LineList(np.linspace(100, 4000, 2000), np.ones(2000))
    axis = np.linspace(0, 4500, 20_000)  # the full matrix would take 320 MB
    tracemalloc.start()
    render(lines, axis)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


def test_merged_levels_render_the_same_spectrum():
    lines = LineList([700.0, 700.0, 900.0], [30.0, 30.0, 5.0], irreps=("E", "E", "A1"))
    axis = np.linspace(500, 1100, 300)
    np.testing.assert_allclose(render(lines.merged(), axis).intensity, render(lines, axis).intensity, rtol=1e-13)


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        ([3.0, 2.0, 1.0], r"axis\[::-1\]"),
        ([1.0, 1.0], "ascend strictly"),
        ([1.0], "two points"),
        ([[1.0, 2.0]], "one dimension"),
        ([1.0, np.nan], "nan"),
        (["a", "b"], "numbers"),
    ],
)
def test_bad_axis_is_refused(water, axis, words):
    with pytest.raises(SpectrumError, match=words):
        render(water, axis)


def test_missing_intensities_and_unknown_quantity_are_refused():
    with pytest.raises(SpectrumError, match="no raman"):
        render(LineList([1.0], [1.0]), [1.0, 2.0], quantity="raman")
    with pytest.raises(SpectrumError, match="quantities are"):
        render(LineList([1.0], [1.0]), [1.0, 2.0], quantity="roa")


# ------------------------------------------------------------------------------------------------------- Spectrum


def test_beer_lambert_there_and_back(water):
    spectrum = render(water, np.linspace(1000, 4500, 701))
    transmittance = spectrum.transmittance(0.5, 0.01)
    assert ((transmittance.intensity > 0) & (transmittance.intensity <= 1)).all()
    back = transmittance.to_absorbance().to_molar_absorption(0.5, 0.01)
    # T near 1 is rounded to 1e-16, an absorbance to 5e-17, and eps to that over c l = 0.005 mol L^-1 cm.
    np.testing.assert_allclose(back.intensity, spectrum.intensity, rtol=1e-12, atol=1e-13)
    assert back.quantity == "ir"


def test_absorbance_and_transmittance_known_values():
    np.testing.assert_allclose(absorbance_to_transmittance([0, 1, 2]), [1, 0.1, 0.01], rtol=1e-15)
    np.testing.assert_allclose(transmittance_to_absorbance([1, 0.1, 0.01]), [0, 1, 2], atol=1e-15)


@pytest.mark.parametrize("value", [0.0, -0.01, np.nan])
def test_dark_transmittance_is_refused(value):
    with pytest.raises(SpectrumError, match="1 of 2 values"):
        transmittance_to_absorbance([0.5, value])


@pytest.mark.parametrize("pair", [(0.0, 1.0), (1.0, -1.0), (np.nan, 1.0)])
def test_bad_concentration_or_path_is_refused(water, pair):
    with pytest.raises(SpectrumError, match="positive"):
        render(water, [1.0, 2.0]).absorbance(*pair)


def test_wrong_quantity_is_refused(water):
    with pytest.raises(SpectrumError, match="'ir' is needed"):
        render(water, [1.0, 2.0], quantity="raman").absorbance(1.0, 1.0)


@pytest.mark.parametrize("unit", ["um", "nm"])
def test_axis_conversion_there_and_back(unit):
    spectrum = Spectrum([500.0, 1000.0, 2500.0], [0.1, 0.2, 0.3], "absorbance")
    there = spectrum.to_axis_unit(unit)
    assert there.axis[0] == pytest.approx({"um": 4.0, "nm": 4000.0}[unit])
    assert there.intensity.tolist() == [0.3, 0.2, 0.1]
    back = there.to_axis_unit("cm-1")
    np.testing.assert_allclose(back.axis, spectrum.axis, rtol=1e-15)
    assert back.intensity.tolist() == spectrum.intensity.tolist()


def test_axis_um_to_nm_keeps_the_order():
    there = Spectrum([4.0, 5.0], [1.0, 2.0], axis_unit="um").to_axis_unit("nm")
    np.testing.assert_allclose(there.axis, [4000.0, 5000.0])
    assert there.intensity.tolist() == [1.0, 2.0]


def test_raman_shift_has_no_wavelength(water):
    with pytest.raises(SpectrumError, match="difference"):
        render(water, [1.0, 2.0], quantity="raman").to_axis_unit("nm")


def test_axis_from_zero_has_no_wavelength():
    with pytest.raises(SpectrumError, match="above 0"):
        Spectrum([0.0, 1.0], [1.0, 1.0]).to_axis_unit("um")


def test_integrate_is_exact_for_piecewise_linear():
    spectrum = Spectrum([0.0, 1.0, 4.0], [0.0, 2.0, -1.0])
    assert spectrum.integrate() == pytest.approx(1.0 + 1.5)
    assert spectrum.integrate(0.25, 0.75) == pytest.approx(0.5)
    assert spectrum.integrate(0.0, 2.0) + spectrum.integrate(2.0, 4.0) == pytest.approx(spectrum.integrate())


@pytest.mark.parametrize("limits", [(-1, 2), (0, 5), (2, 2), (3, 1), (np.nan, 2)])
def test_integrate_refuses_limits_outside(limits):
    with pytest.raises(SpectrumError, match="limits"):
        Spectrum([0.0, 1.0, 4.0], [0.0, 2.0, -1.0]).integrate(*limits)


@pytest.mark.parametrize("method", ["linear", "pchip"])
def test_on_axis_passes_through_the_points(method):
    spectrum = Spectrum([0.0, 1.0, 4.0], [0.0, 2.0, -1.0])
    finer = spectrum.on_axis([0.0, 0.5, 1.0, 3.0, 4.0], method)
    np.testing.assert_allclose(finer.intensity[[0, 2, 4]], spectrum.intensity, atol=1e-15)
    assert finer.intensity[1] == pytest.approx(1.0, abs=0.4)


def test_on_axis_refuses_extrapolation_and_unknown_methods():
    spectrum = Spectrum([0.0, 1.0], [0.0, 1.0])
    with pytest.raises(SpectrumError, match="extrapolated"):
        spectrum.on_axis([0.5, 1.5])
    with pytest.raises(SpectrumError, match="pchip"):
        spectrum.on_axis([0.5, 0.6], "spline")


def test_normalized(water):
    assert render(water, np.linspace(1000, 4000, 1000)).normalized().intensity.max() == 1.0
    with pytest.raises(SpectrumError, match="largest value"):
        Spectrum([0.0, 1.0], [0.0, 0.0]).normalized()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0, 2.0], [1.0]), "shape"),
        (([1.0, 2.0], [1.0, np.inf]), "inf at 2"),
        (([1.0, 2.0], [1.0, 1.0], "colour"), "none of"),
        (([1.0, 2.0], [1.0, 1.0], "ir", "eV"), "cm-1, um, nm"),
    ],
)
def test_bad_spectra_are_refused(arguments, words):
    with pytest.raises(SpectrumError, match=words):
        Spectrum(*arguments)


def test_spectrum_arrays_are_read_only_copies():
    given = np.array([1.0, 2.0])
    spectrum = Spectrum(given, given)
    given[0] = 9.0
    assert spectrum.axis[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        spectrum.intensity[0] = 2.0


def test_spectrum_dict_round_trip(water):
    spectrum = render(water, np.linspace(1000, 4000, 11), "voigt", (3.0, 4.0))
    again = Spectrum.from_dict(json.loads(json.dumps(spectrum.as_dict())))
    assert again.as_dict() == spectrum.as_dict()
    assert again.fwhm_cm1 == (3.0, 4.0)


# ------------------------------------------------------------------------------------------------- Kramers-Kronig


def oscillator(axis, width=10.0):
    """Refractive index of one damped Lorentz oscillator at 1000 cm-1 with eps_inf = 2, exact (Im N > 0)."""
    return np.sqrt(2.0 + 0.01 * 1000.0**2 / (1000.0**2 - axis**2 - 1j * width * axis))


def relative_error(found, exact):
    return np.abs(found - exact).max() / np.abs(exact).max()


@pytest.mark.parametrize(("steps_per_width", "bound"), [(5, 0.045), (10, 0.0105), (20, 0.0025), (50, 0.0004)])
def test_pair_against_the_lorentz_oscillator(steps_per_width, bound):
    axis = np.arange(1, 600 * steps_per_width + 1) * 10.0 / steps_per_width
    if len(axis) > 15_000:  # the same step, a narrower window
        axis = axis[2500:12_500]
    index = oscillator(axis)
    change = index.real - np.sqrt(2)
    assert relative_error(dispersion_from_absorption_index(axis, index.imag), change) < bound
    if len(axis) == 600 * steps_per_width:
        assert relative_error(absorption_index_from_dispersion(axis, change), index.imag) < bound


def test_pair_converges_at_second_order():
    errors = []
    for step in (2.0, 1.0, 0.5):
        axis = np.arange(step, 3000, step)
        index = oscillator(axis, 20.0)
        errors.append(relative_error(dispersion_from_absorption_index(axis, index.imag), index.real - np.sqrt(2)))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.2)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.1)


def test_pair_on_an_uneven_axis():
    axis = np.union1d(np.geomspace(1, 20_000, 1500), 1000 + 20 * np.sinh(np.linspace(-4, 4, 1200)))
    axis = axis[axis > 0]
    index = oscillator(axis)
    change = index.real - np.sqrt(2)
    assert relative_error(dispersion_from_absorption_index(axis, index.imag), change) < 5e-4
    assert relative_error(absorption_index_from_dispersion(axis, change), index.imag) < 5e-4


def test_tails_of_a_window_cut_near_the_band():
    # 700 to 1300 cm-1 around a band of 10 cm-1: the continued wings carry what lies outside.
    axis = np.arange(700, 1300.1, 0.5)
    index = oscillator(axis)
    assert relative_error(dispersion_from_absorption_index(axis, index.imag), index.real - np.sqrt(2)) < 0.0025
    assert relative_error(absorption_index_from_dispersion(axis, index.real - np.sqrt(2)), index.imag) < 0.009


def test_transform_against_quadrature_of_the_same_piecewise_linear_function():
    axis = np.array([100.0, 150.0, 230.0, 300.0])
    k = np.array([0.0, 1.0, 0.5, 0.0])  # zero ends: no tails
    found = dispersion_from_absorption_index(axis, k)

    def principal(nu):
        def integrand(x):
            return 2 * x * np.interp(x, axis, k) / ((x + nu) * pi)

        pieces = quad(integrand, 100, 300, weight="cauchy", wvar=nu, epsabs=1e-12, limit=500)
        return pieces[0]

    assert found[1] == pytest.approx(principal(150.0), abs=2e-4)  # quad meets the kink at the pole itself
    finer = np.sort(np.append(axis, 187.0))
    refined = dispersion_from_absorption_index(finer, np.interp(finer, axis, k))
    assert refined[2] == pytest.approx(principal(187.0), abs=1e-8)
    np.testing.assert_allclose(np.delete(refined, 2), found, rtol=1e-12)  # a point on a straight piece changes nothing


def test_axis_may_start_at_zero():
    axis = np.arange(0, 3000, 1.0)
    index = oscillator(axis, 30.0)
    change = index.real - np.sqrt(2)
    assert relative_error(dispersion_from_absorption_index(axis, index.imag), change) < 2e-3
    back = absorption_index_from_dispersion(axis, change)
    assert back[0] == pytest.approx(0.0, abs=1e-12)


def test_sum_rule_static_index():
    # n(0) - n_inf = (2/pi) int k / nu dnu, an integral that needs no principal value.
    axis = np.arange(0.5, 4000, 0.5)
    k = oscillator(axis, 20.0).imag
    found = dispersion_from_absorption_index(axis, k)[0]
    assert found == pytest.approx(2 / pi * np.sum(k / axis) * 0.5, rel=1e-4)


def test_refractive_index_of_a_spectrum_there_and_back():
    axis = np.linspace(400, 4000, 3601)
    spectrum = render(LineList([1000.0, 3000.0], [100.0, 30.0]), axis)
    index = ComplexRefractiveIndex.from_absorption(spectrum, n_inf=1.45, concentration_mol_per_l=12.0)
    assert index.n.max() > 1.45 > index.n.min()
    np.testing.assert_allclose(index.absorption_per_cm, log(10) * 12.0 * spectrum.intensity, rtol=1e-13)
    np.testing.assert_allclose(index.to_spectrum().intensity, spectrum.intensity, rtol=1e-13)
    density = 12.0 * 6.02214076e23 / 1000
    same = ComplexRefractiveIndex.from_absorption(spectrum, n_inf=1.45, number_density_per_cm3=density)
    np.testing.assert_allclose(same.n, index.n, rtol=1e-13)
    np.testing.assert_allclose(index.permittivity, (index.n + 1j * index.k) ** 2)
    assert ((index.reflectance > 0) & (index.reflectance < 1)).all()
    again = ComplexRefractiveIndex.from_dict(json.loads(json.dumps(index.as_dict())))
    assert again.as_dict() == index.as_dict()


def test_dispersion_alone_gives_the_absorption_index():
    axis = np.arange(1, 8000, 1.0)
    exact = oscillator(axis, 20.0)
    index = ComplexRefractiveIndex.from_dispersion(axis, exact.real, n_inf=float(np.sqrt(2)))
    assert relative_error(index.k, exact.imag) < 2e-3


@pytest.mark.parametrize("densities", [{}, {"concentration_mol_per_l": 1.0, "number_density_per_cm3": 1e20}])
def test_exactly_one_density_is_needed(densities, water):
    with pytest.raises(SpectrumError, match="give one of them"):
        ComplexRefractiveIndex.from_absorption(render(water, [1.0, 2.0]), **densities)


def test_bad_kramers_kronig_input_is_refused(water):
    with pytest.raises(SpectrumError, match="'ir'"):
        ComplexRefractiveIndex.from_absorption(render(water, [1.0, 2.0], quantity="raman"), concentration_mol_per_l=1)
    with pytest.raises(SpectrumError, match="finite"):
        dispersion_from_absorption_index([1.0, 2.0], [np.nan, 1.0])
    with pytest.raises(SpectrumError, match="0 or more"):
        dispersion_from_absorption_index([-1.0, 2.0], [0.0, 1.0])
    with pytest.raises(SpectrumError, match="n_inf"):
        ComplexRefractiveIndex([1.0, 2.0], [1.0, 1.0], [0.0, 0.0], n_inf=0.0)
