"""What a combined spectrum determines of a harmonic force field: `identify`."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import IdentifiabilityError
from ._blind import blind_ranks
from ._exact_ranks import exact_ranks
from ._marginal import MarginalRank
from ._numeric_ranks import NumericRanks, numeric_ranks
from ._verdicts import BlockFacts, Judgement, block_verdict, overall_verdict, with_more_data
from ._views import ViewBlock
from .block_rank import BlockCount, block_count
from .exact import ExactRank
from .identifiability_result import BlindCount, BlockIdentifiability, Identifiability
from .noise import Noise, NoiseReport, noise_report
from .null_space_words import null_space_words
from .question import Question, pose

__all__ = ["identify"]

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
        Further isotopologues whose spectra are measured, too: {atom index (from 0) or element: mass number} each.
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
    >>> identify(water)
    Identifiability(H2O, C2v, general: rank 4 of 4, unique (certified))
    """
    stated = _noise(noise)
    question = pose(x, observables, force_field, isotopologues, engine=engine, seed=seed, tolerance=tolerance)
    numeric = numeric_ranks(question.views, question.parametrisation)
    certain = exact_ranks(question.views, question.field, seed) if exact else None
    blinds, blind_rank = blind_ranks(question.views, question.parametrisation, question.observables)
    answer = _Answer(question, numeric, certain, _by_itself(question, exact, seed))
    blocks = {b.symmetry.irrep: answer.block(k, blinds[k]) for k, b in enumerate(question.views[0].blocks)}
    return answer.whole(blocks, blind_rank, stated)


def _noise(given: Noise | bool | None) -> Noise | None:
    if isinstance(given, Noise):
        return given
    if given is None or isinstance(given, bool):
        return Noise() if given else None
    raise IdentifiabilityError(f"identify(noise={given!r}): a Noise, True for the default one, or None is needed.")


def _by_itself(question: Question, exact: bool, seed: int) -> tuple[Judgement, ...] | None:
    """Verdicts from the molecule's own lines, where isotopologues add others: more data cannot weaken them."""
    if question.field is not None or len(question.views) == 1:
        return None
    own = replace(question, views=question.views[:1], parametrisation=None)
    answer = _Answer(own, numeric_ranks(own.views, None), exact_ranks(own.views, None, seed) if exact else None, None)
    return tuple(block_verdict(answer.facts(k)) for k in range(len(own.views[0].blocks)))


