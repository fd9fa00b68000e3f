"""Sequences: items of any type at positions of streams, one row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import ClassVar, Final, Generic, Protocol, TypedDict, TypeVar, cast
from uuid import UUID

import pytest
from attrs import field, frozen, validators
from typing_extensions import TypeForm

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    Codec,
    ConcurrencyError,
    EventSourcedArrayRepository,
    EventSourcedBigArrayRepository,
    EventSourcedRepository,
    IntegrityError,
    PayloadError,
    TypeHook,
    applies,
    upcasts,
)
from esmodel.exceptions import (
    ClassVersionError,
    StoredDataError,
    UnknownEventError,
    UnsupportedTypeError,
)
from esmodel.repositories import EventSourcedSequences
from esmodel.rows import FREE, Append, Record, RecordStore, SupportsReadAll
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.structures import (
    ArrayRepository,
    BigArrayRepository,
    SequencedItem,
    Sequences,
    make_subarray_id,
)

T = TypeVar("T")
ID: Final = UUID(int=11)
OTHER: Final = UUID(int=12)
NOW: Final = datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=UTC)
MICROSECONDS: Final = int(NOW.timestamp()) * 1_000_000 + 5


class Store(RecordStore, SupportsReadAll, Protocol):
    """The capabilities of both stores."""

    def close(self) -> None: ...


def memory(_: Path) -> Store:
    return MemoryStore()


def sqlite(folder: Path) -> Store:
    return SQLiteStore(folder / "events.db", synchronous="NORMAL")


@pytest.fixture(params=[memory, sqlite])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    open_store: Callable[[Path], Store] = request.param
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@frozen
class Card:
    number: str
    limit: Decimal | None = None


@frozen
class Cash:
    cents: int


@frozen(kw_only=True)
class Order:
    id: UUID
    paid: Card | Cash
    lines: tuple[Cash, ...]
    notes: dict[str, list[Cash]]


@frozen
class Box(Generic[T]):
    held: T
    more: list[T]


@frozen
class Checked:
    stored_name: ClassVar[str] = "Checked"
    cents: int = field(validator=validators.ge(0))


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def call(method: object, *arguments: object, **named: object) -> object:
    """Call a function with arguments that type checkers reject."""
    assert callable(method)
    returned: object = method(*arguments, **named)
    return returned


def arrays_of(repository: object, item_type: object, store: Store) -> ArrayRepository[object]:
    """Return a repository for a type that the checker does not know."""
    made = call(repository, item_type, store)
    return cast("ArrayRepository[object]", made)  # because `item_type` is a value here


def rows(store: SupportsReadAll) -> list[Record]:
    return [record for _, record in store.read_all()]


def words(store: RecordStore) -> EventSourcedSequences[str]:
    return EventSourcedSequences(str, store, event_name="Noted")


# --- laws ----------------------------------------------------------------------------------------


def test_it_has_the_shape_of_sequences(store: Store) -> None:
    sequences: Sequences[str] = words(store)
    sequences.assign(ID, 0, ["first"], timestamp=NOW)
    assert list(sequences.read(ID, gte=0, lt=1)) == [SequencedItem(0, MICROSECONDS, "first")]


def test_repositories_have_the_shape_of_their_protocols(store: Store) -> None:
    small: ArrayRepository[str] = EventSourcedArrayRepository(str, store, array_size=5)
    large: BigArrayRepository[str] = EventSourcedBigArrayRepository(str, store, array_size=6)
    assert (small.array_size, large.array_size) == (5, 6)
    assert (small[ID].capacity, large[ID].capacity) == (5, 6**6)


def test_a_row_holds_the_item_and_nothing_else(store: Store) -> None:
    words(store).assign(ID, 4, ["a", "b"], timestamp=NOW)
    assert rows(store) == [
        Record(ID, 4, "Noted", 0, MICROSECONDS, b'"a"'),
        Record(ID, 5, "Noted", 0, MICROSECONDS, b'"b"'),
    ]


def test_items_are_read_within_the_bounds_in_either_order(store: Store) -> None:
    sequences = words(store)
    for position in (0, 1, 3, 6, 7):
        sequences.assign(ID, position, [f"at {position}"], timestamp=NOW)
    sequences.assign(OTHER, 2, ["elsewhere"], timestamp=NOW)

    def read(*, gte: int = 0, lt: int = 10, limit: int | None = None, descending: bool = False) -> list[int]:
        found = list(sequences.read(ID, gte=gte, lt=lt, limit=limit, descending=descending))
        assert [each.item for each in found] == [f"at {each.position}" for each in found]
        return [each.position for each in found]

    assert read() == [0, 1, 3, 6, 7]
    assert read(gte=1, lt=7) == [1, 3, 6]
    assert read(gte=2, lt=3) == read(gte=7, lt=7) == read(gte=8) == read(lt=0) == read(limit=0) == []
    assert read(gte=1, limit=2) == [1, 3]
    assert read(descending=True) == [7, 6, 3, 1, 0]
    assert read(lt=7, limit=2, descending=True) == [6, 3]


def test_last_is_the_highest_position(store: Store) -> None:
    sequences = words(store)
    assert sequences.last(ID) is None
    for position, last in [(5, 5), (2, 5), (9, 9)]:
        sequences.assign(ID, position, ["item"], timestamp=NOW)
        assert sequences.last(ID) == last
    assert sequences.last(OTHER) is None


def test_items_are_stored_together_or_not_at_all(store: Store) -> None:
    sequences = words(store)
    sequences.assign(ID, 2, ["taken"], timestamp=NOW)
    before = rows(store)
    with pytest.raises(ConcurrencyError) as caught:
        sequences.assign(ID, 0, ["a", "b", "c", "d"], timestamp=NOW)
    assert (caught.value.originator_id, caught.value.expected, caught.value.found) == (ID, -1, 2)
    with pytest.raises(PayloadError, match=r"expected str, found int 5"):
        call(sequences.assign, ID, 0, ["a", 5], timestamp=NOW)
    assert rows(store) == before


def test_assigning_no_items_stores_nothing(store: Store) -> None:
    words(store).assign(ID, 0, [], timestamp=NOW)
    assert rows(store) == []


def test_check_refuses_what_assign_would_and_writes_nothing(store: Store) -> None:
    sequences = words(store)
    sequences.check(["a", "b"])
    with pytest.raises(PayloadError, match=r"expected str, found int 5"):
        call(sequences.check, ["a", 5])
    assert rows(store) == []


# --- types of items ------------------------------------------------------------------------------


def comes_back(folder: Path, item_type: TypeForm[T], items: list[T], codec: Codec | None = None) -> None:
    """Check that items are read from a reopened file as they were written, by each way of reading."""
    codec = Codec() if codec is None else codec
    path = folder / "events.db"
    with SQLiteStore(path, synchronous="NORMAL") as store:
        EventSourcedBigArrayRepository(item_type, store, array_size=2, codec=codec)[ID].extend(items)
        EventSourcedArrayRepository(item_type, store, codec=codec)[OTHER].extend(items)
    with SQLiteStore(path, synchronous="NORMAL") as store:
        large = EventSourcedBigArrayRepository(item_type, store, array_size=2, codec=codec)[ID]
        small = EventSourcedArrayRepository(item_type, store, codec=codec)[OTHER]
        for array in (large, small):
            by_index = [array[position] for position in range(len(items))]
            for found in (by_index, array[:], list(array), [item for _, item in array.items()]):
                assert found == items
                assert list(map(repr, found)) == list(map(repr, items))
                assert [type(each) for each in found] == [type(each) for each in items]


def test_text_comes_back(tmp_path: Path) -> None:
    comes_back(tmp_path, str, ["", "Gr\u00fc\u00dfe \U0001f600", "\0", '"null"'])


def test_optional_numbers_come_back(tmp_path: Path) -> None:
    comes_back(tmp_path, int | None, [None, 0, -5, 2**60])


def test_decimals_come_back_with_their_digits(tmp_path: Path) -> None:
    comes_back(tmp_path, Decimal, [Decimal("1.50"), Decimal("1e-30"), Decimal(-7), Decimal("Infinity")])


def test_ids_come_back(tmp_path: Path) -> None:
    comes_back(tmp_path, UUID, [ID, UUID(int=0), UUID(int=2**128 - 1)])


def test_times_come_back_to_the_microsecond(tmp_path: Path) -> None:
    times = [NOW, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    comes_back(tmp_path, datetime, times)


def test_times_of_another_zone_come_back_as_the_same_moment(store: Store) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    array = EventSourcedArrayRepository(datetime, store)[ID]
    array.append(there)
    assert array[0] == there == NOW
    assert array[0].utcoffset() is not None


def test_dates_and_lengths_of_time_come_back(tmp_path: Path) -> None:
    comes_back(tmp_path, tuple[date, timedelta], [(date(2026, 11, 23), timedelta(microseconds=1))])


def test_tuples_come_back(tmp_path: Path) -> None:
    comes_back(tmp_path, tuple[int, str], [(1, "a"), (-2, "")])


def test_lists_come_back(tmp_path: Path) -> None:
    comes_back(tmp_path, list[int], [[], [1], [3, 2, 1]])


def test_truth_floats_bytes_and_enums_come_back(tmp_path: Path) -> None:
    kinds = [(True, 0.1, b"\0\xff", Colour.RED), (False, float("-inf"), b"", Colour.BLUE)]
    comes_back(tmp_path, tuple[bool, float, bytes, Colour], kinds)


def test_frozen_sets_come_back(tmp_path: Path) -> None:
    comes_back(tmp_path, frozenset[int], [frozenset(), frozenset({3})])


def test_attrs_classes_come_back(tmp_path: Path) -> None:
    comes_back(tmp_path, Card, [Card("1"), Card("2", Decimal("0.50"))])


def test_nested_attrs_classes_come_back(tmp_path: Path) -> None:
    orders = [
        Order(id=ID, paid=Card("1", Decimal(5)), lines=(), notes={}),
        Order(id=OTHER, paid=Cash(7), lines=(Cash(1), Cash(2)), notes={"a": [Cash(3)], "": []}),
    ]
    comes_back(tmp_path, Order, orders)


def test_generic_attrs_classes_come_back(tmp_path: Path) -> None:
    comes_back(tmp_path, Box[int], [Box(1, []), Box(2, [3])])


def test_generic_attrs_classes_of_attrs_classes_come_back(tmp_path: Path) -> None:
    comes_back(tmp_path, Box[Box[Card]], [Box(Box(Card("1"), [Card("2")]), [])])


def test_sum_types_come_back_as_the_member_that_was_given(tmp_path: Path) -> None:
    payments: list[Card | Cash] = [Cash(5), Card("1"), Card("2", Decimal(7)), Cash(0)]
    comes_back(tmp_path, Card | Cash, payments)


def test_optional_sum_types_come_back(tmp_path: Path) -> None:
    payments: list[Card | Cash | None] = [None, Cash(5), Card("1")]
    comes_back(tmp_path, Card | Cash | None, payments)


def test_sum_types_in_other_types_come_back(tmp_path: Path) -> None:
    batches: list[list[Card | Cash]] = [[], [Cash(5), Card("1")]]
    comes_back(tmp_path, list[Card | Cash], batches)


def test_a_type_with_a_hook_comes_back(tmp_path: Path) -> None:
    codec = Codec(TypeHook(complex, encode=str, decode=complex))
    comes_back(tmp_path, complex, [1j, 2 - 3j], codec)


def test_a_type_with_a_hook_comes_back_inside_another(tmp_path: Path) -> None:
    codec = Codec(TypeHook(complex, encode=str, decode=complex))
    comes_back(tmp_path, tuple[complex | None, str], [(1j, "a"), (None, "b")], codec)


def test_validators_do_not_run_on_stored_items(store: Store) -> None:
    array = EventSourcedArrayRepository(Checked, store)[ID]
    array.append(Checked(5))
    store.append(Append([Record(ID, 1, "ItemAssigned", 0, 0, b'{"cents":-5}')], FREE))
    assert [found.cents for found in array] == [5, -5]


@pytest.mark.parametrize(
    ("item_type", "wrong"),
    [
        (str, 5),
        (int, "5"),
        (int, True),
        (int | None, "5"),
        (UUID, "no id"),
        (Decimal, "no number"),
        (datetime, datetime(2026, 11, 23).isoformat() + " no time"),  # noqa: DTZ001  # because it is wrong on purpose
        (tuple[int, str], (1, 2)),
        (tuple[int, str], (1,)),
        (list[int], ["a"]),
        (list[int], 5),
        (Card, Cash(5)),
        (Card, {"number": "1"}),
        (Box[int], Box("a", [])),
        (Card | Cash, Checked(5)),
        (Card | Cash, None),
        (Colour, "green"),
    ],
)
def test_an_item_of_another_type_is_refused(store: Store, item_type: object, wrong: object) -> None:
    for repository in (EventSourcedArrayRepository, EventSourcedBigArrayRepository):
        array = arrays_of(repository, item_type, store)[ID]
        with pytest.raises(PayloadError, match=r"expected .*, found"):
            array.append(wrong)
    assert rows(store) == []


@pytest.mark.parametrize(
    ("item_type", "wrong"),
    [
        (str, ID),
        (str, Decimal("1.5")),
        (str, NOW),
        (str, Colour.RED),
        (UUID, str(ID)),
        (Decimal, "1.5"),
        (datetime, "2026-11-23T12:00:00Z"),
        (list[int], (1, 2)),
        (tuple[int, str], [1, "a"]),
    ],
)
def test_an_item_of_another_type_with_the_same_json_is_refused(
    store: Store, item_type: object, wrong: object
) -> None:
    array = arrays_of(EventSourcedArrayRepository, item_type, store)[ID]
    with pytest.raises(PayloadError):
        array.append(wrong)
    assert rows(store) == []


class Loose:
    """A class that the codec cannot carry."""


@frozen
class Holder:
    held: Loose


@pytest.mark.parametrize(
    "item_type", [object, complex, Loose, Holder, list[Loose], Card | Loose, Loose | None, Box, list]
)
@pytest.mark.parametrize("repository", [EventSourcedArrayRepository, EventSourcedBigArrayRepository])
def test_a_type_that_cannot_be_carried_is_refused_at_once(repository: object, item_type: object) -> None:
    with pytest.raises(UnsupportedTypeError):
        call(repository, item_type, MemoryStore())


# --- upcasting -----------------------------------------------------------------------------------


class Cents(TypedDict):
    cents: int


@frozen
class Paid:
    """An item at class version 1."""

    cents: int


@frozen
class Priced:
    """An item at class version 2, the current one."""

    cents: int
    currency: str


def units_to_cents(old: int) -> Cents:
    return {"cents": old * 100}


def add_currency(old: Cents) -> Priced:
    return Priced(old["cents"], "EUR")


def units_to_paid(old: int) -> Paid:
    return Paid(old * 100)


def oldest(store: RecordStore) -> EventSourcedBigArrayRepository[int]:
    return EventSourcedBigArrayRepository(int, store, array_size=2)


def older(store: RecordStore) -> EventSourcedBigArrayRepository[Paid]:
    return EventSourcedBigArrayRepository(Paid, store, array_size=2, upcaster=upcasts(units_to_paid))


def newest(store: RecordStore) -> EventSourcedBigArrayRepository[Priced]:
    upcaster = upcasts(units_to_cents).then(add_currency)
    return EventSourcedBigArrayRepository(Priced, store, array_size=2, upcaster=upcaster)


def test_items_of_every_class_version_are_read_in_the_current_shape(store: Store) -> None:
    oldest(store)[ID].append(5)
    older(store)[ID].append(Paid(600))
    newest(store)[ID].append(Priced(700, "CHF"))
    stored = [(row.class_version, row.data) for row in rows(store) if row.name == "ItemAssigned"]
    assert stored == [(0, b"5"), (1, b'{"cents":600}'), (2, b'{"cents":700,"currency":"CHF"}')]
    array = newest(store)[ID]
    expected = [Priced(500, "EUR"), Priced(600, "EUR"), Priced(700, "CHF")]
    assert array[:] == list(array) == list(reversed(array))[::-1] == expected
    assert [array[position] for position in range(3)] == expected
    assert Priced(500, "EUR") in array
    assert older(store)[ID][:2] == [Paid(500), Paid(600)]


def test_links_know_no_class_version(store: Store) -> None:
    newest(store)[ID].append(Priced(700, "CHF"))
    assert [row.class_version for row in rows(store) if row.name == "ArrayLinked"] == [0]


def test_an_item_that_is_newer_than_the_code_is_refused(store: Store) -> None:
    newest(store)[ID].append(Priced(700, "CHF"))
    base = make_subarray_id(ID, 0, 2)
    with pytest.raises(ClassVersionError, match="class version 1 or older, found 2") as caught:
        older(store)[ID][0]
    assert (caught.value.originator_id, caught.value.position) == (base, 0)
    with pytest.raises(ClassVersionError, match="class version 0 or older, found 2"):
        oldest(store)[ID][:]
    assert len(oldest(store)[ID]) == 1


def test_an_item_of_a_class_version_below_zero_is_refused(store: Store) -> None:
    store.append(Append([Record(ID, 0, "Noted", -1, 0, b'"a"')], FREE))
    with pytest.raises(ClassVersionError):
        list(words(store).read(ID, gte=0, lt=1))


@pytest.mark.parametrize("data", [b'"five"', b"{}", b"", b"5.5", b"null"])
def test_an_old_item_that_a_step_does_not_take_is_damaged(store: Store, data: bytes) -> None:
    store.append(Append([Record(ID, 0, "ItemAssigned", 0, 0, data)], FREE))
    upcaster = upcasts(units_to_cents).then(add_currency)
    array = EventSourcedArrayRepository(Priced, store, upcaster=upcaster)[ID]
    with pytest.raises(
        StoredDataError, match="expected an item in the row 'ItemAssigned' that fits its type"
    ) as caught:
        array[0]
    assert (caught.value.originator_id, caught.value.position) == (ID, 0)


def by_key(old: dict[str, int]) -> Paid:
    return Paid(1_000 // old["units"])


@pytest.mark.parametrize("data", [b'{"other":5}', b'{"units":0}'])
def test_a_step_that_fails_on_an_old_item_names_the_row(store: Store, data: bytes) -> None:
    store.append(
        Append(
            [Record(ID, 0, "ItemAssigned", 0, 0, b'{"units":5}'), Record(ID, 1, "ItemAssigned", 0, 0, data)],
            FREE,
        )
    )
    array = EventSourcedArrayRepository(Paid, store, upcaster=upcasts(by_key))[ID]
    assert array[0] == Paid(200)
    with pytest.raises(StoredDataError) as caught:
        array[:]
    assert caught.value.position == 1


def card_or_cash(old: dict[str, int]) -> Card | Cash:
    return Cash(old["cents"]) if "cents" in old else Card(str(old["number"]))


def test_a_step_may_make_a_sum_type(store: Store) -> None:
    store.append(Append([
        Record(ID, 0, "ItemAssigned", 0, 0, b'{"cents":5}'),
        Record(ID, 1, "ItemAssigned", 0, 0, b'{"number":7}'),
    ], FREE))  # fmt: skip
    payments = EventSourcedArrayRepository(Card | Cash, store, upcaster=upcasts(card_or_cash))[ID]
    payments.append(Cash(6))
    assert payments[:] == [Cash(5), Card("7"), Cash(6)]


# --- rows that do not fit ------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"5", b"null", b'"open', b"{}", b'"a" "b"', b"\xff", b'["a"]'])
def test_bytes_that_do_not_decode_name_the_row(store: Store, data: bytes) -> None:
    store.append(
        Append(
            [Record(ID, 0, "ItemAssigned", 0, 0, b'"good"'), Record(ID, 1, "ItemAssigned", 0, 0, data)], FREE
        )
    )
    array = EventSourcedArrayRepository(str, store)[ID]
    assert array[0] == next(iter(array)) == "good"
    assert len(array) == 2
    with pytest.raises(
        StoredDataError, match="expected an item in the row 'ItemAssigned' that fits its type"
    ) as caught:
        array[1]
    assert isinstance(caught.value, IntegrityError)
    assert (caught.value.originator_id, caught.value.position) == (ID, 1)
    with pytest.raises(StoredDataError):
        array[:]
    with pytest.raises(StoredDataError):
        list(array.items())


@pytest.mark.parametrize(
    "data",
    [b"{}", b'{"Card":{"number":"1"},"Cash":{"cents":1}}', b'{"Coin":{}}', b'{"Cash":5}', b"5", b"null"],
)
def test_bytes_outside_a_sum_type_name_the_row(store: Store, data: bytes) -> None:
    store.append(Append([Record(ID, 0, "ItemAssigned", 0, 0, data)], FREE))
    with pytest.raises(StoredDataError) as caught:
        EventSourcedArrayRepository(Card | Cash, store)[ID][0]
    assert caught.value.position == 0


@pytest.mark.parametrize("data", [b"", b"5", b'"no id"', b"null"])
def test_a_link_without_an_id_names_the_row(store: Store, data: bytes) -> None:
    items = make_subarray_id(ID, 0, 10)
    store.append(Append([Record(ID, 0, "ArrayLinked", 0, 0, data)], FREE))
    store.append(Append([Record(items, 0, "ItemAssigned", 0, 0, b'"first"')], FREE))
    array = EventSourcedBigArrayRepository(str, store, array_size=10)[ID]
    assert array[0] == "first"
    with pytest.raises(
        StoredDataError, match="expected an item in the row 'ArrayLinked' that fits its type"
    ) as caught:
        array[10] = "far"
    assert (caught.value.originator_id, caught.value.position) == (ID, 0)


def test_a_link_to_another_array_is_refused(store: Store) -> None:
    store.append(Append([Record(ID, 0, "ArrayLinked", 0, 0, f'"{OTHER}"'.encode())], FREE))
    array = EventSourcedBigArrayRepository(str, store, array_size=10)[ID]
    with pytest.raises(
        StoredDataError, match=f"expected a link to an array of size 10, found one to {OTHER}"
    ):
        array[0]
    with pytest.raises(StoredDataError, match="open the array with the array_size it was written with"):
        array.append("first")
    assert len(rows(store)) == 1


def test_a_link_within_the_tree_to_another_array_is_refused(store: Store) -> None:
    array = EventSourcedBigArrayRepository(str, store, array_size=10)[ID]
    array.extend(["item"] * 11)
    node = make_subarray_id(ID, 0, 100)
    store.append(Append([Record(node, 2, "ArrayLinked", 0, 0, f'"{OTHER}"'.encode())], FREE))
    before = rows(store)
    with pytest.raises(StoredDataError, match=f"found one to {OTHER}") as caught:
        array[25] = "item"
    assert (caught.value.originator_id, caught.value.position) == (node, 2)
    assert rows(store) == before


@frozen(kw_only=True)
class Opened(AggregateEvent):
    owner: str


class Account(AggregateRoot[Opened]):
    @applies
    def opened(self, event: Opened) -> None:
        """Change nothing."""

    apply = opened.exhaustive


def test_the_stream_of_an_aggregate_is_refused_as_an_array(store: Store) -> None:
    EventSourcedRepository(Account, store).save(Account.create_with_id(ID, Opened, owner="Ada"))
    before = rows(store)
    array = EventSourcedArrayRepository(str, store)[ID]
    with pytest.raises(
        UnknownEventError, match="expected a row named 'ItemAssigned', found one named 'Opened'"
    ) as caught:
        array[0]
    with pytest.raises(UnknownEventError):
        next(array.items())
    assert (caught.value.originator_id, caught.value.position) == (ID, 0)
    large = EventSourcedBigArrayRepository(str, store)[ID]
    with pytest.raises(
        UnknownEventError, match="expected a row named 'ArrayLinked', found one named 'Opened'"
    ):
        large[0]
    with pytest.raises(UnknownEventError):
        large.append("item")
    with pytest.raises(UnknownEventError):
        large[0] = "item"
    with pytest.raises(UnknownEventError):
        len(large)
    assert rows(store) == before


def test_an_array_does_not_append_to_rows_of_another_name(store: Store) -> None:
    accounts = EventSourcedRepository(Account, store)
    accounts.save(Account.create_with_id(ID, Opened, owner="Ada"))
    EventSourcedBigArrayRepository(str, store)[OTHER].append("item")
    before = rows(store)
    for array_id in (ID, OTHER):
        with pytest.raises(UnknownEventError):
            EventSourcedArrayRepository(str, store)[array_id].append("item")
    assert rows(store) == before


def test_arrays_and_big_arrays_refuse_each_others_streams(store: Store) -> None:
    EventSourcedArrayRepository(str, store)[ID].append("item")
    EventSourcedBigArrayRepository(str, store)[OTHER].append("item")
    before = rows(store)
    with pytest.raises(UnknownEventError, match="expected a row named 'ArrayLinked'"):
        EventSourcedBigArrayRepository(str, store)[ID].append("item")
    with pytest.raises(UnknownEventError, match="expected a row named 'ItemAssigned'"):
        EventSourcedArrayRepository(str, store)[OTHER][0]
    assert rows(store) == before


@pytest.mark.parametrize(
    "repository", [EventSourcedArrayRepository[str], EventSourcedBigArrayRepository[str]]
)
def test_the_stored_name_of_the_rows_can_be_set(
    store: Store,
    repository: type[EventSourcedArrayRepository[str] | EventSourcedBigArrayRepository[str]],
) -> None:
    repository(str, store, event_name="NameGiven")[ID].extend(["Ada", "Grace"])
    names = [row.name for row in rows(store) if row.name != "ArrayLinked"]
    assert names == ["NameGiven", "NameGiven"]
    assert repository(str, store, event_name="NameGiven")[ID][:] == ["Ada", "Grace"]
    with pytest.raises(
        UnknownEventError, match="expected a row named 'ItemAssigned', found one named 'NameGiven'"
    ):
        repository(str, store)[ID][0]
