"""Models that are refused in a sentence, and the corners of what is accepted."""

from __future__ import annotations

import types
from datetime import UTC, datetime
from operator import methodcaller
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import pytest
from attrs import define, field, frozen
from typing_extensions import override

import esmodel
from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AttributeChanged,
    Codec,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    applies,
    attribute,
    ignores,
    model,
    retry,
    subscribe,
    upcasts,
)
from esmodel.codec.instances import maker_of
from esmodel.exceptions import ApplyError, PublishError
from esmodel.model import AttributeChangedEvent, EntityWithHashchain, SnapshotCodec
from esmodel.model.closures import repair_class_cells
from esmodel.model.eventcodec import event_codecs_of
from esmodel.stores.memory import MemoryStore
from esmodel.testing.scenarios import ScenarioError, scenario

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@frozen
class Opened(AggregateEvent):
    owner: str = ""


@frozen
class Closed(AggregateEvent):
    pass


def class_of(bases: tuple[type[object], ...], body: dict[str, object], **keywords: object) -> type[object]:
    """Make a class that no type checker would let pass."""
    return types.new_class("Made", bases, keywords, lambda namespace: namespace.update(body))


# --- super(), one class a place: the functions of one class body share a cell ----------------------


@define
class Base(AggregateRoot[Opened | Closed]):
    notes: int = 0
    _limit: int = 5

    def note(self) -> int:
        self.notes += 1
        return self.notes


@define
class InHandler(Base):
    @applies
    def opened(self, event: Opened) -> None:
        super().note()

    apply = (opened | ignores(Closed)).exhaustive


@define
class InAttribute(Base):
    @attribute
    def limit(self) -> int:
        return super().note() + self._limit

    apply = ignores(Opened | Closed).exhaustive


@define
class InRetriedMethod(Base):
    @retry(ValueError, attempts=2, wait=0.0)
    def twice(self) -> int:
        return super().note() + super().note()

    apply = ignores(Opened | Closed).exhaustive


@define
class InRetriedClassMethod(Base):
    @classmethod
    @retry(ValueError, attempts=2, wait=0.0)
    def opened_by(cls, owner: str) -> Base:
        return super().create(Opened, owner=owner)

    apply = ignores(Opened | Closed).exhaustive


def test_super_works_where_it_stands_alone() -> None:
    assert InHandler.create(Opened).notes == 1
    assert InAttribute.create(Opened).limit == 6
    assert InRetriedMethod.create(Opened).twice() == 3
    assert isinstance(InRetriedClassMethod.opened_by("Ada"), InRetriedClassMethod)


def test_a_class_of_the_same_name_leaves_the_handlers_of_its_base_alone() -> None:
    @define
    class Account(Base):
        @applies
        def opened(self, event: Opened) -> None:
            super().note()

        apply = (opened | ignores(Closed)).exhaustive

    first: type[Base] = Account

    @define
    class Special(Account):
        pass

    Special.__qualname__ = first.__qualname__
    again = class_of((first,), {"apply": first.apply, "__qualname__": first.__qualname__})
    define(again)
    assert first.create(Opened).notes == 1


# --- events ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"name": 5}, "name: expected a text, found 5"),
        ({"name": ""}, "name: expected a text, found ''"),
        ({"aliases": "old"}, "aliases: expected a tuple of texts, found 'old'"),
        ({"aliases": (5,)}, r"aliases: expected a tuple of texts, found \(5,\)"),
        ({"upcaster": len}, "upcaster: expected an Upcaster"),
        ({"codec": 5}, "codec: expected a Codec, found 5"),
    ],
)
def test_a_keyword_of_an_event_with_a_wrong_value_is_refused(
    keywords: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ModelError, match=sentence):
        class_of((AggregateEvent,), {}, **keywords)


@pytest.mark.parametrize("keywords", [{"codec": 5}, {"snapshot_upcaster": len}])
def test_a_keyword_of_an_aggregate_with_a_wrong_value_is_refused(keywords: dict[str, object]) -> None:
    with pytest.raises(ModelError, match=r"Made: .*: expected "):
        class_of((AggregateRoot,), {}, **keywords)


