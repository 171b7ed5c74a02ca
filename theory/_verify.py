"""Re-checking a rank certificate by other means than it was made with: integers modulo p in numpy, written-out sums.

Nothing of the exact or numerical machinery that made it is used (no python-flint, no moment recursion, no packing of
matrices): complex numbers are pairs, d tr W A^k = sum_{l} tr(A^l W A^{k-1-l} dA) is summed over Krylov vectors entry by
entry, and the elimination is our own.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CertificateError
from ._certificate_format import counting_bound_of, statement_of

__all__ = ["Verification", "verify_certificate"]

Integers = NDArray[np.int64]

DISTANCE_TOLERANCE_ANGSTROM = 1e-3
MASS_TOLERANCE_U = 1e-4


@dataclass(frozen=True)
class Verification:
    """A certificate that has been re-checked; a broken one raises `CertificateError` instead.

    Attributes
    ----------
    rank, upper_bound, unknowns : int
    evidence : str
        "certified" (both bounds meet) or "lower bound".
    statement : str
    molecule_checked : bool
        Was it compared with a molecule?
    seconds : float
    """

    rank: int
    upper_bound: int
    unknowns: int
    evidence: str
    statement: str
    molecule_checked: bool
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def verify_certificate(source: Any, molecule: Any | None = None) -> Verification:
    """Check a certificate: its form, its mathematics, and on request that it was made for a molecule.

    Parameters
    ----------
    source : Certificate or path
    molecule : optional
        Anything ``as_molecule`` reads: the atoms in the same order with the same masses (1e-4 u) and distances
        (1e-3 angstrom). A mirror image has the same distances, force constants and IR and Raman intensities and passes;
        an isotopologue does not. Its point group and symmetry species are compared, too; without a molecule those are
        taken from the file.

    Raises
    ------
    CertificateError
        Anything that does not hold.
    """
    from .certificate import Certificate

    start = time.perf_counter()
    content = (source if isinstance(source, Certificate) else Certificate.load(source)).content
    if molecule is not None:
        _check_molecule(content, molecule)
    _check_vibrations(content)
    if content["statement"] != statement_of(content):
        raise CertificateError("certificate: its statement is not what its numbers say.")
    bound = counting_bound_of(content["problem"])
    if content["rank"] > bound:
        raise CertificateError(f"certificate: rank {content['rank']} is beyond the counting rule, {bound}.")
    _check_prime(content["prime"])
    minor = _minor(content)
    if not _is_regular(minor, content["prime"]):
        raise CertificateError(
            f"certificate: the minor of order {content['rank']} vanishes modulo {content['prime']}: nothing is proved."
        )
    evidence = "certified" if content["rank"] == bound else "lower bound"
    return Verification(
        content["rank"],
        bound,
        content["problem"]["n_parameters"],
        evidence,
        content["statement"],
        molecule is not None,
        time.perf_counter() - start,
    )


def _check_molecule(content: Mapping[str, Any], given: Any) -> None:
    from ..groups.readers import as_molecule

    molecule, stored = as_molecule(given), content["molecule"]
    if list(map(int, molecule.numbers)) != stored["numbers"]:
        raise CertificateError(
            f"the certificate was made for {stored['formula']}, not for {molecule.formula} (atoms in the same order)."
        )
    masses = float(np.abs(np.array(stored["masses_u"]) - molecule.masses).max())
    if masses > MASS_TOLERANCE_U:
        raise CertificateError(f"the certificate was made for another isotopologue: masses differ by {masses:.4g} u.")
    difference = float(np.abs(_distances(stored["positions_angstrom"]) - _distances(molecule.positions)).max())
    if difference > DISTANCE_TOLERANCE_ANGSTROM:
        raise CertificateError(
            f"the certificate was made for another geometry: a distance differs by {difference:.4g} angstrom."
        )
    _check_species(content, molecule)


def _check_species(content: Mapping[str, Any], molecule: Any) -> None:
    """Are the blocks those of the molecule's symmetry species?"""
    from ..groups.report import point_group_report

    report = point_group_report(molecule)
    stored = {block["label"]: block["size"] for block in content["problem"]["blocks"]}
    species = {str(irrep): int(n) for irrep, n in report.gamma_vib.items() if n}
    if (content["point_group"], stored) != (report.point_group.label, species):
        raise CertificateError(
            f"the certificate has the species of {content['point_group']} {stored}, {molecule.formula} those of "
            f"{report.point_group.label} {species}."
        )


