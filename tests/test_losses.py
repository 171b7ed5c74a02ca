"""Losses of spektron: 0 where nothing is wrong, more where more is wrong, gradients against differences."""

import math
from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")

from symvib.errors import ModelError  # noqa: E402
from symvib.spektron import losses  # noqa: E402


def draws(*shape, seed=0, dtype=torch.float64, grad=False):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)
    return values.requires_grad_(grad)


def increases(values):
    values = [float(value) for value in values]
    return all(a < b for a, b in pairwise(values))


FLOATS = (torch.float32, torch.float64)


# masked reconstruction, cross-entropy, Huber


def test_masked_reconstruction_sees_masked_channels_only():
    target = draws(3, 2, 16)
    mask = draws(3, 2, 16, seed=1) > 0
    predicted = torch.where(mask, target, target + 7)
    assert losses.masked_reconstruction(predicted, target, mask) == 0
    assert increases(losses.masked_reconstruction(target + e, target, mask) for e in (0.0, 0.1, 0.2))
    # the value is the mean square over the masked ones, however many they are
    assert losses.masked_reconstruction(target + 0.5, target, mask).item() == pytest.approx(0.25, abs=1e-14)


@pytest.mark.parametrize("function", [losses.masked_reconstruction, losses.masked_huber, losses.masked_bce])
def test_masked_entries_may_be_nan(function):
    mask = torch.tensor([[True, False], [True, True]])
    target = torch.tensor([[0.0, math.nan], [1.0, 0.0]], dtype=torch.float64)
    predicted = torch.tensor([[0.5, math.nan], [1.0, -2.0]], dtype=torch.float64, requires_grad=True)
    loss = function(predicted, target, mask)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(predicted.grad).all()
    assert predicted.grad[0, 1] == 0


@pytest.mark.parametrize("function", [losses.masked_reconstruction, losses.masked_huber, losses.masked_bce])
def test_nothing_unmasked_is_zero_with_zero_gradient(function):
    predicted = draws(2, 3, grad=True)
    loss = function(predicted, torch.ones(2, 3, dtype=torch.float64), torch.zeros(2, dtype=torch.bool))
    loss.backward()
    assert loss == 0
    assert (predicted.grad == 0).all()


def test_row_mask_equals_entry_mask():
    predicted, target = draws(4, 3), (draws(4, 3, seed=1) > 0).double()
    rows = torch.tensor([True, False, True, False])
    for function in (losses.masked_bce, losses.masked_huber):
        assert function(predicted, target, rows) == function(predicted, target, rows[:, None].expand(4, 3))
        assert function(predicted, target, rows).item() == pytest.approx(function(predicted[rows], target[rows]).item())


def test_bce_is_zero_for_sure_and_right_and_grows():
    labels = torch.tensor([[1.0, 0.0, 1.0]])
    signs = 2 * labels - 1
    assert losses.masked_bce(200 * signs, labels) == 0
    assert increases(losses.masked_bce(logit * signs, labels) for logit in (8.0, 1.0, 0.0, -5.0))
    weighted = losses.masked_bce(torch.zeros(1, 3), labels, positive_weights=torch.tensor([3.0, 3.0, 3.0]))
    assert weighted.item() == pytest.approx(math.log(2) * 7 / 3, rel=1e-6)


def test_huber_is_zero_quadratic_then_linear():
    target = draws(5, 2)
    values = [losses.masked_huber(target + e, target, delta=1.0).item() for e in (0.0, 0.5, 2.0, 3.0)]
    assert values == pytest.approx([0.0, 0.125, 1.5, 2.5], abs=1e-12)


# the bottleneck


def test_kl_is_zero_at_the_prior_and_is_the_integral_elsewhere():
    assert losses.vib_kl(torch.zeros(4, 3), torch.zeros(4, 3)) == 0
    mean, log_variance = 0.7, -0.4
    posterior = torch.distributions.Normal(mean, math.exp(log_variance / 2))
    expected = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0))
    got = losses.vib_kl(torch.full((2, 1), mean), torch.full((2, 1), log_variance))
    assert got.item() == pytest.approx(expected.item(), rel=1e-5)


