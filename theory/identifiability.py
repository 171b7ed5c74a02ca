"""What a combined spectrum determines of a harmonic force field: `identify`."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import CoordinateError, IdentifiabilityError
from ..forward.force_field import ForceField
from ..forward.jacobian import SpectralBlock, SpectralJacobian, block_spectral_jacobian
from ..forward.ped import coordinate_groups
from ..forward.response import HarmonicResponse
from ..forward.symmetry_coordinates import SymmetryCoordinates, symmetry_coordinates
from ..groups.detection import Detection, detect_point_group
from ..groups.operations import NDArrayFloat
from ._blind import blind_ranks
from ._exact_ranks import ExactRanks, exact_ranks
from ._generic_response import generic_response
from ._marginal import MarginalRank, marginal_rank
from ._parametrisation import Parametrisation, block_constants, general_parametrisation, model_parametrisation
from ._verdicts import block_verdict, overall_verdict
from ._views import View, ViewBlock, chosen_observables, isotopologue_coordinates, isotopologue_responses, view_of
from .block_rank import block_count
from .identifiability_result import BlindCount, BlockIdentifiability, Identifiability
from .noise import Noise, NoiseReport, noise_report
from .null_space_words import null_space_words

__all__ = ["identify"]

_MODELS = ("general", "valence", "diagonal", "urey-bradley")


def identify(
    x: Any,
    observables: Iterable[str] = ("freq", "ir", "raman", "rho"),
    force_field: Any = "general",
    isotopologues: Iterable[Any] = (),
    noise: Noise | bool | None = None,
    *,
    engine: str | None = None,
    exact: bool = True,
    seed: int = 0,
    tolerance: float | None = None,
) -> Identifiability:
    """What the spectra of a molecule determine of its force constants, irrep by irrep, each verdict with its evidence.

    Parameters
    ----------
    x : HarmonicResponse, Detection, or anything ``as_molecule`` reads
        With a response, its force constants and derivatives are where ranks and condition numbers are taken. Of a bare
        geometry the answer is generic: a model Hessian and random derivatives of the right symmetry stand in (see
        ``engine``).
    observables : of "freq", "ir", "raman", "rho"
        Line positions, IR intensities, Raman activities, depolarization ratios. "freq" alone: the positions of all
        lines in both spectra. Lines are taken as assigned to their irreps.
    force_field : {"general", "valence", "diagonal", "urey-bradley"} or ForceField
        What is unknown: all constants that the symmetry allows, or those of a model that is linear in its constants.
    isotopologues : sequence
        Further isotopologues whose spectra are measured, too: {atom index or element: mass number} each.
    noise : Noise or True, optional
        Standard deviations of the data, for standard errors of the constants (Cramer-Rao); True: 0.5 1/cm, 5 % of an
        intensity, 0.02 of rho.
    engine : str, optional
        Compute a response first, as `harmonic_response` does ("xtb", "dft").
    exact : bool
        Also ranks in exact arithmetic, of the problem rounded to decimals, at random points modulo a prime.
    seed : int
        Of random points and stand-in derivatives.
    tolerance : float, optional
        Angstrom, for the point group.

    Returns
    -------
    Identifiability

    Raises
    ------
    IdentifiabilityError
        An unknown observable or model, an isotopologue that is not one, a model without constants, an atom.
    CoordinateError
        Internal coordinates of a custom force field that do not describe all vibrations (singular G).

    Notes
    -----
    A block's ``rank`` is the number of independent combinations of its constants that ALL the data determine, whatever
    the other constants are. The derivatives of dipole moment and polarizability are taken as known; ``blind`` has what
    is left when they are not. Unknown are force constants at a known geometry. Counting rule: `block_rank`,
    docs/block_rank.md.

    Examples
    --------
    >>> import symvib as sv
    >>> water = sv.Molecule.from_arrays([8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.471], [0, -0.757, -0.471]])
    >>> print(identify(water))  # doctest: +SKIP
    """
    chosen = chosen_observables(observables)
    response, generic = _response(x, engine, seed, tolerance)
    field, coordinates = _force_field(force_field, response, tolerance)
    problem = _Problem.of(response, coordinates, field, chosen, isotopologues)
    numbers = problem.numbers()
    exact_found = exact_ranks(problem.views, problem.parametrisation, seed) if exact else None
    blinds = blind_ranks(problem.views, problem.parametrisation, response)
    blocks = {
        block.symmetry.irrep: _block_result(problem, block, numbers.blocks[k], exact_found, blinds[k])
        for k, block in enumerate(problem.views[0].blocks)
    }
    return _result(problem, blocks, numbers, exact_found, chosen, generic, noise)
