"""What a report keeps of a detection and of the selection rules: plain values that survive a trip through JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .character_table import finite_table
from .rotor import Rotor

if TYPE_CHECKING:
    from .detection import Detection
    from .selection_rules import IrrepActivity
    from .vibrations import VibrationalAnalysis

__all__ = ["ClassEvidence", "DetectionFacts", "ElementFact", "OrbitFact", "RivalFact", "SpeciesRow"]

_PARALLEL = 1e-4  # |cosine| within this of 1: the axis of an operation lies along an element


@dataclass(frozen=True)
class ClassEvidence:
    """How well the operations of one class are obeyed.

    Attributes
    ----------
    label : str
        Class of the character table, "2C6".
    fixed_atoms : int
        Atoms that an operation of the class leaves in place.
    deviation_angstrom : float
        Largest deviation of its operations.
    """

    label: str
    fixed_atoms: int
    deviation_angstrom: float


@dataclass(frozen=True)
class ElementFact:
    """A symmetry element: ``kind`` as in SymmetryElement, ``label`` with its place ("C2'", "sigma_h").

    ``direction`` is a unit vector in the standard setting (normal of a plane), None for the centre.
    """

    kind: str
    label: str
    direction: tuple[float, float, float] | None


@dataclass(frozen=True)
class OrbitFact:
    """A set of equivalent atoms (indices from 0), their element and the symmetry of their site."""

    symbol: str
    atoms: tuple[int, ...]
    site_symmetry: str


@dataclass(frozen=True)
class RivalFact:
    """A neighbouring point group and the deviation (angstrom) with which the structure obeys it."""

    point_group: str
    deviation_angstrom: float


@dataclass(frozen=True)
class DetectionFacts:
    """Evidence for the point group, as plain values.

    Attributes
    ----------
    deviation_angstrom : float
        Largest deviation of any operation of the group.
    tolerance_angstrom : float or None
        As given; None where it was read from the molecule.
    ambiguous : bool
        The structure does not decide between this group and a rival; ``reason`` says why.
    reason : str
        How the group was chosen.
    plateau_angstrom : (float, float or None)
        Tolerances that give this group; None: no other group up to 0.5 angstrom.
    rivals : tuple of RivalFact
        The groups next below and next above.
    classes : tuple of ClassEvidence
        Per class of the character table; empty for infinite groups.
    elements : tuple of ElementFact
    orbits : tuple of OrbitFact
    frame : 3 rows
        Axes x, y, z of the standard setting in the input's coordinates.
    centre : (3,) angstrom
    symmetry_number : int
    is_chiral, is_polar : bool
    rotor : Rotor
    """

    deviation_angstrom: float
    tolerance_angstrom: float | None
    ambiguous: bool
    reason: str
    plateau_angstrom: tuple[float, float | None]
    rivals: tuple[RivalFact, ...]
    classes: tuple[ClassEvidence, ...]
    elements: tuple[ElementFact, ...]
    orbits: tuple[OrbitFact, ...]
    frame: tuple[tuple[float, float, float], ...]
    centre: tuple[float, float, float]
    symmetry_number: int
    is_chiral: bool
    is_polar: bool
    rotor: Rotor

    @classmethod
    def from_detection(cls, detection: "Detection") -> "DetectionFacts":
        """The facts of ``detection``."""
        low, high = detection.plateau_angstrom
        return cls(
            deviation_angstrom=float(detection.deviation_angstrom),
            tolerance_angstrom=None if detection.tolerance_angstrom is None else float(detection.tolerance_angstrom),
            ambiguous=bool(detection.ambiguous),
            reason=detection.reason,
            plateau_angstrom=(float(low), None if high is None else float(high)),
            rivals=tuple(RivalFact(r.point_group.label, float(r.deviation_angstrom)) for r in detection.rivals),
            classes=_class_evidence(detection),
            elements=_element_facts(detection),
            orbits=tuple(
                OrbitFact(_symbol(detection, int(orbit[0])), tuple(int(a) for a in orbit), site.label)
                for orbit, site in zip(detection.orbits, detection.site_symmetries, strict=True)
            ),
            frame=tuple(_triple(row) for row in detection.frame),
            centre=_triple(detection.centre),
            symmetry_number=int(detection.symmetry_number),
            is_chiral=bool(detection.is_chiral),
            is_polar=bool(detection.is_polar),
            rotor=detection.rotor,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data (dicts, tuples and numbers), for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "DetectionFacts":
        """What :meth:`as_dict` wrote, also after a trip through JSON."""
        rotor = data["rotor"]
        return cls(
            **{
                **data,
                "plateau_angstrom": tuple(data["plateau_angstrom"]),
                "rivals": tuple(RivalFact(**r) for r in data["rivals"]),
                "classes": tuple(ClassEvidence(**c) for c in data["classes"]),
                "elements": tuple(
                    ElementFact(e["kind"], e["label"], None if e["direction"] is None else tuple(e["direction"]))
                    for e in data["elements"]
                ),
                "orbits": tuple(OrbitFact(o["symbol"], tuple(o["atoms"]), o["site_symmetry"]) for o in data["orbits"]),
                "frame": tuple(tuple(row) for row in data["frame"]),
                "centre": tuple(data["centre"]),
                "rotor": Rotor(rotor["kind"], tuple(rotor["moments_u_angstrom2"]), rotor["accidental"]),
            }
        )


@dataclass(frozen=True)
class SpeciesRow:
    """One irrep: how many vibrations of the molecule belong to it and who sees them.

    Attributes
    ----------
    label : str
        Real irrep.
    dimension : int
        Degeneracy; 2 for a complex-conjugate pair.
    separable : bool
        True for such a pair: two complex irreps, degenerate by time reversal.
    n_3n, n_trans, n_rot, count : int
        Multiplicity in Gamma_3N, Gamma_trans, Gamma_rot and Gamma_vib.
    infrared : tuple of str
        Axes of the transition dipole; empty: forbidden.
    raman : bool
    depolarization : str or None
        "0", "< 3/4", "3/4"; None: Raman forbidden.
    hyper_raman, vcd, roa : bool
    seen_by : tuple of str
        Techniques that are allowed to see it.
    """

    label: str
    dimension: int
    separable: bool
    n_3n: int
    n_trans: int
    n_rot: int
    count: int
    infrared: tuple[str, ...]
    raman: bool
    depolarization: str | None
    hyper_raman: bool
    vcd: bool
    roa: bool
    seen_by: tuple[str, ...]

    @property
    def modes(self) -> int:
        """Vibrations with degeneracy: count x dimension."""
        return self.count * self.dimension

    @property
    def raman_polarised(self) -> bool:
        """Raman lines with a depolarization ratio below 3/4."""
        return self.raman and self.depolarization != "3/4"

    @property
    def silent(self) -> bool:
        """Seen by neither infrared nor Raman."""
        return not self.infrared and not self.raman

    @property
    def visibility(self) -> str:
        """One of "both", "IR", "Raman", "silent"."""
        if self.infrared and self.raman:
            return "both"
        return "IR" if self.infrared else "Raman" if self.raman else "silent"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, with the derived ``modes``, ``raman_polarised`` and ``silent``."""
        return asdict(self) | {
            "modes": self.modes,
            "raman_polarised": self.raman_polarised,
            "silent": self.silent,
        }


