"""Which samples calibrate, which tie the instruments together, which test: splits by sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ._instrument_set import InstrumentSet
from .transfer import kennard_stone

__all__ = ["BUDGETS", "N_SPLITS", "TransferSplit", "given_split", "random_splits", "transfer_rows_of"]

BUDGETS = (0, 3, 5, 10, 25)
N_SPLITS = 20
TEST_SHARE = 0.25

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TransferSplit:
    """Rows of an instrument set; a sample is on one side on every instrument.

    Attributes
    ----------
    name : str
        "0" ... for random splits, "calibrate-test" for that of the source.
    train, test : ndarray of int
    """

    name: str
    train: Rows
    test: Rows

    def __post_init__(self) -> None:
        if not len(self.train) or not len(self.test) or set(self.train.tolist()) & set(self.test.tolist()):
            raise EvaluationError(
                f"split {self.name}: {len(self.train)} training and {len(self.test)} test samples; neither may be "
                "empty and none may be in both."
            )
        for rows in (self.train, self.test):
            rows.setflags(write=False)


def random_splits(
    data: InstrumentSet,
    n_splits: int = N_SPLITS,
    *,
    n_train: int | None = None,
    n_test: int | None = None,
    seed: int = 0,
) -> tuple[TransferSplit, ...]:
    """Splits drawn at random; split i is the same however many are asked for.

    Parameters
    ----------
    data : InstrumentSet
    n_splits : int
    n_train, n_test : int, optional
        [default: a quarter of the samples tests and the others train; of a set whose source calls a part "calibrate",
        as many as that part has train, and as many test]
    seed : int

    Raises
    ------
    EvaluationError
        No test or no training samples, or more than there are.

    Examples
    --------
    >>> from symvib.evaluation.instrument_sets import synthetic_instrument_set
    >>> [len(split.test) for split in random_splits(synthetic_instrument_set(n_samples=20), 3)]
    [5, 5, 5]
    """
    n = len(data)
    calibrated = 0 if data.split is None else data.split.count("calibrate")
    tests = n_test if n_test is not None else min(calibrated, n // 2) or round(TEST_SHARE * n)
    trains = n_train if n_train is not None else min(calibrated, n - tests) or n - tests
    if tests < 1 or trains < 1 or tests + trains > n:
        raise EvaluationError(f"random_splits: {trains} training and {tests} test samples of {n}.")
    found = []
    for i in range(n_splits):
        order = np.random.default_rng([seed, i]).permutation(n)
        found.append(TransferSplit(str(i), np.sort(order[tests : tests + trains]), np.sort(order[:tests])))
    return tuple(found)


def given_split(data: InstrumentSet, train: str = "calibrate", test: str = "test") -> TransferSplit:
    """The split of the source; DatasetError where it has none."""
    return TransferSplit(f"{train}-{test}", data.rows_of(train), data.rows_of(test))


def transfer_rows_of(data: InstrumentSet, split: TransferSplit, source: str, budgets: Sequence[int]) -> dict[int, Rows]:
    """For each budget k the training rows (k,) whose samples tie the instruments together.

    By Kennard and Stone on the source spectra as measured, so that those of a small budget are among those of a large
    one. A budget beyond the training samples is left out.
    """
    spectra = data.spectra[source][split.train]
    return {
        k: split.train[kennard_stone(spectra, k) if k else np.zeros(0, dtype=np.int64)]
        for k in dict.fromkeys(budgets)
        if k <= len(split.train)
    }
