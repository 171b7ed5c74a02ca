"""Directions that turn with a molecule: how the axes of linear bends follow its orientation, to second order.

An axis is given at a reference geometry x0. At a geometry x it is R axis, where R is the rotation that brings x0,
centred, closest to x with every atom counted alike (Kabsch; masses do not enter, so isotopologues share the
coordinates). At the best R the atoms y_i = R x0_i obey ``sum_i y_i x x_i = 0``. The differential of this is
``J w = sum_i y_i x dx_i`` with ``J = sum_i (x_i.y_i) 1 - y_i x_i^T``, which gives the rotation w that follows a
displacement; the differential of that gives the second order. A quantity (R axis).delta that is zero at the reference
does not feel any of it in its first derivatives.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import CoordinateError
from ..groups.operations import NDArrayFloat, NDArrayInt
from ._primitives import cross, cross_matrix, sum_of_directions

__all__ = ["BodyFrame", "TurningAxes"]

# Second largest singular value of the centred reference, relative to the largest, below which it is a line:
# rotation about the line is not defined, and not needed, because what lies on the line is the same for all.
_LINE = 1e-4


@dataclass(frozen=True, eq=False)
class Orientation:
    """The reference turned onto geometries (..., N, 3).

    Attributes
    ----------
    rotation : ndarray (..., 3, 3)
        R.
    turned : ndarray (..., N, 3)
        y = R x0.
    inertia : ndarray (..., 3, 3)
        J.
    spread : ndarray (..., 3, 3)
        sum_i y_i x_i^T.
    """

    rotation: NDArrayFloat
    turned: NDArrayFloat
    inertia: NDArrayFloat
    spread: NDArrayFloat

    def gradient(self, axes: NDArrayFloat, delta: NDArrayFloat) -> NDArrayFloat:
        """Part (..., n, N, 3) of the derivatives of axis.delta that comes from the axes, both (..., n, 3)."""
        z = self._lever(axes, delta)
        return cross(z[..., :, None, :], self.turned[..., None, :, :])

    def _lever(self, axes: NDArrayFloat, delta: NDArrayFloat) -> NDArrayFloat:
        """J^-T (axis x delta), (..., n, 3)."""
        torque = cross(axes, delta)
        lever = np.linalg.solve(np.swapaxes(self.inertia, -1, -2), np.swapaxes(torque, -1, -2))
        return np.asarray(np.swapaxes(lever, -1, -2), dtype=float)

    def second(self, axes: NDArrayFloat, delta: NDArrayFloat, delta_gradient: NDArrayFloat) -> NDArrayFloat:
        """Part (..., n, 3N, 3N) of the second derivatives of axis.delta that involves the turning of the axes.

        ``delta_gradient`` (..., n, 3, 3N) holds d delta_i / d x_k.
        """
        turn = self._rotation_by_displacement()[..., None, :, :]  # w, (..., 1, 3, 3N)
        wing = np.swapaxes(turn, -1, -2)
        z = self._lever(axes, delta)[..., None]
        flat = self.turned.reshape(*self.turned.shape[:-2], 1, -1, 1)  # y, (..., 1, 3N, 1)
        lever = np.repeat(np.einsum("...ai,...ni->...na", self.turned, z[..., 0]), 3, axis=-1)[..., None]  # z.y_i
        # w_k x axis along d_l delta, and the same with k and l exchanged
        half = wing @ cross_matrix(axes) @ delta_gradient
        # d_l w_k . (axis x delta)
        own = np.take(turn, np.arange(turn.shape[-1]) % 3, axis=-2)  # [k, l] = component alpha(k) of w_l
        along = wing @ z  # z.w_l
        half = half + lever * own - flat * np.swapaxes(along, -1, -2)
        whole = half + np.swapaxes(half, -1, -2)
        spread = np.swapaxes(self.spread, -1, -2)[..., None, :, :]
        whole = whole + wing @ spread @ cross_matrix(z[..., 0]) @ turn
        # delta . (w_k x (w_l x axis))
        whole = whole + (wing @ axes[..., None]) * np.swapaxes(wing @ delta[..., None], -1, -2)
        return whole - np.einsum("...i,...i->...", delta, axes)[..., None, None] * (wing @ turn)

    def _rotation_by_displacement(self) -> NDArrayFloat:
        """D w / d x, (..., 3, 3N)."""
        arms = cross_matrix(self.turned)  # (..., N, 3, 3): y x e_alpha in column alpha
        columns = np.moveaxis(arms, -3, -2).reshape(*arms.shape[:-3], 3, -1)
        return np.asarray(np.linalg.solve(self.inertia, columns), dtype=float)


class BodyFrame:
    """A reference geometry (N, 3) whose directions are carried along; where it stands does not matter."""

    def __init__(self, reference: NDArrayFloat) -> None:
        self.reference = np.array(reference, dtype=float)
        self._centred = self.reference - self.reference.mean(axis=0)
        self.reference.setflags(write=False)
        extent = np.linalg.svd(self._centred, compute_uv=False)
        self.is_line = len(self.reference) < 3 or extent[1] < _LINE * extent[0]

    def orient(self, x: NDArrayFloat) -> Orientation:
        """The best rotation of the reference onto each geometry (..., N, 3)."""
        if x.shape[-2] != len(self._centred):
            raise CoordinateError(
                f"positions hold {x.shape[-2]} atoms; the reference of the linear bends has {len(self._centred)}."
            )
        centred = x - x.mean(axis=-2, keepdims=True)
        left, _, right = np.linalg.svd(np.swapaxes(centred, -1, -2) @ self._centred)
        hand = np.ones((*x.shape[:-2], 3))
        hand[..., 2] = np.sign(np.linalg.det(left @ right))
        rotation = (left * hand[..., None, :]) @ right
        turned = self._centred @ np.swapaxes(rotation, -1, -2)
        spread = np.swapaxes(turned, -1, -2) @ centred
        trace = np.trace(spread, axis1=-2, axis2=-1)[..., None, None]
        return Orientation(rotation, turned, trace * np.eye(3) - spread, spread)


@dataclass(frozen=True, eq=False)
class TurningAxes:
    """What the turning of their axes adds to the derivatives of linear bends.

    Attributes
    ----------
    orientation : Orientation
    axes, delta : ndarray (..., n, 3)
        Turned axes, and e_ba + e_bc.
    delta_gradient : ndarray (..., n, 3, 3N)
    """

    orientation: Orientation
    axes: NDArrayFloat
    delta: NDArrayFloat
    delta_gradient: NDArrayFloat

    @classmethod
    def of(
        cls, frame: BodyFrame, axes: NDArrayFloat, atoms: NDArrayInt, vectors: list[NDArrayFloat], x: NDArrayFloat
    ) -> "TurningAxes":
        """For axes (n, 3) of the reference, atoms (n, 3) and bond vectors (..., n, 3) at geometries (..., N, 3)."""
        orientation = frame.orient(x)
        delta, by_vector = sum_of_directions(vectors)
        first, last = by_vector[..., 0, :], by_vector[..., 1, :]
        whole = np.zeros((*delta.shape[:-1], x.shape[-2], 3, 3))  # (..., n, atom, i, alpha)
        rows = np.arange(len(atoms))
        for place, block in enumerate((first, -first - last, last)):
            whole[..., rows, atoms[:, place], :, :] = block
        gradient = np.moveaxis(whole, -3, -2).reshape(*delta.shape, -1)
        return cls(orientation, axes @ np.swapaxes(orientation.rotation, -1, -2), delta, gradient)

    def gradient(self) -> NDArrayFloat:
        """(..., n, N, 3)."""
        return self.orientation.gradient(self.axes, self.delta)

    def second(self) -> NDArrayFloat:
        """(..., n, N, 3, N, 3)."""
        whole = self.orientation.second(self.axes, self.delta, self.delta_gradient)
        n_atoms = whole.shape[-1] // 3
        return whole.reshape(*whole.shape[:-2], n_atoms, 3, n_atoms, 3)
