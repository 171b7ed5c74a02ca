"""Which intensities a vibration of a symmetry species shows in each technique, and their ranks, by character theory.

An intensity of mode k is a quadratic form in the derivatives of molecular properties along the mode, averaged over
orientations: dipole P (a vector), mean polarizability a, traceless polarizability Y, and so on. How many independent
components of such a derivative a species has is how often the species occurs in the representation of the property:
that is the rank of the intensity matrix. Circular dichroism and Raman optical activity are products of two different
derivatives.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

from ..errors import IdentifiabilityError, PointGroupError
from ..groups.character_table import finite_table
from ..groups.representation import Decomposition
from ..groups.schoenflies import PointGroup
from ..groups.selection_rules import (
    hyperpolarizability_representation,
    polarizability_representation,
    vector_representation,
)
from .block_rank import Kind, checked_ranks, checked_whole, frame_dimension

__all__ = ["TECHNIQUES", "Intensity", "IntensityPattern", "block_kind", "intensity_pattern", "intensity_ranks"]

# Derivatives (see `Intensity.products`) that make up each intensity: pairs of names, a name with itself for a square.
_PRODUCTS: dict[str, tuple[tuple[str, str], ...]] = {
    "ir": (("dipole", "dipole"),),
    "raman_isotropic": (("mean", "mean"),),
    "raman_anisotropic": (("traceless", "traceless"),),
    "raman": (("mean", "mean"), ("traceless", "traceless")),
    "vcd": (("dipole", "magnetic dipole"),),
    "roa_backward": (("traceless", "optical activity, backward"),),
    "roa_forward": (("mean", "optical activity, mean"), ("traceless", "optical activity, forward")),
    "hyper_raman_dipolar": (("hyper dipolar", "hyper dipolar"),),
    "hyper_raman_octupolar": (("hyper octupolar", "hyper octupolar"),),
    "hyper_raman": (("hyper dipolar", "hyper dipolar"), ("hyper octupolar", "hyper octupolar")),
}
_ORIENTED = {"ir_oriented": ("dipole",), "raman_oriented": ("mean", "traceless")}

TECHNIQUES: dict[str, str] = {
    "ir": "infrared absorption, |d mu/dQ|^2",
    "raman_isotropic": "isotropic Raman, a'^2",
    "raman_anisotropic": "anisotropic Raman, gamma'^2 (with the isotropic part: activity and depolarization ratio)",
    "raman": "Raman activity alone, 45 a'^2 + 7 gamma'^2: one intensity",
    "vcd": "vibrational circular dichroism, rotational strength (d mu/dQ).(d m/dP)",
    "roa_backward": "Raman optical activity, back scattering, 24 beta(G')^2 + 8 beta(A)^2",
    "roa_forward": "Raman optical activity, forward scattering, 180 aG' + 4 beta(G')^2 - 4 beta(A)^2",
    "hyper_raman_dipolar": "hyper-Raman, dipolar invariant |beta_(J=1)'|^2",
    "hyper_raman_octupolar": "hyper-Raman, octupolar invariant |beta_(J=3)'|^2",
    "hyper_raman": "hyper-Raman activity in one polarisation: one intensity",
    "ir_oriented": "infrared of an oriented sample, each component of d mu/dQ by itself",
    "raman_oriented": "Raman of an oriented sample, each component of d alpha/dQ by itself",
}
"""Technique to what it measures."""

# One of the techniques on the left says what the one on the right says already.
_CONTAINED = (
    ("raman_isotropic", "raman"),
    ("raman_anisotropic", "raman"),
    ("hyper_raman_dipolar", "hyper_raman"),
    ("hyper_raman_octupolar", "hyper_raman"),
    ("ir_oriented", "ir"),
    ("raman_oriented", "raman"),
    ("raman_oriented", "raman_isotropic"),
    ("raman_oriented", "raman_anisotropic"),
)


@dataclass(frozen=True)
class Intensity:
    """One number per mode: a sum of products of derivatives along it.

    Attributes
    ----------
    name : str
        Technique; with "[1]", "[2]" ... for the components of an oriented sample.
    products : tuple of (str, str)
        I_k = sum over the pairs (A, B) of A_k.B_k; the same name twice is a square.
    component : int or None
        The one component that is measured, of an oriented sample; None: the sum over all.
    """

    name: str
    products: tuple[tuple[str, str], ...]
    component: int | None = None

    @property
    def derivatives(self) -> frozenset[str]:
        """Names of the derivatives that occur."""
        return frozenset(name for pair in self.products for name in pair)


@dataclass(frozen=True)
class IntensityPattern:
    """The intensities that a species shows in the chosen techniques.

    Attributes
    ----------
    group, irrep : str
    kind : {"real", "complex"}
    components : dict of str to int
        How often the species occurs in each derivative (of one member of a complex pair).
    intensities : tuple of Intensity
        Those allowed; products with a forbidden derivative are left out.
    """

    group: str
    irrep: str
    kind: Kind
    components: dict[str, int]
    intensities: tuple[Intensity, ...]

    def directions(self, intensity: Intensity) -> frozenset[tuple[str, int]]:
        """The components of derivatives on which an intensity depends."""
        one = intensity.component
        return frozenset(
            (d, i) for d in intensity.derivatives for i in (range(self.components[d]) if one is None else (one,))
        )

    def span(self, intensities: Iterable[Intensity]) -> int:
        """Number of directions on which the given intensities depend together."""
        return len(frozenset().union(*map(self.directions, intensities)))

    @classmethod
    def of_ranks(cls, ranks: Iterable[int], kind: Kind = "real") -> "IntensityPattern":
        """Intensities of the given ranks that share nothing, of no particular species."""
        components = {f"intensity {i}": r for i, r in enumerate(checked_ranks(ranks), start=1)}
        return cls("", "", kind, components, tuple(Intensity(d, ((d, d),)) for d in components))

    @property
    def matrix_ranks(self) -> dict[str, int]:
        """Rank of each intensity matrix W: twice the components for a product of two derivatives (W indefinite)."""
        return {i.name: self.span([i]) for i in self.intensities}

    @property
    def ranks(self) -> dict[str, int]:
        """Ranks for `block_rank`: directions that each intensity adds to those that squares alone measure.

        Where infrared measures p_k^2, the product p_k m_k of circular dichroism tells m_k: it counts as rank one.
        With them `block_rank` equals `rank` if the pattern is `additive`; otherwise it may be above it.
        """
        squares = [i for i in self.intensities if len(i.derivatives) == 1]
        known = frozenset().union(*map(self.directions, squares))
        return {
            i.name: len(self.directions(i) if i in squares else self.directions(i) - known) for i in self.intensities
        }

    @property
    def additive(self) -> bool:
        """True unless two intensities share a derivative that no square measures by itself.

        Not additive are, for example, Raman as one intensity beside Raman optical activity, and both optical activities
        without the anisotropic Raman part.
        """
        return sum(self.ranks.values()) == self.span(self.intensities)

    def rank(self, n: int) -> int:
        """Generic rank of a block of n vibrations, from the spans of all subsets of intensities; 0 if none is allowed.

        Complexity 2^s for s intensities. Raises IdentifiabilityError if n is negative.
        """
        if checked_whole("n", n) == 0 or not self.intensities:
            return 0
        s = len(self.intensities)
        if self.kind == "complex":
            return min(n * n, n + s * (n - 1))
        subsets = (c for j in range(s + 1) for c in combinations(self.intensities, j))
        return n + min(frame_dimension(n, self.span(c)) + (s - len(c)) * (n - 1) for c in subsets)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "group": self.group,
            "irrep": self.irrep,
            "kind": self.kind,
            "components": dict(self.components),
            "matrix_ranks": self.matrix_ranks,
            "ranks": self.ranks,
        }


def intensity_ranks(
    group: str | PointGroup,
    irrep: str,
    techniques: Iterable[str] = ("ir", "raman_isotropic", "raman_anisotropic"),
) -> dict[str, int]:
    """Ranks of the intensities that each mode of a species shows, for `block_rank`.

    Parameters
    ----------
    group : str or PointGroup
        Any point group with vibrations, the infinite ones included.
    irrep : str
        Real species; a complex pair ("E" of C3) stands for one member, whose ranks these are.
    techniques : iterable of str
        Keys of `TECHNIQUES`. Oriented techniques give one intensity of rank one for each component, "raman_oriented[1]"
        and so on.

    Returns
    -------
    dict of str to int
        0 where the species is forbidden. A circular dichroism beside the infrared intensity, or an optical activity
        beside the Raman parts, counts only the directions that it adds (see `IntensityPattern.ranks`).

    Raises
    ------
    IdentifiabilityError
        Unknown technique, none, one twice, or one whose intensity another one given contains; techniques whose ranks do
        not add up (`IntensityPattern.additive`): `intensity_pattern` counts those.
    PointGroupError
        Unknown group or species; Kh (an atom does not vibrate).

    Examples
    --------
    >>> intensity_ranks("C1", "A")
    {'ir': 3, 'raman_isotropic': 1, 'raman_anisotropic': 5}
    >>> intensity_ranks("Td", "T2"), intensity_ranks("D6h", "B1u", ["ir", "hyper_raman"])
    ({'ir': 1, 'raman_isotropic': 0, 'raman_anisotropic': 1}, {'ir': 0, 'hyper_raman': 1})
    >>> intensity_ranks("C2", "A", ["vcd"]), intensity_ranks("C2", "A", ["ir", "vcd"])
    ({'vcd': 2}, {'ir': 1, 'vcd': 1})
    >>> intensity_ranks("C2v", "A1", ["ir_oriented", "raman_oriented"])
    {'ir_oriented[1]': 1, 'raman_oriented[1]': 1, 'raman_oriented[2]': 1, 'raman_oriented[3]': 1}
    """
    chosen = _checked_techniques(techniques)
    pattern = intensity_pattern(group, irrep, chosen)
    if pattern.kind == "real" and not pattern.additive:
        raise IdentifiabilityError(
            f"{pattern.group} {pattern.irrep}, techniques={chosen}: two of them share a derivative that none measures by "
            "itself, so ranks do not add up; use intensity_pattern(...).rank(n), or add raman_anisotropic."
        )
    allowed = pattern.ranks
    ranks: dict[str, int] = {}
    for technique in chosen:
        of_technique = {k: r for k, r in allowed.items() if k.partition("[")[0] == technique}
        ranks |= of_technique or {technique: 0}
    return ranks


def intensity_pattern(
    group: str | PointGroup,
    irrep: str,
    techniques: Iterable[str] = ("ir", "raman_isotropic", "raman_anisotropic"),
) -> IntensityPattern:
    """The intensities themselves: which products of derivatives they are. Arguments and errors as `intensity_ranks`.

    Examples
    --------
    >>> p = intensity_pattern("D3", "A1", ["raman_anisotropic", "roa_backward"])
    >>> p.matrix_ranks, p.ranks, p.rank(4)
    ({'raman_anisotropic': 1, 'roa_backward': 2}, {'raman_anisotropic': 1, 'roa_backward': 1}, 9)
    """
    point_group = PointGroup.parse(group)
    chosen = _checked_techniques(techniques)
    label, components = _components(point_group, irrep)
    intensities = []
    for technique in chosen:
        if technique in _ORIENTED:
            parts = [(d, i) for d in _ORIENTED[technique] for i in range(components[d])]
            intensities += [Intensity(f"{technique}[{m}]", ((d, d),), i) for m, (d, i) in enumerate(parts, start=1)]
            continue
        products = tuple(p for p in _PRODUCTS[technique] if all(components[d] for d in p))
        if products:
            intensities.append(Intensity(technique, products))
    used = frozenset().union(*(i.derivatives for i in intensities))
    return IntensityPattern(
        point_group.label,
        label,
        block_kind(point_group, label),
        {d: m for d, m in components.items() if d in used},
        tuple(intensities),
    )


def block_kind(group: str | PointGroup, irrep: str) -> Kind:
    """Kind of the blocks of a species: "complex" (Hermitian) for a pair of complex-conjugate ones, "real" otherwise.

    Examples
    --------
    >>> block_kind("C3", "E"), block_kind("C3v", "E")
    ('complex', 'real')
    """
    point_group = _vibrating(group)
    (label,) = Decomposition(point_group, {irrep: 1})
    if point_group.is_linear:
        return "real"
    members = sum(i.real_label == label for i in finite_table(point_group).irreps)
    return "complex" if members == 2 else "real"


def _vibrating(group: str | PointGroup) -> PointGroup:
    point_group = PointGroup.parse(group)
    if point_group.label == "Kh":
        raise PointGroupError("Kh is the group of an atom, which has no vibrations.")
    return point_group


@lru_cache(maxsize=256)
def _representations(group: PointGroup) -> dict[str, Decomposition]:
    """Representation of each derivative."""
    vector = vector_representation(group)
    tensor = polarizability_representation(group)
    total = Decomposition(group, {_totally_symmetric(group): 1})
    octupolar = hyperpolarizability_representation(group) - vector
    traceless = tensor - total
    representations = {
        "dipole": vector,
        "mean": total,
        "traceless": traceless,
        "hyper dipolar": vector,
        "hyper octupolar": octupolar,
    }
    # Axial tensors transform as polar ones in chiral groups; elsewhere the products average to zero (a pseudoscalar).
    none = vector - vector
    chiral = group.is_chiral
    return representations | {
        "magnetic dipole": vector if chiral else none,
        "optical activity, mean": total if chiral else none,
        "optical activity, backward": traceless if chiral else none,
        "optical activity, forward": traceless if chiral else none,
    }


def _totally_symmetric(group: PointGroup) -> str:
    """Label of the species of the trace of the polarizability."""
    if group.is_linear:
        return {"Cinfv": "Sigma+", "Dinfh": "Sigmag+"}[group.label]
    (label,) = (i.label for i, row in _rows(group) if all(x == 1 for x in row))
    return label


def _rows(group: PointGroup) -> list[tuple[Any, tuple[Any, ...]]]:
    table = finite_table(group)
    return [(irrep, table.row(irrep.label)) for irrep in table.irreps]


def _components(group: PointGroup, irrep: str) -> tuple[str, dict[str, int]]:
    """The species in the group's spelling, and how often it occurs in each derivative."""
    representations = _representations(_vibrating(group))
    (label,) = Decomposition(group, {irrep: 1})
    return label, {name: gamma[label] for name, gamma in representations.items()}


def _checked_techniques(techniques: Iterable[str]) -> tuple[str, ...]:
    chosen = (techniques,) if isinstance(techniques, str) else tuple(techniques)
    unknown = [t for t in chosen if t not in TECHNIQUES]
    if unknown or not chosen:
        raise IdentifiabilityError(f"techniques={chosen}: choose from {', '.join(TECHNIQUES)}.")
    if len(set(chosen)) != len(chosen):
        raise IdentifiabilityError(f"techniques={chosen}: one is given twice.")
    for finer, coarser in _CONTAINED:
        if finer in chosen and coarser in chosen:
            raise IdentifiabilityError(
                f"techniques={chosen}: {coarser!r} adds nothing that can be counted beside {finer!r}; leave it out, or "
                "give all parts separately."
            )
    return chosen
