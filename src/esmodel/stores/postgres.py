"""The store that keeps rows in a PostgreSQL database; needs ``pip install 'esmodel[postgres]'``."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import struct
import time
from datetime import timedelta
from itertools import chain
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self, TypeAlias
from uuid import UUID

from typing_extensions import override

from esmodel.exceptions import (
    ConcurrencyError,
    OutcomeUnknownError,
    PayloadError,
    StoreClosedError,
    StoreError,
    StoreFormatError,
)
from esmodel.persistence.record import Record, check_limit, check_record, make_record

try:
    import psycopg
    from psycopg import errors
    from psycopg.adapt import Dumper
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
    from psycopg.pq import Format, TransactionStatus
    from psycopg.rows import tuple_row
    from psycopg_pool import PoolClosed, PoolTimeout
except ImportError as _failure:
    raise ImportError(
        f"esmodel.stores.postgres: expected psycopg 3 and psycopg_pool, found: {_failure}. "
        "Install them: pip install 'esmodel[postgres]'"
    ) from _failure

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from psycopg.rows import TupleRow

Order: TypeAlias = Literal["dense", "transaction"]
"""Which order ``read_all`` gives; see ``PostgresStore``."""

# Position, name_id, class version, timestamp, data, header, hash.
_Row: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes]
# The same, and the number and the originator id.
_NumberedRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int, UUID]
# The same as the first, and whether it is the snapshot.
_MarkedRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, bool]

_FORMAT = 1
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_PAGE_ROWS, _PAGE_BYTES = 500, 1 << 20
_MOST_BYTES = 1 << 29  # of one append: PostgreSQL takes a message, and a row, of less than 2**30
_PLACES = 20  # bits of a number that tell the place of a row in its append, where order="transaction"
_PAUSE, _LONGEST_PAUSE = 0.01, 0.1  # seconds between two attempts

# In `transaction` order, a number is the transaction's, and the place in its append in the low bits.
# The shift is what `migrate` added to the transaction ids of this cluster; see `_MEND`.
_BASE = {
    # One commit at a time: the counter stays locked until this append is committed.
    "dense": "UPDATE {s}.counter SET last = last + cardinality(_of)"
    " RETURNING last - cardinality(_of) INTO base;",
    "transaction": "base := (SELECT (pg_current_xact_id()::text::bigint + shift)"
    " << {places} FROM {s}.format);",
}
# Nothing that is under way, or begins later, can have a number below that of the oldest transaction
# under way: what is read there is all that there will ever be.
_SETTLED = {
    "dense": "",
    "transaction": "AND number < (SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + shift)"
    " << {places} FROM {s}.format)",
}

# `last` is kept apart from the rows; a hot row is found without the index growing (fillfactor).
# A name comes back as it was appended, any Unicode text, and costs four bytes a row.
# Of two appends at one position one succeeds (PRIMARY KEY); numbers are those of one row (UNIQUE).
# A snapshot never takes part in `read`, `read_all` or `last`.
# An append id is that of one append, or of none for ever (PRIMARY KEY; `stored` says which).
_SCHEMA = """
CREATE TABLE {s}.format (one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL,
    numbering text NOT NULL, shift bigint NOT NULL);
CREATE TABLE {s}.counter (one boolean PRIMARY KEY DEFAULT true CHECK (one), last bigint NOT NULL)
    WITH (fillfactor = 10);
CREATE TABLE {s}.stream (originator_id uuid PRIMARY KEY, last_position bigint NOT NULL,
    last_hash bytea NOT NULL) WITH (fillfactor = 80);
CREATE TABLE {s}.name (name_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE, name bytea NOT NULL);
CREATE TABLE {s}.record (originator_id uuid NOT NULL, position bigint NOT NULL, number bigint NOT NULL,
    class_version bigint NOT NULL, "timestamp" bigint NOT NULL, name_id integer NOT NULL,
    data bytea NOT NULL, header bytea NOT NULL, event_hash bytea NOT NULL,
    CONSTRAINT record_position PRIMARY KEY (originator_id, position),
    CONSTRAINT record_number UNIQUE (number));
CREATE TABLE {s}.snapshot (originator_id uuid NOT NULL, position bigint NOT NULL,
    class_version bigint NOT NULL, "timestamp" bigint NOT NULL, name_id integer NOT NULL,
    data bytea NOT NULL, header bytea NOT NULL, event_hash bytea NOT NULL,
    PRIMARY KEY (originator_id, position));
CREATE TABLE {s}.append (append_id uuid CONSTRAINT append_once PRIMARY KEY, stored boolean NOT NULL);
INSERT INTO {s}.counter (last) VALUES (0);
INSERT INTO {s}.format (version, numbering, shift)
    VALUES ({version}, '{order}', -pg_current_xact_id()::text::bigint);

