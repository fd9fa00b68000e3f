"""The storage of an array: reads and writes its items in the streams that hold them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from esmodel.clock import now
from esmodel.exceptions import (
    ArrayIndexError,
    ConcurrencyError,
    PositionTakenError,
    StoredDataError,
    UnknownEventError,
    shown,
)
from esmodel.retry import Retry
from esmodel.structures.layout import checked_size
from esmodel.structures.sequence import SequencedItem, Sequences

T = TypeVar("T")

END: Final = (1 << 63) - 1
"""Above every position of a stream."""

_BACK_OFF: Final = Retry((ConcurrencyError,), wait=0.001)
"""After a lost race for a position: up to 1 ms, doubled with each loss up to 16 ms."""


class ArrayStreams(Generic[T]):
    """Keep the items of an array in one stream.

    A stream is identified by the array position of its first item, ``first``. Here there is one
    stream, and ``first`` is 0. ``ArrayTree`` extends this class to many streams: it overrides
    ``capacity``, ``holds``, ``next_position``, ``check_layout``, ``_stream``, ``_firsts`` and ``_link``.

    Attributes:
        array_id: the id of the array.
        array_size: the number of positions in a stream.
    """

    __slots__ = ("_items", "array_id", "array_size")

    def __init__(self, array_id: UUID, items: Sequences[T], array_size: int, /) -> None:
        """Take the id of the array, the storage of items and the size of a stream.

        Raises:
            ModelError: if the size is not a positive integer.
        """
        self.array_id: Final = array_id
        self.array_size: Final = checked_size(array_size)
        self._items = items

    @property
    def capacity(self) -> int:
        """The number of positions."""
        return self.array_size

    def holds(self, position: int, /) -> bool:
        """Whether a position is below the capacity."""
        return position < self.array_size

    def next_position(self) -> int:
        """Return the position after the last item."""
        last = -1
        try:
            # `last` would give the position too, but not show that the row is not an item
            for found in self._items.read(self.array_id, gte=0, lt=END, limit=1, descending=True):
                last = found.position
        except StoredDataError as damaged:
            last = damaged.position
        if last >= self.array_size:
            raise self._too_long(last)
        return last + 1

    def read(
        self, first: int, gte: int, lt: int, /, *, descending: bool = False
    ) -> Iterator[SequencedItem[T]]:
        """Yield the items of one stream within bounds, which count from its first position."""
        try:
            yield from self._items.read(self._stream(first), gte=gte, lt=lt, descending=descending)
        except UnknownEventError:
            # an array opened with the wrong size may read links as items
            self.check_layout()
            raise

    def find(self, first: int, offset: int, /) -> SequencedItem[T] | None:
        """Return the item at an offset in one stream, if there is one."""
        try:
            return next(self._items.read(self._stream(first), gte=offset, lt=offset + 1), None)
        except UnknownEventError:
            self.check_layout()  # as in `read`
            raise

    def assigned(self, start: int, /, *, descending: bool) -> Iterator[tuple[int, T]]:
        """Yield each assigned position from ``start`` on, and its item, in order."""
        for first in self._firsts(start, descending=descending):
            for at, _, item in self.read(first, max(start - first, 0), END, descending=descending):
                if at >= self.array_size:
                    raise self._too_long(at)
                yield first + at, item

    def pick(self, wanted: range, /, *, is_within: bool) -> tuple[dict[int, T], int]:
        """Read the items at ascending positions.

        Args:
            wanted: the positions, in ascending order.
            is_within: whether all of them are known to be below the end of the array. If not, the
                end is looked up, once, when the first item is missing.

        Returns:
            The items by position, and the end of ``wanted`` or of the array, whichever is lower.
        """
        values: dict[int, T] = {}
        size, step = self.array_size, wanted.step
        position, stop = wanted.start, wanted.stop
        while position < stop:
            first = position - position % size
            latest = position + (min(first + size, stop) - 1 - position) // step * step
            for at, _, item in self.read(first, position - first, latest - first + 1):
                if step == 1 or (first + at - position) % step == 0:
                    values[first + at] = item
            if latest not in values and not is_within:
                stop, is_within = min(stop, self.next_position()), True
            position = latest + step
        return values, stop

    def append(self, items: tuple[T, ...], /) -> tuple[range, datetime]:
        """Append as many of the items as fit in the last stream; return their positions and the time."""
        position, losses = self.next_position(), 0
        while True:
            fitting = items[: self.array_size - position % self.array_size]
            try:
                moment = self.assign(position, fitting, is_append=True)
            except PositionTakenError:
                # without a pause, writers stay in step and all but one lose each time: with it,
                # twelve threads get four times as much done
                time.sleep(_BACK_OFF.pause(losses))
                losses += 1
                end = self.next_position()
                if end <= position:
                    raise  # nobody appended: the position is taken for another reason
                position = end
            else:
                return range(position, position + len(fitting)), moment

    def assign(self, position: int, items: tuple[T, ...], /, *, is_append: bool) -> datetime:
        """Store items at a position and those after it, in one stream; return the time.

        Raises:
            ArrayIndexError: if the position is not below the capacity.
            PositionTakenError: if a position has an item already.
            UnknownEventError: if the stream is that of something else, such as an aggregate.
        """
        if not self.holds(position):
            finding = f"expected an index below the capacity of {shown(self.capacity)}"
            raise ArrayIndexError(self.array_id, position, finding)
        offset = position % self.array_size
        first = position - offset
        if offset == 0 or not is_append:
            # otherwise the end was found in this stream, which holds items and is linked
            self._link(first, items)
        moment = now()
        try:
            self._items.assign(self._stream(first), offset, items, timestamp=moment)
        except ConcurrencyError as error:
            raise PositionTakenError(self.array_id, position - 1, first + error.found) from error
        return moment

    def check_layout(self) -> None:
        """Check that the array was written with the same size.

        Raises:
            StoredDataError: if it was written with another one.
        """
        self.next_position()

    def _stream(self, first: int) -> UUID:  # noqa: ARG002
        """Return the id of the stream that starts at a position."""
        return self.array_id

    def _firsts(self, start: int, *, descending: bool) -> Iterator[int]:
        """Yield the first position of each stream that may have items from ``start`` on."""
        del start, descending
        yield 0

    def _link(self, first: int, items: tuple[T, ...]) -> None:
        """Make a stream ready before items are written to it: here, check that it holds items only.

        Raises:
            UnknownEventError: if the stream is that of something else.
        """
        del first, items
        with suppress(StoredDataError):  # a damaged item is an item
            next(self._items.read(self.array_id, gte=0, lt=END, limit=1), None)

    def _too_long(self, last: int) -> StoredDataError:
        finding = (
            f"expected at most {self.array_size} items, found position {last}; "
            f"open the array with the array_size it was written with"
        )
        return StoredDataError(self.array_id, last, finding)
