"""Asking a model about measured spectra: what comes back, what is said about trust, and the command."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="spektron needs torch (symvib[ml])")
pytest.importorskip("safetensors", reason="spektron needs safetensors (symvib[ml])")
pytest.importorskip("sklearn", reason="the novelty score needs scikit-learn (symvib[ml])")

from symvib.cli import app  # noqa: E402
from symvib.errors import ModelError, SpectrumError  # noqa: E402
from symvib.forward.lines import LineList  # noqa: E402
from symvib.forward.spectrum import render  # noqa: E402
from symvib.forward.spectrum_files import spectrum_to_csv  # noqa: E402
from symvib.spektron.calibration import MahalanobisDistance  # noqa: E402
from symvib.spektron.config import preset  # noqa: E402
from symvib.spektron.functional_groups import GROUP_NAMES  # noqa: E402
from symvib.spektron.library import EmbeddingLibrary, quantised  # noqa: E402
from symvib.spektron.model import Spektron  # noqa: E402
from symvib.spektron.model_calibration import ModelCalibration, encoded_in_batches  # noqa: E402
from symvib.spektron.predict import Predictor, predict  # noqa: E402

NU = np.arange(450.0, 3951.0, 4.0)
N = 24


def lines_of(seed):
    rng = np.random.default_rng(seed)
    n = rng.integers(5, 30)
    return LineList(np.sort(rng.uniform(500, 3500, n)), rng.exponential(size=n), rng.exponential(size=n))


def spectra_of(model, seeds):
    axis = model.axis.double().numpy()
    both = [[render(lines_of(s), axis, fwhm_cm1=20.0, quantity=q).intensity for q in ("ir", "raman")] for s in seeds]
    return torch.tensor(np.array(both), dtype=torch.float32)


@pytest.fixture(scope="module")
def model():
    return Spektron(preset("tiny").with_(functional_groups=len(GROUP_NAMES), layers=1)).eval()


@pytest.fixture(scope="module")
def predictor(model):
    spectra = spectra_of(model, range(N))
    embeddings = {
        "ir": model.embed(spectra[:, :1], modalities=("ir",)),
        "raman": model.embed(spectra[:, 1:], modalities=("raman",)),
        "ir+raman": model.embed(spectra),
    }
    library = EmbeddingLibrary.of(embeddings, [f"molecule {k}" for k in range(N)], ["C6H6"] * N, ["c1ccccc1"] * N)
    labels = np.random.default_rng(0).integers(0, 2, (N, len(GROUP_NAMES)))
    calibration = ModelCalibration.fit(model, spectra, spectra_of(model, range(100, 100 + N)), labels)
    return Predictor(model, library, calibration, name="stand-in")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spectra")
    lines = lines_of(3)
    spectrum_to_csv(render(lines, NU, fwhm_cm1=20.0), folder / "ir.csv")
    spectrum_to_csv(render(lines, NU, fwhm_cm1=20.0, quantity="raman"), folder / "raman.csv")
    return folder


class TestPredict:
    @pytest.mark.parametrize("kinds", [("ir",), ("raman",), ("ir", "raman")])
    def test_the_molecule_itself_is_the_nearest(self, predictor, files, kinds):
        found = predictor.predict(**{kind: files / f"{kind}.csv" for kind in kinds}, nearest=5)
        assert found.nearest[0].id == "molecule 3"
        assert found.nearest[0].similarity > 0.99
        assert len(found.nearest) == 5
        assert [n.similarity for n in found.nearest] == sorted((n.similarity for n in found.nearest), reverse=True)
        assert {g.name for g in found.groups} == set(GROUP_NAMES)
        assert all(0 <= g.probability <= 1 for g in found.groups)
        assert set(found.reconstruction) == {"ir", "raman"}
        assert found.calibrated

    def test_a_shift_of_the_axis_is_looked_for(self, predictor):
        spectrum = render(lines_of(3), NU, fwhm_cm1=20.0)
        channel = float(predictor.model.axis.diff().mean())
        found, off = (predictor.predict(np.stack([NU + d, spectrum.intensity], axis=1)) for d in (0.0, 4 * channel))
        assert off.nearest[0].id == found.nearest[0].id == "molecule 3"
        assert off.nearest[0].similarity > 0.99

    def test_gain_and_direction_of_the_axis_do_not_matter(self, predictor):
        spectrum = render(lines_of(3), NU, fwhm_cm1=20.0)
        one = predictor.predict(spectrum)
        other = predictor.predict(np.stack([NU[::-1], 5 * spectrum.intensity[::-1]], axis=1))
        assert np.allclose([g.probability for g in one.groups], [g.probability for g in other.groups], atol=1e-4)
        assert any("turned round" in note for note in other.inputs[0].notes)

    def test_channels_that_were_not_measured_do_not_matter(self, predictor, model):
        part = NU[(NU > 600) & (NU < 1800)]
        full = render(lines_of(3), NU, fwhm_cm1=20.0).on_axis(part)
        item = predictor.input_of(full, "ir")
        spoiled = item.values.copy()
        spoiled[~item.coverage] = 99.0
        seen = torch.tensor(item.coverage)[None, None]
        with torch.no_grad():
            chem = [
                model.encode(torch.tensor(v, dtype=torch.float32)[None, None], modalities=("ir",), seen=seen).chem.mean
                for v in (item.values, spoiled)
            ]
        assert torch.equal(*chem)

    def test_another_kind_of_spectrum_is_strange(self, predictor):
        noise = np.abs(np.random.default_rng(0).normal(size=len(NU)))
        strange = predictor.predict(raman=np.stack([NU, noise], axis=1)).novelty
        assert min(strange.p_misfit, strange.p_latent) == pytest.approx(1 / (N + 1))
        # On the channels of the calibration spectra; another coverage is another distribution.
        axis = predictor.model.axis.double().numpy()
        usual = [
            predictor.predict(raman=render(lines_of(200 + k), axis, fwhm_cm1=20.0, quantity="raman")).novelty.p_latent
            for k in range(10)
        ]
        assert np.mean(usual) > 0.2

    def test_without_calibration_and_library_it_says_so(self, model, files):
        found = predict(files / "ir.csv", model=Predictor(model))
        assert not found.calibrated
        assert found.nearest == ()
        assert found.novelty is None
        assert "not calibrated" in found.to_text()
        assert len(found.notes) == 2

    def test_refusals(self, predictor, model):
        with pytest.raises(SpectrumError, match="give ir=, raman= or both"):
            predictor.predict()
        with pytest.raises(SpectrumError, match="by its own words"):
            predictor.predict(ir=render(lines_of(3), NU, quantity="raman"))
        with pytest.raises(ModelError, match="functional groups; 2 names"):
            Predictor(model, group_names=("a", "b"))
        with pytest.raises(ModelError, match="embeddings of 3"):
            Predictor(model, EmbeddingLibrary.of({"ir": np.eye(3)}, "abc"))
        part = predictor.calibration.of_modalities(("ir",))
        other = replace(part, distance=MahalanobisDistance(np.zeros(3), np.eye(3)))
        with pytest.raises(ModelError, match="with 3 numbers of z_chem"):
            Predictor(model, calibration=ModelCalibration({"ir": other}))

    def test_views(self, predictor, files):
        found = predictor.predict(files / "ir.csv")
        values = json.loads(json.dumps(found.as_dict(), allow_nan=False))
        assert values["nearest"][0]["id"] == "molecule 3"
        assert "simulated" in values["caveat"]
        assert "functional group" in str(found)
        assert "<img" in found._repr_html_()
        labels = [t.get_text() for t in found.plot().get_legend().get_texts()]
        assert set(labels) == {
            "IR, given",
            "IR, reconstructed by the model",
            "Raman, predicted by the model, not given",
        }


class TestCompanions:
    def test_library_comes_back_and_int8_hardly_changes_cosines(self, predictor, tmp_path):
        library = predictor.library
        library.save(tmp_path)
        again = EmbeddingLibrary.load(tmp_path)
        assert again.ids == library.ids
        assert np.array_equal(again.embeddings["ir"], library.embeddings["ir"])
        vectors = np.random.default_rng(0).normal(size=(200, 256))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        stored = EmbeddingLibrary.of({"ir": vectors}, [str(k) for k in range(200)])
        assert np.abs(stored.similarities(vectors[0], ["ir"]) - vectors @ vectors[0]).max() < 2e-3

    def test_quantised_rows_of_zero(self):
        assert not quantised(np.zeros((1, 4)))[0].any()

    def test_calibration_comes_back(self, predictor, model, tmp_path):
        predictor.calibration.save(tmp_path)
        again = ModelCalibration.load(tmp_path)
        spectra = spectra_of(model, [7])
        values = encoded_in_batches(model, spectra, ("ir", "raman"))
        first, second = (c.of_modalities(("raman", "ir")) for c in (predictor.calibration, again))
        assert first.novelty(values["chem"][0], values["misfit"][0]) == second.novelty(
            values["chem"][0], values["misfit"][0]
        )
        assert np.allclose(first.groups.slopes, second.groups.slopes, rtol=1e-6)
        assert again.of_modalities(("nir",)) is None

    def test_damage_and_absence(self, tmp_path):
        for kind in (EmbeddingLibrary, ModelCalibration):
            with pytest.raises(ModelError, match="there is no"):
                kind.load(tmp_path)
        for name, kind in (("library", EmbeddingLibrary), ("calibration", ModelCalibration)):
            (tmp_path / f"{name}.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
            with pytest.raises(ModelError, match="damaged"):
                kind.load(tmp_path)

    def test_names_that_unpack_to_no_end_are_refused(self, predictor, tmp_path, monkeypatch):
        predictor.library.save(tmp_path)
        monkeypatch.setattr("symvib.spektron.library._MOST_TEXT", 10)
        with pytest.raises(ModelError, match="longer than 10 bytes"):
            EmbeddingLibrary.load(tmp_path)

    def test_all_comes_back_from_a_folder(self, predictor, files, tmp_path):
        for part in (predictor.model, predictor.library, predictor.calibration):
            part.save(tmp_path)
        again = Predictor.from_pretrained(tmp_path)
        first, second = (p.predict(files / "ir.csv") for p in (predictor, again))
        assert [g.name for g in first.groups] == [g.name for g in second.groups]
        assert [n.id for n in first.nearest] == [n.id for n in second.nearest]


def test_companions_of_other_weights_are_refused(predictor, model):
    other = Spektron(model.config, seed=1)
    assert other.fingerprint() != model.fingerprint()
    with pytest.raises(ModelError, match="calibration was made with other weights"):
        Predictor(other, None, predictor.calibration)
    library = EmbeddingLibrary.of({"ir": np.eye(3, 128)}, ["a", "b", "c"], weights=model.fingerprint())
    Predictor(model, library)
    with pytest.raises(ModelError, match="library was made with other weights"):
        Predictor(other, library)


def test_properties_that_the_model_cannot_predict_are_not_shown(files):
    model = Spektron(preset("tiny").with_(layers=1, properties=2))
    model.metrics["property_scale"] = {"names": ["gap_ev", "mass_u"], "mean": [1.0, 2.0], "deviation": [1.0, 2.0]}
    assert Predictor(model).predict(files / "ir.csv").properties == {}
    model.metrics["held_out"] = {"properties_r2": {"gap_ev": 0.1, "mass_u": 0.9}}
    assert set(Predictor(model).predict(files / "ir.csv").properties) == {"mass_u"}


class TestCommand:
    @pytest.fixture(autouse=True)
    def _shipped(self, predictor, monkeypatch):
        monkeypatch.setattr(Predictor, "from_pretrained", classmethod(lambda cls, name: predictor))

    def run(self, *arguments):
        return CliRunner().invoke(app, ["predict", *map(str, arguments)])

    def test_text_json_and_picture(self, files, tmp_path):
        result = self.run(files / "ir.csv", "--raman", files / "raman.csv", "--plot", tmp_path / "p.png")
        assert result.exit_code == 0, result.output
        assert "nearest in the library" in result.stdout
        assert (tmp_path / "p.png").stat().st_size > 1000
        result = self.run("--raman", files / "raman.csv", "--json", "-")
        assert [i["modality"] for i in json.loads(result.stdout)["inputs"]] == ["raman"]

    def test_refusals_are_one_line(self, files, tmp_path):
        (tmp_path / "empty.csv").write_text("")
        for arguments, words in (
            ((tmp_path / "empty.csv",), "is empty"),
            ((tmp_path / "no.csv",), "no such file"),
            (("--raman", files / "ir.csv"), "by its own words"),
            ((files / "ir.csv", "--unit", "eV"), "is none of"),
            ((files / "ir.csv", "--plot", tmp_path / "x.bmp"), ".png"),
        ):
            result = self.run(*arguments)
            assert result.exit_code == 1, arguments
            assert words in result.stderr
            assert len(result.stderr.strip().splitlines()) == 1
        assert self.run().exit_code == 2


def test_a_library_knows_what_has_no_spectrum():
    pytest.importorskip("pyarrow", reason="the shipped molecules need pyarrow (symvib[ml])")
    from symvib.spektron.companions import library_of
    from symvib.spektron.training_data import load_training_data
    from symvib.spektron.views import has_spectrum

    data = load_training_data(["lines_symmetric_gfn2"])
    model = Spektron(preset("tiny").with_(layers=1))
    rows = np.arange(300)
    present = has_spectrum(data.lines[torch.from_numpy(rows)], model.axis).numpy()
    assert not present.all()
    library = library_of(model, data, rows)
    assert library.weights == model.fingerprint()
    for k, key in enumerate(("ir", "raman")):
        assert (library.embeddings[key].any(1) == present[:, k]).all()
    assert (library.embeddings["ir+raman"].any(1) == present.any(1)).all()
    with pytest.raises(ModelError, match="asked for nir"):
        library.similarities(np.ones(128), ["nir"])


def test_what_is_usual_is_measured_on_molecules_only(monkeypatch):
    pytest.importorskip("pyarrow", reason="the shipped molecules need pyarrow (symvib[ml])")
    from symvib.spektron import companions, scores
    from symvib.spektron.training_data import load_training_data

    made = []

    class Recorder(companions.ViewSampler):
        def batch(self, step):
            made.append(super().batch(step))
            return made[-1]

    data = load_training_data(["lines_symmetric_gfn2"])
    model = Spektron(preset("tiny").with_(layers=1, channels=256))
    for module in (companions, scores):
        monkeypatch.setattr(module, "ViewSampler", Recorder)
    companions._measured(model, data, "train", 64, 0)
    means = scores._mean_spectra(data, model)
    assert len(made) == 2
    assert all(batch.real.all() and len(set(batch.molecules.tolist())) == len(batch) for batch in made)
    infrared = made[1].reference[made[1].present[:, 0], 0]
    assert torch.allclose(means["reference"][0], infrared.mean(0), atol=1e-5)


@pytest.mark.slow
def test_companions_of_a_model_trained_on_the_shipped_molecules(tmp_path):
    pytest.importorskip("pyarrow", reason="the shipped molecules need pyarrow (symvib[ml])")
    from symvib.spektron.companions import write_companions
    from symvib.spektron.training_data import load_training_data

    data = load_training_data(["lines_symmetric_gfn2"])
    config = preset("tiny").with_(
        channels=256,
        layers=1,
        functional_groups=len(data.group_names),
        properties=len(data.property_names),
    )
    model = Spektron(config)
    write_companions(model, data, tmp_path, molecules=64)
    model.save(tmp_path)
    again = Predictor.from_pretrained(tmp_path)
    assert len(again.library) == len(data)
    assert again.group_names == data.group_names
    row = 5
    batch = data.lines[torch.tensor([row])]
    shown = batch.wavenumbers_cm1[0] > 0
    lines = LineList(*(values[shown].double().numpy() for values in (batch.wavenumbers_cm1[0], *batch.intensities[0])))
    found = again.predict(render(lines, NU, fwhm_cm1=10.0), render(lines, NU, fwhm_cm1=10.0, quantity="raman"))
    assert found.calibrated
    assert found.properties == {}  # nobody has said how well it predicts them


def test_a_library_of_few_dimensions_orders_alike(tmp_path):
    """Vectors in a subspace lose nothing but the rounding, on disk and back."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 10)) @ rng.normal(size=(10, 64))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    small = EmbeddingLibrary.of({"ir": vectors}, [str(k) for k in range(300)], dimensions=12)
    small.save(tmp_path)
    again = EmbeddingLibrary.load(tmp_path)
    assert again.embeddings["ir"].shape == (300, 12)
    assert np.abs(again.similarities(vectors[7], ["ir"]) - vectors @ vectors[7]).max() < 0.02
    with pytest.raises(ModelError, match="64 numbers"):
        again.similarities(vectors[7, :12], ["ir"])
