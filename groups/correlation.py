"""Subduction: what the irreps of a group become in its subgroups (correlation tables).

A subgroup is embedded by turning its standard setting into the group's; embeddings that use different kinds of
axes or planes (D4h -> D2h through C2' or C2'') are all found and carry a name. Where the subgroup's axes can be
labelled in several ways (B1 and B2 of a C2v), the axes stay as near to the group's own as possible: z on z where
it can be, else x on z, so that x of a C2v in the plane of a planar molecule is normal to that plane.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ..errors import PointGroupError
from ._arithmetic import FiniteArithmetic, arithmetic_of, finite_arithmetic
from ._infinite_arithmetic import InfiniteArithmetic
from .character_table import character_table, finite_table
from .linear_groups import InfiniteTable
from .operations import NDArrayFloat, NDArrayInt, SymmetryOperation, reduced
from .representation import Decomposition
from .schoenflies import PointGroup

__all__ = ["CorrelationTable", "Embedding", "correlation_table", "embeddings", "subduce"]

_ALIKE = 1e-6  # matrix elements and components of unit vectors that differ by less are equal


@dataclass(frozen=True, eq=False)
class Embedding:
    """One way in which a group contains a subgroup.

    Attributes
    ----------
    name : str
        The subgroup and, where there are several ways, the group's classes that its C2 axes and mirrors belong
        to, in the order of the subgroup's classes: "C2v (C2', sigma_v, sigma_h)".
    group, subgroup : PointGroup
    frame : ndarray (3, 3)
        Rows: the subgroup's x, y, z axes in the group's standard coordinates; read-only.
    targets : tuple
        Per class of the subgroup: the index of the class of the group that holds it; in infinite groups
        ``(kind, n, k)`` with kind one of "C", "iC", "sigma_v", "C2'" and the angle 2 pi k/n.
    """

    name: str
    group: PointGroup
    subgroup: PointGroup
    frame: NDArrayFloat
    targets: tuple[Any, ...]

    def subduce(self, representation: Mapping[str, int]) -> Decomposition:
        """What a representation of the group (irrep -> count) becomes in the subgroup."""
        if not self.subgroup.is_finite:
            return Decomposition(self.subgroup, self._infinite_to_infinite(representation))
        arithmetic = self._arithmetic
        source = arithmetic_of(self.group)
        dimension = sum(count * source.dimension(label) for label, count in representation.items())
        return Decomposition(self.subgroup, arithmetic.counts(self._residues(representation), dimension))

    @cached_property
    def _arithmetic(self) -> FiniteArithmetic:
        """The subgroup's arithmetic, modulo the prime of the group where that is finite."""
        if not self.group.is_finite:
            return finite_arithmetic(self.subgroup)
        table = finite_table(self.subgroup)
        modular = finite_arithmetic(self.group).modular
        root = pow(modular.root, modular.exponent // table.modular.exponent, modular.prime)
        return FiniteArithmetic(table, (modular.prime, root))

    def _residues(self, representation: Mapping[str, int]) -> NDArrayInt:
        """Characters (n_classes of the subgroup,) of a representation of the group, modulo the prime."""
        source = arithmetic_of(self.group)
        if isinstance(source, FiniteArithmetic):
            return source.residues(representation)[list(self.targets)]
        assert isinstance(source, InfiniteArithmetic)
        function = source.total(representation)
        modular = self._arithmetic.modular
        values = []
        for kind, n, k in self.targets:
            if kind in ("sigma_v", "C2'"):
                values.append(int(function.mirror if kind == "sigma_v" else function.inverted_mirror))
                continue
            angular = function.rotation if kind == "C" else function.inverted
            step = pow(modular.root, modular.exponent // n * k, modular.prime)
            back = pow(step, -1, modular.prime)
            values.append(
                sum(
                    int(a) * (pow(step, m, modular.prime) + pow(back, m, modular.prime) if m else 1)
                    for m, a in angular.coefficients.items()
                )
            )
        return np.array([value % modular.prime for value in values], dtype=np.int64)

    def _infinite_to_infinite(self, representation: Mapping[str, int]) -> dict[str, int]:
        source, target = arithmetic_of(self.group), arithmetic_of(self.subgroup)
        assert isinstance(source, InfiniteArithmetic)
        assert isinstance(target, InfiniteArithmetic)
        function = source.total(representation)
        return target.counts(function if self.subgroup.has_inversion else function.proper_part())

    @cached_property
    def mapping(self) -> dict[str, Decomposition]:
        """Irrep of the group (real form; infinite groups: those that the table lists) -> its decomposition."""
        return {label: self.subduce({label: 1}) for label in character_table(self.group).real_labels}


@dataclass(frozen=True, eq=False)
class CorrelationTable:
    """Correlation of a group's irreps with those of a subgroup, for each way of embedding it.

    Attributes
    ----------
    group, subgroup : PointGroup
    ways : tuple of Embedding

    Examples
    --------
    >>> print(correlation_table("Td", "C3v"))
    Td  C3v
    ----------
    A1  A1
    A2  A2
    E   E
    T1  A2 + E
    T2  A1 + E
    """

    group: PointGroup
    subgroup: PointGroup
    ways: tuple[Embedding, ...]

    def way(self, name: str | None = None) -> Embedding:
        """The embedding called ``name`` (its full name, or what stands in its brackets).

        Raises
        ------
        PointGroupError
            No such way; or no name was given and the ways differ in their results.
        """
        names = ", ".join(repr(way.name) for way in self.ways)
        if name is None:
            first, *others = self.ways
            if any(way.mapping != first.mapping for way in others):
                raise PointGroupError(
                    f"{self.group.label} contains {self.subgroup.label} in {len(self.ways)} ways; "
                    f"say way=..., one of {names}."
                )
            return first
        wanted = name.replace(" ", "")
        for way in self.ways:
            full = way.name.replace(" ", "")
            if wanted in (full, full.removeprefix(self.subgroup.label).strip("()")):
                return way
        raise PointGroupError(f"{self.group.label} -> {self.subgroup.label}: no way {name!r}; there are {names}.")

    def _rows(self, style: Any) -> tuple[list[str], list[list[str]]]:
        from .table_format import decomposition_text, irrep_text, way_text

        header = [
            way_text(self.group, self.group.label, style),
            *(way_text(self.subgroup, w.name, style) for w in self.ways),
        ]
        rows = [
            [irrep_text(label, style), *(decomposition_text(way.mapping[label], style) for way in self.ways)]
            for label in self.ways[0].mapping
        ]
        if not self.group.is_finite:
            rows.append(["..."] + [""] * len(self.ways))
        return header, rows

    def text(self, unicode: bool = False) -> str:
        """The table as aligned text."""
        from .table_format import Style, align

        return align(*self._rows(Style.UNICODE if unicode else Style.ASCII), 0)

    def markdown(self) -> str:
        """The table in GitHub Markdown."""
        from .table_format import Style, markdown_table

        return markdown_table(*self._rows(Style.UNICODE), 0)

    def latex(self) -> str:
        """The table as a LaTeX tabular (booktabs)."""
        from .table_format import Style, latex_table

        header, rows = self._rows(Style.LATEX)
        return latex_table(
            [f"${cell}$" for cell in header],
            [[f"${cell}$" if cell else "" for cell in row] for row in rows],
            0,
        )

    def html(self) -> str:
        """The table as an HTML fragment."""
        from .table_format import Style, html_table

        return html_table(*self._rows(Style.HTML), 0, "correlation-table")

    def _repr_html_(self) -> str:
        return self.html()

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "group": self.group.label,
            "subgroup": self.subgroup.label,
            "ways": [
                {
                    "name": way.name,
                    "frame": way.frame.tolist(),
                    "irreps": {label: dict(found) for label, found in way.mapping.items()},
                }
                for way in self.ways
            ],
        }

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<CorrelationTable {self.group.label} -> {', '.join(way.name for way in self.ways)}>"


def correlation_table(group: str | PointGroup, subgroup: str | PointGroup) -> CorrelationTable:
    """Correlation table from ``group`` to ``subgroup``, for each way of embedding it.

    Raises
    ------
    PointGroupError
        ``subgroup`` is not a subgroup of ``group``.

    Examples
    --------
    >>> [way.name for way in correlation_table("D4h", "D2d").ways]
    ["D2d (C2, C2', sigma_d)", "D2d (C2, C2'', sigma_v)"]
    """
    group, subgroup = PointGroup.parse(group), PointGroup.parse(subgroup)
    return CorrelationTable(group, subgroup, embeddings(group, subgroup))


def subduce(
    representation: str | Mapping[str, int],
    group: str | PointGroup,
    subgroup: str | PointGroup,
    way: str | None = None,
) -> Decomposition:
    """What a representation of ``group`` becomes in ``subgroup``.

    Parameters
    ----------
    representation : str, Decomposition or mapping
        An irrep, or counts of irreps.
    group, subgroup : str or PointGroup
    way : str, optional
        Name of the embedding, needed where several give different results.

    Raises
    ------
    PointGroupError
        Not a subgroup; several ways and none chosen; a representation of another group.

    Examples
    --------
    >>> print(subduce("T2", "Td", "C2v"))
    A1 + B1 + B2
    >>> print(subduce("Deltag", "Dinfh", "D2h"))
    Ag + B1g
    """
    group = PointGroup.parse(group)
    if isinstance(representation, Decomposition) and representation.point_group != group:
        raise PointGroupError(
            f"subduce: {representation} is a representation of {representation.point_group.label}, not {group.label}."
        )
    counts = Decomposition(group, {representation: 1} if isinstance(representation, str) else representation)
    return correlation_table(group, subgroup).way(way).subduce(counts)


@lru_cache(maxsize=512)
def embeddings(group: PointGroup, subgroup: PointGroup) -> tuple[Embedding, ...]:
    """All ways in which ``group`` contains ``subgroup`` that differ in the classes they use, nearest first.

    Raises
    ------
    PointGroupError
        There is none.
    """
    found = _into_finite(group, subgroup) if group.is_finite else _into_infinite(group, subgroup)
    if not found:
        raise PointGroupError(f"{subgroup.label} is not a subgroup of {group.label}.")
    several = len(found) > 1
    return tuple(
        Embedding(_name(group, subgroup, targets) if several else subgroup.label, group, subgroup, frame, targets)
        for frame, targets in found
    )


def _name(group: PointGroup, subgroup: PointGroup, targets: tuple[Any, ...]) -> str:
    """The subgroup with the group's symbols for its half-turns and mirrors."""
    table = character_table(group)
    symbols = []
    for c, target in zip(finite_table(subgroup).classes, targets, strict=True):
        if not c.symbol.startswith(("C2", "sigma")) or subgroup.operations[c.indices[0]].order != 2:
            continue
        if isinstance(table, InfiniteTable):
            kind, n, k = target
            symbols.append({("C", 2, 1): "C2", ("iC", 2, 1): "sigma_h"}.get((kind, n, k), kind))
        else:
            symbols.append(table.classes[target].symbol)
    return f"{subgroup.label} ({', '.join(symbols)})"


def _into_finite(group: PointGroup, subgroup: PointGroup) -> list[tuple[NDArrayFloat, tuple[Any, ...]]]:
    if not subgroup.is_finite or (group.order or 0) % (subgroup.order or 1):
        return []
    table, small = finite_table(group), finite_table(subgroup)
    class_of = table.modular.class_of
    found: dict[tuple[int, ...], tuple[NDArrayFloat, tuple[int, ...]]] = {}
    for frame in _frames(group):
        images = _images(group, frame, np.array(subgroup.generators).reshape(-1, 3, 3))
        if images is None:
            continue
        images = _images(group, frame, subgroup.matrices)
        assert images is not None
        targets = class_of[images]
        key = tuple(sorted(targets.tolist()))
        if key not in found:
            frame.setflags(write=False)
            found[key] = frame, tuple(int(targets[c.indices[0]]) for c in small.classes)
    return list(found.values())


def _images(group: PointGroup, frame: NDArrayFloat, matrices: NDArrayFloat) -> NDArrayInt | None:
    """Indices in ``group`` of matrices (m, 3, 3) given in ``frame``; None where one is missing."""
    turned = np.einsum("ai,mab,bj->mij", frame, matrices, frame)
    # tr(A^T B) = 3 only for equal orthogonal matrices
    overlap = np.einsum("mij,hij->mh", turned, group.matrices)
    images = np.argmax(overlap, axis=1)
    if len(images) and np.abs(group.matrices[images] - turned).max() > _ALIKE:
        return None
    return images


def _frames(group: PointGroup) -> list[NDArrayFloat]:
    """Right-handed frames (rows x, y, z) along the axes of ``group``, nearest to its own first.

    One z direction for each set of equivalent ones is enough; for each, all x directions given by axes normal to
    z or by planes that hold z.
    """
    directions = _directions(group)
    frames = []
    for z in _inequivalent(group, directions):
        flat = [d for d in directions if abs(d @ z) < _ALIKE]
        flat = _distinct([*flat, *(np.cross(z, d) for d in flat)])
        preferred = np.eye(3)[0] if abs(z[2]) > 1 - _ALIKE else np.eye(3)[2]
        flat.sort(key=lambda d: tuple(np.round([-(d @ preferred), *-d], 6)))
        if not flat:
            helper = preferred - (preferred @ z) * z
            flat = [helper / np.linalg.norm(helper)]
        frames += [np.array([x, np.cross(z, x), z]) for x in flat]
    return frames


def _directions(group: PointGroup) -> list[NDArrayFloat]:
    """Unit vectors both ways along all axes and mirror normals, and along x and z."""
    axes = [op.axis for op in group.operations if op.axis is not None]
    axes += [np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])]
    return _distinct([*axes, *(-axis for axis in axes)])


