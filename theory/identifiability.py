"""What a combined spectrum determines of a harmonic force field: `identify`."""

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
from ._blind import blind_ranks
from ._exact_ranks import exact_ranks
from ._generic_response import generic_response
from ._marginal import MarginalRank
from ._numeric_ranks import NumericRanks, numeric_ranks
from ._parametrisation import Parametrisation, block_constants, general_parametrisation, model_parametrisation
from ._verdicts import BlockFacts, Judgement, block_verdict, overall_verdict
from ._views import (
    View,
    ViewBlock,
    chosen_observables,
    isotopologue_coordinates,
    isotopologue_responses,
    view_of,
)
from .block_rank import BlockCount, block_count
from .exact import ExactRank
from .identifiability_result import BlindCount, BlockIdentifiability, Identifiability
from .noise import Noise, NoiseReport, noise_report
from .null_space_words import null_space_words

__all__ = ["identify"]

_MODELS = {
    "general": None,
    "valence": ValenceForceField,
    "diagonal": DiagonalForceField,
    "urey-bradley": UreyBradleyForceField,
}
_SETTLED_GAP = 1e3
_MEETS = 1e-6  # overlap of symmetry coordinates (of columns of order one) that is not rounding


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
    stated = _noise(noise)
    response, origin = _response(x, engine, seed, tolerance)
    question = _Question.of(response, force_field, chosen, isotopologues, tolerance)
    numeric = numeric_ranks(question.views, question.parametrisation)
    certain = exact_ranks(question.views, question.field, numeric.reach, seed) if exact else None
    blinds = blind_ranks(question.views, question.parametrisation, chosen)
    facts = [question.facts(k, numeric.blocks[k], certain) for k in range(len(numeric.blocks))]
    judgements = [block_verdict(f, b.visible) for f, b in zip(facts, question.views[0].blocks, strict=True)]
    blocks = {
        block.symmetry.irrep: question.block_result(block, facts[k], judgements[k], numeric.blocks[k], blinds[k])
        for k, block in enumerate(question.views[0].blocks)
    }
    return question.result(blocks, judgements, numeric, certain, origin, stated)


def _noise(given: Noise | bool | None) -> Noise | None:
    if isinstance(given, Noise):
        return given
    if given is None or isinstance(given, bool):
        return Noise() if given else None
    raise IdentifiabilityError(f"identify(noise={given!r}): a Noise, True for the default one, or None is needed.")


def _response(x: Any, engine: str | None, seed: int, tolerance: float | None) -> tuple[HarmonicResponse, str]:
    """A response with all derivatives, and where these come from in words."""
    if engine is not None:
        from ..forward.engine_api import harmonic_response

        x = harmonic_response(x, engine)
    if isinstance(x, HarmonicResponse):
        missing = [k for k in ("dipole_derivatives", "polarizability_derivatives") if getattr(x, k) is None]
        if not missing:
            return x, x.method or "those of the response given"
        stand_in = generic_response(_several_atoms(detect_point_group(x.molecule, tolerance)), seed)
        filled = replace(x, **{name: getattr(stand_in, name) for name in missing})
        return filled, f"{x.method or 'the response given'}; without {' and '.join(missing)}: random, generic ones"
    detection = x if isinstance(x, Detection) else detect_point_group(x, tolerance)
    return generic_response(_several_atoms(detection), seed), (
        "random ones of the right symmetry (ranks are generic; condition numbers need a computed response, --engine)"
    )


def _several_atoms(detection: Detection) -> Detection:
    if len(detection.molecule) < 2:
        raise IdentifiabilityError(f"identify: {detection.molecule!r} is one atom: there is no force constant to find.")
    return detection


