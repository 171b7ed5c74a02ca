"""Pictures of line lists: what stands where, in which colour, and that labels do not overlap."""

from itertools import pairwise

import numpy as np
import pytest

from symvib.errors import SpectrumError
from symvib.forward._stick_labels import line_labels, spread
from symvib.forward.kramers_kronig import ComplexRefractiveIndex
from symvib.forward.lines import LineList
from symvib.forward.spectrum import render
from symvib.forward.spectrum_plot import (
    line_visibility,
    picture_path,
    plot_refractive_index,
    plot_spectra,
    plot_spectrum,
    plot_sticks,
    save_figure,
)


def benzene():
    # Some levels of benzene; wavenumbers and intensities are round numbers, not results.
    return LineList(
        [370.0, 580.0, 693.0, 993.0, 1091.0, 1461.0, 3084.0, 3093.0],
        [0.0, 0.0, 30.0, 0.0, 10.0, 20.0, 250.0, 0.0],
        [0.0, 16.0, 0.0, 50.0, 0.0, 0.0, 0.0, 600.0],
        irreps=("E2u", "E2g", "A2u", "A1g", "E1u", "E1u", "E1u", "A1g"),
        degeneracies=[2, 2, 1, 1, 2, 2, 2, 1],
        name="benzene",
        point_group="D6h",
        method="made up",
    )


def water():
    return LineList([1595.0, 3657.0, 3756.0, -5.0], [54.0, 2.2, 45.0, 0.0], [1.2, 105.0, 27.0, 0.0], name="H2O")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_infrared_stands_above_raman_and_silent_last():
    figure = plot_spectra(benzene())
    panels = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    by_height = sorted({ax.get_subplotspec().rowspan.start: ax for ax in reversed(panels)}.items())
    names = [ax.get_ylabel().split("\n")[0] for _, ax in by_height]
    assert names == ["IR", "Raman", "silent"]
    low, high = by_height[0][1].get_xlim()
    assert low > high  # wavenumbers fall from left to right
    assert by_height[0][1].get_shared_x_axes().joined(by_height[0][1], by_height[1][1])


def test_title_says_simulated_group_and_width():
    title = plot_spectra(benzene(), fwhm_cm1=8).get_suptitle()
    assert "benzene ($D_{6h}$): simulated, made up, scale 1.000" in title
    assert "Lorentzian, FWHM 8" in title


def test_exclusion_no_line_in_both_panels():
    figure = plot_spectra(benzene())
    infrared, raman = figure.axes[0], figure.axes[1]
    assert texts(infrared) == ["$A_{2u}$ 693", "$E_{1u}$ 1091", "$E_{1u}$ 1461", "$E_{1u}$ 3084"]
    assert texts(raman) == ["$E_{2g}$ 580", "$A_{1g}$ 993", "$A_{1g}$ 3093"]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["IR only: 7 modes", "Raman only: 4 modes", "silent: 2 modes"]


def test_shared_lines_carry_diamonds_and_imaginary_ones_are_named():
    figure = plot_spectra(water())
    markers = {line.get_marker() for ax in figure.axes for line in ax.lines}
    assert "D" in markers
    assert "o" not in markers
    assert any("1 imaginary (5i" in text for text in texts(figure.axes[0]))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["IR and Raman: 3 modes"]


@pytest.mark.parametrize("lines", [benzene(), water()], ids=["D6h", "no group"])
def test_labels_do_not_overlap(lines):
    crowded = LineList(np.linspace(1000, 1100, 60), np.ones(60), np.ones(60)) if lines.point_group == "" else lines
    figure = plot_spectra(crowded)
    figure.canvas.draw()
    for ax in figure.axes:
        boxes = sorted((text.get_window_extent() for text in ax.texts if text.get_text()), key=lambda box: box.x0)
        for left, right in pairwise(boxes):
            assert left.x1 <= right.x0 + 1.0  # pixels


def test_visibility_by_rules_and_by_intensities():
    assert line_visibility(benzene())[:3] == ("silent", "Raman", "IR")
    # A vanishing intensity of an allowed line does not change what the rules say.
    weak = LineList([1.0], [0.0], [0.0], irreps=("A1",), point_group="C2v")
    assert line_visibility(weak) == ("both",)
    assert line_visibility(LineList([1.0, 2.0], [5.0, 1e-5], [0.0, 7.0])) == ("IR", "Raman")
    with pytest.raises(SpectrumError, match="no raman"):
        line_visibility(LineList([1.0], [1.0]))


