"""Which mineral names belong together because a specimen or a spectrum bears several of them."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["connected", "name_groups"]


def connected(edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """The component of every node of a graph, numbered from 0 in the alphabetical order of their first names.

    Examples
    --------
    >>> connected([("b", "c"), ("a", "a"), ("c", "d")])
    {'a': 0, 'b': 1, 'c': 1, 'd': 1}
    """
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for first, second in edges:
        low, high = sorted((root(first), root(second)))
        parent[high] = low
    names = sorted(parent)
    roots = {name: k for k, name in enumerate(dict.fromkeys(root(name) for name in names))}
    return {name: roots[root(name)] for name in names}


def name_groups(names: Sequence[str], specimens: Sequence[str], duplicate_of: NDArray[np.int64]) -> dict[str, int]:
    """Groups of mineral names that share a specimen, or a spectrum filed under both.

    Parameters
    ----------
    names, specimens : sequence of str (n,)
        Of the spectra.
    duplicate_of : ndarray (n,) of int
        The row that a spectrum repeats; -1 for none.
    """
    edges: list[tuple[str, str]] = [(name, name) for name in names]
    first: dict[str, str] = {}
    for name, specimen in zip(names, specimens, strict=True):
        edges.append((first.setdefault(specimen, name), name))
    edges += [(names[row], names[int(other)]) for row, other in enumerate(duplicate_of) if other >= 0]
    return connected(edges)
