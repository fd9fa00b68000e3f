"""Check a whole SQLite file: what SQLite can tell, and how the tables agree."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from esmodel.rows.checked import Checked, Fault

_MOST: Final = 1_000  # faults
_ID_BYTES: Final = 16

# Each statement yields the originator id and the position of a row at fault; each may be NULL.
_FINDINGS: Final = (
    (
        "expected the last row of the stream, found none",
        """SELECT originator_id, last_position FROM stream LEFT JOIN record
            ON record.stream_id = stream.stream_id AND position = last_position WHERE number IS NULL""",
    ),
    (
        "expected the hash that is stored with the end of the stream, found another one",
        """SELECT originator_id, position FROM stream JOIN record
            ON record.stream_id = stream.stream_id AND position = last_position
            WHERE event_hash IS NOT last_hash""",
    ),
    (
        "expected no row after the last position of the stream, found one",
        """SELECT originator_id, position FROM record JOIN stream USING (stream_id)
            WHERE position > last_position""",
    ),
    (
        "expected a stream for the row, found none",
        """SELECT NULL, position FROM record
            WHERE NOT EXISTS (SELECT 1 FROM stream WHERE stream.stream_id = record.stream_id)""",
    ),
    (
        "expected a name for the row, found none",
        """SELECT originator_id, position FROM record LEFT JOIN stream USING (stream_id)
            WHERE NOT EXISTS (SELECT 1 FROM name WHERE name.name_id = record.name_id)""",
    ),
    (
        "expected a name for the snapshot, found none",
        """SELECT originator_id, position FROM snapshot
            WHERE NOT EXISTS (SELECT 1 FROM name WHERE name.name_id = snapshot.name_id)""",
    ),
    (
        "expected columns of the types of a row, found others",
        """SELECT originator_id, position FROM record LEFT JOIN stream USING (stream_id)
            WHERE typeof(position) || typeof(class_version) || typeof(timestamp) <> 'integerintegerinteger'
            OR typeof(data) || typeof(header) || typeof(event_hash) <> 'blobblobblob'""",
    ),
    (
        "expected an id of 16 bytes and the end of a stream, found something else",
        """SELECT originator_id, NULL FROM stream WHERE typeof(originator_id) <> 'blob'
            OR length(originator_id) <> 16 OR typeof(last_position) <> 'integer'
            OR typeof(last_hash) <> 'blob'""",
    ),
)
_NUMBERS: Final = "SELECT count(*), min(number), max(number) FROM record"


def check_file(connection: sqlite3.Connection) -> Checked:
    """Check the file of a connection, as of one moment."""
    faults: list[Fault] = []
    streams = rows = 0
    connection.execute("BEGIN")
    try:
        faults += _integrity(connection)
        (streams,) = connection.execute("SELECT count(*) FROM stream").fetchone()
        rows, first, last = connection.execute(_NUMBERS).fetchone()
        if rows and (first, last) != (1, rows):
            faults.append(Fault(f"Expected rows with the numbers 1 to {rows}, found {first} to {last}."))
        for finding, statement in _FINDINGS:
            faults += _found(connection, finding, statement)
    except sqlite3.DatabaseError as error:
        faults.append(Fault(f"The file could not be read to its end. SQLite reports: {error}."))
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return Checked(streams, rows, tuple(faults[:_MOST]))


def _integrity(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Yield what SQLite finds in the pages and indexes of the file."""
    found: tuple[str]
    for found in connection.execute(f"PRAGMA integrity_check({_MOST})"):
        if found[0] != "ok":
            yield Fault(f"SQLite reports: {found[0]}.")


def _found(connection: sqlite3.Connection, finding: str, statement: str) -> Iterator[Fault]:
    key: object
    position: object
    for key, position in connection.execute(f"{statement} LIMIT {_MOST}"):
        stream = UUID(bytes=key) if isinstance(key, bytes) and len(key) == _ID_BYTES else None
        at = position if isinstance(position, int) else None
        yield Fault(f"Row {position!r} of stream {stream or key!r}: {finding}.", stream, at)
