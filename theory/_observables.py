"""Names of what is observed, and the intensities that they are."""

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError

__all__ = ["OBSERVABLES", "checked_observables", "is_visible", "observed_factors"]

OBSERVABLES = ("freq", "ir", "raman", "rho")
# Of Raman activity, in terms of a'^2 and gamma'^2.
_ACTIVITY = {"raman_isotropic": 45.0, "raman_anisotropic": 7.0}


def checked_observables(observables: Iterable[str]) -> tuple[str, ...]:
    """The observables in the order of `OBSERVABLES`, checked.

    Raises
    ------
    IdentifiabilityError
        An unknown one, none, intensities without line positions, or rho without the Raman intensity.
    """
    if not isinstance(observables, Iterable):
        raise IdentifiabilityError(f"observables={observables!r}: names such as ('freq', 'ir') are needed.")
    given = (observables,) if isinstance(observables, str) else tuple(observables)
    unknown = [name for name in given if name not in OBSERVABLES]
    if unknown or not given:
        raise IdentifiabilityError(
            f"observables={given!r}: {f'unknown: {unknown}' if unknown else 'nothing is observed'}; choose "
            f"from {', '.join(OBSERVABLES)}."
        )
    if "freq" not in given:
        raise IdentifiabilityError(
            f"observables={given!r}: an intensity belongs to a line, whose position is observed with it; add 'freq'."
        )
    if "rho" in given and "raman" not in given:
        raise IdentifiabilityError(
            f"observables={given!r}: a depolarization ratio is measured on a Raman line; add 'raman'."
        )
    return tuple(name for name in OBSERVABLES if name in given)


def observed_factors(factors: Mapping[str, Any], observables: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Factors Q (n, r) of the intensities that the observables are; what is absent among ``factors`` has no line.

    "raman" alone is one intensity, 45 a'^2 + 7 gamma'^2; with "rho" its two parts are known one by one.
    """
    asked = checked_observables(observables)
    given = {name: np.reshape(np.asarray(q), (len(q), -1)) for name, q in factors.items()}
    chosen = {"ir": given["ir"]} if "ir" in asked and "ir" in given else {}
    parts = {name: given[name] for name in _ACTIVITY if name in given}
    if "rho" in asked:
        return chosen | parts
    if "raman" in asked and parts:
        chosen["raman"] = np.hstack([sqrt(_ACTIVITY[name]) * q for name, q in parts.items()])
    return chosen


def is_visible(names: Iterable[str], observables: Iterable[str]) -> bool:
    """Has a block with these intensities a line in the spectra measured (with "freq" alone: in either)?"""
    asked = set(observables) & {"ir", "raman"} or {"ir", "raman"}
    return any(name.split("_")[0] in asked for name in names)
