"""Point-group detection: which operations a molecule has, how well it obeys them, and which groups are next to it."""

from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DetectionError
from ._identify import OperationSet, line_frame, standard_frame
from ._levels import (
    CEILING_ANGSTROM,
    EXACT_ANGSTROM,
    Choice,
    Level,
    choose_level,
    find_levels,
    rounding_angstrom,
    survives_rounding,
)
from ._matching import Candidates, find_candidates
from .molecule import Molecule
from .operations import NDArrayFloat, NDArrayInt, SymmetryOperation
from .rotor import Rotor, rotor_of
from .schoenflies import PointGroup

if TYPE_CHECKING:
    from .symmetry_elements import SymmetryElement

__all__ = ["DetectedOperation", "Detection", "Rival", "detect_point_group"]

_LARGEST_TOLERANCE_ANGSTROM = 2.0
_RIVAL_LIMITS_ANGSTROM = (0.5, 0.25)  # how far rivals above the group are looked for: up to 100 atoms, and beyond
_REPAIR = 1.5  # with a tolerance given, operations up to this multiple are looked at to name what nearly closes


@dataclass(frozen=True, eq=False)
class DetectedOperation:
    """One symmetry operation of a molecule.

    Attributes
    ----------
    index : int
        Position in ``point_group.operations`` (the standard setting).
    operation : SymmetryOperation
        The exact operation of the group in the input's frame, about the centroid; its name and its axis direction
        are those of the standard setting.
    permutation : ndarray (N,)
        Atom a is sent to the place of atom ``permutation[a]``: [0..N) -> [0..N).
    deviation_angstrom : float
        Largest distance between the image of an atom and its partner, after the best fit of this operation.
    """

    index: int
    operation: SymmetryOperation
    permutation: NDArrayInt
    deviation_angstrom: float


@dataclass(frozen=True)
class Rival:
    """A point group next to the one given: the structure obeys it within ``deviation_angstrom``."""

    point_group: PointGroup
    deviation_angstrom: float

    def __str__(self) -> str:
        return f"{self.point_group} ({self.deviation_angstrom:.2g} A)"


