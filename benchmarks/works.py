"""The works, as a worker does them.

Each is a generator: it prepares a turn, yields what is to be timed, and checks the result before the next.
What is a quantity, and no time, is yielded as a number that was checked.
"""

from __future__ import annotations

import gc
import random
import sqlite3
import tracemalloc
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from benchmarks.bank import Bank, Items, Messages, Synchronous, check

A = TypeVar("A")
E = TypeVar("E")
TDone_co = TypeVar("TDone_co", covariant=True)
TStore = TypeVar("TStore")


class Turn(Generic[TDone_co]):
    """A piece of work, and what came of it."""

    result: TDone_co

    def __init__(self, work: Callable[[], TDone_co]) -> None:
        """Take the work, which is not done yet."""
        self._work = work

    def run(self) -> None:
        """Do the work."""
        self.result = self._work()


Writer: TypeAlias = "Connection[int | None, list[UUID] | None]"
"""A writer, as it is told how many accounts to make, and when to begin."""
Turns: TypeAlias = Generator[Turn[object] | float, None, None]

FEW: Final = 10
"""The events of each account where there are many accounts."""
LOADS: Final = 100
"""The loads of a turn where one is too short to be measured."""
WRITERS: Final = 16
"""The processes that save at once."""


class Place(NamedTuple):
    """Where a contender keeps its file, and how safely."""

    path: Path
    synchronous: Synchronous


Store: TypeAlias = Callable[[Path, Synchronous], TStore]


def _check_account(bank: Bank[A, E], account: A, events: int) -> None:
    expected = sum(range(events - 1))
    found = bank.balance(account)
    check(holds=found == expected, finding=f"expected a balance of {expected}, found {found}")


def _saved(bank: Bank[A, E], events: int) -> UUID:
    account = bank.filled(events)
    bank.save(account)
    return bank.key(account)


