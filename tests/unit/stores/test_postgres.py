"""What the PostgreSQL store owes to its server, to other processes, and to a line that breaks.

Run as a script, this file is one of those other processes.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import tracemalloc
from contextlib import ExitStack, suppress
from datetime import timedelta
from itertools import chain, islice
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from esmodel.exceptions import (
    ConcurrencyError,
    OutcomeUnknownError,
    PayloadError,
    StoreClosedError,
    StoreError,
    StoreFormatError,
)
from esmodel.rows import (
    Record,
    RecordStore,
    SupportsAppendIds,
    SupportsReadAll,
    SupportsSnapshots,
    SupportsStreams,
)
from esmodel.stores.postgres import Order, PostgresStore, _appends, _statements, schema
from esmodel.stores.postgres._pools import OwnPool

if TYPE_CHECKING or __name__ != "__main__":
    from collections.abc import Callable, Iterator

    import pytest
    from postgres_proxy import NO_PGBOUNCER, Breakpoint, pgbouncer
    from postgres_server import PostgresServer

STREAM = UUID(int=1)
SHORT = timedelta(milliseconds=300)
PROCESSES = int(os.environ.get("ESMODEL_TEST_PROCESSES", "16"))
TURNS = 8
LATE = b"late"
ORDERS: tuple[Order, ...] = ("dense", "transaction")


def row(position: int, stream: UUID = STREAM, data: bytes = b"{}") -> Record:
    return Record(stream, position, "Happened", 0, position, data)


def rows(stop: int) -> list[Record]:
    return [row(position) for position in range(stop)]


def as_order(text: str) -> Order:
    return "dense" if text == "dense" else "transaction"


# --- the other processes -------------------------------------------------------------------------


def say(text: str) -> None:
    """Tell the test, at once: what was said before a kill has been said."""
    os.write(1, f"{text}\n".encode())


def start(task: str, dsn: str, order: Order, argument: object = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, task, dsn, order, str(argument)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    """Wait for its end, and return the lines that it said."""
    with process:
        said, complained = process.communicate(timeout=300)
    assert (process.returncode, complained) == (0, "")
    return said.splitlines()


def let_go(processes: list[subprocess.Popen[str]]) -> None:
    """Wait until all are ready, and let them begin at once."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def finish_all(processes: list[subprocess.Popen[str]]) -> list[list[str]]:
    said: list[list[str]] = []

    def collect(process: subprocess.Popen[str]) -> None:
        said.append(finish(process))

    threads = [Thread(target=collect, args=(process,)) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == len(processes)
    return said


def wait_for_go() -> None:
    say("ready")
    sys.stdin.readline()


def migrate_at_once(dsn: str, order: Order, _: str) -> None:
    with PostgresStore(dsn, order=order) as store:
        wait_for_go()
        store.migrate()
        store.append([row(0, uuid4())])


def append_to_one_stream(dsn: str, order: Order, writer: str) -> None:
    """Append to one stream, beside other processes, and try again when they were first."""
    with PostgresStore(dsn, order=order, connections=2) as store:
        store.last(STREAM)
        wait_for_go()
        done = 0
        while done < TURNS:
            last = store.last(STREAM)
            position = 0 if last is None else last[0] + 1
            try:
                store.append([row(position, data=f"{writer} {done}".encode())])
            except ConcurrencyError:
                continue
            say(f"{position} {writer} {done}")
            done += 1


def append_to_own_streams(dsn: str, order: Order, writer: str) -> None:
    """Append to streams of one's own, and say when each append began and when it was acknowledged."""
    with PostgresStore(dsn, order=order, connections=2) as store:
        store.last(STREAM)
        wait_for_go()
        stream, other = uuid4(), uuid4()
        for turn in range(TURNS):
            data = f"{writer}-{turn}"
            began = time.monotonic_ns()
            store.append_streams([row(turn, each, data.encode()) for each in (stream, other)])
            say(f"{data} {began} {time.monotonic_ns()}")


def fork_and_use_both_sides(dsn: str, order: Order, _: str) -> None:
    hear, tell = os.pipe()
    with PostgresStore(dsn, order=order) as store:
        store.append([row(0)])
        child = os.fork()
        if child == 0:
            store.append([row(1)])
            say(f"child {[record.position for record in store.read(STREAM)]}")
            store.close()
            os.write(tell, b".")
            os._exit(0)
        os.read(hear, 1)
        store.append([row(2)])
        say(f"parent {[record.position for record in store.read(STREAM)]}")
        os.waitpid(child, 0)


if __name__ == "__main__":
    globals()[sys.argv[1]](sys.argv[2], as_order(sys.argv[3]), sys.argv[4])
    sys.exit()


# --- the store -----------------------------------------------------------------------------------


@pytest.fixture(params=ORDERS)
def order(request: pytest.FixtureRequest) -> Order:
    found: Order = request.param
    return found


@pytest.fixture
def store(dsn: str, order: Order) -> Iterator[PostgresStore]:
    with PostgresStore(dsn, order=order, migrate=True) as opened:
        yield opened


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder with a short name: that of a socket has at most a hundred bytes."""
    with tempfile.TemporaryDirectory(prefix="esmodel-") as name:
        yield Path(name)


def admin(dsn: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(dsn, autocommit=True)


def append_late(store: PostgresStore, record: Record) -> Thread:
    """Append a row in a thread, in a transaction that stays open as long as the lock is held."""
    thread = Thread(target=store.append, args=([record._replace(data=LATE)],))
    thread.start()
    return thread


class Hold:
    """Keeps each append of a late row from its commit, until it lets go."""

    def __init__(self, dsn: str) -> None:
        self.connection = admin(dsn)
        execute = self.connection.execute
        execute("SELECT pg_advisory_lock(42)")
        execute(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "PERFORM set_config('lock_timeout', '0', true); "
            "PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$"
        )
        execute(
            "CREATE TRIGGER wait AFTER INSERT ON esmodel.record FOR EACH ROW "
            "WHEN (NEW.data = 'late') EXECUTE FUNCTION wait()"
        )

    def wait(self) -> None:
        """Wait until an append is kept."""
        deadline = time.monotonic() + 30
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 42"
        while self.connection.execute(waiting).rowcount == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def let_go(self) -> None:
        self.connection.execute("SELECT pg_advisory_unlock_all()")

    def cancel(self) -> None:
        """Undo the append that is kept."""
        self.connection.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_locks "
            "WHERE locktype = 'advisory' AND NOT granted AND objid = 42"
        )


@pytest.fixture
def hold(store: PostgresStore, dsn: str) -> Iterator[Hold]:
    found = Hold(dsn)
    yield found
    found.connection.close()


def test_it_has_the_shape_of_each_protocol(store: PostgresStore) -> None:
    as_record_store: RecordStore = store
    as_streams: SupportsStreams = store
    as_read_all: SupportsReadAll = store
    as_snapshots: SupportsSnapshots = store
    as_append_ids: SupportsAppendIds = store
    as_record_store.append([row(0)])
    as_streams.append_streams([row(1)])
    as_snapshots.write_snapshot(row(0))
    assert [record for _, record in as_read_all.read_all()] == [row(0), row(1)]
    assert not as_append_ids.was_appended(uuid4())
    assert isinstance(store, SupportsAppendIds)


def test_rows_last_and_snapshots_outlive_the_store(dsn: str, order: Order) -> None:
    with PostgresStore(dsn, order=order, migrate=True) as store:
        store.append([row(0), row(1)._replace(event_hash=b"hash")])
        store.write_snapshot(row(1))
    with PostgresStore(dsn, order=order) as store:
        assert list(store.read(STREAM)) == [row(0), row(1)._replace(event_hash=b"hash")]
        assert store.last(STREAM) == (1, b"hash")
        assert store.read_snapshot(STREAM) == row(1)


def test_dense_numbers_are_one_two_three_also_after_a_refusal(dsn: str) -> None:
    with PostgresStore(dsn, migrate=True) as store:
        store.append(rows(2))
        with pytest.raises(ConcurrencyError):
            store.append([row(2), row(0)])
        store.append([row(2)])
        assert [number for number, _ in store.read_all()] == [1, 2, 3]


def test_numbers_by_transaction_are_the_transaction_and_the_place_in_the_append(dsn: str) -> None:
    with PostgresStore(dsn, order="transaction", migrate=True) as store:
        store.append(rows(2))
        store.append([row(2)])
        (first, _), (second, _), (third, _) = store.read_all()
    assert [number & 0xFFFFF for number in (first, second, third)] == [1, 2, 1]
    assert first >> 20 == second >> 20 < third >> 20
    assert third < 2**40, "the count begins with the tables, not with the cluster"


def test_a_save_and_a_load_from_a_snapshot_are_one_round_trip_each(
    dsn: str, folder: Path, order: Order
) -> None:
    line = Breakpoint(dsn, folder)
    with PostgresStore(line.dsn, order=order, migrate=True) as store:
        store.append(rows(10))
        store.write_snapshot(row(4))
        list(store.read(STREAM))
        asked = line.questions
        store.append([row(position) for position in range(10, 20)])
        assert line.questions == asked + 1
        snapshot, found = store.read_from_snapshot(STREAM)
        assert (snapshot, len(list(found))) == (row(4), 15)
        assert line.questions == asked + 2
    line.close()


@pytest.mark.parametrize("size", [499, 500, 501, 1_250])
def test_reading_from_a_snapshot_goes_on_page_by_page(store: PostgresStore, size: int) -> None:
    store.append(rows(size))
    _, found = store.read_from_snapshot(STREAM)
    assert list(found) == rows(size)
    store.write_snapshot(row(0))
    snapshot, found = store.read_from_snapshot(STREAM, lte=size - 2)
    assert (snapshot, list(found)) == (row(0), rows(size - 1)[1:])
    assert store.read_from_snapshot(STREAM, lte=-(2**63) - 1)[0] is None
    assert store.read_snapshot(STREAM, lte=-(2**63) - 1) is None


def test_pages_are_cut_by_bytes_too_so_that_long_rows_take_no_more_memory(store: PostgresStore) -> None:
    long = b"x" * 2_000_000
    for position in range(20):
        store.append([row(position, data=long)])
    store.write_snapshot(row(-1))
    readers: list[Callable[[], Iterator[object]]] = [
        lambda: store.read(STREAM),
        lambda: store.read(STREAM, descending=True),
        store.read_all,
        lambda: store.read_from_snapshot(STREAM)[1],
    ]
    for read in readers:
        tracemalloc.start()
        assert sum(1 for _ in read()) == 20
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 12_000_000


def test_no_transaction_stays_open_while_a_reader_pauses(store: PostgresStore, dsn: str) -> None:
    store.append(rows(1_200))
    reading = [store.read(STREAM), store.read_from_snapshot(STREAM)[1]]
    for each in reading:
        next(each)
    numbered = store.read_all()
    next(numbered)
    with admin(dsn) as connection:
        states = connection.execute(
            "SELECT DISTINCT state FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        ).fetchall()
    assert states == [("idle",)]
    assert [len(list(each)) for each in (*reading, numbered)] == [1_199] * 3


def test_a_reader_that_pauses_learns_that_the_store_was_closed(store: PostgresStore) -> None:
    store.append(rows(1_200))
    reading = store.read(STREAM)
    assert len(list(islice(reading, 10))) == 10
    store.close()
    with pytest.raises(StoreClosedError):
        list(reading)


def test_a_closed_store_says_so_at_every_call(store: PostgresStore) -> None:
    store.append([row(0)])
    store.close()
    store.close()  # twice does no harm
    calls: list[Callable[[], object]] = [
        lambda: store.append([row(1)]),
        lambda: store.append([]),
        lambda: store.append_streams([]),
        lambda: store.read(STREAM),
        lambda: store.read_from_snapshot(STREAM),
        lambda: store.last(STREAM),
        store.read_all,
        lambda: store.write_snapshot(row(1)),
        lambda: store.read_snapshot(STREAM),
        lambda: store.was_appended(uuid4()),
        store.migrate,
        store.__enter__,
    ]
    for call in calls:
        with pytest.raises(StoreClosedError, match=r"was closed: open a new one\.$"):
            call()


# --- the tables ----------------------------------------------------------------------------------


def test_without_its_tables_the_store_says_what_to_call(dsn: str) -> None:
    with PostgresStore(dsn) as store:
        calls: list[Callable[[], object]] = [
            lambda: store.append([row(0)]),
            lambda: list(store.read(STREAM)),
            lambda: store.last(STREAM),
            lambda: list(store.read_all()),
        ]
        for call in calls:
            with pytest.raises(StoreFormatError, match=r"Call store\.migrate\(\)\.$"):
                call()
        store.migrate()
        store.append([row(0)])


def test_the_tables_may_be_made_by_a_script_of_ones_own(dsn: str, order: Order) -> None:
    script = f"CREATE SCHEMA mine; {schema.tables_of('mine', order)} {schema.functions_of('mine', order)}"
    with admin(dsn) as connection:
        connection.execute(script.encode())
    with PostgresStore(dsn, schema="mine", order=order) as store:
        store.append(rows(2))
        assert [record for _, record in store.read_all()] == rows(2)
        store.migrate()
        assert list(store.read(STREAM)) == rows(2)


def test_processes_may_migrate_at_once(dsn: str, order: Order) -> None:
    processes = [start("migrate_at_once", dsn, order) for _ in range(4)]
    let_go(processes)
    finish_all(processes)
    with PostgresStore(dsn, order=order) as store:
        store.migrate()  # and once more does no harm
        assert len(list(store.read_all())) == 4


def test_threads_may_migrate_at_once_many_times(dsn: str) -> None:
    for turn in range(5):
        barrier, done = Barrier(4, timeout=60), list[int]()

        def migrate(schema: str = f"turn_{turn}", barrier: Barrier = barrier, done: list[int] = done) -> None:
            with PostgresStore(dsn, schema=schema) as store:
                barrier.wait()
                store.migrate()
                done.append(1)

        threads = [Thread(target=migrate) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) == 4


def test_schemas_are_strangers_to_each_other(dsn: str) -> None:
    with (
        PostgresStore(dsn, migrate=True) as one,
        PostgresStore(dsn, schema="order", order="transaction", migrate=True) as other,
    ):
        one.append([row(0)])
        assert list(other.read_all()) == []
        other.append(rows(2))
        assert len(list(one.read_all())) == 1


def test_the_other_order_is_refused(dsn: str, order: Order) -> None:
    wrong: Order = "transaction" if order == "dense" else "dense"
    with PostgresStore(dsn, order=order, migrate=True):
        pass
    with PostgresStore(dsn, order=wrong) as store:
        for call in (store.migrate, lambda: store.append([row(0)]), lambda: list(store.read_all())):
            with pytest.raises(StoreFormatError, match=f"expected order '{wrong}', found '{order}'"):
                call()


def test_a_newer_format_is_refused(dsn: str) -> None:
    with PostgresStore(dsn, migrate=True), admin(dsn) as connection:
        connection.execute("UPDATE esmodel.format SET version = 3")
    with PostgresStore(dsn) as store:
        for call in (store.migrate, lambda: store.append([row(0)])):
            with pytest.raises(StoreFormatError, match=r"expected format 1 to 2, found 3\. Upgrade esmodel"):
                call()
    with admin(dsn) as connection:
        connection.execute("DELETE FROM esmodel.format")
    with PostgresStore(dsn) as store, pytest.raises(StoreFormatError, match="expected one row in format"):
        store.last(STREAM)


def test_tables_of_something_else_are_refused_and_left_as_they_are(dsn: str) -> None:
    with admin(dsn) as connection:
        connection.execute("CREATE TABLE record (mine integer)")
        with pytest.raises(StoreFormatError, match="Choose another schema"):
            PostgresStore(dsn, schema="public", migrate=True)
        connection.execute("CREATE TABLE format (mine integer)")
        with pytest.raises(StoreFormatError, match="expected the tables of esmodel"):
            PostgresStore(dsn, schema="public", migrate=True)
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert sorted(tables) == [("format",), ("record",)]


def test_a_role_that_may_not_create_a_schema_can_use_one_that_is_there(dsn: str) -> None:
    role = f"poor_{uuid4().hex}"
    with admin(dsn) as connection:
        name = sql.Identifier(role)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        poor = make_conninfo(dsn, user=role)
        with pytest.raises(StoreError, match=r"permission denied.*Grant the role the privileges"):
            PostgresStore(poor, migrate=True)
        connection.execute(sql.SQL("CREATE SCHEMA esmodel AUTHORIZATION {}").format(name))
        with PostgresStore(poor, migrate=True) as store:
            store.append([row(0)])
        connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
        connection.execute(sql.SQL("DROP ROLE {}").format(name))


def test_the_rights_that_the_docs_name_are_enough(store: PostgresStore, dsn: str, order: Order) -> None:
    role = f"poor_{uuid4().hex}"
    with admin(dsn) as connection:
        name = sql.Identifier(role)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA esmodel TO {}").format(name))
        grant = sql.SQL("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA esmodel TO {}")
        connection.execute(grant.format(name))
        with PostgresStore(make_conninfo(dsn, user=role), order=order) as poor:
            poor.append(rows(3))
            poor.write_snapshot(row(1))
            assert not poor.was_appended(uuid4())
            assert list(poor.read_from_snapshot(STREAM)[1]) == [row(2)]
            assert len(list(poor.read_all())) == 3
            with pytest.raises(ConcurrencyError):
                poor.append([row(0)])
        connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
        connection.execute(sql.SQL("DROP ROLE {}").format(name))


def test_rows_restored_into_another_cluster_are_refused_until_they_are_migrated(dsn: str) -> None:
    with PostgresStore(dsn, order="transaction", migrate=True) as store:
        store.append(rows(2))
        seen = list(store.read_all())
    # as if the cluster that they come from had been a thousand transactions ahead
    with admin(dsn) as connection:
        connection.execute("UPDATE esmodel.record SET number = number + (1000::bigint << 20)")
    with PostgresStore(dsn, order="transaction") as store:
        with pytest.raises(StoreFormatError, match=r"restored from another.*Call store\.migrate\(\)"):
            store.append([row(2)])
        store.migrate()
        before = list(store.read_all())
        store.append([row(2)])
        after = list(store.read_all(after=before[-1][0]))
    assert [record for _, record in before] == [record for _, record in seen]
    assert [record for _, record in after] == [row(2)]


@pytest.mark.parametrize(
    ("argument", "value"),
    [("order", "sparse"), ("schema", 'a"b'), ("schema", ""), ("schema", "pg_mine"), ("connections", 0)],
)
def test_a_wrong_setting_is_refused(argument: str, value: str | int) -> None:
    code = (
        "from esmodel.stores.postgres import PostgresStore; from esmodel.exceptions import PayloadError\n"
        f"try: PostgresStore('', **{{{argument!r}: {value!r}}})\nexcept PayloadError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{argument}: expected")


# --- the errors ----------------------------------------------------------------------------------


def test_a_server_that_is_not_there_is_named_at_once(tmp_path: Path) -> None:
    with PostgresStore(f"host={tmp_path} dbname=nothing") as store:
        started = time.monotonic()
        with pytest.raises(StoreError, match="Check that the server runs") as caught:
            store.last(STREAM)
        assert isinstance(caught.value.__cause__, psycopg.OperationalError)
        assert time.monotonic() - started < 5
        with pytest.raises(StoreError, match="Check that the server runs"):
            store.migrate()


def test_a_connection_string_that_is_none_is_refused() -> None:
    with (
        PostgresStore("not a connection string") as store,
        pytest.raises(StoreError, match="connection string"),
    ):
        store.last(STREAM)


def test_no_free_connection_is_an_error_in_time(dsn: str, order: Order) -> None:
    with (
        ConnectionPool(dsn, min_size=1, max_size=1) as pool,
        PostgresStore(pool, order=order, timeout=SHORT, migrate=True) as store,
    ):
        with pool.connection(), pytest.raises(StoreError, match=r"expected a connection within 0\.3 s"):
            store.append([row(0)])
        store.append([row(0)])


def test_a_lock_that_is_held_is_an_error_in_time_and_readers_do_not_wait(
    store: PostgresStore, hold: Hold, dsn: str, order: Order
) -> None:
    late = append_late(store, row(0))
    hold.wait()
    with PostgresStore(dsn, order=order, timeout=SHORT) as other:
        started = time.monotonic()
        with pytest.raises(StoreError, match="Another transaction keeps it locked"):
            other.append([row(0)])
        assert time.monotonic() - started < 5
        assert list(other.read(STREAM)) == []
        hold.let_go()
        late.join(30)
        with pytest.raises(ConcurrencyError):
            other.append([row(0)])


def test_a_server_that_only_reads_says_so(dsn: str, order: Order) -> None:
    with PostgresStore(dsn, order=order, migrate=True) as store, admin(dsn) as connection:
        store.append([row(0)])
        name = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
        connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
    with PostgresStore(dsn, order=order) as store:
        assert list(store.read(STREAM)) == [row(0)]
        with pytest.raises(StoreError, match=r"read-only transaction.*Connect to the primary server"):
            store.append([row(1)])


def test_a_batch_that_is_too_long_is_refused(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_appends, "_MOST_BYTES", 10_000)
    long = row(0, data=b"x" * 10_001)
    with pytest.raises(PayloadError, match="expected at most 10,000 bytes in one call"):
        store.append([long])
    with pytest.raises(PayloadError, match="expected at most 10,000 bytes in one call"):
        store.write_snapshot(long)
    assert list(store.read(STREAM)) == []


def test_an_append_by_transaction_has_fewer_rows_than_places(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (schema, _appends, _statements):
        monkeypatch.setattr(module, "PLACES", 4)
    with PostgresStore(dsn, order="transaction", migrate=True) as store:
        with pytest.raises(PayloadError, match="expected fewer than 16 rows, found 16"):
            store.append(rows(16))
        store.append(rows(15))
        assert [record for _, record in store.read_all()] == rows(15)


def test_a_number_that_is_taken_is_no_conflict_but_a_damage(dsn: str) -> None:
    with PostgresStore(dsn, migrate=True) as store, admin(dsn) as connection:
        store.append(rows(3))
        connection.execute("UPDATE esmodel.counter SET last = 0")
        with pytest.raises(StoreError, match="record_number") as caught:
            store.append([row(3)])
        assert not isinstance(caught.value, ConcurrencyError)


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_deadlock_and_a_serialization_failure_are_conflicts(
    store: PostgresStore, dsn: str, state: str
) -> None:
    store.append(rows(2))
    with admin(dsn) as connection:
        raises = sql.SQL("BEGIN RAISE EXCEPTION USING ERRCODE = {}; END").format(sql.Literal(state))
        connection.execute(
            sql.SQL("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS {}").format(
                sql.Literal(raises.as_string(connection))
            )
        )
        connection.execute("CREATE TRIGGER fail BEFORE INSERT ON esmodel.record EXECUTE FUNCTION fail()")
    with pytest.raises(ConcurrencyError) as caught:
        store.append([row(2)])
    assert (caught.value.originator_id, caught.value.expected, caught.value.found) == (STREAM, 1, 1)


def test_appends_to_the_same_streams_in_any_order_never_lock_each_other_out(store: PostgresStore) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")  # noqa: T201  # because a failure is run again with it
    streams = [uuid4() for _ in range(8)]
    barrier, refused = Barrier(6, timeout=60), list[Exception]()

    def write(me: int) -> None:
        choose = random.Random(seed + me)
        barrier.wait()
        for turn in range(25):
            chosen = choose.sample(streams, len(streams))
            try:
                store.append_streams([row(me * 1_000 + turn, stream) for stream in chosen])
            except Exception as error:  # noqa: BLE001  # because the test asks for all of them
                refused.append(error)

    threads = [Thread(target=write, args=(me,)) for me in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []
    assert len(list(store.read_all())) == 6 * 25 * 8


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_stricter_level_by_default_changes_nothing(dsn: str, order: Order, level: str) -> None:
    with admin(dsn) as connection:
        name = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = {}").format(
                name, sql.Literal(level)
            )
        )
    with PostgresStore(dsn, order=order, migrate=True) as store:
        barrier, lost = Barrier(4, timeout=60), list[StoreError]()

        def write() -> None:
            stream = uuid4()
            barrier.wait()
            for position in range(30):
                try:
                    store.append([row(position, stream)])
                except StoreError as error:
                    lost.append(error)

        threads = [Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert lost == []
        assert len(list(store.read_all())) == 120
        store.append([row(0)])
        with pytest.raises(ConcurrencyError):
            store.append([row(0)])
        assert not store.was_appended(uuid4())
        store.append([row(1)])


# --- the connections -----------------------------------------------------------------------------


@pytest.fixture
def tcp_dsn(dsn: str) -> Iterator[str]:
    """Give the connection string of the server by TCP: the tests' own server has a Unix socket only."""
    facts = conninfo_to_dict(dsn)
    if not str(facts["host"]).startswith("/"):
        yield dsn
        return
    path = f"{facts['host']}/.s.PGSQL.{facts.get('port') or 5432}"
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:

        def pump(source: socket.socket, target: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(65_536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client = stack.enter_context(listener.accept()[0])
                    server = stack.enter_context(socket.socket(socket.AF_UNIX))
                    server.connect(path)
                    for pair in ((client, server), (server, client)):
                        Thread(target=pump, args=pair, daemon=True).start()

        thread = Thread(target=accept)
        thread.start()
        yield make_conninfo(dsn, host="127.0.0.1", port=listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other options")
def test_a_server_that_falls_silent_is_given_up_in_time(tcp_dsn: str) -> None:
    def options(address: str) -> list[int]:
        pool = OwnPool(address, 1, 12.0)
        connection = pool.acquire(30.0)
        names = (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            found = [line.getsockopt(socket.IPPROTO_TCP, name) for name in names]
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        pool.release(connection)
        pool.close()
        return found

    assert options(tcp_dsn) == [12_000, 6, 2, 3]
    mine = make_conninfo(tcp_dsn, tcp_user_timeout=5_000, keepalives_idle=60)
    assert options(mine) == [5_000, 60, 2, 3]


def test_a_pool_that_was_given_is_used_as_it_is_and_left_open(dsn: str, order: Order) -> None:
    with ConnectionPool(dsn, kwargs={"row_factory": dict_row}, min_size=1, max_size=2) as pool:
        with PostgresStore(pool, order=order, migrate=True) as store:
            store.append(rows(3))
            with pytest.raises(ConcurrencyError):
                store.append([row(0)])
            assert list(store.read(STREAM)) == rows(3)
        with pool.connection() as connection:
            assert not connection.autocommit
            connection.execute("CREATE TABLE mine (at integer)")
            connection.rollback()
            assert (
                connection.execute("SELECT tablename FROM pg_tables WHERE tablename = 'mine'").rowcount == 0
            )


def test_ended_sessions_of_a_pool_that_was_given_are_not_noticed(dsn: str, order: Order) -> None:
    with (
        ConnectionPool(dsn, min_size=3, max_size=3) as pool,
        PostgresStore(pool, order=order, migrate=True) as store,
        admin(dsn) as connection,
    ):
        pool.wait()
        terminate_all(connection)
        store.append([row(0)])
        terminate_all(connection)
        assert list(store.read(STREAM)) == [row(0)]


def test_a_pool_that_was_closed_says_so(dsn: str) -> None:
    with ConnectionPool(dsn, min_size=1) as pool, PostgresStore(pool, migrate=True) as store:
        pool.close()
        calls: list[Callable[[], object]] = [
            lambda: store.append([row(0)]),
            lambda: store.last(STREAM),
            store.migrate,
        ]
        for call in calls:
            with pytest.raises(StoreClosedError, match="The pool of"):
                call()


def test_no_more_connections_are_opened_than_allowed(dsn: str, order: Order) -> None:
    with PostgresStore(dsn, order=order, connections=2, migrate=True) as store:

        def write() -> None:
            stream = uuid4()
            for position in range(20):
                store.append([row(position, stream)])

        threads = [Thread(target=write) for _ in range(6)]
        for thread in threads:
            thread.start()
        with admin(dsn) as connection:
            most = 0
            while any(thread.is_alive() for thread in threads):
                (found,) = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND pid <> pg_backend_pid()"
                ).fetchall()
                count = found[0]
                assert isinstance(count, int)
                most = max(most, count)
        assert most <= 2
        assert len(list(store.read_all())) == 120


def test_a_store_works_on_both_sides_of_a_fork(dsn: str, order: Order) -> None:
    PostgresStore(dsn, order=order, migrate=True).close()
    said = finish(start("fork_and_use_both_sides", dsn, order))
    assert sorted(said) == ["child [0, 1]", "parent [0, 1, 2]"]


def terminate_all(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )


def test_sessions_that_the_server_ended_while_idle_are_not_noticed(store: PostgresStore, dsn: str) -> None:
    store.append(rows(1_200))
    store.write_snapshot(row(3))
    with admin(dsn) as connection:
        reading, numbered = store.read(STREAM), store.read_all()
        first = [next(reading), next(numbered)[1]]
        terminate_all(connection)
        assert [*first[:1], *reading] == rows(1_200)
        terminate_all(connection)
        assert [*first[1:], *(record for _, record in numbered)] == rows(1_200)
        terminate_all(connection)
        store.append([row(1_200)])
        terminate_all(connection)
        assert store.last(STREAM) == (1_200, b"")
        terminate_all(connection)
        assert store.read_snapshot(STREAM) == row(3)
        terminate_all(connection)
        store.write_snapshot(row(4))
        terminate_all(connection)
        with pytest.raises(ConcurrencyError):
            store.append([row(7)])


def test_sessions_that_are_ended_all_the_time_lose_and_repeat_nothing(store: PostgresStore, dsn: str) -> None:
    done, reading = Event(), list[list[Record]]()
    streams = [uuid4() for _ in range(3)]

    def write(stream: UUID) -> None:
        for position in range(200):
            store.append([row(position, stream)])

    def read() -> None:
        while not done.is_set():
            reading.append(list(store.read(streams[0])))

    writers = [Thread(target=write, args=(stream,)) for stream in streams]
    reader = Thread(target=read)
    for thread in (*writers, reader):
        thread.start()
    with admin(dsn) as connection:
        while any(thread.is_alive() for thread in writers):
            terminate_all(connection)
            time.sleep(0.05)
    done.set()
    for thread in (*writers, reader):
        thread.join()
    for stream in streams:
        assert [record.position for record in store.read(stream)] == list(range(200))
    assert len(list(store.read_all())) == 600
    assert reading
    assert all(each == [row(p, streams[0]) for p in range(len(each))] for each in reading)


# --- a commit whose answer is lost ---------------------------------------------------------------


@pytest.fixture
def line(dsn: str, folder: Path) -> Iterator[Breakpoint]:
    opened = Breakpoint(dsn, folder)
    yield opened
    opened.close()


def test_an_append_whose_answer_is_lost_is_acknowledged_once_it_was_asked_for(
    line: Breakpoint, order: Order
) -> None:
    with PostgresStore(line.dsn, order=order, migrate=True) as store:
        store.append([row(0)])
        line.at, line.times = "answer", 1
        store.append([row(1), row(2)])
        assert line.times == 0
        assert list(store.read(STREAM)) == rows(3)


def test_an_append_that_never_reached_the_server_is_repeated(line: Breakpoint, order: Order) -> None:
    with PostgresStore(line.dsn, order=order, migrate=True) as store:
        store.append([row(0)])
        line.at, line.times = "question", 2
        store.append([row(1), row(2)])
        assert line.times == 0
        assert list(store.read(STREAM)) == rows(3)


def test_an_append_that_never_reaches_the_server_is_an_error_in_time(line: Breakpoint, order: Order) -> None:
    with PostgresStore(line.dsn, order=order, timeout=SHORT, migrate=True) as store:
        store.append([row(0)])
        line.at, line.times = "question", 1_000
        with pytest.raises(StoreError) as caught:
            store.append([row(1)])
        assert not isinstance(caught.value, OutcomeUnknownError)
        assert isinstance(caught.value.__cause__, psycopg.OperationalError)
        line.times = 0
        assert list(store.read(STREAM)) == [row(0)]
        store.append([row(1)])


def test_an_append_that_comes_late_is_refused_for_good(line: Breakpoint, order: Order) -> None:
    with PostgresStore(line.dsn, order=order, migrate=True) as store:
        store.append([row(0)])
        line.at, line.times = "late", 1
        store.append([row(1)])  # given up, and repeated under another id, before the first one arrives
        line.late.set()
        deadline = time.monotonic() + 20
        while not line.answers and time.monotonic() < deadline:
            time.sleep(0.01)
        assert b"append_once" in b"".join(line.answers)
        assert list(store.read(STREAM)) == rows(2)


@pytest.mark.parametrize("at", ["question", "answer"])
def test_an_outcome_that_cannot_be_found_out_is_not_guessed(line: Breakpoint, order: Order, at: str) -> None:
    with PostgresStore(line.dsn, order=order, timeout=SHORT, migrate=True) as store:
        store.append([row(0)])
        line.at, line.times, line.goes_down = ("question" if at == "question" else "answer"), 1, True
        with pytest.raises(OutcomeUnknownError, match="Check that the server runs") as caught:
            store.append([row(1), row(2)])
        with pytest.raises(StoreError):
            store.was_appended(caught.value.append_id)
        line.is_down = False
        with PostgresStore(line.dsn, order=order) as other:
            was_stored = other.was_appended(caught.value.append_id)
            assert was_stored == (at == "answer")
            assert list(other.read(STREAM)) == rows(3 if was_stored else 1)
            assert other.was_appended(caught.value.append_id) == was_stored


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_an_append_under_way_whose_line_is_lost_is_waited_for(
    store: PostgresStore, hold: Hold, line: Breakpoint, order: Order, ends: str
) -> None:
    with PostgresStore(line.dsn, order=order) as other:
        other.append([row(0)])
        line.at, line.times = "answer", 1
        late = append_late(other, row(1))
        hold.wait()
        time.sleep(0.3)
        assert late.is_alive()
        if ends == "rollback":
            hold.cancel()  # it is appended again then, under another id
            hold.wait()
        hold.let_go()
        late.join(30)
        assert not late.is_alive()
    assert list(store.read(STREAM)) == [row(0), row(1, data=LATE)]


def test_an_append_that_is_under_way_for_too_long_is_asked_for_again(
    store: PostgresStore, hold: Hold, line: Breakpoint, order: Order
) -> None:
    with PostgresStore(line.dsn, order=order, timeout=SHORT) as other:
        other.append([row(0)])
        line.at, line.times = "answer", 1_000
        with pytest.raises(OutcomeUnknownError, match="Another transaction keeps it locked") as caught:
            other.append([row(1, data=LATE)])
        append_id = caught.value.append_id
        with pytest.raises(StoreError, match="Another transaction keeps it locked"):
            other.was_appended(append_id)
    hold.let_go()
    assert store.was_appended(append_id)
    assert list(store.read(STREAM)) == [row(0), row(1, data=LATE)]
    assert (append_id.version, append_id.variant) == (7, "specified in RFC 4122")


def test_saves_that_are_cut_off_by_kills_of_the_server_are_never_guessed(
    postgres_server: PostgresServer, order: Order
) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")  # noqa: T201  # because a failure is run again with it
    choose = random.Random(seed)
    saves, writers = 500, 4
    acknowledged: list[bytes] = []
    unknown: dict[bytes, UUID] = {}
    refused: list[bytes] = []
    to_do = iter(range(saves))

    def write(store: PostgresStore) -> None:
        for number in to_do:
            data = b"%d" % number
            batch = [row(0, uuid4(), data), row(1, stream := uuid4(), data), row(2, stream, data)]
            try:
                store.append_streams(batch)
                acknowledged.append(data)
            except OutcomeUnknownError as error:
                unknown[data] = error.append_id
            except StoreError:
                refused.append(data)
                time.sleep(0.02)

    PostgresStore(postgres_server.dsn, order=order, migrate=True).close()
    with ExitStack() as stores:
        opened = [
            # half of them wait until they know, half give up
            PostgresStore(postgres_server.dsn, order=order, timeout=timedelta(seconds=patience))
            for patience in (60.0, 60.0, 0.2, 0.2)[:writers]
        ]
        for each in opened:
            stores.enter_context(each)
            each.last(STREAM)
        threads = [Thread(target=write, args=(each,)) for each in opened]
        for thread in threads:
            thread.start()
        kills = 0
        while any(thread.is_alive() for thread in threads) and kills < 5:
            time.sleep(choose.uniform(0.0, 0.12))
            postgres_server.kill()
            kills += 1
            time.sleep(choose.choice([0.0, 0.4]))
            postgres_server.start()
        for thread in threads:
            thread.join(120)
    with PostgresStore(postgres_server.dsn, order=order) as store:
        stored = {data for data, append_id in unknown.items() if store.was_appended(append_id)}
        found = [record.data for _, record in store.read_all()]
    assert len(acknowledged) + len(unknown) + len(refused) == saves
    assert kills > 1
    assert {data: found.count(data) for data in found} == dict.fromkeys([*acknowledged, *stored], 3)


# --- many processes ------------------------------------------------------------------------------


def test_processes_that_append_to_one_stream_all_get_their_rows_in(dsn: str, order: Order) -> None:
    PostgresStore(dsn, order=order, migrate=True).close()
    processes = [start("append_to_one_stream", dsn, order, writer) for writer in range(PROCESSES)]
    let_go(processes)
    acknowledged = sorted(line for said in finish_all(processes) for line in said)
    with PostgresStore(dsn, order=order) as store:
        stream = list(store.read(STREAM))
        assert [record for _, record in store.read_all()] == stream
    assert [record.position for record in stream] == list(range(PROCESSES * TURNS))
    assert sorted(f"{record.position} {record.data.decode()}" for record in stream) == acknowledged


def test_a_reader_sees_each_row_of_many_processes_once_and_in_order(dsn: str, order: Order) -> None:
    PostgresStore(dsn, order=order, migrate=True).close()
    processes = [start("append_to_own_streams", dsn, order, writer) for writer in range(PROCESSES)]
    said: list[list[str]] = []
    seen: list[tuple[int, Record]] = []
    with PostgresStore(dsn, order=order) as store:
        store.last(STREAM)
        let_go(processes)
        finishing = Thread(target=lambda: said.extend(finish_all(processes)))
        finishing.start()
        while finishing.is_alive():
            seen += store.read_all(after=seen[-1][0] if seen else 0, limit=37)
        finishing.join()
        seen += store.read_all(after=seen[-1][0] if seen else 0)
        assert seen == list(store.read_all())
    times: dict[str, tuple[int, int]] = {}
    for line in chain.from_iterable(said):
        name, began, ended = line.split()
        times[name] = int(began), int(ended)
    assert len(times) == PROCESSES * TURNS
    numbers = [number for number, _ in seen]
    assert numbers == sorted(set(numbers))
    if order == "dense":
        assert numbers == list(range(1, 2 * PROCESSES * TURNS + 1))
    appends = [record.data.decode() for _, record in seen]
    assert appends[::2] == appends[1::2], "an append is torn apart"
    assert sorted(appends[::2]) == sorted(times)
    # None comes before one that was acknowledged before it began.
    latest_beginning = 0
    for name in appends[::2]:
        beginning, end = times[name]
        assert end > latest_beginning
        latest_beginning = max(latest_beginning, beginning)


@pytest.mark.parametrize("order", ["dense"], indirect=True)
def test_dense_an_append_that_is_left_open_makes_writers_wait_and_skips_nothing(
    store: PostgresStore, hold: Hold
) -> None:
    store.append([row(0)])
    late = append_late(store, row(0, uuid4()))
    hold.wait()
    others = [
        Thread(target=store.append, args=([row(1)],)),
        Thread(target=store.append, args=([row(0, uuid4())],)),
    ]
    for thread in others:
        thread.start()
    until = time.monotonic() + 2
    while time.monotonic() < until:
        assert [number for number, _ in store.read_all()] == [1]
    assert all(thread.is_alive() for thread in others)
    hold.let_go()
    for thread in (late, *others):
        thread.join(30)
    found = list(store.read_all(after=1))
    assert [number for number, _ in found] == [2, 3, 4]
    assert found[0][1].data == LATE


@pytest.mark.parametrize("order", ["transaction"], indirect=True)
def test_by_transaction_an_append_that_is_left_open_holds_back_readers_only_and_skips_nothing(
    store: PostgresStore, hold: Hold
) -> None:
    store.append([row(0)])
    seen = list(store.read_all())
    assert len(seen) == 1
    late = append_late(store, row(0, uuid4()))
    hold.wait()
    until = time.monotonic() + 2
    position = 1
    while time.monotonic() < until:
        store.append([row(position)])
        position += 1
        assert list(store.read_all(after=seen[-1][0])) == []
        assert len(list(store.read(STREAM))) == position
    hold.let_go()
    late.join(30)
    found = list(store.read_all(after=seen[-1][0]))
    assert position > 10
    assert found[0][1].data == LATE
    assert [record for _, record in found[1:]] == [row(each) for each in range(1, position)]


def test_by_transaction_a_reader_is_held_back_by_any_that_has_written_and_by_none_that_only_reads(
    dsn: str,
) -> None:
    with PostgresStore(dsn, order="transaction", migrate=True) as store, admin(dsn) as connection:
        connection.execute("CREATE TABLE mine (at integer)")
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM mine")
        store.append([row(0)])
        assert len(list(store.read_all())) == 1
        connection.execute("INSERT INTO mine VALUES (1)")
        store.append([row(1)])
        assert len(list(store.read_all())) == 1
        connection.execute("ROLLBACK")
        assert len(list(store.read_all())) == 2


# --- a proxy that pools transactions -------------------------------------------------------------


def test_it_works_behind_a_proxy_that_gives_each_transaction_another_connection(
    dsn: str, order: Order
) -> None:
    with ExitStack() as stack:
        try:
            bounced = stack.enter_context(pgbouncer(dsn))
        except FileNotFoundError:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(NO_PGBOUNCER)
        store = stack.enter_context(PostgresStore(bounced, order=order, migrate=True))
        barrier, done = Barrier(6, timeout=60), list[UUID]()

        def write() -> None:
            stream = uuid4()
            barrier.wait()
            for position in range(40):
                store.append([row(position, stream)])
                if position % 10 == 0:
                    store.write_snapshot(row(position, stream))
                assert store.last(stream) == (position, b"")
            done.append(stream)

        threads = [Thread(target=write) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) == 6
        for stream in done:
            snapshot, found = store.read_from_snapshot(stream)
            assert (snapshot, len(list(found))) == (row(30, stream), 9)
            with pytest.raises(ConcurrencyError):
                store.append([row(0, stream)])
        assert len(list(store.read_all())) == 240
        assert not store.was_appended(uuid4())
        store.migrate()


# --- without the driver --------------------------------------------------------------------------


def test_without_the_driver_the_import_names_what_to_install() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "try: import esmodel.stores.postgres\nexcept ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("esmodel.stores.postgres: expected psycopg 3 and psycopg_pool, found:")
    assert done.stdout.rstrip().endswith("pip install 'esmodel[postgres]'")


def test_esmodel_alone_loads_no_driver() -> None:
    code = "import sys, esmodel; sys.exit(any(name.startswith('psycopg') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
