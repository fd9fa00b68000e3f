"""The Protocols of record stores, and the laws that each of them upholds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable
from uuid import UUID

from esmodel.rows.append import Append, Appended
from esmodel.rows.checked import Checked
from esmodel.rows.record import Record


class RecordStore(Protocol):
    """A store of rows in streams.

    Laws:
        1. ``append`` is atomic: it stores all rows or none. Acknowledged rows stay. If ``append``
           raises, it stored nothing, unless it raises ``OutcomeUnknownError``.
        2. Of two appends at one ``(originator_id, position)``, exactly one succeeds. The other
           raises ``ConcurrencyError``.
        3. ``read`` yields the rows of one stream in the order of their positions, byte for byte as
           they were appended.
        4. ``last`` returns the highest position ever appended to a stream and the hash of that row.
           It is stored apart from the rows, so that it reveals rows removed from the end.
        5. An append continues its stream. If the last position of the stream is not ``after``, or if
           ``after`` is ``None`` and the stream is not new, it stores nothing and raises
           ``ConcurrencyError`` with ``after`` (-1 for ``None``) and the last position found (-1 for a
           new stream). The store compares them in the transaction of the append, not with what it
           remembers. Only after ``FREE`` may rows leave gaps or come before the last one; if one of
           their positions is taken, the error has the position before the first row as ``expected``.
        6. What a store remembers does not outlive what it describes. After a fork, after a call that a
           signal handler interrupted, and after the engine was restored or failed over beneath an open
           store, it never returns the rows of another stream or appends to one: it goes on, or raises
           ``StoreError``.
    """

    def append(self, append: Append, /) -> Appended:
        """Store all rows or none, if the stream still ends where the append says.

        Raises:
            ConcurrencyError: if the stream ends elsewhere, or, after ``FREE``, if a position is taken.
            OutcomeUnknownError: if the engine was lost during the commit; see ``SupportsAppendIds``.
            PayloadError: if no store can hold a row; see ``check_record``.
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
        1. ``append_streams`` upholds the laws of ``append`` for any number of streams: it stores the
           rows of all appends or none, and checks each of them. If several disagree with the store,
           the error may name any of them.
        2. The order of the appends is kept: ``read_all``, if the store has it, yields the rows of each
           append in their order, and the appends in theirs.
        3. Two appends to one stream are a ``PayloadError``; ``check_streams`` finds them.
    """

    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        """Store the rows of all appends or none; raise the errors of ``append``."""
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
class SupportsCheck(Protocol):
    """A store that can check itself.

    Laws:
        1. ``check`` of a store whose engine and rows are whole finds no fault, also while others append.
        2. ``check`` finds a stream whose last position has no row, a row beyond it, rows that belong to
           no stream, and a hole in the numbers of a store that promises none.
        3. It changes nothing, and uses memory that does not grow with the number of rows.
    """

    def check(self) -> Checked:
        """Read the whole store, and return what was read and the faults found.

        Raises:
            StoreError: if the engine fails, so that the store cannot be read to its end.
        """
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