@dataclass(frozen=True, eq=False)
class Detection:
    """The symmetry of a molecule, with the evidence.

    Attributes
    ----------
    molecule : Molecule
        What was looked at.
    point_group : PointGroup
        The group found.
    deviation_angstrom : float
        Largest deviation of any of its operations; of a linear group, largest distance of an atom from the line.
    tolerance_angstrom : float or None
        The tolerance that was given; None where it was read from the molecule.
    ambiguous : bool
        The structure does not decide between this group and a rival; ``reason`` says why.
    reason : str
        How the group was chosen among those the structure nearly has.
    """

    molecule: Molecule
    point_group: PointGroup
    deviation_angstrom: float
    tolerance_angstrom: float | None
    ambiguous: bool
    reason: str
    _found: OperationSet | None  # None for atoms and linear molecules
    _deviations: NDArrayFloat

    # ---- geometry -------------------------------------------------------------------------------------------

    @cached_property
    def centre(self) -> NDArrayFloat:
        """Point (3,) in angstrom that every operation leaves in place: the centroid of the nuclei."""
        return _read_only(self.molecule.positions.mean(axis=0))

    @cached_property
    def _centred(self) -> NDArrayFloat:
        return self.molecule.positions - self.centre

    @cached_property
    def _standard(self) -> tuple[NDArrayFloat, NDArrayInt]:
        if self._found is None:
            return _read_only(line_frame(self._centred)), np.array([], dtype=np.int64)
        frame, matching = standard_frame(self._found, self.point_group, self.molecule)
        return _read_only(frame), matching

    @property
    def frame(self) -> NDArrayFloat:
        """Axes (3, 3) of the standard setting: rows x, y, z in the input's coordinates (a proper rotation)."""
        return self._standard[0]

    @cached_property
    def standard_positions(self) -> NDArrayFloat:
        """Positions (N, 3) in angstrom in the standard setting, centroid at the origin."""
        return _read_only(self._centred @ self.frame.T)

    @cached_property
    def standard_molecule(self) -> Molecule:
        """The molecule in the standard orientation (principal axis z), centroid at the origin; not symmetrised."""
        return _with_positions(self.molecule, self.standard_positions)

    # ---- operations -----------------------------------------------------------------------------------------

    @cached_property
    def operations(self) -> tuple[DetectedOperation, ...]:
        """All operations, in the order of ``point_group.operations``; empty for infinite groups."""
        if self._found is None:
            return ()
        frame, matching = self._standard
        standard = self.point_group.operations
        return tuple(
            DetectedOperation(
                int(matching[m]),
                _turned(standard[matching[m]], frame),
                _read_only(self._found.permutations[m]),
                float(self._deviations[m]),
            )
            for m in np.argsort(matching)
        )

    @cached_property
    def permutations(self) -> NDArrayInt:
        """Permutations (h, N) of the atoms, in the order of ``point_group.operations``; (0, N) if infinite."""
        if self._found is None:
            return np.empty((0, len(self.molecule)), dtype=np.int64)
        return _read_only(self._found.permutations[np.argsort(self._standard[1])])

    @cached_property
    def fixed_atoms(self) -> NDArrayInt:
        """Number (h,) of atoms that stay in place, for each of ``point_group.operations``."""
        return _read_only((self.permutations == np.arange(len(self.molecule))).sum(axis=1))

    @property
    def fixed_atoms_per_class(self) -> tuple[int, ...]:
        """Number of atoms in place, for each class of ``character_table(point_group)``; finite groups only."""
        from .character_table import character_table

        return tuple(int(self.fixed_atoms[c.indices[0]]) for c in character_table(self.point_group).classes)

    @property
    def has_central_atom(self) -> bool:
        """Does an atom sit at the fixed point of a group that has only one?"""
        if self.point_group.label == "Dinfh":
            return len(self.molecule) % 2 == 1
        in_place = (self.permutations == np.arange(len(self.molecule))).all(axis=0)
        return self._found is not None and not self.point_group.is_polar and bool(in_place.any())

    @cached_property
    def elements(self) -> "tuple[SymmetryElement, ...]":
        """Symmetry elements (axes, planes, centre) in the input's frame."""
        from .symmetry_elements import symmetry_elements

        return symmetry_elements(self)

    @cached_property
    def orbits(self) -> tuple[NDArrayInt, ...]:
        """Sets of equivalent atoms, each an ascending index array."""
        count = len(self.molecule)
        if self.point_group.label == "Dinfh":
            order = np.argsort(self.standard_positions[:, 2])
            smallest = np.empty(count, dtype=np.int64)
            smallest[order] = np.minimum(order, order[::-1])
        elif self._found is None:
            smallest = np.arange(count)
        else:
            smallest = self._found.permutations.min(axis=0)
        return tuple(np.flatnonzero(smallest == first) for first in np.unique(smallest))

    @cached_property
    def site_symmetries(self) -> tuple[PointGroup, ...]:
        """Point group of the site of each of :attr:`orbits`: the operations that leave one of its atoms in place."""
        if self._found is None:
            centre = len(self.molecule) // 2 if self.has_central_atom else -1
            middle = np.argsort(self.standard_positions[:, 2])[centre]
            return tuple(
                self.point_group if not self.point_group.is_linear or (self.has_central_atom and middle in orbit)
                else PointGroup("Cinfv")
                for orbit in self.orbits
            )  # fmt: skip
        found = self._found
        groups = []
        for orbit in self.orbits:
            keeps = np.flatnonzero(found.permutations[:, orbit[0]] == orbit[0])
            site = OperationSet(found.matrices[keeps], found.permutations[keeps], found.proper[keeps])
            groups.append(site.point_group)
        return tuple(groups)

    # ---- properties -----------------------------------------------------------------------------------------

    @property
    def symmetry_number(self) -> int:
        """Number of indistinguishable orientations of the rigid molecule (rotations); 1 for an atom."""
        return self.point_group.rotational_order or 1

    @property
    def is_chiral(self) -> bool:
        """No improper operation: the molecule differs from its mirror image."""
        return self.point_group.is_chiral

    @property
    def is_polar(self) -> bool:
        """A permanent dipole moment is allowed by symmetry."""
        return self.point_group.is_polar

    @cached_property
    def rotor(self) -> Rotor:
        """Rotor type, moments of inertia, and whether equal moments are required or accidental."""
        return rotor_of(self.molecule, self.point_group)

    @property
    def rotor_type(self) -> str:
        """One of "atom", "linear", "spherical top", "prolate symmetric top", "oblate ...", "asymmetric top"."""
        return self.rotor.kind

    # ---- neighbours -----------------------------------------------------------------------------------------

    @property
    def _rival_limit(self) -> float:
        return _RIVAL_LIMITS_ANGSTROM[len(self.molecule) > 100]

    @cached_property
    def levels(self) -> tuple[Rival, ...]:
        """Every group that the structure has at some tolerance up to 0.5 A, this one included, by deviation.

        Beyond 100 atoms the search ends at 0.25 A. Levels within numerical exactness of each other are given once,
        by the largest group.
        """
        if self.point_group.label == "Kh":
            return (Rival(self.point_group, 0.0),)
        limit = max(self._rival_limit, 2 * self.deviation_angstrom)
        candidates, levels = _search(self.molecule, self._centred, limit)
        rivals = [Rival(_group_of(candidates, level), level.deviation_angstrom) for level in levels]
        rivals = [r for r in rivals if r.point_group != self.point_group]
        rivals.append(Rival(self.point_group, self.deviation_angstrom))
        rivals.sort(key=lambda r: (r.deviation_angstrom, r.point_group.order or 10**6))
        return tuple(
            rival
            for rival, following in zip(rivals, [*rivals[1:], None], strict=True)
            if rival.point_group == self.point_group
            or following is None
            or following.deviation_angstrom > rival.deviation_angstrom + EXACT_ANGSTROM
        )

    @cached_property
    def rivals(self) -> tuple[Rival, ...]:
        """The groups next to this one: the nearest below (obeyed better) and the nearest above (obeyed worse)."""
        groups = [rival.point_group for rival in self.levels]
        here = groups.index(self.point_group)
        below = [r for r in self.levels[:here] if r.deviation_angstrom < self.deviation_angstrom - EXACT_ANGSTROM]
        return tuple([*below[-1:], *self.levels[here + 1 : here + 2]])

    @cached_property
    def plateau_angstrom(self) -> tuple[float, float | None]:
        """Range of tolerances that give this group; its upper end is None if no other group is found."""
        above = [r for r in self.rivals if r.deviation_angstrom >= self.deviation_angstrom + EXACT_ANGSTROM]
        return self.deviation_angstrom, above[0].deviation_angstrom if above else None

    @property
    def deviation(self) -> float:
        """Short name of :attr:`deviation_angstrom`."""
        return self.deviation_angstrom

    @property
    def plateau(self) -> tuple[float, float | None]:
        """Short name of :attr:`plateau_angstrom`."""
        return self.plateau_angstrom

    def symmetrize(self, to: "str | PointGroup | None" = None) -> Molecule:
        """The molecule moved to the nearest structure that has the symmetry exactly, in its input orientation.

        Parameters
        ----------
        to : str, optional
            Another point group, below or above the detected one; default: the detected group.

        Raises
        ------
        DetectionError
            No operations forming that group are found within 1 A.

        Examples
        --------
        >>> import symvib as sv
        >>> water = sv.as_molecule((["O", "H", "H"], [[0, 0, 0], [0, 0.76, 0.59], [0, -0.75, 0.6]]))
        >>> found = sv.detect_point_group(water, tolerance=0.05)
        >>> found.point_group.label, round(sv.detect_point_group(found.symmetrize()).deviation_angstrom, 9)
        ('C2v', 0.0)
        """
        from .symmetrize import symmetrized_positions

        group = self.point_group if to is None else PointGroup.parse(to)
        moved = _with_positions(self.molecule, symmetrized_positions(self, group) + self.centre)
        return replace(moved, comment="; ".join(filter(None, (moved.comment, f"symmetrized to {group}"))))

    # ---- presentation ---------------------------------------------------------------------------------------

    def summary(self) -> str:
        """One line: group, range of tolerances, neighbours, and doubt if there is any."""
        low, high = self.plateau_angstrom
        upper = f"{high:.2g}" if high is not None else f"beyond {self._rival_limit:g}"
        lower = "0" if low < EXACT_ANGSTROM else f"{low:.1g}"
        text = f"{self.point_group} for tolerances from {lower} to {upper} A"
        below = [r for r in self.rivals if r.deviation_angstrom < self.deviation_angstrom]
        above = [r for r in self.rivals if r.deviation_angstrom > self.deviation_angstrom]
        text += "".join(f", {r.point_group} below" for r in below) + "".join(f", {r.point_group} above" for r in above)
        return text + (f"; AMBIGUOUS: {self.reason}" if self.ambiguous else "")

    def as_dict(self) -> dict[str, Any]:
        """Plain data (JSON types) of everything above."""
        return {
            "point_group": self.point_group.label,
            "deviation_angstrom": self.deviation_angstrom,
            "tolerance_angstrom": self.tolerance_angstrom,
            "ambiguous": self.ambiguous,
            "reason": self.reason,
            "plateau_angstrom": list(self.plateau_angstrom),
            "rivals": [
                {"point_group": r.point_group.label, "deviation_angstrom": r.deviation_angstrom} for r in self.rivals
            ],
            "operations": [
                {
                    "label": o.operation.label,
                    "axis": None if o.operation.axis is None else o.operation.axis.tolist(),
                    "permutation": o.permutation.tolist(),
                    "deviation_angstrom": o.deviation_angstrom,
                }
                for o in self.operations
            ],
            "frame": self.frame.tolist(),
            "orbits": [orbit.tolist() for orbit in self.orbits],
            "site_symmetries": [group.label for group in self.site_symmetries],
            "symmetry_number": self.symmetry_number,
            "is_chiral": self.is_chiral,
            "is_polar": self.is_polar,
            "rotor": self.rotor.as_dict(),
        }

    def __repr__(self) -> str:
        return f"<Detection {self.molecule.formula}: {self.point_group}, deviation {self.deviation_angstrom:.2g} A>"


