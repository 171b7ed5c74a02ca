"""Doctests by module name: collected by path they would import a second copy of the package."""

import doctest
import importlib
import pkgutil

import pytest

import symvib

OURS = (
    "symvib.groups",
    "symvib.forward",
    "symvib.theory",
    "symvib.spektron",
    "symvib.evaluation",
    "symvib.cli",
    "symvib.errors",
    "symvib.constants",
)
MODULES = sorted(m.name for m in pkgutil.walk_packages(symvib.__path__, "symvib.") if m.name.startswith(OURS))


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def test_there_are_doctests():
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(m) for m in MODULES]
    assert sum(len(t.examples) for m in modules for t in finder.find(m)) > 20
