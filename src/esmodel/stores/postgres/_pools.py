"""Connections: our own, or those of a pool that was given."""

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

from esmodel.stores.postgres._arrays import Array, ArrayDumper
from esmodel.stores.postgres.connections import Connections

_PAUSE: Final = 0.1  # seconds between two attempts to connect


class Pool(Protocol):
    """Where the store takes connections from: each is in autocommit mode, idle, and nobody else's."""

    def take(self, timeout: float, /) -> psycopg.Connection[object]:
        """Take a connection; wait for one at most ``timeout`` seconds."""
        ...

    def give_back(self, connection: psycopg.Connection[object], /) -> None:
        """Give it back, in whatever state."""
        ...

    def close(self) -> None:
        """Close what is the store's own."""
        ...


class GivenPool:
    """Connections of a pool that somebody else opened, and will close.

    Args:
        pool: lends them.
    """

    def __init__(self, pool: Connections) -> None:
        self._pool = pool
        self._lent: dict[int, tuple[AbstractContextManager[psycopg.Connection[object]], bool]] = {}

    def take(self, timeout: float, /) -> psycopg.Connection[object]:
        """Take a connection; raises what the pool raises."""
        loan = self._pool.connection(timeout)
        connection = loan.__enter__()
        try:
            was_autocommit = connection.autocommit
            if not was_autocommit:
                connection.autocommit = True
            connection.adapters.register_dumper(Array, ArrayDumper)
        except BaseException as error:
            loan.__exit__(type(error), error, error.__traceback__)
            raise
        self._lent[id(connection)] = loan, was_autocommit
        return connection

    def give_back(self, connection: psycopg.Connection[object], /) -> None:
        """Give it back as it came: idle, and with its own setting of autocommit."""
        loan, was_autocommit = self._lent.pop(id(connection))
        try:
            _end_transaction(connection)  # the pool replaces one that was lost
            if not (was_autocommit or connection.closed):
                connection.autocommit = False
        finally:
            loan.__exit__(None, None, None)

    def close(self) -> None:
        """Leave the pool open."""


def _end_transaction(connection: psycopg.Connection[object]) -> None:
    if connection.pgconn.transaction_status != TransactionStatus.IDLE:
        with contextlib.suppress(psycopg.Error):
            connection.rollback()


class OwnPool:
    """Connections that are opened when they are needed, by the thread that needs one, and kept.

    A pool with threads of its own would wait longer and longer between two attempts to connect, and
    keep to itself why they fail.

    Args:
        address: a connection string.
        most: how many are open at once.
        seconds: how long a server may be silent before it is lost.

    Example:
        >>> connections = OwnPool(dsn, 2, 30.0)  # dsn: "postgresql://..."
        >>> connection = connections.take(30.0)
        >>> connection.execute("SELECT 1").fetchone()
        (1,)
        >>> connections.give_back(connection)
        >>> connections.close()
    """

    def __init__(self, address: str, most: int, seconds: float) -> None:
        self._address = address
        self._most = most
        self._seconds = seconds
        self._was_connected = False
        self._inherited: list[psycopg.Connection[object]] = []
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._free = SimpleQueue[None]()
        for _ in range(self._most):
            self._free.put(None)
        # The last one that was given back is lent first: what its session needs is at hand in the server.
        self._idle: list[psycopg.Connection[object]] = []

    def take(self, timeout: float, /) -> psycopg.Connection[object]:
        """Take a connection; wait for one, or for a server that was there once, at most ``timeout``.

        Raises:
            psycopg_pool.PoolTimeout: if all are in use.
            psycopg.OperationalError: if the server cannot be reached.
        """
        if self._pid != os.getpid():
            # After a fork, these are the parent's: to close one here would end its session there.
            self._inherited += self._idle
            self._begin()
        try:
            self._free.get(timeout=timeout)
        except Empty:
            raise PoolTimeout(f"all {self._most} are in use") from None
        try:
            return self._idle.pop() if self._idle else self._connect(time.monotonic() + timeout)
        except BaseException:
            self._free.put(None)
            raise

    def give_back(self, connection: psycopg.Connection[object], /) -> None:
        """Give it back; one that is lost is closed."""
        try:
            _end_transaction(connection)
            if connection.pgconn.transaction_status == TransactionStatus.IDLE:
                self._idle.append(connection)
            else:
                connection.close()
                self._close_idle()  # what ended this one may have ended them all
            if self._closed:
                self._close_idle()
        finally:
            self._free.put(None)

    def close(self) -> None:
        """Close what is not in use now, and the others when they are given back."""
        self._closed = True
        if self._pid == os.getpid():
            self._close_idle()

    def _connect(self, deadline: float) -> psycopg.Connection[object]:
        while True:
            try:
                # Nothing is prepared: the next transaction may be in another session.
                address = make_conninfo(self._address, **self._timeouts(deadline))
                connection = psycopg.connect(address, autocommit=True, prepare_threshold=None)
            except psycopg.OperationalError:
                # A server that was there once is waited for.
                if not self._was_connected or time.monotonic() + _PAUSE > deadline:
                    raise
            else:
                self._was_connected = True
                connection.adapters.register_dumper(Array, ArrayDumper)
                return connection
            time.sleep(_PAUSE)

    def _timeouts(self, deadline: float) -> dict[str, int]:
        """Return how long a server, or the way to it, may be silent, where the address does not say it.

        By default, a connection whose other end has gone without a word is waited for until the system
        gives it up: a quarter of an hour for a question, two hours for an answer.
        """
        seconds = max(int(self._seconds), 2)
        known = conninfo_to_dict(self._address)
        timeouts = {
            "connect_timeout": max(int(deadline - time.monotonic()), 2),
            "tcp_user_timeout": seconds * 1_000,
            "keepalives_idle": max(seconds // 2, 1),
            "keepalives_interval": max(seconds // 6, 1),
            "keepalives_count": 3,
        }
        return {name: value for name, value in timeouts.items() if name not in known}

    def _close_idle(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()
