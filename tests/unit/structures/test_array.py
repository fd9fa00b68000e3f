"""Arrays and big arrays: reading, writing, the tree, crashes, wrong sizes, huge indexes, cost, events."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID, uuid5

import pytest
from typing_extensions import override

from esmodel import (
    ConcurrencyError,
    DomainEvent,
    EventSourcedArrayRepository,
    EventSourcedBigArrayRepository,
    ModelError,
    PayloadError,
    StoreError,
    subscribe,
    using_clock,
)
from esmodel.exceptions import (
    ArrayIndexError,
    PositionTakenError,
    PublishError,
    StoredDataError,
    UnknownEventError,
)
from esmodel.repositories import EventSourcedSequences
from esmodel.rows import FREE, Append, Appended, Record, RecordStore, SupportsReadAll
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.structures import Array, BigArray, ItemAssigned, make_subarray_id, tree_height

ID: Final = UUID(int=11)
NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
GOOGOLS: Final = 10_000**10_000
CAPACITY: Final = 27
WORDS: Final = [f"item {number}" for number in range(CAPACITY)]
SIZES: Final = (2, 3, 4, 5, 9, 10, 16, 100, 1_000)
COUNTS: Final = (1, 2, 10, 11, 64, 101, 1_001)


class Store(RecordStore, SupportsReadAll, Protocol):
    """The capabilities of both stores."""

    def close(self) -> None: ...


Opens = Callable[[RecordStore], Array[str]]


def memory(_: Path) -> Store:
    return MemoryStore()


def sqlite(folder: Path) -> Store:
    return SQLiteStore(folder / "events.db", synchronous="NORMAL")


def one(store: RecordStore) -> Array[str]:
    return EventSourcedArrayRepository(str, store, array_size=CAPACITY)[ID]


def big(store: RecordStore) -> Array[str]:
    return EventSourcedBigArrayRepository(str, store, array_size=3)[ID]


def numbers(store: RecordStore, array_size: int) -> BigArray[int]:
    return EventSourcedBigArrayRepository(int, store, array_size=array_size)[ID]


@pytest.fixture(params=[memory, sqlite])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    open_store: Callable[[Path], Store] = request.param
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=[one, big])
def names(request: pytest.FixtureRequest, store: Store) -> Array[str]:
    opens: Opens = request.param
    return opens(store)


def rows(store: SupportsReadAll) -> list[Record]:
    return [record for _, record in store.read_all()]


def assign(array: Array[str], position: int, item: str) -> None:
    array[position] = item


def call(method: object, *arguments: object) -> object:
    """Call a function with arguments that type checkers reject."""
    assert callable(method)
    returned: object = method(*arguments)
    return returned


# --- reading -------------------------------------------------------------------------------------


def test_an_array_that_was_never_written_is_empty(store: Store, names: Array[str]) -> None:
    assert (names[:], list(names), list(reversed(names)), list(names.items())) == ([], [], [], [])
    assert (len(names), names.next_position(), bool(names), "item 0" in names) == (0, 0, False, False)
    assert names[3:9] == names[-4:] == names[::-1] == names[-4:-1] == []
    names.extend([])
    assert rows(store) == []


def test_an_item_is_read_by_its_index_from_either_end(names: Array[str]) -> None:
    names.extend(WORDS[:13])
    assert [names[position] for position in range(13)] == WORDS[:13]
    assert [names[position] for position in range(-13, 0)] == WORDS[:13]
    assert len(names) == names.next_position() == 13
    assert names


@pytest.mark.parametrize("index", [13, 14, CAPACITY - 1, CAPACITY, 10**40, -14, -(10**40)])
def test_an_index_outside_is_an_index_error_that_names_it(names: Array[str], index: int) -> None:
    names.extend(WORDS[:13])
    with pytest.raises(ArrayIndexError, match=f"Array {ID}: index {index}: ") as caught:
        names[index]
    assert isinstance(caught.value, IndexError)
    assert (caught.value.array_id, caught.value.index) == (ID, index)
    again: object = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  # because we made it
    assert str(again) == str(caught.value)


def test_a_slice_is_like_that_of_a_list(names: Array[str]) -> None:
    names.extend(WORDS[:11])
    ends = [None, 0, 1, 3, 8, 11, 30, -1, -9, -11, -30]
    for start, stop, step in product(ends, ends, [None, 1, 2, 3, 5, 40, -1, -2, -4]):
        assert names[start:stop:step] == WORDS[:11][start:stop:step], (start, stop, step)


def test_a_slice_with_huge_bounds_is_like_that_of_a_list(names: Array[str]) -> None:
    names.extend(WORDS[:11])
    far = 10**30
    assert names[:far] == names[-far:] == names[-far:far] == WORDS[:11]
    assert names[far:-far:-1] == WORDS[10::-1]
    assert names[far : far + 5] == names[far:] == names[far : far + 5 : far] == []
    assert names[4::far] == names[4:far:far] == [WORDS[4]]


def test_a_slice_has_none_where_nothing_was_assigned(names: Array[str]) -> None:
    like: list[str | None] = [None] * 20
    for position in (1, 4, 5, 12, 19):
        names[position] = like[position] = WORDS[position]
    ends = [None, 0, 2, 4, 5, 9, 12, 13, 19, 20, 26, 27, 28, -1, -8, -20, -25]
    for start, stop, step in product(ends, ends, [None, 2, 3, 7, -1, -3]):
        assert names[start:stop:step] == like[start:stop:step], (start, stop, step)


def test_a_step_of_zero_is_refused(names: Array[str]) -> None:
    with pytest.raises(PayloadError, match="step of a slice: expected a nonzero integer, found 0") as caught:
        names[0:3:0]
    assert isinstance(caught.value, ValueError)


def test_an_unassigned_index_is_an_error(names: Array[str]) -> None:
    names[14] = "far"
    assert len(names) == 15
    for index in (0, 7, 13, -2, -15):
        with pytest.raises(ArrayIndexError, match="expected an item, found none"):
            names[index]


def test_iteration_stops_with_an_error_at_a_gap(names: Array[str]) -> None:
    names.extend(WORDS[:4])
    names[8] = WORDS[8]
    forth, back = iter(names), reversed(names)
    assert [next(forth) for _ in range(4)] == WORDS[:4]
    with pytest.raises(ArrayIndexError, match=r"items\(\) to skip it") as at_gap:
        next(forth)
    assert next(back) == WORDS[8]
    with pytest.raises(ArrayIndexError, match="take a slice to get None there") as from_behind:
        next(back)
    assert (at_gap.value.index, from_behind.value.index) == (4, 7)


def test_iteration_finds_a_gap_at_the_start(names: Array[str]) -> None:
    names[1] = WORDS[1]
    with pytest.raises(ArrayIndexError) as caught:
        next(iter(names))
    back = reversed(names)
    assert next(back) == WORDS[1]
    with pytest.raises(ArrayIndexError) as from_behind:
        next(back)
    assert caught.value.index == from_behind.value.index == 0


def test_iteration_goes_over_all_items_both_ways(names: Array[str]) -> None:
    for word in WORDS:
        names.append(word)
        count = len(names)
        assert list(names) == WORDS[:count]
        assert list(reversed(names)) == WORDS[:count][::-1]


def test_items_yields_assigned_positions_from_a_start(names: Array[str]) -> None:
    there = [0, 2, 3, 9, 10, 17, 26]
    for position in reversed(there):
        names[position] = WORDS[position]
    for start in range(-2, 30):
        found = [(position, WORDS[position]) for position in there if position >= start]
        assert list(names.items(start)) == found
    assert list(names.items(10**30)) == []


def test_in_looks_at_every_item_and_skips_gaps(names: Array[str]) -> None:
    names[20] = "far"
    assert "far" in names
    assert "near" not in names
    assert 20 not in names


def test_arrays_of_one_class_and_id_are_equal() -> None:
    small = EventSourcedArrayRepository(str, MemoryStore())
    large = EventSourcedBigArrayRepository(str, MemoryStore())
    assert small[ID] == small[ID]
    assert large[ID] == large[ID]
    assert small[ID] != small[UUID(int=12)]
    assert small[ID] != large[ID]
    assert small[ID] != ID
    assert len({small[ID], small[ID], large[ID], large[ID], large[UUID(int=12)]}) == 3


def test_an_array_shows_its_kind_and_id(store: Store) -> None:
    assert repr(one(store)) == f"<Array {ID}>"
    assert repr(big(store)) == f"<BigArray {ID}>"
    assert (one(store).id, one(store).array_size, one(store).capacity) == (ID, 27, 27)
    assert (big(store).id, big(store).array_size, big(store).capacity) == (ID, 3, 27)


def test_opening_an_array_reads_and_writes_nothing() -> None:
    store = CountingStore()
    assert store.spent(lambda: (one(store), big(store), repr(big(store)), hash(one(store)))) == (0, 0)
    assert store.calls == 0


def test_a_repository_knows_its_size() -> None:
    assert EventSourcedArrayRepository(str, MemoryStore()).array_size == 10_000
    assert EventSourcedBigArrayRepository(str, MemoryStore()).array_size == 10_000
    assert EventSourcedBigArrayRepository(str, MemoryStore(), array_size=7).array_size == 7


# --- writing -------------------------------------------------------------------------------------


def test_append_returns_the_position(names: Array[str]) -> None:
    assert [names.append(word) for word in WORDS] == list(range(CAPACITY))
    assert names[:] == WORDS


def test_append_goes_after_the_last_item_and_not_into_a_gap(names: Array[str]) -> None:
    names[4] = "far"
    assert names.append("next") == 5
    assert names[:] == [None, None, None, None, "far", "next"]


@pytest.mark.parametrize("before", [0, 1, 2, 3, 5, 9, 10])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 9, 16])
def test_extend_appends_all_in_their_order(names: Array[str], before: int, count: int) -> None:
    names.extend(WORDS[:before])
    names.extend(word for word in WORDS[before : before + count])
    assert names[:] == WORDS[: before + count]


def test_an_array_extends_itself_like_a_list(store: Store) -> None:
    names = one(store)
    names.extend(WORDS[:9])
    names.extend(names)
    assert names[:] == WORDS[:9] * 2


def test_a_big_array_extends_itself_like_a_list(store: Store) -> None:
    names = big(store)
    names.extend(WORDS[:4])
    names.extend(names)
    assert names[:] == WORDS[:4] * 2


def test_what_fits_is_stored_when_extend_fills_the_array(names: Array[str]) -> None:
    names.extend(WORDS[:7])
    with pytest.raises(ArrayIndexError, match="expected an index below the capacity of 27") as caught:
        names.extend([*WORDS[7:], "one more", "another"])
    assert caught.value.index == CAPACITY
    assert names[:] == WORDS


def test_a_full_array_takes_no_more(store: Store, names: Array[str]) -> None:
    names[CAPACITY - 1] = "last"
    before = rows(store)
    with pytest.raises(ArrayIndexError, match="index 27: expected an index below the capacity of 27"):
        names.append("more")
    with pytest.raises(ArrayIndexError, match="index 27: expected an index below the capacity of 27"):
        names.extend(["more"])
    names.extend([])
    assert rows(store) == before


@pytest.mark.parametrize("index", [CAPACITY, CAPACITY + 1, 10**40])
def test_no_item_is_assigned_beyond_the_capacity(store: Store, names: Array[str], index: int) -> None:
    with pytest.raises(ArrayIndexError, match="expected an index below the capacity of 27") as caught:
        names[index] = "beyond"
    assert caught.value.index == index
    assert rows(store) == []


def test_a_negative_index_assigns_to_a_gap_and_to_no_place_before_the_start(
    store: Store, names: Array[str]
) -> None:
    names[5] = "five"
    names[-2] = "four"
    assert names[4] == "four"
    before = rows(store)
    with pytest.raises(ArrayIndexError, match="index -7: expected an index within the length of 6"):
        names[-7] = "before"
    assert rows(store) == before


@pytest.mark.parametrize("taken", [0, 1, 2, 3, 8, 10, -1, -11])
def test_a_position_takes_one_item_for_ever(store: Store, names: Array[str], taken: int) -> None:
    names.extend(WORDS[:11])
    before, position = rows(store), taken % 11
    with pytest.raises(PositionTakenError) as caught:
        names[taken] = "other"
    error = caught.value
    assert isinstance(error, ConcurrencyError)
    assert (error.originator_id, error.expected) == (ID, position - 1)
    assert position <= error.found <= 10
    assert str(error) == (
        f"Array {ID}: expected position {position} to be free, found an item. "
        f"Assign to another position, or append."
    )
    again: object = pickle.loads(pickle.dumps(error))  # noqa: S301  # because we made it
    assert isinstance(again, PositionTakenError)
    assert (again.args, str(again)) == (error.args, str(error))
    assert rows(store) == before
    assert names[position] == WORDS[position]


def test_the_same_item_is_no_exception(names: Array[str]) -> None:
    names.append("same")
    with pytest.raises(PositionTakenError):
        names[0] = "same"
    assert names[:] == ["same"]


@pytest.mark.parametrize("position", [0, 1, 2, 3, 9, 13])
def test_an_item_of_another_type_stores_nothing(store: Store, names: Array[str], position: int) -> None:
    names.extend(WORDS[:position])
    before = rows(store)
    with pytest.raises(PayloadError, match=r"^ItemAssigned item: expected str, found int 5"):
        call(names.append, 5)
    with pytest.raises(PayloadError, match=r"expected str, found int 5"):
        call(names.__setitem__, position, 5)
    with pytest.raises(PayloadError, match=r"expected str, found None"):
        call(names.extend, [None, "good"])
    assert names[:] == WORDS[:position]
    assert rows(store) == before


def test_no_item_of_the_stream_of_a_wrong_item_is_stored(store: Store) -> None:
    names = big(store)
    with pytest.raises(PayloadError):
        call(names.extend, ["a", "b", "c", "d", 5, "f"])
    assert names[:] == ["a", "b", "c"]


@pytest.mark.parametrize("index", [1.0, "1", None, (0, 1)])
def test_an_index_must_be_an_integer(store: Store, names: Array[str], index: object) -> None:
    names.append("first")
    before = rows(store)
    with pytest.raises(ModelError, match="index: expected an integer, found"):
        call(names.__getitem__, index)
    with pytest.raises(ModelError, match="index: expected an integer, found"):
        call(names.__setitem__, index, "second")
    assert rows(store) == before


@pytest.mark.parametrize("bounds", [slice("a", None), slice(0, 2.5), slice(0, 2, 0.5), slice(None, "a")])
def test_the_bounds_of_a_slice_must_be_integers(names: Array[str], bounds: object) -> None:
    names.extend(WORDS[:3])
    with pytest.raises(ModelError, match="index: expected an integer, found"):
        call(names.__getitem__, bounds)


class Second:
    """An object that Python accepts as an index."""

    def __index__(self) -> int:
        return 1


def test_an_object_that_python_accepts_as_an_index_is_one(names: Array[str]) -> None:
    names.extend(WORDS[:3])
    assert names[Second()] == WORDS[1]
    assert names[Second() :: Second()] == WORDS[1:3]


@pytest.mark.parametrize("size", [0, -1, True, 2.0, "3", None])
@pytest.mark.parametrize("repository", [EventSourcedArrayRepository, EventSourcedBigArrayRepository])
def test_a_size_must_be_a_positive_integer(repository: object, size: object) -> None:
    def build() -> object:
        assert callable(repository)
        built: object = repository(str, MemoryStore(), array_size=size)
        return built

    with pytest.raises(ModelError, match="array_size: expected an integer of 1 or more, found"):
        build()
    with pytest.raises(ModelError, match="array_size: expected an integer of 1 or more, found"):
        call(tree_height, 0, size)


def test_an_array_of_size_one_holds_one_item(store: Store) -> None:
    names = EventSourcedBigArrayRepository(str, store, array_size=1)[ID]
    assert (names.append("only"), names[:], list(names), len(names)) == (0, ["only"], ["only"], 1)
    with pytest.raises(ArrayIndexError):
        names.append("more")


def test_arrays_of_one_store_do_not_see_each_other(store: Store) -> None:
    arrays = EventSourcedBigArrayRepository(str, store, array_size=3)
    first, second = arrays[ID], arrays[UUID(int=12)]
    for word in WORDS:
        first.append(word)
        second.append(word.upper())
    assert first[:] == WORDS
    assert second[:] == [word.upper() for word in WORDS]


def test_two_arrays_of_one_id_are_the_same(store: Store) -> None:
    first, second = big(store), big(store)
    for even in range(0, CAPACITY - 1, 2):
        assert first.append(WORDS[even]) == even
        assert second.append(WORDS[even + 1]) == even + 1
    assert first[:] == second[:] == WORDS[: CAPACITY - 1]


# --- the tree ------------------------------------------------------------------------------------


def span_id(start: int, stop: int) -> UUID:
    return uuid5(ID, str((start, stop)))


def links_to(position: int, size: int) -> list[tuple[UUID, int, UUID]]:
    """Return the links to an item, from the lowest: stream, position, child."""
    start, span = position // size * size, size
    found: list[tuple[UUID, int, UUID]] = []
    while position >= span:
        above = start // (span * size) * (span * size)
        found.append(
            (span_id(above, above + span * size), start // span % size, span_id(start, start + span))
        )
        start, span = above, span * size
    height = 1
    while size**height < span:
        height += 1
    return [*found, (ID, height - 1, span_id(0, span))]


def written(store: SupportsReadAll) -> list[tuple[UUID, int, str, bytes]]:
    return [(row.originator_id, row.position, row.name, row.data) for row in rows(store)]


def link_rows(links: list[tuple[UUID, int, UUID]]) -> list[tuple[UUID, int, str, bytes]]:
    return [(node, index, "ArrayLinked", f'"{child}"'.encode()) for node, index, child in links]


@pytest.mark.parametrize(
    ("position", "size"),
    [
        *[(position, 2) for position in range(4)],
        *[(position, 3) for position in range(27)],
        *[(position, 10) for position in (0, 9, 10, 11, 99, 100, 119, 990, 999, 1_000, 54_321, 10**10 - 1)],
        *[(position, 10_000) for position in (0, 9_999, 10_000, 10**8 - 1, 10**8, 123_456_789_012)],
    ],
)
def test_an_item_is_in_its_base_array_and_the_links_to_it_are_above(position: int, size: int) -> None:
    store = MemoryStore()
    numbers(store, size)[position] = 5
    start = position // size * size
    item = (span_id(start, start + size), position % size, "ItemAssigned", b"5")
    assert written(store) == [*link_rows(links_to(position, size)[::-1]), item]


def test_the_tree_in_full(store: Store) -> None:
    big(store).extend(WORDS)
    expected = [
        (span_id(at // 3 * 3, at // 3 * 3 + 3), at % 3, "ItemAssigned", f'"{word}"'.encode())
        for at, word in enumerate(WORDS)
    ]
    for at in range(0, CAPACITY, 3):
        expected += link_rows(links_to(at, 3))
    assert sorted(written(store)) == sorted(set(expected))
    in_root = [(row.position, row.data) for row in store.read(ID)]
    assert in_root == [(at, f'"{span_id(0, 3 ** (at + 1))}"'.encode()) for at in range(3)]


def test_an_array_that_is_not_big_is_one_stream(store: Store) -> None:
    with using_clock(lambda: NOW):
        one(store).extend(["a", "b"])
    moment = int(NOW.timestamp()) * 1_000_000
    assert rows(store) == [
        Record(ID, 0, "ItemAssigned", 0, moment, b'"a"'),
        Record(ID, 1, "ItemAssigned", 0, moment, b'"b"'),
    ]


# --- links before items, crashes, leftovers ------------------------------------------------------


class NotingStore(MemoryStore):
    """A store that records each append."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[Record]] = []

    @override
    def append(self, append: Append, /) -> Appended:
        appended = super().append(append)
        self.batches.append(list(append.records))
        return appended


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("forward", [True, False])
def test_links_are_written_before_what_they_lead_to(size: int, *, forward: bool) -> None:
    store = NotingStore()
    array = numbers(store, size)
    positions = range(size**size) if forward else range(size**size - 1, -1, -1)
    for position in positions:
        if forward:
            array.append(position)
        else:
            array[position] = position
    found = {ID}
    items = 0
    for batch in store.batches:
        for row in batch:
            assert row.originator_id in found
            if row.name == "ArrayLinked":
                found.add(UUID(row.data.decode().strip('"')))
            else:
                items += 1
    assert items == size**size


