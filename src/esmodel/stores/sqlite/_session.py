"""``Session``: an SQLite connection, the ids it knows, and its transactions."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeAlias, TypeVar
from uuid import UUID

from esmodel.exceptions import ConcurrencyError, StoreError
from esmodel.rows.append import Append
from esmodel.rows.bounds import LEAST
from esmodel.rows.pages import NumberedPage, Page
from esmodel.rows.record import Record, check_record, make_record
from esmodel.stores.sqlite._inserts import insert_rows
from esmodel.stores.sqlite._opening import execute_when_unlocked
from esmodel.stores.sqlite._statements import (
    ADD_NAME,
    BEGIN,
    COMMIT,
    FIND_NAME,
    GET_NAME,
    IS_TAKEN,
    PAGE_BYTES,
    PAGE_ROWS,
    READ_AFTER_SNAPSHOT,
    READ_ALL,
    READ_LAST_SNAPSHOT,
    READ_SNAPSHOT,
    ROLLBACK,
    WRITE_SNAPSHOT,
)
from esmodel.stores.sqlite._streams import Streams, new_id

# Position, name_id, class version, timestamp, data, header, hash.
_Row: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes]
# The same columns, then the position of the snapshot before the row.
_FollowingRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int | None]
# The same columns as `_Row`, then 1 if the stream ends there.
_LastRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int | None]
# The same columns as `_Row`, then the number and the originator id.
_NumberedRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int, bytes]
_TRow = TypeVar("_TRow", _Row, _FollowingRow, _NumberedRow)
_TRow_co = TypeVar("_TRow_co", covariant=True)

_COMMITS: Final = 256  # between two checks of the length of the write-ahead log
_LOG_BYTES: Final = 64 << 20


class Session:
    """An SQLite connection, the ids it knows, and its transactions.

    Args:
        connection: an open connection to the file.
        path: the file.
        seconds: how long a transaction waits for a locked file.

    Attributes:
        connection: the connection.
        pid: the process that opened it.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, seconds: float) -> None:
        self.connection = connection
        self._path = path
        self._log = f"{path}-wal"
        self._seconds = seconds
        self._commits = 0
        self.pid = os.getpid()
        self._name_ids: dict[str, int] = {}
        self._names = _Names(connection)
        self._streams = Streams(connection)

    def last(self, originator_id: UUID) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash, or ``None`` for a new stream."""
        return self._streams.last(originator_id)

    def append(self, appends: Sequence[Append], rows: Sequence[Record]) -> None:
        """Store the rows of all appends or none, in one transaction."""
        execute = self.connection.execute
        self._begin()
        new_names: dict[str, int] = {}  # not committed yet
        try:
            stream_ids = self._streams.advance(appends)
            for name in {row[2] for row in rows}:
                if name not in self._name_ids:
                    self._name_id(name, new_names)
            name_ids = {**self._name_ids, **new_names} if new_names else self._name_ids
            insert_rows(self.connection, rows, stream_ids, name_ids)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
                raise
            execute(ROLLBACK)
            _check_all(rows)  # a row that can never be stored takes precedence over a conflict
            raise self._conflict(appends) from error
        except (ConcurrencyError, OverflowError, UnicodeEncodeError):
            execute(ROLLBACK)
            _check_all(rows)
            raise
        execute(COMMIT)
        self._name_ids.update(new_names)
        self._streams.remember(stream_ids)
        self._commits += 1
        if self._commits % _COMMITS == 0:
            self._truncate_log()

    def write_snapshot(self, record: Record) -> None:
        """Store a snapshot, or replace the one at its position."""
        self._begin()
        new_names: dict[str, int] = {}
        key = (record.originator_id.bytes, record.position, self._name_id(record.name, new_names))
        self.connection.execute(WRITE_SNAPSHOT, (*key, *record[3:]))
        self.connection.execute(COMMIT)
        self._name_ids.update(new_names)

    def snapshot(self, originator_id: UUID, bound: int) -> Record | None:
        """Return the latest snapshot at or before a position."""
        row: _Row | None = self.connection.execute(READ_SNAPSHOT, (originator_id.bytes, bound)).fetchone()
        return row and make_record(Record, (originator_id, row[0], self._names[row[1]], *row[2:]))

    def last_snapshot(self, originator_id: UUID, bound: int) -> tuple[Record | None, bool]:
        """Return the latest snapshot at or before a position, and whether it is known that no row follows."""
        row: _LastRow | None
        row = self.connection.execute(
            READ_LAST_SNAPSHOT, (originator_id.bytes, originator_id.bytes, bound)
        ).fetchone()
        if row is None:
            return None, False
        record = make_record(Record, (originator_id, row[0], self._names[row[1]], *row[2:7]))
        return record, row[7] == 1

    def page(self, statement: str, parameters: tuple[int | bytes, ...], size: int, stream: UUID) -> Page:
        """Return up to ``size`` rows of a stream, and whether more may follow."""
        cursor: _Cursor[_Row] = self.connection.execute(statement, parameters)
        rows, more = _fetch_page(cursor, size)
        names = self._names
        return [
            make_record(
                Record, (stream, position, names[name_id], class_version, timestamp, data, header, event_hash)
            )
            for position, name_id, class_version, timestamp, data, header, event_hash in rows
        ], more

    def page_after_snapshot(self, stream: UUID, bound: int) -> tuple[Page, int | None]:
        """Return the first page after the latest snapshot, and the position of that snapshot."""
        key = stream.bytes
        parameters = (key, bound, key, key, bound, LEAST, bound, PAGE_ROWS)
        cursor: _Cursor[_FollowingRow] = self.connection.execute(READ_AFTER_SNAPSHOT, parameters)
        rows, more = _fetch_page(cursor, PAGE_ROWS)
        names = self._names
        records = [
            make_record(
                Record, (stream, position, names[name_id], class_version, timestamp, data, header, event_hash)
            )
            for position, name_id, class_version, timestamp, data, header, event_hash, _ in rows
        ]
        return (records, more), rows[-1][7] if rows else None

    def numbered_page(self, after: int, size: int) -> NumberedPage:
        """Return up to ``size`` rows of all streams, and whether more may follow."""
        cursor: _Cursor[_NumberedRow] = self.connection.execute(READ_ALL, (after, size))
        rows, more = _fetch_page(cursor, size)
        names = self._names
        records = [
            (
                number,
                make_record(
                    Record, (UUID(bytes=key), position, names[name_id], version, time, data, header, digest)
                ),
            )
            for position, name_id, version, time, data, header, digest, number, key in rows
        ]
        return records, more

    def _begin(self) -> None:
        execute_when_unlocked(self.connection, BEGIN, self._seconds)

    def _truncate_log(self) -> None:
        """Truncate the write-ahead log if it has grown long.

        With one writer, SQLite does so itself. With several busy writers, its own attempts always
        find one of them in a transaction, and the log would grow without limit.
        """
        # The rows are already stored, so a failure here must not look like a failed append.
        with contextlib.suppress(OSError, sqlite3.Error):
            if os.stat(self._log).st_size > _LOG_BYTES:  # noqa: PTH116  # because Path.stat takes twice as long
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def _conflict(self, appends: Iterable[Append]) -> ConcurrencyError | StoreError:
        """Return the error of the first append of which a position is taken."""
        for each in appends:
            for row in each.records:
                key = (row.position, row.originator_id.bytes)
                if self.connection.execute(IS_TAKEN, key).fetchone() is not None:
                    return self._streams.conflict(each)
        return StoreError(
            f"{self._path}: expected indexes that match the rows, found a mismatch. "
            "Restore the file from a backup."
        )

    def _name_id(self, name: str, new_names: dict[str, int]) -> int:
        found = self._name_ids.get(name) or new_names.get(name)
        if found is None:
            row: tuple[int] | None = self.connection.execute(FIND_NAME, (name,)).fetchone()
            found = row[0] if row else new_id(self.connection.execute(ADD_NAME, (name,)))
            new_names[name] = found
        return found


class _Names(dict[int, str]):
    """The names of a file by their ids; a name is read when it is first used."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __missing__(self, name_id: int) -> str:
        row: tuple[str] | None = self._connection.execute(GET_NAME, (name_id,)).fetchone()
        if row is None:
            raise StoreError(
                f"Name {name_id}: expected a stored name, found none. Restore the file from a backup."
            )
        return self.setdefault(name_id, row[0])


class _Cursor(Protocol[_TRow_co]):
    """An SQLite cursor, with the type of its rows."""

    def __iter__(self) -> Iterator[_TRow_co]: ...

    def close(self) -> None: ...


def _fetch_page(cursor: _Cursor[_TRow], size: int) -> tuple[list[_TRow], bool]:
    """Return up to ``size`` rows, and whether more may follow; end the page once its data is long."""
    rows: list[_TRow] = []
    length = 0
    try:
        for row in cursor:
            rows.append(row)
            length += len(row[4])
            if length > PAGE_BYTES:
                return rows, True
    finally:
        cursor.close()  # otherwise the transaction of this read would stay open
    return rows, len(rows) == size


def _check_all(rows: Iterable[Record]) -> None:
    """Raise for the row that no store can hold, after a failure: checking every append would be slow."""
    for row in rows:
        check_record(row)
