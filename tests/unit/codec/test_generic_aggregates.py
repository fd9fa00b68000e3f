"""Generic aggregates and collections, saved and loaded with the types that they were given."""

# A class that applies one more event overrides `apply` with another type. That is safe, because nobody
# assigns to it again, and `mypy --strict` allows it.
# mypy: disable-error-code="mutable-override"

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from decimal import Decimal
from typing import (
    Final,
    Generic,
)
from uuid import UUID

import pytest
from attrs import define, frozen
from generic_classes import Named, Pair, T, U

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    Collection,
    EventSourcedBigArrayRepository,
    EventSourcedRepository,
    PayloadError,
    applies,
)
from esmodel.exceptions import StoredDataError, UnsupportedTypeError
from esmodel.model import StoredAggregate
from esmodel.stores.memory import MemoryStore

STREAM: Final = UUID(int=14)


def test_generic_items_are_kept_in_collections_and_arrays() -> None:
    store = MemoryStore()
    collections = EventSourcedRepository(Collection[Named[int]], store, snapshot_every=2)
    collection = Collection[Named[int]].register(STREAM)
    collection.add_item(Named("a", "b", 1))
    collections.save(collection)
    collection.remove_item(Named("a", "b", 1))
    collection.add_item(Named("a", "b", 2))
    collections.save(collection)
    assert collections[STREAM].items == {Named("a", "b", 2)}
    with pytest.raises(StoredDataError):
        EventSourcedRepository(Collection[Named[str]], store).verify(STREAM)
    array = EventSourcedBigArrayRepository(Named[int] | Pair[int], store)[UUID(int=15)]
    array.extend([Named("a", "b", 1), Pair(1, 2)])
    assert array[:] == [Named("a", "b", 1), Pair(1, 2)]


@frozen(kw_only=True)
class Kept(AggregateEvent, Generic[T]):
    value: T


@frozen(kw_only=True)
class Labelled(Kept[str], Generic[T]):
    """An event whose base has the type argument `str`."""

    more: T


@define
class Keeper(AggregateRoot[Kept[T]], Generic[T]):
    value: T
    values: tuple[T, ...] = ()

    @applies
    def kept(self, event: Kept[T]) -> None:
        self.value = event.value
        self.values += (deepcopy(event.value),)  # of a list, a snapshot holds one each

    apply = kept.exhaustive


@define
class NumberKeeper(Keeper[int]):
    """Gives the type argument."""


class NameKeeper(Keeper[str]):
    """Gives the type argument and declares nothing."""


@define
class PairKeeper(Keeper[Pair[T]], Generic[T]):
    """Shares the type variable of its base, with another meaning; adds a field."""

    own: T | None = None


@define
class NumberPairKeeper(PairKeeper[int]):
    """Gives the type argument on the second level."""


@define
class ListKeeper(Keeper[list[T]], Generic[T]):
    """Gives its base a list."""


@define
class TwoKeeper(AggregateRoot[Kept[T] | Labelled[U]], Generic[T, U]):
    value: T | None = None
    more: U | None = None

    @applies
    def kept(self, event: Kept[T]) -> None:
        self.value = event.value

    @applies
    def labelled(self, event: Labelled[U]) -> None:
        self.more = event.more

    apply = (kept | labelled).exhaustive


@define
class HalfKeeper(TwoKeeper[int, T], Generic[T]):
    """Gives one of two type arguments."""


@define
class WholeKeeper(HalfKeeper[Pair[str]]):
    """Gives both type arguments."""


def test_a_concrete_class_of_a_generic_one_is_kept() -> None:
    store = MemoryStore()
    keepers = EventSourcedRepository(NumberKeeper, store)
    keeper = NumberKeeper.create_with_id(STREAM, Kept[int], value=1)
    keeper.trigger(Kept[int], value=2)
    keepers.save(keeper)
    assert keepers[STREAM] == keeper
    assert keepers[STREAM].values == (1, 2)
    keepers.take_snapshot(STREAM)
    assert keepers[STREAM] == keeper
    assert keepers.get_entity(STREAM, at=0).values == (1,)
    with pytest.raises(PayloadError, match=r"Kept\.value: expected int, found str '3'"):
        keeper.trigger(Kept[int], value="3")  # type: ignore[arg-type]  # because it is to be refused


def test_two_concrete_classes_of_a_generic_one_are_kept_apart() -> None:
    store = MemoryStore()
    numbers, names = EventSourcedRepository(NumberKeeper, store), EventSourcedRepository(NameKeeper, store)
    numbers.save(NumberKeeper.create_with_id(STREAM, Kept[int], value=1))
    name = NameKeeper.create(Kept[str], value="one")
    names.save(name)
    names.take_snapshot(name.id)
    assert names[name.id].values == ("one",)
    assert numbers[STREAM].value == 1
    with pytest.raises(StoredDataError, match="Expected `str`, got `int`"):
        names[STREAM]