def test_kl_grows_with_the_mean_and_with_either_sign_of_the_log_variance():
    zero = torch.zeros(2, 3)
    assert increases(losses.vib_kl(zero + m, zero) for m in (0.0, 0.5, 1.0))
    assert increases(losses.vib_kl(zero, zero + v) for v in (0.0, 0.5, 1.0))
    assert increases(losses.vib_kl(zero, zero - v) for v in (0.0, 0.5, 1.0))


def test_free_bits_cost_nothing_and_have_no_gradient():
    mean = torch.tensor([[0.1, 3.0]], requires_grad=True)
    loss = losses.vib_kl(mean, torch.zeros(1, 2), free_bits=0.2)
    loss.backward()
    assert loss.item() == pytest.approx(4.5 - 0.2)
    assert mean.grad.tolist() == [[0.0, 3.0]]


def test_kl_of_present_spectra_only():
    mean, log_variance = draws(4, 2, 3), draws(4, 2, 3, seed=1)
    present = torch.tensor([[True, True], [True, False], [False, False], [True, True]])
    rows = mean[present], log_variance[present]
    garbage = torch.where(present[..., None], mean, math.nan)
    assert losses.vib_kl(garbage, log_variance, present=present).item() == pytest.approx(losses.vib_kl(*rows).item())
    with pytest.raises(ModelError, match=r"present \(4,\)"):
        losses.vib_kl(mean, log_variance, present=present[:, 0])


def test_warm_up_rises_once():
    assert [losses.warm_up(step, 4, start=2) for step in range(8)] == [0, 0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert losses.warm_up(0, 0) == 1


# contrast


def test_info_nce_is_zero_for_told_apart_and_log_n_for_all_alike():
    assert losses.info_nce(torch.eye(6), torch.eye(6), temperature=0.02).item() < 1e-6
    assert losses.info_nce(torch.ones(6, 4), torch.ones(6, 4)).item() == pytest.approx(math.log(6), rel=1e-6)
    assert losses.info_nce(torch.ones(1, 4), draws(1, 4).float()) == 0


def test_without_spectra_a_loss_is_zero_with_zero_gradient():
    nothing = draws(0, 4, grad=True)
    for loss in (losses.info_nce(nothing, nothing), losses.non_negativity(nothing)):
        loss.backward()
        assert loss == 0


def test_info_nce_grows_with_the_distance_of_the_pair():
    first, noise = draws(12, 8), draws(12, 8, seed=3)
    assert increases(losses.info_nce(first, first + e * noise, temperature=0.2) for e in (0.0, 0.5, 1.0, 2.0))


def test_info_nce_reaches_the_stated_bound_at_a_simplex():
    n, temperature = 5, 0.7
    simplex = torch.eye(n, dtype=torch.float64) - 1 / n
    bound = math.log1p((n - 1) * math.exp(-n / ((n - 1) * temperature)))
    assert losses.info_nce(simplex, simplex, temperature=temperature).item() == pytest.approx(bound, rel=1e-12)


def test_info_nce_is_symmetric_and_ignores_lengths():
    first, second = draws(7, 5), draws(7, 5, seed=1)
    value = losses.info_nce(first, second)
    assert losses.info_nce(second, first).item() == pytest.approx(value.item(), rel=1e-12)
    assert losses.info_nce(3 * first, 0.1 * second).item() == pytest.approx(value.item(), rel=1e-12)


def test_info_nce_does_not_count_another_view_of_the_same_molecule_as_wrong():
    embeddings = torch.eye(3)[[0, 0, 1, 2]]
    identity = torch.tensor([4, 4, 5, 6])
    assert losses.info_nce(embeddings, embeddings, temperature=0.05).item() > 0.3
    assert losses.info_nce(embeddings, embeddings, temperature=0.05, identity=identity).item() < 1e-6


def test_info_nce_learns_its_temperature():
    temperature = torch.tensor(1.0, requires_grad=True)
    losses.info_nce(torch.eye(4), torch.eye(4), temperature=temperature).backward()
    assert temperature.grad > 0  # told apart: a smaller one is better


# disentanglement


def test_gradient_reversal_passes_the_value_and_turns_the_gradient():
    x = draws(3, grad=True)
    y = losses.gradient_reversal(x, 0.25)
    assert torch.equal(y, x)
    (y * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)).sum().backward()
    assert x.grad.tolist() == [-0.25, -0.5, -0.75]


