"""Exceptions raised by symvib: one base, and one class for each thing a user can act on.

Every message restates the call (what was given, its shape, the numbers that decided) and says what to do.
"""

__all__ = [
    "CoordinateError",
    "DatasetError",
    "DetectionError",
    "EngineError",
    "EvaluationError",
    "ForceFieldError",
    "HessianError",
    "MissingPackageError",
    "ModelError",
    "MoleculeError",
    "PointGroupError",
    "RepresentationError",
    "SpectrumError",
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

    @classmethod
    def of_extra(cls, need: str, extra: str) -> "MissingPackageError":
        """The error that says ``need`` ("xTB needs tblite") and how to install the ``extra`` ("qm") that holds it.

        Examples
        --------
        >>> str(MissingPackageError.of_extra("xTB needs tblite", "qm")).partition(" in the")[0]
        "xTB needs tblite, which is not installed: pip install '.[qm]'"
        """
        return cls(
            f"{need}, which is not installed: pip install '.[{extra}]' in the source folder (or 'symvib[{extra}]' "
            "where symvib comes from an index)."
        )


class CoordinateError(SymvibError, ValueError):
    """Internal coordinates that are incomplete, undefined at the geometry, or not those of the molecule."""


class ForceFieldError(SymvibError, ValueError):
    """Force constants that are missing, not symmetric, in an unknown unit or not totally symmetric."""


class HessianError(SymvibError, ValueError):
    """A Hessian or its derivatives of a wrong shape, not symmetric, in a wrong unit, or of another geometry."""


class EngineError(SymvibError, RuntimeError):
    """An electronic-structure program failed; the message carries its own words and the last numbers."""


class SpectrumError(SymvibError, ValueError):
    """Lines or an axis that do not make a spectrum (negative width, descending axis, unknown shape)."""


class DatasetError(SymvibError, RuntimeError):
    """A dataset that cannot be built, continued or read; nothing finished is lost."""


class IdentifiabilityError(SymvibError, ValueError):
    """A question about what spectra determine that cannot be put: unknown observable, wrong isotopologue, no data."""


class CertificateError(SymvibError, ValueError):
    """A rank certificate that is damaged, belongs to another molecule, or does not prove what it states."""


class ModelError(SymvibError, ValueError):
    """A spectral model that cannot be built, loaded or trained, or a question it has no answer to."""


class EvaluationError(SymvibError, ValueError):
    """Predictions that cannot be evaluated: unknown molecules, duplicates, missing rows, values that are no numbers."""
