"""Irreducible characters of a finite group from its Cayley table, exactly (Burnside, Dixon).

The class sums C_r span the centre of the group algebra. A random element a of the centre over GF(p) has distinct
eigenvalues, one per irrep, so the primitive idempotents are its Lagrange polynomials,
``e_i = prod_(j != i) (a - l_j)/(l_i - l_j)``, and ``e_i = (d_i/h) sum_g chi_i(g^-1) g`` gives dimension and
characters modulo p. With p = 1 modulo the exponent of the group the eigenvalues of the representing matrices are
powers of a root of unity w modulo p; their multiplicities are the discrete Fourier transform of chi over the
powers of an element, integers between 0 and d, hence known exactly. J. D. Dixon, Numer. Math. 10 (1967) 446.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import isqrt, lcm

import numpy as np
from flint import nmod_mat

from .operations import NDArrayInt, conjugacy_classes, inverses

__all__ = ["ModularTable", "dixon"]

_PRIME_BITS = 31  # products of two residues fit into int64, and multiplicities up to 10^9 are exact
_ATTEMPTS = 20


@dataclass(frozen=True)
class ModularTable:
    """Characters of a finite group, modulo a prime and as exact eigenvalue multiplicities.

    Attributes
    ----------
    prime : int
        p = 1 modulo ``exponent``.
    root : int
        Residue of order ``exponent`` that stands for exp(2 pi i/exponent).
    exponent : int
        Least common multiple of the orders of the elements.
    classes : tuple of index arrays
        Conjugacy classes, ordered by their smallest member.
    class_of : ndarray (h,)
        Element -> class.
    orders : ndarray (n_classes,)
        Order of the elements of each class.
    powers : ndarray (n_classes, exponent)
        ``powers[c, j]``: the class of g^j for g in class c.
    residues : ndarray (n_irreps, n_classes)
        Characters modulo p.
    dimensions : ndarray (n_irreps,)
    multiplicities : tuple over classes of ndarray (n_irreps, order of the class)
        How often exp(2 pi i k/order) is an eigenvalue of the matrix of irrep i.
    """

    prime: int
    root: int
    exponent: int
    classes: tuple[NDArrayInt, ...]
    class_of: NDArrayInt
    orders: NDArrayInt
    powers: NDArrayInt
    residues: NDArrayInt
    dimensions: NDArrayInt
    multiplicities: tuple[NDArrayInt, ...]

    def reordered(self, irreps: list[int], classes: list[int]) -> "ModularTable":
        """The same table with ``irreps[i]`` as irrep i and ``classes[c]`` as class c."""
        position = np.argsort(classes)
        return ModularTable(
            self.prime,
            self.root,
            self.exponent,
            tuple(self.classes[c] for c in classes),
            position[self.class_of],
            self.orders[classes],
            position[self.powers[classes]],
            self.residues[np.ix_(irreps, classes)],
            self.dimensions[irreps],
            tuple(self.multiplicities[c][irreps] for c in classes),
        )

    def residues_in(self, prime: int, root: int) -> NDArrayInt:
        """Characters (n_irreps, n_classes) modulo another prime, in which ``root`` has the order ``exponent``."""
        columns = []
        for order, found in zip(self.orders.tolist(), self.multiplicities, strict=True):
            step = pow(root, self.exponent // order, prime)
            powers = np.array([pow(step, k, prime) for k in range(order)])
            columns.append((found * powers % prime).sum(axis=1) % prime)
        return np.array(columns).T


def dixon(table: NDArrayInt) -> ModularTable:
    """All irreducible characters of the group with Cayley table ``table`` (h, h), element 0 the identity.

    Cost O(h^2 + n^3) for n classes.
    """
    classes = tuple(conjugacy_classes(table))
    class_of = np.empty(len(table), dtype=np.int64)
    for c, members in enumerate(classes):
        class_of[members] = c
    powers, orders = _power_map(table, classes, class_of)
    exponent = lcm(*orders.tolist())
    prime, root = _prime_field(exponent)
    residues, dimensions = _characters_mod_p(table, classes, class_of, prime)
    powers = np.array([np.resize(powers[c][: orders[c]], exponent) for c in range(len(classes))])
    multiplicities = tuple(
        _eigenvalue_multiplicities(residues[:, powers[c, :order]], pow(root, exponent // order, prime), prime)
        for c, order in enumerate(orders.tolist())
    )
    for found in multiplicities:
        if found.min() < 0 or not np.array_equal(found.sum(axis=1), dimensions):
            raise AssertionError("dixon: the lifted characters are not sums of d roots of unity")
    return ModularTable(prime, root, exponent, classes, class_of, orders, powers, residues, dimensions, multiplicities)


def _power_map(
    table: NDArrayInt, classes: tuple[NDArrayInt, ...], class_of: NDArrayInt
) -> tuple[list[list[int]], NDArrayInt]:
    """Classes of g^0, g^1, ... up to the order of g, for one g of each class; and the orders."""
    powers, orders = [], []
    for members in classes:
        g = int(members[0])
        row, power = [0], g
        while power != 0:
            row.append(int(class_of[power]))
            power = int(table[power, g])
        powers.append(row)
        orders.append(len(row))
    return powers, np.array(orders)


@lru_cache(maxsize=512)
def _prime_field(exponent: int) -> tuple[int, int]:
    """The largest prime p < 2^31 with p = 1 (mod exponent), and a residue of that multiplicative order."""
    p = (2**_PRIME_BITS - 2) // exponent * exponent + 1
    while not _is_prime(p):
        p -= exponent
    factors = [q for q in range(2, exponent + 1) if exponent % q == 0 and _is_prime(q)]
    candidate = 2
    while True:
        root = pow(candidate, (p - 1) // exponent, p)
        if all(pow(root, exponent // q, p) != 1 for q in factors):
            return p, root
        candidate += 1


def _is_prime(n: int) -> bool:
    """Miller-Rabin with bases 2, 3, 5, 7: deterministic below 3 215 031 751."""
    if n < 2 or n in (2, 3, 5, 7):
        return n >= 2
    if n % 2 == 0:
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7):
        x = pow(base, odd, n)
        if x not in (1, n - 1) and not any((x := x * x % n) == n - 1 for _ in range(twos - 1)):
            return False
    return True


def _characters_mod_p(
    table: NDArrayInt, classes: tuple[NDArrayInt, ...], class_of: NDArrayInt, p: int
) -> tuple[NDArrayInt, NDArrayInt]:
    """Characters (n, n) modulo p and dimensions (n,), in no particular order."""
    h, n = len(table), len(classes)
    inverse = inverses(table)
    representatives = np.array([members[0] for members in classes])
    inverse_class = class_of[inverse[representatives]]
    rng = np.random.default_rng(0)
    for _ in range(_ATTEMPTS):
        weights = rng.integers(1, p, size=n)
        matrix = _central_multiplication(table, class_of, inverse, representatives, weights, p)
        flint_matrix = nmod_mat(n, n, matrix.ravel().tolist(), p)
        polynomial = flint_matrix.charpoly()
        eigenvalues = [int(root) for root, _ in polynomial.roots()]
        if len(eigenvalues) == n:
            break
    else:
        raise AssertionError(f"dixon: no separating central element of {n} classes in {_ATTEMPTS} attempts")
    idempotents = _idempotents(matrix, [int(c) for c in polynomial.coeffs()], eigenvalues, p)
    # Column 0 (identity class) holds d^2/h; the class of g holds d chi(g^-1)/h.
    squares = idempotents[:, 0] * h % p
    dimensions = np.array([isqrt(int(s)) for s in squares])
    if not np.array_equal(dimensions**2, squares) or int((dimensions**2).sum()) != h:
        raise AssertionError("dixon: the squared dimensions do not add up to the order of the group")
    scale = np.array([h * pow(int(d), -1, p) % p for d in dimensions])
    return idempotents[:, inverse_class] * scale[:, None] % p, dimensions


def _central_multiplication(
    table: NDArrayInt,
    class_of: NDArrayInt,
    inverse: NDArrayInt,
    representatives: NDArrayInt,
    weights: NDArrayInt,
    p: int,
) -> NDArrayInt:
    """Matrix (n, n) modulo p of multiplication by a = sum_r weights[r] C_r: row t, column s is [C_t] a C_s.

    ``a C_s`` holds the element z of class t as often as a x = z with x in class s: x = y^-1 z over all y.
    """
    n = len(representatives)
    matrix = np.zeros((n, n), dtype=np.int64)
    row = weights[class_of]
    for t, z in enumerate(representatives):
        np.add.at(matrix[t], class_of[table[inverse, z]], row)
    return matrix % p


def _idempotents(matrix: NDArrayInt, polynomial: list[int], eigenvalues: list[int], p: int) -> NDArrayInt:
    """Primitive idempotents (n, n) modulo p: row i, coefficient of each class sum.

    Row i is q_i(a) 1 / q_i(l_i) with q_i(x) = f(x)/(x - l_i), f the characteristic polynomial, by synthetic
    division for all i at once; the powers a^j 1 form the Krylov matrix.
    """
    n = len(matrix)
    krylov = np.zeros((n, n), dtype=np.int64)
    krylov[0, 0] = 1
    for j in range(1, n):
        krylov[j] = (matrix * krylov[j - 1] % p).sum(axis=1) % p
    roots = np.array(eigenvalues, dtype=np.int64)
    quotient = np.zeros((n, n), dtype=np.int64)
    value = np.zeros(n, dtype=np.int64)
    carry = np.zeros(n, dtype=np.int64)
    for j in range(n, 0, -1):
        carry = (polynomial[j] + carry * roots) % p
        quotient[:, j - 1] = carry
        value = (value * roots + carry) % p
    scale = np.array([pow(int(v), -1, p) for v in value])
    return _product_mod_p(quotient, krylov, p) * scale[:, None] % p


def _product_mod_p(a: NDArrayInt, b: NDArrayInt, p: int) -> NDArrayInt:
    """``a @ b`` modulo p < 2^31, through four products of 16-bit halves in float64.

    Sums of up to 2^20 products of 32 bits stay below 2^53, so they are exact, and BLAS makes them 20 times faster
    than integer matrix products.
    """
    (a_high, a_low), (b_high, b_low) = (((m >> 16).astype(float), (m & 0xFFFF).astype(float)) for m in (a, b))
    high, middle, low = (
        np.asarray(part, dtype=np.int64) for part in (a_high @ b_high, a_high @ b_low + a_low @ b_high, a_low @ b_low)
    )
    return (((high % p << 16) + middle) % p * 65536 + low) % p


def _eigenvalue_multiplicities(characters: NDArrayInt, root: int, p: int) -> NDArrayInt:
    """``m[i, k] = (1/o) sum_j chi_i(g^j) root^(-jk)`` modulo p: (n_irreps, o) integers."""
    order = characters.shape[1]
    powers = np.ones(order, dtype=np.int64)
    inverse_root = pow(root, -1, p)
    for j in range(1, order):
        powers[j] = powers[j - 1] * inverse_root % p
    exponents = np.outer(np.arange(order), np.arange(order)) % order
    return _product_mod_p(characters, powers[exponents], p) * pow(order, -1, p) % p
