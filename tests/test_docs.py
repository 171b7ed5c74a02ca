"""The documentation says what the code does: generated pages, links, examples, and the limits quoted in prose."""

import doctest
import html
import importlib.util
import re
from pathlib import Path

import pytest

from symvib.groups import _levels

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *(p for p in [ROOT / "README.md"] if p.exists())])
GENERATED = (
    "make_completeness",
    "make_crystals",
    "make_detection",
    "make_forward_accuracy",
    "make_block_rank",
    "make_fibres",
    "make_survey",
    "make_spektron",
    "make_predictions",
    "make_evaluation",
    "make_transfer",
    "make_minerals",
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def load(name):
    """The script as a module; it is not part of the package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(page):
    """Names of the headings as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_are_what_their_script_writes(name):
    script = load(name)
    assert script.page() == script.PAGE.read_text(encoding="utf-8"), f"run `python docs/{name}.py`"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(linked), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_examples_give_what_the_page_says(page, monkeypatch):
    monkeypatch.chdir(ROOT)  # examples read examples/*.xyz
    result = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert result.failed == 0
    assert result.attempted == len(re.findall(r"^>>> ", page.read_text(encoding="utf-8"), re.MULTILINE))


def test_there_are_examples():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert text.count("\n>>> ") > 15


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_blocks_with_prompts_are_python_blocks(page):
    """So that GitHub colours them, and none is overlooked by a reader who looks for python blocks."""
    for block in FENCE.finditer(page.read_text(encoding="utf-8")):
        assert (">>> " in block[0]) == block[0].startswith("```python"), block[0]


@pytest.mark.parametrize(
    "words",
    [
        f"*Floor*, {_levels.FLOOR_ANGSTROM:g} Å",
        f"*Ceiling*, {_levels.CEILING_ANGSTROM:g} Å",
        f"errors of {_levels.LARGEST_NOISE_ANGSTROM:g} Å",
        "The limit is 1e-7",
        "noise up to 1e-5 Å) the limit is 1e-3",
        "noise up to 1e-3 Å) it is 1e-4",
    ],
)
def test_limits_in_the_prose_of_detection(words):
    assert words in " ".join((DOCS / "detection.md").read_text(encoding="utf-8").split())


def test_limits_of_the_f_test_are_those_in_the_prose():
    assert _levels.REFUSAL_P == 1e-7
    assert _levels.EXACT_REFUSAL == (1e-5, 1e-3)
    assert _levels.PRINTED_REFUSAL == (1e-3, 1e-4)
    assert _levels._FEW_COORDINATES == 6
    assert _levels._NOISE_Z == 4


def test_columns_of_datasets_are_those_in_the_table():
    from symvib.forward.dataset_files import COLUMNS

    page = (DOCS / "forward.md").read_text(encoding="utf-8")
    section = page.partition("### Columns")[2].partition("**Kinds of exclusion.**")[0]
    cells = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in section.splitlines() if line[:3] == "| `"]
    rows = [(name, html.unescape(kind), unit, meaning) for name, kind, unit, meaning in cells]
    assert {name: kind for name, kind, _, _ in rows} == COLUMNS
    assert [name for name, *_ in rows] == list(COLUMNS)
    units = {"hartree": "Eh", "angstrom": "Å", "cm1": "cm⁻¹", "km": "km/mol", "bohr2": "bohr²", "bohr3": "bohr³"}
    for name, _, unit, meaning in rows:
        assert meaning.strip()
        for word in units.keys() & set(name.split("_")):
            assert units[word] in unit, name


def test_how_to_install_an_extra_is_said_in_one_place():
    """symvib is on no index yet: `MissingPackageError.of_extra` says what works, and pages give the source folder."""
    sources = [*PAGES, *ROOT.glob("cli*.py"), *(ROOT / "groups").rglob("*.py"), *(ROOT / "forward").rglob("*.py")]
    assert len(sources) > 100
    for source in sources:
        assert "symvib[" not in source.read_text(encoding="utf-8"), source


def test_every_page_is_in_the_index():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index


@pytest.mark.parametrize("template", sorted((DOCS / "templates").glob("*.md")), ids=lambda p: p.name)
def test_every_template_makes_a_page(template):
    """Each page in templates/ is written by one script, which is named in the index."""
    scripts = [load(name) for name in GENERATED]
    assert template in [script.TEMPLATE for script in scripts]
    assert (DOCS / template.name) in [script.PAGE for script in scripts]


def test_new_tables_replace_those_of_the_same_title_and_the_others_stay():
    old = "# Speed\n\nfacts\n\n## A\n\n1\n\n## B\n\n2\n"
    new = load("make_benchmarks").with_new(old, ["## A\n\n3\n", "## C\n\n4\n"])
    assert new == "# Speed\n\nfacts\n\n## A\n\n3\n\n## B\n\n2\n\n## C\n\n4\n"
