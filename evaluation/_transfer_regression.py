"""Many small regressions at once: principal components and PLS1 of windows, as batches."""

import numpy as np

from ._transfer_base import Array

__all__ = ["batched_pcr", "batched_pls", "truncated_svd"]


def truncated_svd(x: Array, n_components: int | None, tolerance: float) -> tuple[Array, Array, Array]:
    """U (..., k, r), 1 / singular values (..., r) and V^T (..., r, w); 0 where a component is left out.

    Left out are components beyond ``n_components`` and those below ``tolerance`` times the largest singular value.
    """
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    r = s.shape[-1] if n_components is None else min(n_components, s.shape[-1])
    u, s, vt = u[..., :r], s[..., :r], vt[..., :r, :]
    kept = (s > tolerance * s[..., :1]) & (s > 0)
    return u, np.where(kept, 1.0 / np.where(kept, s, 1.0), 0.0), vt


def batched_pcr(x: Array, y: Array, n_components: int | None, tolerance: float) -> Array:
    """Coefficients (b, w) of principal-component regressions of y (b, k) on x (b, k, w), both centred.

    With all components it is the least-squares solution of smallest norm. O(b k w min(k, w)).

    Examples
    --------
    >>> x = np.array([[[1.0, 0.0], [0.0, 2.0], [-1.0, -2.0]]])
    >>> batched_pcr(x, x @ [3.0, 4.0], None, 1e-12).round(12).tolist()
    [[3.0, 4.0]]
    """
    u, inverse, vt = truncated_svd(x, n_components, tolerance)
    scores = np.einsum("bkr,bk->br", u, y) * inverse
    return np.einsum("brw,br->bw", vt, scores)


def batched_pls(x: Array, y: Array, n_components: int | None, tolerance: float) -> Array:
    """Coefficients (b, w) of PLS1 regressions of y (b, k) on x (b, k, w), both centred. O(b k w components).

    NIPALS with deflation (S. Wold, M. Sjostrom, L. Eriksson, Chemom. Intell. Lab. Syst. 58, 109 (2001)). A regression
    stops by itself when nothing that covaries with y is left, which ``tolerance`` decides.

    Examples
    --------
    >>> x = np.array([[[1.0, 0.0], [0.0, 2.0], [-1.0, -2.0]]])
    >>> batched_pls(x, x @ [3.0, 4.0], 2, 1e-12).round(12).tolist()
    [[3.0, 4.0]]
    """
    left, rest = x.copy(), y.copy()
    size = np.einsum("bkw,bkw->b", x, x)
    first = np.linalg.norm(np.einsum("bkw,bk->bw", x, y), axis=1)
    weights, loadings, answers = [], [], []
    for _ in range(min(x.shape[1:]) if n_components is None else n_components):
        weight = np.einsum("bkw,bk->bw", left, rest)
        norm = np.linalg.norm(weight, axis=1)
        going = norm > tolerance * first
        weight = np.where(going[:, None], weight / np.where(going, norm, 1.0)[:, None], 0.0)
        score = np.einsum("bkw,bw->bk", left, weight)
        square = np.einsum("bk,bk->b", score, score)
        going &= square > tolerance**2 * size
        share = np.where(going[:, None], score / np.where(going, square, 1.0)[:, None], 0.0)
        loading = np.einsum("bkw,bk->bw", left, share)
        answer = np.einsum("bk,bk->b", rest, share)
        left -= score[:, :, None] * loading[:, None, :]
        rest -= score * answer[:, None]
        weights.append(weight)
        loadings.append(loading)
        answers.append(answer)
    w, p = np.stack(weights, axis=2), np.stack(loadings, axis=2)
    inner = np.einsum("bwi,bwj->bij", p, w)
    # P^T W is unit upper triangular; components that did not come about have 0 on the diagonal instead.
    inner[:, np.arange(inner.shape[1]), np.arange(inner.shape[1])] = 1.0
    solved = np.linalg.solve(np.triu(inner), np.stack(answers, axis=1)[:, :, None])
    return np.einsum("bwi,bi->bw", w, solved[:, :, 0])
