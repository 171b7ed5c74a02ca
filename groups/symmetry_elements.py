"""Symmetry elements: the axes, planes and centre behind the operations of a molecule."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .operations import NDArrayFloat, SymmetryOperation

if TYPE_CHECKING:
    from .detection import Detection


@dataclass(frozen=True, eq=False)
class SymmetryElement:
    """An axis, a plane or the centre of symmetry.

    Attributes
    ----------
    kind : str
        "axis" (rotation), "improper axis", "plane" or "centre".
    label : str
        "C6", "S6", "sigma" or "i"; "Cinf" for the line of a linear molecule.
    direction : ndarray (3,) or None
        Unit vector in the input's frame: along an axis, normal to a plane; None for the centre.
    deviation_angstrom : float
        Largest deviation of the operations that belong to the element.
    """

    kind: str
    label: str
    direction: NDArrayFloat | None
    deviation_angstrom: float


def symmetry_elements(detection: "Detection") -> tuple[SymmetryElement, ...]:
    """The elements of a detected group: axes by falling order, then planes, improper axes and the centre.

    An axis is given once, with its highest order; an improper axis only where it is not implied by a rotation of
    the same order and a plane (so S4 of Td, S6 of D3d, but no S3 beside the C3 and sigma_h of D3h).
    """
    if detection.point_group.label == "Kh":
        return ()
    if detection.point_group.is_linear:
        line = SymmetryElement("axis", "Cinf", detection.frame[2], detection.deviation_angstrom)
        if detection.point_group.label == "Cinfv":
            return (line,)
        plane = SymmetryElement("plane", "sigma", detection.frame[2], detection.deviation_angstrom)
        return (line, plane, SymmetryElement("centre", "i", None, detection.deviation_angstrom))
    lines: dict[tuple[float, ...], list[tuple[SymmetryOperation, float]]] = {}
    elements: list[SymmetryElement] = []
    for detected in detection.operations:
        operation = detected.operation
        if operation.kind == "i":
            elements.append(SymmetryElement("centre", "i", None, detected.deviation_angstrom))
        elif operation.axis is not None:
            standard = detection.point_group.operations[detected.index].axis
            assert standard is not None
            key = tuple((np.round(standard, 5) + 0.0).tolist())
            lines.setdefault(key, []).append((operation, detected.deviation_angstrom))
    for members in lines.values():
        elements += _elements_of_line(members)
    rank = {"axis": 0, "plane": 1, "improper axis": 2, "centre": 3}
    return tuple(
        sorted(elements, key=lambda e: (rank[e.kind], -int("0" + e.label[1:]) if e.label[1:].isdigit() else 0))
    )


def _elements_of_line(members: list[tuple[SymmetryOperation, float]]) -> list[SymmetryElement]:
    direction = members[0][0].axis
    rotations = [(o, d) for o, d in members if o.proper]
    mirrors = [d for o, d in members if o.kind == "sigma"]
    improper = [(o, d) for o, d in members if o.kind == "S"]
    elements = []
    order = max((o.n for o, _ in rotations), default=1)
    if order > 1:
        elements.append(SymmetryElement("axis", f"C{order}", direction, max(d for _, d in rotations)))
    if mirrors:
        elements.append(SymmetryElement("plane", "sigma", direction, mirrors[0]))
    highest = max((o.n for o, _ in improper), default=1)
    if highest > order or (improper and not mirrors):
        elements.append(SymmetryElement("improper axis", f"S{max(o.order for o, _ in improper)}", direction,
                                        max(d for _, d in improper)))  # fmt: skip
    return elements
