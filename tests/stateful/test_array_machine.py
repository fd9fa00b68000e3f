"""State machines that do the same to an array and to a list, and compare them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import count, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from profiles import examples
from typing_extensions import override

from esmodel import PayloadError
from esmodel.exceptions import ArrayIndexError, PositionTakenError
from esmodel.repositories.arrays import EventSourcedArrayRepository, EventSourcedBigArrayRepository
from esmodel.rows import Append, Appended, Record, RecordStore
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.structures import Array

ARRAY = UUID(int=1)
NEIGHBOUR = UUID(int=2)
HUGE = 10**40


class CrashError(Exception):
    """The simulated end of a process."""


class CrashingStore:
    """A store whose process ends after a number of appends, or before the first append of items."""

    def __init__(self, store: RecordStore, appends: int | None = None) -> None:
        self._store = store
        self._left = appends

    def append(self, append: Append, /) -> Appended:
        if self._left is None:
            if any(record.name == "ItemAssigned" for record in append.records):
                raise CrashError
        elif self._left == 0:
            raise CrashError
        else:
            self._left -= 1
        return self._store.append(append)

    def read(
        self,
        originator_id: UUID,
        /,
        *,
        gt: int | None = None,
        gte: int | None = None,
        lt: int | None = None,
        lte: int | None = None,
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[Record]:
        return self._store.read(
            originator_id, gt=gt, gte=gte, lt=lt, lte=lte, limit=limit, descending=descending
        )

    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        return self._store.last(originator_id)


class ArrayMachine(RuleBasedStateMachine):
    """Do the same to an array and to a list, which has ``None`` where nothing was assigned."""

    is_big: ClassVar[bool]
    is_on_disk: ClassVar[bool]
    size: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name, "events.db")
        self.capacity = self.size**self.size if self.is_big else self.size
        self.model: list[int | None] = []
        self.numbers = count()  # all items differ, so that one in the wrong place is seen
        self.store = self.open_store()
        self.open_arrays()
        self.turns = count()
        self.neighbour.append(-1)

    def open_store(self) -> MemoryStore | SQLiteStore:
        return SQLiteStore(self.path, synchronous="NORMAL") if self.is_on_disk else MemoryStore()

    def array_in(self, store: RecordStore, array_id: UUID = ARRAY) -> Array[int]:
        if self.is_big:
            return EventSourcedBigArrayRepository(int, store, array_size=self.size)[array_id]
        return EventSourcedArrayRepository(int, store, array_size=self.size)[array_id]

    def open_arrays(self) -> None:
        self.arrays = [self.array_in(self.store) for _ in range(3)]
        self.neighbour = self.array_in(self.store, NEIGHBOUR)

    @property
    def array(self) -> Array[int]:
        """The same array, as another object each time."""
        return self.arrays[next(self.turns) % len(self.arrays)]

    def rows(self) -> list[tuple[int, Record]]:
        return list(self.store.read_all())

    # the model

    def item_at(self, position: int) -> int | None:
        return self.model[position] if 0 <= position < len(self.model) else None

    def last_in_stream(self, position: int) -> int:
        first = position - position % self.size
        taken = [at for at in range(first, first + self.size) if self.item_at(at) is not None]
        return max(taken)

    # writes

    def assign(self, index: int) -> None:
        item = next(self.numbers)
        position = index if index >= 0 else len(self.model) + index
        if position < 0 or position >= self.capacity:
            before = self.rows()
            with pytest.raises(ArrayIndexError):
                self.array[index] = item
            assert self.rows() == before
        elif self.item_at(position) is not None:
            before = self.rows()
            with pytest.raises(PositionTakenError) as caught:
                self.array[index] = item
            error = caught.value
            assert (error.originator_id, error.expected) == (ARRAY, position - 1)
            assert error.found == self.last_in_stream(position)
            assert self.rows() == before
        else:
            self.array[index] = item
            self.assigned(position, item)

    def assigned(self, position: int, item: int) -> None:
        self.model += [None] * (position + 1 - len(self.model))
        self.model[position] = item
        self.check_around(position)

    @rule(index=st.integers(0, 30) | st.integers(0, 400))
    def assign_anywhere(self, index: int) -> None:
        self.assign(index)

    @rule(ahead=st.integers(-12, 12))
    def assign_near_the_end(self, ahead: int) -> None:
        self.assign(max(len(self.model) + ahead, 0))

    @rule(index=st.integers(-12, -1) | st.integers(-500, -1) | st.just(-HUGE))
    def assign_from_the_end(self, index: int) -> None:
        self.assign(index)

    @rule(beyond=st.integers(-2, 2) | st.just(HUGE))
    def assign_about_the_capacity(self, beyond: int) -> None:
        # a large tree must grow before its last position is assigned
        if beyond >= 0 or self.capacity <= 300 or len(self.model) > 300:
            self.assign(max(self.capacity + beyond, 0))

    @rule()
    def append(self) -> None:
        item = next(self.numbers)
        if len(self.model) == self.capacity:
            before = self.rows()
            with pytest.raises(ArrayIndexError, match="below the capacity"):
                self.array.append(item)
            assert self.rows() == before
        else:
            assert self.array.append(item) == len(self.model)
            self.model.append(item)

    @rule(number=st.integers(0, 8) | st.integers(0, 60))
    def extend(self, number: int) -> None:
        items = [next(self.numbers) for _ in range(number)]
        fitting = items[: self.capacity - len(self.model)]
        given = iter(items) if number % 2 else items
        if len(fitting) < number:
            with pytest.raises(ArrayIndexError, match="below the capacity"):
                self.array.extend(given)
        else:
            self.array.extend(given)
        start = len(self.model)
        self.model += fitting
        self.check_around(start)
        self.check_around(len(self.model))

    @rule(index=st.integers(0, 30) | st.integers(0, 400), appends=st.none() | st.integers(0, 6))
    def crash_while_assigning(self, index: int, appends: int | None) -> None:
        """Leave links to an empty base array, or only the highest of them."""
        self.crash_at(index, appends)

    @rule(ahead=st.integers(0, 12), appends=st.none() | st.integers(0, 6))
    def crash_while_assigning_near_the_end(self, ahead: int, appends: int | None) -> None:
        self.crash_at(len(self.model) + ahead, appends)

    @rule(number=st.integers(1, 40), appends=st.integers(0, 20))
    def crash_while_extending(self, number: int, appends: int) -> None:
        items = [next(self.numbers) for _ in range(number)]
        with suppress(CrashError, ArrayIndexError):
            self.array_in(CrashingStore(self.store, appends)).extend(items)
        start, end = len(self.model), len(self.array)
        # only whole base arrays were stored, from the first item on
        assert end == start or end == start + number or end % self.size == 0
        self.model += items[: end - start]
        assert len(self.model) == end
        assert self.array[start:] == self.model[start:]

    def crash_at(self, index: int, appends: int | None) -> None:
        if index < self.capacity and self.item_at(index) is None:
            item = next(self.numbers)
            try:
                self.array_in(CrashingStore(self.store, appends))[index] = item
            except CrashError:
                self.check_around(index)
            else:
                self.assigned(index, item)

    @precondition(lambda self: self.is_on_disk)
    @rule()
    def close_and_reopen(self) -> None:
        self.store.close()
        self.store = self.open_store()
        self.open_arrays()

    # reads

    @rule(index=st.integers(-8, 30) | st.integers(-500, 500) | st.sampled_from([HUGE, -HUGE]))
    def read_by_index(self, index: int) -> None:
        item = self.model[index] if -len(self.model) <= index < len(self.model) else None
        if item is None:
            with pytest.raises(ArrayIndexError):
                self.array[index]
        else:
            assert self.array[index] == item

    bounds = st.none() | st.integers(-15, 30) | st.integers(-500, 500) | st.sampled_from([HUGE, -HUGE])
    steps = st.none() | st.integers(-7, 7) | st.sampled_from([100, -100, HUGE, -HUGE])

    @rule(start=bounds, stop=bounds, step=steps)
    def read_a_slice(self, start: int | None, stop: int | None, step: int | None) -> None:
        self.check_slice(start, stop, step)

    @rule(start=st.integers(-12, 12), stop=st.integers(-12, 12), step=st.none() | st.integers(-3, 3))
    def read_a_slice_near_the_end(self, start: int, stop: int, step: int | None) -> None:
        end = len(self.model)
        self.check_slice(max(end + start, 0), max(end + stop, 0), step)

    @rule(bound=st.integers(-12, 500), is_start=st.booleans(), step=st.none() | st.integers(-3, 3))
    def read_a_slice_with_one_end(self, bound: int, is_start: bool, step: int | None) -> None:  # noqa: FBT001
        self.check_slice(bound if is_start else None, None if is_start else bound, step)

    @rule(start=st.integers(-3, 500))
    def read_items(self, start: int) -> None:
        wanted = [(at, item) for at, item in enumerate(self.model) if item is not None and at >= start]
        assert list(self.array.items(start)) == wanted

    @rule()
    def read_all_items(self) -> None:
        wanted = [(at, item) for at, item in enumerate(self.model) if item is not None]
        assert list(self.array.items()) == wanted

    @rule()
    def iterate(self) -> None:
        check_iteration(self.array, self.model, 0)

    @rule()
    def iterate_from_the_end(self) -> None:
        check_iteration(reversed(self.array), self.model[::-1], len(self.model) - 1)

    @rule(item=st.integers(-1, 30) | st.integers(-1, 500))
    def search(self, item: int) -> None:
        assert (item in self.array) is (item in self.model)
        assert "of another type" not in self.array

    # checks

    @invariant()
    def the_end_is_the_same(self) -> None:
        end = len(self.model)
        assert len(self.array) == self.array.next_position() == end
        assert bool(self.array) is bool(end)
        if end:
            assert self.array[-1] == self.array[end - 1] == self.model[-1]

    def check_slice(self, start: int | None, stop: int | None, step: int | None) -> None:
        if step == 0:
            with pytest.raises(PayloadError, match="expected a nonzero integer"):
                self.array[start:stop:step]
        else:
            assert self.array[start:stop:step] == self.model[start:stop:step]

    def check_around(self, position: int) -> None:
        start, stop = max(position - self.size - 2, 0), position + self.size + 2
        assert self.array[start:stop] == self.model[start:stop]

    @override
    def teardown(self) -> None:
        try:
            self.check_slice(None, None, None)
            assert self.neighbour[:] == [-1]
            assert all(0 <= record.position < self.size for _, record in self.rows())
        finally:
            self.store.close()
            self.folder.cleanup()


def check_iteration(found: Iterable[int], wanted: list[int | None], start: int) -> None:
    """Check that an iterator yields the wanted items up to the first gap, and then names the gap."""
    way = iter(found)
    for offset, item in enumerate(wanted):
        if item is None:
            with pytest.raises(ArrayIndexError, match="expected an item, found none") as caught:
                next(way)
            assert caught.value.index == abs(start - offset)
            return
        assert next(way) == item
    with pytest.raises(StopIteration):
        next(way)


def machine(*, big: bool, on_disk: bool, of_size: int) -> type[ArrayMachine]:
    class Machine(ArrayMachine):
        is_big = big
        is_on_disk = on_disk
        size = of_size

    return Machine


@pytest.mark.parametrize("is_on_disk", [False, True], ids=["memory", "sqlite"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_an_array_behaves_like_a_list(size: int, *, is_on_disk: bool) -> None:
    run_state_machine_as_test(
        machine(big=False, on_disk=is_on_disk, of_size=size),
        settings=settings(max_examples=examples(10), stateful_step_count=30),
    )


@pytest.mark.parametrize(
    "is_on_disk", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["memory", "sqlite"]
)
@pytest.mark.parametrize(("size", "count"), [(1, 5), (2, 30), (3, 60), (4, 60), (5, 100)])
def test_a_big_array_behaves_like_a_list(size: int, count: int, *, is_on_disk: bool) -> None:
    run_state_machine_as_test(
        machine(big=True, on_disk=is_on_disk, of_size=size),
        settings=settings(max_examples=examples(count), stateful_step_count=50),
    )


# --- every reading -------------------------------------------------------------------------------

STEPS = [None, 1, 2, 3, -1, -2]


def bounds(length: int) -> Iterator[tuple[int | None, int | None]]:
    """Yield all bounds of slices, to a few positions beyond both ends."""
    each: list[int | None] = [None, *range(-length - 2, length + 4)]
    return product(each, each)


def check_every_reading(array: Array[int], wanted: list[int | None]) -> None:
    end = len(wanted)
    assert len(array) == end
    check_iteration(array, wanted, 0)
    check_iteration(reversed(array), wanted[::-1], end - 1)
    for start in range(-2, end + 4):
        items = [(at, item) for at, item in enumerate(wanted) if item is not None and at >= start]
        assert list(array.items(start)) == items
    for index in range(-end - 3, end + 4):
        found = wanted[index] if -end <= index < end else None
        if found is None:
            with pytest.raises(ArrayIndexError):
                array[index]
        else:
            assert array[index] == found
    check_every_slice(array, wanted)


def check_every_slice(array: Array[int], wanted: list[int | None]) -> None:
    for (start, stop), step in product(bounds(len(wanted)), STEPS):
        if array[start:stop:step] != wanted[start:stop:step]:
            # not an `assert`: a few hundred thousand rewritten assertions are slow
            found = array[start:stop:step]
            pytest.fail(f"[{start}:{stop}:{step}] of {wanted} is {found}")


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_reading_of_an_array_with_any_gaps_is_that_of_the_list(size: int) -> None:
    arrays = EventSourcedArrayRepository(int, MemoryStore(), array_size=size)
    for number, taken in enumerate(product([False, True], repeat=size)):
        array = arrays[UUID(int=number)]
        check_every_reading(array, assigned(array, taken))


@pytest.mark.parametrize("size", [1, 2])
def test_every_reading_of_a_big_array_with_any_gaps_is_that_of_the_list(size: int) -> None:
    arrays = EventSourcedBigArrayRepository(int, MemoryStore(), array_size=size)
    for number, taken in enumerate(product([False, True], repeat=size**size)):
        array = arrays[UUID(int=number)]
        check_every_reading(array, assigned(array, taken))


ON_A_DESK = {0, 1, 2, 3, 4, 8, 9, 10, 18, 26, 27}
"""The lengths around the ends of base arrays and trees."""


@pytest.mark.parametrize(
    "length",
    [pytest.param(each, marks=[] if each in ON_A_DESK else pytest.mark.slow) for each in range(28)],
)
def test_every_reading_of_a_big_array_of_any_length_is_that_of_the_list(length: int) -> None:
    array = EventSourcedBigArrayRepository(int, MemoryStore(), array_size=3)[ARRAY]
    array.extend(range(length))
    check_every_reading(array, list(range(length)))


@pytest.mark.parametrize("length", [5, 10, 17])
def test_every_reading_of_a_big_array_with_gaps_and_links_to_nothing_is_that_of_the_list(
    length: int,
) -> None:
    store = MemoryStore()
    array = EventSourcedBigArrayRepository(int, store, array_size=3)[ARRAY]
    wanted = assigned(array, [position % 7 in {0, 1, 4} for position in range(length)])
    for first in (3, 18, 24):
        with pytest.raises(CrashError):
            EventSourcedBigArrayRepository(int, CrashingStore(store), array_size=3)[ARRAY][first] = 0
    check_every_reading(array, wanted)


def assigned(array: Array[int], taken: Iterable[bool]) -> list[int | None]:
    """Assign to some positions, from the last to the first, and return the expected list."""
    wanted = [position if is_taken else None for position, is_taken in enumerate(taken)]
    for position in reversed(wanted):
        if position is not None:
            array[position] = position
    while wanted and wanted[-1] is None:
        wanted.pop()
    return wanted
