"""Spectra as users have them: read, converted, resampled with a coverage mask, or refused with a reason."""

import numpy as np
import pytest

from symvib.errors import SpectrumError
from symvib.forward.lines import LineList
from symvib.forward.spectrum import Spectrum, render
from symvib.forward.spectrum_files import spectrum_to_csv, spectrum_to_jcamp
from symvib.spektron._ordinates import looks_like_transmittance
from symvib.spektron._resampling import covered_channels, resample
from symvib.spektron._two_columns import MOST_POINTS, parse_two_columns
from symvib.spektron.inputs import default_channels, spectral_input, stack_inputs

NU = np.arange(450.0, 3951.0, 2.0)
BANDS = ((1720.0, 12.0, 1.0), (1200.0, 15.0, 0.6), (2950.0, 30.0, 0.5), (700.0, 10.0, 0.3))


def absorbance(nu=NU, peak=0.8):
    centres, widths, heights = np.array(BANDS).T
    return peak * heights @ np.exp(-(((nu - centres[:, None]) / widths[:, None]) ** 2))


def place(found):
    return found.channels_cm1[found.values.argmax()]


class TestReading:
    @pytest.mark.parametrize(
        ("text", "unit", "quantity"),
        [
            ("400.5,0.1\n401.5,0.2\n", None, None),
            ("wavenumber,absorbance\n400.5,0.1\n401.5,0.2\n", "cm-1", "absorbance"),
            ("# made by X\n\ncm-1\t%T\n400,5\t0,1\n401,5\t0,2\n", "cm-1", "transmittance"),
            ("Wavelength [nm]; log(1/R)\n400,5;0,1\n401,5;0,2\n", "nm", "absorbance"),
            ("400.5   0.1\r\n401.5   0.2\r\n\r\n", None, None),
            ("400,5 0,1\n401,5 0,2\n", None, None),
            ('"Raman shift (cm-1)","Intensity"\n400.5,0.1\n401.5,0.2', "cm-1", "raman"),
            ("400.5,0.1,\n401.5,0.2,\n", None, None),
        ],
    )
    def test_two_columns_of_every_kind(self, text, unit, quantity):
        found = parse_two_columns(text, "x.csv")
        assert found.axis.tolist() == [400.5, 401.5]
        assert found.values.tolist() == [0.1, 0.2]
        assert (found.unit, found.quantity) == (unit, quantity)

    def test_the_titles_of_the_columns_decide_where_the_head_names_several_units(self):
        rows = "\n".join(f"{x},{0.1 + (x == 1500)}" for x in range(1200, 1700, 5))
        titled = f"# wavenumber accuracy 0.1 cm-1\nWavelength (nm),Absorbance\n{rows}"
        assert parse_two_columns(titled, "x.csv").unit == "nm"
        assert parse_two_columns(f"# 0.1 cm-1, 785 nm\n{rows}", "x.csv").unit == "cm-1 or nm"

    def test_several_units_are_refused_until_one_is_stated(self, tmp_path):
        path = tmp_path / "x.csv"
        path.write_text("# 0.1 cm-1, 785 nm\n" + "\n".join(f"{x},{0.1 + (x == 1500)}" for x in range(1200, 1700, 5)))
        with pytest.raises(SpectrumError, match="names cm-1 or nm; state unit="):
            spectral_input(path)
        assert abs(place(spectral_input(path, unit="cm-1")) - 1500) < 2

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "is empty"),
            ("  \n\n", "is empty"),
            ("hello\nworld\n", "no pair of numbers"),
            ("1,2,3\n4,5,6\n", "3 columns"),
            ("1\n2\n", "1 column"),
            ("400,0.1\n401,abc\n", "line 2"),
            ("400,0.1\n401\n", "line 2"),
            ("nan,0.1\n401,0.1\n402,abc", "line 3"),
        ],
    )
    def test_what_is_no_spectrum_is_refused(self, text, words, tmp_path):
        path = tmp_path / "x.csv"
        path.write_text(text)
        with pytest.raises(SpectrumError, match=words):
            spectral_input(path)

    def test_missing_cells_are_nan(self):
        assert np.isnan(parse_two_columns("1,2\n2,\n3,nan\n", "x").values[1:]).all()

    def test_own_csv_and_jcamp_agree_with_the_arrays(self, tmp_path):
        pytest.importorskip("jcamp", reason="JCAMP-DX needs the package jcamp (symvib[chem])")
        spectrum = Spectrum(NU, absorbance(), "absorbance", name="mix")
        spectrum_to_csv(spectrum, tmp_path / "a.csv")
        spectrum_to_jcamp(spectrum, tmp_path / "a.jdx")
        direct = spectral_input(spectrum)
        for name in ("a.csv", "a.jdx"):
            found = spectral_input(tmp_path / name)
            assert np.abs(found.values - direct.values).max() < 1e-8
            assert (found.modality, found.notes) == ("ir", ())
            assert found.measured.name == "mix"

    def test_jcamp_says_raman(self, tmp_path):
        pytest.importorskip("jcamp", reason="JCAMP-DX needs the package jcamp (symvib[chem])")
        spectrum = render(LineList([1000.0], raman_a4_per_amu=[5.0]), NU, quantity="raman")
        text = spectrum_to_jcamp(spectrum).replace("RAMAN ACTIVITY (A^4/U PER 1/CM)", "ARBITRARY UNITS")
        (tmp_path / "r.jdx").write_text(text)
        assert spectral_input(tmp_path / "r.jdx").modality == "raman"
        with pytest.raises(SpectrumError, match="by its own words"):
            spectral_input(tmp_path / "r.jdx", modality="ir")

    def test_line_list_folder_binary_and_absence_are_refused(self, tmp_path):
        LineList([1000.0], [1.0]).to_csv(tmp_path / "lines.csv")
        (tmp_path / "binary.csv").write_bytes(b"\0\1\2")
        for name, words in (("lines.csv", "line list"), ("binary.csv", "binary"), ("no.csv", "no such file")):
            with pytest.raises(SpectrumError, match=words):
                spectral_input(tmp_path / name)
        with pytest.raises(SpectrumError, match="is a folder"):
            spectral_input(tmp_path)


