"""Automatic choice of internal coordinates: complete, closed under symmetry, and without redundancies on request."""

import logging
from typing import Any

import numpy as np

from ..errors import CoordinateError
from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat, NDArrayInt
from ._bond_graph import Candidates, connected_bonds, graph_coordinates, next_contacts, read_bonds
from ._coordinate_symmetry import NuclearFrame, canonical
from .coordinate_check import check_at
from .internals import InternalCoordinate, InternalCoordinates

__all__ = ["internal_coordinates"]

_log = logging.getLogger(__name__)

# Chemists' preference, which is also the order of the set.
PREFERENCE = ("stretch", "bend", "linear_bend", "out_of_plane", "torsion")

_SAME_DIRECTION = 1e-6


def internal_coordinates(molecule: Any, *, bonds: Any = None, redundant: bool = True) -> InternalCoordinates:
    """A complete set of internal coordinates of a molecule, closed under its point group.

    Parameters
    ----------
    molecule : Molecule or anything that :func:`symvib.as_molecule` reads
        Isotopes do not matter: isotopologues get the same set.
    bonds : (n, 2) int, optional
        Pairs of atoms from 0, instead of ``molecule.bonds()``; their images under the point group are added.
    redundant : bool
        True: all coordinates below. False: exactly d = 3N-6 (3N-5) of them, see Notes.

    Returns
    -------
    InternalCoordinates
        Stretches, bends, linear bends, out-of-plane angles, torsions, in this order; empty for an atom.

    Raises
    ------
    CoordinateError
        Bonds that are not pairs of atoms; no complete set found (the message gives the singular values).

    Notes
    -----
    Stretches: all bonds. Fragments without a bond between them are joined by their closest contact (distance beyond the
    covalent radii) and all contacts equivalent to it. Bends: all angles up to 175 degrees. Beyond, at an atom with
    two bonds, a pair of linear bends whose axes follow the symmetry of the site. Out-of-plane angles: at planar
    centres. Torsions: about all bonds, across linear chains with the substituents at their ends, never about a linear
    angle; about bonds of atoms with more than four neighbours only where the set is else incomplete. If the rank of B
    is still below d, the closest pairs of atoms not yet joined are treated as bonds, one symmetry orbit after the
    other, until it is d.

    ``redundant=False`` goes through the kinds in the order of the set and takes (1) whole symmetry orbits that are
    independent of what is there, best conditioned first, (2) single coordinates by pivoting. A molecule whose
    orbits do not add up to d (rings, cages) gets a set that spans all vibrations but is not closed under its
    group.

    Time O(n_q (3N)^2), a few seconds for 200 atoms.

    Examples
    --------
    >>> water = (["O", "H", "H"], [[0, 0, 0], [0, 0.76, 0.59], [0, -0.76, 0.59]])
    >>> internal_coordinates(water).labels(["O", "H", "H"])
    ('r(O1-H2)', 'r(O1-H3)', 'a(H2-O1-H3)')
    """
    from ..groups.readers import as_molecule

    read = as_molecule(molecule)
    if len(read) == 1:
        return InternalCoordinates([])
    frame = NuclearFrame.of(read)
    graph = read.bonds() if bonds is None else read_bonds(bonds, len(read))
    graph = connected_bonds(graph, read, frame)
    complete = _complete(read, frame, graph)
    if redundant:
        return complete
    from ._independent import independent_rows

    return InternalCoordinates((complete[i] for i in independent_rows(complete, frame)), frame.positions)


def _complete(molecule: Molecule, frame: NuclearFrame, graph: NDArrayInt) -> InternalCoordinates:
    """Coordinates of the graph; of the graph with all torsions; with contacts added, until the rank is d."""
    coordinates = _of_graph(frame, graph, False)
    check = check_at(coordinates, molecule, frame)
    if not check.complete:
        coordinates = _of_graph(frame, graph, True)
        check = check_at(coordinates, molecule, frame)
    while not check.complete:
        added = next_contacts(graph, molecule, frame)
        if not len(added):
            raise CoordinateError(
                f"internal_coordinates({molecule!r}): no complete set found. {check}. Singular values "
                f"{np.array2string(check.singular_values, precision=3)}. Give coordinates of your own."
            )
        _log.info("%r: rank %d of %d; joining %s", molecule, check.rank, check.n_vibrations, added.tolist())
        graph = np.unique(np.vstack([graph, added]), axis=0)
        coordinates = _of_graph(frame, graph, True)
        check = check_at(coordinates, molecule, frame)
    return coordinates


