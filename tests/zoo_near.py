"""Structures of a low exact group close to a higher one, some so close that the higher one is the answer."""

from __future__ import annotations

import numpy as np

from zoo_base import NearMolecule, group_matrices, polar, rotation, spread

UP = np.array((0, 0, 1.0))
X = np.array((1.0, 0, 0))
D = np.ones(3) / np.sqrt(3)


def fitted_operation(centred: np.ndarray, permutation: np.ndarray, proper: bool) -> np.ndarray:
    """Orthogonal matrix of given handedness that best carries each atom to its image (Kabsch 1976)."""
    u, _, vt = np.linalg.svd(centred[permutation].T @ centred)
    sign = np.sign(np.linalg.det(u @ vt)) * (1 if proper else -1)
    return u @ np.diag([1, 1, sign]) @ vt


def largest_deviation(positions: np.ndarray, parent: np.ndarray, symbols, operations: np.ndarray) -> float:
    """Largest distance (angstrom) of an atom from its image, over operations that are exact for `parent`."""
    centred = positions - positions.mean(axis=0)
    exact = parent - parent.mean(axis=0)
    foreign = np.array(symbols)[:, None] != np.array(symbols)[None, :]
    worst = 0.0
    for operation in operations:
        gaps = np.linalg.norm((exact @ operation.T)[:, None] - exact[None], axis=2) + 1e3 * foreign
        permutation = gaps.argmin(axis=1)
        if gaps.min(axis=1).max() > 1e-9:
            raise ValueError("the parent structure does not have the rival group")
        fit = fitted_operation(centred, permutation, bool(np.linalg.det(operation) > 0))
        worst = max(worst, float(np.linalg.norm(centred @ fit.T - centred[permutation], axis=1).max()))
    return worst


def _near(name, group, rival, structure, parent, note, turn=None) -> NearMolecule:
    """Record of a distorted structure; `parent` has the same atoms in the same order and the rival group.

    `turn` rotates the standard operations of the rival into the frame of the structure where the two differ.
    """
    symbols, positions = structure
    operations = group_matrices(rival)
    if turn is not None:
        operations = turn @ operations @ turn.T
    deviation = largest_deviation(positions, parent[1], symbols, operations)
    return NearMolecule(name, group, symbols, positions, note, rival, deviation)


def _pair(name, group, rival, sites, parent_sites, note, turn=None) -> NearMolecule:
    """Distorted and parent structure from sites spread by the same low group."""
    return _near(name, group, rival, spread(group, *sites), spread(group, *parent_sites), note, turn)


def _bf3(height: float):
    sites = [("B", height * UP), ("F", 1.31 * X)]
    return "C3v", "D3h", sites, [("B", 0 * UP), ("F", 1.31 * X)]


def _sf6(stretch: float):
    sites = [("S", 0 * UP), ("F", 1.56 * X), ("F", (1.56 + stretch) * UP)]
    return "D4h", "Oh", sites, [("S", 0 * UP), ("F", 1.56 * X), ("F", 1.56 * UP)]


def _kekule_benzene(shift: float):
    """Long and short bonds differ by `shift` (angstrom): carbons move along the ring by a quarter of it."""

    def sites(s):
        turn = s / 4 / 1.39
        return [("C", polar(1.39, np.pi / 6 + turn)), ("H", polar(2.48, np.pi / 6 + turn))]

    return "D3h", "D6h", sites(shift), sites(0.0)


def _rings(metal: str, n: int, phase: float):
    r = 1.41 / (2 * np.sin(np.pi / n))
    return [(metal, 0 * UP), ("C", polar(r, phase, 1.68)), ("H", polar(r + 1.08, phase, 1.68))]


def _ethane(phase: float):
    return [("C", 0.765 * UP), ("H", polar(1.018, phase, 1.16))]


def _biphenyl(phase: float):
    sites = [("C", 0.75 * UP), ("C", 3.55 * UP), ("H", 4.63 * UP)]
    sites += [("C", polar(1.20, phase, 1.46)), ("C", polar(1.20, phase, 2.85))]
    return sites + [("H", polar(2.14, phase, 0.92)), ("H", polar(2.14, phase, 3.39))]


def _cyclobutane(z: float):
    lift = np.array((0, 0, z))
    points = [
        (polar(1.08, np.pi / 4), "C"),
        (polar(1.66, np.pi / 4, 0.91), "H"),
        (polar(1.66, np.pi / 4, -0.91), "H"),
    ]
    return [(symbol, point + lift) for point, symbol in points]


# Most rivals share the frame of the low group; a cubic rival of C3v or D3d stands on its threefold axis.
_C3V_FROM_TD = np.array([[-1, -1, 2], [1, -1, 0], [1, 1, 1]]) / np.sqrt([[6], [2], [3]])
_OH_IN_D3D = rotation(UP, np.pi / 6) @ _C3V_FROM_TD


def _cubane_sites(shift: float):
    """Cubane standing on a corner, stretched by `shift` (angstrom) at its two axial corners."""
    side = _OH_IN_D3D @ np.array((1.0, 1.0, -1.0))
    axial = np.sqrt(3) * UP
    return [
        ("C", axial * 0.785 + shift * UP),
        ("H", axial * 1.42 + shift * UP),
        ("C", side * 0.785),
        ("H", side * 1.42),
    ]


