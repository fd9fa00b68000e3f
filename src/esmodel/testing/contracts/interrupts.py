"""InterruptContract: a signal handler raises at any moment."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final
from uuid import UUID, uuid4

import pytest

from esmodel.exceptions import ConcurrencyError
from esmodel.rows.append import Append
from esmodel.rows.protocols import RecordStore
from esmodel.testing.contracts._laws import ATOMIC, KEPT, OUTLIVES
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TStore
from esmodel.testing.contracts.samplerows import row

_PATIENCE: Final = 30.0
"""How many seconds a call may take after an interrupt."""

_MOST_APPENDS: Final = 200
"""Appends after which a signal has been lost: Python swallows what a handler raises in a finalizer or in a
callback of the garbage collector."""


class Interrupted(BaseException):
    """Raised by the signal handler of an ``InterruptContract``, as ``KeyboardInterrupt`` is by Python's."""


class InterruptContract(StoreOpener[TStore]):
    """The laws of ``RecordStore`` when a signal handler raises in the middle of a call.

    It needs ``signal.setitimer``, and is skipped where there is none, and outside the main thread. It is
    skipped on Python 3.14 too, where a handler may run between the acquisition of a lock and its ``with``
    block, so that no store can promise this law, and where a trace function runs, such as that of coverage.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestInterrupts(InterruptContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    interrupts: ClassVar[int] = 200
    """How many calls are interrupted."""

    patience: ClassVar[float] = _PATIENCE
    """How many seconds a call may take after an interrupt; a longer one counts as blocked for ever."""

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # see _MOST_APPENDS
    def test_interrupted_appends_are_stored_whole_or_not_at_all_and_the_store_goes_on(
        self, seed: int, tmp_path: Path
    ) -> None:
        """No lock or connection stays taken, and no acknowledged row is lost."""
        if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
            pytest.skip("expected signal.setitimer and the main thread, found at most one of them")
        if sys.gettrace() is not None:
            pytest.skip("expected no trace function, such as that of coverage, whose lock may stay taken")
        if sys.version_info[:2] == (3, 14):
            pytest.skip("expected a Python that runs no signal handler between a lock and its block")
        store = self.open_store(tmp_path)  # which is left open if it is blocked: closing it may block too
        choices, stream = random.Random(seed), uuid4()
        acknowledged: set[int] = set()
        batch, longest = 0, 2 * _seconds_of_an_append(store)
        for _ in range(self.interrupts):
            end = self._end(store, stream)
            try:
                with _alarm(choices.uniform(1e-6, longest)):
                    for _ in range(_MOST_APPENDS):
                        batch += 1
                        data = str(batch).encode()
                        rows = [row(stream, position, data) for position in range(end + 1, end + 4)]
                        store.append(Append(rows, None if end < 0 else end))
                        acknowledged.add(batch)
                        end += 3
            except Interrupted:
                pass
            except ConcurrencyError as error:
                if error.found <= end:  # else an interrupted append was stored after its end was looked up
                    raise
        self._check(store, stream, acknowledged, f"see the seed {seed}")
        store.close()

    def _end(self, store: TStore, stream: UUID) -> int:
        """Return the last position, or fail if the store is blocked."""
        try:
            with _alarm(self.patience):
                store.append(Append([row(uuid4(), 0)], None))
                last = store.last(stream)
        except Interrupted:
            pytest.fail(f"{OUTLIVES}: after an interrupt, a call took longer than {self.patience} s")
        return -1 if last is None else last[0]

    def _check(self, store: TStore, stream: UUID, acknowledged: set[int], hint: str) -> None:
        """Append once more, and check all rows."""
        end = self._end(store, stream)
        store.append(Append([row(stream, end + 1, b"0")], None if end < 0 else end))
        found = list(store.read(stream))
        assert [record.position for record in found] == list(range(len(found))), f"{ATOMIC}; {hint}"
        stored: dict[int, int] = {}
        for record in found[:-1]:
            stored[int(record.data)] = stored.get(int(record.data), 0) + 1
        assert set(stored.values()) <= {3}, f"{ATOMIC}; {hint}"
        assert acknowledged <= set(stored), f"{KEPT}; {hint}"


@contextmanager
def _alarm(seconds: float) -> Generator[None]:
    """Raise ``Interrupted`` in the block after a time."""

    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        # until then, the handler may raise here too: it raises only once
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _seconds_of_an_append(store: RecordStore) -> float:
    """Return the median of a few appends."""
    seconds: list[float] = []
    for _ in range(5):
        begun = time.perf_counter()
        store.append(Append([row(uuid4(), 0)], None))
        seconds.append(time.perf_counter() - begun)
    return sorted(seconds)[2]
