"""Moments of a line list: tr A^k and tr W A^k, polynomial in the force constants, with analytic derivatives.

A = G^1/2 F G^1/2 and W = (G^1/2 P)(G^1/2 P)^T. In GF form tr A^k = tr (GF)^k and tr W A^k = tr P^T (GF)^k G P, so that
only sums and products of G, F and P are needed: `moment_terms` runs the same lines on numpy arrays and on exact
matrices (python-flint). The moments determine the line list and are smooth where eigenvalues cross.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ForceFieldError
from ._symmetric_form import LinearParameters, NumericalRank, SymmetricForm, numerical_rank

__all__ = ["MomentJacobian", "MomentTerms", "moment_jacobian", "moment_map", "moment_terms"]

# An interval of Chebyshev moments reaches beyond the eigenvalues by this fraction of their spread on either side.
_MARGIN = 0.05


class MomentTerms(NamedTuple):
    """Moments of one polynomial p_k: values, and gradient matrices g with d moment = tr(g dF).

    Attributes
    ----------
    order : int
        k.
    trace, trace_gradient
        tr p_k(GF) and its gradient p_k'(GF) G, (n, n).
    weighted, weighted_gradients : tuple
        For each factor P: tr P^T p_k(GF) G P and its gradient (n, n).
    """

    order: int
    trace: Any
    trace_gradient: Any
    weighted: tuple[Any, ...]
    weighted_gradients: tuple[Any, ...]


def _transpose(matrix: Any) -> Any:
    return matrix.transpose()


def _trace(matrix: Any, size: int) -> Any:
    return sum((matrix[i, i] for i in range(1, size)), start=matrix[0, 0])


def moment_terms(
    g: Any,
    f: Any,
    factors: tuple[Any, ...],
    orders: int,
    *,
    shape: tuple[int, ...],
    multiply: Callable[[Any, Any], Any] = operator.matmul,
    adjoint: Callable[[Any], Any] = _transpose,
    chebyshev: bool = False,
) -> Iterator[MomentTerms]:
    """Moments of orders 1 .. ``orders`` and their gradients, by sums and products only.

    Works on any matrices with ``+``, ``-``, multiplication by an integer, ``[i, j]`` and ``.transpose()``.

    Parameters
    ----------
    g, f : matrix (n, n)
        Symmetric.
    factors : tuple of matrix (n, r)
        Intensity factors P in the coordinates of ``g`` and ``f``.
    orders : int
        Highest order.
    shape : tuple of int
        (n, r_1, r_2, ...): n coordinates, then the columns of each factor.
    multiply : callable
        Matrix product: ``operator.matmul`` for numpy, ``operator.mul`` for python-flint.
    adjoint : callable
        Transpose; conjugate transpose for complex Hermitian numpy matrices.
    chebyshev : bool
        p_k = T_k (Chebyshev) instead of x^k; give ``f`` such that the eigenvalues of ``g f`` lie in [-1, 1].

    Yields
    ------
    MomentTerms

    Notes
    -----
    Both families obey p_{k+1}(x) = a_k x p_k(x) - c_k p_{k-1}(x) with (a, c) = (1, 0) or (2, 1), a_0 = 1, c_0 = 0.
    Differentiating this and taking divided differences, with X = GF, Z_k = p_k(X) G P, Q_k = p_k'(X) G:

    Q_{k+1} = a (p_k(X) G + X Q_k) - c Q_{k-1},   S_{k+1} = a (X S_k + Z_0 Z_k^T) - c S_{k-1},

    where d tr p_k(X) = tr(Q_k dF) and d tr P^T Z_k = tr(S_k dF); for powers S_k = sum_j Z_j Z_{k-1-j}^T, which is
    d tr W A^k = sum_j tr(A^{k-1-j} W A^j dA). Cost O(n^3) an order and factor.

    Examples
    --------
    >>> import flint
    >>> one, f = flint.fmpq_mat(2, 2, [1, 0, 0, 1]), flint.fmpq_mat(2, 2, [2, 1, 1, 3])
    >>> [(t.trace, t.weighted[0]) for t in moment_terms(
    ...     one, f, (flint.fmpq_mat(2, 1, [1, 0]),), 2, shape=(2, 1), multiply=operator.mul)]
    [(5, 2), (15, 5)]
    """
    n, *columns = shape
    x = multiply(g, f)
    zero = g - g
    starts = [multiply(g, p) for p in factors]
    adjoints = [adjoint(p) for p in factors]
    # (p_k G, Q_k, Z_k, S_k) of this order and of the one before
    power, slope, moved, sums = g, zero, starts, [zero] * len(factors)
    old = (zero, zero, [z - z for z in starts], [zero] * len(factors))
    trace, old_trace = n, 0
    for order in range(1, orders + 1):
        a, c = (2, 1) if chebyshev and order > 1 else (1, 0)
        new_power = a * multiply(x, power) - c * old[0]
        new_slope = a * (power + multiply(x, slope)) - c * old[1]
        new_moved = [a * multiply(x, z) - c * z0 for z, z0 in zip(moved, old[2], strict=True)]
        new_sums = [
            a * (multiply(x, s) + multiply(start, adjoint(z))) - c * s0
            for s, start, z, s0 in zip(sums, starts, moved, old[3], strict=True)
        ]
        trace, old_trace = a * _trace(multiply(power, f), n) - c * old_trace, trace
        old, (power, slope, moved, sums) = (power, slope, moved, sums), (new_power, new_slope, new_moved, new_sums)
        weighted = tuple(_trace(multiply(q, z), r) for q, z, r in zip(adjoints, moved, columns, strict=True))
        yield MomentTerms(order, trace, slope, weighted, tuple(sums))


@dataclass(frozen=True, eq=False, repr=False)
class MomentJacobian:
    """Moments of a line list and their derivatives with respect to the force constants.

    Attributes
    ----------
    jacobian : ndarray (n_obs, n_par)
        d moment / d parameter.
    values : ndarray (n_obs,)
    kinds : tuple of str
        Per row: "lambda" for tr p_k(A), or the name of the intensity for tr W p_k(A).
    orders : tuple of int
        Per row: k.
    parameters : tuple of str
        Per column.
    polynomials : str
        "powers" (p_k = x^k) or "chebyshev" (p_k = T_k((x - centre)/half_width)).
    interval : tuple of float
        (lowest, highest) eigenvalue that is mapped to -1 and 1; (-1, 1), no map, for powers.
    """

    jacobian: NDArray[np.float64]
    values: NDArray[np.float64]
    kinds: tuple[str, ...]
    orders: tuple[int, ...]
    parameters: tuple[str, ...]
    polynomials: str
    interval: tuple[float, float]

    def __repr__(self) -> str:
        rows, columns = self.jacobian.shape
        return f"MomentJacobian({rows} moments ({self.polynomials}), {columns} parameters, rank {self.rank.rank})"

    @cached_property
    def singular_values(self) -> NDArray[np.float64]:
        """Singular values after each row is divided by its norm (rows of norm zero stay), descending."""
        norms = np.linalg.norm(self.jacobian, axis=1, keepdims=True)
        scaled = self.jacobian / np.where(norms > 0, norms, 1.0)
        values = np.asarray(np.linalg.svd(scaled, compute_uv=False), dtype=np.float64)
        values.setflags(write=False)
        return values

    @property
    def rank(self) -> NumericalRank:
        """Numerical rank of the row-scaled Jacobian with its threshold and gap."""
        return numerical_rank(self.singular_values)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "jacobian": self.jacobian.tolist(),
            "values": self.values.tolist(),
            "kinds": list(self.kinds),
            "orders": list(self.orders),
            "parameters": list(self.parameters),
            "polynomials": self.polynomials,
            "interval": list(self.interval),
            "rank": self.rank.as_dict(),
        }


def _interval(matrix: NDArray[Any], polynomials: str, given: tuple[float, float] | None) -> tuple[float, float]:
    if polynomials not in ("powers", "chebyshev"):
        raise ForceFieldError(f"polynomials={polynomials!r}: 'powers' or 'chebyshev'.")
    if polynomials == "powers":
        if given is not None:
            raise ForceFieldError("interval belongs to polynomials='chebyshev'; powers are not scaled.")
        return -1.0, 1.0
    if given is None:
        values = np.linalg.eigvalsh(matrix)
        margin = _MARGIN * float(values[-1] - values[0]) or 1.0
        return float(values[0]) - margin, float(values[-1]) + margin
    low, high = map(float, given)
    if not low < high:
        raise ForceFieldError(f"interval=({low}, {high}): the first end must lie below the second.")
    return low, high


def _terms(
    form: SymmetricForm, orders: int | None, polynomials: str, interval: tuple[float, float] | None
) -> tuple[list[MomentTerms], tuple[float, float]]:
    size = len(form.matrix)
    low, high = _interval(form.matrix, polynomials, interval)
    identity = np.eye(size)
    scaled = (form.matrix - (low + high) / 2 * identity) / ((high - low) / 2)
    factors = tuple(form.factors.values())
    orders = size if orders is None else orders
    if orders < 1:
        raise ForceFieldError(f"orders={orders}: at least 1 is needed (order 0 does not depend on F).")
    terms = moment_terms(
        identity,
        scaled,
        factors,
        orders,
        shape=(size, *(p.shape[1] for p in factors)),
        adjoint=lambda m: m.conj().T,
        chebyshev=polynomials == "chebyshev",
    )
    return list(terms), (low, high)


def _labels(names: list[str], orders: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    kinds = tuple(name for name in ["lambda", *names] for _ in range(orders))
    return kinds, tuple(range(1, orders + 1)) * (1 + len(names))


def moment_map(
    g: ArrayLike,
    f: ArrayLike,
    intensities: Mapping[str, ArrayLike],
    *,
    orders: int | None = None,
    polynomials: str = "powers",
    interval: tuple[float, float] | None = None,
) -> NDArray[np.float64]:
    """Moments tr p_k(A), then tr W_j p_k(A) for each intensity, k = 1 .. orders: (orders (1 + s),).

    Arguments as in `moment_jacobian`, whose ``values`` these are; an ``interval`` given there must be given here for
    the moments to be the same functions of F.

    Examples
    --------
    >>> import numpy as np
    >>> moment_map(np.eye(2), [[2, 1], [1, 3]], {"ir": [1, 0]}).tolist()
    [5.0, 15.0, 2.0, 5.0]
    """
    terms, _ = _terms(SymmetricForm.of(g, f, intensities), orders, polynomials, interval)
    rows = [[t.trace for t in terms]] + [[t.weighted[j] for t in terms] for j in range(len(intensities))]
    return np.real(np.array(rows)).ravel()


def moment_jacobian(
    g: ArrayLike,
    f: ArrayLike,
    intensities: Mapping[str, ArrayLike],
    basis: ArrayLike | None = None,
    *,
    orders: int | None = None,
    polynomials: str = "powers",
    interval: tuple[float, float] | None = None,
) -> MomentJacobian:
    """Moments tr p_k(A) and tr W_j p_k(A), k = 1 .. orders, with their derivatives for all force constants.

    Parameters
    ----------
    g, f : array_like (n, n)
        Wilson's G and force constants; symmetric, or complex Hermitian for a block of a complex irrep.
    intensities : mapping of name to array_like (n, r)
        Factors P: the intensity of mode k is |P^+ l_k|^2 and W = (G^1/2 P)(G^1/2 P)^+.
    basis : array_like (n_par, n, n), optional
        F = F_0 + sum_p x_p E_p; without it the parameters of `force_constant_basis`.
    orders : int, optional
        Highest k; the number of modes (rank of G) determines the line list and is the default. Order 0 of W is
        Crawford's G-sum rule, independent of F, and is left out.
    polynomials : {"powers", "chebyshev"}
        Powers x^k differ in size by (largest/smallest eigenvalue)^k and lose the small eigenvalues to rounding beyond
        n of about 6; T_k of the eigenvalues mapped to [-1, 1] stay of order one and span the same space.
    interval : (float, float), optional
        For "chebyshev": eigenvalues mapped to -1 and 1, a constant of the differentiation. Default: the spectrum of A
        and 5 % of its width on either side.

    Raises
    ------
    CoordinateError, ForceFieldError
        Wrong shapes, G not positive semidefinite, matrices not symmetric, unknown polynomials.

    Notes
    -----
    O(n^3) an order and intensity for the gradients with respect to all entries of F, whatever the number of
    parameters; then one product (n_obs, n^2) (n^2, n_par) with the basis.

    Examples
    --------
    >>> import numpy as np
    >>> moment_jacobian(np.eye(2), [[2, 1], [1, 3]], {"ir": [1, 0]}).jacobian.tolist()
    [[1.0, 0.0, 1.0], [4.0, 4.0, 6.0], [1.0, 0.0, 0.0], [4.0, 2.0, 0.0]]
    """
    form = SymmetricForm.of(g, f, intensities)
    parameters = LinearParameters.of(np.asarray(f), basis)
    terms, ends = _terms(form, orders, polynomials, interval)
    half_width = (ends[1] - ends[0]) / 2
    gradients = [t.trace_gradient for t in terms]
    gradients += [t.weighted_gradients[j] for j in range(len(intensities)) for t in terms]
    stacked = form.root @ np.stack(gradients) @ form.root.conj().T / half_width
    weighted = [t.weighted[j] for j in range(len(intensities)) for t in terms]
    values = np.real(np.array([t.trace for t in terms] + weighted)).copy()
    kinds, powers = _labels(list(intensities), len(terms))
    jacobian = parameters.gradient_derivatives(stacked)
    for array in (jacobian, values):
        array.setflags(write=False)
    return MomentJacobian(jacobian, values, kinds, powers, parameters.labels, polynomials, ends)
