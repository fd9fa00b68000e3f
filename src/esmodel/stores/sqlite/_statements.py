"""The tables of an SQLite file, and the statements that use them."""

from __future__ import annotations

from functools import cache
from typing import Final

FORMAT: Final = 1
PAGE_ROWS: Final = 500
PAGE_BYTES: Final = 1 << 20
ROWS_PER_INSERT: Final = 64  # at most: every SQLite allows 8 * 64 parameters in a statement
APPLICATION_ID: Final = 0x65736D64  # "esmd"

SCHEMA = (
    # `last` is stored apart from the rows.
    """CREATE TABLE stream (stream_id INTEGER PRIMARY KEY, originator_id BLOB NOT NULL UNIQUE,
        last_position INTEGER NOT NULL, last_hash BLOB NOT NULL)""",
    # A row refers to its name by an id of one or two bytes.
    "CREATE TABLE name (name_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # Of two appends at one position, one succeeds (UNIQUE). Numbers rise even without AUTOINCREMENT,
    # because rows are never deleted. AUTOINCREMENT, which older files have, makes appends a fifth slower.
    """CREATE TABLE record (number INTEGER PRIMARY KEY, stream_id INTEGER NOT NULL,
        position INTEGER NOT NULL, name_id INTEGER NOT NULL, class_version INTEGER NOT NULL,
        timestamp INTEGER NOT NULL, data BLOB NOT NULL, header BLOB NOT NULL,
        event_hash BLOB NOT NULL, UNIQUE (stream_id, position))""",
    # A snapshot never appears in `read`, `read_all` or `last`.
    """CREATE TABLE snapshot (originator_id BLOB NOT NULL, position INTEGER NOT NULL,
        name_id INTEGER NOT NULL, class_version INTEGER NOT NULL, timestamp INTEGER NOT NULL,
        data BLOB NOT NULL, header BLOB NOT NULL, event_hash BLOB NOT NULL,
        PRIMARY KEY (originator_id, position))""",
    # A file states its program and format, so that no other program or version misreads it.
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)

# `append` is atomic, and numbers follow the order of commits: this lock excludes other writers.
BEGIN = "BEGIN IMMEDIATE"
# Acknowledged rows stay.
COMMIT = "COMMIT"
# All rows are stored, or none.
ROLLBACK = "ROLLBACK"
# `last` is the highest position ever appended.
FIND_STREAM = "SELECT stream_id FROM stream WHERE originator_id = ?"
LAST = "SELECT last_position, last_hash FROM stream WHERE originator_id = ?"
# The stream before and the stream after an id that is not there, if the index does not fit their rows.
MISFITS = """SELECT 1 FROM
    (SELECT stream_id, originator_id FROM (SELECT stream_id, originator_id FROM stream
        WHERE originator_id < ? ORDER BY originator_id DESC LIMIT 1)
    UNION ALL SELECT stream_id, originator_id FROM (SELECT stream_id, originator_id FROM stream
        WHERE originator_id > ? ORDER BY originator_id LIMIT 1)) AS entry
    LEFT JOIN stream USING (stream_id) WHERE stream.originator_id IS NOT entry.originator_id"""
ADD_STREAM = """INSERT INTO stream (originator_id, last_position, last_hash) VALUES (?, ?, ?)
    ON CONFLICT DO NOTHING"""
# After `FREE`, rows may come before the last one.
ADVANCE_STREAM = """UPDATE stream SET last_position = ?, last_hash = ?
    WHERE stream_id = ? AND originator_id = ? AND last_position < ?"""
# An append continues its stream: its end is compared here, in the transaction. So is the id of the
# stream, because the cached stream_id may be that of another file, if this one was restored in place.
CONTINUE_STREAM = """UPDATE stream SET last_position = ?, last_hash = ?
    WHERE stream_id = ? AND originator_id = ? AND last_position = ?"""
# The id of a name is a digest of it, so that it stands for no other name in any state of the file, also if
# the file is restored from a copy. The first names of older files have the ids 1, 2 and so on.
FIND_NAME = "SELECT name_id FROM name WHERE name = ?"
ADD_NAME = "INSERT INTO name (name_id, name) VALUES (?, ?)"
ADD_COLLIDING_NAME = "INSERT INTO name (name) VALUES (?)"
GET_NAME = "SELECT name FROM name WHERE name_id = ?"


@cache
def count_names(number: int) -> str:
    """Return the statement that counts which of some ids have a name."""
    places = ", ".join("?" * number)
    return f"SELECT count(*) FROM name WHERE name_id IN ({places})"  # noqa: S608  # because these are places


