"""Spektron: what it may see, what it must not, and that every part of it learns."""

import json

import pytest
import torch

from symvib.errors import ModelError
from symvib.spektron.ablation import ARMS, TOLERANCE, ablation_arm, parameter_count
from symvib.spektron.bottleneck import Gaussian, product_of_experts
from symvib.spektron.config import PRESETS, SpektronConfig, preset
from symvib.spektron.experts import MixtureOfExperts
from symvib.spektron.model import Spektron, normalised
from symvib.spektron.tokenizer import ConvolutionTokenizer, PatchTokenizer, token_centres

TINY = preset("tiny").with_(functional_groups=5, properties=3)


@pytest.fixture(scope="module")
def model():
    return Spektron(TINY).eval()


@pytest.fixture(scope="module")
def spectra():
    return torch.rand(4, 2, TINY.channels, generator=torch.Generator().manual_seed(1))


def everything(model, encoded):
    """All that the model says about the spectra, in one vector."""
    said = [
        encoded.chem.mean,
        encoded.inst.mean,
        model.masked_reconstruction(encoded),
        model.functional_group_logits(encoded.chem.mean),
        model.predicted_properties(encoded.chem.mean),
        model.retrieval_embedding(encoded.chem.mean),
        model.reconstruct(encoded.chem.mean, encoded.inst.mean[:, 0], encoded.modalities[0]),
    ]
    return torch.cat([part.detach().flatten() for part in said])


@pytest.mark.parametrize("arm", ["spektron", "transformer", "cnn"])
def test_masked_channels_cannot_change_anything(arm, spectra):
    model = Spektron(ablation_arm(arm, functional_groups=5, properties=3)).eval()
    seen = torch.ones_like(spectra, dtype=torch.bool)
    seen[:, :, 300:700] = False
    seen[2, 1, 1500:] = False
    before = everything(model, model.encode(spectra, seen=seen))
    disturbed = torch.where(seen, spectra, 1e3 * torch.randn_like(spectra))
    assert torch.equal(before, everything(model, model.encode(disturbed, seen=seen)))
    visible = spectra.clone()
    visible[:, :, 800] += 0.5
    assert not torch.equal(before, everything(model, model.encode(visible, seen=seen)))


def test_to_embed_changes_nothing_and_looks_at_one_molecule_at_a_time(spectra):
    model = Spektron(TINY).train()
    before = model.fingerprint()
    whole = model.embed(spectra)
    assert model.training
    assert model.fingerprint() == before
    assert torch.allclose(whole, torch.cat([model.embed(row[None]) for row in spectra]), atol=1e-5)


def test_any_scale_is_as_good_as_another(model, spectra):
    for factor in (1e-30, 1e-13, 1e20):
        assert torch.allclose(model.embed(factor * spectra), model.embed(spectra), atol=1e-4)


def test_in_double_precision(spectra):
    model = Spektron(TINY).double().eval()
    found = model.embed(spectra.double())
    assert found.dtype == torch.float64
    assert torch.allclose(found.float(), Spektron(TINY).embed(spectra), atol=1e-4)


def test_a_spectrum_of_which_nothing_is_seen_is_missing(model, spectra):
    seen = torch.ones_like(spectra, dtype=torch.bool)
    seen[:, 1] = False
    encoded = model.encode(spectra, seen=seen)
    assert not encoded.present[:, 1].any()
    present = torch.tensor([True, False]).expand(len(spectra), -1)
    assert torch.equal(encoded.chem.mean, model.encode(spectra, present=present).chem.mean)


def test_what_does_not_fit_the_spectra_is_refused(model, spectra):
    for options in ({"present": torch.ones(4, 1, dtype=torch.bool)}, {"seen": torch.ones(4, 2, 9, dtype=torch.bool)}):
        with pytest.raises(ModelError, match="are needed"):
            model.encode(spectra, **options)
    axis = model.axis.clone()
    axis[-1] = torch.inf
    with pytest.raises(ModelError, match="finite"):
        model.encode(spectra, axis=axis)


