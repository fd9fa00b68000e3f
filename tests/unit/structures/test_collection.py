"""Collections: event-sourced sets, in memory and in stores."""

# A class with one more event has an `apply` of another type than its base. That is safe, because nobody
# assigns to `apply` again. The check is not part of `mypy --strict`.
# mypy: disable-error-code="mutable-override"

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias, TypeVar
from uuid import UUID, uuid4

import pytest
from attrs import define, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from profiles import examples

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    Collection,
    ConcurrencyError,
    DomainEvent,
    EntityIsDiscarded,
    EsmodelError,
    EventSourcedRepository,
    ModelError,
    PayloadError,
    RepositoryKeyError,
    applies,
    subscribe,
    using_clock,
)
from esmodel.exceptions import (
    CollectionItemError,
    StoredDataError,
    UnknownEventError,
    UnsupportedTypeError,
)
from esmodel.model import CreatedEvent
from esmodel.model.events import stored_name_of
from esmodel.repositories import SnapshotWarning
from esmodel.rows import FREE, Append, Record, SnapshottingRecordStore
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.structures import (
    CollectionCreated,
    CollectionRepository,
    ItemAdded,
    ItemRemoved,
    register_new_collection,
)

T = TypeVar("T", bound=Hashable)
STREAM: Final = UUID(int=12)
MOMENT: Final = datetime(2026, 11, 23, tzinfo=UTC)


class Store(SnapshottingRecordStore, Protocol):
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
class Article:
    name: str
    price: Decimal


@frozen
class Card:
    number: str


@frozen
class Cash:
    cents: int


Payment: TypeAlias = Card | Cash


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Tags(Collection[str]):
    """A subclass without fields of its own."""

    def longest(self) -> str:
        return max(self, key=len)


def tags_of(*items: str) -> Collection[str]:
    tags = Collection[str].register(STREAM)
    for item in items:
        tags.add_item(item)
    return tags


# --- a set -----------------------------------------------------------------------------------------


def test_a_new_collection_is_empty() -> None:
    tags = Collection[str].register()
    assert tags.items == frozenset()
    assert list(tags) == []
    assert len(tags) == 0
    assert "red" not in tags
    assert not tags


def test_an_added_item_is_in_it() -> None:
    tags = tags_of("red", "green")
    assert tags.items == {"red", "green"}
    assert sorted(tags) == ["green", "red"]
    assert len(tags) == 2
    assert "red" in tags
    assert "blue" not in tags


def test_a_removed_item_is_not_in_it() -> None:
    tags = tags_of("red", "green")
    tags.remove_item("red")
    assert tags.items == {"green"}
    assert "red" not in tags
    assert len(tags) == 1


def test_a_removed_item_can_be_added_again() -> None:
    tags = tags_of("red")
    tags.remove_item("red")
    tags.add_item("red")
    assert tags.items == {"red"}
    assert tags.version == 3


def test_the_items_are_a_copy() -> None:
    tags = tags_of("red")
    before = tags.items
    assert isinstance(before, frozenset)
    tags.add_item("green")
    tags.remove_item("red")
    assert before == {"red"}


def test_iteration_goes_over_the_items_as_they_were_when_it_began() -> None:
    tags = tags_of("red", "green")
    for tag in tags:
        tags.add_item(f"{tag} again")
        tags.remove_item(tag)
    assert tags.items == {"red again", "green again"}


def test_two_collections_share_nothing() -> None:
    one, other = Collection[str].register(), Collection[str].register()
    one.add_item("red")
    assert other.items == frozenset()
    assert one.id != other.id


@pytest.mark.parametrize("item", [["red"], {"red"}, {}, ("red", []), bytearray(b"red")])
def test_an_unhashable_object_is_not_in_it(item: object) -> None:
    assert item not in tags_of("red")


@pytest.mark.parametrize("item", [None, 5, b"red", ("red",), Article("red", Decimal(1))])
def test_an_object_of_another_type_is_not_in_it(item: object) -> None:
    assert item not in tags_of("red")


def test_a_falsy_item_is_an_item() -> None:
    numbers = Collection[int | str | None].register()
    numbers.add_item(None)
    numbers.add_item("")
    numbers.add_item(0)
    assert numbers.items == {None, "", 0}
    assert None in numbers
    numbers.remove_item(None)
    assert numbers.items == {"", 0}


def test_a_collection_is_equal_by_its_state() -> None:
    with using_clock(lambda: MOMENT):
        one, other = tags_of("red", "green"), tags_of("red", "green")
        assert one == other
        other.remove_item("green")
        assert one != other


