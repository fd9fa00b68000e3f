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
    """One of the places for a connection. One that was dropped is replaced.

    Args:
        places: those of the process.
    """

    __slots__ = ("_places",)

    def __init__(self, places: Places) -> None:
        self._places = ref(places)

    def __del__(self) -> None:
        """Replace the place, if there are places still."""
        places = self._places()
        if places is not None:
            places.free.put(Place(places))


class Places:
    """The places for the connections of one process.

    Args:
        most: how many there are.

    Attributes:
        pid: the process.
        free: the places that have not been lent.
        idle: the connections that have not been lent. The one that was released last is lent first: the
            caches of its session are warm.
    """

    def __init__(self, most: int) -> None:
        self.pid = os.getpid()
        self.idle: list[psycopg.Connection[object]] = []
        self.free = SimpleQueue[Place]()
        for _ in range(most):
            self.free.put(Place(self))

    def close_idle(self) -> None:
        """Close the connections that have not been lent."""
        with contextlib.suppress(IndexError):
            while True:
                self.idle.pop().close()


class OwnLoan:
    """A connection that the store's own pool lends.

    Args:
        pool: the pool.
        places: those of the process.
        place: the place of the connection.
        connection: the connection.

    Attributes:
        connection: the connection.
    """

    _is_over = True  # until there is a connection: an interrupt may come before

    def __init__(
        self, pool: OwnPool, places: Places, place: Place, connection: psycopg.Connection[object]
    ) -> None:
        self._pool = pool
        self._places = places
        self._place = place
        self.connection = connection
        self._is_over = False

    def release(self) -> None:
        """Keep the connection for the next caller; close it if it is lost."""
        self._is_over = True
        connection, places = self.connection, self._places
        if places.pid != os.getpid():
            places.idle.append(connection)  # it is the parent's: closing it here would end its session there
            return
        try:
            end_transaction(connection)
            if connection.pgconn.transaction_status == TransactionStatus.IDLE:
                places.idle.append(connection)
            else:
                connection.close()
                places.close_idle()  # the same cause may have ended the others
            if self._pool.is_closed:
                places.close_idle()
        finally:
            places.free.put(self._place)

    def __del__(self) -> None:
        """Close a connection that was not released; in a forked process, keep the parent's."""
        if not self._is_over:
            if self._places.pid == os.getpid():
                self.connection.close()
            else:
                self._places.idle.append(self.connection)


class OwnPool:
    """A pool without threads: a caller that needs a connection opens it, and the pool keeps it.

    A pool with threads of its own would back off further after each failed attempt to connect, and
    would hide why the attempts fail.

    Args:
        address: a connection string.
        most: the most connections open at once.
        seconds: how long a server may be unresponsive before its connection times out.

    Attributes:
        is_closed: whether the pool was closed, so that no connection is kept.

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
        # By process. After a fork, those of the parent stay: closing a connection here would end its session
        # there.
        self._places = {os.getpid(): Places(most)}
        self.is_closed = False

    def acquire(self, timeout: float, /) -> OwnLoan:
        """Lend a connection; wait for at most ``timeout`` for one, or for a server to come back.

        Raises:
            psycopg_pool.PoolTimeout: if all connections are in use.
            psycopg.OperationalError: if the server cannot be reached.
        """
        pid = os.getpid()
        places = self._places.get(pid)
        if places is None:
            places = self._places.setdefault(pid, Places(self._most))  # threads may come here at once
        try:
            place = places.free.get(timeout=timeout)
        except Empty:
            raise PoolTimeout(f"all {self._most} connections are in use") from None
        try:
            connection = places.idle.pop() if places.idle else self._connect(time.monotonic() + timeout)
            return OwnLoan(self, places, place, connection)
        except BaseException:
            places.free.put(place)
            raise

    def close(self) -> None:
        """Close the idle connections now, and the others when they are released."""
        self.is_closed = True
        places = self._places.get(os.getpid())
        if places is not None:
            places.close_idle()

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
