"""Appends: stored once, and never guessed at."""

from __future__ import annotations

import os
import time
from typing import Final
from uuid import UUID

import psycopg
from psycopg import errors

from esmodel.exceptions import ConcurrencyError, OutcomeUnknownError, PayloadError, StoreError
from esmodel.rows.record import Record
from esmodel.stores.postgres._arrays import columns_of, integers, uuids
from esmodel.stores.postgres._executor import LONGEST_PAUSE, PAUSE, Executor
from esmodel.stores.postgres._failures import ConnectionLostError
from esmodel.stores.postgres._names import Names
from esmodel.stores.postgres._statements import Statements
from esmodel.stores.postgres.schema import PLACES, Order

_MOST_BYTES: Final = 1 << 29  # of one append: PostgreSQL takes a message, and a row, of less than 2**30
_CONFLICTS: Final = (errors.UniqueViolation, errors.SerializationFailure, errors.DeadlockDetected)


class Appends:
    """What stores rows, each batch under an id by which its outcome can be asked."""

    def __init__(self, executor: Executor, statements: Statements, names: Names, order: Order) -> None:
        self._executor = executor
        self._statements = statements
        self._names = names
        self._order: Order = order

    def append(self, rows: list[Record]) -> None:
        """Store all rows, or none."""
        columns = columns_of(rows, self._names.ids(dict.fromkeys(row[2] for row in rows)))
        check_length(sum(len(each.data) for each in columns))
        if len(rows) >= 1 << PLACES and self._order == "transaction":
            raise PayloadError(f"append: expected fewer than {1 << PLACES} rows, found {len(rows)}.")
        deadline = self._executor.deadline()
        pause = PAUSE
        while True:
            append_id = _new_append_id()
            try:
                self._executor.once(
                    self._statements.append,
                    (append_id, self._executor.patience(deadline), *columns),
                    deadline,
                )
            except ConnectionLostError as lost:
                if self._became_of(append_id, lost):
                    return
                # It is not stored and never will be: it may be tried once more, under another id.
                if time.monotonic() + pause > deadline:
                    raise self._executor.translated(lost.error) from lost.error
            except _CONFLICTS as error:
                raise self._conflict(rows, error) from error
            except psycopg.Error as error:
                raise self._executor.translated(error) from error
            else:
                return
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def was_appended(self, append_id: UUID) -> bool:
        """Whether the rows of an append are stored; wait for one that is under way."""
        deadline = self._executor.deadline()
        answers: list[tuple[bool]] = self._executor.ask(
            self._statements.was_appended,
            (append_id, self._executor.patience(deadline)),
            deadline,
            writes=True,
        )
        return answers[0][0]

    def last(self, originator_id: UUID) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash."""
        rows: list[tuple[int, bytes]] = self._executor.ask(self._statements.last, (originator_id,))
        return rows[0] if rows else None

    def _became_of(self, append_id: UUID, lost: ConnectionLostError) -> bool:
        try:
            return self.was_appended(append_id)
        except StoreError as error:
            raise OutcomeUnknownError(append_id, str(error).rstrip(".")) from lost.error

    def _conflict(self, rows: list[Record], error: psycopg.Error) -> ConcurrencyError | StoreError:
        """Say which stream refused a batch, and where it ends."""
        constraint = error.diag.constraint_name
        if isinstance(error, errors.UniqueViolation) and constraint != "record_position":
            return StoreError(
                f"{self._executor.name}: PostgreSQL found: {error}. The append was given up meanwhile, or the "
                "tables do not fit each other: try again, and look at them if it stays so."
            )
        keys = [(row[0], row[1]) for row in rows]
        firsts: dict[UUID, int] = {}
        for stream, position in keys:
            firsts.setdefault(stream, position)
        found: list[tuple[int | None]] = self._executor.ask(
            self._statements.first_taken,
            (uuids([key[0] for key in keys]), integers([key[1] for key in keys])),
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


def check_length(length: int) -> None:
    """Refuse what PostgreSQL does not take in one message."""
    if length > _MOST_BYTES:
        raise PayloadError(
            f"PostgresStore: expected at most {_MOST_BYTES:,} bytes in one call, found {length:,}."
        )


def _new_append_id() -> UUID:
    """Return a UUID of version 7: ids that are made one after the other lie together in the index."""
    milliseconds = (time.time_ns() // 1_000_000) & 0xFFFFFFFFFFFF
    chance = int.from_bytes(os.urandom(10))
    return UUID(int=milliseconds << 80 | 7 << 76 | (chance >> 4 & 0xFFF) << 64 | 2 << 62 | chance >> 18)
