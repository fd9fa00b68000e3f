"""Big arrays: trees of arrays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final, Protocol, TypeVar
from uuid import UUID

from typing_extensions import override

from esmodel.clock import now
from esmodel.exceptions import ConcurrencyError, StoredDataError, UnknownEventError
from esmodel.structures.array import END, Array
from esmodel.structures.layout import ARRAY_SIZE, capacity_of, make_subarray_id, tree_height
from esmodel.structures.sequence import SequencedItem, Sequences

T = TypeVar("T")

_LONG: Final = 1 << 64
"""What arrays of a size from 17 hold at least, whatever the size: its power need not be known."""


class BigArray(Array[T]):
    """An array of ``array_size ** array_size`` positions, as a tree of arrays.

    Its items are in base arrays of ``array_size`` each. The ids of these are in parent arrays, the
    ids of those in theirs, up to an apex; and the array with the id of the big one, its root, holds
    the apex of each height. So no stream is longer than ``array_size``. Parents are written before
    items: what a crash leaves between the two is an empty base array, which the next append fills.

    It reads and is written as ``Array`` is. The size of its arrays must stay what it was: another
    one is refused.

    Cost, in rows read and appends written, for a tree of height h (1 up to 10,000 items, 2 up to
    10 ** 8, 3 up to 10 ** 12):

    ============================== =============================================================
    ``array[i]``                   1 row
    ``array[-i]``                  h + 2 rows
    ``array[i:j]``                 a row an item; h + 1 more where an end is not given, or not
                                   reached
    ``array[i] = item``            h rows, 1 append; for the first of a base array up to 1 row and
                                   h appends more
    ``append``                     h + 1 rows, 1 append; for the first of a base array up to h + 1
                                   rows and h appends more; all again when another writer was faster
    ``extend``                     as ``append``, once for each base array
    ``len``, ``next_position``     h + 1 rows; 1 more for each base array that a crash left empty
    iteration, ``items``, ``in``   a row an item, and one for each array of the tree
    ============================== =============================================================

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> arrays = EventSourcedBigArrayRepository(int, MemoryStore(), array_size=10)
        >>> squares = arrays[UUID(int=1)]
        >>> squares.extend(number * number for number in range(1_000))
        >>> squares[999], squares[10:15], len(squares), squares.capacity
        (998001, [100, 121, 144, 169, 196], 1000, 10000000000)
    """

    __slots__ = ("_links",)

    def __init__(
        self, array_id: UUID, items: Sequences[T], links: Sequences[UUID], /, array_size: int = ARRAY_SIZE
    ) -> None:
        """Take the id, where the items are and where the ids of arrays are.

        Raises:
            ModelError: if the size is no whole number from 1.
        """
        super().__init__(array_id, items, array_size)
        self._links = links

    @property
    @override
    def capacity(self) -> int:
        return capacity_of(self._array_size)

    @override
    def _holds(self, position: int) -> bool:
        return (position < _LONG and self._array_size > 16) or position < self.capacity  # noqa: PLR2004

    @override
    def next_position(self) -> int:
        for first in self._bases(0, descending=True):
            last = self._items.last(self._stream(first))
            if last is not None:
                return first + last + 1
        return 0

    @override
    def _stream(self, first: int) -> UUID:
        return make_subarray_id(self._id, first, first + self._array_size)

    @override
    def _bases(self, start: int, *, descending: bool) -> Iterator[int]:
        for span in self._apexes(descending=descending):
            if span == self._array_size:
                yield 0
            elif span > start:
                yield from self._below(span, start, descending=descending)

    def _apexes(self, *, descending: bool) -> Iterator[int]:
        """Yield the span of each apex; with another size than that of the array, they differ."""
        limit = 1 if descending else None
        bound = END
        while True:
            found = None
            for found in self._links.read(self._id, gte=0, lt=bound, limit=limit, descending=descending):
                span = self._array_size ** (found.position + 1)
                if found.item != make_subarray_id(self._id, 0, span):
                    raise self._other_layout(self._id, found)
                yield span
            if found is None or limit is None:
                return
            bound = found.position

    def _below(self, span: int, start: int, *, descending: bool) -> Iterator[int]:
        """Yield the first position of each base array below an apex, but for its first child.

        That one, the apex of the height below, is linked in the root.
        """
        size = self._array_size
        way = [self._spans(0, span, max(start, span // size), descending=descending)]
        while way:
            child = next(way[-1], None)
            if child is None:
                way.pop()
            elif child[1] == size:
                yield child[0]
            else:
                way.append(self._spans(*child, start, descending=descending))

    def _spans(self, first: int, span: int, start: int, *, descending: bool) -> Iterator[tuple[int, int]]:
        """Yield the first position and the span of each child of an array of the tree."""
        width = span // self._array_size
        node = make_subarray_id(self._id, first, first + span)
        for index in self._children(node, max((start - first) // width, 0), descending=descending):
            yield first + index * width, width

    def _children(self, node: UUID, least: int, *, descending: bool) -> Iterator[int]:
        bound = self._array_size
        if descending:
            # one row is read here, and no others unless they are asked for
            last = self._links.last(node)
            if last is None or last < least:
                return
            yield last
            bound = last
        for found in self._links.read(node, gte=least, lt=bound, descending=descending):
            yield found.position

    def _path(self, first: int) -> Iterator[tuple[UUID, int, UUID]]:
        """Yield the links that lead to a base array, from the lowest: node, index, child."""
        size = self._array_size
        number, child, span = first // size, self._stream(first), size
        height = tree_height(first, size)
        for _ in range(1, height):
            number, index = divmod(number, size)
            span *= size
            node = make_subarray_id(self._id, number * span, (number + 1) * span)
            yield node, index, child
            child = node
        yield self._id, height - 1, child

    @override
    def _link(self, first: int, items: tuple[T, ...]) -> None:
        # each link is looked for: one may be there while those above it are not, as after a crash
        # of version 8 of `eventsourcing`, which wrote the lowest first
        missing = [link for link in self._path(first) if not self._is_linked(*link)]
        if missing:
            self._check_layout()
            self._items.check(items)
            self._write_links(missing)

    def _is_linked(self, node: UUID, index: int, child: UUID) -> bool:
        try:
            for found in self._links.read(node, gte=index, lt=index + 1):
                if found.item == child:
                    return True
                raise self._other_layout(node, found)
        except UnknownEventError:
            # another size may take for links what are items
            self._check_layout()
            raise
        return False

    def _write_links(self, links: list[tuple[UUID, int, UUID]]) -> None:
        """Write links from the highest to the lowest, so that what is linked is always found."""
        for node, index, child in reversed(links):
            with suppress(ConcurrencyError):  # another writer has written the same
                self._links.assign(node, index, (child,), timestamp=now())

    @override
    def _check_layout(self) -> None:
        for _ in self._apexes(descending=True):
            return

    def _other_layout(self, node: UUID, found: SequencedItem[UUID]) -> StoredDataError:
        finding = (
            f"the link leads to {found.item}, which is no array of size {self._array_size}: "
            f"open the array with the array_size with which it was written"
        )
        return StoredDataError(node, found.position, finding)


class BigArrayRepository(Protocol[T]):
    """Gives the big arrays of one type of items.

    Laws: those of ``ArrayRepository``.
    """

    @property
    def array_size(self) -> int:
        """How many items one stream of an array holds at most."""
        ...

    def __getitem__(self, array_id: UUID, /) -> BigArray[T]:
        """Return the big array of an id; nothing is read."""
        ...
