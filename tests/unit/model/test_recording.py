"""What is stored is what was triggered, whoever changes a list afterwards, and however a hook encodes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count
from typing import Generic, Self, TypeVar
from uuid import UUID

import pytest
from attrs import define, field, frozen
from typing_extensions import override

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    Codec,
    ECCEvent,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    PayloadError,
    TypeHook,
    applies,
    attribute,
    ignores,
    subscribe,
)
from esmodel.model import DomainEvent
from esmodel.stores.memory import MemoryStore

T = TypeVar("T")


class Secret:
    """A text that is encrypted, differently each time."""

    def __init__(self, text: str) -> None:
        self.text = text

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.text == self.text

    @override
    def __hash__(self) -> int:
        return hash(self.text)


NONCES = count()
ENCRYPTING = Codec(
    TypeHook(
        Secret,
        encode=lambda secret: f"{next(NONCES)}:{secret.text}",
        decode=lambda text: Secret(text.partition(":")[2]),
    )
)


@frozen
class Listed(AggregateEvent):
    lines: list[str]


@frozen
class Named(AggregateEvent):
    name: str
    weights: tuple[float, ...] = ()


@frozen
class Told(AggregateEvent, codec=ENCRYPTING):
    secret: Secret


@define
class Cart(AggregateRoot[Listed | Named | Told]):
    lines: list[str] = field(factory=list[str])
    secret: Secret | None = None
    _tags: list[str] = field(factory=list[str])

    @applies
    def listed(self, event: Listed) -> None:
        self.lines = event.lines

    @applies
    def told(self, event: Told) -> None:
        self.secret = event.secret

    @attribute
    def tags(self) -> list[str]:
        return self._tags

    def check_out(self) -> None:
        self.trigger(Listed, lines=self.lines)
        self.lines.clear()

    apply = (listed | told | ignores(Named)).exhaustive


@frozen
class ChainListed(HashchainedEvent):
    lines: list[str]


@frozen
class ChainTold(HashchainedEvent, codec=ENCRYPTING):
    secret: Secret


@frozen
class ChainNamed(HashchainedEvent):
    name: str


@define
class Chain(HashchainedAggregateRoot[ChainListed | ChainTold | ChainNamed]):
    lines: list[str] = field(factory=list[str])

    @applies
    def listed(self, event: ChainListed) -> None:
        self.lines = event.lines
        self.lines.append("by the handler")

    apply = (listed | ignores(ChainTold) | ignores(ChainNamed)).exhaustive


@frozen
class CausedList(ECCEvent):
    lines: list[str]


@define
class Caused(AggregateRootWithECC[CausedList]):
    lines: list[str] = field(factory=list[str])

    @applies
    def listed(self, event: CausedList) -> None:
        self.lines = event.lines

    apply = listed.exhaustive


def test_a_list_that_the_caller_changes_is_stored_as_it_was_triggered() -> None:
    carts = EventSourcedRepository(Cart, MemoryStore())
    lines = ["tea"]
    cart = Cart.create(Listed, lines=lines)
    lines.append("later")
    carts.save(cart)
    assert carts[cart.id].lines == cart.lines == ["tea"]


def test_a_list_that_the_state_shares_with_the_event_is_stored_as_it_was_triggered() -> None:
    carts = EventSourcedRepository(Cart, MemoryStore())
    cart = Cart.create(Listed, lines=["tea"])
    cart.check_out()
    assert [event.lines for event in cart.pending_events if isinstance(event, Listed)] == [["tea"], ["tea"]]
    carts.save(cart)
    assert [event.lines for event in carts.events(cart.id) if isinstance(event, Listed)] == [["tea"], ["tea"]]


def test_the_value_of_an_attribute_is_stored_as_it_was_assigned() -> None:
    carts = EventSourcedRepository(Cart, MemoryStore())
    cart = Cart.create(Named, name="one")
    tags = ["a"]
    cart.tags = tags
    tags.append("b")
    cart.tags.append("c")
    carts.save(cart)
    assert carts[cart.id].tags == ["a"]


def test_subscribers_get_what_is_stored() -> None:
    carts = EventSourcedRepository(Cart, MemoryStore())
    heard: list[DomainEvent] = []
    cart = Cart.create(Listed, lines=["tea"])
    cart.lines.append("changed")
    with subscribe(heard.extend):
        carts.save(cart)
    assert heard == list(carts.events(cart.id))


def test_a_chain_signs_what_it_stores() -> None:
    chains = EventSourcedRepository(Chain, MemoryStore())
    lines = ["tea"]
    chain = Chain.create(ChainListed, lines=lines)
    lines.append("later")
    chain.trigger(ChainNamed, name="one")
    chain.trigger(ChainTold, secret=Secret("s"))
    chains.save(chain)
    loaded = chains[chain.id]
    assert (loaded.lines, loaded.head) == (["tea", "by the handler"], chain.head)
    assert [each.lines for each in chains.events(chain.id) if isinstance(each, ChainListed)] == [["tea"]]


def test_a_hook_is_asked_once_for_each_event_that_is_stored() -> None:
    store = MemoryStore()
    carts = EventSourcedRepository(Cart, store)
    cart = Cart.create(Told, secret=Secret("s"))
    before = next(NONCES)
    carts.save(cart)
    assert next(NONCES) == before + 1
    assert carts[cart.id].secret == Secret("s")


def test_an_aggregate_with_causes_keeps_its_header() -> None:
    repository = EventSourcedRepository(Caused, MemoryStore())
    lines = ["tea"]
    caused = Caused.create(CausedList, lines=lines)
    lines.append("later")
    (pending,) = caused.pending_events
    repository.save(caused)
    (event,) = repository.events(caused.id)
    assert event == pending
    assert isinstance(event, CausedList)
    assert event.lines == ["tea"]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"name": 5}, r"Named\.name: expected str, found int 5\."),
        ({"name": "\ud800"}, r"Named\.name: expected text that UTF-8 can express"),
        ({"name": "a", "weights": (1.0, True)}, r"Named\.weights\[1\]: expected float, found bool True\."),
        ({"name": "a", "weights": [1.0]}, r"Named\.weights: expected tuple\[float\], found list \[1\.0\]\."),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused_at_the_trigger(
    payload: dict[str, object], message: str
) -> None:
    cart = Cart.create(Named, name="one")
    with pytest.raises(PayloadError, match=message):
        cart.trigger(Named, **payload)  # type: ignore[arg-type]  # because it is to be refused
    assert (cart.version, len(cart.pending_events)) == (0, 1)
    cart.trigger(Named, name="two")
    assert cart.version == 1


def shout(name: str) -> str:
    return name.upper()


@frozen
class Shouted(AggregateEvent):
    name: str = field(converter=shout)
    times: int = 1


@define
class Crier(AggregateRoot[Shouted]):
    apply = ignores(Shouted).exhaustive


def test_a_converted_value_is_checked_after_its_converter() -> None:
    crier = Crier.create(Shouted, name="a")
    assert [event.name for event in crier.pending_events if isinstance(event, Shouted)] == ["A"]
    with pytest.raises(PayloadError, match=r"Shouted\.times: expected int, found str 'no'"):
        crier.trigger(Shouted, name="a", times="no")  # type: ignore[arg-type]  # because it is to be refused


@frozen
class Put(AggregateEvent, Generic[T]):
    item: T


@define
class Box(AggregateRoot[Put[T]], Generic[T]):
    items: list[T] = field(factory=list[T])

    @classmethod
    def of(cls, item: T) -> Self:
        return cls.create(Put[T], item=item)

    @applies
    def put(self, event: Put[T]) -> None:
        self.items.append(event.item)

    apply = put.exhaustive


def test_a_payload_whose_type_only_the_repository_knows_is_checked_when_it_is_saved() -> None:
    boxes = EventSourcedRepository(Box[int], MemoryStore())
    box = Box[int].of(5)
    boxes.save(box)
    assert boxes[box.id].items == [5]
    with pytest.raises(PayloadError, match=r"Put\.item: expected int, found str 'no'"):
        boxes.save(Box[str].of("no"))  # type: ignore[arg-type]  # because it is to be refused


def test_a_function_that_returns_an_event_is_encoded_too() -> None:
    cart = Cart.create(Named, name="one")
    shared = ["a"]

    def listed(originator_id: UUID, version: int, timestamp: datetime, /, *, line: str) -> Listed:
        shared.append(line)
        return Listed(originator_id, version, timestamp, shared)

    cart.trigger(listed, line="b")
    shared.append("c")
    assert [each.lines for each in cart.pending_events if isinstance(each, Listed)] == [["a", "b"]]


def test_collected_events_are_those_that_were_triggered() -> None:
    cart = Cart.create(Listed, lines=["tea"])
    cart.lines.append("changed")
    collected: Sequence[AggregateEvent] = cart.collect_events()
    assert [each.lines for each in collected if isinstance(each, Listed)] == [["tea"]]
    assert cart.pending_events == ()


def test_a_function_may_return_the_event_of_an_aggregate_whose_type_is_open() -> None:
    def put(originator_id: UUID, version: int, timestamp: datetime, /, *, item: int) -> Put[int]:
        return Put(originator_id, version, timestamp, item)

    box = Box[int].of(5)
    box.trigger(put, item=6)
    assert box.items == [5, 6]


def pickled(cart: Cart) -> Cart:
    again: object = pickle.loads(pickle.dumps(cart))  # noqa: S301  # because it was written here
    assert isinstance(again, Cart)
    return again


@pytest.mark.parametrize("copies", [copy.copy, copy.deepcopy, pickled])
def test_a_copy_shares_nothing_with_its_original(copies: Callable[[Cart], Cart]) -> None:
    cart = Cart.create(Listed, lines=["tea"])
    twin = copies(cart)
    twin.lines.append("changed")
    twin.trigger(Named, name="two")
    assert (cart.lines, cart.version, len(cart.pending_events)) == (["tea"], 0, 1)
    assert (twin.lines, twin.version, len(twin.pending_events)) == (["tea", "changed"], 1, 2)
    assert twin.pending_events[0] == cart.pending_events[0]
