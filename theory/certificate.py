"""Rank certificates: a small JSON file from which anybody can check, without this program, what a spectrum determines.

The file holds a rational model of the molecule (see `exact_problem`), a prime, a point and the rows and columns of a
minor of the Jacobian of the moments that is not zero modulo the prime at the point.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CertificateError
from ._certificate_format import SCHEMA, SIZE_LIMIT, VERSION, checked_content, counting_bound_of, statement_of
from ._verify import Verification, verify_certificate

if TYPE_CHECKING:
    from ._rational import RationalMatrix
    from .exact_problem import ExactBlock, ExactProblem

__all__ = ["Certificate", "Verification", "certificate", "verify_certificate"]


@dataclass(frozen=True, eq=False)
class Certificate:
    """A lower bound on a generic rank, in a form that can be re-checked.

    Attributes
    ----------
    content : dict
        Plain values, all that the file holds except its checksum. Made by `certificate` or `Certificate.load`.
    """

    content: Mapping[str, Any]

    def __post_init__(self) -> None:
        checked_content(self.content)

    @property
    def rank(self) -> int:
        """Certified lower bound of the generic rank."""
        return self.content["rank"]

    @property
    def unknowns(self) -> int:
        """Number of unknowns of the model."""
        return self.content["problem"]["n_parameters"]

    @property
    def upper_bound(self) -> int:
        """Of the generic rank, by the counting rule."""
        return counting_bound_of(self.content["problem"])

    @property
    def evidence(self) -> str:
        """Grade: "certified" where both bounds meet; else "lower bound"."""
        return "certified" if self.rank == self.upper_bound else "lower bound"

    @property
    def statement(self) -> str:
        """What is proved and what is not, in words."""
        return self.content["statement"]

    @property
    def sha256(self) -> str:
        """Of the content in canonical JSON (sorted keys, no spaces, ASCII)."""
        return checksum(self.content)

    def __repr__(self) -> str:
        molecule = self.content["molecule"]
        return (
            f"Certificate({molecule['formula']}, {self.content['force_field']}, rank {self.rank} of {self.unknowns}, "
            f"{self.evidence})"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values with the checksum: what is written to a file."""
        return {**self.content, "sha256": self.sha256}

    def save(self, path: Any) -> None:
        """Write the file, one top-level field a line."""
        from ..groups.atomic_write import write_text

        fields = [f"{json.dumps(key)}: {_plain(value)}" for key, value in self.as_dict().items()]
        text = "{\n" + ",\n".join(fields) + "\n}\n"
        if len(text) > SIZE_LIMIT:
            raise CertificateError(f"{self!r} has {len(text)} bytes; the limit is {SIZE_LIMIT}.")
        write_text(Path(path), text)

    @classmethod
    def load(cls, path: Any) -> "Certificate":
        """Read a file and check its form and checksum (not yet the mathematics: `verify_certificate`).

        Raises
        ------
        CertificateError
            Too large, not JSON, fields missing, of a wrong type or out of range, or changed since it was written.
        """
        place = Path(path)
        with place.open("rb") as file:
            raw = file.read(SIZE_LIMIT + 1)
        if len(raw) > SIZE_LIMIT:
            raise CertificateError(f"{place}: longer than {SIZE_LIMIT} bytes, so no certificate of ours.")
        try:
            found = json.loads(raw.decode("utf-8"), parse_constant=_refused, parse_int=_bounded)
        except (ValueError, RecursionError) as error:
            raise CertificateError(f"{place}: not JSON ({error}).") from None
        return cls.from_dict(found, str(place))

    @classmethod
    def from_dict(cls, values: Any, name: str = "certificate") -> "Certificate":
        """From the values of `as_dict`; errors as for `load`."""
        if not isinstance(values, dict) or values.get("schema") != SCHEMA:
            raise CertificateError(f"{name}: not a {SCHEMA}.")
        if values.get("version") != VERSION:
            raise CertificateError(f"{name}: version {values.get('version')!r}; this program reads {VERSION}.")
        content = {key: value for key, value in values.items() if key != "sha256"}
        if values.get("sha256") != checksum(content):
            raise CertificateError(f"{name}: the checksum does not fit the content; the file has been changed.")
        return cls(content)