class CrashingStore(MemoryStore):
    """A store that fails at one append, before or after the rows are stored."""

    def __init__(self, good: int, *, is_stored: bool) -> None:
        super().__init__()
        self._good = good
        self._is_stored = is_stored

    @override
    def append(self, append: Append, /) -> Appended:
        self._good -= 1
        if self._good != -1:
            return super().append(append)
        if self._is_stored:
            super().append(append)
        raise StoreError("The engine crashed.")

    @property
    def crashed(self) -> bool:
        return self._good < 0


def crashes(size: int) -> range:
    """Return the number of each append of an array filled item by item: one per item and per link."""
    links = {link for at in range(0, size**size, size) for link in links_to(at, size)}
    return range(size**size + len(links))


def append_all(array: Array[int], items: Iterable[int], acknowledged: dict[int, int]) -> None:
    """Append items and note their positions, even if an append fails."""
    for item in items:
        acknowledged[item] = array.append(item)


@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.parametrize("size", [2, 3])
def test_a_crash_at_any_append_loses_nothing_that_was_acknowledged(size: int, *, is_stored: bool) -> None:
    full = size**size
    for good in crashes(size):
        store = CrashingStore(good, is_stored=is_stored)
        array = numbers(store, size)
        acknowledged: dict[int, int] = {}
        with pytest.raises(StoreError, match="The engine crashed"):
            append_all(array, range(full), acknowledged)
        assert store.crashed
        after = numbers(store, size)
        end = after.next_position()
        assert acknowledged == {number: number for number in range(len(acknowledged))}
        assert end in {len(acknowledged), len(acknowledged) + is_stored}
        assert len(after) == sum(row.name == "ItemAssigned" for row in rows(store)) == end
        assert after[:] == list(after) == list(reversed(after))[::-1] == list(range(end))
        assert [after[position] for position in range(end)] == list(range(end))
        assert [after.append(number) for number in range(end, full)] == list(range(end, full))
        assert after[:] == list(after) == list(range(full))


