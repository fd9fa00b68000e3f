"""FullStoreMachine: a state machine that compares all capabilities of a store with the memory store."""

from __future__ import annotations

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from esmodel.rows.append import FREE, After, Append
from esmodel.rows.record import Record
from esmodel.testing.contracts._machine import (
    AFTERS,
    BOUNDS,
    LIMITS,
    POSITIONS,
    STREAMS,
    StoreMachine,
    same_outcome,
)
from esmodel.testing.contracts.protocols import FullStore, TFullStore
from esmodel.testing.contracts.samplerows import in_streams


class FullStoreMachine(StoreMachine[TFullStore]):
    """A ``StoreMachine`` that also appends to several streams, reads all rows and writes snapshots."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []

    @rule(places=st.lists(st.tuples(STREAMS, POSITIONS), max_size=6, unique=True))
    def append_to_streams(self, places: list[tuple[UUID, int]]) -> None:
        """Append free rows of several streams at once, at free and taken positions."""
        batch = [self.new_row(stream, position) for stream, position in places]
        self.append_to_both(in_streams(batch), self.store.append_streams)

    @rule(ends=st.dictionaries(STREAMS, AFTERS | st.just(FREE), max_size=3), number=st.integers(1, 3))
    def append_after_to_streams(self, ends: dict[UUID, After], number: int) -> None:
        """Append rows to several streams at once, after any positions."""
        appends: list[Append] = []
        for stream, after in ends.items():
            if after is FREE:
                appends.append(Append([self.new_row(stream, number)], FREE))
            else:
                appends.append(self.rows_after(stream, after, number))
        self.append_to_both(appends, self.store.append_streams)

    @rule(number=st.integers(1, 3))
    def append_at_the_end_of_streams(self, number: int) -> None:
        """Append rows after the last ones of several streams at once."""
        lasts = {stream: self.model.last(stream) for stream in (UUID(int=2), UUID(int=1))}
        ends = {stream: None if last is None else last[0] for stream, last in lasts.items()}
        appends = [
            self.rows_after(stream, end, number) for stream, end in ends.items() if end is None or end >= 0
        ]
        self.append_to_both(appends, self.store.append_streams)

    @invariant()
    def read_on(self) -> None:
        """Read the commits since the last step, and compare them with those of the memory store."""
        after = self.numbers[-1] if self.numbers else 0
        found = list(self.store.read_all(after=after))
        expected = [record for _, record in self.model.read_all(after=len(self.numbers))]
        assert [record for _, record in found] == expected
        self.numbers += [number for number, _ in found]
        assert self.numbers == sorted(set(self.numbers)), (
            "SupportsReadAll, law 1: the numbers of read_all do not rise"
        )

    @rule(place=st.integers(0, 40), limit=LIMITS)
    def read_all(self, place: int, limit: int | None) -> None:
        """Read on after any number seen so far, or from the beginning."""
        seen = min(place, len(self.numbers))
        after = self.numbers[seen - 1] if seen else 0
        same_outcome(
            lambda: [record for _, record in self.store.read_all(after=after, limit=limit)],
            lambda: [record for _, record in self.model.read_all(after=seen, limit=limit)],
        )

    @rule(stream=STREAMS, position=st.integers(-1, 3))
    def write_snapshot(self, stream: UUID, position: int) -> None:
        """Write or replace a snapshot, and read it."""
        snapshot = self.new_row(stream, position)
        same_outcome(lambda: self.store.write_snapshot(snapshot), lambda: self.model.write_snapshot(snapshot))
        self.read_snapshot(stream, position)

    @rule(stream=STREAMS, lte=BOUNDS)
    def read_latest_snapshot(self, stream: UUID, lte: int | None) -> None:
        """Read the latest snapshot within a bound."""
        self.read_snapshot(stream, lte)

    def read_snapshot(self, stream: UUID, lte: int | None, /) -> None:
        """Compare the latest snapshots within a bound."""
        same_outcome(
            lambda: self.store.read_snapshot(stream, lte=lte),
            lambda: self.model.read_snapshot(stream, lte=lte),
        )

    @rule(stream=STREAMS, lte=BOUNDS)
    def read_from_snapshot(self, stream: UUID, lte: int | None) -> None:
        """Read the latest snapshot within a bound, and the rows after it."""

        def read(store: FullStore) -> tuple[Record | None, list[Record]]:
            snapshot, found = store.read_from_snapshot(stream, lte=lte)
            return snapshot, list(found)

        same_outcome(lambda: read(self.store), lambda: read(self.model))
