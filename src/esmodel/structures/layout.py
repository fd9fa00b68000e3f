"""The layout of a big array: the ids, links and heights of its tree, computed without storage.

The items of a big array are in base arrays of ``array_size`` positions each. A parent array holds the
ids of up to ``array_size`` arrays of the level below. Each array of the tree is named for the span of
positions that it covers, so that every writer computes the same ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from esmodel.exceptions import ModelError, PayloadError, shown

ARRAY_SIZE: Final = 10_000
"""The default size of an array."""

_FAST_TO_WRITE: Final = 1 << 12
"""Up to this many bits, ``str`` writes an integer whatever Python's limit on digits is."""


class Link(NamedTuple):
    """The id of a child array, at a position of its parent.

    Attributes:
        parent: the id of the parent: the array one level up, or the root.
        position: the position of the link in the parent.
        child: the id of the child.
    """

    parent: UUID
    position: int
    child: UUID


def make_subarray_id(array_id: UUID, start: int, stop: int, /) -> UUID:
    """Return the id of the array that covers a span of positions in the tree of a big array.

    Args:
        array_id: the id of the big array.
        start: the first position of the span.
        stop: the position after the last one of the span.

    Example:
        >>> make_subarray_id(UUID(int=1), 0, 10_000)
        UUID('1166173b-d3e5-511e-83ae-315662cebce8')
    """
    return _subarray_id(array_id, start, stop)


@lru_cache(maxsize=256)
def _subarray_id(array_id: UUID, start: int, stop: int) -> UUID:
    # cached: consecutive appends compute the same three ids, at 3 us each
    return uuid5(array_id, f"({_digits(start)}, {_digits(stop)})")


def links_to_base(array_id: UUID, first: int, array_size: int, /) -> Iterator[Link]:
    """Yield the links from a base array up to the root.

    The root is the array with the id of the big array. Its row ``h - 1`` links the apex of height
    ``h``: the array that covers the first ``array_size ** h`` positions.

    Args:
        array_id: the id of the big array.
        first: the first position of the base array.
        array_size: the number of positions in an array.
    """
    number, span = first // array_size, array_size
    child = make_subarray_id(array_id, first, first + array_size)
    height = tree_height(first, array_size)
    for _ in range(1, height):
        number, index = divmod(number, array_size)
        span *= array_size
        parent = make_subarray_id(array_id, number * span, (number + 1) * span)
        yield Link(parent, index, child)
        child = parent
    yield Link(array_id, height - 1, child)


def tree_height(position: int, array_size: int, /) -> int:
    """Return the height of the lowest tree that has a position.

    Raises:
        PayloadError: if no tree has it: a tree is at most ``array_size`` high.
        ModelError: if the size is not a positive integer.

    Example:
        >>> tree_height(9_999, 10_000), tree_height(10_000, 10_000)
        (1, 2)
    """
    if not 0 <= position < tree_capacity(checked_size(array_size)):
        raise PayloadError(
            f"position: expected one below the capacity of a tree of arrays of size {array_size}, "
            f"found {shown(position)}."
        )
    height, span = 1, array_size
    while span <= position:
        height, span = height + 1, span * array_size
    return height


@lru_cache(maxsize=64)
def tree_capacity(array_size: int) -> int:
    """Return the number of positions of the highest tree of arrays of a size."""
    capacity: int = array_size**array_size
    return capacity


def checked_size(array_size: object, /) -> int:
    """Return the size of an array, after a check.

    Raises:
        ModelError: if it is not a positive integer.
    """
    if isinstance(array_size, bool) or not isinstance(array_size, int) or array_size < 1:
        raise ModelError(f"array_size: expected an integer of 1 or more, found {array_size!r}.")
    return array_size


def _digits(number: int) -> str:
    """Return the decimal digits of an integer, also where ``str`` refuses because there are too many."""
    return str(number) if number.bit_length() <= _FAST_TO_WRITE else format(Decimal(number), "f")
