"""D-LinOSS: the stated oracles of its oscillators, equal evaluators, gradients, streaming, the response object."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (symvib[ml])")

from symvib.errors import ModelError  # noqa: E402
from symvib.spektron._oscillators import Oscillators  # noqa: E402
from symvib.spektron._scan import EVALUATORS, chunked, fast_length, final_state, recurrence  # noqa: E402
from symvib.spektron.dlinoss import DLinOSS  # noqa: E402
from symvib.spektron.dlinoss_response import dlinoss_response  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
LENGTHS = [1, 2, 3, 63, 64, 65, 76, 128, 129, 200, 500]
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-3}
OTHERS = [name for name in EVALUATORS if name != "recurrence"]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def raw(value):
    return torch.as_tensor(value, dtype=torch.float64).logit()


def bank_of(radius, angle, step=1.0):
    radius, angle = torch.broadcast_tensors(torch.as_tensor(radius).double(), torch.as_tensor(angle).double())
    return Oscillators(raw(radius), raw(angle / math.pi), step)


def random_bank(n=50, step=0.7, dtype=torch.float64):
    generator = seeded(3)
    r, a = (2.5 * torch.randn(n, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2))
    return Oscillators(r, a, step)


def layer_of(dtype=torch.float64, **options):
    return DLinOSS(5, 7, **options).to(dtype)


def input_of(length, dtype=torch.float64, batch=3, width=5):
    return torch.randn(batch, length, width, generator=seeded(length), dtype=torch.float64).to(dtype)


class TestOscillators:
    """Section 1 of the design: determinant, trace, poles, stability, impulse response, step limit."""

    def test_determinant_and_trace(self):
        bank = random_bank()
        m, s = bank.transition(), bank.damping_factor
        torch.testing.assert_close(torch.linalg.det(m), 1 / s, rtol=1e-10, atol=1e-13)
        trace = 1 + 1 / s - bank.step**2 * bank.stiffness / s
        torch.testing.assert_close(m.diagonal(dim1=-2, dim2=-1).sum(-1), trace, rtol=1e-10, atol=1e-12)

    def test_factor_is_one_plus_step_times_damping(self):
        bank = random_bank()
        torch.testing.assert_close(bank.damping_factor, 1 + bank.step * bank.damping, rtol=1e-12, atol=0)

    def test_stiffness_of_the_stated_formula(self):
        bank = random_bank()
        s = bank.damping_factor
        stated = s * (1 + 1 / s - 2 * torch.cos(bank.angle) / s.sqrt()) / bank.step**2
        torch.testing.assert_close(bank.stiffness, stated, rtol=1e-9, atol=1e-12)

    def test_poles_are_the_eigenvalues(self):
        bank = random_bank()
        values = torch.linalg.eigvals(bank.transition())
        torch.testing.assert_close(values.abs(), bank.damping_factor[:, None].rsqrt().expand(-1, 2), rtol=1e-9, atol=0)
        torch.testing.assert_close(values.angle().abs(), bank.angle[:, None].expand(-1, 2), rtol=1e-7, atol=1e-9)

    @pytest.mark.parametrize("stretch", [1, 6])
    def test_every_parameter_is_stable(self, stretch):
        base = random_bank(400)
        bank = Oscillators(stretch * base.raw_radius, stretch * base.raw_angle, base.step)
        s = bank.damping_factor
        courant = bank.step**2 * bank.stiffness / s
        assert (bank.damping > 0).all()
        assert (courant > 0).all()
        assert (courant < 2 * (1 + 1 / s)).all()

    @pytest.mark.parametrize("courant", [-0.01, 0.01, 1.0, 2.99, 3.01])
    @pytest.mark.parametrize("damping", [-0.3, 0.0, 1.0])
    def test_the_stability_bound_is_the_bound(self, courant, damping):
        """dt = 1: by eigenvalues, stable exactly where G > 0 and 0 < A/S < 2 (1 + 1/S); S = 2 puts the bound at 3."""
        s = 1 + damping
        a = courant * s
        m = np.array([[1 / s, -a / s], [1 / s, 1 - a / s]])
        stable = np.abs(np.linalg.eigvals(m)).max() < 1 - 1e-12
        assert stable == (damping > 0 and 0 < courant < 2 * (1 + 1 / s))

    @pytest.mark.parametrize("step", [1.0, 0.3])
    def test_impulse_response(self, step):
        bank = random_bank(step=step)
        z = x = torch.zeros(50, dtype=torch.float64)
        found = []
        for n in range(100):
            drive = torch.full_like(x, float(n == 0))
            z = (z + step * (-bank.stiffness * x + drive)) / bank.damping_factor
            x = x + step * z
            found.append(x)
        n = torch.arange(100)
        theta = bank.angle[:, None]
        stated = step**2 / bank.damping_factor[:, None] * bank.radius[:, None] ** n
        stated = stated * torch.sin((n + 1) * theta) / torch.sin(theta)
        torch.testing.assert_close(bank.kernel(100), torch.stack(found, -1), rtol=0, atol=1e-10)
        torch.testing.assert_close(bank.kernel(100), stated, rtol=0, atol=1e-10)

    def test_step_response_tends_to_one_over_stiffness(self):
        bank = bank_of([0.9, 0.97, 0.6], [0.5, 0.1, 2.8], step=0.7)
        limit = recurrence(bank, torch.ones(3, 1, 3000, dtype=torch.float64), 3)[:, 0, -1]
        torch.testing.assert_close(limit, 1 / bank.stiffness, rtol=1e-10, atol=0)
        torch.testing.assert_close(bank.kernel(3000).sum(-1), 1 / bank.stiffness, rtol=1e-10, atol=0)

    @pytest.mark.parametrize("n", [1, 2, 17, 300])
    def test_powers_of_the_transition_matrix(self, n):
        bank = random_bank()
        found = bank.transition_powers(torch.tensor([float(n)], dtype=torch.float64))[:, 0]
        torch.testing.assert_close(found, torch.linalg.matrix_power(bank.transition(), n), rtol=1e-9, atol=1e-10)

    def test_energy_is_the_sum_of_squares(self):
        bank = bank_of([0.5, 0.9, 0.99, 0.99], [1.0, 0.05, 0.01, 3.1], step=0.7)
        torch.testing.assert_close((bank.kernel(8000) ** 2).sum(-1), bank.energy(), rtol=1e-10, atol=0)

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
    @pytest.mark.parametrize("end", [-1, 1])
    def test_angles_at_the_ends(self, end, dtype):
        """theta -> 0: r^n (n + 1); theta -> pi: the same with alternating sign; also where sigmoid has saturated."""
        bank = Oscillators(torch.full((4,), 3.0, dtype=dtype), end * torch.tensor([15.0, 20, 40, 200]).to(dtype), 1.0)
        n = torch.arange(200, dtype=torch.float64)
        limit = torch.tensor(3.0, dtype=torch.float64).sigmoid() ** (n + 2) * (n + 1) * (1 if end < 0 else (-1) ** n)
        expected = limit.to(dtype).expand(4, -1)
        torch.testing.assert_close(bank.kernel(200), expected, rtol=1e-4, atol=1e-4)
        assert torch.isfinite(bank.energy()).all()

    def test_kernel_gradient(self):
        """Poles in the middle, at both ends and where the angle is measured from the other end (raw angle 0)."""
        radius = torch.tensor([0.5, 2.0, -1.0, 4.0, 1.0], dtype=torch.float64, requires_grad=True)
        angle = torch.tensor([0.0, 3.0, -3.0, 9.0, -9.0], dtype=torch.float64, requires_grad=True)

        def function(r, a):
            return Oscillators(r, a, 0.7).kernel(12), Oscillators(r, a, 0.7).energy().log()

        assert torch.autograd.gradcheck(function, (radius, angle))
        assert torch.autograd.grad(function(radius, angle)[0].square().sum(), angle)[0].abs().min() > 0

    @pytest.mark.parametrize("minimum", range(1, 300))
    def test_fast_length(self, minimum):
        length = fast_length(minimum)
        smallest = min(odd * 2**k for odd in (1, 3, 5) for k in range(1, 10) if odd * 2**k >= minimum)
        assert length == smallest


class TestEvaluators:
    @pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
    @pytest.mark.parametrize("bidirectional", [True, False])
    @pytest.mark.parametrize("length", LENGTHS)
    def test_agree(self, length, bidirectional, dtype):
        layer, u = layer_of(dtype, bidirectional=bidirectional), input_of(length, dtype)
        expected = layer_of(bidirectional=bidirectional)
        expected.load_state_dict(layer.state_dict())
        exact = expected(u.double(), evaluator="recurrence")
        for evaluator in EVALUATORS:
            y = layer(u, evaluator=evaluator)
            assert y.dtype == dtype
            assert (y - exact).abs().max() < TOLERANCE[dtype] * max(1.0, exact.abs().max().item()), evaluator

    @pytest.mark.parametrize("bidirectional", [True, False])
    def test_agree_with_plain_loops(self, bidirectional):
        """The definition, written out: u' of each direction, z and x one position after the other, C and D."""
        layer, u = layer_of(bidirectional=bidirectional, step=0.6), input_of(40)
        bank, expected = layer.oscillators(), layer.D * u
        for direction in range(layer.n_directions):
            part = slice(7 * direction, 7 * direction + 7)
            order = range(40) if direction == 0 else reversed(range(40))
            z = x = torch.zeros(3, 7, dtype=torch.float64)
            for t in order:
                drive = u[:, t] @ layer.B[part].T / bank.energy()[part].sqrt()
                z = (z + 0.6 * (drive - bank.stiffness[part] * x)) / bank.damping_factor[part]
                x = x + 0.6 * z
                expected[:, t] = expected[:, t] + x @ layer.C[:, part].T
        torch.testing.assert_close(layer(u), expected, rtol=0, atol=1e-10)

    @pytest.mark.parametrize("size", [1, 2, 7, 64, 300])
    @pytest.mark.parametrize("backward_from", [0, 20, 50])
    def test_any_chunk(self, size, backward_from):
        bank, drive = random_bank(), input_of(130, batch=50, width=2).transpose(1, 2).contiguous()
        found = chunked(bank, drive, backward_from, size)
        torch.testing.assert_close(found, recurrence(bank, drive, backward_from), rtol=0, atol=1e-10)

    @pytest.mark.parametrize("evaluator", OTHERS)
    @pytest.mark.parametrize("length", [20, 150])
    def test_gradients_agree(self, evaluator, length):
        gradients = []
        for name in (evaluator, "recurrence"):
            layer, u = layer_of(), input_of(length).requires_grad_()
            layer(u, evaluator=name).square().mean().backward()
            gradients.append([u.grad, *(p.grad for p in layer.parameters())])
        for found, expected in zip(*gradients, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-11)

    @pytest.mark.parametrize("evaluator", EVALUATORS)
    def test_gradcheck(self, evaluator):
        layer = DLinOSS(2, 3).double()
        names, values = zip(*layer.named_parameters(), strict=True)
        u = input_of(6, batch=1, width=2).requires_grad_()

        def function(u, *values):
            return torch.func.functional_call(
                layer, dict(zip(names, values, strict=True)), (u,), {"evaluator": evaluator}
            )

        assert torch.autograd.gradcheck(function, (u, *values))

    @pytest.mark.parametrize("evaluator", OTHERS)
    def test_extreme_poles_in_float32(self, evaluator):
        """Angles and radii at the ends: finite, within 1e-3 of float64, finite gradients."""
        layer = DLinOSS(5, 7, bidirectional=False)
        with torch.no_grad():
            layer.raw_angle.copy_(torch.tensor([-18.0, -12, -6, 0, 6, 12, 18]))
            layer.raw_radius.copy_(torch.tensor([9.0, -5, 7, 9, -5, 7, 9]))
        exact = layer_of(bidirectional=False)
        exact.load_state_dict(layer.state_dict())
        u = input_of(300, torch.float32)
        y, expected = layer(u, evaluator=evaluator), exact(u.double(), evaluator="recurrence")
        assert (y - expected).abs().max() < 1e-3 * expected.abs().max()
        y.square().mean().backward()
        assert all(torch.isfinite(p.grad).all() for p in layer.parameters())

    @pytest.mark.parametrize("evaluator", EVALUATORS)
    def test_one_direction_is_causal(self, evaluator):
        layer, u = layer_of(bidirectional=False), input_of(150)
        changed = u.clone()
        changed[:, 100:] += 1
        difference = (layer(changed, evaluator=evaluator) - layer(u, evaluator=evaluator)).abs().amax((0, 2))
        assert difference[:100].max() < 1e-12
        assert difference[100:].min() > 1e-3

    @pytest.mark.parametrize("evaluator", EVALUATORS)
    def test_both_directions_mirror(self, evaluator):
        """Directions exchanged, the mirrored input gives the mirrored output."""
        layer, u = layer_of(), input_of(150)
        mirror = layer_of()
        half = torch.arange(14).roll(7)
        with torch.no_grad():
            for name in ("raw_radius", "raw_angle", "B"):
                getattr(mirror, name).copy_(getattr(layer, name)[half])
            mirror.C.copy_(layer.C[:, half])
        found = mirror(u.flip(1), evaluator=evaluator).flip(1)
        torch.testing.assert_close(found, layer(u, evaluator=evaluator), rtol=0, atol=1e-10)


