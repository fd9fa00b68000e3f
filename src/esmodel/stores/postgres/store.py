"""The store itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self, TypeAlias
from uuid import UUID

from esmodel.exceptions import PayloadError
from esmodel.rows.bounds import GREATEST, LEAST, bounds_of, check_limit
from esmodel.rows.record import Record, check_record, make_record
from esmodel.stores.postgres._appends import Appends, check_length
from esmodel.stores.postgres._executor import Executor
from esmodel.stores.postgres._names import Names
from esmodel.stores.postgres._statements import Statements
from esmodel.stores.postgres._tables import Tables
from esmodel.stores.postgres.connections import Connections
from esmodel.stores.postgres.schema import PAGE_BYTES, PAGE_ROWS, Order

# Position, name_id, class version, timestamp, data, header, hash.
_Row: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes]
# The same, and the number and the originator id.
_NumberedRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int, UUID]
# The same as the first, and whether it is the snapshot.
_MarkedRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, bool]


class PostgresStore:
    """A record store in one PostgreSQL database (13 or newer), for any number of threads and processes.

    Each append is one statement and one transaction, at READ COMMITTED: one round trip. Reads are one
    statement a page, and hold no transaction between two pages. No state is kept in a session, so that
    the store may stand behind a proxy that pools transactions, such as PgBouncer. A process may fork.

    Where the connection is lost while an append is committed, the store asks the server what became of
    it, for as long as ``timeout``. What is stored is acknowledged; what surely is not is repeated; where
    no answer comes, ``append`` raises ``OutcomeUnknownError``, and ``was_appended`` tells later.

    ================= ============================================ ==================================
    ``order``         what ``read_all`` gives                      cost
    ================= ============================================ ==================================
    ``"dense"``       the order of the commits, as 1, 2, 3 ...     appends commit one at a time
    ``"transaction"`` the order of the transactions' beginnings;   a transaction that is left open
                      what was committed before an append began    anywhere in the cluster, and has
                      comes before it; numbers with gaps           written, holds the reader back
    ================= ============================================ ==================================

    Args:
        connection: a connection string, or a ``psycopg_pool.ConnectionPool``, which stays open.
        order: the order of all rows; it is fixed when the tables are made.
        schema: the PostgreSQL schema of the tables: lower case letters, digits and ``_``.
        timeout: how long a call waits for a connection, for a lock, or for a server that was lost.
        connections: how many connections the store opens at most; a pool that is given has its own.
        migrate: whether to make the tables at once; see ``migrate``.

    Raises:
        PayloadError: if an argument is not one of these.
        StoreError: with ``migrate=True``, if it fails.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.rows import Record
        >>> row = Record(UUID(int=1), 0, "Opened", 0, 0, b"{}")
        >>> with PostgresStore(dsn, migrate=True) as store:  # dsn: "postgresql://..."
        ...     store.append([row])
        ...     list(store.read(UUID(int=1))) == [row]
        True
    """

    def __init__(  # noqa: PLR0913  # because each is a choice of its own
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
                f"schema: expected up to 63 lower case letters, digits and _, and no pg_, found {schema!r}."
            )
        if connections < 1:
            raise PayloadError(f"connections: expected 1 or more, found {connections}.")
        self._executor = Executor(connection, schema, max(timeout.total_seconds(), 0.001), connections)
        self._statements = Statements.of(schema, order)
        self._tables = Tables(self._executor, self._statements, schema, order)
        self._names = Names(self._executor, self._statements)
        self._appends = Appends(self._executor, self._statements, self._names, order)
        if migrate:
            try:
                self.migrate()
            except BaseException:
                self.close()
                raise

    def migrate(self) -> None:
        """Make the tables, or bring them to this version; do nothing where they are.

        Any number of processes may call it at once, while others append. It needs the right to create a
        schema in the database, or one that is there already and in which it may create tables; to bring
        tables to this version, it must be the role that made them. To call it is also what to do with
        ``order="transaction"`` after the tables were restored into another cluster.

        Raises:
            StoreFormatError: if the tables have another order, are of a newer version, or are not ours.
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails; then nothing was changed.
        """
        self._tables.migrate()

    def append(self, records: Sequence[Record], /) -> None:
        """Store all rows, or none.

        Raises:
            ConcurrencyError: if a position is taken, in the store or earlier in ``records``.
            PayloadError: if a number does not fit 64 bits, a name is no text, or the batch is too long.
            OutcomeUnknownError: if the server was lost while it committed, and could not be asked.
            StoreClosedError: if the store was closed.
            StoreFormatError: if the tables are missing, have another order or are of a newer version.
            StoreError: if PostgreSQL fails; then nothing was stored.
        """
        rows = list(records)
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
            self._appends.append(rows)

    def append_streams(self, records: Sequence[Record], /) -> None:
        """Store all rows, which may be of several streams, or none; raises what ``append`` raises."""
        self.append(records)

    def was_appended(self, append_id: UUID, /) -> bool:
        """Whether the rows of an append are stored, all of them.

        An append that is under way is waited for. One that is found not to be stored never will be:
        its id is taken.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails, or the append is under way for longer than ``timeout``; ask
                again.
        """
        self._tables.check()
        return self._appends.was_appended(append_id)

    def read(  # noqa: PLR0913  # because the Protocol says so
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
        """Stream the rows of one stream within the bounds.

        Raises:
            PayloadError: if ``limit`` is negative.
            StoreClosedError: if the store was closed, also while iterating.
            StoreError: if PostgreSQL fails, also while iterating.
        """
        check_limit(limit)
        self._executor.check_open()
        low, high = bounds_of(gt, gte, lt, lte)
        return self._read(originator_id, low, high, limit, descending=descending)

    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash, or ``None`` for a new stream.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails.
        """
        self._tables.check()
        return self._appends.last(originator_id)

    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        """Stream ``(number, row)`` of all streams, in the order that was chosen.

        With ``order="transaction"``, rows beyond the oldest transaction under way are not given yet. A
        number is ``(transaction << 20) + place of the row in its append``, and fits 64 bits.

        Raises:
            PayloadError: if ``limit`` is negative.
            StoreClosedError: if the store was closed, also while iterating.
            StoreError: if PostgreSQL fails, also while iterating.
        """
        check_limit(limit)
        self._executor.check_open()
        return self._read_all(min(max(after, 0), GREATEST), limit)

    def write_snapshot(self, record: Record, /) -> None:
        """Store a snapshot, or replace the one at its position.

        Raises:
            PayloadError: if a number does not fit 64 bits, the name is no text, or the row is too long.
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails.
        """
        check_record(record)
        check_length(len(record.data) + len(record.header) + len(record.event_hash))
        self._tables.check()
        name_id = self._names.ids([record.name])[record.name]
        values = (record.originator_id, record.position, name_id, *record[3:])
        # to write it twice does no harm
        self._executor.ask(self._statements.write_snapshot, values, writes=True)

    def read_snapshot(self, originator_id: UUID, /, *, lte: int | None = None) -> Record | None:
        """Return the latest snapshot at or before a position.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails.
        """
        self._tables.check()
        bound = GREATEST if lte is None else min(lte, GREATEST)
        if bound < LEAST:
            return None
        rows: list[_Row] = self._executor.ask(self._statements.read_snapshot, (originator_id, bound))
        return next(iter(self._records(originator_id, rows)), None)

    def read_from_snapshot(
        self, originator_id: UUID, /, *, lte: int | None = None
    ) -> tuple[Record | None, Iterator[Record]]:
        """Return the latest snapshot at or before a position, and the rows from there to it.

        Both come in one round trip, and of one moment, as far as the first page of the rows reaches.

        Raises:
            StoreClosedError: if the store was closed, also while iterating.
            StoreError: if PostgreSQL fails, also while iterating.
        """
        self._tables.check()
        high = GREATEST if lte is None else min(lte, GREATEST)
        if high < LEAST:
            return None, iter(())
        marked: list[_MarkedRow] = self._executor.ask(
            self._statements.read_from_snapshot, (originator_id, high)
        )
        rows: list[_Row] = [row[:7] for row in marked]
        records = self._records(originator_id, rows)
        snapshot = records.pop(0) if marked and marked[0][7] else None
        more = _may_go_on(rows[-len(records) :], PAGE_ROWS) if records else False
        return snapshot, self._following(records, originator_id, high) if more else iter(records)

    def close(self) -> None:
        """Close the connections, but not a pool that was given. To close twice does no harm."""
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

    def _read(
        self, originator_id: UUID, low: int, high: int, limit: int | None, *, descending: bool
    ) -> Iterator[Record]:
        self._tables.check()
        statement = self._statements.read_descending if descending else self._statements.read
        left = GREATEST if limit is None else limit
        more = True
        while more and left and low <= high:
            size = min(left, PAGE_ROWS)
            rows: list[_Row] = self._executor.ask(statement, (originator_id, low, high, size))
            more = _may_go_on(rows, size)
            left -= len(rows)
            if more and descending:
                high = rows[-1][0] - 1
            elif more:
                low = rows[-1][0] + 1
            records = self._records(originator_id, rows)
            del rows  # a page is kept once, and not while the next one is read
            yield from records
            records.clear()

    def _following(self, page: list[Record], originator_id: UUID, high: int) -> Iterator[Record]:
        """Yield a first page, and the pages after it."""
        low = page[-1].position + 1
        yield from page
        page.clear()
        yield from self._read(originator_id, low, high, None, descending=False)

    def _read_all(self, after: int, limit: int | None) -> Iterator[tuple[int, Record]]:
        self._tables.check()
        left = GREATEST if limit is None else limit
        more = True
        while more and left:
            size = min(left, PAGE_ROWS)
            rows: list[_NumberedRow] = self._executor.ask(self._statements.read_all, (after, size))
            more = _may_go_on(rows, size)
            names = self._names.known({row[1] for row in rows})
            for position, name_id, version, timestamp, data, header, seal, number, stream in rows:
                columns = (stream, position, names[name_id], version, timestamp, data, header, seal)
                yield number, make_record(Record, columns)
                after = number
            left -= len(rows)
            rows.clear()

    def _records(self, stream: UUID, rows: list[_Row]) -> list[Record]:
        names = self._names.known({row[1] for row in rows})
        return [
            make_record(Record, (stream, position, names[name_id], version, timestamp, data, header, seal))
            for position, name_id, version, timestamp, data, header, seal in rows
        ]


def _may_go_on(rows: Sequence[_Row] | Sequence[_NumberedRow], size: int) -> bool:
    """Whether there may be rows after a page: it is full, by their number or by their bytes."""
    return len(rows) == size or sum(len(row[4]) for row in rows) > PAGE_BYTES