def detect_point_group(x: Any, tolerance: float | None = None) -> Detection:
    """The point group of a molecule, with its operations, their deviations and the groups next to it.

    Parameters
    ----------
    x : Molecule or anything that :func:`symvib.as_molecule` reads
    tolerance : float, optional
        Largest distance (angstrom) between the image of an atom and its partner. By default it is read from the
        molecule: deviations up to 0.005 A are noise, none above 0.15 A is, and between them the spread of the
        deviations decides (see :mod:`symvib.groups._levels`).

    Raises
    ------
    DetectionError
        The tolerance is not a number between 0 and 2 A, or the operations found match no group.

    Notes
    -----
    Cost O(N^2) for a molecule whose atoms differ in element or distance from the centroid, up to O(N^3) where they do
    not, and O(h N^2) for h operations. A search is exhaustive for tolerances below half the shortest distance between
    like atoms; beyond, an image has no unique partner. Isotopes are different atoms.

    Examples
    --------
    >>> detect_point_group((["O", "C", "O"], [[0, 0, -1.16], [0, 0, 0], [0, 0, 1.16]])).point_group.label
    'Dinfh'
    """
    if tolerance is not None and not (isinstance(tolerance, Real) and 0 < tolerance <= _LARGEST_TOLERANCE_ANGSTROM):
        raise DetectionError(
            f"detect_point_group(..., tolerance={tolerance!r}): give a distance in angstrom between 0 and "
            f"{_LARGEST_TOLERANCE_ANGSTROM:g}, or None to read it from the molecule."
        )
    if isinstance(x, Molecule):
        molecule = x
    else:
        from .readers import as_molecule

        molecule = as_molecule(x)
    if len(molecule) == 1:
        return Detection(molecule, PointGroup("Kh"), 0.0, tolerance, False, "a single atom", None, np.zeros(0))
    centred = molecule.positions - molecule.positions.mean(axis=0)
    candidates, levels = _search(molecule, centred, CEILING_ANGSTROM if tolerance is None else _REPAIR * tolerance)
    choice = choose_level(
        levels,
        tolerance,
        name=lambda level: _group_of(candidates, level).label,
        rounding=lambda level: 0.0 if survives_rounding(candidates, level) else rounding_angstrom(molecule.positions),
    )
    if tolerance is not None:
        choice = _with_refusals(choice, candidates, levels, tolerance)
    level = choice.level
    found = None if level.label else OperationSet.of(candidates, level.size)
    group = PointGroup(level.label) if found is None else found.point_group
    return Detection(
        molecule, group, level.deviation_angstrom, tolerance, choice.ambiguous, choice.reason, found,
        candidates.deviations[: level.size],
    )  # fmt: skip


