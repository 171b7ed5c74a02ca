"""Paths of blocks with one spectrum: in closed form where a rotation commutes with every W, else followed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ._isospectral import IsospectralBlock, null_space

__all__ = ["IsospectralPath", "followed_path", "orbit_path", "relative_distance", "silent_path"]

Array = NDArray[np.float64]
Matrix = NDArray[Any]

_KERNEL = 1e-12  # eigenvalues of sum W (each W has largest eigenvalue 1) that are zero
_CORRECTED = 5e-15  # residual intensity, relative to tr W, at which the corrector stops
_ACCEPTED = 1e-12  # the same, above which a point is no point of the fibre
_CORRECTIONS = 12
_LARGEST_TURN = 0.1  # radian a step of the predictor, so that the corrector starts close
_MOST_STEPS = 5000


@dataclass(frozen=True, eq=False)
class IsospectralPath:
    """Points on a fibre.

    Attributes
    ----------
    parameters : ndarray (m,)
        t; 0 is the force field of the molecule.
    matrices : ndarray (m, n, n)
        A(t).
    meaning : str
        What t is, and why the spectra stay.
    proved : bool
        True where an identity keeps the spectra, False where a corrector does.
    """

    parameters: Array
    matrices: Matrix
    meaning: str
    proved: bool


def relative_distance(matrices: Matrix, reference: Matrix) -> Array:
    """|A(t) - A| / |A|, Frobenius norms, (m,): the same for every choice of coordinates of the block."""
    return np.linalg.norm(matrices - reference, axis=(-2, -1)) / np.linalg.norm(reference)


def silent_path(block: IsospectralBlock, distance: float, points: int) -> IsospectralPath:
    """All force constants of a block without lines times 1 + t: any positive F would do as well."""
    t = np.linspace(0.0, distance, points)
    return IsospectralPath(
        t,
        (1 + t)[:, None, None] * block.matrix,
        "all force constants of the block times 1 + t; no line of the block is seen, so any other positive definite F "
        "gives these spectra, too",
        True,
    )


def orbit_path(block: IsospectralBlock, distance: float, points: int) -> IsospectralPath | None:
    """A(t) = S A S^+ with S a rotation within the common kernel of all W_j; None where there is none.

    S^+ W_j S = W_j, so every eigenvalue and every intensity stays by algebra. A kernel of dimension m has the rotations
    O(m) of dimension m(m-1)/2 (complex: U(m), m^2, of which one common phase moves nothing where no W is left). If all
    W_j are of rank one and real these are all motions: see docs/fibres.md.
    """
    values, vectors = np.linalg.eigh(block.stack.sum(axis=0))
    kernel = vectors[:, values < _KERNEL * max(float(values[-1]), 1.0)]
    a = block.matrix
    generators = [_plane(kernel, i, j) for i in range(kernel.shape[1]) for j in range(i)]
    if block.is_complex:
        generators += [1j * np.outer(k, k.conj()) for k in kernel.T]
    if not generators:
        return None
    speeds = [float(np.linalg.norm(k @ a - a @ k)) for k in generators]
    k = generators[int(np.argmax(speeds))]
    if max(speeds) < _KERNEL * np.linalg.norm(a):
        return None
    spectrum, frame = np.linalg.eigh(-1j * k)

    def at(angles: Array) -> Matrix:
        turned = (frame * np.exp(1j * angles[:, None, None] * spectrum)) @ frame.conj().T
        s = turned if block.is_complex else np.real(turned)
        return s @ a @ np.swapaxes(s, -1, -2).conj()

    trial = np.linspace(0.0, np.pi, 721)
    reached = relative_distance(at(trial), a)
    beyond = np.flatnonzero(reached >= distance)
    if not beyond.size:
        raise IdentifiabilityError(
            f"fibre of {block.label}: the relative change along this circle is at most {reached.max():.3g}; "
            f"distance={distance:g} is out of reach."
        )
    t = np.linspace(0.0, float(trial[beyond[0]]), points)
    return IsospectralPath(
        t,
        at(t),
        "A turned by t radian within the common kernel of the intensity matrices: S A S^+ with S^+ W S = W",
        True,
    )


def _plane(kernel: Matrix, i: int, j: int) -> Matrix:
    return np.outer(kernel[:, i], kernel[:, j].conj()) - np.outer(kernel[:, j], kernel[:, i].conj())


def followed_path(block: IsospectralBlock, distance: float, points: int) -> IsospectralPath:
    """The null space of the incidence matrix followed from the modes of the molecule, with Newton correction.

    At each step: the direction nearest to the last one in the null space (at the start: the one along which A moves
    fastest), a Cayley step, and Gauss-Newton steps of least norm back to the intensities. Lambda is kept exactly.

    Raises
    ------
    IdentifiabilityError
        No null space, or the distance is not reached.
    """
    target = block.intensities(block.modes)
    reference = block.matrix
    rank, null = block.rank()
    if not null.shape[1]:
        raise IdentifiabilityError(
            f"fibre of {block.label}: its {block.unknowns} force constants are locally determined (rank "
            f"{block.size + rank.rank}, gap {rank.gap:.1e}): no family. Discrete others: theory.twins."
        )
    gaps = _gaps(block)
    _, _, right = np.linalg.svd(null * gaps[:, None], full_matrices=False)
    direction = null @ right[0]
    v, t, ts, found = block.modes, 0.0, [0.0], [reference]
    while relative_distance(found[-1], reference) < distance:
        if len(ts) > _MOST_STEPS:
            raise IdentifiabilityError(
                f"fibre of {block.label}: relative change {relative_distance(found[-1], reference):.3g} after {t:.1f} "
                f"radian; distance={distance:g} is not reached along this direction."
            )
        if len(ts) > 1:
            null = null_space(block.incidence(v))[1]
            direction = null @ (null.T @ direction)
            direction /= np.linalg.norm(direction)
        speed = np.sqrt(2) * np.linalg.norm(gaps * direction) / np.linalg.norm(reference)
        step = min(_LARGEST_TURN, distance / (points - 1) / max(speed, 1e-12))
        v = corrected(block, block.turn(v, step * direction), target)
        t += step
        ts.append(t)
        found.append(block.turned(v))
    return IsospectralPath(
        np.array(ts),
        np.stack(found),
        "the modes turned by t radian along the null space of the intensities, eigenvalues kept",
        False,
    )


def _gaps(block: IsospectralBlock) -> Array:
    """lambda_b - lambda_a for each amplitude: |dA_ab| of a unit turn."""
    a, b = np.triu_indices(block.size, 1)
    return np.tile(block.eigenvalues[b] - block.eigenvalues[a], 2 if block.is_complex else 1)


def corrected(block: IsospectralBlock, modes: Matrix, target: Array) -> Matrix:
    """Modes with exactly the intensities ``target`` (s, n), nearest to the given ones.

    Raises
    ------
    IdentifiabilityError
        Newton's method does not converge: the step was too long, or the point is singular.
    """
    scale = np.abs(target).sum(axis=-1, keepdims=True)
    v, best, least = modes, modes, np.inf
    for _ in range(_CORRECTIONS):
        residual = ((block.intensities(v) - target) / scale).ravel()
        size = float(np.abs(residual).max())
        if size < least:
            best, least = v, size
        if size < _CORRECTED:
            break
        rows = block.incidence(v) / np.repeat(scale.ravel(), block.size)[:, None]
        v = block.turn(v, np.linalg.lstsq(rows, -residual, rcond=1e-9)[0])
        left, _, right = np.linalg.svd(v)
        v = left @ right
    if least > _ACCEPTED:
        raise IdentifiabilityError(f"fibre of {block.label}: the corrector stops at a relative residual {least:.1e}.")
    return best
