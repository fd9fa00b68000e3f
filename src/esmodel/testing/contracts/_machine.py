"""StoreMachine: a state machine that compares a store with the memory store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Final, Generic, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from typing_extensions import override

from esmodel.exceptions import ConcurrencyError, PayloadError, StoreError
from esmodel.rows.append import FREE, Append, Appended, last_known
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.rows.record import Record
from esmodel.stores.memory import MemoryStore
from esmodel.testing.contracts.protocols import ClosableStore, TStore
from esmodel.testing.contracts.samplerows import row

STREAMS: Final = st.sampled_from([UUID(int=number) for number in (1, 2, 2**127 + 1)])
"""Few streams, so that they recur."""

POSITIONS: Final = st.integers(-2, 12)
"""Few positions, so that some are taken."""

AFTERS: Final = st.none() | st.integers(0, 12)
"""Few ends of streams, so that some are right."""

BOUNDS: Final = st.none() | st.integers(-4, 14) | st.sampled_from([LEAST - 1, GREATEST + 1])
"""Bounds among the positions and far beyond."""

LIMITS: Final = st.none() | st.integers(-1, 6)
"""Limits, with one that is refused."""


class StoreMachine(RuleBasedStateMachine, Generic[TStore]):
    """Makes the same calls on a record store and on the memory store, and compares rows, ends and errors."""

    is_durable: ClassVar[bool] = True
    """Whether the store keeps its rows when it is closed; if not, the machine never reopens it."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.store: TStore = self.open_store(Path(self._folder.name))
        self.model: MemoryStore = MemoryStore()
        self.reopened: int = 0
        self._turns = count()

    def open_store(self, folder: Path, /) -> TStore:
        """Open the store of a folder; see ``StoreOpener``."""
        raise NotImplementedError(
            f"{type(self).__qualname__}: expected open_store, found none. Use store_machine(...)."
        )

    @override
    def teardown(self) -> None:
        self.store.close()
        self._folder.cleanup()

    def new_row(self, stream: UUID, position: int, /) -> Record:
        """Return a row that differs from all others."""
        turn = next(self._turns)
        data, event_hash = b"row %d" % turn, b"hash %d" % turn if turn % 2 else b""
        return row(stream, position, data)._replace(name=f"Name {turn % 4}", event_hash=event_hash)

    def append_to_both(
        self,
        appends: Sequence[Append],
        append: Callable[[Sequence[Append]], Appended],
        /,
    ) -> None:
        """Append to both stores, and check that both accept it or both refuse it."""
        # where several streams conflict, a store may name any of them
        conflicts = {conflict for each in appends if (conflict := self._conflict_of(each))}
        error: ConcurrencyError | None = None
        try:
            appended = append(appends)
        except ConcurrencyError as caught:
            error = caught
        else:
            assert appended == Appended(sum(len(each.records) for each in appends))
        if error is None:
            assert not conflicts, f"expected a ConcurrencyError of one of {conflicts}, found none"
            self.model.append_streams(appends)
            return
        found = (error.originator_id, error.expected, error.found)
        assert found in conflicts, f"expected a ConcurrencyError of one of {conflicts}, found {found}"

    def _conflict_of(self, append: Append) -> tuple[UUID, int, int] | None:
        """Return the stream, the position that an append follows, and the last one, if they conflict."""
        if not append.records:
            return None
        stream = append.records[0].originator_id
        last = self.model.last(stream)
        end = None if last is None else last[0]
        taken = {record.position for record in self.model.read(stream)}
        conflicts = end != append.after
        if append.after is FREE:
            conflicts = not taken.isdisjoint(record.position for record in append.records)
        return (stream, last_known(append), -1 if end is None else end) if conflicts else None

    def rows_after(self, stream: UUID, after: int | None, number: int, /) -> Append:
        """Return an append of some rows after a position."""
        first = 0 if after is None else after + 1
        return Append([self.new_row(stream, position) for position in range(first, first + number)], after)

    def append_one(self, appends: Sequence[Append], /) -> Appended:
        """Append to one stream of the store."""
        (append,) = appends
        return self.store.append(append)

    @rule(stream=STREAMS, number=st.integers(1, 4))
    def append_at_the_end(self, stream: UUID, number: int) -> None:
        """Append rows after the last one."""
        last = self.model.last(stream)
        end = None if last is None else last[0]
        if end is None or end >= 0:
            self.append_to_both([self.rows_after(stream, end, number)], self.append_one)

    @rule(stream=STREAMS, after=AFTERS, number=st.integers(0, 3))
    def append_after(self, stream: UUID, after: int | None, number: int) -> None:
        """Append rows after any position: before the end, at the end, or beyond it."""
        self.append_to_both([self.rows_after(stream, after, number)], self.append_one)

    @rule(stream=STREAMS, places=st.lists(POSITIONS, max_size=4, unique=True))
    def append_anywhere(self, stream: UUID, places: list[int]) -> None:
        """Append free rows with gaps or at taken positions, or append no rows."""
        append = Append([self.new_row(stream, position) for position in places], FREE)
        self.append_to_both([append], self.append_one)

    @rule(stream=STREAMS, number=st.sampled_from([LEAST - 1, GREATEST + 1]))
    def append_an_invalid_row(self, stream: UUID, number: int) -> None:
        """Append a row that every store refuses."""
        batch = [self.new_row(stream, 20), self.new_row(stream, 21)._replace(timestamp=number)]
        append = Append(batch, FREE)
        same_outcome(lambda: self.store.append(append), lambda: self.model.append(append))

    @rule(
        stream=STREAMS,
        gt=BOUNDS,
        gte=BOUNDS,
        lt=BOUNDS,
        lte=BOUNDS,
        limit=LIMITS,
        descending=st.booleans(),
    )
    def read(  # noqa: PLR0913  # because these are the bounds of a range
        self,
        *,
        stream: UUID,
        gt: int | None,
        gte: int | None,
        lt: int | None,
        lte: int | None,
        limit: int | None,
        descending: bool,
    ) -> None:
        """Read a range of a stream."""

        def read(store: ClosableStore) -> list[Record]:
            found = store.read(stream, gt=gt, gte=gte, lt=lt, lte=lte, limit=limit, descending=descending)
            return list(found)

        same_outcome(lambda: read(self.store), lambda: read(self.model))

    @rule(stream=STREAMS)
    def read_whole(self, stream: UUID) -> None:
        """Read a stream from its first row to its last."""
        same_outcome(lambda: list(self.store.read(stream)), lambda: list(self.model.read(stream)))

    @rule(stream=STREAMS)
    def last(self, stream: UUID) -> None:
        """Read the last position of a stream."""
        same_outcome(lambda: self.store.last(stream), lambda: self.model.last(stream))

    @precondition(lambda self: self.is_durable and self.reopened < 2)  # it is slow behind a server
    @rule()
    def reopen(self) -> None:
        """Close the store and open it again, at most twice in one example."""
        self.reopened += 1
        self.store.close()
        self.store = self.open_store(Path(self._folder.name))


TResult = TypeVar("TResult")


def same_outcome(of_store: Callable[[], TResult], of_model: Callable[[], TResult], /) -> None:
    """Check that a call on the store returns or raises the same as the call on the memory store."""
    expected, found = _outcome(of_model), _outcome(of_store)
    assert found == expected, f"expected {expected}, as the memory store gives, found {found}"


def _outcome(call: Callable[[], TResult]) -> TResult | str:
    try:
        return call()
    except PayloadError:
        return "a PayloadError"
    except StoreError as error:
        return f"a {type(error).__name__}"
