"""The store itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self
from uuid import UUID

from esmodel.exceptions import PayloadError, StoreFormatError
from esmodel.rows.bounds import GREATEST, LEAST, bounds_of, check_limit
from esmodel.rows.record import Record, check_record
from esmodel.stores.sqlite._sharedsession import SharedSession
from esmodel.stores.sqlite._statements import PAGE_ROWS, READ, READ_DESCENDING, READ_SNAPSHOT

_MOST_SECONDS: Final = 2_000_000.0  # SQLite counts the milliseconds of a timeout in 32 bits


class SQLiteStore:
    """A record store in one SQLite file, for any number of threads and processes.

    Each append is one transaction, and writers take turns. Readers wait for nobody: they read page
    by page, hold no transaction between two pages, and may see rows that are appended meanwhile.
    A process may fork: the store then works on both sides.

    ================ ================================= =========================================
    ``synchronous``  when a process is killed          when the power fails
    ================ ================================= =========================================
    ``"FULL"``       all that was acknowledged stays   all that was acknowledged stays
    ``"NORMAL"``     all that was acknowledged stays   the file is whole; the last appends may be
                                                       lost, each as a whole; much faster
    ``"EXTRA"``      as ``"FULL"``                     as ``"FULL"``; the folder is synchronised
                                                       too while the file is created
    ================ ================================= =========================================

    The file must be on a disk of this machine: the write-ahead log of SQLite needs memory that
    the processes share.

    Args:
        path: the file; it is created if there is none, in a folder that exists.
        synchronous: what has to be on the disk when ``append`` returns; see the table.
        busy_timeout: how long a call waits for other writers before it raises ``StoreError``.

    Raises:
        StoreFormatError: if the file is not one of this store, or of a newer format.
        StoreError: if it cannot be opened.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from uuid import UUID
        >>> from esmodel.rows import Record
        >>> from esmodel.rows.bounds import check_limit
        >>> row = Record(UUID(int=1), 0, "Opened", 0, 0, b"{}")
        >>> with TemporaryDirectory() as folder:
        ...     with SQLiteStore(Path(folder, "events.db")) as store:
        ...         store.append([row])
        ...     with SQLiteStore(Path(folder, "events.db")) as store:
        ...         list(store.read(UUID(int=1))) == [row]
        True
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: Literal["FULL", "NORMAL", "EXTRA"] = "FULL",
        busy_timeout: timedelta = timedelta(seconds=60),
    ) -> None:
        if os.fspath(path) in {"", ":memory:"}:
            raise StoreFormatError(
                f"SQLiteStore: expected the path of a file, found {os.fspath(path)!r}. "
                "Use MemoryStore for what need not be kept."
            )
        if synchronous not in {"FULL", "NORMAL", "EXTRA"}:
            raise PayloadError(f"synchronous: expected FULL, NORMAL or EXTRA, found {synchronous}.")
        self._path = Path(path).absolute()  # the process may change its folder
        seconds = min(max(busy_timeout.total_seconds(), 0.0), _MOST_SECONDS)
        self._writer = SharedSession(self._path, synchronous, seconds, writes=True)
        self._reader = SharedSession(self._path, synchronous, seconds, writes=False)
        with self._writer:
            pass  # a file that is refused is refused here

    def append(self, records: Sequence[Record], /) -> None:
        """Store all rows, or none.

        Raises:
            ConcurrencyError: if a position is taken, in the store or earlier in ``records``.
            PayloadError: if a number does not fit 64 bits, a name is no text, or a row is too long.
            StoreClosedError: if the store was closed.
            StoreError: if SQLite fails; then nothing was stored, and the store can be used on.
        """
        rows = records if isinstance(records, list) else list(records)
        self._writer.check_open()
        if rows:
            with self._writer as session:
                session.append(rows)

    def append_streams(self, records: Sequence[Record], /) -> None:
        """Store all rows, which may be of several streams, or none; raises what ``append`` raises."""
        self.append(records)

    def read(  # noqa: PLR0913  # because the Protocol says so
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
        """Stream the rows of one stream within the bounds.

        Raises:
            PayloadError: if ``limit`` is negative.
            StoreClosedError: if the store was closed, also while iterating.
            StoreError: if SQLite fails, also while iterating.
        """
        check_limit(limit)
        self._reader.check_open()
        low, high = bounds_of(gt, gte, lt, lte)
        return self._read(originator_id, low, high, limit, descending=descending)

    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash, or ``None`` for a new stream.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if SQLite fails.
        """
        with self._reader as session:
            return session.last(originator_id)

    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        """Stream ``(number, row)`` of all streams, in the order of the commits.

        Raises:
            PayloadError: if ``limit`` is negative.
            StoreClosedError: if the store was closed, also while iterating.
            StoreError: if SQLite fails, also while iterating.
        """
        check_limit(limit)
        self._reader.check_open()
        return self._read_all(min(max(after, 0), GREATEST), limit)

    def write_snapshot(self, record: Record, /) -> None:
        """Store a snapshot, or replace the one at its position.

        Raises:
            PayloadError: if a number does not fit 64 bits, the name is no text, or the row is too
                long.
            StoreClosedError: if the store was closed.
            StoreError: if SQLite fails; then nothing was stored, and the store can be used on.
        """
        check_record(record)
        with self._writer as session:
            session.write_snapshot(record)

    def read_snapshot(self, originator_id: UUID, /, *, lte: int | None = None) -> Record | None:
        """Return the latest snapshot at or before a position.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if SQLite fails.
        """
        bound = GREATEST if lte is None else min(lte, GREATEST)
        with self._reader as session:
            if bound < LEAST:
                return None
            rows, _ = session.page(READ_SNAPSHOT, (originator_id.bytes, bound), 1, originator_id)
        return rows[0] if rows else None

    def read_from_snapshot(
        self, originator_id: UUID, /, *, lte: int | None = None
    ) -> tuple[Record | None, Iterator[Record]]:
        """Return the latest snapshot at or before a position, and the rows from there to it.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if SQLite fails, also while iterating.
        """
        self._reader.check_open()
        bound = GREATEST if lte is None else min(lte, GREATEST)
        if bound < LEAST:
            return None, iter(())
        with self._reader as session:
            rows, since, more = session.following_page(originator_id, bound)
            snapshot: list[Record] = []
            if since is not None or not rows:
                # the one that was seen, or, where no row follows, the latest
                at = bound if since is None else since
                snapshot, _ = session.page(READ_SNAPSHOT, (originator_id.bytes, at), 1, originator_id)
        following = self._following(originator_id, rows, bound) if more else iter(rows)
        return snapshot[0] if snapshot else None, following

    def close(self) -> None:
        """Close the file; wait for calls that are under way. To close twice does no harm."""
        self._writer.close()
        self._reader.close()

    def __enter__(self) -> Self:
        self._writer.check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.close()

    def _read(
        self, originator_id: UUID, low: int, high: int, limit: int | None, *, descending: bool
    ) -> Iterator[Record]:
        statement = READ_DESCENDING if descending else READ
        left = GREATEST if limit is None else limit
        more = True
        while more and left and low <= high:
            size = min(left, PAGE_ROWS)
            with self._reader as session:
                parameters = (originator_id.bytes, low, high, size)
                rows, more = session.page(statement, parameters, size, originator_id)
            yield from rows
            left -= len(rows)
            if more and descending:
                high = rows[-1].position - 1
            elif more:
                low = rows[-1].position + 1
            rows.clear()  # a page is not kept while the next one is read

    def _following(self, originator_id: UUID, rows: list[Record], bound: int) -> Iterator[Record]:
        low = rows[-1].position + 1
        yield from rows
        rows.clear()
        yield from self._read(originator_id, low, bound, None, descending=False)

    def _read_all(self, after: int, limit: int | None) -> Iterator[tuple[int, Record]]:
        left = GREATEST if limit is None else limit
        more = True
        while more and left:
            size = min(left, PAGE_ROWS)
            with self._reader as session:
                rows, more = session.numbered_page(after, size)
            yield from rows
            left -= len(rows)
            if more:
                after = rows[-1][0]
            rows.clear()
