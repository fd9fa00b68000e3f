"""The SQL of the baseline, and its units of time."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.bank import Synchronous

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
TABLE: Final = """CREATE TABLE event (number INTEGER PRIMARY KEY, id BLOB NOT NULL,
    version INTEGER NOT NULL, name TEXT NOT NULL, class_version INTEGER NOT NULL,
    timestamp INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (id, version))"""
CHAINED_TABLE: Final = TABLE.replace("data BLOB", "hash BLOB NOT NULL, data BLOB")
SNAPSHOTS: Final = """CREATE TABLE snapshot (id BLOB NOT NULL, version INTEGER NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (id, version))"""
ADD: Final = "INSERT INTO event (id, version, name, class_version, timestamp, data) VALUES (?, ?, ?, ?, ?, ?)"
ADD_CHAINED: Final = (
    "INSERT INTO event (id, version, name, class_version, timestamp, hash, data) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
READ: Final = """SELECT version, name, class_version, timestamp, data FROM event
    WHERE id = ? AND version > ? ORDER BY version"""
READ_CHAINED: Final = """SELECT version, name, class_version, timestamp, hash, data FROM event
    WHERE id = ? ORDER BY version"""
LAST: Final = "SELECT version FROM event WHERE id = ? ORDER BY version DESC LIMIT 1"
ITEM: Final = "SELECT data FROM event WHERE id = ? AND version = ?"
ITEMS: Final = "SELECT data FROM event WHERE id = ? AND version >= ? AND version < ? ORDER BY version"
LATEST: Final = "SELECT data FROM event WHERE id = ? ORDER BY version DESC LIMIT ?"
ADD_SNAPSHOT: Final = "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?)"
LAST_SNAPSHOT: Final = "SELECT version, data FROM snapshot WHERE id = ? ORDER BY version DESC LIMIT 1"


def connect(path: Path, synchronous: Synchronous, *tables: str) -> sqlite3.Connection:
    """Open a file, and create its tables."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    for table in tables:
        connection.execute(table)
    return connection