def test_the_gradient_by_a_spectrum_is_finite_where_it_is_zero():
    spectra = torch.zeros(2, 1, TINY.channels)
    spectra[:, 0, 500] = 1.0
    spectra.requires_grad_()
    Spektron(TINY).encode(spectra, modalities=("ir",)).chem.mean.sum().backward()
    assert spectra.grad is not None
    assert torch.isfinite(spectra.grad).all()
    assert spectra.grad.abs().sum() > 0


def test_channels_that_are_not_seen_may_hold_anything(model, spectra):
    seen = torch.ones_like(spectra, dtype=torch.bool)
    seen[..., 100:200] = False
    holes = torch.where(seen, spectra, float("nan"))
    assert torch.equal(
        everything(model, model.encode(spectra, seen=seen)), everything(model, model.encode(holes, seen=seen))
    )


def test_a_missing_spectrum_cannot_change_what_is_said_of_the_molecule(model, spectra):
    present = torch.tensor([[True, False]] * 4)
    other = spectra.clone()
    other[:, 1] = 7.0
    first, second = (model.encode(x, present=present) for x in (spectra, other))
    alone = model.encode(spectra[:, :1], modalities=("ir",))
    assert torch.equal(first.chem.mean, second.chem.mean)
    assert torch.allclose(first.chem.mean, alone.chem.mean, atol=1e-5)


def test_scale_does_not_matter(model, spectra):
    assert torch.allclose(model.embed(spectra), model.embed(1e4 * spectra), atol=1e-5)


def test_embedding_by_parts_takes_the_options_of_the_part(model, spectra):
    axes = model.axis + torch.arange(8.0).view(4, 2, 1)
    present = torch.tensor([[True, False], [True, True], [False, True], [True, True]])
    seen = torch.rand(spectra.shape, generator=torch.Generator().manual_seed(2)) < 0.9
    options = {"axis": axes, "present": present, "seen": seen}
    assert torch.allclose(model.embed(spectra, **options), model.embed(spectra, 3, **options), atol=1e-6)
    assert model.embed(spectra[:0]).shape == (0, TINY.embedding)
    assert torch.equal(model.embed(spectra.double()), model.embed(spectra))


def test_normalised_is_blind_to_what_is_not_seen():
    values, scale = normalised(torch.tensor([[1.0, -2.0, 50.0]]), torch.tensor([[True, True, False]]))
    assert values.tolist() == [[0.5, -1.0, 0.0]]
    assert scale.tolist() == [[2.0]]


def test_any_axis_and_modality(model):
    nir = torch.rand(2, 1, 700)
    axis = torch.linspace(4000.0, 9090.0, 700)
    encoded = model.encode(nir, modalities=("nir",), axis=axis)
    assert encoded.tokens.shape == (2, 1, 26, TINY.width)
    assert model.masked_reconstruction(encoded).shape == nir.shape
    shifted = model.encode(nir, modalities=("nir",), axis=axis + 500)
    assert not torch.allclose(encoded.chem.mean, shifted.chem.mean)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x: m.encode(x[0]), "shape"),
        (lambda m, x: m.encode(x, modalities=("ir", "uv")), "unknown modality"),
        (lambda m, x: m.encode(x[..., :100]), "axis of 2048"),
        (lambda m, x: m.encode(x, axis=m.axis.flip(0)), "ascend"),
        (lambda m, x: m.encode(x, axis=torch.full_like(m.axis, float("nan"))), "ascend"),
        (lambda m, x: m.encode(x, axis=m.axis.expand(3, 2, -1)), "axis of 3 x 2 x 2048"),
        (lambda m, x: m.encode(torch.full_like(x, float("nan"))), "NaN"),
    ],
)
def test_what_cannot_be_encoded_is_refused(model, spectra, call, message):
    with pytest.raises(ModelError, match=message):
        call(model, spectra)