def test_gradient_reversal_makes_the_encoder_forget():
    """A two-number code whose first number tells the class: the adversary removes it, and leaves the second."""
    label = torch.arange(64) % 2
    x = torch.stack([label * 2.0 - 1, draws(64, dtype=torch.float32)], 1)
    gain = torch.ones(2, requires_grad=True)
    classifier = torch.nn.Linear(2, 2)
    with torch.no_grad():
        classifier.weight.zero_()
        classifier.bias.zero_()
    # a two-player game circles around its equilibrium unless one of them is damped
    groups = [{"params": [gain], "lr": 0.05}, {"params": classifier.parameters(), "weight_decay": 0.1}]
    optimiser = torch.optim.SGD(groups, lr=0.5)
    for _ in range(400):
        optimiser.zero_grad()
        logits = classifier(losses.gradient_reversal(x * gain, 1.0))
        torch.nn.functional.cross_entropy(logits, label).backward()
        optimiser.step()
    assert abs(gain[0].item()) < 0.3
    assert gain[1].item() > 0.8


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("normalised", [True, False])
def test_hsic_is_zero_for_a_constant_and_grows_with_dependence(dtype, normalised):
    x, noise = draws(80, 3, dtype=dtype), draws(80, 3, seed=9, dtype=dtype)
    assert losses.hsic(x, torch.ones(80, 2, dtype=dtype), normalised=normalised).item() == pytest.approx(0, abs=1e-6)
    mixed = [losses.hsic(x, c * x + (1 - c) * noise, normalised=normalised) for c in (0.0, 0.4, 0.7, 1.0)]
    assert increases(mixed)


def test_hsic_is_one_for_the_same_and_does_not_see_shift_scale_or_rotation():
    x, y = draws(40, 3), draws(40, 3, seed=2)
    assert losses.hsic(x, x).item() == pytest.approx(1, abs=1e-12)
    rotation = torch.linalg.qr(draws(3, 3, seed=5)).Q
    assert losses.hsic(3 * x @ rotation + 1, y).item() == pytest.approx(losses.hsic(x, y).item(), rel=1e-9)


def test_hsic_equals_the_trace_formula():
    x, y = draws(15, 12), torch.arange(15) % 3

    def kernel(rows):
        squares = torch.cdist(rows, rows).square()
        return torch.exp(-squares / (2 * squares[torch.triu_indices(15, 15, 1).unbind()].median()))

    centre = torch.eye(15, dtype=torch.float64) - 1 / 15
    equal = (y[:, None] == y[None, :]).double()
    expected = torch.trace(kernel(x) @ centre @ equal @ centre) / 14**2
    assert losses.hsic(x, y, normalised=False).item() == pytest.approx(expected.item(), rel=1e-10)


def test_hsic_of_independent_samples_falls_as_one_over_n():
    small, large = (
        sum(losses.hsic(draws(n, 2, seed=s), draws(n, 2, seed=100 + s)).item() for s in range(10)) for n in (20, 200)
    )
    assert small / large > 5


def test_hsic_needs_pairs():
    with pytest.raises(ModelError, match="same number of rows"):
        losses.hsic(draws(3, 2), draws(4, 2))


# experts


def test_load_balance_is_zero_when_even_and_most_when_one_expert_takes_all():
    even = torch.full((8, 4), 0.25)
    assert losses.load_balance(even, torch.arange(8)[:, None] % 4) == 0
    one = torch.nn.functional.one_hot(torch.zeros(8, dtype=torch.long), 4).float()
    assert losses.load_balance(one, torch.zeros(8, 1, dtype=torch.long)) == 3
    towards = [
        losses.load_balance((1 - c) * even + c * one, torch.zeros(8, 1, dtype=torch.long)) for c in (0.1, 0.5, 1)
    ]
    assert increases(towards)


