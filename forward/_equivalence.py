"""Where symmetry operations send internal coordinates, and the quadratic forms in them that are invariant."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import CoordinateError
from ..groups.operations import NDArrayFloat, NDArrayInt
from ._coordinate_symmetry import canonical
from ._partners import displaced
from .symmetry_coordinates import SymmetryCoordinates

__all__ = ["CoordinateImages", "coordinate_images", "invariant_forms"]

_SAME_ROW = 1e-6  # |image row - combination of rows of the set|, relative
_VANISHES = 1e-9  # entry of a mean over the group


@dataclass(frozen=True, eq=False)
class CoordinateImages:
    """Image of each internal coordinate under each operation: ``q_i -> sum_k coefficient[g, i, k] q[image[g, i, k]]``.

    Attributes
    ----------
    image : ndarray (h, n_q, 2) of int
    coefficient : ndarray (h, n_q, 2)
        One of +-1 and a zero, except for linear bends, whose two axes are mixed by rotations.
    site : ndarray (n_q,) of int
        First coordinate on the same atoms: the partner of a pair of linear bends, else the coordinate itself.
    """

    image: NDArrayInt
    coefficient: NDArrayFloat
    site: NDArrayInt


def coordinate_images(coordinates: SymmetryCoordinates) -> CoordinateImages:
    """The images of the internal coordinates of ``coordinates``.

    Raises
    ------
    CoordinateError
        The set is not closed under the group.
    """
    action, internals, b_matrix = coordinates.action, coordinates.internals, coordinates.b_matrix
    site, second = _sites(internals)
    place = _places(internals, action.permutations, site)
    image = np.stack([place, second[place]], axis=-1)
    squares = np.einsum("ix,ix->i", b_matrix, b_matrix)
    rows = b_matrix[np.stack([np.arange(len(second)), second], axis=-1)]  # (n_q, 2, 3N)
    rows[second == np.arange(len(second)), 1] = 0.0
    inverses = np.linalg.pinv(rows)  # (n_q, 3N, 2)
    coefficient = np.zeros(image.shape)
    for g in range(len(action.matrices)):
        moved = displaced(action, g, b_matrix.T).T
        coefficient[g] = np.einsum("ix,ixk->ik", moved, inverses[place[g]])
        rest = moved - np.einsum("ik,ikx->ix", coefficient[g], rows[place[g]])
        worst = int(np.argmax(np.abs(rest).max(axis=1)))
        if np.abs(rest[worst]).max() > _SAME_ROW * np.sqrt(squares[worst]):
            raise _not_closed(coordinates, worst)
    return CoordinateImages(image, coefficient, site)


def _not_closed(coordinates: SymmetryCoordinates, index: int) -> CoordinateError:
    label = coordinates.internals[index].label(coordinates.molecule.symbols)
    return CoordinateError(
        f"the {len(coordinates.internals)} internal coordinates are not closed under {coordinates.point_group.label}: "
        f"an image of {label} is missing. Add the equivalent coordinates, or take internal_coordinates(molecule)."
    )


def _sites(internals: object) -> tuple[NDArrayInt, NDArrayInt]:
    """For each coordinate the first on the same atoms, and the other one there (itself where there is no other)."""
    members: dict[tuple[object, ...], list[int]] = {}
    keys = []
    for i, coordinate in enumerate(internals):  # type: ignore[arg-type, var-annotated]
        key = (coordinate.kind, *canonical(coordinate.kind, np.array(coordinate.atoms)).tolist())
        keys.append(key)
        members.setdefault(key, []).append(i)
        if len(members[key]) > (2 if coordinate.kind == "linear_bend" else 1):
            raise CoordinateError(f"internal coordinate {coordinate.label()} is in the set more than once.")
    site = np.array([members[key][0] for key in keys])
    second = np.array(
        [members[key][1] if i == members[key][0] and len(members[key]) > 1 else i for i, key in enumerate(keys)]
    )
    # for the second of a pair the partner is the first
    second = np.where(site != np.arange(len(site)), site, second)
    return site, second


def _places(internals: object, permutations: NDArrayInt, site: NDArrayInt) -> NDArrayInt:
    """Site (h, n_q) that each operation sends each coordinate to."""
    coordinates = list(internals)  # type: ignore[call-overload]
    place = np.empty((len(permutations), len(coordinates)), dtype=np.int64)
    for kind in dict.fromkeys(c.kind for c in coordinates):
        rows = np.array([i for i, c in enumerate(coordinates) if c.kind == kind])
        atoms = np.array([coordinates[i].atoms for i in rows])
        own = canonical(kind, atoms)
        images = canonical(kind, permutations[:, atoms])
        joined = np.concatenate([own, images.reshape(-1, own.shape[1])])
        labels = np.unique(joined, axis=0, return_inverse=True)[1].reshape(-1)
        of_label = np.full(labels.max() + 1, -1)
        of_label[labels[: len(rows)]] = site[rows]
        found = of_label[labels[len(rows) :]].reshape(len(permutations), len(rows))
        if (found < 0).any():
            index = int(np.flatnonzero((found < 0).any(axis=0))[0])
            raise CoordinateError(
                f"the internal coordinates are not closed under the symmetry group: an image of "
                f"{coordinates[rows[index]].label()} is missing. Add the equivalent coordinates, or take "
                "internal_coordinates(molecule)."
            )
        place[:, rows] = found
    return place


def invariant_forms(images: CoordinateImages, pairs: NDArrayInt) -> Iterator[tuple[int, NDArrayInt, NDArrayFloat]]:
    """Totally symmetric quadratic forms made of products of coordinates.

    Parameters
    ----------
    images : CoordinateImages
    pairs : ndarray (m, 2) of int
        Products that may occur, i <= j; closed under the group.

    Yields
    ------
    (place, entries, values)
        A symmetric matrix B for the constant F_ij of ``pairs[place]``: B has ``values`` at ``entries`` (k, 2), both
        triangles given, and 1 at (i, j). Forms that the symmetry cancels are left out; what linear bends leave of
        several products on the same atoms is made linearly independent.

    Notes
    -----
    One mean over the group for each class of equivalent pairs of sites: O(h) each after an O(h m) search.
    """
    size = images.site.shape[0]
    sites = np.sort(images.site[images.image[:, pairs, 0]], axis=-1)  # (h, m, 2)
    classes = (sites[..., 0] * size + sites[..., 1]).min(axis=0)
    order = np.argsort(classes, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(classes[order])) + 1):
        if len(members):
            yield from _independent(images, pairs, members, size)


def _independent(
    images: CoordinateImages, pairs: NDArrayInt, members: NDArrayInt, size: int
) -> Iterator[tuple[int, NDArrayInt, NDArrayFloat]]:
    """Forms of one class. Without linear bends the first pair gives the only one."""
    first = images.site[pairs[members[0]]]
    candidates = [m for m in members if sorted(images.site[pairs[m]]) == sorted(first)]
    kept: list[dict[int, float]] = []
    for m in sorted(candidates):
        form = _mean(images, int(pairs[m, 0]), int(pairs[m, 1]), size)
        own = int(pairs[m, 0]) * size + int(pairs[m, 1])
        if abs(form.get(own, 0.0)) < _VANISHES or _dependent(form, kept):
            continue
        scale = 1.0 / form[own]
        kept.append(form)
        codes = np.array(list(form))
        yield int(m), np.stack([codes // size, codes % size], axis=1), scale * np.array(list(form.values()))


def _mean(images: CoordinateImages, i: int, j: int, size: int) -> dict[int, float]:
    """Mean over the group of the images of E_ij + E_ji, as {row * size + column: value}."""
    rows, columns = images.image[:, i, :, None], images.image[:, j, None, :]
    values = images.coefficient[:, i, :, None] * images.coefficient[:, j, None, :] / len(images.image)
    codes = np.concatenate([(rows * size + columns).ravel(), (columns * size + rows).ravel()])
    unique, inverse = np.unique(codes, return_inverse=True)
    sums = np.bincount(inverse.ravel(), np.tile(values.ravel(), 2))
    return {int(code): float(value) for code, value in zip(unique, sums, strict=True) if abs(value) > _VANISHES}


def _dependent(form: dict[int, float], kept: list[dict[int, float]]) -> bool:
    if not kept:
        return False
    codes = sorted({code for known in [form, *kept] for code in known})
    rows = np.array([[known.get(code, 0.0) for code in codes] for known in [*kept, form]])
    return int(np.linalg.matrix_rank(rows, tol=1e-6)) <= len(kept)
