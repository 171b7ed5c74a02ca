"""Strata of made-up molecules, with the interface of `evaluation.strata.Strata`, and models with a known truth."""

from dataclasses import dataclass, field

import numpy as np

from symvib.errors import EvaluationError
from symvib.evaluation.outcomes import Outcomes


@dataclass(frozen=True, eq=False)
class MadeUpStrata:
    ids: tuple
    columns: dict
    KINDS: tuple = field(default=())

    def labels(self, kind):
        return self.columns[kind]

    def order(self, kind):
        return sorted(set(self.columns[kind].tolist()))

    def chosen(self, ids):
        place = {name: i for i, name in enumerate(self.ids)}
        unknown = [name for name in ids if name not in place]
        if unknown:
            raise EvaluationError(f"{len(unknown)} unknown molecules: {', '.join(unknown[:5])}")
        rows = [place[name] for name in ids]
        return MadeUpStrata(tuple(ids), {k: v[rows] for k, v in self.columns.items()}, self.KINDS)


def made_up(n=400, seed=1):
    """Three kinds: exclusion (inversion 15 %), point group (small ones among them), atoms."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["C1", "Cs", "C2v", "Ci", "D2h", "D5h"], n, p=[0.45, 0.2, 0.15, 0.1, 0.05, 0.05])
    group[0] = "Ih"  # one of a kind
    inversion = np.isin(group, ["Ci", "D2h", "Ih"])
    exclusion = np.where(inversion, "inversion", np.where(group == "D5h", "other", "none"))
    atoms = rng.choice(["3-9", "10-15", "16-19"], n, p=[0.1, 0.3, 0.6])
    columns = {"exclusion": exclusion, "point group": group.astype("U9"), "atoms": atoms.astype("U9")}
    return MadeUpStrata(tuple(f"mol-{i:04d}" for i in range(n)), columns, tuple(columns))


def random_ranks(strata, n_library=100, seed=0, name="random"):
    """A model that guesses: every rank is as likely."""
    ranks = np.random.default_rng(seed).integers(1, n_library + 1, len(strata.ids))
    return Outcomes.of_ranks(strata.ids, ranks, n_library, modalities="ir", name=name)


def ranks_with(strata, hit_probability, n_library=100, seed=0, name="model"):
    """A model that puts the true molecule first with a probability (n,), else second."""
    hit = np.random.default_rng(seed).random(len(strata.ids)) < hit_probability
    return Outcomes.of_ranks(strata.ids, np.where(hit, 1, 2), n_library, modalities="ir", name=name)
