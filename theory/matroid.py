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
from ..forward.force_field import ForceField, LinearForceField
from ..forward.internals import InternalCoordinates
from ..forward.jacobian import SpectralJacobian
from ..forward.response import HarmonicResponse
from ..forward.response_jacobian import response_jacobian
from ._isospectral import OBSERVABLES, checked_observables

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

DEFAULT_WEIGHTS = {
    "stretch": 10.0,
    "bend": 9.0,
    "linear_bend": 9.0,
    "out_of_plane": 8.0,
    "torsion": 7.0,
    "stretch / stretch": 5.0,
    "stretch / bend": 4.0,
    "bend / bend": 3.0,
    "other interaction": 2.0,
}
"""Weight of a force constant by its kind: diagonal constants before interactions, stiff before soft. Only the order
matters. Among equal weights the column with the largest independent part is taken, which keeps the fit well
conditioned and the total weight the same."""

_DEPENDENT = 1e-8  # part of a column (of length 1) outside the span of those taken that counts as none
_NO_EFFECT = 1e-10  # length of a column, relative to the longest, that counts as zero


@dataclass(frozen=True, eq=False)
class GreedyBasis:
    """A heaviest independent set of columns.

    Attributes
    ----------
    chosen : ndarray (rank,) of int
        In the order in which they were taken.
    residuals : ndarray (n,)
        Of each column, scaled to length 1: its distance from the span of the columns that come before it (of those of
        higher weight, and of the same weight that were taken).
    threshold : float
        On the residuals.
    gap : float
        Smallest residual taken over the largest left out; inf where nothing is left out or the rest is exactly zero.
        Below about 1e3 the choice is not settled by floating point.
    """

    chosen: NDArray[np.int64]
    residuals: Array
    threshold: float
    gap: float


def greedy_basis(matrix: ArrayLike, weights: ArrayLike, threshold: float = _DEPENDENT) -> GreedyBasis:
    """Columns (m, n) of a matrix of largest total weight (n,) among all independent sets.

    Columns of weight <= 0 are taken, too, when they are independent: the set is always a basis. Modified Gram-Schmidt
    with one repetition; O(m n rank).

    Raises
    ------
    IdentifiabilityError
        Shapes that do not fit, or NaN.

    Examples
    --------
    >>> greedy_basis([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]], [1.0, 3.0, 2.0]).chosen.tolist()
    [1, 2]
    """
    a, w = np.array(matrix, dtype=float), np.asarray(weights, dtype=float)
    if a.ndim != 2 or w.shape != (a.shape[1],) or not (np.isfinite(a).all() and np.isfinite(w).all()):
        raise IdentifiabilityError(
            f"greedy_basis: matrix {a.shape}, weights {w.shape}; finite numbers (m, n) and (n,) are needed."
        )
    rest, live = _unit_columns(a)
    residuals = np.where(live, 1.0, 0.0)
    chosen: list[int] = []
    basis = np.zeros((len(a), 0))
    for weight in np.unique(w)[::-1]:
        group = np.flatnonzero((w == weight) & live)
        while group.size:
            residuals[group] = np.linalg.norm(rest[:, group], axis=0)
            best = int(group[np.argmax(residuals[group])])
            if residuals[best] <= threshold:
                break
            # what rounding left along the columns already taken is removed once more
            direction = rest[:, best] - basis @ (basis.T @ rest[:, best])
            direction /= np.linalg.norm(direction)
            basis = np.column_stack([basis, direction])
            chosen.append(best)
            rest -= np.outer(direction, direction @ rest)
            group = group[group != best]
    left = np.delete(residuals, chosen)
    largest, smallest = left.max(initial=0.0), residuals[chosen].min(initial=np.inf)
    gap = float("inf") if largest == 0 or not chosen else float(smallest / largest)
    residuals.setflags(write=False)
    return GreedyBasis(np.array(chosen, dtype=np.int64), residuals, threshold, gap)


