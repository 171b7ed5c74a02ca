"""From a closed set of numerical operations to a point group and its standard axes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import DetectionError
from ._matching import Candidates
from .molecule import Molecule
from .operations import NDArrayFloat, NDArrayInt
from .schoenflies import PointGroup

_SAME_OPERATION = 2.8  # tr(R S^T) of two rotations 26 degrees apart; a poor fit, but never another orientation


@dataclass(frozen=True, eq=False)
class OperationSet:
    """Operations that form a group: matrices (h, 3, 3), permutations (h, N), proper (h,); identity first."""

    matrices: NDArrayFloat
    permutations: NDArrayInt
    proper: np.ndarray

    @classmethod
    def of(cls, candidates: Candidates, size: int) -> "OperationSet":
        """The first ``size`` candidates."""
        return cls(candidates.matrices[:size], candidates.permutations[:size], candidates.proper[:size])

    @cached_property
    def orders(self) -> NDArrayInt:
        """Order (h,) of each operation, exact: read from the cycles of its permutation.

        A power that fixes every atom is the identity, or the mirror plane of a planar molecule (improper).
        """
        orders = np.zeros(len(self.proper), dtype=np.int64)
        identity = np.arange(self.permutations.shape[1])
        power, sign = self.permutations, self.proper.copy()
        for order in range(1, len(self.proper) + 1):
            done = (orders == 0) & sign & (power == identity).all(axis=1)
            orders[done] = order
            if orders.all():
                return orders
            power = np.take_along_axis(self.permutations, power, axis=1)
            sign = np.where(self.proper, True, ~sign)
        raise DetectionError(f"{len(orders)} operations were found, some of higher order: they do not form a group.")

    @cached_property
    def mirrors(self) -> NDArrayInt:
        """Indices of the mirror planes: improper, of order two, trace +1."""
        traces = np.einsum("mii->m", self.matrices)
        return np.flatnonzero(~self.proper & (self.orders == 2) & (traces > 0))

    @cached_property
    def has_inversion(self) -> bool:
        """Is the inversion (improper, of order two, trace -3) among the operations?"""
        traces = np.einsum("mii->m", self.matrices)
        return bool((~self.proper & (self.orders == 2) & (traces < -1)).any())

    @cached_property
    def axes(self) -> NDArrayFloat:
        """Axes (h, 3) of the rotation parts: signed by the right-hand rule, either sign for half turns; 0 for E, i."""
        rotations = np.where(self.proper[:, None, None], self.matrices, -self.matrices)
        skew = np.stack(
            [
                rotations[:, 2, 1] - rotations[:, 1, 2],
                rotations[:, 0, 2] - rotations[:, 2, 0],
                rotations[:, 1, 0] - rotations[:, 0, 1],
            ],
            axis=1,
        )
        axes = np.zeros_like(skew)
        for index, rotation in enumerate(rotations):
            order = int(self.orders[index])
            half_turn = order == 2 if self.proper[index] else index in self.mirrors
            if half_turn:
                axes[index] = np.linalg.eigh(rotation + rotation.T)[1][:, 2]
            elif order > 2:
                axes[index] = skew[index] / np.linalg.norm(skew[index])
        return axes

    @cached_property
    def point_group(self) -> PointGroup:
        """The group, from the numbers of operations of each kind alone (no angle is compared)."""
        size, rotations = len(self.proper), self.orders[self.proper]
        mirrors, n = len(self.mirrors), int(rotations.max())
        if np.count_nonzero(rotations == 3) >= 8:  # several threefold axes
            letter = {12: "T", 24: "O", 60: "I"}.get(len(rotations))
            if letter is None or size not in (len(rotations), 2 * len(rotations)):
                raise self._no_group()
            suffix = "" if size == len(rotations) else "d" if letter == "T" and not self.has_inversion else "h"
            return PointGroup(letter + suffix)
        if len(rotations) not in (n, 2 * n) or size not in (len(rotations), 2 * len(rotations)):
            raise self._no_group()
        letter = "C" if len(rotations) == n else "D"
        if size == len(rotations):
            return PointGroup.parse(f"{letter}{n}")
        if letter == "C":
            if n == 1:
                return PointGroup("Cs" if mirrors else "Ci")
            if mirrors == 0:
                return PointGroup(f"S{2 * n}")
            return PointGroup(f"C{n}v" if mirrors == n else f"C{n}h")
        return PointGroup(f"D{n}h" if mirrors == n + 1 else f"D{n}d")

    def _no_group(self) -> DetectionError:
        return DetectionError(
            f"{len(self.proper)} operations, {int(self.proper.sum())} of them rotations of orders "
            f"{sorted(self.orders[self.proper].tolist())}: they are no point group."
        )


def standard_frame(operations: OperationSet, group: PointGroup, molecule: Molecule) -> tuple[NDArrayFloat, NDArrayInt]:
    """Axes (3, 3), rows x, y, z of the group's standard setting in input coordinates, and the matching (h,).

    ``matching[m]`` is the index in ``group.operations`` of operation m. Where the group leaves a choice, it is
    made by the atoms, not by the input's axes, after Mulliken (1955): see :func:`_first_frame`.
    """
    first = _first_frame(operations, group, molecule)
    # The three axes of a cubic group fit in two ways, of which T, Th, Td, I and Ih allow one.
    other = np.array([first[1], -first[0], first[2]])
    frame = max((first, other) if group.is_cubic else (first,), key=lambda f: _overlap(operations, group, f)[1])
    matching, worst = _overlap(operations, group, frame)
    if worst < _SAME_OPERATION or len(np.unique(matching)) < len(matching):
        raise DetectionError(
            f"The {len(matching)} operations found do not match those of {group.label} one by one: they are too "
            "inexact. Give a smaller tolerance."
        )
    return _refined_frame(operations, group, frame, matching), matching


def _overlap(operations: OperationSet, group: PointGroup, frame: NDArrayFloat) -> tuple[NDArrayInt, float]:
    """The standard operation (h,) nearest to each operation, and the smallest tr(R S^T) among them (3 if equal)."""
    turned = frame @ operations.matrices @ frame.T
    overlap = np.einsum("mij,sij->ms", turned, group.matrices)
    return overlap.argmax(axis=1), float(overlap.max(axis=1).min())


def _refined_frame(
    operations: OperationSet, group: PointGroup, frame: NDArrayFloat, matching: NDArrayInt
) -> NDArrayFloat:
    """The frame turned a little so that all axes of the group fit best (least squares), not only those first used."""
    found, wanted = [], []
    standard = group.operations
    for index, target in enumerate(matching):
        axis = standard[target].axis
        if axis is None:
            continue
        seen = frame @ operations.axes[index]
        found.append(seen if seen @ axis > 0 else -seen)
        wanted.append(axis)
    if not found:
        return frame
    # Rotations of order > 2 about -axis carry the axis with the other sign: signs above follow the nearer one.
    u, _, vt = np.linalg.svd(np.array(wanted).T @ np.array(found))
    turn = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    if np.linalg.matrix_rank(np.array(wanted), tol=1e-3) < 2:  # one axis only: turn no further than needed
        turn = _shortest_turn(np.mean(found, axis=0), wanted[0])
    return turn @ frame


def _shortest_turn(start: NDArrayFloat, end: NDArrayFloat) -> NDArrayFloat:
    start = start / np.linalg.norm(start)
    cross, cosine = np.cross(start, end), float(start @ end)
    skew = np.array([[0, -cross[2], cross[1]], [cross[2], 0, -cross[0]], [-cross[1], cross[0], 0]])
    return np.eye(3) + skew + skew @ skew / (1.0 + cosine)


def _first_frame(operations: OperationSet, group: PointGroup, molecule: Molecule) -> NDArrayFloat:
    family, n = group.family, group.n
    centred = molecule.positions - molecule.positions.mean(axis=0)
    orders, axes, proper = operations.orders, operations.axes, operations.proper
    if family in ("C1", "Ci"):
        return _inertial_frame(centred)
    if family == "Cs":
        return _frame_from(axes[operations.mirrors[0]], _inertial_frame(centred)[2])
    half_turns = np.flatnonzero(proper & (orders == 2))
    if group.is_cubic:
        wanted = 4 if family[0] == "O" else 2
        z = axes[np.flatnonzero(proper & (orders == wanted))[0]]
        candidates = axes[np.flatnonzero(proper & (orders == 4))] if wanted == 4 else axes[half_turns]
        x = candidates[np.argmin(np.abs(candidates @ z))]
        return _frame_from(z, x)
    bonds = molecule.bonds()
    ranks = {int(i): _rank(operations, int(i), molecule, bonds) for i in (*half_turns, *operations.mirrors)}
    if family in ("Dn", "Dnh") and n == 2:
        return _frame_of_three_axes(operations, family, half_turns, ranks)
    if family == "Sn" or (n == 2 and family == "Dnd"):
        z = axes[np.flatnonzero(~proper & (orders == (n if family == "Sn" else 4)))[0]]
    else:
        z = axes[np.flatnonzero(proper & (orders == n))[0]]
    if family in ("Cn", "Cnh", "Sn"):
        off_axis = np.linalg.norm(np.cross(centred, z), axis=1)
        return _frame_from(z, centred[int(np.argmax(off_axis > 0.5 * off_axis.max()))])
    across = np.abs(axes @ z) < 0.5
    if family == "Cnv":
        vertical = [int(i) for i in operations.mirrors if across[i]]
        # Mulliken (1955): a planar C2v molecule lies in yz, its plane being the richer one; for n > 2 the richer
        # mirrors are sigma_v, of which one is xz.
        chosen = min(vertical, key=ranks.__getitem__) if n == 2 else max(vertical, key=ranks.__getitem__)
        return _frame_from(z, np.asarray(np.cross(axes[chosen], z), dtype=float))
    return _frame_from(z, axes[max((int(i) for i in half_turns if across[i]), key=ranks.__getitem__)])


def _frame_of_three_axes(
    operations: OperationSet, family: str, half_turns: NDArrayInt, ranks: dict[int, tuple[float, ...]]
) -> NDArrayFloat:
    """D2 and D2h, after Mulliken (1955): x normal to the richest plane, z the axis through most atoms (else bonds)."""
    axes = operations.axes
    remaining = [int(i) for i in half_turns]
    if family == "Dnh":
        plane = max(map(int, operations.mirrors), key=ranks.__getitem__)
        x_axis = max(remaining, key=lambda i: abs(axes[i] @ axes[plane]))
        remaining.remove(x_axis)
        return _frame_from(axes[max(remaining, key=ranks.__getitem__)], axes[x_axis])
    remaining.sort(key=ranks.__getitem__)
    return _frame_from(axes[remaining[-1]], axes[remaining[0]])


def _rank(operations: OperationSet, index: int, molecule: Molecule, bonds: NDArrayInt) -> tuple[float, ...]:
    """How much of the molecule lies on an element: atoms on it, bonds that it cuts, their charges, compactness.

    The first two entries are Mulliken's rule ("through most atoms, else most bonds"; J. Chem. Phys. 23, 1997
    (1955)). The others break ties, whatever the orientation of the input.
    """
    permutation, numbers = operations.permutations[index], molecule.numbers
    fixed = permutation == np.arange(len(permutation))
    swapped = np.flatnonzero(~fixed)
    lengths = np.linalg.norm(molecule.positions[swapped] - molecule.positions[permutation[swapped]], axis=1)
    return (
        int(fixed.sum()),
        int(np.count_nonzero(permutation[bonds[:, 0]] == bonds[:, 1])),
        int(numbers[fixed].sum()),
        round(float(np.sum(numbers[swapped] / np.maximum(lengths, 1e-3))), 3),
    )


def _frame_from(z: NDArrayFloat, towards_x: NDArrayFloat) -> NDArrayFloat:
    z = z / np.linalg.norm(z)
    x = towards_x - (towards_x @ z) * z
    length = np.linalg.norm(x)
    if length < 1e-8:  # everything on the axis: any x will do
        x = np.eye(3)[np.argmin(np.abs(z))]
        x = x - (x @ z) * z
        length = np.linalg.norm(x)
    x = x / length
    return np.array([x, np.cross(z, x), z])


def _inertial_frame(centred: NDArrayFloat) -> NDArrayFloat:
    """Right-handed axes of the distribution of atoms, the longest extent along z."""
    axes = np.linalg.svd(centred, full_matrices=True)[2]
    return _frame_from(axes[0], axes[2])


def line_frame(centred: NDArrayFloat) -> NDArrayFloat:
    """Axes (3, 3) of a linear molecule, z along the line; x and y are any two across it."""
    return _inertial_frame(centred)
