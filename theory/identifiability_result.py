"""The answer of `identify`: per irrep and as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat
from ..groups.schoenflies import PointGroup
from . import _identifiability_text as presentation
from .noise import NoiseReport

__all__ = ["BlindCount", "BlockIdentifiability", "Identifiability"]


@dataclass(frozen=True)
class BlindCount:
    """What remains when the derivatives of dipole moment and polarizability are unknown, too.

    Attributes
    ----------
    rank : int
        Combinations of force constants that are still determined.
    verdict, evidence : str
    """

    rank: int
    verdict: str
    evidence: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dict(vars(self))


@dataclass(frozen=True, eq=False)
class BlockIdentifiability:
    """What the data determine of the force constants of one irrep.

    Attributes
    ----------
    irrep : str
    n : int
        Multiplicity: levels, and rows of the block of F.
    degeneracy : int
    kind : {"real", "complex"}
        Symmetric blocks, or Hermitian ones of a complex-conjugate pair.
    visible : bool
        Are its lines seen in the spectra measured?
    intensity_ranks : dict of str to int
        Of the observed intensities that the irrep allows.
    unknowns : int
        Independent combinations of the block's constants that the model can reach.
    nominal, independent : int
        Observables of the block's own lines (of the molecule itself), and how many the counting rule leaves.
    rank : int
        Combinations determined by all data, from singular values.
    exact_rank : int or None
        The same in exact arithmetic, on coefficients rounded to decimals: where it is larger, rounding broke a relation
        (accidental ones of the derivatives; those between isotopologues), and ``rank`` stands.
    singular_values : ndarray (unknowns,)
        Scaled: each kind of observable by its largest gradient, constants in sqrt(F_aa F_bb); marginal over what other
        blocks share.
    gap, threshold : float
        Last singular value counted over the next one, and what decided between them.
    condition_number : float
        Largest over smallest counted singular value; NaN where none is counted.
    verdict : {"unique", "locally unique", "finite", "family", "silent"}
    evidence : {"proved", "certified", "probabilistic", "numerical", "searched"}
    reason : str
    null_space : tuple of str
        Invisible combinations in words.
    blind : BlindCount
    """

    irrep: str
    n: int
    degeneracy: int
    kind: str
    visible: bool
    intensity_ranks: Mapping[str, int]
    unknowns: int
    nominal: int
    independent: int
    rank: int
    exact_rank: int | None
    singular_values: NDArrayFloat
    gap: float
    threshold: float
    condition_number: float
    verdict: str
    evidence: str
    reason: str
    null_space: tuple[str, ...]
    blind: BlindCount

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; an infinite gap and an undefined condition number are None."""
        plain = dict(vars(self))
        plain |= {
            "intensity_ranks": dict(self.intensity_ranks),
            "singular_values": self.singular_values.tolist(),
            "gap": presentation.finite(self.gap),
            "condition_number": presentation.finite(self.condition_number),
            "null_space": list(self.null_space),
            "blind": self.blind.as_dict(),
        }
        return plain


@dataclass(frozen=True, eq=False, repr=False)
class Identifiability:
    """What the spectra of a molecule determine of its force constants.

    Attributes
    ----------
    molecule : Molecule
    point_group : PointGroup
    force_field : str
        Model of the unknowns.
    observables : tuple of str
    isotopologues : tuple of str
        Further ones measured.
    derivatives : str
        Where the derivatives of dipole moment and polarizability come from.
    blocks : dict of str to BlockIdentifiability
        By irrep, in the order of the character table.
    n_constants : int
        Constants of the model.
    unknowns : int
        Dimension of the set of force fields it reaches (fewer where constants are redundant).
    nominal, independent : int
        Observables of all lines of all isotopologues, and what the counting rule leaves of them; relations between
        isotopologues (product rule) are not in it.
    rank : int
        Numerical rank of all data.
    exact_rank : int or None
    failure_probability : float or None
        Bound on the probability that the exact rank misses the generic one; 0 where it meets an upper bound.
    singular_values : ndarray (unknowns,)
    gap, threshold, condition_number : float
    verdict, evidence : str
        Of the worst block; silent blocks make it "family".
    blind : BlindCount
    noise : NoiseReport or None
    """

    molecule: Molecule
    point_group: PointGroup
    force_field: str
    observables: tuple[str, ...]
    isotopologues: tuple[str, ...]
    derivatives: str
    blocks: Mapping[str, BlockIdentifiability]
    n_constants: int
    unknowns: int
    nominal: int
    independent: int
    rank: int
    exact_rank: int | None
    failure_probability: float | None
    singular_values: NDArrayFloat
    gap: float
    threshold: float
    condition_number: float
    verdict: str
    evidence: str
    blind: BlindCount
    noise: NoiseReport | None

    def __repr__(self) -> str:
        return (
            f"Identifiability({self.molecule.formula}, {self.point_group.label}, {self.force_field}: rank {self.rank} "
            f"of {self.unknowns}, {self.verdict} ({self.evidence}))"
        )

    def __str__(self) -> str:
        return self.to_text()

    title = "What the spectra determine"

    def to_text(self) -> str:
        """A table for the terminal."""
        return presentation.text(self)

    def to_markdown(self) -> str:
        """A Markdown table and what is invisible."""
        return presentation.markdown(self)

    def to_html(self) -> str:
        """An HTML fragment: table, what is invisible, plot of the singular values."""
        return presentation.html(self)

    def _repr_html_(self) -> str:
        return self.to_html()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = dict(vars(self))
        plain |= {
            "molecule": self.molecule.as_dict(),
            "point_group": self.point_group.label,
            "observables": list(self.observables),
            "isotopologues": list(self.isotopologues),
            "blocks": {irrep: block.as_dict() for irrep, block in self.blocks.items()},
            "singular_values": self.singular_values.tolist(),
            "gap": presentation.finite(self.gap),
            "condition_number": presentation.finite(self.condition_number),
            "blind": self.blind.as_dict(),
            "noise": None if self.noise is None else self.noise.as_dict(),
        }
        return plain

    def to_json(self, indent: int | None = 2) -> str:
        """`as_dict` as JSON text."""
        import json

        return json.dumps(self.as_dict(), indent=indent, allow_nan=False)

    def plot(self, ax: Any = None) -> Any:
        """Axes with the singular values of each block and the threshold of its rank."""
        return presentation.plot(self, ax)