def _methane_c3v(stretch: float):
    """CH4 with one bond longer by `stretch`, on z."""
    apex, base = 1.087 * UP, 1.087 * np.array((np.sqrt(8) / 3, 0, -1 / 3))
    parent = [("C", 0 * UP), ("H", apex), ("H", base)]
    return [("C", 0 * UP), ("H", apex + stretch * UP), ("H", base)], parent


def near() -> tuple[NearMolecule, ...]:
    """Structures whose exact group must be kept and whose rival must be named."""
    one = np.radians(1.0)
    low = "orbits of the low group; the distortion breaks each operation that only the rival has"
    found = [
        _pair(
            "cyclobutadiene, bonds 0.02 A apart",
            "D2h",
            "D4h",
            [("C", (0.7175, 0.7375, 0)), ("H", (1.4875, 1.5075, 0))],
            [("C", (0.7275, 0.7275, 0)), ("H", (1.4975, 1.4975, 0))],
            low,
        ),
        _pair(
            "ethane 1 degree from staggered",
            "D3",
            "D3d",
            _ethane(np.pi / 6 - one / 2),
            _ethane(np.pi / 6),
            low,
        ),
        _pair("ethane 1 degree from eclipsed", "D3", "D3h", _ethane(one / 2), _ethane(0.0), low),
        _pair("CH4, one bond longer", "C3v", "Td", *_methane_c3v(0.015), low, turn=_C3V_FROM_TD),
        _pair(
            "CH4 flattened along S4",
            "D2d",
            "Td",
            [("C", 0 * UP), ("H", 1.087 * D + np.array((0.004, 0.004, -0.008)))],
            [("C", 0 * UP), ("H", 1.087 * D)],
            low,
        ),
        _pair("BF3, boron 0.01 A out of plane", *_bf3(0.01), low),
        _pair("BF3, boron 0.03 A out of plane", *_bf3(0.03), low),
        _pair("SF6, axis longer by 0.02 A", *_sf6(0.02), low),
        _pair("benzene, bonds 0.02 A apart", *_kekule_benzene(0.02), low),
        _pair("cyclobutane puckered by 0.01 A", "D2d", "D4h", _cyclobutane(0.01), _cyclobutane(0.0), low),
        _pair("ferrocene 1 degree from eclipsed", "D5", "D5h", _rings("Fe", 5, one / 2), _rings("Fe", 5, 0), low),
        _pair(
            "ferrocene 1 degree from staggered",
            "D5",
            "D5d",
            _rings("Fe", 5, np.pi / 10 - one / 2),
            _rings("Fe", 5, np.pi / 10),
            low,
        ),
        _pair("biphenyl twisted by 1 degree", "D2", "D2h", _biphenyl(one / 2), _biphenyl(0.0), low),
        _pair(
            "biphenyl 1 degree from perpendicular",
            "D2",
            "D2d",
            _biphenyl(np.pi / 4 - one / 2),
            _biphenyl(np.pi / 4),
            low,
        ),
        _pair(
            "tetrahedral cage, rotors turned by 0.02 rad",
            "T",
            "Td",
            [("P", 1.05 * np.ones(3)), ("O", (0, 0, 1.9)), ("F", 1.9 * D + rotation(D, 0.02) @ _rotor())],
            [("P", 1.05 * np.ones(3)), ("O", (0, 0, 1.9)), ("F", 1.9 * D + _rotor())],
            low,
        ),
        _pair(
            "pyritohedral 24-atom shell close to cubic",
            "Th",
            "Oh",
            [("Be", (2.02, 1.99, 0.9)), ("W", (0, 0, 0))],
            [("Be", (2.005, 2.005, 0.9)), ("W", (0, 0, 0))],
            low,
        ),
        _pair(
            "cubane elongated along C3",
            "D3d",
            "Oh",
            _cubane_sites(0.012),
            _cubane_sites(0.0),
            low,
            turn=_OH_IN_D3D,
        ),
    ]
    return tuple(found)


def _rotor() -> np.ndarray:
    return 1.3 * np.array((1, 1, -2)) / np.sqrt(6)


def below_floor() -> tuple[NearMolecule, ...]:
    """Distortions of a few thousandths of an angstrom: the rival is the default answer."""
    low = "orbits of the low group; the distortion is numerical noise for a geometry optimisation"
    found = [_bent_co2(np.radians(0.5))]
    found.append(_pair("BF3, boron 0.002 A out of plane", *_bf3(0.002), low))
    found.append(_pair("SF6, axis longer by 0.002 A", *_sf6(0.002), low))
    found.append(_pair("benzene, bonds 0.004 A apart", *_kekule_benzene(0.004), low))
    return tuple(found)


def _bent_co2(bend: float) -> NearMolecule:
    """CO2 bent by `bend` (rad); the deviation is the distance of its atoms from their best line."""
    structure = spread("C2v", ("C", 0 * UP), ("O", 1.16 * np.array((np.cos(bend / 2), 0, -np.sin(bend / 2)))))
    centred = structure[1] - structure[1].mean(axis=0)
    line = np.linalg.svd(centred)[2][0]
    deviation = float(np.linalg.norm(centred - np.outer(centred @ line, line), axis=1).max())
    note = "three atoms off a line"
    return NearMolecule("CO2 bent by 0.5 degrees", "C2v", *structure, note, "Dinfh", deviation)
