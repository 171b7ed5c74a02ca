"""Low-rank updates, training on with the target's spectra, and alignment of latents."""

import copy
import math

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("ot")

from symvib.errors import ModelError  # noqa: E402
from symvib.spektron.adaptation import adapt, sinkhorn_align  # noqa: E402
from symvib.spektron.config import preset  # noqa: E402
from symvib.spektron.lora import add_lora, lora_parameters, merge_lora  # noqa: E402
from symvib.spektron.losses import sinkhorn_divergence  # noqa: E402
from symvib.spektron.model import Spektron  # noqa: E402

CHANNELS = 270
AXIS = torch.linspace(400.0, 4000.0, CHANNELS)


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def model():
    widths = {
        "tokenizer_widths": (8, 8, 16, 16, 16, 16, 16),
        "width": 16,
        "oscillators": 16,
        "hidden": 32,
        "experts": 2,
    }
    config = preset("tiny").with_(
        layers=1, channels=CHANNELS, kernels=(15,) * 7, chem=32, inst=16, embedding=32, **widths
    )
    return Spektron(config)


@pytest.fixture(scope="module")
def spectra():
    """Ten spectra (10, 1, L) of the same three bands in other proportions, on a slope."""
    centres = torch.tensor([900.0, 1700.0, 2950.0])
    bands = torch.exp(-(((AXIS - centres[:, None]) / 60) ** 2))
    return (draws(10, 3).abs() @ bands + 0.3 * AXIS / 4000)[:, None]


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


# low-rank updates


def test_lora_computes_the_same_at_first_and_leaves_the_model(model, spectra):
    before = state(model)
    adapted = add_lora(model, 2)
    options = {"modalities": ("ir",), "axis": AXIS}
    assert torch.allclose(adapted.embed(spectra, **options), model.embed(spectra, **options), atol=1e-6)
    assert same(before, state(merge_lora(adapted)))
    assert same(before, state(model))
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_lora_trains_the_updates_only_and_fewer_numbers(model):
    adapted = add_lora(model, 2)
    trained = {id(parameter) for parameter in adapted.parameters() if parameter.requires_grad}
    assert trained == {id(parameter) for parameter in lora_parameters(adapted)}
    assert sum(p.numel() for p in lora_parameters(adapted)) < 0.15 * model.parameter_count()
    names = [name for name, _ in adapted.named_parameters() if name.endswith(".up")]
    assert any(".scan.parametrizations.B." in name for name in names)
    assert not any("norm" in name or "embedding.param" in name.replace("axis_embedding", "") for name in names)


def test_merged_model_equals_the_adapted_one_and_has_the_names_of_the_original(model, spectra):
    adapted = add_lora(model, 3)
    with torch.no_grad():
        for number, parameter in enumerate(lora_parameters(adapted)):
            parameter.add_(0.1 * draws(*parameter.shape, seed=number))
    merged = merge_lora(adapted)
    shapes = [(name, parameter.shape) for name, parameter in model.named_parameters()]
    assert [(name, parameter.shape) for name, parameter in merged.named_parameters()] == shapes
    assert all(parameter.requires_grad for parameter in merged.parameters())
    options = {"modalities": ("ir",), "axis": AXIS}
    assert torch.allclose(merged.embed(spectra, **options), adapted.embed(spectra, **options), atol=1e-6)
    assert not torch.allclose(merged.embed(spectra, **options), model.embed(spectra, **options), atol=1e-3)


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_the_change_of_each_matrix_has_the_rank(rank):
    layers = torch.nn.Sequential(torch.nn.Conv1d(6, 8, 5), torch.nn.Flatten(), torch.nn.Linear(8, 12))
    adapted = add_lora(layers, rank, alpha=2.0)
    with torch.no_grad():
        for number, parameter in enumerate(lora_parameters(adapted)):
            parameter.copy_(draws(*parameter.shape, seed=number))
    merged = merge_lora(adapted)
    for place in (0, 2):
        change = (merged[place].weight - layers[place].weight).flatten(1)
        assert torch.linalg.matrix_rank(change, rtol=1e-4) == rank
        assert torch.equal(merged[place].bias, layers[place].bias)
    down, up = lora_parameters(adapted)[:2]
    assert torch.allclose((merged[0].weight - layers[0].weight).flatten(1), 2 / rank * up @ down, atol=1e-5)


def test_lora_of_chosen_matrices():
    layers = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 8))
    adapted = add_lora(layers, 2, include=lambda name, _: name == "1.weight")
    assert [name for name, p in adapted.named_parameters() if p.requires_grad] == [
        "1.parametrizations.weight.0.down",
        "1.parametrizations.weight.0.up",
    ]
    again = add_lora(layers, 2, include=lambda name, _: name == "1.weight")
    assert same(state(adapted), state(again))


