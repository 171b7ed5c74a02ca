"""The methods that Spektron is compared with, behind one protocol: searches, chemometric regressions, a 1-D ResNet.

A peer is fitted on spectra (n, modalities, channels), of which an absent modality is a row of NaN or False in
``present`` (n, modalities). It either scores queries against a library (`scores`, larger is more alike) or has a target
that it predicts (`predict`) and an embedding (`embed`) of which the scalar product is the score.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from ..errors import ModelError
from ._peer_preprocessing import SPACING_CM1, Preprocessing, spectra_and_presence
from ._peer_regression import RegressionPeer, reference_targets
from ._peer_resnet import ResNetPeer, SpectralResNet
from ._peer_search import LibrarySearch, SearchSettings, moved, shifts
from ._peer_tuning import OPTIONS, TunedSearch, tune
from .model import Spektron
from .rendering import spectral_axis

__all__ = [
    "OPTIONS",
    "SPACING_CM1",
    "LibrarySearch",
    "MeanSpectrum",
    "NearestNeighbour",
    "Preprocessing",
    "RegressionPeer",
    "ResNetPeer",
    "SearchSettings",
    "ShiftedPeer",
    "SpectralModel",
    "SpectralResNet",
    "SpektronPeer",
    "TunedSearch",
    "embedding_scores",
    "masked",
    "peer_scores",
    "reference_targets",
    "spectra_and_presence",
    "tune",
]


@runtime_checkable
class SpectralModel(Protocol):
    """What every regression and embedding peer does."""

    def fit(self, spectra: Any, targets: Any, present: Any = None) -> Any:
        """Itself, fitted to spectra (n, M, L) and targets (n, k)."""
        ...

    def predict(self, spectra: Any, present: Any = None) -> np.ndarray:
        """Targets (n, k)."""
        ...

    def embed(self, spectra: Any, present: Any = None) -> np.ndarray:
        """Unit vectors (n, k)."""
        ...


@dataclass(frozen=True)
class SpektronPeer:
    """A trained Spektron as a peer: it embeds spectra (n, 2, L) on L channels from 400 to 4000 cm-1."""

    model: Spektron

    def embed(self, spectra: Any, present: Any = None) -> np.ndarray:
        """Unit vectors (n, k)."""
        x, has = spectra_and_presence(spectra, present)
        axis = spectral_axis(x.shape[-1])  # of the tasks, whatever the model's own is
        return self.model.embed(torch.from_numpy(x), present=torch.from_numpy(has), axis=axis).numpy()


@dataclass(frozen=True)
class ShiftedPeer:
    """A peer that embeds, asked with the query moved along the axis: the best score over the shifts counts.

    Attributes
    ----------
    peer : object
        With an ``embed``.
    max_shift_cm1, shift_step_cm1 : float
        Shifts go from -max to +max, as in `SearchSettings`.
    spacing_cm1 : float
        Between channels.

    Raises
    ------
    ModelError
        A shift below 0, a step or spacing that is not above 0.
    """

    peer: Any
    max_shift_cm1: float
    shift_step_cm1: float = 2 * SPACING_CM1
    spacing_cm1: float = SPACING_CM1

    def __post_init__(self) -> None:
        if self.max_shift_cm1 < 0 or self.shift_step_cm1 <= 0 or self.spacing_cm1 <= 0:
            raise ModelError(
                f"ShiftedPeer({self.max_shift_cm1}, {self.shift_step_cm1}, {self.spacing_cm1}): a shift of at least 0, "
                "and a step and a spacing above 0, are needed."
            )

    def embed(self, spectra: Any, present: Any = None) -> np.ndarray:
        """What the peer makes of the spectra as they are."""
        return self.peer.embed(spectra, present)

    def scores(
        self, queries: Any, library: Any, queries_present: Any = None, library_present: Any = None
    ) -> np.ndarray:
        """Scores (n_queries, n_library): the largest scalar product over the shifts."""
        return np.max(list(self.shifted_scores(queries, library, queries_present, library_present).values()), axis=0)

    def shifted_scores(
        self, queries: Any, library: Any, queries_present: Any = None, library_present: Any = None
    ) -> dict[int, np.ndarray]:
        """Scores (n_queries, n_library) for each shift of the query in channels."""
        known = self.embed(library, library_present)
        queries, has = spectra_and_presence(queries, queries_present)
        return {
            shift: embedding_scores(self.embed(moved(queries, shift), has), known)
            for shift in shifts(self.max_shift_cm1, self.shift_step_cm1, self.spacing_cm1)
        }


def embedding_scores(queries: Any, library: Any) -> np.ndarray:
    """Scores (n_queries, n_library): scalar products of embeddings.

    Raises
    ------
    ModelError
        Embeddings of different lengths.
    """
    queries, library = np.asarray(queries, dtype=np.float32), np.asarray(library, dtype=np.float32)
    if queries.ndim != 2 or library.ndim != 2 or queries.shape[1] != library.shape[1]:
        raise ModelError(f"Embeddings of shapes {queries.shape} and {library.shape} have no scalar products")
    return queries @ library.T


def peer_scores(
    peer: Any, queries: Any, library: Any, queries_present: Any = None, library_present: Any = None
) -> np.ndarray:
    """Scores (n_queries, n_library) of any peer: its own `scores`, else scalar products of what it embeds."""
    if hasattr(peer, "scores"):
        return peer.scores(queries, library, queries_present, library_present)
    return embedding_scores(peer.embed(queries, queries_present), peer.embed(library, library_present))


@dataclass
class MeanSpectrum:
    """The baseline that does not look: predicts the mean of the training targets for every spectrum.

    Examples
    --------
    >>> MeanSpectrum().fit(np.ones((2, 1, 4)), [[0.0, 2.0], [2.0, 4.0]]).predict(np.ones((1, 1, 4))).tolist()
    [[1.0, 3.0]]
    """

    mean: np.ndarray | None = None

    def fit(self, spectra: Any, targets: Any, present: Any = None) -> "MeanSpectrum":
        """Itself, with the mean of the targets; NaN in a target is left out."""
        targets = np.asarray(targets, dtype=float)
        known = np.isfinite(targets)
        count = known.sum(axis=0)
        if not np.all(count):
            raise ModelError(f"{int((count == 0).sum())} of {count.size} target values are known for no training row")
        self.mean = np.where(known, targets, 0.0).sum(axis=0) / count
        return self

    def predict(self, spectra: Any, present: Any = None) -> np.ndarray:
        """The mean for each spectrum."""
        if self.mean is None:
            raise ModelError("MeanSpectrum.predict before fit: there is no mean yet")
        return np.repeat(self.mean[None], len(spectra), axis=0)

    def embed(self, spectra: Any, present: Any = None) -> np.ndarray:
        """The same unit vector (n, 1) for each spectrum: every library entry ties."""
        return np.ones((len(spectra), 1), dtype=np.float32)


@dataclass
class NearestNeighbour:
    """Predicts the targets of the training spectra that a library search finds nearest (their mean for n > 1)."""

    search: LibrarySearch = field(default_factory=LibrarySearch)
    n_neighbours: int = 1
    batch: int = 512
    _known: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def fit(self, spectra: Any, targets: Any, present: Any = None) -> "NearestNeighbour":
        """Itself, with the training spectra as library."""
        spectra, present = spectra_and_presence(spectra, present)
        targets = np.asarray(targets, dtype=float)
        if len(targets) != len(spectra) or not 1 <= self.n_neighbours <= len(spectra):
            raise ModelError(
                f"NearestNeighbour got {len(spectra)} spectra, {len(targets)} targets and wants {self.n_neighbours} "
                "neighbours: one target for each spectrum, and no more neighbours than spectra"
            )
        self._known = spectra, present, targets
        return self

    def predict(self, spectra: Any, present: Any = None) -> np.ndarray:
        """Targets (n, ...) of the nearest training spectra."""
        if self._known is None:
            raise ModelError("NearestNeighbour.predict before fit: there are no training spectra yet")
        library, held, targets = self._known
        spectra, present = spectra_and_presence(spectra, present)
        found = []
        for start in range(0, len(spectra), self.batch):
            rows = slice(start, start + self.batch)
            scores = self.search.scores(spectra[rows], library, present[rows], held)
            nearest = np.argpartition(-scores, self.n_neighbours - 1, axis=1)[:, : self.n_neighbours]
            found.append(targets[nearest].mean(axis=1))
        return np.concatenate(found)

    def embed(self, spectra: Any, present: Any = None) -> np.ndarray:
        """Unit vectors (n, k) of the search (`LibrarySearch.embed`)."""
        return self.search.embed(spectra, present)


def masked(spectra: Any, modalities: Sequence[int]) -> np.ndarray:
    """A copy of spectra (n, M, L) in which the modalities that are not named are NaN.

    Examples
    --------
    >>> masked(np.ones((1, 2, 2)), [1]).tolist()
    [[[nan, nan], [1.0, 1.0]]]
    """
    spectra = np.array(spectra, dtype=np.float32)
    absent = [m for m in range(spectra.shape[1]) if m not in set(modalities)]
    spectra[:, absent] = np.nan
    return spectra
