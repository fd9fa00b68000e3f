"""``SQLiteStore``: a record store in one SQLite file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self
from uuid import UUID

from esmodel.exceptions import PayloadError, StoreError, StoreFormatError
from esmodel.rows.append import Append, Appended, check_streams
from esmodel.rows.bounds import GREATEST, LEAST, bounds_of, check_limit
from esmodel.rows.checked import Checked
from esmodel.rows.pages import NumberedPage, Page, read_numbered_pages, read_pages
from esmodel.rows.record import Record, check_record
from esmodel.stores.sqlite._session import Session
from esmodel.stores.sqlite._sharedsession import SharedSession
from esmodel.stores.sqlite._statements import PAGE_ROWS, READ, READ_DESCENDING

_MOST_SECONDS: Final = 2_000_000.0  # SQLite counts the milliseconds of a timeout in 32 bits


class SQLiteStore:
    """A record store in one SQLite file, for any number of threads and processes.

    Each append is one transaction, and writers take turns. Readers never wait: they read page by
    page, hold no transaction between two pages, and may see rows appended meanwhile. After a fork,
    the store works in both processes.

    ================ ================================= =========================================
    ``synchronous``  after a killed process            after a power failure
    ================ ================================= =========================================
    ``"FULL"``       all acknowledged rows stay        all acknowledged rows stay
    ``"NORMAL"``     all acknowledged rows stay        the file is intact; the last appends may be
                                                       lost, each as a whole; much faster
    ``"EXTRA"``      as ``"FULL"``                     as ``"FULL"``; also syncs the folder while
                                                       the file is created
    ================ ================================= =========================================

    The file must be on a local disk: the write-ahead log of SQLite needs memory shared by the
    processes.

    Args:
        path: the file; it is created if it does not exist, but its folder must exist.
        synchronous: what is on the disk when ``append`` returns; see the table.
        busy_timeout: how long a call waits for other writers before it raises ``StoreError``.

    Raises:
        PayloadError: if ``synchronous`` has another value.
        StoreFormatError: if another program or a newer version of esmodel wrote the file.
        StoreError: if the file cannot be opened.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from uuid import UUID
        >>> from esmodel.rows import Append, Record
        >>> row = Record(UUID(int=1), 0, "Opened", 0, 0, b"{}")
        >>> with TemporaryDirectory() as folder:
        ...     with SQLiteStore(Path(folder, "events.db")) as store:
        ...         appended = store.append(Append([row], after=None))
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
                f"path: expected the path of a file, found {os.fspath(path)!r}. "
                "Use MemoryStore for a store in memory."
            )
        if synchronous not in {"FULL", "NORMAL", "EXTRA"}:
            raise PayloadError(f"synchronous: expected FULL, NORMAL or EXTRA, found {synchronous}.")
        self._path = Path(path).absolute()  # the process may change its working directory
        seconds = min(max(busy_timeout.total_seconds(), 0.0), _MOST_SECONDS)
        self._writer = SharedSession(self._path, synchronous, seconds, writes=True)
        self._reader = SharedSession(self._path, synchronous, seconds, writes=False)
        self._slow_reader = SharedSession(self._path, synchronous, seconds, writes=False)
        self._writer.call(Session.check_identity)  # refuse a wrong file here, and not at the first append

    def append(self, append: Append, /) -> Appended:
        """Store all rows or none, if the stream still ends where the append says.

        Raises:
            ConcurrencyError: if the stream ends elsewhere, or, after ``FREE``, if a position is taken.
            PayloadError: if a number does not fit 64 bits, a name is not valid text, or a row is too
                long.
            StoreClosedError: if the store was closed.
            OutcomeUnknownError: if a commit failed and could not be replaced, or if the file or its log was
                exchanged meanwhile: read the stream.
            StoreError: if SQLite fails; nothing was stored, and the store remains usable.
        """
        return self._append([append], append.records)

    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        """Store the rows of all appends or none; raise the errors of ``append``.

        Raises:
            PayloadError: also if two appends are to one stream.
        """
        check_streams(appends)
        return self._append(appends, [row for each in appends for row in each.records])

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
        """Yield the rows of one stream within the bounds.

        Raises:
            PayloadError: if ``limit`` is negative.
            StoreClosedError: if the store was closed, also while iterating.
            StoreError: if SQLite fails, also while iterating.
        """
        check_limit(limit)
        self._reader.check_open()
        low, high = bounds_of(gt, gte, lt, lte)
        fetch = partial(self._page, READ_DESCENDING if descending else READ, originator_id)
        return read_pages(fetch, low, high, limit=limit, descending=descending)

    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash, or ``None`` for a new stream.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if SQLite fails.
        """
        return self._reader.call(Session.last, originator_id)

    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        """Yield ``(number, row)`` of all streams in commit order.

        Raises:
            PayloadError: if ``limit`` is negative.
            StoreClosedError: if the store was closed, also while iterating.
            StoreError: if SQLite fails, also while iterating.
        """
        check_limit(limit)
        self._reader.check_open()
        return read_numbered_pages(self._numbered_page, min(max(after, 0), GREATEST), limit)

    def write_snapshot(self, record: Record, /) -> None:
        """Store a snapshot, or replace the one at its position.

        Raises:
            PayloadError: if a number does not fit 64 bits, the name is not valid text, or the row is
                too long.
            StoreClosedError: if the store was closed.
            OutcomeUnknownError: if a commit failed and could not be replaced, or if the file or its log was
                exchanged meanwhile: read the stream.
            StoreError: if SQLite fails; nothing was stored, and the store remains usable.
        """
        check_record(record)
        self._writer.call(Session.write_snapshot, record)

    def read_snapshot(self, originator_id: UUID, /, *, lte: int | None = None) -> Record | None:
        """Return the latest snapshot at or before a position.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if SQLite fails.
        """
        bound = GREATEST if lte is None else min(lte, GREATEST)
        return None if bound < LEAST else self._reader.call(Session.snapshot, originator_id, bound)

    def read_from_snapshot(
        self, originator_id: UUID, /, *, lte: int | None = None
    ) -> tuple[Record | None, Iterator[Record]]:
        """Return the latest snapshot at or before a position, and the rows after it up to there.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if SQLite fails, also while iterating.
        """
        self._reader.check_open()
        bound = GREATEST if lte is None else min(lte, GREATEST)
        if bound < LEAST:
            return None, iter(())
        snapshot, (rows, more) = self._reader.call(Session.snapshot_and_page, originator_id, bound)
        if not more:  # spares a call
            return snapshot, iter(rows)
        return snapshot, self._with_more(rows, originator_id, bound, more=more)

    def _with_more(
        self, rows: list[Record], originator_id: UUID, bound: int, *, more: bool
    ) -> Iterator[Record]:
        """Return rows that were read, and those after them."""
        if not more:
            return iter(rows)
        fetch = partial(self._page, READ, originator_id)
        return read_pages(fetch, LEAST, bound, first=(rows, more))

    def check(self) -> Checked:
        """Check the pages and indexes of the file, and how its streams, rows and names agree.

        It reads the whole file, as of one moment, and takes as long; others may append meanwhile.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if the file cannot be opened.
        """
        return self._maintainer().call(Session.check)

    def backup(self, path: str | os.PathLike[str], /) -> Checked:
        """Copy the file to another path, as of one moment, and check the copy; others may append meanwhile.

        A copy by other means may lack the write-ahead log, or take the locks of this process away.

        Args:
            path: the copy; there must be no file of that name yet. It has its name once it is whole and on
                the disk.

        Returns:
            What the copy has. It has no faults.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if there is a file of that name, or if the copy cannot be made or has faults.

        Example:
            >>> from pathlib import Path
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "events.db")) as store:
            ...     store.backup(Path(folder, "backup.db"))
            Checked(streams=0, rows=0, faults=())
        """
        target = Path(path).absolute()
        try:
            return self._maintainer().call(Session.backup, target)
        except OSError as error:
            raise StoreError(f"{target}: expected to write a backup, found: {error}.") from error

    def close(self) -> None:
        """Close the file; wait for calls in progress. Closing twice is harmless."""
        self._writer.close()
        self._reader.close()
        self._slow_reader.close()

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

    def _maintainer(self) -> SharedSession:
        """Return a session that keeps neither readers nor writers waiting."""
        self._writer.check_open()
        return self._slow_reader

    def _append(self, appends: Sequence[Append], rows: Sequence[Record]) -> Appended:
        self._writer.check_open()
        if rows:
            self._writer.call(Session.append, appends, rows)
        return Appended(len(rows))

    def _page(self, statement: str, originator_id: UUID, low: int, high: int, most: int) -> Page:
        size = min(most, PAGE_ROWS)
        return self._reader.call(Session.page, statement, originator_id, low, high, size)

    def _numbered_page(self, after: int, most: int) -> NumberedPage:
        return self._reader.call(Session.numbered_page, after, min(most, PAGE_ROWS))
