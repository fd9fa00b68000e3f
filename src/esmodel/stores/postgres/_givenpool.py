"""``GivenPool``: the pool that a caller gave to the store."""

from __future__ import annotations

import contextlib
import os
from contextlib import AbstractContextManager

import psycopg
from psycopg.pq import TransactionStatus

from esmodel.exceptions import StoreError
from esmodel.stores.postgres._pools import end_transaction, prepare
from esmodel.stores.postgres.connections import Connections


class GivenLoan:
    """A connection of the caller's pool.

    Args:
        context: what the pool gave; its end returns the connection.
        connection: the connection.
        was_autocommit: whether it was in autocommit mode.

    Attributes:
        connection: the connection.
    """

    _is_over = True  # until there is a connection: an interrupt may come before

    def __init__(
        self,
        context: AbstractContextManager[psycopg.Connection[object]],
        connection: psycopg.Connection[object],
        *,
        was_autocommit: bool,
    ) -> None:
        self._context = context
        self._was_autocommit = was_autocommit
        self.connection = connection
        self._is_over = False

    def release(self) -> None:
        """Return the connection to the pool idle, with its original autocommit setting, or closed.

        It raises no error of the driver, which would take the place of what ended the call: of an interrupt,
        say, after which the rows may be stored.
        """
        connection = self.connection
        try:
            end_transaction(connection)
            with contextlib.suppress(psycopg.Error):
                if connection.pgconn.transaction_status == TransactionStatus.IDLE:
                    connection.autocommit = self._was_autocommit
                    self._is_over = True
        finally:
            if not self._is_over:
                connection.close()  # the pool replaces it
            with contextlib.suppress(psycopg.Error):
                self._context.__exit__(None, None, None)

    def __del__(self) -> None:
        """Close a connection that was not returned, so that the pool replaces it."""
        if not self._is_over:
            self.connection.close()


class GivenPool:
    """A pool that the caller opened and will close.

    Args:
        pool: the caller's pool.
    """

    def __init__(self, pool: Connections) -> None:
        self._pool = pool
        self._pid = os.getpid()

    def acquire(self, timeout: float, /) -> GivenLoan:
        """Lend a connection; raise the errors of the pool.

        Raises:
            StoreError: in a process that was forked since, where two processes would share its connections.
        """
        if self._pid != os.getpid():
            raise StoreError(
                "PostgreSQL: expected the process that opened the pool, found one that was forked from it: "
                "both would read the answers of each other. Open a pool and a store in the child."
            )
        context = self._pool.connection(timeout)
        connection = context.__enter__()
        loan = GivenLoan(context, connection, was_autocommit=connection.autocommit)
        try:
            if not connection.autocommit:
                connection.autocommit = True
            prepare(connection)
        except BaseException:
            loan.release()
            raise
        return loan

    def close(self) -> None:
        """Leave the pool open."""
