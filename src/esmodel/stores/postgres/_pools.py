"""Pools of connections: the store's own, and those that a caller gives."""

from __future__ import annotations

import contextlib
import os
import time
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import Final, Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg_pool import PoolTimeout

from esmodel.exceptions import StoreError
from esmodel.stores.postgres._arrays import Array, ArrayDumper
from esmodel.stores.postgres.connections import Connections

_PAUSE: Final = 0.1  # seconds between two attempts to connect
_MOST_KEEPALIVE: Final = 32_767  # seconds, of Linux


class Pool(Protocol):
    """A pool of connections.

    Laws:
        1. An acquired connection is idle and in autocommit mode, and nobody else uses it.
    """

    def acquire(self, timeout: float, /) -> psycopg.Connection[object]:
        """Return a connection; wait for one for at most ``timeout`` seconds."""
        ...

    def release(self, connection: psycopg.Connection[object], /) -> None:
        """Take a connection back, in any state."""
        ...

    def close(self) -> None:
        """Close the connections that belong to the store."""
        ...


class GivenPool:
    """A pool that the caller opened and will close.

    Args:
        pool: the caller's pool.
    """

    def __init__(self, pool: Connections) -> None:
        self._pool = pool
        self._pid = os.getpid()
        self._loans: dict[int, tuple[AbstractContextManager[psycopg.Connection[object]], bool]] = {}

    def acquire(self, timeout: float, /) -> psycopg.Connection[object]:
        """Return a connection; raise the errors of the pool.

        Raises:
            StoreError: in a process that was forked since, where two processes would share its connections.
        """
        if self._pid != os.getpid():
            raise StoreError(
                "PostgreSQL: expected the process that opened the pool, found one that was forked from it: "
                "both would read the answers of each other. Open a pool and a store in the child."
            )
        loan = self._pool.connection(timeout)
        connection = loan.__enter__()
        try:
            was_autocommit = connection.autocommit
            if not was_autocommit:
                connection.autocommit = True
            _prepare(connection)
        except BaseException as error:
            loan.__exit__(type(error), error, error.__traceback__)
            raise
        self._loans[id(connection)] = loan, was_autocommit
        return connection

    def release(self, connection: psycopg.Connection[object], /) -> None:
        """Return a connection to the pool idle, with its original autocommit setting."""
        loan, was_autocommit = self._loans.pop(id(connection))
        try:
            _end_transaction(connection)  # the pool replaces a lost connection
            if not (was_autocommit or connection.closed):
                connection.autocommit = False
        finally:
            loan.__exit__(None, None, None)

    def close(self) -> None:
        """Leave the pool open."""


def _prepare(connection: psycopg.Connection[object]) -> None:
    """Let a connection send arrays, and check that it sends and receives text.

    Raises:
        StoreError: if it would receive bytes in place of text.
    """
    if connection.pgconn.parameter_status(b"client_encoding") == b"SQL_ASCII":
        raise StoreError(
            "PostgreSQL: expected connections with the client encoding UTF8, found SQL_ASCII, which knows no "
            "text. Add client_encoding=utf8 to the connection string, or to the settings of the pool."
        )
    connection.adapters.register_dumper(Array, ArrayDumper)


def _checked_address(address: str) -> str:
    """Return a connection string that libpq reads as its author meant it.

    Raises:
        StoreError: if it cannot be read, or if a part of a password would be taken for something else, which
            libpq then writes into its errors.
    """
    try:
        conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        is_read = False
    else:
        authority, _, path = address.partition("://")[2].partition("?")[0].partition("/")
        is_read = authority.count("@") <= 1 and "@" not in path
    if not is_read:
        raise StoreError(
            "connection: expected a connection string, such as postgresql://user@host/database, found one "
            "that cannot be read. It is not shown, because it may contain a password. In an address, write @ "
            "in a password as %40, and / as %2F."
        )
    return address


def _end_transaction(connection: psycopg.Connection[object]) -> None:
    if connection.pgconn.transaction_status != TransactionStatus.IDLE:
        with contextlib.suppress(psycopg.Error):
            connection.rollback()


