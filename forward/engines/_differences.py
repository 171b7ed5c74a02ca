"""Derivatives by central differences over the symmetry-unique displacements of a molecule's atoms.

An equivariant quantity y (gradient, dipole, polarizability) obeys ``y(g R) = D(g) y(R)`` for every operation g of the
point group. So its derivatives for one atom of each orbit give those of all, and for that atom, the derivative
along a direction v gives those along every image of v under the site group. If some operation of the site reverses
v, the geometry displaced backwards is the image of the one displaced forwards and need not be computed.
The same idea serves phonons: K. Parlinski, Z. Q. Li, Y. Kawazoe, Phys. Rev. Lett. 78, 4063 (1997).

Translational invariance could save one orbit more; it is kept as a check on the result instead.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ...constants import BOHR_ANGSTROM
from ...errors import EngineError
from ...groups.displacements import DisplacementSymmetry
from ...groups.molecule import Molecule
from ...groups.operations import NDArrayFloat, NDArrayInt

if TYPE_CHECKING:
    from ...groups.detection import Detection

__all__ = [
    "Derivatives",
    "Displacement",
    "DisplacementPlan",
    "hessian_from_gradients",
    "plan_displacements",
    "plan_without_symmetry",
]

_LOG = logging.getLogger(__name__)
_SAME_VECTOR = 1e-6  # difference of unit vectors that are one direction
_SPANS = 1e-3  # smallest eigenvalue of the mean of v v^T over a set of directions that spans space (at best 1/3)
_EVEN = (np.sqrt(1 / 3), np.sqrt(2 / 3))  # weights of an axis and of a plane that make the images isotropic

Values = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Displacement:
    """One atom moved along one direction.

    Attributes
    ----------
    atom : int
    direction : ndarray (3,)
        Unit vector.
    reversal : int or None
        An operation of the plan that keeps the atom and reverses the direction; None if there is none.
    """

    atom: int
    direction: NDArrayFloat
    reversal: int | None

    @property
    def needs_minus(self) -> bool:
        """Must the backward displacement be computed too?"""
        return self.reversal is None


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Derivatives with respect to the 3N Cartesian coordinates, in the frame of the plan.

    Attributes
    ----------
    values : dict of str to ndarray (..., 3N)
        For each quantity; the last index is the displaced coordinate. The Hessian (of "gradient") is symmetrised.
    asymmetry : float or None
        Largest |H - H^T| before that: the error of the differences, in the unit of the Hessian.
    symmetry_residuals : dict of str to float
        Largest part of a computed difference that has not the symmetry of its displacement (0 without symmetry).
        Far above the noise of the engine, its state has less symmetry than the nuclei.
    translation_residuals : dict of str to float
        Largest element of the sum over atoms: 0 for a Hessian or polarizability; of a dipole, the deviation from a
        multiple of the unit matrix (the charge).
    step_bohr : float
    n_geometries : int
    """

    values: dict[str, NDArrayFloat]
    asymmetry: float | None
    symmetry_residuals: dict[str, float]
    translation_residuals: dict[str, float]
    step_bohr: float
    n_geometries: int

    @property
    def hessian(self) -> NDArrayFloat:
        """Derivative (3N, 3N) of "gradient", symmetric."""
        return self.values["gradient"]

    def as_dict(self) -> dict[str, Any]:
        """How the derivatives were made, as plain values (the arrays themselves are left out)."""
        return {
            "step_bohr": self.step_bohr,
            "n_geometries": self.n_geometries,
            "asymmetry": self.asymmetry,
            "symmetry_residuals": dict(self.symmetry_residuals),
            "translation_residuals": dict(self.translation_residuals),
        }


