"""``OwnPool``: the store's own pool of connections."""

from __future__ import annotations

import contextlib
import os
import time
from queue import Empty, SimpleQueue
from typing import Final
from weakref import ref

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg_pool import PoolTimeout

from esmodel.exceptions import StoreError
from esmodel.stores.postgres._pools import end_transaction, prepare

_PAUSE: Final = 0.1  # seconds between two attempts to connect
_MOST_KEEPALIVE: Final = 32_767  # seconds, of Linux


class Place:
    """One of the places for a connection in a pool. One that was dropped is replaced.

    Args:
        pool: the pool.
    """

    __slots__ = ("_pid", "_pool")

    def __init__(self, pool: OwnPool) -> None:
        self._pid = os.getpid()
        self._pool = ref(pool)

    def __del__(self) -> None:
        """Replace the place in a pool that is there still."""
        pool = self._pool()
        if pool is not None:
            pool.replace(self._pid)


class OwnLoan:
    """A connection that the store's own pool lends.

    Args:
        pool: the pool.
        place: the place of the connection.
        connection: the connection.

    Attributes:
        connection: the connection.
    """

    __slots__ = ("_is_over", "_place", "_pool", "connection")

    def __init__(self, pool: OwnPool, place: Place, connection: psycopg.Connection[object]) -> None:
        self._is_over = False
        self._pool = pool
        self._place = place
        self.connection = connection

    def release(self) -> None:
        """Keep the connection for the next caller; close it if it is lost."""
        self._is_over = True
        self._pool.release(self._place, self.connection)

    def __del__(self) -> None:
        """Close a connection that was not released."""
        if not self._is_over:
            self.connection.close()


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
        >>> loan = pool.acquire(30.0)
        >>> loan.connection.execute("SELECT 1").fetchone()
        (1,)
        >>> loan.release()
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

    def acquire(self, timeout: float, /) -> OwnLoan:
        """Lend a connection; wait for at most ``timeout`` for one, or for a server to come back.

        Raises:
            psycopg_pool.PoolTimeout: if all connections are in use.
            psycopg.OperationalError: if the server cannot be reached.
        """
        if self._pid != os.getpid():
            self._leave_to_parent()
        try:
            place = self._places.get(timeout=timeout)
        except Empty:
            raise PoolTimeout(f"all {self._most} connections are in use") from None
        try:
            connection = self._idle.pop() if self._idle else self._connect(time.monotonic() + timeout)
            return OwnLoan(self, place, connection)
        except BaseException:
            self._places.put(place)
            raise

    def release(self, place: Place, connection: psycopg.Connection[object], /) -> None:
        """Keep a connection for the next caller; close it if it is lost."""
        if self._pid != os.getpid():
            self._leave_to_parent(connection)
            return
        try:
            end_transaction(connection)
            if connection.pgconn.transaction_status == TransactionStatus.IDLE:
                self._idle.append(connection)
            else:
                connection.close()
                self._close_idle()  # the same cause may have ended the others
            if self._closed:
                self._close_idle()
        finally:
            self._places.put(place)

    def replace(self, pid: int, /) -> None:
        """Make a place for one that was dropped, unless it was that of another process."""
        if pid == self._pid:
            self._places.put(Place(self))

    def close(self) -> None:
        """Close the idle connections now, and the others when they are released."""
        self._closed = True
        if self._pid == os.getpid():
            self._close_idle()

    def _leave_to_parent(self, *lent: psycopg.Connection[object]) -> None:
        """Begin anew after a fork: closing the parent's connections here would end its sessions there."""
        self._inherited += [*self._idle, *lent]
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._places = SimpleQueue[Place]()
        for _ in range(self._most):
            self._places.put(Place(self))
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
                    prepare(connection)
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