class OwnPool:
    """A pool without threads: a caller that needs a connection opens it, and the pool keeps it.

    A pool with threads of its own would back off further after each failed attempt to connect, and
    would hide why the attempts fail.

    Args:
        address: a connection string.
        most: the most connections open at once.
        seconds: how long a server may be unresponsive before its connection times out.

    Example:
        >>> pool = OwnPool(dsn, 2, 30.0)  # dsn: "postgresql://..."
        >>> connection = pool.acquire(30.0)
        >>> connection.execute("SELECT 1").fetchone()
        (1,)
        >>> pool.release(connection)
        >>> pool.close()
    """

    def __init__(self, address: str, most: int, seconds: float) -> None:
        self._address = _checked_address(address)
        self._most = most
        self._seconds = seconds
        self._was_connected = False
        self._inherited: list[psycopg.Connection[object]] = []
        self._closed = False
        self._reset()

    def acquire(self, timeout: float, /) -> psycopg.Connection[object]:
        """Return a connection; wait for at most ``timeout`` for one, or for a server to come back.

        Raises:
            psycopg_pool.PoolTimeout: if all connections are in use.
            psycopg.OperationalError: if the server cannot be reached.
        """
        if self._pid != os.getpid():
            # After a fork, these belong to the parent: closing one here would end its session there.
            self._inherited += self._idle
            self._reset()
        try:
            self._permits.get(timeout=timeout)
        except Empty:
            raise PoolTimeout(f"all {self._most} connections are in use") from None
        try:
            return self._idle.pop() if self._idle else self._connect(time.monotonic() + timeout)
        except BaseException:
            self._permits.put(None)
            raise

    def release(self, connection: psycopg.Connection[object], /) -> None:
        """Keep a connection for the next caller; close it if it is lost."""
        try:
            _end_transaction(connection)
            if connection.pgconn.transaction_status == TransactionStatus.IDLE:
                self._idle.append(connection)
            else:
                connection.close()
                self._close_idle()  # the same cause may have ended the others
            if self._closed:
                self._close_idle()
        finally:
            self._permits.put(None)

    def close(self) -> None:
        """Close the idle connections now, and the others when they are released."""
        self._closed = True
        if self._pid == os.getpid():
            self._close_idle()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._permits = SimpleQueue[None]()
        for _ in range(self._most):
            self._permits.put(None)
        # The connection released last is lent first: the caches of its session are warm.
        self._idle: list[psycopg.Connection[object]] = []

    def _connect(self, deadline: float) -> psycopg.Connection[object]:
        while True:
            try:
                # Never prepare statements: the next transaction may run in another session.
                address = make_conninfo(self._address, **self._settings(deadline))
                connection = psycopg.connect(address, autocommit=True, prepare_threshold=None)
            except psycopg.OperationalError:
                # Wait only for a server that was reached before.
                if not self._was_connected or time.monotonic() + _PAUSE > deadline:
                    raise
            else:
                self._was_connected = True
                try:
                    _prepare(connection)
                except StoreError:
                    connection.close()
                    raise
                return connection
            time.sleep(_PAUSE)

    def _settings(self, deadline: float) -> dict[str, int | str]:
        """Return the encoding, and the timeouts for an unresponsive server, that the address does not set.

        Without the encoding, it would be that of the database, which may be SQL_ASCII, that is none.
        Without the timeouts, the operating system times out a silent connection after a quarter of an hour
        while data is in flight, and after two hours otherwise.
        """
        seconds = max(int(self._seconds), 2)
        known = conninfo_to_dict(self._address)
        settings: dict[str, int | str] = {
            "client_encoding": "utf8",
            "connect_timeout": max(int(deadline - time.monotonic()), 2),
            "tcp_user_timeout": seconds * 1_000,
            "keepalives_idle": min(max(seconds // 2, 1), _MOST_KEEPALIVE),
            "keepalives_interval": min(max(seconds // 6, 1), _MOST_KEEPALIVE),
            "keepalives_count": 3,
        }
        return {name: value for name, value in settings.items() if name not in known}

    def _close_idle(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()
