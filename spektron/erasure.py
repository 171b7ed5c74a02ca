"""Erasing the instrument from z_chem after training, in closed form, where the losses have left some of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..errors import ModelError
from ..groups.operations import NDArrayFloat
from ._two_views import two_views
from .model import Spektron
from .training_data import TrainingData

__all__ = ["Erasure", "erase_instruments"]


@dataclass(frozen=True, eq=False)
class Erasure:
    """Directions of z_chem that were erased.

    Attributes
    ----------
    shares : ndarray (directions,)
        Of the variance along each direction, mean over the modalities, the instrument's part; largest first.
    n_spectra : int
        Simulated spectra of training molecules on training instruments that the directions were found from.
    """

    shares: NDArrayFloat
    n_spectra: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"shares": [round(float(x), 4) for x in self.shares], "n_spectra": self.n_spectra}

    def _repr_html_(self) -> str:
        cells = "".join(f"<td>{share:.2f}</td>" for share in self.shares)
        return f"<table><caption>instrument's share of the erased directions</caption><tr>{cells}</tr></table>"


@torch.no_grad()
def erase_instruments(
    model: Spektron, data: TrainingData, *, directions: int = 48, batches: int = 60, seed: int = 0
) -> Erasure:
    """Which directions of z_chem told the instrument; z_chem of ``model`` no longer varies along them.

    Two instruments see each molecule; the difference of its z_chem is that of the instruments and noise, so least
    squares give the effect of each instrument, whatever the molecule. Directions v of the largest v'Bv / v'Sv, B the
    covariance of the effects and S that of z_chem, are projected out obliquely, which changes z_chem least (LEACE,
    N. Belrose et al., arXiv:2306.03819, theorem 4.3, here up to a given rank): a change of the last linear map, nothing
    is computed later. Only training molecules and training instruments are used.

    Parameters
    ----------
    model : Spektron
        Changed in place.
    data : TrainingData
    directions : int
        At most as many as z_chem has numbers.
    batches : int
        Of 128 training molecules (fewer if there are fewer), two views each.
    seed : int

    Raises
    ------
    ModelError
        More directions than z_chem has, or too few spectra for their covariance.
    """
    size = model.config.chem
    if not 1 <= directions <= size:
        raise ModelError(f"erase_instruments(directions={directions}): z_chem has {size} numbers.")
    encoded, *rest = two_views(model, data, batches, seed)
    chem, instruments, present = (x.cpu().numpy() for x in (encoded.mean.double(), *rest[:2]))
    if (present.sum(0) < size).any():
        raise ModelError(f"erase_instruments: {present.sum(0).tolist()} molecules; {size} of each modality are needed.")
    between, total = np.zeros((size, size)), np.zeros((size, size))
    for m in range(present.shape[1]):
        z, number = chem[:, present[:, m], m], instruments[:, present[:, m], m]
        between += _of_instruments(z[0] - z[1], number, model.config.instruments)
        total += np.cov(z.reshape(-1, size), rowvar=False)
    total += 1e-6 * np.trace(total) / size * np.eye(size)
    shares, vectors = _leading(between, total, directions)
    kept = torch.from_numpy(np.eye(size) - total @ vectors @ vectors.T).to(model.latent.weight)
    mean = torch.from_numpy(chem[:, present].mean((0, 1))).to(model.latent.weight)
    weight, bias = model.latent.weight, model.latent.bias
    weight[:size] = kept @ weight[:size]
    bias[:size] = kept @ (bias[:size] - mean) + mean
    return Erasure(shares, int(2 * present.sum()))


def _of_instruments(differences: NDArrayFloat, numbers: np.ndarray, count: int) -> NDArrayFloat:
    """Covariance (k, k) of the effects of instruments, from differences (n, k) of the views by ``numbers`` (2, n)."""
    rows = np.arange(len(differences))
    design = np.zeros((len(differences), count))
    design[rows, numbers[0]] += 1
    design[rows, numbers[1]] -= 1
    inverse = np.linalg.pinv(design.T @ design)
    effects = inverse @ (design.T @ differences)
    rest = differences - design @ effects
    noise = rest.T @ rest / max(1, len(differences) - count + 1)
    return (effects.T @ effects - np.trace(inverse) * noise) / count


def _leading(between: NDArrayFloat, total: NDArrayFloat, count: int) -> tuple[NDArrayFloat, NDArrayFloat]:
    """The ``count`` largest generalised eigenvalues, as far as they are positive, and their vectors (k, count)."""
    from scipy.linalg import eigh

    values, vectors = eigh(between, total)
    chosen = np.argsort(-values)[:count]
    chosen = chosen[values[chosen] > 0]
    return values[chosen], vectors[:, chosen]
