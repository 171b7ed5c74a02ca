"""Values, first and second derivatives of the five kinds of internal coordinate, for many coordinates at once.

A coordinate is a function of two or three bond vectors. A kernel takes these vectors, each (..., n, 3) for n
coordinates of a kind (and any batch of geometries in front), and returns

- the values, (..., n);
- on request the gradient, (..., n, m, 3), over the m vectors;
- on request the second derivatives, (..., n, m, 3, m, 3).

`KINDS` says which atoms the vectors join; internals.py carries the derivatives from vectors to atoms, which is linear.
Unit vectors e = u/r enter everywhere: with P = 1 - e e^T,
d(g.e)/du = P g / r  and  d^2(g.e)/du^2 = -(e (Pg)^T + (Pg) e^T + (g.e) P) / r^2.
E. B. Wilson, J. C. Decius, P. C. Cross, Molecular Vibrations (1955), ch. 4; torsions: A. Blondel, M. Karplus,
J. Comput. Chem. 17, 1132 (1996).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..groups.operations import NDArrayFloat

__all__ = ["KINDS", "Derivatives", "Kernel", "Undefined", "cross", "cross_matrix", "sum_of_directions"]

# Atoms closer than this (in the unit of the positions) are one point: no direction leads from one to the other.
_COINCIDENT = 1e-6

# Sine of an angle below which its plane is not defined in practice: 180 degrees within 0.06 degrees.
_NEARLY_LINEAR = 1e-3

Derivatives = tuple[NDArrayFloat, NDArrayFloat | None, NDArrayFloat | None]


class Undefined(Exception):
    """Raised by a kernel: coordinate number ``index`` of its list is undefined, and why."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index, self.reason = index, reason


@dataclass(frozen=True)
class Kernel:
    """How one kind of coordinate is computed.

    Attributes
    ----------
    letter : str
        First character of its labels.
    n_atoms : int
    bond_vectors : tuple of (from, to)
        Places in ``atoms``: each vector leads from one atom to another.
    evaluate : callable
        ``evaluate(vectors, axes, order)`` as described at the top of this module.
    """

    letter: str
    n_atoms: int
    bond_vectors: tuple[tuple[int, int], ...]
    evaluate: Callable[[list[NDArrayFloat], NDArrayFloat | None, int], Derivatives]

    @property
    def incidence(self) -> NDArrayFloat:
        """(m, n_atoms): vector k is the sum over atoms of ``incidence[k, atom] * position``."""
        matrix = np.zeros((len(self.bond_vectors), self.n_atoms))
        for row, (start, end) in enumerate(self.bond_vectors):
            matrix[row, start], matrix[row, end] = -1.0, 1.0
        return matrix


# ---- small pieces -----------------------------------------------------------------------------------------------


def _dot(a: NDArrayFloat, b: NDArrayFloat) -> NDArrayFloat:
    return np.einsum("...i,...i->...", a, b)


def cross(a: NDArrayFloat, b: NDArrayFloat) -> NDArrayFloat:
    """Cross product; several times faster than numpy's for short arrays."""
    return np.stack(
        [
            a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1],
            a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2],
            a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0],
        ],
        axis=-1,
    )


def _outer(a: NDArrayFloat, b: NDArrayFloat) -> NDArrayFloat:
    return a[..., :, None] * b[..., None, :]


def _symmetric_outer(a: NDArrayFloat, b: NDArrayFloat) -> NDArrayFloat:
    product = _outer(a, b)
    return product + np.swapaxes(product, -1, -2)