class TestAxis:
    def test_descending_is_turned_round_and_said(self):
        up, down = spectral_input(absorbance(), NU), spectral_input(absorbance()[::-1], NU[::-1])
        assert np.array_equal(up.values, down.values)
        assert any("turned round" in note for note in down.notes)

    @pytest.mark.parametrize(("unit", "factor"), [("um", 1e4), ("nm", 1e7)])
    def test_wavelengths(self, unit, factor):
        found = spectral_input(absorbance()[::-1], factor / NU[::-1], unit=unit)
        assert np.abs(found.values - spectral_input(absorbance(), NU).values).max() < 1e-6
        assert any("wavelengths" in note for note in found.notes)

    def test_unstated_micrometres_and_nanometres_are_not_guessed(self):
        with pytest.raises(SpectrumError, match="micrometres"):
            spectral_input(absorbance()[::-1], 1e4 / NU[::-1])
        with pytest.raises(SpectrumError, match="nanometres"):
            spectral_input(np.linspace(0, 1, 700), np.arange(1100.0, 2500.0, 2.0), modality="nir")

    def test_unsorted_and_duplicate_points(self):
        order = np.random.default_rng(0).permutation(len(NU))
        found = spectral_input(absorbance()[order], NU[order])
        assert np.allclose(found.values, spectral_input(absorbance(), NU).values)
        with pytest.raises(SpectrumError, match="several spectra"):
            spectral_input(np.tile(absorbance(), 2), np.tile(NU, 2))

    def test_raman_needs_a_shift(self):
        with pytest.raises(SpectrumError, match="laser"):
            spectral_input(absorbance(), NU, modality="raman", unit="nm")
        nu = np.arange(-500.0, 3500.0, 2.0)
        found = spectral_input(absorbance(np.abs(nu)), nu, modality="raman")
        assert any("zero shift" in note for note in found.notes)

    def test_out_of_range(self):
        with pytest.raises(SpectrumError, match="from 5000 to 9000 cm-1 with 0 points"):
            spectral_input(np.random.default_rng(0).random(500), np.linspace(5000, 9000, 500))

    def test_negative_wavenumbers_of_absorption(self):
        with pytest.raises(SpectrumError, match="light has none there"):
            spectral_input(absorbance(), NU - 1000)


