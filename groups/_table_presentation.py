"""How tables show themselves: what finite and infinite character tables have in common."""

from typing import Any


class TablePresentation:
    """Text, Markdown, LaTeX, HTML and plain data of a character table; mixed into the table classes."""

    def text(self, unicode: bool = False) -> str:
        """The table as aligned text."""
        from .table_format import table_text

        return table_text(self, unicode)  # type: ignore[arg-type]

    def markdown(self) -> str:
        """The table in (GitHub) Markdown."""
        from .table_format import table_markdown

        return table_markdown(self)  # type: ignore[arg-type]

    def latex(self) -> str:
        """The table as a LaTeX tabular (needs the package booktabs)."""
        from .table_format import table_latex

        return table_latex(self)  # type: ignore[arg-type]

    def html(self) -> str:
        """The table as an HTML fragment, escaped."""
        from .table_format import table_html

        return table_html(self)  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, Any]:
        """The table as plain data for JSON: exact characters as strings, finite ones as floats or [re, im] too."""
        from .table_format import table_as_dict

        return table_as_dict(self)  # type: ignore[arg-type]

    def _repr_html_(self) -> str:
        return self.html()

    def __str__(self) -> str:
        return self.text()