def _unit_columns(matrix: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Columns scaled to length 1, and which have any length; the others are exactly zero."""
    length = np.linalg.norm(matrix, axis=0)
    live = length > _NO_EFFECT * length.max(initial=0.0)
    return np.where(live, matrix / np.where(live, length, 1.0), 0.0), live


def constant_kinds(force_field: ForceField) -> tuple[str, ...]:
    """Kind of each constant, a key of `DEFAULT_WEIGHTS`, from where its form dF/dx is largest.

    A constant is diagonal where the trace of its form does not vanish (so are those of symmetry coordinates).
    """
    kinds = [coordinate.kind for coordinate in force_field.internals]
    found = []
    for p, i, j, values in _forms(force_field):
        diagonal = i == j
        if not len(values):
            raise IdentifiabilityError(f"constant {force_field.labels[p]!r} does not enter F.")
        if abs(values[diagonal].sum()) > 1e-9 * np.abs(values).sum():
            found.append(kinds[int(i[diagonal][np.argmax(np.abs(values[diagonal]))])])
            continue
        off = np.flatnonzero(~diagonal) if (~diagonal).any() else np.arange(len(values))
        largest = int(off[np.argmax(np.abs(values[off]))])
        found.append(_pair_kind(kinds[int(i[largest])], kinds[int(j[largest])]))
    return tuple(found)


def _forms(force_field: ForceField) -> Iterable[tuple[int, NDArray[Any], NDArray[Any], Array]]:
    """Constant, rows, columns and values of each form."""
    if isinstance(force_field, LinearForceField):
        for p in range(force_field.n_parameters):
            mine = force_field.entries[:, 0] == p
            yield p, force_field.entries[mine, 1], force_field.entries[mine, 2], force_field.values[mine]
    else:
        for p, form in enumerate(force_field.basis):
            i, j = np.nonzero(form)
            yield p, i, j, form[i, j]


def _pair_kind(first: str, second: str) -> str:
    plain = sorted({"linear_bend": "bend"}.get(kind, kind) for kind in (first, second))
    name = {
        ("stretch", "stretch"): "stretch / stretch",
        ("bend", "stretch"): "stretch / bend",
        ("bend", "bend"): "bend / bend",
    }
    return name.get((plain[0], plain[1]), "other interaction")


def default_weights(force_field: ForceField) -> Array:
    """`DEFAULT_WEIGHTS` of each constant of a force field, (n_parameters,)."""
    return np.array([DEFAULT_WEIGHTS[kind] for kind in constant_kinds(force_field)])


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
                f"observables={asked}: the Jacobian has {', '.join(jacobian.kinds)} only; no level shows {technique!r}, "
                "or its derivatives were not given."
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
        "numerical": rank decisions in floating point, see ``greedy.gap``.
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
            f"fit these {len(self.fitted)}, keep those {len(self.kept)} at their prior ({self.n_observables} observables "
            f"from {'+'.join(self.observables)}, {self.rank.rank} independent; {self.evidence}, gap {self.greedy.gap:.0e}; "
            f"condition number {self.condition_number:.1e})"
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
        }


def supported_force_field(
    response_or_jacobian: HarmonicResponse | SpectralJacobian,
    force_field: ForceField,
    weights: ArrayLike | None = None,
    observables: Iterable[str] = OBSERVABLES,
    *,
    threshold: float = _DEPENDENT,
) -> SupportedForceField:
    """The heaviest set of constants of a force field that the spectra determine locally; the rest stays at its prior.

    Parameters
    ----------
    response_or_jacobian : HarmonicResponse or SpectralJacobian
        The Jacobian is taken at the force constants of the response; or one with ``force_field`` as its parameters.
    force_field : ForceField
        The model, with its constants at their prior values.
    weights : array_like (n_parameters,), optional
        What each constant is worth to you; default `default_weights`. Only their order matters.
    observables : iterable of {"freq", "ir", "raman", "rho"}
    threshold : float
        A column of the Jacobian (of length 1) nearer than this to the span of those taken is dependent.

    Returns
    -------
    SupportedForceField

    Raises
    ------
    IdentifiabilityError
        Weights or a Jacobian that do not belong to the force field, no derivatives for the observables.

    Examples
    --------
    >>> import symvib as sv
    >>> from symvib.forward.force_field import GeneralForceField
    >>> water = sv.shipped_dataset("responses_survey_gfn2").response(1140)
    >>> general = GeneralForceField.of(water.molecule).fitted(water.hessian).force_field
    >>> print(supported_force_field(water, general, observables=("freq",)).kept_labels)
    ('A1 O-H stretch / H-O-H bend',)
    >>> supported_force_field(water, general)
    SupportedForceField(fit 4, keep 0)
    """
    observables = checked_observables(observables)
    jacobian = _jacobian_of(response_or_jacobian, force_field)
    worth = default_weights(force_field) if weights is None else np.array(weights, dtype=float)
    if worth.shape != (force_field.n_parameters,):
        raise IdentifiabilityError(
            f"weights has shape {worth.shape}; the force field has {force_field.n_parameters} constants."
        )
    rows = observed_rows(jacobian, observables)
    found = greedy_basis(rows, worth, threshold)
    fitted = np.sort(found.chosen)
    kept = np.setdiff1d(np.arange(force_field.n_parameters), fitted)
    unit, live = _unit_columns(rows)
    idle = kept[~live[kept]]
    rank = numerical_rank(np.linalg.svd(unit, compute_uv=False), threshold)
    singular = np.linalg.svd(unit[:, fitted], compute_uv=False)
    condition = float(singular[0] / singular[-1]) if singular.size else 1.0
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
        "numerical",
    )


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
