"""Strategies draw storable events, of every type that the codec carries."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from typing import Annotated, Generic, Literal, NewType, Protocol, TypeVar
from uuid import UUID

import pytest
from attrs import define, frozen
from hypothesis import find, given
from hypothesis import strategies as st
from typing_extensions import TypeAliasType

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    Codec,
    Collection,
    DomainEvent,
    ECCEvent,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    TypeHook,
    ignores,
)
from esmodel.exceptions import UnsupportedTypeError
from esmodel.model import (
    TimestampedEvent,
    TimeuuidedEvent,
    TimeuuidedVersionedEvent,
    VersionedEvent,
)
from esmodel.model.eventcodec import event_codecs_of
from esmodel.structures import CollectionCreated, ItemAdded
from esmodel.testing.laws import events, payloads, values
from esmodel.testing.scenarios.comparison import passed

T = TypeVar("T")


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Right(Flag):
    READ = 1
    WRITE = 2


@frozen
class Card:
    number: str


@frozen
class Cash:
    cents: int
    _note: str = "none"


@frozen
class Pair(Generic[T]):
    left: T
    right: T


Payment = TypeAliasType("Payment", Card | Cash)
Sku = NewType("Sku", str)


@frozen(kw_only=True)
class Everything(AggregateEvent):
    text: str
    whole: int
    part: float
    exact: Decimal
    key: UUID
    raw: bytes
    yes: bool
    none: None
    moment: dt.datetime
    day: dt.date
    hour: dt.time
    lasting: dt.timedelta
    color: Color
    level: Level
    right: Right
    card: Card
    payment: Payment
    maybe: Card | Cash | None
    pair: Pair[int]
    payments: tuple[Card | Cash, ...]
    fixed: tuple[int, str]
    numbers: list[int]
    unique: frozenset[UUID]
    mutable: set[str]
    some: Sequence[int]
    any_set: AbstractSet[str]
    by_name: dict[str, Decimal]
    by_key: Mapping[UUID, Pair[Color]]
    one_of: Literal["a", 1]
    sku: Sku
    short: Annotated[str, st.sampled_from(["x", "y"])]
    noted: Annotated[int, "a note"]


@define
class Holder(AggregateRoot[Everything]):
    everything = ignores(Everything)
    apply = everything.exhaustive


@given(event=events(Everything))
def test_every_type_of_the_codec_is_drawn_and_comes_back(event: Everything) -> None:
    _, again = passed(event_codecs_of(Holder), event)

    assert type(again) is Everything
    assert event.moment.tzinfo is dt.UTC
    assert event.short in {"x", "y"}
    assert event.part == event.part  # nan is not drawn


@frozen(kw_only=True)
class Signed(HashchainedEvent):
    text: str


@frozen(kw_only=True)
class Told(ECCEvent):
    text: str


@define
class Contract(HashchainedAggregateRoot[Signed]):
    signed = ignores(Signed)
    apply = signed.exhaustive


@define
class Story(AggregateRootWithECC[Told]):
    told = ignores(Told)
    apply = told.exhaustive


@given(signed=events(Signed), told=events(Told))
def test_headers_are_drawn_for_each_kind_of_aggregate(signed: Signed, told: Told) -> None:
    passed(event_codecs_of(Contract), signed)
    passed(event_codecs_of(Story), told)

    assert (len(signed.previous_hash), len(signed.event_hash)) == (32, 32)
    assert told.event_id.version == 4


@frozen(kw_only=True)
class Counted(VersionedEvent):
    count: int


@frozen(kw_only=True)
class Stamped(TimestampedEvent):
    count: int


@frozen(kw_only=True)
class Unique(TimeuuidedEvent):
    count: int


@frozen(kw_only=True)
class UniqueInOrder(TimeuuidedVersionedEvent):
    count: int


@given(one=st.one_of(events(Counted), events(Stamped)), other=events(Unique), ordered=events(UniqueInOrder))
def test_headers_are_drawn_for_entities_too(
    one: Counted | Stamped, other: Unique, ordered: UniqueInOrder
) -> None:
    assert one.originator_id.version == 4
    assert other.event_id.version == 1
    assert ordered.originator_version >= 0


@given(event=events(ItemAdded[Card | Cash]))
def test_a_generic_event_is_drawn_with_its_types(event: ItemAdded[Card | Cash]) -> None:
    passed(event_codecs_of(Collection, (Card | Cash,)), event)

    assert isinstance(event.item, (Card, Cash))


@given(event=events(Counted, count=st.just(5), originator_version=st.just(7)))
def test_a_field_may_have_its_own_strategy(event: Counted) -> None:
    assert (event.count, event.originator_version) == (5, 7)


@given(payload=payloads(Counted, count=st.integers(1, 2)))
def test_payloads_are_the_arguments_of_trigger(payload: dict[str, object]) -> None:
    assert payload in ({"count": 1}, {"count": 2})


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(ModelError, match=r"Counted has no field 'cuont'\. Its fields: count"):
        events(Counted, cuont=st.just(1))
    with pytest.raises(ModelError, match=r"CollectionCreated has no field 'item'\. Its fields: none"):
        payloads(CollectionCreated, item=st.just(1))


class Opaque(Protocol):
    def method(self) -> int: ...


@frozen(kw_only=True)
class Strange(AggregateEvent):
    what: Opaque


@frozen(kw_only=True)
class Anything(AggregateEvent):
    what: object


@pytest.mark.parametrize("event_class", [Strange, Anything])
def test_a_type_without_a_strategy_is_named_with_its_field(event_class: type[DomainEvent]) -> None:
    with pytest.raises(UnsupportedTypeError, match=rf"{event_class.__name__}\.what: .*Give the field"):
        events(event_class)


def test_an_open_type_variable_is_named() -> None:
    with pytest.raises(UnsupportedTypeError, match="Event"):
        events(ItemAdded)


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y


@frozen(kw_only=True)
class Moved(
    AggregateEvent,
    codec=Codec(TypeHook(Point, encode=lambda p: f"{p.x},{p.y}", decode=lambda _: Point(0, 0))),
):
    to: Point


def test_hypothesis_draws_a_type_with_a_hook() -> None:
    assert isinstance(find(events(Moved), lambda _: True).to, Point)


def test_values_draws_values_of_any_type() -> None:
    assert find(values(dict[int, bool] | None), lambda found: found is not None) == {}


WITHOUT = """
import sys
sys.modules["hypothesis"] = None
import esmodel.testing.scenarios
try:
    import esmodel.testing.laws
except ImportError as error:
    print(error)
"""


def test_laws_without_hypothesis_name_the_extra() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)

    assert done.stdout == (
        "esmodel.testing.laws: expected hypothesis, found none. "
        "Install it with the extra: pip install 'esmodel[testing]'.\n"
    )


def test_scenarios_load_neither_hypothesis_nor_pytest_and_the_kernel_loads_no_kit() -> None:
    code = (
        "import sys, esmodel; assert 'esmodel.testing' not in sys.modules; import esmodel.testing.scenarios; "
        "sys.exit(any(each in sys.modules for each in ('hypothesis', 'pytest')))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
