"""Fuzzing of as_molecule: a Molecule or a SymvibError comes out, soon and in bounded memory."""

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from symvib.errors import MoleculeError, SymvibError
from symvib.groups.molecule import Molecule
from symvib.groups.readers import as_molecule

fuzz = settings(max_examples=300, deadline=5000, suppress_health_check=list(HealthCheck))

numbers = st.one_of(
    st.integers(-2, 130),
    st.sampled_from(["H", "D", "C", "cl", "X", "Bq", "", "13C", "999C", "٣", "\ud800"]),
    st.floats(),
    st.none(),
    st.booleans(),
)
coordinates = st.one_of(st.floats(-5, 5), st.floats(), st.integers(), st.sampled_from(["1", "nan", "0x1", "1_0", None]))
positions = st.lists(st.lists(coordinates, min_size=0, max_size=4), max_size=5)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=20),
    st.binary(),
)
objects = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.sets(scalars, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=10), st.integers()), inner, max_size=4),
        st.lists(scalars, max_size=3).map(lambda x: np.array(x, dtype=object)),
        st.builds(range, st.integers(0, 10**12)),
    ),
    max_leaves=12,
)

# Pieces of the formats, so that the fuzz gets past the first check.
xyz_tokens = st.one_of(
    st.sampled_from(
        [
            "\n",
            " ",
            "1",
            "2",
            "3",
            "H",
            "C",
            "0.0",
            "1.5",
            "-1",
            "nan",
            "1e400",
            "1D5",
            "X",
            "\t",
            "\r",
            "\0",
            "é",
        ]
        + [
            "10" * 10,
            'Lattice="1 0 0"',
            "Properties=species:S:1:pos:R:3",
            "pbc=",
            "Properties=:::",
            "\u2028",
            "9" * 30,
        ]
    ),
    st.text(max_size=5),
)
smiles_tokens = st.sampled_from(
    [
        "C",
        "c",
        "N",
        "O",
        "[",
        "]",
        "(",
        ")",
        "=",
        "#",
        "1",
        "2",
        "%10",
        "[2H]",
        "[nH]",
        "F",
        "S",
        "P",
        "[Fe]",
        ".",
        "*",
    ]
    + [
        "/",
        "\\",
        "@",
        "[C@H]",
        "+",
        "-",
        "[999H]",
        "[Xe]",
        ">",
        "Cl",
        "$",
        ":",
        "[#120]",
        "&",
        "|",
        " ",
        "B",
        "[O-]",
    ]
)
mol_lines = st.sampled_from(
    [
        "",
        "  x",
        "  2  1  0  0  0  0  0  0  0  0999 V2000",
        "  1  0  0  0  0  0            999 V2000",
        "M  END",
        "$$$$",
    ]
    + [
        "    0.0000    0.0000    0.0000 H   0  0",
        "    1.0000    0.0000    0.0000 C   0  0",
        "  1  2  1  0",
        "V3000",
    ]
    + [
        "M  V30 BEGIN CTAB",
        "M  V30 COUNTS 1 0 0 0 0",
        "M  V30 BEGIN ATOM",
        "M  V30 1 C 0 0 0 0",
        "M  ISO  1   1  13",
    ]
    + [
        "  0  0  0     0  0            999 V3000",
        "999999  0  0  0  0  0            999 V2000",
        "M  V30 END ATOM",
    ]
)


def read_or_refuse(x: Any) -> Molecule | None:
    try:
        molecule = as_molecule(x)
    except SymvibError as error:
        refusal = str(error)
    else:
        refusal = None
    if refusal is not None:
        assert 0 < len(refusal.strip()) < 2000
        return None
    assert isinstance(molecule, Molecule)
    assert np.isfinite(molecule.positions).all()
    assert np.isfinite(molecule.masses).all()
    assert ((molecule.numbers >= 1) & (molecule.numbers <= 118)).all()
    json.dumps(molecule.as_dict())
    return molecule