def _distances(positions: Any) -> NDArray[np.float64]:
    x = np.asarray(positions, dtype=float)
    return np.sqrt(((x[:, None] - x) ** 2).sum(axis=2))


def _check_vibrations(content: Mapping[str, Any]) -> None:
    """Do the blocks have as many vibrations as the molecule?"""
    x = np.array(content["molecule"]["positions_angstrom"], dtype=float)
    spread = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    expected = 3 * len(x) - (5 if spread[1] < 1e-3 * spread[0] else 6)
    found = sum(block["degeneracy"] * block["size"] for block in content["problem"]["blocks"])
    if found != expected:
        raise CertificateError(f"certificate: its blocks have {found} vibrations, the molecule {expected}.")


def _check_prime(prime: int) -> None:
    """Deterministic Miller-Rabin test (bases 2, 3, 5, 7 suffice below 3.2e9)."""
    odd, twos = prime - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7):
        value = pow(base, odd, prime)
        powers = [pow(value, 2**k, prime) for k in range(twos)]
        if value != 1 and prime - 1 not in powers:
            raise CertificateError(f"certificate: {prime} is not a prime.")


def _inverse(denominator: int, prime: int) -> int:
    if denominator % prime == 0:
        raise CertificateError(f"certificate: a denominator is divisible by the prime {prime}.")
    return pow(denominator, -1, prime)


@dataclass(frozen=True)
class _Pair:
    """A complex array modulo p: real and imaginary part, or a real one alone."""

    re: Integers
    im: Integers | None
    p: int

    def __matmul__(self, other: "_Pair") -> "_Pair":
        re = _product(self.re, other.re, self.p)
        if self.im is None or other.im is None:
            return _Pair(re, None, self.p)
        re = (re - _product(self.im, other.im, self.p)) % self.p
        return _Pair(re, (_product(self.re, other.im, self.p) + _product(self.im, other.re, self.p)) % self.p, self.p)

    def adjoint(self) -> "_Pair":
        return _Pair(self.re.T, None if self.im is None else (-self.im.T) % self.p, self.p)


def _product(a: Integers, b: Integers, p: int) -> Integers:
    """Matrix product, one inner index after the other."""
    total = np.zeros((a.shape[0], b.shape[1]), dtype=np.int64)
    for k in range(a.shape[1]):
        total += a[:, k, None] * b[k] % p
    return total % p


def _matrix(stored: Mapping[str, Any], is_complex: bool, p: int) -> _Pair:
    scale = _inverse(stored["denominator"], p)

    def part(rows: list[list[int]]) -> Integers:
        return np.array([[x * scale % p for x in row] for row in rows], dtype=np.int64)

    re = part(stored["real"])
    if not is_complex:
        return _Pair(re, None, p)
    return _Pair(re, np.zeros_like(re) if stored["imag"] is None else part(stored["imag"]), p)


@dataclass(frozen=True)
class _Entries:
    """dA = sum over t of K_t E_p K_t^+ with E_p[i, j] = re + i im for the entries (p, i, j)."""

    p: Integers
    i: Integers
    j: Integers
    re: Integers
    im: Integers


