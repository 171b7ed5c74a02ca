"""Site types of a point group: where atoms can sit, and how many equivalent atoms each kind of place asks for.

A site type is a conjugacy class of point stabilizers. A point with stabilizer H has h/|H| images (its orbit) and
may move in the subspace that H fixes: 0 (the centre), 1 (an axis), 2 (a mirror plane) or 3 dimensions.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import PointGroupError
from .character_table import finite_table
from .operations import NDArrayFloat, NDArrayInt
from .schoenflies import PointGroup

__all__ = ["SiteType", "site_types"]

_SAME_POINT = 1e-6  # points of order one; operations are exact to 1e-12
_IN_PLANE = (0.6180701, 0.7861513)  # a point of a mirror plane off every axis
_IN_SPACE = np.array([0.5641027, 0.7348911, 0.3765023])  # a point off every symmetry element


@dataclass(frozen=True, eq=False)
class SiteType:
    """A kind of place in a point group.

    Attributes
    ----------
    label : str
        Site symmetry, with the symmetry element where two site types share a symbol: "C2v(C2')", "Cs(sigma_h)".
    site_group : PointGroup
        The stabilizer.
    orbit_size : int
        Number of equivalent atoms: h/|stabilizer|.
    dimension : int
        Dimension of the subspace in which the atom may move without changing its site symmetry.
    basis : ndarray (3, dimension)
        Orthonormal basis of that subspace; read-only.
    representatives : ndarray (orbit_size,)
        Indices into ``group.operations``: one operation per atom of the orbit, identity first; read-only.
    fixed_atoms_per_class : tuple of int
        For each class of the character table, how many atoms of the orbit its operations leave in place.
    """

    label: str
    site_group: PointGroup
    orbit_size: int
    dimension: int
    basis: NDArrayFloat
    representatives: NDArrayInt
    fixed_atoms_per_class: tuple[int, ...]

    def orbit(self, group: PointGroup, parameters: NDArrayFloat) -> NDArrayFloat:
        """Positions (orbit_size, 3) of the atoms equivalent to ``basis @ parameters``."""
        return group.matrices[self.representatives] @ (self.basis @ np.asarray(parameters, dtype=float))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "label": self.label,
            "site_group": self.site_group.label,
            "orbit_size": self.orbit_size,
            "dimension": self.dimension,
            "fixed_atoms_per_class": list(self.fixed_atoms_per_class),
        }

    def __repr__(self) -> str:
        return f"<SiteType {self.label}: {self.orbit_size} atoms, {self.dimension} free>"


def site_types(group: str | PointGroup) -> tuple[SiteType, ...]:
    """All site types of a finite point group, small orbits first.

    Raises
    ------
    PointGroupError
        The group is infinite (Cinfv, Dinfh, Kh).

    Examples
    --------
    >>> [(site.label, site.orbit_size, site.dimension) for site in site_types("Td")]
    [('Td', 1, 0), ('C3v', 4, 1), ('C2v', 6, 1), ('Cs', 12, 2), ('C1', 24, 3)]
    """
    group = PointGroup.parse(group)
    if not group.is_finite:
        raise PointGroupError(f"site_types({group.label!r}): the group is infinite; only finite groups have a list.")
    return _site_types(group)


@lru_cache(maxsize=256)
def _site_types(group: PointGroup) -> tuple[SiteType, ...]:
    found: dict[frozenset[frozenset[int]], tuple[NDArrayInt, str]] = {}
    for point, element in _sample_points(group):
        images = group.matrices @ point
        # Row a: the operations that leave image a in place, i.e. the conjugates of the stabilizer.
        stays = np.abs(np.einsum("gij,aj->agi", group.matrices, images) - images[:, None]).max(axis=2) < _SAME_POINT
        conjugates = frozenset(frozenset(np.flatnonzero(row).tolist()) for row in stays)
        found.setdefault(conjugates, (np.flatnonzero(stays[0]), element))
    symbols = [_stabilizer_symbol(group, stabilizer) for stabilizer, _ in found.values()]
    sites = []
    for (stabilizer, element), symbol in zip(found.values(), symbols, strict=True):
        label = f"{symbol}({element})" if symbols.count(symbol) > 1 else symbol
        sites.append(_make_site(group, stabilizer, PointGroup.parse(symbol), label))
    return tuple(sorted(sites, key=lambda site: (site.orbit_size, site.dimension)))


def _sample_points(group: PointGroup) -> list[tuple[NDArrayFloat, str]]:
    """A point on each symmetry element, with the element's name.

    These are all strata: the fixed space of a point stabilizer is the origin, a line, a plane or everything, the
    plane is a mirror, and a line is a rotation axis (two mirrors that meet in a line generate rotations about it).
    """
    names = _class_names(group)
    points = [(np.zeros(3), "i")]
    for index, operation in enumerate(group.operations):
        if operation.kind == "C" and operation.k == 1:
            points.append((np.array(operation.axis), names[index]))
        elif operation.kind == "sigma":
            u, v = np.linalg.svd(np.asarray(operation.axis)[None])[2][1:]
            points.append((_IN_PLANE[0] * u + _IN_PLANE[1] * v, names[index]))
    return [*points, (_IN_SPACE, "E")]


def _class_names(group: PointGroup) -> dict[int, str]:
    """Name of the class of each operation, without the number of operations: "C2'", "sigma_h"."""
    return {index: cls.symbol for cls in finite_table(group).classes for index in cls.indices}


def _stabilizer_symbol(group: PointGroup, stabilizer: NDArrayInt) -> str:
    """Schoenflies symbol: stabilizers of points other than a fixed centre are Cn or Cnv."""
    if len(stabilizer) == group.order:
        return group.label
    n = sum(group.operations[i].proper for i in stabilizer)
    return PointGroup.parse(f"C{n}" if n == len(stabilizer) else f"C{n}v").label


def _make_site(group: PointGroup, stabilizer: NDArrayInt, symbol: PointGroup, label: str) -> SiteType:
    projector = group.matrices[stabilizer].mean(axis=0)
    values, vectors = np.linalg.eigh((projector + projector.T) / 2)
    basis = np.ascontiguousarray(vectors[:, values > 0.5])
    point = basis @ _generic_parameters(basis.shape[1])
    images = group.matrices @ point
    # Each image is named by the first operation that gives it.
    first = np.argmax(np.abs(images[:, None] - images[None]).max(axis=2) < _SAME_POINT, axis=1)
    representatives = np.unique(first)
    orbit = images[representatives]
    fixed = []
    for cls in finite_table(group).classes:
        moved = orbit @ group.matrices[int(cls.indices[0])].T
        fixed.append(int((np.abs(moved - orbit).max(axis=1) < _SAME_POINT).sum()))
    basis.setflags(write=False)
    representatives.setflags(write=False)
    return SiteType(label, symbol, len(representatives), basis.shape[1], basis, representatives, tuple(fixed))


def _generic_parameters(dimension: int) -> NDArrayFloat:
    return np.array([1.0, 0.6180701, 0.3765023])[:dimension]