class TestOrdinate:
    @pytest.mark.parametrize("scale", [1.0, 100.0])
    @pytest.mark.parametrize("noise", [0.0, 0.01])
    def test_transmittance_given_as_nothing_is_converted_and_said(self, scale, noise):
        values = scale * (0.97 * 10 ** -absorbance() + noise * np.random.default_rng(1).normal(size=len(NU)))
        found = spectral_input(values, NU)
        assert any("taken as transmittance" in note for note in found.notes)
        assert abs(place(found) - 1720) < 6

    @pytest.mark.parametrize("seed", range(5))
    def test_absorbance_is_left_alone_on_a_sloping_background(self, seed):
        rng = np.random.default_rng(seed)
        values = absorbance() + rng.uniform(0, 0.6) * (NU / 4000) ** rng.integers(-1, 3)
        values = values / values.max() + 0.01 * rng.normal(size=len(NU))
        found = spectral_input(values, NU)
        assert not any("transmittance" in note for note in found.notes)

    def test_a_label_that_the_ordinate_contradicts_is_refused_unless_insisted(self):
        spectrum = Spectrum(NU, 10 ** -absorbance(), "absorbance")
        with pytest.raises(SpectrumError, match="labelled absorbance but its bands dip"):
            spectral_input(spectrum)
        assert "transmittance" not in str(spectral_input(spectrum, quantity="absorbance").notes)
        assert abs(place(spectral_input(spectrum, quantity="transmittance")) - 1720) < 2
        spectrum = Spectrum(NU, 0.01 + 0.9 * absorbance(peak=1.0), "transmittance")
        with pytest.raises(SpectrumError, match="labelled transmittance but its bands rise"):
            spectral_input(spectrum)
        assert abs(place(spectral_input(spectrum, quantity="absorbance")) - 1720) < 2

    def test_an_odd_ceiling_is_refused(self):
        with pytest.raises(SpectrumError, match="ceiling of 7"):
            spectral_input(7 * 10 ** -absorbance(), NU)

    def test_saturation(self):
        found = spectral_input(10 ** -absorbance(peak=6.0), NU, quantity="transmittance")
        assert any("cut at 3" in note for note in found.notes)
        with pytest.raises(SpectrumError, match="too thick"):
            spectral_input(np.where(np.arange(len(NU)) % 2, 0.0, 0.9), NU, quantity="transmittance")
        with pytest.raises(SpectrumError, match="nothing passes"):
            spectral_input(-absorbance(), NU, quantity="transmittance")

    def test_rendered_molecules_are_never_taken_for_transmittance(self):
        rng = np.random.default_rng(3)
        for _ in range(50):
            lines = LineList(np.sort(rng.uniform(400, 4000, 30)), rng.exponential(size=30))
            assert not looks_like_transmittance(render(lines, NU, fwhm_cm1=20.0).intensity).dips


class TestValues:
    @pytest.mark.parametrize(
        ("values", "words"),
        [
            (np.full(len(NU), 0.3), "is flat"),
            (np.zeros(len(NU)), "is flat"),
            (-absorbance() - 0.01, "dip|nowhere positive"),
            (np.full(len(NU), np.nan), "0 of"),
            (np.array(["a"] * len(NU)), "cannot be read as numbers"),
            (absorbance()[:, None], r"shape \(1751, 1\)"),
            (absorbance()[:5], "shape"),
        ],
    )
    def test_refusals(self, values, words):
        with pytest.raises(SpectrumError, match=words):
            spectral_input(values, NU, modality="ir")

    def test_nothing_within_the_channels_is_refused(self):
        nu = np.arange(600.0, 6000.0, 2.0)
        beyond = np.exp(-(((nu - 5200) / 30) ** 2)) * (nu > 4100)
        with pytest.raises(SpectrumError, match="within the model's range, is flat"):
            spectral_input(beyond, nu, modality="ir")

    def test_complex_numbers_are_refused(self):
        with pytest.raises(SpectrumError, match="complex"):
            spectral_input(absorbance() + 0.1j, NU, modality="ir")

    def test_negative_raman_is_refused(self):
        with pytest.raises(SpectrumError, match="nowhere positive"):
            spectral_input(-absorbance() - 0.01, NU, modality="raman")

    def test_ten_million_points_are_refused_early(self):
        many = np.broadcast_to(1.0, 10_000_000)
        with pytest.raises(SpectrumError, match="10000000 points"):
            spectral_input(many, many)
        with pytest.raises(SpectrumError, match="lines; spectra of up to"):
            parse_two_columns("1\n" * (MOST_POINTS + 1), "x")

    def test_a_million_points_are_averaged(self):
        nu = np.linspace(400, 4000, 1_000_000)
        noisy = absorbance(nu) + 0.05 * np.random.default_rng(0).normal(size=len(nu))
        found = spectral_input(noisy, nu, modality="ir")
        assert np.abs(found.values - spectral_input(absorbance(nu), nu).values).max() < 0.05 * 6 / np.sqrt(488)

    def test_nan_leaves_a_hole_that_is_not_covered(self):
        values = absorbance()
        values[(NU > 2300) & (NU < 2400)] = np.nan  # carbon dioxide cut out
        values[10] = np.inf
        found = spectral_input(values, NU)
        hole = (found.channels_cm1 > 2302) & (found.channels_cm1 < 2398)
        assert not found.coverage[hole].any()
        assert found.coverage[(found.channels_cm1 > 452) & (found.channels_cm1 < 2298)].all()
        assert any("NaN or infinite" in note for note in found.notes)

    def test_doubtful_values_are_said(self):
        assert any("difference" in n for n in spectral_input(absorbance() - 0.2, NU).notes)
        assert any("background" in n for n in spectral_input(absorbance(peak=0.1) + 1, NU, modality="raman").notes)
        few = np.arange(450.0, 3951.0, 25.0)
        assert any("apart" in n for n in spectral_input(absorbance(few), few).notes)


