"""The objective and its batches: deterministic, honest about what is hidden, and felt by every parameter."""

import dataclasses

import numpy as np
import pytest
import torch

from symvib.errors import ModelError
from symvib.spektron.config import preset
from symvib.spektron.losses import load_balance
from symvib.spektron.model import Spektron
from symvib.spektron.objective import LossWeights, Objective, disagreement, linear_dependence, relative_error
from symvib.spektron.probes import instrument_probe
from symvib.spektron.rendering import LineBatch
from symvib.spektron.scores import _fitted
from symvib.spektron.training_data import load_training_data
from symvib.spektron.views import (
    HELD_OUT,
    ViewSampler,
    block_mask,
    grouped,
    has_spectrum,
    instrument_numbers,
    invented_lines,
)


@pytest.fixture(scope="module")
def data():
    return load_training_data()


@pytest.fixture(scope="module")
def config(data):
    return preset("tiny").with_(functional_groups=len(data.group_names), properties=len(data.property_names))


@pytest.fixture(scope="module")
def sampler(data, config):
    return ViewSampler(data, config, seed=3, batch_size=12)


def test_a_batch_is_the_same_whenever_it_is_asked_for(data, config, sampler):
    first = sampler.batch(7)
    sampler.batch(8)
    again = ViewSampler(data, config, seed=3, batch_size=12).batch(7)
    assert torch.equal(first.spectra, again.spectra)
    assert torch.equal(first.mask, again.mask)
    assert not torch.equal(first.spectra, sampler.batch(8).spectra)
    assert not torch.equal(first.molecules, ViewSampler(data, config, seed=4, batch_size=12).batch(7).molecules)


def test_an_epoch_has_each_molecule_once(sampler):
    rows = torch.cat([sampler.molecules(step) for step in range(sampler.batches_per_epoch)]).numpy()
    symmetric = np.char.find(np.asarray(sampler.data.sources)[rows], "symmetric") >= 0
    assert len(np.unique(rows[~symmetric])) == (~symmetric).sum()
    assert symmetric.mean() == pytest.approx(4 / 9, abs=0.01)  # these come more often: 4 of 9, beside 3 lists of none
    assert set(rows) <= set(sampler.rows)


def test_invented_lists_are_no_molecules(data, sampler):
    batch = sampler.batch(0)
    invented = ~batch.real
    assert invented.sum() == 3  # a quarter of 12
    assert not batch.group_mask[invented].any()
    assert not batch.property_mask[invented].any()
    pool = data.lines[torch.arange(200)]
    lists = invented_lines(pool, 500, sampler.axis, torch.Generator().manual_seed(0))
    counts = (lists.wavenumbers_cm1 > 0).sum(1)
    assert counts.min() == 1
    assert counts.max() <= 40
    assert counts.float().median() < 10
    pairs = {tuple(p) for p in pool.intensities.transpose(1, 2).reshape(-1, 2).tolist()}
    drawn = lists.intensities.transpose(1, 2)[lists.wavenumbers_cm1 > 0].tolist()
    assert all(tuple(pair) in pairs for pair in drawn)  # infrared and Raman of one line stay together


def test_invented_lists_of_a_family_differ_by_little(sampler, data):
    lists = invented_lines(data.lines[torch.arange(200)], 402, sampler.axis, torch.Generator().manual_seed(0))
    families = lists.wavenumbers_cm1[:400].unflatten(0, (100, 4))
    here = families > 0
    assert torch.equal(here, here[:, :1].expand_as(here))
    assert torch.equal(lists.intensities[0], lists.intensities[3])
    spread = torch.where(here, families.std(1, keepdim=True), torch.nan).nanmedian(-1).values[:, 0]
    assert spread.min() > 1
    assert 10 < spread.median() < 40
    assert spread.max() < 200
    assert len(lists) == 402