def _distinct(vectors: list[NDArrayFloat]) -> list[NDArrayFloat]:
    seen = {tuple(np.round(v, 6) + 0.0): v for v in vectors}
    return list(seen.values())


def _inequivalent(group: PointGroup, directions: list[NDArrayFloat]) -> list[NDArrayFloat]:
    """One direction of each orbit, the one nearest to +z (then +x); orbits in that order too."""
    ordered = sorted(directions, key=lambda d: tuple(np.round([-d[2], -d[0], -d[1]], 6)))
    seen: set[tuple[float, ...]] = set()
    chosen = []
    for d in ordered:
        if tuple(np.round(d, 6) + 0.0) not in seen:
            chosen.append(d)
            seen.update(tuple(np.round(image, 6) + 0.0) for image in group.matrices @ d)
    return chosen


def _into_infinite(group: PointGroup, subgroup: PointGroup) -> list[tuple[NDArrayFloat, tuple[Any, ...]]]:
    x, y, z = np.eye(3)
    if not subgroup.is_finite:
        allowed = {"Cinfv": ("Cinfv",), "Dinfh": ("Cinfv", "Dinfh"), "Kh": ("Cinfv", "Dinfh", "Kh")}
        return [(np.eye(3), ())] if subgroup.label in allowed[group.label] else []
    small = finite_table(subgroup)
    frames = [np.array([x, y, z])]
    if group.is_linear:
        frames += [np.array([z, -y, x]), np.array([y, z, x])]
    found: dict[tuple[Any, ...], tuple[NDArrayFloat, tuple[Any, ...]]] = {}
    for frame in frames:
        targets = []
        for c in small.classes:
            matrix = frame.T @ subgroup.operations[c.indices[0]].matrix @ frame
            target = _infinite_target(group, SymmetryOperation.from_matrix(matrix))
            # all members of a class must be operations of the group, and of the same kind
            members = (frame.T @ subgroup.operations[g].matrix @ frame for g in c.indices)
            if target is None or any(abs(abs(m[2, 2]) - 1) > _ALIKE for m in members if group.is_linear):
                break
            targets.append(target)
        else:
            key = tuple(sorted(zip(targets, [c.size for c in small.classes], strict=True)))
            if key not in found:
                frame.setflags(write=False)
                found[key] = frame, tuple(targets)
    return list(found.values())


def _infinite_target(group: PointGroup, operation: SymmetryOperation) -> tuple[str, int, int] | None:
    """Kind and angle of an operation of an infinite group; None where the group does not hold it."""
    if not group.is_linear:  # Kh: all axes are equal; S_n^k = i C(k/n + 1/2)
        return _turn(operation)
    along = operation.matrix[2, 2]
    if abs(abs(along) - 1) > _ALIKE or (along < 0 and group.label == "Cinfv"):
        return None
    if operation.proper == (along > 0):
        return _turn(operation)
    return ("C2'", 2, 1) if operation.proper else ("sigma_v", 1, 0)


def _turn(operation: SymmetryOperation) -> tuple[str, int, int]:
    if operation.proper:
        return "C", operation.n, operation.k
    k, n = reduced(2 * operation.k + operation.n, 2 * operation.n)
    return "iC", n, k