def test_token_centres_are_where_the_convolutions_look():
    """Turning one channel on changes the token at whose centre it is more than any other, on average over weights."""
    tokenizer = ConvolutionTokenizer(TINY.with_(kernels=(3,) * 7), 1)
    assert tokenizer(torch.zeros(1, 1, 2048)).shape == (1, 76, TINY.width)
    centres = token_centres(torch.arange(2048.0), 27)
    assert centres[:3].tolist() == [13.0, 40.0, 67.0]
    convolutions = [layer for layer in tokenizer.layers if hasattr(layer, "convolution")]
    x = torch.zeros(1, 1, 2048)
    x[..., 13 + 27 * 30] = 1.0
    for layer in convolutions:  # all weights 1: what remains is where they look
        with torch.no_grad():
            layer.convolution.weight.fill_(1.0)
            layer.convolution.bias.zero_()
        x = layer(x)
    assert x.detach().sum(1).argmax().item() == 30
    assert torch.equal(x.detach().sum(1)[0, 29:32].gt(0), torch.tensor([False, True, False]))


def test_full_resolution_and_patches():
    full = Spektron(TINY.with_(strides=(1,) * 7, channels=64)).encode(torch.rand(1, 1, 64), modalities=("ir",))
    assert full.tokens.shape[2] == 64
    assert PatchTokenizer(TINY, 3)(torch.rand(2, 3, 2048)).shape == (2, 76, TINY.width)


def test_two_channels_beyond_the_receptive_field_do_not_meet_in_the_tokenizer():
    tokenizer = ConvolutionTokenizer(TINY, 1)
    norms = [m for m in tokenizer.modules() if isinstance(m, torch.nn.GroupNorm)]
    for norm in norms:  # the norms see the whole length; they are not what is tested
        norm.forward = lambda x: x  # type: ignore[method-assign]
    x = torch.zeros(1, 1, 2048)
    there = x.clone()
    there[..., 2000] = 1.0
    changed = (tokenizer(there) - tokenizer(x)).abs().sum(-1)[0] > 0
    assert not changed[:40].any()  # four depthwise layers reach 7 tokens each, the strided ones five
    assert changed[74]


# ------------------------------------------------------------------------------------------------- bottleneck, experts


def test_product_of_experts_is_the_product_of_the_densities():
    mean, log_variance = torch.tensor([[[1.0], [-2.0]]]), torch.log(torch.tensor([[[0.5], [2.0]]]))
    product = product_of_experts(Gaussian(mean, log_variance), torch.tensor([[True, True]]))
    x = torch.linspace(-8, 8, 20001, dtype=torch.float64)
    density = torch.exp(-(x**2) / 2 - (x - 1) ** 2 / (2 * 0.5) - (x + 2) ** 2 / (2 * 2.0))
    expected = (x * density).sum() / density.sum()
    spread = ((x - expected) ** 2 * density).sum() / density.sum()
    assert product.mean.item() == pytest.approx(expected.item(), abs=1e-5)
    assert product.log_variance.exp().item() == pytest.approx(spread.item(), abs=1e-5)
    nothing = product_of_experts(Gaussian(mean, log_variance), torch.tensor([[False, False]]))
    assert nothing.mean.item() == 0.0
    assert nothing.log_variance.item() == 0.0


def test_every_token_goes_to_its_two_best_experts():
    mixture = MixtureOfExperts(8, 16, 4, 2)
    x = torch.randn(3, 5, 8)
    output, routing = mixture(x)
    weights, chosen = routing.probabilities.topk(2)
    expected = torch.zeros(15, 8)
    for token, row in enumerate(x.flatten(0, 1)):
        for weight, number in zip(weights[token] / weights[token].sum(), chosen[token], strict=True):
            expected[token] += weight * mixture.experts[number](row)
    assert torch.allclose(output.flatten(0, 1), expected, atol=1e-6)
    assert routing.load.sum().item() == pytest.approx(1.0)


