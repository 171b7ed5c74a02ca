"""A contrastive stand-in, run by one process or by two of `torchrun`: its batches' embeddings are gathered."""

import sys

import torch
from torch.nn import functional

from _toy_training import SETTINGS, Batch, ToyModel
from symvib.spektron._ranks import gather_rows
from symvib.spektron.training import TrainingParts, TrainingSettings, train_parts


class Plain(ToyModel):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.layers = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.GELU(), torch.nn.Linear(16, 4))


class Pairs:
    def __init__(self, seed):
        self.seed = seed

    def batch(self, step):
        generator = torch.Generator().manual_seed(1000 * self.seed + step)
        x = torch.randn(8, 5, generator=generator)
        return Batch(x, x + 0.3 * torch.randn(8, 5, generator=generator))


def contrast(model, batch, step, generator):
    first, second = (gather_rows(functional.normalize(model.layers(x), dim=-1)) for x in (batch.x, batch.y))
    loss = functional.cross_entropy(first @ second.T / 0.2, torch.arange(len(first)))
    return loss, {"rows": float(len(first))}


if __name__ == "__main__":
    parts = TrainingParts(Plain(), contrast, Pairs(0), Pairs(99))
    train_parts(parts, sys.argv[1], settings=TrainingSettings(**SETTINGS), identity={"toy": "pairs"}, device="cpu")
