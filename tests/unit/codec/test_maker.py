"""Makers: what they make is what the class makes, errors included."""

from __future__ import annotations

import copy
import pickle
from abc import ABC
from datetime import UTC, datetime
from typing import ClassVar, Generic, TypeVar
from uuid import UUID, uuid4

import attrs
import pytest
from attrs import define, field, frozen, validators
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, ignores
from esmodel.codec.instances import maker_of, open_class_of
from esmodel.model.events import stored_name_of
from esmodel.stores.memory import MemoryStore

T = TypeVar("T")
ID, MOMENT = uuid4(), datetime(2026, 11, 25, tzinfo=UTC)
told: list[str] = []


@frozen(kw_only=True)
class Paid(AggregateEvent):
    cents: int
    currency: str


@frozen(kw_only=True)
class WithDefaults(AggregateEvent):
    cents: int = 5
    tags: list[str] = field(factory=list[str])


@frozen(kw_only=True)
class Underscored(AggregateEvent):
    _secret: str
    plain: int = field(alias="other")


@frozen(kw_only=True)
class Empty(AggregateEvent):
    pass


@frozen(kw_only=True)
class Validated(AggregateEvent):
    cents: int = field(validator=validators.gt(0))


@frozen(kw_only=True)
class Converted(AggregateEvent):
    cents: int = field(converter=int)


@frozen(kw_only=True)
class Finished(AggregateEvent):
    cents: int

    def __attrs_post_init__(self) -> None:
        told.append(f"finished {self.cents}")


@frozen(kw_only=True, cache_hash=True)
class Hashed(AggregateEvent):
    cents: int


@frozen(kw_only=True, slots=False)
class WithoutSlots(AggregateEvent):
    cents: int


@frozen(kw_only=True)
class OfAType(AggregateEvent, Generic[T]):
    value: T


@frozen(kw_only=True)
class Abstract(AggregateEvent, ABC):
    cents: int


@frozen(kw_only=True)
class Own(AggregateEvent):
    cents: int

    def __init__(self, originator_id: UUID, version: int, moment: datetime, /, *, euros: int) -> None:
        self.__attrs_init__(originator_id, version, moment, cents=euros * 100)  # type: ignore[attr-defined]  # because attrs makes it at run time


class NoAttrs(Paid):
    pass


@pytest.mark.parametrize(
    ("event_class", "payload"),
    [
        (Paid, {"cents": 5, "currency": "EUR"}),
        (Paid, {"currency": "EUR", "cents": 5}),
        (WithDefaults, {"cents": 7, "tags": ["a"]}),
        (WithDefaults, {"cents": 7}),
        (WithDefaults, {}),
        (Underscored, {"secret": "x", "other": 1}),
        (Empty, {}),
        (Validated, {"cents": 1}),
        (Converted, {"cents": "12"}),
        (Finished, {"cents": 3}),
        (Hashed, {"cents": 3}),
        (WithoutSlots, {"cents": 3}),
        (OfAType, {"value": 1.5}),
        (Abstract, {"cents": 3}),
        (Own, {"euros": 3}),
        (NoAttrs, {"cents": 5, "currency": "EUR"}),
    ],
)
def test_a_maker_makes_what_the_class_makes(
    event_class: type[AggregateEvent], payload: dict[str, object]
) -> None:
    told.clear()
    made = maker_of(event_class)((), payload, ID, 3, MOMENT)
    called = event_class(ID, 3, MOMENT, **payload)
    assert made == called
    assert type(made) is event_class
    assert repr(made) == repr(called)
    assert len(told) in {0, 2}
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(made, "originator_version", 4)  # noqa: B010  # because type checkers know that it fails
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        delattr(made, "originator_version")  # because type checkers know that it fails
    if event_class is not WithoutSlots:  # a subclass without slots of one with: attrs forgets a field
        assert pickle.loads(pickle.dumps(made)) == called  # noqa: S301  # because these bytes are ours
        assert copy.deepcopy(made) == called
    if event_class is not WithDefaults:
        assert hash(made) == hash(called)


@pytest.mark.parametrize(
    ("event_class", "args", "payload"),
    [
        (Paid, (), {"cents": 5}),
        (Paid, (), {"cents": 5, "curency": "EUR"}),
        (Paid, (), {"cents": 5, "currency": "EUR", "more": 1}),
        (Paid, (5,), {"currency": "EUR"}),
        (Empty, (), {"cents": 5}),
        (Underscored, (), {"_secret": "x", "plain": 1}),
        (Validated, (), {"cents": 0}),
        (Converted, (), {"cents": "five"}),
    ],
)
def test_a_maker_fails_as_the_class_does(
    event_class: type[AggregateEvent], args: tuple[object, ...], payload: dict[str, object]
) -> None:
    with pytest.raises((TypeError, ValueError)) as expected:
        event_class(ID, 3, MOMENT, *args, **payload)
    with pytest.raises(type(expected.value)) as found:
        maker_of(event_class)(args, payload, ID, 3, MOMENT)
    assert str(found.value) == str(expected.value)


@given(st.integers(), st.text(), st.integers(0))
def test_any_payload_is_made_as_the_class_makes_it(cents: int, currency: str, version: int) -> None:
    made = maker_of(Paid)((), {"cents": cents, "currency": currency}, ID, version, MOMENT)
    assert made == Paid(ID, version, MOMENT, cents=cents, currency=currency)


def test_a_function_that_returns_an_event_is_called_and_not_kept() -> None:
    def paid(originator_id: UUID, version: int, moment: datetime, /, *, euros: int) -> Paid:
        return Paid(originator_id, version, moment, cents=euros * 100, currency="EUR")

    made = maker_of(paid)((), {"euros": 2}, ID, 0, MOMENT)
    assert made == Paid(ID, 0, MOMENT, cents=200, currency="EUR")
    assert maker_of(paid) is not maker_of(paid)


class Counting(AggregateEvent):
    names: ClassVar[list[str]] = []

    @override
    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Counting.names.append(cls.__name__)


def test_who_is_told_of_subclasses_is_told_of_those_that_were_written_only() -> None:
    @frozen(kw_only=True)
    class Counted(Counting):
        cents: int

    before = list(Counting.names)
    made = maker_of(Counted)((), {"cents": 3}, ID, 0, MOMENT)
    assert (made.cents, Counting.names) == (3, before)
    assert stored_name_of(Counted) == "Counted" == stored_name_of(made).rpartition(".")[2]


def test_what_can_have_no_open_class_has_none() -> None:
    assert open_class_of(WithoutSlots) is None
    assert open_class_of(Abstract) is None
    assert open_class_of(Paid) is open_class_of(Paid) is not None
    assert open_class_of(Counting) is None


@frozen(cache_hash=True)
class Money:
    cents: int


@frozen(kw_only=True, cache_hash=True)
class Moved(AggregateEvent):
    money: Money


@frozen(kw_only=True, cache_hash=True, slots=False)
class CountedOnce(AggregateEvent):
    cents: int


@define
class Account(AggregateRoot[Moved | CountedOnce]):
    moved, counted = ignores(Moved), ignores(CountedOnce)
    apply = (moved | counted).exhaustive


def test_an_event_that_was_loaded_has_the_hash_of_the_one_that_was_saved() -> None:
    accounts = EventSourcedRepository(Account, MemoryStore())
    account = Account.create(Moved, money=Money(5))
    account.trigger(CountedOnce, cents=5)
    saved = account.pending_events
    accounts.save(account)
    assert [hash(each) for each in accounts.events(account.id)] == [hash(each) for each in saved]
