"""Which events a class of entities has, and what is wrong with those that cannot be stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, TypeVar
from uuid import UUID

import pytest
from attrs import define, field, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    DomainEvent,
    ECCEvent,
    EventSourcedRepository,
    ModelError,
    PayloadError,
    applies,
    attribute,
    caused_by,
    ignores,
)
from esmodel.exceptions import StoredDataError
from esmodel.model import Exhaustive
from esmodel.model.eventcodec import EventCodec, EventCodecs, event_codecs_of
from esmodel.model.plan import plan_of
from esmodel.rows import FREE, Append, Record
from esmodel.stores.memory import MemoryStore

STREAM: Final = UUID(int=3)
MOMENT: Final = datetime(2026, 11, 23, tzinfo=UTC)
TEvent = TypeVar("TEvent", bound=DomainEvent)


@frozen(kw_only=True)
class Opened(AggregateEvent):
    owner: str


@frozen(kw_only=True)
class Renamed(Opened):
    pass


class Bare(AggregateEvent):
    owner: str


@frozen
class Positional(AggregateEvent):
    owner: str


@frozen(kw_only=True)
class NotAnArgument(AggregateEvent):
    owner: str = field(init=False, default="")


@frozen(kw_only=True)
class SameName(AggregateEvent, name="Opened"):
    pass


@frozen(kw_only=True)
class SameAlias(AggregateEvent, aliases=("Opened",)):
    pass


@define
class Account(AggregateRoot[Opened]):
    owner: str
    _limit: int = 0

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    @attribute
    def limit(self) -> int:
        return self._limit

    apply = opened.exhaustive


def entity_of(*events: type[object]) -> type[AggregateRoot[AggregateEvent]]:
    """Return an aggregate that applies just these classes."""

    def nothing(state: object, event: object) -> None:
        """Change nothing."""

    body: dict[str, object] = {"apply": Exhaustive(dict.fromkeys(events, nothing)), "__slots__": ()}
    made: type[AggregateRoot[AggregateEvent]] = type("Holder", (AggregateRoot,), body)
    return define(made)


def test_a_class_is_written_under_its_name_by_its_own_fields() -> None:
    payload = event_codecs_of(Account).for_event(Opened(STREAM, 0, MOMENT, owner="Ada"))
    assert (payload.name, payload.class_version, payload.extra) == ("Opened", 0, ())
    assert payload.encode(Opened(STREAM, 0, MOMENT, owner="Ada")) == b'{"owner":"Ada"}'
    assert payload.encode_header(Opened(STREAM, 0, MOMENT, owner="Ada")) == b""


def test_what_the_registry_the_union_and_the_library_name_is_known() -> None:
    assert sorted(event_codecs_of(Account).by_name) == ["AttributeChanged", "Discarded", "Opened"]
    assert event_codecs_of(Account) is event_codecs_of(Account)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (Bare, "Bare: expected an attrs class"),
        (NotAnArgument, r"NotAnArgument\.owner: expected an argument of the class"),
        (int, "applies <class 'int'>: expected a DomainEvent"),
    ],
)
def test_a_class_that_is_written_wrongly_is_refused_at_once(event: type[object], sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        EventSourcedRepository(entity_of(event), MemoryStore())


@pytest.mark.parametrize("other", [SameName, SameAlias])
def test_two_classes_cannot_share_a_stored_name(other: type[AggregateEvent]) -> None:
    with pytest.raises(ModelError, match=rf"{other.__name__} and Opened both have the stored name"):
        EventCodecs(entity_of(Opened, other))


def test_the_base_of_all_events_may_be_the_union() -> None:
    assert "DomainEvent" not in EventCodecs(entity_of(DomainEvent, Opened)).by_name


def test_an_event_that_only_a_handler_of_its_base_takes_has_no_name() -> None:
    store = MemoryStore()
    accounts = EventSourcedRepository(Account, store)
    account = Account.create(Opened, owner="Ada")
    account.trigger(Renamed, owner="Bob")
    assert account.owner == "Bob"
    with pytest.raises(ModelError, match=r"ignores\(Renamed\)"):
        accounts.save(account)
    assert list(store.read(account.id)) == []
    assert len(account.pending_events) == 2


def test_a_changed_attribute_is_written_by_its_name_and_value() -> None:
    account = Account.create(Opened, owner="Ada")
    account.limit = 500
    store = MemoryStore()
    EventSourcedRepository(Account, store).save(account)
    _, changed = store.read(account.id)
    assert (changed.name, changed.data) == ("AttributeChanged", b'{"name":"limit","value":500}')


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b'{"name":"owner","value":5}', "no @attribute 'owner'"),
        (b'{"name":"limit","value":"5"}', "int"),
        (b'{"name":"limit"}', "value"),
        (b'{"name":"limit","value":5,"more":1}', "more"),
        (b"5", "object"),
    ],
)
def test_a_changed_attribute_of_another_shape_is_refused(data: bytes, word: str) -> None:
    store = MemoryStore()
    store.append(Append([
        Record(STREAM, 0, "Opened", 0, 0, b'{"owner":"Ada"}'),
        Record(STREAM, 1, "AttributeChanged", 0, 0, data),
    ], FREE))  # fmt: skip
    with pytest.raises(StoredDataError, match=word) as caught:
        EventSourcedRepository(Account, store).get_entity(STREAM)
    assert caught.value.position == 1


@frozen(kw_only=True)
class Asked(ECCEvent):
    text: str


@define
class Question(AggregateRootWithECC[Asked]):
    asked = ignores(Asked)
    apply = asked.exhaustive


def test_the_part_of_the_header_without_a_column_is_kept_beside_the_payload() -> None:
    store = MemoryStore()
    questions = EventSourcedRepository(Question, store)
    first = Question.create(Asked, text="a")
    (cause,) = first.pending_events
    assert isinstance(cause, Asked)
    with caused_by(cause):
        second = Question.create(Asked, text="b")
    (effect,) = second.pending_events
    questions.save(first)
    questions.save(second)
    assert list(questions.events(first.id)) == [cause]
    assert list(questions.events(second.id)) == [effect]
    assert isinstance(effect, Asked)
    assert (effect.correlation_id, effect.causation_id) == (cause.correlation_id, cause.event_id)


@pytest.mark.parametrize("header", [b"", b"{}", b'{"event_id":5}'])
def test_a_header_of_another_shape_is_refused(header: bytes) -> None:
    store = MemoryStore()
    store.append(Append([Record(STREAM, 0, "Asked", 0, 0, b'{"text":"a"}', header)], FREE))
    with pytest.raises(StoredDataError) as caught:
        EventSourcedRepository(Question, store).get_entity(STREAM)
    assert (caught.value.originator_id, caught.value.position) == (STREAM, 0)


@frozen(kw_only=True)
class Kept(AggregateEvent):
    value: frozenset[int]


def test_a_value_that_cannot_be_written_is_named_with_its_class() -> None:
    payload = EventCodec(Kept, (), plan_of(Account))
    with pytest.raises(PayloadError, match=r"Kept\.value: expected frozenset\[int\], found int 5"):
        payload.encode(Kept(STREAM, 0, MOMENT, value=5))  # type: ignore[arg-type]  # the point