def test_a_collection_cannot_be_an_item() -> None:
    with pytest.raises(TypeError):
        hash(tags_of("red"))
    assert tags_of("red") not in tags_of("red")


# --- no change -------------------------------------------------------------------------------------


def test_adding_an_item_twice_triggers_nothing() -> None:
    tags = tags_of("red")
    before = tags.pending_events
    tags.add_item("red")
    assert tags.pending_events == before
    assert (tags.version, len(tags)) == (1, 1)


def test_numbers_that_are_equal_are_one_item() -> None:
    numbers = Collection[int].register()
    numbers.add_item(1)
    numbers.add_item(True)  # noqa: FBT003  # because it is equal to 1
    assert (len(numbers), numbers.version) == (1, 1)
    assert [type(number) for number in numbers] == [int]
    assert True in numbers
    assert 1.0 in numbers
    assert Decimal(1) in numbers
    numbers.remove_item(True)  # noqa: FBT003  # because it is equal to 1
    assert len(numbers) == 0


def test_a_float_that_equals_a_whole_number_is_one_item_with_it() -> None:
    numbers = Collection[float].register()
    numbers.add_item(1)
    numbers.add_item(1.0)
    numbers.add_item(1.5)
    assert numbers.items == {1, 1.5}
    assert numbers.version == 2


def test_values_that_are_equal_are_one_item() -> None:
    articles = Collection[Article].register()
    articles.add_item(Article("book", Decimal("9.50")))
    articles.add_item(Article("book", Decimal("9.5")))
    assert (len(articles), articles.version) == (1, 1)
    articles.remove_item(Article("book", Decimal("9.500")))
    assert (len(articles), articles.version) == (0, 2)


def test_the_item_that_came_first_stays() -> None:
    prices = Collection[Decimal].register()
    prices.add_item(Decimal("1.50"))
    prices.add_item(Decimal("1.5"))
    assert [str(price) for price in prices] == ["1.50"]


# --- refusals --------------------------------------------------------------------------------------


def test_removing_an_absent_item_is_an_error_and_triggers_nothing() -> None:
    tags = tags_of("red")
    before = tags.pending_events
    with pytest.raises(CollectionItemError) as caught:
        tags.remove_item("green")
    assert tags.pending_events == before
    assert tags.items == {"red"}
    assert tags.version == 1
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, EsmodelError)
    assert (caught.value.originator_id, caught.value.item) == (STREAM, "green")


def test_removing_twice_is_an_error() -> None:
    tags = tags_of("red")
    tags.remove_item("red")
    with pytest.raises(KeyError):
        tags.remove_item("red")
    assert tags.version == 2


def test_the_error_of_an_item_is_a_sentence() -> None:
    with pytest.raises(CollectionItemError) as caught:
        tags_of().remove_item("green")
    assert str(caught.value) == f"Collection {STREAM}: expected an item of the collection, found 'green'."


def test_the_error_of_an_item_pickles() -> None:
    articles = Collection[Article].register(STREAM)
    with pytest.raises(CollectionItemError) as caught:
        articles.remove_item(Article("book", Decimal(1)))
    copy: object = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  # because it was just written
    assert isinstance(copy, CollectionItemError)
    assert str(copy) == str(caught.value)
    assert (copy.originator_id, copy.item) == (STREAM, Article("book", Decimal(1)))
    assert copy.finding == caught.value.finding


UNHASHABLE: Final[tuple[object, ...]] = (["red"], bytearray(b"red"), ("red", ["green"]), Decimal("sNaN"))


@pytest.mark.parametrize("item", UNHASHABLE, ids=repr)
def test_an_unhashable_item_is_not_added(item: object) -> None:
    things = Collection[object].register(STREAM)
    before = things.pending_events
    with pytest.raises(CollectionItemError, match="expected a hashable item") as caught:
        things.add_item(item)
    assert things.pending_events == before
    assert things.items == frozenset()
    assert caught.value.item is item
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.parametrize("item", UNHASHABLE, ids=repr)
def test_an_unhashable_item_is_not_removed(item: object) -> None:
    things = Collection[object].register(STREAM)
    things.add_item("red")
    with pytest.raises(CollectionItemError, match="expected a hashable item"):
        things.remove_item(item)
    assert things.items == {"red"}
    assert things.version == 1


