"""``Appends``: store rows, and find out whether an append was stored if its answer was lost."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import psycopg
from psycopg import errors

from esmodel.exceptions import ConcurrencyError, OutcomeUnknownError, PayloadError, StoreError
from esmodel.rows.append import Append, last_known
from esmodel.rows.record import Record
from esmodel.stores.postgres._arrays import Columns, columns_of, integers, stream_of, uuids
from esmodel.stores.postgres._executor import Backoff, Executor, Parameter
from esmodel.stores.postgres._failures import ConnectionLostError
from esmodel.stores.postgres._names import Names
from esmodel.stores.postgres._statements import Statements
from esmodel.stores.postgres._tables import Tables
from esmodel.stores.postgres.schema import CONTINUES, NOT_READ_COMMITTED, PLACES, UNKNOWN_NAME, Order

_MOST_BYTES: Final = 1 << 29  # in one append: a message, and a row, of PostgreSQL is shorter than 2**30
_COMPARES: Final = 3  # the format since which `append_rows` compares the ends of the streams
_CONFLICTS: Final = (errors.UniqueViolation, errors.SerializationFailure, errors.DeadlockDetected)


class Appends:
    """Stores rows, each append under an id by which its outcome can be found out."""

    def __init__(
        self, executor: Executor, statements: Statements, tables: Tables, names: Names, order: Order
    ) -> None:
        self._executor = executor
        self._statements = statements
        self._tables = tables
        self._names = names
        self._order: Order = order

    def append(self, appends: Sequence[Append], rows: Sequence[Record]) -> None:
        """Store the rows of all appends, each of which has rows, or none."""
        columns = self._columns(appends, rows)
        _check_length(sum(len(each.data) for each in (columns.heads, *columns.rows)))
        if len(rows) >= 1 << PLACES and self._order == "transaction":
            raise PayloadError(f"append: expected fewer than {1 << PLACES} rows, found {len(rows)}.")
        deadline = self._executor.deadline()
        backoff = Backoff(deadline)
        repeats = 0
        while True:
            append_id = _new_append_id()
            try:
                differs = self._append_once(append_id, columns, deadline)
            except ConnectionLostError as lost:
                if self._was_stored(append_id, lost):
                    return
                # It is not stored and never will be, so it is safe to try again under another id.
                if not backoff.wait():
                    raise self._executor.translate(lost.error) from lost.error
            except psycopg.Error as error:
                if repeats > 1 or not self._forgets(error):
                    raise self._conflict(appends, error) from error
                repeats += 1
                columns = self._columns(appends, rows)
            else:
                if differs is not None:
                    raise _conflict_at(appends, *differs)
                return

    def _columns(self, appends: Sequence[Append], rows: Sequence[Record]) -> Columns:
        return columns_of(appends, rows, self._names.ids(dict.fromkeys(row[2] for row in rows)))

    def _forgets(self, error: psycopg.Error) -> bool:
        """Forget what is no longer true of the server; return whether the append can be repeated."""
        if error.sqlstate == NOT_READ_COMMITTED:
            self._executor.is_read_committed = False
        elif error.sqlstate == UNKNOWN_NAME:
            self._names.forget()
        else:
            return False
        return True

    def _append_once(self, append_id: UUID, columns: Columns, deadline: float) -> tuple[int, int] | None:
        """Store the rows; return the number and the end of the first stream that ends elsewhere, if any.

        Since format 3, such a stream is a ``UniqueViolation`` instead.
        """
        timeout = self._executor.lock_timeout(deadline)
        streams, lasts, heads, afters, rows = columns
        parameters: list[Parameter] = [append_id, timeout, streams, lasts, heads]
        if self._tables.version >= _COMPARES:
            parameters += [afters, *rows]
            self._executor.run_once(self._statements.append, parameters, deadline)
            return None
        parameters = [streams, *parameters, *rows, streams, afters]
        found: list[tuple[int | None, int, str | None]] = self._executor.run_once(
            self._statements.append_before_3, parameters, deadline
        )
        ((number, end, _),) = found
        return None if number is None else (number, end)

    def was_appended(self, append_id: UUID) -> bool:
        """Tell whether the rows of an append are stored; wait for an append in progress."""
        deadline = self._executor.deadline()
        parameters = (append_id, self._executor.lock_timeout(deadline))
        answers: list[tuple[bool]] = self._executor.run(
            self._statements.was_appended, parameters, deadline, writes=True
        )
        return answers[0][0]

    def last(self, originator_id: UUID) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash, or ``None`` for a new stream."""
        rows: list[tuple[int, bytes]] = self._executor.run(self._statements.last, (originator_id,))
        return rows[0] if rows else None

    def write_snapshot(self, record: Record) -> None:
        """Store a snapshot, or replace the one at its position."""
        _check_length(len(record.data) + len(record.header) + len(record.event_hash))
        for _ in range(2):
            name_id = self._names.ids([record.name])[record.name]
            values = (record.originator_id, record.position, *record[3:], name_id)
            if self._executor.run(self._statements.write_snapshot, values, writes=True):
                return
            self._names.forget()  # the tables have lost the name
        raise StoreError(
            f"{self._executor.name}: expected the name {record.name!r}, found none. Write the snapshot again."
        )

    def _was_stored(self, append_id: UUID, lost: ConnectionLostError) -> bool:
        try:
            return self.was_appended(append_id)
        except StoreError as error:
            raise OutcomeUnknownError(append_id, str(error).rstrip(".")) from lost.error

    def _conflict(
        self, appends: Sequence[Append], error: psycopg.Error
    ) -> ConcurrencyError | StoreError | PayloadError:
        """Return the error that names the stream that conflicts, and its end; translate any other error."""
        if not isinstance(error, _CONFLICTS):
            return self._executor.translate(error)
        append = appends[0]
        if isinstance(error, errors.UniqueViolation):
            constraint = error.diag.constraint_name
            if constraint == CONTINUES:
                number, _, end = (error.diag.message_detail or "").partition(" ")
                return _conflict_at(appends, int(number), int(end))
            if constraint != "record_position":
                return self._executor.translate(error)
            append = self._first_taken(appends)
        stream = append.records[0].originator_id
        last = self.last(stream)
        return ConcurrencyError(stream, last_known(append), -1 if last is None else last[0])

    def _first_taken(self, appends: Sequence[Append]) -> Append:
        """Return the first append with a taken position."""
        keys = [(row[0], row[1]) for each in appends for row in each.records]
        found: list[tuple[int | None]] = self._executor.run(
            self._statements.first_taken,
            (uuids([key[0] for key in keys]), integers([key[1] for key in keys])),
        )
        stream = keys[(found[0][0] or 1) - 1][0]
        return next(each for each in appends if each.records[0].originator_id == stream)


def _conflict_at(appends: Sequence[Append], number: int, end: int) -> ConcurrencyError:
    """Return the error of the append to a stream, given its number in the order of the ids, and its end."""
    append = sorted(appends, key=stream_of)[number - 1]
    return ConcurrencyError(stream_of(append), last_known(append), end)


def _check_length(length: int) -> None:
    """Refuse rows that do not fit one message of PostgreSQL."""
    if length > _MOST_BYTES:
        raise PayloadError(
            f"PostgresStore: expected at most {_MOST_BYTES:,} bytes in one call, found {length:,}. "
            "Split the call."
        )


def _new_append_id() -> UUID:
    """Return a UUID of version 7: consecutive ids are neighbours in the index."""
    milliseconds = (time.time_ns() // 1_000_000) & 0xFFFFFFFFFFFF
    chance = int.from_bytes(os.urandom(10))
    return UUID(int=milliseconds << 80 | 7 << 76 | (chance >> 4 & 0xFFF) << 64 | 2 << 62 | chance >> 18)
