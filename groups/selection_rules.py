"""Which vibrations infrared, Raman and other spectroscopies can see, irrep by irrep.

A fundamental of species Gamma is allowed where Gamma occurs in the representation of the transition moment:
the vector (infrared), its symmetric square (Raman), its symmetric cube (hyper-Raman). Every statement here is a
multiplicity computed by exact character inner products; nothing is read from typed lists.

Source of the rules: E. B. Wilson, J. C. Decius, P. C. Cross, Molecular Vibrations (1955), ch. 7; for hyper-Raman
S. J. Cyvin, J. E. Rauch, J. C. Decius, J. Chem. Phys. 43, 4083 (1965); for VCD and ROA L. D. Barron, Molecular
Light Scattering and Optical Activity (2004), ch. 5-7.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .character_table import finite_table
from .representation import Decomposition, reduce, vector_characters
from .schoenflies import PointGroup

__all__ = [
    "IrrepActivity",
    "SelectionRules",
    "hyperpolarizability_representation",
    "polarizability_representation",
    "pseudoscalar_representation",
    "rotational_representation",
    "selection_rules",
    "vector_representation",
]

_AXES = ("x", "y", "z")
_AXIS_PRESENT = 1e-6  # squared length of an axis' part in an irrep: 0 or >= 1/3 in the standard setting
_SIGMA_MINUS = {"Cinfv": {"Sigma-": 1}, "Dinfh": {"Sigmau-": 1}}
_LINEAR_VECTOR = {"Cinfv": {"Sigma+": 1, "Pi": 1}, "Dinfh": {"Sigmau+": 1, "Piu": 1}}


@dataclass(frozen=True)
class IrrepActivity:
    """How a vibration of one species shows.

    Attributes
    ----------
    label : str
        Real irrep (complex-conjugate pairs appear as one E).
    dimension : int
        Degeneracy of a vibration of this species.
    infrared : tuple of str
        Axes ("x", "y", "z") of the standard setting along which the transition dipole lies; empty if forbidden.
    raman : bool
        Raman allowed (ordinary, symmetric polarizability tensor).
    depolarization : str or None
        Raman depolarization ratio rho in 90-degree scattering of plane-polarised light by a gas or liquid: "0"
        (only the isotropic part is allowed), "< 3/4" (both parts), "3/4" (only the anisotropic part);
        None if Raman forbidden.
    hyper_raman : bool
        Hyper-Raman allowed (symmetric third-rank polar tensor).
    vcd, roa : bool
        Vibrational circular dichroism and Raman optical activity allowed; chiral groups only.
    """

    label: str
    dimension: int
    infrared: tuple[str, ...]
    raman: bool
    depolarization: str | None
    hyper_raman: bool
    vcd: bool
    roa: bool

    @property
    def infrared_active(self) -> bool:
        """True where the transition dipole may differ from zero."""
        return bool(self.infrared)

    @property
    def raman_polarised(self) -> bool:
        """True where Raman lines are polarised (rho < 3/4): the totally symmetric species."""
        return self.raman and self.depolarization != "3/4"

    @property
    def ins(self) -> bool:
        """Inelastic neutron scattering sees every vibration: it has no symmetry selection rule."""
        return True

    @property
    def silent(self) -> bool:
        """True where neither infrared nor (ordinary) Raman sees the species."""
        return not self.infrared and not self.raman

    @property
    def seen_by(self) -> tuple[str, ...]:
        """Names of the techniques that are allowed by symmetry to see the species."""
        table = {
            "IR": self.infrared_active,
            "Raman": self.raman,
            "hyper-Raman": self.hyper_raman,
            "VCD": self.vcd,
            "ROA": self.roa,
            "INS": self.ins,
        }
        return tuple(name for name, allowed in table.items() if allowed)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "label": self.label,
            "dimension": self.dimension,
            "infrared": list(self.infrared),
            "raman": self.raman,
            "raman_polarised": self.raman_polarised,
            "depolarization": self.depolarization,
            "hyper_raman": self.hyper_raman,
            "vcd": self.vcd,
            "roa": self.roa,
            "ins": self.ins,
            "silent": self.silent,
            "seen_by": list(self.seen_by),
        }


@dataclass(frozen=True)
class SelectionRules:
    """Selection rules for the vibrational fundamentals of a point group.

    Attributes
    ----------
    point_group : PointGroup
    activities : tuple of IrrepActivity
        One per real irrep, in the order of the character table. For Cinfv and Dinfh the irreps up to Phi
        (Lambda = 3), all higher ones being silent in every technique but neutron scattering. Empty for Kh: an
        atom has no vibrations.
    """

    point_group: PointGroup
    activities: tuple[IrrepActivity, ...]

    def __getitem__(self, label: str) -> IrrepActivity:
        """Activity of the irrep ``label``, in any spelling; PointGroupError if the group has no such irrep."""
        (name,) = Decomposition(self.point_group, {label: 1})
        for activity in self.activities:
            if activity.label == name:
                return activity
        # Irreps of the infinite groups that are not listed carry no tensor up to the third rank.
        dimension = Decomposition(self.point_group, {name: 1}).dimension
        return IrrepActivity(name, dimension, (), False, None, False, False, False)

    @property
    def infrared(self) -> tuple[str, ...]:
        """Labels of the infrared-active irreps."""
        return tuple(a.label for a in self.activities if a.infrared)

    @property
    def raman(self) -> tuple[str, ...]:
        """Labels of the Raman-active irreps."""
        return tuple(a.label for a in self.activities if a.raman)

    @property
    def silent(self) -> tuple[str, ...]:
        """Labels of the irreps that neither infrared nor Raman sees."""
        return tuple(a.label for a in self.activities if a.silent)

    @property
    def exclusion_kind(self) -> str:
        """Why no irrep is both infrared and Raman active, or "none" where one is.

        "inversion": the group holds i (dipole u, polarizability g). "table": it does not, and still no irrep
        carries both (found by computing: D5h, D7h, C5h, D4d, D6d, S8, O, I, ...). "none": some irrep is both.
        """
        if self.point_group.has_inversion:
            return "inversion"
        return "none" if not self.activities or set(self.infrared) & set(self.raman) else "table"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "point_group": self.point_group.label,
            "exclusion_kind": self.exclusion_kind,
            "activities": [activity.as_dict() for activity in self.activities],
        }


def selection_rules(group: str | PointGroup) -> SelectionRules:
    """Activity of each irrep of ``group`` in IR, Raman, hyper-Raman, VCD, ROA and neutron scattering.

    Parameters
    ----------
    group : str or PointGroup
        Any spelling that ``PointGroup.parse`` takes.

    Raises
    ------
    PointGroupError
        ``group`` names no point group.

    Examples
    --------
    >>> rules = selection_rules("D6h")
    >>> rules.infrared, rules.raman
    (('A2u', 'E1u'), ('A1g', 'E1g', 'E2g'))
    >>> rules["E1u"].infrared, rules["B1u"].seen_by
    (('x', 'y'), ('hyper-Raman', 'INS'))
    """
    return _selection_rules(PointGroup.parse(group))


@lru_cache(maxsize=256)
def _selection_rules(group: PointGroup) -> SelectionRules:
    if group.label == "Kh":
        return SelectionRules(group, ())
    vector = vector_representation(group)
    raman = polarizability_representation(group)
    hyper = hyperpolarizability_representation(group)
    rotation = rotational_representation(group)
    axes = _polarisation_axes(group, vector)
    total = _totally_symmetric(group)
    traceless = dict(raman)  # the polarizability without its trace, which is totally symmetric
    traceless[total] -= 1
    # An optical activity is a pseudoscalar: it averages to zero unless the pseudoscalar is totally symmetric.
    chiral = total in pseudoscalar_representation(group)
    activities = []
    for label, dimension in _species(group):
        allowed = label in raman
        depolarization = "3/4"
        if label == total:
            depolarization = "< 3/4" if traceless[total] else "0"
        activities.append(
            IrrepActivity(
                label=label,
                dimension=dimension,
                infrared=axes.get(label, ()),
                raman=allowed,
                depolarization=depolarization if allowed else None,
                hyper_raman=label in hyper,
                vcd=chiral and label in vector and label in rotation,
                roa=chiral and allowed and label in vector * rotation,
            )
        )
    return SelectionRules(group, tuple(activities))


@lru_cache(maxsize=256)
def vector_representation(group: PointGroup) -> Decomposition:
    """Gamma of a polar vector (x, y, z): translations and the electric dipole."""
    if group.is_linear:
        return Decomposition(group, _LINEAR_VECTOR[group.label])
    table = finite_table(group)
    return reduce(vector_characters(table), table)


@lru_cache(maxsize=256)
def pseudoscalar_representation(group: PointGroup) -> Decomposition:
    """Gamma of a pseudoscalar: +1 under rotations, -1 under improper operations."""
    if group.is_linear:
        return Decomposition(group, _SIGMA_MINUS[group.label])
    table = finite_table(group)
    return reduce([1 if group.operations[cls.indices[0]].proper else -1 for cls in table.classes], table)


@lru_cache(maxsize=256)
def rotational_representation(group: PointGroup) -> Decomposition:
    """Gamma of an axial vector (Rx, Ry, Rz): rotations and the magnetic dipole."""
    return vector_representation(group) * pseudoscalar_representation(group)


def polarizability_representation(group: PointGroup) -> Decomposition:
    """Gamma of the symmetric second-rank tensor."""
    return vector_representation(group).symmetric_power(2)


def hyperpolarizability_representation(group: PointGroup) -> Decomposition:
    """Gamma of the symmetric third-rank polar tensor."""
    return vector_representation(group).symmetric_power(3)


def _totally_symmetric(group: PointGroup) -> str:
    """Label of the irrep whose characters are all one."""
    if group.is_linear:
        return {"Cinfv": "Sigma+", "Dinfh": "Sigmag+"}[group.label]
    table = finite_table(group)
    (label,) = reduce([1] * len(table.classes), table)
    return label


def _species(group: PointGroup) -> list[tuple[str, int]]:
    """Label and dimension of each real irrep in table order (of a linear group: those up to Phi)."""
    if not group.is_linear:
        return list(finite_table(group).real_dimensions.items())
    parities = ("g", "u") if group.label == "Dinfh" else ("",)
    names = (("Sigma", "+", 1), ("Sigma", "-", 1), ("Pi", "", 2), ("Delta", "", 2), ("Phi", "", 2))
    return [(f"{name}{parity}{sign}", size) for parity in parities for name, sign, size in names]


def _polarisation_axes(group: PointGroup, vector: Decomposition) -> dict[str, tuple[str, ...]]:
    """For each irrep of the vector representation the axes whose unit vector has a part in it."""
    if group.is_linear:
        (sigma, pi) = _LINEAR_VECTOR[group.label]
        return {sigma: ("z",), pi: ("x", "y")}
    table = finite_table(group)
    class_sums = np.array([group.matrices[np.asarray(cls.indices)].sum(axis=0) for cls in table.classes])
    numbers = table.to_numpy()
    axes: dict[str, tuple[str, ...]] = {}
    for label in vector:
        rows = [i for i, irrep in enumerate(table.irreps) if irrep.real_label == label]
        weights = sum(table.irreps[i].dimension * numbers[i].conj() for i in rows)
        projector = np.einsum("c,cij->ij", weights, class_sums).real / group.order
        axes[label] = tuple(axis for axis, part in zip(_AXES, np.diag(projector), strict=True) if part > _AXIS_PRESENT)
    return axes
