"""Exceptions raised by symvib: one base, and one class for each thing a user can act on.

Every message restates the call (what was given, its shape, the numbers that decided) and says what to do.
"""

__all__ = [
    "DetectionError",
    "MissingPackageError",
    "MoleculeError",
    "PointGroupError",
    "RepresentationError",
    "SymvibError",
]


class SymvibError(Exception):
    """Base of all exceptions that symvib raises on purpose."""


class MoleculeError(SymvibError, ValueError):
    """A molecule could not be read, or what was read is not a molecule (NaN, duplicates, wrong units)."""


class PointGroupError(SymvibError, ValueError):
    """A point-group, irrep or class label that cannot be understood, or that the group does not have."""


class DetectionError(SymvibError, RuntimeError):
    """The symmetry of a molecule could not be decided; the message carries the deviations."""


class RepresentationError(SymvibError, ArithmeticError):
    """Characters that are not a sum of irreps with non-negative integer multiplicities."""


class MissingPackageError(SymvibError, ImportError):
    """An optional package is not installed; the message holds the exact pip command."""
