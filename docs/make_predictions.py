"""Writes docs/predictions_registered.md: ``python docs/make_predictions.py``.

The rules are the objects of symvib.evaluation.predictions; the prose around them is in
docs/templates/predictions_registered.md.
"""

from pathlib import Path

from jinja2 import StrictUndefined, Template

from symvib.evaluation.predictions import registered_predictions, registration_hash, registration_text
from symvib.groups.atomic_write import write_text

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "predictions_registered.md"
TEMPLATE = ROOT / "docs" / "templates" / "predictions_registered.md"


def page() -> str:
    """The page as it should be."""
    rules = registered_predictions()
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    return template.render(
        hash=registration_hash(), text=registration_text().rstrip("\n"), count=len(rules), alpha=rules[0].alpha
    )


if __name__ == "__main__":
    write_text(PAGE, page())
