"""The works, as a worker does them.

Each is a generator: it prepares a turn, yields what is timed, and checks the result before the next turn.
A work that measures a quantity instead of time yields a number, already checked.
"""

from __future__ import annotations

import random
import sqlite3
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import count
from typing import Final, TypeVar

from benchmarks.bank import Bank, Items, Messages, check
from benchmarks.together import save_together
from benchmarks.turns import FEW, Place, Store, Turn, Turns, check_account, each_of, saved

A = TypeVar("A")
E = TypeVar("E")

LOADS: Final = 100
"""The loads of a turn, where one load is too short to measure."""


def trigger(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Create an account and trigger events, in memory."""
    with closing(store(*place)) as bank:
        while True:
            yield (turn := Turn(partial(bank.filled, size)))
            check_account(bank, turn.result, size)
            found = len(bank.pending(turn.result))
            check(holds=found == size, finding=f"expected {size} events, found {found}")


def replay(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Rebuild an account from event objects."""
    with closing(store(*place)) as bank:
        events = bank.pending(bank.filled(size))
        while True:
            yield (turn := Turn(partial(bank.replay, events)))
            check_account(bank, turn.result, size)


def save_one(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Save one account, into a new file."""
    for turn in count():
        with closing(_new(store, place, turn)) as bank:
            account = bank.filled(size)
            key = bank.key(account)
            yield Turn(partial(bank.save, account))
            check_account(bank, bank.load(key), size)


def save_many(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Save many accounts, one after the other, into a new file."""
    for turn in count():
        with closing(_new(store, place, turn)) as bank:
            accounts = [bank.filled(FEW) for _ in range(size)]
            keys = [bank.key(account) for account in accounts]
            yield Turn(partial(each_of, bank.save, accounts))
            for key in keys[:: max(size // FEW, 1)]:
                check_account(bank, bank.load(key), FEW)


def _new(store: Store[Bank[A, E]], place: Place, turn: int) -> Bank[A, E]:
    """Return a bank with a file of its own, warmed up by one save and one load."""
    path = place.path.with_stem(f"{place.path.stem}-{turn}")
    bank = store(path, place.synchronous)
    bank.load(saved(bank, FEW))
    return bank


def load_one(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Load one account from all of its events."""
    with closing(store(*place)) as bank:
        key = saved(bank, size)
        while True:
            yield (turn := Turn(partial(bank.load, key)))
            check_account(bank, turn.result, size)


def load_many(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Load many accounts, one after the other."""
    with closing(store(*place)) as bank:
        keys = [saved(bank, FEW) for _ in range(size)]
        while True:
            yield (turn := Turn(partial(_all, bank.load, keys)))
            for account in turn.result:
                check_account(bank, account, FEW)


def load_snapshot(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Load an account from a snapshot after its last event."""
    with closing(store(*place)) as bank:
        key = saved(bank, size)
        bank.snapshot(key)
        while True:
            yield (turn := Turn(partial(_all, bank.load, [key] * LOADS)))
            for account in turn.result:
                check_account(bank, account, size)


def file_bytes(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Measure the size of the file of many accounts, per event."""
    while True:
        place.path.unlink(missing_ok=True)
        with closing(store(*place)) as bank:
            for key in [saved(bank, FEW) for _ in range(size)]:
                check_account(bank, bank.load(key), FEW)
        with closing(sqlite3.connect(place.path)) as connection:
            row: tuple[int, int, int] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        check(holds=row[0] == 0, finding="another connection keeps the write-ahead log")
        length = place.path.stat().st_size / (size * FEW)
        yield length


def object_bytes(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Measure the memory of one event object."""
    with closing(store(*place)) as bank:
        check_account(bank, bank.filled(FEW), FEW)  # warm up
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
            yield Turn(partial(each_of, items.append, range(start, start + size)))
            found = items.read(start + size - 1)
            check(holds=found == start + size - 1, finding=f"the last item is {found}")


def _array(store: Store[Items], place: Place, size: int) -> Items:
    items = store(*place)
    each_of(items.append, range(size))
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
            yield Turn(partial(each_of, messages.log, texts))
            check(holds=list(messages.latest(1)) == texts[-1:], finding="the newest message is another")


def log_read(store: Store[Messages], place: Place, size: int) -> Turns:
    """Read messages back, the newest first."""
    with closing(store(*place)) as messages:
        texts = [f"message {number}" for number in range(size)]
        each_of(messages.log, texts)
        while True:
            yield (turn := Turn(partial(messages.latest, size)))
            check(holds=list(turn.result) == texts[::-1], finding="expected all messages, the newest first")


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
