"""A stand-in model, objective and sampler for the training loop; also run as a program, to be killed."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from symvib.spektron.training import TrainingParts, TrainingSettings, train_parts

SETTINGS = {
    "steps": 24,
    "batch_size": 8,
    "learning_rate": 1e-2,
    "validate_every": 6,
    "validation_batches": 2,
    "log_every": 4,
    "checkpoint_every": 5,
}


@dataclass
class Batch:
    x: torch.Tensor
    y: torch.Tensor

    def to(self, device):
        return Batch(self.x.to(device), self.y.to(device))

    def part(self, rank, ranks):
        return Batch(self.x[rank::ranks], self.y[rank::ranks])


class ToySampler:
    def __init__(self, seed, pause=0.0, poisoned=None):
        self.seed, self.pause, self.poisoned = seed, pause, poisoned

    def batch(self, step):
        time.sleep(self.pause)
        x = torch.randn(8, 5, generator=torch.Generator().manual_seed(1000 * self.seed + step))
        y = x.square().sum(-1, keepdim=True)
        return Batch(x, y * float("nan") if step == self.poisoned else y)


class ToyModel(nn.Module):
    """With dropout (global generator), batch norm (buffers) and a parameter that is used in some steps only."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Linear(5, 16), nn.BatchNorm1d(16), nn.GELU(), nn.Dropout(0.2), nn.Linear(16, 1)
            )
        self.rare = nn.Parameter(torch.zeros(1))
        self.metrics = {}

    def save(self, folder):
        save_file(self.state_dict(), Path(folder) / "model.safetensors")


def objective(model, batch, step, generator):
    x = batch.x if generator is None else batch.x + 0.1 * torch.randn(batch.x.shape, generator=generator)
    y = model.layers(x) + (model.rare if step % 3 == 2 else 0)
    loss = (y - batch.y).square().mean()
    return loss, {"squared": float(loss.detach())}


def toy_parts(seed=0, **options):
    return TrainingParts(ToyModel(seed), objective, ToySampler(seed, **options), ToySampler(seed + 999))


def toy_train(folder, *, changes=None, resume=True, parts=None, **options):
    settings = TrainingSettings(**{**SETTINGS, **(changes or {})})
    parts = parts or toy_parts(settings.seed, **options)
    identity = {"config": {"toy": True}, "data_hash": "toy"}
    return train_parts(parts, folder, settings=settings, identity=identity, resume=resume, device="cpu")


if __name__ == "__main__":
    print(toy_train(sys.argv[1], pause=float(sys.argv[2])).reason)
