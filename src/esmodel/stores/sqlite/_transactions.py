"""``Transactions``: the transactions in which a connection writes, and the length of its log."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from typing import Final
from uuid import uuid4

from esmodel.exceptions import OutcomeUnknownError
from esmodel.stores.sqlite._identity import FileExchangedError, FileIdentity
from esmodel.stores.sqlite._opening import execute_when_unlocked
from esmodel.stores.sqlite._statements import BEGIN, BRIEFLY, COMMIT, PATIENTLY, ROLLBACK, TOUCH, TRUNCATE_LOG

_COMMITS: Final = 256  # between two looks at the length of the write-ahead log
_LOG_BYTES: Final = 64 << 20
# The last page of a commit ends it; if a page could not be written, the last one was not.
_NOT_WRITTEN: Final = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}


class Transactions:
    """The transactions in which a connection writes.

    Args:
        connection: the connection.
        identity: the file that it has.
        seconds: how long a transaction waits for a locked file.
        is_synced: whether each commit is on the disk when it is acknowledged.
    """

    def __init__(
        self, connection: sqlite3.Connection, identity: FileIdentity, seconds: float, *, is_synced: bool
    ) -> None:
        self._connection = connection
        self._identity = identity
        self._seconds = seconds
        self._is_synced = is_synced
        self._commits = 0
        self._is_log_long = False

    def begin(self) -> None:
        """Begin a transaction that excludes other writers.

        Raises:
            FileExchangedError: if the path names another file now.
        """
        execute_when_unlocked(self._connection, BEGIN, self._seconds)
        if self._is_synced or time.monotonic() > self._identity.next_look:
            self._identity.check()

    def commit(self) -> None:
        """Commit the transaction.

        Raises:
            sqlite3.Error: if it failed; nothing is stored.
            OutcomeUnknownError: if it failed, and the rows may be in the log nevertheless; or if the file or
                its log was exchanged meanwhile.
        """
        try:
            self._connection.execute(COMMIT)
        except sqlite3.Error as error:
            if error.sqlite_errorcode not in _NOT_WRITTEN:
                self._replace_failed(error)
            raise
        if self._is_synced:
            self._check_after_commit()
        self._commits += 1
        if self._is_log_long or self._commits % _COMMITS == 0:
            self._truncate_log()

    def _check_after_commit(self) -> None:
        """Check that the path still names the file and the log that have the rows now.

        If only the log was deleted, SQLite may save them yet when the connection is closed.
        """
        try:
            self._identity.check_files()
        except FileExchangedError as error:
            raise OutcomeUnknownError(uuid4(), str(error).removesuffix(".")) from error

    def _replace_failed(self, error: sqlite3.Error) -> None:
        """Commit something else in place of a commit that failed.

        Its rows may be in the log, and whoever opens the file after a crash would find them there.
        """
        try:
            if self._connection.in_transaction:
                self._connection.execute(ROLLBACK)
            self._connection.execute(TOUCH)
        except sqlite3.Error:
            finding = f"SQLite reports: {error}, and the commit after it failed too. Check the disk"
            raise OutcomeUnknownError(uuid4(), finding) from error

    def _truncate_log(self) -> None:
        """Truncate the write-ahead log if it has grown long.

        With one writer, SQLite does so itself. With several busy writers, its own attempts always
        find one of them in a transaction, and the log would grow without limit.
        """
        # The rows are already stored, so a failure here must not look like a failed append.
        with contextlib.suppress(OSError, sqlite3.Error):
            length = os.stat(self._identity.log).st_size  # noqa: PTH116  # because Path.stat takes twice as long
            self._is_log_long = length > _LOG_BYTES
            if self._is_log_long:
                self._connection.execute(PATIENTLY)
                try:
                    self._connection.execute(TRUNCATE_LOG).fetchone()
                finally:
                    self._connection.execute(BRIEFLY)
