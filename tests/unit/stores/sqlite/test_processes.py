"""``SQLiteStore`` with several processes, kills, a full disk and missing permissions."""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_tasks
from sample_rows import STREAM, row
from worker_process import WorkerProcess, go_at_once, run

from esmodel.rows import Record
from esmodel.stores.sqlite import SQLiteStore

TURNS = 100


@pytest.mark.slow
def test_processes_may_create_one_file_at_once(tmp_path: Path) -> None:
    for turn in range(4):
        path = tmp_path / f"{turn}.db"
        processes = [WorkerProcess(sqlite_tasks.create, path) for _ in range(6)]
        go_at_once(processes)
        for process in processes:
            process.finish()
        with SQLiteStore(path) as store:
            assert [number for number, _ in store.read_all()] == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_processes_that_append_to_one_stream_all_get_their_rows_in(path: Path) -> None:
    writers = 4
    processes = [
        WorkerProcess(sqlite_tasks.append_in_turns, path, writer, TURNS) for writer in range(writers)
    ]
    seen: list[tuple[int, Record]] = []
    with SQLiteStore(path) as store:
        go_at_once(processes)
        while any(process.is_running() for process in processes):
            seen += store.read_all(after=seen[-1][0] if seen else 0)
        acknowledged = {line for process in processes for line in process.finish()}
        seen += store.read_all(after=seen[-1][0] if seen else 0)
        stream = list(store.read(STREAM))
        assert seen == list(store.read_all())
    assert len(stream) == writers * TURNS
    assert [record for _, record in seen] == stream
    assert {f"{record.position} {record.data.decode()}" for record in stream} == acknowledged
    assert [record.position for record in stream] == list(range(writers * TURNS))


@pytest.mark.slow
def test_acknowledged_batches_outlive_fifty_kills(path: Path) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")  # noqa: T201  # because it reproduces a failure
    choose = random.Random(seed)
    acknowledged: set[str] = set()
    stored: Counter[str] = Counter()
    sizes: dict[str, int] = {}
    verified = 0  # the last number that was checked
    for turn in range(50):
        process = WorkerProcess(sqlite_tasks.append_until_killed, path, f"{seed}-{turn}")
        process.wait_until_ready()
        process.go()
        time.sleep(choose.uniform(0, 0.08))
        acknowledged.update(process.kill())
        started = time.monotonic()
        with SQLiteStore(path) as store:
            assert time.monotonic() - started < 5
            for number, record in store.read_all(after=verified):
                verified = number
                batch, size, _ = record.data.decode().split(" ")
                stored[batch] += 1
                sizes[batch] = int(size)
        assert stored == sizes, "a batch is stored in part"
        assert acknowledged <= stored.keys(), "an acknowledged batch is lost"
    assert len(acknowledged) > 50
    with SQLiteStore(path) as store:
        everything = [record for _, record in store.read_all()]
        assert Counter(record.data.decode().split(" ")[0] for record in everything) == stored
        for stream in {record.originator_id for record in everything}:
            positions = [record.position for record in store.read(stream)]
            assert positions == list(range(len(positions)))
            assert store.last(stream) == (len(positions) - 1, b"")
    with closing(sqlite3.connect(path)) as connection:
        health: tuple[str] = connection.execute("PRAGMA integrity_check").fetchone()
        assert health == ("ok",)


@pytest.mark.parametrize(
    ("most_bytes", "length"),
    # Full before the first checkpoint, and after several.
    [(200_000, 1_000), (6_000_000, 20_000)],
)
def test_a_full_disk_loses_no_acknowledged_row(path: Path, most_bytes: int, length: int) -> None:
    error, appended, read, appended_again = run(sqlite_tasks.append_until_full, path, most_bytes, length)
    number = int(appended.removeprefix("appended "))
    assert number > 2
    assert str(path) in error
    assert "free some space" in error.lower() or "free space" in error
    assert read == f"read {number}, last ({number - 1}, b'')"
    assert appended_again == "appended again"
    with SQLiteStore(path) as store:
        found = list(store.read(STREAM))
        assert found[:number] == [row(place, data=b"x" * length) for place in range(number)]
        assert found[number:] == [row(number), row(number + 1)]
        assert sum(1 for _ in store.read_all()) == 2 * number + 2


def test_a_read_only_file_can_be_read_and_an_append_says_what_to_do() -> None:
    # Not in tmp_path: its parents are closed to the user that root becomes.
    with tempfile.TemporaryDirectory() as folder:
        read, error = run(sqlite_tasks.use_read_only, Path(folder, "events.db"))
    assert read == "read True"
    assert "readonly database. Make the file and its folder writable" in error


def test_opening_a_file_in_a_read_only_folder_says_what_to_do() -> None:
    with tempfile.TemporaryDirectory() as folder:
        (error,) = run(sqlite_tasks.open_in_a_read_only_folder, Path(folder, "events.db"))
    assert "Make the file and its folder writable" in error