def test_a_generic_class_is_kept_with_its_type() -> None:
    store = MemoryStore()
    keepers = EventSourcedRepository(Keeper[Decimal], store, snapshot_every=2)
    keeper = Keeper[Decimal].create_with_id(STREAM, Kept[Decimal], value=Decimal("1.50"))
    keeper.trigger(Kept[Decimal], value=Decimal(2))
    keepers.save(keeper)
    found = store.read_snapshot(STREAM)
    assert found is not None
    assert b'{"value":"2","values":["1.50","2"]}' in found.data
    assert keepers[STREAM] == keeper
    keeper.trigger(Kept[Decimal], value=Decimal(3))
    keepers.save(keeper)
    assert [type(value) for value in keepers[STREAM].values] == [Decimal] * 3


def test_one_variable_on_two_levels_of_aggregates_has_both_meanings() -> None:
    store = MemoryStore()
    keepers = EventSourcedRepository(NumberPairKeeper, store, snapshot_every=2)
    keeper = NumberPairKeeper.create_with_id(STREAM, Kept[Pair[int]], value=Pair(1, 2))
    keepers.save(keeper)
    keeper.trigger(Kept[Pair[int]], value=Pair(3, 4))
    keepers.save(keeper)
    assert keepers[STREAM] == keeper
    assert keepers[STREAM].value == Pair(3, 4)
    assert list(keepers.events(STREAM)) == [
        Kept[Pair[int]](STREAM, 0, keeper.created_on, value=Pair(1, 2)),
        Kept[Pair[int]](STREAM, 1, keeper.last_modified, value=Pair(3, 4)),
    ]
    names = EventSourcedRepository(PairKeeper[str], store, snapshot_every=1)
    named = PairKeeper[str].create(Kept[Pair[str]], value=Pair("a", "b"))
    names.save(named)
    assert names[named.id] == named


def test_a_list_is_given_to_a_generic_aggregate() -> None:
    keepers = EventSourcedRepository(ListKeeper[int], MemoryStore(), snapshot_every=1)
    keeper = ListKeeper[int].create_with_id(STREAM, Kept[list[int]], value=[1, 2])
    keepers.save(keeper)
    assert keepers[STREAM] == keeper


@pytest.mark.parametrize("snapshot_every", [None, 1])
def test_an_event_whose_type_only_the_repository_knows_is_kept_as_it_was_triggered(
    snapshot_every: int | None,
) -> None:
    keepers = EventSourcedRepository(ListKeeper[int], MemoryStore(), snapshot_every=snapshot_every)
    given = [1, 2]
    keeper = ListKeeper[int].create_with_id(STREAM, Kept[list[int]], value=given)
    given.append(3)
    assert keeper.value == [1, 2]
    keeper.value.append(4)
    handed = keeper.pending_events[0]
    assert isinstance(handed, Kept)
    assert handed.value == [1, 2]
    handed.value.append(5)
    keepers.save(keeper)
    assert keepers[STREAM].value == [1, 2]


class Uncopied:
    """Refuses to be copied."""

    def __deepcopy__(self, memo: dict[int, object]) -> Uncopied:
        raise TypeError("one is enough")


def test_a_payload_that_can_be_neither_encoded_nor_copied_is_refused() -> None:
    with pytest.raises(PayloadError, match="expected a payload that can be copied, found TypeError"):
        Keeper[Uncopied].create_with_id(STREAM, Kept[Uncopied], value=Uncopied())


def test_a_generic_class_of_collections_is_kept() -> None:
    keepers = EventSourcedRepository(Places[int], MemoryStore(), snapshot_every=1)
    places = Places[int].register(STREAM)
    places.add_item((1, 2))
    keepers.save(places)
    assert keepers[STREAM].items == {(1, 2)}


class Places(Collection[tuple[T, ...]], Generic[T]):
    """Collections of places with coordinates of any type."""


def test_types_that_are_given_on_several_levels_reach_the_events() -> None:
    store = MemoryStore()
    keepers = EventSourcedRepository(WholeKeeper, store, snapshot_every=3)
    keeper = WholeKeeper.create_with_id(STREAM, Kept[int], value=1)
    keeper.trigger(Labelled[Pair[str]], value="label", more=Pair("a", "b"))
    keepers.save(keeper)
    assert keepers[STREAM] == keeper
    keeper.trigger(Kept[int], value=2)
    keepers.save(keeper)
    assert (keepers[STREAM].value, keepers[STREAM].more) == (2, Pair("a", "b"))
    assert [row.data for row in store.read(STREAM)] == [
        b'{"value":1}',
        b'{"value":"label","more":{"left":"a","right":"b"}}',
        b'{"value":2}',
    ]
    halves = EventSourcedRepository(HalfKeeper[Pair[str]], store)
    assert halves[STREAM].more == Pair("a", "b")


def test_an_inherited_field_of_an_event_has_the_type_that_its_base_was_given() -> None:
    keeper = WholeKeeper.create(Kept[int], value=1)
    with pytest.raises(PayloadError, match=r"Labelled\.value: expected str, found int 5"):
        keeper.trigger(Labelled[Pair[str]], value=5, more=Pair("a", "b"))  # type: ignore[arg-type]


def test_an_aggregate_whose_type_is_open_is_refused() -> None:
    refused: Sequence[type[StoredAggregate]] = (Keeper, PairKeeper, HalfKeeper)
    for each in refused:
        with pytest.raises(UnsupportedTypeError, match=r"the type variable ~\w is open"):
            EventSourcedRepository(each, MemoryStore())