def test_a_set_is_not_added() -> None:
    things = Collection[object].register(STREAM)
    with pytest.raises(CollectionItemError, match="expected a hashable item"):
        things.add_item({"red"})


def test_a_set_is_not_removed() -> None:
    things = Collection[object].register(STREAM)
    with pytest.raises(CollectionItemError):
        things.remove_item({"red"})
    assert things.version == 0


def test_a_discarded_collection_takes_and_gives_no_items() -> None:
    tags = tags_of("red")
    tags.discard()
    before = tags.pending_events
    with pytest.raises(EntityIsDiscarded):
        tags.add_item("green")
    with pytest.raises(EntityIsDiscarded):
        tags.remove_item("red")
    with pytest.raises(EntityIsDiscarded):
        tags.discard()
    assert tags.pending_events == before
    assert tags.items == {"red"}


def test_a_discarded_collection_says_so_whatever_the_item_is() -> None:
    things = Collection[object].register()
    things.add_item("red")
    things.discard()
    with pytest.raises(EntityIsDiscarded):
        things.add_item("red")  # an item that is in it would change nothing
    with pytest.raises(EntityIsDiscarded):
        things.remove_item("green")  # an absent item could not be removed
    with pytest.raises(EntityIsDiscarded):
        things.add_item(["red"])  # an unhashable item could not be added


def test_a_collection_comes_from_an_event() -> None:
    with pytest.raises(ModelError, match="comes from an event"):
        Collection[str]()


# --- registering -----------------------------------------------------------------------------------


def test_a_collection_is_registered_with_an_id() -> None:
    assert Collection[str].register(STREAM).id == STREAM
    assert register_new_collection(Collection[str], STREAM).id == STREAM
    assert Tags.register(STREAM).id == STREAM


def test_a_collection_is_registered_with_a_random_id() -> None:
    ids = {register_new_collection(Collection[str]).id for _ in range(10)}
    assert len(ids | {Collection[str].register().id}) == 11
    assert {each.version for each in ids} == {4}


def test_a_class_of_collections_is_registered_as_that_class() -> None:
    assert type(Tags.register()) is Tags
    assert type(register_new_collection(Tags)) is Tags
    assert type(register_new_collection(Collection[str])) is Collection


# --- events ----------------------------------------------------------------------------------------


def test_each_change_is_an_event() -> None:
    with using_clock(lambda: MOMENT):
        tags = tags_of("red", "green")
        tags.remove_item("red")
    created, red, green, removed = tags.collect_events()
    assert created == CollectionCreated(STREAM, 0, MOMENT)
    assert red == ItemAdded[str](STREAM, 1, MOMENT, item="red")
    assert green == ItemAdded[str](STREAM, 2, MOMENT, item="green")
    assert removed == ItemRemoved[str](STREAM, 3, MOMENT, item="red")
    assert isinstance(created, CreatedEvent)
    assert tags.pending_events == ()


def test_the_stored_names_are_those_of_a_collection() -> None:
    assert stored_name_of(CollectionCreated) == "Collection.Created"
    assert stored_name_of(ItemAdded) == "Collection.ItemAdded"
    assert stored_name_of(ItemRemoved) == "Collection.ItemRemoved"


def test_a_collection_is_replayed_from_its_events() -> None:
    tags = tags_of("red", "green")
    tags.remove_item("red")
    events = tags.collect_events()
    assert Collection[str].replay(events) == tags
    assert Collection[str].replay(events[:3]).items == {"red", "green"}


def test_a_row_is_written_for_each_change(store: Store) -> None:
    tags = tags_of("red", "green")
    tags.remove_item("red")
    EventSourcedRepository(Collection[str], store).save(tags)
    assert [(row.position, row.name, row.class_version, row.data) for row in store.read(STREAM)] == [
        (0, "Collection.Created", 0, b"{}"),
        (1, "Collection.ItemAdded", 0, b'{"item":"red"}'),
        (2, "Collection.ItemAdded", 0, b'{"item":"green"}'),
        (3, "Collection.ItemRemoved", 0, b'{"item":"red"}'),
    ]


def test_a_save_publishes_the_events(store: Store) -> None:
    published: list[DomainEvent] = []
    with subscribe(published.extend):
        tags = tags_of("red")
        tags.add_item("red")
        EventSourcedRepository(Collection[str], store).save(tags)
    assert [type(event) for event in published] == [CollectionCreated, ItemAdded]
    (_, added) = published
    assert isinstance(added, ItemAdded)
    assert added == ItemAdded[str](STREAM, 1, tags.last_modified, item="red")


