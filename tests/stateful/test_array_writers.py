"""Concurrent and killed writers of one big array lose and repeat no item.

Run as a script, this file is one of the other processes.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate, pairwise
from pathlib import Path
from threading import Barrier, Event, Thread, Timer, current_thread
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import msgspec
from typing_extensions import override

from esmodel import exceptions
from esmodel.repositories.arrays import EventSourcedBigArrayRepository
from esmodel.rows import Append, Appended, Record, RecordStore
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.structures import BigArray, make_subarray_id

if TYPE_CHECKING or __name__ != "__main__":  # without it, the other processes start faster
    import pytest

ARRAY = UUID(int=1)
THREADS, PROCESSES = 8, 4
NUMBER = 60
BATCHES = [1, 7, 3, 25, 0, 24]
PATIENCE = 60.0
KILLS = 30


class Acknowledged(NamedTuple):
    """The position that a writer was told for an item."""

    position: int
    item: str


def big_array(store: RecordStore, array_size: int) -> BigArray[str]:
    return EventSourcedBigArrayRepository(str, store, array_size=array_size)[ARRAY]


def batched() -> list[range]:
    ends = list(accumulate(BATCHES, initial=0))
    return [range(*ends_of_one) for ends_of_one in pairwise(ends)]


def append_all(array: BigArray[str], writer: str) -> list[Acknowledged]:
    items = [f"{writer} {number}" for number in range(NUMBER)]
    return [Acknowledged(array.append(item), item) for item in items]


def extend_by_all(array: BigArray[str], writer: str) -> list[Acknowledged]:
    """Extend in batches of several sizes. ``extend`` returns no positions."""
    for numbers in batched():
        array.extend(f"{writer} {number}" for number in numbers)
    return []


WAYS = {"append": append_all, "extend": extend_by_all}


# --- the other processes -------------------------------------------------------------------------


def say(text: str) -> None:
    """Write a line for the test, unbuffered, so that a kill cannot lose it."""
    os.write(1, f"{text}\n".encode())


def write_at_once(path: str, array_size: str, way: str, writer: str) -> None:
    with SQLiteStore(path, synchronous="NORMAL") as store:
        array = big_array(store, int(array_size))
        say("ready")
        sys.stdin.readline()
        told = WAYS[way](array, writer)
    for position, item in told:
        say(f"{position} {item}")


def append_until_killed(path: str, array_size: str, turn: str, _: str) -> None:
    with SQLiteStore(path, synchronous="NORMAL") as store:
        array = big_array(store, int(array_size))
        say("ready")
        sys.stdin.readline()
        for number in range(sys.maxsize):
            item = f"{turn} {number}"
            say(f"{array.append(item)} {item}")


if __name__ == "__main__":
    tasks: list[Callable[[str, str, str, str], None]] = [write_at_once, append_until_killed]
    {task.__name__: task for task in tasks}[sys.argv[1]](*sys.argv[2:])
    sys.exit()


@contextmanager
def started(
    task: str, path: Path, array_size: int, *arguments: str
) -> Generator[subprocess.Popen[str], None, None]:
    """Start another process, and kill it at the end of the block or after a timeout."""
    source = str(Path(exceptions.__file__).parent.parent)
    process = subprocess.Popen(
        [sys.executable, __file__, task, str(path), str(array_size), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watch = Timer(PATIENCE, process.kill)
    watch.start()
    try:
        with process:
            try:
                yield process
            finally:
                process.kill()
    finally:
        watch.cancel()
        watch.join(PATIENCE)


def wait_until_ready(process: subprocess.Popen[str]) -> None:
    """Read the first line. The process writes no more until it is let go: ``communicate`` would miss it."""
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def understood(said: str) -> list[Acknowledged]:
    places = [line.split(" ", 1) for line in said.splitlines()]
    return [Acknowledged(int(position), item) for position, item in places]


# --- the other threads ---------------------------------------------------------------------------


class Writer(Thread):
    """A thread that is joined with a timeout, and whose error is raised again."""

    def __init__(self, write: Callable[[], list[Acknowledged]]) -> None:
        super().__init__(daemon=True)
        self._write = write
        self._told: list[Acknowledged] = []
        self._error: BaseException | None = None

    @override
    def run(self) -> None:
        try:
            self._told = self._write()
        except BaseException as error:  # noqa: BLE001  # because it is raised again
            self._error = error

    def finish(self) -> list[Acknowledged]:
        self.join(PATIENCE)
        assert not self.is_alive(), "a thread did not finish"
        if self._error is not None:
            raise self._error
        return self._told


def writing(start: Barrier, way: str, array: BigArray[str], writer: str) -> Callable[[], list[Acknowledged]]:
    def write() -> list[Acknowledged]:
        start.wait(PATIENCE)
        return WAYS[way](array, writer)

    return write


def finish_all(writers: Iterable[Writer]) -> list[Acknowledged]:
    return [each for writer in writers for each in writer.finish()]


def check_what_was_written(
    array: BigArray[str], array_size: int, writers: Sequence[str], told: list[Acknowledged], way: str
) -> None:
    found = list(array)
    assert len(array) == len(found) == len(writers) * NUMBER
    assert array[:] == found, "no position is left unfilled"
    for writer in writers:
        own = [item for item in found if item.split(" ")[0] == writer]
        assert own == [f"{writer} {number}" for number in range(NUMBER)]
    if way == "append":
        assert sorted(told) == [Acknowledged(*each) for each in enumerate(found)]
        return
    batches = {number: batch for batch, numbers in enumerate(batched()) for number in numbers}
    places: dict[tuple[str, int, int], list[int]] = {}
    for position, item in enumerate(found):
        writer, number = item.split(" ")
        places.setdefault((writer, batches[int(number)], position // array_size), []).append(position)
    for positions in places.values():
        assert positions == list(range(positions[0], positions[-1] + 1)), "items of others came between"


# --- at once -------------------------------------------------------------------------------------


def test_the_batches_have_as_many_items_as_are_appended_one_by_one() -> None:
    assert sum(BATCHES) == NUMBER


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("array_size", [5, 10])
def test_threads_and_processes_that_write_at_once_lose_and_repeat_nothing(
    tmp_path: Path, array_size: int, way: str
) -> None:
    path = tmp_path / "events.db"
    threads = [f"thread-{number}" for number in range(THREADS)]
    others = [f"process-{number}" for number in range(PROCESSES)]
    start = Barrier(THREADS + 1)
    told: list[Acknowledged] = []
    with ExitStack() as stack:
        store = stack.enter_context(SQLiteStore(path, synchronous="NORMAL"))
        array = big_array(store, array_size)
        processes = [
            stack.enter_context(started("write_at_once", path, array_size, way, name)) for name in others
        ]
        for process in processes:
            wait_until_ready(process)
        writers = [Writer(writing(start, way, array, name)) for name in threads]
        for writer in writers:
            writer.start()
        for process in processes:
            let_go(process)
        start.wait(PATIENCE)
        for process in processes:
            said, complained = process.communicate(timeout=PATIENCE)
            assert (process.returncode, complained) == (0, "")
            told += understood(said)
        told += finish_all(writers)
        check_what_was_written(array, array_size, threads + others, told, way)
    with SQLiteStore(path) as store:
        check_what_was_written(big_array(store, array_size), array_size, threads + others, told, way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("array_size", [5, 10])
def test_threads_that_write_to_memory_at_once_lose_and_repeat_nothing(array_size: int, way: str) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that threads interrupt each other often
    try:
        store = MemoryStore()
        names = [f"thread-{number}" for number in range(THREADS)]
        start = Barrier(THREADS)
        arrays = [big_array(store, array_size) for _ in names]
        writers = [
            Writer(writing(start, way, array, name)) for array, name in zip(arrays, names, strict=True)
        ]
        for writer in writers:
            writer.start()
        told = finish_all(writers)
    finally:
        sys.setswitchinterval(interval)
    check_what_was_written(big_array(store, array_size), array_size, names, told, way)


# --- killed --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_appended_items_survive_thirty_kills_without_a_gap(tmp_path: Path) -> None:
    array_size = 6  # so that every sixth item needs new links
    path = tmp_path / "events.db"
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")  # noqa: T201  # because it repeats a failed run
    choose = random.Random(seed)
    wanted: list[str] = []
    acknowledged = 0
    for turn in range(KILLS):
        with started("append_until_killed", path, array_size, str(turn), "") as process:
            wait_until_ready(process)
            let_go(process)
            time.sleep(choose.uniform(0, 0.03))
            process.kill()
            said, complained = process.communicate(timeout=PATIENCE)
        assert (process.returncode, complained) == (-signal.SIGKILL, "")
        told = understood(said)
        acknowledged += len(told)
        with SQLiteStore(path, synchronous="NORMAL") as store:
            array = big_array(store, array_size)
            new = [item or "a gap" for item in array[len(wanted) :]]
            assert told == [Acknowledged(*each) for each in enumerate(new, len(wanted))][: len(told)]
            assert all(array[position] == item for position, item in told)
            assert len(new) - len(told) in {0, 1}
            assert new == [f"{turn} {number}" for number in range(len(new))]
            wanted += new
            assert list(array) == array[:] == wanted
            assert list(array.items()) == list(enumerate(wanted))
            item = f"after {turn}"
            assert array.append(item) == len(wanted)
            wanted.append(item)
            assert list(array) == wanted
    assert acknowledged > KILLS
    with SQLiteStore(path) as store:
        array = big_array(store, array_size)
        assert list(array) == array[:] == list(reversed(array))[::-1] == wanted
        assert len(array) == len(wanted)
        streams = {record.originator_id for _, record in store.read_all()}
        assert all(sum(1 for _ in store.read(stream)) <= array_size for stream in streams)


# --- stopped -------------------------------------------------------------------------------------


class Stop:
    """A point where one thread stops, once, before it stores its first items."""

    def __init__(self) -> None:
        self.thread: Thread | None = None
        self.is_reached = Event()
        self.is_over = Event()

    def pass_by(self, records: Sequence[Record]) -> None:
        is_an_item = any(record.name == "ItemAssigned" for record in records)
        if current_thread() is self.thread and is_an_item and not self.is_reached.is_set():
            self.is_reached.set()
            assert self.is_over.wait(PATIENCE)


class StoppingMemoryStore(MemoryStore):
    def __init__(self, _: Path, stop: Stop) -> None:
        super().__init__()
        self._stop = stop

    @override
    def append(self, append: Append, /) -> Appended:
        self._stop.pass_by(append.records)
        return super().append(append)


class StoppingSQLiteStore(SQLiteStore):
    def __init__(self, path: Path, stop: Stop) -> None:
        super().__init__(path, synchronous="NORMAL")
        self._stop = stop

    @override
    def append(self, append: Append, /) -> Appended:
        self._stop.pass_by(append.records)
        return super().append(append)


@pytest.mark.parametrize("way", ["append", "extend", "assign"])
@pytest.mark.parametrize("number", [0, 4, 8, 16, 18, 63, 64])
@pytest.mark.parametrize("open_store", [StoppingMemoryStore, StoppingSQLiteStore])
def test_a_writer_that_is_stopped_between_links_and_item_does_not_hinder_others(
    tmp_path: Path,
    open_store: Callable[[Path, Stop], StoppingMemoryStore | StoppingSQLiteStore],
    number: int,
    way: str,
) -> None:
    array_size = 4
    wanted = [str(each) for each in range(number)]
    others = [f"other {each}" for each in range(10)]
    stop = Stop()
    with open_store(tmp_path / "events.db", stop) as store:
        array = big_array(store, array_size)
        array.extend(wanted)

        def write() -> list[Acknowledged]:
            slow = big_array(store, array_size)
            if way == "append":
                return [Acknowledged(slow.append("slow 0"), "slow 0")]
            if way == "extend":
                slow.extend(["slow 0", "slow 1"])
                return []
            with pytest.raises(exceptions.PositionTakenError):
                slow[number] = "slow 0"
            return []

        stop.thread = writer = Writer(write)
        writer.start()
        try:
            assert stop.is_reached.wait(PATIENCE)
            base = number - number % array_size
            node = make_subarray_id(ARRAY, base, base + array_size)
            links = linked(store)
            assert node in links
            assert list(array) == wanted
            assert array.next_position() == number
            for each in others:
                assert array.append(each) == len(wanted)
                wanted.append(each)
            assert linked(store).count(node) == links.count(node) == 1
            assert list(array) == wanted
        finally:
            stop.is_over.set()
            told = writer.finish()
        if way == "append":
            assert told == [(len(wanted), "slow 0")]
        wanted += {"append": ["slow 0"], "extend": ["slow 0", "slow 1"], "assign": []}[way]
        assert list(array) == array[:] == wanted
        assert array.append("last") == len(wanted)


def linked(store: MemoryStore | SQLiteStore) -> list[UUID]:
    """Return the arrays that are linked, in the order of the links."""
    links = [record for _, record in store.read_all() if record.name == "ArrayLinked"]
    return [msgspec.json.decode(record.data, type=UUID) for record in links]