def _minor(content: Mapping[str, Any]) -> Integers:
    """The chosen rows and columns of the Jacobian modulo the prime."""
    prime, problem = content["prime"], content["problem"]
    point = np.array(content["point"], dtype=np.int64)
    place = np.full(len(point), -1, dtype=np.int64)
    place[content["pivot_columns"]] = np.arange(content["rank"])
    rows, offset = [np.zeros((0, content["rank"]), dtype=np.int64)], 0
    for block in problem["blocks"]:
        if block["reach"] is not None:
            terms, a, reach = *_of_reach(block, point, prime), _matrix(block["reach"], False, prime).re
            entries = _unit_entries(block, prime)
        elif problem["entries"] is not None:
            entries, reach = _sparse_entries(problem, prime), None
            terms = [_matrix(k, block["complex"], prime) for k in block["k"]]
            a = _assembled(terms, entries, point, prime)
            entries = _chosen(entries, place)
        else:
            terms, a = _unpacked(block, point[offset:], prime)
            entries, reach = _unit_entries(block, prime), None
            offset_place = place[offset : offset + entries.p.max() + 1]
            offset += len(offset_place)
            entries = _chosen(entries, offset_place)
        if not block["visible"]:
            continue
        width = content["rank"] if reach is None else len(reach)
        own = _gradients(block, a, terms, entries, width, prime)
        rows.append(own if reach is None else _product(own, reach[:, content["pivot_columns"]], prime))
    return np.concatenate(rows)[content["pivot_rows"]]


def _chosen(entries: _Entries, place: Integers) -> _Entries:
    """The entries of the chosen columns, renumbered."""
    kept = place[entries.p] >= 0
    return _Entries(place[entries.p[kept]], entries.i[kept], entries.j[kept], entries.re[kept], entries.im[kept])


def _sparse_entries(problem: Mapping[str, Any], prime: int) -> _Entries:
    scale = _inverse(problem["denominator"], prime)
    columns = list(zip(*problem["entries"], strict=True)) or [(), (), (), ()]
    p, i, j = (np.array(column, dtype=np.int64) for column in columns[:3])
    values = np.array([v * scale % prime for v in columns[3]], dtype=np.int64)
    return _Entries(p, i, j, values, np.zeros_like(values))


def _unit_entries(block: Mapping[str, Any], prime: int) -> _Entries:
    """The entries of A as parameters: upper triangle of the real part, then strict one of the imaginary part."""
    n = block["size"]
    a, b = np.triu_indices(n)
    c, d = np.triu_indices(n, 1)
    off = a != b
    number = np.arange(len(a))
    ones, minus = np.ones(len(a), dtype=np.int64), np.full(len(c), prime - 1, dtype=np.int64)
    parts = [(number, a, b, ones, 0 * ones), (number[off], b[off], a[off], ones[off], 0 * ones[off])]
    if block["complex"]:
        number = len(a) + np.arange(len(c))
        parts += [(number, c, d, 0 * minus, 0 * minus + 1), (number, d, c, 0 * minus, minus)]
    return _Entries(*(np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True)))


def _of_reach(block: Mapping[str, Any], point: Integers, prime: int) -> tuple[list[_Pair], _Pair]:
    values = _product(_matrix(block["reach"], False, prime).re, point[:, None], prime)[:, 0]
    return _unpacked(block, values, prime)


def _unpacked(block: Mapping[str, Any], values: Integers, prime: int) -> tuple[list[_Pair], _Pair]:
    """K = 1, and A from its entries."""
    n = block["size"]
    entries = _unit_entries(block, prime)
    re, im = np.zeros((n, n), dtype=np.int64), np.zeros((n, n), dtype=np.int64)
    np.add.at(re, (entries.i, entries.j), values[entries.p] * entries.re % prime)
    np.add.at(im, (entries.i, entries.j), values[entries.p] * entries.im % prime)
    unit = np.eye(n, dtype=np.int64)
    if not block["complex"]:
        return [_Pair(unit, None, prime)], _Pair(re % prime, None, prime)
    return [_Pair(unit, 0 * unit, prime)], _Pair(re % prime, im % prime, prime)


def _assembled(terms: list[_Pair], entries: _Entries, point: Integers, prime: int) -> _Pair:
    """A = sum_t K_t F K_t^+ with F = sum_p x_p E_p."""
    width = terms[0].re.shape[1]
    f = np.zeros((width, width), dtype=np.int64)
    np.add.at(f, (entries.i, entries.j), entries.re * point[entries.p] % prime)
    whole = _Pair(f % prime, None if terms[0].im is None else np.zeros_like(f), prime)
    parts = [k @ whole @ k.adjoint() for k in terms]
    re = sum((part.re for part in parts), start=np.zeros((), dtype=np.int64)) % prime
    if terms[0].im is None:
        return _Pair(re, None, prime)
    return _Pair(re, sum((part.im for part in parts if part.im is not None), start=np.zeros_like(re)) % prime, prime)