-- `append` is atomic, and costs one round trip: this is one statement, and so one transaction. Locks
-- are taken in one order by all: the id, the streams as they are sorted, the counter.
CREATE FUNCTION {s}.append_rows(_append_id uuid, _wait text, _streams uuid[], _lasts bigint[],
    _heads bytea[], _of integer[], _positions bigint[], _name_ids integer[], _class_versions bigint[],
    _timestamps bigint[], _data bytea[], _headers bytea[], _hashes bytea[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE base bigint;
BEGIN
    -- Who waits for another's lock does not wait for ever.
    PERFORM set_config('lock_timeout', _wait, true);
    -- What became of it can be asked, and an append that was given up fails here.
    INSERT INTO {s}.append VALUES (_append_id, true);
    -- `last` is the highest position ever appended.
    INSERT INTO {s}.stream AS old SELECT * FROM unnest(_streams, _lasts, _heads)
        ON CONFLICT (originator_id) DO UPDATE
        SET last_position = excluded.last_position, last_hash = excluded.last_hash
        WHERE old.last_position < excluded.last_position;
    {base}
    -- Rows are only ever added; a taken position fails on the primary key.
    INSERT INTO {s}.record
        SELECT _streams[i], p, base + o, v, t, n, d, h, e
        FROM unnest(_of, _positions, _class_versions, _timestamps, _name_ids, _data, _headers, _hashes)
        WITH ORDINALITY AS r (i, p, v, t, n, d, h, e, o);
END $$;

-- The answer is final: an append under way is waited for (it holds the id), and where there is none,
-- the id is taken for ever.
CREATE FUNCTION {s}.was_appended(_append_id uuid, _wait text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('lock_timeout', _wait, true);
    INSERT INTO {s}.append VALUES (_append_id, false) ON CONFLICT DO NOTHING;
    RETURN (SELECT stored FROM {s}.append WHERE append_id = _append_id);
END $$;

-- A name has one id for ever: none is changed or removed.
CREATE FUNCTION {s}.name_ids(_digests bytea[], _names bytea[]) RETURNS TABLE (digest bytea, name_id integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO {s}.name (digest, name) SELECT d, n FROM unnest(_digests, _names) AS new (d, n)
        WHERE NOT EXISTS (SELECT FROM {s}.name WHERE digest = d) ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT digest, name_id FROM {s}.name WHERE digest = ANY (_digests);
END $$;

-- What reads by pages is planned once a session, and walks along the index: where statistics are old
-- or missing, PostgreSQL would rather read and sort all that is left, for each page.

-- The rows of one stream in the order of their positions; a page starts where the last one ended, and
-- ends where it has grown long.
CREATE FUNCTION {s}.read_rows(_id uuid, _low bigint, _high bigint, _most integer) RETURNS TABLE ({types})
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT {columns} FROM (
            SELECT {columns}, sum(octet_length(data)) OVER (ORDER BY position) - octet_length(data) AS before
            FROM {s}.record WHERE originator_id = _id AND position BETWEEN _low AND _high
            ORDER BY position LIMIT _most) AS page
        WHERE before <= {page_bytes};
END $$;

-- The same, from the end.
CREATE FUNCTION {s}.read_rows_descending(_id uuid, _low bigint, _high bigint, _most integer)
RETURNS TABLE ({types})
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT {columns} FROM (
            SELECT {columns},
                sum(octet_length(data)) OVER (ORDER BY position DESC) - octet_length(data) AS before
            FROM {s}.record WHERE originator_id = _id AND position BETWEEN _low AND _high
            ORDER BY position DESC LIMIT _most) AS page
        WHERE before <= {page_bytes};
END $$;

-- Commit order, and nothing that may still get a number in between.
CREATE FUNCTION {s}.read_all(_after bigint, _most integer)
RETURNS TABLE ({types}, number bigint, originator_id uuid)
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT {columns}, number, originator_id FROM (
            SELECT {columns}, number, originator_id,
                sum(octet_length(data)) OVER (ORDER BY number) - octet_length(data) AS before
            FROM {s}.record WHERE number > _after ORDER BY number LIMIT _most) AS page
        WHERE before <= {page_bytes} {settled};
END $$;

-- The snapshot with the highest position within the bound, and the first page of the rows after it: in
-- one round trip, and of one moment (STABLE).
CREATE FUNCTION {s}.read_from_snapshot(_id uuid, _high bigint) RETURNS TABLE ({types}, is_snapshot boolean)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE low bigint := {least};
BEGIN
    SELECT {columns}, true INTO "position", name_id, class_version, "timestamp", data, header, event_hash,
            is_snapshot
        FROM {s}.snapshot AS s WHERE s.originator_id = _id AND s.position <= _high
        ORDER BY s.position DESC LIMIT 1;
    IF FOUND THEN
        RETURN NEXT;
        IF "position" >= _high THEN
            RETURN;
        END IF;
        low := "position" + 1;
    END IF;
    RETURN QUERY SELECT {columns}, false FROM {s}.read_rows(_id, low, _high, {page_rows});
END $$;
"""

# Two processes that migrate at once take turns; the lock goes with the transaction.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('esmodel ' || %s, 0))"
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"  # what others committed before the lock is seen after it
_COMMIT = "COMMIT"
_HAS_SCHEMA = "SELECT count(*) > 0 FROM pg_namespace WHERE nspname = %s"
_HAS_FORMAT = "SELECT count(*) > 0 FROM pg_tables WHERE schemaname = %s AND tablename = 'format'"
# No other version misreads the tables, and no two processes disagree about the order.
_IDENTIFY = """SELECT version, numbering, current_setting('default_transaction_isolation')
    FROM {s}.format"""
# Transaction ids are those of one cluster: where the tables were restored into another, its next
# transaction could be numbered below what is stored already.
_IS_FOREIGN = """SELECT coalesce((SELECT max(number) >> {places} FROM {s}.record) >=
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint + shift, false) FROM {s}.format"""
_MEND = """UPDATE {s}.format SET shift =
    (SELECT max(number) >> {places} FROM {s}.record) - pg_current_xact_id()::text::bigint"""

_APPEND = "SELECT {s}.append_rows(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)"
_WAS_APPENDED = "SELECT {s}.was_appended(%b, %b)"
_NAME_IDS = "SELECT digest, name_id FROM {s}.name_ids(%b, %b)"
_NAMES = "SELECT name_id, name FROM {s}.name WHERE name_id = ANY (%b)"
_LAST = "SELECT last_position, last_hash FROM {s}.stream WHERE originator_id = %b"
# The position that refused the batch is named.
_FIRST_TAKEN = """SELECT min(o) FROM unnest(%b::uuid[], %b::bigint[]) WITH ORDINALITY AS r (i, p, o)
    JOIN {s}.record ON originator_id = i AND position = p"""
_TYPES = (
    '"position" bigint, name_id integer, class_version bigint, "timestamp" bigint, data bytea,'
    " header bytea, event_hash bytea"
)
_COLUMNS = 'position, name_id, class_version, "timestamp", data, header, event_hash'
_READ = "SELECT * FROM {s}.read_rows(%b, %b, %b, %b)"
_READ_DESCENDING = "SELECT * FROM {s}.read_rows_descending(%b, %b, %b, %b)"
_READ_ALL = "SELECT * FROM {s}.read_all(%b, %b)"
_READ_FROM_SNAPSHOT = "SELECT * FROM {s}.read_from_snapshot(%b, %b)"
# Writing a snapshot at a position that has one replaces it.
_WRITE_SNAPSHOT = """INSERT INTO {s}.snapshot (originator_id, {columns})
    VALUES (%b, %b, %b, %b, %b, %b, %b, %b) ON CONFLICT (originator_id, position) DO UPDATE SET
    name_id = excluded.name_id, class_version = excluded.class_version,
    "timestamp" = excluded."timestamp", data = excluded.data, header = excluded.header,
    event_hash = excluded.event_hash"""
# The snapshot with the highest position within the bound.
_READ_SNAPSHOT = """SELECT {columns} FROM {s}.snapshot
    WHERE originator_id = %b AND position <= %b ORDER BY position DESC LIMIT 1"""

_ADVICE = {
    "": "Check that the server runs, and the connection string.",
    "08": "Check that the server runs, and the connection string.",
    "25": "Connect to the primary server, as a role that may write.",
    "28": "Check the user and the password of the connection string.",
    "3D": "Create the database, or correct the connection string.",
    "40": "Try again.",
    "42": "Give the role the rights that it needs: see docs/stores.md.",
    "53": "Give the server more memory, disk or connections, or use fewer.",
    "55": "Another transaction keeps it locked: wait, or set a longer timeout.",
    "57": "The server ended the session or the statement: try again.",
    "58": "Look at the disk and the log of the server.",
    "XX": "Stop; look at the log of the server, and restore the database from a backup.",
}
_MISSING = {"3F000", "42P01", "42883", "42703"}  # a schema, a table, a function, a column
_TAKEN = {"42P07", "42723", "42710"}  # a table, a function, another object
_LENGTH = struct.Struct("!i")
_EMPTY = struct.pack("!2i", 0, 0)  # no dimension, no NULL

_Parameter: TypeAlias = "int | str | bytes | UUID | _Array"


class Connections(Protocol):
    """What lends connections: a ``psycopg_pool.ConnectionPool``.

    Laws:
        1. ``connection`` lends a connection that nobody else uses meanwhile.
    """

    def connection(self, timeout: float | None = None) -> AbstractContextManager[psycopg.Connection[object]]:
        """Lend a connection; wait for one at most ``timeout`` seconds."""
        ...


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
        >>> from esmodel.persistence.record import Record
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
        self._order: Order = order
        self._schema = schema
        self._line = _Line(connection, schema, max(timeout.total_seconds(), 0.001), connections)
        self._sql = _Statements.of(schema, order)
        self._ready = False
        self._name_ids: dict[str, int] = {}
        self._names: dict[int, str] = {}
        if migrate:
            try:
                self.migrate()
            except BaseException:
                self.close()
                raise

    def migrate(self) -> None:
        """Make the tables, or bring them to this version; do nothing where they are.

        Any number of processes may call it at once. It needs the right to create a schema in the
        database, or one that is there already and in which it may create tables. To call it is also
        what to do with ``order="transaction"`` after the tables were restored into another cluster.

        Raises:
            StoreFormatError: if the tables have another order, are of a newer version, or are not ours.
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails; then nothing was changed.
        """
        try:
            with self._line.lend(self._line.deadline()) as cursor:
                self._migrate(cursor)
        except _ConnectionLostError as lost:
            raise self._line.translate(lost.error) from lost.error
        except psycopg.Error as error:
            raise self._line.translate(error) from error

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
                _LEAST <= row[1] <= _GREATEST
                and _LEAST <= row[3] <= _GREATEST
                and _LEAST <= row[4] <= _GREATEST
            ):
                check_record(row)
            if not row[2].isascii():
                check_record(row)
        self._line.check_open()
        if rows:
            self._check_ready()
            self._append(rows)

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
        self._check_ready()
        return self._was_appended(append_id, self._line.deadline())

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
        self._line.check_open()
        low, high = _LEAST, _GREATEST
        if gt is not None:
            low = max(low, gt + 1)
        if gte is not None:
            low = max(low, gte)
        if lt is not None:
            high = min(high, lt - 1)
        if lte is not None:
            high = min(high, lte)
        return self._read(originator_id, low, high, limit, descending=descending)

    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash, or ``None`` for a new stream.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails.
        """
        self._check_ready()
        rows: list[tuple[int, bytes]] = self._line.ask(self._sql.last, (originator_id,))
        return rows[0] if rows else None

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
        self._line.check_open()
        return self._read_all(min(max(after, 0), _GREATEST), limit)

    def write_snapshot(self, record: Record, /) -> None:
        """Store a snapshot, or replace the one at its position.

        Raises:
            PayloadError: if a number does not fit 64 bits, the name is no text, or the row is too long.
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails.
        """
        check_record(record)
        _check_length(len(record.data) + len(record.header) + len(record.event_hash))
        self._check_ready()
        name_id = self._ids([record.name])[record.name]
        values = (record.originator_id, record.position, name_id, *record[3:])
        # to write it twice does no harm
        self._line.ask(self._sql.write_snapshot, values, writes=True)

    def read_snapshot(self, originator_id: UUID, /, *, lte: int | None = None) -> Record | None:
        """Return the latest snapshot at or before a position.

        Raises:
            StoreClosedError: if the store was closed.
            StoreError: if PostgreSQL fails.
        """
        self._check_ready()
        bound = _GREATEST if lte is None else min(lte, _GREATEST)
        if bound < _LEAST:
            return None
        rows: list[_Row] = self._line.ask(self._sql.read_snapshot, (originator_id, bound))
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
        self._check_ready()
        high = _GREATEST if lte is None else min(lte, _GREATEST)
        if high < _LEAST:
            return None, iter(())
        marked: list[_MarkedRow] = self._line.ask(self._sql.read_from_snapshot, (originator_id, high))
        rows: list[_Row] = [row[:7] for row in marked]
        records = self._records(originator_id, rows)
        snapshot = records.pop(0) if marked and marked[0][7] else None
        return snapshot, self._continue(records, originator_id, high)

    def close(self) -> None:
        """Close the connections, but not a pool that was given. To close twice does no harm."""
        self._line.close()

    def __enter__(self) -> Self:
        self._line.check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.close()

    def _append(self, rows: list[Record]) -> None:
        name_ids = self._ids(dict.fromkeys(row[2] for row in rows))
        columns = _columns(rows, name_ids)
        _check_length(sum(len(each.data) for each in columns))
        if len(rows) >= 1 << _PLACES and self._order == "transaction":
            raise PayloadError(f"append: expected fewer than {1 << _PLACES} rows, found {len(rows)}.")
        deadline = self._line.deadline()
        pause = _PAUSE
        while True:
            append_id = _new_append_id()
            try:
                self._line.once(
                    self._sql.append, (append_id, self._line.patience(deadline), *columns), deadline
                )
            except _ConnectionLostError as lost:
                if self._became_of(append_id, lost):
                    return
                # It is not stored and never will be: it may be tried once more, under another id.
                if time.monotonic() + pause > deadline:
                    raise self._line.translate(lost.error) from lost.error
            except (errors.UniqueViolation, errors.SerializationFailure, errors.DeadlockDetected) as error:
                raise self._conflict(rows, error) from error
            except psycopg.Error as error:
                raise self._line.translate(error) from error
            else:
                return
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _became_of(self, append_id: UUID, lost: _ConnectionLostError) -> bool:
        try:
            return self._was_appended(append_id, self._line.deadline())
        except StoreError as error:
            raise OutcomeUnknownError(append_id, str(error).rstrip(".")) from lost.error

    def _was_appended(self, append_id: UUID, deadline: float) -> bool:
        answers: list[tuple[bool]] = self._line.ask(
            self._sql.was_appended, (append_id, self._line.patience(deadline)), deadline, writes=True
        )
        return answers[0][0]

    def _conflict(self, rows: list[Record], error: psycopg.Error) -> ConcurrencyError | StoreError:
        """Say which stream refused a batch, and where it ends."""
        constraint = error.diag.constraint_name
        if isinstance(error, errors.UniqueViolation) and constraint != "record_position":
            return StoreError(
                f"{self._line.name}: PostgreSQL found: {error}. The append was given up meanwhile, or the "
                "tables do not fit each other: try again, and look at them if it stays so."
            )
        keys = [(row[0], row[1]) for row in rows]
        firsts: dict[UUID, int] = {}
        for stream, position in keys:
            firsts.setdefault(stream, position)
        found: list[tuple[int | None]] = self._line.ask(
            self._sql.first_taken, (_uuids([key[0] for key in keys]), _integers([key[1] for key in keys]))
        )
        seen: set[tuple[UUID, int]] = set()
        ordinal = found[0][0] or len(rows)
        for number, key in enumerate(keys[:ordinal], 1):
            if key in seen:
                ordinal = number
                break
            seen.add(key)
        stream = keys[ordinal - 1][0] if isinstance(error, errors.UniqueViolation) else keys[0][0]
        last = self.last(stream)
        return ConcurrencyError(stream, firsts[stream] - 1, -1 if last is None else last[0])

    def _read(
        self, originator_id: UUID, low: int, high: int, limit: int | None, *, descending: bool
    ) -> Iterator[Record]:
        self._check_ready()
        statement = self._sql.read_descending if descending else self._sql.read
        left = _GREATEST if limit is None else limit
        more = True
        while more and left and low <= high:
            size = min(left, _PAGE_ROWS)
            rows: list[_Row] = self._line.ask(statement, (originator_id, low, high, size))
            more = _may_go_on(rows, size)
            yield from self._records(originator_id, rows)
            left -= len(rows)
            if more and descending:
                high = rows[-1][0] - 1
            elif more:
                low = rows[-1][0] + 1

    def _continue(self, page: list[Record], originator_id: UUID, high: int) -> Iterator[Record]:
        """Yield a first page, and the pages after it."""
        yield from page
        if len(page) == _PAGE_ROWS or sum(len(row.data) for row in page) > _PAGE_BYTES:
            yield from self._read(originator_id, page[-1].position + 1, high, None, descending=False)

    def _read_all(self, after: int, limit: int | None) -> Iterator[tuple[int, Record]]:
        self._check_ready()
        left = _GREATEST if limit is None else limit
        more = True
        while more and left:
            size = min(left, _PAGE_ROWS)
            rows: list[_NumberedRow] = self._line.ask(self._sql.read_all, (after, size))
            more = _may_go_on(rows, size)
            names = self._known({row[1] for row in rows})
            for position, name_id, version, timestamp, data, header, seal, number, stream in rows:
                columns = (stream, position, names[name_id], version, timestamp, data, header, seal)
                yield number, make_record(Record, columns)
                after = number
            left -= len(rows)

    def _records(self, stream: UUID, rows: list[_Row]) -> list[Record]:
        names = self._known({row[1] for row in rows})
        return [
            make_record(Record, (stream, position, names[name_id], version, timestamp, data, header, seal))
            for position, name_id, version, timestamp, data, header, seal in rows
        ]

    def _known(self, name_ids: set[int]) -> dict[int, str]:
        """Return all names, after those that are not known yet were asked for."""
        if missing := name_ids - self._names.keys():
            found: list[tuple[int, bytes]] = self._line.ask(
                self._sql.names, (_short_integers(list(missing)),)
            )
            self._names.update((name_id, name.decode()) for name_id, name in found)
        return self._names

    def _ids(self, names: Iterable[str]) -> dict[str, int]:
        """Return the ids of all names, after those that have none yet were given one."""
        missing = {
            hashlib.sha256(name.encode()).digest(): name for name in names if name not in self._name_ids
        }
        if missing:
            digests = sorted(missing)  # two that add the same names do not wait for each other in turn
            parameters = (_bytes(digests), _bytes([missing[digest].encode() for digest in digests]))
            found: list[tuple[bytes, int]] = self._line.ask(self._sql.name_ids, parameters, writes=True)
            self._name_ids.update((missing[digest], name_id) for digest, name_id in found)
        return self._name_ids

    def _check_ready(self) -> None:
        """Refuse tables that are missing or not what we would write, once."""
        self._line.check_open()
        if not self._ready:
            self._check_format(self._line.ask(self._sql.identify))
            if self._order == "transaction" and _is_true(self._line.ask(self._sql.is_foreign)):
                raise StoreFormatError(
                    f"{self._line.name}: expected rows of this cluster, found rows that were restored from "
                    "another, whose transaction ids run ahead. Call store.migrate()."
                )
            self._ready = True

    def _check_format(self, rows: list[TupleRow]) -> None:
        found: list[tuple[int, str, str]] = rows
        if not found:
            raise StoreFormatError(f"{self._line.name}: expected one row in format, found none. Restore it.")
        ((version, order, level),) = found
        if version != _FORMAT:
            raise StoreFormatError(
                f"{self._line.name}: expected format {_FORMAT}, found {version}. Upgrade esmodel."
            )
        if order != self._order:
            raise StoreFormatError(
                f"{self._line.name}: expected order {self._order!r}, found {order!r}, which is fixed: "
                f"open it with PostgresStore(..., order={order!r})."
            )
        self._line.is_read_committed = level == "read committed"

    def _migrate(self, cursor: psycopg.Cursor[TupleRow]) -> None:
        cursor.execute(_BEGIN)
        cursor.execute(_LOCK, (self._schema,))
        if not _is_true(cursor.execute(_HAS_SCHEMA, (self._schema,)).fetchall()):
            cursor.execute(self._sql.create_schema)
        if not _is_true(cursor.execute(_HAS_FORMAT, (self._schema,)).fetchall()):
            cursor.execute(self._sql.create_tables)
        else:
            self._check_format(cursor.execute(self._sql.identify).fetchall())
            if self._order == "transaction" and _is_true(cursor.execute(self._sql.is_foreign).fetchall()):
                cursor.execute(self._sql.lock_records)
                cursor.execute(self._sql.mend)
        cursor.execute(_COMMIT)


class _ConnectionLostError(Exception):
    """The connection was lost: what was sent may have been done, or not."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__(error)
        self.error = error


class _Statements(NamedTuple):
    """The statements, for one schema and order."""

    create_schema: bytes
    create_tables: bytes
    identify: bytes
    is_foreign: bytes
    lock_records: bytes
    mend: bytes
    append: bytes
    was_appended: bytes
    name_ids: bytes
    names: bytes
    last: bytes
    first_taken: bytes
    read: bytes
    read_descending: bytes
    read_all: bytes
    write_snapshot: bytes
    read_snapshot: bytes
    read_from_snapshot: bytes

    @classmethod
    def of(cls, schema: str, order: Order) -> _Statements:
        s = f'"{schema}"'  # it may be a word of SQL
        facts = {
            "s": s,
            "version": _FORMAT,
            "order": order,
            "types": _TYPES,
            "columns": _COLUMNS,
            "places": _PLACES,
            "least": _LEAST,
            "page_rows": _PAGE_ROWS,
            "page_bytes": _PAGE_BYTES,
        }
        parts = {
            **facts,
            "base": _BASE[order].format_map(facts),
            "settled": _SETTLED[order].format_map(facts),
        }
        texts = (
            "CREATE SCHEMA {s}",
            _SCHEMA,
            _IDENTIFY,
            _IS_FOREIGN,
            "LOCK TABLE {s}.record IN EXCLUSIVE MODE",
            _MEND,
            _APPEND,
            _WAS_APPENDED,
            _NAME_IDS,
            _NAMES,
            _LAST,
            _FIRST_TAKEN,
            _READ,
            _READ_DESCENDING,
            _READ_ALL,
            _WRITE_SNAPSHOT,
            _READ_SNAPSHOT,
            _READ_FROM_SNAPSHOT,
        )
        return cls(*(text.format_map(parts).encode() for text in texts))


class _Line:
    """How statements reach the server, over connections of our own or a pool that was given."""

    def __init__(self, source: str | Connections, schema: str, seconds: float, most: int) -> None:
        self.name = f"PostgreSQL schema {schema}"
        self.is_read_committed = True
        self._seconds = seconds
        self._own: _OwnConnections | None = None
        if isinstance(source, str):
            self._own = _OwnConnections(source, most, seconds)
            self._connections: Connections = self._own
        else:
            self._connections = source
        self._closed = False

    def check_open(self) -> None:
        if self._closed:
            raise StoreClosedError(f"The store of {self.name} was closed: open a new one.")

    def deadline(self) -> float:
        return time.monotonic() + self._seconds

    def patience(self, deadline: float) -> str:
        """Return the time that is left, as PostgreSQL writes it."""
        return f"{max(int((deadline - time.monotonic()) * 1_000), 1)}ms"

    def ask(
        self,
        statement: bytes,
        parameters: Sequence[_Parameter] = (),
        deadline: float | None = None,
        *,
        writes: bool = False,
    ) -> list[TupleRow]:
        """Run a statement that may be run twice: where the connection is lost, it is."""
        if deadline is None:
            deadline = self.deadline()
        pause = _PAUSE
        while True:
            try:
                return self.once(statement, parameters, deadline, writes=writes)
            except _ConnectionLostError as lost:
                if time.monotonic() + pause > deadline:
                    raise self.translate(lost.error) from lost.error
            except psycopg.Error as error:
                raise self.translate(error) from error
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def once(
        self, statement: bytes, parameters: Sequence[_Parameter], deadline: float, *, writes: bool = True
    ) -> list[TupleRow]:
        """Run a statement as a transaction of its own; raise what the driver raises."""
        with self.lend(deadline) as cursor:
            if self.is_read_committed or not writes:
                cursor.execute(statement, parameters, prepare=False, binary=True)
            else:
                bounds = psycopg.Cursor(cursor.connection)
                with cursor.connection.pipeline():  # still one round trip
                    bounds.execute(_BEGIN, prepare=False)
                    cursor.execute(statement, parameters, prepare=False, binary=True)
                    bounds.execute(_COMMIT, prepare=False)
            return cursor.fetchall() if cursor.description else []

    def lend(self, deadline: float) -> AbstractContextManager[psycopg.Cursor[TupleRow]]:
        """Lend a cursor whose connection begins no transaction by itself."""
        return contextlib.contextmanager(self._lend)(deadline)

    def _lend(self, deadline: float) -> Generator[psycopg.Cursor[TupleRow]]:
        self.check_open()
        with self._connections.connection(max(deadline - time.monotonic(), 0.001)) as connection:
            was_autocommit = connection.autocommit
            try:
                if not was_autocommit:
                    connection.autocommit = True
                with psycopg.Cursor(connection, row_factory=tuple_row) as cursor:
                    cursor.adapters.register_dumper(_Array, _ArrayDumper)
                    yield cursor
            except psycopg.Error as error:
                if connection.closed:
                    raise _ConnectionLostError(error) from error
                raise
            finally:
                if connection.info.transaction_status != TransactionStatus.IDLE:
                    with contextlib.suppress(psycopg.Error):  # the pool replaces one that was lost
                        connection.rollback()
                if not (was_autocommit or connection.closed):
                    connection.autocommit = False

    def close(self) -> None:
        self._closed = True
        if self._own is not None:
            self._own.close()

    def translate(self, error: psycopg.Error) -> StoreError | PayloadError:
        """Say what PostgreSQL found, and what to do about it."""
        state = error.sqlstate or ""
        finding = (error.diag.message_primary or " ".join(str(error).split())).rstrip(".")
        if isinstance(error, PoolClosed):
            return StoreClosedError(f"The pool of {self.name} was closed: open a new one.")
        if isinstance(error, PoolTimeout):
            return StoreError(
                f"{self.name}: expected a connection within {self._seconds} s, found none: {finding}. "
                "Check that the server runs, or allow more connections."
            )
        if state in _MISSING:
            return StoreFormatError(
                f"{self.name}: expected the tables of esmodel, found: {finding}. Call store.migrate()."
            )
        if state in _TAKEN:
            return StoreFormatError(
                f"{self.name}: expected no tables but those of esmodel, found: {finding}. Choose another "
                "schema: PostgresStore(..., schema=...). Nothing was changed."
            )
        if state.startswith("54"):
            return PayloadError(f"{self.name}: expected a row that PostgreSQL can hold: {finding}.")
        advice = _ADVICE.get(state[:2], "See the error of PostgreSQL.")
        return StoreError(f"{self.name}: PostgreSQL found: {finding}. {advice}")


class _OwnConnections:
    """Connections that are opened when they are needed, by the thread that needs one, and kept.

    A pool with threads of its own would wait longer and longer between two attempts to connect, and
    keep to itself why they fail.
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
        self._free = BoundedSemaphore(self._most)
        self._lock = Lock()
        self._idle: list[psycopg.Connection[TupleRow]] = []

    def connection(self, timeout: float | None = None) -> AbstractContextManager[psycopg.Connection[object]]:
        return contextlib.contextmanager(self._lend)(self._seconds if timeout is None else timeout)

    def close(self) -> None:
        self._closed = True
        if self._pid == os.getpid():
            self._close_idle()

    def _lend(self, timeout: float) -> Generator[psycopg.Connection[object]]:
        if self._pid != os.getpid():
            # After a fork, these are the parent's: to close one here would end its session there.
            self._inherited += self._idle
            self._begin()
        deadline = time.monotonic() + timeout
        if not self._free.acquire(timeout=timeout):
            raise PoolTimeout(f"all {self._most} are in use")
        try:
            connection = self._take(deadline)
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self._free.release()

    def _take(self, deadline: float) -> psycopg.Connection[TupleRow]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        while True:
            try:
                # Nothing is prepared: the next transaction may be in another session.
                source = self._with_timeout(deadline)
                connection = psycopg.connect(source, autocommit=True, prepare_threshold=None)
            except psycopg.OperationalError:
                # A server that was there once is waited for.
                if not self._was_connected or time.monotonic() + _LONGEST_PAUSE > deadline:
                    raise
            else:
                self._was_connected = True
                return connection
            time.sleep(_LONGEST_PAUSE)

    def _with_timeout(self, deadline: float) -> str:
        if "connect_timeout" in conninfo_to_dict(self._source):
            return self._source
        return make_conninfo(self._source, connect_timeout=max(int(deadline - time.monotonic()), 2))

    def _give_back(self, connection: psycopg.Connection[TupleRow]) -> None:
        if connection.info.transaction_status == TransactionStatus.IDLE:
            with self._lock:
                self._idle.append(connection)
        else:
            connection.close()
            self._close_idle()  # what ended this one may have ended them all
        if self._closed:
            self._close_idle()

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


class _Array:
    """An array in the binary format of PostgreSQL: packed in a third of the driver's time."""

    __slots__ = ("data",)

    def __init__(self, oid: int, length: int, items: bytes) -> None:
        # one dimension without NULL, and its lower bound
        self.data = struct.pack("!5i", 1, 0, oid, length, 1) + items if length else _EMPTY + oid.to_bytes(4)


class _ArrayDumper(Dumper):
    """Gives an array as it is; the parameter's place says of which type."""

    format = Format.BINARY

    @override
    def dump(self, obj: _Array) -> bytes:
        return obj.data


def _integers(numbers: list[int]) -> _Array:
    return _Array(20, len(numbers), _pack("iq", 8, numbers))


def _short_integers(numbers: list[int]) -> _Array:
    return _Array(23, len(numbers), _pack("ii", 4, numbers))


def _pack(code: str, size: int, numbers: list[int]) -> bytes:
    sized = [size] * (2 * len(numbers))
    sized[1::2] = numbers
    return struct.pack("!" + code * len(numbers), *sized)


def _uuids(ids: Iterable[UUID]) -> _Array:
    return _byte_strings(2950, [each.bytes for each in ids])


def _bytes(values: list[bytes]) -> _Array:
    return _byte_strings(17, values)


def _byte_strings(oid: int, values: list[bytes]) -> _Array:
    lengths = map(_LENGTH.pack, map(len, values))
    return _Array(oid, len(values), b"".join(chain.from_iterable(zip(lengths, values, strict=True))))


def _columns(rows: list[Record], name_ids: dict[str, int]) -> list[_Array]:
    """Return what is stored: the ends of the streams, in the order of their ids, and the rows."""
    heads: dict[UUID, Record] = {}
    for row in rows:
        head = heads.get(row[0])
        if head is None or row[1] > head[1]:
            heads[row[0]] = row
    # All writers lock the streams in this order, and so never wait for each other in a circle.
    streams = sorted(heads)
    ends = [heads[stream] for stream in streams]
    ordinals = {stream: number for number, stream in enumerate(streams, 1)}
    return [
        _uuids(streams),
        _integers([row[1] for row in ends]),
        _bytes([row[7] for row in ends]),
        _short_integers([ordinals[row[0]] for row in rows]),
        _integers([row[1] for row in rows]),
        _short_integers([name_ids[row[2]] for row in rows]),
        _integers([row[3] for row in rows]),
        _integers([row[4] for row in rows]),
        _bytes([row[5] for row in rows]),
        _bytes([row[6] for row in rows]),
        _bytes([row[7] for row in rows]),
    ]


def _new_append_id() -> UUID:
    """Return a UUID of version 7: ids that are made one after the other lie together in the index."""
    milliseconds = (time.time_ns() // 1_000_000) & 0xFFFFFFFFFFFF
    chance = int.from_bytes(os.urandom(10))
    return UUID(int=milliseconds << 80 | 7 << 76 | (chance >> 4 & 0xFFF) << 64 | 2 << 62 | chance >> 18)


def _is_true(rows: list[TupleRow]) -> bool:
    found: list[tuple[bool]] = rows
    return bool(found and found[0][0])


def _may_go_on(rows: Sequence[_Row] | Sequence[_NumberedRow], size: int) -> bool:
    """Whether there may be rows after a page: it is full, by their number or by their bytes."""
    return len(rows) == size or sum(len(row[4]) for row in rows) > _PAGE_BYTES


def _check_length(length: int) -> None:
    if length > _MOST_BYTES:
        raise PayloadError(
            f"PostgresStore: expected at most {_MOST_BYTES:,} bytes in one call, found {length:,}."
        )
