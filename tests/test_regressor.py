"""Regression on spectra with the manners of scikit-learn, on made-up and on measured near-infrared spectra."""

import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="spektron needs torch (symvib[ml])")
pytest.importorskip("sklearn", reason="SpektronRegressor needs scikit-learn (symvib[ml])")

from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.model_selection import KFold, cross_val_score  # noqa: E402
from sklearn.utils.estimator_checks import estimator_checks_generator  # noqa: E402

from symvib.errors import ModelError, SpectrumError  # noqa: E402
from symvib.spektron._linear_heads import cross_validated, linear_head  # noqa: E402
from symvib.spektron.config import preset  # noqa: E402
from symvib.spektron.model import Spektron  # noqa: E402
from symvib.spektron.regressor import SpektronRegressor  # noqa: E402

DATA = Path(os.path.realpath(__file__)).parents[1].parent / "shared/data"
NU = np.linspace(4000.0, 9000.0, 200)
# What takes long in these checks is the encoder: the slow ones run with `make test-slow`.
QUICK_CHECKS = {
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_estimator_cloneable",
    "check_get_params_invariance",
    "check_set_params",
    "check_estimators_unfitted",
    "check_estimators_overwrite_params",
    "check_n_features_in",
    "check_fit1d",
    "check_estimators_nan_inf",
    "check_regressors_no_decision_function",
    "check_supervised_y_2d",
    "check_dict_unchanged",
    "check_transformer_general",
    "check_complex_data",
    "check_fit2d_1sample",
    "check_fit2d_1feature",
}
# float32 sums depend on the number of rows in a batch, at 1e-6: the check wants 1e-7.
NOT_MET = {"check_methods_subset_invariance", "check_methods_sample_order_invariance"}


@pytest.fixture(scope="module")
def tiny():
    return Spektron(preset("tiny").with_(channels=256, layers=1))


def mixtures(n, seed=0):
    """Two bands whose areas are two shares, on a wandering baseline."""
    rng = np.random.default_rng(seed)
    shares = rng.random((n, 2))
    bands = np.stack([np.exp(-(((NU - c) / 250) ** 2)) for c in (5200, 7000)])
    baseline = 0.2 * rng.random((n, 1)) * (NU / 9000)
    return shares @ bands + baseline + 0.3 + 0.001 * rng.normal(size=(n, len(NU))), shares


class TestRegression:
    @pytest.mark.parametrize("features", ["chem+tokens", "tokens", "spectrum", "chem+tokens+spectrum"])
    @pytest.mark.parametrize("head", ["ridge", "pls"])
    def test_shares_are_found(self, tiny, features, head):
        spectra, shares = mixtures(60)
        fitted = SpektronRegressor(tiny, features=features, head=head)
        fitted.fit(spectra[:45], shares[:45], axis_cm1=NU, modality="nir")
        assert fitted.score(spectra[45:], shares[45:]) > 0.9
        assert fitted.predict(spectra[45:]).shape == (15, 2)
        assert fitted.transform(spectra[45:]).shape == (15, tiny.config.chem)
        one = SpektronRegressor(**clone(fitted).get_params()).fit(
            spectra[:45], shares[:45, 0], axis_cm1=NU, modality="nir"
        )
        assert one.predict(spectra[45:]).shape == (15,)

    def test_direction_of_the_axis_does_not_matter(self, tiny):
        spectra, shares = mixtures(30)
        up = SpektronRegressor(tiny).fit(spectra, shares, axis_cm1=NU, modality="nir")
        down = SpektronRegressor(tiny).fit(spectra[:, ::-1], shares, axis_cm1=NU[::-1], modality="nir")
        assert np.array_equal(up.predict(spectra), down.predict(spectra[:, ::-1]))

    def test_test_samples_do_not_reach_the_fit(self, tiny):
        spectra, shares = mixtures(40)
        fitted = SpektronRegressor(tiny).fit(spectra[:20], shares[:20], axis_cm1=NU, modality="nir")
        alone, among = fitted.predict(spectra[20:21]), fitted.predict(spectra[20:])[:1]
        assert np.allclose(alone, among, atol=1e-4)

    def test_fine_tuning_leaves_the_given_model_alone_and_is_repeatable(self, tiny):
        spectra, shares = mixtures(30)
        before = {name: value.clone() for name, value in tiny.state_dict().items()}
        options = {"fine_tune_epochs": 2, "learning_rate": 1e-3}
        place = {"axis_cm1": NU, "modality": "nir"}
        first, second = (SpektronRegressor(tiny, **options).fit(spectra, shares, **place) for _ in range(2))
        assert all(torch.equal(before[name], value) for name, value in tiny.state_dict().items())
        assert first.fine_tuned_epochs_ > 0
        assert not torch.equal(first.encoder_.latent.weight, tiny.latent.weight)
        assert np.array_equal(first.predict(spectra), second.predict(spectra))

    @pytest.mark.parametrize("head", ["ridge", "pls"])
    @pytest.mark.parametrize("scaled", [True, False])
    def test_the_path_agrees_with_fits_one_by_one(self, head, scaled):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(30, 12)) * rng.uniform(0.1, 10, 12)
        y = x[:, :2] @ rng.normal(size=(2, 2)) + 0.1 * rng.normal(size=(30, 2))
        folds = KFold(4, shuffle=True, random_state=1)
        penalties = (1e-3, 1.0, 100.0) if head == "ridge" else (1, 2, 3, 4)
        errors = cross_validated(x, y, head, penalties, folds, scaled)
        for penalty, error in zip(penalties, errors, strict=True):
            rest = [
                (linear_head(head, penalty, scaled).fit(x[a], y[a]).predict(x[b]) - y[b]) / y.std(0)
                for a, b in folds.split(x)
            ]
            assert error == pytest.approx(np.sqrt(np.mean(np.concatenate(rest) ** 2)), rel=1e-6)

    def test_cross_val_score_passes_the_axis(self, tiny):
        spectra, shares = mixtures(40)
        scores = cross_val_score(
            SpektronRegressor(tiny, features="tokens"),
            spectra,
            shares[:, 0],
            params={"axis_cm1": NU, "modality": "nir"},
            cv=3,
        )
        assert scores.min() > 0.8


