"""The encoding of a database: text comes back as text, or the connection is refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

from esmodel import StoreError
from esmodel.rows import Append, Record
from esmodel.stores.postgres import PostgresStore

ROW = Record(UUID(int=1), 0, "Konto eröffnet", 0, 0, '{"owner":"Ádá"}'.encode())
CREATE = "CREATE DATABASE {} ENCODING {} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"


@pytest.fixture(params=["SQL_ASCII", "LATIN1", "UTF8"])
def address(request: pytest.FixtureRequest, dsn: str) -> Iterator[str]:
    encoding: str = request.param
    name = sql.Identifier(f"encoded_{uuid4().hex}")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL(CREATE).format(name, sql.Literal(encoding)))
        yield make_conninfo(dsn, dbname=name.as_string(connection).strip('"'))
        connection.execute(sql.SQL("DROP DATABASE {}").format(name))


def test_a_database_of_any_encoding_keeps_names_and_payloads(address: str) -> None:
    with PostgresStore(address, migrate=True) as store:
        store.append(Append([ROW], None))
        assert list(store.read(ROW.originator_id)) == [ROW]
        assert [row for _, row in store.read_all()] == [ROW]
    with PostgresStore(address) as store:
        assert list(store.read(ROW.originator_id)) == [ROW]


def test_connections_without_an_encoding_are_refused_in_words(dsn: str) -> None:
    without = make_conninfo(dsn, client_encoding="SQL_ASCII")
    with pytest.raises(StoreError, match=r"client encoding UTF8, found SQL_ASCII.* Add client_encoding=utf8"):
        PostgresStore(without, migrate=True)
    with ConnectionPool[psycopg.Connection[object]](without, min_size=1, max_size=1) as pool:
        with pytest.raises(StoreError, match="client encoding UTF8, found SQL_ASCII"):
            PostgresStore(pool, migrate=True)
        with pool.connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