def test_one_technique_gives_one_panel():
    figure = plot_spectra(LineList([1000.0, 1500.0], [1.0, 2.0]))
    assert len(figure.axes) == 2  # envelope and sticks
    with pytest.raises(SpectrumError, match="neither"):
        plot_spectra(LineList([1000.0]))
    with pytest.raises(SpectrumError, match="LineList or NormalModes"):
        plot_spectra([1000.0])
    with pytest.raises(SpectrumError, match="no line above 0"):
        plot_spectra(LineList([-10.0], [1.0]))


def test_degenerate_partners_are_one_label():
    pair = LineList([700.0, 700.0, 900.0], [1.0, 1.0, 2.0], irreps=("E", "E", "A1"), point_group="C3v")
    assert texts(plot_spectra(pair).axes[0]) == ["$E$ 700", "$A_{1}$ 900"]


@pytest.mark.parametrize(
    "targets",
    [[1.0, 1.0, 9.0], [0.0, 0.0, 0.0], [10.0, 10.0], [2.0, 2.1, 2.2, 8.0]],
    ids=["pair", "low", "high", "four"],
)
def test_spread_keeps_gaps_and_bounds(targets):
    places = spread(np.array(targets), 1.0, 0.0, 10.0)
    assert (np.diff(places) >= 1.0 - 1e-12).all()
    assert places[0] >= 0
    assert places[-1] <= 10


def test_labels_drop_an_irrep_that_all_lines_share():
    assert line_labels(LineList([1.0, 2.0], irreps=("A", "A"))) == ["1", "2"]
    assert line_labels(LineList([1.0, 2.0], irreps=("A1", "E"))) == ["$A_{1}$ 1", "$E$ 2"]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_figures_are_saved_and_reproducible(suffix, tmp_path):
    first = save_figure(plot_spectra(water()), tmp_path / f"a{suffix}")
    second = save_figure(plot_spectra(water()), tmp_path / f"b{suffix}")
    assert first.read_bytes() == second.read_bytes()
    assert len(list(tmp_path.iterdir())) == 2  # no temporary file left


def test_unknown_suffix_and_missing_folder_are_refused(tmp_path):
    figure = plot_spectra(water())
    with pytest.raises(SpectrumError, match=r"\.png, \.svg, \.pdf"):
        save_figure(figure, tmp_path / "a.jpeg")
    with pytest.raises(SpectrumError, match="no folder"):
        save_figure(figure, tmp_path / "none" / "a.png")


def test_names_with_dollars_are_drawn(tmp_path):
    odd = LineList([1000.0], [1.0], name="$x_{", method="5$ a_")
    save_figure(plot_spectra(odd), tmp_path / "odd.png")
    odd.plot().figure.savefig(tmp_path / "sticks.png")


def test_plots_of_results_return_axes():
    lines = water()
    assert plot_sticks(lines).xaxis_inverted()
    assert lines.plot(quantity="raman").get_ylabel().startswith("Raman")
    spectrum = render(lines, np.linspace(1000, 4000, 501))
    assert plot_spectrum(spectrum).xaxis_inverted()
    assert not spectrum.to_axis_unit("um").plot().xaxis_inverted()
    index = ComplexRefractiveIndex.from_absorption(spectrum, concentration_mol_per_l=1.0)
    assert len(plot_refractive_index(index).lines) == 2
    assert spectrum._repr_html_().count("data:image/svg+xml") == 1
    assert "img" in index._repr_html_()


def test_cross_sections_where_a_laser_is_given():
    figure = plot_spectra(benzene(), laser_nm=532, temperature_k=300)
    assert "laser 532 nm, 300 K" in figure.get_suptitle()
    names = [ax.get_ylabel() for ax in figure.axes]
    assert sum("m$^2$ sr$^{-1}$" in name for name in names) == 2  # envelope and sticks of the Raman panel
    assert not any("Å" in name for name in names)
    with pytest.raises(SpectrumError, match="no Raman intensities"):
        plot_spectra(LineList([1000.0], [1.0]), laser_nm=532)


def test_the_kind_of_picture_is_known_before(tmp_path):
    assert picture_path(tmp_path / "a.PDF").name == "a.PDF"
    with pytest.raises(SpectrumError, match="suffix"):
        picture_path(tmp_path / "a.gif")
    with pytest.raises(SpectrumError, match="no folder"):
        picture_path(tmp_path / "b" / "a.png")