def _search(molecule: Molecule, centred: NDArrayFloat, limit: float) -> tuple[Candidates, list[Level]]:
    species = molecule.kinds
    candidates = find_candidates(species, centred, limit)
    levels = find_levels(candidates, centred, species)
    return candidates, [level for level in levels if level.deviation_angstrom <= limit]


def _group_of(candidates: Candidates, level: Level) -> PointGroup:
    return PointGroup(level.label) if level.label else OperationSet.of(candidates, level.size).point_group


def _with_refusals(choice: Choice, candidates: Candidates, levels: list[Level], tolerance: float) -> Choice:
    """The choice, saying which operations lie within a given tolerance but do not close to a group within it."""
    level = choice.level
    within = int(np.count_nonzero(candidates.deviations <= tolerance))
    if level.label or within <= level.size:
        return choice
    left_out = ", ".join(f"{d:.3f}" for d in candidates.deviations[level.size : within][:6])
    closing = next((x for x in levels if x.deviation_angstrom > tolerance), None)
    hint = (
        f"; they close to {_group_of(candidates, closing)} at {closing.deviation_angstrom:.3f} A"
        if closing is not None
        else ""
    )
    reason = f"{within - level.size} operations within {tolerance:g} A do not close (deviations {left_out} A){hint}"
    return Choice(level, True, reason)


def _turned(operation: SymmetryOperation, frame: NDArrayFloat) -> SymmetryOperation:
    """A standard operation seen in the frame of the input."""
    matrix = _read_only(frame.T @ operation.matrix @ frame)
    axis = None if operation.axis is None else _read_only(frame.T @ operation.axis)
    return SymmetryOperation(matrix, operation.proper, operation.n, operation.k, axis)


def _with_positions(molecule: Molecule, positions: NDArrayFloat) -> Molecule:
    return Molecule.from_dict({**molecule.as_dict(), "positions": positions})


def _read_only(array: np.ndarray) -> np.ndarray:
    """The array itself, which nobody can change any more: results are cached."""
    array.setflags(write=False)
    return array
