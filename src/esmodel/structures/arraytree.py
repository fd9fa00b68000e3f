"""The storage of a big array: a tree of arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar
from uuid import UUID

from typing_extensions import override

from esmodel.exceptions import StoredDataError, UnknownEventError
from esmodel.structures.arraystreams import END, ArrayStreams
from esmodel.structures.layout import Link, links_to_base, make_subarray_id, tree_capacity
from esmodel.structures.sequence import SequencedItem, Sequences, assign_shared

T = TypeVar("T")

_LONG: Final = 1 << 64
"""A lower bound for the capacity of trees of arrays of more than 16 positions, which need not be computed."""


class ArrayTree(ArrayStreams[T]):
    """Keep the items of an array in the base arrays of a tree.

    Links are written before the items that they lead to, from the root down. A crash in between leaves
    an empty base array, which the next append fills.
    """

    __slots__ = ("_links",)

    def __init__(
        self, array_id: UUID, items: Sequences[T], links: Sequences[UUID], array_size: int, /
    ) -> None:
        """Take the id of the array, the storage of items and of links, and the size of a stream.

        Raises:
            ModelError: if the size is not a positive integer.
        """
        super().__init__(array_id, items, array_size)
        self._links = links

    @property
    @override
    def capacity(self) -> int:
        return tree_capacity(self.array_size)

    @override
    def holds(self, position: int, /) -> bool:
        return (position < _LONG and self.array_size > 16) or position < self.capacity  # noqa: PLR2004

    @override
    def next_position(self) -> int:
        for first in self._firsts(0, descending=True):
            last = self._items.last(self._stream(first))
            if last is not None:
                return first + last + 1
        return 0

    @override
    def check_layout(self) -> None:
        for _ in self._apexes(descending=True):
            return

    @override
    def _stream(self, first: int) -> UUID:
        return make_subarray_id(self.array_id, first, first + self.array_size)

    @override
    def _firsts(self, start: int, *, descending: bool) -> Iterator[int]:
        for span in self._apexes(descending=descending):
            if span == self.array_size:
                yield 0
            elif span > start:
                yield from self._below(span, start, descending=descending)

    @override
    def _link(self, first: int, items: tuple[T, ...]) -> None:
        # look for every link: after a crash of version 8 of `eventsourcing`, which wrote the lowest
        # link first, a link may be stored and those above it missing
        missing = [
            link for link in links_to_base(self.array_id, first, self.array_size) if not self._is_linked(link)
        ]
        if missing:
            self.check_layout()
            self._items.check(items)
            assign_shared(self._links, reversed(missing))

    def _is_linked(self, link: Link) -> bool:
        try:
            for found in self._links.read(link.parent, gte=link.position, lt=link.position + 1):
                if found.item == link.child:
                    return True
                raise self._wrong_size(link.parent, found)
        except UnknownEventError:
            # an array opened with the wrong size may read items as links
            self.check_layout()
            raise
        return False

    def _apexes(self, *, descending: bool) -> Iterator[int]:
        """Yield the span of each apex, as linked in the root.

        Raises:
            StoredDataError: if the array was written with another size.
        """
        limit = 1 if descending else None
        bound = END
        while True:
            found = None
            for found in self._links.read(self.array_id, gte=0, lt=bound, limit=limit, descending=descending):
                span = self.array_size ** (found.position + 1)
                if found.item != make_subarray_id(self.array_id, 0, span):
                    raise self._wrong_size(self.array_id, found)
                yield span
            if found is None or limit is None:
                return
            bound = found.position

    def _below(self, span: int, start: int, *, descending: bool) -> Iterator[int]:
        """Yield the first position of each base array below an apex, except below its first child.

        The first child is the apex of the height below, which the root links too.
        """
        size = self.array_size
        path = [self._spans(0, span, max(start, span // size), descending=descending)]
        while path:
            child = next(path[-1], None)
            if child is None:
                path.pop()
            elif child[1] == size:
                yield child[0]
            else:
                path.append(self._spans(*child, start, descending=descending))

    def _spans(self, first: int, span: int, start: int, *, descending: bool) -> Iterator[tuple[int, int]]:
        """Yield the first position and the span of each child of an array of the tree."""
        width = span // self.array_size
        parent = make_subarray_id(self.array_id, first, first + span)
        for index in self._children(parent, max((start - first) // width, 0), descending=descending):
            yield first + index * width, width

    def _children(self, parent: UUID, least: int, *, descending: bool) -> Iterator[int]:
        """Yield the index of each child from ``least`` on."""
        bound = self.array_size
        if descending:
            # the end of an array needs the last child only: read the others if they are asked for
            last = self._links.last(parent)
            if last is None or last < least:
                return
            yield last
            bound = last
        for found in self._links.read(parent, gte=least, lt=bound, descending=descending):
            yield found.position

    def _wrong_size(self, parent: UUID, found: SequencedItem[UUID]) -> StoredDataError:
        finding = (
            f"expected a link to an array of size {self.array_size}, found one to {found.item}; "
            f"open the array with the array_size it was written with"
        )
        return StoredDataError(parent, found.position, finding)
