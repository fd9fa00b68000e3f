"""Tasks that the tests of ``SQLiteStore`` run in other processes."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import signal
import sys
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sample_rows import STREAM, row

from esmodel.exceptions import ConcurrencyError, StoreError
from esmodel.rows import FREE, Append
from esmodel.stores.sqlite import SQLiteStore
from esmodel.testing.contracts.samplerows import in_streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_process import Parent

    from esmodel.rows import Record

_NOBODY = 65534


def create(parent: Parent, path: Path) -> None:
    """Create a file, or open the one that another process created, and append a row."""
    parent.wait_for_go()
    with SQLiteStore(path) as store:
        store.append(Append([row(0, uuid4())], FREE))


def append_in_turns(parent: Parent, path: Path, writer: int, turns: int) -> None:
    """Append to one stream beside other processes; try again after a conflict."""
    parent.wait_for_go()
    with SQLiteStore(path, synchronous="NORMAL") as store:
        done = 0
        while done < turns:
            last = store.last(STREAM)
            position = 0 if last is None else last[0] + 1
            try:
                store.append(Append([row(position, data=f"{writer} {done}".encode())], FREE))
            except ConcurrencyError:
                continue
            parent.say(f"{position} {writer} {done}")
            done += 1


def append_until_killed(parent: Parent, path: Path, seed: str) -> None:
    """Append batches; each row states its batch and the number of rows in it."""
    choose = random.Random(seed)
    with SQLiteStore(path) as store:
        streams = [UUID(int=number) for number in range(5)]
        next_positions = {
            stream: 0 if last is None else last[0] + 1
            for stream, last in ((stream, store.last(stream)) for stream in streams)
        }
        parent.wait_for_go()
        for turn in range(sys.maxsize):
            size = choose.choice([1, 1, 2, 5, 20])
            batch: list[Record] = []
            for _ in range(size):
                stream = choose.choice(streams)
                padding = b"x" * choose.choice([0, 10, 100, 1_000, 9_000])
                data = b"%s-%d %d %s" % (seed.encode(), turn, size, padding)
                name = f"Name {choose.randrange(1_000)}"
                batch.append(row(next_positions[stream], stream, data)._replace(name=name))
                next_positions[stream] += 1
            store.append_streams(in_streams(batch))
            parent.say(f"{seed}-{turn}")
            if turn % 10 == 0:
                store.write_snapshot(batch[-1])


def append_until_full(parent: Parent, path: Path, most_bytes: int, length: int) -> None:
    """Append until the file may not grow, then allow it to grow and append again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with SQLiteStore(path) as store:
        position = 0
        try:
            while True:
                mine, other = row(position, data=b"x" * length), row(position + 1, uuid4())
                store.append_streams([Append([mine], FREE), Append([other], FREE)])
                position += 1
        except StoreError as error:
            parent.say(str(error))
        parent.say(f"appended {position}")
        parent.say(f"read {sum(1 for _ in store.read(STREAM))}, last {store.last(STREAM)}")
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        store.append(Append([row(position), row(position + 1)], FREE))
        parent.say("appended again")


def use_read_only(parent: Parent, path: Path) -> None:
    """Use a file without write permission."""
    with SQLiteStore(path) as store:
        store.append(Append([row(0)], FREE))
    path.chmod(0o444)
    path.parent.chmod(0o777)
    _drop_privileges()
    with SQLiteStore(path) as store:
        parent.say(f"read {list(store.read(STREAM)) == [row(0)]}")
        try:
            store.append(Append([row(1)], FREE))
        except StoreError as error:
            parent.say(str(error))
    os._exit(0)  # nobody may not write what coverage has to tell


def open_in_a_read_only_folder(parent: Parent, path: Path) -> None:
    """Open a file in a folder without write permission."""
    with SQLiteStore(path) as store:
        store.append(Append([row(0)], FREE))
    path.parent.chmod(0o555)
    _drop_privileges()
    try:
        SQLiteStore(path)
    except StoreError as error:
        parent.say(str(error))
    os._exit(0)  # see `use_read_only`


def _drop_privileges() -> None:
    if os.getuid() == 0:  # root may write any file
        os.setuid(_NOBODY)


def fork_and_outlive_the_parents_store(parent: Parent, path: Path) -> None:
    """Fork, and append in the child after the parent has closed its store."""
    hear, tell = os.pipe()
    store = SQLiteStore(path)
    store.append(Append([row(0)], FREE))
    child = os.fork()
    if child == 0:
        os.read(hear, 1)
        store.append(Append([row(2)], FREE))
        parent.say(f"child {[record.position for record in store.read(STREAM)]}")
        store.close()
        os._exit(0)
    store.append(Append([row(1)], FREE))
    store.close()  # if the child shared its locks, this would remove the log that the child uses
    os.write(tell, b".")
    os.waitpid(child, 0)
    with SQLiteStore(path) as store:
        parent.say(f"parent {[record.position for record in store.read(STREAM)]}")


def fork_while_threads_append(parent: Parent, path: Path) -> None:
    """Fork twenty times while three threads append; append in each child."""
    store = SQLiteStore(path, synchronous="NORMAL")
    stop = Event()

    def write(stream: UUID) -> None:
        position = 0
        while not stop.is_set():
            store.append(Append([row(position, stream)], FREE))
            position += 1
        parent.say(f"{stream} {position}")

    threads = [Thread(target=write, args=(uuid4(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _turn in range(20):
        stream = uuid4()
        child = os.fork()
        if child == 0:
            for position in range(5):
                store.append(Append([row(position, stream)], FREE))
            parent.say(f"{stream} {sum(1 for _ in store.read(stream))}")
            store.close()
            os._exit(0)
        os.waitpid(child, 0)
    stop.set()
    for thread in threads:
        thread.join()
    store.close()


def fork_without_hooks(parent: Parent, path: Path) -> None:
    """Fork as a server written in C does, without the hooks of Python."""
    fork: Callable[[], int] = ctypes.PyDLL(None).fork
    store = SQLiteStore(path)
    store.append(Append([row(0)], FREE))
    child = fork()
    if child == 0:
        try:
            store.append(Append([row(1)], FREE))
        except StoreError as error:
            parent.say(str(error))
        store.close()
        os._exit(0)
    os.waitpid(child, 0)
    store.append(Append([row(1)], FREE))
    parent.say(f"parent {[record.position for record in store.read(STREAM)]}")
    store.close()