def trigger(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Create an account and trigger events, in memory."""
    with closing(store(*place)) as bank:
        while True:
            yield (turn := Turn(partial(bank.filled, size)))
            _check_account(bank, turn.result, size)
            found = len(bank.pending(turn.result))
            check(holds=found == size, finding=f"expected {size} events, found {found}")


def replay(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Rebuild an account from event objects."""
    with closing(store(*place)) as bank:
        events = bank.pending(bank.filled(size))
        while True:
            yield (turn := Turn(partial(bank.replay, events)))
            _check_account(bank, turn.result, size)


def save_one(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Save one account, into a new file."""
    for turn in count():
        with closing(_new(store, place, turn)) as bank:
            account = bank.filled(size)
            key = bank.key(account)
            yield Turn(partial(bank.save, account))
            _check_account(bank, bank.load(key), size)


def save_many(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Save many accounts, one after the other, into a new file."""
    for turn in count():
        with closing(_new(store, place, turn)) as bank:
            accounts = [bank.filled(FEW) for _ in range(size)]
            keys = [bank.key(account) for account in accounts]
            yield Turn(partial(_each, bank.save, accounts))
            for key in keys[:: max(size // FEW, 1)]:
                _check_account(bank, bank.load(key), FEW)


def _new(store: Store[Bank[A, E]], place: Place, turn: int) -> Bank[A, E]:
    """Return a bank with a file of its own, where all that is done once is done."""
    path = place.path.with_stem(f"{place.path.stem}-{turn}")
    bank = store(path, place.synchronous)
    bank.load(_saved(bank, FEW))
    return bank


def save_together(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Save many accounts by several processes at once."""
    with closing(store(*place)) as bank, ExitStack() as stack:
        bank.load(_saved(bank, FEW))  # and there are tables now
        context = get_context("forkserver")
        context.set_forkserver_preload([store.__module__])
        writers: list[Writer] = []
        for _ in range(WRITERS):
            ours, theirs = context.Pipe()
            process = context.Process(target=_write, args=(store, place, theirs))
            process.start()
            stack.callback(process.join)
            stack.callback(ours.close)  # before it is joined: a writer ends when its pipe does
            theirs.close()
            ours.recv()  # they are ready one by one: not every library can begin several at once
            writers.append(ours)
        while True:
            for writer in writers:
                writer.send(size // WRITERS)
            keys = [key for writer in writers for key in writer.recv() or ()]
            check(holds=len(keys) == size, finding=f"expected {size} accounts, found {len(keys)}")
            yield Turn(partial(_together, writers))
            for key in keys[:: max(size // FEW, 1)]:
                _check_account(bank, bank.load(key), FEW)


def _write(store: Store[Bank[A, E]], place: Place, pipe: Connection[list[UUID] | None, int | None]) -> None:
    """Be one of several writers: make so many accounts as is asked for, and save them when all begin."""
    with closing(store(*place)) as bank:
        bank.load(_saved(bank, FEW))
        pipe.send(None)
        try:
            while True:
                accounts = [bank.filled(FEW) for _ in range(pipe.recv() or 0)]
                gc.collect()
                pipe.send([bank.key(account) for account in accounts])
                pipe.recv()
                _each(bank.save, accounts)
                pipe.send(None)
        except EOFError:  # there is nothing more to do
            pass


def _together(writers: Sequence[Writer]) -> None:
    for writer in writers:
        writer.send(None)
    for writer in writers:
        writer.recv()


def load_one(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Load one account from all of its events."""
    with closing(store(*place)) as bank:
        key = _saved(bank, size)
        while True:
            yield (turn := Turn(partial(bank.load, key)))
            _check_account(bank, turn.result, size)


def load_many(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Load many accounts, one after the other."""
    with closing(store(*place)) as bank:
        keys = [_saved(bank, FEW) for _ in range(size)]
        while True:
            yield (turn := Turn(partial(_all, bank.load, keys)))
            for account in turn.result:
                _check_account(bank, account, FEW)


def load_snapshot(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Load an account from a snapshot after its last event."""
    with closing(store(*place)) as bank:
        key = _saved(bank, size)
        bank.snapshot(key)
        while True:
            yield (turn := Turn(partial(_all, bank.load, [key] * LOADS)))
            for account in turn.result:
                _check_account(bank, account, size)


def file_bytes(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Measure the file of many accounts, an event."""
    while True:
        place.path.unlink(missing_ok=True)
        with closing(store(*place)) as bank:
            for key in [_saved(bank, FEW) for _ in range(size)]:
                _check_account(bank, bank.load(key), FEW)
        with closing(sqlite3.connect(place.path)) as connection:
            row: tuple[int, int, int] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        check(holds=row[0] == 0, finding="another connection keeps the write-ahead log")
        length = place.path.stat().st_size / (size * FEW)
        yield length


def object_bytes(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Measure the memory of event objects, each."""
    with closing(store(*place)) as bank:
        _check_account(bank, bank.filled(FEW), FEW)  # what is made once is made
        while True:
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            events = list(bank.pending(bank.filled(size)))
            length = (tracemalloc.get_traced_memory()[0] - before) / size
            tracemalloc.stop()
            check(holds=len(events) == size, finding=f"expected {size} events, found {len(events)}")
            yield length


def array_append(store: Store[Items], place: Place, size: int) -> Turns:
    """Append to a big array, one item at a time."""
    with closing(store(*place)) as items:
        for start in count(0, size):
            yield Turn(partial(_each, items.append, range(start, start + size)))
            found = items.read(start + size - 1)
            check(holds=found == start + size - 1, finding=f"the last item is {found}")


def _array(store: Store[Items], place: Place, size: int) -> Items:
    items = store(*place)
    _each(items.append, range(size))
    return items


def array_read(store: Store[Items], place: Place, size: int) -> Turns:
    """Read items of a big array at random."""
    with closing(_array(store, place, size)) as items:
        draw = random.Random(1)
        while True:
            positions = [draw.randrange(size) for _ in range(size)]
            yield (turn := Turn(partial(_all, items.read, positions)))
            check(holds=turn.result == positions, finding="a position has another item")


def array_slice(store: Store[Items], place: Place, size: int) -> Turns:
    """Read a slice of a big array."""
    with closing(_array(store, place, size)) as items:
        while True:
            yield (turn := Turn(partial(items.slice, 0, size)))
            check(holds=list(turn.result) == list(range(size)), finding="the slice has other items")


def log_write(store: Store[Messages], place: Place, size: int) -> Turns:
    """Log messages, one at a time."""
    with closing(store(*place)) as messages:
        for turn in count():
            texts = [f"message {turn}.{number}" for number in range(size)]
            yield Turn(partial(_each, messages.log, texts))
            check(holds=list(messages.latest(1)) == texts[-1:], finding="the newest message is another")


def log_read(store: Store[Messages], place: Place, size: int) -> Turns:
    """Read messages back, the newest first."""
    with closing(store(*place)) as messages:
        texts = [f"message {number}" for number in range(size)]
        _each(messages.log, texts)
        while True:
            yield (turn := Turn(partial(messages.latest, size)))
            check(holds=list(turn.result) == texts[::-1], finding="expected all messages, the newest first")


def _each(do: Callable[[E], object], things: Sequence[E]) -> None:
    for thing in things:
        do(thing)


def _all(do: Callable[[E], A], things: Sequence[E]) -> list[A]:
    return [do(thing) for thing in things]


BANK_WORKS: Final[Mapping[str, Callable[[Store[Bank[object, object]], Place, int], Turns]]] = {
    "trigger": trigger,
    "replay": replay,
    "save_one": save_one,
    "save_many": save_many,
    "save_together": save_together,
    "load_one": load_one,
    "load_many": load_many,
    "load_snapshot": load_snapshot,
    "file_bytes": file_bytes,
    "object_bytes": object_bytes,
}
ITEMS_WORKS: Final[Mapping[str, Callable[[Store[Items], Place, int], Turns]]] = {
    "array_append": array_append,
    "array_read": array_read,
    "array_slice": array_slice,
}
MESSAGES_WORKS: Final[Mapping[str, Callable[[Store[Messages], Place, int], Turns]]] = {
    "log_write": log_write,
    "log_read": log_read,
}