class TestLayer:
    def test_the_interface_of_kernel_and_poles(self):
        layer = layer_of(step=0.7)
        radius, angle = layer.poles()
        assert radius.shape == angle.shape == (2, 7)
        assert layer.kernel(20).shape == (2, 7, 20)
        n = torch.arange(20)
        stated = 0.49 * radius[..., None] ** (n + 2) * torch.sin((n + 1) * angle[..., None]) / angle.sin()[..., None]
        torch.testing.assert_close(layer.kernel(20), stated, rtol=0, atol=1e-10)

    def test_initial_poles_cover_range(self):
        layer = DLinOSS(4, 64, radius_range=(0.8, 0.99))
        radius, angle = layer.poles()
        assert radius.min() >= 0.8 - 1e-6
        assert radius.max() <= 0.99 + 1e-6
        memory = (1 / (1 - radius)).log2()
        counts = torch.histc(memory, 4, math.log2(5), math.log2(100))
        assert counts.min() >= 28  # of 128 in each quarter of the logarithmic scale
        assert angle.min() < 0.05
        assert angle.max() > 0.95 * math.pi
        assert (angle < math.pi / 4).double().mean() == pytest.approx(0.5, abs=0.03)

    def test_white_noise_gives_unit_states(self):
        layer = DLinOSS(1, 32, bidirectional=False, radius_range=(0.5, 0.95))
        with torch.no_grad():
            layer.B.fill_(1.0)
            layer.C.zero_()
            layer.C[0, 5] = 1.0
            layer.D.zero_()
        y = layer(torch.randn(64, 1200, 1, generator=seeded()))[:, 200:]
        assert y.var().item() == pytest.approx(1, abs=0.05)

    def test_step_and_dt_do_not_change_the_output(self):
        """The gain takes dt out: two steps are two parametrisations of one map."""
        one, two = layer_of(step=1.0), layer_of(step=0.1)
        two.load_state_dict(one.state_dict())
        torch.testing.assert_close(one(input_of(90)), two(input_of(90)), rtol=0, atol=1e-10)

    def test_a_generator_decides(self):
        first, second, other = (DLinOSS(4, 6, generator=seeded(k)) for k in (1, 1, 2))
        for name, value in first.state_dict().items():
            assert torch.equal(value, second.state_dict()[name])
        assert not torch.equal(first.B, other.B)
        assert not torch.equal(first.raw_angle, other.raw_angle)
        before = torch.random.get_rng_state()
        DLinOSS(4, 6)
        assert torch.equal(torch.random.get_rng_state(), before)

    def test_poles_are_vectors_so_that_weight_decay_spares_them(self):
        assert {name for name, p in layer_of().named_parameters() if p.ndim >= 2} == {"B", "C"}

    def test_learns_a_frequency(self):
        """The poles move to an oscillator that is to be imitated."""
        target = bank_of([0.95], [1.0]).kernel(128)[0].float()
        layer = DLinOSS(1, 4, bidirectional=False, radius_range=(0.8, 0.9))
        u = torch.zeros(1, 128, 1)
        u[0, 0] = 1
        optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
        losses = []
        for _ in range(150):
            loss = (layer(u)[0, :, 0] - target).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert losses[-1] < 0.02 * losses[0]

    @pytest.mark.parametrize("evaluator", EVALUATORS)
    def test_bfloat16_autocast_keeps_the_scan_in_float32(self, evaluator):
        layer, u = layer_of(torch.float32), input_of(200, torch.float32)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = layer(u, evaluator=evaluator)
            y.square().mean().backward()
        assert (y - layer(u)).abs().max() < 0.03 * layer(u).abs().max()
        assert layer.raw_angle.grad.dtype == torch.float32

    def test_a_bfloat16_layer(self):
        layer, u = layer_of(torch.float32), input_of(100, torch.float32)
        y = layer_of(torch.bfloat16)(u.bfloat16())
        assert y.dtype == torch.bfloat16
        assert (y.float() - layer(u)).abs().max() < 0.1 * layer(u).abs().max()

    def test_state_dict_round_trip(self):
        layer, other = layer_of(generator=seeded(1)), layer_of(generator=seeded(2))
        other.load_state_dict(layer.state_dict())
        assert torch.equal(layer(input_of(20)), other(input_of(20)))
        assert torch.equal(layer.initial_poles, other.initial_poles)