# --- as it is stored -------------------------------------------------------------------------------


def written(item: object) -> tuple[type[object], str]:
    """Return the repr of an item, with sets sorted: their order differs from run to run."""
    return type(item), "".join(sorted(repr(item))) if issubclass(type(item), frozenset) else repr(item)


def is_kept(
    collection_class: type[Collection[T]], first: T, second: T, others: tuple[T, ...], store: Store
) -> None:
    """Check that items are loaded as they were saved, from events and from snapshots."""
    items = frozenset({first, second, *others})
    collections = EventSourcedRepository(collection_class, store)
    collection = collection_class.register()
    for item in items:
        collection.add_item(item)
    collections.save(collection)
    loaded = collections[collection.id]
    assert loaded == collection
    assert loaded.items == items
    assert {written(item) for item in loaded} == {written(item) for item in items}
    assert first in loaded

    loaded.remove_item(first)
    collections.save(loaded)
    assert collections[collection.id].items == items - {first}
    assert collections.get_entity(collection.id, at=len(items)).items == items
    assert collections.verify(collection.id).events == len(items) + 2

    taken = collections.take_snapshot(collection.id)
    restored = collections[collection.id]
    assert restored == loaded
    assert restored.items == items - {first}
    assert taken.originator_version == len(items) + 1
    restored.add_item(first)
    restored.remove_item(second)
    collections.save(restored)
    assert collections[collection.id].items == items - {second}
    assert second not in collections[collection.id]


MANY: Final[dict[str, Callable[[Store], None]]] = {
    "str": partial(is_kept, Collection[str], "red", "", ("grün", "\x00", "'\"\\")),
    "int": partial(is_kept, Collection[int], 0, -1, (2**63, -(2**63))),
    "float": partial(is_kept, Collection[float], 0.1, math.inf, (-math.inf, 5e-324)),
    "bool": partial(is_kept, Collection[bool], *(True, False), ()),
    "bytes": partial(is_kept, Collection[bytes], b"", b"\xff\x00", (b"red",)),
    "UUID": partial(is_kept, Collection[UUID], UUID(int=0), UUID(int=1), (uuid4(),)),
    "Decimal": partial(is_kept, Collection[Decimal], Decimal("1.50"), Decimal("1E+5"), (Decimal("-0.1"),)),
    "date": partial(is_kept, Collection[date], date(2026, 11, 23), date.min, (date.max,)),
    "datetime": partial(is_kept, Collection[datetime], MOMENT, datetime(1, 1, 1, tzinfo=UTC), ()),
    "enum": partial(is_kept, Collection[Colour], Colour.RED, Colour.GREEN, ()),
    "literal": partial(is_kept, Collection[Literal["a", "b", "c"]], "a", "b", ("c",)),
    "attrs": partial(
        is_kept,
        Collection[Article],
        Article("book", Decimal("9.50")),
        Article("book", Decimal("9.51")),
        (Article("", Decimal(0)),),
    ),
    "sum type": partial(
        is_kept, Collection[Card | Cash], Card("1234"), Cash(5), (Card("5"), Cash(-5))
    ),
    "named sum type": partial(is_kept, Collection[Payment], Cash(5), Card("1234"), ()),
    "optional": partial(is_kept, Collection[str | None], None, "", ("red",)),
    "tuple": partial(is_kept, Collection[tuple[int, str]], (1, "one"), (1, "two"), ((2, "one"),)),
    "many": partial(is_kept, Collection[tuple[Cash, ...]], (), (Cash(1),), ((Cash(1), Cash(1)),)),
    "frozenset": partial(
        is_kept, Collection[frozenset[str]], frozenset(), frozenset({"red"}), (frozenset({"red", "green"}),)
    ),
    "class": partial(is_kept, Tags, "red", "green", ("blue",)),
}  # fmt: skip


@pytest.mark.parametrize("kind", MANY)
def test_items_of_each_type_are_kept(kind: str, store: Store) -> None:
    MANY[kind](store)


def test_an_empty_collection_is_kept(store: Store) -> None:
    collections = EventSourcedRepository(Collection[str], store)
    collections.save(tags_of())
    assert STREAM in collections
    assert collections[STREAM].items == frozenset()
    assert collections[STREAM].version == 0


def test_a_repository_has_the_shape_of_a_collection_repository(store: Store) -> None:
    collections: CollectionRepository[str] = EventSourcedRepository(Collection[str], store)
    collections.save(tags_of("red"))
    assert collections[STREAM] == collections.get_entity(STREAM)
    assert collections.take_snapshot(STREAM).originator_version == 1


