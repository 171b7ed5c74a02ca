"""Loaders of multi-instrument sets: what they find, check and say; the numbers of the READMEs where the data are."""

from pathlib import Path

import numpy as np
import pytest

from symvib.errors import DatasetError
from symvib.evaluation import instrument_sets as sets
from symvib.evaluation.instrument_sets import InstrumentSet, charisma, corn, synthetic_instrument_set, tablets

DATA = Path(__file__).resolve().parents[1].parent / "shared/data"


def need(folder: str) -> Path:
    if not (DATA / folder).exists():
        pytest.skip(f"{DATA / folder} is not here")
    return DATA


def uncorrected_rmse(x, y, other, others_y, components):
    from sklearn.cross_decomposition import PLSRegression

    model = PLSRegression(components, scale=False).fit(x, y)
    return float(np.sqrt(np.mean((model.predict(other).ravel() - others_y) ** 2)))


# ---- the value -------------------------------------------------------------------------------------------------------


def test_synthetic_instruments_differ_as_said():
    made = synthetic_instrument_set(3, gain=1.2, offset=0.1, shift=2.0)
    a, b, c = (made.spectra[name] for name in "abc")
    np.testing.assert_allclose(b, 1.2 * a + 0.1, atol=1e-12)
    np.testing.assert_allclose(c[:, 2:], b[:, :-2], atol=1e-12)
    assert made.synthetic
    assert made.as_dict()["synthetic"] is True
    assert "synthetic" in repr(made)
    assert "synthetic" in made.notes[0]


def test_synthetic_sets_are_reproducible_and_differ_by_seed():
    first, again, other = (synthetic_instrument_set(seed, noise=0.01) for seed in (0, 0, 1))
    assert np.array_equal(first.spectra["c"], again.spectra["c"])
    assert not np.allclose(first.spectra["c"], other.spectra["c"])


def test_arrays_are_read_only():
    made = synthetic_instrument_set()
    with pytest.raises(ValueError, match="read-only"):
        made.spectra["a"][0, 0] = 1.0
    with pytest.raises(TypeError):
        made.spectra["d"] = made.spectra["a"]  # pyright: ignore[reportIndexIssue]


def test_taking_rows_keeps_samples_together():
    made = synthetic_instrument_set()
    taken = made.take([5, 2])
    assert taken.sample_ids == ("synthetic-005", "synthetic-002")
    assert np.array_equal(taken.spectra["c"], made.spectra["c"][[5, 2]])
    assert np.array_equal(taken.targets["component_1"], made.targets["component_1"][[5, 2]])
    assert len(made.take(made.targets["component_0"] > 2)) == 0


def test_leaving_out_is_noted_and_unknown_ids_are_refused():
    made = synthetic_instrument_set()
    fewer = made.without(["synthetic-001"])
    assert len(fewer) == len(made) - 1
    assert "synthetic-001" in fewer.notes[-1]
    with pytest.raises(DatasetError, match="no sample synthetic-999"):
        made.without(["synthetic-999"])


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(DatasetError, match="2 samples and 3 channels, which b"):
        InstrumentSet("x", np.arange(3.0), "nm", "A", {"a": np.ones((2, 3)), "b": np.ones((2, 4))}, ("1", "2"))
    with pytest.raises(DatasetError, match="axis must ascend"):
        InstrumentSet("x", np.array([2.0, 1.0]), "nm", "A", {"a": np.ones((1, 2))}, ("1",))


def test_parts_that_are_not_there_are_refused():
    with pytest.raises(DatasetError, match="no part 'test'"):
        synthetic_instrument_set().rows_of("test")


def test_html_escapes():
    made = synthetic_instrument_set()
    object.__setattr__(made, "notes", ("<b>",))
    assert "<b>" not in made._repr_html_()


def test_plot_has_a_line_for_each_instrument():
    import matplotlib as mpl

    mpl.use("Agg")
    assert len(synthetic_instrument_set().plot().lines) == 3


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loader", "origin", "folder"),
    [
        (corn, "eigenvector.com/data/Corn", "corn_nir"),
        (tablets, "ChemometricsWithRData", "tablets_idrc2002"),
        (charisma, "ramanchada2", "raman_multi_instrument"),
    ],
)
def test_absent_files_say_where_they_come_from(loader, origin, folder, monkeypatch, tmp_path):
    monkeypatch.delenv("SYMVIB_DATA", raising=False)
    with pytest.raises(DatasetError, match=f"SYMVIB_DATA.*{folder}.*{origin}.*sha256 [0-9a-f]{{64}}"):
        loader()
    with pytest.raises(DatasetError, match=origin):
        loader(tmp_path)


def test_another_file_is_refused_by_its_checksum(tmp_path):
    np.savez(tmp_path / "corn.npz", m5=np.ones((80, 700)))
    with pytest.raises(DatasetError, match=r"not 699b74a9.*verify=False"):
        corn(tmp_path)
    with pytest.raises(DatasetError, match="cannot be read as the expected"):
        corn(tmp_path, verify=False)


def write_corn(folder, **changes):
    rng = np.random.default_rng(0)
    arrays = {name: rng.random((80, 700)) for name in ("m5", "mp5", "mp6")}
    arrays |= {"m5_nbs": np.ones((3, 700)), "mp5_nbs": np.ones((4, 700)), "mp6_nbs": np.ones((4, 700))}
    arrays |= {"wavelength_nm": 1100 + 2.0 * np.arange(700), "y": rng.random((80, 4))}
    arrays |= {"y_names": np.array(["moisture", "oil", "protein", "starch"])}
    np.savez(folder / "corn.npz", **(arrays | changes))


