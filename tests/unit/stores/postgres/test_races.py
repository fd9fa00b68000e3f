"""``PostgresStore`` with concurrent writers and readers."""

from __future__ import annotations

import os
import random
from functools import partial
from threading import Barrier
from uuid import uuid4

import postgres_tasks
import pytest
from postgres_sessions import admin, run_in_threads
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sample_rows import STREAM, row
from worker_process import WorkerProcess, go_at_once

from esmodel.exceptions import (
    ConcurrencyError,
    StoreError,
)
from esmodel.rows import (
    FREE,
    Append,
    Record,
)
from esmodel.stores.postgres import Order, PostgresStore

pytestmark = pytest.mark.server

PROCESSES = int(os.environ.get("ESMODEL_TEST_PROCESSES", "16"))
TURNS = 8


def test_appends_to_the_same_streams_in_any_order_never_deadlock(store: PostgresStore) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")  # noqa: T201  # because it reproduces a failure
    streams = [uuid4() for _ in range(8)]
    barrier, refused = Barrier(6, timeout=60), list[Exception]()

    def write(me: int) -> None:
        choose = random.Random(seed + me)
        barrier.wait()
        for turn in range(25):
            chosen = choose.sample(streams, len(streams))
            try:
                store.append_streams([Append([row(me * 1_000 + turn, each)], FREE) for each in chosen])
            except Exception as error:  # noqa: BLE001  # because any error fails the test
                refused.append(error)

    run_in_threads([partial(write, me) for me in range(6)])
    assert refused == []
    assert len(list(store.read_all())) == 6 * 25 * 8


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_stricter_default_isolation_level_changes_nothing(dsn: str, order: Order, level: str) -> None:
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
                    store.append(Append([row(position, stream)], FREE))
                except StoreError as error:
                    lost.append(error)

        run_in_threads([write] * 4)
        assert lost == []
        assert len(list(store.read_all())) == 120
        store.append(Append([row(0)], FREE))
        with pytest.raises(ConcurrencyError):
            store.append(Append([row(0)], FREE))
        assert not store.was_appended(uuid4())
        store.append(Append([row(1)], FREE))


@pytest.mark.slow
def test_processes_that_append_to_one_stream_all_get_their_rows_in(dsn: str, order: Order) -> None:
    PostgresStore(dsn, order=order, migrate=True).close()
    append = postgres_tasks.append_to_one_stream
    processes = [WorkerProcess(append, dsn, order, writer, TURNS) for writer in range(PROCESSES)]
    go_at_once(processes)
    acknowledged = sorted(line for process in processes for line in process.finish())
    with PostgresStore(dsn, order=order) as store:
        stream = list(store.read(STREAM))
        assert [record for _, record in store.read_all()] == stream
    assert [record.position for record in stream] == list(range(PROCESSES * TURNS))
    assert sorted(f"{record.position} {record.data.decode()}" for record in stream) == acknowledged


@pytest.mark.slow
def test_a_reader_sees_each_row_of_many_processes_once_and_in_order(dsn: str, order: Order) -> None:
    PostgresStore(dsn, order=order, migrate=True).close()
    append = postgres_tasks.append_to_own_streams
    processes = [WorkerProcess(append, dsn, order, writer, TURNS) for writer in range(PROCESSES)]
    seen: list[tuple[int, Record]] = []
    with PostgresStore(dsn, order=order) as store:
        store.last(STREAM)
        go_at_once(processes)
        while any(process.is_running() for process in processes):
            seen += store.read_all(after=seen[-1][0] if seen else 0, limit=37)
        said = [line for process in processes for line in process.finish()]
        seen += store.read_all(after=seen[-1][0] if seen else 0)
        assert seen == list(store.read_all())
    times: dict[str, tuple[int, int]] = {}
    for line in said:
        name, began, ended = line.split()
        times[name] = int(began), int(ended)
    assert len(times) == PROCESSES * TURNS
    numbers = [number for number, _ in seen]
    assert numbers == sorted(set(numbers))
    if order == "dense":
        assert numbers == list(range(1, 2 * PROCESSES * TURNS + 1))
    appends = [record.data.decode() for _, record in seen]
    assert appends[::2] == appends[1::2], "an append is split"
    assert sorted(appends[::2]) == sorted(times)
    # No append comes before one that was acknowledged before it began.
    latest_beginning = 0
    for name in appends[::2]:
        beginning, end = times[name]
        assert end > latest_beginning
        latest_beginning = max(latest_beginning, beginning)
