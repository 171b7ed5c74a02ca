"""Test molecules whose point group is provable by construction (certified by brute force in its own test)."""

from __future__ import annotations

from zoo_base import NearMolecule, ZooMolecule, noisy, permuted, rotated
from zoo_families import families
from zoo_polyhedra import polyhedra

__all__ = ["ZOO", "NearMolecule", "ZooMolecule", "noisy", "permuted", "rotated"]

ZOO: tuple[ZooMolecule, ...] = tuple(families() + polyhedra())