@pytest.mark.parametrize("is_stored", [False, True])
def test_a_crash_at_any_append_of_extend_leaves_whole_base_arrays(*, is_stored: bool) -> None:
    good = 0
    while True:
        store = CrashingStore(good, is_stored=is_stored)
        array = big(store)
        with suppress(StoreError):
            array.extend(WORDS[:2])
            array.extend(WORDS[2:])
        end = len(array)
        assert array[:] == list(array) == WORDS[:end]
        assert end in {0, 2, *range(3, 28, 3)}
        if not store.crashed:
            break
        array.extend(WORDS[end:])
        assert array[:] == WORDS
        good += 1
    assert good > 20


@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.parametrize("order", [(26, 4, 13, 9, 0, 8), (0, 3, 9, 1, 20), (12, 26)])
def test_a_crash_while_items_are_assigned_anywhere_leaves_the_end_right(
    order: tuple[int, ...], *, is_stored: bool
) -> None:
    good = 0
    while True:
        store = CrashingStore(good, is_stored=is_stored)
        array = big(store)
        acknowledged: list[int] = []
        with suppress(StoreError):
            for position in order:
                array[position] = WORDS[position]
                acknowledged.append(position)
        there = sorted(acknowledged)
        if store.crashed:
            next_one = order[len(acknowledged)]
            with suppress(ArrayIndexError):
                assert array[next_one] == WORDS[next_one]
                there = sorted([*acknowledged, next_one])
        assert list(array.items()) == [(position, WORDS[position]) for position in there]
        end = max(there, default=-1) + 1
        assert len(array) == end
        if not store.crashed:
            break
        if end < CAPACITY:
            assert array.append("after") == end
            assert array[end] == array[-1] == "after"
        good += 1
    assert good > len(order)


