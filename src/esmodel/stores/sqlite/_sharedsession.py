"""Share one SQLite session among threads, and close it before a fork."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from pathlib import Path
from threading import Lock
from types import TracebackType
from weakref import WeakSet

from esmodel.exceptions import StoreClosedError, StoreError
from esmodel.stores.sqlite._failures import translate
from esmodel.stores.sqlite._opening import open_file
from esmodel.stores.sqlite._session import Session
from esmodel.stores.sqlite._statements import ROLLBACK


class SharedSession:
    """A session behind a lock, opened on first use. A store has one to write and one to read.

    Use it in a ``with`` statement, which ends open transactions and translates errors of SQLite.

    The lock is not reentrant: a signal handler that appends during an append must not end the
    transaction of that append.
    """

    def __init__(self, path: Path, synchronous: str, seconds: float, *, writes: bool) -> None:
        self._path = path
        self._synchronous = synchronous
        self._seconds = seconds
        self._writes = writes
        self._mode = "rwc" if writes else "rw"
        self._lock = Lock()
        self._session: Session | None = None
        self._closed = False
        _sessions.add(self)

    def check_open(self) -> None:
        """Raise ``StoreClosedError`` if the store was closed."""
        if self._closed:
            raise StoreClosedError(f"The store of {self._path} was closed: open a new one.")

    def __enter__(self) -> Session:
        self.check_open()
        if self._session is not None and self._session.pid != os.getpid():
            raise StoreError(
                f"{self._path}: expected no open session in a forked process, found one: the process was "
                "forked during a call to the store, or not by os.fork. Open the store after the fork."
            )
        if not self._lock.acquire(timeout=self._seconds):
            raise StoreError(
                f"{self._path}: other threads kept the store busy for {self._seconds} s. "
                "Try again, or set a longer busy_timeout."
            )
        try:
            self.check_open()
            if self._session is None:
                connection = open_file(
                    self._path, self._mode, self._synchronous, self._seconds, writes=self._writes
                )
                self._session = Session(connection, self._path, self._seconds)
                self._mode = "rw"  # from now on, a missing file is an error and not a new store
        except BaseException as error:
            self._lock.release()
            self._raise_translated(error)
            raise
        return self._session

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        try:
            if self._session is not None and self._session.connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._session.connection.execute(ROLLBACK)
                if self._session.connection.in_transaction:
                    self._drop()  # closing the connection rolls back; the next call opens a new one
        finally:
            self._lock.release()
        if error is not None:
            self._raise_translated(error)

    def close(self) -> None:
        """Close the session; wait for a call in progress."""
        self._closed = True
        if self._session is not None and self._session.pid != os.getpid():
            return  # the session is the parent's: closing it here would release the parent's locks
        with self._lock:
            self._drop()

    def pause(self) -> bool:
        """Take the lock and close the session; return whether the lock was free in time."""
        if self._lock.acquire(timeout=self._seconds):
            self._drop()
            return True
        return False

    def resume(self) -> None:
        """Release the lock that ``pause`` took."""
        self._lock.release()

    def _drop(self) -> None:
        if self._session is not None:
            self._session.connection.close()
            self._session = None

    def _raise_translated(self, error: BaseException) -> None:
        if isinstance(error, (sqlite3.Error, OverflowError)):
            raise translate(error, self._path) from error


# An SQLite connection must not be carried across a fork (https://sqlite.org/howtocorrupt.html, 2.6):
# the child would believe that it holds the parent's locks, even in a new connection. So all sessions
# are closed before a fork, and opened again on their next use.
_sessions: WeakSet[SharedSession] = WeakSet()
_paused: list[SharedSession] = []
_fork_lock = Lock()


def _before_fork() -> None:
    _fork_lock.acquire()
    _paused.extend(session for session in list(_sessions) if session.pause())


def _after_fork() -> None:
    for session in _paused:
        session.resume()
    _paused.clear()
    _fork_lock.release()


if sys.platform != "win32":
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