@dataclass(frozen=True, eq=False)
class DisplacementPlan:
    """A smallest set of displaced geometries from which all first derivatives follow by symmetry.

    Attributes
    ----------
    molecule : Molecule
        With exactly symmetric positions: the geometry that the derivatives belong to.
    matrices, permutations : ndarray (h, 3, 3), ndarray (h, N)
        Operations about ``centre_bohr``; for a linear molecule those of C4v or D4h along its axis.
    centre_bohr : ndarray (3,)
    displacements : tuple of Displacement
    """

    molecule: Molecule
    matrices: NDArrayFloat
    permutations: NDArrayInt
    centre_bohr: NDArrayFloat
    displacements: tuple[Displacement, ...]

    @property
    def positions_bohr(self) -> NDArrayFloat:
        """Positions (N, 3) of the undisplaced molecule."""
        return self.molecule.positions / BOHR_ANGSTROM

    @property
    def n_gradients(self) -> int:
        """Number of displaced geometries; 6N without symmetry."""
        return sum(1 + displacement.needs_minus for displacement in self.displacements)

    def geometries(self, step_bohr: float = 0.005) -> NDArrayFloat:
        """Displaced positions (n_gradients, N, 3) in bohr: for each displacement plus, then minus if it is needed."""
        return np.array(
            [
                self.positions_bohr + sign * step_bohr * _unit(len(self.molecule), displacement)
                for displacement in self.displacements
                for sign in ((1.0, -1.0) if displacement.needs_minus else (1.0,))
            ]
        ).reshape(-1, len(self.molecule), 3)

    def assemble(self, values: Sequence[Values], step_bohr: float = 0.005) -> Derivatives:
        """Derivatives from the quantities computed at each of `geometries`, in their order.

        Parameters
        ----------
        values : sequence of mappings str -> array
            "gradient" is a vector on each atom, (3N,) or (N, 3); anything else a Cartesian tensor (), (3,), (3, 3)...
            The dipole of an ion must be about ``centre_bohr``, the point that the operations leave in place.
        step_bohr : float
            The one of `geometries`.

        Raises
        ------
        EngineError
            Wrong number of geometries, wrong shapes, NaN, or different quantities at different geometries.
        """
        checked = self._checked(values)
        names = list(checked[0]) if checked else []
        size = 3 * len(self.molecule)
        totals = {name: np.zeros((*checked[0][name].shape, size)) for name in names}
        residuals = dict.fromkeys(names, 0.0)
        differences = self._differences(checked, step_bohr)
        for atom in dict.fromkeys(displacement.atom for displacement in self.displacements):
            own = [k for k, displacement in enumerate(self.displacements) if displacement.atom == atom]
            for name in names:
                local, residual = self._site_derivative(atom, own, [differences[k][name] for k in own], name)
                residuals[name] = max(residuals[name], residual)
                self._spread(totals[name], atom, local, name)
        asymmetry = None
        translation = {name: _translation_residual(name, total) for name, total in totals.items()}
        if "gradient" in totals:
            hessian = totals["gradient"].reshape(size, size)
            asymmetry = float(np.abs(hessian - hessian.T).max())
            totals["gradient"] = (hessian + hessian.T) / 2
            _LOG.debug("difference Hessian: asymmetry %.2g, residuals %s", asymmetry, residuals)
        return Derivatives(totals, asymmetry, residuals, translation, step_bohr, len(checked))

    def differentiate(
        self,
        function: Callable[[NDArrayFloat], Values],
        step_bohr: float = 0.005,
        on_done: Callable[[int, int], None] | None = None,
    ) -> Derivatives:
        """Derivatives of everything that ``function(positions_bohr)`` returns, a mapping as in `assemble`.

        ``on_done(done, all)`` is called after each geometry. Cost: `n_gradients` calls of the function.
        """
        geometries = self.geometries(step_bohr)
        values = []
        for done, geometry in enumerate(geometries, start=1):
            values.append(function(geometry))
            if on_done is not None:
                on_done(done, len(geometries))
        return self.assemble(values, step_bohr)

    def hessian(
        self,
        gradient_function: Callable[[NDArrayFloat], NDArrayFloat],
        step_bohr: float = 0.005,
        on_done: Callable[[int, int], None] | None = None,
    ) -> NDArrayFloat:
        """Hessian (3N, 3N) from ``gradient_function(positions_bohr (N, 3)) -> (3N,)`` by central differences.

        Exactly symmetric and exactly invariant under the group; `differentiate` also says what the error was.
        """
        return self.differentiate(lambda x: {"gradient": gradient_function(x)}, step_bohr, on_done).hessian

    # ---- how a value turns ----------------------------------------------------------------------------------

    def _turned(self, operation: int, value: NDArrayFloat, name: str) -> NDArrayFloat:
        """D(g) value."""
        matrix = self.matrices[operation]
        if name == "gradient":
            turned = np.empty_like(value)
            turned[self.permutations[operation]] = value @ matrix.T
            return turned
        for axis in range(value.ndim):
            value = np.moveaxis(np.tensordot(matrix, value, axes=(1, axis)), 0, axis)
        return value

    def _differences(self, checked: list[dict[str, NDArrayFloat]], step: float) -> list[dict[str, NDArrayFloat]]:
        """Derivative along each displacement."""
        rows = iter(checked)
        differences = []
        for displacement in self.displacements:
            plus = next(rows)
            if displacement.reversal is None:
                minus = next(rows)
            else:
                minus = {name: self._turned(displacement.reversal, value, name) for name, value in plus.items()}
            differences.append({name: (value - minus[name]) / (2 * step) for name, value in plus.items()})
        return differences

    def _site_derivative(
        self, atom: int, own: list[int], differences: list[NDArrayFloat], name: str
    ) -> tuple[NDArrayFloat, float]:
        """Derivative (..., 3) for one atom by least squares over the images of its displacements, and the misfit."""
        site = np.flatnonzero(self.permutations[:, atom] == atom).tolist()
        directions = np.array([self.matrices[s] @ self.displacements[k].direction for k in own for s in site])
        images = np.array([self._turned(s, difference, name) for difference in differences for s in site])
        solution = np.linalg.solve(directions.T @ directions, directions.T @ images.reshape(len(images), -1))
        misfit = float(np.abs(directions @ solution - images.reshape(len(images), -1)).max())
        return np.asarray(solution.T, dtype=float).reshape(*images.shape[1:], 3), misfit

    def _spread(self, total: NDArrayFloat, atom: int, local: NDArrayFloat, name: str) -> None:
        """Write the derivatives (..., 3) for ``atom`` and, turned, for all atoms of its orbit into ``total``."""
        partners, first = np.unique(self.permutations[:, atom], return_index=True)
        for partner, operation in zip(partners, first, strict=True):
            turned = np.stack([self._turned(operation, local[..., k], name) for k in range(3)], axis=-1)
            total[..., 3 * partner : 3 * partner + 3] = turned @ self.matrices[operation].T

    def _checked(self, values: Sequence[Values]) -> list[dict[str, NDArrayFloat]]:
        if len(values) != self.n_gradients:
            raise EngineError(
                f"DisplacementPlan.assemble: values of {len(values)} geometries, the plan has {self.n_gradients}."
            )
        n_atoms = len(self.molecule)
        checked = []
        for number, row in enumerate(values):
            arrays = {name: np.array(value, dtype=float) for name, value in row.items()}
            if "gradient" in arrays and arrays["gradient"].size == 3 * n_atoms:
                arrays["gradient"] = arrays["gradient"].reshape(n_atoms, 3)
            for name, array in arrays.items():
                wanted = (n_atoms, 3) if name == "gradient" else (3,) * array.ndim
                if array.shape != wanted:
                    raise EngineError(
                        f"displaced geometry {number}: {name} has the shape {np.shape(row[name])}; {n_atoms} atoms: "
                        "the gradient needs (3N,), a tensor (3,), (3, 3) ..."
                    )
                if not np.isfinite(array).all():
                    raise EngineError(f"displaced geometry {number}: {name} holds NaN or infinity.")
            if checked and {k: v.shape for k, v in arrays.items()} != {k: v.shape for k, v in checked[0].items()}:
                raise EngineError(
                    f"displaced geometry {number} gives {sorted(arrays)}, the first one {sorted(checked[0])}, or with "
                    "other shapes."
                )
            checked.append(arrays)
        return checked


