"""Fast construction: the result, or the error, is that of the class."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from typing import ClassVar, Final
from uuid import UUID, uuid4

import attrs
import pytest
from attrs import define, frozen
from event_classes import (
    Abstract,
    Caused,
    Converted,
    Empty,
    Finished,
    Hashed,
    HeaderWithDefault,
    Inherited,
    NewStyle,
    NoAttrs,
    OfAType,
    Own,
    Paid,
    PartlyByKeyword,
    Plain,
    PlainEmpty,
    PlainWithDefaults,
    Sealed,
    Shuffled,
    Underscored,
    Validated,
    WithDefaults,
    WithoutSlots,
    told,
)
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, ignores
from esmodel.codec.instances import maker_of, mutable_class_of
from esmodel.model.events import stored_name_of
from esmodel.stores.memory import MemoryStore

ID, MOMENT = uuid4(), datetime(2026, 11, 25, tzinfo=UTC)
UNHASHABLE: Final[tuple[type[AggregateEvent], ...]] = (WithDefaults, PlainWithDefaults)


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
        (Plain, {"cents": 5, "currency": "EUR"}),
        (Plain, {"currency": "EUR", "cents": 5}),
        (PlainWithDefaults, {"cents": 7, "tags": ["a"]}),
        (PlainWithDefaults, {"tags": ["a"]}),
        (PlainWithDefaults, {}),
        (PlainEmpty, {}),
        (Inherited, {"cents": 5, "currency": "EUR", "more": 1}),
        (Inherited, {"cents": 5, "currency": "EUR"}),
        (PartlyByKeyword, {"cents": 5, "currency": "EUR"}),
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
    if event_class not in UNHASHABLE:
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
        (Plain, (), {"cents": 5}),
        (Plain, (), {"cents": 5, "curency": "EUR"}),
        (Plain, (5, "EUR"), {"currency": "EUR"}),
        (Plain, (5, "EUR", 1), {}),
        (Plain, (5,), {}),
        (Plain, (), {"cents": 5, "originator_id": ID}),
        (PlainEmpty, (5,), {}),
        (PartlyByKeyword, (5, "EUR"), {}),
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


@pytest.mark.parametrize(
    ("event_class", "args", "payload"),
    [
        (Plain, (5, "EUR"), {}),
        (Plain, (5,), {"currency": "EUR"}),
        (PlainWithDefaults, (7,), {}),
        (Inherited, (5, "EUR", 1), {}),
        (PartlyByKeyword, (5,), {"currency": "EUR"}),
    ],
)
def test_a_positional_payload_is_made_as_the_class_makes_it(
    event_class: type[AggregateEvent], args: tuple[object, ...], payload: dict[str, object]
) -> None:
    made = maker_of(event_class)(args, payload, ID, 3, MOMENT)
    assert made == event_class(ID, 3, MOMENT, *args, **payload)
    assert type(made) is event_class


def test_every_kind_of_event_has_its_own_header() -> None:
    sealed = maker_of(Sealed)((), {"cents": 5}, ID, 3, MOMENT, b"1", b"2")
    assert sealed == Sealed(ID, 3, MOMENT, b"1", b"2", 5)
    caused = maker_of(Caused)((), {"cents": 5}, ID, 3, MOMENT, ID, ID, None)
    assert caused == Caused(ID, 3, MOMENT, ID, ID, None, 5)


def refuse(*args: object, **kwargs: object) -> None:
    """Stand for an ``__init__`` that must not be called."""
    msg = "the class was called"
    raise AssertionError(msg)


@pytest.mark.parametrize(
    "event_class", [Plain, Paid, Inherited, PartlyByKeyword, PlainEmpty, Sealed, NewStyle]
)
def test_a_payload_by_keyword_does_not_go_through_init(
    event_class: type[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    header: dict[object, tuple[object, ...]] = {Sealed: (ID, 3, MOMENT, b"1", b"2"), NewStyle: (ID, 3)}
    payload = {"cents": 5, "currency": "EUR", "more": 1}
    names = {name: payload[name] for name in payload if hasattr(event_class, name)}
    make = maker_of(event_class)
    monkeypatch.setattr(event_class, "__init__", refuse)
    made = make((), names, *header.get(event_class, (ID, 3, MOMENT)))
    assert {name: getattr(made, name) for name in names} == names


def test_a_header_that_is_not_the_first_positional_fields_is_passed_to_the_class() -> None:
    assert maker_of(HeaderWithDefault)((), {"cents": 1}, ID, 3) == HeaderWithDefault(ID, 3, 1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(maker_of(Shuffled)((), {"cents": 1}, ID, 3), "version", 4)  # noqa: B010
    assert maker_of(Shuffled)((), {"cents": 1}, ID, 3) == Shuffled(ID, 3, 1)


@given(st.integers(), st.text(), st.integers(0))
def test_any_payload_is_made_as_the_class_makes_it(cents: int, currency: str, version: int) -> None:
    made = maker_of(Paid)((), {"cents": cents, "currency": currency}, ID, version, MOMENT)
    assert made == Paid(ID, version, MOMENT, cents=cents, currency=currency)


def test_a_function_that_returns_an_event_is_called_and_not_cached() -> None:
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


def test_the_helper_subclass_is_hidden_from_init_subclass() -> None:
    @frozen(kw_only=True)
    class Counted(Counting):
        cents: int

    before = list(Counting.names)
    made = maker_of(Counted)((), {"cents": 3}, ID, 0, MOMENT)
    assert (made.cents, Counting.names) == (3, before)
    assert stored_name_of(Counted) == "Counted"


def test_a_class_without_slots_or_with_a_metaclass_has_no_mutable_class() -> None:
    assert mutable_class_of(WithoutSlots) is None
    assert mutable_class_of(Abstract) is None
    assert mutable_class_of(Paid) is mutable_class_of(Paid) is not None
    assert mutable_class_of(Counting) is None


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
