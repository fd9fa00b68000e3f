"""Arrays: items of one type, each assigned once, at an index.

An array is an id, and reads only what it is asked for. The index of an item is the position of its row.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Generic, Protocol, SupportsIndex, TypeVar, overload
from uuid import UUID

from attrs import frozen
from typing_extensions import override

from esmodel.exceptions import ArrayIndexError, ModelError, PayloadError, shown
from esmodel.model.bus import DEFAULT_BUS, deliver, raise_after_commit
from esmodel.model.events import TimestampedVersionedEvent
from esmodel.model.markers import LoggedEvent
from esmodel.structures.arraystreams import ArrayStreams
from esmodel.structures.layout import ARRAY_SIZE
from esmodel.structures.sequence import Sequences

T = TypeVar("T")


@frozen
class ItemAssigned(TimestampedVersionedEvent, LoggedEvent, Generic[T], name="ItemAssigned"):
    """An item was assigned and is stored. The originator is the array, and the version is the index.

    Attributes:
        item: the item.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.stores.memory import MemoryStore
        >>> heard = []
        >>> with subscribe(heard.extend):
        ...     EventSourcedArrayRepository(str, MemoryStore())[UUID(int=1)].append("a")
        0
        >>> heard[0].originator_version, heard[0].item
        (0, 'a')
    """

    item: T


class Array(Generic[T]):
    """A list of items of one type, each assigned once, at an index from 0 up to ``array_size``.

    It reads like a list, except at an index that was never assigned: there, a slice gives ``None``,
    ``array[i]`` and iteration raise ``ArrayIndexError``, and ``items`` skips it. The length is the index
    after the last item. An array has no state but its id, so any number of threads and processes may
    use the same array.

    Cost, in rows read and appends written:

    ============================== =============================================================
    ``array[i]``                   1 row
    ``array[-i]``                  2 rows
    ``array[i:j]``                 1 row per item; 1 more if an end is omitted or not reached
    ``array[i] = item``            1 row, 1 append
    ``append``                     1 row, 1 append; both again after a lost race
    ``extend``                     1 row, 1 append for all items
    ``len``, ``next_position``     1 row
    iteration, ``items``, ``in``   1 row per item
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

    __slots__ = ("_streams",)

    def __init__(self, array_id: UUID, items: Sequences[T], /, array_size: int = ARRAY_SIZE) -> None:
        """Open the array of an id; applications call a repository instead.

        Args:
            array_id: the id of the array.
            items: the storage of items.
            array_size: the number of positions.

        Raises:
            ModelError: if the size is not a positive integer.
        """
        self._streams: ArrayStreams[T] = ArrayStreams(array_id, items, array_size)

    @property
    def id(self) -> UUID:
        """The id of the array."""
        return self._streams.array_id

    @property
    def array_size(self) -> int:
        """The number of positions in a stream."""
        return self._streams.array_size

    @property
    def capacity(self) -> int:
        """The number of positions."""
        return self._streams.capacity

    def next_position(self) -> int:
        """Return the index after the last item: the length, without the limit that ``len`` has."""
        return self._streams.next_position()

    def append(self, item: T, /) -> int:
        """Assign an item to the index after the last item, and return the index.

        If another writer takes the index first, the item goes after that writer's items.

        Raises:
            ArrayIndexError: if the array is full.
            PayloadError: if the item is not of the type; nothing is stored.
            PublishError: with what subscribers raised; the item is stored.
        """
        positions, errors = self._append((item,))
        raise_after_commit(errors)
        return positions[0]

    def extend(self, items: Iterable[T], /) -> None:
        """Append items in order. Those of one stream are stored together; other writers may come between.

        Raises:
            ArrayIndexError: if the array gets full; the items that fit are stored.
            PayloadError: if an item is not of the type; the items of its stream are not stored.
            PublishError: with what subscribers raised; all items are stored.
        """
        left = iter(items)
        if isinstance(items, Array) and items == self:
            left = islice(left, self.next_position())  # stop before the items that are appended here
        part = tuple(islice(left, self.array_size))
        raised: list[Exception] = []  # by subscribers: the items after theirs are stored all the same
        while part:
            stored, errors = self._append(part)
            raised += errors
            part = part[len(stored) :]
            part += tuple(islice(left, self.array_size - len(part)))
        raise_after_commit(raised)

    def __setitem__(self, index: SupportsIndex, item: T, /) -> None:
        """Assign an item to an index, which may be beyond the end.

        Raises:
            PositionTakenError: if the index has an item already; a ``ConcurrencyError``.
            ArrayIndexError: if the index is not below the capacity.
            PayloadError: if the item is not of the type; nothing is stored.
            PublishError: with what subscribers raised; the item is stored.
        """
        position = self._position(index)
        moment = self._streams.assign(position, (item,), is_append=False)
        raise_after_commit(self._publish(range(position, position + 1), (item,), moment))

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
        """Return the item at an index, or the items of a slice, like a list.

        Raises:
            ArrayIndexError: if the index has no item.
            PayloadError: if the step of a slice is 0.
        """
        if isinstance(index, slice):
            return self._slice(index.start, index.stop, index.step)
        position, streams = self._position(index), self._streams
        if streams.holds(position):
            offset = position % streams.array_size
            if (found := streams.find(position - offset, offset)) is not None:
                return found.item
        streams.check_layout()
        raise ArrayIndexError(self.id, position, "expected an item, found none")

    def items(self, start: int = 0, /) -> Iterator[tuple[int, T]]:
        """Yield each assigned index from ``start`` on, and its item, in order."""
        return self._streams.assigned(max(start, 0), descending=False)

    def __iter__(self) -> Iterator[T]:
        """Yield the items in order.

        Raises:
            ArrayIndexError: at an index that was never assigned; ``items`` skips it.
        """
        for expected, (position, item) in enumerate(self._streams.assigned(0, descending=False)):
            if position != expected:
                raise self._gap(expected)
            yield item

    def __reversed__(self) -> Iterator[T]:
        """Yield the items from the last to the first.

        Raises:
            ArrayIndexError: at an index that was never assigned.
        """
        expected: int | None = None
        for position, item in self._streams.assigned(0, descending=True):
            if expected is not None and position != expected:
                raise self._gap(expected)
            yield item
            expected = position - 1
        if expected is not None and expected >= 0:
            raise self._gap(expected)

    def __contains__(self, item: object, /) -> bool:
        """Whether any index has an equal item. The items are read up to the first match."""
        return any(found == item for _, found in self.items())

    def __len__(self) -> int:
        """Return the index after the last item.

        Raises:
            OverflowError: above ``sys.maxsize``, a limit of Python; call ``next_position`` there.
        """
        return self.next_position()

    def __bool__(self) -> bool:
        """Whether the array has an item."""
        return self.next_position() > 0

    @override
    def __eq__(self, other: object, /) -> bool:
        """Whether the other is an array of the same class with the same id."""
        return isinstance(other, Array) and other._key == self._key

    @override
    def __hash__(self) -> int:
        return hash(self._key)

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} {self.id}>"

    @property
    def _key(self) -> tuple[type[object], UUID]:
        return type(self), self.id

    def _position(self, index: SupportsIndex) -> int:
        """Return the position of an index, which counts from the end if it is negative."""
        position = self._integer(index)
        if position >= 0:
            return position
        end = self.next_position()
        if position + end < 0:
            raise ArrayIndexError(self.id, position, f"expected an index within the length of {shown(end)}")
        return position + end

    def _integer(self, index: SupportsIndex) -> int:
        try:
            return operator.index(index)
        except TypeError as error:
            raise ModelError(f"Array {self.id}: index: expected an integer, found {index!r}.") from error

    def _gap(self, position: int) -> ArrayIndexError:
        finding = "expected an item, found none; take a slice to get None there, or items() to skip it"
        return ArrayIndexError(self.id, position, finding)

    def _append(self, items: tuple[T, ...]) -> tuple[range, tuple[Exception, ...]]:
        """Append the items that fit in the last stream; return their positions and errors of subscribers."""
        positions, moment = self._streams.append(items)
        return positions, self._publish(positions, items, moment)

    def _publish(self, positions: range, items: tuple[T, ...], moment: datetime) -> tuple[Exception, ...]:
        if not DEFAULT_BUS.subscriptions:
            return ()
        stored = zip(positions, items, strict=False)
        return deliver([ItemAssigned(self.id, position, moment, item=item) for position, item in stored])

    def _slice(
        self, start: SupportsIndex | None, stop: SupportsIndex | None, step: SupportsIndex | None
    ) -> list[T | None]:
        steps = 1 if step is None else self._integer(step)
        if steps == 0:
            raise PayloadError(f"Array {self.id}: step of a slice: expected a nonzero integer, found 0.")
        first = 0 if start is None else self._integer(start)
        end = -1 if stop is None else self._integer(stop)
        if steps > 0 and first >= 0 and end >= 0:
            if not self._streams.holds(end):
                end = min(end, self.next_position())
            values, end = self._streams.pick(range(first, end, steps), is_within=False)
            if len(values) == end - first:
                return list(values.values())  # no gaps: saves a lookup of 60 ns per item
            return [values.get(position) for position in range(first, end, steps)]
        wanted = range(*slice(start, stop, steps).indices(self.next_position()))
        values, _ = self._streams.pick(wanted if steps > 0 else wanted[::-1], is_within=True)
        return [values.get(position) for position in wanted]


class ArrayRepository(Protocol[T]):
    """Opens the arrays of one type of items.

    Laws:
        1. Every id has an array, which is empty until an item is assigned.
        2. Arrays with the same id are the same array, in one process or several.
    """

    @property
    def array_size(self) -> int:
        """The number of positions in a stream."""
        ...

    def __getitem__(self, array_id: UUID, /) -> Array[T]:
        """Return the array of an id, without reading it."""
        ...