class TestStreaming:
    def test_one_position_at_a_time(self):
        layer, u = layer_of(bidirectional=False), input_of(50)
        state, outputs = None, []
        for t in range(50):
            y, state = layer.step(u[:, t], state)
            outputs.append(y)
        torch.testing.assert_close(torch.stack(outputs, 1), layer(u), rtol=0, atol=1e-10)

    @pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
    @pytest.mark.parametrize("evaluator", EVALUATORS)
    def test_in_blocks(self, evaluator, dtype):
        layer, u = layer_of(dtype, bidirectional=False), input_of(400, dtype)
        state, outputs = None, []
        for block in u.split([1, 99, 200, 100], 1):
            y, state = layer.stream(block, state, evaluator=evaluator)
            outputs.append(y)
        assert (torch.cat(outputs, 1) - layer(u)).abs().max() < TOLERANCE[dtype]
        _, whole = layer.stream(u)
        assert (state - whole).abs().max() < TOLERANCE[dtype] * whole.abs().max()

    def test_final_state_is_that_of_the_recurrence(self):
        bank, drive = random_bank(), input_of(90, batch=50, width=2).transpose(1, 2)
        z = x = torch.zeros(50, 2, dtype=torch.float64)
        for now in drive.unbind(-1):
            z, x = bank.advance(z, x, now)
        torch.testing.assert_close(final_state(bank, drive, None), torch.stack([z, x], -1), rtol=0, atol=1e-10)

    def test_forward_from_a_state(self):
        layer, u = layer_of(bidirectional=False), input_of(60)
        _, state = layer.stream(u[:, :20])
        torch.testing.assert_close(layer(u[:, 20:], state=state), layer(u)[:, 20:], rtol=0, atol=1e-10)


