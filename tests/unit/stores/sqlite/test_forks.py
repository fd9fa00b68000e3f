"""``SQLiteStore`` in processes that fork."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest
import sqlite_tasks
from sample_rows import STREAM, row, rows
from worker_process import run

from esmodel.exceptions import StoreError
from esmodel.rows import FREE, Append
from esmodel.stores.sqlite import SQLiteStore


def test_a_store_works_on_both_sides_of_a_fork(path: Path) -> None:
    assert run(sqlite_tasks.fork_and_outlive_the_parents_store, path) == [
        "child [0, 1, 2]",
        "parent [0, 1, 2]",
    ]


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_no_connection_is_open_at_the_moment_of_a_fork(
    connections: list[sqlite3.Connection], store: SQLiteStore
) -> None:
    store.append(Append([row(0)], FREE))
    reading = store.read(STREAM)
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
    with pytest.raises(sqlite3.ProgrammingError, match="Cannot operate on a closed database"):
        connections[0].execute("SELECT 1")
    store.append(Append([row(1)], FREE))
    assert list(reading) == rows(2)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_deleted_file_is_not_created_again_after_a_fork(path: Path, store: SQLiteStore) -> None:
    store.append(Append([row(0)], FREE))
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    path.unlink()
    with pytest.raises(StoreError, match="unable to open database file"):
        store.append(Append([row(1)], FREE))
    assert not path.exists()


@pytest.mark.slow
def test_a_process_may_fork_while_its_threads_append(path: Path) -> None:
    said = run(sqlite_tasks.fork_while_threads_append, path)
    acknowledged = dict(line.split(" ") for line in said)
    assert len(acknowledged) == 23
    with SQLiteStore(path) as store:
        stored = Counter(str(record.originator_id) for _, record in store.read_all())
    assert {stream: str(number) for stream, number in stored.items()} == acknowledged


def test_a_fork_without_the_hooks_of_python_is_refused_in_the_child(path: Path) -> None:
    error, parent = run(sqlite_tasks.fork_without_hooks, path)
    assert error.endswith("Open the store after the fork.")
    assert parent == "parent [0, 1]"


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_that_was_forked_while_a_thread_opens_the_file_is_refused_and_does_not_wait(
    path: Path, when_opened: Callable[[Callable[[sqlite3.Connection], None]], None]
) -> None:
    store, is_opening, may_go_on = SQLiteStore(path, busy_timeout=timedelta(seconds=0.05)), Event(), Event()

    def open_slowly(_: sqlite3.Connection) -> None:
        is_opening.set()
        may_go_on.wait(10)

    when_opened(open_slowly)
    reading = Thread(target=lambda: list(store.read(STREAM)))  # the first read opens a connection
    reading.start()
    is_opening.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        try:
            list(store.read(STREAM))
        except StoreError:
            store.close()
            os._exit(0)
        os._exit(1)
    may_go_on.set()
    reading.join()
    assert os.waitpid(child, 0) == (child, 0)
    store.close()


class Interrupted(BaseException):
    """Raised by a signal handler."""


@pytest.mark.skipif(sys.gettrace() is not None, reason="a lock of the trace function may stay taken")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Python swallows some
def test_a_fork_that_a_signal_interrupts_leaves_no_lock_taken(path: Path) -> None:
    child = os.fork()  # since an interrupt may leave locks of other libraries taken
    if child == 0:
        status = 1
        try:
            interrupt_forks(path)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0) == (child, 0)


def interrupt_forks(path: Path) -> None:
    parent, draw = os.getpid(), Random(5)
    is_forking = False  # a signal may come late, while the other thread is at work

    def interrupt(*_: object) -> None:
        if is_forking and os.getpid() == parent:
            raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with SQLiteStore(path) as store:
            for number in range(200):
                with contextlib.suppress(Interrupted):
                    is_forking = True
                    signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-6, 1e-3))
                    if os.fork() == 0:
                        os._exit(0)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                with contextlib.suppress(Interrupted):
                    signal.setitimer(signal.ITIMER_REAL, 0)
                is_forking = False
                other = Thread(target=store.append, args=(Append([row(number)], FREE),), daemon=True)
                other.start()
                other.join(10)
                assert not other.is_alive(), "a lock was left taken"
            assert list(store.read(STREAM)) == rows(200)
    finally:
        signal.signal(signal.SIGALRM, before)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
