"""One fit of the transfer benchmark: what a method is given, and what it predicts with every number of components."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import EvaluationError
from ._calibration import MOST_COMPONENTS, held_out_squares
from ._transfer_base import Array, LabelledTransferModel, SpectrumMap, TransferMethod, TransferModel
from ._transfer_models import DifferenceAugmentedPLS, SlopeBias
from ._transfer_pooled import PooledPLS
from ._transfer_regression import PLSPath, pls_path
from ._transfer_splits import Rows

__all__ = ["TransferCase", "fitted_model"]

N_GROUPS = 3  # of the transfer samples, each predicted by calibrations that have not seen it


@dataclass(frozen=True, eq=False)
class TransferCase:
    """Rows of two instruments in their roles, spectra treated in one way.

    Attributes
    ----------
    source, target : ndarray (N, L)
        All spectra of the set; only the rows named are looked at.
    targets : ndarray (N, t)
    train, transfer, test : ndarray of int
        Calibration samples (seen on the source), transfer samples (seen on the target; the methods that need pairs see
        them on the source, too), test samples (seen on the target, for `predicted` only).
    n_components : ndarray (t,) of int
        Of calibrations that are not tried with every number of components.
    most : int
        Components that are tried.
    """

    source: Array
    target: Array
    targets: Array
    train: Rows
    transfer: Rows
    test: Rows
    n_components: Rows
    most: int = MOST_COMPONENTS
    _made: dict[Any, Any] = field(default_factory=dict)

    @property
    def spectra(self) -> Array:
        """Calibration spectra (n, L)."""
        return self.source[self.train]

    @property
    def values(self) -> Array:
        """Their targets (n, t)."""
        return self.targets[self.train]

    def groups(self) -> "tuple[TransferCase, ...]":
        """The case without each of three groups of the transfer samples, in the calibration set either; they test."""
        if "groups" not in self._made:
            n = min(N_GROUPS, len(self.transfer))
            self._made["groups"] = tuple(self._without(self.transfer[g::n]) for g in range(n))
        return self._made["groups"]

    def _without(self, held: Rows) -> "TransferCase":
        return TransferCase(
            self.source,
            self.target,
            self.targets,
            np.setdiff1d(self.train, held),
            np.setdiff1d(self.transfer, held, assume_unique=True),
            held,
            self.n_components,
            self.most,
        )

    def predicted(self, method: TransferMethod | None) -> Array:
        """Predictions (n_test, a, t) for the test samples, with 1 ... a components; a = 1 where only one is tried.

        Raises
        ------
        EvaluationError
            The method's refusal.
        """
        spectra = self.target[self.test]
        if method is None:
            return _with_all(self._calibration(), spectra)
        method.check_count(len(self.transfer))
        if isinstance(method, SpectrumMap):
            self._fit_map(method)
            path = pls_path(*self._filtered(method), self._tried) if method.filters_source else self._calibration()
            return _with_all(path, method.transform(spectra))
        if isinstance(method, SlopeBias):
            return self._corrected(method, _with_all(self._calibration(), spectra))
        extra = self._extra(method)
        if extra is not None:
            path = pls_path(self.spectra, self.values, self._tried, extra=extra)
            if isinstance(method, PooledPLS):
                new = self.target[self.transfer]
                mean, centre = method.means(self.spectra, self.values, new, self.targets[self.transfer])
                of_all = np.ones((len(centre), 1))
                path = PLSPath(path.coefficients, of_all * mean, centre)
            return _with_all(path, spectra)
        return self._one_by_one(method, spectra)

    def calibration_squares(self, method: TransferMethod | None, seed: int = 0) -> Array:
        """Squared errors (m, a, t) of held-out calibration samples on the source, with the method's rows or filter.

        Transfer samples whose reference values are among the rows are not held out in earnest: they are not counted.
        """
        x, y, extra = self.spectra, self.values, None
        if isinstance(method, SpectrumMap) and method.filters_source:
            self._fit_map(method)
            x = method.transform(x)
        elif method is not None:
            extra = self._extra(method)
        squares = held_out_squares(x, y, self.most, seed, extra)
        seen = np.isin(self.train, self.transfer) & isinstance(method, PooledPLS)
        return squares[~seen] if not seen.all() else squares

    @property
    def _tried(self) -> int:
        return min(self.most, len(self.train) - 1, self.source.shape[1])

    def _calibration(self) -> PLSPath:
        """Of the source, without a correction."""
        if "path" not in self._made:
            self._made["path"] = pls_path(self.spectra, self.values, self._tried)
        return self._made["path"]

    def _fit_map(self, method: SpectrumMap) -> None:
        first = self.source[self.transfer if method.needs == "paired" else self.train]
        method.fit(first, self.target[self.transfer])

    def _filtered(self, method: SpectrumMap) -> tuple[Array, Array]:
        return method.transform(self.spectra), self.values

    def _corrected(self, method: SlopeBias, raw: Array) -> Array:
        """Predictions (n_test, a, t), each column corrected by its own line."""
        seen = _with_all(self._calibration(), self.target[self.transfer])
        if method.needs == "paired":
            reference = _with_all(self._calibration(), self.source[self.transfer])
        else:
            reference = np.broadcast_to(self.targets[self.transfer][:, None], seen.shape)
        slopes, biases = method.lines(seen.reshape(len(seen), -1), reference.reshape(len(seen), -1))
        return raw * slopes.reshape(raw.shape[1:]) + biases.reshape(raw.shape[1:])

    def _extra(self, method: TransferMethod) -> tuple[Array, Array] | None:
        """Rows that a method appends to the calibration set, if that is what it does."""
        new = self.target[self.transfer]
        if isinstance(method, DifferenceAugmentedPLS):
            return method.extra_rows(self.source[self.transfer], new)
        if isinstance(method, PooledPLS):
            return method.extra_rows(self.spectra, self.values, new, self.targets[self.transfer])
        return None

    def _one_by_one(self, method: TransferMethod, spectra: Array) -> Array:
        """Predictions (n_test, 1, t) of a method that is fitted to each target by itself."""
        found = []
        for j in range(self.targets.shape[1]):
            if isinstance(method, TransferModel) and "n_components" in method.get_params():
                method.set_params(n_components=int(self.n_components[j]))
            found.append(fitted_model(method, self, j).predict(spectra))
        return np.stack(found, axis=1)[:, None]


def fitted_model(method: TransferMethod, case: TransferCase, j: int) -> Any:
    """A model fitted to target j of a case."""
    new = case.target[case.transfer]
    if isinstance(method, TransferModel):
        first = case.source[case.transfer if method.needs == "paired" else case.train]
        return method.fit(case.spectra, case.values[:, j], first, new)
    if isinstance(method, LabelledTransferModel):
        return method.fit(case.spectra, case.values[:, j], new, case.targets[case.transfer, j])
    raise EvaluationError(f"{method!r} is neither a map of spectra, nor a correction of predictions, nor a model.")


def _with_all(path: PLSPath, spectra: Array) -> Array:
    """Predictions (n, a, t) of spectra (n, L) with every number of components of every regression."""
    t, a, length = path.coefficients.shape
    products = (spectra @ path.coefficients.reshape(t * a, length).T).reshape(len(spectra), t, a)
    offsets = path.target_mean[:, None] - np.einsum("tal,tl->ta", path.coefficients, path.mean)
    return (products + offsets).transpose(0, 2, 1)
