"""The store that keeps rows in one SQLite file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import time
from datetime import timedelta
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
from esmodel.persistence.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

# Position (or number), name_id, class version, timestamp, data, header, hash.
_Row: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes]

_APPLICATION_ID = 0x65736D64  # "esmd"
_FORMAT = 1
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_MOST_SECONDS = 2_000_000.0  # SQLite counts the milliseconds of a timeout in 32 bits
_PAGE_ROWS, _PAGE_BYTES = 500, 1 << 20

_SCHEMA = (
    # `last` is kept apart from the rows.
    """CREATE TABLE stream (stream_id INTEGER PRIMARY KEY, originator_id BLOB NOT NULL UNIQUE,
        last_position INTEGER NOT NULL, last_hash BLOB NOT NULL)""",
    # A name comes back as it was appended, and costs a byte or two a row.
    "CREATE TABLE name (name_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # Of two appends at one position one succeeds (UNIQUE); numbers rise (AUTOINCREMENT).
    """CREATE TABLE record (number INTEGER PRIMARY KEY AUTOINCREMENT, stream_id INTEGER NOT NULL,
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
_FIND_STREAM = "SELECT stream_id, last_position FROM stream WHERE originator_id = ?"
_LAST = "SELECT last_position, last_hash FROM stream WHERE originator_id = ?"
_ADD_STREAM = "INSERT INTO stream (originator_id, last_position, last_hash) VALUES (?, ?, ?)"
_MOVE_STREAM = "UPDATE stream SET last_position = ?, last_hash = ? WHERE stream_id = ?"
# A name has one id for ever: none is changed or removed.
_FIND_NAME = "SELECT name_id FROM name WHERE name = ?"
_ADD_NAME = "INSERT INTO name (name) VALUES (?)"
_GET_NAME = "SELECT name FROM name WHERE name_id = ?"
# Rows are only ever added; a taken position fails on UNIQUE.
_ADD_RECORD = """INSERT INTO record (stream_id, position, name_id, class_version, timestamp, data,
    header, event_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
# The position that refused the batch is named.
_IS_TAKEN = """SELECT 1 FROM record WHERE position = ? AND stream_id =
    (SELECT stream_id FROM stream WHERE originator_id = ?)"""
# The rows of one stream in the order of their positions; a page starts where the last one ended.
_READ = """SELECT position, name_id, class_version, timestamp, data, header, event_hash
    FROM record WHERE stream_id = (SELECT stream_id FROM stream WHERE originator_id = ?)
    AND position BETWEEN ? AND ? ORDER BY position LIMIT ?"""
# The same, from the end.
_READ_DESCENDING = _READ.replace("ORDER BY position", "ORDER BY position DESC")
# Commit order: numbers are given while there is no other writer.
_READ_ALL = """SELECT number, name_id, class_version, timestamp, data, header, event_hash,
    position, originator_id FROM record JOIN stream USING (stream_id)
    WHERE number > ? ORDER BY number LIMIT ?"""
# Writing a snapshot at a position that has one replaces it.
_WRITE_SNAPSHOT = "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
# The snapshot with the highest position within the bound.
_READ_SNAPSHOT = """SELECT position, name_id, class_version, timestamp, data, header, event_hash
    FROM snapshot WHERE originator_id = ? AND position <= ? ORDER BY position DESC LIMIT 1"""

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
        >>> from esmodel.persistence.record import Record
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
        self._writer = _Line(self._path, synchronous, seconds)
        self._reader = _Line(self._path, synchronous, seconds)
        with self._writer:
            pass  # a file that is refused is refused here
        _stores.add(self)

    def append(self, records: Sequence[Record], /) -> None:
        """Store all rows, which may be of several streams, or none.

        Raises:
            ConcurrencyError: if a position is taken, in the store or earlier in ``records``.
            PayloadError: if a number does not fit 64 bits, a name is no text, or a row is too long.
            StoreClosedError: if the store was closed.
            StoreError: if SQLite fails; then nothing was stored, and the store can be used on.
        """
        rows = list(records)
        for row in rows:
            _check(row)
        with self._writer as line:
            if not rows:
                return
            line.execute(_BEGIN)
            names: dict[str, int] = {}
            try:
                streams = _move_streams(line, rows)
                line.connection.executemany(
                    _ADD_RECORD,
                    [
                        (streams[row.originator_id], row.position, _name_id(line, names, row.name))
                        + row[3:]
                        for row in rows
                    ],
                )
            except sqlite3.IntegrityError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
                    raise
                line.execute(_ROLLBACK)
                raise _conflict(line, rows) from error
            line.execute(_COMMIT)
            line.name_ids.update(names)

    def read(
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
        _check_limit(limit)
        self._check_open()
        low = max(_LEAST, *(bound for bound in (gte, None if gt is None else gt + 1) if bound is not None))
        return iter(())

