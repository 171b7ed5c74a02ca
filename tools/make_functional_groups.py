"""Label the shipped molecules by functional groups: spektron/data/functional_groups.parquet.

    python tools/make_functional_groups.py

Molecules with a SMILES are labelled from it, the others (the symmetric ones) from the SMILES of their geometry where
there is a reliable one; the rest is left out, which masks them.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import rdkit
from pyarrow import parquet

from symvib.forward.dataset_files import shipped_dataset
from symvib.spektron._structural_formula import connectivity_key, smiles_of_geometry
from symvib.spektron.functional_groups import GROUP_NAMES, functional_groups, smarts_text

TARGET = Path(__file__).parents[1] / "spektron" / "data" / "functional_groups.parquet"


def main():
    """Write the file and say how often each group occurs."""
    ids, smiles = [], []
    for name in ("lines_qm9_gfn2", "lines_symmetric_gfn2"):
        rows = shipped_dataset(name, ["smiles", "charge", "numbers", "positions_angstrom"]).trusted()
        columns = [rows.column(c) for c in ("id", "smiles", "charge", "numbers", "positions_angstrom")]
        answers = agreed = 0
        for identifier, text, charge, numbers, positions in zip(*columns, strict=True):
            found = "" if charge else smiles_of_geometry(numbers, positions)
            answers += bool(found)
            agreed += bool(found) and bool(text) and connectivity_key(found) == connectivity_key(text)
            if text or found:
                ids.append(identifier)
                smiles.append(text or found)
        print(f"{name}: {len(rows)} molecules, {answers} geometries give a SMILES, {agreed} of them that of the row")
    labels, _ = functional_groups(smiles)
    bits = (labels.astype(np.uint32) << np.arange(labels.shape[1], dtype=np.uint32)).sum(axis=1, dtype=np.uint32)
    metadata = {"symvib_smarts": smarts_text(), "rdkit": rdkit.__version__}
    table = pa.table({"id": ids, "smiles": smiles, "groups": pa.array(bits, pa.uint32())}).replace_schema_metadata(
        metadata
    )
    parquet.write_table(table, TARGET, compression="zstd", compression_level=19)
    print(f"{len(ids)} molecules, {TARGET.stat().st_size / 1e6:.2f} MB")
    for name, count in zip(GROUP_NAMES, labels.sum(axis=0), strict=True):
        print(f"{name:22s}{int(count):6d}")


if __name__ == "__main__":
    main()
