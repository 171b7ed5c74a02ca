"""Molecules from files: .xyz, .extxyz, .mol, .sdf, .json (QCSchema), logs of quantum-chemistry programs."""

import json
import logging
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import MissingPackageError, MoleculeError
from ._foreign_objects import read_cclib, read_mapping
from ._rdkit_geometry import import_chem, molecule_from_rdkit
from ._xyz import choose_frame, frame_comment, read_xyz
from .molecule import Molecule

# Larger files are refused before they are read: a geometry of 20,000 atoms takes about 1 MB.
MAXIMUM_FILE_MEGABYTES = 50

KNOWN_SUFFIXES = (".xyz", ".extxyz", ".mol", ".sdf", ".log", ".out", ".json")

# Suffixes that mean "a file", and that symvib does not read; none of them can end a SMILES.
FOREIGN_SUFFIXES = (
    ".cif",
    ".pdb",
    ".gz",
    ".zip",
    ".gjf",
    ".com",
    ".fchk",
    ".mol2",
    ".inp",
    ".nwo",
    ".csv",
    ".txt",
)


def read_file(path: Path, name: str | None = None, frame: int | None = None) -> Molecule:
    """Return the molecule in a file; the suffix says how to read it.

    Raises MoleculeError if the file is missing, larger than 50 MB, of an unknown suffix, not text, or not
    what its suffix says.
    """
    check_file(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        problem = f"the suffix {path.suffix!r} is not known" if path.suffix else "it has no suffix"
        advice = f"Convert it, or write 'smiles:{path.name}' if a SMILES was meant."
        if path.suffix.lower() in (".fchk", ".fch", ".fck"):
            advice = 'Checkpoints are read by symvib modes and symvib spectrum (harmonic_response(x, engine="parsed")).'
        if path.suffix.lower() == ".cif":
            advice = "A crystal is no molecule: crystals are read by symvib report and crystal_report."
        raise MoleculeError(
            f"the file {path} is not read: {problem}. symvib reads {', '.join(KNOWN_SUFFIXES)}. {advice}"
        )
    return reader(path, name if name is not None else path.stem, frame)


def read_mol_block(text: str, name: str, frame: int | None, source: str) -> Molecule:
    """Return one record of .mol or .sdf text (V2000 or V3000)."""
    blocks = [block for block in text.replace("\r\n", "\n").split("\n$$$$") if block.strip()]
    if not blocks:
        raise MoleculeError(f"{source} is empty: it has no molecule.")
    index = choose_frame(len(blocks), frame, source)
    # The rest of the "$$$$" line belongs to no record.
    block = blocks[index] if index == 0 else blocks[index].partition("\n")[2]
    molecule = molecule_from_rdkit(_mol_from_block(block, source), name)
    note = frame_comment(len(blocks), index, "first" if frame is None else "")
    if not note:
        return molecule
    comment = "; ".join(part for part in (molecule.comment, note) if part)
    return Molecule.from_dict({**molecule.as_dict(), "comment": comment})


def check_file(path: Path) -> None:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise MoleculeError(f"file not found: {path}") from error
    except (OSError, ValueError) as error:
        raise MoleculeError(f"{str(path)[:200]!r} cannot be opened: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise MoleculeError(f"{path} is not a regular file, but a directory, a pipe or a device.")
    size = status.st_size
    if size == 0:
        raise MoleculeError(f"{path} is empty: it has no molecule.")
    if size > MAXIMUM_FILE_MEGABYTES * 1e6:
        raise MoleculeError(
            f"{path} has {size / 1e6:.0f} MB; files of at most {MAXIMUM_FILE_MEGABYTES} MB are read. Cut "
            "out the "
            "geometry."
        )


def read_text_file(path: Path) -> str:
    """The text of a file; MoleculeError if it is none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MoleculeError(f"{path} cannot be read: {error.strerror or error}") from error
    if b"\0" in content:
        raise MoleculeError(f"{path} is a binary file (it has a zero byte at {content.index(0)}), not text.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MoleculeError(
            f"{path} is not UTF-8 text: byte 0x{content[error.start]:02x} at {error.start}. Save it as UTF-8."
        ) from error


def _read_xyz_file(path: Path, name: str, frame: int | None) -> Molecule:
    return read_xyz(read_text_file(path), name, frame, source=str(path))


def _read_mol_file(path: Path, name: str, frame: int | None) -> Molecule:
    return read_mol_block(read_text_file(path), name, frame, source=str(path))


def _read_json_file(path: Path, name: str, frame: int | None) -> Molecule:
    try:
        data = json.loads(read_text_file(path))
    except (ValueError, RecursionError) as error:
        raise MoleculeError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(data, Mapping):
        raise MoleculeError(f"{path} holds a JSON {type(data).__name__}, not the object that QCSchema describes.")
    return read_mapping(data, name, frame)


def _read_log_file(path: Path, name: str, frame: int | None) -> Molecule:
    read_text_file(path)
    try:
        from cclib.io.ccio import ccopen
    except ImportError as error:
        raise MissingPackageError.of_extra(f"reading {path.name} needs cclib", "chem") from error
    cclib_logger = logging.getLogger("cclib")
    was_disabled = cclib_logger.disabled
    cclib_logger.disabled = True  # it warns of what the errors below say
    try:
        # Not ccread: for an unknown file it would try Open Babel next.
        parser = ccopen(str(path), quiet=True, loglevel=logging.CRITICAL)
        data = None if parser is None else parser.parse()
    except Exception as error:  # cclib's parsers fail in any way on a file that is cut or unknown
        raise MoleculeError(f"cclib cannot read {path}: {type(error).__name__}: {error}") from error
    finally:
        cclib_logger.disabled = was_disabled
    if data is None:
        raise MoleculeError(f"{path} is not the output of a program that cclib knows.")
    return read_cclib(data, name, frame)


def _mol_from_block(block: str, source: str) -> Any:
    """Return the RDKit Mol of one record; its conformer is 3-D only if the record says or shows it."""
    Chem = import_chem()
    from rdkit import rdBase

    with rdBase.BlockLogs():
        try:
            mol = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False)
        except Exception as error:  # RDKit's own exception classes differ between versions
            raise MoleculeError(f"{source}: RDKit cannot read the record: {error}") from error
    if mol is None:
        raise MoleculeError(f"{source}: RDKit cannot read the record as V2000 or V3000.")
    if mol.GetNumAtoms() == 0:
        raise MoleculeError(f"{source} is empty: its record has 0 atoms.")
    header = block.split("\n")[1] if block.count("\n") else ""
    conformer = mol.GetConformer() if mol.GetNumConformers() else None
    if mol.GetNumAtoms() > 1 and conformer is not None and not conformer.Is3D() and header[20:22].upper() != "2D":
        raise MoleculeError(
            f"{source}: all z are zero, and the header (line 2, columns 21-22) says neither 2D nor 3D. "
            "Write '3D' there "
            "for a planar molecule, '2D' for a drawing."
        )
    if mol.GetNumAtoms() == 1 and conformer is not None:
        conformer.Set3D(True)
    return mol


_READERS: dict[str, Callable[[Path, str, int | None], Molecule]] = {
    ".xyz": _read_xyz_file,
    ".extxyz": _read_xyz_file,
    ".mol": _read_mol_file,
    ".sdf": _read_mol_file,
    ".log": _read_log_file,
    ".out": _read_log_file,
    ".json": _read_json_file,
}
