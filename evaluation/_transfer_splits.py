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
    data: InstrumentSet, n_splits: int = N_SPLITS, *, test_share: float = TEST_SHARE, seed: int = 0
) -> tuple[TransferSplit, ...]:
    """Splits drawn at random; split i is the same however many are asked for.

    Parameters
    ----------
    data : InstrumentSet
    n_splits : int
    test_share : float
        Share of the samples that test, rounded.
    seed : int

    Raises
    ------
    EvaluationError
        No test or no training samples are left.

    Examples
    --------
    >>> from symvib.evaluation.instrument_sets import synthetic_instrument_set
    >>> [len(split.test) for split in random_splits(synthetic_instrument_set(n_samples=20), 3)]
    [5, 5, 5]
    """
    n_test = round(test_share * len(data))
    found = []
    for i in range(n_splits):
        order = np.random.default_rng([seed, i]).permutation(len(data))
        found.append(TransferSplit(str(i), np.sort(order[n_test:]), np.sort(order[:n_test])))
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
