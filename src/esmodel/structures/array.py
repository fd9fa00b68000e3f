"""Arrays: items that are assigned once, at an index; big ones are trees of small ones.

The row of an item holds nothing but the item; its place is its position in the stream. No array
replays its rows to exist: it is an id, and reads what it is asked for.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Final, Generic, Protocol, SupportsIndex, TypeVar, overload
from uuid import UUID, uuid5

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
from esmodel.model.bus import DEFAULT_BUS, publish
from esmodel.model.events import LoggedEvent, TimestampedVersionedEvent
from esmodel.retry import Retry
from esmodel.structures.sequence import SequencedItem, Sequences

T = TypeVar("T")

ARRAY_SIZE: Final = 10_000
"""The size of arrays where none is given."""

_END: Final = (1 << 63) - 1
"""Beyond the last position of a stream."""

_LONG: Final = 1 << 64
"""What arrays of a size from 17 hold at least, whatever the size: its power need not be known."""

_PAUSE: Final = Retry((ConcurrencyError,), attempts=1, wait=0.001, stall=0.0)
"""After a position was lost to another writer: up to 1 ms, doubled with each loss up to 64 ms."""

_WRITABLE: Final = 1 << 12
"""The bits up to which ``str`` writes a whole number without a look at Python's limit on digits."""


@frozen
class ItemAssigned(TimestampedVersionedEvent, LoggedEvent, Generic[T], name="ItemAssigned"):
    """An item was assigned: published once it is stored.

    Its originator is the array, big or not, and its version the position in it.

    Attributes:
        item: what was assigned.
    """

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
            for found in self._items.read(self._id, gte=0, lt=_END, limit=1, descending=True):
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
            for at, _, item in self._read(first, max(start - first, 0), _END, descending=descending):
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
        return _capacity(self._array_size)

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
        bound = _END
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
    if not 0 <= position < _capacity(checked_size(array_size)):
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
def _capacity(array_size: int) -> int:
    capacity: int = array_size**array_size
    return capacity


def _digits(number: int) -> str:
    """Return a number in decimal digits, also beyond the length up to which ``str`` does it."""
    return str(number) if number.bit_length() <= _WRITABLE else format(Decimal(number), "f")