def plan_displacements(detection: "Detection") -> DisplacementPlan:
    """The displacements from which the derivatives of a molecule follow by its symmetry.

    One atom of each orbit; for it the set of directions that needs fewest geometries: 1 where the site has an
    operation that reverses a direction whose images span space (Td, D3h, Oh ...), up to 6 for a general position.

    Parameters
    ----------
    detection : Detection
        Of the molecule; its positions are made exactly symmetric first.

    Examples
    --------
    >>> import symvib as sv
    >>> dioxide = sv.detect_point_group((["O", "C", "O"], [[0, 0, -1.16], [0, 0, 0], [0, 0, 1.16]]))
    >>> plan_displacements(dioxide).n_gradients  # 18 without symmetry
    3
    """
    action = DisplacementSymmetry.of(detection)
    molecule = detection.molecule
    centre = molecule.center_of_mass
    symmetric = replace(molecule, positions=action.positions + centre)
    displacements = []
    for orbit in _orbits(action.permutations):
        site = np.flatnonzero(action.permutations[:, orbit] == orbit)
        for direction, reversal in _site_directions(action.matrices[site]):
            displacements.append(Displacement(orbit, direction, None if reversal is None else int(site[reversal])))
    return DisplacementPlan(
        symmetric, action.matrices, action.permutations, centre / BOHR_ANGSTROM, tuple(displacements)
    )


def plan_without_symmetry(molecule: Molecule) -> DisplacementPlan:
    """All 3N displacements, plus and minus: what `plan_displacements` gives for C1, at the positions as they are."""
    n_atoms = len(molecule)
    displacements = tuple(Displacement(a, axis, None) for a in range(n_atoms) for axis in np.eye(3))
    return DisplacementPlan(
        molecule, np.eye(3)[None], np.arange(n_atoms)[None], molecule.center_of_mass / BOHR_ANGSTROM, displacements
    )