@pytest.mark.parametrize("given", [b"short", "x" * 32, 5])
def test_a_genesis_hash_has_32_bytes(given: object) -> None:
    with pytest.raises(ModelError, match="genesis_hash: expected 32 bytes"):
        class_of((HashchainedAggregateRoot,), {}, genesis_hash=given)


def test_what_keywords_leave_out_is_inherited() -> None:
    codec = Codec()

    def step(old: dict[str, int]) -> dict[str, int]:
        return old

    @define
    class Plain(AggregateRoot[Opened], codec=codec, snapshot_upcaster=upcasts(step)):
        balance: int = 0
        apply = ignores(Opened).exhaustive

    @define
    class Special(Plain):
        pass

    assert SnapshotCodec(Special).class_version == 1


@frozen(slots=False)
class By:
    by: str


def test_a_mixin_before_the_header_is_refused() -> None:
    mixed = frozen(class_of((AggregateEvent, By), {"__annotations__": {"x": int}}))
    holder = define(class_of((AggregateRoot,), {"apply": exhaustive_of(mixed)}))
    with pytest.raises(ModelError, match=r"Made: expected the header originator_id, .* first"):
        repository_of(holder)


def exhaustive_of(*events: object) -> object:
    loose: object = vars(esmodel)["ignores"]
    assert callable(loose)
    ignored: object = loose(*events)
    return vars(type(ignored))["exhaustive"].fget(ignored)


def repository_of(cls: type[object]) -> object:
    loose: object = vars(esmodel)["EventSourcedRepository"]
    assert callable(loose)
    made: object = loose(cls, MemoryStore())
    return made


def test_a_changed_attribute_has_two_fields() -> None:
    changed = frozen(class_of((AggregateEvent, AttributeChangedEvent), {"__annotations__": {"who": str}}))
    holder = define(class_of((AggregateRoot,), {"apply": exhaustive_of(changed)}))
    with pytest.raises(
        ModelError, match="expected the fields name and value of a changed attribute, found who"
    ):
        repository_of(holder)


def test_an_event_that_is_no_change_is_not_written_as_one() -> None:
    codec = event_codecs_of(AggregateRoot).by_class[AttributeChanged]
    with pytest.raises(ModelError, match="expected the event of a changed attribute"):
        codec.encode(Opened(UUID(int=1), 0, MOMENT))


T = TypeVar("T")


@frozen
class Added(AggregateEvent, Generic[T]):
    item: T


@define
class Twice(AggregateRoot[Added[int] | Added[float]]):
    apply = ignores(Added[int], Added[float]).exhaustive


def test_one_generic_event_with_two_types_is_refused() -> None:
    with pytest.raises(ModelError, match=r"expected each event with one type, found .*Added"):
        EventSourcedRepository(Twice, MemoryStore())


# --- annotations ------------------------------------------------------------------------------------


def test_an_annotation_that_cannot_be_evaluated_is_refused() -> None:
    def handle(state: object, event: object) -> None:
        """Change nothing."""

    handle.__annotations__["event"] = "Opened.Nope"
    with pytest.raises(ModelError, match=r"handle: expected an annotation .* found 'Opened\.Nope'"):
        applies(handle)


class HasOwner(Protocol):
    @property
    def owner(self) -> str: ...


def test_a_handler_of_a_protocol_names_its_event() -> None:
    @applies(Opened)
    def handle(state: list[str], event: HasOwner) -> None:
        state.append(event.owner)

    assert handle.event_classes == (Opened,)
    with pytest.raises(ApplyError, match="expected a class of events"):

        @applies
        def bare(state: list[str], event: HasOwner) -> None:
            """Change nothing."""


def test_the_type_of_an_attribute_may_be_defined_later() -> None:
    @define
    class Account(AggregateRoot[Opened]):
        _limit: Limit | None = None
        apply = ignores(Opened).exhaustive

        @attribute
        def limit(self) -> Limit | None:
            return self._limit

    accounts = EventSourcedRepository(Account, MemoryStore())
    account = Account.create(Opened)
    account.limit = Limit(5)
    accounts.save(account)
    assert accounts[account.id].limit == Limit(5)


@frozen
class Limit:
    cents: int