class TestResampling:
    def test_own_axis_comes_back_unchanged(self):
        grid = default_channels()
        found = spectral_input(absorbance(grid), grid)
        assert np.array_equal(found.values, absorbance(grid))
        assert found.coverage.all()

    def test_areas_are_kept_when_channels_are_coarser(self):
        nu = np.arange(300.0, 4100.0, 0.05)
        narrow = np.exp(-(((nu - 1700.3) / 0.3) ** 2))
        values, _ = resample(nu, narrow, default_channels())
        step = 3600 / 2047
        assert values.sum() * step == pytest.approx(0.3 * np.sqrt(np.pi), rel=1e-4)

    def test_a_line_is_reproduced_exactly_in_both_directions(self):
        grid = default_channels()
        for n in (50, 5000):
            nu = np.linspace(300.0, 4100.0, n)
            values, covered = resample(nu, np.stack([2 * nu + 1, nu]), grid)
            assert np.allclose(values, [2 * grid + 1, grid], rtol=1e-12)
            assert covered.all()

    def test_edges_and_stitched_ranges(self):
        axis = np.concatenate([np.arange(500.0, 1000.0, 4.0), np.arange(1500.0, 2000.0, 4.0)])
        covered = covered_channels(axis, default_channels())
        nu = default_channels()[covered]
        assert nu.min() > 498
        assert nu.max() < 1998
        assert not ((nu > 1000) & (nu < 1498)).any()

    def test_uncovered_channels_are_zero_and_said(self):
        nu = np.arange(1000.0, 1800.0, 1.0)
        found = spectral_input(absorbance(nu) + 0.05, nu)
        assert (found.values[~found.coverage] == 0).all()
        assert any("only 22% of the model's range" in note for note in found.notes)
        assert found.coverage_share == pytest.approx(0.222, abs=0.002)


class TestResult:
    def test_stacked_for_the_model(self):
        ir = spectral_input(absorbance(), NU, modality="ir")
        raman = spectral_input(absorbance(), NU, modality="raman")
        spectra, present, coverage = stack_inputs([{"ir": ir}, {"ir": ir, "raman": raman}], ("ir", "raman"))
        assert spectra.shape == coverage.shape == (2, 2, 2048)
        assert present.tolist() == [[True, False], [True, True]]
        assert not spectra[0, 1].any()
        for wrong in (
            [{}],
            [],
            [{"nir": ir}],
            [{"ir": ir}, {"ir": spectral_input(ir, channels=np.linspace(500, 3000, 100))}],
        ):
            with pytest.raises(SpectrumError):
                stack_inputs(wrong, ("ir", "raman"))

    def test_other_channels_of_an_input(self):
        ir = spectral_input(absorbance()[::-1], NU[::-1])
        assert spectral_input(ir) is ir
        again = spectral_input(ir, channels=np.linspace(500.0, 3000.0, 300))
        assert again.values.shape == (300,)
        assert again.notes == ir.notes
        with pytest.raises(SpectrumError, match="converted already"):
            spectral_input(ir, unit="nm")

    def test_read_only_and_views(self):
        import json

        found = spectral_input(absorbance(), NU)
        assert not found.values.flags.writeable
        assert json.loads(json.dumps(found.as_dict()))["modality"] == "ir"
        assert found.as_dict()["values"][0] is None
        assert "<img" in found._repr_html_()
        low, high = found.plot().get_xlim()
        assert low > high

    @pytest.mark.parametrize("words", [{"modality": "uv"}, {"unit": "eV"}, {"quantity": "emission"}])
    def test_unknown_words(self, words):
        with pytest.raises(SpectrumError, match="is none of"):
            spectral_input(absorbance(), NU, **words)