def test_lora_says_what_is_wrong():
    layer = torch.nn.Linear(8, 8)
    with pytest.raises(ModelError, match="rank 0"):
        add_lora(layer, 0)
    with pytest.raises(ModelError, match="no matrix of the Linear"):
        add_lora(layer, 8)
    with pytest.raises(ModelError, match="already"):
        add_lora(add_lora(layer, 2), 2)
    with pytest.raises(ModelError, match="no low-rank"):
        merge_lora(layer)


# training on


@pytest.mark.parametrize("trained", ["norm", "bias", "lora", "all"])
def test_adapt_fits_the_spectra_and_leaves_the_model(model, spectra, trained):
    before = state(model)
    adapted = adapt(model, spectra, 25, trained=trained, learning_rate=1e-2, modalities=("ir",), axis=AXIS)
    assert same(before, state(model))
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    after = state(adapted)
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    norms = {name for name, _ in model.named_parameters() if "norm" in name}
    assert changed & norms
    if trained == "norm":
        assert all(before[name].ndim == 1 for name in changed)
        assert not any(name.endswith("latent.bias") for name in changed)
    if trained == "bias":
        assert all(before[name].ndim == 1 for name in changed)
    if trained in ("lora", "all"):
        assert any(name.endswith("scan.B") for name in changed)
    record = adapted.metrics["adaptation"]
    assert record["last_loss"] < 0.9 * record["first_loss"]
    assert record["n_spectra"] == 10
    assert all(parameter.requires_grad for parameter in adapted.parameters())


def test_adapt_helps_on_other_spectra_of_the_same_kind(model, spectra):
    """The other spectra are not given to it; masks are those of another seed."""
    options = {"modalities": ("ir",), "axis": AXIS}
    adapted = adapt(model, spectra[:7], 40, learning_rate=1e-2, **options)
    untouched, after = (
        adapt(m, spectra[7:], 1, learning_rate=0.0, seed=99, **options).metrics["adaptation"]["first_loss"]
        for m in (model, adapted)
    )
    assert after < 0.7 * untouched


def test_adapt_is_deterministic_and_draws_nothing_from_the_global_state(model, spectra):
    options = {"modalities": ("ir",), "axis": AXIS, "batch_size": 3, "seed": 5}
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = adapt(model, spectra, 3, **options)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert same(state(first), state(adapt(model, spectra, 3, **options)))
    assert not same(state(first), state(adapt(model, spectra, 3, **{**options, "seed": 6})))


def test_adapt_does_not_see_channels_that_were_not_measured(model, spectra):
    seen = torch.ones_like(spectra, dtype=torch.bool)
    seen[..., 200:] = False
    other = torch.where(seen, spectra, 123.0)
    options = {"modalities": ("nir",), "axis": AXIS, "seen": seen}
    assert same(state(adapt(model, spectra, 2, **options)), state(adapt(model, other, 2, **options)))


def test_adapt_with_a_missing_modality(model, spectra):
    both = torch.cat([spectra, spectra.flip(0)], 1)
    present = torch.ones(10, 2, dtype=torch.bool)
    present[:4, 1] = False
    noisy = both.clone()
    noisy[:4, 1] = 7.0
    first, second = (adapt(model, x, 2, present=present, axis=AXIS) for x in (both, noisy))
    assert same(state(first), state(second))


def test_adapt_with_an_axis_for_each_spectrum(model, spectra):
    axes = AXIS.expand(10, 1, -1)
    options = {"modalities": ("ir",), "batch_size": 3}
    first, second = (adapt(model, spectra, 2, axis=axis, **options) for axis in (AXIS, axes))
    assert all(torch.allclose(value, state(second)[name], atol=1e-6) for name, value in state(first).items())


def test_no_steps_is_a_copy(model, spectra):
    adapted = adapt(model, spectra, 0, axis=AXIS, modalities=("ir",))
    assert same(state(model), state(adapted))
    assert adapted is not model
    assert adapted.metrics["adaptation"]["last_loss"] is None


def test_transport_brings_the_latents_together(model, spectra):
    options = {"modalities": ("ir",), "axis": AXIS}
    with torch.no_grad():
        source = model.encode(spectra, **options).chem.mean
        target = torch.flip(spectra, [-1]) * 0.5 + 0.2 * AXIS / 4000
        before = sinkhorn_divergence(model.encode(target, **options).chem.mean, source).item()
    adapted = adapt(model, target, 30, objective="transport", source_latents=source, learning_rate=3e-3, **options)
    with torch.no_grad():
        after = sinkhorn_divergence(adapted.encode(target, **options).chem.mean, source).item()
    assert after < 0.5 * before