def test_load_balance_reads_both_kinds_of_assignment_and_ignores_masked_tokens():
    probabilities = draws(2, 6, 4).softmax(-1)
    numbers = probabilities.topk(2, -1).indices
    taken = torch.zeros_like(probabilities).scatter(-1, numbers, 1.0)
    value = losses.load_balance(probabilities, numbers)
    assert losses.load_balance(probabilities, taken) == value
    mask = torch.ones(2, 6, dtype=torch.bool)
    mask[:, 3:] = False
    masked = losses.load_balance(probabilities, numbers, mask=mask)
    assert masked.item() == pytest.approx(losses.load_balance(probabilities[:, :3], numbers[:, :3]).item())
    assert losses.load_balance(probabilities, numbers, mask=torch.zeros_like(mask)) == 0


# all


GRADCHECKED = {
    "masked_reconstruction": lambda x: losses.masked_reconstruction(x, draws(4, 3, seed=1), draws(4, 3, seed=2) > 0),
    "masked_bce": lambda x: losses.masked_bce(x, (draws(4, 3, seed=1) > 0).double()),
    "masked_huber": lambda x: losses.masked_huber(x, draws(4, 3, seed=1), delta=10.0),
    "vib_kl mean": lambda x: losses.vib_kl(x, draws(4, 3, seed=1)),
    "vib_kl log variance": lambda x: losses.vib_kl(draws(4, 3, seed=1), x, free_bits=0.01),
    "info_nce": lambda x: losses.info_nce(x, draws(4, 3, seed=1), temperature=0.3),
    "load_balance": lambda x: losses.load_balance(x.softmax(-1), torch.tensor([[0], [0], [1], [2]])),
}


@pytest.mark.parametrize("name", GRADCHECKED)
def test_gradients_against_differences(name):
    assert torch.autograd.gradcheck(GRADCHECKED[name], (draws(4, 3, seed=7, grad=True),))


def test_hsic_gradient_is_that_of_fixed_widths():
    """The median distance is held, so the gradient is that of the formula with the kernel's width as a constant."""
    x, y = draws(6, 2, grad=True), draws(6, 2, seed=1)
    (gradient,) = torch.autograd.grad(losses.hsic(x, y, normalised=False), x)
    held = torch.pdist(x.detach()).square().median()
    other = torch.pdist(y).square().median()

    def fixed(rows):
        k = torch.exp(-(rows[:, None] - rows[None, :]).square().sum(-1) / (2 * held))
        other_kernel = torch.exp(-(y[:, None] - y[None, :]).square().sum(-1) / (2 * other))
        centre = torch.eye(6, dtype=torch.float64) - 1 / 6
        return torch.trace(k @ centre @ other_kernel @ centre) / 25

    (expected,) = torch.autograd.grad(fixed(x), x)
    assert torch.allclose(gradient, expected, atol=1e-14)


HALF = {
    "masked_reconstruction": lambda x: losses.masked_reconstruction(x, torch.zeros_like(x), x > 0),
    "masked_bce": lambda x: losses.masked_bce(x, (x > 0).to(x.dtype)),
    "masked_huber": lambda x: losses.masked_huber(x, torch.zeros_like(x)),
    "vib_kl": lambda x: losses.vib_kl(x, x),
    "info_nce": lambda x: losses.info_nce(x, x.flip(1)),
    "hsic": lambda x: losses.hsic(x, x.flip(1)),
    "load_balance": lambda x: losses.load_balance(x.softmax(-1), torch.zeros(4, 1, dtype=torch.long)),
}


@pytest.mark.parametrize("name", HALF)
def test_half_precision_is_computed_in_float32(name):
    x = draws(4, 3, seed=7).bfloat16()
    assert HALF[name](x).dtype == torch.float32
    assert torch.isfinite(HALF[name](x))


def test_shapes_are_named_in_errors():
    with pytest.raises(ModelError, match=r"predicted \(2, 3\), target \(2, 4\)"):
        losses.masked_huber(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ModelError, match=r"mask \(3,\) does not fit"):
        losses.masked_bce(torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(3))
    with pytest.raises(ModelError, match="above 0"):
        losses.info_nce(torch.eye(2), torch.eye(2), temperature=0)
