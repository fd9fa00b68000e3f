"""The Protocols of record stores, and the laws that each of them upholds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable
from uuid import UUID

from esmodel.rows.record import Record


class RecordStore(Protocol):
    """A store of rows in streams.

    Laws:
        1. ``append`` is atomic: it stores all rows or none. Acknowledged rows stay. If ``append``
           raises, it stored nothing, unless it raises ``OutcomeUnknownError``.
        2. Of two appends at one ``(originator_id, position)``, exactly one succeeds. The other
           raises ``ConcurrencyError`` with the position before its first row of that stream and the
           last position found.
        3. ``read`` yields the rows of one stream in the order of their positions, byte for byte as
           they were appended.
        4. ``last`` returns the highest position ever appended to a stream and the hash of that row.
           It is stored apart from the rows, so that it reveals rows removed from the end.
    """

    def append(self, records: Sequence[Record], /) -> None:
        """Store all rows or none; the rows belong to one stream.

        Raises:
            ConcurrencyError: if a position is taken.
            OutcomeUnknownError: if the engine was lost during the commit; see ``SupportsAppendIds``.
            StoreError: if the engine fails.
        """
        ...

    def read(  # noqa: PLR0913  # because these are the bounds of a range
        self,
        originator_id: UUID,
        /,
        *,
        gt: int | None = None,
        gte: int | None = None,
        lt: int | None = None,
        lte: int | None = None,
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[Record]:
        """Yield the rows of one stream within the bounds."""
        ...

    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash, or ``None`` for a new stream."""
        ...


class SupportsStreams(Protocol):
    """A store that appends to several streams at once.

    Laws:
        1. ``append_streams`` upholds the laws of ``append`` for rows of any number of streams: it
           stores all of them or none.
        2. The order of the rows across streams is kept: ``read_all``, if the store has it, yields
           them in this order.
    """

    def append_streams(self, records: Sequence[Record], /) -> None:
        """Store all rows or none, of any streams; raise the errors of ``append``."""
        ...


@runtime_checkable
class SupportsAppendIds(Protocol):
    """A store that can tell whether an append was stored after its answer was lost.

    Laws:
        1. Each append has an id, and an ``OutcomeUnknownError`` names it.
        2. ``was_appended`` tells whether the rows of that append are stored. Its answer is final: it
           waits for an append in progress, and an append reported as not stored never will be.
    """

    def was_appended(self, append_id: UUID, /) -> bool:
        """Tell whether all rows of an append are stored.

        Raises:
            StoreError: if the engine fails; ask again.
        """
        ...


class SupportsReadAll(Protocol):
    """A store that knows the order of all its commits.

    Laws:
        1. ``read_all`` yields rows in commit order, each with its number; the numbers rise. Rows
           acknowledged before an append began come before the rows of that append. Concurrent
           appends have either order, the same for every reader.
        2. Continuing after the last number seen skips and repeats nothing.
    """

    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        """Yield ``(number, row)`` of all streams for numbers above ``after``, at most ``limit``."""
        ...


@runtime_checkable
class SupportsSnapshots(Protocol):
    """A store that keeps snapshots apart from the rows.

    Laws:
        1. A snapshot never appears in ``read``, ``read_all`` or ``last``.
        2. Writing a snapshot replaces the one at the same position, if any.
        3. ``read_snapshot`` returns the snapshot with the highest position within the bound.
        4. ``read_from_snapshot`` returns the same snapshot, and the rows that ``read`` yields after
           it. Both are at least as recent as the call, and cost as few round trips as the engine
           allows.
        5. The rows continue the snapshot that is returned with them, also while snapshots are written
           or deleted: the store reads the rows after the snapshot, or both as of one moment.
    """

    def write_snapshot(self, record: Record, /) -> None:
        """Store a snapshot, or replace the one at its position."""
        ...

    def read_snapshot(self, originator_id: UUID, /, *, lte: int | None = None) -> Record | None:
        """Return the latest snapshot at or before a position."""
        ...

    def read_from_snapshot(
        self, originator_id: UUID, /, *, lte: int | None = None
    ) -> tuple[Record | None, Iterator[Record]]:
        """Return the latest snapshot at or before a position, and the rows after it up to there.

        Without a snapshot, the rows begin at the start of the stream.
        """
        ...


class SnapshottingRecordStore(RecordStore, SupportsSnapshots, Protocol):
    """A record store that also keeps snapshots."""
