"""The tables of a file, and what is asked of SQLite."""

from __future__ import annotations

from typing import Final

FORMAT: Final = 1
PAGE_ROWS: Final = 500
PAGE_BYTES: Final = 1 << 20
TOGETHER: Final = 64  # how many rows one statement adds, at most: 8 * 64 parameters are allowed everywhere
APPLICATION_ID: Final = 0x65736D64  # "esmd"

SCHEMA = (
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
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)

# `append` is atomic, and numbers are in commit order: from here on there is no other writer.
BEGIN = "BEGIN IMMEDIATE"
# What is acknowledged stays.
COMMIT = "COMMIT"
# All rows are stored, or none.
ROLLBACK = "ROLLBACK"
# `last` is the highest position ever appended.
FIND_STREAM = "SELECT stream_id FROM stream WHERE originator_id = ?"
LAST = "SELECT last_position, last_hash FROM stream WHERE originator_id = ?"
ADD_STREAM = """INSERT INTO stream (originator_id, last_position, last_hash) VALUES (?, ?, ?)
    ON CONFLICT DO NOTHING"""
MOVE_STREAM = """UPDATE stream SET last_position = ?, last_hash = ?
    WHERE stream_id = ? AND last_position < ?"""
# A name has one id for ever: none is changed or removed.
FIND_NAME = "SELECT name_id FROM name WHERE name = ?"
ADD_NAME = "INSERT INTO name (name) VALUES (?)"
GET_NAME = "SELECT name FROM name WHERE name_id = ?"
# Rows are only ever added; a taken position fails on UNIQUE.
_ADD = """INSERT INTO record (stream_id, position, name_id, class_version, timestamp, data,
    header, event_hash) VALUES """
_COLUMNS = "(?, ?, ?, ?, ?, ?, ?, ?)"
# Of most rows the header and the hash are empty; to bind an empty blob takes 250 ns, this nothing.
_PLAIN_COLUMNS = "(?, ?, ?, ?, ?, ?, x'', x'')"
# Many rows in one statement take two thirds of the time.
ADD_ONE, ADD_MANY = _ADD + _COLUMNS, _ADD + ", ".join([_COLUMNS] * TOGETHER)
ADD_PLAIN, ADD_MANY_PLAIN = _ADD + _PLAIN_COLUMNS, _ADD + ", ".join([_PLAIN_COLUMNS] * TOGETHER)
# The position that refused the batch is named.
IS_TAKEN = """SELECT 1 FROM record WHERE position = ? AND stream_id =
    (SELECT stream_id FROM stream WHERE originator_id = ?)"""
# The rows of one stream in the order of their positions; a page starts where the last one ended.
READ = """SELECT position, name_id, class_version, timestamp, data, header, event_hash
    FROM record WHERE stream_id = (SELECT stream_id FROM stream WHERE originator_id = ?)
    AND position BETWEEN ? AND ? ORDER BY position LIMIT ?"""
# The same, from the end.
READ_DESCENDING = READ.replace("ORDER BY position", "ORDER BY position DESC")
# The rows after the latest snapshot within the bound, and where that is: of one moment.
READ_ON = """SELECT position, name_id, class_version, timestamp, data, header, event_hash,
    (SELECT max(position) FROM snapshot WHERE originator_id = ? AND position <= ?)
    FROM record WHERE stream_id = (SELECT stream_id FROM stream WHERE originator_id = ?)
    AND position BETWEEN ifnull(
        (SELECT max(position) + 1 FROM snapshot WHERE originator_id = ? AND position <= ?), ?
    ) AND ? ORDER BY position LIMIT ?"""
# Commit order: numbers are given while there is no other writer.
READ_ALL = """SELECT position, name_id, class_version, timestamp, data, header, event_hash, number,
    originator_id FROM record CROSS JOIN stream USING (stream_id)
    WHERE number > ? ORDER BY number LIMIT ?"""
# Writing a snapshot at a position that has one replaces it.
WRITE_SNAPSHOT = "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
# The snapshot with the highest position within the bound.
READ_SNAPSHOT = """SELECT position, name_id, class_version, timestamp, data, header, event_hash
    FROM snapshot WHERE originator_id = ? AND position <= ?
    ORDER BY position DESC LIMIT 1"""
# Another store's file is left as it is: this reads, in one transaction, what the file says it is.
IDENTIFY = ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
