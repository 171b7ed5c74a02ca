"""What Spektron is trained for: masked reconstruction, identification across instruments, heads, disentanglement."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .losses import (
    gradient_reversal,
    info_nce,
    integrated_intensity,
    load_balance,
    masked_bce,
    masked_huber,
    mutual_exclusion,
    non_negativity,
    vib_kl,
    warm_up,
)
from .model import Encoded, Spektron
from .views import MODALITIES, TrainingBatch

__all__ = ["LossWeights", "Objective"]


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the objective; 0 switches a term off.

    What keeps the instrument out of z_chem, and what the bottleneck costs, comes in over `warm_up_steps` after as many
    steps without it: weighed from the start, it leaves nothing in z_chem to tell molecules apart by.

    Attributes
    ----------
    identification : float
        `info_nce` of the two views of each molecule: from its infrared, its Raman spectrum, and both.
    masked : float
        `relative_error` of the hidden channels.
    own : float
        The same of the spectrum as measured, from z_inst and from z_chem of the other view.
    cross_modal : float
        The same of the ideal infrared from Raman, and of the ideal Raman spectrum from infrared.
    groups, properties : float
        `masked_bce` of the functional groups, `masked_huber` of the properties.
    instrument, adversary : float
        Cross-entropies of the instrument, told from z_inst and, behind `gradient_reversal`, from z_chem.
    invariance, independence : float
        `disagreement` of z_chem between the views, `linear_dependence` of z_chem on what the instrument is like.
    bottleneck : float
        `vib_kl` of z_chem and z_inst.
    balance : float
        `load_balance` of the experts.
    non_negative, integrated_intensity, mutual_exclusion : float
        Physics of the ideal spectra that are predicted across modalities.
    warm_up_steps : int
    free_nats : float
        Of each latent dimension, not counted in the bottleneck.
    temperature : float
        Of the identification.
    """

    identification: float = 2.0
    masked: float = 1.0
    own: float = 0.25
    cross_modal: float = 0.25
    groups: float = 0.5
    properties: float = 0.25
    instrument: float = 1.5
    adversary: float = 0.5
    invariance: float = 0.3
    independence: float = 3.0
    bottleneck: float = 2e-3
    balance: float = 0.05
    non_negative: float = 0.1
    integrated_intensity: float = 0.02
    mutual_exclusion: float = 0.1
    warm_up_steps: int = 100
    free_nats: float = 0.05
    temperature: float = 0.05


