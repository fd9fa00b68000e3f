"""``PostgresStore`` on a pool of the caller."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from postgres_sessions import admin, terminate_all
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from sample_rows import STREAM, row, rows

from esmodel.exceptions import (
    ConcurrencyError,
    StoreClosedError,
)
from esmodel.rows import FREE, Append
from esmodel.stores.postgres import Order, PostgresStore

pytestmark = pytest.mark.server


def test_a_given_pool_is_left_open_and_its_connections_unchanged(dsn: str, order: Order) -> None:
    with ConnectionPool(dsn, kwargs={"row_factory": dict_row}, min_size=1, max_size=2) as pool:
        with PostgresStore(pool, order=order, migrate=True) as store:
            store.append(Append(rows(3), FREE))
            with pytest.raises(ConcurrencyError):
                store.append(Append([row(0)], FREE))
            assert list(store.read(STREAM)) == rows(3)
        with pool.connection() as connection:
            assert not connection.autocommit
            connection.execute("CREATE TABLE mine (at integer)")
            connection.rollback()
            assert (
                connection.execute("SELECT tablename FROM pg_tables WHERE tablename = 'mine'").rowcount == 0
            )


def test_ended_sessions_of_a_given_pool_are_replaced(dsn: str, order: Order) -> None:
    with (
        ConnectionPool(dsn, min_size=3, max_size=3) as pool,
        PostgresStore(pool, order=order, migrate=True) as store,
        admin(dsn) as connection,
    ):
        pool.wait()
        terminate_all(connection)
        store.append(Append([row(0)], FREE))
        terminate_all(connection)
        assert list(store.read(STREAM)) == [row(0)]


def test_a_closed_pool_says_so(dsn: str) -> None:
    with ConnectionPool(dsn, min_size=1) as pool, PostgresStore(pool, migrate=True) as store:
        pool.close()
        calls: list[Callable[[], object]] = [
            lambda: store.append(Append([row(0)], FREE)),
            lambda: store.last(STREAM),
            store.migrate,
        ]
        for call in calls:
            with pytest.raises(StoreClosedError, match="The pool of"):
                call()