def test_load_report(model, spectra):
    load = model.encode(spectra).expert_load
    assert load.shape == (TINY.layers, TINY.experts)
    assert torch.allclose(load.sum(1), torch.ones(TINY.layers))


# ------------------------------------------------------------------------------------------------------ configuration


@pytest.mark.parametrize("name", PRESETS)
def test_presets_return_from_json(name):
    config = preset(name)
    assert SpektronConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


def test_sizes_are_what_they_are_called():
    assert parameter_count(preset("tiny")) < 400_000
    assert 1_800_000 < parameter_count(preset("small")) < 2_300_000
    assert 9_000_000 < parameter_count(preset("base")) < 13_000_000


@pytest.mark.parametrize(
    "change",
    [
        {"mixer": "mamba"},
        {"kernels": (4,) * 7},
        {"strides": (3, 3, 3)},
        {"experts_per_token": 5},
        {"width": 50},
        {"layers": True},
        {"lowest_cm1": 5000.0},
        {"modalities": ("ir", "ir")},
        {"chem": 0},
        {"kernels": "wide!!!"},
        {"strides": (3.0,) * 7},
        {"modalities": "ir"},
        {"highest_cm1": float("inf")},
        {"lowest_cm1": "400"},
        {"bottleneck": "no"},
    ],
)
def test_a_wrong_configuration_is_refused(change):
    with pytest.raises(ModelError):
        preset("tiny").with_(**change)


def test_arms_are_matched():
    wanted = parameter_count(preset("tiny"))
    assert all(ablation_arm(name, "small").attention_layers == 0 for name in ARMS)
    with_attention = {name for name in ARMS if ablation_arm(name, attention_layers=1).attention_layers}
    assert with_attention == {"spektron"}
    counts = {name: parameter_count(ablation_arm(name)) for name in ARMS}
    assert all(abs(count / wanted - 1) < TOLERANCE for count in counts.values()), counts


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_runs(name):
    model = Spektron(ablation_arm(name))
    assert torch.isfinite(model.embed(torch.rand(2, 2, 2048))).all()


# ------------------------------------------------------------------------------------------------------------ weights


def test_weights_return_from_disk(model, spectra, tmp_path):
    model.save(tmp_path)
    again = Spektron.from_pretrained(tmp_path)
    assert torch.equal(model.embed(spectra), again.embed(spectra))
    assert again.config == model.config


def changed(folder, file, change):
    (folder / file).write_bytes(change((folder / file).read_bytes()))


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("model.safetensors", lambda raw: raw[:1000], "holds no such model"),
        ("model.safetensors", lambda _: b"", "holds no such model"),
        ("config.json", lambda raw: raw[:50], "holds no such model"),
        ("config.json", lambda raw: raw.replace(b'"hidden": 48', b'"hidden": 49'), "size mismatch"),
        ("config.json", lambda raw: raw.replace(b'"hidden"', b'"hiden"'), "'hiden'"),
        ("metrics.json", lambda _: b"[1]", "holds no such model"),
    ],
)
def test_damaged_weights_are_refused(model, tmp_path, file, change, words):
    model.save(tmp_path)
    changed(tmp_path, file, change)
    with pytest.raises(ModelError, match=words):
        Spektron.from_pretrained(tmp_path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    broken = Spektron(TINY)
    with torch.no_grad():
        broken.latent.bias[3] = float("nan")
    broken.save(tmp_path)
    with pytest.raises(ModelError, match=r"latent\.bias .* not finite"):
        Spektron.from_pretrained(tmp_path)


def test_a_model_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"config\.json and model\.safetensors not in"):
        Spektron.from_pretrained(tmp_path)


def test_the_seed_decides_the_weights():
    same, other = Spektron(TINY, seed=0), Spektron(TINY, seed=1)
    state = torch.random.get_rng_state()
    weights = Spektron(TINY, seed=0).state_dict()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(weights[name], tensor) for name, tensor in same.state_dict().items())
    assert not torch.equal(weights["pool.value.weight"], other.state_dict()["pool.value.weight"])