def test_an_attribute_without_its_field_is_refused() -> None:
    def limit(self: object) -> int:
        return 5

    made = define(class_of((AggregateRoot,), {"apply": exhaustive_of(Opened), "limit": attribute(limit)}))
    with pytest.raises(ModelError, match="expected a field _limit"):
        repository_of(made)


def test_a_handler_of_a_changed_attribute_runs_after_the_change() -> None:
    @define
    class Account(AggregateRoot[Opened | AttributeChanged]):
        _limit: int = 0
        changes: int = 0

        @applies
        def changed(self, event: AttributeChanged) -> None:
            self.changes += self._limit

        apply = (changed | ignores(Opened)).exhaustive

        @attribute
        def limit(self) -> int:
            return self._limit

    account = Account.create(Opened)
    account.limit = 5
    assert (account.limit, account.changes) == (5, 5)


# --- what an entity shows ----------------------------------------------------------------------------


def test_an_entity_shows_its_state_and_what_is_not_set_yet() -> None:
    shown: list[str] = []

    @define
    class Account(AggregateRoot[Opened]):
        owner: str
        secret: str = field(default="x", repr=False)
        cents: int = field(default=500, repr=lambda cents: f"{cents / 100:.2f}")

        @applies
        def opened(self, event: Opened) -> None:
            shown.append(repr(self))
            self.owner = event.owner

        apply = opened.exhaustive

    account = Account.create(Opened, owner="Ada")
    name = "test_an_entity_shows_its_state_and_what_is_not_set_yet.<locals>.Account"
    assert shown == [f"{name}(id={account.id!r}, version=-1, owner=<unset>, cents=5.00)"]
    assert repr(account) == f"{name}(id={account.id!r}, version=0, owner='Ada', cents=5.00)"


def test_a_class_may_show_itself() -> None:
    @define
    class Account(AggregateRoot[Opened]):
        apply = ignores(Opened).exhaustive

        @override
        def __repr__(self) -> str:
            return "mine"

    assert repr(Account.create(Opened)) == "mine"


# --- chains -------------------------------------------------------------------------------------------


@frozen
class Signed(HashchainedEvent):
    text: str


@define
class Note(EntityWithHashchain[Signed]):
    apply = ignores(Signed).exhaustive


def test_a_chain_does_not_fork_when_a_subscriber_raises() -> None:
    published: list[object] = []
    note = Note.create(Signed, text="one")

    def fail(batch: object) -> None:
        published.append(batch)
        raise LookupError

    with subscribe(fail), pytest.raises(PublishError):
        note.trigger(Signed, text="two")
    with subscribe(published.append):
        note.trigger(Signed, text="three")
    assert note.version == 2
    assert len(published) == 2


# --- corners -----------------------------------------------------------------------------------------


@frozen
class Plain:
    cents: int


def test_an_attrs_class_without_a_header_is_made_by_its_own_call() -> None:
    assert maker_of(Plain)((), {"cents": 5}) == maker_of(Plain)((5,), {}) == Plain(5)


class Shown:
    def shown(self) -> str:
        return super().__repr__()


def test_what_is_no_class_of_events_is_not_given() -> None:
    given = methodcaller("given", 5)
    with pytest.raises(ModelError, match="InHandler: expected a class of events, found 5"):
        given(scenario(InHandler))


def test_the_kit_takes_a_payload_by_position() -> None:
    given = scenario(InHandler).given(Opened, "Ada")
    assert [each.owner for each in given.events if isinstance(each, Opened)] == ["Ada"]
    outcome = scenario(InHandler).when(lambda: InHandler.create(Opened, "Ada"))
    with pytest.raises(ScenarioError, match="owner 'Bob', found 'Ada'"):
        outcome.then(Opened, "Bob")


def test_what_is_no_aggregate_has_no_snapshots() -> None:
    with pytest.raises(ModelError, match="Plain: expected an aggregate"):
        vars(model)["SnapshotCodec"](Plain)


def test_a_function_whose_class_is_not_there_yet_is_left_alone() -> None:
    empty = types.CellType()
    function = types.FunctionType(Shown.shown.__code__, {}, closure=(empty,))
    repair_class_cells(class_of((), {"function": function}))
    with pytest.raises(ValueError, match="empty"):
        assert empty.cell_contents
