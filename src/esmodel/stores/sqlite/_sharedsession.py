"""How sessions are shared by threads, and what becomes of them in a fork."""

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
from esmodel.stores.sqlite._failures import translated
from esmodel.stores.sqlite._opening import opened
from esmodel.stores.sqlite._session import Session
from esmodel.stores.sqlite._statements import ROLLBACK


class SharedSession:
    """A connection that is opened when it is needed, behind a lock: one for writing, one to read.

    The lock is not reentrant: a signal handler that appends in the midst of an append must not end
    the transaction of that one.
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
        if self._closed:
            raise StoreClosedError(f"The store of {self._path} was closed: open a new one.")

    def __enter__(self) -> Session:
        self.check_open()
        if self._session is not None and self._session.pid != os.getpid():
            raise StoreError(
                f"{self._path}: the process was forked while the store was in use, or not by "
                "os.fork, and SQLite does not survive that: open the store after the fork."
            )
        if not self._lock.acquire(timeout=self._seconds):
            raise StoreError(
                f"{self._path}: other threads kept it busy for {self._seconds} s. "
                "Try again, or set a longer busy_timeout."
            )
        try:
            self.check_open()
            if self._session is None:
                self._session = Session(self._open(), self._path, self._seconds)
                self._mode = "rw"  # a file that has gone is an error, and not an empty store
        except sqlite3.Error as error:
            self._lock.release()
            raise translated(error, self._path) from error
        except BaseException:
            self._lock.release()
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
                    self._drop()  # closing it rolls back; the next call opens another
        finally:
            self._lock.release()
        if isinstance(error, (sqlite3.Error, OverflowError)):
            raise translated(error, self._path) from error

    def close(self) -> None:
        self._closed = True
        if self._session is not None and self._session.pid != os.getpid():
            return  # it is the parent's, and to close it here would give up the parent's locks
        with self._lock:
            self._drop()

    def pause(self) -> bool:
        """Close the connection and keep the lock, if it can be had."""
        if self._lock.acquire(timeout=self._seconds):
            self._drop()
            return True
        return False

    def resume(self) -> None:
        self._lock.release()

    def _drop(self) -> None:
        if self._session is not None:
            self._session.connection.close()
            self._session = None

    def _open(self) -> sqlite3.Connection:
        return opened(self._path, self._mode, self._synchronous, self._seconds, writes=self._writes)


# SQLite must not be carried over a fork (https://sqlite.org/howtocorrupt.html, 2.6): even a new
# connection in the child would believe that it holds the parent's locks. So all are closed before
# the fork, and opened again when they are needed.
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
