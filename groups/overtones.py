"""Overtones and binary combinations through which silent vibrations become visible."""

from dataclasses import dataclass
from typing import Any

from ..errors import RepresentationError
from .representation import Decomposition
from .selection_rules import SelectionRules, selection_rules

__all__ = ["MultiquantumTransition", "silent_mode_overtones"]


@dataclass(frozen=True, eq=False)
class MultiquantumTransition:
    """A transition from the ground state that excites a silent vibration together with more quanta.

    Attributes
    ----------
    silent : str
        Irrep of the silent fundamental.
    partner : str or None
        Irrep of the other vibration of a binary combination; None for an overtone.
    quanta : int
        Total number of quanta: 2, 3, 4 for the first, second, third overtone; 2 for a binary combination.
    species : Decomposition
        Symmetry of the excited states. An overtone of a degenerate vibration spans the SYMMETRIC power of its
        irrep (its quanta are indistinguishable), a combination of two vibrations the direct product.
    infrared, raman : bool
        Whether a state of the level is reached by one infrared photon, by Raman scattering.
    """

    silent: str
    partner: str | None
    quanta: int
    species: Decomposition
    infrared: bool
    raman: bool

    @property
    def label(self) -> str:
        """As "2 B1u" or "B1u + E2g"."""
        return f"{self.quanta} {self.silent}" if self.partner is None else f"{self.silent} + {self.partner}"

    @property
    def visible(self) -> bool:
        """True where infrared or Raman reaches the level."""
        return self.infrared or self.raman

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "label": self.label,
            "silent": self.silent,
            "partner": self.partner,
            "quanta": self.quanta,
            "species": dict(self.species),
            "infrared": self.infrared,
            "raman": self.raman,
        }


def silent_mode_overtones(gamma_vib: Decomposition, max_quanta: int = 4) -> tuple[MultiquantumTransition, ...]:
    """Overtones (up to ``max_quanta`` quanta) and binary combinations of each silent species of a molecule.

    Parameters
    ----------
    gamma_vib : Decomposition
        Vibrational representation; it says which partners a combination can have. A species combines with
        itself only if it occurs more than once (two different vibrations).
    max_quanta : int
        4: up to the third overtone.

    Returns
    -------
    tuple of MultiquantumTransition
        All of them, visible or not, by silent species in table order: overtones first, then combinations.
        Empty where nothing is silent.

    Raises
    ------
    RepresentationError
        ``max_quanta`` is below 2.

    Notes
    -----
    Symmetry says that a transition is allowed, not that it is strong: overtones and combinations need
    anharmonicity. G. Herzberg, Infrared and Raman Spectra (1945), p. 123-131.

    Examples
    --------
    >>> from symvib.groups.representation import Decomposition
    >>> for t in silent_mode_overtones(Decomposition("Oh", {"T2u": 1, "T1u": 1}), max_quanta=2):
    ...     print(t.label, "=", t.species, "IR" * t.infrared, "Raman" * t.raman)
    2 T2u = A1g + Eg + T2g  Raman
    T2u + T1u = A2g + Eg + T1g + T2g  Raman
    """
    if max_quanta < 2:
        raise RepresentationError(f"silent_mode_overtones(max_quanta={max_quanta}): an overtone has 2 or more quanta.")
    group = gamma_vib.point_group
    rules = selection_rules(group)
    transitions = []
    for silent in gamma_vib:
        if not rules[silent].silent:
            continue
        one = Decomposition(group, {silent: 1})
        for quanta in range(2, max_quanta + 1):
            transitions.append(_transition(rules, silent, None, quanta, one.symmetric_power(quanta)))
        for partner, multiplicity in gamma_vib.items():
            if partner != silent or multiplicity > 1:
                species = one * Decomposition(group, {partner: 1})
                transitions.append(_transition(rules, silent, partner, 2, species))
    return tuple(transitions)


def _transition(
    rules: SelectionRules, silent: str, partner: str | None, quanta: int, species: Decomposition
) -> MultiquantumTransition:
    infrared = any(label in rules.infrared for label in species)
    raman = any(label in rules.raman for label in species)
    return MultiquantumTransition(silent, partner, quanta, species, infrared, raman)
