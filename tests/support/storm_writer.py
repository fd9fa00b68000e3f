"""The writers of a storm: processes that append and read, fork and are interrupted, until they are killed.

Started as ``python storm_writer.py ENGINE ADDRESS LOG NAME``. Each line of the log is the JSON of a ``Note``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Final, Literal, TypeAlias
from uuid import UUID

import msgspec

from esmodel.exceptions import ConcurrencyError, EsmodelError, OutcomeUnknownError, StoreError
from esmodel.rows import Append, Record, RecordStore
from esmodel.stores.postgres import PostgresStore
from esmodel.stores.sqlite import SQLiteStore

Engine: TypeAlias = Literal["sqlite", "dense", "transaction"]
What: TypeAlias = Literal["begun", "acknowledged", "refused", "failed", "wrong"]

STREAMS: Final = [UUID(int=number) for number in range(1, 9)]


class Note(msgspec.Struct):
    """A line of a log.

    Attributes:
        what: ``wrong`` is a broken promise; the others tell of a batch.
        at: when, in seconds of the clock that all processes share.
        batch: the batch, or a text for ``wrong``.
        stream: the number of the stream.
        position: that of the first row.
        size: the number of rows.
    """

    what: What
    at: float
    batch: str
    stream: int = 0
    position: int = 0
    size: int = 0


Opened: TypeAlias = SQLiteStore | PostgresStore


class Interrupted(BaseException):
    """Raised by the signal handler."""


def open_store(engine: Engine, address: str) -> Opened:
    """Open the store of an engine, as long as that takes."""
    deadline = time.monotonic() + 60
    while True:
        try:
            if engine == "sqlite":
                return SQLiteStore(address)  # with FULL, an exchanged file is found before each commit
            store = PostgresStore(address, order=engine, connections=2, timeout=timedelta(seconds=10))
            store.last(STREAMS[0])
        except StoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return store


def rows_of(batch: str, stream: UUID, position: int, size: int) -> list[Record]:
    """Return the rows of a batch, each of which says where it belongs."""
    name, data = f"Happened{hash_of(batch)}", f"{stream.int} {batch} {size}".encode()
    return [Record(stream, position + each, name, 0, 0, data) for each in range(size)]


def hash_of(batch: str) -> int:
    """Return a small number, so that names are shared and new ones come all the time."""
    return sum(batch.encode()) % 97


class Writer:
    """One process of a storm."""

    def __init__(self, store: Opened, log: int, name: str) -> None:
        self.store = store
        self._log = log
        self._name = name  # with it, since the ids of processes come again
        self._draw = Random(name)
        self._ends: dict[UUID, int] = {}
        self._count = 0
        self.is_doubtful = False
        self.may_be_interrupted = False

    def note(self, what: What, batch: str, stream: int = 0, position: int = 0, size: int = 0) -> None:
        """Write a line of the log in one call, which a kill cannot divide."""
        line = msgspec.json.encode(Note(what, time.monotonic(), batch, stream, position, size))
        os.write(self._log, line + b"\n")

    def turn(self) -> None:
        """Make one call, in the middle of which a signal handler may raise; or let a child make some."""
        choice = self._draw.random()
        try:
            self.may_be_interrupted = True
            if choice < 0.1:
                signal.setitimer(signal.ITIMER_REAL, self._draw.uniform(1e-6, 3e-3))
            with noted(self):
                if choice < 0.005:
                    self.fork()
                else:
                    self.step()
        finally:
            self.may_be_interrupted = False

    def step(self) -> None:
        """Make one call."""
        stream = self._draw.choice(STREAMS)
        choice = self._draw.random()
        if choice < 0.7:
            self._append(stream)
        elif choice < 0.9:
            self._read(stream)
        else:
            self._ends.pop(stream, None)

    def _append(self, stream: UUID) -> None:
        if stream not in self._ends:
            last = self.store.last(stream)
            self._ends[stream] = -1 if last is None else last[0]
        end, size = self._ends.pop(stream), self._draw.choice([1, 1, 3])
        self._count += 1
        batch = f"{self._name}-{os.getpid()}-{self._count}"
        self.note("begun", batch, stream.int, end + 1, size)
        try:
            self.store.append(Append(rows_of(batch, stream, end + 1, size), None if end < 0 else end))
        except ConcurrencyError:
            self.note("refused", batch)
            return
        except OutcomeUnknownError:
            raise
        except StoreError:
            self.note("failed", batch)  # so nothing of it is stored
            raise
        self.note("acknowledged", batch)
        self._ends[stream] = end + size

    def _read(self, stream: UUID) -> None:
        for position, row in enumerate(self.store.read(stream)):
            if finding := misfit_of(row, stream, position):
                self.note("wrong", f"read of {stream.int}: {finding}")
                return

    def fork(self) -> None:
        """Let a child use the store, and wait for it."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                self.may_be_interrupted = False
                for _ in range(5):
                    with noted(self):
                        self.step()
                status = 0
            finally:
                os._exit(status)
        deadline = time.monotonic() + 60
        while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                self.note("wrong", "a child did not come to its end in 60 s")
                return
            time.sleep(0.002)
        if ended[1]:
            self.note("wrong", f"a child ended with the wait status {ended[1]}")


def misfit_of(row: Record, stream: UUID, position: int) -> str:
    """Return what is wrong with a row; empty if nothing is."""
    batch = row.data.decode().split(" ")[1] if row.data.count(b" ") == 2 else ""
    expected = (stream, position, f"Happened{hash_of(batch)}", f"{stream.int} {batch}".encode())
    found = (row.originator_id, row.position, row.name, row.data.rpartition(b" ")[0])
    return "" if found == expected else f"expected {expected}, found {found}"


@contextmanager
def noted(writer: Writer) -> Generator[None]:
    """Note an error that is none of ours; one of ours is an answer."""
    try:
        yield
    except EsmodelError as error:
        writer.is_doubtful |= isinstance(error, StoreError)
    except Exception as error:  # noqa: BLE001  # because each is a finding
        writer.note("wrong", f"raised {type(error).__module__}.{type(error).__qualname__}: {error}")


def run(engine: Engine, address: str, log_path: str, name: str) -> None:
    """Work until the process is killed, or the storm is over."""
    storm = os.getppid()
    log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    writer = Writer(open_store(engine, address), log, name)

    def interrupt(*_: object) -> None:
        if writer.may_be_interrupted:
            raise Interrupted

    signal.signal(signal.SIGALRM, interrupt)
    while os.getppid() == storm:
        try:
            writer.turn()
            if writer.is_doubtful and is_closed_for_good(writer.store):
                writer.store.close()
                writer.store = open_store(engine, address)
            writer.is_doubtful = False
        except Interrupted:
            writer.is_doubtful = True


def is_closed_for_good(store: RecordStore) -> bool:
    """Whether a store refuses to go on, as one whose file was replaced does."""
    try:
        store.last(STREAMS[0])
    except StoreError:
        return True
    return False


if __name__ == "__main__":
    run(msgspec.convert(sys.argv[1], Engine), *sys.argv[2:])
