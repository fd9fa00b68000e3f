"""How statements reach the server."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final, TypeAlias
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow, tuple_row

from esmodel.exceptions import PayloadError, StoreClosedError, StoreError
from esmodel.stores.postgres._arrays import Array
from esmodel.stores.postgres._failures import ConnectionLostError, translated
from esmodel.stores.postgres._pools import GivenPool, OwnPool, Pool
from esmodel.stores.postgres._statements import BEGIN, COMMIT
from esmodel.stores.postgres.connections import Connections

PAUSE: Final = 0.01
"""Seconds before a second attempt; before each that follows, twice as long."""

LONGEST_PAUSE: Final = 0.1
"""Seconds between two attempts at most."""

Parameter: TypeAlias = int | str | bytes | UUID | Array


class Executor:
    """Runs statements, over connections of our own or a pool that was given."""

    def __init__(self, source: str | Connections, schema: str, seconds: float, most: int) -> None:
        self.name = f"PostgreSQL schema {schema}"
        self.is_read_committed = True
        self._seconds = seconds
        self._pool: Pool = OwnPool(source, most, seconds) if isinstance(source, str) else GivenPool(source)
        self._closed = False

    def check_open(self) -> None:
        """Refuse to go on where the store was closed."""
        if self._closed:
            raise StoreClosedError(f"The store of {self.name} was closed: open a new one.")

    def deadline(self) -> float:
        """Return when a call that begins now has taken too long."""
        return time.monotonic() + self._seconds

    def patience(self, deadline: float) -> str:
        """Return the time that is left, as PostgreSQL writes it."""
        return f"{max(int((deadline - time.monotonic()) * 1_000), 1)}ms"

    def ask(
        self,
        statement: bytes,
        parameters: Sequence[Parameter] = (),
        deadline: float | None = None,
        *,
        writes: bool = False,
    ) -> list[TupleRow]:
        """Run a statement that may be run twice: where the connection is lost, it is."""
        if deadline is None:
            deadline = self.deadline()
        pause = PAUSE
        while True:
            try:
                return self.once(statement, parameters, deadline, writes=writes)
            except ConnectionLostError as lost:
                if time.monotonic() + pause > deadline:
                    raise self.translated(lost.error) from lost.error
            except psycopg.Error as error:
                raise self.translated(error) from error
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def once(
        self, statement: bytes, parameters: Sequence[Parameter], deadline: float, *, writes: bool = True
    ) -> list[TupleRow]:
        """Run a statement as a transaction of its own; raise what the driver raises."""
        self.check_open()
        connection = self._pool.take(max(deadline - time.monotonic(), 0.001))
        try:
            cursor = psycopg.Cursor(connection, row_factory=tuple_row)
            if self.is_read_committed or not writes:
                cursor.execute(statement, parameters, prepare=False, binary=True)
            else:
                bounds = psycopg.Cursor(connection)
                with connection.pipeline():  # still one round trip
                    bounds.execute(BEGIN, prepare=False)
                    cursor.execute(statement, parameters, prepare=False, binary=True)
                    bounds.execute(COMMIT, prepare=False)
            return cursor.fetchall()
        except psycopg.Error as error:
            if connection.closed:
                raise ConnectionLostError(error) from error
            raise
        finally:
            self._pool.give_back(connection)

    def transaction(self) -> AbstractContextManager[psycopg.Cursor[TupleRow]]:
        """Run a block within a transaction, at READ COMMITTED."""
        self.check_open()
        return contextmanager(self._transaction)()

    def _transaction(self) -> Generator[psycopg.Cursor[TupleRow]]:
        try:
            connection = self._pool.take(self._seconds)
            try:
                cursor = psycopg.Cursor(connection, row_factory=tuple_row)
                cursor.execute(BEGIN)
                yield cursor
                cursor.execute(COMMIT)
            finally:
                self._pool.give_back(connection)
        except psycopg.Error as error:
            raise self.translated(error) from error

    def close(self) -> None:
        """Close the connections that are our own."""
        self._closed = True
        self._pool.close()

    def translated(self, error: psycopg.Error) -> StoreError | PayloadError:
        """Say what PostgreSQL found, and what to do about it."""
        return translated(error, self.name, self._seconds)
