"""Moments and their gradients in exact arithmetic: modulo a prime (p = 1 mod 4) or over the integers.

Every block is first brought to integers by its common denominators, which multiplies rows of the Jacobian by constants.
Entries of A_b: the upper triangle, row by row; of a Hermitian one X + iY that of X, then the strict one of Y.
"""

from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ._rational import RationalMatrix
from .exact_problem import ExactBlock, ExactProblem

__all__ = ["DEFAULT_PRIME", "Ring", "block_map", "gradients", "random_prime", "square_root_of_minus_one"]

DEFAULT_PRIME = 2**31 - 19
"""The largest prime below 2^31 that is 1 modulo 4: i exists, and products fit in 64 bits."""

_AT_ONCE = 4_000_000  # numbers in one slice of a product


def random_prime(rng: np.random.Generator) -> int:
    """A prime 1 modulo 4 between 2^30 and 2^31."""
    candidate = int(rng.integers(2**28, 2**29 - 1000)) * 4 + 1
    while not flint.fmpz(candidate).is_prime():
        candidate += 4
    return candidate


def square_root_of_minus_one(prime: int) -> int:
    """I with i^2 = -1 modulo a prime that is 1 modulo 4."""
    for base in range(2, 200):
        root = pow(base, (prime - 1) // 4, prime)
        if root * root % prime == prime - 1:
            return root
    raise IdentifiabilityError(f"prime={prime}: a prime that is 1 modulo 4 is needed.")


@dataclass(frozen=True)
class Ring:
    """Integers modulo ``prime``, or the integers themselves (None)."""

    prime: int | None

    def __post_init__(self) -> None:
        p = self.prime
        if p is not None and not (2**20 < p < 2**31 and p % 4 == 1 and flint.fmpz(p).is_prime()):
            raise IdentifiabilityError(f"prime={p}: a prime between 2^20 and 2^31 that is 1 modulo 4 is needed.")

    @cached_property
    def imaginary_unit(self) -> int:
        """I modulo the prime."""
        assert self.prime is not None
        return square_root_of_minus_one(self.prime)

    def integers(self, values: NDArray[Any]) -> NDArray[Any]:
        """Integers of this ring as int64 in 0 .. p - 1, or Python integers."""
        return values.astype(object) if self.prime is None else np.mod(values, self.prime).astype(np.int64)

    def reduce(self, values: NDArray[Any]) -> NDArray[Any]:
        """Modulo the prime, where there is one."""
        return values if self.prime is None else np.mod(values, self.prime)

    def matrix(self, rows: Any) -> Any:
        """A flint matrix of a 2-d array or list of rows."""
        array = np.asarray(rows)
        height, width = array.shape
        flat = array.ravel().tolist()
        if self.prime is None:
            return flint.fmpz_mat(height, width, [int(x) for x in flat])
        return flint.nmod_mat(height, width, flat, self.prime)


def _integer_terms(block: ExactBlock) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """(real, imaginary) numerators of each K over one common denominator, as Python integers."""
    common = lcm(*(k.denominator for k in block.k))
    return [
        (k.real.astype(object) * (common // k.denominator), k.imaginary.astype(object) * (common // k.denominator))
        for k in block.k
    ]


def block_map(problem: ExactProblem, block: ExactBlock, ring: Ring) -> NDArray[Any]:
    """E_b (n_entries, n_parameters): the map from x to the entries of A_b; the model must not be general.

    O(n_entries k) for k entries of the model, in slices.
    """
    if block.reach is not None:
        return ring.integers(block.reach.real)
    assert problem.entries is not None
    order = np.argsort(problem.entries[:, 0], kind="stable")
    p, i, j, value = problem.entries[order].T
    values = ring.integers(value)
    terms = [(ring.integers(a), ring.integers(b)) for a, b in _integer_terms(block)]
    upper, strict = np.triu_indices(block.size), np.triu_indices(block.size, 1)
    whole = np.zeros((block.n_entries, problem.n_parameters), dtype=values.dtype)
    starts = np.flatnonzero(np.diff(p, prepend=-1))
    step = max(1, _AT_ONCE // block.n_entries)
    first = 0
    while first < len(starts):  # slices of whole parameters
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + step)))
        stop = int(starts[last]) if last < len(starts) else len(p)
        part = slice(int(starts[first]), stop)
        products = np.zeros((block.n_entries, stop - part.start), dtype=values.dtype)
        for real, imag in terms:
            products = products + _outer(ring, (real, imag), (i[part], j[part]), upper, strict, block.is_complex)
        products = ring.reduce(ring.reduce(products) * values[part])
        whole[:, p[starts[first:last]]] = np.add.reduceat(products, starts[first:last] - part.start, axis=1)
        first = last
    return ring.reduce(whole)


def _outer(
    ring: Ring,
    k: tuple[NDArray[Any], NDArray[Any]],
    places: tuple[NDArray[Any], NDArray[Any]],
    upper: tuple[NDArray[Any], NDArray[Any]],
    strict: tuple[NDArray[Any], NDArray[Any]],
    is_complex: bool,
) -> NDArray[Any]:
    """Entries of K[:, i] K[:, j]^+ for each pair (i, j): (n_entries, number of pairs)."""
    (real, imag), (i, j) = k, places
    (a, b), (c, d) = upper, strict

    def product(x: NDArray[Any], rows: NDArray[Any], y: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
        return ring.reduce(x[rows][:, i] * y[columns][:, j])

    even = product(real, a, real, b)
    if imag.any():
        even = even + product(imag, a, imag, b)
    if not is_complex:
        return even
    odd = product(imag, c, real, d) - product(real, c, imag, d)
    return np.concatenate([even, odd])


def gradients(block: ExactBlock, entries: NDArray[Any], ring: Ring) -> Any:
    """Flint matrix (n_moments, n_entries): gradients of tr A^k (k = 1..n) and tr W_j A^k (k = 1..n-1) at ``entries``.

    A complex A = X + iY is X + iY modulo p, and half of [[X, -Y], [Y, X]] over the integers.

    Notes
    -----
    d tr A^k = k tr(A^{k-1} dA) (the constant k is left out); d tr W A^k = tr(S_k dA) with
    S_k = sum_j A^j W A^{k-1-j} = A S_{k-1} + W A^{k-1}.
    """
    a = _hermitian(block, entries, ring)
    weights = [_weight(q, block.is_complex, ring) for q in block.factors.values()]
    read = _Reader.of(block, ring)
    n, identity = block.size, ring.matrix(np.eye(a.nrows(), dtype=np.int64))
    rows, power = [], identity
    for k in range(n):
        rows.append(read(power))
        power = power * a if k < n - 1 else power
    for w in weights:
        moved, gradient = w, w
        for k in range(1, n):
            rows.append(read(gradient))
            if k < n - 1:
                moved = moved * a
                gradient = a * gradient + moved
    if ring.prime is None:
        return flint.fmpz_mat(rows) if rows else flint.fmpz_mat(0, block.n_entries)
    return flint.nmod_mat(len(rows), block.n_entries, [x for row in rows for x in row], ring.prime)


def _hermitian(block: ExactBlock, entries: NDArray[Any], ring: Ring) -> Any:
    n = block.size
    upper, strict = np.triu_indices(n), np.triu_indices(n, 1)
    even = np.zeros((n, n), dtype=entries.dtype)
    even[upper] = entries[: len(upper[0])]
    even.T[upper] = entries[: len(upper[0])]
    if not block.is_complex:
        return ring.matrix(even)
    odd = np.zeros((n, n), dtype=entries.dtype)
    odd[strict] = entries[len(upper[0]) :]
    odd.T[strict] = -entries[len(upper[0]) :]
    return _complex_matrix(even, odd, ring)


def _complex_matrix(even: NDArray[Any], odd: NDArray[Any], ring: Ring) -> Any:
    """X + iY modulo p, or its real form over the integers."""
    if ring.prime is None:
        return ring.matrix(np.block([[even, -odd], [odd, even]]))
    return ring.matrix((even + np.mod(odd, ring.prime) * ring.imaginary_unit) % ring.prime)


def _weight(q: RationalMatrix, is_complex: bool, ring: Ring) -> Any:
    """W = Q Q^+."""
    if not is_complex:
        factor = ring.matrix(ring.integers(q.real))
        return factor * factor.transpose()
    real, imag = ring.integers(q.real), ring.integers(q.imaginary)
    factor = _complex_matrix(real, imag, ring)
    adjoint = factor if ring.prime is None else _complex_matrix(real, -imag, ring)
    return factor * adjoint.transpose()


@dataclass(frozen=True, eq=False)
class _Reader:
    """Turns a gradient matrix S, d m = tr(S dA), into derivatives for the entries of A."""

    ring: Ring
    is_complex: bool
    first: list[int]
    second: list[int]
    diagonal: list[bool]
    third: list[tuple[int, int]]

    @classmethod
    def of(cls, block: ExactBlock, ring: Ring) -> "_Reader":
        """For the matrices of one block."""
        n = block.size
        embedded = block.is_complex and ring.prime is None
        width = 2 * n if embedded else n
        i, j = np.triu_indices(n)
        c, d = np.triu_indices(n, 1)
        below = n * width if embedded else 0  # the lower left quarter holds Y
        third = list(zip((below + c * width + d).tolist(), (below + d * width + c).tolist(), strict=True))
        return cls(
            ring,
            block.is_complex,
            (i * width + j).tolist(),
            (j * width + i).tolist(),
            (i == j).tolist(),
            third,
        )

    def __call__(self, matrix: Any) -> list[Any]:
        flat = [int(x) for x in matrix.entries()] if self.ring.prime is not None else matrix.entries()
        row = [
            flat[a] if same else flat[a] + flat[b]
            for a, b, same in zip(self.first, self.second, self.diagonal, strict=True)
        ]
        if self.is_complex:
            # tr(S dA) with dA_cd = i dy, dA_dc = -i dy; in the real form half the trace is (S_Y[c, d] - S_Y[d, c]) dy
            unit = 1 if self.ring.prime is None else self.ring.imaginary_unit
            sign = -1 if self.ring.prime is not None else 1
            row += [sign * unit * (flat[a] - flat[b]) for a, b in self.third]
        p = self.ring.prime
        return row if p is None else [x % p for x in row]
