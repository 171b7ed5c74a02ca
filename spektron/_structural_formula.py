"""Structural formulas: SMILES from a geometry where that is reliable, and the key by which structures are joined."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DatasetError, MissingPackageError
from ..groups.elements import element

__all__ = ["connectivity_key", "plain_smiles", "smiles_of_geometry"]

_ORGANIC = frozenset({1, 6, 7, 8, 9, 16, 17, 35, 53})  # the elements whose valences bond orders can be read from


def _chem() -> Any:
    try:
        from rdkit import Chem
    except ImportError as error:
        raise MissingPackageError.of_extra("structural formulas need RDKit", "chem") from error
    return Chem


def smiles_of_geometry(numbers: Sequence[int], positions_angstrom: ArrayLike) -> str:
    """SMILES (no stereochemistry) of a neutral organic molecule by RDKit's bond orders; "" where there is none.

    Parameters
    ----------
    numbers : sequence of int (N,)
    positions_angstrom : array (N, 3) or (3N,)

    Notes
    -----
    Only molecules of H, C, N, O, F, S, Cl, Br, I with carbon are tried, and an answer counts only if it is one
    molecule without formal charges and unpaired electrons: a metal, a borane or an ion gets "". Where an answer
    counts it has the connectivity of the row's SMILES for all but a few of the shipped QM9 molecules
    (``tools/make_functional_groups.py`` prints how many). Method: Y. Kim, W. Y. Kim, Bull. Korean Chem. Soc. 36,
    1769 (2015), as RDKit has it.

    Examples
    --------
    >>> smiles_of_geometry([8, 6, 8], [[-1.16, 0, 0], [0, 0, 0], [1.16, 0, 0]])
    'O=C=O'
    """
    if 6 not in numbers or not set(numbers) <= _ORGANIC:
        return ""
    chem = _chem()
    from rdkit.Chem import rdDetermineBonds
    from rdkit.rdBase import BlockLogs

    rows = np.reshape(np.asarray(positions_angstrom, dtype=float), (-1, 3)).tolist()
    atoms = [f"{element(z).symbol} {x:.8f} {y:.8f} {w:.8f}" for z, (x, y, w) in zip(numbers, rows, strict=True)]
    with BlockLogs():
        molecule = chem.MolFromXYZBlock("\n".join([str(len(atoms)), "", *atoms]))
        try:
            rdDetermineBonds.DetermineBonds(molecule, charge=0, embedChiral=False)
            chem.SanitizeMol(molecule)
        except ValueError:  # no valences fit, in RDKit's words
            return ""
        charged = any(atom.GetFormalCharge() or atom.GetNumRadicalElectrons() for atom in molecule.GetAtoms())
        text = chem.MolToSmiles(chem.RemoveHs(molecule), isomericSmiles=False)
    return "" if charged or "." in text else text


def plain_smiles(smiles: str) -> str:
    """Canonical SMILES without stereochemistry and isotopes; DatasetError where RDKit cannot read it.

    Examples
    --------
    >>> plain_smiles("OC"), plain_smiles("C[C@H](F)O")
    ('CO', 'CC(O)F')
    """
    return _chem().MolToSmiles(_molecule(smiles), isomericSmiles=False)


def connectivity_key(smiles: str) -> str:
    """First block of the InChIKey: the same for all stereoisomers, isotopologues and mesomers of a molecule.

    Raises
    ------
    DatasetError
        RDKit cannot read the SMILES or finds no InChI.

    Examples
    --------
    >>> connectivity_key("C[C@H](F)O") == connectivity_key("C[C@@H](O)F") != connectivity_key("OCCF")
    True
    """
    chem = _chem()
    from rdkit.rdBase import BlockLogs

    with BlockLogs():
        key = chem.MolToInchiKey(_molecule(smiles))
    if not key:
        raise DatasetError(f"connectivity_key({smiles!r}): RDKit makes no InChI of it.")
    return key[:14]


def _molecule(smiles: str) -> Any:
    from rdkit.rdBase import BlockLogs

    with BlockLogs():
        molecule = _chem().MolFromSmiles(smiles)
    if molecule is None or not smiles:
        raise DatasetError(f"RDKit cannot read the SMILES {smiles!r}.")
    return molecule
