"""Execute statements on the server, and retry those that may run twice."""

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
from esmodel.stores.postgres._failures import ConnectionLostError, translate
from esmodel.stores.postgres._givenpool import GivenPool
from esmodel.stores.postgres._ownpool import OwnPool
from esmodel.stores.postgres._pools import Pool
from esmodel.stores.postgres._statements import BEGIN, COMMIT
from esmodel.stores.postgres.connections import Connections

_FIRST_PAUSE: Final = 0.01  # seconds
_LONGEST_PAUSE: Final = 0.1

Parameter: TypeAlias = int | str | bytes | UUID | Array


class Backoff:
    """The pauses between attempts, each twice as long as the one before, until a deadline."""

    __slots__ = ("_deadline", "_pause")

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._pause = _FIRST_PAUSE

    def wait(self) -> bool:
        """Sleep before the next attempt; return whether there is time for one."""
        if time.monotonic() + self._pause > self._deadline:
            return False
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return True


class Executor:
    """Executes statements, on connections of its own or of a given pool.

    Args:
        source: a connection string, or a pool.
        schema: the schema of the tables, for messages.
        seconds: the timeout of a call.
        most: the most connections of its own.

    Attributes:
        name: the name of the store in messages.
        is_read_committed: whether READ COMMITTED is the default of the sessions.
    """

    def __init__(self, source: str | Connections, schema: str, seconds: float, most: int) -> None:
        self.name = f"PostgreSQL schema {schema}"
        self.is_read_committed = True
        self._seconds = seconds
        self._pool: Pool = OwnPool(source, most, seconds) if isinstance(source, str) else GivenPool(source)
        self._closed = False

    def check_open(self) -> None:
        """Raise ``StoreClosedError`` if the store was closed."""
        if self._closed:
            raise StoreClosedError(f"The store of {self.name} was closed: open a new one.")

    def deadline(self) -> float:
        """Return the time at which a call that begins now times out."""
        return time.monotonic() + self._seconds

    def lock_timeout(self, deadline: float) -> str:
        """Return the time until a deadline in the notation of PostgreSQL."""
        return f"{max(int((deadline - time.monotonic()) * 1_000), 1)}ms"

    def run(
        self,
        statement: bytes,
        parameters: Sequence[Parameter] = (),
        deadline: float | None = None,
        *,
        writes: bool = False,
    ) -> list[TupleRow]:
        """Execute an idempotent statement and return its rows; retry if the connection is lost."""
        if deadline is None:
            deadline = self.deadline()
        backoff = Backoff(deadline)
        while True:
            try:
                return self.run_once(statement, parameters, deadline, writes=writes)
            except ConnectionLostError as lost:
                if not backoff.wait():
                    raise self.translate(lost.error) from lost.error
            except psycopg.Error as error:
                raise self.translate(error) from error

    def run_once(
        self, statement: bytes, parameters: Sequence[Parameter], deadline: float, *, writes: bool = True
    ) -> list[TupleRow]:
        """Execute a statement in a transaction of its own and return its rows.

        Raises:
            ConnectionLostError: if the connection is lost.
            psycopg.Error: if the statement fails.
        """
        self.check_open()
        loan = self._pool.acquire(max(deadline - time.monotonic(), 0.001))
        connection = loan.connection
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
            loan.release()

    def transaction(self) -> AbstractContextManager[psycopg.Cursor[TupleRow]]:
        """Return a context in which statements run in one transaction, at READ COMMITTED."""
        self.check_open()
        return contextmanager(self._transaction)()

    def close(self) -> None:
        """Close the connections of its own."""
        self._closed = True
        self._pool.close()

    def translate(self, error: psycopg.Error) -> StoreError | PayloadError:
        """Return the error to raise for an error of the driver."""
        return translate(error, self.name, self._seconds)

    def _transaction(self) -> Generator[psycopg.Cursor[TupleRow]]:
        try:
            loan = self._pool.acquire(self._seconds)
            try:
                cursor = psycopg.Cursor(loan.connection, row_factory=tuple_row)
                cursor.execute(BEGIN)
                yield cursor
                cursor.execute(COMMIT)
            finally:
                loan.release()
        except psycopg.Error as error:
            raise self.translate(error) from error
