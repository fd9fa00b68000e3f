"""The store that keeps rows in one SQLite file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import time
from datetime import timedelta
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal, Self, TypeAlias
from uuid import UUID
from weakref import WeakSet

from esmodel.exceptions import (
    ConcurrencyError,
    PayloadError,
    StoreClosedError,
    StoreError,
    StoreFormatError,
)
from esmodel.persistence.record import Record, check_limit, check_record, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

# Position, name_id, class version, timestamp, data, header, hash.
_Row: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes]
# The same, and the position of the snapshot before it.
_FollowingRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int | None]
# The same, and the number and the originator id.
_NumberedRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int, bytes]

_APPLICATION_ID = 0x65736D64  # "esmd"
_FORMAT = 1
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_MOST_SECONDS = 2_000_000.0  # SQLite counts the milliseconds of a timeout in 32 bits
_COMMITS, _LOG_BYTES = 256, 64 << 20  # how often the length of the write-ahead log is looked at
_STREAMS = 1_024  # of how many streams the id is remembered
_PAGE_ROWS, _PAGE_BYTES = 500, 1 << 20
_TOGETHER = 64  # how many rows one statement adds, at most: 8 * 64 parameters are allowed everywhere

_SCHEMA = (
    # `last` is kept apart from the rows.
    """CREATE TABLE stream (stream_id INTEGER PRIMARY KEY, originator_id BLOB NOT NULL UNIQUE,
        last_position INTEGER NOT NULL, last_hash BLOB NOT NULL)""",
    # A name comes back as it was appended, and costs a byte or two a row.
    "CREATE TABLE name (name_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # Of two appends at one position one succeeds (UNIQUE). Numbers rise, since no row is ever removed:
    # AUTOINCREMENT, which older files have, takes a fifth of the time of an append, and says no more.
    """CREATE TABLE record (number INTEGER PRIMARY KEY, stream_id INTEGER NOT NULL,
        position INTEGER NOT NULL, name_id INTEGER NOT NULL, class_version INTEGER NOT NULL,
        timestamp INTEGER NOT NULL, data BLOB NOT NULL, header BLOB NOT NULL,
        event_hash BLOB NOT NULL, UNIQUE (stream_id, position))""",
    # A snapshot never takes part in `read`, `read_all` or `last`.
    """CREATE TABLE snapshot (originator_id BLOB NOT NULL, position INTEGER NOT NULL,
        name_id INTEGER NOT NULL, class_version INTEGER NOT NULL, timestamp INTEGER NOT NULL,
        data BLOB NOT NULL, header BLOB NOT NULL, event_hash BLOB NOT NULL,
        PRIMARY KEY (originator_id, position))""",
    # A file says what it is, so that no other version misreads it.
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_FORMAT}",
)

# `append` is atomic, and numbers are in commit order: from here on there is no other writer.
_BEGIN = "BEGIN IMMEDIATE"
# What is acknowledged stays.
_COMMIT = "COMMIT"
# All rows are stored, or none.
_ROLLBACK = "ROLLBACK"
# `last` is the highest position ever appended.
_FIND_STREAM = "SELECT stream_id FROM stream WHERE originator_id = ?"
_LAST = "SELECT last_position, last_hash FROM stream WHERE originator_id = ?"
_ADD_STREAM = """INSERT INTO stream (originator_id, last_position, last_hash) VALUES (?, ?, ?)
    ON CONFLICT DO NOTHING"""
_MOVE_STREAM = """UPDATE stream SET last_position = ?, last_hash = ?
    WHERE stream_id = ? AND last_position < ?"""
# A name has one id for ever: none is changed or removed.
_FIND_NAME = "SELECT name_id FROM name WHERE name = ?"
_ADD_NAME = "INSERT INTO name (name) VALUES (?)"
_GET_NAME = "SELECT name FROM name WHERE name_id = ?"
# Rows are only ever added; a taken position fails on UNIQUE.
_ADD = """INSERT INTO record (stream_id, position, name_id, class_version, timestamp, data,
    header, event_hash) VALUES """
_COLUMNS = "(?, ?, ?, ?, ?, ?, ?, ?)"
# Of most rows the header and the hash are empty; to bind an empty blob takes 250 ns, this nothing.
_PLAIN_COLUMNS = "(?, ?, ?, ?, ?, ?, x'', x'')"
# Many rows in one statement take two thirds of the time.
_ADD_ONE, _ADD_MANY = _ADD + _COLUMNS, _ADD + ", ".join([_COLUMNS] * _TOGETHER)
_ADD_PLAIN, _ADD_MANY_PLAIN = _ADD + _PLAIN_COLUMNS, _ADD + ", ".join([_PLAIN_COLUMNS] * _TOGETHER)
# The position that refused the batch is named.
_IS_TAKEN = """SELECT 1 FROM record WHERE position = ? AND stream_id =
    (SELECT stream_id FROM stream WHERE originator_id = ?)"""
# The rows of one stream in the order of their positions; a page starts where the last one ended.
_READ = """SELECT position, name_id, class_version, timestamp, data, header, event_hash
    FROM record WHERE stream_id = (SELECT stream_id FROM stream WHERE originator_id = ?)
    AND position BETWEEN ? AND ? ORDER BY position LIMIT ?"""
# The same, from the end.
_READ_DESCENDING = _READ.replace("ORDER BY position", "ORDER BY position DESC")
# The rows after the latest snapshot within the bound, and where that is: of one moment.
_READ_ON = """SELECT position, name_id, class_version, timestamp, data, header, event_hash,
    (SELECT max(position) FROM snapshot WHERE originator_id = ? AND position <= ?)
    FROM record WHERE stream_id = (SELECT stream_id FROM stream WHERE originator_id = ?)
    AND position BETWEEN ifnull(
        (SELECT max(position) + 1 FROM snapshot WHERE originator_id = ? AND position <= ?), ?
    ) AND ? ORDER BY position LIMIT ?"""
# Commit order: numbers are given while there is no other writer.
_READ_ALL = """SELECT position, name_id, class_version, timestamp, data, header, event_hash, number,
    originator_id FROM record CROSS JOIN stream USING (stream_id)
    WHERE number > ? ORDER BY number LIMIT ?"""
# Writing a snapshot at a position that has one replaces it.
_WRITE_SNAPSHOT = "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
# The snapshot with the highest position within the bound.
_READ_SNAPSHOT = """SELECT position, name_id, class_version, timestamp, data, header, event_hash
    FROM snapshot WHERE originator_id = ? AND position <= ?
    ORDER BY position DESC LIMIT 1"""
# Another store's file is left as it is: this reads, in one transaction, what the file says it is.
_IDENTIFY = ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")

_ADVICE = {
    sqlite3.SQLITE_BUSY: "Another process keeps it locked: wait, or set a longer busy_timeout.",
    sqlite3.SQLITE_PROTOCOL: "Other processes keep it busy: try again.",
    sqlite3.SQLITE_FULL: "Free some space on the disk.",
    sqlite3.SQLITE_IOERR: "Check the disk, its free space and its limits.",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable for this process.",
    sqlite3.SQLITE_CANTOPEN: "Check that its folder exists and is writable for this process.",
    sqlite3.SQLITE_PERM: "Give this process the right to read and write it.",
    sqlite3.SQLITE_CORRUPT: "Stop; look at the disk, and restore the file from a backup.",
}


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
        >>> from esmodel.persistence.record import Record, check_limit, check_record, make_record
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
        self._writer = _Line(self._path, synchronous, seconds, writes=True)
        self._reader = _Line(self._path, synchronous, seconds, writes=False)
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
        low, high = _LEAST, _GREATEST
        if gt is not None:
            low = max(low, gt + 1)
        if gte is not None:
            low = max(low, gte)
        if lt is not None:
            high = min(high, lt - 1)
        if lte is not None:
            high = min(high, lte)
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
        return self._read_all(min(max(after, 0), _GREATEST), limit)

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
        bound = _GREATEST if lte is None else min(lte, _GREATEST)
        with self._reader as session:
            if bound < _LEAST:
                return None
            rows, _ = session.page(_READ_SNAPSHOT, (originator_id.bytes, bound), 1, originator_id)
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
        bound = _GREATEST if lte is None else min(lte, _GREATEST)
        if bound < _LEAST:
            return None, iter(())
        with self._reader as session:
            rows, since, more = session.following_page(originator_id, bound)
            snapshot: list[Record] = []
            if since is not None or not rows:
                # the one that was seen, or, where no row follows, the latest
                at = bound if since is None else since
                snapshot, _ = session.page(_READ_SNAPSHOT, (originator_id.bytes, at), 1, originator_id)
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
        statement = _READ_DESCENDING if descending else _READ
        left = _GREATEST if limit is None else limit
        more = True
        while more and left and low <= high:
            size = min(left, _PAGE_ROWS)
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
        left = _GREATEST if limit is None else limit
        more = True
        while more and left:
            size = min(left, _PAGE_ROWS)
            with self._reader as session:
                rows, more = session.numbered_page(after, size)
            yield from rows
            left -= len(rows)
            if more:
                after = rows[-1][0]
            rows.clear()


class _Session:
    """One connection, what it has learned, and what is done with it in one transaction."""

    def __init__(self, connection: sqlite3.Connection, path: Path, seconds: float) -> None:
        self.connection = connection
        self._log = f"{path}-wal"
        self._seconds = seconds
        self._commits = 0
        self.pid = os.getpid()
        self._name_ids: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._stream_ids: dict[UUID, int] = {}  # of some that were appended to

    def last(self, originator_id: UUID) -> tuple[int, bytes] | None:
        found: tuple[int, bytes] | None
        found = self.connection.execute(_LAST, (originator_id.bytes,)).fetchone()
        return found

    def append(self, rows: list[Record]) -> None:
        execute = self.connection.execute
        self._begin()
        new: dict[str, int] = {}  # not known to be committed yet
        try:
            streams = self._move_streams(rows)
            for name in {row[2] for row in rows}:
                if name not in self._name_ids:
                    self._name_id(name, new)
            names = {**self._name_ids, **new} if new else self._name_ids
            self._insert(rows, streams, names)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
                raise
            execute(_ROLLBACK)
            _check_all(rows)  # a row that can never be stored is what is wrong first
            raise self._conflict(rows) from error
        except (OverflowError, UnicodeEncodeError):
            execute(_ROLLBACK)
            _check_all(rows)
            raise
        execute(_COMMIT)
        self._name_ids.update(new)
        # A stream has one id for ever: to know it spares a query.
        self._stream_ids.update(streams)
        while len(self._stream_ids) > _STREAMS:
            del self._stream_ids[next(iter(self._stream_ids))]
        self._commits += 1
        if self._commits % _COMMITS == 0:
            self._keep_log_short()

    def _insert(self, rows: list[Record], streams: dict[UUID, int], names: dict[str, int]) -> None:
        are_plain = not any(row[6] or row[7] for row in rows)
        add, add_many, values = _ADD_ONE, _ADD_MANY, _values
        if are_plain:
            add, add_many, values = _ADD_PLAIN, _ADD_MANY_PLAIN, _plain_values
        many = len(rows) - len(rows) % _TOGETHER
        for start in range(0, many, _TOGETHER):
            part = rows[start : start + _TOGETHER]
            self.connection.execute(add_many, list(chain.from_iterable(values(part, streams, names))))
        if many < len(rows):
            self.connection.executemany(add, values(rows[many:], streams, names))

    def _keep_log_short(self) -> None:
        """Start the write-ahead log anew if it has grown long.

        SQLite does it by itself as long as there is one writer. Where several append all the time,
        its own attempts always find one of them at work, and the log would grow without end.
        """
        # what was appended is stored already: no failure here is one of the append
        with contextlib.suppress(OSError, sqlite3.Error):
            if os.stat(self._log).st_size > _LOG_BYTES:  # noqa: PTH116  # because Path.stat takes twice as long
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def _begin(self) -> None:
        _insist(self.connection, _BEGIN, self._seconds)

    def write_snapshot(self, record: Record) -> None:
        self._begin()
        new: dict[str, int] = {}
        row = (record.originator_id.bytes, record.position, self._name_id(record.name, new))
        self.connection.execute(_WRITE_SNAPSHOT, (*row, *record[3:]))
        self.connection.execute(_COMMIT)
        self._name_ids.update(new)

    def page(
        self, statement: str, parameters: tuple[int | bytes, ...], size: int, stream: UUID
    ) -> tuple[list[Record], bool]:
        """Return up to ``size`` rows of a stream, and whether there may be more."""
        page: list[Record] = []
        length, names = 0, self._names
        cursor = self.connection.execute(statement, parameters)
        try:
            row: _Row
            for row in cursor:
                position, name_id, class_version, timestamp, data, header, seal = row
                name = names.get(name_id) or self._name(name_id)
                columns = (stream, position, name, class_version, timestamp, data, header, seal)
                page.append(make_record(Record, columns))
                length += len(data)
                if length > _PAGE_BYTES:
                    return page, True
        finally:
            cursor.close()
        return page, len(page) == size

    def following_page(self, stream: UUID, bound: int) -> tuple[list[Record], int | None, bool]:
        """Return the first rows after the latest snapshot, where that is, and whether there may be more."""
        page: list[Record] = []
        length, names, since = 0, self._names, None
        key = stream.bytes
        parameters = (key, bound, key, key, bound, _LEAST, bound, _PAGE_ROWS)
        cursor = self.connection.execute(_READ_ON, parameters)
        try:
            row: _FollowingRow
            for row in cursor:
                position, name_id, class_version, timestamp, data, header, seal, since = row
                name = names.get(name_id) or self._name(name_id)
                columns = (stream, position, name, class_version, timestamp, data, header, seal)
                page.append(make_record(Record, columns))
                length += len(data)
                if length > _PAGE_BYTES:
                    return page, since, True
        finally:
            cursor.close()
        return page, since, len(page) == _PAGE_ROWS

    def numbered_page(self, after: int, size: int) -> tuple[list[tuple[int, Record]], bool]:
        """Return up to ``size`` rows of all streams, and whether there may be more."""
        page: list[tuple[int, Record]] = []
        length, names = 0, self._names
        cursor = self.connection.execute(_READ_ALL, (after, size))
        try:
            row: _NumberedRow
            for row in cursor:
                position, name_id, class_version, timestamp, data, header, seal, number, key = row
                name = names.get(name_id) or self._name(name_id)
                columns = (UUID(bytes=key), position, name, class_version, timestamp, data, header, seal)
                page.append((number, make_record(Record, columns)))
                length += len(data)
                if length > _PAGE_BYTES:
                    return page, True
        finally:
            cursor.close()
        return page, len(page) == size

    def _move_streams(self, rows: list[Record]) -> dict[UUID, int]:
        streams: dict[UUID, int] = {}
        for originator_id, head in _heads(rows).items():
            values = (head.position, head.event_hash)
            known = self._stream_ids.get(originator_id)
            if known is None:
                streams[originator_id] = self._stream_id(head)
            else:
                streams[originator_id] = known
                self.connection.execute(_MOVE_STREAM, (*values, known, head.position))
        return streams

    def _stream_id(self, head: Record) -> int:
        """Return the id of a stream that is not known yet, and see to it that it ends with a row."""
        execute, key = self.connection.execute, head.originator_id.bytes
        added = execute(_ADD_STREAM, (key, head.position, head.event_hash))
        if added.rowcount == 1:
            return _new_id(added)
        found: tuple[int] = execute(_FIND_STREAM, (key,)).fetchone()
        execute(_MOVE_STREAM, (head.position, head.event_hash, found[0], head.position))
        return found[0]

    def _conflict(self, rows: list[Record]) -> ConcurrencyError | StoreError:
        firsts: dict[UUID, int] = {}
        seen: set[tuple[UUID, int]] = set()
        for row in rows:
            stream, position = row.originator_id, row.position
            first = firsts.setdefault(stream, position)
            taken = self.connection.execute(_IS_TAKEN, (position, stream.bytes)).fetchone()
            if taken is not None or (stream, position) in seen:
                last = self.last(stream)
                return ConcurrencyError(stream, first - 1, -1 if last is None else last[0])
            seen.add((stream, position))
        return StoreError("The index of the file does not fit its rows: restore it from a backup.")

    def _name_id(self, name: str, new: dict[str, int]) -> int:
        found = self._name_ids.get(name) or new.get(name)
        if found is None:
            row: tuple[int] | None = self.connection.execute(_FIND_NAME, (name,)).fetchone()
            found = row[0] if row else _new_id(self.connection.execute(_ADD_NAME, (name,)))
            new[name] = found
        return found

    def _name(self, name_id: int) -> str:
        row: tuple[str] = self.connection.execute(_GET_NAME, (name_id,)).fetchone()
        return self._names.setdefault(name_id, row[0])


def _heads(rows: list[Record]) -> dict[UUID, Record]:
    """Return the row at the highest position of each stream."""
    head = rows[0]
    heads = {head[0]: head}
    for row in rows:
        if row[0] is not head[0]:  # two ids may be equal, too, but to compare them takes long
            heads[head[0]] = head
            head = heads.get(row[0], row)
        if row[1] > head[1]:
            head = row
    heads[head[0]] = head
    return heads


def _values(
    rows: list[Record], streams: dict[UUID, int], names: dict[str, int]
) -> Iterator[tuple[int | bytes, ...]]:
    """Yield what is stored of each row; a stream is looked up once where the rows are all of it."""
    stream: UUID | None = None
    stream_id = 0
    for originator_id, position, name, class_version, timestamp, data, header, event_hash in rows:
        if originator_id is not stream:
            stream, stream_id = originator_id, streams[originator_id]
        yield stream_id, position, names[name], class_version, timestamp, data, header, event_hash


def _plain_values(
    rows: list[Record], streams: dict[UUID, int], names: dict[str, int]
) -> Iterator[tuple[int | bytes, ...]]:
    """Yield the same of rows whose header and hash are empty."""
    stream: UUID | None = None
    stream_id = 0
    for originator_id, position, name, class_version, timestamp, data, _, _ in rows:
        if originator_id is not stream:
            stream, stream_id = originator_id, streams[originator_id]
        yield stream_id, position, names[name], class_version, timestamp, data


class _Line:
    """A connection that is opened when it is needed, behind a lock: one for writing, one to read.

    The lock is not reentrant: a signal handler that appends in the midst of an append must not end
    the transaction of that one.
    """

    def __init__(self, path: Path, synchronous: str, seconds: float, *, writes: bool) -> None:
        self._path = path
        self._synchronous = synchronous
        self._seconds = seconds
        self._writes = writes
        self._mode = "rwc" if writes else "rw"
        self._lock = Lock()
        self._session: _Session | None = None
        self._closed = False
        _lines.add(self)

    def check_open(self) -> None:
        if self._closed:
            raise StoreClosedError(f"The store of {self._path} was closed: open a new one.")

    def __enter__(self) -> _Session:
        self.check_open()
        if self._session is not None and self._session.pid != os.getpid():
            raise StoreError(
                f"{self._path}: the process was forked while the store was in use, or not by "
                "os.fork, and SQLite does not survive that: open the store after the fork."
            )
        if not self._lock.acquire(timeout=self._seconds):
            raise StoreError(
                f"{self._path}: other threads kept it busy for {self._seconds} s. "
                "Try again, or set a longer busy_timeout."
            )
        try:
            self.check_open()
            if self._session is None:
                self._session = _Session(self._open(), self._path, self._seconds)
                self._mode = "rw"  # a file that has gone is an error, and not an empty store
        except sqlite3.Error as error:
            self._lock.release()
            raise _translate(error, self._path) from error
        except BaseException:
            self._lock.release()
            raise
        return self._session

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        try:
            if self._session is not None and self._session.connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._session.connection.execute(_ROLLBACK)
                if self._session.connection.in_transaction:
                    self._drop()  # closing it rolls back; the next call opens another
        finally:
            self._lock.release()
        if isinstance(error, (sqlite3.Error, OverflowError)):
            raise _translate(error, self._path) from error

    def close(self) -> None:
        self._closed = True
        if self._session is not None and self._session.pid != os.getpid():
            return  # it is the parent's, and to close it here would give up the parent's locks
        with self._lock:
            self._drop()

    def pause(self) -> bool:
        """Close the connection and keep the lock, if it can be had."""
        if self._lock.acquire(timeout=self._seconds):
            self._drop()
            return True
        return False

    def resume(self) -> None:
        self._lock.release()

    def _drop(self) -> None:
        if self._session is not None:
            self._session.connection.close()
            self._session = None

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode={self._mode}",
            uri=True,
            timeout=self._seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            # Of one moment: not half before and half after another process created the tables.
            connection.execute("BEGIN")
            is_new = _identify(connection, self._path)
            connection.execute(_COMMIT)
            _switch_to_wal(connection, self._path, self._seconds)
            # What is acknowledged stays, as far as the caller asked; fullfsync: on macOS, too.
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute(f"PRAGMA fullfsync = {int(self._synchronous != 'NORMAL')}")
            connection.execute("PRAGMA checkpoint_fullfsync = 1")
            if is_new:
                _create(connection, self._path)
            if self._writes:
                # From try to try SQLite sleeps longer, and newcomers overtake who waits already:
                # let it give up soon, and `_insist` start anew.
                connection.execute("PRAGMA busy_timeout = 10")
        except BaseException:
            connection.close()
            raise
        return connection


def _identify(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether the file is still empty; refuse what is not a file of this store."""
    found: list[int] = []
    for statement in _IDENTIFY:
        row: tuple[int] = connection.execute(statement).fetchone()
        found.append(row[0])
    application_id, version, tables = found
    if found == [0, 0, 0]:
        return True
    if application_id != _APPLICATION_ID:
        raise StoreFormatError(
            f"{path}: expected a file of SQLiteStore or none, found an SQLite database of "
            f"something else (application_id {application_id}, {tables} tables). "
            "It was not touched."
        )
    if version != _FORMAT:
        raise StoreFormatError(
            f"{path}: expected format {_FORMAT}, found {version}. Upgrade esmodel. It was not touched."
        )
    return False


