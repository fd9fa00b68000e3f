"""How statements reach the server."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, TypeAlias
from uuid import UUID
from weakref import WeakSet

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow, tuple_row
from typing_extensions import override

from esmodel.exceptions import PayloadError, StoreClosedError, StoreError
from esmodel.stores.postgres._arrays import Array, ArrayDumper
from esmodel.stores.postgres._failures import ConnectionLostError, translated
from esmodel.stores.postgres._statements import BEGIN, COMMIT
from esmodel.stores.postgres.connections import Connections, OwnConnections

PAUSE: Final = 0.01
"""Seconds before a second attempt; before each that follows, twice as long."""

LONGEST_PAUSE: Final = 0.1
"""Seconds between two attempts at most."""

Parameter: TypeAlias = int | str | bytes | UUID | Array


class Line:
    """Runs statements, over connections of our own or a pool that was given."""

    def __init__(self, source: str | Connections, schema: str, seconds: float, most: int) -> None:
        self.name = f"PostgreSQL schema {schema}"
        self.is_read_committed = True
        self._seconds = seconds
        self._own: OwnConnections | None = None
        if isinstance(source, str):
            self._own = OwnConnections(source, most, seconds)
            self._connections: Connections = self._own
        else:
            self._connections = source
        self._closed = False
        self._known = WeakSet[psycopg.Connection[object]]()

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
        with self.lend(deadline) as cursor:
            if self.is_read_committed or not writes:
                cursor.execute(statement, parameters, prepare=False, binary=True)
            else:
                bounds = psycopg.Cursor(cursor.connection)
                with cursor.connection.pipeline():  # still one round trip
                    bounds.execute(BEGIN, prepare=False)
                    cursor.execute(statement, parameters, prepare=False, binary=True)
                    bounds.execute(COMMIT, prepare=False)
            return cursor.fetchall()

    def lend(self, deadline: float) -> AbstractContextManager[psycopg.Cursor[TupleRow]]:
        """Lend a cursor whose connection begins no transaction by itself."""
        self.check_open()
        return _Lent(self._connections.connection(max(deadline - time.monotonic(), 0.001)), self._known)

    def close(self) -> None:
        """Close the connections that are our own."""
        self._closed = True
        if self._own is not None:
            self._own.close()

    def translated(self, error: psycopg.Error) -> StoreError | PayloadError:
        """Say what PostgreSQL found, and what to do about it."""
        return translated(error, self.name, self._seconds)


class _Lent(AbstractContextManager[psycopg.Cursor[TupleRow]]):
    """A cursor for a block, whose connection goes back as it came: idle."""

    __slots__ = ("_connection", "_known", "_loan", "_was_autocommit")

    def __init__(
        self,
        loan: AbstractContextManager[psycopg.Connection[object]],
        known: WeakSet[psycopg.Connection[object]],
    ) -> None:
        self._loan = loan
        self._known = known

    @override
    def __enter__(self) -> psycopg.Cursor[TupleRow]:
        self._connection = connection = self._loan.__enter__()
        try:
            self._was_autocommit = connection.autocommit
            if not self._was_autocommit:
                connection.autocommit = True
            if connection not in self._known:
                connection.adapters.register_dumper(Array, ArrayDumper)
                self._known.add(connection)
            cursor = psycopg.Cursor(connection, row_factory=tuple_row)
        except BaseException as error:
            self._loan.__exit__(type(error), error, error.__traceback__)
            raise
        return cursor

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        connection = self._connection
        try:
            if connection.pgconn.transaction_status != TransactionStatus.IDLE:
                with contextlib.suppress(psycopg.Error):  # the pool replaces one that was lost
                    connection.rollback()
            if not (self._was_autocommit or connection.closed):
                connection.autocommit = False
        finally:
            self._loan.__exit__(kind, error, traceback)
        if isinstance(error, psycopg.Error) and connection.closed:
            raise ConnectionLostError(error) from error
