"""Spectrum maps: spectra of the target instrument made to look as if the source instrument had measured them."""

from typing import Any, Literal

import numpy as np

from ..errors import EvaluationError
from ._transfer_base import Array, Needs, SpectrumMap
from ._transfer_regression import batched_pcr, batched_pls, truncated_svd

__all__ = [
    "CovarianceAlignment",
    "DirectStandardization",
    "MeanOffset",
    "PiecewiseDirectStandardization",
    "SpectralSpaceTransformation",
]

_BLOCK = 2**22  # numbers of a batch of windows in memory


class MeanOffset(SpectrumMap):
    """The mean difference of the instruments, channel by channel, is added to target spectra.

    Parameters
    ----------
    needs : {"paired", "unpaired"}
        "paired": the mean of the differences. "unpaired": the difference of the means, which takes whatever the two
        sets of samples differ by on average for a difference of the instruments.

    Attributes
    ----------
    offset_ : ndarray (L,)

    Examples
    --------
    >>> MeanOffset().fit([[1.0, 2.0]], [[1.5, 2.0]]).transform([[2.5, 4.0]]).tolist()
    [[2.0, 4.0]]
    """

    def __init__(self, needs: Needs = "paired") -> None:
        self.needs = needs

    @property
    def smallest_k(self) -> int:
        """1 paired, 2 unpaired."""
        return 1 if self.needs == "paired" else 2

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        if self.needs == "paired":
            return "the mean of no differences is not defined"
        return "the mean of one unpaired spectrum is the composition of that sample"

    def fit(self, source_spectra: Any, target_spectra: Any) -> "MeanOffset":
        """Itself, fitted to source (k, L) and target (k, L) spectra; sizes may differ when unpaired."""
        if self.needs not in ("paired", "unpaired"):
            raise EvaluationError(f"{self!r}: needs must be 'paired' or 'unpaired'.")
        source, target = self._both(source_spectra, target_spectra)
        self.offset_ = source.mean(axis=0) - target.mean(axis=0)
        return self

    def transform(self, spectra: Any) -> Array:
        """Target spectra (n, L) as of the source."""
        return self._new(spectra) + self.offset_


class _Regressed(SpectrumMap):
    """What DS and PDS share: parameters, centring, the number of samples."""

    needs: Needs = "paired"
    n_components: int | None
    background: bool
    toward: str
    tolerance: float

    @property
    def smallest_k(self) -> int:
        """One for each component, and one for the background."""
        return (1 if self.n_components is None else self.n_components) + bool(self.background)

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        wanted = "one component" if self.n_components is None else f"{self.n_components} components"
        centred = ", and centring for the background takes one away" if self.background else ""
        return f"k spectra span at most k directions and {wanted} must be found among them{centred}"

    def _prepared(self, source_spectra: Any, target_spectra: Any) -> tuple[Array, Array]:
        """Centred target spectra and what to regress on them; the means are kept."""
        if self.toward not in ("zero", "identity"):
            raise EvaluationError(f"{self!r}: toward must be 'zero' or 'identity'.")
        if self.n_components is not None and self.n_components < 1:
            raise EvaluationError(f"{self!r}: n_components must be at least 1, or None for all.")
        source, target = self._both(source_spectra, target_spectra)
        zero = np.zeros(source.shape[1])
        self.source_mean_ = source.mean(axis=0) if self.background else zero
        self.target_mean_ = target.mean(axis=0) if self.background else zero
        source, target = source - self.source_mean_, target - self.target_mean_
        return target, (source - target if self.toward == "identity" else source)

    def _finished(self, centred: Array, regressed: Array) -> Array:
        return regressed + self.source_mean_ + (centred if self.toward == "identity" else 0.0)


