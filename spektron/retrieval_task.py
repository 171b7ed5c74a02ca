"""The identification problem: unseen molecules in a library of one virtual instrument, queries from another; simulated.

Library and queries never share an instrument, and the queries may come from another level of theory. The molecules are
those of one part of the split, each structure once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..errors import ModelError
from .instrument import InstrumentSettings, InstrumentTable, measure
from .peers import masked, peer_scores, spectra_and_presence
from .rendering import LineBatch, spectral_axis
from .retrieval import RetrievalResult, retrieval
from .training_data import TrainingData
from .views import HELD_OUT, has_spectrum

__all__ = ["RetrievalTask", "distinct_rows", "measured", "simulated_task"]

_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class RetrievalTask:
    """Queries, a library, and which entry each query should find.

    Attributes
    ----------
    queries, library : (n, M, L), (n_library, M, L) arrays of float32
        Absent spectra are NaN.
    true_index : (n,) int array
    rows : (n,) int array
        Row of each query's molecule in the training data.
    """

    queries: np.ndarray
    library: np.ndarray
    true_index: np.ndarray
    rows: np.ndarray

    def only(self, modalities: Sequence[int]) -> "RetrievalTask":
        """The task with some modalities; queries that have none of them, in the library too, are left out."""
        queries, library = masked(self.queries, modalities), masked(self.library, modalities)
        has, holds = spectra_and_presence(queries)[1], spectra_and_presence(library)[1]
        kept = np.any(has & holds[self.true_index], axis=1)
        if not kept.any():
            raise ModelError(f"None of the {len(kept)} queries has a spectrum of the modalities {list(modalities)}")
        return RetrievalTask(queries[kept], library, self.true_index[kept], self.rows[kept])

    def answer(self, peer: Any) -> RetrievalResult:
        """How well a peer finds the molecules; queries are grouped by molecule."""
        return retrieval(peer_scores(peer, self.queries, self.library), self.true_index, groups=self.rows)


def distinct_rows(data: TrainingData, part: str) -> np.ndarray:
    """Rows of a part of the split, each SMILES once (molecules without one are all kept)."""
    seen: set[str] = set()
    kept = []
    for row in data.indices(part):
        text = data.smiles[row]
        if not text or text not in seen:
            kept.append(int(row))
        seen.add(text)
    return np.array(kept, dtype=np.int64)


def measured(
    lines: LineBatch,
    instruments: Sequence[int],
    seed: int,
    *,
    settings: InstrumentSettings | None = None,
    channels: int = 2048,
) -> np.ndarray:
    """Simulated measurements (n, M, channels), NaN where a molecule has no spectrum of that kind.

    Parameters
    ----------
    lines : LineBatch
    instruments : sequence of int
        Instrument seeds; one for all, or the measurements are dealt out among them at random.
    seed : int
        Of noise and all else that changes from measurement to measurement.
    """
    axis = spectral_axis(channels)
    table = InstrumentTable.of_seeds(instruments, lines.modalities, settings)
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(len(table), (len(lines), len(lines.modalities)), generator=generator)
    spectra = np.empty((len(lines), len(lines.modalities), channels), dtype=np.float32)
    for start in range(0, len(lines), _CHUNK):
        rows = slice(start, start + _CHUNK)
        spectra[rows] = measure(lines[rows], table.pick(index[rows]), axis, generator).numpy()
    spectra[~has_spectrum(lines, axis).numpy()] = np.nan
    return spectra


def simulated_task(
    data: TrainingData,
    part: str,
    seed: int,
    *,
    n_queries: int | None = 1000,
    second_level: bool = False,
    distractors: str | None = None,
    settings: InstrumentSettings | None = None,
    channels: int = 2048,
) -> RetrievalTask:
    """A task of one part of the split: library from instrument 2 seed, queries from instrument 2 seed + 1.

    Both are counted from `HELD_OUT`, so that no part of the split knows another's instruments. The queried molecules
    are the same for every seed.

    Parameters
    ----------
    data : TrainingData
    part : {"train", "validation", "test"}
    seed : int
        Of the pair of instruments and their noise, 0 or more.
    n_queries : int, optional
        Molecules that are drawn for queries; None or more than there are: all.
    second_level : bool
        Queries from the second level of theory, for the molecules of the part that have it, in the library of the
        first.
    distractors : {"train", "validation", "test"}, optional
        Another part of the split, whose molecules stand in the library too (on the same instrument) and are not asked.
    settings : InstrumentSettings, optional
    channels : int
    """
    if distractors == part:
        raise ModelError(f"simulated_task: distractors of {part!r} molecules must be other molecules")
    library_rows = own = distinct_rows(data, part)
    if distractors is not None:
        library_rows = np.concatenate([own, distinct_rows(data, distractors)])
    place = {int(row): k for k, row in enumerate(own)}
    if second_level:
        usable = np.array([k for k, row in enumerate(data.second_level_index) if int(row) in place], dtype=np.int64)
    else:
        usable = np.arange(len(own))
    if not len(usable):
        raise ModelError(f"No {part} molecule has {'a second level of theory' if second_level else 'lines'}")
    generator = np.random.default_rng(0)
    chosen = usable if n_queries is None else np.sort(generator.permutation(usable)[:n_queries])
    rows = np.asarray(data.second_level_index)[chosen] if second_level else library_rows[chosen]
    lines = data.second_level[chosen] if second_level else data.lines[rows]
    first = HELD_OUT[part] + 2 * seed
    options: dict[str, Any] = {"settings": settings, "channels": channels}
    return RetrievalTask(
        queries=measured(lines, [first + 1], 2 * seed + 1, **options),
        library=measured(data.lines[library_rows], [first], 2 * seed, **options),
        true_index=np.array([place[int(row)] for row in rows]),
        rows=np.asarray(rows),
    )
