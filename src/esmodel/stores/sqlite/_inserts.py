"""Insert rows into an SQLite file, many in one statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from uuid import UUID

from esmodel.rows.record import Record
from esmodel.stores.sqlite._names import NameIds
from esmodel.stores.sqlite._statements import (
    INSERT_MANY,
    INSERT_MANY_PLAIN,
    INSERT_ONE,
    INSERT_ONE_NAMED,
    INSERT_ONE_PLAIN,
    ROWS_PER_INSERT,
)


def insert_rows(
    connection: sqlite3.Connection,
    rows: Sequence[Record],
    stream_ids: dict[UUID, int],
    names: NameIds,
) -> None:
    """Insert all rows, given the ids of their streams."""
    if len(rows) == 1 and _insert_named(connection, rows[0], stream_ids):
        return
    name_ids = names.of({row[2] for row in rows})
    are_plain = not any(row[6] or row[7] for row in rows)
    insert_one, insert_many, values_of = INSERT_ONE, INSERT_MANY, _values_of
    if are_plain:
        insert_one, insert_many, values_of = INSERT_ONE_PLAIN, INSERT_MANY_PLAIN, _plain_values_of
    many = len(rows) - len(rows) % ROWS_PER_INSERT
    for start in range(0, many, ROWS_PER_INSERT):
        part = rows[start : start + ROWS_PER_INSERT]
        connection.execute(insert_many, list(chain.from_iterable(values_of(part, stream_ids, name_ids))))
    if many < len(rows):
        connection.executemany(insert_one, values_of(rows[many:], stream_ids, name_ids))


def _insert_named(connection: sqlite3.Connection, row: Record, stream_ids: dict[UUID, int]) -> bool:
    """Insert one row; return whether its name was found."""
    try:
        connection.execute(INSERT_ONE_NAMED, (stream_ids[row[0]], *row[1:]))
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_NOTNULL:
            raise
        return False
    return True


def _values_of(
    rows: Sequence[Record], stream_ids: dict[UUID, int], name_ids: Mapping[str, int]
) -> Iterator[tuple[int | bytes, ...]]:
    """Yield the columns of each row; look a stream up once for consecutive rows."""
    stream: UUID | None = None
    stream_id = 0
    for originator_id, position, name, class_version, timestamp, data, header, event_hash in rows:
        if originator_id is not stream:
            stream, stream_id = originator_id, stream_ids[originator_id]
        yield stream_id, position, name_ids[name], class_version, timestamp, data, header, event_hash


def _plain_values_of(
    rows: Sequence[Record], stream_ids: dict[UUID, int], name_ids: Mapping[str, int]
) -> Iterator[tuple[int | bytes, ...]]:
    """Yield the columns of rows whose header and hash are empty."""
    stream: UUID | None = None
    stream_id = 0
    for originator_id, position, name, class_version, timestamp, data, _, _ in rows:
        if originator_id is not stream:
            stream, stream_id = originator_id, stream_ids[originator_id]
        yield stream_id, position, name_ids[name], class_version, timestamp, data
