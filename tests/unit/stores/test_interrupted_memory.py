"""``MemoryStore`` when a signal handler raises at any moment: nothing is stored in part, and it goes on."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from random import Random
from types import FrameType
from typing import Final
from uuid import UUID

import pytest
from interrupts import Interrupts

from esmodel.rows import FREE, Append, Record
from esmodel.stores.memory import MemoryStore

STREAMS: Final = [UUID(int=number) for number in range(1, 4)]
COUNT: Final = int(os.environ.get("ESMODEL_STORM", "2000"))
MOST_BATCHES: Final = 200
"""Appends after which a signal has been lost: Python swallows what a handler raises in a finalizer or in a
callback of the garbage collector."""


class Interrupted(BaseException):
    """Raised by the signal handler."""


@contextmanager
def interrupting() -> Generator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def batch(number: int) -> list[Append]:
    """Return appends of rows that no other batch has."""
    data = str(number).encode()
    return [
        Append([Record(stream, 3 * number + each, "Happened", 0, 0, data) for each in range(3)], FREE)
        for stream in STREAMS
    ]


def check_whole(store: MemoryStore, acknowledged: set[int]) -> None:
    """Check that each batch is stored whole or not at all, and that the index agrees with the log."""
    stored = [row for _, row in store.read_all()]
    counts = Counter(int(row.data) for row in stored)
    assert set(counts.values()) <= {9}
    assert acknowledged <= set(counts)
    for stream in STREAMS:
        rows = sorted((row for row in stored if row.originator_id == stream), key=lambda row: row.position)
        assert list(store.read(stream)) == rows
        assert store.last(stream) == ((rows[-1].position, b"") if rows else None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # see MOST_BATCHES
@pytest.mark.skipif(sys.gettrace() is not None, reason="a lock of the trace function may stay taken")
@pytest.mark.skipif(sys.version_info[:2] == (3, 14), reason="it runs handlers between a lock and its block")
def test_an_append_that_a_signal_interrupts_is_stored_whole_or_not_at_all() -> None:
    acknowledged: set[int] = set()
    store, draw = MemoryStore(), Random(5)
    number = interrupted = 0
    with interrupting():
        while interrupted < COUNT:
            number += 1
            try:
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-6, 4e-5))
                for _ in range(MOST_BATCHES):
                    store.append_streams(batch(number))
                    acknowledged.add(number)
                    number += 1
            except Interrupted:
                interrupted += 1
            if interrupted % 200 == 0:
                check_whole(store, acknowledged)
                store = MemoryStore()
                acknowledged.clear()
    check_whole(store, acknowledged)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="a trace function must see each instruction")
def test_an_append_that_is_interrupted_anywhere_is_indexed_by_the_next_call() -> None:
    at, was_interrupted = 0, True
    while was_interrupted:
        store = MemoryStore()
        store.append_streams(batch(1))
        interrupts = Interrupts(["stores/memory.py"], at, only_signals=True)
        was_interrupted = interrupts.run(partial(store.append_streams, batch(0)))
        check_whole(store, {1} if was_interrupted else {0, 1})
        store.append_streams(batch(2))
        check_whole(store, {1, 2})
        at += 1
    assert at > 50
