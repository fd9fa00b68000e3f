"""ThreadsContract: the laws of a store that several threads share."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from threading import Barrier
from uuid import uuid4

from esmodel.exceptions import ConcurrencyError
from esmodel.rows.append import FREE, After, Append
from esmodel.rows.record import Record
from esmodel.testing.contracts._laws import ONE_WINS
from esmodel.testing.contracts._threads import at_once
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TStore
from esmodel.testing.contracts.samplerows import row


class ThreadsContract(StoreOpener[TStore]):
    """The laws of a store that several threads share; a part of ``StoreContract``."""

    def test_of_many_appends_at_one_position_exactly_one_succeeds(self, store: TStore) -> None:
        """Six threads try at once, thirty times; the others find the row of the first."""
        self._check_that_one_succeeds(store, lambda _: FREE)

    def test_of_many_appends_after_one_position_exactly_one_succeeds(self, store: TStore) -> None:
        """Six threads continue one stream at once, thirty times, and begin it first."""
        self._check_that_one_succeeds(store, lambda position: position - 1 if position else None)

    def _check_that_one_succeeds(self, store: TStore, after: Callable[[int], After]) -> None:
        stream, writers, rounds = uuid4(), 6, 30
        won: list[tuple[int, bytes]] = []
        lost: list[ConcurrencyError] = []

        def write(me: bytes, barrier: Barrier) -> None:
            for position in range(rounds):
                barrier.wait()
                try:
                    store.append(Append([row(stream, position, me)], after(position)))
                    won.append((position, me))
                except ConcurrencyError as error:
                    lost.append(error)
                barrier.wait()

        with at_once(write, [b"%d" % me for me in range(writers)]):
            pass
        stored = [(record.position, record.data) for record in store.read(stream)]
        assert sorted(won) == stored, "RecordStore, law 2: the acknowledged rows are those stored"
        assert len(won) == rounds, "RecordStore, law 2: exactly one append at a position succeeds"
        assert len(lost) == rounds * (writers - 1), "RecordStore, law 2: all others raise ConcurrencyError"
        assert all(error.found == error.expected + 1 for error in lost), ONE_WINS

    def test_threads_that_retry_all_store_their_rows(self, store: TStore) -> None:
        """Six threads append to one stream; after a conflict, each reads the last position and retries."""
        stream, writers, each = uuid4(), 6, 25
        acknowledged: list[Record] = []

        def write(me: bytes, _: Barrier) -> None:
            done = 0
            for turn in count():
                last = store.last(stream)
                after = None if last is None else last[0]
                record = row(stream, 0 if after is None else after + 1, b"%s %d" % (me, turn))
                try:
                    store.append(Append([record], after))
                except ConcurrencyError:
                    continue
                acknowledged.append(record)
                done += 1
                if done == each:
                    return

        with at_once(write, [b"writer %d:" % me for me in range(writers)]):
            pass
        found = list(store.read(stream))
        assert [record.position for record in found] == list(range(writers * each)), ONE_WINS
        assert sorted(acknowledged) == found, "RecordStore, law 1: acknowledged rows stay"