def test_sizes_nan_and_pickles_are_refused(tmp_path):
    write_corn(tmp_path)
    assert corn(tmp_path, verify=False).instruments == ("m5", "mp5", "mp6")
    write_corn(tmp_path, mp5=np.ones((80, 699)))
    with pytest.raises(DatasetError, match=r"mp5 has shape \(80, 699\)"):
        corn(tmp_path, verify=False)
    write_corn(tmp_path, mp5=np.full((80, 700), np.nan))
    with pytest.raises(DatasetError, match="NaN"):
        corn(tmp_path, verify=False)
    write_corn(tmp_path, mp5=np.array([{}], dtype=object))
    with pytest.raises(DatasetError, match="allow_pickle"):
        corn(tmp_path, verify=False)
    (tmp_path / "corn.npz").write_text("not an archive")
    with pytest.raises(DatasetError, match="cannot be read"):
        corn(tmp_path, verify=False)


def test_the_environment_names_the_folder(tmp_path, monkeypatch):
    (tmp_path / "corn_nir").mkdir()
    write_corn(tmp_path / "corn_nir")
    monkeypatch.setenv("SYMVIB_DATA", str(tmp_path))
    assert len(corn(verify=False)) == 80
    assert len(corn(verify=False, leave_out=sets.CORN_EXTREME_SAMPLES)) == 78


# ---- the measured sets -----------------------------------------------------------------------------------------------


def test_corn_has_the_numbers_of_its_readme():
    data = corn(need("corn_nir"))
    assert (len(data), len(data.axis), data.axis[0], data.axis[-1]) == (80, 700, 1100, 2498)
    assert len(data.directions()) == 6
    assert {name: x.shape[0] for name, x in data.standards.items()} == {"m5": 3, "mp5": 4, "mp6": 4}
    m5, mp5, mp6 = data.spectra.values()
    rms = [float(np.sqrt(np.mean(d**2))) for d in (m5 - mp5, m5 - mp6, mp5 - mp6)]
    np.testing.assert_allclose(rms, [0.0450, 0.0566, 0.0122], atol=6e-5)
    moisture = data.targets["moisture"]
    assert (moisture.min(), moisture.max(), round(moisture.mean(), 3)) == (9.377, 10.993, 10.234)
    assert uncorrected_rmse(m5, moisture, mp5, moisture, 10) == pytest.approx(1.46, abs=0.005)
    assert uncorrected_rmse(m5, moisture, mp6, moisture, 10) == pytest.approx(1.55, abs=0.005)


def test_the_extreme_corn_samples_are_those_named():
    data = corn(need("corn_nir"))
    distance = np.sqrt(np.mean((data.spectra["m5"] - data.spectra["mp5"]) ** 2, axis=1))
    assert data.sample_ids[int(distance.argmax())] == sets.CORN_EXTREME_SAMPLES[0]
    assert np.sort(distance)[-2:].round(3).tolist() == [0.056, 0.074]


def test_tablets_have_the_numbers_of_their_readme():
    data = tablets(need("tablets_idrc2002"))
    assert (len(data), len(data.axis)) == (655, 520)
    assert "520 of 650" in data.notes[0]
    calibrate, test = data.rows_of("calibrate"), data.rows_of("test")
    assay, first, second = data.targets["assay"], data.spectra["1"], data.spectra["2"]
    pairs = [(first, test, 5.57), (second, test, 7.28), (first, data.rows_of("validate"), 4.50)]
    for spectra, rows, expected in pairs:
        found = uncorrected_rmse(first[calibrate], assay[calibrate], spectra[rows], assay[rows], 4)
        assert found == pytest.approx(expected, abs=0.006)


def test_tablet_outliers_are_those_with_the_largest_residuals():
    from sklearn.cross_decomposition import PLSRegression

    data = tablets(need("tablets_idrc2002"))
    rows = data.rows_of("calibrate")
    x, y = data.spectra["1"][rows], data.targets["assay"][rows]
    residuals = np.abs(y - PLSRegression(4, scale=False).fit(x, y).predict(x).ravel())
    largest = sorted(data.sample_ids[rows[i]] for i in np.argsort(residuals)[-4:])
    assert tuple(largest) == sets.TABLET_OUTLIERS
    assert len(tablets(DATA, leave_out=sets.TABLET_OUTLIERS, range_nm=None)) == 651


def test_tablets_without_a_range_have_all_channels():
    data = tablets(need("tablets_idrc2002"), range_nm=None)
    assert len(data.axis) == 650
    with pytest.raises(DatasetError, match="no channel in"):
        tablets(DATA, range_nm=(10.0, 20.0))


def test_charisma_shows_the_shifts_of_its_readme():
    data = charisma(need("raman_multi_instrument"))
    assert (len(data.instruments), len(data)) == (10, 7)
    assert "s062" in data.notes[1]

    def peaks(sample, low, high):
        inside = (data.axis >= low) & (data.axis <= high)
        row = data.sample_ids.index(sample)
        return [float(data.axis[inside][x[row, inside].argmax()]) for x in data.spectra.values()]

    for sample, window, expected in [
        ("PST", (960, 1040), (998.9, 1006.9)),
        ("nCAL", (1060, 1110), (1083, 1092)),
        ("S0B", (500, 540), (519.0, 526.1)),
    ]:
        found = peaks(sample, *window)
        np.testing.assert_allclose((min(found), max(found)), expected, atol=1.0)


def test_charisma_does_not_extrapolate():
    with pytest.raises(DatasetError, match="choose it within"):
        charisma(need("raman_multi_instrument"), axis_cm1=(100.0, 2500.0, 1.0))
