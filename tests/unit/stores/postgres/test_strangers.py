"""``PostgresStore`` among other roles, in restored clusters, and with settings that change beneath it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Thread
from typing import Final
from uuid import UUID, uuid4

import pytest
from postgres_sessions import admin, terminate_all
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sample_rows import STREAM, row, rows

from esmodel.exceptions import StoreError, StoreFormatError
from esmodel.rows import Append
from esmodel.stores.postgres import Order, PostgresStore

pytestmark = pytest.mark.server

HIJACKED: Final = """
CREATE FUNCTION public.cardinality(integer[]) RETURNS integer LANGUAGE sql AS 'SELECT 1 / 0';
CREATE FUNCTION public.unnest(uuid[]) RETURNS SETOF uuid LANGUAGE sql AS 'SELECT NULL::uuid WHERE 1 / 0 = 1';
CREATE FUNCTION public.max(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 1 / 0::bigint';
CREATE FUNCTION public.hashtextextended(text, integer) RETURNS bigint LANGUAGE sql AS 'SELECT 1 / 0::bigint';
CREATE FUNCTION public.octet_length(bytea) RETURNS integer LANGUAGE sql AS 'SELECT 1 / 0';
"""
MALFORMED: Final = (
    "postgresql//user:secret@host/bank",
    "postgresql://user:se@cret@host/bank",
    "postgresql://user:se/cret@host/bank",
    "host=localhost password",
    "user=ada password=secret secret",
)


def test_functions_of_others_on_the_search_path_are_not_called(dsn: str, order: Order) -> None:
    with admin(dsn) as connection:
        connection.execute(HIJACKED)
    with PostgresStore(dsn, order=order, migrate=True) as store:
        store.append(Append(rows(3), None))
        store.append_streams([Append([row(3)], 2), Append([row(0, UUID(int=9))], None)])
        assert list(store.read(STREAM)) == rows(4)
        assert len(list(store.read_all())) == 5
        assert not store.was_appended(UUID(int=5))
        store.migrate()


def test_an_advisory_lock_delays_no_append(dsn: str) -> None:
    with PostgresStore(dsn, migrate=True, timeout=timedelta(seconds=2)) as store, admin(dsn) as connection:
        digest = hashlib.sha256(b"esmodel appends to esmodel").digest()[:8]
        key = int.from_bytes(digest, signed=True)  # that of earlier formats
        connection.execute("SELECT pg_advisory_lock(%s)", (key,))
        store.append(Append(rows(1), None))
        assert list(store.read(STREAM)) == rows(1)


def test_a_default_level_that_gets_stricter_causes_no_conflict(dsn: str, order: Order) -> None:
    with PostgresStore(dsn, order=order, migrate=True) as store, admin(dsn) as connection:
        store.append(Append(rows(1), None))
        stricter = (
            f'ALTER DATABASE "{connection.info.dbname}" SET default_transaction_isolation = serializable'
        )
        connection.execute(stricter.encode())
        terminate_all(connection)
        errors: list[Exception] = []

        def append(stream: UUID) -> None:
            try:
                for position in range(30):
                    store.append(Append([row(position, stream)], position - 1 if position else None))
            except Exception as error:  # noqa: BLE001  # because each is a finding
                errors.append(error)

        threads = [Thread(target=append, args=(UUID(int=number),)) for number in range(10, 14)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert errors == []
        assert len(list(store.read_all())) == 121


def last_of(dsn: str) -> object:
    with PostgresStore(dsn, order="transaction") as store:
        return store.last(STREAM)


@pytest.mark.parametrize("is_empty", [True, False])
def test_tables_of_another_cluster_are_refused_until_they_are_migrated(dsn: str, *, is_empty: bool) -> None:
    with PostgresStore(dsn, order="transaction", migrate=True) as store, admin(dsn) as connection:
        if not is_empty:
            store.append(Append(rows(1), None))
        # as if the transaction ids of this cluster were lower by so many
        connection.execute("UPDATE esmodel.format SET shift = shift - 1000000")
        calls: list[Callable[[], object]] = [
            lambda: store.append(Append([row(0, UUID(int=9))], None)),
            lambda: list(store.read_all()),
            lambda: last_of(dsn),
        ]
        for call in calls:
            with pytest.raises(StoreFormatError, match=r"of another cluster|restored from another"):
                call()
        store.migrate()
        store.append(Append([row(0, UUID(int=9))], None))
        numbers = [number for number, _ in store.read_all()]
        assert len(numbers) == 2 - is_empty
        assert 0 < numbers[0] <= numbers[-1]


def test_the_question_whether_an_append_is_stored_writes_so_that_it_waits_for_a_standby(dsn: str) -> None:
    with PostgresStore(dsn, migrate=True) as store, admin(dsn) as connection:
        store.append(Append(rows(1), None))
        query = "SELECT append_id, xmin::text FROM esmodel.append"
        ((append_id, before),) = connection.execute(query).fetchall()
        assert isinstance(append_id, UUID)
        assert store.was_appended(append_id)
        ((_, after),) = connection.execute(query).fetchall()
        assert before != after


@pytest.mark.parametrize("timeout", [timedelta(days=30), timedelta.max, timedelta(0)])
def test_any_timeout_can_be_given(dsn: str, timeout: timedelta) -> None:
    PostgresStore(dsn, migrate=True).close()
    with PostgresStore(dsn, timeout=timeout) as store:
        if timeout:
            store.append(Append(rows(1), None))
            assert list(store.read(STREAM)) == rows(1)


@pytest.mark.parametrize("address", MALFORMED)
def test_a_connection_string_that_cannot_be_read_is_not_shown(address: str) -> None:
    with pytest.raises(StoreError, match="expected a connection string") as caught:
        PostgresStore(address)
    assert "cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_rows_that_are_missing_are_found_by_read_all(dsn: str) -> None:
    with PostgresStore(dsn, migrate=True) as store, admin(dsn) as connection:
        store.append(Append(rows(3), None))
        connection.execute("DELETE FROM esmodel.record WHERE number = 3")
        with pytest.raises(StoreError, match="the last rows are missing"):
            list(store.read_all())


# --- a schema that another role made ----------------------------------------------------------------


@pytest.fixture
def roles(dsn: str) -> Iterator[tuple[str, str]]:
    """Yield the connection strings of an owner and a stranger: two roles without rights over others."""
    suffix = uuid4().hex[:8]
    names = [f"owner_{suffix}", f"stranger_{suffix}"]
    with admin(dsn) as connection:
        for name in names:
            role, database = sql.Identifier(name), sql.Identifier(connection.info.dbname)
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
            connection.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, role))
        try:
            yield make_conninfo(dsn, user=names[0]), make_conninfo(dsn, user=names[1])
        finally:
            for name in names:
                connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(name)))
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def migrated(dsn: str) -> None:
    PostgresStore(dsn, migrate=True).close()


def test_a_schema_that_another_role_made_is_refused(dsn: str, roles: tuple[str, str]) -> None:
    owner, stranger = roles
    with admin(stranger) as connection:
        connection.execute("CREATE SCHEMA esmodel")
        connection.execute("GRANT ALL ON SCHEMA esmodel TO PUBLIC")
    for each in (owner, dsn):
        with pytest.raises(StoreFormatError, match=r"expected the schema esmodel to belong to .* 'stranger_"):
            migrated(each)


def test_tables_that_another_role_made_are_refused(dsn: str, roles: tuple[str, str]) -> None:
    owner, stranger = roles
    migrated(stranger)
    with admin(dsn) as connection:
        connection.execute("ALTER SCHEMA esmodel OWNER TO CURRENT_USER")
        connection.execute("GRANT ALL ON SCHEMA esmodel TO PUBLIC")
    for each in (owner, dsn):
        with pytest.raises(StoreFormatError, match=r"expected the function append_rows to belong to"):
            migrated(each)


def test_a_role_may_migrate_what_is_its_own_or_a_superusers(dsn: str, roles: tuple[str, str]) -> None:
    owner, _ = roles
    with admin(dsn) as connection:
        connection.execute("CREATE SCHEMA esmodel")
        connection.execute("GRANT ALL ON SCHEMA esmodel TO PUBLIC")
    migrated(owner)
    migrated(owner)
    with PostgresStore(owner) as store:
        store.append(Append(rows(1), None))
        assert list(store.read(STREAM)) == rows(1)
