"""Attributes that were renamed and retyped, and the items of collections that changed their type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import pytest
from attrs import define, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AttributeChanged,
    Collection,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    attribute,
    ignores,
    upcasts,
)
from esmodel.exceptions import ClassVersionError, PayloadError, StoredDataError
from esmodel.model import Attribute, AttributeChangedEvent, EventCodec, Upcaster
from esmodel.model.plan import plan_of
from esmodel.rows import FREE, Append, Record
from esmodel.stores.memory import MemoryStore

STREAM: Final = UUID(int=5)


@frozen
class Opened(AggregateEvent):
    pass


@frozen
class Money:
    cents: int
    currency: str


def to_cents(old: int) -> int:
    return old * 100


def to_money(old: int) -> Money:
    return Money(old, "EUR")


def to_open(old: object) -> dict[str, object]:
    return {"cents": old, "currency": "EUR"}


def to_text(old: int) -> str:
    return str(old)


@define
class LastYear(AggregateRoot[Opened]):
    _limit: int = 0

    @attribute
    def limit(self) -> int:
        return self._limit

    apply = ignores(Opened).exhaustive


@define
class LastMonth(AggregateRoot[Opened]):
    _limit: int = 0

    @attribute(upcaster=upcasts(to_cents))
    def limit(self) -> int:
        return self._limit

    apply = ignores(Opened).exhaustive


@define
class Today(AggregateRoot[Opened]):
    _ceiling: Money = Money(0, "EUR")

    @attribute(aliases=("limit", "bound"), upcaster=upcasts(to_cents).then(to_money))
    def ceiling(self) -> Money:
        return self._ceiling

    apply = ignores(Opened).exhaustive


@define
class Renamed(AggregateRoot[Opened]):
    _bound: int = 0

    @attribute(aliases=("limit",))
    def bound(self) -> int:
        return self._bound

    apply = ignores(Opened).exhaustive


def test_changes_of_every_name_and_type_are_read_as_those_of_today() -> None:
    store = MemoryStore()
    account = LastYear.create_with_id(STREAM, Opened)
    account.limit = 5
    EventSourcedRepository(LastYear, store).save(account)
    assert EventSourcedRepository(Renamed, store)[STREAM].bound == 5
    later = EventSourcedRepository(LastMonth, store)[STREAM]
    assert later.limit == 500
    later.limit = 600
    EventSourcedRepository(LastMonth, store).save(later)
    accounts = EventSourcedRepository(Today, store)
    today = accounts[STREAM]
    assert today.ceiling == Money(600, "EUR")
    today.ceiling = Money(7, "CHF")
    accounts.save(today)
    assert accounts[STREAM].ceiling == Money(7, "CHF")
    changes = [each for each in accounts.events(STREAM) if isinstance(each, AttributeChanged)]
    assert [(each.name, each.value) for each in changes] == [
        ("ceiling", Money(500, "EUR")),
        ("ceiling", Money(600, "EUR")),
        ("ceiling", Money(7, "CHF")),
    ]
    assert [(row.class_version, row.data) for row in store.read(STREAM)][1:] == [
        (0, b'{"name":"limit","value":5}'),
        (0, b'{"name":"limit","value":600,"@version":1}'),
        (0, b'{"name":"ceiling","value":{"cents":7,"currency":"CHF"},"@version":2}'),
    ]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b'{"name":"limit","value":5,"@version":3}', "class version 2 or older, found 3"),
        (b'{"name":"limit","value":5,"@version":-1}', "class version 2 or older, found -1"),
        (b'{"name":"limit","value":"many"}', "upcaster step to_cents cannot take it"),
        (b'{"name":"other","value":5}', "no @attribute 'other'"),
        (b'{"name":"limit","value":5,"version":1}', "unknown field `version`"),
    ],
)
def test_a_change_that_is_not_known_is_refused(data: bytes, word: str) -> None:
    store = MemoryStore()
    store.append(
        Append(
            [
                Record(STREAM, 0, "Opened", 0, 0, b"{}"),
                Record(STREAM, 1, "AttributeChanged", 0, 0, data),
            ],
            FREE,
        )
    )
    with pytest.raises(StoredDataError, match=word):
        EventSourcedRepository(Today, store)[STREAM]


@frozen
class Sealed(HashchainedEvent):
    pass


@define
class Vault(HashchainedAggregateRoot[Sealed]):
    _limit: int = 0

    @attribute
    def limit(self) -> int:
        return self._limit

    apply = ignores(Sealed).exhaustive


@define
class NewVault(HashchainedAggregateRoot[Sealed]):
    _bound: Money | None = None

    @attribute(aliases=("limit",), upcaster=upcasts(to_cents).then(to_open))
    def bound(self) -> Money | None:
        return self._bound

    apply = ignores(Sealed).exhaustive


def test_a_chain_still_verifies_after_its_attribute_was_renamed_and_retyped() -> None:
    store = MemoryStore()
    vault = Vault.create_with_id(STREAM, Sealed)
    vault.limit = 5
    EventSourcedRepository(Vault, store).save(vault)
    vaults = EventSourcedRepository(NewVault, store)
    new = vaults[STREAM]
    assert new.bound == Money(500, "EUR")
    new.bound = Money(1, "CHF")
    vaults.save(new)
    assert vaults[STREAM].bound == Money(1, "CHF")
    assert vaults.verify(STREAM).events == 3


@define
class Misfit(AggregateRoot[Opened]):
    _limit: int = 0

    @attribute(upcaster=upcasts(to_text))
    def limit(self) -> int:
        return self._limit

    apply = ignores(Opened).exhaustive


@define
class Twice(AggregateRoot[Opened]):
    _limit: int = 0
    _bound: int = 0

    @attribute(aliases=("bound",))
    def limit(self) -> int:
        return self._limit

    @attribute
    def bound(self) -> int:
        return self._bound

    apply = ignores(Opened).exhaustive


def call(function: object, *arguments: object) -> object:
    """Call a function with arguments that type checkers reject."""
    assert callable(function)
    returned: object = function(*arguments)
    return returned


def limit(_: object) -> int:
    return 0


def test_what_does_not_fit_is_refused_before_a_row_is_read() -> None:
    with pytest.raises(ModelError, match=r"@attribute limit: .*to_text, to return .* int; found str"):
        EventSourcedRepository(Misfit, MemoryStore())
    with pytest.raises(ModelError, match=r"Twice.limit: expected a former name of its own, found 'bound'"):
        EventSourcedRepository(Twice, MemoryStore())


@pytest.mark.parametrize(
    ("aliases", "upcaster", "finding"),
    [
        ("old", None, "aliases: expected a tuple of texts, found 'old'"),
        ((5,), None, "aliases: expected a tuple of texts"),
        ((), to_cents, "upcaster: expected an Upcaster, found <function to_cents"),
    ],
)
def test_what_is_no_history_is_refused(aliases: object, upcaster: object, finding: str) -> None:
    with pytest.raises(ModelError, match=f"@attribute limit: {finding}"):
        call(Attribute, limit, aliases, upcaster)


def rename_limit(old: dict[str, object]) -> dict[str, object]:
    return {**old, "name": "ceiling"}


@frozen
class Changed(AggregateEvent, AttributeChangedEvent, name="Changed", upcaster=upcasts(rename_limit)):
    name: str
    value: object


def test_the_event_of_a_change_may_have_an_upcaster_of_its_own() -> None:
    codec = EventCodec(Changed, (), plan_of(Today))
    header = (STREAM, 0, datetime(2026, 1, 1, tzinfo=UTC))
    event = codec.decode(header, b"", b'{"name":"other","value":5}', 0)
    assert (event.name, event.value) == ("ceiling", Money(500, "EUR"))


# --- items of collections --------------------------------------------------------------------------


class Prices(Collection[Money], item_upcaster=upcasts(to_cents).then(to_money)):
    pass


class Sales(Prices):
    pass


class Tags(Collection[str]):
    pass


@pytest.mark.parametrize("kind", [Prices, Sales])
def test_the_items_of_a_collection_are_upcast(kind: type[Prices]) -> None:
    store = MemoryStore()
    store.append(
        Append(
            [
                Record(STREAM, 0, "Collection.Created", 0, 0, b"{}"),
                Record(STREAM, 1, "Collection.ItemAdded", 0, 0, b'{"item":5}'),
                Record(STREAM, 2, "Collection.ItemAdded", 1, 0, b'{"item":600}'),
                Record(STREAM, 3, "Collection.ItemRemoved", 0, 0, b'{"item":6}'),
            ],
            FREE,
        )
    )
    collections = EventSourcedRepository(kind, store)
    prices = collections[STREAM]
    assert prices.items == {Money(500, "EUR")}
    prices.add_item(Money(1, "CHF"))
    collections.save(prices)
    assert collections[STREAM].items == {Money(500, "EUR"), Money(1, "CHF")}
    first, *_, last = store.read(STREAM)
    assert first.class_version == 0
    assert (last.class_version, last.data) == (2, b'{"item":{"cents":1,"currency":"CHF"}}')


def test_items_that_do_not_fit_name_their_row() -> None:
    store = MemoryStore()
    store.append(
        Append(
            [
                Record(STREAM, 0, "Collection.Created", 0, 0, b"{}"),
                Record(STREAM, 1, "Collection.ItemAdded", 0, 0, b"{}"),
            ],
            FREE,
        )
    )
    with pytest.raises(StoredDataError, match="`item`"):
        EventSourcedRepository(Prices, store)[STREAM]
    store.append(
        Append(
            [
                Record(UUID(int=6), 0, "Collection.Created", 0, 0, b"{}"),
                Record(UUID(int=6), 1, "Collection.ItemAdded", 3, 0, b'{"item":5}'),
            ],
            FREE,
        )
    )
    with pytest.raises(ClassVersionError):
        EventSourcedRepository(Prices, store)[UUID(int=6)]


def test_the_upcaster_of_items_is_compared_with_their_type() -> None:
    class Wrong(Collection[Money], item_upcaster=upcasts(to_text)):
        pass

    with pytest.raises(ModelError, match=r"ItemAdded.item: .*to_text, to return .*Money.*; found str"):
        EventSourcedRepository(Wrong, MemoryStore())
    given: dict[str, Upcaster[int, int] | object] = {"item_upcaster": to_cents}
    with pytest.raises(ModelError, match="Made: item_upcaster: expected an Upcaster"):
        type("Made", (Tags,), {}, **given)


@define
class Shared(AggregateRoot[Opened]):
    _limits: tuple[int, ...] = ()

    @attribute
    def limits(self) -> tuple[int, ...]:
        return self._limits

    apply = ignores(Opened).exhaustive


def test_a_wrong_value_of_an_attribute_is_named_by_class_attribute_and_place() -> None:
    shared = Shared.create(Opened)
    with pytest.raises(PayloadError, match=r"^Shared\.limits\[1\]: expected int, found str 'two'"):
        shared.change_attribute("limits", (1, "two"))