def checksum(content: Mapping[str, Any]) -> str:
    """SHA-256 of the content in canonical JSON."""
    return hashlib.sha256(_plain(dict(content), sort=True).encode("ascii")).hexdigest()


def _plain(value: Any, sort: bool = False) -> str:
    try:
        return json.dumps(value, sort_keys=sort, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CertificateError(f"certificate: a value that JSON does not have ({error}).") from None


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _bounded(digits: str) -> int:
    if len(digits) > 100:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def certificate(
    x: Any,
    force_field: Any = "general",
    observables: Iterable[str] = ("freq", "ir", "raman", "rho"),
    *,
    engine: str | None = None,
    prime: int | None = None,
    seed: int = 0,
) -> Certificate:
    """A certificate of the rank of a molecule's spectra; arguments as for `identify`.

    One isotopologue: rounding to decimals takes each G by itself and loses the relations between those of isotopologues
    (a substitution changes G by a matrix of rank three at most), so that an exact rank could come out too large.

    Parameters
    ----------
    x : HarmonicResponse, Detection, or anything ``as_molecule`` reads
    force_field : {"general", "valence", "diagonal", "urey-bradley"} or ForceField
    observables : of "freq", "ir", "raman", "rho"
    engine : str, optional
        Compute a response first.
    prime : int, optional
        1 modulo 4, between 2^20 and 2^31; default 2^31 - 19.
    seed : int
        Of the point (and of stand-in derivatives).

    Raises
    ------
    IdentifiabilityError
        As `identify` does.

    Examples
    --------
    >>> import symvib as sv
    >>> water = sv.Molecule.from_arrays([8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.471], [0, -0.757, -0.471]])
    >>> certificate(water)
    Certificate(H2O, general, rank 4 of 4, certified)
    """
    from ._exact_ranks import exact_problem_of
    from .exact import exact_rank
    from .question import pose

    question = pose(x, observables, force_field, (), engine=engine, seed=seed)
    problem = exact_problem_of(question.views, question.field)
    found = exact_rank(problem, prime=prime, seed=seed)
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "version": VERSION,
        "statement": "",
        "molecule": _molecule(question.views[0].response.molecule),
        "point_group": question.views[0].coordinates.point_group.label,
        "force_field": question.name,
        "observables": list(question.observables),
        "derivatives": question.derivatives,
        "problem": _problem(problem),
        "prime": found.prime,
        "point": list(found.point),
        "rank": found.rank,
        "pivot_rows": list(found.pivot_rows),
        "pivot_columns": list(found.pivot_columns),
    }
    content["statement"] = statement_of(content)
    return Certificate(content)


def _rounded(values: Any) -> Any:
    return np.round(np.asarray(values, dtype=float), 8).tolist()


def _molecule(molecule: Any) -> dict[str, Any]:
    return {
        "formula": molecule.formula,
        "numbers": [int(z) for z in molecule.numbers],
        "positions_angstrom": _rounded(molecule.positions),
        "masses_u": _rounded(molecule.masses),
    }


def _problem(problem: "ExactProblem") -> dict[str, Any]:
    return {
        "n_parameters": problem.n_parameters,
        "n_constants": problem.n_constants,
        "denominator": problem.denominator,
        "entries": None if problem.entries is None else problem.entries.tolist(),
        "blocks": [_block(block) for block in problem.blocks],
    }


def _block(block: "ExactBlock") -> dict[str, Any]:
    return {
        "label": block.label,
        "degeneracy": block.degeneracy,
        "complex": block.is_complex,
        "size": block.size,
        "visible": block.visible,
        "k": [_matrix(k) for k in block.k],
        "factors": {name: _matrix(factor) for name, factor in block.factors.items()},
        "reach": None if block.reach is None else _matrix(block.reach),
    }


def _matrix(matrix: "RationalMatrix") -> dict[str, Any]:
    return {
        "denominator": matrix.denominator,
        "real": matrix.real.tolist(),
        "imag": None if matrix.imag is None else matrix.imag.tolist(),
    }