@fuzz
@given(st.lists(xyz_tokens, max_size=40).map("".join).map(lambda text: text + "\n\n."))
@example("1\n\nH 0 0 1e999")
@example("2\n\nH 0 0 1e308\nH 0 0 -1e308")
def test_xyz_text(text):
    read_or_refuse(text)


@fuzz
@given(
    st.integers(-1, 6),
    st.text(max_size=30),
    st.lists(st.tuples(numbers, coordinates, coordinates, coordinates), max_size=5),
)
def test_almost_xyz_text(count, comment, rows):
    lines = [" ".join(str(field) for field in row) for row in rows]
    read_or_refuse("\n".join([str(count), comment, *lines, ""]))


@fuzz
@given(st.lists(st.floats(-9, 9), min_size=3, max_size=30))
def test_good_xyz_text_is_read_as_written(values):
    x = np.array(values[: len(values) // 3 * 3]).reshape(-1, 3)
    rows = "\n".join("C " + " ".join(repr(float(v)) for v in row) for row in x)
    molecule = read_or_refuse(f"{len(x)}\n\n{rows}")
    if molecule is not None:
        assert molecule.positions.tolist() == x.tolist()


@settings(max_examples=150, deadline=30_000, suppress_health_check=list(HealthCheck))
@given(st.lists(smiles_tokens, min_size=1, max_size=12).map("".join))
def test_smiles(text):
    read_or_refuse(f"smiles:{text}")


@fuzz
@given(st.text(max_size=60))
@example("\ud800")
@example("\0")
@example("a/../../b.xyz")
def test_any_text(text):
    read_or_refuse(text)


@fuzz
@given(st.lists(mol_lines, max_size=14).map("\n".join).map(lambda text: f"x\n\n\n{text}\nV2000"))
def test_mol_text(text):
    read_or_refuse(text)


@fuzz
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "symbols": st.one_of(st.lists(numbers, max_size=4), objects),
            "numbers": st.one_of(st.lists(numbers, max_size=4), objects),
            "positions": st.one_of(positions, objects),
            "geometry": st.one_of(st.lists(coordinates, max_size=12), objects),
            "mass_numbers": st.one_of(st.lists(st.integers(-2, 300), max_size=4), objects),
            "masses": st.one_of(st.lists(st.floats(), max_size=4), objects),
            "real": objects,
            "molecule": objects,
            "name": objects,
            "comment": objects,
        },
    )
)
def test_dictionaries(data):
    read_or_refuse(data)


@fuzz
@given(st.tuples(st.lists(numbers, max_size=5), positions))
def test_pairs(pair):
    read_or_refuse(pair)


@fuzz
@given(objects)
@example((range(10**12), [[0, 0, 0]]))
@example(([1], range(10**12)))
@example(([1], [range(10**12)]))
@example(([1], [[range(10**12)] * 3]))
@example({"symbols": ["H"], "geometry": [range(10**12)]})
@example({"numbers": [1], "positions": [[10**400, 0, 0]]})
def test_any_object(x):
    read_or_refuse(x)


@settings(max_examples=100, deadline=10_000, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=300), st.sampled_from([".xyz", ".extxyz", ".mol", ".sdf", ".log", ".out", ".json"]))
def test_any_bytes_in_a_file(tmp_path_factory, content, suffix):
    path = tmp_path_factory.mktemp("fuzz") / f"a{suffix}"
    path.write_bytes(content)
    read_or_refuse(path)


@pytest.mark.parametrize(
    "x",
    [
        "1000000000000\n\nH 0 0 0",
        "20000\n\nH 0 0 0",
        "C" * 100_000,
        "(" * 100_000,
        "[" * 2999,
        "C%(99999999)C",
        (range(10**12), [[0, 0, 0]]),
        {"symbols": ["H"], "geometry": range(10**7)},
        ([1], [[range(10**7)] * 3]),
    ],
)
def test_memory_is_bounded(x):
    """Far less than the announced atoms would take; 64 MB leaves room for RDKit being imported."""
    tracemalloc.start()
    with pytest.raises(MoleculeError):
        as_molecule(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64e6