def test_a_collection_is_read_as_it_was_at_each_version(store: Store) -> None:
    collections = EventSourcedRepository(Collection[str], store, snapshot_every=2)
    tags = tags_of("red", "green")
    tags.remove_item("red")
    tags.add_item("blue")
    collections.save(tags)
    expected: list[set[str]] = [set(), {"red"}, {"red", "green"}, {"green"}, {"green", "blue"}]
    for version, items in enumerate(expected):
        found = collections.get_entity(STREAM, at=version)
        assert found.items == items
        assert found.version == version


def test_the_slower_of_two_writers_is_told(store: Store) -> None:
    collections = EventSourcedRepository(Collection[str], store)
    collections.save(tags_of("red"))
    mine, theirs = collections[STREAM], collections[STREAM]
    theirs.add_item("green")
    collections.save(theirs)
    mine.add_item("green")
    with pytest.raises(ConcurrencyError) as caught:
        collections.save(mine)
    assert (caught.value.originator_id, caught.value.expected, caught.value.found) == (STREAM, 1, 2)
    assert [event.originator_version for event in mine.pending_events] == [2]
    assert collections[STREAM].version == 2
    again = collections[STREAM]
    again.add_item("green")
    assert again.pending_events == ()


def test_a_collection_is_registered_once(store: Store) -> None:
    collections = EventSourcedRepository(Collection[str], store)
    collections.save(tags_of("red"))
    with pytest.raises(ConcurrencyError) as caught:
        collections.save(tags_of("green"))
    assert (caught.value.expected, caught.value.found) == (-1, 1)
    assert collections[STREAM].items == {"red"}


def test_a_save_without_events_writes_nothing(store: Store) -> None:
    collections = EventSourcedRepository(Collection[str], store)
    collections.save(tags_of("red"))
    tags = collections[STREAM]
    tags.add_item("red")
    collections.save(tags)
    assert store.last(STREAM) == (1, b"")


def test_a_discarded_collection_is_not_in_the_repository(store: Store) -> None:
    collections = EventSourcedRepository(Collection[str], store)
    tags = tags_of("red")
    tags.discard()
    collections.save(tags)
    assert STREAM not in collections
    with pytest.raises(RepositoryKeyError, match="No Collection with the id"):
        collections[STREAM]
    with pytest.raises(RepositoryKeyError):
        collections.take_snapshot(STREAM)
    assert collections.get_entity(STREAM, at=1).items == {"red"}


def test_a_collection_that_is_absent_is_not_in_the_repository(store: Store) -> None:
    collections = EventSourcedRepository(Collection[str], store)
    assert STREAM not in collections
    with pytest.raises(RepositoryKeyError):
        collections[STREAM]


def test_an_item_that_cannot_be_written_stores_nothing(store: Store) -> None:
    collections = EventSourcedRepository(Collection[str], store)
    tags = tags_of("red")
    tags.add_item(5)  # type: ignore[arg-type]  # because the test passes a wrong type
    with pytest.raises(PayloadError, match=r"ItemAdded\.item: expected str, found int 5"):
        collections.save(tags)
    assert list(store.read(STREAM)) == []
    assert len(tags.pending_events) == 3


def test_a_collection_of_other_items_is_not_saved(store: Store) -> None:
    numbers = Collection[int].register(STREAM)
    numbers.add_item(5)
    with pytest.raises(PayloadError):
        EventSourcedRepository(Collection[str], store).save(numbers)  # type: ignore[arg-type]  # because the test passes a wrong type
    assert list(store.read(STREAM)) == []


def test_an_item_of_another_type_is_found_in_its_row(store: Store) -> None:
    numbers = Collection[int].register(STREAM)
    numbers.add_item(5)
    EventSourcedRepository(Collection[int], store).save(numbers)
    collections = EventSourcedRepository(Collection[str], store)
    with pytest.raises(StoredDataError, match="Expected `str`, got `int`") as caught:
        collections[STREAM]
    assert (caught.value.originator_id, caught.value.position) == (STREAM, 1)
    with pytest.raises(StoredDataError):
        collections.verify(STREAM)
    assert EventSourcedRepository(Collection[int | str], store)[STREAM].items == {5}