def test_grouped_puts_like_rows_together():
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(10, 8, generator=generator).repeat_interleave(4, 0)
    features = torch.nn.functional.normalize(centres + 0.01 * torch.randn(40, 8, generator=generator), dim=-1)
    order = np.random.default_rng(0).permutation(40)
    found = grouped(order, features, size=4)
    assert sorted(found) == list(range(40))
    assert found[0] == order[0]
    assert all(len(set(group // 4)) == 1 for group in found.reshape(10, 4))


def test_validation_and_test_batches_are_molecules_of_the_split(data, config):
    sampler = ViewSampler(data, config, split="test", batch_size=50)
    assert sampler.batch(0).real.all()
    assert set(sampler.molecules(3).tolist()) <= set(data.indices("test").tolist())


def test_splits_share_neither_molecules_nor_instruments(data, config):
    samplers = {split: ViewSampler(data, config, split=split, batch_size=4) for split in HELD_OUT}
    formulas = {split: {data.formulas[row] for row in sampler.rows} for split, sampler in samplers.items()}
    assert not formulas["train"] & formulas["test"]
    assert not formulas["train"] & formulas["validation"]
    assert not formulas["validation"] & formulas["test"]
    noise = [set(sampler.table.noise.flatten().tolist()) for sampler in samplers.values()]
    assert not noise[0] & noise[1]
    assert not noise[0] & noise[2]
    assert (samplers["validation"].batch(0).instruments == -1).all()


def test_masked_share():
    mask = block_mask((200, 2, 2048), 27, 0.4, torch.Generator().manual_seed(0))
    assert mask.float().mean().item() == pytest.approx(0.4, abs=0.06)
    edges = torch.diff(mask[:, 0].int(), dim=-1)
    for row in edges[:20]:
        begin, end = (row == 1).nonzero().flatten(), (row == -1).nonzero().flatten()
        end = end[end > begin[0]]
        assert (end - begin[: len(end)]).min() >= 2 * 27  # a block is two tokens or more


def test_a_molecule_without_active_lines_has_no_spectrum(sampler):
    nitrogen = LineBatch(torch.tensor([[2330.0]]), torch.tensor([[[0.0], [20.0]]]))
    heavy = LineBatch(torch.tensor([[120.0]]), torch.tensor([[[9.0], [20.0]]]))  # outside the range
    assert has_spectrum(nitrogen, sampler.axis).tolist() == [[False, True]]
    assert has_spectrum(heavy, sampler.axis).tolist() == [[False, False]]


@pytest.mark.parametrize("share", ["masked_share", "symmetric_share", "invented_share"])
def test_a_share_that_cannot_be_is_refused(data, config, share):
    for value in (1.0, -0.1, float("nan")):
        with pytest.raises(ModelError, match=share):
            ViewSampler(data, config, batch_size=8, **{share: value})


@pytest.mark.parametrize("size", [1, 10**6])
def test_a_batch_size_that_cannot_be_is_refused(data, config, size):
    with pytest.raises(ModelError, match="batches of"):
        ViewSampler(data, config, batch_size=size)


def test_gradients_reach_every_parameter(config, sampler):
    model = Spektron(config)
    loss, terms = Objective()(model, sampler.batch(0), 1000, torch.Generator().manual_seed(0))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(np.isfinite(value) for value in terms.values())
    untouched = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert untouched == []


def test_what_all_molecules_have_in_common_does_not_count(config):
    model = Spektron(config)
    features = torch.randn(16, config.embedding, generator=torch.Generator().manual_seed(0))
    plain = model.unit_vectors(features)
    assert torch.allclose(model.unit_vectors(3 * features + 50), plain, atol=1e-4)
    for _ in range(400):
        model.unit_vectors(3 * features + 50)
    model.eval()
    assert torch.allclose(model.unit_vectors(3 * features + 50), plain, atol=0.05)
    alone = torch.cat([model.unit_vectors(3 * row[None] + 50) for row in features])
    assert torch.allclose(alone, model.unit_vectors(3 * features + 50), atol=1e-6)


def test_experts_are_balanced_over_the_tokens_of_spectra_that_are_there(config, sampler):
    batch, model = sampler.batch(0), Spektron(config)
    present = batch.present.clone()
    present[: len(batch) // 2, 0] = False
    batch = dataclasses.replace(batch, present=present)
    _, terms = Objective()(model, batch, 0, None)
    encoded = model.encode(batch.spectra.flatten(0, 1), present=present.repeat(2, 1), seen=~batch.mask.flatten(0, 1))
    here = present.repeat(2, 1)
    chosen = [r.chosen.unflatten(0, (*here.shape, -1))[here].flatten(0, 1) for r in encoded.routings]
    among = [r.probabilities.unflatten(0, (*here.shape, -1))[here].flatten(0, 1) for r in encoded.routings]
    by_hand = [load_balance(p, c).item() for p, c in zip(among, chosen, strict=True)]
    assert terms["balance"] == pytest.approx(np.mean(by_hand), abs=1e-5)


def test_every_weight_is_that_of_a_term(config, sampler):
    _, terms = Objective()(Spektron(config), sampler.batch(0), 0, torch.Generator().manual_seed(0))
    assert set(terms) == {
        n for n in LossWeights.__dataclass_fields__ if n not in ("warm_up_steps", "free_nats", "temperature")
    }


def test_without_noise_the_objective_is_deterministic(config, sampler):
    model = Spektron(config)
    with torch.no_grad():
        losses = [Objective()(model, sampler.batch(0), 0, None)[0] for _ in range(2)]
    assert torch.equal(*losses)


def test_some_steps_lower_the_loss(config, sampler):
    model, objective = Spektron(config), Objective()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses = []
    for step in range(24):
        loss, _ = objective(model, sampler.batch(step % 4), step, torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])


def test_relative_error():
    target = torch.tensor([[3.0, 4.0]])
    everywhere = torch.ones(1, 2, dtype=torch.bool)
    assert relative_error(target, target, everywhere).item() == 0.0
    assert relative_error(torch.zeros(1, 2), target, everywhere).item() == 1.0
    assert relative_error(torch.tensor([[3.0, 99.0]]), target, torch.tensor([[True, False]])).item() == 0.0


def test_disagreement_is_zero_for_equal_views_and_two_for_strangers():
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(2, 4000, 1, 3, generator=generator)
    present = torch.ones(2, 4000, 1, dtype=torch.bool)
    assert disagreement(latents[:1].expand(2, -1, -1, -1), present).item() == 0.0
    assert disagreement(latents, present).item() == pytest.approx(2.0, abs=0.1)


def test_linear_dependence_is_zero_for_independent_latents_and_grows():
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(2, 4000, 1, 3, generator=generator)
    conditions = torch.randn(2, 4000, 1, 2, generator=generator)
    present = torch.ones(2, 4000, 1, dtype=torch.bool)
    found = []
    for share in (0.0, 0.3, 1.0):
        mixed = latents.clone()
        mixed[..., 0] = (1 - share) * latents[..., 0] + share * conditions[..., 0]
        found.append(linear_dependence(mixed, conditions, present).item())
    assert found[0] == pytest.approx(0.0, abs=2e-3)
    assert found[0] < found[1] < found[2]
    assert found[2] == pytest.approx(0.5, abs=0.01)  # one of two conditions is told exactly


@pytest.mark.parametrize("present", [(False, True), (True, False), (False, False)])
def test_a_batch_without_a_kind_of_spectrum_has_a_finite_loss(config, sampler, present):
    """As the share of one process, of a small batch, may be."""
    model, batch = Spektron(config), sampler.batch(0).part(0, 4)
    batch = dataclasses.replace(batch, present=torch.tensor(present).expand_as(batch.present))
    loss, terms = Objective()(model, batch, 1000, torch.Generator().manual_seed(0))
    loss.backward()
    assert all(np.isfinite(value) for value in terms.values())
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())


def test_spectra_that_are_absent_cannot_change_the_loss(config, sampler):
    model, batch = Spektron(config), sampler.batch(0)
    absent = torch.arange(len(batch)) % 3 == 0
    present = batch.present & torch.stack([~absent, torch.ones_like(absent)], dim=1)
    other = torch.where(present.unsqueeze(-1), batch.spectra, 5.0)
    with torch.no_grad():
        losses = [
            Objective()(model, dataclasses.replace(batch, present=present, spectra=spectra), 1000, None)[1]
            for spectra in (batch.spectra, other)
        ]
    assert losses[0] == losses[1]


def test_hidden_channels_enter_the_loss_as_targets_only(config, sampler):
    """What the model says of a batch is the same, whatever stands on the hidden channels."""
    model, batch = Spektron(config), sampler.batch(0)
    other = torch.where(batch.mask, 3.0, batch.spectra)
    assert batch.mask[1].any()
    assert not batch.mask[0].any()
    with torch.no_grad():
        first, second = (
            Objective()(model, dataclasses.replace(batch, spectra=spectra), 0, None)[1]
            for spectra in (batch.spectra, other)
        )
    targets = {"masked", "own"}
    assert {name for name in first if first[name] != second[name]} == targets


def test_the_mean_spectrum_is_scaled_by_what_is_seen():
    mean = torch.tensor([[1.0, 2.0, 4.0]])
    hidden = torch.tensor([[[False, False, True]]])
    told = {"masked_where": hidden, "masked_target": torch.tensor([[[3.0, 6.0, 100.0]]])}
    assert _fitted(mean, told).tolist() == [[[3.0, 6.0, 12.0]]]


def test_instrument_numbers_are_standardised(sampler):
    numbers = instrument_numbers(sampler.table)
    assert numbers.shape[:2] == (64, 2)
    assert numbers.mean(0).abs().max() < 1e-4
    assert torch.isfinite(numbers).all()


def test_an_untrained_model_is_probed(config, data):
    probe = instrument_probe(Spektron(config), data, "ir", split="validation", n_instruments=4)
    assert probe.chance == 0.25
    assert probe.interval_inst[0] <= probe.accuracy_inst <= probe.interval_inst[1]
    assert probe.accuracy_chem_mean > 0.5  # random weights hide nothing


@pytest.mark.parametrize(("modality", "n"), [("uv", 4), ("ir", 1), ("ir", 10**5)])
def test_a_probe_that_cannot_be_is_refused(config, data, modality, n):
    with pytest.raises(ModelError, match="instrument_probe"):
        instrument_probe(Spektron(config), data, modality, split="validation", n_instruments=n)