def _of_graph(frame: NuclearFrame, graph: NDArrayInt, all_torsions: bool) -> InternalCoordinates:
    return _build(graph_coordinates(graph, frame, all_torsions), frame)


def _build(candidates: Candidates, frame: NuclearFrame) -> InternalCoordinates:
    built = []
    for kind in PREFERENCE:
        atoms = candidates.get(kind, np.empty((0, 2), dtype=np.int64))
        if kind == "linear_bend" and len(atoms):
            axes = linear_bend_axes(atoms, frame)
            built += [
                InternalCoordinate(kind, tuple(triple), tuple(axis))
                for triple, pair in zip(atoms.tolist(), axes.tolist(), strict=True)
                for axis in pair
            ]
        else:
            built += [InternalCoordinate(kind, tuple(row)) for row in atoms.tolist()]
    return InternalCoordinates(built, frame.positions)


# ---- axes of linear bends ---------------------------------------------------------------------------------------


def linear_bend_axes(triples: NDArrayInt, frame: NuclearFrame) -> NDArrayFloat:
    """Two orthonormal axes (n, 2, 3) across the line of each of the atoms (n, 3), which are closed under symmetry.

    For one triple of an orbit the first axis is the normal of a mirror plane through the line, if there is one, else
    the axis of the standard setting most across the line. Operations carry both to the other triples of the orbit, so
    that as many images of a coordinate as possible are coordinates up to sign, and all are in the span of a pair.
    """
    images = canonical("linear_bend", frame.permutations[:, triples])
    place = {tuple(triple): i for i, triple in enumerate(triples.tolist())}
    axes = np.zeros((len(triples), 2, 3))
    done = np.zeros(len(triples), dtype=bool)
    for first in range(len(triples)):
        if done[first]:
            continue
        pair = _site_axes(first, triples, images, frame)
        for matrix, image in zip(frame.matrices, images[:, first].tolist(), strict=True):
            target = place[tuple(image)]
            if not done[target]:
                axes[target] = _signed(pair @ matrix.T)
                done[target] = True
    return axes


def _site_axes(first: int, triples: NDArrayInt, images: NDArrayInt, frame: NuclearFrame) -> NDArrayFloat:
    a, _, c = triples[first]
    line = frame.positions[c] - frame.positions[a]
    line = line / np.linalg.norm(line)
    staying = (images[:, first] == triples[first]).all(axis=1)
    mirrors = staying & (np.linalg.det(frame.matrices) < 0) & (np.abs(np.einsum("gii->g", frame.matrices) - 1) < 1e-6)
    # The matrix of a mirror is 1 - 2 n n^T.
    normals = [np.linalg.eigh(np.eye(3) - matrix)[1][:, -1] for matrix in frame.matrices[mirrors]]
    normals = [n for n in normals if abs(n @ line) < _SAME_DIRECTION]
    if normals:
        axis = max(normals, key=lambda n: round(float(np.abs(frame.axes @ n).max()), 6))
    else:
        axis = frame.axes[np.argmin(np.abs(frame.axes @ line).round(6))]
    axis = axis - (axis @ line) * line
    axis /= np.linalg.norm(axis)
    return np.array([axis, np.cross(line, axis)])


def _signed(axes: NDArrayFloat) -> NDArrayFloat:
    """The same lines with the first component that is not zero positive."""
    clean = np.where(np.abs(axes) < _SAME_DIRECTION, 0.0, axes)
    first = (clean != 0.0).argmax(axis=1)
    return axes * np.sign(clean[np.arange(len(axes)), first])[:, None]
