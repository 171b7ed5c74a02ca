"""Filters: directions in which the instruments differ are removed from, or shrunk in, the spectra of both."""

from typing import Any

import numpy as np

from ..errors import EvaluationError
from ._transfer_base import Array, Needs, SpectrumMap

__all__ = ["ExternalParameterOrthogonalization", "GeneralizedLeastSquaresWeighting"]


class _Filter(SpectrumMap):
    needs: Needs = "paired"
    filters_source = True

    def transform(self, spectra: Any) -> Array:
        """Filtered spectra (n, L), of either instrument: the model is fitted to filtered source spectra. O(n L r)."""
        x = self._new(spectra)
        return x - ((x @ self.directions_.T) * self.removed_) @ self.directions_

    directions_: Array
    removed_: Array


class ExternalParameterOrthogonalization(_Filter):
    """External parameter orthogonalization (EPO): the first directions of the difference spectra are projected out.

    J.-M. Roger, F. Chauchard, V. Bellon-Maurel, Chemom. Intell. Lab. Syst. 66, 191 (2003). The differences D = T - S
    are not centred, so that a constant offset of the instruments is removed as well: x (1 - P^T P), P the first right
    singular vectors of D. O(k^2 L).

    Parameters
    ----------
    n_components : int

    Attributes
    ----------
    directions_ : ndarray (r, L)
        Orthonormal. Fewer than ``n_components`` when the differences have fewer directions (none if they are zero).
    removed_ : ndarray (r,)
        Ones.

    Examples
    --------
    >>> epo = ExternalParameterOrthogonalization(1).fit([[1.0, 2.0, 3.0]], [[1.0, 2.0, 5.0]])
    >>> epo.transform([[7.0, 8.0, 9.0]]).tolist()
    [[7.0, 8.0, 0.0]]
    """

    def __init__(self, n_components: int = 1) -> None:
        self.n_components = n_components

    @property
    def smallest_k(self) -> int:
        """One for each component."""
        return self.n_components

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        return f"k difference spectra have at most k directions and {self.n_components} are to be removed"

    def fit(self, source_spectra: Any, target_spectra: Any) -> "ExternalParameterOrthogonalization":
        """Itself, fitted to source (k, L) and target (k, L) spectra of the same samples."""
        if self.n_components < 1:
            raise EvaluationError(f"{self!r}: n_components must be at least 1.")
        source, target = self._both(source_spectra, target_spectra)
        _, sizes, vt = np.linalg.svd(target - source, full_matrices=False)
        # A direction that is rounding error of the difference would be removed from the spectra in full.
        kept = sizes > np.finfo(float).eps * max(source.shape) * max(sizes[0], np.abs(target).max())
        self.directions_ = vt[: self.n_components][kept[: self.n_components]]
        self.removed_ = np.ones(len(self.directions_))
        return self


class GeneralizedLeastSquaresWeighting(_Filter):
    """Generalized least-squares weighting (GLSW): directions are shrunk the more the instruments differ in them.

    H. Martens, M. Hoy, B. M. Wise, R. Bro, P. B. Brockhoff, J. Chemom. 17, 153 (2003): pre-whitening with
    (C / alpha + 1)^-1/2, C the covariance of the differences. O(k^2 L).

    Parameters
    ----------
    alpha : float
        As a share of the largest eigenvalue of C. Small: a projection as EPO with all directions; large: no change.
        The largest direction, often a constant offset, is left at about sqrt(alpha) of its size.
    center : bool
        Whether the mean difference is left out of C; a constant offset is then not removed.

    Attributes
    ----------
    directions_ : ndarray (r, L)
        Orthonormal.
    removed_ : ndarray (r,)
        Share of each that is taken away, in [0, 1).
    """

    def __init__(self, alpha: float = 1e-2, *, center: bool = False) -> None:
        self.alpha = alpha
        self.center = center

    @property
    def smallest_k(self) -> int:
        """1, or 2 centred."""
        return 2 if self.center else 1

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        return "one centred difference is zero" if self.center else "without a difference there is no covariance"

    def fit(self, source_spectra: Any, target_spectra: Any) -> "GeneralizedLeastSquaresWeighting":
        """Itself, fitted to source (k, L) and target (k, L) spectra of the same samples."""
        if not self.alpha > 0:
            raise EvaluationError(f"{self!r}: alpha must be above 0.")
        source, target = self._both(source_spectra, target_spectra)
        differences = target - source
        if self.center:
            differences = differences - differences.mean(axis=0)
        _, sizes, self.directions_ = np.linalg.svd(differences, full_matrices=False)
        shares = (sizes / sizes[0]) ** 2 if sizes[0] > 0 else np.zeros_like(sizes)
        self.removed_ = 1.0 - 1.0 / np.sqrt(shares / self.alpha + 1.0)
        return self
