"""What a trained model makes of training molecules that two training instruments measure: for what is done after it."""

import torch
from torch import Tensor

from .bottleneck import Gaussian
from .model import Spektron, evaluating
from .training_data import TrainingData
from .views import ViewSampler

__all__ = ["two_views"]


@torch.no_grad()
def two_views(
    model: Spektron, data: TrainingData, batches: int, seed: int, *, invented_share: float = 0.0
) -> tuple[Gaussian, Tensor, Tensor, Tensor]:
    """z_chem (2, n, M, chem) of whole spectra, instruments (2, n, M), presence (n, M) and rows (n,) in the data.

    Batch after batch; the row of an invented line list is -1.
    """
    size = min(128, len(data.indices("train")))
    sampler = ViewSampler(data, model.config, seed, batch_size=size, masked_share=0.0, invented_share=invented_share)
    means, log_variances, instruments, present, molecules = [], [], [], [], []
    with evaluating(model):
        for step in range(batches):
            batch = sampler.batch(step).to(model.axis.device)
            encoded = model.encode(batch.spectra.flatten(0, 1), present=batch.present.repeat(2, 1))
            means.append(encoded.chem_parts.mean.unflatten(0, (2, -1)))
            if encoded.chem_parts.log_variance is not None:
                log_variances.append(encoded.chem_parts.log_variance.unflatten(0, (2, -1)))
            instruments.append(batch.instruments)
            present.append(encoded.present[: len(batch)])
            molecules.append(batch.molecules)
    chem = Gaussian(torch.cat(means, dim=1), torch.cat(log_variances, dim=1) if log_variances else None)
    return chem, torch.cat(instruments, dim=1), torch.cat(present), torch.cat(molecules)
