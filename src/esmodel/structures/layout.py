"""The layout of big arrays: the ids of the arrays of a tree, its heights and its capacity."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Final
from uuid import UUID, uuid5

from esmodel.exceptions import ModelError, PayloadError, shown

ARRAY_SIZE: Final = 10_000
"""The size of arrays where none is given."""

_WRITABLE: Final = 1 << 12
"""The bits up to which ``str`` writes a whole number without a look at Python's limit on digits."""


def make_subarray_id(array_id: UUID, start: int, stop: int, /) -> UUID:
    """Return the id of the array of a big array's tree that spans the positions from start to stop.

    Args:
        array_id: the big array.
        start: the first position, included.
        stop: the last position, excluded.

    Example:
        >>> make_subarray_id(UUID(int=1), 0, 10_000)
        UUID('1166173b-d3e5-511e-83ae-315662cebce8')
    """
    return _subarray_id(array_id, start, stop)


@lru_cache(maxsize=256)
def _subarray_id(array_id: UUID, start: int, stop: int) -> UUID:
    # three of them are needed for an append, the same ones again and again: 3 us each
    return uuid5(array_id, f"({_digits(start)}, {_digits(stop)})")


def tree_height(position: int, array_size: int, /) -> int:
    """Return the height of the lowest tree of arrays that holds a position.

    Raises:
        PayloadError: if no tree holds it: its height would be more than ``array_size``.
        ModelError: if the size is no whole number from 1.

    Example:
        >>> tree_height(9_999, 10_000), tree_height(10_000, 10_000)
        (1, 2)
    """
    if not 0 <= position < capacity_of(checked_size(array_size)):
        msg = f"a tree of arrays of size {array_size} holds no position {shown(position)}"
        raise PayloadError(msg)
    height, span = 1, array_size
    while span <= position:
        height, span = height + 1, span * array_size
    return height


def checked_size(array_size: object, /) -> int:
    """Return the size of an array if it is one.

    Raises:
        ModelError: if it is no whole number from 1.
    """
    if isinstance(array_size, bool) or not isinstance(array_size, int) or array_size < 1:
        msg = f"array_size must be a whole number from 1, not {array_size!r}"
        raise ModelError(msg)
    return array_size


@lru_cache(maxsize=64)
def capacity_of(array_size: int) -> int:
    """Return how many items a tree of arrays of a size holds at most."""
    capacity: int = array_size**array_size
    return capacity


def _digits(number: int) -> str:
    """Return a number in decimal digits, also beyond the length up to which ``str`` does it."""
    return str(number) if number.bit_length() <= _WRITABLE else format(Decimal(number), "f")
