"""One connection, what it has learned, and what is done with it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID

from esmodel.exceptions import ConcurrencyError, StoreError
from esmodel.rows.bounds import LEAST
from esmodel.rows.record import Record, check_record, make_record
from esmodel.stores.sqlite._opening import insist
from esmodel.stores.sqlite._statements import (
    ADD_MANY,
    ADD_MANY_PLAIN,
    ADD_NAME,
    ADD_ONE,
    ADD_PLAIN,
    ADD_STREAM,
    BEGIN,
    COMMIT,
    FIND_NAME,
    FIND_STREAM,
    GET_NAME,
    IS_TAKEN,
    LAST,
    MOVE_STREAM,
    PAGE_BYTES,
    PAGE_ROWS,
    READ_ALL,
    READ_ON,
    ROLLBACK,
    TOGETHER,
    WRITE_SNAPSHOT,
)

# Position, name_id, class version, timestamp, data, header, hash.
_Row: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes]
# The same, and the position of the snapshot before it.
_FollowingRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int | None]
# The same, and the number and the originator id.
_NumberedRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int, bytes]

_COMMITS: Final = 256  # how often the length of the write-ahead log is looked at
_LOG_BYTES: Final = 64 << 20
_STREAMS: Final = 1_024  # of how many streams the id is remembered


class Session:
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
        found = self.connection.execute(LAST, (originator_id.bytes,)).fetchone()
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
            execute(ROLLBACK)
            _check_all(rows)  # a row that can never be stored is what is wrong first
            raise self._conflict(rows) from error
        except (OverflowError, UnicodeEncodeError):
            execute(ROLLBACK)
            _check_all(rows)
            raise
        execute(COMMIT)
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
        add, add_many, values = ADD_ONE, ADD_MANY, _values
        if are_plain:
            add, add_many, values = ADD_PLAIN, ADD_MANY_PLAIN, _plain_values
        many = len(rows) - len(rows) % TOGETHER
        for start in range(0, many, TOGETHER):
            part = rows[start : start + TOGETHER]
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
        insist(self.connection, BEGIN, self._seconds)

    def write_snapshot(self, record: Record) -> None:
        self._begin()
        new: dict[str, int] = {}
        row = (record.originator_id.bytes, record.position, self._name_id(record.name, new))
        self.connection.execute(WRITE_SNAPSHOT, (*row, *record[3:]))
        self.connection.execute(COMMIT)
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
                if length > PAGE_BYTES:
                    return page, True
        finally:
            cursor.close()
        return page, len(page) == size

    def following_page(self, stream: UUID, bound: int) -> tuple[list[Record], int | None, bool]:
        """Return the first rows after the latest snapshot, where that is, and whether there may be more."""
        page: list[Record] = []
        length, names, since = 0, self._names, None
        key = stream.bytes
        parameters = (key, bound, key, key, bound, LEAST, bound, PAGE_ROWS)
        cursor = self.connection.execute(READ_ON, parameters)
        try:
            row: _FollowingRow
            for row in cursor:
                position, name_id, class_version, timestamp, data, header, seal, since = row
                name = names.get(name_id) or self._name(name_id)
                columns = (stream, position, name, class_version, timestamp, data, header, seal)
                page.append(make_record(Record, columns))
                length += len(data)
                if length > PAGE_BYTES:
                    return page, since, True
        finally:
            cursor.close()
        return page, since, len(page) == PAGE_ROWS

    def numbered_page(self, after: int, size: int) -> tuple[list[tuple[int, Record]], bool]:
        """Return up to ``size`` rows of all streams, and whether there may be more."""
        page: list[tuple[int, Record]] = []
        length, names = 0, self._names
        cursor = self.connection.execute(READ_ALL, (after, size))
        try:
            row: _NumberedRow
            for row in cursor:
                position, name_id, class_version, timestamp, data, header, seal, number, key = row
                name = names.get(name_id) or self._name(name_id)
                columns = (UUID(bytes=key), position, name, class_version, timestamp, data, header, seal)
                page.append((number, make_record(Record, columns)))
                length += len(data)
                if length > PAGE_BYTES:
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
                self.connection.execute(MOVE_STREAM, (*values, known, head.position))
        return streams

    def _stream_id(self, head: Record) -> int:
        """Return the id of a stream that is not known yet, and see to it that it ends with a row."""
        execute, key = self.connection.execute, head.originator_id.bytes
        added = execute(ADD_STREAM, (key, head.position, head.event_hash))
        if added.rowcount == 1:
            return _new_id(added)
        found: tuple[int] = execute(FIND_STREAM, (key,)).fetchone()
        execute(MOVE_STREAM, (head.position, head.event_hash, found[0], head.position))
        return found[0]

    def _conflict(self, rows: list[Record]) -> ConcurrencyError | StoreError:
        firsts: dict[UUID, int] = {}
        seen: set[tuple[UUID, int]] = set()
        for row in rows:
            stream, position = row.originator_id, row.position
            first = firsts.setdefault(stream, position)
            taken = self.connection.execute(IS_TAKEN, (position, stream.bytes)).fetchone()
            if taken is not None or (stream, position) in seen:
                last = self.last(stream)
                return ConcurrencyError(stream, first - 1, -1 if last is None else last[0])
            seen.add((stream, position))
        return StoreError("The index of the file does not fit its rows: restore it from a backup.")

    def _name_id(self, name: str, new: dict[str, int]) -> int:
        found = self._name_ids.get(name) or new.get(name)
        if found is None:
            row: tuple[int] | None = self.connection.execute(FIND_NAME, (name,)).fetchone()
            found = row[0] if row else _new_id(self.connection.execute(ADD_NAME, (name,)))
            new[name] = found
        return found

    def _name(self, name_id: int) -> str:
        row: tuple[str] = self.connection.execute(GET_NAME, (name_id,)).fetchone()
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


def _new_id(cursor: sqlite3.Cursor) -> int:
    if cursor.lastrowid is None:
        raise StoreError("SQLite gave a new row no number.")
    return cursor.lastrowid


def _check_all(rows: list[Record]) -> None:
    """Name the row that cannot be stored; to look at each before every append would take 150 ns a row."""
    for row in rows:
        check_record(row)
