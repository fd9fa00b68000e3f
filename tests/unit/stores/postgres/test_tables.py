"""``PostgresStore`` creates its tables, migrates them and refuses others."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier
from uuid import uuid4

import postgres_tasks
import pytest
from postgres_sessions import admin, run_in_threads
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sample_rows import STREAM, row, rows
from worker_process import WorkerProcess, go_at_once

from esmodel.exceptions import (
    ConcurrencyError,
    StoreError,
    StoreFormatError,
)
from esmodel.rows import FREE, Append
from esmodel.stores.postgres import Order, PostgresStore, schema

pytestmark = pytest.mark.server


def test_missing_tables_are_an_error_that_says_what_to_call(dsn: str) -> None:
    with PostgresStore(dsn) as store:
        calls: list[Callable[[], object]] = [
            lambda: store.append(Append([row(0)], FREE)),
            lambda: list(store.read(STREAM)),
            lambda: store.last(STREAM),
            lambda: list(store.read_all()),
        ]
        for call in calls:
            with pytest.raises(StoreFormatError, match=r"Call store\.migrate\(\)\.$"):
                call()
        store.migrate()
        store.append(Append([row(0)], FREE))


def test_a_script_may_create_the_tables(dsn: str, order: Order) -> None:
    script = f"CREATE SCHEMA mine; {schema.tables_of('mine', order)} {schema.functions_of('mine', order)}"
    with admin(dsn) as connection:
        connection.execute(script.encode())
    with PostgresStore(dsn, schema="mine", order=order) as store:
        store.append(Append(rows(2), FREE))
        assert [record for _, record in store.read_all()] == rows(2)
        store.migrate()
        assert list(store.read(STREAM)) == rows(2)


def test_processes_may_migrate_at_once(dsn: str, order: Order) -> None:
    processes = [WorkerProcess(postgres_tasks.migrate, dsn, order) for _ in range(4)]
    go_at_once(processes)
    for process in processes:
        process.finish()
    with PostgresStore(dsn, order=order) as store:
        store.migrate()  # migrating again is harmless
        assert len(list(store.read_all())) == 4


def test_threads_may_migrate_at_once_many_times(dsn: str) -> None:
    for turn in range(5):
        barrier, done = Barrier(4, timeout=60), list[int]()

        def migrate(schema: str = f"turn_{turn}", barrier: Barrier = barrier, done: list[int] = done) -> None:
            with PostgresStore(dsn, schema=schema) as store:
                barrier.wait()
                store.migrate()
                done.append(1)

        run_in_threads([migrate] * 4)
        assert len(done) == 4


def test_schemas_are_independent_of_each_other(dsn: str) -> None:
    with (
        PostgresStore(dsn, migrate=True) as one,
        PostgresStore(dsn, schema="order", order="transaction", migrate=True) as other,
    ):
        one.append(Append([row(0)], FREE))
        assert list(other.read_all()) == []
        other.append(Append(rows(2), FREE))
        assert len(list(one.read_all())) == 1


def test_the_other_order_is_refused(dsn: str, order: Order) -> None:
    wrong: Order = "transaction" if order == "dense" else "dense"
    with PostgresStore(dsn, order=order, migrate=True):
        pass
    with PostgresStore(dsn, order=wrong) as store:
        for call in (
            store.migrate,
            lambda: store.append(Append([row(0)], FREE)),
            lambda: list(store.read_all()),
        ):
            with pytest.raises(StoreFormatError, match=f"expected order '{wrong}', found '{order}'"):
                call()


def test_a_newer_format_is_refused(dsn: str) -> None:
    with PostgresStore(dsn, migrate=True), admin(dsn) as connection:
        connection.execute("UPDATE esmodel.format SET version = 5")
    with PostgresStore(dsn) as store:
        for call in (store.migrate, lambda: store.append(Append([row(0)], FREE))):
            with pytest.raises(StoreFormatError, match=r"expected format 1 to 4, found 5\. Upgrade esmodel"):
                call()
    with admin(dsn) as connection:
        connection.execute("DELETE FROM esmodel.format")
    with PostgresStore(dsn) as store, pytest.raises(StoreFormatError, match="expected one row in format"):
        store.last(STREAM)


def test_tables_of_another_program_are_refused_and_left_unchanged(dsn: str) -> None:
    with admin(dsn) as connection:
        connection.execute("CREATE TABLE record (mine integer)")
        with pytest.raises(StoreFormatError, match="Choose another schema"):
            PostgresStore(dsn, schema="public", migrate=True)
        connection.execute("CREATE TABLE format (mine integer)")
        with pytest.raises(StoreFormatError, match="expected the tables of esmodel"):
            PostgresStore(dsn, schema="public", migrate=True)
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert sorted(tables) == [("format",), ("record",)]


def test_a_role_that_may_not_create_a_schema_can_use_an_existing_one(dsn: str) -> None:
    role = f"role_{uuid4().hex}"
    with admin(dsn) as connection:
        name = sql.Identifier(role)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        limited = make_conninfo(dsn, user=role)
        with pytest.raises(StoreError, match=r"permission denied.*Grant the role the privileges"):
            PostgresStore(limited, migrate=True)
        connection.execute(sql.SQL("CREATE SCHEMA esmodel AUTHORIZATION {}").format(name))
        with PostgresStore(limited, migrate=True) as store:
            store.append(Append([row(0)], FREE))
        connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
        connection.execute(sql.SQL("DROP ROLE {}").format(name))


@pytest.mark.parametrize("is_hardened", [False, True])
def test_the_privileges_in_the_docs_are_sufficient(
    store: PostgresStore, dsn: str, order: Order, *, is_hardened: bool
) -> None:
    role = f"role_{uuid4().hex}"
    with admin(dsn) as connection:
        name = sql.Identifier(role)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA esmodel TO {}").format(name))
        grant = sql.SQL("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA esmodel TO {}")
        connection.execute(grant.format(name))
        if is_hardened:  # functions are for whoever they are granted to
            connection.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA esmodel FROM PUBLIC")
            connection.execute("REVOKE ALL ON SCHEMA esmodel FROM PUBLIC")
            execute = sql.SQL("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA esmodel TO {}")
            connection.execute(execute.format(name))
        with PostgresStore(make_conninfo(dsn, user=role), order=order) as limited:
            limited.append(Append(rows(3), FREE))
            limited.write_snapshot(row(1))
            assert not limited.was_appended(uuid4())
            assert list(limited.read_from_snapshot(STREAM)[1]) == [row(2)]
            assert len(list(limited.read_all())) == 3
            with pytest.raises(ConcurrencyError):
                limited.append(Append([row(0)], FREE))
        connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
        connection.execute(sql.SQL("DROP ROLE {}").format(name))


def test_rows_restored_into_another_cluster_are_refused_until_they_are_migrated(dsn: str) -> None:
    with PostgresStore(dsn, order="transaction", migrate=True) as store:
        store.append(Append(rows(2), FREE))
        seen = list(store.read_all())
    # as if the original cluster had been a thousand transactions ahead
    with admin(dsn) as connection:
        connection.execute("UPDATE esmodel.record SET number = number + (1000::bigint << 20)")
    with PostgresStore(dsn, order="transaction") as store:
        with pytest.raises(StoreFormatError, match=r"restored from another.*Call store\.migrate\(\)"):
            store.append(Append([row(2)], FREE))
        store.migrate()
        before = list(store.read_all())
        store.append(Append([row(2)], FREE))
        after = list(store.read_all(after=before[-1][0]))
    assert [record for _, record in before] == [record for _, record in seen]
    assert [record for _, record in after] == [row(2)]
