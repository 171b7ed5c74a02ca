"""Numbers nu_1, nu_2 ... of normal modes in spectroscopic order."""

from collections.abc import Sequence

import numpy as np

from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat, NDArrayInt
from ..groups.schoenflies import PointGroup

__all__ = ["mode_numbers"]

_LETTERS = ("A", "Sigma", "B", "E", "Pi", "T", "Delta", "G", "Phi", "H", "Gamma")


def species_key(irrep: str) -> tuple[int, str, int]:
    """Sorting key of Herzberg's order: A before B before E before T; by subscript; g before u, ' before ''."""
    letter = max((name for name in _LETTERS if irrep.startswith(name)), key=len)
    rest = irrep[len(letter) :]
    parity = int("u" in rest or "''" in rest)
    return _LETTERS.index(letter), rest.replace("g", "").replace("u", "").replace("'", ""), parity


def mode_numbers(
    irreps: Sequence[str],
    eigenvalues: NDArrayFloat,
    set_index: NDArrayInt,
    molecule: Molecule,
    point_group: PointGroup,
) -> tuple[int, ...]:
    """Number of each mode from 1; the partners of a degenerate set share one.

    Species follow G. Herzberg, Infrared and Raman Spectra (1945): g and u (' and '') of a species side by side, as in
    A1g, A1u, A2g, A2u ... B ... E ..., which is how benzene, ethylene and acetylene are numbered in the literature.
    Within a species wavenumbers descend. One exception is as old as the rule: in linear triatomic molecules nu2 is the
    bend (R. S. Mulliken, J. Chem. Phys. 23, 1997 (1955)).
    """
    first = [int(np.argmax(set_index == s)) for s in range(int(set_index.max(initial=-1)) + 1)]
    order = sorted(first, key=lambda mode: (species_key(irreps[mode]), -float(eigenvalues[mode])))
    if len(molecule) == 3 and point_group.is_linear:
        stretches = sorted(
            (mode for mode in order if irreps[mode].startswith("Sigma")),
            key=lambda mode: (species_key(irreps[mode]), -float(eigenvalues[mode])),
        )
        bends = [mode for mode in order if mode not in stretches]
        order = [*stretches[:1], *bends, *stretches[1:]]
    number_of_set = {int(set_index[mode]): number for number, mode in enumerate(order, 1)}
    return tuple(number_of_set[int(s)] for s in set_index)
