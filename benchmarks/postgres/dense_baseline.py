"""The contender ``baseline`` on PostgreSQL with rows numbered 1, 2, 3 in commit order.

It does what that order cannot do without: writers take turns until the commit, and a counter gives the
numbers. It has no ids of appends, keeps no ends of streams, and waits for a lock for ever.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from typing_extensions import override

from benchmarks.bank import Synchronous
from benchmarks.baseline.accounts import Account, encoded
from benchmarks.postgres.baseline import READ, PostgresBaselineBank
from benchmarks.postgres.place import dsn, schema

TABLE: Final = """CREATE SCHEMA IF NOT EXISTS {s};
    CREATE TABLE {s}.counter (last bigint NOT NULL) WITH (fillfactor = 10);
    INSERT INTO {s}.counter VALUES (0);
    CREATE TABLE {s}.event (number bigint PRIMARY KEY,
    id uuid NOT NULL, version bigint NOT NULL, name text NOT NULL, class_version bigint NOT NULL,
    timestamp bigint NOT NULL, data bytea NOT NULL, UNIQUE (id, version));
    CREATE FUNCTION {s}.add(ids uuid[], versions bigint[], names text[], class_versions bigint[],
    timestamps bigint[], datas bytea[]) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE base bigint;
    BEGIN
        PERFORM pg_advisory_xact_lock('{s}.counter'::regclass::oid::bigint);
        UPDATE {s}.counter SET last = last + cardinality(ids) RETURNING last - cardinality(ids) INTO base;
        INSERT INTO {s}.event SELECT base + o, i, v, n, c, t, d
        FROM unnest(ids, versions, names, class_versions, timestamps, datas)
        WITH ORDINALITY AS r (i, v, n, c, t, d, o);
    END $$"""
ADD: Final = "SELECT {s}.add(%b, %b, %b::text[], %b::bigint[], %b, %b)"
HAS_TABLE: Final = "SELECT to_regclass(%s) IS NOT NULL"


class DenseBaselineBank(PostgresBaselineBank):
    """Accounts in one table, and a counter."""

    def __init__(self, path: Path, _: Synchronous) -> None:
        """Connect, and create the table if it does not exist."""
        self._connection = psycopg.connect(dsn(), autocommit=True, prepare_threshold=0)
        name = sql.Identifier(schema(path))
        self._add, self._read = (sql.SQL(text).format(s=name).as_string() for text in (ADD, READ))
        self._cursor: psycopg.Cursor[TupleRow] = self._connection.cursor(binary=True)
        found = self._cursor.execute(HAS_TABLE, (f"{schema(path)}.event",)).fetchall()
        if found == [(False,)]:
            self._connection.execute(sql.SQL(TABLE).format(s=name).as_string().encode(), prepare=False)

    @override
    def save(self, account: Account, /) -> None:
        rows = encoded(account.pending, account.id)
        self._cursor.execute(self._add.encode(), [list(column) for column in zip(*rows, strict=True)])
        account.pending.clear()


plain = DenseBaselineBank
