"""Open an SQLite file: identify it, and create the tables in a new one."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from esmodel.exceptions import StoreError, StoreFormatError
from esmodel.stores.sqlite._failures import primary_code
from esmodel.stores.sqlite._identity import check_names
from esmodel.stores.sqlite._statements import APPLICATION_ID, BEGIN, BRIEFLY, COMMIT, FORMAT, IDENTIFY, SCHEMA


def open_file(path: Path, mode: str, synchronous: str, seconds: float, *, writes: bool) -> sqlite3.Connection:
    """Open a file, and create its tables if it is empty."""
    check_names(path)
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        # One transaction: otherwise another process could create the tables between two statements.
        connection.execute("BEGIN")
        is_new = _identify(connection, path)
        connection.execute(COMMIT)
        _switch_to_wal(connection, path, seconds)
        # Acknowledged rows stay, to the degree that the caller chose; macOS needs fullfsync for it.
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA fullfsync = {int(synchronous != 'NORMAL')}")
        connection.execute("PRAGMA checkpoint_fullfsync = 1")
        if is_new:
            _create_tables(connection, path)
        if writes:
            # SQLite sleeps longer after each attempt, so that newer writers overtake older ones.
            # With a short timeout it fails soon, and `execute_when_unlocked` tries again.
            connection.execute(BRIEFLY)
    except BaseException:
        connection.close()
        raise
    return connection


def execute_when_unlocked(connection: sqlite3.Connection, statement: str, seconds: float) -> sqlite3.Cursor:
    """Execute a statement; retry while the file is locked, for at most ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return connection.execute(statement)
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.001)


def _identify(connection: sqlite3.Connection, path: Path) -> bool:
    """Tell whether the file is empty; refuse a file of another program or of a newer format."""
    found: list[int] = []
    for statement in IDENTIFY:
        row: tuple[int] = connection.execute(statement).fetchone()
        found.append(row[0])
    application_id, version, tables = found
    if found == [0, 0, 0]:
        return True
    if application_id != APPLICATION_ID:
        raise StoreFormatError(
            f"{path}: expected a file of SQLiteStore or an empty one, found an SQLite database of "
            f"another program (application_id {application_id}, {tables} tables). "
            "Choose another path. The file was not changed."
        )
    if version != FORMAT:
        raise StoreFormatError(
            f"{path}: expected format {FORMAT}, found {version}. Upgrade esmodel. The file was not changed."
        )
    return False


def _switch_to_wal(connection: sqlite3.Connection, path: Path, seconds: float) -> None:
    # With a write-ahead log, readers see only committed rows, and readers and writers never block
    # each other. SQLite does not retry this statement itself if two processes create the file at once.
    row: tuple[str] = execute_when_unlocked(connection, "PRAGMA journal_mode = WAL", seconds).fetchone()
    if row[0] != "wal":
        raise StoreError(
            f"{path}: expected SQLite to keep a write-ahead log there, found journal mode {row[0]}. "
            "Put the file on a local disk."
        )


def _create_tables(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute(BEGIN)
    if _identify(connection, path):  # another process may have created them meanwhile
        for statement in SCHEMA:
            connection.execute(statement)
    connection.execute(COMMIT)
