"""Answers of other routes: tabulated point groups, brute-force counts of operations, characters by matrices."""

import gzip
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from helpers import molecule_of
from symvib import character_table, detect_point_group, point_group_report
from zoo import ZOO

ROOT = Path(__file__).resolve().parents[1]
GEOMETRIES = ROOT.parent / "shared" / "data" / "molecules" / "cccbdb_experimental_geometries.json.gz"
SMALL_FINITE = [z for z in ZOO if 3 <= len(z.symbols) <= 24 and "inf" not in z.group]


def brute_force():
    """The independent search of benchmarks/detection.py."""
    spec = importlib.util.spec_from_file_location("benchmark_detection", ROOT / "benchmarks" / "detection.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.operations_by_brute_force


@pytest.mark.skipif(not GEOMETRIES.exists(), reason=f"{GEOMETRIES} is absent")
def test_tabulated_groups_of_experimental_geometries():
    """584 molecules of CCCBDB: 539 as tabulated; elsewhere the coordinates are of another conformer or misprinted.

    (Ethanol is tabulated C1 with the coordinates of trans, Cs; HO2 is tabulated linear, but bent; ...) There an
    independent count of operations at 0.01 angstrom must agree with us.
    """
    count_operations, different = brute_force(), []
    entries = json.loads(gzip.decompress(GEOMETRIES.read_bytes()))
    for entry in entries:
        found = detect_point_group((entry["symbols"], entry["xyz_angstrom"]))
        tabulated = entry["point_group_exp"] or ""
        if found.point_group.unicode != tabulated and found.point_group.label != _label(tabulated):
            different.append((entry["name"], found))
    assert len(entries) - len(different) >= 539
    for name, found in different:
        if found.point_group.is_finite:
            order = count_operations(found.molecule, 0.01)
            assert order == found.point_group.order, f"{name}: {found.summary()}, {order} operations"
        else:
            centred = found.molecule.positions - found.molecule.positions.mean(axis=0)
            assert np.linalg.svd(centred, compute_uv=False)[1] < 0.01, name


def _label(text):
    from symvib import PointGroup
    from symvib.errors import PointGroupError

    try:
        return PointGroup.parse(text).label
    except PointGroupError:
        return None


@pytest.mark.parametrize("entry", SMALL_FINITE[::3], ids=lambda z: f"{z.name} {z.group}")
def test_vibrational_species_by_matrices(entry):
    """Gamma_vib from the 3N x 3N matrices of the detected operations and floating-point characters."""
    found = detect_point_group(molecule_of(entry.symbols, entry.positions))
    report = point_group_report(found)
    table = character_table(found.point_group, form="complex")
    traces = []
    for cls in table.classes:
        operation = found.operations[cls.indices[0]]
        displaced = np.zeros((3 * len(entry.symbols),) * 2)
        for atom, image in enumerate(operation.permutation):
            displaced[3 * image : 3 * image + 3, 3 * atom : 3 * atom + 3] = operation.operation.matrix
        matrix = operation.operation.matrix
        rotation = matrix * np.linalg.det(matrix)
        traces.append(np.trace(displaced) - np.trace(matrix) - np.trace(rotation))
    counts = (table.to_numpy().conj() * table.class_sizes * traces).sum(axis=1) / table.order
    assert np.abs(counts - np.rint(counts.real)).max() < 1e-8
    for irrep, count in zip(table.irreps, np.rint(counts.real), strict=True):
        assert report.gamma_vib[irrep.real_label] == count


@pytest.mark.parametrize("entry", SMALL_FINITE[1::4], ids=lambda z: f"{z.name} {z.group}")
def test_number_of_operations_by_brute_force(entry):
    molecule = molecule_of(entry.symbols, entry.positions)
    assert brute_force()(molecule, 0.01) == detect_point_group(molecule).point_group.order