class Objective(nn.Module):
    """The weighted sum of all terms on one batch.

    Parameters
    ----------
    weights : LossWeights
    gather : callable, optional
        Collects the embeddings of all processes, so that every molecule of the whole batch is a candidate.
    """

    def __init__(self, weights: LossWeights | None = None, gather: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.weights = weights or LossWeights()
        self.gather = gather or (lambda x: x)

    def forward(
        self, model: Spektron, batch: TrainingBatch, step: int, generator: torch.Generator | None
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss, and each term unweighted; ``generator`` draws from the bottleneck, None takes its means."""
        weights = self.weights
        views, size = batch.spectra.shape[:2]
        present = batch.present.repeat(views, 1)
        encoded = model.encode(
            batch.spectra.flatten(0, 1), modalities=MODALITIES, present=present, seen=~batch.mask.flatten(0, 1)
        )
        warm = warm_up(step, weights.warm_up_steps, start=weights.warm_up_steps)
        terms: dict[str, Tensor] = {}
        # Of each molecule: what its infrared says, what its Raman spectrum says, what both say.
        choices = [torch.tensor(c, device=present.device) for c in ((True, False), (False, True), (True, True))]
        usable = [(present & choice).any(-1)[:size] for choice in choices]
        latents = [encoded.chem_of(choice.expand_as(present)).sample(generator) for choice in choices]
        terms["identification"] = self._identification(model, latents, usable, size)
        whole = batch.spectra.flatten(0, 1) / encoded.scale * present.unsqueeze(-1)
        # Where the strongest band is hidden the target exceeds 1: no spectrum counts for more than another.
        height = whole.abs().amax(-1, keepdim=True).clamp(min=1.0)
        hidden = batch.mask.flatten(0, 1) & present.unsqueeze(-1)
        terms["masked"] = relative_error(model.masked_reconstruction(encoded) / height, whole / height, hidden)
        numbers = encoded.modalities.expand(len(present), -1)
        swapped = latents[2].unflatten(0, (views, size)).roll(1, 0).flatten(0, 1)
        inst = encoded.inst.sample(generator)
        own = model.reconstruct(swapped.unsqueeze(1).expand(-1, len(MODALITIES), -1), inst, numbers)
        terms["own"] = relative_error(own, whole / height, present.unsqueeze(-1).expand_as(whole))
        reference = batch.reference.repeat(views, 1, 1)
        crossed = torch.stack([latents[1], latents[0]], dim=1)  # infrared from Raman, Raman from infrared
        ideal = model.reconstruct(crossed, None, numbers)
        everywhere = present.all(-1) & batch.real.repeat(views)
        terms["cross_modal"] = relative_error(ideal, reference, everywhere[:, None, None].expand_as(reference))
        terms["non_negative"] = non_negativity(ideal[everywhere])
        terms["integrated_intensity"] = integrated_intensity(
            ideal, model.axis, batch.areas.repeat(views, 1, 1), everywhere[:, None].expand(-1, len(MODALITIES))
        )
        terms["mutual_exclusion"] = mutual_exclusion(
            ideal,
            reference,
            model.axis,
            batch.centrosymmetric.repeat(views) & everywhere,
            wavenumbers_cm1=batch.wavenumbers_cm1.repeat(views, 1),
        )
        terms.update(self._heads(model, encoded, batch, latents, usable, warm, generator))
        late = {name: warm for name in ("invariance", "independence", "bottleneck")}
        total = torch.stack([getattr(weights, name) * late.get(name, 1.0) * term for name, term in terms.items()]).sum()
        return total, {name: float(term.detach()) for name, term in terms.items()}

    def _identification(self, model: Spektron, latents: list[Tensor], usable: list[Tensor], size: int) -> Tensor:
        losses = []
        for latent, rows in zip(latents, usable, strict=True):
            features = (self.gather(model.retrieval_features(part[rows])) for part in latent.split(size))
            first, second = (model.unit_vectors(part) for part in features)
            losses.append(info_nce(first, second, temperature=self.weights.temperature))
        return torch.stack(losses).mean()

    def _heads(
        self,
        model: Spektron,
        encoded: Encoded,
        batch: TrainingBatch,
        latents: list[Tensor],
        usable: list[Tensor],
        warm: float,
        generator: torch.Generator | None,
    ) -> dict[str, Tensor]:
        weights = self.weights
        views = batch.spectra.shape[0]
        present = encoded.present
        known = [rows.repeat(views) for rows in usable]
        chem, rows = torch.cat(latents), torch.cat(known)
        terms: dict[str, Tensor] = {}
        if model.config.functional_groups:
            mask = batch.group_mask.repeat(views * len(latents)) & rows
            terms["groups"] = masked_bce(
                model.functional_group_logits(chem), batch.functional_groups.repeat(views * len(latents), 1), mask
            )
        if model.config.properties:
            repeats = views * len(latents)
            mask = batch.property_mask.repeat(repeats, 1) & rows[:, None]
            terms["properties"] = masked_huber(
                model.predicted_properties(chem), batch.properties.repeat(repeats, 1), mask
            )
        instruments = batch.instruments.flatten(0, 1)[present]
        if len(instruments) and (instruments >= 0).all():  # other instruments than those of training have no class
            inst, part = (z.sample(generator)[present] for z in (encoded.inst, encoded.chem_parts))
            terms["instrument"] = functional.cross_entropy(model.instrument_head(inst), instruments)
            terms["adversary"] = functional.cross_entropy(model.adversary(gradient_reversal(part, warm)), instruments)
        parts = encoded.chem_parts.sample(generator).unflatten(0, (views, -1))
        here = present.unflatten(0, (views, -1))
        terms["invariance"] = disagreement(parts, here)
        terms["independence"] = linear_dependence(parts, batch.conditions, here)
        if model.config.bottleneck:
            assert encoded.chem_parts.log_variance is not None
            assert encoded.inst.log_variance is not None
            terms["bottleneck"] = vib_kl(
                encoded.chem_parts.mean, encoded.chem_parts.log_variance, free_bits=weights.free_nats, present=present
            ) + vib_kl(encoded.inst.mean, encoded.inst.log_variance, free_bits=weights.free_nats, present=present)
        if encoded.routings:
            tokens = encoded.present.unsqueeze(-1).expand(encoded.tokens.shape[:-1]).flatten()
            loads = [load_balance(r.probabilities, r.chosen, mask=tokens) for r in encoded.routings]
            terms["balance"] = torch.stack(loads).mean()
        return terms


def relative_error(predicted: Tensor, target: Tensor, where: Tensor) -> Tensor:
    """Sum of squared errors over the sum of squares of the target, on the channels ``where``; 1 predicts nothing."""
    where = where.to(target)
    return ((predicted - target).square() * where).sum() / (target.square() * where).sum().clamp(min=1e-6)


def disagreement(latents: Tensor, present: Tensor) -> Tensor:
    """Mean squared difference between the latents (V, B, M, k) of two views, over the variance among molecules.

    0 if z_chem does not depend on the instrument; 2 if views of one molecule are as far apart as different molecules.
    One spectrum alone has no variance to compare with: 0.
    """
    chosen = latents[:, present[0]]
    if chosen.shape[1] < 2:
        return 0.0 * chosen.sum()
    spread = chosen.var(dim=1).mean(0).clamp(min=1e-6)
    return ((chosen[0] - chosen[1]).square().mean(0) / spread).mean()


def linear_dependence(latents: Tensor, conditions: Tensor, present: Tensor) -> Tensor:
    """Sum over latents, mean over conditions and modalities, of their squared correlation, less that of chance.

    ``latents`` (V, B, M, k), ``conditions`` (V, B, M, K), ``present`` (V, B, M). Unlike a trained adversary it cannot
    be outrun: it is HSIC with linear kernels (Gretton et al. 2005), of expectation 0 (to order 1/n^2) for independent
    variables. A modality of fewer than two spectra counts as 0.
    """
    terms = []
    for m in range(latents.shape[2]):
        z, c = (x[:, :, m][present[:, :, m]].float() for x in (latents, conditions))
        if len(z) < 2:
            terms.append(0.0 * z.sum())
            continue
        z, c = ((x - x.mean(0)) / x.std(0).clamp(min=1e-6) for x in (z, c))
        correlation = z.T @ c / len(z)
        terms.append((correlation.square() - 1 / len(z)).sum(0).mean())
    return torch.stack(terms).mean()
