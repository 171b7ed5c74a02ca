"""Molecules from RDKit: conformers as they are, and geometries generated from a graph (SMILES).

A generated geometry is only useful here if its symmetry is really there, so the force field is minimised far
more tightly than usual (gradients near 1e-6 kcal/mol/angstrom; benzene then is D6h to better than 1e-6
angstrom).
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import MissingPackageError, MoleculeError, SymvibError
from ._vsepr import vsepr_positions
from .elements import covalent_radii_angstrom, element
from .molecule import Molecule

logger = logging.getLogger(__name__)

# Longest SMILES and largest graph for which a geometry is generated; larger ones need a real geometry anyway.
MAXIMUM_SMILES_LENGTH = 3000
MAXIMUM_HEAVY_ATOMS = 200

# Seed of the distance-geometry embedding: fixed, so that a SMILES always gives the same geometry.
_SEED = 20240229

# Seconds after which one embedding is given up (RDKit can search for very long in impossible cages).
_EMBEDDING_SECONDS = 10

# Largest gradient component in kcal/mol/angstrom after minimisation. The softest torsions have about
# 0.01 kcal/mol/angstrom^2, so that 1e-6 leaves at most 1e-4 angstrom.
_GRADIENT = 1e-6

# A conformer has to be better by this much (kcal/mol) to replace an earlier one: mirror images are equal.
_ENERGY_TIE = 1e-5

# A multiple bond is shorter than the sum of covalent radii by at least this factor (C=S 0.92, C=C 0.88).
_SHORTENED = 0.95

# Above this many atoms (flexible chains, of no symmetry) the minimisation is bounded more tightly, to take
# seconds.
_LARGE_ATOMS = 120


def import_chem() -> Any:
    """Return the module rdkit.Chem, or raise MissingPackageError with the pip command."""
    try:
        from rdkit import Chem
    except ImportError as error:
        raise MissingPackageError.of_extra("reading SMILES, .mol and .sdf needs RDKit", "chem") from error
    return Chem


def molecule_from_smiles(smiles: str, name: str | None = None) -> Molecule:
    """Return a molecule with the geometry that RDKit generates for a SMILES string.

    Raises MoleculeError if the SMILES is not valid, has several fragments, more than 200 heavy atoms or more
    than 3000 characters.
    """
    text = smiles.strip()
    if not text:
        raise MoleculeError("the SMILES is empty.")
    if len(text) > MAXIMUM_SMILES_LENGTH:
        raise MoleculeError(
            f"a text of {len(text)} characters, starting {text[:40]!r}, is no SMILES that symvib generates a "
            f"geometry for (at most {MAXIMUM_SMILES_LENGTH}): give a file with the geometry."
        )
    if len(text.split()) > 1 or not text.isascii() or not text.isprintable():
        raise MoleculeError(
            f"{text[:60]!r} is neither an existing file nor a SMILES (which has no spaces or special characters)."
        )
    Chem = import_chem()
    from rdkit import rdBase

    with rdBase.BlockLogs():
        parameters = Chem.SmilesParserParams()
        parameters.sanitize = False
        parameters.removeHs = False
        graph = Chem.MolFromSmiles(text, parameters)
    if graph is None:
        raise MoleculeError(f"{text[:60]!r} is neither an existing file nor a SMILES that RDKit can read.")
    return generate_geometry(graph, name if name is not None else text, f"SMILES {text[:60]!r}")


def molecule_from_rdkit(mol: Any, name: str | None = None) -> Molecule:
    """Return a molecule from an RDKit Mol: its first 3-D conformer, or a generated geometry if it has none.

    A Mol with a 3-D conformer must have all its hydrogens as atoms. Hydrogens are added only where the
    geometry is generated (no conformer, or a 2-D drawing), and the comment then says so.
    """
    title = mol.GetProp("_Name") if mol.HasProp("_Name") else ""
    label = title if name is None else name
    if mol.GetNumAtoms() == 0:
        raise MoleculeError("the RDKit Mol is empty: it has no atoms.")
    conformer = next((c for c in mol.GetConformers() if c.Is3D()), None)
    if conformer is None:
        return generate_geometry(mol, label, "this RDKit Mol")
    with _rdkit_failures("this RDKit Mol"):
        for atom in mol.GetAtoms():
            element(atom.GetAtomicNum())
        missing = _implicit_hydrogens(mol)
    if missing:
        raise MoleculeError(
            f"{missing} of the molecule's hydrogens are implicit, so they have no positions. Add them: "
            "Chem.AddHs(mol, addCoords=True), or optimise with explicit hydrogens."
        )
    return _to_molecule(mol, conformer.GetPositions(), label, "")


def generate_geometry(graph: Any, name: str, what: str) -> Molecule:
    """Return the molecule of an RDKit graph with hydrogens added, embedded and minimised.

    `what` names the input in error messages.
    """
    Chem = import_chem()
    from rdkit import rdBase

    graph = Chem.Mol(graph)
    graph.RemoveAllConformers()
    with rdBase.BlockLogs(), _rdkit_failures(what):
        _check_graph(graph, what)
        positions = _vsepr(graph)
        if positions is not None:
            Chem.AssignRadicals(graph)
            comment = "geometry generated by symvib (VSEPR, bonds from covalent radii): angles approximate"
            return _to_molecule(graph, positions, name, comment)
        Chem.SanitizeMol(graph)
        full = Chem.AddHs(graph)
        positions, comment = _best_geometry(full, what)
        return _to_molecule(full, positions, name, comment)


@contextmanager
def _rdkit_failures(what: str) -> Iterator[None]:
    """Turn what RDKit raises (its own classes, RuntimeError for violated invariants) into MoleculeError."""
    try:
        yield
    except SymvibError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise MoleculeError(f"RDKit refuses {what}: {reason or type(error).__name__}") from error


def _vsepr(graph: Any) -> np.ndarray | None:
    """Return positions (N, 3) of a hypervalent AX_n without implicit hydrogens, else None.

    Tried before RDKit's valence rules, which know neither ClF3 nor IF7.
    """
    graph.UpdatePropertyCache(strict=False)
    atoms = list(graph.GetAtoms())
    if any(atom.GetTotalNumHs() for atom in atoms):
        return None
    bonds = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), b.GetBondTypeAsDouble()) for b in graph.GetBonds()]
    numbers = [atom.GetAtomicNum() for atom in atoms]
    return vsepr_positions(numbers, [atom.GetFormalCharge() for atom in atoms], bonds)


def _implicit_hydrogens(mol: Any) -> int:
    """Return how many hydrogens of the graph are not atoms; a graph RDKit cannot sanitise counts none."""
    Chem = import_chem()
    from rdkit import rdBase

    copy = Chem.Mol(mol)
    with rdBase.BlockLogs():
        failed = Chem.SanitizeMol(copy, catchErrors=True)
    if failed:
        logger.info("RDKit cannot sanitise the molecule, so hydrogens are not counted: %s", failed)
        return 0
    return sum(atom.GetTotalNumHs() for atom in copy.GetAtoms())


def _check_graph(graph: Any, what: str) -> None:
    for atom in graph.GetAtoms():
        if atom.GetAtomicNum() == 0:
            raise MoleculeError(f"{what} has a dummy atom ('*'), which is not a nucleus: replace it by an element.")
        element(atom.GetAtomicNum())
    heavy = graph.GetNumHeavyAtoms()
    if heavy > MAXIMUM_HEAVY_ATOMS:
        raise MoleculeError(
            f"{what} has {heavy} heavy atoms; geometries are generated for at most {MAXIMUM_HEAVY_ATOMS}. "
            "Give a "
            "file with the geometry."
        )
    if graph.GetNumAtoms() > 4 * MAXIMUM_HEAVY_ATOMS:
        raise MoleculeError(f"{what} has {graph.GetNumAtoms()} atoms, too many to generate a geometry.")
    fragments = len(import_chem().GetMolFrags(graph))
    if fragments > 1:
        raise MoleculeError(
            f"{what} has {fragments} fragments, and nothing says how they lie to each other. Give one "
            "fragment, or a "
            "file with the geometry of the whole."
        )


def _best_geometry(mol: Any, what: str) -> tuple[np.ndarray, str]:
    """Return the positions (N, 3) in angstrom of the lowest conformer found, and a comment."""
    if mol.GetNumAtoms() == 1:
        return np.zeros((1, 3)), ""
    conformers = _embed(mol, what)
    make_field, field_name = _force_field(mol, what)
    best_energy, best = np.inf, None
    for conformer in conformers:
        energy, positions, gradient = _minimise(make_field(conformer))
        logger.debug("conformer %d: %.6f kcal/mol, gradient %.1e", conformer, energy, gradient)
        if energy < best_energy - _ENERGY_TIE:
            best_energy, best, best_gradient = energy, positions, gradient
    if best is None or not np.isfinite(best).all():
        raise MoleculeError(f"the {field_name} energy of {what} is not finite: give a file with the geometry.")
    if best_gradient > 1e-3:
        logger.warning("%s: %s stopped at a gradient of %.1e kcal/mol/angstrom", what, field_name, best_gradient)
    comment = f"geometry generated by RDKit (ETKDG + {field_name})"
    if _rotors(mol):
        comment += f", lowest of {len(conformers)} conformers; another conformer may have another point group"
    return best, comment


def _rotors(mol: Any) -> int:
    """Return the number of single bonds outside rings about which something turns, hydroxyl groups included."""
    single = (b for b in mol.GetBonds() if b.GetBondTypeAsDouble() == 1.0 and not b.IsInRing())
    return sum(min(b.GetBeginAtom().GetDegree(), b.GetEndAtom().GetDegree()) > 1 for b in single)


def _embed(mol: Any, what: str) -> list[int]:
    """Return the ids of the embedded conformers."""
    from rdkit.Chem import rdDistGeom

    atoms = mol.GetNumAtoms()
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = _SEED
    parameters.timeout = _EMBEDDING_SECONDS
    parameters.useRandomCoords = atoms > _LARGE_ATOMS  # finds long chains, which the metric matrix does not
    count = (30 if _rotors(mol) > 1 else 10) if atoms <= 30 else 5 if atoms <= 80 else 1
    ids = _embedded_ids(mol, count, parameters)
    if not ids and not parameters.useRandomCoords:
        parameters.useRandomCoords = True
        parameters.maxIterations = 50
        ids = _embedded_ids(mol, count, parameters)
    if not ids:
        raise MoleculeError(
            f"RDKit finds no geometry for {what} in {_EMBEDDING_SECONDS} s: the graph is too large, or "
            "impossible in space. Give a file with the geometry."
        )
    return ids


def _embedded_ids(mol: Any, count: int, parameters: Any) -> list[int]:
    """Return the ids of the conformers; after a time-out RDKit also lists ids that have no conformer."""
    from rdkit.Chem import rdDistGeom

    rdDistGeom.EmbedMultipleConfs(mol, count, parameters)
    return [conformer.GetId() for conformer in mol.GetConformers()]


def _force_field(mol: Any, what: str) -> tuple[Any, str]:
    """Return (function from conformer id to a force field, its name): MMFF94, or UFF in its absence."""
    from rdkit.Chem import rdForceFieldHelpers as helpers

    properties = helpers.MMFFGetMoleculeProperties(mol) if helpers.MMFFHasAllMoleculeParams(mol) else None
    if properties is not None and not _mistaken_bonds(mol, properties):
        return lambda conformer: helpers.MMFFGetMoleculeForceField(mol, properties, confId=conformer), "MMFF94"
    if helpers.UFFHasAllMoleculeParams(mol):
        return lambda conformer: helpers.UFFGetMoleculeForceField(mol, confId=conformer), "UFF"
    raise MoleculeError(
        f"neither MMFF94 nor UFF has parameters for every atom of {what}, so that no geometry with its "
        "symmetry can "
        "be generated. Give a file with the geometry."
    )


def _mistaken_bonds(mol: Any, properties: Any) -> bool:
    """Return whether MMFF94, as RDKit types the atoms, gives some multiple bond the length of a single one.

    It does in CO2, CS2 and N2 (C=O 1.405 angstrom), whose types it has no parameters for.
    """
    radii = covalent_radii_angstrom()
    for bond in mol.GetBonds():
        ends = bond.GetBeginAtom(), bond.GetEndAtom()
        stretch = properties.GetMMFFBondStretchParams(mol, ends[0].GetIdx(), ends[1].GetIdx())
        single = sum(radii[atom.GetAtomicNum()] for atom in ends)
        if bond.GetBondTypeAsDouble() >= 2 and stretch and stretch[2] > _SHORTENED * single:
            return True
    return False


def _minimise(field: Any) -> tuple[float, np.ndarray, float]:
    """Return (energy in kcal/mol, positions (N, 3) in angstrom, largest gradient component)."""
    field.Initialize()
    large = len(field.Positions()) > _LARGE_ATOMS
    for _ in range(1 if large else 10):
        if field.Minimize(maxIts=1000, forceTol=1e-8, energyTol=1e-12) == 0:
            break
    flat = np.array(field.Positions(), dtype=float).ravel()
    gradient = np.array(field.CalcGrad(flat.tolist()))
    if np.abs(gradient).max() > _GRADIENT and not large:
        flat, gradient = _polish(field, flat)
    return field.CalcEnergy(flat.tolist()), flat.reshape(-1, 3), float(np.abs(gradient).max())


def _polish(field: Any, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and gradient after BFGS on RDKit's gradient, whose own minimiser stops earlier."""
    from scipy.optimize import minimize

    def energy_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        values = x.tolist()
        return field.CalcEnergy(values), np.array(field.CalcGrad(values))

    options = {"gtol": _GRADIENT / 10, "maxiter": 500}
    result = minimize(energy_and_gradient, flat, jac=True, method="BFGS", options=options)
    return result.x, result.jac


def _to_molecule(mol: Any, positions: np.ndarray, name: str, comment: str) -> Molecule:
    """Return the molecule of a graph with all its hydrogens: total charge; radical electrons, all of one spin."""
    atoms = list(mol.GetAtoms())
    charge = sum(atom.GetFormalCharge() for atom in atoms)
    unpaired: int | None = sum(atom.GetNumRadicalElectrons() for atom in atoms)
    electrons = sum(atom.GetAtomicNum() for atom in atoms) - charge
    if unpaired > electrons or (electrons - unpaired) % 2:
        logger.info("%s: %d radical electrons do not fit %d electrons: not known", name, unpaired, electrons)
        unpaired = None
    return Molecule.from_arrays(
        [atom.GetAtomicNum() for atom in atoms],
        positions,
        mass_numbers=[atom.GetIsotope() for atom in atoms],
        name=name,
        comment=comment,
        charge=charge,
        unpaired_electrons=unpaired,
    )
