"""Which force constants the data can carry: the heaviest independent set of columns of the Jacobian.

Sets of independent columns of a matrix are a linear matroid, so taking columns by descending weight, each that is not a
combination of those taken, gives an independent set of largest total weight, and no heavier one exists for any
cardinality (R. Rado, Proc. London Math. Soc. 7, 300 (1957); J. Edmonds, Math. Programming 1, 127 (1971)).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import IdentifiabilityError
from ..forward._symmetric_form import NumericalRank, numerical_rank
from ..forward.force_field import ForceField, GeneralForceField, LinearForceField
from ..forward.internals import InternalCoordinates
from ..forward.jacobian import SpectralJacobian
from ..forward.response import HarmonicResponse
from ..forward.response_jacobian import response_jacobian
from ._greedy import DEPENDENT, GreedyBasis, greedy_basis, unit_columns
from ._observables import OBSERVABLES, checked_observables
from ._observed_rows import observed_rows
from .constant_weights import DEFAULT_WEIGHTS, constant_kinds, default_weights

__all__ = [
    "DEFAULT_WEIGHTS",
    "GreedyBasis",
    "SupportedForceField",
    "default_weights",
    "greedy_basis",
    "observed_rows",
    "supported_force_field",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class SupportedForceField:
    """A force field with the constants that the data carry free, and the others at their prior values.

    It is a `ForceField` of the fitted constants: ``matrix()`` includes the kept ones.

    Attributes
    ----------
    model : ForceField
        All constants, at their prior values.
    weights : ndarray (n,)
        Of all constants.
    kinds : tuple of str (n,)
        Of all constants, keys of `DEFAULT_WEIGHTS`.
    fitted, kept : ndarray of int
        Positions in ``model``: to be fitted, and to stay at the prior (both ascending).
    without_effect : ndarray of int
        Those of ``kept`` that no observable depends on at all.
    values : ndarray (len(fitted),)
        Present values of the fitted constants.
    greedy : GreedyBasis
    rank : NumericalRank
        Of the whole Jacobian, by singular values; agrees with ``len(fitted)``.
    condition_number : float
        Of the fitted columns, each scaled to length 1.
    observables : tuple of str
    n_observables : int
        Rows of the Jacobian.
    evidence : str
        That the fitted constants are determined, locally and generically: "certified" (rank modulo a prime of the
        rationalised model) or "numerical" (see ``greedy.gap``).
    optimality : str
        That no set of larger weight is: "probabilistic" (the greedy set modulo a prime at a random point is the same)
        or "numerical".
    """

    model: ForceField
    weights: Array
    kinds: tuple[str, ...]
    fitted: NDArray[np.int64]
    kept: NDArray[np.int64]
    without_effect: NDArray[np.int64]
    values: Array
    greedy: GreedyBasis
    rank: NumericalRank
    condition_number: float
    observables: tuple[str, ...]
    n_observables: int
    evidence: str
    optimality: str

    def __post_init__(self) -> None:
        for array in (self.weights, self.fitted, self.kept, self.without_effect, self.values):
            array.setflags(write=False)

    @property
    def internals(self) -> InternalCoordinates:
        """Of the model."""
        return self.model.internals

    @property
    def n_parameters(self) -> int:
        """Number of constants to be fitted."""
        return len(self.fitted)

    @property
    def parameters(self) -> Array:
        """Values of the fitted constants."""
        return self.values

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the fitted constants."""
        return tuple(self.model.labels[p] for p in self.fitted)

    @property
    def kept_labels(self) -> tuple[str, ...]:
        """Names of the constants that stay at their prior."""
        return tuple(self.model.labels[p] for p in self.kept)

    @cached_property
    def basis(self) -> Array:
        """dF/dx of the fitted constants, (n_parameters, n_q, n_q)."""
        return self.model.basis[self.fitted]

    def matrix(self) -> Array:
        """F (n_q, n_q) with the fitted constants at their present and the kept ones at their prior values."""
        change = self.values - self.model.parameters[self.fitted]
        return self.model.matrix() + np.tensordot(change, self.basis, axes=1)

    def with_parameters(self, parameters: ArrayLike) -> "SupportedForceField":
        """The same with other values (n_parameters,) of the fitted constants.

        Raises
        ------
        IdentifiabilityError
            A wrong number, or not finite.
        """
        values = np.array(parameters, dtype=float)
        if values.shape != (self.n_parameters,) or not np.isfinite(values).all():
            raise IdentifiabilityError(
                f"with_parameters: {values.shape} given; {self.n_parameters} finite numbers are needed."
            )
        return replace(self, values=values)

    @property
    def total_weight(self) -> float:
        """Sum of the weights of the fitted constants: the largest that any identifiable set has."""
        return float(self.weights[self.fitted].sum())

    def __repr__(self) -> str:
        return f"SupportedForceField(fit {len(self.fitted)}, keep {len(self.kept)})"

    def __str__(self) -> str:
        return self.describe()

    def describe(self) -> str:
        """What to fit and what to keep, in words and by kind."""
        present = [kind for kind in DEFAULT_WEIGHTS if kind in self.kinds]
        of_kind = Counter(self.kinds)
        fitted = Counter(self.kinds[p] for p in self.fitted)
        lines = [
            f"fit these {len(self.fitted)}, keep those {len(self.kept)} at their prior ({self.n_observables} "
            f"observables from {'+'.join(self.observables)}, {self.rank.rank} independent; determined: "
            f"{self.evidence}, none better: {self.optimality}, gap {self.greedy.gap:.0e}; condition number "
            f"{self.condition_number:.1e})"
        ]
        lines += [f"  {kind}: {fitted[kind]} of {of_kind[kind]}" for kind in present]
        if len(self.without_effect):
            lines.append(f"  no observable depends on {len(self.without_effect)} of those kept")
        return "\n".join(lines)

    def tabulate(self) -> str:
        """All constants, fitted ones first, with their values."""
        rows = [f"  fit   {x:10.4f}  {label}" for x, label in zip(self.values, self.labels, strict=True)]
        priors = self.model.parameters[self.kept]
        rows += [f"  keep  {x:10.4f}  {label}" for x, label in zip(priors, self.kept_labels, strict=True)]
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.describe())}</pre>"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "fit": dict(zip(self.labels, self.values.tolist(), strict=True)),
            "keep": dict(zip(self.kept_labels, self.model.parameters[self.kept].tolist(), strict=True)),
            "without_effect": [self.model.labels[p] for p in self.without_effect],
            "observables": list(self.observables),
            "n_observables": self.n_observables,
            "rank": self.rank.as_dict(),
            "gap": self.greedy.gap,
            "condition_number": self.condition_number,
            "total_weight": self.total_weight,
            "evidence": self.evidence,
            "optimality": self.optimality,
        }