class TestRefusals:
    @pytest.mark.parametrize(
        "options",
        [
            {"width": 0},
            {"n_oscillators": 0},
            {"step": 0.0},
            {"step": math.nan},
            {"step": math.inf},
            {"radius_range": (0.0, 0.9)},
            {"radius_range": (0.9, 1.0)},
            {"radius_range": (0.9, 0.8)},
            {"evaluator": "fast"},
        ],
        ids=str,
    )
    def test_construction(self, options):
        with pytest.raises(ModelError):
            DLinOSS(**{"width": 4, "n_oscillators": 4} | options)

    @pytest.mark.parametrize("shape", [(5,), (3, 5), (3, 10, 4), (3, 0, 5), (1, 3, 10, 5)], ids=str)
    def test_input(self, shape):
        with pytest.raises(ModelError, match="width 5"):
            layer_of()(torch.zeros(shape, dtype=torch.float64))

    def test_unknown_evaluator_is_told_the_known_ones(self):
        with pytest.raises(ModelError, match="chunked, scan, recurrence"):
            layer_of()(input_of(5), evaluator="fast")

    def test_bidirectional_layers_do_not_stream(self):
        layer = layer_of()
        state = torch.zeros(3, 7, 2, dtype=torch.float64)
        for call in (lambda: layer.step(input_of(5)[:, 0]), lambda: layer.stream(input_of(5))):
            with pytest.raises(ModelError, match="bidirectional=False"):
                call()
        with pytest.raises(ModelError, match="bidirectional=False"):
            layer(input_of(5), state=state)

    def test_shapes_of_step_and_state(self):
        layer = layer_of(bidirectional=False)
        with pytest.raises(ModelError, match="u_t must be"):
            layer.step(input_of(5))
        for call in (lambda s: layer.step(input_of(5)[:, 0], s), lambda s: layer(input_of(5), state=s)):
            with pytest.raises(ModelError, match="n_oscillators, 2"):
                call(torch.zeros(3, 6, 2, dtype=torch.float64))


