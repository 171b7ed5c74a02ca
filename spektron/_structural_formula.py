"""Structural formulas: SMILES from a geometry where that is reliable, and the key by which structures are joined."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DatasetError, MissingPackageError
from ..groups.elements import element

__all__ = ["StructureFacts", "connectivity_key", "smiles_of_geometry", "structure_facts"]

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


@dataclass(frozen=True)
class StructureFacts:
    """What a SMILES says of a molecule.

    Attributes
    ----------
    smiles : str
        Canonical, stereochemistry kept.
    key : str
        As `connectivity_key`.
    formula : str
        Hill formula without charge.
    atoms : tuple of int
        Atomic numbers, hydrogen atoms among them.
    n_x_h, n_s_h : int
        Hydrogen atoms on C, N or O, and on S.
    """

    smiles: str
    key: str
    formula: str
    atoms: tuple[int, ...]
    n_x_h: int
    n_s_h: int

    @property
    def n_atoms(self) -> int:
        """Hydrogen atoms counted."""
        return len(self.atoms)


def structure_facts(smiles: str) -> StructureFacts:
    """What a SMILES says of a molecule; DatasetError where RDKit cannot read it.

    Examples
    --------
    >>> facts = structure_facts("OC")
    >>> facts.smiles, facts.formula, facts.n_atoms, facts.n_x_h
    ('CO', 'CH4O', 6, 4)
    """
    chem = _chem()
    from rdkit.Chem.rdMolDescriptors import CalcMolFormula

    molecule = _molecule(smiles)
    heavy = [(atom.GetAtomicNum(), atom.GetTotalNumHs(includeNeighbors=True)) for atom in molecule.GetAtoms()]
    bare = [z for z, _ in heavy if z != 1]
    hydrogens = sum(n for z, n in heavy if z != 1) or sum(n + 1 for z, n in heavy if z == 1)
    return StructureFacts(
        chem.MolToSmiles(molecule),
        connectivity_key(smiles),
        CalcMolFormula(molecule).split("+")[0].split("-")[0],
        tuple(bare) + (1,) * hydrogens,
        sum(n for z, n in heavy if z in (6, 7, 8)),
        sum(n for z, n in heavy if z == 16),
    )


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
