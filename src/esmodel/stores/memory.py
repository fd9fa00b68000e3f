"""``MemoryStore``: a record store in memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Self

from esmodel.exceptions import ConcurrencyError, StoreClosedError
from esmodel.rows.append import FREE, Append, Appended, check_streams, last_known
from esmodel.rows.bounds import check_limit
from esmodel.rows.record import check_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from uuid import UUID

    from esmodel.rows.record import Record


class MemoryStore:
    """A record store in memory, for tests and experiments.

    It upholds every law of ``RecordStore``, ``SupportsStreams``, ``SupportsReadAll`` and
    ``SupportsSnapshots`` for any number of threads. It refuses the rows that the stores on disk
    refuse, so a test that uses it is evidence for them too. Its rows end with the process, no other
    process sees them, and all of them stay in memory until the store is closed.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.rows import Append, Record
        >>> with MemoryStore() as store:
        ...     appended = store.append(Append([Record(UUID(int=1), 0, "Opened", 0, 0, b"{}")], after=None))
        ...     store.last(UUID(int=1))
        (0, b'')
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._closed = False
        self._log: list[Record] = []  # all rows; the rest is an index of it
        self._indexed = 0
        self._streams: dict[UUID, dict[int, Record]] = {}
        self._positions: dict[UUID, list[int]] = {}
        self._snapshots: dict[UUID, dict[int, Record]] = {}

    def append(self, append: Append, /) -> Appended:
        """Store all rows or none, if the stream still ends where the append says.

        Raises:
            ConcurrencyError: if the stream ends elsewhere, or, after ``FREE``, if a position is taken.
            PayloadError: if a number does not fit 64 bits, or a name is not valid text.
            StoreClosedError: if the store was closed.
        """
        return self.append_streams([append])

    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        """Store the rows of all appends or none; raise the errors of ``append``.

        Raises:
            PayloadError: also if two appends are to one stream.
        """
        check_streams(appends)
        rows = [row for each in appends for row in each.records]
        for row in rows:
            check_record(row)
        with self._lock:
            self._make_ready()
            for each in appends:
                self._check_follows(each)
            self._log += rows  # all or none, also if a signal handler raises
            self._make_ready()
        return Appended(len(rows))

    def read(  # noqa: PLR0913  # because these are the arguments of the Protocol
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
        """Yield the rows of one stream within the bounds, as of the call.

        Raises:
            PayloadError: if ``limit`` is negative.
            StoreClosedError: if the store was closed.
        """
        check_limit(limit)
        with self._lock:
            self._make_ready()
            positions = self._positions.get(originator_id, [])
            start, stop = 0, len(positions)
            if gt is not None:
                start = bisect_right(positions, gt)
            if gte is not None:
                start = max(start, bisect_left(positions, gte))
            if lt is not None:
                stop = bisect_left(positions, lt)
            if lte is not None:
                stop = min(stop, bisect_right(positions, lte))
            chosen = positions[start:stop]
            if descending:
                chosen.reverse()
            stream = self._streams.get(originator_id, {})
            return iter([stream[position] for position in chosen[:limit]])

    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash, or ``None`` for a new stream.

        Raises:
            StoreClosedError: if the store was closed.
        """
        with self._lock:
            self._make_ready()
            if originator_id not in self._streams:
                return None
            position = self._positions[originator_id][-1]
            return position, self._streams[originator_id][position].event_hash

    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        """Yield ``(number, row)`` of all streams in commit order; numbers start at 1.

        Raises:
            PayloadError: if ``limit`` is negative.
            StoreClosedError: if the store was closed.
        """
        check_limit(limit)
        with self._lock:
            self._make_ready()
            start = max(after, 0)
            return islice(enumerate(self._log[start:], start + 1), limit)

    def write_snapshot(self, record: Record, /) -> None:
        """Store a snapshot, or replace the one at its position.

        Raises:
            PayloadError: if a number does not fit 64 bits, or the name is not valid text.
            StoreClosedError: if the store was closed.
        """
        check_record(record)
        with self._lock:
            self._make_ready()
            self._snapshots.setdefault(record.originator_id, {})[record.position] = record

    def read_snapshot(self, originator_id: UUID, /, *, lte: int | None = None) -> Record | None:
        """Return the latest snapshot at or before a position.

        Raises:
            StoreClosedError: if the store was closed.
        """
        with self._lock:
            self._make_ready()
            snapshots = self._snapshots.get(originator_id, {})
            position = max((p for p in snapshots if lte is None or p <= lte), default=None)
            return None if position is None else snapshots[position]

    def read_from_snapshot(
        self, originator_id: UUID, /, *, lte: int | None = None
    ) -> tuple[Record | None, Iterator[Record]]:
        """Return the latest snapshot at or before a position, and the rows after it up to there.

        Raises:
            StoreClosedError: if the store was closed.
        """
        snapshot = self.read_snapshot(originator_id, lte=lte)
        after = None if snapshot is None else snapshot.position
        return snapshot, self.read(originator_id, gt=after, lte=lte)

    def close(self) -> None:
        """Discard all rows. Closing twice is harmless."""
        with self._lock:
            self._closed = True
            self._log.clear()
            self._indexed = 0
            self._streams.clear()
            self._positions.clear()
            self._snapshots.clear()

    def __enter__(self) -> Self:
        with self._lock:
            self._check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError("The memory store was closed: open a new one.")

    def _make_ready(self) -> None:
        """Check that the store is open, and index the rows that are not, also those of an interrupted call.

        An interrupt in here leaves a row that is indexed in part, and is indexed again by the next call.
        """
        self._check_open()
        log = self._log
        for number in range(self._indexed, len(log)):
            row = log[number]
            positions = self._positions.setdefault(row.originator_id, [])
            at = bisect_left(positions, row.position)
            if positions[at : at + 1] != [row.position]:
                positions.insert(at, row.position)
            self._streams.setdefault(row.originator_id, {})[row.position] = row
            self._indexed = number + 1

    def _check_follows(self, append: Append) -> None:
        """Raise ``ConcurrencyError`` if the stream ends elsewhere, or a position of free rows is taken."""
        if not append.records:
            return
        originator_id = append.records[0].originator_id
        positions = self._positions.get(originator_id)
        last = positions[-1] if positions else None
        if append.after is FREE:
            stream = self._streams.get(originator_id, {})
            follows = not any(row.position in stream for row in append.records)
        else:
            follows = last == append.after
        if not follows:
            raise ConcurrencyError(originator_id, last_known(append), -1 if last is None else last)
