"""``PostgresStore``: a record store in a PostgreSQL database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from esmodel.exceptions import PayloadError
from esmodel.rows.append import Append, Appended, check_streams
from esmodel.rows.bounds import GREATEST, LEAST, bounds_of, check_limit
from esmodel.rows.checked import Checked
from esmodel.rows.record import Record, check_record
from esmodel.stores.postgres._appends import Appends
from esmodel.stores.postgres._check import check_tables
from esmodel.stores.postgres._executor import Executor
from esmodel.stores.postgres._names import Names
from esmodel.stores.postgres._reads import Reads
from esmodel.stores.postgres._statements import Statements
from esmodel.stores.postgres._tables import Tables
from esmodel.stores.postgres.connections import Connections
from esmodel.stores.postgres.schema import Order

_MOST_SECONDS: Final = 2_000_000.0  # PostgreSQL counts the milliseconds of a timeout in 32 bits


class PostgresStore:
    """A record store in one PostgreSQL database (13 or newer), for any number of threads and processes.

    Each append is one statement and one transaction, at READ COMMITTED: one round trip. Each page of a
    read is one statement, and no transaction stays open between two pages. The store keeps no state in
    a session, so it works behind a proxy that pools transactions, such as PgBouncer. After a fork, it
    works in both processes.

    If the connection is lost during the commit of an append, the store asks the server for the outcome,
    for at most ``timeout``. It acknowledges the append if it was stored, and repeats it if it certainly
    was not. Without an answer, ``append`` raises ``OutcomeUnknownError``, and ``was_appended`` tells the
    outcome later.

    ================= ============================================ ==================================
    ``order``         the order of ``read_all``                    cost
    ================= ============================================ ==================================
    ``"dense"``       commit order, numbered 1, 2, 3 ...           appends commit one at a time
    ``"transaction"`` the order in which transactions began; rows  a transaction anywhere in the
                      committed before an append began come before cluster that has written and stays
                      it; numbers have gaps                        open delays readers
    ================= ============================================ ==================================

    Args:
        connection: a connection string, or a ``psycopg_pool.ConnectionPool``, which stays open.
        order: the order of ``read_all``; it is fixed when the tables are created.
        schema: the PostgreSQL schema of the tables: lower case letters, digits and ``_``.
        timeout: how long a call waits for a connection, for a lock, or for a lost server.
        connections: the most connections that the store opens; a given pool has its own limit.
        migrate: whether to create the tables at once; see ``migrate``.

    Raises:
        PayloadError: if an argument has a wrong value.
        StoreError: if ``migrate=True`` fails.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.rows import Append, Record
        >>> row = Record(UUID(int=1), 0, "Opened", 0, 0, b"{}")
        >>> with PostgresStore(dsn, migrate=True) as store:  # dsn: "postgresql://..."
        ...     appended = store.append(Append([row], after=None))
        ...     list(store.read(UUID(int=1))) == [row]
        True
    """

    def __init__(  # noqa: PLR0913  # because these are independent settings
        self,
        connection: str | Connections,
        *,
        order: Order = "dense",
        schema: str = "esmodel",
        timeout: timedelta = timedelta(seconds=30),
        connections: int = 10,
        migrate: bool = False,
    ) -> None:
        if order not in {"dense", "transaction"}:
            raise PayloadError(f"order: expected 'dense' or 'transaction', found {order!r}.")
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema) or schema.startswith("pg_"):
            raise PayloadError(
                f"schema: expected up to 63 lower case letters, digits and _, not starting with pg_, "
                f"found {schema!r}."
            )
        if connections < 1:
            raise PayloadError(f"connections: expected 1 or more, found {connections}.")
        seconds = min(max(timeout.total_seconds(), 0.001), _MOST_SECONDS)
        self._executor = Executor(connection, schema, seconds, connections)
        self._schema = schema
        self._order: Order = order
        statements = Statements.of(schema, order)
        self._tables = Tables(self._executor, statements, schema, order)
        names = Names(self._executor, statements, self._tables)
        self._appends = Appends(self._executor, statements, self._tables, names, order)
        self._reads = Reads(self._executor, statements, self._tables, names)
        if migrate:
            try:
                self.migrate()
            except BaseException:
                self.close()
                raise

    def migrate(self) -> None:
        """Create the tables, or migrate them to this format; do nothing if they are up to date.

        Any number of processes may call it concurrently, while others append. Creating the tables needs
        the privilege to create a schema in the database, or an existing schema in which the role may
        create tables. Migrating them needs the role that created them. With ``order="transaction"``, call
        it also after the tables were restored into another cluster.

        Raises:
            StoreFormatError: if the tables have another order or a newer format, or are not esmodel's.
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails; nothing was changed.
        """
        self._tables.migrate()

    def append(self, append: Append, /) -> Appended:
        """Store all rows or none, if the stream still ends where the append says.

        Raises:
            ConcurrencyError: if the stream ends elsewhere, or, after ``FREE``, if a position is taken.
            PayloadError: if a number does not fit 64 bits, a name is not valid text, or the rows are too
                long for one call.
            OutcomeUnknownError: if the server was lost during the commit and did not tell the outcome.
            StoreClosedError: if the store was closed.
            StoreFormatError: if the tables are missing, or have another order or a newer format.
            StoreError: if PostgreSQL fails; nothing was stored.
        """
        return self._append([append], append.records)

    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        """Store the rows of all appends or none; raise the errors of ``append``.

        Raises:
            PayloadError: also if two appends are to one stream.
        """
        check_streams(appends)
        appends = [each for each in appends if each.records]
        return self._append(appends, [row for each in appends for row in each.records])

    def _append(self, appends: Sequence[Append], rows: Sequence[Record]) -> Appended:
        for row in rows:
            if not (
                LEAST <= row[1] <= GREATEST and LEAST <= row[3] <= GREATEST and LEAST <= row[4] <= GREATEST
            ):
                check_record(row)
            if not row[2].isascii():
                check_record(row)
        self._executor.check_open()
        if rows:
            self._tables.check()
            self._appends.append(appends, rows)
        return Appended(len(rows))

    def was_appended(self, append_id: UUID, /) -> bool:
        """Tell whether all rows of an append are stored.

        It waits for an append in progress. An append reported as not stored never will be, because its
        id is taken.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails, or the append is in progress for longer than ``timeout``; ask
                again.
        """
        self._tables.check()
        return self._appends.was_appended(append_id)

    def read(  # noqa: PLR0913  # because these are the arguments of the Protocol
        self,
        originator_id: UUID,
        /,
        *,
        gt: int | None = None,
        gte: int | None = None,
        lt: int | None = None,
        lte: int | None = None,
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[Record]:
        """Yield the rows of one stream within the bounds.

        Raises:
            PayloadError: if ``limit`` is negative.
            StoreClosedError: if the store was closed, also while iterating.
            StoreError: if PostgreSQL fails, also while iterating.
        """
        check_limit(limit)
        self._executor.check_open()
        low, high = bounds_of(gt, gte, lt, lte)
        return self._reads.rows(originator_id, low, high, limit, descending=descending)

    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash, or ``None`` for a new stream.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails.
        """
        self._tables.check()
        return self._appends.last(originator_id)

    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        """Yield ``(number, row)`` of all streams in the chosen order.

        With ``order="transaction"``, rows after the oldest transaction in progress come later. A number is
        ``(transaction << 20) + place of the row in its append``, and fits 64 bits.

        Raises:
            PayloadError: if ``limit`` is negative.
            StoreClosedError: if the store was closed, also while iterating.
            StoreError: if PostgreSQL fails, also while iterating.
        """
        check_limit(limit)
        self._executor.check_open()
        return self._reads.numbered_rows(min(max(after, 0), GREATEST), limit)

    def write_snapshot(self, record: Record, /) -> None:
        """Store a snapshot, or replace the one at its position.

        Raises:
            PayloadError: if a number does not fit 64 bits, the name is not valid text, or the row is too
                long.
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails.
        """
        check_record(record)
        self._tables.check()
        self._appends.write_snapshot(record)

    def read_snapshot(self, originator_id: UUID, /, *, lte: int | None = None) -> Record | None:
        """Return the latest snapshot at or before a position.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails.
        """
        self._executor.check_open()
        bound = GREATEST if lte is None else min(lte, GREATEST)
        return None if bound < LEAST else self._reads.snapshot(originator_id, bound)

    def read_from_snapshot(
        self, originator_id: UUID, /, *, lte: int | None = None
    ) -> tuple[Record | None, Iterator[Record]]:
        """Return the latest snapshot at or before a position, and the rows after it up to there.

        One round trip reads the snapshot and the first page of the rows, as of one moment.

        Raises:
            StoreClosedError: if the store was closed, also while iterating.
            StoreError: if PostgreSQL fails, also while iterating.
        """
        self._executor.check_open()
        bound = GREATEST if lte is None else min(lte, GREATEST)
        if bound < LEAST:
            return None, iter(())
        return self._reads.rows_from_snapshot(originator_id, bound)

    def check(self) -> Checked:
        """Check how the streams, rows, names and numbers agree, as of one moment; others may append.

        It reads all rows in one statement, and takes as long. PostgreSQL checks pages itself where the
        cluster has checksums, and indexes with ``pg_amcheck``.

        Raises:
            StoreClosedError: if the store was closed.
            StoreFormatError: if the tables are missing, or have another order or a newer format.
            StoreError: if PostgreSQL fails.
        """
        self._tables.check()
        return check_tables(self._executor, self._schema, self._order)

    def close(self) -> None:
        """Close the connections, but not a given pool. Closing twice is harmless."""
        self._executor.close()

    def __enter__(self) -> Self:
        self._executor.check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.close()
