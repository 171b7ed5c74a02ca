"""The claims ledger: what is published about the information in vibrational spectra, and what we find.

A claim is published (or in circulation) text; its check computes an `Outcome` now. Rooms above theory/ add their rows
by handing more claims to `ledger`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from ..errors import IdentifiabilityError, SymvibError

__all__ = ["Claim", "Entry", "Ledger", "Outcome", "ledger"]

VERDICTS = ("confirmed", "corrected", "refuted", "open")
GRADES = ("proved", "certified", "probabilistic", "numerical", "searched", "measured")


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes
    ----------
    statement : str
        What holds.
    verdict : {"confirmed", "corrected", "refuted", "open"}
    grade : {"proved", "certified", "probabilistic", "numerical", "searched", "measured"}
        "measured": counted or computed over a stated sample, with its interval where it stands for more.
    number : str
        The figures, computed by this check.
    """

    statement: str
    verdict: str
    grade: str
    number: str

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS or self.grade not in GRADES:
            raise IdentifiabilityError(
                f"Outcome({self.verdict!r}, {self.grade!r}): verdicts are {VERDICTS}, grades {GRADES}."
            )


@dataclass(frozen=True)
class Claim:
    """A published claim and how it is checked.

    Attributes
    ----------
    key : str
        Short name, unique.
    published : str
        The claim as it circulates.
    command : str
        What a reader types to see the number.
    check : callable
        Computes the outcome; raises a `SymvibError` where what it needs is missing.
    """

    key: str
    published: str
    command: str
    check: Callable[[], Outcome]


@dataclass(frozen=True)
class Entry:
    """A claim with its outcome; ``outcome`` is None, and ``missing`` says why, where it could not be checked."""

    claim: Claim
    outcome: Outcome | None
    missing: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "key": self.claim.key,
            "published": self.claim.published,
            "command": self.claim.command,
            "outcome": None if self.outcome is None else asdict(self.outcome),
            "missing": self.missing,
        }


@dataclass(frozen=True)
class Ledger:
    """All claims with their outcomes."""

    entries: tuple[Entry, ...]

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def counts(self) -> dict[str, int]:
        """How many claims have which verdict; "not checked" where data were missing."""
        words = [entry.outcome.verdict if entry.outcome else "not checked" for entry in self.entries]
        return {word: words.count(word) for word in (*VERDICTS, "not checked") if word in words}

    def to_markdown(self) -> str:
        """One section a claim, after a summary table."""
        lines = [
            "# Claims ledger",
            "",
            "Written by `symvib claims`; do not edit. Numbers were computed when this page was written, with two "
            "exceptions: those about all of QM9 are read from the result of `symvib survey qm9` that ships "
            "(theory/data/survey_qm9.json); those whose command is a study, a training or a benchmark are read from "
            "what it left in the repository (studies/results, spektron/data, docs/benchmarks.md). Spectra and Hessians "
            "are simulated.",
            "",
            ", ".join(f"{count} {word}" for word, count in self.counts.items()) + ".",
            "",
            "| claim | verdict | evidence |",
            "|---|---|---|",
        ]
        for entry in self.entries:
            outcome = entry.outcome
            words = (outcome.verdict, outcome.grade) if outcome else ("not checked", "-")
            lines.append(f"| [{entry.claim.key}](#{entry.claim.key}) | {words[0]} | {words[1]} |")
        for entry in self.entries:
            lines += ["", f"## {entry.claim.key}", "", *_section(entry)]
        return "\n".join(lines) + "\n"

    def __str__(self) -> str:
        width = max(len(entry.claim.key) for entry in self.entries)
        lines = []
        for entry in self.entries:
            outcome = entry.outcome
            words = f"{outcome.verdict} ({outcome.grade}): {outcome.number}" if outcome else f"({entry.missing})"
            lines.append(f"{entry.claim.key:{width}}  {words}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(e.claim.key)}</th><td>{escape(e.outcome.verdict if e.outcome else 'not checked')}</td>"
            f"<td>{escape(e.outcome.number if e.outcome else e.missing)}</td></tr>"
            for e in self.entries
        )
        return f"<table>{rows}</table>"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"counts": self.counts, "claims": [entry.as_dict() for entry in self.entries]}


def _section(entry: Entry) -> list[str]:
    published = [f"**Published:** {entry.claim.published}", ""]
    command = f"Command: `{entry.claim.command}`"
    if entry.outcome is None:
        return [*published, f"Not checked: {entry.missing}", "", command]
    outcome = entry.outcome
    return [
        *published,
        f"**{outcome.verdict.capitalize()}** ({outcome.grade}). {outcome.statement}",
        "",
        f"Numbers: {outcome.number}",
        "",
        command,
    ]


def ledger(claims: Iterable[Claim] | None = None, only: Sequence[str] = ()) -> Ledger:
    """All claims checked now (those of theory/ by default), or ``only`` some by key.

    Raises
    ------
    IdentifiabilityError
        An unknown key, or two claims with one key.

    Examples
    --------
    >>> print(ledger(only=["completeness-benzene"]))  # doctest: +ELLIPSIS
    completeness-benzene  corrected (proved): R = 19/30 = 0.633 ...
    """
    if claims is None:
        from ._known_claims import CLAIMS

        claims = CLAIMS
    chosen = tuple(claims)
    keys = [claim.key for claim in chosen]
    unknown = sorted(set(only) - set(keys))
    if unknown or len(set(keys)) != len(keys):
        raise IdentifiabilityError(
            f"ledger: {f'no claim {unknown}' if unknown else 'a key occurs twice'}; keys: {keys}."
        )
    return Ledger(tuple(_entry(claim) for claim in chosen if not only or claim.key in only))


def _entry(claim: Claim) -> Entry:
    try:
        return Entry(claim, claim.check())
    except SymvibError as error:
        return Entry(claim, None, str(error))
