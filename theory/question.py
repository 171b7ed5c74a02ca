"""An identifiability question: the views of a molecule and its isotopologues, and what is unknown."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import IdentifiabilityError
from ..forward.force_field import ForceField, LinearForceField
from ..forward.ped import coordinate_groups
from ..forward.response import HarmonicResponse
from ..forward.symmetry_coordinates import SymmetryCoordinates, symmetry_coordinates
from ..forward.valence_models import DiagonalForceField, UreyBradleyForceField, ValenceForceField
from ..groups.detection import Detection, detect_point_group
from ..groups.operations import NDArrayFloat
from ._generic_response import generic_response
from ._observables import checked_observables
from ._parametrisation import Parametrisation, block_constants, general_parametrisation, model_parametrisation
from ._views import (
    View,
    ViewBlock,
    isotopologue_coordinates,
    isotopologue_responses,
    view_of,
)

__all__ = ["MODELS", "RANDOM_DERIVATIVES", "Question", "pose"]

RANDOM_DERIVATIVES = "random ones of the right symmetry"

MODELS = {
    "general": None,
    "valence": ValenceForceField,
    "diagonal": DiagonalForceField,
    "urey-bradley": UreyBradleyForceField,
}


@dataclass(frozen=True, eq=False)
class Question:
    """What is measured and what is unknown.

    Attributes
    ----------
    name : str
        Of the force-field model.
    observables : tuple of str
    derivatives : str
        Where the derivatives of dipole moment and polarizability come from.
    views : tuple of View
        The molecule itself, then its isotopologues.
    field : LinearForceField or None
        The model; None: all constants that symmetry allows.
    parametrisation : Parametrisation or None
        Constants shared by blocks; None where every block of a single isotopologue has its own.
    words : tuple of str
        Of the internal coordinates.
    """

    name: str
    observables: tuple[str, ...]
    derivatives: str
    views: tuple[View, ...]
    field: LinearForceField | None
    parametrisation: Parametrisation | None
    words: tuple[str, ...]

    def labels(self, block: ViewBlock) -> list[str]:
        """Names of the constants of a block of the molecule itself, without its irrep."""
        return [label for *_, label in block_constants(block.symmetry, self.words)]


def pose(
    x: Any,
    observables: Iterable[str],
    force_field: Any,
    isotopologues: Iterable[Any],
    *,
    engine: str | None = None,
    seed: int = 0,
    tolerance: float | None = None,
) -> Question:
    """The question that the arguments of `identify` put; errors as there."""
    chosen = checked_observables(observables)
    custom = _custom(force_field)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise IdentifiabilityError(f"identify(seed={seed!r}): a whole number from 0 is needed.")
    response, detection, origin = _response(x, engine, seed, tolerance)
    coordinates = symmetry_coordinates(detection, None if custom is None else custom.internals)
    model = None if custom is not None else MODELS[force_field]
    field = model.of(coordinates) if model is not None else _linear(custom, coordinates)
    point = None if field is None else _at(field, response)
    views = [view_of("", response, coordinates, chosen, point)]
    for name, made in isotopologue_responses(response, isotopologues):
        views.append(view_of(name, made, isotopologue_coordinates(made, coordinates, tolerance), chosen, point))
    name = force_field if custom is None else type(custom).__name__
    words = coordinate_groups(coordinates.molecule, coordinates.internals)
    return Question(name, chosen, origin, tuple(views), field, _unknowns(name, field, views, point), words)


def _custom(force_field: Any) -> ForceField | None:
    """The force field given as an object; None for the name of a model."""
    if isinstance(force_field, str):
        if force_field not in MODELS:
            raise IdentifiabilityError(
                f"identify(force_field={force_field!r}): choose from {', '.join(MODELS)}, or give a ForceField."
            )
        return None
    if not isinstance(force_field, ForceField):
        raise IdentifiabilityError(
            f"identify(force_field={force_field!r}): a name ({', '.join(MODELS)}) or a ForceField is needed."
        )
    return force_field


def _response(
    x: Any, engine: str | None, seed: int, tolerance: float | None
) -> tuple[HarmonicResponse, Detection, str]:
    """A response with all derivatives, its symmetry, and where the derivatives come from in words."""
    if engine is not None:
        from ..forward.engine_api import harmonic_response

        x = harmonic_response(x, engine)
    if isinstance(x, HarmonicResponse):
        detection = _several_atoms(detect_point_group(x.molecule, tolerance))
        missing = [k for k in ("dipole_derivatives", "polarizability_derivatives") if getattr(x, k) is None]
        if not missing:
            return x, detection, x.method or "those of the response given"
        stand_in = generic_response(detection, seed)
        filled = replace(x, **{name: getattr(stand_in, name) for name in missing})
        return (
            filled,
            detection,
            f"{x.method or 'the response given'}; without {' and '.join(missing)}: random, generic ones",
        )
    detection = _several_atoms(x if isinstance(x, Detection) else detect_point_group(x, tolerance))
    return (
        generic_response(detection, seed),
        detection,
        (RANDOM_DERIVATIVES),
    )


def _several_atoms(detection: Detection) -> Detection:
    if len(detection.molecule) < 2:
        raise IdentifiabilityError(f"identify: {detection.molecule!r} is one atom: there is no force constant to find.")
    return detection


def _linear(field: ForceField | None, coordinates: SymmetryCoordinates) -> LinearForceField | None:
    """A force field of any kind as a sparse list of entries."""
    if field is None or isinstance(field, LinearForceField):
        return field
    basis = np.asarray(field.basis, dtype=float)
    p, i, j = np.nonzero(basis)
    entries = np.stack([p, i, j], axis=1)
    return LinearForceField(coordinates, tuple(field.labels), entries, basis[p, i, j], np.asarray(field.parameters))


def _at(field: LinearForceField, response: HarmonicResponse) -> NDArrayFloat:
    """F where the Jacobian is taken: the constants of the field, or those fitted to the response if all are zero."""
    if field.n_parameters == 0:
        raise IdentifiabilityError(f"identify: {field!r} has no constant, so nothing is unknown.")
    return (field if field.parameters.any() else field.fitted(response.hessian).force_field).matrix()


def _unknowns(
    name: str, field: LinearForceField | None, views: list[View], point: NDArrayFloat | None
) -> Parametrisation | None:
    """The constants shared by blocks; None where every block of a single isotopologue has its own."""
    if field is not None and point is not None:
        return model_parametrisation(name, field, point)
    if len(views) == 1:
        return None
    coordinates = views[0].coordinates
    blocks = zip(coordinates.blocks, views[0].blocks, strict=True)
    whole = sum((s.expand(np.asarray(b.spectral.f)) for s, b in blocks), np.zeros(()))
    return general_parametrisation(coordinates, whole)
