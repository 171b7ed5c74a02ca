"""Functional groups of molecules by substructure patterns, and the labels of the shipped molecules.

The labels of the molecules that ship with symvib are a small file, so that training needs no RDKit; it is made by
``tools/make_functional_groups.py``. A molecule whose structural formula is not known (metals, boranes, ions) has no
labels at all: it is masked, which is not the same as having none of the groups. The groups are those that at least 100
of the shipped molecules have; carboxylic acids, nitro and sulfur groups are not among them, as QM9 hardly has any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError, MissingPackageError

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["FUNCTIONAL_GROUPS", "GROUP_NAMES", "FunctionalGroupLabels", "functional_groups", "shipped_labels"]

FUNCTIONAL_GROUPS: Mapping[str, str] = {  # name: SMARTS
    "hydroxyl": "[OX2H]",
    "alcohol": "[OX2H][CX4]",
    "phenol_or_enol": "[OX2H][$(c),$(C=[#6])]",
    "carbonyl": "[CX3,CX2]=[OX1]",
    "aldehyde": "[$([CX3H1](=O)[#6]),$([CX3H2]=O)]",
    "ketone": "[#6][CX3](=O)[#6]",
    "ester": "[CX3](=O)[OX2H0][#6]",
    "amide": "[CX3](=[OX1])[NX3]",
    "ether": "[OX2;!r3]([#6;!$(C=O)])[#6;!$(C=O)]",
    "epoxide": "[OX2]1[CX4][CX4]1",
    "n_h": "[#7;!H0]",
    "primary_amine": "[NX3;H2;!$(NC=[O,S,N]);!$(N~[!#6;!#1])][#6]",
    "secondary_amine": "[NX3;H1;!$(NC=[O,S,N]);!$(N~[!#6;!#1])]([#6])[#6]",
    "tertiary_amine": "[NX3;H0;!$(NC=[O,S,N]);!$(N~[!#6;!#1])]([#6])([#6])[#6]",
    "imine": "[CX3]=[NX2]",
    "nitrile": "[CX2]#[NX1]",
    "alkyne": "[CX2]#[CX2]",
    "terminal_alkyne": "[CX2]#[CX2H]",
    "alkene": "[CX3]=[CX3]",
    "arene": "c1ccccc1",
    "heteroarene": "[n,o,s;r5,r6]",
    "three_membered_ring": "[r3]",
    "methyl": "[CX4H3]",
    "fluoride": "[#6]F",
    "chloride_bromide_or_iodide": "[#6][Cl,Br,I]",
}
GROUP_NAMES: tuple[str, ...] = tuple(FUNCTIONAL_GROUPS)
_FILE = Path(__file__).parent / "data" / "functional_groups.parquet"


def functional_groups(smiles: Sequence[str]) -> "tuple[NDArray[np.float32], NDArray[np.bool_]]":
    """Labels (n, G) of molecules by `FUNCTIONAL_GROUPS`, 0 or 1, and the mask (n,): False where SMILES is empty.

    Parameters
    ----------
    smiles : sequence of str

    Raises
    ------
    DatasetError
        A SMILES that RDKit cannot read.
    MissingPackageError
        No RDKit.

    Examples
    --------
    >>> labels, known = functional_groups(["CCO", "CC#N", ""])
    >>> [[GROUP_NAMES[g] for g in row.nonzero()[0]] for row in labels], known.tolist()
    ([['hydroxyl', 'alcohol', 'methyl'], ['nitrile', 'methyl'], []], [True, True, False])
    """
    try:
        from rdkit import Chem
    except ImportError as error:
        raise MissingPackageError.of_extra("functional groups of new molecules need RDKit", "chem") from error
    patterns = [Chem.MolFromSmarts(smarts) for smarts in FUNCTIONAL_GROUPS.values()]
    labels = np.zeros((len(smiles), len(patterns)), dtype=np.float32)
    for place, text in enumerate(smiles):
        if not text:
            continue
        molecule: Mol | None = Chem.MolFromSmiles(text)
        if molecule is None:
            raise DatasetError(f"functional_groups: RDKit cannot read the SMILES {text!r} (number {place}).")
        labels[place] = [molecule.HasSubstructMatch(pattern) for pattern in patterns]
    return labels, np.array([bool(text) for text in smiles], dtype=bool)


@dataclass(frozen=True)
class FunctionalGroupLabels:
    """Labels of the shipped molecules by id; `of` looks them up.

    Attributes
    ----------
    names : tuple of str (G,)
    place : mapping of str to int
        Row of an id.
    smiles : tuple of str
        The structural formula that was labelled.
    labels : ndarray (n, G), 0 or 1
    """

    names: tuple[str, ...]
    place: Mapping[str, int]
    smiles: tuple[str, ...]
    labels: NDArray[np.float32]

    def of(
        self, ids: Sequence[str], smiles: Sequence[str]
    ) -> "tuple[NDArray[np.float32], NDArray[np.bool_], tuple[str, ...]]":
        """Labels (n, G), mask (n,) and SMILES (n,) of molecules, "" in ``smiles`` where the caller knows none.

        Masked where the id is not known or its SMILES is another one.
        """
        rows = [
            row if row is not None and text in ("", self.smiles[row]) else -1
            for row, text in zip(map(self.place.get, ids), smiles, strict=True)
        ]
        place = np.array(rows, dtype=np.int64)
        mask = place >= 0
        labels = np.zeros((len(rows), len(self.names)), dtype=np.float32)
        labels[mask] = self.labels[place[mask]]
        known = tuple(text if row < 0 else self.smiles[row] for row, text in zip(rows, smiles, strict=True))
        return labels, mask, known


def shipped_labels() -> FunctionalGroupLabels:
    """Labels of the shipped molecules.

    Raises
    ------
    DatasetError
        The file was made with other patterns than these.
    MissingPackageError
        No pyarrow.

    Examples
    --------
    >>> labels, known, _ = shipped_labels().of(["qm9-000006"], ["C=O"])
    >>> [GROUP_NAMES[g] for g in labels[0].nonzero()[0]]
    ['carbonyl', 'aldehyde']
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingPackageError.of_extra(
            "the shipped labels are a Parquet file, which needs pyarrow", "ml"
        ) from error
    table = parquet.read_table(_FILE)
    patterns = (table.schema.metadata or {}).get(b"symvib_smarts", b"").decode()
    if patterns != smarts_text():
        raise DatasetError(f"{_FILE} was made with other patterns; run tools/make_functional_groups.py.")
    bits = table.column("groups").to_numpy()
    labels = (bits[:, None] >> np.arange(len(GROUP_NAMES), dtype=np.uint32)[None, :] & 1).astype(np.float32)
    ids = table.column("id").to_pylist()
    return FunctionalGroupLabels(
        GROUP_NAMES, {name: row for row, name in enumerate(ids)}, tuple(table.column("smiles").to_pylist()), labels
    )


def smarts_text() -> str:
    """All names and patterns as one text: what the shipped labels were made with."""
    return "\n".join(f"{name} {smarts}" for name, smarts in FUNCTIONAL_GROUPS.items())