def test_adapt_to_labelled_spectra_through_a_fixed_head(model, spectra):
    """The labels of rows 7 to 9 are not given; the head is that of the source and stays as it is."""
    labels, head = spectra[:, 0, 38], draws(32) / 32**0.5  # height of the first band

    def squared_error(adapted, rows):
        latents = adapted.encode(spectra[rows], modalities=("ir",), axis=AXIS).chem.mean
        return (latents @ head - labels[rows]).square().mean()

    adapted = adapt(model, spectra[:7], 25, objective=squared_error, learning_rate=1e-2, modalities=("ir",), axis=AXIS)
    record = adapted.metrics["adaptation"]
    assert record["objective"] == "squared_error"
    assert record["last_loss"] < 0.3 * record["first_loss"]
    with torch.no_grad():
        assert squared_error(adapted, torch.arange(7, 10)) < squared_error(model, torch.arange(7, 10))


def test_adapted_model_is_saved_and_loaded(model, spectra, tmp_path):
    from safetensors.torch import load_file

    adapted = adapt(model, spectra, 1, modalities=("ir",), axis=AXIS)
    adapted.save(tmp_path)
    fresh = copy.deepcopy(model)
    fresh.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert same(state(fresh), state(adapted))
    assert '"n_spectra": 10' in (tmp_path / "metrics.json").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"objective": "labels"}, "masked, transport"),
        ({"trained": "head"}, "norm, bias, lora, all"),
        ({"objective": "transport"}, "source_latents"),
        ({"steps": -1}, "-1 steps"),
        ({"batch_size": 0}, "steps of 0"),
        ({"objective": lambda model, rows: model.latent.bias.sum() * math.nan, "steps": 1}, "loss of step 1 is nan"),
    ],
)
def test_adapt_says_what_is_wrong(model, spectra, options, words):
    with pytest.raises(ModelError, match=words):
        adapt(model, spectra, modalities=("ir",), axis=AXIS, **options)
    with pytest.raises(ModelError, match="0 spectra"):
        adapt(model, spectra[:0])


# alignment of latents

METHODS = ("offset", "affine", "barycentric")


@pytest.mark.parametrize("method", METHODS)
def test_a_sample_is_aligned_with_itself_by_the_identity(method):
    z = draws(30, 4)
    alignment = sinkhorn_align(z, z.flip(0), method=method)
    assert torch.allclose(alignment(z), z, atol=1e-5)
    assert alignment.divergence_before == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("distance", [0.1, 100.0])
def test_a_shift_is_found_exactly(method, distance):
    z, new = draws(40, 5), draws(7, 5, seed=1)
    alignment = sinkhorn_align(z + distance, z, method=method)
    assert torch.allclose(alignment(z + distance), z, atol=1e-4)
    assert torch.allclose(alignment(new + distance), new, atol=1e-4)
    assert alignment.divergence_after < 1e-6


def test_a_change_of_scale_is_found_on_unseen_latents():
    """Unpaired samples of 150 in three dimensions; the other instrument stretches and shifts."""

    def distorted(z):
        return z * torch.tensor([1.5, 1.2, 1.0]) + 1

    alignments = {m: sinkhorn_align(distorted(draws(150, 3)), draws(150, 3, seed=1), method=m) for m in METHODS}
    new = draws(400, 3, seed=2)
    errors = {m: (a(distorted(new)) - new).square().sum(1).mean().sqrt().item() for m, a in alignments.items()}
    assert errors["affine"] < 0.7 * errors["offset"]
    assert errors["barycentric"] < errors["offset"]
    for alignment in alignments.values():
        assert alignment.divergence_after < alignment.divergence_before


def test_few_latents_in_many_dimensions_move_little_more_than_their_mean():
    x, y = draws(4, 60), draws(60, 60, seed=1) + 2
    alignment = sinkhorn_align(x, y, ridge=10.0)
    assert (alignment.map.matrix - torch.eye(60, dtype=torch.float64)).norm() < 0.2
    assert torch.allclose(alignment(x).mean(0), y.mean(0), atol=1e-5)
    assert sinkhorn_align(x[:1], y).divergence_after < sinkhorn_align(x[:1], y).divergence_before


def test_alignment_keeps_the_type_and_says_what_it_is():
    z = draws(10, 3)
    alignment = sinkhorn_align(z, z + 1)
    assert alignment(z).dtype == torch.float32
    record = alignment.as_dict()
    assert record["method"] == "affine"
    assert math.isfinite(record["divergence_after"])
    with pytest.raises(ModelError, match="offset, affine or barycentric"):
        sinkhorn_align(z, z, method="quadratic")
    with pytest.raises(ModelError, match="NaN"):
        sinkhorn_align(z, z * math.nan)
    with pytest.raises(ModelError, match=r"\(10, 3\), \(10, 2\)"):
        sinkhorn_align(z, z[:, :2])
