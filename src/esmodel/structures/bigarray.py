"""Big arrays: arrays of practically unlimited length, kept as trees of arrays."""

from __future__ import annotations

from typing import Protocol, TypeVar
from uuid import UUID

from typing_extensions import override

from esmodel.structures.array import Array, ArrayRepository
from esmodel.structures.arraytree import ArrayTree
from esmodel.structures.layout import ARRAY_SIZE
from esmodel.structures.sequence import Sequences

T = TypeVar("T")


class BigArray(Array[T]):
    """An array of ``array_size ** array_size`` positions, kept as a tree of arrays.

    The items are in base arrays of ``array_size`` positions each. Parent arrays hold the ids of base
    arrays, their parents hold the ids of parents, up to an apex. The root, which has the id of the big
    array, holds the id of the apex of each height. So no stream gets longer than ``array_size``.

    It is read and written like an ``Array``. Its ``array_size`` must never change: an array that was
    written with another size is refused.

    Cost, in rows read and appends written, for a tree of height h (1 up to 10,000 items, 2 up to
    10 ** 8, 3 up to 10 ** 12, with the default size):

    ============================== =============================================================
    ``array[i]``                   1 row
    ``array[-i]``                  h + 2 rows
    ``array[i:j]``                 1 row per item; h + 1 more if an end is omitted or not reached
    ``array[i] = item``            h rows, 1 append; for the first item of a base array up to 1 row
                                   and h appends more
    ``append``                     h + 1 rows, 1 append; for the first item of a base array up to
                                   h + 1 rows and h appends more; all again after a lost race
    ``extend``                     as ``append``, once per base array
    ``len``, ``next_position``     h + 1 rows; 1 more for each base array that a crash left empty
    iteration, ``items``, ``in``   1 row per item, and 1 per array of the tree
    ============================== =============================================================

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> arrays = EventSourcedBigArrayRepository(int, MemoryStore(), array_size=10)
        >>> squares = arrays[UUID(int=1)]
        >>> squares.extend(number * number for number in range(1_000))
        >>> squares[999], squares[10:15], len(squares), squares.capacity
        (998001, [100, 121, 144, 169, 196], 1000, 10000000000)
    """

    __slots__ = ()

    def __init__(
        self, array_id: UUID, items: Sequences[T], links: Sequences[UUID], /, array_size: int = ARRAY_SIZE
    ) -> None:
        """Open the big array of an id; applications call a repository instead.

        Args:
            array_id: the id of the big array.
            items: the storage of items.
            links: the storage of the ids of arrays of the tree.
            array_size: the number of positions in each array of the tree.

        Raises:
            ModelError: if the size is not a positive integer.
        """
        self._streams = ArrayTree(array_id, items, links, array_size)  # in place of the one stream of `Array`


class BigArrayRepository(ArrayRepository[T], Protocol[T]):
    """Opens the big arrays of one type of items.

    Laws: those of ``ArrayRepository``.
    """

    @override
    def __getitem__(self, array_id: UUID, /) -> BigArray[T]:
        """Return the big array of an id, without reading it."""
        ...