class DirectStandardization(_Regressed):
    """Direct standardization (DS): every source channel regressed on all channels of the target instrument.

    Y. Wang, D. J. Veltkamp, B. R. Kowalski, Anal. Chem. 63, 2750 (1991); background correction: Z. Wang, T. Dean,
    B. R. Kowalski, Anal. Chem. 67, 2379 (1995). The transfer matrix is F = T^+ S of the (centred) transfer samples, of
    rank k - 1 at most: what is not in their span is lost, unless ``toward="identity"``. Fit O(k^2 L).

    Parameters
    ----------
    n_components : int, optional
        Singular values of T that the pseudoinverse keeps [default: all above ``tolerance``].
    background : bool
        Whether both instruments are centred by their means over the transfer samples.
    toward : {"zero", "identity"}
        What F is where the samples say nothing: 0 as in the paper, or 1 (their differences are regressed).
    tolerance : float
        Of the largest singular value; smaller ones count as zero.

    Attributes
    ----------
    left_, right_ : ndarray (L, r), (r, L)
        Their product is F (less 1 for "identity").
    source_mean_, target_mean_ : ndarray (L,)
    """

    def __init__(
        self,
        n_components: int | None = None,
        *,
        background: bool = True,
        toward: Literal["zero", "identity"] = "zero",
        tolerance: float = 1e-10,
    ) -> None:
        self.n_components = n_components
        self.background = background
        self.toward = toward
        self.tolerance = tolerance

    def fit(self, source_spectra: Any, target_spectra: Any) -> "DirectStandardization":
        """Itself, fitted to source (k, L) and target (k, L) spectra of the same samples."""
        target, wanted = self._prepared(source_spectra, target_spectra)
        u, inverse, vt = truncated_svd(target, self.n_components, self.tolerance)
        self.left_, self.right_ = vt.T * inverse, u.T @ wanted
        return self

    def transform(self, spectra: Any) -> Array:
        """Target spectra (n, L) as of the source. O(n L k)."""
        centred = self._new(spectra) - self.target_mean_
        return self._finished(centred, (centred @ self.left_) @ self.right_)


class PiecewiseDirectStandardization(_Regressed):
    """Piecewise direct standardization (PDS): every source channel regressed on a window of target channels.

    Y. Wang, D. J. Veltkamp, B. R. Kowalski, Anal. Chem. 63, 2750 (1991). Windows are cut at the ends of the spectrum.
    With windows that hold all channels and "pcr" it is `DirectStandardization` of as many components. All windows are
    solved as batches: O(L k w min(k, w)) for L channels, k samples, windows of w channels.

    Parameters
    ----------
    half_width : int
        Channels on either side: w = 2 half_width + 1.
    n_components : int, optional
        Of the regression in each window [default: all above ``tolerance``].
    regression : {"pcr", "pls"}
        Principal components, or PLS1 (of each channel).
    background, toward, tolerance
        As in `DirectStandardization`. Between equal instruments "identity" gives back every spectrum; "zero" does so
        only when a window's samples span it (k - 1 >= w, all components).

    Attributes
    ----------
    coefficients_ : ndarray (L, w)
        Row j: of target channels j - half_width ... j + half_width for source channel j.
    source_mean_, target_mean_ : ndarray (L,)
    """

    def __init__(
        self,
        half_width: int = 3,
        n_components: int | None = 1,
        *,
        regression: Literal["pcr", "pls"] = "pcr",
        background: bool = True,
        toward: Literal["zero", "identity"] = "zero",
        tolerance: float = 1e-10,
    ) -> None:
        self.half_width = half_width
        self.n_components = n_components
        self.regression = regression
        self.background = background
        self.toward = toward
        self.tolerance = tolerance

    def fit(self, source_spectra: Any, target_spectra: Any) -> "PiecewiseDirectStandardization":
        """Itself, fitted to source (k, L) and target (k, L) spectra of the same samples."""
        if self.regression not in ("pcr", "pls"):
            raise EvaluationError(f"{self!r}: regression must be 'pcr' or 'pls'.")
        if self.half_width < 0 or (self.n_components or 1) > 2 * self.half_width + 1:
            raise EvaluationError(
                f"{self!r}: a window of {2 * self.half_width + 1} channels has no {self.n_components} components."
            )
        target, wanted = self._prepared(source_spectra, target_spectra)
        windows = self._windows(target)
        solve = batched_pcr if self.regression == "pcr" else batched_pls
        k, length, width = windows.shape
        step = max(1, _BLOCK // (k * width))
        blocks = []
        for start in range(0, length, step):
            x = np.ascontiguousarray(windows[:, start : start + step].transpose(1, 0, 2))
            blocks.append(solve(x, wanted[:, start : start + step].T, self.n_components, self.tolerance))
        self.coefficients_ = np.concatenate(blocks)
        return self

    def transform(self, spectra: Any) -> Array:
        """Target spectra (n, L) as of the source. O(n L w)."""
        centred = self._new(spectra) - self.target_mean_
        return self._finished(centred, np.einsum("nlw,lw->nl", self._windows(centred), self.coefficients_))

    def _windows(self, centred: Array) -> Array:
        """Windows (n, L, w), a view. Zeros beyond the ends: a centred channel of zeros has no part in a regression."""
        half = min(self.half_width, centred.shape[1] - 1)
        padded = np.pad(centred, ((0, 0), (half, half)))
        return np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=1)