def leave(store: RecordStore, position: int, links: Sequence[tuple[UUID, int, UUID]]) -> None:
    """Write an item and some of the links to it, as version 8 of `eventsourcing` may have left them."""
    items = EventSourcedSequences(int, store, event_name="ItemAssigned")
    linked = EventSourcedSequences(UUID, store, event_name="ArrayLinked")
    for node, index, child in links:
        linked.assign(node, index, [child], timestamp=NOW)
    start = position // 3 * 3
    items.assign(span_id(start, start + 3), position - start, [position], timestamp=NOW)


def some_of(links: list[tuple[UUID, int, UUID]]) -> list[list[tuple[UUID, int, UUID]]]:
    return [
        [link for link, is_there in zip(links, chosen, strict=True) if is_there]
        for chosen in product([False, True], repeat=len(links))
    ]


def has(store: RecordStore, link: tuple[UUID, int, UUID]) -> bool:
    node, index, child = link
    return [row.data for row in store.read(node, gte=index, lte=index)] == [f'"{child}"'.encode()]


def check_a_leftover(store: Store, position: int, left: list[tuple[UUID, int, UUID]]) -> None:
    array = numbers(store, 3)
    array.extend(range(position))
    leave(store, position, [link for link in left if not has(store, link)])
    assert array[position] == position
    assert array.append(position + 1) == position + 1
    assert array[:] == list(array) == list(range(position + 2))
    assert all(has(store, link) for link in links_to(position, 3))
    array.extend(range(position + 2, CAPACITY))
    assert array[:] == list(array) == list(reversed(array))[::-1] == list(range(CAPACITY))


@pytest.mark.parametrize("position", [0, 3, 6, 9, 12, 15, 18, 21, 24])
def test_append_finds_its_place_after_an_item_that_lacks_any_of_its_links(position: int) -> None:
    for left in some_of(links_to(position, 3)):
        check_a_leftover(MemoryStore(), position, left)


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("position", [0, 3, 9, 12])
def test_an_item_without_links_or_with_the_lowest_only_is_found(
    store: Store, position: int, count: int
) -> None:
    check_a_leftover(store, position, links_to(position, 3)[:count])


@pytest.mark.parametrize(
    ("before", "leftover", "appended"),
    [
        (3, 4, [3, 5, 6]),
        (4, 5, [6, 7]),
        (9, 11, [9, 12, 13]),
        (5, 11, [5, 6, 7, 8, 9, 12]),
        (2, 20, [*range(2, 19), 21]),
        (18, 20, [18, 21]),
    ],
)
def test_leftovers_further_on_are_kept_and_skipped(
    store: Store, before: int, leftover: int, appended: list[int]
) -> None:
    array = numbers(store, 3)
    array.extend(range(before))
    leave(store, leftover, [])
    assert [array.append(position) for position in appended] == appended
    expected = sorted([*range(before), leftover, *appended])
    assert list(array.items()) == [(position, position) for position in expected]


def beside_a_leftover(start: int) -> Iterator[BigArray[int]]:
    """Yield arrays with an item in the base array that starts at a position, and some of the links to it."""
    for offset, left in product((1, 2), some_of(links_to(start, 3))):
        store = MemoryStore()
        leave(store, start + offset, left)
        yield numbers(store, 3)


@pytest.mark.parametrize("start", [3, 9, 18])
def test_an_item_appended_beside_a_leftover_is_found(start: int) -> None:
    lost: list[tuple[int, int]] = []
    for offset, left in product((1, 2), some_of(links_to(start, 3))):
        store = MemoryStore()
        array = numbers(store, 3)
        array.extend(range(start))
        leave(store, start + offset, [link for link in left if not has(store, link)])
        position = array.append(77)
        if len(array) <= position or (position, 77) not in array.items():
            lost.append((position, len(array)))
    assert lost == []


@pytest.mark.parametrize("start", [3, 9, 12, 18, 21])
def test_an_item_assigned_beside_a_leftover_is_found(start: int) -> None:
    lost: list[int] = []
    for array in beside_a_leftover(start):
        array[start] = 77
        assert array[start] == 77
        if len(array) <= start or (start, 77) not in array.items():
            lost.append(len(array))
    assert lost == []


