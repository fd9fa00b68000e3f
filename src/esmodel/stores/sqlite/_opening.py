"""Open an SQLite file: identify it, and create the tables in a new one."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from esmodel.exceptions import StoreError, StoreFormatError
from esmodel.stores.sqlite._failures import primary_code
from esmodel.stores.sqlite._identity import FileIdentity, check_names
from esmodel.stores.sqlite._statements import APPLICATION_ID, BEGIN, BRIEFLY, COMMIT, FORMAT, IDENTIFY, SCHEMA


def open_file(
    path: Path, synchronous: str, seconds: float, *, is_made: bool, writes: bool
) -> tuple[sqlite3.Connection, FileIdentity]:
    """Open a file, identify it, and create its tables if it is empty.

    Args:
        path: the file.
        synchronous: when SQLite waits for the disk.
        seconds: how long to wait for a locked file.
        is_made: whether to make the file if there is none.
        writes: whether the connection writes.

    Raises:
        FileExchangedError: if the file was exchanged meanwhile, or has a second name.
    """
    check_names(path)
    if is_made and not path.exists():
        _connect(path, "rwc", seconds).close()  # an empty file, of which the number can be noted
    identity = FileIdentity(path)
    connection = _connect(path, "rw", seconds)
    try:
        # One transaction: otherwise another process could create the tables between two statements.
        connection.execute("BEGIN")
        is_new = _identify(connection, path)
        connection.execute(COMMIT)
        _switch_to_wal(connection, path, seconds)
        connection.execute("PRAGMA user_version").fetchone()  # SQLite makes the log when it reads
        identity.check()  # before anything is written
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
    return connection, identity


def _connect(path: Path, mode: str, seconds: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=seconds,
        isolation_level=None,
        check_same_thread=False,
    )


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
