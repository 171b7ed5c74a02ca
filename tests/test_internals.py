"""Values, B matrix and second derivatives of internal coordinates: differences, geomeTRIC, invariance, refusals."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

from symvib.errors import CoordinateError
from symvib.forward.internals import InternalCoordinate, InternalCoordinates

KINDS = {"stretch": 2, "bend": 3, "linear_bend": 3, "torsion": 4, "out_of_plane": 4}
TETRAHEDRON = np.array([[0.1, 0.0, -0.2], [1.2, 0.1, 0.0], [1.5, 1.1, 0.3], [0.9, 1.8, 1.4]])


def coordinate(kind, atoms=None, axis=(0.3, -0.5, 0.8)):
    return InternalCoordinate(kind, atoms or tuple(range(KINDS[kind])), axis if kind == "linear_bend" else None)


def difference(function, x, h=2e-3):
    """Derivatives of an array function of positions (N, 3) by the eighth-order central formula, last index 3N.

    The error of h^8 f(9)/630 is below 1e-12 for coordinates whose atoms are an angstrom apart.
    """
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    columns = []
    for k in range(x.size):
        step = np.zeros(x.size)
        step[k] = h
        step = step.reshape(x.shape)
        columns.append(sum(w * (function(x + n * step) - function(x - n * step)) for n, w in weights.items()) / h)
    return np.stack(columns, axis=-1)


def check_derivatives(coordinates, x, tolerance=2e-9):
    b, second = coordinates.b_matrix(x), coordinates.second_derivatives(x)
    assert np.abs(b - difference(coordinates.values, x)).max() < tolerance
    assert np.abs(second - difference(coordinates.b_matrix, x)).max() < 10 * tolerance * max(1, np.abs(second).max())
    assert np.abs(second - second.swapaxes(-1, -2)).max() < 1e-12 * max(1, np.abs(second).max())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_at_random_geometries(kind, seed):
    rng = np.random.default_rng(seed)
    check_derivatives(InternalCoordinates([coordinate(kind)]), TETRAHEDRON + rng.normal(scale=0.25, size=(4, 3)))


def bent(angle):
    """Three atoms with an angle in degrees at the second, in the xy plane; a fourth one away."""
    t = np.radians(angle)
    return np.array([[1.1, 0, 0], [0, 0, 0], [1.4 * np.cos(t), 1.4 * np.sin(t), 0], [-0.4, 0.9, 1.3]])


def twisted(angle):
    """Four atoms with a dihedral angle in degrees about the second and third."""
    t = np.radians(angle)
    return np.array([[0.9, 0, -0.4], [0, 0, 0], [0, 0, 1.5], [1.1 * np.cos(t), 1.1 * np.sin(t), 1.8]])


def raised(angle):
    """End, centre and two others: the bond end-centre stands by an angle in degrees above the plane z = 0."""
    t = np.radians(angle)
    return np.array([[-1.2 * np.cos(t), 0, 1.2 * np.sin(t)], [0, 0, 0], [0.6, -0.9, 0], [0.7, 1.0, 0]])


SPECIAL = [
    ("linear_bend", bent(180.0)),
    ("linear_bend", bent(179.99)),
    ("linear_bend", bent(176.0)),
    ("bend", bent(90.0)),
    ("bend", bent(120.0)),
    ("torsion", twisted(0.0)),
    ("torsion", twisted(90.0)),
    ("torsion", twisted(-90.0)),
    ("torsion", twisted(60.0)),
    ("out_of_plane", raised(0.0)),
    ("out_of_plane", raised(-40.0)),
]


@pytest.mark.parametrize(("kind", "x"), SPECIAL)
def test_derivatives_at_special_geometries(kind, x):
    check_derivatives(InternalCoordinates([coordinate(kind, axis=(0, 0.6, 0.8))]), x)


@pytest.mark.parametrize("angle", [180.0, -180.0, 179.999])
def test_torsion_at_the_seam(angle):
    x, torsion = twisted(angle), InternalCoordinates([coordinate("torsion")])
    start = torsion.values(x)

    def unwrapped(y):
        return start + (torsion.values(y) - start + np.pi) % (2 * np.pi) - np.pi

    assert abs(abs(float(start[0])) - np.pi) < 1e-4
    assert np.abs(torsion.b_matrix(x) - difference(unwrapped, x)).max() < 2e-9
    assert np.abs(torsion.second_derivatives(x)[0] - difference(torsion.b_matrix, x)[0]).max() < 1e-7


@pytest.mark.parametrize("angle", [2.0, 20.0, 150.0, 174.0])
def test_bends_keep_their_accuracy_near_the_ends(angle):
    x, bend = bent(angle), InternalCoordinates([coordinate("bend")])
    assert bend.values(x)[0] == pytest.approx(np.radians(angle), abs=1e-14)
    steps = {"h": 1e-4} if angle == 2.0 else {}
    assert np.abs(bend.b_matrix(x) - difference(bend.values, x, **steps)).max() < 1e-7


# ---- definitions --------------------------------------------------------------------------------------------------


def test_values_by_hand():
    assert InternalCoordinates([coordinate("stretch")]).values(bent(90.0))[0] == pytest.approx(1.1)
    assert InternalCoordinates([coordinate("bend")]).values(bent(104.5))[0] == pytest.approx(np.radians(104.5))
    torsion = InternalCoordinates([coordinate("torsion")])
    # From +z down to the origin the turn from x towards y is anticlockwise, from below it is clockwise: positive.
    assert torsion.values(twisted(70.0))[0] == pytest.approx(np.radians(70.0))
    out = InternalCoordinates([coordinate("out_of_plane")])
    assert out.values(raised(25.0))[0] == pytest.approx(np.radians(25.0))  # (a - c) x (b - c) points to +z
    swapped = InternalCoordinates([coordinate("out_of_plane", (0, 1, 3, 2))])
    assert swapped.values(raised(25.0))[0] == pytest.approx(-np.radians(25.0))


def test_linear_bend_is_the_bending_angle_to_first_order():
    pair = InternalCoordinates(
        [coordinate("linear_bend", axis=(0, 1, 0)), coordinate("linear_bend", axis=(0, 0, 1))], None
    )
    assert pair.values(bent(180.0)) == pytest.approx([0.0, 0.0], abs=1e-15)
    small = 1e-4
    assert pair.values(bent(180.0 - np.degrees(small))) == pytest.approx([small, 0.0], abs=small**2)
    assert np.linalg.matrix_rank(pair.b_matrix(bent(180.0))) == 2
    # Perpendicular displacements: 1/r1 for one end, 1/r2 for the other, minus both for the centre.
    expected = [1 / 1.1, -1 / 1.1 - 1 / 1.4, 1 / 1.4]
    assert pair.b_matrix(bent(180.0)).reshape(2, 4, 3)[0, :3, 1] == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["stretch", "bend", "torsion", "linear_bend"])
def test_reading_backwards_changes_nothing(kind):
    forwards, backwards = coordinate(kind), coordinate(kind, tuple(reversed(range(KINDS[kind]))))
    one, other = InternalCoordinates([forwards]), InternalCoordinates([backwards])
    assert one.values(TETRAHEDRON) == pytest.approx(other.values(TETRAHEDRON), abs=1e-14)
    assert one.second_derivatives(TETRAHEDRON) == pytest.approx(other.second_derivatives(TETRAHEDRON), abs=1e-13)


def test_mirror_image_changes_the_sign_of_torsions_and_out_of_plane_angles():
    mixed = InternalCoordinates([coordinate(k) for k in ("stretch", "bend", "torsion", "out_of_plane")])
    values, mirrored = mixed.values(TETRAHEDRON), mixed.values(TETRAHEDRON * [1, 1, -1])
    assert mirrored == pytest.approx(values * [1, 1, -1, -1], abs=1e-14)


# ---- sets ---------------------------------------------------------------------------------------------------------


def mixed_set(reference=None):
    return InternalCoordinates(
        [
            InternalCoordinate("torsion", (0, 1, 2, 3)),
            InternalCoordinate("stretch", (4, 1)),
            InternalCoordinate("linear_bend", (0, 3, 4), (1, 2, 2)),
            InternalCoordinate("bend", (2, 1, 4)),
            InternalCoordinate("linear_bend", (2, 4, 5), (0, 1, 0)),
            InternalCoordinate("out_of_plane", (0, 1, 2, 5)),
            InternalCoordinate("stretch", (0, 5)),
        ],
        reference,
    )


@pytest.fixture
def geometry():
    return np.random.default_rng(3).normal(scale=1.4, size=(6, 3))


@pytest.mark.parametrize("turning", [False, True])
def test_derivatives_of_a_set_with_and_without_turning_axes(geometry, turning):
    moved = geometry + np.random.default_rng(4).normal(scale=0.2, size=(6, 3))
    check_derivatives(mixed_set(geometry if turning else None), moved, 1e-8)


def test_turning_axes_at_a_planar_reference(geometry):
    flat = geometry * [1, 1, 0]
    moved = flat + np.random.default_rng(5).normal(scale=0.2, size=(6, 3))
    linear = InternalCoordinates([c for c in mixed_set() if c.kind == "linear_bend"], flat)
    check_derivatives(linear, moved, 1e-8)


def random_rotation(seed):
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return q * np.sign(np.linalg.det(q))


@pytest.mark.parametrize("seed", range(4))
def test_invariance_under_translation_and_rotation(geometry, seed):
    """Every coordinate is a function of shape alone, the linear bends far from linearity included."""
    coordinates = mixed_set(geometry)
    moved = geometry + np.random.default_rng(seed).normal(scale=0.3, size=(6, 3))
    rotation = random_rotation(seed)
    turned = moved @ rotation.T + [3.0, -1.0, 2.0]
    assert coordinates.values(turned) == pytest.approx(coordinates.values(moved), abs=1e-12)
    b, b_turned = (coordinates.b_matrix(x).reshape(7, 6, 3) for x in (moved, turned))
    assert b_turned == pytest.approx(b @ rotation.T, abs=1e-11)
    assert np.abs(b.sum(axis=1)).max() < 1e-12  # translations
    assert np.abs(np.cross(moved[None], b).sum(axis=1)).max() < 1e-11  # rotations
    second = coordinates.second_derivatives(moved).reshape(7, 6, 3, 18)
    assert np.abs(second.sum(axis=1)).max() < 1e-11


def test_batches_equal_single_geometries(geometry):
    coordinates = mixed_set(geometry)
    batch = geometry + np.random.default_rng(6).normal(scale=0.1, size=(2, 3, 6, 3))
    for method, shape in (("values", (7,)), ("b_matrix", (7, 18)), ("second_derivatives", (7, 18, 18))):
        together = getattr(coordinates, method)(batch)
        assert together.shape == (2, 3, *shape)
        alone = np.array([[getattr(coordinates, method)(x) for x in row] for row in batch])
        assert together == pytest.approx(alone, abs=1e-12)


@pytest.mark.parametrize("turning", [False, True])
def test_weighted_second_derivatives(geometry, turning):
    coordinates = mixed_set(geometry + 0.1 * np.sin(np.arange(18.0)).reshape(6, 3) if turning else None)
    weights = np.random.default_rng(7).normal(size=7)
    whole = np.einsum("q,qab->ab", weights, coordinates.second_derivatives(geometry))
    assert coordinates.weighted_second_derivatives(geometry, weights) == pytest.approx(whole, abs=1e-12)


def test_a_unit_of_length_scales_as_it_must(geometry):
    coordinates, powers = mixed_set(geometry), np.array([0, 1, 0, 0, 0, 0, 1])
    b = coordinates.b_matrix(geometry)
    assert coordinates.b_matrix(2 * geometry) == pytest.approx(b * 2.0 ** (powers - 1)[:, None], abs=1e-12)


def test_sequence_behaviour(geometry):
    coordinates = mixed_set(geometry)
    assert len(coordinates) == 7
    assert coordinates[1] == InternalCoordinate("stretch", (4, 1))
    part = coordinates[2:5]
    assert isinstance(part, InternalCoordinates)
    assert part.values(geometry) == pytest.approx(coordinates.values(geometry)[2:5])
    assert repr(coordinates) == "InternalCoordinates(7: 2 stretch, 1 bend, 2 linear_bend, 1 torsion, 1 out_of_plane)"
    assert coordinates.labels("ABCDEF")[:3] == ("t(A1-B2-C3-D4)", "r(E5-B2)", "l(A1-D4-E5, 0.333 0.667 0.667)")
    assert coordinates[4].label() == "l(3-5-6, y)"
    assert all(InternalCoordinate(**c.as_dict()) == c for c in coordinates)
    again = InternalCoordinates.from_dict(json.loads(json.dumps(coordinates.as_dict())))
    assert again.coordinates == coordinates.coordinates
    assert np.array_equal(again.b_matrix(geometry), coordinates.b_matrix(geometry))
    assert InternalCoordinates([]).b_matrix(geometry).shape == (0, 18)


# ---- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "atoms", "axis"),
    [
        ("angle", (0, 1, 2), None),
        ("stretch", (0,), None),
        ("stretch", (0, 0), None),
        ("bend", (0, 1, 0), None),
        ("bend", (0, -1, 2), None),
        ("bend", (0, 1.5, 2), None),
        ("bend", "abc", None),
        ("torsion", (0, 1, 2), None),
        ("linear_bend", (0, 1, 2), None),
        ("linear_bend", (0, 1, 2), (0, 0, 0)),
        ("linear_bend", (0, 1, 2), (0, float("nan"), 1)),
        ("linear_bend", (0, 1, 2), (1, 0)),
        ("bend", (0, 1, 2), (0, 0, 1)),
    ],
)
def test_coordinates_that_make_no_sense(kind, atoms, axis):
    with pytest.raises(CoordinateError, match="InternalCoordinate"):
        InternalCoordinate(kind, atoms, axis)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (coordinate("stretch", (0, 1)), coordinate("stretch", (1, 0))),
        (coordinate("torsion", (0, 1, 2, 3)), coordinate("torsion", (3, 2, 1, 0))),
        (coordinate("out_of_plane", (0, 1, 2, 3)), coordinate("out_of_plane", (0, 1, 3, 2))),
        (coordinate("linear_bend", axis=(0, 0, 1)), coordinate("linear_bend", axis=(0, 0, 2))),
        (coordinate("linear_bend", axis=(0, 0, 1)), coordinate("linear_bend", axis=(0, 0, -1))),
    ],
)
def test_duplicates_are_refused(first, second):
    with pytest.raises(CoordinateError, match="the same coordinate"):
        InternalCoordinates([first, second])


LINE = np.array([[0.0, 0, 0], [0, 0, 1], [0, 0, 2], [1, 0, 3]])
UPRIGHT = np.array([[0.0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0]])
COINCIDENT = np.array([[0.0, 0, 0], [0, 0, 0], [0, 1, 0], [1, 0, 0]])


@pytest.mark.parametrize(
    ("kind", "x", "words"),
    [
        ("stretch", COINCIDENT, "coincide"),
        ("bend", COINCIDENT, "coincide"),
        ("linear_bend", COINCIDENT, "coincide"),
        ("torsion", COINCIDENT, "coincide"),
        ("out_of_plane", COINCIDENT, "coincide"),
        ("bend", LINE, "180 degrees.*linear_bend"),
        ("torsion", LINE, "bond angles"),
        ("out_of_plane", LINE[[3, 1, 0, 2]], "on a line"),
        ("out_of_plane", UPRIGHT, "upright"),
    ],
)
def test_undefined_coordinates_name_their_atoms(kind, x, words):
    others = [InternalCoordinate("stretch", (4, 5)), coordinate(kind)]
    far = np.vstack([x, [[5.0, 5, 5], [5, 5, 6]]])
    with pytest.raises(CoordinateError, match=rf"{kind} .*atoms 0, 1.*{words}"):
        InternalCoordinates(others).b_matrix(np.array([far]))


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        (np.zeros((4, 2)), "shape"),
        (np.zeros(12), "shape"),
        (np.full((4, 3), np.nan), "NaN"),
        (np.eye(3), "names atom 3"),
    ],
)
def test_positions_that_do_not_fit(positions, words):
    with pytest.raises(CoordinateError, match=words):
        InternalCoordinates([coordinate("torsion")]).values(positions)


def test_other_refusals(geometry):
    with pytest.raises(CoordinateError, match="not an InternalCoordinate"):
        InternalCoordinates([("stretch", (0, 1))])  # type: ignore[list-item]
    with pytest.raises(CoordinateError, match="weights"):
        mixed_set().weighted_second_derivatives(geometry, np.ones(3))
    with pytest.raises(CoordinateError, match="reference"):
        mixed_set(geometry).values(np.vstack([geometry, [[9.0, 9, 9]]]))


# ---- geomeTRIC ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(find_spec("geometric") is None, reason="geomeTRIC is not installed")
@pytest.mark.parametrize("seed", range(6))
def test_against_geometric(seed):
    """Distance, angle and dihedral are defined alike, sign included."""
    from geometric.internal import Angle, Dihedral, Distance

    x = TETRAHEDRON + np.random.default_rng(seed).normal(scale=0.3, size=(4, 3))
    for kind, peer in (("stretch", Distance(0, 1)), ("bend", Angle(0, 1, 2)), ("torsion", Dihedral(0, 1, 2, 3))):
        ours = InternalCoordinates([coordinate(kind)])
        assert ours.values(x)[0] == pytest.approx(peer.value(x), abs=1e-12)
        assert ours.b_matrix(x)[0] == pytest.approx(peer.derivative(x).ravel(), abs=1e-11)
        second = peer.second_derivative(x.copy()).reshape(12, 12)
        assert ours.second_derivatives(x)[0] == pytest.approx(second, abs=1e-9)


@pytest.mark.skipif(find_spec("geometric") is None, reason="geomeTRIC is not installed")
@pytest.mark.parametrize("axis", [0, 1])
def test_linear_bends_against_geometric(axis):
    """The same sum of unit vectors; geomeTRIC keeps the axis across a-c instead of carrying it with the molecule.

    At the linear geometry the gradients agree when our axis is theirs; away from it they differ by that convention.
    """
    from geometric.internal import LinearAngle

    x, peer = bent(180.0) @ random_rotation(2).T, LinearAngle(0, 1, 2, axis)
    peer.reset(x)
    line = (x[2] - x[0]) / np.linalg.norm(x[2] - x[0])
    first = np.cross(line, peer.e0) / np.linalg.norm(np.cross(line, peer.e0))
    ours = InternalCoordinates([coordinate("linear_bend", axis=(first, np.cross(line, first))[axis])])
    assert ours.values(x)[0] == pytest.approx(peer.value(x), abs=1e-14)
    assert ours.b_matrix(x)[0] == pytest.approx(peer.derivative(x).ravel(), abs=1e-12)


@pytest.mark.skipif(find_spec("geometric") is None, reason="geomeTRIC is not installed")
def test_out_of_plane_against_geometric():
    """GeomeTRIC's out-of-plane is another function: the dihedral a-b-c-d of the centre a and its neighbours b, c, d.

    Both vanish at the planar geometry, where their gradients are parallel: each is the only planarity coordinate
    of four atoms. The ratio is that of the heights over which the two angles are taken.
    """
    from geometric.internal import Dihedral, OutOfPlane

    x = raised(0.0) @ random_rotation(8).T
    theirs = OutOfPlane(1, 0, 2, 3).derivative(x).ravel()
    ours = InternalCoordinates([coordinate("out_of_plane")]).b_matrix(x)[0]
    cosine = theirs @ ours / np.linalg.norm(theirs) / np.linalg.norm(ours)
    assert abs(cosine) == pytest.approx(1.0, abs=1e-12)
    bumpy = raised(20.0)
    assert OutOfPlane(1, 0, 2, 3).value(bumpy) == pytest.approx(Dihedral(1, 0, 2, 3).value(bumpy))
    same = InternalCoordinates([coordinate("torsion", (1, 0, 2, 3))])
    assert same.b_matrix(bumpy)[0] == pytest.approx(OutOfPlane(1, 0, 2, 3).derivative(bumpy).ravel(), abs=1e-12)


def test_out_of_plane_is_wilsons_formula():
    """Wilson, Decius, Cross (1955) ch. 4: sin gamma = (e2 x e3 / sin phi1) . e1, and the s vector of the end."""
    x = TETRAHEDRON
    e1, e2, e3 = ((x[i] - x[1]) / np.linalg.norm(x[i] - x[1]) for i in (0, 2, 3))
    phi = np.arccos(e2 @ e3)
    expected = np.arcsin(np.cross(e2, e3) @ e1 / np.sin(phi))
    out = InternalCoordinates([coordinate("out_of_plane")])
    assert out.values(x)[0] == pytest.approx(expected, abs=1e-14)
    gamma, r = expected, np.linalg.norm(x[0] - x[1])
    s_end = (np.cross(e2, e3) / np.cos(gamma) / np.sin(phi) - np.tan(gamma) * e1) / r
    assert out.b_matrix(x)[0, :3] == pytest.approx(s_end, abs=1e-13)