@dataclass(frozen=True, eq=False)
class _Answer:
    """Ranks of a question, and what follows from them."""

    question: Question
    numeric: NumericRanks
    certain: ExactRank | None
    alone: tuple[Judgement, ...] | None

    def facts(self, k: int) -> BlockFacts:
        """What decides about block k."""
        block, found, certain = self.question.views[0].blocks[k], self.numeric.blocks[k], self.certain
        return BlockFacts(
            n=block.size,
            visible=self.seen(k),
            own_lines=block.visible,
            unknowns=found.unknowns,
            independent=_count(block).independent,
            rank=found.rank.rank,
            exact_rank=None if certain is None else certain.block_ranks[block.symmetry.irrep],
            separate=self.question.field is None,
            alone=self.question.parametrisation is None,
            rounded_apart=len(self.question.views) > 1,
            complete=certain is not None and self.complete(k, certain),
            is_complex=block.symmetry.is_complex,
            n_intensities=block.independent_intensities,
            span=block.span,
        )

    def complete(self, k: int, certain: ExactRank) -> bool:
        """Are all constants that share a line with block k determined? Then so they are on an open dense set."""
        if self.question.field is not None:
            return certain.rank == certain.unknowns
        names = [block.symmetry.irrep for block in self.question.views[0].blocks]
        return all(certain.block_ranks[names[i]] == certain.block_unknowns[names[i]] for i in self.merged(k))

    def seen(self, k: int) -> bool:
        """Is any line to which block k contributes seen, of any isotopologue?"""
        return self.question.views[0].blocks[k].visible or any(visible and k in met for visible, met in self.meetings)

    @cached_property
    def meetings(self) -> list[tuple[bool, set[int]]]:
        """For each block of an isotopologue: is it visible, and which blocks of the molecule itself meet in it."""
        parents = [block.symmetry.coefficients[0].conj().T for block in self.question.views[0].blocks]
        return [
            (
                found.visible,
                {i for i, rows in enumerate(parents) if np.abs(rows @ found.symmetry.real_columns).max() > _MEETS},
            )
            for view in self.question.views[1:]
            for found in view.blocks
        ]

    def merged(self, k: int) -> set[int]:
        """Blocks of the molecule that meet block k in a block of some isotopologue of lower symmetry."""
        component = {k}
        while grown := set().union(*(met for _, met in self.meetings if met & component)) - component:
            component |= grown
        return component

    def block(self, k: int, blind: MarginalRank) -> BlockIdentifiability:
        """Everything about block k."""
        block, found = self.question.views[0].blocks[k], self.numeric.blocks[k]
        facts, count, labels = self.facts(k), _count(block), self.question.labels(block)
        judgement = block_verdict(facts)
        if self.alone is not None:
            judgement = with_more_data(self.alone[k], judgement)
        irrep = block.symmetry.irrep
        null = null_space_words(irrep, labels, found.null_space, facts.unknowns - found.rank.rank)
        if judgement.verdict == "silent":
            null = (f"{irrep}: the whole block ({', '.join(labels)}) is invisible",)
        return BlockIdentifiability(
            irrep=irrep,
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
            blind=_blind_count(facts, blind),
        )

    def whole(self, blocks: dict[str, BlockIdentifiability], blind_rank: int, noise: Noise | None) -> Identifiability:
        """The answer for the molecule."""
        question, numeric, certain = self.question, self.numeric, self.certain
        counts = [_count(block) for view in question.views for block in view.blocks]
        verdict, evidence = overall_verdict((b.verdict, b.evidence) for b in blocks.values())
        agreed = certain is not None and certain.rank == certain.upper_bound == numeric.rank.rank
        if evidence == "probabilistic" and agreed:
            evidence = "certified"
        kept = numeric.singular_values[: numeric.rank.rank]
        blind = overall_verdict((b.blind.verdict, b.blind.evidence) for b in blocks.values())
        parameters = question.parametrisation
        return Identifiability(
            molecule=self.question.views[0].coordinates.molecule,
            point_group=self.question.views[0].coordinates.point_group,
            force_field=question.name,
            observables=question.observables,
            isotopologues=tuple(view.name for view in self.question.views[1:]),
            derivatives=question.derivatives,
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
            blind=BlindCount(blind_rank, *blind),
            noise=None if noise is None else self.noise(noise),
        )

    def noise(self, noise: Noise) -> NoiseReport:
        """Standard errors of the constants."""
        question, numeric = self.question, self.numeric
        if question.parametrisation is not None:
            labels = question.parametrisation.labels
            places = [np.arange(len(labels))] * len(numeric.jacobians)
            return noise_report(noise, labels, list(zip(numeric.jacobians, numeric.scales, places, strict=True)))
        names = [[f"{b.symmetry.irrep} {name}" for name in question.labels(b)] for b in question.views[0].blocks]
        starts = np.cumsum([0, *map(len, names)])
        places = [
            np.arange(start, start + len(mine))
            for b, start, mine in zip(question.views[0].blocks, starts, names, strict=False)
            if b.visible
        ]
        labels = tuple(name for mine in names for name in mine)
        return noise_report(noise, labels, list(zip(numeric.jacobians, numeric.scales, places, strict=True)))


def _count(block: ViewBlock) -> BlockCount:
    """The counting rule for the lines of one block."""
    kind = "complex" if block.symmetry.is_complex else "real"
    return block_count(block.size, block.intensity_ranks.values(), visible=block.visible, kind=kind)


def _blind_count(facts: BlockFacts, found: MarginalRank) -> BlindCount:
    """The block with unknown derivatives."""
    rank, proved = found.rank.rank, facts.alone or (facts.n == 1 and facts.separate and facts.own_lines)
    if rank == 0 and not facts.visible and facts.separate:
        return BlindCount(0, "silent", "proved")
    if rank < facts.unknowns:
        return BlindCount(rank, "family", "proved" if proved else "numerical")
    return BlindCount(rank, "unique", "proved") if proved else BlindCount(rank, "locally unique", "numerical")