def species_rows(analysis: "VibrationalAnalysis") -> tuple[SpeciesRow, ...]:
    """One row per irrep of a finite group; of a linear group, the irreps that occur in the molecule."""
    group = analysis.point_group
    pairs: set[str] = set()
    if group.is_finite:
        pairs = {i.real_label for i in finite_table(group).irreps if i.label != i.real_label}
    activities = [a for a in analysis.rules.activities if group.is_finite or a.label in analysis.gamma_3n]
    return tuple(_row(a, analysis, a.label in pairs) for a in activities)


def _row(activity: "IrrepActivity", analysis: "VibrationalAnalysis", separable: bool) -> SpeciesRow:
    label = activity.label
    return SpeciesRow(
        label=label,
        dimension=activity.dimension,
        separable=separable,
        n_3n=analysis.gamma_3n.get(label, 0),
        n_trans=analysis.gamma_trans.get(label, 0),
        n_rot=analysis.gamma_rot.get(label, 0),
        count=analysis.gamma_vib.get(label, 0),
        infrared=activity.infrared,
        raman=activity.raman,
        depolarization=activity.depolarization,
        hyper_raman=activity.hyper_raman,
        vcd=activity.vcd,
        roa=activity.roa,
        seen_by=activity.seen_by,
    )


def _triple(vector: Any) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in vector)
    return x, y, z


def _symbol(detection: "Detection", atom: int) -> str:
    molecule = detection.molecule
    isotope = int(molecule.mass_numbers[atom])
    return f"{isotope if isotope else ''}{molecule.symbols[atom]}"


def _class_evidence(detection: "Detection") -> tuple[ClassEvidence, ...]:
    if not detection.point_group.is_finite:
        return ()
    deviations = np.array([operation.deviation_angstrom for operation in detection.operations])
    return tuple(
        ClassEvidence(
            cls.label,
            int(detection.fixed_atoms[cls.indices[0]]),
            float(deviations[list(cls.indices)].max()),
        )
        for cls in finite_table(detection.point_group).classes
    )


def _element_facts(detection: "Detection") -> tuple[ElementFact, ...]:
    """Elements in the standard setting, named after the class of their operation ("C2'", "sigma_d")."""
    group = detection.point_group
    names: dict[int, str] = {}
    if group.is_finite:
        names = {int(index): cls.symbol for cls in finite_table(group).classes for index in cls.indices}
    facts = []
    for element in detection.elements:
        if element.direction is None:
            facts.append(ElementFact(element.kind, element.label, None))
            continue
        direction = detection.frame @ element.direction
        label = element.label
        for operation in detection.operations:
            own = operation.operation
            if own.label == label and own.axis is not None and abs(own.axis @ element.direction) > 1 - _PARALLEL:
                label = names[operation.index]
                break
        facts.append(ElementFact(element.kind, label, _triple(direction)))
    return tuple(facts)
