"""Values in each place: the field of an event, an attribute, the state in a snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Generic

from attrs import define, frozen
from codec_types import T
from codec_values import assert_same, each_value
from value_keepers import VALUE, ItemAdded, keeper_of

from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, applies
from esmodel.model import ApplyRegistry
from esmodel.stores.sqlite import SQLiteStore


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