def _gradients(
    block: Mapping[str, Any], a: _Pair, terms: list[_Pair], entries: _Entries, width: int, prime: int
) -> Integers:
    """Derivatives of tr A^k / k (k = 1..n), then of tr W A^k (k = 1..n-1) for each intensity: (n_moments, width)."""
    n = block["size"]
    unit = np.eye(n, dtype=np.int64)
    identity = _Pair(unit, None if a.im is None else 0 * unit, prime)
    rows = list(_power_rows(a, terms, identity, entries, n))
    for factor in block["factors"].values():
        q = _matrix(factor, block["complex"], prime)
        rows += _weighted_rows(a, terms, q, entries, n)
    whole = np.zeros((len(rows), width), dtype=np.int64)
    for row, values in zip(whole, rows, strict=True):
        np.add.at(row, entries.p, values)
    return whole % prime


def _krylov(a: _Pair, terms: list[_Pair], start: _Pair, count: int) -> Iterator[list[_Pair]]:
    """K_t^+ A^l start for every term t, l = 0 .. count - 1."""
    adjoints = [k.adjoint() for k in terms]
    vectors = start
    for power in range(count):
        yield [k @ vectors for k in adjoints]
        if power < count - 1:
            vectors = a @ vectors


def _real_part(left: _Pair, right: _Pair, entries: _Entries) -> Integers:
    """Re sum_r E[i, j] left[j, r] conj(right[i, r]) for each entry, modulo p."""
    p = left.p
    total = np.zeros(len(entries.p), dtype=np.int64)
    for r in range(left.re.shape[1]):
        x, y = left.re[entries.j, r], right.re[entries.i, r]
        re = x * y % p
        if left.im is not None and right.im is not None:
            u, v = left.im[entries.j, r], right.im[entries.i, r]
            re = (re + u * v) % p
            total += (p - (u * y % p - x * v % p) % p) * entries.im % p
        total += re * entries.re % p
    return total % p


def _power_rows(a: _Pair, terms: list[_Pair], identity: _Pair, entries: _Entries, n: int) -> Iterator[Integers]:
    """tr(A^{k-1} dA), k = 1 .. n."""
    first = [k.adjoint() for k in terms]
    for moved in _krylov(a, terms, identity, n):
        yield sum((_real_part(z, y, entries) for z, y in zip(moved, first, strict=True)), start=0 * entries.p) % a.p


def _weighted_rows(a: _Pair, terms: list[_Pair], q: _Pair, entries: _Entries, n: int) -> list[Integers]:
    """tr(S_k dA) with S_k = sum_{l=0}^{k-1} (A^l Q) (A^{k-1-l} Q)^+, k = 1 .. n - 1."""
    vectors = list(_krylov(a, terms, q, max(n - 1, 0)))
    rows = []
    for k in range(1, n):
        total = np.zeros(len(entries.p), dtype=np.int64)
        for step in range(k):
            for z, y in zip(vectors[step], vectors[k - 1 - step], strict=True):
                total += _real_part(z, y, entries)
        rows.append(total % a.p)
    return rows


def _is_regular(minor: Integers, prime: int) -> bool:
    """Gaussian elimination modulo the prime: is the determinant not zero?"""
    work = minor.copy()
    for column in range(len(work)):
        candidates = np.flatnonzero(work[column:, column])
        if not len(candidates):
            return False
        pivot = column + int(candidates[0])
        work[[column, pivot]] = work[[pivot, column]]
        inverse = pow(int(work[column, column]), -1, prime)
        ratios = work[column + 1 :, column] * inverse % prime
        work[column + 1 :, column:] = (work[column + 1 :, column:] - ratios[:, None] * work[column, column:]) % prime
    return True