def test_a_foreign_row_is_found(store: Store) -> None:
    store.append(Append([Record(STREAM, 0, "ItemAdded", 0, 0, b'{"item":"red"}')], FREE))
    with pytest.raises(UnknownEventError, match=r"Collection\.ItemAdded"):
        EventSourcedRepository(Collection[str], store)[STREAM]


def test_collections_of_two_types_are_kept_in_one_store(store: Store) -> None:
    names = EventSourcedRepository(Collection[str], store)
    numbers = EventSourcedRepository(Collection[int], store)
    names.save(tags_of("red"))
    number = Collection[int].register(UUID(int=13))
    number.add_item(5)
    numbers.save(number)
    assert names[STREAM].items == {"red"}
    assert numbers[number.id].items == {5}


# --- snapshots -------------------------------------------------------------------------------------


def test_a_snapshot_is_taken_after_so_many_events(store: Store) -> None:
    collections = EventSourcedRepository(Collection[str], store, snapshot_every=3)
    tags = tags_of("red")
    collections.save(tags)
    assert store.read_snapshot(STREAM) is None
    tags.add_item("green")
    collections.save(tags)
    found = store.read_snapshot(STREAM)
    assert found is not None
    assert found.position == 2
    assert b'"_items":["green","red"]' in found.data


def test_a_snapshot_stands_for_the_events_before_it(store: Store) -> None:
    first = MemoryStore()
    tags = tags_of("red", "green")
    EventSourcedRepository(Collection[str], first, snapshot_every=3).save(tags)
    tags.remove_item("red")
    EventSourcedRepository(Collection[str], first).save(tags)
    snapshot = first.read_snapshot(STREAM)
    assert snapshot is not None
    store.write_snapshot(snapshot)
    store.append(Append(list(first.read(STREAM, gt=snapshot.position)), FREE))
    loaded = EventSourcedRepository(Collection[str], store)[STREAM]
    assert loaded.items == {"green"}
    assert loaded == tags


def test_a_snapshot_of_an_earlier_version_is_taken(store: Store) -> None:
    collections = EventSourcedRepository(Collection[str], store)
    collections.save(tags_of("red", "green", "blue"))
    assert collections.take_snapshot(STREAM, at=1).originator_version == 1
    assert collections[STREAM].items == {"red", "green", "blue"}
    assert collections.get_entity(STREAM, at=1).items == {"red"}


def test_the_bytes_of_a_snapshot_do_not_depend_on_the_order_of_the_items() -> None:
    snapshots: set[bytes] = set()
    with using_clock(lambda: MOMENT):
        for names in (("red", "green", "blue"), ("blue", "red", "green")):
            collections = EventSourcedRepository(Collection[str], MemoryStore())
            collections.save(tags_of(*names))
            snapshots.add(collections.take_snapshot(STREAM).data)
    assert len(snapshots) == 1


def test_a_snapshot_with_other_items_is_ignored(store: Store) -> None:
    numbers = Collection[int].register(STREAM)
    numbers.add_item(5)
    EventSourcedRepository(Collection[int], store, snapshot_every=1).save(numbers)
    widened = EventSourcedRepository(Collection[int | None], store)
    with pytest.warns(SnapshotWarning, match="does not fit"):
        assert widened[STREAM].items == {5}


# --- classes of collections ------------------------------------------------------------------------


def test_a_class_of_collections_is_kept(store: Store) -> None:
    repository = EventSourcedRepository(Tags, store, snapshot_every=2)
    tags = Tags.register(STREAM)
    tags.add_item("red")
    tags.add_item("green")
    repository.save(tags)
    loaded = repository[STREAM]
    assert type(loaded) is Tags
    assert (loaded.longest(), loaded) == ("green", tags)
    with pytest.raises(RepositoryKeyError, match="No Tags with the id"):
        repository[UUID(int=13)]


def test_a_plain_collection_is_not_saved_as_one_of_a_class(store: Store) -> None:
    repository = EventSourcedRepository(Tags, store)
    with pytest.raises(ModelError, match="expected an aggregate of the class Tags, found Collection"):
        repository.save(tags_of("red"))  # type: ignore[arg-type]  # because it is to be refused


@define
class Shelf(Collection[Article]):
    """A subclass with a field of its own, which changes with the events of the collection."""

    most: int = 0

    @applies
    def article_added(self: Shelf, event: ItemAdded[Article]) -> None:
        self._items.add(event.item)
        self.most = max(self.most, len(self))

    apply = (Collection[Article].created | article_added | Collection[Article].removed).exhaustive