@dataclass(frozen=True, eq=False)
class _Question:
    """Views of the molecule and its isotopologues, and what is unknown."""

    name: str
    observables: tuple[str, ...]
    views: tuple[View, ...]
    field: LinearForceField | None
    parametrisation: Parametrisation | None
    words: tuple[str, ...]

    @classmethod
    def of(
        cls,
        response: HarmonicResponse,
        force_field: Any,
        observables: tuple[str, ...],
        isotopologues: Iterable[Any],
        tolerance: float | None,
    ) -> "_Question":
        detection = detect_point_group(response.molecule, tolerance)
        if isinstance(force_field, str) and force_field not in _MODELS:
            raise IdentifiabilityError(
                f"identify(force_field={force_field!r}): choose from {', '.join(_MODELS)}, or give a ForceField."
            )
        custom = None if isinstance(force_field, str) else force_field
        if custom is not None and not isinstance(custom, ForceField):
            raise IdentifiabilityError(
                f"identify(force_field={custom!r}): a name ({', '.join(_MODELS)}) or a ForceField is needed."
            )
        coordinates = symmetry_coordinates(detection, None if custom is None else custom.internals)
        model = _MODELS[force_field] if custom is None else None
        field = model.of(coordinates) if model is not None else _linear(custom, coordinates)
        point = None if field is None else _at(field, response)
        others = isotopologue_responses(response, isotopologues)
        views = [view_of("", response, coordinates, observables, point)]
        for name, made in others:
            views.append(view_of(name, made, isotopologue_coordinates(made, coordinates), observables, point))
        name = force_field if custom is None else type(custom).__name__
        parametrisation = _unknowns(name, field, views, response)
        words = coordinate_groups(coordinates.molecule, coordinates.internals)
        return cls(name, observables, tuple(views), field, parametrisation, words)

    def facts(self, k: int, found: MarginalRank, certain: ExactRank | None) -> BlockFacts:
        """What decides about block k."""
        block = self.views[0].blocks[k]
        return BlockFacts(
            n=block.size,
            unknowns=found.unknowns,
            independent=self.count(block).independent,
            rank=found.rank.rank,
            settled=found.rank.gap > _SETTLED_GAP,
            exact_rank=None if certain is None else certain.block_ranks[block.symmetry.irrep],
            separate=self.field is None,
            alone=self.parametrisation is None,
            complete=certain is not None and self.complete(k, certain),
            is_complex=block.symmetry.is_complex,
            n_intensities=block.independent_intensities,
            span=block.span,
        )

    def complete(self, k: int, certain: ExactRank) -> bool:
        """Are all constants that share a line with block k determined? Then so they are on an open dense set."""
        if self.field is not None:
            return certain.rank == certain.unknowns
        names = [block.symmetry.irrep for block in self.views[0].blocks]
        return all(certain.block_ranks[names[i]] == certain.block_unknowns[names[i]] for i in self.merged(k))

    def merged(self, k: int) -> set[int]:
        """Blocks of the molecule that meet block k in a block of some isotopologue of lower symmetry."""
        parents = [block.symmetry.coefficients[0] for block in self.views[0].blocks]
        met = [
            {i for i, columns in enumerate(parents) if np.abs(columns.conj().T @ found.real_columns).max() > _MEETS}
            for view in self.views[1:]
            for found in view.coordinates.blocks
        ]
        component = {k}
        while grown := set().union(*(others for others in met if others & component)) - component:
            component |= grown
        return component

    @staticmethod
    def count(block: ViewBlock) -> BlockCount:
        """The counting rule for the lines of one block."""
        kind = "complex" if block.symmetry.is_complex else "real"
        return block_count(block.size, block.intensity_ranks.values(), visible=block.visible, kind=kind)

    def block_result(
        self, block: ViewBlock, facts: BlockFacts, judgement: Judgement, found: MarginalRank, blind: MarginalRank
    ) -> BlockIdentifiability:
        """Everything about one block."""
        count = self.count(block)
        labels = [label for *_, label in block_constants(block.symmetry, self.words)]
        null = () if judgement.verdict == "silent" else null_space_words(block.symmetry.irrep, labels, found.null_space)
        if judgement.verdict == "silent":
            null = (f"{block.symmetry.irrep}: the whole block ({', '.join(labels)}) is invisible",)
        return BlockIdentifiability(
            irrep=block.symmetry.irrep,
            n=block.size,
            degeneracy=block.symmetry.dimension,
            kind=count.kind,
            visible=block.visible,
            intensity_ranks=block.intensity_ranks,
            unknowns=found.unknowns,
            nominal=count.nominal,
            independent=count.independent,
            rank=found.rank.rank,
            exact_rank=facts.exact_rank,
            singular_values=found.singular_values,
            gap=found.rank.gap,
            threshold=found.rank.threshold,
            condition_number=found.condition_number,
            verdict=judgement.verdict,
            evidence=judgement.evidence,
            reason=judgement.reason,
            null_space=null,
            blind=self.blind_count(block, facts, blind),
        )

    def blind_count(self, block: ViewBlock, facts: BlockFacts, found: MarginalRank) -> BlindCount:
        """The block with unknown derivatives."""
        rank, alone = found.rank.rank, self.parametrisation is None or (facts.n == 1 and self.field is None)
        if rank == 0 and not block.visible:
            return BlindCount(0, "silent", "proved")
        if rank < facts.unknowns:
            return BlindCount(rank, "family", "proved" if alone else "numerical")
        return BlindCount(rank, "unique", "proved") if alone else BlindCount(rank, "locally unique", "numerical")

    def result(
        self,
        blocks: dict[str, BlockIdentifiability],
        judgements: list[Judgement],
        numeric: NumericRanks,
        certain: ExactRank | None,
        origin: str,
        noise: Noise | None,
    ) -> Identifiability:
        """The answer."""
        counts = [self.count(block) for view in self.views for block in view.blocks]
        verdict, evidence = overall_verdict(judgements)
        if evidence == "probabilistic" and certain is not None and certain.rank == certain.upper_bound:
            evidence = "certified"
        kept = numeric.singular_values[: numeric.rank.rank]
        blind = [Judgement(b.blind.verdict, b.blind.evidence, "") for b in blocks.values()]
        parameters = self.parametrisation
        return Identifiability(
            molecule=self.views[0].coordinates.molecule,
            point_group=self.views[0].coordinates.point_group,
            force_field=self.name,
            observables=self.observables,
            isotopologues=tuple(view.name for view in self.views[1:]),
            derivatives=origin,
            blocks=blocks,
            n_constants=numeric.unknowns if parameters is None else parameters.count,
            unknowns=numeric.unknowns,
            nominal=sum(count.nominal for count in counts),
            independent=sum(count.independent for count in counts),
            rank=numeric.rank.rank,
            exact_rank=None if certain is None else certain.rank,
            failure_probability=None if certain is None else certain.failure_probability,
            singular_values=numeric.singular_values,
            gap=numeric.rank.gap,
            threshold=numeric.rank.threshold,
            condition_number=float(kept[0] / kept[-1]) if len(kept) else float("nan"),
            verdict=verdict,
            evidence=evidence,
            blind=BlindCount(sum(b.blind.rank for b in blocks.values()), *overall_verdict(blind)),
            noise=None if noise is None else self.noise(noise, numeric),
        )

    def noise(self, noise: Noise, numeric: NumericRanks) -> NoiseReport:
        """Standard errors of the constants."""
        if self.parametrisation is not None:
            labels = self.parametrisation.labels
            places = [np.arange(len(labels))] * len(numeric.jacobians)
        else:
            labels: tuple[str, ...] = ()
            places, start = [], 0
            for block in self.views[0].blocks:
                names = [label for *_, label in block_constants(block.symmetry, self.words)]
                labels += tuple(f"{block.symmetry.irrep} {name}" for name in names)
                if block.visible:
                    places.append(np.arange(start, start + len(names)))
                start += len(names)
        return noise_report(noise, labels, list(zip(numeric.jacobians, numeric.scales, places, strict=True)))


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
    name: str, field: LinearForceField | None, views: list[View], response: HarmonicResponse
) -> Parametrisation | None:
    """The constants shared by blocks; None where every block of a single isotopologue has its own."""
    if field is not None:
        return model_parametrisation(name, field, _at(field, response))
    if len(views) == 1:
        return None
    coordinates = views[0].coordinates
    blocks = zip(coordinates.blocks, views[0].blocks, strict=True)
    whole = sum((s.expand(np.asarray(b.spectral.f)) for s, b in blocks), np.zeros(()))
    return general_parametrisation(coordinates, whole)
