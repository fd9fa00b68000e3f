"""What the SQLite store owes to its file, to other processes, and to a failing disk.

Run as a script, this file is one of those other processes.
"""

from __future__ import annotations

import ctypes
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from contextlib import ExitStack, closing
from datetime import timedelta
from itertools import islice
from pathlib import Path
from threading import Event, Thread, Timer
from typing import TYPE_CHECKING, Literal, cast
from uuid import UUID, uuid4

from esmodel.exceptions import (
    ConcurrencyError,
    PayloadError,
    StoreClosedError,
    StoreError,
    StoreFormatError,
)
from esmodel.rows import Record, RecordStore, SupportsReadAll, SupportsSnapshots
from esmodel.stores.sqlite import SQLiteStore, _session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest
elif __name__ != "__main__":  # the other processes start faster without
    import pytest

STREAM = UUID(int=1)
SHORT = timedelta(milliseconds=50)
TURNS = 100


def row(position: int, stream: UUID = STREAM, data: bytes = b"{}") -> Record:
    return Record(stream, position, "Happened", 0, position, data)


def rows(stop: int) -> list[Record]:
    return [row(position) for position in range(stop)]


# --- the other processes -------------------------------------------------------------------------


def say(text: str) -> None:
    """Tell the test, at once: what was said before a kill has been said."""
    os.write(1, f"{text}\n".encode())


def start(task: str, path: Path, argument: object = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, task, str(path), str(argument)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    """Let it go, wait for its end, and return the lines that it said."""
    with process:
        said, complained = process.communicate("go\n", timeout=120)
    assert (process.returncode, complained) == (0, "")
    return said.splitlines()


def run(task: str, path: Path, argument: object = "") -> list[str]:
    return finish(start(task, path, argument))


def create_at_once(path: str, _: str) -> None:
    say("ready")
    sys.stdin.readline()
    with SQLiteStore(path) as store:
        store.append([row(0, uuid4())])


def append_in_turns(path: str, writer: str) -> None:
    """Append to one stream, beside other processes, and try again when they were first."""
    say("ready")
    sys.stdin.readline()
    with SQLiteStore(path, synchronous="NORMAL") as store:
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


def append_until_killed(path: str, seed: str) -> None:
    """Append batches; each row says which batch it is of, and how many rows that has."""
    choose = random.Random(seed)
    with SQLiteStore(path) as store:
        streams = [UUID(int=number) for number in range(5)]
        next_positions = {
            stream: 0 if last is None else last[0] + 1
            for stream, last in ((stream, store.last(stream)) for stream in streams)
        }
        say("ready")
        sys.stdin.readline()  # what is said before would be lost with the buffer that has "ready"
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
            store.append(batch)
            say(f"{seed}-{turn}")
            if turn % 10 == 0:
                store.write_snapshot(batch[-1])


def append_until_full(path: str, most_bytes: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), hard))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with SQLiteStore(path) as store:
        position = 0
        try:
            while True:
                store.append([row(position, data=b"x" * 1_000), row(position + 1, uuid4())])
                position += 1
        except StoreError as error:
            say(str(error))
        say(f"appended {position}")
        say(f"read {sum(1 for _ in store.read(STREAM))}, last {store.last(STREAM)}")
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        store.append([row(position), row(position + 1)])
        say("and on")


def use_read_only(path: str, _: str) -> None:
    """Use a file that may not be written. Root may write any: it becomes somebody else."""
    with SQLiteStore(path) as store:
        store.append([row(0)])
    Path(path).chmod(0o444)
    Path(path).parent.chmod(0o777)
    if os.getuid() == 0:
        os.setuid(65534)
    with SQLiteStore(path) as store:
        say(f"read {list(store.read(STREAM)) == [row(0)]}")
        try:
            store.append([row(1)])
        except StoreError as error:
            say(str(error))


def open_in_a_read_only_folder(path: str, _: str) -> None:
    with SQLiteStore(path) as store:
        store.append([row(0)])
    Path(path).parent.chmod(0o555)
    if os.getuid() == 0:
        os.setuid(65534)
    try:
        SQLiteStore(path)
    except StoreError as error:
        say(str(error))