def test_a_class_of_collections_has_fields_of_its_own(store: Store) -> None:
    shelves = EventSourcedRepository(Shelf, store, snapshot_every=4)
    shelf = Shelf.register(STREAM)
    shelf.add_item(Article("book", Decimal(9)))
    shelf.add_item(Article("film", Decimal(5)))
    shelf.remove_item(Article("book", Decimal(9)))
    shelves.save(shelf)
    loaded = shelves[STREAM]
    assert (loaded.most, len(loaded)) == (2, 1)
    assert loaded == shelf
    assert shelves.get_entity(STREAM, at=1).most == 1


@frozen(kw_only=True)
class Paid(AggregateEvent):
    by: str


@define
class Basket(Collection[Article]):
    """A subclass with an event of its own."""

    payer: str = ""

    def pay(self, by: str) -> None:
        # because the union of a collection's events is closed, checkers report events outside it
        self.trigger(Paid, by=by)  # type: ignore[arg-type]

    @applies
    def paid(self: Basket, event: Paid) -> None:
        self.payer = event.by

    apply = (
        paid | Collection[Article].created | Collection[Article].added | Collection[Article].removed
    ).exhaustive


def test_a_class_of_collections_has_events_of_its_own(store: Store) -> None:
    baskets = EventSourcedRepository(Basket, store, snapshot_every=2)
    basket = Basket.register(STREAM)
    basket.add_item(Article("book", Decimal("9.50")))
    baskets.save(basket)
    basket.pay("Ada")
    baskets.save(basket)
    loaded = baskets[STREAM]
    assert loaded.items == {Article("book", Decimal("9.50"))}
    assert loaded.payer == "Ada"
    assert loaded == basket
    assert [row.name for row in store.read(STREAM)] == [
        *("Collection.Created", "Collection.ItemAdded", "Paid")
    ]
    assert baskets.get_entity(STREAM, at=1).payer == ""


@frozen(kw_only=True)
class Tagged(AggregateEvent):
    tag: str


@define
class Post(AggregateRoot[Tagged]):
    tags: frozenset[str] = frozenset()

    @applies
    def tagged(self, event: Tagged) -> None:
        self.tags |= {event.tag}

    apply = tagged.exhaustive


def test_what_is_no_collection_is_not_saved_as_one(store: Store) -> None:
    with pytest.raises(ModelError, match="expected an aggregate of the class Collection, found Post"):
        EventSourcedRepository(Collection[str], store).save(
            Post.create(Tagged, tag="red")  # type: ignore[arg-type]  # because the test passes a wrong type
        )


# --- types that cannot be carried ------------------------------------------------------------------


def test_a_repository_needs_the_type_of_the_items(store: Store) -> None:
    with pytest.raises(UnsupportedTypeError, match="the type variable ~T is open") as caught:
        EventSourcedRepository(Collection, store)
    assert isinstance(caught.value, TypeError)


def test_a_repository_refuses_items_that_cannot_be_carried(store: Store) -> None:
    with pytest.raises(UnsupportedTypeError, match=r"ItemAdded\.item"):
        EventSourcedRepository(Collection[object], store)
    with pytest.raises(UnsupportedTypeError, match="complex"):
        EventSourcedRepository(Collection[complex], store)


# --- items that are not equal to themselves --------------------------------------------------------


def is_as_before(collection_class: type[Collection[T]], item: T, store: Store) -> None:
    """Check that a collection is loaded as it was saved, whether or not it accepts an item."""
    collections = EventSourcedRepository(collection_class, store)
    collection = collection_class.register()
    with suppress(CollectionItemError):
        collection.add_item(item)
        collection.remove_item(item)
    collections.save(collection)
    assert collections[collection.id].items == collection.items


NANS: Final[dict[str, Callable[[Store], None]]] = {
    "float": partial(is_as_before, Collection[float], math.nan),
    "Decimal": partial(is_as_before, Collection[Decimal], Decimal("NaN")),
    "tuple": partial(is_as_before, Collection[tuple[float, ...]], (1.0, math.nan)),
}


@pytest.mark.parametrize("kind", NANS)
def test_an_item_unequal_to_itself_does_not_make_a_collection_unreadable(kind: str, store: Store) -> None:
    NANS[kind](store)


@frozen
class Measure:
    value: float | None


@frozen(eq=False)
class Coin:
    """A class whose instances equal only themselves, and not a copy from a store."""

    value: int


