"""Values in each place: the field of an event, an attribute, the state in a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from types import GenericAlias
from typing import Generic, TypeVar

from attrs import define, frozen
from codec_types import T
from codec_values import HOOKED, assert_same, each_value

from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, applies, attribute
from esmodel.model import ApplyRegistry
from esmodel.stores.sqlite import SQLiteStore

TEvent = TypeVar("TEvent", bound=AggregateEvent)


@frozen(kw_only=True)
class Kept(AggregateEvent, codec=HOOKED):
    value: object


@frozen(kw_only=True)
class ItemAdded(AggregateEvent, Generic[T], codec=HOOKED):
    item: T


VALUE: Callable[[object], object] = attrgetter("_value")


@define
class Keeper(AggregateRoot[TEvent], codec=HOOKED):
    """Keeps one value; ``keeper_of`` adds its type."""

    _value: object


def keep(keeper: Keeper[AggregateEvent], event: Kept) -> None:
    object.__setattr__(keeper, "_value", event.value)


def add(keeper: Keeper[AggregateEvent], event: ItemAdded[object]) -> None:
    object.__setattr__(keeper, "_value", event.item)


@frozen(kw_only=True)
class Classes:
    event: type[Kept]
    aggregate: type[Keeper[AggregateEvent]]


def keeper_of(hint: object) -> Classes:
    """Return an event and an aggregate that hold a value of a type."""

    def value(keeper: Keeper[AggregateEvent]) -> object:
        return VALUE(keeper)

    value.__annotations__["return"] = hint
    event: type[Kept] = type("Kept1", (Kept,), {"__annotations__": {"value": hint}, "__slots__": ()})
    event = frozen(kw_only=True)(event)
    generic = GenericAlias(ItemAdded, (hint,))
    body: dict[str, object] = {
        "__annotations__": {"_value": hint},
        "value": attribute(value),
        "apply": ApplyRegistry[Keeper[AggregateEvent], AggregateEvent](
            {event: keep, generic: add}
        ).exhaustive,
    }
    aggregate: type[Keeper[AggregateEvent]] = type("Keeper1", (Keeper,), body)
    return Classes(event=event, aggregate=define(aggregate))


@each_value
def test_a_value_comes_back_as_the_field_of_an_event(hint: object, value: object, tmp_path: Path) -> None:
    classes = keeper_of(hint)
    with SQLiteStore(tmp_path / "events.db") as store:
        repository = EventSourcedRepository(classes.aggregate, store)
        keeper = classes.aggregate.create(classes.event, value=value)
        repository.save(keeper)
        (event,) = repository.events(keeper.id)
        assert isinstance(event, classes.event)
        assert_same(event.value, value)
        assert_same(VALUE(repository[keeper.id]), value)


@each_value
def test_a_value_comes_back_as_the_item_of_a_generic_event(
    hint: object, value: object, tmp_path: Path
) -> None:
    classes = keeper_of(hint)
    with SQLiteStore(tmp_path / "events.db") as store:
        repository = EventSourcedRepository(classes.aggregate, store)
        keeper = classes.aggregate.create(ItemAdded[object], item=value)
        repository.save(keeper)
        assert_same(VALUE(repository[keeper.id]), value)


@each_value
def test_a_value_comes_back_as_that_of_an_attribute(hint: object, value: object, tmp_path: Path) -> None:
    classes = keeper_of(hint)
    with SQLiteStore(tmp_path / "events.db") as store:
        repository = EventSourcedRepository(classes.aggregate, store)
        keeper = classes.aggregate.create(classes.event, value=value)
        keeper.change_attribute("value", value)
        repository.save(keeper)
        _, event = repository.events(keeper.id)
        assert_same(getattr(event, "value"), value)  # noqa: B009
        assert_same(VALUE(repository[keeper.id]), value)


@each_value
def test_a_value_comes_back_as_a_field_of_the_state_in_a_snapshot(
    hint: object, value: object, tmp_path: Path
) -> None:
    classes = keeper_of(hint)
    with SQLiteStore(tmp_path / "events.db") as store:
        repository = EventSourcedRepository(classes.aggregate, store, snapshot_every=1)
        keeper = classes.aggregate.create(classes.event, value=value)
        repository.save(keeper)
        snapshot = store.read_snapshot(keeper.id)
        assert snapshot is not None
        assert snapshot.position == 0
        # a snapshot that is passed over warns, and a warning fails the test
        assert_same(VALUE(repository[keeper.id]), value)


@frozen(kw_only=True)
class Added(AggregateEvent, Generic[T]):
    item: T


@define
class Shelf(AggregateRoot[Added[str]]):
    items: tuple[str, ...] = ()

    @applies
    def added(self, event: Added[str]) -> None:
        self.items += (event.item,)

    apply = added.exhaustive


def forget(state: object, event: object) -> None:
    """Change nothing."""


FORGETS: ApplyRegistry[object, Added[str]] = ApplyRegistry({Added: forget})


@define
class OpenShelf(AggregateRoot[Added[str]]):
    apply = FORGETS.exhaustive


def test_a_generic_event_is_carried_by_the_type_it_is_applied_with(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "events.db") as store:
        shelves = EventSourcedRepository(Shelf, store)
        shelf = Shelf.create(Added[str], item="a")
        shelf.trigger(Added[str], item="b")
        shelves.save(shelf)
        assert shelves[shelf.id] == shelf
        assert shelves[shelf.id].items == ("a", "b")
