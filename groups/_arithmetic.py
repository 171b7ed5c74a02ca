"""Products, powers and multiplicities of irreps: what :class:`Decomposition` computes with.

For finite groups the arithmetic runs modulo the prime p > 2^30 for which the characters were computed:
multiplicities of true representations are integers below p, so their residues are their values.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cached_property, lru_cache
from math import comb, gcd, lcm
from typing import Protocol

import numpy as np

from ..errors import RepresentationError
from .character_table import CharacterTable, character_table
from .linear_groups import InfiniteTable
from .operations import NDArrayInt
from .schoenflies import PointGroup

__all__ = ["Arithmetic", "FiniteArithmetic", "arithmetic_of", "finite_arithmetic"]


class Arithmetic(Protocol):
    """What a group must be able to do with its irreps; finite and infinite groups do it differently."""

    def real_label(self, label: str) -> str: ...

    def ordered(self, labels: Iterable[str]) -> list[str]: ...

    def dimension(self, label: str) -> int: ...

    def product(self, a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]: ...

    def power(self, a: Mapping[str, int], k: int, sign: int) -> dict[str, int]: ...


@lru_cache(maxsize=256)
def arithmetic_of(group: PointGroup) -> Arithmetic:
    """The (cached) arithmetic of a group."""
    table = character_table(group)
    return table.arithmetic if isinstance(table, InfiniteTable) else FiniteArithmetic(table)


def _moebius(n: int) -> int:
    sign = 1
    for p in range(2, n + 1):
        if n % p == 0:
            n //= p
            if n % p == 0:
                return 0
            sign = -sign
    return sign


def _totient(n: int) -> int:
    return sum(1 for k in range(1, n + 1) if gcd(k, n) == 1)


class FiniteArithmetic:
    """Products, powers and reductions of the real irreps of one finite group, modulo its prime."""

    def __init__(self, table: CharacterTable, field: tuple[int, int] | None = None) -> None:
        self.table, self.modular = table, table.modular
        self.labels = table.real_labels
        self.place = {label: i for i, label in enumerate(self.labels)}
        # ``field`` = (prime, root of unity of order modular.exponent) of another group, for subductions.
        self.prime = field[0] if field else self.modular.prime
        residues = self.modular.residues_in(*field) if field else self.modular.residues
        self.members = [
            [i for i, irrep in enumerate(table.irreps) if irrep.real_label == label] for label in self.labels
        ]
        self.norms = np.array([len(m) for m in self.members])
        self.dimensions = [int(self.modular.dimensions[m].sum()) for m in self.members]
        self.rows = np.array([residues[m].sum(axis=0) % self.prime for m in self.members])
        weights = table.class_sizes * pow(table.order, -1, self.prime) % self.prime
        inverse_norms = np.array([pow(int(norm), -1, self.prime) for norm in self.norms])
        # m_i = <chi, chi_i>/norm_i; the rows are real, so no conjugate is needed.
        self.projector = self.rows * weights % self.prime * inverse_norms[:, None] % self.prime

    @cached_property
    def rational_means(self) -> tuple[NDArrayInt, int]:
        """Characters (n_real_irreps, n_classes) averaged over the Galois group, times the integer returned.

        The mean of the primitive q-th roots of unity is mu(q)/phi(q).
        """
        exponent = self.modular.exponent
        means = {q: Fraction(_moebius(q), _totient(q)) for q in range(1, exponent + 1) if exponent % q == 0}
        scale = lcm(*(mean.denominator for mean in means.values()))
        rows = []
        for multiplicities in self.modular.multiplicities:
            order = multiplicities.shape[1]
            roots = np.array([int(scale * means[order // gcd(order, k)]) for k in range(order)])
            rows.append(multiplicities @ roots)
        table = np.array(rows).T
        return np.array([table[m].sum(axis=0) for m in self.members]), scale

    def real_label(self, label: str) -> str:
        if label in self.place:
            return label
        return self.table.with_form("real").irrep(label).label

    def ordered(self, labels: Iterable[str]) -> list[str]:
        return sorted(labels, key=self.place.__getitem__)

    def dimension(self, label: str) -> int:
        return self.dimensions[self.place[label]]

    def residues(self, counts: Mapping[str, int]) -> NDArrayInt:
        """Characters (n_classes,) modulo p of a sum of irreps."""
        total = np.zeros(self.rows.shape[1], dtype=np.int64)
        for label, count in counts.items():
            total = (total + count % self.prime * self.rows[self.place[label]]) % self.prime
        return total

    def multiplicities(self, residues: NDArrayInt) -> NDArrayInt:
        """Multiplicities (n_real_irreps,) modulo p of characters (n_classes,) modulo p."""
        return (self.projector * residues % self.prime).sum(axis=1) % self.prime

    def counts(self, residues: NDArrayInt, dimension: int) -> dict[str, int]:
        """Multiplicities of a true representation of the given dimension."""
        if dimension >= self.prime:
            raise RepresentationError(
                f"A representation of {self.table.point_group.label} of dimension {dimension} is too large: "
                f"multiplicities are exact below {self.prime}."
            )
        found = self.multiplicities(residues)
        return {self.labels[i]: int(found[i]) for i in np.flatnonzero(found)}

    def product(self, a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
        dimension = self._dimension(a) * self._dimension(b)
        return self.counts(self.residues(a) * self.residues(b) % self.prime, dimension)

    def power(self, a: Mapping[str, int], k: int, sign: int) -> dict[str, int]:
        """K h_k(g) = sum_(j=1..k) (sign)^(j-1) chi(g^j) h_(k-j)(g): Newton's identities, class by class."""
        dimension = self._dimension(a)
        chi = self.residues(a)
        sums = [chi[self.modular.powers[:, j % self.modular.exponent]] for j in range(k + 1)]
        power = [np.ones_like(chi)]
        for m in range(1, k + 1):
            total = np.zeros_like(chi)
            for j in range(1, m + 1):
                term = sums[j] * power[m - j] % self.prime
                total = (total + (term if sign > 0 or j % 2 else self.prime - term)) % self.prime
            power.append(total * pow(m, -1, self.prime) % self.prime)
        size = comb(dimension + k - 1, k) if sign > 0 and dimension + k else comb(dimension, k)
        return self.counts(power[k], size)

    def _dimension(self, counts: Mapping[str, int]) -> int:
        return sum(count * self.dimension(label) for label, count in counts.items())


def finite_arithmetic(group: PointGroup) -> "FiniteArithmetic":
    """The (cached) arithmetic of a finite group."""
    arithmetic = arithmetic_of(group)
    assert isinstance(arithmetic, FiniteArithmetic)
    return arithmetic
