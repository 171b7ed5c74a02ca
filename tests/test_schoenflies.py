"""Point-group symbols and standard operations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symvib.errors import PointGroupError
from symvib.groups.operations import (
    SymmetryOperation,
    close_group,
    conjugacy_classes,
    inverses,
    multiplication_table,
    rotation_matrix,
)
from symvib.groups.schoenflies import PointGroup

AXIAL = ["C{n}", "C{n}v", "C{n}h", "D{n}", "D{n}h", "D{n}d"]
GROUPS = [
    *["C1", "Cs", "Ci", "T", "Td", "Th", "O", "Oh", "I", "Ih"],
    *[form.format(n=n) for form in AXIAL for n in range(2, 31)],
    *[f"S{n}" for n in range(4, 61, 2)],
]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("D*h", "Dinfh"), ("D0h", "Dinfh"), ("D∞h", "Dinfh"), ("Dooh", "Dinfh"), (r"D_{\infty h}", "Dinfh"),
        ("C*v", "Cinfv"), ("C0v", "Cinfv"), ("c∞v", "Cinfv"), ("Cinfv", "Cinfv"), ("K", "Kh"), ("kh", "Kh"),
        ("S2", "Ci"), ("S1", "Cs"), ("S3", "C3h"), ("S5", "C5h"), ("C1h", "Cs"), ("C1v", "Cs"), ("C3i", "S6"),
        ("C1i", "Ci"), ("C2i", "C2h"), ("D1", "C2"), ("D1h", "C2v"),
        ("D1d", "C2h"), ("V", "D2"), ("Vh", "D2h"), ("Vd", "D2d"),
        ("d6h", "D6h"), ("D_{6h}", "D6h"), ("$D_{6h}$", "D6h"), ("D₆ₕ", "D6h"), (" D6h ", "D6h"), ("D_6h", "D6h"),
        ("TD", "Td"), ("oh", "Oh"), ("y", "I"), ("Yh", "Ih"), ("i", "I"), ("IH", "Ih"), ("ci", "Ci"), ("CI", "Ci"),
        ("-43m", "Td"), ("mmm", "D2h"), ("6/mmm", "D6h"), ("-3m", "D3d"), ("m-3m", "Oh"), ("1", "C1"), ("m", "Cs"),
    ],
)  # fmt: skip
def test_every_spelling_is_understood(text, label):
    assert PointGroup.parse(text).label == label


@pytest.mark.parametrize(
    "text", ["", "D", "X3", "C2x", "D2hh", "S4h", "C-2", "D6h;DROP", "C99999999", "D*d", "S0", "D2v", "2h"]
)
def test_nonsense_is_refused_with_the_call_restated(text):
    with pytest.raises(PointGroupError, match=r"PointGroup\.parse"):
        PointGroup.parse(text)


@pytest.mark.parametrize("thing", [None, 3, b"D6h", ["D6h"]])
def test_not_a_string_is_refused(thing):
    with pytest.raises(PointGroupError):
        PointGroup.parse(thing)


@given(st.text(max_size=12))
def test_parsing_any_text_gives_a_group_or_our_error(text):
    try:
        group = PointGroup.parse(text)
    except PointGroupError:
        return
    assert PointGroup.parse(group.label) == group
    assert PointGroup.parse(group.unicode) == group
    assert PointGroup.parse(group.latex) == group


@pytest.mark.parametrize("label", GROUPS)
def test_standard_operations_form_the_group(label):
    group = PointGroup.parse(label)
    assert group.label == label
    table = multiplication_table(group.matrices)
    order = group.order
    assert order == len(group.operations)
    assert (np.sort(table, axis=0) == np.arange(order)[:, None]).all()  # a Latin square
    assert (table[np.arange(order), inverses(table)] == 0).all()
    assert sum(len(c) for c in conjugacy_classes(table)) == order
    assert len({tuple(np.round(m, 6).ravel() + 0.0) for m in group.matrices}) == order
    assert group.has_inversion == any(o.kind == "i" for o in group.operations)
    assert group.is_chiral == all(o.proper for o in group.operations)
    assert group.rotational_order == sum(o.proper for o in group.operations)


@pytest.mark.parametrize("label", ["D1d", "S2", "D*h", "C1v", "C1h", "D1", "S3"])
def test_trap_unconventional_labels_are_never_printed(label):
    """Peers print 'D1d', 'S2', 'D*h'; here they are read, and the customary name is printed."""
    assert str(PointGroup.parse(label)) not in {"D1d", "S2", "D*h", "C1v", "C1h", "D1", "S3"}


@pytest.mark.parametrize("label", GROUPS)
def test_names_and_matrices_of_operations_agree(label):
    """Rebuild each matrix from its printed name and axis alone."""
    for operation in PointGroup.parse(label).operations:
        if operation.axis is None:
            rebuilt = np.eye(3) if operation.proper else -np.eye(3)
        else:
            rebuilt = rotation_matrix(operation.axis, 2 * np.pi * operation.k / operation.n)
            if not operation.proper:
                rebuilt = rebuilt - 2 * np.outer(operation.axis, operation.axis) @ rebuilt
        assert np.abs(rebuilt - operation.matrix).max() < 1e-9
        power = np.linalg.matrix_power(operation.matrix, operation.order)
        assert np.abs(power - np.eye(3)).max() < 1e-9


def test_operations_of_s3_have_their_customary_powers():
    labels = {o.label for o in PointGroup("D3h").operations}
    assert labels == {"E", "C3", "C3^2", "C2", "sigma", "S3", "S3^5"}


def test_not_a_group_is_refused():
    with pytest.raises(PointGroupError, match="do not form a group"):
        multiplication_table(np.array([np.eye(3), rotation_matrix(np.array([0, 0, 1.0]), 1.0)]))
    with pytest.raises(PointGroupError, match="not finite"):
        close_group([rotation_matrix(np.array([0, 0, 1.0]), 1.0)], limit=50)


def test_not_an_operation_is_refused():
    with pytest.raises(PointGroupError, match="not an orthogonal"):
        SymmetryOperation.from_matrix(2 * np.eye(3))
    with pytest.raises(PointGroupError, match="no fraction"):
        SymmetryOperation.from_matrix(rotation_matrix(np.array([0, 0, 1.0]), 1.0), max_order=60)


def test_infinite_groups_say_that_they_have_no_list_of_operations():
    assert PointGroup("Dinfh").order is None
    with pytest.raises(PointGroupError, match="infinite"):
        _ = PointGroup("Dinfh").operations


@pytest.mark.parametrize("label", ["S2", "D1d", "S5", "D0h", "d6h", "D*h"])
def test_the_constructor_takes_customary_labels_only(label):
    with pytest.raises(PointGroupError, match="customary"):
        PointGroup(label)
