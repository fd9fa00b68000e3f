"""``PostgresStore`` opens, shares and replaces connections."""

from __future__ import annotations

import os
import random
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from threading import Barrier, Event, Thread
from uuid import UUID, uuid4

import postgres_tasks
import pytest
from postgres_proxy import NO_PGBOUNCER, pgbouncer
from postgres_sessions import admin, run_in_threads, terminate_all, wait_until
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout
from sample_rows import STREAM, row, rows
from worker_process import run

from esmodel.exceptions import (
    ConcurrencyError,
)
from esmodel.rows import (
    FREE,
    Append,
    Record,
)
from esmodel.stores.postgres import Order, PostgresStore
from esmodel.stores.postgres._givenpool import GivenPool
from esmodel.stores.postgres._ownpool import OwnPool

pytestmark = pytest.mark.server


@pytest.fixture
def tcp_dsn(dsn: str) -> Iterator[str]:
    """Forward a TCP port to the server of the tests, which listens on a Unix socket only."""
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
def test_the_timeout_covers_an_unresponsive_server(tcp_dsn: str) -> None:
    def options(address: str) -> list[int]:
        pool = OwnPool(address, 1, 12.0)
        loan = pool.acquire(30.0)
        names = (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        with socket.socket(fileno=os.dup(loan.connection.fileno())) as opened:
            found = [opened.getsockopt(socket.IPPROTO_TCP, name) for name in names]
            assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        loan.release()
        pool.close()
        return found

    assert options(tcp_dsn) == [12_000, 6, 2, 3]
    own_settings = make_conninfo(tcp_dsn, tcp_user_timeout=5_000, keepalives_idle=60)
    assert options(own_settings) == [5_000, 60, 2, 3]


def test_a_connection_that_was_acquired_and_dropped_leaves_its_place(dsn: str) -> None:
    pool = OwnPool(dsn, 1, 12.0)
    for _ in range(3):  # as after a signal handler that raises between the acquisition and its block
        pool.acquire(5.0)
    loan = pool.acquire(5.0)
    with pytest.raises(PoolTimeout):
        pool.acquire(0.01)
    loan.release()
    pool.close()


def test_a_connection_that_was_acquired_and_dropped_returns_to_the_pool_that_was_given(dsn: str) -> None:
    with ConnectionPool(dsn, min_size=1, max_size=1, open=True) as given:
        pool = GivenPool(given)
        for _ in range(3):
            pool.acquire(5.0)
        pool.acquire(5.0).release()
        with given.connection(5.0) as connection:
            assert not connection.autocommit


def test_a_connection_that_is_returned_in_the_middle_of_a_statement_raises_nothing(dsn: str) -> None:
    with ConnectionPool(dsn, min_size=1, max_size=1, open=True) as given:
        pool = GivenPool(given)
        loan = pool.acquire(5.0)
        loan.connection.pgconn.send_query(b"SELECT pg_sleep(0.2)")  # as after an interrupt
        loan.release()  # else its error would take the place of the interrupt
        pool.acquire(5.0).release()
        with given.connection(5.0) as connection:
            assert not connection.autocommit


def test_no_more_connections_are_opened_than_allowed(dsn: str, order: Order) -> None:
    with PostgresStore(dsn, order=order, connections=2, migrate=True) as store:

        def write() -> None:
            stream = uuid4()
            for position in range(20):
                store.append(Append([row(position, stream)], FREE))

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


def test_a_store_works_in_both_processes_after_a_fork(dsn: str, order: Order) -> None:
    PostgresStore(dsn, order=order, migrate=True).close()
    said = run(postgres_tasks.fork_and_use_both_sides, dsn, order)
    assert sorted(said) == ["child [0, 1]", "parent [0, 1, 2]"]


def test_a_given_pool_is_refused_in_a_child(dsn: str, order: Order) -> None:
    PostgresStore(dsn, order=order, migrate=True).close()
    *child, parent = run(postgres_tasks.fork_with_a_given_pool, dsn, order)
    assert parent == "parent [0, 2]"
    assert len(child) == 2
    assert all("found one that was forked from it" in said for said in child)


def test_ended_idle_sessions_are_replaced(store: PostgresStore, dsn: str) -> None:
    store.append(Append(rows(1_200), FREE))
    store.write_snapshot(row(3))
    with admin(dsn) as connection:
        reading, numbered = store.read(STREAM), store.read_all()
        first = [next(reading), next(numbered)[1]]
        terminate_all(connection)
        assert [*first[:1], *reading] == rows(1_200)
        terminate_all(connection)
        assert [*first[1:], *(record for _, record in numbered)] == rows(1_200)
        terminate_all(connection)
        store.append(Append([row(1_200)], FREE))
        terminate_all(connection)
        assert store.last(STREAM) == (1_200, b"")
        terminate_all(connection)
        assert store.read_snapshot(STREAM) == row(3)
        terminate_all(connection)
        store.write_snapshot(row(4))
        terminate_all(connection)
        with pytest.raises(ConcurrencyError):
            store.append(Append([row(7)], FREE))


def test_sessions_that_end_again_and_again_lose_and_repeat_nothing(store: PostgresStore, dsn: str) -> None:
    done, reading = Event(), list[list[Record]]()
    appended = dict.fromkeys([uuid4() for _ in range(3)], 0)

    def write(stream: UUID) -> None:
        while not done.is_set():
            store.append(Append([row(appended[stream], stream)], FREE))
            appended[stream] += 1

    def read() -> None:
        while not done.is_set():
            reading.append(list(store.read(streams[0])))

    def has_appended(number: int) -> bool:
        return sum(appended.values()) >= number

    def end_sessions() -> None:
        with admin(dsn) as connection:
            for _ in range(12):
                goal = sum(appended.values()) + 1
                wait_until(partial(has_appended, goal))
                time.sleep(random.uniform(0, 0.01))
                terminate_all(connection)
        done.set()

    streams = list(appended)
    run_in_threads([end_sessions, read, *(partial(write, stream) for stream in streams)])
    for stream in streams:
        assert [record.position for record in store.read(stream)] == list(range(appended[stream]))
    assert len(list(store.read_all())) == sum(appended.values())
    assert reading
    assert all(each == [row(p, streams[0]) for p in range(len(each))] for each in reading)


def test_it_works_behind_a_proxy_that_pools_transactions(dsn: str, order: Order) -> None:
    with ExitStack() as stack:
        try:
            pooled = stack.enter_context(pgbouncer(dsn))
        except FileNotFoundError:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(NO_PGBOUNCER)
        store = stack.enter_context(PostgresStore(pooled, order=order, migrate=True))
        barrier, done = Barrier(6, timeout=60), list[UUID]()

        def write() -> None:
            stream = uuid4()
            barrier.wait()
            for position in range(40):
                store.append(Append([row(position, stream)], position - 1 if position else None))
                if position % 10 == 0:
                    store.write_snapshot(row(position, stream))
                assert store.last(stream) == (position, b"")
            done.append(stream)

        run_in_threads([write] * 6)
        assert len(done) == 6
        for stream in done:
            snapshot, found = store.read_from_snapshot(stream)
            assert (snapshot, len(list(found))) == (row(30, stream), 9)
            for stale in (Append([row(0, stream)], FREE), Append([row(50, stream)], after=49)):
                with pytest.raises(ConcurrencyError):
                    store.append(stale)
        assert len(list(store.read_all())) == 240
        assert not store.was_appended(uuid4())
        store.migrate()
