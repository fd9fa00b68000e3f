"""State machines that do the same to a store and to the memory store, and compare all they see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Final, Generic, TypeVar
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from esmodel.exceptions import ConcurrencyError, PayloadError, StoreError
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.rows.record import Record
from esmodel.stores.memory import MemoryStore
from esmodel.testing.contracts.opening import ClosableStore, FullStore, StoreOpener, TStore, row

TFullStore = TypeVar("TFullStore", bound=FullStore)

_streams: Final = st.sampled_from([UUID(int=number) for number in (1, 2, 2**127 + 1)])
"""Few streams, so that they meet again."""

_positions: Final = st.integers(-2, 12)
"""Few positions, so that some are taken."""

_bounds: Final = st.none() | st.integers(-4, 14) | st.sampled_from([LEAST - 1, GREATEST + 1])
"""Bounds among the positions and far beyond."""

_limits: Final = st.none() | st.integers(-1, 6)
"""Limits, with one that is refused."""


class _Machine(RuleBasedStateMachine, Generic[TStore]):
    """Does the same to a record store and to the memory store, and compares rows, ends and errors."""

    is_durable: ClassVar[bool] = True
    """Whether the store keeps its rows when it is closed; if not, it is never opened again."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.store: TStore = self.open_store(Path(self._folder.name))
        self.model = MemoryStore()
        self._turns = count()

    def open_store(self, folder: Path, /) -> TStore:
        """Open the store of a folder; see ``StoreOpener``."""
        raise NotImplementedError(f"{type(self).__qualname__} opens no store: use store_machine(...).")

    @override
    def teardown(self) -> None:
        self.store.close()
        self._folder.cleanup()

    def new_row(self, stream: UUID, position: int, /) -> Record:
        """Make a row that is like no other."""
        turn = next(self._turns)
        data, event_hash = b"row %d" % turn, b"hash %d" % turn if turn % 2 else b""
        return row(stream, position, data)._replace(name=f"Name {turn % 4}", event_hash=event_hash)

    def append_to_both(
        self,
        batch: Sequence[Record],
        append: Callable[[Sequence[Record]], None],
        append_to_model: Callable[[Sequence[Record]], None],
        /,
    ) -> None:
        """Append a batch to both; where the memory store refuses it, the store must do the same."""
        # of several streams that conflict, a store may name any
        conflicts = {
            (stream, expected, found)
            for stream, expected, found in self._ends(batch)
            if self._conflicts(stream, batch)
        }
        error: ConcurrencyError | None = None
        try:
            append(batch)
        except ConcurrencyError as caught:
            error = caught
        if error is None:
            assert not conflicts, f"expected a ConcurrencyError of one of {conflicts}, found none"
            append_to_model(batch)
            return
        found = (error.originator_id, error.expected, error.found)
        assert found in conflicts, f"expected a ConcurrencyError of one of {conflicts}, found {found}"

    def _ends(self, batch: Sequence[Record]) -> list[tuple[UUID, int, int]]:
        firsts: dict[UUID, int] = {}
        for record in batch:
            firsts.setdefault(record.originator_id, record.position)
        lasts = {stream: self.model.last(stream) for stream in firsts}
        return [
            (stream, first - 1, -1 if last is None else last[0])
            for (stream, first), last in zip(firsts.items(), lasts.values(), strict=True)
        ]

    def _conflicts(self, stream: UUID, batch: Sequence[Record]) -> bool:
        mine = [record.position for record in batch if record.originator_id == stream]
        taken = {record.position for record in self.model.read(stream)}
        return len(set(mine)) < len(mine) or not taken.isdisjoint(mine)

    @rule(stream=_streams, number=st.integers(1, 4))
    def append_at_the_end(self, stream: UUID, number: int) -> None:
        """Append rows that fit."""
        last = self.model.last(stream)
        start = 0 if last is None else last[0] + 1
        batch = [self.new_row(stream, position) for position in range(start, start + number)]
        self.append_to_both(batch, self.store.append, self.model.append)

    @rule(stream=_streams, places=st.lists(_positions, max_size=4))
    def append_anywhere(self, stream: UUID, places: list[int]) -> None:
        """Append rows with gaps, at positions that are taken, twice at one, or none."""
        batch = [self.new_row(stream, position) for position in places]
        self.append_to_both(batch, self.store.append, self.model.append)

    @rule(stream=_streams, number=st.sampled_from([LEAST - 1, GREATEST + 1]))
    def append_what_is_refused(self, stream: UUID, number: int) -> None:
        """Append a row that no store takes."""
        batch = [self.new_row(stream, 20), self.new_row(stream, 21)._replace(timestamp=number)]
        _same(lambda: self.store.append(batch), lambda: self.model.append(batch))

    @rule(
        stream=_streams,
        gt=_bounds,
        gte=_bounds,
        lt=_bounds,
        lte=_bounds,
        limit=_limits,
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

        _same(lambda: read(self.store), lambda: read(self.model))

    @rule(stream=_streams)
    def read_whole(self, stream: UUID) -> None:
        """Read a stream from its first row to its last."""
        _same(lambda: list(self.store.read(stream)), lambda: list(self.model.read(stream)))

    @rule(stream=_streams)
    def last(self, stream: UUID) -> None:
        """Look where a stream ends."""
        _same(lambda: self.store.last(stream), lambda: self.model.last(stream))

    @precondition(lambda self: self.is_durable)
    @rule()
    def close_and_open_again(self) -> None:
        """Close the store, and open what it left."""
        self.store.close()
        self.store = self.open_store(Path(self._folder.name))


class _FullMachine(_Machine[TFullStore]):
    """The same for a store that also appends to several streams, reads all and keeps snapshots."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []

    @rule(places=st.lists(st.tuples(_streams, _positions), max_size=6))
    def append_to_streams(self, places: list[tuple[UUID, int]]) -> None:
        """Append rows of several streams at once, which may fit or not."""
        batch = [self.new_row(stream, position) for stream, position in places]
        self.append_to_both(batch, self.store.append_streams, self.model.append_streams)

    @rule(number=st.integers(1, 3))
    def append_at_the_end_of_streams(self, number: int) -> None:
        """Append rows that fit to several streams at once, in turn."""
        batch: list[Record] = []
        for stream in (UUID(int=2), UUID(int=1)) * number:
            last = self.model.last(stream)
            of_batch = [record.position for record in batch if record.originator_id == stream]
            end = max([-1 if last is None else last[0], *of_batch])
            batch.append(self.new_row(stream, end + 1))
        self.append_to_both(batch, self.store.append_streams, self.model.append_streams)

    @invariant()
    def read_on(self) -> None:
        """Read what was committed since the last step: it is what the memory store committed."""
        after = self.numbers[-1] if self.numbers else 0
        found = list(self.store.read_all(after=after))
        expected = [record for _, record in self.model.read_all(after=len(self.numbers))]
        assert [record for _, record in found] == expected
        self.numbers += [number for number, _ in found]
        assert self.numbers == sorted(set(self.numbers)), "the numbers of read_all do not rise"

    @rule(place=st.integers(0, 40), limit=_limits)
    def read_all(self, place: int, limit: int | None) -> None:
        """Read on after any number that was seen, or from the beginning."""
        seen = min(place, len(self.numbers))
        after = self.numbers[seen - 1] if seen else 0
        _same(
            lambda: [record for _, record in self.store.read_all(after=after, limit=limit)],
            lambda: [record for _, record in self.model.read_all(after=seen, limit=limit)],
        )

    @rule(stream=_streams, position=st.integers(-1, 3))
    def write_snapshot(self, stream: UUID, position: int) -> None:
        """Write a snapshot, or replace one, and look at it."""
        snapshot = self.new_row(stream, position)
        _same(lambda: self.store.write_snapshot(snapshot), lambda: self.model.write_snapshot(snapshot))
        self.read_snapshot(stream, position)

    @rule(stream=_streams, lte=_bounds)
    def read_latest_snapshot(self, stream: UUID, lte: int | None) -> None:
        """Read the latest snapshot within a bound."""
        self.read_snapshot(stream, lte)

    def read_snapshot(self, stream: UUID, lte: int | None, /) -> None:
        """Compare the latest snapshots within a bound."""
        _same(
            lambda: self.store.read_snapshot(stream, lte=lte),
            lambda: self.model.read_snapshot(stream, lte=lte),
        )

    @rule(stream=_streams, lte=_bounds)
    def read_from_snapshot(self, stream: UUID, lte: int | None) -> None:
        """Read the latest snapshot within a bound, and the rows after it."""

        def read(store: FullStore) -> tuple[Record | None, list[Record]]:
            snapshot, found = store.read_from_snapshot(stream, lte=lte)
            return snapshot, list(found)

        _same(lambda: read(self.store), lambda: read(self.model))


def store_machine(
    open_store: Callable[[Path], ClosableStore], /, *, durable: bool = True
) -> Callable[[], None]:
    """Make a test that drives a store in lock-step with the memory store, and compares all they say.

    Args:
        open_store: opens the store of a folder; see ``StoreOpener``.
        durable: whether the store keeps its rows when it is closed; if not, it is never opened again.

    Returns:
        The test, which has as many examples as the profile of hypothesis says.

    Example:
        >>> test_it = store_machine(lambda folder: MemoryStore(), durable=False)
    """

    class Machine(_Machine[ClosableStore]):
        is_durable = durable

        @override
        def open_store(self, folder: Path, /) -> ClosableStore:
            return open_store(folder)

    return partial(run_state_machine_as_test, Machine, settings=_settings())


def full_store_machine(
    open_store: Callable[[Path], FullStore], /, *, durable: bool = True
) -> Callable[[], None]:
    """Make a test as ``store_machine`` does, for a store that can do all that those of esmodel can.

    Args:
        open_store: opens the store of a folder; see ``StoreOpener``.
        durable: whether the store keeps its rows and snapshots when it is closed.

    Returns:
        The test, which has as many examples as the profile of hypothesis says.

    Example:
        >>> test_it = full_store_machine(lambda folder: MemoryStore(), durable=False)
    """

    class Machine(_FullMachine[FullStore]):
        is_durable = durable

        @override
        def open_store(self, folder: Path, /) -> FullStore:
            return open_store(folder)

    return partial(run_state_machine_as_test, Machine, settings=_settings())


def _settings() -> settings:
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    return settings(deadline=None, stateful_step_count=30, suppress_health_check=slow)


class MachineContract(StoreOpener[TStore]):
    """One test: a state machine finds no difference between the store and the memory store."""

    is_durable: ClassVar[bool] = True
    """Whether the store keeps its rows when it is closed."""

    def test_the_store_does_what_the_memory_store_does(self) -> None:
        """Appends that fit and that do not, ranges, ends, and opening again."""
        store_machine(self.open_store, durable=self.is_durable)()


class FullMachineContract(StoreOpener[TFullStore]):
    """The same for a store that also appends to several streams, reads all and keeps snapshots."""

    is_durable: ClassVar[bool] = True
    """Whether the store keeps its rows and snapshots when it is closed."""

    def test_the_store_does_all_that_the_memory_store_does(self) -> None:
        """The same, and batches of several streams, the order of commits, and snapshots."""
        full_store_machine(self.open_store, durable=self.is_durable)()


TResult = TypeVar("TResult")


def _same(of_store: Callable[[], TResult], of_model: Callable[[], TResult], /) -> None:
    """Check that a call on the store gives or raises what the same call on the memory store does."""
    expected, found = _outcome(of_model), _outcome(of_store)
    assert found == expected, f"expected {expected}, as of the memory store, found {found}"


def _outcome(call: Callable[[], TResult]) -> TResult | str:
    try:
        return call()
    except PayloadError:
        return "a PayloadError"
    except StoreError as error:
        return f"a {type(error).__name__}"
