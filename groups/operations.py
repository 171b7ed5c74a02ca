"""Symmetry operations as matrices, and the finite groups that they form.

Conventions, used everywhere in symvib: an operation is *active* and acts on column vectors, ``x' = R x``.
A rotation ``C_n^k`` turns by ``+2 pi k/n`` (counter-clockwise seen from the tip of its axis); an improper
operation is the rotation by that angle followed by the reflection in the plane normal to the axis, so a
mirror has angle 0 and the inversion has angle pi. Axes point into the upper half-space (z > 0, else y > 0, else
x > 0), which makes the name of each operation unique.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, pi

import numpy as np
from numpy.typing import NDArray

from ..errors import PointGroupError

__all__ = [
    "SymmetryOperation",
    "close_group",
    "conjugacy_classes",
    "inverses",
    "multiplication_table",
    "rotation_matrix",
]

NDArrayFloat = NDArray[np.float64]
NDArrayInt = NDArray[np.int64]

_ZERO = 1e-6  # components of unit vectors below this count as zero when the sign of an axis is chosen
_GENERIC_POINT = np.array([0.5641027, 0.7348911, 0.3765023])  # lies on no symmetry element of a standard setting
_GENERIC_WEIGHTS = np.array([0.8137213, 0.2914871, 0.5034139])


def rotation_matrix(axis: NDArrayFloat, angle: float) -> NDArrayFloat:
    """Matrix (3, 3) of the rotation by ``angle`` (rad) about ``axis`` (3,), by Rodrigues' formula."""
    u = np.asarray(axis, dtype=float)
    u = u / np.linalg.norm(u)
    cross = np.array([[0.0, -u[2], u[1]], [u[2], 0.0, -u[0]], [-u[1], u[0], 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * (cross @ cross)


def upper(axis: NDArrayFloat) -> NDArrayFloat:
    """``axis`` or its negative, whichever points into the upper half-space (z, then y, then x positive)."""
    for component in (axis[2], axis[1], axis[0]):
        if abs(component) > _ZERO:
            return axis if component > 0 else -axis
    raise PointGroupError(f"upper({axis!r}): a zero vector has no direction.")


@dataclass(frozen=True, eq=False)
class SymmetryOperation:
    """One symmetry operation: a 3x3 orthogonal matrix with its Schoenflies name.

    Attributes
    ----------
    matrix : ndarray (3, 3)
        Active, on column vectors; read-only.
    proper : bool
        True for rotations (determinant +1).
    n, k : int
        The rotation part turns by ``2 pi k/n`` with gcd(n, k) = 1 and 0 <= k < n (identity: n = 1, k = 0).
        An improper operation is that rotation times the reflection normal to the axis: mirror n = 1, k = 0;
        inversion n = 2, k = 1.
    axis : ndarray (3,) or None
        Unit vector in the upper half-space (normal of the plane for a mirror); None for E and i.

    Examples
    --------
    >>> SymmetryOperation.from_matrix(np.diag([-1.0, -1.0, 1.0])).label
    'C2'
    """

    matrix: NDArrayFloat
    proper: bool
    n: int
    k: int
    axis: NDArrayFloat | None

    @classmethod
    def from_matrix(cls, matrix: NDArrayFloat, max_order: int = 1000) -> "SymmetryOperation":
        """The operation that ``matrix`` (3, 3) stands for; its angle is read as ``2 pi k/n``, n <= max_order.

        Raises
        ------
        PointGroupError
            The matrix is not orthogonal within 1e-4, or its angle is no such fraction of a turn within 1e-5.
        """
        matrix = np.array(matrix, dtype=float)
        if matrix.shape != (3, 3) or not np.abs(matrix @ matrix.T - np.eye(3)).max() < 1e-4:
            raise PointGroupError(f"SymmetryOperation.from_matrix({matrix.tolist()}): not an orthogonal 3x3 matrix.")
        proper = bool(np.linalg.det(matrix) > 0)
        # -M is the rotation part of an improper M turned by a further pi; sigma_h C(theta) = -C(theta + pi).
        rotation = matrix if proper else -matrix
        sine_axis = 0.5 * np.array(
            [
                rotation[2, 1] - rotation[1, 2],
                rotation[0, 2] - rotation[2, 0],
                rotation[1, 0] - rotation[0, 1],
            ]
        )
        sine = float(np.linalg.norm(sine_axis))
        angle = float(np.arctan2(sine, 0.5 * (np.trace(rotation) - 1.0)))  # 0 .. pi
        if angle < _ZERO:
            axis = None
        else:
            if sine > 1e-3:
                axis = sine_axis / sine
            else:  # half turn: the axis is the eigenvector of +1
                columns = rotation + np.eye(3)
                axis = columns[:, int(np.argmax(np.linalg.norm(columns, axis=0)))]
                axis = axis / np.linalg.norm(axis)
            if not np.array_equal(upper(axis), axis):
                axis, angle = -axis, 2 * pi - angle
        turn = angle / (2 * pi) + (0.0 if proper else 0.5)
        fraction = Fraction(turn).limit_denominator(max_order)
        if abs(float(fraction) - turn) > 1e-5:
            raise PointGroupError(
                f"SymmetryOperation.from_matrix: an angle of {360 * turn:.6f} degrees is no fraction k/n of a turn "
                f"with n <= {max_order}."
            )
        fraction -= fraction.numerator // fraction.denominator
        matrix.setflags(write=False)
        if axis is not None:
            axis.setflags(write=False)
        return cls(matrix, proper, fraction.denominator, fraction.numerator, axis)

    @property
    def order(self) -> int:
        """Smallest m > 0 with operation^m = E."""
        if self.proper:
            return self.n
        return self.n if self.n % 2 == 0 else 2 * self.n

    @property
    def kind(self) -> str:
        """One of "E", "C", "sigma", "i", "S"."""
        if self.proper:
            return "E" if self.n == 1 else "C"
        return {1: "sigma", 2: "i"}.get(self.n, "S")

    @property
    def label(self) -> str:
        """Schoenflies name without its place: "E", "C3^2", "sigma", "i", "S4^3", "S3^5"."""
        if self.kind in ("E", "sigma", "i"):
            return self.kind
        # S_n^k = sigma^k C_n^k is improper for odd k only, so for odd n the power k + n is the one to name.
        power = self.k if self.proper or self.k % 2 else self.k + self.n
        return f"{self.kind}{self.n}" + (f"^{power}" if power > 1 else "")

    def __repr__(self) -> str:
        axis = "" if self.axis is None else f" [{', '.join(f'{x:.4g}' for x in self.axis + 0.0)}]"
        return f"<{self.label}{axis}>"


def _identify(points: NDArrayFloat, images: NDArrayFloat) -> NDArrayInt:
    """Index array (...): which of ``points`` (h, 3) each of ``images`` (..., 3) is.

    Points are compared through one generic linear form, sorted once: O(m log h) for m images.
    """
    keys = points @ _GENERIC_WEIGHTS
    order = np.argsort(keys)
    wanted = images @ _GENERIC_WEIGHTS
    slot = np.clip(np.searchsorted(keys[order], wanted - 1e-9), 0, len(keys) - 1)
    found = order[slot]
    if np.abs(points[found] - images).max() > 1e-6:
        raise PointGroupError("The operations are not closed under multiplication: they do not form a group.")
    return found


def multiplication_table(matrices: NDArrayFloat) -> NDArrayInt:
    """Cayley table (h, h) of ``matrices`` (h, 3, 3): ``table[a, b]`` is the index of "b first, then a".

    Raises
    ------
    PointGroupError
        The matrices do not form a group. Cost O(h^2 log h).
    """
    points = matrices @ _GENERIC_POINT
    return _identify(points, np.einsum("aij,bj->abi", matrices, points))


def inverses(table: NDArrayInt) -> NDArrayInt:
    """Index (h,) of the inverse of each element of a Cayley table (h, h) whose element 0 is the identity."""
    return np.argmax(table == 0, axis=1)


def conjugacy_classes(table: NDArrayInt) -> list[NDArrayInt]:
    """Conjugacy classes of a Cayley table (h, h): index arrays, ordered by their smallest member."""
    conjugates = table[table, inverses(table)[:, None]]  # [g, a] -> g a g^-1
    smallest = conjugates.min(axis=0)
    return [np.flatnonzero(smallest == first) for first in np.unique(smallest)]


def close_group(generators: list[NDArrayFloat], limit: int = 5000) -> NDArrayFloat:
    """All products (h, 3, 3) of ``generators``, identity first.

    Raises
    ------
    PointGroupError
        More than ``limit`` elements: the generators do not generate a finite group of that size.
    """
    elements = [np.eye(3)]
    keys = {_key(elements[0])}
    for element in elements:  # grows while it is read: breadth-first over the Cayley graph
        for generator in generators:
            product = generator @ element
            key = _key(product)
            if key not in keys:
                keys.add(key)
                elements.append(product)
                if len(elements) > limit:
                    raise PointGroupError(f"close_group: more than {limit} products; the group is not finite.")
    return np.array(elements)


def _key(matrix: NDArrayFloat) -> tuple[int, ...]:
    return tuple(np.rint(matrix.ravel() * 1e5).astype(int).tolist())


def reduced(k: int, n: int) -> tuple[int, int]:
    """``(k, n)`` of the turn k/n in lowest terms with 0 <= k < n."""
    k %= n
    common = gcd(k, n)
    return k // common, n // common