def test_extend_continues_after_leftovers() -> None:
    store = MemoryStore()
    array = numbers(store, 3)
    array.extend(range(9))
    leave(store, 10, [])
    array.extend([11, 12, 13])
    assert array[9:] == [None, 10, 11, 12, 13]


def test_a_leftover_is_not_overwritten_by_its_index() -> None:
    store = MemoryStore()
    array = numbers(store, 3)
    leave(store, 10, [])
    with pytest.raises(PositionTakenError):
        array[10] = 5
    assert array[10] == 10
    assert array.append(5) == 11


class StubbornStore(MemoryStore):
    """A store that breaks its laws: it says of every item that the position is taken."""

    @override
    def append(self, append: Append, /) -> Appended:
        first = append.records[0]
        if first.name == "ItemAssigned":
            raise ConcurrencyError(first.originator_id, first.position - 1, -1)
        return super().append(append)


@pytest.mark.parametrize("opens", [one, big])
def test_append_does_not_retry_forever_if_nobody_appends(opens: Opens) -> None:
    names = opens(StubbornStore())
    with pytest.raises(PositionTakenError) as caught:
        names.append("never")
    assert (caught.value.originator_id, caught.value.expected) == (ID, -1)
    assert names[:] == []


# --- the wrong size ------------------------------------------------------------------------------

TO_DO: Final = "open the array with the array_size it was written with"

USES: Final[dict[str, Callable[[BigArray[int]], object]]] = {
    "index": lambda array: array[0],
    "another index": lambda array: array[1],
    "last": lambda array: array[-1],
    "append": lambda array: array.append(5),
    "extend": lambda array: array.extend([5, 6]),
    "assign": lambda array: call(array.__setitem__, 3, 5),
    "len": len,
    "bool": bool,
    "next_position": lambda array: array.next_position(),
    "slice": lambda array: array[:],
    "slice from the start": lambda array: array[:2],
    "slice to the end": lambda array: array[1:],
    "iteration": lambda array: next(iter(array), None),
    "reversed": lambda array: next(reversed(array), None),
    "items": lambda array: next(array.items(), None),
    "in": lambda array: 77 in array,
}


def is_power(number: int, base: int) -> bool:
    while number % base == 0:
        number //= base
    return number == 1


@cache
def filled_store(size: int, count: int) -> MemoryStore:
    store = MemoryStore()
    numbers(store, size).extend(range(count))
    return store


def outcome(use: Callable[[BigArray[int]], object], count: int, size: int, other: int) -> str:
    """Return what went wrong: empty if the use was refused correctly and nothing was written."""
    store = filled_store(size, count)
    before = rows(store)
    try:
        returned = use(numbers(store, other))
    except StoredDataError as error:
        sentence = str(error)
        if TO_DO not in sentence or f"expected a link to an array of size {other}, found" not in sentence:
            return sentence
    except Exception as error:  # noqa: BLE001  # because every other error is a failure
        return f"{count} of size {size} as {other}: {type(error).__name__}: {error}"
    else:
        return f"{count} of size {size} as {other}: {returned!r}"
    finally:
        if rows(store) != before:
            filled_store.cache_clear()
    return "" if rows(store) == before else f"{count} of size {size} as {other}: rows were written"


def slipped_through(use: str, *, powers: bool) -> list[str]:
    found: list[str] = []
    for size, other, count in product(SIZES, SIZES, COUNTS):
        holds_it = count <= size**size and other**other > 3
        if size != other and holds_it and (is_power(other, size) or is_power(size, other)) is powers:
            found.append(outcome(USES[use], count, size, other))
    assert found
    return [each for each in found if each]


@pytest.mark.parametrize("use", USES)
def test_the_wrong_size_is_refused(use: str) -> None:
    assert slipped_through(use, powers=False) == []


@pytest.mark.parametrize("use", USES)
def test_a_power_of_the_size_or_a_root_of_it_is_refused_as_well(use: str) -> None:
    assert slipped_through(use, powers=True) == []


@pytest.mark.parametrize("count", [15, 100])
def test_appending_with_the_wrong_size_does_no_harm(store: Store, count: int) -> None:
    array = numbers(store, 10)
    array.extend(range(count))
    with pytest.raises(StoredDataError, match=TO_DO):
        numbers(store, 100).append(5)
    array.extend(range(count, 200))
    assert array[:] == list(range(200))


def test_the_right_size_is_accepted_for_any_number_of_items() -> None:
    for size in SIZES:
        store = MemoryStore()
        array = numbers(store, size)
        for count in COUNTS:
            if count <= size**size:
                array.extend(range(len(array), count))
                assert numbers(store, size)[:] == list(numbers(store, size)) == list(range(count))


SMALLER: Final[dict[str, Callable[[Array[str]], object]]] = {
    "append": lambda array: array.append("more"),
    "index": lambda array: array[7],
    "last": lambda array: array[-1],
    "slice": lambda array: array[3:9],
    "whole": lambda array: array[:],
    "len": len,
    "items": lambda array: list(array.items()),
    "iteration": list,
    "reversed": lambda array: list(reversed(array)),
}


@pytest.mark.parametrize("use", SMALLER)
def test_a_limit_below_what_an_array_holds_is_refused(store: Store, use: str) -> None:
    one(store).extend(WORDS[:10])
    before = rows(store)
    lower = EventSourcedArrayRepository(str, store, array_size=5)[ID]
    with pytest.raises(
        StoredDataError,
        match=r"expected at most 5 items, found position [59]; open the array with the array_size",
    ):
        SMALLER[use](lower)
    assert rows(store) == before


def test_a_foreign_row_among_the_links_is_named_as_it_is(store: Store) -> None:
    array = numbers(store, 10)
    array.extend(range(25))
    node = make_subarray_id(ID, 0, 100)
    store.append(Append([Record(node, 7, "Opened", 0, 0, b"{}")], FREE))
    with pytest.raises(
        UnknownEventError, match="expected a row named 'ArrayLinked', found one named 'Opened'"
    ):
        array[70] = 70
    assert array[:25] == list(range(25))


def test_a_foreign_row_among_the_items_is_named_as_it_is(store: Store) -> None:
    array = EventSourcedArrayRepository(int, store)[ID]
    array[1] = 5
    store.append(Append([Record(ID, 0, "Opened", 0, 0, b"{}")], FREE))
    with pytest.raises(UnknownEventError, match="found one named 'Opened'"):
        next(array.items())
    assert array[1] == 5


@pytest.mark.parametrize("kind", [EventSourcedArrayRepository[int], EventSourcedBigArrayRepository[int]])
@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("use", [0, 1, 3, 7, "append", "extend"])
def test_nothing_is_assigned_to_the_stream_of_something_else(
    store: Store, kind: type[EventSourcedArrayRepository[int]], length: int, use: int | str
) -> None:
    opened = [Record(ID, position, "Opened", 0, 0, b"{}") for position in range(length)]
    store.append(Append(opened, None))
    array = kind(int, store, array_size=10)[ID]
    calls: dict[int | str, Callable[[], object]] = {
        "append": lambda: array.append(5),
        "extend": lambda: array.extend([5, 6]),
    }
    with pytest.raises(UnknownEventError, match="found one named 'Opened'"):
        calls.get(use, lambda: array.__setitem__(int(use), 5))()
    assert rows(store) == opened


