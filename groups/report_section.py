"""Extra sections of a report: what rooms above groups/ hand in, without groups/ knowing them."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol, runtime_checkable

__all__ = ["ReportSection", "StoredSection"]


@runtime_checkable
class ReportSection(Protocol):
    """What an extra section of a :class:`~symvib.groups.report.PointGroupReport` has to offer.

    ``to_html`` returns a fragment (no ``<html>``, no heading) that is put into the page as it stands: the section
    escapes whatever it prints. ``as_dict`` returns JSON types.
    """

    @property
    def title(self) -> str:
        """Heading, plain text."""
        ...

    def to_text(self) -> str:
        """Body for the terminal."""
        ...

    def to_html(self) -> str:
        """Body as a trusted HTML fragment."""
        ...

    def to_markdown(self) -> str:
        """Body in Markdown, without the heading."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Content as JSON types."""
        ...


@dataclass(frozen=True, eq=False)
class StoredSection:
    """A section read back from a stored report: its text and data, without the object that made it.

    Its HTML is the escaped text, because markup from a file is not trusted.

    Attributes
    ----------
    title, text, markdown : str
    data : Mapping
        What the original's ``as_dict`` gave.
    """

    title: str
    text: str
    markdown: str
    data: Mapping[str, Any]

    def to_text(self) -> str:
        """Body as stored."""
        return self.text

    def to_html(self) -> str:
        """Body as stored, escaped and preformatted."""
        return f"<pre>{escape(self.text)}</pre>"

    def to_markdown(self) -> str:
        """Body as stored."""
        return self.markdown

    def as_dict(self) -> dict[str, Any]:
        """Data as stored."""
        return dict(self.data)


def section_as_dict(section: ReportSection) -> dict[str, Any]:
    """Everything that :func:`section_from_dict` needs, as JSON types."""
    return {
        "title": section.title,
        "text": section.to_text(),
        "markdown": section.to_markdown(),
        "data": section.as_dict(),
    }


def section_from_dict(data: Mapping[str, Any]) -> StoredSection:
    """The section that :func:`section_as_dict` wrote."""
    return StoredSection(str(data["title"]), str(data["text"]), str(data["markdown"]), dict(data["data"]))