class SpectralSpaceTransformation(SpectrumMap):
    """Spectral space transformation (SST): the difference of the two instruments' loadings of common scores.

    W. Du, Z.-P. Chen, L.-J. Zhong et al., Anal. Chim. Acta 690, 64 (2011). The joint spectra [S, T] (k, 2L) have the
    loadings [P_S, P_T]; a target spectrum x becomes x + x P_T^+ (P_S - P_T). Not centred, as in the paper. Between
    equal instruments it changes nothing. Fit O(k^2 L).

    Parameters
    ----------
    n_components : int
    tolerance : float
        Of the largest singular value; loadings of the target below it are not inverted.

    Attributes
    ----------
    left_, right_ : ndarray (L, r), (r, L)
        P_T^+ and P_S - P_T.
    """

    needs: Needs = "paired"

    def __init__(self, n_components: int = 3, *, tolerance: float = 1e-10) -> None:
        self.n_components = n_components
        self.tolerance = tolerance

    @property
    def smallest_k(self) -> int:
        """One for each component."""
        return self.n_components

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        return f"k pairs of spectra have at most k common scores and {self.n_components} are asked for"

    def fit(self, source_spectra: Any, target_spectra: Any) -> "SpectralSpaceTransformation":
        """Itself, fitted to source (k, L) and target (k, L) spectra of the same samples."""
        if self.n_components < 1:
            raise EvaluationError(f"{self!r}: n_components must be at least 1.")
        source, target = self._both(source_spectra, target_spectra)
        _, sizes, vt = np.linalg.svd(np.hstack([source, target]), full_matrices=False)
        # Directions the samples do not have are noise of the decomposition.
        kept = vt[: self.n_components][sizes[: self.n_components] > self.tolerance * sizes[0]]
        of_source, of_target = np.split(kept, 2, axis=1)
        self.left_, self.right_ = np.linalg.pinv(of_target, rcond=self.tolerance), of_source - of_target
        return self

    def transform(self, spectra: Any) -> Array:
        """Target spectra (n, L) as of the source. O(n L r)."""
        x = self._new(spectra)
        return x + (x @ self.left_) @ self.right_


class CovarianceAlignment(SpectrumMap):
    """Mean and covariance of the target instrument's spectra made those of the source's; no pairs, no labels.

    In the manner of CORAL (B. Sun, J. Feng, K. Saenko, Proc. AAAI 30, 2058 (2016)), there from source to target: target
    spectra are whitened with (C_T + e)^-1/2 and coloured with (C_S + e)^1/2. It takes every difference of the two sets
    of samples for one of the instruments. In the span of the spectra, O(n^2 L).

    Parameters
    ----------
    penalty : float
        e as a share of the largest eigenvalue of C_S.

    Attributes
    ----------
    source_mean_, target_mean_ : ndarray (L,)
    """

    needs: Needs = "unpaired"

    def __init__(self, penalty: float = 1e-3) -> None:
        self.penalty = penalty

    @property
    def smallest_k(self) -> int:
        """2."""
        return 2

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        return "one spectrum has no covariance"

    def fit(self, source_spectra: Any, target_spectra: Any) -> "CovarianceAlignment":
        """Itself, fitted to source (m, L) and target (k, L) spectra of any samples."""
        if not self.penalty > 0:
            raise EvaluationError(f"{self!r}: the penalty must be above 0: covariances of few spectra are singular.")
        source, target = self._both(source_spectra, target_spectra)
        self.source_mean_, self.target_mean_ = source.mean(axis=0), target.mean(axis=0)
        self._source, variances = _principal(source - self.source_mean_)
        self._target, others = _principal(target - self.target_mean_)
        if not variances[0] > 0:
            raise EvaluationError(f"{self!r}: the {len(source)} source spectra are all the same.")
        self._colour = np.sqrt(variances / (self.penalty * variances[0]) + 1.0) - 1.0
        self._whiten = 1.0 / np.sqrt(others / (self.penalty * variances[0]) + 1.0) - 1.0
        return self

    def transform(self, spectra: Any) -> Array:
        """Target spectra (n, L) as of the source."""
        x = self._new(spectra) - self.target_mean_
        x = x + ((x @ self._target) * self._whiten) @ self._target.T  # times sqrt(e), which the next step takes back
        return x + ((x @ self._source) * self._colour) @ self._source.T + self.source_mean_


def _principal(centred: Array) -> tuple[Array, Array]:
    """Principal axes (L, r) and variances (r,)."""
    _, sizes, vt = np.linalg.svd(centred, full_matrices=False)
    return vt.T, sizes**2 / (len(centred) - 1)
