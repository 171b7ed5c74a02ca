"""What the selection rules allow a mode to have, as masks over modes: the rest is zero, not a rounding error."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..groups.schoenflies import PointGroup
from ..groups.selection_rules import selection_rules

__all__ = ["AllowedParts", "allowed_parts"]


class AllowedParts(NamedTuple):
    """Which parts of the first-order response each of n modes can have, three masks (n,) of bool.

    Attributes
    ----------
    infrared
        A dipole derivative.
    isotropic, anisotropic
        A mean polarizability derivative a' (totally symmetric species), an anisotropy gamma'.
    """

    infrared: NDArray[np.bool_]
    isotropic: NDArray[np.bool_]
    anisotropic: NDArray[np.bool_]

    @property
    def raman(self) -> NDArray[np.bool_]:
        """Raman allowed, (n,)."""
        return self.isotropic | self.anisotropic


def allowed_parts(point_group: str | PointGroup, irreps: Sequence[str]) -> AllowedParts:
    """Masks for modes of these real irreps of a point group.

    Raises
    ------
    PointGroupError
        A label that is no point group, or that the group does not have.

    Examples
    --------
    >>> parts = allowed_parts("Td", ("A1", "E", "T1", "T2"))
    >>> parts.infrared.tolist(), parts.isotropic.tolist(), parts.anisotropic.tolist()
    ([False, False, False, True], [True, False, False, False], [False, True, False, True])
    """
    rules = selection_rules(point_group)
    known = {label: rules[label] for label in set(irreps)}
    activities = [known[label] for label in irreps]

    def mask(values: list[bool]) -> NDArray[np.bool_]:
        return np.array(values, dtype=bool)

    return AllowedParts(
        mask([a.infrared_active for a in activities]),
        mask([a.raman_polarised for a in activities]),
        mask([a.raman and a.depolarization != "0" for a in activities]),
    )
