"""Library search: cosine, spectral information divergence, Wasserstein distance; one matrix of scores for a library."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from typing import Any

import numpy as np

from ..errors import ModelError
from ._peer_preprocessing import SPACING_CM1, Preprocessing, spectra_and_presence

__all__ = ["LibrarySearch", "SearchSettings", "fused", "moved", "shifts"]

MEASURES = ("cosine", "sid", "wasserstein")


@dataclass(frozen=True)
class SearchSettings:
    """How one modality is searched.

    Attributes
    ----------
    preprocessing : Preprocessing
    max_shift_cm1, shift_step_cm1 : float
        The best score over shifts of the query from -max to +max counts (cosine and SID; costs one product a shift).
    floor : float
        Added to every channel, in units of the mean channel, before the logarithms of SID.
    order : {1, 2}
        Of the Wasserstein distance.
    """

    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    max_shift_cm1: float = 0.0
    shift_step_cm1: float = 2 * SPACING_CM1
    floor: float = 0.1
    order: int = 1

    def __post_init__(self):
        if not (self.max_shift_cm1 >= 0 and self.shift_step_cm1 > 0 and self.floor > 0 and self.order in (1, 2)):
            raise ModelError(f"Search settings out of range (shift >= 0, step > 0, floor > 0, order 1 or 2): {self}")

    def changed(self, **values: Any) -> "SearchSettings":
        """A copy with some values changed; names of `Preprocessing` are handed on to it."""
        own = {name: value for name, value in values.items() if name in self.__dataclass_fields__}
        inner = {name: value for name, value in values.items() if name not in own}
        return replace(self, **{"preprocessing": replace(self.preprocessing, **inner), **own})

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class LibrarySearch:
    """A search of measured spectra in a library of measured spectra; nothing is learned but the settings.

    Attributes
    ----------
    measure : {"cosine", "sid", "wasserstein"}
        Cosine of the angle; minus the spectral information divergence (C.-I. Chang, IEEE Trans. Inf. Theory 46, 1927
        (2000)); minus the 1-D Wasserstein distance of spectra of unit area (exact on the binned axis: order 1 from
        cumulative sums, order 2 from 512 quantiles).
    settings : tuple of SearchSettings
        One for each modality; a single one holds for all.
    weights : tuple of float
        Of the modalities when several are present (see `fused`).
    spacing_cm1 : float
        Between channels.

    Examples
    --------
    >>> x = np.exp(-0.5 * ((np.arange(300) - np.array([[60], [150], [220]])) / 5) ** 2)[:, None]
    >>> LibrarySearch("cosine").scores(x, x).argmax(axis=1).tolist()
    [0, 1, 2]
    """

    measure: str = "cosine"
    settings: tuple[SearchSettings, ...] = (SearchSettings(),)
    weights: tuple[float, ...] = (1.0, 1.0)
    spacing_cm1: float = SPACING_CM1

    def __post_init__(self):
        if self.measure not in MEASURES:
            raise ModelError(f"measure {self.measure!r} is not one of {', '.join(MEASURES)}")
        if not self.settings or min(self.weights, default=0.0) < 0:
            raise ModelError(f"LibrarySearch needs settings and weights that are not negative, got {self}")
        if self.measure != "cosine" and any(s.preprocessing.derivative for s in self.settings):
            raise ModelError(f"{self.measure} compares distributions: a derivative has negative values")

    @property
    def name(self) -> str:
        """The measure."""
        return self.measure

    def fit(self, spectra: Any, targets: Any = None, present: Any = None) -> "LibrarySearch":
        """Itself: a search learns nothing from training spectra (settings are chosen by `tune`)."""
        return self

    def scores(
        self, queries: Any, library: Any, queries_present: Any = None, library_present: Any = None
    ) -> np.ndarray:
        """Scores (n_queries, n_library), larger is more alike; -inf where no modality is shared.

        O(n_queries n_library L) for each modality and shift: as matrix products for cosine and SID.
        """
        queries, has = spectra_and_presence(queries, queries_present)
        library, holds = spectra_and_presence(library, library_present)
        if queries.shape[1:] != library.shape[1:]:
            raise ModelError(
                f"Queries are (n, modalities, channels) = {queries.shape}, the library is {library.shape}: "
                "both need the same modalities on the same axis"
            )
        n_modalities = queries.shape[1]
        settings = self._settings(n_modalities)
        parts = [
            self._of_modality(queries[:, m], library[:, m], settings[m])
            if has[:, m].any() and holds[:, m].any()
            else None
            for m in range(n_modalities)
        ]
        return fused(parts, has, holds, self.weights)

    def embed(self, spectra: Any, present: Any = None) -> np.ndarray:
        """Unit vectors (n, k): the preprocessed spectra of all modalities, each of unit length, side by side.

        Their scalar product is the mean cosine, without shifts; SID and Wasserstein are no scalar products of anything.
        """
        spectra, present = spectra_and_presence(spectra, present)
        settings = self._settings(spectra.shape[1])
        parts = [
            _unit(s.preprocessing(spectra[:, m], self.spacing_cm1)) * present[:, m, None]
            for m, s in enumerate(settings)
        ]
        return _unit(np.concatenate(parts, axis=1))

    def _settings(self, n_modalities: int) -> tuple[SearchSettings, ...]:
        settings = self.settings * n_modalities if len(self.settings) == 1 else self.settings
        if len(settings) != n_modalities or len(self.weights) < n_modalities:
            raise ModelError(
                f"{len(self.settings)} settings, {len(self.weights)} weights for {n_modalities} modalities"
            )
        return settings

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LibrarySearch":
        """The search of `as_dict` (also when it went through JSON)."""
        settings = tuple(
            SearchSettings(**{**one, "preprocessing": Preprocessing(**one["preprocessing"])})
            for one in values["settings"]
        )
        return cls(**{**values, "settings": settings, "weights": tuple(values["weights"])})

    @classmethod
    def shipped(cls, measure: str = "cosine") -> "LibrarySearch":
        """The search with the settings that did best on the validation molecules, IR and Raman (simulated spectra).

        They were chosen by `studies/spektron_retrieval.py`, and are for spectra (n, 2, 2048) on `spectral_axis`.

        Examples
        --------
        >>> LibrarySearch.shipped("sid").measure
        'sid'
        """
        text = (files("symvib.spektron") / "data" / "library_searches.json").read_text(encoding="utf-8")
        known = json.loads(text)
        if measure not in known:
            raise ModelError(f"LibrarySearch.shipped({measure!r}): choose one of {', '.join(known)}.")
        return cls.from_dict(known[measure])

    def _of_modality(self, queries: np.ndarray, library: np.ndarray, settings: SearchSettings) -> np.ndarray:
        bins = settings.preprocessing.channels_per_bin
        x = settings.preprocessing(queries, self.spacing_cm1)
        y = settings.preprocessing(library, self.spacing_cm1)
        if self.measure == "wasserstein":
            return -_wasserstein(x, y, settings.order, self.spacing_cm1 * bins)
        steps = shifts(settings.max_shift_cm1, settings.shift_step_cm1, self.spacing_cm1 * bins)
        if self.measure == "cosine":
            y = _unit(y).T
            return _best([_unit(moved(x, s)) @ y for s in steps])
        y, log_y, own_y = _distribution(y, settings.floor)
        found = []
        for s in steps:
            p, log_p, own_p = _distribution(moved(x, s), settings.floor)
            found.append(p @ log_y.T + log_p @ y.T - own_p[:, None] - own_y)
        return _best(found)


def fused(
    parts: Sequence[np.ndarray | None], has: np.ndarray, holds: np.ndarray, weights: Sequence[float]
) -> np.ndarray:
    """Scores of several modalities as one: weighted mean of standard scores over the modalities that both sides have.

    Standardised for each query over the library, so that modalities of different spread can be added; the order of a
    single modality stays as it is.

    Parameters
    ----------
    parts : sequence of (n_queries, n_library) arrays
        One for each modality, None where nobody has it.
    has, holds : (n_queries, M), (n_library, M) bool arrays
    weights : sequence of float
    """
    total = np.zeros((len(has), len(holds)), dtype=np.float32)
    weight = np.zeros_like(total)
    for m, part in enumerate(parts):
        if part is None or weights[m] == 0:
            continue
        inside = part[:, holds[:, m]]
        spread = inside.std(axis=1, keepdims=True)
        standard = (part - inside.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)
        shared = np.float32(weights[m]) * (has[:, m, None] & holds[:, m])
        total += shared * standard
        weight += shared
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), -np.inf)


def shifts(max_shift_cm1: float, step_cm1: float, spacing_cm1: float) -> list[int]:
    """Shifts in channels from -max to +max, without repetition."""
    count = int(max_shift_cm1 / step_cm1 + 1e-9)
    return sorted({round(k * step_cm1 / spacing_cm1) for k in range(-count, count + 1)})


def moved(x: np.ndarray, shift: int) -> np.ndarray:
    """Spectra (..., L) moved up by some channels; the end value is repeated."""
    if shift == 0:
        return x
    return x[..., np.clip(np.arange(x.shape[-1]) - shift, 0, x.shape[-1] - 1)]


def _best(found: Sequence[np.ndarray]) -> np.ndarray:
    best = found[0]
    for other in found[1:]:
        best = np.maximum(best, other, out=best)
    return best


def _unit(x: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(size > 0, size, np.float32(1.0))


def _distribution(x: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit-area spectra p, log p and sum p log p."""
    x = np.maximum(x, 0.0)
    x = x + np.float32(floor) * np.maximum(x.mean(axis=1, keepdims=True), np.float32(1e-12))
    p = x / x.sum(axis=1, keepdims=True)
    log = np.log(p)
    return p, log, (p * log).sum(axis=1)


def _wasserstein(x: np.ndarray, y: np.ndarray, order: int, spacing_cm1: float) -> np.ndarray:
    """Distances (n, m) in 1/cm between spectra of unit area."""
    from scipy.spatial.distance import cdist

    rows = [np.maximum(z, 0.0).astype(np.float64) + 1e-12 for z in (x, y)]
    cumulative = [np.cumsum(z / z.sum(axis=1, keepdims=True), axis=1) for z in rows]
    if order == 1:
        return spacing_cm1 * cdist(*cumulative, metric="cityblock")
    a, b = (_quantiles(z) for z in cumulative)
    return spacing_cm1 * cdist(a, b) / np.sqrt(a.shape[1])


def _quantiles(cumulative: np.ndarray, n: int = 512) -> np.ndarray:
    """Positions in channels (rows, n) of the quantiles (k + 1/2)/n, linear between channels."""
    levels = (np.arange(n) + 0.5) / n
    places = np.arange(cumulative.shape[1], dtype=float)
    return np.array([np.interp(levels, row, places) for row in cumulative])
