"""The rows of a spectral Jacobian that an experiment gives."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ..forward.jacobian import SpectralJacobian
from ._observables import OBSERVABLES, checked_observables

__all__ = ["observed_rows"]

Array = NDArray[np.float64]


def observed_rows(jacobian: SpectralJacobian, observables: Iterable[str] = OBSERVABLES) -> Array:
    """The rows of a Jacobian that observables give, (m, n_par), each kind divided by its largest row norm.

    A wavenumber is observed where the Jacobian has an intensity of its level in one of the techniques asked for (with
    "freq" alone: in any); for that the Jacobian must have been made in symmetry blocks. "raman" without "rho" is
    45 a'^2 + 7 gamma'^2.

    Raises
    ------
    IdentifiabilityError
        Unknown observables, or intensities that the Jacobian does not have at all.
    """
    asked = checked_observables(observables)
    techniques = {"ir": ("ir",), "raman": ("raman_isotropic", "raman_anisotropic")}
    wanted = [t for t in techniques if t in asked] or list(techniques)
    for technique in wanted:
        if technique in asked and not any(kind in jacobian.kinds for kind in techniques[technique]):
            raise IdentifiabilityError(
                f"observables={asked}: the Jacobian has {', '.join(jacobian.kinds)} only; no level shows "
                f"{technique!r}, or its derivatives were not given."
            )
    scaled = jacobian.scaled()
    place = {(o.kind, o.cluster, o.power): row for row, o in enumerate(jacobian.observables)}
    seen = {c for kind, c, _ in place for t in wanted if kind in techniques[t]}
    rows = [scaled[r] for (k, c, _), r in place.items() if k in ("lambda", "wavenumber") and c in seen]
    if "ir" in asked:
        rows += [scaled[r] for (k, _, _), r in place.items() if k == "ir"]
    if "rho" in asked:
        rows += [scaled[r] for (k, _, _), r in place.items() if k in techniques["raman"]]
    elif "raman" in asked:
        rows += _activities(jacobian, place)
    return np.array(rows).reshape(len(rows), len(jacobian.parameters))


def _activities(jacobian: SpectralJacobian, place: dict[tuple[str, int, int], int]) -> list[Array]:
    """Gradients of 45 a'^2 + 7 gamma'^2 of every level that has any, divided by the longest."""
    factors = {"raman_isotropic": 45.0, "raman_anisotropic": 7.0}
    found: dict[tuple[int, int], Array] = {}
    for (kind, cluster, power), row in place.items():
        if kind in factors:
            part = factors[kind] * jacobian.jacobian[row]
            found[cluster, power] = found.get((cluster, power), np.zeros_like(part)) + part
    longest = max((float(np.linalg.norm(row)) for row in found.values()), default=0.0)
    return [row / (longest or 1.0) for row in found.values()]
