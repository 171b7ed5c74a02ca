"""Moving a molecule to the nearest structure that has a given symmetry exactly."""

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DetectionError
from ._identify import OperationSet, line_frame, standard_frame
from ._levels import product_table
from ._matching import Candidates, find_candidates
from .operations import NDArrayFloat, NDArrayInt
from .schoenflies import PointGroup

if TYPE_CHECKING:
    from .detection import Detection

_REACH_ANGSTROM = 1.0  # operations that displace an atom further are not looked for
_MAX_TRIALS = 20_000  # choices of generators looked at before giving up


def symmetrized_positions(detection: "Detection", group: PointGroup) -> NDArrayFloat:
    """Positions (N, 3) about the centroid, averaged over the operations of ``group`` nearest to the molecule's own.

    Raises
    ------
    DetectionError
        No operations forming that group are found within 1 A.
    """
    molecule = detection.molecule
    centred = molecule.positions - detection.centre
    if group.label == "C1" or (group.label == "Kh" and len(molecule) == 1):
        return centred
    species = molecule.kinds
    if group.is_linear:
        return _on_a_line(centred, species, group)
    if not group.is_finite or len(molecule) == 1:
        raise _refusal(detection, group)
    if group == detection.point_group and detection._found is not None:
        operations = detection._found
    else:
        if detection.point_group.is_linear:
            raise DetectionError(
                f"symmetrize(to={group.label!r}): the molecule is linear ({detection.point_group.label}); only Cinfv "
                "and Dinfh can be imposed on it. Use symmetrize()."
            )
        candidates = find_candidates(species, centred, _REACH_ANGSTROM)
        chosen = _nearest_subgroup(candidates, group)
        if chosen is None:
            raise _refusal(detection, group)
        operations = OperationSet.of(candidates.take(chosen), len(chosen))
    frame, matching = standard_frame(operations, group, molecule)
    exact = frame.T @ group.matrices[matching] @ frame
    return np.einsum("mji,maj->ai", exact, centred[operations.permutations]) / len(matching)


def _refusal(detection: "Detection", group: PointGroup) -> DetectionError:
    near = ", ".join(str(level) for level in detection.levels)
    return DetectionError(
        f"symmetrize(to={group.label!r}): no operations forming {group.label} within {_REACH_ANGSTROM:g} A of "
        f"{detection.molecule.formula}; it is near {near}."
    )


def _on_a_line(centred: NDArrayFloat, species: NDArrayInt, group: PointGroup) -> NDArrayFloat:
    axis = line_frame(centred)[2]
    along = centred @ axis
    across = np.linalg.norm(centred - np.outer(along, axis), axis=1).max()
    order = np.argsort(along)
    if 2 * across > _REACH_ANGSTROM or (
        group.label == "Dinfh" and not np.array_equal(species[order], species[order[::-1]])
    ):
        raise DetectionError(f"symmetrize(to={group.label!r}): the atoms are not within {_REACH_ANGSTROM:g} A of that.")
    if group.label == "Dinfh":
        along[order] = 0.5 * (along[order] - along[order[::-1]])
    return np.outer(along, axis)


def _nearest_subgroup(candidates: Candidates, group: PointGroup) -> NDArrayInt | None:
    """Indices of candidates that form ``group`` with the smallest deviations, identity first; None if there are none.

    Tries images of the group's generators in order of deviation and closes each set by the product table.
    """
    order = group.order
    assert order is not None
    if len(candidates) < order:
        return None
    table = product_table(candidates)
    orders = _orders(table)
    wanted = [(np.linalg.det(g) > 0, _order_of(g)) for g in group.generators]
    choices = [
        [m for m in range(len(candidates)) if candidates.proper[m] == proper and orders[m] == size]
        for proper, size in wanted
    ]
    best: tuple[float, NDArrayInt] | None = None
    for trial, generators in enumerate(product(*choices)):
        if trial >= _MAX_TRIALS:
            raise DetectionError(
                f"symmetrize(to={group.label!r}): more than {_MAX_TRIALS} choices of operations; symmetrize to a "
                "larger group on the way."
            )
        if best is not None and candidates.deviations[list(generators)].max() >= best[0]:
            continue
        members = _closure(table, generators, order)
        if members is None:
            continue
        subset = OperationSet.of(candidates.take(members), order)
        worst = float(candidates.deviations[members].max())
        if subset.point_group == group and (best is None or worst < best[0]):
            best = worst, members
    return None if best is None else best[1]


def _orders(table: NDArrayInt) -> NDArrayInt:
    """Order of each candidate by its powers; 0 where a power is not among the candidates."""
    count = len(table)
    orders, power = np.zeros(count, dtype=np.int64), np.arange(count)
    padded = np.vstack([table.T, np.full(count, count)])  # row b: products "b first"; the last one leads nowhere
    for order in range(1, count + 1):
        orders[(orders == 0) & (power == 0)] = order
        power = padded[power, np.arange(count)]
    return orders


def _order_of(matrix: NDArrayFloat) -> int:
    power, order = matrix, 1
    while not np.allclose(power, np.eye(3), atol=1e-8):
        power, order = power @ matrix, order + 1
    return order


def _closure(table: NDArrayInt, generators: tuple[int, ...], order: int) -> NDArrayInt | None:
    members = [0]
    for member in members:  # grows while it is read
        for generator in generators:
            image = int(table[generator, member])
            if image == len(table):
                return None
            if image not in members:
                members.append(image)
                if len(members) > order:
                    return None
    return np.array(sorted(members)) if len(members) == order else None
