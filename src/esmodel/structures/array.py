"""Arrays: items that are assigned once, at an index.

The row of an item holds nothing but the item; its place is its position in the stream. No array
replays its rows to exist: it is an id, and reads what it is asked for.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final, Generic, Protocol, SupportsIndex, TypeVar, overload
from uuid import UUID

from attrs import frozen
from typing_extensions import override

from esmodel.clock import now
from esmodel.exceptions import (
    ArrayIndexError,
    ConcurrencyError,
    ModelError,
    PayloadError,
    PositionTakenError,
    StoredDataError,
    UnknownEventError,
    shown,
)
from esmodel.model.events import DEFAULT_BUS, LoggedEvent, TimestampedVersionedEvent, publish
from esmodel.retry import Retry
from esmodel.structures.layout import ARRAY_SIZE, checked_size
from esmodel.structures.sequence import SequencedItem, Sequences

T = TypeVar("T")

END: Final = (1 << 63) - 1
"""Beyond the last position of a stream."""

_PAUSE: Final = Retry((ConcurrencyError,), attempts=1, wait=0.001, stall=0.0)
"""After a position was lost to another writer: up to 1 ms, doubled with each loss up to 64 ms."""


@frozen(kw_only=True)
class ItemAssigned(TimestampedVersionedEvent, LoggedEvent, Generic[T]):
    """An item was assigned: published once it is stored.

    Its originator is the array, big or not, and its version the position in it.

    Attributes:
        item: what was assigned.
    """

    event_name = "ItemAssigned"
    item: T


class Array(Generic[T]):
    """Items of one type, each assigned once at a position from 0 up to ``array_size``.

    It reads as a list does, but for what was never assigned: that is ``None`` in a slice, and an
    ``ArrayIndexError`` by index and when iterating; ``items`` passes it over. Its length is the
    position after the last item. It has no state of its own, so that any number of threads and
    processes may use arrays of one id.

    Cost, in rows read and appends written:

    ============================== =============================================================
    ``array[i]``                   1 row
    ``array[-i]``                  2 rows
    ``array[i:j]``                 a row an item; 1 more where an end is not given, or not reached
    ``array[i] = item``            1 append
    ``append``                     1 row, 1 append; both again when another writer was faster
    ``extend``                     1 row, 1 append for all
    ``len``, ``next_position``     1 row
    iteration, ``items``, ``in``   a row an item
    ============================== =============================================================

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> arrays = EventSourcedArrayRepository(str, MemoryStore())
        >>> names = arrays[UUID(int=1)]
        >>> names.append("Ada")
        0
        >>> names[2] = "Grace"
        >>> names[0], names[-1], names[:], len(names)
        ('Ada', 'Grace', ['Ada', None, 'Grace'], 3)
    """

    __slots__ = ("_array_size", "_id", "_items")

    def __init__(self, array_id: UUID, items: Sequences[T], /, array_size: int = ARRAY_SIZE) -> None:
        """Take the id and where the items are; a repository does it for you.

        Raises:
            ModelError: if the size is no whole number from 1.
        """
        self._id = array_id
        self._items = items
        self._array_size = checked_size(array_size)

    @property
    def id(self) -> UUID:
        """The id of the array."""
        return self._id

    @property
    def array_size(self) -> int:
        """How many items one stream holds at most."""
        return self._array_size

    @property
    def capacity(self) -> int:
        """How many items the array holds at most."""
        return self._array_size

    def next_position(self) -> int:
        """Return the position after the last item: the length, also where ``len`` cannot tell it."""
        last = -1
        try:
            # reads the row, where `last` would do for the position: it may be no row of an array
            for found in self._items.read(self._id, gte=0, lt=END, limit=1, descending=True):
                last = found.position
        except StoredDataError as damaged:
            last = damaged.position
        if last >= self._array_size:
            raise self._too_long(last)
        return last + 1

    def append(self, item: T, /) -> int:
        """Assign an item to the position after the last one, and return that position.

        Another writer may be faster: then this one looks for the end again, until it has its place.

        Raises:
            ArrayIndexError: if the array is full.
            PayloadError: if the item is not of the type; nothing is stored.
        """
        return self._append((item,))[0]

    def extend(self, items: Iterable[T], /) -> None:
        """Append items in their order; those that go to one stream are stored together or not at all.

        Items of other writers may come between those of two streams.

        Raises:
            ArrayIndexError: if the array gets full; what went before is stored.
            PayloadError: if an item is not of the type; of its stream nothing is stored.
        """
        left = iter(items)
        if items is self:
            left = islice(left, self.next_position())  # and not what is appended here
        part = tuple(islice(left, self._array_size))
        while part:
            stored = self._append(part)
            part = part[len(stored) :]
            part += tuple(islice(left, self._array_size - len(part)))

    def __setitem__(self, index: SupportsIndex, item: T, /) -> None:
        """Assign an item to a position, which may be beyond the end.

        Raises:
            PositionTakenError: a ``ConcurrencyError``, if the position has an item; nothing changes.
            ArrayIndexError: if the position is beyond the capacity.
            PayloadError: if the item is not of the type; nothing is stored.
        """
        position = self._position(index)
        self._publish(position, (item,), self._assign(position, (item,), is_append=False))

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> T: ...
    @overload
    def __getitem__(
        self, index: slice[SupportsIndex | None, SupportsIndex | None, SupportsIndex | None], /
    ) -> list[T | None]: ...
    def __getitem__(
        self,
        index: SupportsIndex | slice[SupportsIndex | None, SupportsIndex | None, SupportsIndex | None],
        /,
    ) -> T | list[T | None]:
        """Return the item at an index, or those of a slice, as a list would, steps included.

        Raises:
            ArrayIndexError: if there is no item at the index.
        """
        if isinstance(index, slice):
            return self._slice(index.start, index.stop, index.step)
        position = self._position(index)
        if self._holds(position):
            offset = position % self._array_size
            for found in self._read(position - offset, offset, offset + 1):
                return found.item
        self._check_layout()
        raise ArrayIndexError(self._id, position, "no item is assigned there")

    def items(self, start: int = 0, /) -> Iterator[tuple[int, T]]:
        """Yield each position that has an item, and the item, in order.

        Args:
            start: the position to begin at, from 0.
        """
        return self._assigned(max(start, 0), descending=False)

    def __iter__(self) -> Iterator[T]:
        """Yield the items in order.

        Raises:
            ArrayIndexError: at a position that was never assigned; ``items`` passes it over.
        """
        for expected, (position, item) in enumerate(self._assigned(0, descending=False)):
            if position != expected:
                raise self._hole(expected)
            yield item

    def __reversed__(self) -> Iterator[T]:
        """Yield the items from the last to the first.

        Raises:
            ArrayIndexError: at a position that was never assigned.
        """
        expected: int | None = None
        for position, item in self._assigned(0, descending=True):
            if expected is not None and position != expected:
                raise self._hole(expected)
            yield item
            expected = position - 1
        if expected is not None and expected >= 0:
            raise self._hole(expected)

    def __contains__(self, item: object, /) -> bool:
        """Whether an item is assigned anywhere; this reads up to the first that is equal."""
        return any(found == item for _, found in self.items())

    def __len__(self) -> int:
        """Return the position after the last item.

        Raises:
            OverflowError: beyond ``sys.maxsize``, which is Python's limit; see ``next_position``.
        """
        return self.next_position()

    def __bool__(self) -> bool:
        """Whether there is an item."""
        return self.next_position() > 0

    @override
    def __eq__(self, other: object, /) -> bool:
        """Whether the other is an array of the same kind with the same id."""
        other_id: object = getattr(other, "_id", None)
        return type(other) is type(self) and other_id == self._id

    @override
    def __hash__(self) -> int:
        return hash((type(self), self._id))

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} {self._id}>"

    def _position(self, index: SupportsIndex) -> int:
        position = self._whole(index)
        if position >= 0:
            return position
        end = self.next_position()
        if position + end < 0:
            raise ArrayIndexError(self._id, position, f"the array ends at {shown(end)}")
        return position + end

    def _whole(self, index: SupportsIndex) -> int:
        try:
            return operator.index(index)
        except TypeError as error:
            msg = f"Array {self._id}: an index is a whole number, not {index!r}"
            raise ModelError(msg) from error

    def _hole(self, position: int) -> ArrayIndexError:
        finding = "no item is assigned there; a slice gives None for it, and items() passes it over"
        return ArrayIndexError(self._id, position, finding)

    def _append(self, items: tuple[T, ...]) -> range:
        """Append those of the items that fit in the last stream; return their positions."""
        position, losses = self.next_position(), 0
        while True:
            fitting = items[: self._array_size - position % self._array_size]
            try:
                moment = self._assign(position, fitting, is_append=True)
            except PositionTakenError:
                # threads that all look for the end at once all lose but one: a pause lets them fall
                # out of step, and twelve of them get four times as much done
                time.sleep(_PAUSE.pause(losses))
                losses += 1
                end = self.next_position()
                if end <= position:
                    raise  # nobody got further, so that to try again would not help
                position = end
            else:
                self._publish(position, fitting, moment)
                return range(position, position + len(fitting))

    def _assign(self, position: int, items: tuple[T, ...], *, is_append: bool) -> datetime:
        """Store items of one stream, and return when."""
        if not self._holds(position):
            finding = f"the array holds {shown(self.capacity)} items at most"
            raise ArrayIndexError(self._id, position, finding)
        offset = position % self._array_size
        first = position - offset
        if offset == 0 or not is_append:
            # else the end was found in this stream, and the stream through its parents
            self._link(first, items)
        moment = now()
        try:
            self._items.assign(self._stream(first), offset, items, timestamp=moment)
        except ConcurrencyError as error:
            raise PositionTakenError(self._id, position - 1, first + error.found) from error
        return moment

    def _publish(self, position: int, items: tuple[T, ...], moment: datetime) -> None:
        if DEFAULT_BUS.subscriptions:
            events = [
                ItemAssigned(self._id, at, moment, item=item) for at, item in enumerate(items, position)
            ]
            publish(events)

    def _slice(
        self, start: SupportsIndex | None, stop: SupportsIndex | None, step: SupportsIndex | None
    ) -> list[T | None]:
        steps = 1 if step is None else self._whole(step)
        if steps == 0:
            msg = f"Array {self._id}: the step of a slice must not be 0"
            raise PayloadError(msg)
        first = 0 if start is None else self._whole(start)
        end = -1 if stop is None else self._whole(stop)
        if steps > 0 and first >= 0 and end >= 0:
            if not self._holds(end):
                end = min(end, self.next_position())
            values, end = self._picked(range(first, end, steps), is_within=False)
            if len(values) == end - first:
                return list(values.values())  # all are there, in their order: spares 60 ns an item
            return [values.get(position) for position in range(first, end, steps)]
        wanted = range(*slice(start, stop, steps).indices(self.next_position()))
        values, _ = self._picked(wanted if steps > 0 else wanted[::-1], is_within=True)
        return [values.get(position) for position in wanted]

    def _picked(self, wanted: range, *, is_within: bool) -> tuple[dict[int, T], int]:
        """Return the items at rising positions, and where to stop: at the end of the array at most.

        Args:
            wanted: the positions.
            is_within: whether none is known to be beyond the end; else the end is looked for once
                an item is missing, and not before.
        """
        values: dict[int, T] = {}
        size, step = self._array_size, wanted.step
        position, stop = wanted.start, wanted.stop
        while position < stop:
            first = position - position % size
            latest = position + (min(first + size, stop) - 1 - position) // step * step
            for at, _, item in self._read(first, position - first, latest - first + 1):
                if step == 1 or (first + at - position) % step == 0:
                    values[first + at] = item
            if latest not in values and not is_within:
                stop, is_within = min(stop, self.next_position()), True
            position = latest + step
        return values, stop

    def _assigned(self, start: int, *, descending: bool) -> Iterator[tuple[int, T]]:
        for first in self._bases(start, descending=descending):
            for at, _, item in self._read(first, max(start - first, 0), END, descending=descending):
                if at >= self._array_size:
                    raise self._too_long(at)
                yield first + at, item

    def _read(self, first: int, gte: int, lt: int, *, descending: bool = False) -> Iterator[SequencedItem[T]]:
        """Yield the items of the stream whose first position is given."""
        try:
            yield from self._items.read(self._stream(first), gte=gte, lt=lt, descending=descending)
        except UnknownEventError:
            # another size may take for items what are links
            self._check_layout()
            raise

    def _holds(self, position: int) -> bool:
        """Whether a position is within the capacity."""
        return position < self.capacity

    def _too_long(self, position: int) -> StoredDataError:
        finding = f"expected at most {self._array_size} items: open the array with its own array_size"
        return StoredDataError(self._id, position, finding)

    # what a big array does in another way

    def _stream(self, first: int) -> UUID:  # noqa: ARG002
        """Return the id of the stream whose first position is given."""
        return self._id

    def _bases(self, start: int, *, descending: bool) -> Iterator[int]:
        """Yield the first position of each stream that may hold items from ``start`` on."""
        del start, descending
        yield 0

    def _link(self, first: int, items: tuple[T, ...]) -> None:
        """See to it that a stream is found, before items are written to it."""

    def _check_layout(self) -> None:
        """Raise an error if the array was written with another size."""
        self.next_position()


class ArrayRepository(Protocol[T]):
    """Gives the arrays of one type of items.

    Laws: an array is there for every id, empty until something is assigned; two of one id are the
    same array, in one process or in several.
    """

    @property
    def array_size(self) -> int:
        """How many items an array holds at most."""
        ...

    def __getitem__(self, array_id: UUID, /) -> Array[T]:
        """Return the array of an id; nothing is read."""
        ...
