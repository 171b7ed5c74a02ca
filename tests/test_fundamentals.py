"""Predicted species of the vibrations against tabulated fundamentals (Shimanouchi, NSRDS-NBS 39 and others).

Geometries are experimental (CCCBDB); tables, geometries and how they belong together: measured_fundamentals.py. The
files live outside the repository (../shared/data), so the tests are skipped where they are absent. Labels are compared
up to the choice of axes, which the tables make in their own way (water's nu3 is b1 there).
"""

import pytest

from measured_fundamentals import (
    COMPLETE,
    DEUTERATED,
    GEOMETRIES,
    INCOMPLETE,
    ISOTOPES,
    LOOSE,
    OTHER_CONFORMER,
    PLAIN,
    SIGN_ERRORS,
    TABLE,
    geometries,
    molecule_of,
    relabellings,
    tabulated,
)
from symvib import Molecule, detect_point_group
from symvib.groups.completeness import analyse_detection
from symvib.groups.elements import parse_symbol

MINIMUM_COMPARED = 149

pytestmark = pytest.mark.skipif(
    not (TABLE.exists() and GEOMETRIES.exists()), reason=f"{TABLE} or {GEOMETRIES} is absent"
)


@pytest.mark.parametrize("name", COMPLETE)
def test_predicted_species_are_the_tabulated_ones(name):
    molecule, tolerance = molecule_of(name)
    detection = detect_point_group(molecule, tolerance)
    analysis = analyse_detection(detection)
    listed = dict(tabulated()[name])
    group = detection.point_group.label
    found = [
        {change.get(label, label): count for label, count in analysis.gamma_vib.items()}
        for change in relabellings(group, list(analysis.gamma_vib))
    ]
    assert listed in found, f"{name} ({group}): predicted {analysis.gamma_vib}, listed {listed}"


@pytest.mark.parametrize("name", sorted(INCOMPLETE))
def test_incomplete_tables_list_no_more_than_is_predicted(name):
    molecule, tolerance = molecule_of(name)
    analysis = analyse_detection(detect_point_group(molecule, tolerance))
    listed = tabulated()[name]
    ways = relabellings(analysis.point_group.label, list(listed))
    assert any(all(analysis.gamma_vib[way.get(k, k)] >= n for k, n in listed.items()) for way in ways)
    assert sum(listed.values()) < sum(analysis.gamma_vib.values())


@pytest.mark.parametrize("geometry", [*SIGN_ERRORS, *LOOSE])
def test_erroneous_geometries_are_seen_as_they_are_printed(geometry):
    entry = geometries()[geometry]
    numbers = [parse_symbol(symbol)[0] for symbol in entry["symbols"]]
    found = detect_point_group(Molecule.from_arrays(numbers, entry["xyz_angstrom"]))
    assert found.point_group.label == {**SIGN_ERRORS, **LOOSE}[geometry][0]


@pytest.mark.parametrize("name", sorted(OTHER_CONFORMER))
def test_other_conformers_are_recognised(name):
    molecule, tolerance = molecule_of(name)
    detection = detect_point_group(molecule, tolerance)
    assert detection.point_group.label == OTHER_CONFORMER[name][0]
    assert sum(tabulated()[name].values()) == analyse_detection(detection).levels.n_vib  # 18 = 18, other species


def test_how_many_are_compared():
    names = set(tabulated())
    assert set(COMPLETE) <= names
    assert len(COMPLETE) >= MINIMUM_COMPARED
    assert len(set(PLAIN) & set(ISOTOPES)) == len(set(PLAIN) & set(DEUTERATED)) == 0