# The commit of a transaction that changes nothing but writes a page.
TOUCH = f"PRAGMA user_version = {FORMAT}"
# Rows are only ever inserted; a taken position violates UNIQUE.
_INSERT = """INSERT INTO record (stream_id, position, name_id, class_version, timestamp, data,
    header, event_hash) VALUES """
_COLUMNS = "(?, ?, ?, ?, ?, ?, ?, ?)"
# Most rows have an empty header and hash. A literal costs nothing, unlike binding an empty blob.
_PLAIN_COLUMNS = "(?, ?, ?, ?, ?, ?, x'', x'')"
# Inserting many rows in one statement saves a third of the time.
INSERT_ONE, INSERT_MANY = _INSERT + _COLUMNS, _INSERT + ", ".join([_COLUMNS] * ROWS_PER_INSERT)
INSERT_ONE_PLAIN = _INSERT + _PLAIN_COLUMNS
# Looking up the name of a single row in the same statement is faster than a second one.
_NAME_ID = "(SELECT name_id FROM name WHERE name = ?)"
INSERT_ONE_NAMED = _INSERT + f"(?, ?, {_NAME_ID}, ?, ?, ?, ?, ?)"
INSERT_MANY_PLAIN = _INSERT + ", ".join([_PLAIN_COLUMNS] * ROWS_PER_INSERT)
# A conflict names the taken position.
IS_TAKEN = """SELECT 1 FROM record WHERE position = ? AND stream_id =
    (SELECT stream_id FROM stream WHERE originator_id = ?)"""
# The rows of one stream in the order of their positions; a page starts where the previous one ended. A row
# must be the one that its index entry names: a damaged index could give a row of another stream. The
# overflow that `abs` reports becomes an error.
_STREAM = "(SELECT stream_id FROM stream WHERE originator_id = ?)"
_ROW = """CASE WHEN record.position = entry.position AND record.stream_id = entry.stream_id
    THEN entry.position ELSE abs(min(entry.position, -9223372036854775807 - 1)) END,
    record.name_id, record.class_version, record.timestamp, record.data, record.header, record.event_hash"""
_ENTRIES = "record AS entry LEFT JOIN record ON record.number = entry.number"
READ = (
    f"SELECT {_ROW} FROM {_ENTRIES} WHERE entry.stream_id = {_STREAM} "  # noqa: S608  # because these are ours
    "AND entry.position BETWEEN ? AND ? ORDER BY entry.position LIMIT ?"
)
# The same rows from the end.
READ_DESCENDING = READ.replace("ORDER BY entry.position", "ORDER BY entry.position DESC")
# The rows after the latest snapshot within the bound, and its position, as of one moment.
READ_AFTER_SNAPSHOT = f"""SELECT {_ROW},
    (SELECT max(position) FROM snapshot WHERE originator_id = ? AND position <= ?)
    FROM {_ENTRIES} WHERE entry.stream_id = {_STREAM}
    AND entry.position BETWEEN ifnull(
        (SELECT max(position) + 1 FROM snapshot WHERE originator_id = ? AND position <= ?), ?
    ) AND ? ORDER BY entry.position LIMIT ?"""  # noqa: S608  # because these are ours
# Commit order: a number is assigned while the lock excludes other writers.
READ_ALL = """SELECT position, name_id, class_version, timestamp, data, header, event_hash,
    number, originator_id FROM record LEFT JOIN stream USING (stream_id)
    WHERE number > ? ORDER BY number LIMIT ?"""
# Whether the end is whole, without reading all: the last row of the newest stream is often near it.
NEWEST_NUMBER = """SELECT (SELECT number FROM record
        WHERE record.stream_id = stream.stream_id AND position = last_position)
    FROM stream ORDER BY stream_id DESC LIMIT 1"""
# Writing a snapshot replaces the one at the same position.
WRITE_SNAPSHOT = "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
# The snapshot with the highest position within the bound.
READ_SNAPSHOT = """SELECT position, name_id, class_version, timestamp, data, header, event_hash
    FROM snapshot WHERE originator_id = ? AND position <= ?
    ORDER BY position DESC LIMIT 1"""
# The same snapshot, and whether its stream ends there, as of one moment.
READ_LAST_SNAPSHOT = """SELECT position, name_id, class_version, timestamp, data, header, event_hash,
    (SELECT last_position FROM stream WHERE originator_id = ?) <= position
    FROM snapshot WHERE originator_id = ? AND position <= ?
    ORDER BY position DESC LIMIT 1"""
# A commit waits for other writers in `execute_when_unlocked`; a checkpoint waits in SQLite.
BRIEFLY = "PRAGMA busy_timeout = 10"
PATIENTLY = "PRAGMA busy_timeout = 1000"
TRUNCATE_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"
# A file of another program is left unchanged: these read, in one transaction, what the file states.
IDENTIFY = ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
