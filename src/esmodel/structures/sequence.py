"""Sequences: the storage that arrays and logs need. Typed items at positions of streams, written once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, Generic, NamedTuple, Protocol, TypeVar, cast
from uuid import UUID

from esmodel.clock import now
from esmodel.exceptions import ConcurrencyError

T = TypeVar("T")


class SequencedItem(NamedTuple, Generic[T]):
    """An item and its position.

    Attributes:
        position: the position in the stream, from 0.
        timestamp: when it was assigned, in microseconds since 1970 in UTC.
        item: the item.

    Example:
        >>> SequencedItem(0, 0, "first").item
        'first'
    """

    position: int
    timestamp: int
    item: T


class _MakeItem(Protocol):
    def __call__(self, cls: type[SequencedItem[T]], columns: tuple[int, int, T], /) -> SequencedItem[T]: ...


make_item: Final = cast("_MakeItem", tuple[object, ...].__new__)  # because it takes a subclass of tuple too
"""Make a ``SequencedItem`` of a tuple, in 90 ns instead of the 200 that ``SequencedItem(...)`` takes."""


class Sequences(Protocol[T]):
    """Items of one type, at positions of streams.

    Laws:
        1. ``assign`` is atomic, and acknowledged items are kept.
        2. A position takes one item, for ever: of two that are assigned to it, one is stored, and for
           the other ``ConcurrencyError`` is raised.
        3. ``read`` yields the items that were assigned, in the order of their positions.
        4. ``last`` returns the highest position that was ever assigned.
    """

    def check(self, items: Sequence[T], /) -> None:
        """Check that items could be assigned, and write nothing.

        Raises:
            PayloadError: if an item could not be read back as one of the type.
        """
        ...

    def assign(
        self, originator_id: UUID, position: int, items: Sequence[T], /, *, timestamp: datetime
    ) -> None:
        """Store items at a position and those after it, all or none, in one append.

        Raises:
            ConcurrencyError: if a position is taken.
            PayloadError: if an item could not be read back as one of the type.
        """
        ...

    def read(
        self,
        originator_id: UUID,
        /,
        *,
        gte: int,
        lt: int,
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[SequencedItem[T]]:
        """Stream the items within the bounds. One row is read per item.

        Raises:
            IntegrityError: if a row does not hold an item of the type.
        """
        ...

    def last(self, originator_id: UUID, /) -> int | None:
        """Return the last position that was assigned, ``None`` for an empty stream. One row is read."""
        ...


def assign_shared(sequences: Sequences[T], items: Iterable[tuple[UUID, int, T]], /) -> None:
    """Store items that every writer would store at the same positions, one append each.

    Args:
        sequences: the storage.
        items: stream, position and item of each, in the order in which to store them.
    """
    for stream, position, item in items:
        with suppress(ConcurrencyError):  # another writer stored the same item first
            sequences.assign(stream, position, (item,), timestamp=now())