def supported_force_field(
    response_or_jacobian: HarmonicResponse | SpectralJacobian,
    force_field: ForceField | str,
    weights: ArrayLike | None = None,
    observables: Iterable[str] = OBSERVABLES,
    *,
    threshold: float = DEPENDENT,
    exact: bool = True,
) -> SupportedForceField:
    """The heaviest set of constants of a force field that the spectra determine locally; the rest stays at its prior.

    Parameters
    ----------
    response_or_jacobian : HarmonicResponse or SpectralJacobian
        The Jacobian is taken at the force constants of the response; or one with ``force_field`` as its parameters.
    force_field : ForceField, or {"general", "valence", "diagonal", "urey-bradley"}
        The model, with its constants at their prior values; by name: fitted to the Hessian of the response.
    weights : array_like (n_parameters,), optional
        What each constant is worth to you; default `default_weights`. Only their order matters; inf: it must be fitted.
    observables : iterable of {"freq", "ir", "raman", "rho"}
    threshold : float
        A column of the Jacobian (of length 1) nearer than this to the span of those taken is dependent.
    exact : bool
        Check the choice modulo a prime, where a response is given and the model has no redundant constants.

    Returns
    -------
    SupportedForceField

    Raises
    ------
    IdentifiabilityError
        Weights or a Jacobian that do not belong to the force field, no derivatives for the observables, more constants
        that must be fitted than the data determine.

    Examples
    --------
    >>> import symvib as sv
    >>> from symvib.forward.force_field import GeneralForceField
    >>> water = sv.shipped_dataset("responses_survey_gfn2").response("qm9-000003")
    >>> general = GeneralForceField.of(water.molecule).fitted(water.hessian).force_field
    >>> print(supported_force_field(water, general, observables=("freq",)).kept_labels)
    ('A1 O-H stretch / H-O-H bend',)
    >>> supported_force_field(water, general)
    SupportedForceField(fit 4, keep 0)
    """
    observables = checked_observables(observables)
    if isinstance(force_field, str):
        force_field = _fitted(response_or_jacobian, force_field)
    jacobian = _jacobian_of(response_or_jacobian, force_field)
    worth = default_weights(force_field) if weights is None else np.array(weights, dtype=float)
    if worth.shape != (force_field.n_parameters,):
        raise IdentifiabilityError(
            f"weights has shape {worth.shape}; the force field has {force_field.n_parameters} constants."
        )
    rows = observed_rows(jacobian, observables)
    found = greedy_basis(rows, worth, threshold)
    fitted = np.sort(found.chosen)
    missed = np.setdiff1d(np.flatnonzero(np.isposinf(worth)), fitted)
    if len(missed):
        raise IdentifiabilityError(
            f"supported_force_field: {int(np.isposinf(worth).sum())} constants must be fitted, but the data determine "
            f"only {len(fitted)} independent ones and not {force_field.labels[missed[0]]!r} beside the others; take "
            "infinite weight from some, or add observables."
        )
    kept = np.setdiff1d(np.arange(force_field.n_parameters), fitted)
    unit, live = unit_columns(rows)
    idle = kept[~live[kept]]
    rank = numerical_rank(np.linalg.svd(unit, compute_uv=False), threshold)
    singular = np.linalg.svd(unit[:, fitted], compute_uv=False)
    condition = float(singular[0] / singular[-1]) if singular.size else 1.0
    evidence = optimality = "numerical"
    if exact and isinstance(response_or_jacobian, HarmonicResponse) and isinstance(force_field, LinearForceField):
        from ._exact_matroid import exact_grades

        evidence, optimality = exact_grades(response_or_jacobian, force_field, worth, fitted, observables)
    return SupportedForceField(
        force_field,
        worth,
        constant_kinds(force_field),
        fitted,
        kept,
        idle,
        np.array(force_field.parameters)[fitted],
        found,
        rank,
        condition,
        observables,
        len(rows),
        evidence,
        optimality,
    )


def _fitted(response: Any, name: str) -> ForceField:
    """The model of this name with the constants that reproduce the response best."""
    from .question import MODELS

    if name not in MODELS or not isinstance(response, HarmonicResponse):
        raise IdentifiabilityError(
            f"supported_force_field(force_field={name!r}): choose from {', '.join(MODELS)}, with a HarmonicResponse, "
            "or give a ForceField."
        )
    model = MODELS[name] or GeneralForceField
    return model.of(response.molecule).fitted(response.hessian).force_field


def _jacobian_of(given: Any, force_field: ForceField) -> SpectralJacobian:
    if isinstance(given, HarmonicResponse):
        coordinates = getattr(force_field, "coordinates", None)
        return response_jacobian(given, basis=force_field, symmetry_coordinates=coordinates)
    if not isinstance(given, SpectralJacobian):
        raise IdentifiabilityError(
            f"supported_force_field: a HarmonicResponse or SpectralJacobian is needed, not {type(given).__name__}."
        )
    if len(given.parameters) != force_field.n_parameters:
        raise IdentifiabilityError(
            f"the Jacobian has {len(given.parameters)} parameters, the force field {force_field.n_parameters}."
        )
    return given
