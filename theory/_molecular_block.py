"""A symmetry block of a molecule with the way back: from other force constants of the block to a Cartesian Hessian."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ..forward._tensor_averages import averaged_response
from ..forward.force_constants import internal_to_cartesian
from ..forward.ped import coordinate_groups
from ..forward.response import HarmonicResponse
from ..forward.response_jacobian import response_blocks
from ..forward.symmetry_coordinates import SymmetryBlock, SymmetryCoordinates, symmetry_coordinates
from ._isospectral import IsospectralBlock
from ._observables import OBSERVABLES

__all__ = ["MolecularBlock"]

Array = NDArray[np.float64]
Matrix = NDArray[Any]


@dataclass(frozen=True, eq=False)
class MolecularBlock:
    """One species of a molecule.

    Attributes
    ----------
    response : HarmonicResponse
        Averaged over the point group: exactly symmetric.
    coordinates : SymmetryCoordinates
    symmetry_block : SymmetryBlock
    block : IsospectralBlock
    """

    response: HarmonicResponse
    coordinates: SymmetryCoordinates
    symmetry_block: SymmetryBlock
    block: IsospectralBlock

    @classmethod
    def all_of(
        cls, response: HarmonicResponse, observables: Iterable[str] = OBSERVABLES
    ) -> dict[str, "MolecularBlock"]:
        """The blocks of a response, by irrep.

        Raises
        ------
        IdentifiabilityError
            Not a response, or without the derivatives that the observables need.
        """
        if not isinstance(response, HarmonicResponse):
            raise IdentifiabilityError(
                f"a HarmonicResponse is needed, {type(response).__name__} was given; harmonic_response(molecule) makes "
                "one."
            )
        asked = tuple(observables)
        if "ir" in asked and response.dipole_derivatives is None:
            raise IdentifiabilityError(f"{response!r} has no dipole derivatives: leave 'ir' out of observables.")
        if "raman" in asked and response.polarizability_derivatives is None:
            raise IdentifiabilityError(
                f"{response!r} has no polarizability derivatives: leave 'raman' and 'rho' out of observables."
            )
        coordinates = symmetry_coordinates(response.molecule)
        averaged = averaged_response(coordinates.action, response)
        return {
            part.label: cls(averaged, coordinates, symmetry, IsospectralBlock.of(part, asked))
            for symmetry, part in zip(coordinates.blocks, response_blocks(averaged, coordinates), strict=True)
        }

    @classmethod
    def of(cls, response: HarmonicResponse, irrep: str, observables: Iterable[str] = OBSERVABLES) -> "MolecularBlock":
        """The block of one irrep.

        Raises
        ------
        IdentifiabilityError
            As `all_of`; no vibration of this irrep.
        """
        blocks = cls.all_of(response, observables)
        if irrep not in blocks:
            raise IdentifiabilityError(
                f"irrep={irrep!r}: {response.molecule.formula} has vibrations of {', '.join(blocks)}."
            )
        return blocks[irrep]

    @property
    def point_group(self) -> str:
        """Label of the point group."""
        return self.coordinates.point_group.label

    def response_with(self, f: Matrix) -> HarmonicResponse:
        """The response with force constants ``f`` (n, n) in this block; all else, and all derivatives, unchanged."""
        change = self.symmetry_block.expand(f - self.block.force_constants(self.block.matrix))
        moved = internal_to_cartesian(change, None, self.coordinates.internals, self.coordinates.positions)[0]
        return replace(self.response, hessian=self.response.hessian + moved, gradient=None, energy_hartree=None)

    @property
    def coordinate_names(self) -> tuple[str, ...]:
        """Each symmetry coordinate in words, "C-H stretch"; where words repeat also what it is built around."""
        words = coordinate_groups(self.coordinates.molecule, self.coordinates.internals)
        symbols = self.coordinates.molecule.symbols
        found = [(words[i], self.coordinates.internals[i].label(symbols)) for i in self.symmetry_block.leading]
        count = Counter(word for word, _ in found)
        return tuple(word if count[word] == 1 else f"{word} {label}" for word, label in found)

    @property
    def constant_names(self) -> tuple[str, ...]:
        """Names of the force constants, in the order of `constants`."""
        names, labels = self.coordinate_names, []
        for a in range(len(names)):
            for b in range(a, len(names)):
                pair = names[a] if a == b else f"{names[a]} / {names[b]}"
                labels += [f"{pair} (real)", f"{pair} (imaginary)"] if self.block.is_complex and a != b else [pair]
        return tuple(labels)

    @property
    def constant_units(self) -> tuple[str, ...]:
        """Unit of each force constant: "mdyn/A", "mdyn" or "mdyn A"."""
        stretch = [self.coordinates.internals[i].kind == "stretch" for i in self.symmetry_block.leading]
        units = []
        for a in range(len(stretch)):
            for b in range(a, len(stretch)):
                unit = ("mdyn A", "mdyn", "mdyn/A")[stretch[a] + stretch[b]]
                units += [unit] * (2 if self.block.is_complex and a != b else 1)
        return tuple(units)

    def constants(self, f: Matrix) -> Array:
        """Force constants (..., unknowns) of F (..., n, n): upper triangle, row by row; complex: real, imaginary."""
        rows, columns = np.triu_indices(self.block.size)
        upper = np.asarray(f)[..., rows, columns]
        if not self.block.is_complex:
            return np.real(upper)
        pairs = np.stack([np.real(upper), np.imag(upper)], axis=-1).reshape(*upper.shape[:-1], -1)
        return pairs[..., np.repeat(rows != columns, 2) | np.tile([True, False], len(rows))]