def cross_matrix(a: NDArrayFloat) -> NDArrayFloat:
    """[a]x with [a]x b = a x b."""
    zero = np.zeros_like(a[..., 0])
    rows = [[zero, -a[..., 2], a[..., 1]], [a[..., 2], zero, -a[..., 0]], [-a[..., 1], a[..., 0], zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _refuse(bad: NDArray[np.bool_], reason: str) -> None:
    """Raise `Undefined` for the first coordinate, the last index of ``bad``, that is bad at any geometry."""
    if bad.any():
        raise Undefined(int(np.argwhere(bad.reshape(-1, bad.shape[-1]).any(axis=0))[0, 0]), reason)


def _unit(vector: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Direction (..., n, 3) and length (..., n, 1)."""
    length = np.sqrt(_dot(vector, vector))[..., None]
    _refuse(length[..., 0] < _COINCIDENT, "two of its atoms coincide")
    return vector / length, length


def _across(g: NDArrayFloat, e: NDArrayFloat) -> NDArrayFloat:
    """Part of g across e: P g."""
    return g - _dot(g, e)[..., None] * e


def _unit_curvature(g: NDArrayFloat, e: NDArrayFloat, length: NDArrayFloat) -> NDArrayFloat:
    """Second derivatives (..., n, 3, 3) of g.e with respect to the vector of direction e, g constant."""
    projector = np.eye(3) - _outer(e, e)
    terms = _symmetric_outer(e, _across(g, e)) + _dot(g, e)[..., None, None] * projector
    return -terms / length[..., None] ** 2


def _unit_product(e: NDArrayFloat, f: NDArrayFloat) -> NDArrayFloat:
    """P_e P_f, (..., n, 3, 3): mixed second derivatives of e.f times the two lengths."""
    return (np.eye(3) - _outer(e, e)) @ (np.eye(3) - _outer(f, f))


def _assemble(blocks: dict[tuple[int, int], NDArrayFloat], m: int) -> NDArrayFloat:
    """Second derivatives (..., n, m, 3, m, 3) from the blocks (i, j) with i <= j; the others by transposition."""
    first = next(iter(blocks.values()))
    whole = np.zeros((*first.shape[:-2], m, 3, m, 3))
    for (i, j), block in blocks.items():
        whole[..., i, :, j, :] = block
        if i != j:
            whole[..., j, :, i, :] = np.swapaxes(block, -1, -2)
    return whole


def _gradient_square(gradient: NDArrayFloat) -> NDArrayFloat:
    return gradient[..., :, :, None, None] * gradient[..., None, None, :, :]


def _wide(scalar: NDArrayFloat) -> NDArrayFloat:
    """A number for each coordinate, shaped to multiply second derivatives."""
    return scalar[..., None, None, None, None]


# ---- the kinds --------------------------------------------------------------------------------------------------


def _stretch(vectors: list[NDArrayFloat], _axes: NDArrayFloat | None, order: int) -> Derivatives:
    """Distance r."""
    e, length = _unit(vectors[0])
    gradient = e[..., None, :] if order > 0 else None
    second = None
    if order > 1:
        second = _assemble({(0, 0): (np.eye(3) - _outer(e, e)) / length[..., None]}, 1)
    return length[..., 0], gradient, second


def _bend(vectors: list[NDArrayFloat], _axes: NDArrayFloat | None, order: int) -> Derivatives:
    """Angle theta between two bonds from the centre, 0 < theta < pi."""
    (e, r), (f, s) = _unit(vectors[0]), _unit(vectors[1])
    cosine = _dot(e, f)
    normal = cross(e, f)
    sine = np.sqrt(_dot(normal, normal))
    value = np.arctan2(sine, cosine)
    if order == 0:
        return value, None, None
    _refuse(sine < _NEARLY_LINEAR, "the angle is 0 or 180 degrees, where it has no derivative: use a linear_bend pair")
    gradient = np.stack([-_across(f, e) / (r * sine[..., None]), -_across(e, f) / (s * sine[..., None])], axis=-2)
    if order == 1:
        return value, gradient, None
    blocks = {
        (0, 0): _unit_curvature(f, e, r),
        (1, 1): _unit_curvature(e, f, s),
        (0, 1): _unit_product(e, f) / (r * s)[..., None],
    }
    second = -(_assemble(blocks, 2) + _wide(cosine) * _gradient_square(gradient)) / _wide(sine)
    return value, gradient, second


def _linear_bend(vectors: list[NDArrayFloat], axes: NDArrayFloat | None, order: int) -> Derivatives:
    """Component axis.(e_ba + e_bc) of the sum of the two unit vectors from the centre; axis is a constant here."""
    assert axes is not None
    (e, r), (f, s) = _unit(vectors[0]), _unit(vectors[1])
    value = _dot(axes, e + f)
    if order == 0:
        return value, None, None
    g = np.broadcast_to(axes, e.shape)
    gradient = np.stack([_across(g, e) / r, _across(g, f) / s], axis=-2)
    if order == 1:
        return value, gradient, None
    return value, gradient, _assemble({(0, 0): _unit_curvature(g, e, r), (1, 1): _unit_curvature(g, f, s)}, 2)


def sum_of_directions(vectors: list[NDArrayFloat]) -> tuple[NDArrayFloat, NDArrayFloat]:
    """e_ba + e_bc of linear bends, (..., n, 3), and its derivatives (..., n, 3, 2, 3) over the two bond vectors."""
    (e, r), (f, s) = _unit(vectors[0]), _unit(vectors[1])
    by_e, by_f = (np.eye(3) - _outer(e, e)) / r[..., None], (np.eye(3) - _outer(f, f)) / s[..., None]
    return e + f, np.stack([by_e, by_f], axis=-2)


def _torsion(vectors: list[NDArrayFloat], _axes: NDArrayFloat | None, order: int) -> Derivatives:
    """Dihedral angle of a-b-c-d in (-pi, pi], positive when d is clockwise of a seen from b to c (IUPAC).

    Vectors F = a - b, G = b - c, H = d - c. Equations (27) and (32) of Blondel and Karplus, with A = F x G, B = H x G.
    """
    f, g, h = vectors
    for vector in (f, g, h):
        _unit(vector)
    a, b = cross(f, g), cross(h, g)
    aa, bb, gg = _dot(a, a), _dot(b, b), _dot(g, g)
    length = np.sqrt(gg)
    reason = "one of its bond angles is 0 or 180 degrees, where it is undefined"
    _refuse(aa < _NEARLY_LINEAR**2 * _dot(f, f) * gg, reason)
    _refuse(bb < _NEARLY_LINEAR**2 * _dot(h, h) * gg, reason)
    value = np.arctan2(_dot(cross(b, a), g) / length, _dot(a, b))
    if order == 0:
        return value, None, None
    fg, hg = _dot(f, g), _dot(h, g)
    from_a, from_b = a / aa[..., None], b / bb[..., None]
    along = length[..., None]
    gradient = np.stack(
        [
            -along * from_a,
            (fg / length)[..., None] * from_a - (hg / length)[..., None] * from_b,
            along * from_b,
        ],
        axis=-2,
    )
    if order == 1:
        return value, gradient, None
    return value, gradient, _assemble(_torsion_blocks(f, g, h, from_a, from_b), 3)


def _torsion_blocks(
    f: NDArrayFloat, g: NDArrayFloat, h: NDArrayFloat, from_a: NDArrayFloat, from_b: NDArrayFloat
) -> dict[tuple[int, int], NDArrayFloat]:
    """Second derivatives with respect to F, G, H; ``from_a`` = A/A^2, ``from_b`` = B/B^2."""
    gg = _dot(g, g)
    length = np.sqrt(gg)[..., None, None]
    square = gg[..., None, None]
    fg, hg = _dot(f, g)[..., None, None], _dot(h, g)[..., None, None]
    # A x B-like products divided by A^4: (v x A) (x) A / A^4 = (v x from_a) (x) from_a
    g_a, f_a = cross(g, from_a), cross(f, from_a)
    g_b, h_b = cross(g, from_b), cross(h, from_b)
    a_norm = (1.0 / _dot(from_a, from_a))[..., None, None]
    b_norm = (1.0 / _dot(from_b, from_b))[..., None, None]
    middle = a_norm / (2 * length**3) * _symmetric_outer(g_a, from_a) + fg / length * _symmetric_outer(f_a, from_a)
    middle -= b_norm / (2 * length**3) * _symmetric_outer(g_b, from_b) + hg / length * _symmetric_outer(h_b, from_b)
    return {
        (0, 0): length * _symmetric_outer(g_a, from_a),
        (2, 2): -length * _symmetric_outer(g_b, from_b),
        (1, 1): middle,
        (0, 1): -(square * _outer(f_a, from_a) + fg * _outer(from_a, g_a)) / length,
        (1, 2): (square * _outer(from_b, h_b) + hg * _outer(g_b, from_b)) / length,
    }


def _out_of_plane(vectors: list[NDArrayFloat], _axes: NDArrayFloat | None, order: int) -> Derivatives:
    """Wilson's angle between the bond centre-end and the plane (a, centre, b), -pi/2 < gamma < pi/2.

    sin gamma = e_end . (e_a x e_b)/|e_a x e_b|: positive on the side to which (a - centre) x (b - centre) points.
    """
    u, v, w = vectors
    (e, r), (ea, _), (eb, _) = _unit(u), _unit(v), _unit(w)
    plane = cross(ea, eb)
    _refuse(
        _dot(plane, plane) < _NEARLY_LINEAR**2,
        "its plane is undefined: the centre and the last two atoms are on a line",
    )
    normal, length = _unit_of_nonzero(cross(v, w))
    sine = _dot(e, normal)
    in_plane = _across(e, normal)
    cosine = np.sqrt(_dot(in_plane, in_plane))
    value = np.arctan2(sine, cosine)
    if order == 0:
        return value, None, None
    _refuse(cosine < _NEARLY_LINEAR, "the bond stands upright on the plane, where the angle has no derivative")
    by_normal = _across(e, normal) / length
    gradient = np.stack([_across(normal, e) / r, cross(w, by_normal), cross(by_normal, v)], axis=-2)
    gradient /= cosine[..., None, None]
    if order == 1:
        return value, gradient, None
    to_v, to_w = -cross_matrix(w), cross_matrix(v)  # dn/dv, dn/dw of n = v x w
    curvature = _unit_curvature(e, normal, length)
    mixed = _unit_product(e, normal) / (r * length)[..., None]
    blocks = {
        (0, 0): _unit_curvature(normal, e, r),
        (1, 1): np.swapaxes(to_v, -1, -2) @ curvature @ to_v,
        (2, 2): np.swapaxes(to_w, -1, -2) @ curvature @ to_w,
        (0, 1): mixed @ to_v,
        (0, 2): mixed @ to_w,
        (1, 2): np.swapaxes(to_v, -1, -2) @ curvature @ to_w - cross_matrix(by_normal),
    }
    second = (_assemble(blocks, 3) + _wide(sine) * _gradient_square(gradient)) / _wide(cosine)
    return value, gradient, second


def _unit_of_nonzero(vector: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat]:
    length = np.sqrt(_dot(vector, vector))[..., None]
    return vector / length, length


KINDS: dict[str, Kernel] = {
    "stretch": Kernel("r", 2, ((1, 0),), _stretch),
    "bend": Kernel("a", 3, ((1, 0), (1, 2)), _bend),
    "linear_bend": Kernel("l", 3, ((1, 0), (1, 2)), _linear_bend),
    "torsion": Kernel("t", 4, ((1, 0), (2, 1), (2, 3)), _torsion),
    "out_of_plane": Kernel("o", 4, ((1, 0), (1, 2), (1, 3)), _out_of_plane),
}
