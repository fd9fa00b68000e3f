"""The contender ``baseline`` with psycopg 3: one table, and one statement per save, which is its transaction.

A few rows are sent as arrays, which is the fastest there; many by COPY. The numbers of its rows are those of
a sequence: they are not in the order of the commits, and who reads on from a number may miss a row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from typing_extensions import override

from benchmarks.bank import Synchronous
from benchmarks.baseline.accounts import Account, AccountBank, Row, continued, encoded
from benchmarks.postgres.place import dsn, schema

TABLE: Final = """CREATE SCHEMA IF NOT EXISTS {s};
    CREATE TABLE IF NOT EXISTS {s}.event (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL, version bigint NOT NULL, name text NOT NULL, class_version bigint NOT NULL,
    timestamp bigint NOT NULL, data bytea NOT NULL, UNIQUE (id, version))"""
TYPES: Final = ("uuid", "int8", "text", "int8", "int8", "bytea")
ADD: Final = """INSERT INTO {s}.event (id, version, name, class_version, timestamp, data)
    SELECT * FROM unnest(%b::uuid[], %b::int8[], %b::text[], %b::int8[], %b::int8[], %b::bytea[])"""
COPY: Final = """COPY {s}.event (id, version, name, class_version, timestamp, data)
    FROM STDIN (FORMAT BINARY)"""
READ: Final = """SELECT version, name, class_version, timestamp, data FROM {s}.event
    WHERE id = %s AND version > %s ORDER BY version"""
MANY: Final = 500
"""From this many rows on, COPY is faster."""


class PostgresBaselineBank(AccountBank):
    """Accounts in one table."""

    def __init__(self, path: Path, _: Synchronous) -> None:
        """Connect, and create the table if it does not exist."""
        self._connection = psycopg.connect(dsn(), autocommit=True, prepare_threshold=0)
        name = sql.Identifier(schema(path))
        self._add, self._copy, self._read = (
            sql.SQL(statement).format(s=name).as_string() for statement in (ADD, COPY, READ)
        )
        self._connection.execute(sql.SQL(TABLE).format(s=name).as_string().encode(), prepare=False)
        self._cursor: psycopg.Cursor[TupleRow] = self._connection.cursor(binary=True)

    @override
    def save(self, account: Account, /) -> None:
        rows = encoded(account.pending, account.id)
        if len(rows) < MANY:
            self._cursor.execute(self._add.encode(), [list(column) for column in zip(*rows, strict=True)])
        else:
            with self._cursor.copy(self._copy.encode()) as copy:
                copy.set_types(TYPES)
                for row in rows:
                    copy.write_row(row)
        account.pending.clear()

    @override
    def load(self, key: UUID, /) -> Account:
        account = Account(key)
        found: list[Row] = self._cursor.execute(self._read.encode(), (key, account.version)).fetchall()
        return continued(account, found)

    @override
    def snapshot(self, key: UUID, /) -> None:
        raise NotImplementedError

    @override
    def close(self) -> None:
        self._connection.close()


plain = PostgresBaselineBank