def fork_and_outlive_the_parents_store(path: str, _: str) -> None:
    hear, tell = os.pipe()
    store = SQLiteStore(path)
    store.append([row(0)])
    child = os.fork()
    if child == 0:
        os.read(hear, 1)
        store.append([row(2)])
        say(f"child {[record.position for record in store.read(STREAM)]}")
        store.close()
        os._exit(0)
    store.append([row(1)])
    store.close()  # if the child shared its locks, this would remove the log that the child uses
    os.write(tell, b".")
    os.waitpid(child, 0)
    with SQLiteStore(path) as store:
        say(f"parent {[record.position for record in store.read(STREAM)]}")


def fork_while_threads_append(path: str, _: str) -> None:
    store = SQLiteStore(path, synchronous="NORMAL")
    stop = Event()

    def write(stream: UUID) -> None:
        position = 0
        while not stop.is_set():
            store.append([row(position, stream)])
            position += 1
        say(f"{stream} {position}")

    threads = [Thread(target=write, args=(uuid4(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _turn in range(20):
        stream = uuid4()
        child = os.fork()
        if child == 0:
            for position in range(5):
                store.append([row(position, stream)])
            say(f"{stream} {sum(1 for _ in store.read(stream))}")
            store.close()
            os._exit(0)
        os.waitpid(child, 0)
    stop.set()
    for thread in threads:
        thread.join()
    store.close()


def fork_behind_the_back(path: str, _: str) -> None:
    """Fork as a server written in C does: without the hooks of Python."""
    fork: Callable[[], int] = ctypes.PyDLL(None).fork
    store = SQLiteStore(path)
    store.append([row(0)])
    child = fork()
    if child == 0:
        try:
            store.append([row(1)])
        except StoreError as error:
            say(str(error))
        store.close()
        os._exit(0)
    os.waitpid(child, 0)
    store.append([row(1)])
    say(f"parent {[record.position for record in store.read(STREAM)]}")
    store.close()


if __name__ == "__main__":
    tasks: list[Callable[[str, str], None]] = [
        create_at_once,
        append_in_turns,
        append_until_killed,
        append_until_full,
        use_read_only,
        open_in_a_read_only_folder,
        fork_and_outlive_the_parents_store,
        fork_while_threads_append,
        fork_behind_the_back,
    ]
    {task.__name__: task for task in tasks}[sys.argv[1]](sys.argv[2], sys.argv[3])
    sys.exit()


# --- the file ------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with SQLiteStore(path, busy_timeout=SHORT) as opened:
        yield opened


def test_it_has_the_shape_of_each_protocol(store: SQLiteStore) -> None:
    as_record_store: RecordStore = store
    as_read_all: SupportsReadAll = store
    as_snapshots: SupportsSnapshots = store
    as_record_store.append([row(0)])
    as_snapshots.write_snapshot(row(0))
    assert list(as_read_all.read_all()) == [(1, row(0))]


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL", "EXTRA"])
def test_rows_last_and_snapshots_outlive_the_store(
    path: Path, synchronous: Literal["FULL", "NORMAL", "EXTRA"]
) -> None:
    with SQLiteStore(path, synchronous=synchronous) as store:
        store.append([row(0), row(1)._replace(event_hash=b"hash")])
        store.write_snapshot(row(1))
    with SQLiteStore(str(path), synchronous=synchronous) as store:
        store.append([row(2)])
        assert [number for number, _ in store.read_all()] == [1, 2, 3]
        assert store.last(STREAM) == (2, b"")
        assert store.read_snapshot(STREAM) == row(1)


def test_a_closed_store_is_one_file(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.append(rows(100))
        assert list(store.read(STREAM)) == rows(100)
    assert [file.name for file in path.parent.iterdir()] == ["events.db"]


def test_a_small_row_costs_few_bytes(path: Path) -> None:
    data, number = b'{"amount": "12.34"}', 10_000
    with SQLiteStore(path) as store:
        store.append([row(position, data=data) for position in range(number)])
    assert path.stat().st_size / number < len(data) + 40


@pytest.mark.parametrize("name", ["a b.db", "50%.db", "what?mode=ro.db", "\u00fc#1.db", "file:x.db"])
def test_any_name_of_a_file_will_do(tmp_path: Path, name: str) -> None:
    with SQLiteStore(tmp_path / name) as store:
        store.append([row(0)])
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_the_file_stays_the_same_when_the_process_changes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with SQLiteStore("events.db") as store:
        monkeypatch.chdir("elsewhere")
        store.append([row(0)])
        assert list(store.read(STREAM)) == [row(0)]
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_a_database_in_memory_is_refused(path: str) -> None:
    with pytest.raises(StoreFormatError, match=r"expected the path of a file.* Use MemoryStore"):
        SQLiteStore(path)


def test_a_wrong_setting_is_refused(path: Path) -> None:
    wrong = cast("Literal['FULL']", "OFF")
    with pytest.raises(PayloadError, match="expected FULL, NORMAL or EXTRA, found OFF"):
        SQLiteStore(path, synchronous=wrong)
    assert not path.exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/events\.db: .*Check that its folder exists"):
        SQLiteStore(tmp_path / "nowhere" / "events.db")


def test_a_file_that_has_gone_is_not_created_again(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.append([row(0)])
        for file in path.parent.iterdir():
            file.unlink()
        with pytest.raises(StoreError, match="unable to open database file"):
            store.last(STREAM)
    assert not path.exists()


def test_a_newer_format_is_refused(path: Path) -> None:
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(StoreFormatError, match=r"expected format 1, found 2\. Upgrade"):
        SQLiteStore(path)


def test_the_database_of_something_else_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE record (number)")
    before = path.read_bytes()
    with pytest.raises(StoreFormatError, match="found an SQLite database of another program"):
        SQLiteStore(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["events.db"]


@pytest.mark.parametrize("content", [b"hello", b"date,amount\n" * 1_000, bytes(9_000)])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreFormatError, match="expected an SQLite database"):
        SQLiteStore(path)
    assert path.read_bytes() == content


def test_an_empty_file_and_one_that_was_left_half_made_are_filled(path: Path) -> None:
    path.touch()
    SQLiteStore(path).close()
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # and killed before the tables
    with SQLiteStore(path) as store:
        store.append([row(0)])


def test_a_damaged_file_is_not_read_on(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.append([row(position, data=b"x" * 500) for position in range(1_000)])
    content = bytearray(path.read_bytes())
    content[8 * 4096 : 100 * 4096] = b"\x5a" * (92 * 4096)
    path.write_bytes(content)
    with SQLiteStore(path) as store, pytest.raises(StoreError, match="restore the file from a"):
        list(store.read(STREAM))


def test_an_index_that_lies_is_no_conflict_but_a_damage(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.append(rows(3))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE UNIQUE INDEX other ON record (timestamp)")
    with SQLiteStore(path) as store:
        with pytest.raises(StoreError, match="expected indexes that match the rows"):
            store.append([row(3)._replace(timestamp=0)])
        store.append([row(3)])


# --- rows ----------------------------------------------------------------------------------------


def test_pages_are_cut_by_bytes_too_so_that_long_rows_take_no_more_memory(
    store: SQLiteStore,
) -> None:
    long = [row(position, data=b"%d" % position * 400_000) for position in range(10)]
    store.append(long)
    assert list(store.read(STREAM)) == long
    assert list(store.read(STREAM, descending=True, limit=7)) == long[:2:-1]
    assert [record for _, record in store.read_all(limit=9)] == long[:9]


def test_memory_does_not_grow_with_the_length_of_a_stream(store: SQLiteStore) -> None:
    for start in range(0, 40, 10):
        store.append([row(start + number, data=b"x" * 1_000_000) for number in range(10)])
    tracemalloc.start()
    try:
        assert sum(len(record.data) for record in store.read(STREAM)) == 40_000_000
        assert sum(len(record.data) for _, record in store.read_all()) == 40_000_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_no_transaction_stays_open_while_a_reader_pauses(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.append(rows(1_200))
        stream, everything = store.read(STREAM), store.read_all()
        assert next(stream) == row(0)
        assert next(everything) == (1, row(0))
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            busy: tuple[int, int, int] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert busy == (0, 0, 0)
        assert [*stream] == rows(1_200)[1:]
        assert sum(1 for _ in everything) == 1_199


def test_a_reader_that_pauses_learns_that_the_store_was_closed(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.append(rows(1_200))
        stream, everything = store.read(STREAM), store.read_all()
        list(islice(stream, 500))
        list(islice(everything, 500))
    with pytest.raises(StoreClosedError):
        next(stream)
    with pytest.raises(StoreClosedError):
        next(everything)


@pytest.mark.parametrize("length", [10**9 + 1, 2**31])
def test_a_row_that_sqlite_cannot_hold_is_refused(store: SQLiteStore, length: int) -> None:
    # Zeros from the system: they take no memory until somebody reads them.
    with pytest.raises(PayloadError, match="expected a row that SQLite can hold"):
        store.append([row(0), row(1, data=bytes(length))])
    with pytest.raises(PayloadError, match="expected a row that SQLite can hold"):
        store.write_snapshot(row(1, data=bytes(length)))
    assert list(store.read(STREAM)) == []
    store.append(rows(2))


def test_a_row_of_the_wrong_types_is_refused_whole(store: SQLiteStore) -> None:
    nothing = cast("bytes", cast("object", None))
    with pytest.raises(StoreError, match=r"NOT NULL constraint failed: record\.data"):
        store.append([row(0), row(1, data=nothing)])
    assert list(store.read_all()) == []
    store.append(rows(2))


def test_a_name_from_a_refused_batch_is_not_taken_for_known(store: SQLiteStore) -> None:
    store.append([row(0)])
    for name in ("One", "Two"):
        with pytest.raises(ConcurrencyError):
            store.append([row(1)._replace(name=name), row(0)])
    store.append([row(1)._replace(name="Two"), row(2)._replace(name="One")])
    assert [record.name for record in store.read(STREAM)] == ["Happened", "Two", "One"]


def test_two_stores_of_one_file_see_each_others_rows_and_names(path: Path) -> None:
    with SQLiteStore(path) as one, SQLiteStore(path) as two:
        for position in range(0, 20, 2):
            one.append([row(position)._replace(name=f"Name {position}")])
            two.append([row(position + 1)._replace(name=f"Name {position % 3}")])
            assert list(one.read(STREAM)) == list(two.read(STREAM))
        with pytest.raises(ConcurrencyError) as caught:
            two.append([row(3), row(4)])
        assert (caught.value.expected, caught.value.found) == (2, 19)


# --- a busy file ---------------------------------------------------------------------------------


def test_a_file_that_stays_locked_is_an_error_and_readers_do_not_wait(path: Path, store: SQLiteStore) -> None:
    store.append([row(0)])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"events\.db: .*locked.*set a longer busy_timeout"):
            store.append([row(1)])
        assert list(store.read(STREAM)) == [row(0)]
        assert store.last(STREAM) == (0, b"")
    store.append([row(1)])


def test_a_writer_waits_for_its_turn(path: Path) -> None:
    with ExitStack() as stack:
        store = stack.enter_context(SQLiteStore(path))
        other = stack.enter_context(
            closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False))
        )
        other.execute("BEGIN IMMEDIATE")
        release = Timer(0.3, lambda: other.execute("COMMIT"))
        started = time.monotonic()
        release.start()
        store.append([row(0)])
        release.join()
        assert time.monotonic() - started > 0.25


def test_who_creates_the_file_waits_for_another_who_is_at_it(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = Timer(0.3, lambda: other.execute("COMMIT"))
        release.start()
        SQLiteStore(path).close()
        release.join()


def test_a_file_that_stays_locked_while_it_is_created_is_an_error(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="Another process keeps it locked"):
            SQLiteStore(path, busy_timeout=SHORT)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """The connections that the driver gave away, the first of them for writing."""
    given: list[sqlite3.Connection] = []
    original = sqlite3.connect

    def connect(
        database: str, *, uri: bool, timeout: float, isolation_level: None, check_same_thread: bool
    ) -> sqlite3.Connection:
        connection = original(
            database,
            uri=uri,
            timeout=timeout,
            isolation_level=isolation_level,
            check_same_thread=check_same_thread,
        )
        given.append(connection)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    return given


def test_an_append_in_the_midst_of_another_cannot_end_its_transaction(
    connections: list[sqlite3.Connection], store: SQLiteStore
) -> None:
    refused: list[str] = []

    def append_too(statement: str) -> None:  # as a signal handler may
        if "INTO record" in statement:
            connections[0].set_trace_callback(None)
            try:
                store.append([row(0)])
            except StoreError as error:
                refused.append(str(error))

    connections[0].set_trace_callback(append_too)
    store.append(rows(3))
    assert len(refused) == 1
    assert "other threads kept the store busy" in refused[0]
    assert list(store.read(STREAM)) == rows(3)


def test_a_full_file_refuses_the_batch_whole_and_goes_on_when_there_is_room(
    connections: list[sqlite3.Connection], store: SQLiteStore
) -> None:
    store.append([row(0)])
    pages: tuple[int] = connections[0].execute("PRAGMA page_count").fetchone()
    connections[0].execute(f"PRAGMA max_page_count = {pages[0] + 10}")
    with pytest.raises(StoreError, match=r"events\.db: .*full\. Free some space on the disk"):
        store.append([row(position, data=b"x" * 1_000) for position in range(1, 100)])
    assert list(store.read(STREAM)) == [row(0)]
    assert store.last(STREAM) == (0, b"")
    store.append([row(1)])
    connections[0].execute("PRAGMA max_page_count = 1000000")
    store.append([row(position, data=b"x" * 1_000) for position in range(2, 100)])


# --- other processes -----------------------------------------------------------------------------


def test_processes_may_create_one_file_at_once(tmp_path: Path) -> None:
    for turn in range(4):
        path = tmp_path / f"{turn}.db"
        processes = [start("create_at_once", path) for _ in range(6)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            finish(process)
        with SQLiteStore(path) as store:
            assert [number for number, _ in store.read_all()] == [1, 2, 3, 4, 5, 6]


def test_processes_that_append_to_one_stream_all_get_their_rows_in(path: Path) -> None:
    writers = 4
    processes = [start("append_in_turns", path, writer) for writer in range(writers)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    acknowledged: set[str] = set()

    def collect(process: subprocess.Popen[str]) -> None:
        acknowledged.update(finish(process))

    waiting = [Thread(target=collect, args=(process,)) for process in processes]
    seen: list[tuple[int, Record]] = []
    with SQLiteStore(path) as store:
        for thread in waiting:
            thread.start()
        while any(thread.is_alive() for thread in waiting):
            seen += store.read_all(after=seen[-1][0] if seen else 0)
        for thread in waiting:
            thread.join()
        seen += store.read_all(after=seen[-1][0] if seen else 0)
        stream = list(store.read(STREAM))
        assert seen == list(store.read_all())
    assert len(stream) == writers * TURNS
    assert [record for _, record in seen] == stream
    assert {f"{record.position} {record.data.decode()}" for record in stream} == acknowledged
    assert [record.position for record in stream] == list(range(writers * TURNS))


def test_what_was_acknowledged_outlives_fifty_kills(path: Path) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")  # noqa: T201  # because a failure is run again with it
    choose = random.Random(seed)
    acknowledged: set[str] = set()
    stored: Counter[str] = Counter()
    sizes: dict[str, int] = {}
    verified = 0  # the last number that was looked at
    for turn in range(50):
        with start("append_until_killed", path, f"{seed}-{turn}") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("go\n")
            process.stdin.flush()
            time.sleep(choose.uniform(0, 0.08))
            process.kill()
            said, complained = process.communicate(timeout=60)
        assert (process.returncode, complained) == (-signal.SIGKILL, "")
        acknowledged.update(said.splitlines())
        started = time.monotonic()
        with SQLiteStore(path) as store:
            assert time.monotonic() - started < 5
            for number, record in store.read_all(after=verified):
                verified = number
                batch, size, _ = record.data.decode().split(" ")
                stored[batch] += 1
                sizes[batch] = int(size)
        assert stored == sizes, "a batch is partly there"
        assert acknowledged <= stored.keys(), "a batch that was acknowledged has gone"
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


@pytest.mark.parametrize("most_bytes", [200_000, 6_000_000])
def test_a_disk_that_is_full_loses_nothing_that_was_acknowledged(path: Path, most_bytes: int) -> None:
    error, appended, read, and_on = run("append_until_full", path, most_bytes)
    number = int(appended.removeprefix("appended "))
    assert number > 2
    assert str(path) in error
    assert "free some space" in error.lower() or "free space" in error
    assert read == f"read {number}, last ({number - 1}, b'')"
    assert and_on == "and on"
    with SQLiteStore(path) as store:
        found = list(store.read(STREAM))
        assert found[:number] == [row(place, data=b"x" * 1_000) for place in range(number)]
        assert found[number:] == [row(number), row(number + 1)]
        assert sum(1 for _ in store.read_all()) == 2 * number + 2


def test_a_read_only_file_is_read_and_an_append_says_what_to_do() -> None:
    # Not in tmp_path: its parents are closed to whom root becomes.
    with tempfile.TemporaryDirectory() as folder:
        read, error = run("use_read_only", Path(folder, "events.db"))
    assert read == "read True"
    assert "readonly database. Make the file and its folder writable" in error


def test_a_read_only_folder_is_named_when_the_file_is_opened() -> None:
    with tempfile.TemporaryDirectory() as folder:
        (error,) = run("open_in_a_read_only_folder", Path(folder, "events.db"))
    assert "Make the file and its folder writable" in error


def test_a_store_works_on_both_sides_of_a_fork(path: Path) -> None:
    assert run("fork_and_outlive_the_parents_store", path) == [
        "child [0, 1, 2]",
        "parent [0, 1, 2]",
    ]


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_no_connection_is_open_at_the_moment_of_a_fork(
    connections: list[sqlite3.Connection], store: SQLiteStore
) -> None:
    store.append([row(0)])
    reading = store.read(STREAM)
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
    with pytest.raises(sqlite3.ProgrammingError, match="Cannot operate on a closed database"):
        connections[0].execute("SELECT 1")
    store.append([row(1)])
    assert list(reading) == rows(2)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_file_that_has_gone_is_not_created_again_after_a_fork(path: Path, store: SQLiteStore) -> None:
    store.append([row(0)])
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    path.unlink()
    with pytest.raises(StoreError, match="unable to open database file"):
        store.append([row(1)])
    assert not path.exists()


def test_a_process_may_fork_while_its_threads_append(path: Path) -> None:
    with start("fork_while_threads_append", path) as process:
        said, _ = process.communicate(timeout=120)  # newer Pythons warn of threads and forks
    assert process.returncode == 0
    acknowledged = dict(line.split(" ") for line in said.splitlines())
    assert len(acknowledged) == 23
    with SQLiteStore(path) as store:
        stored = Counter(str(record.originator_id) for _, record in store.read_all())
    assert {stream: str(number) for stream, number in stored.items()} == acknowledged


def test_after_a_fork_without_pythons_hooks_the_child_is_refused(path: Path) -> None:
    error, parent = run("fork_behind_the_back", path)
    assert error.endswith("Open the store after the fork.")
    assert parent == "parent [0, 1]"


def test_the_write_ahead_log_is_started_anew_when_it_has_grown_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Path(f"{path}-wal")
    monkeypatch.setattr(_session, "_COMMITS", 4)
    monkeypatch.setattr(_session, "_LOG_BYTES", 100_000)
    with SQLiteStore(path, synchronous="NORMAL") as store, closing(sqlite3.connect(path)) as connection:
        store.append([row(0)])
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM record").fetchall()
        # as long as somebody reads what was before, it can only grow
        for position in range(1, 41):
            store.append([row(position, data=b"x" * 50_000)])
        grown = log.stat().st_size
        assert grown > 2_000_000
        connection.execute("COMMIT")
        for position in range(41, 45):
            store.append([row(position)])
        assert log.stat().st_size < 100_000
        assert [record.position for record in store.read(STREAM)] == list(range(45))
