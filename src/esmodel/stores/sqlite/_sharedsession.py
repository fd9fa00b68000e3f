"""Share one SQLite session among threads, and close it before a fork."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Concatenate, Final, ParamSpec, TypeVar
from weakref import WeakSet

from esmodel.exceptions import EsmodelError, StoreClosedError, StoreError
from esmodel.stores.sqlite._failures import damaged, translate
from esmodel.stores.sqlite._identity import FileExchangedError
from esmodel.stores.sqlite._opening import open_file
from esmodel.stores.sqlite._session import Session
from esmodel.stores.sqlite._statements import ROLLBACK

P = ParamSpec("P")
T = TypeVar("T")


class SharedSession:
    """A session behind a lock, opened on first use. A store has one to write and one to read.

    ``call`` ends open transactions and translates errors of SQLite. A signal handler may raise at any
    moment. Python runs none between the end of a block and the release of a lock that is written in C, and
    none between its acquisition and the block (Python 3.14 may); nothing that is written in Python can
    promise that.
    """

    def __init__(self, path: Path, synchronous: str, seconds: float, *, writes: bool) -> None:
        self._path = path
        self._synchronous = synchronous
        self._seconds = seconds
        self._writes = writes
        self._is_made = writes
        self._lock = RLock()
        self._pid = os.getpid()  # in another process, the lock may be that of a thread that is not there
        self._is_used = False
        self._is_paused = False
        self._session: Session | None = None
        self._closed = False
        _sessions.add(self)

    def check_open(self) -> None:
        """Raise ``StoreClosedError`` if the store was closed."""
        if self._closed:
            raise StoreClosedError(f"The store of {self._path} was closed: open a new one.")

    def call(self, function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function with the session.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if SQLite fails, if other threads keep the session busy for too long, or if a signal
                handler calls the store during another call.
        """
        self.check_open()
        if self._pid != os.getpid():
            raise StoreError(
                f"{self._path}: expected os.fork while no call to the store was in progress, found another "
                "kind of fork. Open the store after the fork."
            )
        begun = time.monotonic() if self._is_used else 0.0  # another thread may keep it busy
        with self._lock:
            if self._is_used:  # the lock is reentrant: otherwise, this would wait for itself
                raise StoreError(
                    f"{self._path}: expected one call at a time in a thread, found a call by a signal "
                    "handler during another call. Let the handler set a flag, and call the store afterwards."
                )
            try:
                self._is_used = True
                self.check_open()
                if begun:
                    self._check_waited(time.monotonic() - begun)
                session = self._session
                if session is None or session.connection.in_transaction:
                    session = self._ready_session()
                return function(session, *args, **kwargs)
            except BaseException as error:
                self._recover(error)
                raise
            finally:
                self._is_used = False
                if self._closed:  # by a signal handler
                    self._drop()

    def close(self) -> None:
        """Close the session; wait for a call in progress."""
        self._closed = True
        if self._pid != os.getpid():
            return  # the session is the parent's, and so may the lock be
        with self._lock:
            if not self._is_used:  # else the call in progress, which a signal handler interrupted, goes on
                self._drop()

    def pause(self) -> None:
        """Take the lock and close the session, unless other threads keep it for too long."""
        if not self._lock.acquire(timeout=self._seconds):
            return
        if self._is_used:  # by this thread, whose signal handler forks
            self._lock.release()
        else:
            self._is_paused = True
            self._drop()

    def resume(self) -> None:
        """Release the lock as often as ``pause`` took it; do nothing if it did not take it."""
        if self._is_paused:
            self._pid = os.getpid()
            _release_whole(self._lock)
            self._is_paused = False

    def _recover(self, error: BaseException) -> None:
        """End the transaction of a call that failed, and raise what its error means to users."""
        if isinstance(error, FileExchangedError) or isinstance(error.__cause__, FileExchangedError):
            self._drop()  # the next call opens the file that is there now
        self._end_transaction()
        if isinstance(error, (sqlite3.Error, OverflowError)):
            raise translate(error, self._path) from error
        if isinstance(error, (TypeError, ValueError)) and not isinstance(error, EsmodelError):
            raise damaged(error, self._path) from error

    def _check_waited(self, seconds: float) -> None:
        if seconds > self._seconds:
            raise StoreError(
                f"{self._path}: other threads kept the store busy for {self._seconds} s. "
                "Try again, or set a longer busy_timeout."
            )

    def _ready_session(self) -> Session:
        """Return the session, without a transaction that an interrupted call left open."""
        self._end_transaction()
        if self._session is None:
            connection, identity = open_file(
                self._path, self._synchronous, self._seconds, is_made=self._is_made, writes=self._writes
            )
            is_synced = self._synchronous != "NORMAL"
            self._session = Session(connection, identity, self._path, self._seconds, is_synced=is_synced)
            self._is_made = False  # from now on, a missing file is an error and not a new store
        return self._session

    def _end_transaction(self) -> None:
        if self._session is not None and self._session.connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._session.connection.execute(ROLLBACK)
            if self._session.connection.in_transaction:
                self._drop()  # closing the connection rolls back; the next call opens a new one

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.connection.close()


# An SQLite connection must not be carried across a fork (https://sqlite.org/howtocorrupt.html, 2.6):
# the child would believe that it holds the parent's locks, even in a new connection. So all sessions
# are closed before a fork, and opened again on their next use.
#
# Python swallows what a signal handler raises in these functions, and goes on. So each may be repeated after
# an interrupt at any place, and each is registered twice, since an interrupt may come before its first line.
_sessions: WeakSet[SharedSession] = WeakSet()
_fork_lock = RLock()
_MOST_INTERRUPTS: Final = 100


def _before_fork() -> None:
    _fork_lock.acquire()
    for session in list(_sessions):
        session.pause()


def _after_fork() -> None:
    for session in list(_sessions):
        session.resume()
    _release_whole(_fork_lock)


def _release_whole(lock: RLock) -> None:
    """Release a lock as often as this thread has taken it."""
    with contextlib.suppress(RuntimeError):  # it is not, or no longer, this thread's
        while True:
            lock.release()


def _repeated(step: Callable[[], None]) -> Callable[[], None]:
    """Return a function that runs a step again until nothing interrupts it."""

    def run() -> None:
        for _ in range(_MOST_INTERRUPTS):
            try:
                step()
            except BaseException:  # noqa: BLE001, S112  # because Python would swallow it, and go on
                continue
            return

    return run


if sys.platform != "win32":
    for _ in range(2):
        os.register_at_fork(
            before=_repeated(_before_fork),
            after_in_parent=_repeated(_after_fork),
            after_in_child=_repeated(_after_fork),
        )