def _switch_to_wal(connection: sqlite3.Connection, path: Path, seconds: float) -> None:
    # A reader sees only what was committed, and neither waits for the writer nor stops it. Here
    # SQLite does not wait by itself, where two processes create the file at once.
    row: tuple[str] = _insist(connection, "PRAGMA journal_mode = WAL", seconds).fetchone()
    if row[0] != "wal":
        raise StoreError(
            f"{path}: SQLite cannot keep a write-ahead log there, found journal mode {row[0]}. "
            "Put the file on a disk of this machine."
        )


def _insist(connection: sqlite3.Connection, statement: str, seconds: float) -> sqlite3.Cursor:
    """Execute a statement; while the file is locked, try again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return connection.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.001)


def _create(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute(_BEGIN)
    if _identify(connection, path):  # another process may have been first
        for statement in _SCHEMA:
            connection.execute(statement)
    connection.execute(_COMMIT)


def _new_id(cursor: sqlite3.Cursor) -> int:
    if cursor.lastrowid is None:
        raise StoreError("SQLite gave a new row no number.")
    return cursor.lastrowid


def _translate(error: sqlite3.Error | OverflowError, path: Path) -> StoreError | PayloadError:
    """Say what SQLite found, and what to do about it."""
    code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_TOOBIG or isinstance(error, OverflowError):
        return PayloadError(f"{path}: expected a row that SQLite can hold: {error}.")
    if code == sqlite3.SQLITE_NOTADB:
        return StoreFormatError(f"{path}: expected an SQLite database, found: {error}.")
    advice = _ADVICE.get(code, "See the error of SQLite.")
    return StoreError(f"{path}: SQLite found: {error}. {advice}")


def _check_all(rows: list[Record]) -> None:
    """Name the row that cannot be stored; to look at each before every append would take 150 ns a row."""
    for row in rows:
        check_record(row)


# SQLite must not be carried over a fork (https://sqlite.org/howtocorrupt.html, 2.6): even a new
# connection in the child would believe that it holds the parent's locks. So all are closed before
# the fork, and opened again when they are needed.
_lines: WeakSet[_Line] = WeakSet()
_paused: list[_Line] = []
_fork_lock = Lock()


def _before_fork() -> None:
    _fork_lock.acquire()
    _paused.extend(line for line in list(_lines) if line.pause())


def _after_fork() -> None:
    for line in _paused:
        line.resume()
    _paused.clear()
    _fork_lock.release()


if sys.platform != "win32":
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