def test_an_error_with_a_number_too_long_to_write_has_a_repr() -> None:
    error = ArrayIndexError(ID, 10**50_000, "expected an item, found none")
    assert (
        repr(error)
        == f"ArrayIndexError('Array {ID}: index 2**166096 or more: expected an item, found none.')"
    )
    taken = PositionTakenError(ID, 10**50_000, 10**50_000)
    assert "expected position 2**166096 or more to be free" in repr(taken)


def test_a_higher_limit_moves_no_item_of_an_array(store: Store) -> None:
    one(store).extend(WORDS[:10])
    higher = EventSourcedArrayRepository(str, store, array_size=1_000)[ID]
    assert higher[:] == list(higher) == WORDS[:10]


# --- huge integers -------------------------------------------------------------------------------

HEIGHTS: Final = [
    *[(2, height) for height in (1, 2)],
    *[(3, height) for height in (1, 2, 3)],
    *[(10, height) for height in range(1, 11)],
    *[(1_000, height) for height in (*range(1, 60), 100, 500, 998, 999, 1_000)],
    *[(10_000, height) for height in (1, 2, 3, 4, 5, 10, 100, 1_000, 5_000, 9_998, 9_999, 10_000)],
]


def height_or_none(position: int, size: int) -> int | None:
    try:
        return tree_height(position, size)
    except PayloadError:
        return None


def test_a_tree_is_as_high_as_its_position_needs() -> None:
    for size, height in HEIGHTS:
        edge = size**height
        higher = height + 1 if height < size else None
        around = [height_or_none(edge + more, size) for more in (-1, 0, 1)]
        assert around == [height, higher, higher], (size, height)
        assert tree_height(0, size) == 1
    assert (tree_height(0, 1), height_or_none(1, 1), height_or_none(-1, 10)) == (1, None, None)


def test_no_tree_of_ten_thousand_is_higher_than_that() -> None:
    assert tree_height(GOOGOLS - 1, 10_000) == 10_000
    with pytest.raises(PayloadError, match=r"tree of arrays of size 10000, found 2\*\*132877 or more"):
        tree_height(GOOGOLS, 10_000)
    with pytest.raises(PayloadError, match="tree of arrays of size 10, found -1"):
        tree_height(-1, 10)


@pytest.mark.parametrize("index", [GOOGOLS - 1, GOOGOLS], ids=["last", "beyond"])
def test_an_index_too_long_for_str_has_a_legible_message(index: int) -> None:
    names = EventSourcedBigArrayRepository(str, MemoryStore())[ID]
    assert names.capacity == GOOGOLS
    sentence = f"Array {ID}: index 2**132877 or more: expected an item, found none."
    with pytest.raises(ArrayIndexError) as caught:
        names[index]
    assert str(caught.value) == sentence
    with pytest.raises(ArrayIndexError) as negative:
        names[-index]
    assert (
        str(negative.value)
        == f"Array {ID}: index -2**132877 or more: expected an index within the length of 0."
    )
    assert names[index : index + 3] == []


def test_a_position_beyond_every_tree_is_refused_with_a_legible_message() -> None:
    store = MemoryStore()
    names = EventSourcedBigArrayRepository(str, store)[ID]
    with pytest.raises(ArrayIndexError) as caught:
        names[GOOGOLS] = "beyond"
    finding = "expected an index below the capacity of 2**132877 or more"
    assert str(caught.value) == f"Array {ID}: index 2**132877 or more: {finding}."
    assert rows(store) == []


def test_the_last_position_of_all_can_be_assigned() -> None:
    store = MemoryStore()
    array = numbers(store, 100)
    last = 100**100 - 1
    array[last] = 5
    assert (array[last], array[-1], array.next_position() == 100**100) == (5, 5, True)
    assert list(array.items()) == list(array.items(last)) == [(last, 5)]
    assert list(array.items(last + 1)) == []
    assert array[last - 2 :] == array[last - 2 : last + 7] == array[-3:] == [None, None, 5]
    assert bool(array)
    assert 5 in array
    assert next(reversed(array)) == 5
    assert len(rows(store)) == 100 + 1
    with pytest.raises(OverflowError):
        len(array)
    with pytest.raises(ArrayIndexError, match=r"below the capacity of 2\*\*664 or more"):
        array.append(6)
    with pytest.raises(PositionTakenError, match=r"expected position 2\*\*664 or more to be free"):
        array[last] = 6
    array[0] = 4
    assert list(array.items()) == [(0, 4), (last, 5)]


def test_next_position_goes_beyond_the_limit_of_len() -> None:
    array = numbers(MemoryStore(), 100)
    array[sys.maxsize - 1] = 5
    assert len(array) == sys.maxsize
    assert array.append(6) == sys.maxsize
    assert array.next_position() == sys.maxsize + 1
    with pytest.raises(OverflowError):
        len(array)


def from_digits(text: str) -> int:
    """Parse an integer of any length, in parts that ``int`` accepts."""
    number = 0
    for at in range(0, len(text), 1_000):
        part = text[at : at + 1_000]
        number = number * 10 ** len(part) + int(part)
    return number


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        ("0", "1" + "0" * 40_000),
        ("9" * 39_996 + "0000", "1" + "0" * 40_000),
        ("1234567890" * 4_000 + "1", "9" * 40_001),
        ("7" * 1_233, "7" * 1_234),
        ("8" * 4_300, "8" * 4_301),
        ("0", "10000"),
    ],
    ids=["apex", "last base array", "all digits", "around 4096 bits", "around the limit", "short"],
)
def test_the_id_of_an_array_of_the_tree_is_made_of_decimal_text(start: str, stop: str) -> None:
    expected = uuid5(ID, f"({start}, {stop})")
    assert make_subarray_id(ID, from_digits(start), from_digits(stop)) == expected


def test_the_id_of_an_array_of_the_tree_is_that_of_the_tuple() -> None:
    for exponent in range(1_300):
        start, stop = 2**exponent - 1, 2**exponent * 3
        assert make_subarray_id(ID, start, stop) == span_id(start, stop)


# --- cost ----------------------------------------------------------------------------------------


