"""The fingerprint of a state: it sees each nested shape, of every kind of class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from types import GenericAlias
from typing import Final, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar
from uuid import UUID

import pytest
from attrs import define, field, frozen

from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, Value, applies, upcasts
from esmodel.codec import DEFAULT_CODEC
from esmodel.codec.wire import union_of
from esmodel.repositories import SnapshotWarning
from esmodel.stores.memory import MemoryStore

T = TypeVar("T")


@frozen
class Holder(Generic[T]):
    value: T


def fingerprint_of(hint: object) -> str:
    return DEFAULT_CODEC.struct_codec(Holder, ["value"], (hint,)).fingerprint


def same(old: dict[str, object]) -> dict[str, object]:
    return old


def yesterday() -> Mapping[str, type[object]]:
    @frozen
    class Attrs:
        cents: int

    @dataclass
    class Data:
        cents: int

    class Named(NamedTuple):
        cents: int

    class Typed(TypedDict):
        cents: int

    class Optional(TypedDict):
        cents: int

    class OfText(Enum):
        RED = "red"

    class OfNumbers(IntEnum):
        RED = 1

    class Texts(StrEnum):
        RED = "red"

    class MixedNames(Enum):
        RED = (1, 2)

    class Bits(Flag):
        READ = 1
        WRITE = 2

    @frozen
    class Versioned(Value, upcaster=upcasts(same)):
        cents: int

    found: tuple[type[object], ...]
    found = (Attrs, Data, Named, Typed, Optional, OfText, OfNumbers, Texts, MixedNames, Bits, Versioned)
    return {each.__name__: each for each in found}


def today() -> Mapping[str, type[object]]:
    @frozen
    class Attrs:
        cents: int
        times: int = 0

    @dataclass
    class Data:
        cents: int
        times: int = 0

    class Named(NamedTuple):
        cents: int
        times: int = 0

    class Typed(TypedDict):
        cents: Decimal

    class Optional(TypedDict):
        cents: NotRequired[int]

    class OfText(Enum):
        RED = "scarlet"

    class OfNumbers(IntEnum):
        RED = 2

    class Texts(StrEnum):
        RED = "scarlet"

    class MixedNames(Enum):
        SCARLET = (1, 2)

    class Bits(Flag):
        READ = 2
        WRITE = 1

    @frozen
    class Versioned(Value, upcaster=upcasts(same).then(same)):
        cents: int

    found: tuple[type[object], ...]
    found = (Attrs, Data, Named, Typed, Optional, OfText, OfNumbers, Texts, MixedNames, Bits, Versioned)
    return {each.__name__: each for each in found}


def released(classes: Mapping[str, type[object]]) -> Mapping[str, type[object]]:
    """Return classes without the function around them in their names."""
    for name, cls in classes.items():
        cls.__qualname__ = name
    return classes


OLD: Final = released(yesterday())
NEW: Final = released(today())


def places(cls: type[object]) -> tuple[object, ...]:
    """Return types that contain a class."""
    return (
        cls,
        union_of([cls, None]),
        union_of([cls, Holder[int]]),
        GenericAlias(list, (cls,)),
        GenericAlias(tuple, (int, cls)),
        GenericAlias(dict, (str, GenericAlias(dict, (str, cls)))),
        GenericAlias(Holder, (cls,)),
    )


@pytest.mark.parametrize("name", OLD)
@pytest.mark.parametrize("place", range(7))
def test_a_nested_class_that_changed_changes_the_fingerprint(name: str, place: int) -> None:
    old, new = places(OLD[name])[place], places(NEW[name])[place]
    assert fingerprint_of(old) == fingerprint_of(places(OLD[name])[place])
    assert fingerprint_of(old) != fingerprint_of(new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Literal["a"], Literal["a", "b"]),
        (int | None, int),
        (list[int], list[str]),
        (dict[str, int], dict[int, int]),
    ],
)
def test_another_type_changes_the_fingerprint(old: object, new: object) -> None:
    assert fingerprint_of(old) != fingerprint_of(new)


@frozen
class Paid(AggregateEvent):
    cents: int


@dataclass
class Totals:
    cents: int = 0


@dataclass
class TotalsWithCount:
    cents: int = 0
    count: int = 0


TotalsWithCount.__qualname__ = "Totals"


@define
class Yesterday(AggregateRoot[Paid]):
    totals: Totals = field(factory=Totals)

    @applies
    def paid(self, event: Paid) -> None:
        self.totals = Totals(self.totals.cents + event.cents)

    apply = paid.exhaustive


@define
class Today(AggregateRoot[Paid]):
    totals: TotalsWithCount = field(factory=TotalsWithCount)

    @applies
    def paid(self, event: Paid) -> None:
        self.totals = TotalsWithCount(self.totals.cents + event.cents, self.totals.count + 1)

    apply = paid.exhaustive


def test_a_snapshot_of_a_dataclass_that_grew_is_passed_over() -> None:
    store = MemoryStore()
    account = Yesterday.create_with_id(UUID(int=1), Paid, cents=5)
    EventSourcedRepository(Yesterday, store, snapshot_every=1).save(account)
    accounts = EventSourcedRepository(Today, store)
    with pytest.warns(SnapshotWarning):
        assert accounts[account.id].totals == TotalsWithCount(5, 1)