class TestResponse:
    def test_transfer_function_is_the_transform_of_the_impulse_response(self):
        response = dlinoss_response(layer_of(radius_range=(0.5, 0.9)))
        impulse = response.impulse_response(1024)
        frequencies = 2 * np.pi * np.arange(513) / 1024
        np.testing.assert_allclose(response.transfer_function(frequencies), np.fft.rfft(impulse), atol=1e-10)
        np.testing.assert_allclose((impulse**2).sum(-1), 1, atol=1e-10)

    @pytest.mark.parametrize("step", [1.0, 0.3])
    @pytest.mark.parametrize("bidirectional", [True, False])
    def test_transfer_matrix_is_that_of_the_layer(self, bidirectional, step):
        """A sinusoid in the middle of a long sequence, where the ends are forgotten."""
        layer = layer_of(radius_range=(0.5, 0.9), bidirectional=bidirectional, step=step)
        frequency = 0.7
        wave = torch.exp(1j * frequency * torch.arange(801, dtype=torch.float64))
        column = torch.zeros(2, 801, 5, dtype=torch.float64)
        column[0, :, 2], column[1, :, 2] = wave.real, wave.imag
        with torch.no_grad():
            y = layer(column)
        found = (y[0, 400] + 1j * y[1, 400]) / wave[400]
        expected = dlinoss_response(layer).transfer_matrix([frequency])[0, :, 2]
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-9)

    def test_learned_against_initial(self):
        layer = layer_of()
        before = dlinoss_response(layer)
        assert before.displacement.max() == 0
        with torch.no_grad():
            layer.raw_angle += 0.5
        after = dlinoss_response(layer)
        np.testing.assert_array_equal(after.initial_angle, before.angle)
        np.testing.assert_array_equal(after.impulse_response(9, initial=True), before.impulse_response(9))
        assert after.displacement.min() > 0
        assert before.displacement.max() == 0

    def test_frozen_and_read_only(self):
        response = dlinoss_response(layer_of())
        with pytest.raises(ValueError, match="read-only"):
            response.radius[0] = 1
        with pytest.raises(dataclasses.FrozenInstanceError):
            response.radius = response.angle

    def test_as_dict_is_plain(self):
        import json

        found = json.loads(json.dumps(dlinoss_response(layer_of()).as_dict()))
        assert np.shape(found["radius"]) == np.shape(found["displacement"]) == (2, 7)

    @pytest.mark.parametrize("picture", ["poles", "transfer", "impulse"])
    def test_plots(self, picture):
        pytest.importorskip("matplotlib")
        layer = layer_of()
        with torch.no_grad():
            layer.raw_angle += 0.5
        ax = dlinoss_response(layer).plot(picture=picture, n_curves=3)
        assert dlinoss_response(layer).plot(ax, picture=picture) is ax
        labels = [text.get_text() for text in ax.get_legend().get_texts()]
        assert "initial" in labels
        assert any(label.startswith("learned") for label in labels)

    def test_html(self):
        pytest.importorskip("matplotlib")
        assert "data:image" in dlinoss_response(layer_of())._repr_html_()

    @pytest.mark.parametrize("call", [{"picture": "other"}, {"n_curves": 0}], ids=str)
    def test_refused_pictures(self, call):
        with pytest.raises(ModelError):
            dlinoss_response(layer_of()).plot(**call)

    def test_refused_questions(self):
        response = dlinoss_response(layer_of())
        with pytest.raises(ModelError):
            response.impulse_response(0)
        with pytest.raises(ModelError):
            response.transfer_function([0.1, math.nan])
