"""Arrays of numbers from whatever the caller gave, without ever building more than the expected shape."""

from collections.abc import Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MoleculeError


def sequence_length(values: Any, what: str) -> int:
    """Return the length of a sequence; refuse text, mappings, sets and everything without a length."""
    unordered = str | bytes | bytearray | Mapping | Set
    try:
        if not isinstance(values, unordered):
            return len(values)
    except TypeError:
        pass
    raise MoleculeError(f"{what} must be a sequence, one entry an atom, not a {type(values).__name__}.")


def read_floats(values: Any, what: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return a new float array of exactly this shape, (n,) or (n, m), all finite.

    Lengths are compared before numpy sees the values: it would unroll a nested `range(10**12)`.
    """
    if hasattr(values, "__array__"):
        values = np.asarray(values)
        _check_shape(values.shape, what, shape)
    else:
        _check_nesting(values, what, shape, shape)
    try:
        array = np.array(values, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise MoleculeError(f"{what} cannot be read as numbers: {error}") from error
    _check_shape(array.shape, what, shape)
    if not np.isfinite(array).all():
        first = np.argwhere(~np.isfinite(array))[0]
        raise MoleculeError(
            f"{what} holds {array[tuple(first)]} at index {tuple(first.tolist())} (atoms counted from 0); "
            "every value must be finite."
        )
    return array


def _check_shape(found: tuple[int, ...], what: str, shape: tuple[int, ...]) -> None:
    if found != shape:
        raise MoleculeError(f"{what} must have the shape {shape}, one row an atom, but has {found}.")


def _check_nesting(values: Any, what: str, shape: tuple[int, ...], whole: tuple[int, ...]) -> None:
    """Refuse sequences whose length or depth is not that of `shape`."""
    if not shape:
        # numpy's scalars and 0-d arrays have a __len__ that raises; any other sequence is one level too deep.
        deeper = values.ndim > 0 if _is_numpy(values) else hasattr(values, "__len__")
        if deeper and not isinstance(values, str):
            raise MoleculeError(
                f"{what} must have the shape {whole}, but a {type(values).__name__} stands for a number."
            )
        return
    length = sequence_length(values, what)
    if length != shape[0]:
        level = "entries" if len(shape) == len(whole) else "numbers in a row"
        raise MoleculeError(f"{what} must have the shape {whole}, one row an atom, but has {length} {level}.")
    for entry in values:
        _check_nesting(entry, what, shape[1:], whole)


def _is_numpy(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic)