class CountingStore(MemoryStore):
    """A store that counts the rows read, the calls that read, and the appends."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: int = 0
        self.appends: int = 0
        self.calls: int = 0
        self.streams: list[UUID] = []
        self.rival: Callable[[], object] | None = None

    def spent(self, action: Callable[[], object]) -> tuple[int, int]:
        """Return the numbers of rows read and of appends of an action."""
        self.rows = self.appends = self.calls = 0
        self.streams = []
        action()
        return self.rows, self.appends

    @override
    def append(self, append: Append, /) -> Appended:
        if self.rival is not None:
            rival, self.rival = self.rival, None
            before = self.rows, self.appends, self.calls
            rival()
            self.rows, self.appends, self.calls = before
        self.appends += 1
        return super().append(append)

    @override
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
        self.calls += 1
        self.streams.append(originator_id)
        bounds = super().read(
            originator_id, gt=gt, gte=gte, lt=lt, lte=lte, limit=limit, descending=descending
        )
        return self._counted(bounds)

    def _counted(self, found: Iterator[Record]) -> Iterator[Record]:
        for record in found:
            self.rows += 1
            yield record

    @override
    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        self.calls += 1
        self.streams.append(originator_id)
        found = super().last(originator_id)
        self.rows += found is not None
        return found


def to_the_end(height: int) -> int:
    """Return the number of rows read to find the end."""
    return height + 1


class Filled:
    """An array and a store that counts its cost."""

    def __init__(self, array_size: int, count: int, *, is_big: bool = True) -> None:
        self.store = CountingStore()
        self.array: Array[int] = (
            numbers(self.store, array_size)
            if is_big
            else EventSourcedArrayRepository(int, self.store, array_size=array_size)[ID]
        )
        self.array.extend(range(count))
        self.count = count

    def cost(self, action: Callable[[Array[int]], object]) -> tuple[int, int]:
        return self.store.spent(lambda: action(self.array))


def at(position: int) -> Callable[[Array[int]], object]:
    return lambda array: array[position]


def between(start: int, stop: int) -> Callable[[Array[int]], object]:
    return lambda array: array[start:stop]


@pytest.mark.parametrize(("size", "count"), [(10_000, 10), (10_000, 10_000), (100, 10_101)])
def test_one_item_is_one_row_however_many_there_are(size: int, count: int) -> None:
    filled = Filled(size, count)
    for position in (0, 1, count // 2, count - 1):
        assert filled.cost(at(position)) == (1, 0)
        assert filled.store.calls == 1


@pytest.mark.parametrize(
    ("size", "count", "height"),
    [
        (10_000, 10, 1),
        (10_000, 10_000, 1),
        (10_000, 10_002, 2),
        (100, 99, 1),
        (100, 101, 2),
        (100, 9_999, 2),
        (100, 10_000, 2),
        (100, 10_002, 3),
        (100, 20_050, 3),
        (10, 1_001, 4),
    ],
)
def test_a_tree_costs_what_the_table_says(size: int, count: int, height: int) -> None:
    filled = Filled(size, count)
    cost, end = filled.cost, to_the_end(height)
    assert cost(lambda array: array[-1]) == (end + 1, 0)
    assert cost(lambda array: array[-count]) == (end + 1, 0)
    assert cost(len) == (end, 0)
    assert cost(lambda array: array.next_position()) == (end, 0)
    assert cost(bool) == (end, 0)
    assert cost(lambda array: array[count - 3 : count]) == (3, 0)
    assert cost(lambda array: array[count - 3 :]) == (3 + end, 0)
    assert cost(lambda array: array[-3:]) == (3 + end, 0)
    assert cost(lambda array: array[count - 3 : count + 9]) == (3 + end, 0)
    assert cost(lambda array: array[count : count + 9]) == (end, 0)
    if count % size and (count + 1) % size:
        assert cost(lambda array: array.append(1)) == (end, 1)
        assert cost(lambda array: call(array.__setitem__, count + 1, 1)) == (height, 1)


@pytest.mark.slow
def test_a_million_items_cost_what_the_table_says() -> None:
    million = Filled(10_000, 1_000_000)
    for position in (0, 1, 500_000, 999_999):
        assert million.cost(at(position)) == (1, 0)
        assert million.store.calls == 1
    assert million.cost(lambda array: array[-1]) == (4, 0)
    assert million.cost(len) == (3, 0)
    assert million.cost(lambda array: array[499_995:500_005]) == (10, 0)
    assert million.store.calls == 2
    assert million.cost(lambda array: 25_000 in array) == (25_001 + 4, 0)


@pytest.mark.parametrize("size", [2, 3, 10])
def test_the_first_item_of_a_base_array_costs_up_to_h_rows_and_h_appends_more(size: int) -> None:
    filled = Filled(size, 0)
    for position in range(min(size**size, 1_100)):
        before = tree_height(max(position - 1, 0), size) if position else 0
        height = tree_height(position, size)
        spent, appends = filled.cost(lambda array: array.append(5))
        if position % size:
            assert (spent, appends) == (height + 1, 1)
        else:
            assert spent <= before + 1 + height
            assert 2 <= appends <= height + 1
    at_edge = Filled(size, size)
    assert at_edge.cost(lambda array: array.append(5)) == (2 + 1, 3)


@pytest.mark.parametrize("position", [0, 3, 9, 12, 18, 21, 24])
def test_an_item_assigned_first_in_its_base_array_costs_up_to_h_rows_and_appends_more(position: int) -> None:
    for before in range(position + 1):
        filled = Filled(3, before)
        height = tree_height(position, 3)
        spent, appends = filled.cost(lambda array: call(array.__setitem__, position, 5))
        assert spent <= 1 + height
        assert 1 <= appends <= 1 + height


def test_extend_costs_as_append_once_for_each_base_array() -> None:
    one_by_one, together = Filled(10, 95), Filled(10, 95)
    spent = [one_by_one.cost(lambda array: array.extend(range(5)))]
    spent += [one_by_one.cost(lambda array: array.extend(range(10))) for _ in range(3)]
    spent += [one_by_one.cost(lambda array: array.extend(range(2)))]
    in_one_go = together.cost(lambda array: array.extend(range(37)))
    assert in_one_go == (sum(read for read, _ in spent), sum(appends for _, appends in spent))
    assert spent[0] == (3, 1)
    assert together.array[95:] == [*range(5), *range(5, 37)]


def test_a_lost_race_costs_everything_again() -> None:
    filled = Filled(10, 15)
    filled.store.rival = lambda: numbers(filled.store, 10).append(77)
    assert filled.cost(lambda array: array.append(78)) == (2 * 3, 2 * 1)
    assert filled.array[15:] == [77, 78]
    single = Filled(100, 15, is_big=False)
    rival = EventSourcedArrayRepository(int, single.store, array_size=100)[ID]
    single.store.rival = lambda: rival.append(77)
    assert single.cost(lambda array: array.append(78)) == (2, 2)
    assert single.array[15:] == [77, 78]


@pytest.mark.parametrize("before", [0, 3, 9, 18])
def test_a_faster_writer_of_the_same_new_base_array_leaves_both_items(before: int) -> None:
    for at in range(4):
        filled = Filled(3, before)

        def overtaken(filled: Filled = filled, at: int = at) -> None:
            if at == 0:
                numbers(filled.store, 3).extend([70, 71, 72, 73])
            else:
                filled.store.rival = lambda: overtaken(filled, at - 1)

        filled.store.rival = overtaken
        own = filled.array.append(78)
        assert filled.array[own] == 78
        assert sorted(filled.array)[before:] in ([78], [70, 71, 72, 73, 78])


def test_a_base_array_that_a_crash_left_empty_costs_one_row_more() -> None:
    for empty in range(1, 4):
        filled = Filled(10, 15)
        linked = EventSourcedSequences(UUID, filled.store, event_name="ArrayLinked")
        for number in range(2, 2 + empty):
            child = span_id(number * 10, number * 10 + 10)
            linked.assign(span_id(0, 100), number, [child], timestamp=NOW)
        assert filled.cost(len) == (3 + empty, 0)
        assert len(filled.array) == 15


@pytest.mark.parametrize(("size", "count"), [(10, 7), (10, 95), (10, 1_234), (100, 10_050)])
def test_iteration_costs_a_row_an_item_and_one_for_each_array_of_the_tree(size: int, count: int) -> None:
    filled = Filled(size, count)
    arrays = {child for at in range(0, count, size) for _, _, child in links_to(at, size)}
    total = (count + len(arrays), 0)
    assert filled.cost(lambda array: [*iter(array.items())]) == total
    assert filled.cost(lambda array: sum(1 for _ in array)) == total
    assert filled.cost(lambda array: sum(1 for _ in reversed(array))) == total
    assert filled.cost(list) == (total[0] + to_the_end(tree_height(count - 1, size)), 0)  # `list` calls `len`
    assert filled.cost(lambda array: -5 in array) == total
    assert filled.cost(lambda array: 0 in array) == (2, 0)
    assert filled.cost(lambda array: next(reversed(array))) == (to_the_end(tree_height(count - 1, size)), 0)


def test_items_does_not_read_before_its_start() -> None:
    filled = Filled(10, 1_000)
    in_root, above = 3, 1 + 1
    assert filled.cost(lambda array: list(array.items(995))) == (5 + in_root + above, 0)
    assert span_id(0, 100) not in filled.store.streams
    assert span_id(980, 990) not in filled.store.streams


def test_a_slice_reads_the_base_arrays_that_it_spans_and_no_others() -> None:
    filled = Filled(10, 1_234)
    for start, stop in [(0, 10), (5, 15), (95, 105), (990, 1_010), (0, 100), (7, 8), (3, 3)]:
        assert filled.cost(between(start, stop)) == (stop - start, 0)
        spanned = [span_id(at, at + 10) for at in range(start // 10 * 10, stop, 10)]
        assert filled.store.streams == (spanned if stop > start else [])


def test_an_array_that_is_not_big_costs_what_the_table_says() -> None:
    filled = Filled(1_000, 500, is_big=False)
    cost = filled.cost
    assert cost(lambda array: array[250]) == (1, 0)
    assert cost(lambda array: array[-1]) == (2, 0)
    assert cost(lambda array: array[10:20]) == (10, 0)
    assert cost(lambda array: array[490:500]) == (10, 0)
    assert cost(lambda array: array[490:510]) == (11, 0)
    assert cost(lambda array: array[490:]) == (11, 0)
    assert cost(lambda array: array[:10]) == (10, 0)
    assert cost(lambda array: array[-10:]) == (11, 0)
    assert cost(lambda array: call(array.__setitem__, 600, 1)) == (1, 1)
    assert cost(lambda array: array.append(1)) == (1, 1)
    assert cost(lambda array: array.extend(range(50))) == (1, 1)
    assert cost(len) == (1, 0)
    assert cost(lambda array: array.next_position()) == (1, 0)
    assert cost(lambda array: list(array.items())) == (552, 0)
    assert cost(lambda array: -5 in array) == (552, 0)
    assert cost(lambda array: 9 in array) == (10, 0)


def test_a_slice_whose_last_position_is_a_gap_looks_for_the_end_once() -> None:
    small, tall = Filled(100, 5, is_big=False), Filled(10, 5)
    small.array[50] = tall.array[50] = 50
    assert small.cost(lambda array: array[0:10]) == (5 + 1, 0)
    assert tall.cost(lambda array: array[0:10]) == (5 + 3, 0)
    assert tall.cost(lambda array: array[0:39]) == (5 + 3, 0)


def test_an_index_without_an_item_costs_a_row_at_most() -> None:
    for filled in (Filled(10, 15), Filled(10, 0), Filled(100, 15, is_big=False)):

        def miss(array: Array[int]) -> None:
            with pytest.raises(ArrayIndexError):
                array[77]

        spent, appends = filled.cost(miss)
        assert spent <= 1
        assert appends == 0


# --- events --------------------------------------------------------------------------------------


def test_an_event_is_published_once_the_item_is_stored(store: Store, names: Array[str]) -> None:
    published: list[DomainEvent] = []
    lengths: list[tuple[int, int]] = []

    def note(events: Sequence[DomainEvent]) -> None:
        published.extend(events)
        lengths.append((len(events), len(names)))

    with using_clock(lambda: NOW), subscribe(note):
        names.append("a")
        names[4] = "b"
        names.append("c")
    expected: list[DomainEvent] = [
        ItemAssigned(ID, 0, NOW, item="a"),
        ItemAssigned(ID, 4, NOW, item="b"),
        ItemAssigned(ID, 5, NOW, item="c"),
    ]
    assert published == expected
    assert lengths == [(1, 1), (1, 5), (1, 6)]
    assert {row.timestamp for row in rows(store)} == {int(NOW.timestamp()) * 1_000_000}


def test_extend_publishes_each_item_once_in_the_order_of_the_positions(names: Array[str]) -> None:
    published: list[DomainEvent] = []
    names.append(WORDS[0])
    with using_clock(lambda: NOW), subscribe(published.extend):
        names.extend(WORDS[1:])
    expected: list[DomainEvent] = [
        ItemAssigned(ID, at, NOW, item=word) for at, word in enumerate(WORDS) if at
    ]
    assert published == expected


def test_the_items_of_one_stream_are_one_batch() -> None:
    batches: list[int] = []
    with subscribe(lambda events: batches.append(len(events))):
        big(MemoryStore()).extend(WORDS[:7])
        one(MemoryStore()).extend(WORDS[:7])
    assert batches == [3, 3, 1, 7]


def test_nothing_is_published_if_the_assignment_failed(names: Array[str]) -> None:
    names.append("first")
    published: list[DomainEvent] = []
    with subscribe(published.extend):
        with pytest.raises(PositionTakenError):
            names[0] = "other"
        with pytest.raises(ArrayIndexError):
            names[CAPACITY] = "beyond"
        with pytest.raises(PayloadError):
            call(names.append, 5)
        with pytest.raises(PayloadError):
            call(names.__setitem__, 12, 5)
        names.extend([])
    assert published == []


def test_nothing_is_published_if_the_store_failed() -> None:
    published: list[DomainEvent] = []
    for good in range(2):
        with subscribe(published.extend), pytest.raises(StoreError):
            big(CrashingStore(good, is_stored=True)).append("first")
    assert published == []


def test_a_subscriber_that_raises_a_conflict_does_not_store_the_item_twice(
    store: Store, names: Array[str]
) -> None:
    for error in (ConcurrencyError(ID, 0, 1), PositionTakenError(ID, 0, 1)):

        def refuse(events: Sequence[DomainEvent], error: ConcurrencyError = error) -> None:
            raise error

        end = len(names)
        with subscribe(refuse):
            with pytest.raises(PublishError) as by_append:
                names.append("once")
            with pytest.raises(PublishError) as by_extend:
                names.extend(["twice"])
            with pytest.raises(PublishError) as by_index:
                names[end + 2] = "thrice"
        for caught in (by_append, by_extend, by_index):
            assert caught.value.exceptions == (error,)
        assert names[end:] == ["once", "twice", "thrice"]
    assert sum(row.name == "ItemAssigned" for row in rows(store)) == 6
