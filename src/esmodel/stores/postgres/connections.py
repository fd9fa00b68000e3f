"""Where connections to PostgreSQL come from."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from threading import Lock
from types import TracebackType
from typing import Final, Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg_pool import PoolTimeout
from typing_extensions import override

_PAUSE: Final = 0.1  # seconds between two attempts to connect


class Connections(Protocol):
    """What lends connections: a ``psycopg_pool.ConnectionPool``.

    Laws:
        1. ``connection`` lends a connection that nobody else uses meanwhile.
    """

    def connection(self, timeout: float | None = None) -> AbstractContextManager[psycopg.Connection[object]]:
        """Lend a connection; wait for one at most ``timeout`` seconds."""
        ...


class OwnConnections:
    """Connections that are opened when they are needed, by the thread that needs one, and kept.

    A pool with threads of its own would wait longer and longer between two attempts to connect, and
    keep to itself why they fail.

    Args:
        source: a connection string.
        most: how many are open at once.
        seconds: how long is waited for one that is free, or for a server that was there once.

    Example:
        >>> connections = OwnConnections(dsn, 2, 30.0)  # dsn: "postgresql://..."
        >>> with connections.connection() as connection:
        ...     connection.execute("SELECT 1").fetchone()
        (1,)
        >>> connections.close()
    """

    def __init__(self, source: str, most: int, seconds: float) -> None:
        self._source = source
        self._most = most
        self._seconds = seconds
        self._was_connected = False
        self._inherited: list[psycopg.Connection[TupleRow]] = []
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._free = SimpleQueue[None]()
        for _ in range(self._most):
            self._free.put(None)
        self._lock = Lock()
        # The last one that was given back is lent first: what its session needs is at hand in the server.
        self._idle: list[psycopg.Connection[TupleRow]] = []

    def connection(self, timeout: float | None = None) -> AbstractContextManager[psycopg.Connection[object]]:
        """Lend a connection; wait for one at most ``timeout`` seconds.

        Raises:
            psycopg_pool.PoolTimeout: if all are in use.
            psycopg.OperationalError: if the server cannot be reached.
        """
        return _Loan(self, self._seconds if timeout is None else timeout)

    def close(self) -> None:
        """Close what is not in use now, and the others when they are given back."""
        self._closed = True
        if self._pid == os.getpid():
            self._close_idle()

    def take(self, timeout: float) -> psycopg.Connection[TupleRow]:
        """Take a connection, to be given back; raises what ``connection`` raises."""
        if self._pid != os.getpid():
            # After a fork, these are the parent's: to close one here would end its session there.
            self._inherited += self._idle
            self._begin()
        deadline = time.monotonic() + timeout
        try:
            self._free.get(timeout=timeout)
        except Empty:
            raise PoolTimeout(f"all {self._most} are in use") from None
        try:
            with self._lock:
                if self._idle:
                    return self._idle.pop()
            return self._connect(deadline)
        except BaseException:
            self._free.put(None)
            raise

    def give_back(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Give back a connection; one that is lost, or within a transaction, is closed."""
        try:
            if connection.pgconn.transaction_status == TransactionStatus.IDLE:
                with self._lock:
                    self._idle.append(connection)
            else:
                connection.close()
                self._close_idle()  # what ended this one may have ended them all
            if self._closed:
                self._close_idle()
        finally:
            self._free.put(None)

    def _connect(self, deadline: float) -> psycopg.Connection[TupleRow]:
        while True:
            try:
                # Nothing is prepared: the next transaction may be in another session.
                source = self._with_timeout(deadline)
                connection = psycopg.connect(source, autocommit=True, prepare_threshold=None)
            except psycopg.OperationalError:
                # A server that was there once is waited for.
                if not self._was_connected or time.monotonic() + _PAUSE > deadline:
                    raise
            else:
                self._was_connected = True
                return connection
            time.sleep(_PAUSE)

    def _with_timeout(self, deadline: float) -> str:
        if "connect_timeout" in conninfo_to_dict(self._source):
            return self._source
        return make_conninfo(self._source, connect_timeout=max(int(deadline - time.monotonic()), 2))

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


class _Loan(AbstractContextManager[psycopg.Connection[object]]):
    """A connection that is given back at the end of a block."""

    __slots__ = ("_connection", "_connections", "_timeout")

    def __init__(self, connections: OwnConnections, timeout: float) -> None:
        self._connections = connections
        self._timeout = timeout

    @override
    def __enter__(self) -> psycopg.Connection[object]:
        self._connection = self._connections.take(self._timeout)
        return self._connection

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._connections.give_back(self._connection)
