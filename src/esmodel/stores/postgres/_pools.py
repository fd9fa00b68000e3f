"""``Pool`` and ``Loan``, and what the kinds of pools share."""

from __future__ import annotations

import contextlib
from typing import Protocol

import psycopg
from psycopg.pq import TransactionStatus

from esmodel.exceptions import StoreError
from esmodel.stores.postgres._arrays import Array, ArrayDumper


class Loan(Protocol):
    """A connection that a pool lends.

    Laws:
        1. The connection is idle and in autocommit mode, and nobody else uses it.
        2. A loan that was dropped returns by itself: a signal handler may raise at any instruction, also
           between an acquisition and the block that releases.
    """

    @property
    def connection(self) -> psycopg.Connection[object]:
        """The connection."""
        ...

    def release(self) -> None:
        """Return the connection, in any state."""
        ...


class Pool(Protocol):
    """A pool of connections."""

    def acquire(self, timeout: float, /) -> Loan:
        """Lend a connection; wait for one for at most ``timeout`` seconds."""
        ...

    def close(self) -> None:
        """Close the connections that belong to the store."""
        ...


def prepare(connection: psycopg.Connection[object]) -> None:
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


def end_transaction(connection: psycopg.Connection[object]) -> None:
    if connection.pgconn.transaction_status != TransactionStatus.IDLE:
        with contextlib.suppress(psycopg.Error):
            connection.rollback()