class TestRefusals:
    @pytest.mark.parametrize(
        "options",
        [
            {"features": "chem+chem"},
            {"features": "all"},
            {"head": "svm"},
            {"preprocessing": "x"},
            {"folds": 1},
            {"places": 0},
        ],
    )
    def test_options(self, tiny, options):
        with pytest.raises(ModelError, match="SpektronRegressor"):
            SpektronRegressor(tiny, **options).fit(*mixtures(4), axis_cm1=NU)

    def test_axis_and_modality(self, tiny):
        spectra, shares = mixtures(4)
        for axis, words in ((NU[:-1], "shape"), (np.full(200, np.nan), "finite"), (np.roll(NU, 3), "neither ascends")):
            with pytest.raises(SpectrumError, match=words):
                SpektronRegressor(tiny).fit(spectra, shares, axis_cm1=axis)
        with pytest.raises(ModelError, match="'uv' is none of them"):
            SpektronRegressor(tiny).fit(spectra, shares, axis_cm1=NU, modality="uv")
        for call in ("predict", "transform"):
            with pytest.raises(NotFittedError):
                getattr(SpektronRegressor(tiny), call)(spectra)


class TestScikitLearn:
    @pytest.fixture(scope="class")
    def checks(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("model")  # two copies of a torch module do not hash alike, two paths do
        Spektron(preset("tiny").with_(channels=54, layers=0, experts=0, experts_per_token=1)).save(folder)
        return list(estimator_checks_generator(SpektronRegressor(str(folder), folds=2)))

    def run(self, checks, chosen):
        done = set()
        for estimator, check in checks:
            name = check.func.__name__
            if name in chosen:
                done.add(name)
                try:
                    check(estimator)
                except pytest.skip.Exception:
                    continue
        return done

    @pytest.mark.filterwarnings("ignore")
    def test_quick_checks(self, checks):
        names = {check.func.__name__ for _, check in checks}
        assert self.run(checks, QUICK_CHECKS) == QUICK_CHECKS & names
        assert len(QUICK_CHECKS & names) > 10

    @pytest.mark.slow
    @pytest.mark.filterwarnings("ignore")
    def test_all_checks(self, checks):
        names = {check.func.__name__ for _, check in checks} - NOT_MET - {"check_array_api_input"}
        assert self.run(checks, names) == names


class TestMeasured:
    @pytest.fixture(autouse=True)
    def _there(self):
        if not DATA.is_dir():
            pytest.skip(f"measured spectra are not there: {DATA}")

    def test_moisture_of_corn(self):
        """An encoder with random weights keeps most of what PLS finds in the spectrum itself."""
        with np.load(DATA / "corn_nir/corn.npz") as file:
            nu, spectra, moisture = 1e7 / file["wavelength_nm"], file["m5"], file["y"][:, 0]
        order = np.random.default_rng(0).permutation(80)
        train, test = order[:60], order[60:]
        model = Spektron(preset("tiny"))
        scores = {
            features: SpektronRegressor(model, features=features, head="pls")
            .fit(spectra[train], moisture[train], axis_cm1=nu, modality="nir")
            .score(spectra[test], moisture[test])
            for features in ("spectrum", "tokens")
        }
        assert scores["spectrum"] > 0.99
        assert scores["tokens"] > 0.85