@pytest.mark.parametrize("item", [Measure(math.nan), (Measure(math.nan),), Coin(5), frozenset({Coin(5)})])
def test_an_item_unequal_to_a_copy_of_itself_is_not_added(item: object) -> None:
    things = Collection[object].register(STREAM)
    with pytest.raises(CollectionItemError, match="expected an item that is equal to a copy of itself"):
        things.add_item(item)
    assert (len(things), things.version) == (0, 0)


def test_an_item_equal_to_a_copy_of_itself_is_added() -> None:
    things = Collection[object].register(STREAM)
    for item in (None, Measure(None), Measure(1.5), (None, 1)):
        things.add_item(item)
    assert things.items == {None, Measure(None), Measure(1.5), (None, 1)}


def test_a_row_that_removes_an_absent_item_is_named(store: Store) -> None:
    tags = tags_of("red")
    collections = EventSourcedRepository(Collection[str], store)
    collections.save(tags)
    store.append(Append([Record(tags.id, 2, "Collection.ItemRemoved", 0, 0, b'{"item":"green"}')], FREE))
    with pytest.raises(
        StoredDataError, match="expected to remove an item of the collection, found 'green'"
    ) as caught:
        collections[tags.id]
    assert caught.value.position == 2


# --- compared with a set ---------------------------------------------------------------------------


class Step(NamedTuple):
    """An action and its item."""

    action: Literal["add", "remove", "save", "reload", "snapshot", "earlier"]
    item: int


class Case(NamedTuple):
    """Steps, and the number of events after which a save takes a snapshot."""

    steps: list[Step]
    snapshot_every: int | None


ACTIONS: Final = st.sampled_from([
    *("add", "add", "add", "remove", "remove", "save", "reload", "snapshot", "earlier")
])  # fmt: skip
CASES: Final = st.builds(
    Case,
    st.lists(st.builds(Step, ACTIONS, st.integers(0, 4)), max_size=30),
    st.none() | st.integers(1, 4),
)


def follow(collection_class: type[Collection[T]], items: tuple[T, ...], case: Case, store: Store) -> None:
    """Do the same steps on a collection and on a set, and compare them after each step."""
    collections = EventSourcedRepository(collection_class, store, snapshot_every=case.snapshot_every)
    collection = collection_class.register()
    collections.save(collection)
    model: set[T] = set()
    history: list[frozenset[T]] = [frozenset()]
    saved = 1
    for action, number in case.steps:
        item = items[number]
        if action == "add":
            is_new = item not in model
            collection.add_item(item)
            model.add(item)
            if is_new:
                history.append(frozenset(model))
        elif action == "remove" and item in model:
            collection.remove_item(item)
            model.remove(item)
            history.append(frozenset(model))
        elif action == "remove":
            with pytest.raises(CollectionItemError):
                collection.remove_item(item)
        elif action == "save":
            collections.save(collection)
            saved = len(history)
        elif action == "reload":
            collection = collections[collection.id]
            del history[saved:]
            model = set(history[-1])
        elif action == "snapshot":
            taken = collections.take_snapshot(collection.id, at=number)
            assert taken.originator_version == min(number, saved - 1)
        else:
            earlier = collections.get_entity(collection.id, at=number)
            assert earlier.items == history[min(number, saved - 1)]
        assert collection.items == model
        assert len(collection) == len(model)
        assert sorted(map(repr, collection)) == sorted(map(repr, model))
        assert [each in collection for each in items] == [each in model for each in items]
        assert collection.version == len(history) - 1
        assert len(collection.pending_events) == len(history) - saved
    collections.save(collection)
    assert collections[collection.id] == collection
    assert collections.verify(collection.id).events == len(history)
    for version, expected in enumerate(history):
        assert collections.get_entity(collection.id, at=version).items == expected


one_store_for_all_examples = settings(
    max_examples=examples(200),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@one_store_for_all_examples
@given(case=CASES)
def test_a_collection_of_names_does_what_a_set_does(case: Case, store: Store) -> None:
    follow(Collection[str], ("", "red", "green", "blue", "grün"), case, store)


@one_store_for_all_examples
@given(case=CASES)
def test_a_collection_of_a_sum_type_does_what_a_set_does(case: Case, store: Store) -> None:
    follow(Collection[Card | Cash], (Card(""), Card("1"), Cash(0), Cash(1), Cash(2)), case, store)


@one_store_for_all_examples
@given(case=CASES)
def test_a_class_of_collections_does_what_a_set_does(case: Case, store: Store) -> None:
    follow(Tags, ("", "red", "green", "blue", "grün"), case, store)