def hessian_from_gradients(
    gradient_function: Callable[[NDArrayFloat], NDArrayFloat],
    molecule: Molecule,
    step_bohr: float = 0.005,
    on_done: Callable[[int, int], None] | None = None,
) -> NDArrayFloat:
    """Hessian (3N, 3N) by central differences of 6N gradients, no symmetry assumed; symmetrised."""
    return plan_without_symmetry(molecule).hessian(gradient_function, step_bohr, on_done)


# ---- which directions ------------------------------------------------------------------------------------------


def _site_directions(site: NDArrayFloat) -> list[tuple[NDArrayFloat, int | None]]:
    """Cheapest unit vectors whose images under the site group (s, 3, 3) span space, with a reversing operation.

    All sets of up to three candidates are tried in order of cost; of the cheapest, the one with the most isotropic
    images is taken.
    """
    if len(site) == 1:
        return [(axis, None) for axis in np.eye(3)]
    candidates = _candidates(site)
    images = np.einsum("sij,cj->csi", site, candidates)
    reversed_by = np.abs(images + candidates[:, None]).max(axis=2) < _SAME_VECTOR
    costs = np.where(reversed_by.any(axis=1), 1, 2)
    grams = np.einsum("csi,csj->cij", images, images) / len(site)
    sets = [np.array(list(combinations(range(len(candidates)), k))) for k in (1, 2, 3)]
    for cost in range(1, 7):
        best, score = None, _SPANS
        for members in sets:
            affordable = members[costs[members].sum(axis=1) == cost]
            if len(affordable):
                spread = np.linalg.eigvalsh(grams[affordable].mean(axis=1))[:, 0]
                if spread.max() > score + _SAME_VECTOR:
                    best, score = affordable[int(spread.argmax())], float(spread.max())
        if best is not None:
            return [(candidates[c], int(reversed_by[c].argmax()) if reversed_by[c].any() else None) for c in best]
    raise AssertionError("three axes always span space")  # pragma: no cover


def _candidates(site: NDArrayFloat) -> NDArrayFloat:
    """Unit vectors (c, 3) to try: along and between the axes of the site and of the -1 spaces of its operations."""
    # The mean of a general symmetric matrix over the group has the axes of the site as its eigenvectors.
    general = np.array([[1.0, 0.13, 0.07], [0.13, 2.1, 0.19], [0.07, 0.19, 3.7]])
    mean = (site @ general @ site.transpose(0, 2, 1)).mean(axis=0)
    spaces = [np.eye(3)]
    for matrix in site:
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        space = vectors[:, values < -1 + _SAME_VECTOR]
        if space.shape[1] == 3:  # inversion: every direction is reversed
            spaces = [space]
            break
        if space.shape[1]:
            spaces.append(space)
    vectors = np.array(
        [v for space in spaces for v in _directions_in(space @ np.linalg.eigh(space.T @ mean @ space)[1])]
    )
    overlaps = np.abs(vectors @ vectors.T)
    new = ~np.triu(overlaps > 1 - _SAME_VECTOR**2, 1).any(axis=0)
    return vectors[new]


def _directions_in(axes: NDArrayFloat) -> list[NDArrayFloat]:
    """Unit vectors along the columns of ``axes`` and between two or three of them."""
    columns = list(axes.T)
    found = list(columns)
    for i, j in combinations(range(len(columns)), 2):
        for sign in (1.0, -1.0):
            found.append(_EVEN[0] * columns[i] + sign * _EVEN[1] * columns[j])
            found.append(_EVEN[1] * columns[i] + sign * _EVEN[0] * columns[j])
    if len(columns) == 3:
        found += [(columns[0] + s * columns[1] + t * columns[2]) / np.sqrt(3) for s in (1, -1) for t in (1, -1)]
    return found


def _orbits(permutations: NDArrayInt) -> list[int]:
    """Smallest atom of each orbit."""
    return [int(atom) for atom in np.unique(permutations.min(axis=0))]


def _unit(n_atoms: int, displacement: Displacement) -> NDArrayFloat:
    unit = np.zeros((n_atoms, 3))
    unit[displacement.atom] = displacement.direction
    return unit


def _translation_residual(name: str, total: NDArrayFloat) -> float:
    """Largest element of the sum over displaced atoms; for a vector, what is left of it without the charge."""
    summed = total.reshape(*total.shape[:-1], -1, 3).sum(axis=-2)
    if name != "gradient" and summed.shape == (3, 3):
        summed = summed - np.eye(3) * np.trace(summed) / 3
    return float(np.abs(summed).max(initial=0.0))
