"""The rooms: groups <- forward <- theory; forward <- spektron; all <- evaluation. Arrows point one way."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "groups": {"groups"},
    "forward": {"groups", "forward"},
    "theory": {"groups", "forward", "theory"},
    "spektron": {"groups", "forward", "spektron"},
    "evaluation": {"groups", "forward", "theory", "spektron", "evaluation"},
}
SHARED = {"errors", "constants"}  # root modules that every room may use; they import nothing of ours
ROOT_NAMES = {"__version__"}
MODULES = sorted(path.relative_to(ROOT) for room in MAY_IMPORT for path in (ROOT / room).rglob("*.py"))


def imported_rooms(path: Path, root: Path = ROOT) -> set[str]:
    """First name below the package root of every import of ours in the file, relative or absolute."""
    package = path.relative_to(root).parts[:-1]
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - (node.level - 1)]
            target = [*base, *(node.module or "").split(".")]
            names = [a.name for a in node.names] if not any(target) else [next(part for part in target if part)]
            rooms.update(names)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            rooms.update(m.split(".")[1] for m in modules if m.startswith("symvib."))
    return rooms


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_point_one_way(module):
    allowed = MAY_IMPORT[module.parts[0]] | SHARED | ROOT_NAMES
    assert imported_rooms(ROOT / module) <= allowed


def test_the_direction_test_sees_a_wrong_arrow(tmp_path):
    wrong = tmp_path / "groups" / "wrong.py"
    wrong.parent.mkdir()
    wrong.write_text("from ..theory.claims import x\nfrom ..errors import y\nimport symvib.spektron.model\n")
    assert imported_rooms(wrong, tmp_path) == {"theory", "errors", "spektron"}


@pytest.mark.parametrize("name", sorted(SHARED))
def test_shared_modules_import_nothing_of_ours(name):
    path = ROOT / f"{name}.py"
    if not path.exists():
        pytest.skip(f"{name}.py does not exist yet")
    assert imported_rooms(path) == set()


def test_every_folder_of_modules_is_packaged():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT) for room in MAY_IMPORT for path in (ROOT / room).rglob("__init__.py")}
    assert set(listed) == {"symvib"} | {".".join(("symvib", *folder.parts)) for folder in folders}


def test_import_loads_nothing_heavy():
    code = (
        "import sys, symvib, symvib.groups.detection;"
        "heavy = ('scipy', 'sympy', 'matplotlib', 'rdkit', 'ase', 'jinja2', 'typer', 'tblite', 'pyarrow');"
        "print([m for m in heavy if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_public_name_resolves():
    import symvib

    for name in symvib.__all__:
        assert getattr(symvib, name) is not None
