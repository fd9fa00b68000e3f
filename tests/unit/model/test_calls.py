"""Calls and models that are wrong end in an error of ours, with class and field."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from functools import partial
from operator import methodcaller
from types import new_class
from uuid import UUID

import attrs
import pytest
from attrs import define, field, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    DomainEvent,
    ECCEvent,
    EventSourcedArrayRepository,
    EventSourcedBigArrayRepository,
    EventSourcedRepository,
    EventSourcedTimeBucketedLogRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    applies,
    ignores,
    subscribe,
    subscribe_to,
)
from esmodel.exceptions import ApplyError
from esmodel.model import EventBus, TimeuuidedVersionedEvent, VersionedEntity, VersionedEvent
from esmodel.stores.memory import MemoryStore


@frozen
class Opened(AggregateEvent):
    owner: str


@frozen
class Moved(AggregateEvent):
    cents: int
    note: str = ""


@frozen
class Checked(AggregateEvent):
    cents: int = field(validator=attrs.validators.instance_of(int))


@define
class Account(AggregateRoot[Opened | Moved | Checked]):
    owner: str

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    apply = (opened | ignores(Moved | Checked)).exhaustive


@frozen
class Signed(HashchainedEvent):
    text: str


@define
class Note(HashchainedAggregateRoot[Signed]):
    apply = ignores(Signed).exhaustive


@frozen
class Renamed(VersionedEvent):
    title: str


@define
class Thing(VersionedEntity[Renamed]):
    apply = ignores(Renamed).exhaustive


@frozen
class CheckedNote(HashchainedEvent):
    text: str = field(validator=attrs.validators.instance_of(str))


@frozen
class CheckedThing(VersionedEvent):
    text: str = field(validator=attrs.validators.instance_of(str))


@frozen
class Timed(TimeuuidedVersionedEvent):
    pass


class Bare(AggregateEvent):
    text: str


def unchecked(entity: object, name: str, *args: object, **payload: object) -> object:
    """Call a method as no type checker would let it be called."""
    result: object = methodcaller(name, *args, **payload)(entity)
    return result


def account() -> Account:
    return Account.create(Opened, owner="Ada")


# --- the payload -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "payload", "finding"),
    [
        ((), {}, r"expected the payload cents, note \(optional\); found none: missing .*'cents'"),
        ((), {"cent": 1}, r"Moved: .*; found cent: missing a required argument: 'cents'"),
        ((), {"cents": 1, "by": 2}, r"Moved: .*; found cents, by: got an unexpected keyword argument 'by'"),
        ((1, "a", 3), {}, r"Moved: .*; found 3 by position: too many positional arguments"),
        ((1,), {"cents": 1}, r"Moved: .*; found 1 by position, cents: multiple values for argument 'cents'"),
        ((), {"cents": 1, "originator_version": 7}, r"multiple values .*The header is not passed"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_with_the_fields(
    args: tuple[object, ...], payload: dict[str, object], finding: str
) -> None:
    ada = account()
    with pytest.raises(ModelError, match=finding) as caught:
        unchecked(ada, "trigger", Moved, *args, **payload)
    assert str(caught.value).startswith("Account: Moved: ")
    assert len(ada.pending_events) == 1
    ada.trigger(Moved, cents=1)


def test_a_payload_that_does_not_fit_is_refused_by_every_kind() -> None:
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: unchecked(Account, "create", Opened), "Account: Opened: expected the payload owner"),
        (lambda: unchecked(Note, "create", Signed, txt="x"), "Note: Signed: expected the payload text"),
        (lambda: unchecked(Thing, "create", Renamed), "Thing: Renamed: expected the payload title"),
        (lambda: unchecked(account(), "trigger", len), "expected the payload to be empty"),
    ]
    for call, finding in calls:
        with pytest.raises(ModelError, match=finding):
            call()


def test_an_error_of_a_validator_is_left_as_it_is() -> None:
    with pytest.raises(TypeError, match="'cents' must be") as caught:
        unchecked(account(), "trigger", Checked, cents="1")
    assert not isinstance(caught.value, ModelError)
    for create, event in ((Note, CheckedNote), (Thing, CheckedThing)):
        with pytest.raises(TypeError, match="'text' must be") as caught:
            unchecked(create, "create", event, text=5)
        assert not isinstance(caught.value, ModelError)


@pytest.mark.parametrize(
    ("event", "finding"),
    [
        (5, "Account: expected a class of events, found 5"),
        ("Moved", "Account: expected a class of events, found 'Moved'"),
        ([], r"Account: expected a class of events, found \[\]"),
        (int, "Account: expected classes of events, found <class 'int'>, which is not an event"),
        (Renamed, "expected events with the header .*, found Renamed with originator_id, originator_version"),
        (
            Timed,
            "found Timed with originator_id, originator_version, event_id. Derive it from AggregateEvent",
        ),
        (Bare, "Bare is not an attrs class: write @frozen above it"),
    ],
)
def test_what_is_no_event_of_the_aggregate_is_refused_by_trigger(event: object, finding: str) -> None:
    ada = account()
    with pytest.raises(ModelError, match=finding):
        unchecked(ada, "trigger", event, text="x") if event is Bare else unchecked(ada, "trigger", event)
    assert len(ada.pending_events) == 1


class WithoutSignature:
    """A callable of which Python cannot tell what it takes."""

    @property
    def __signature__(self) -> object:
        raise ValueError("no signature found")

    def __call__(self, *header: object) -> object:
        raise TypeError("odd")


def test_a_callable_without_a_signature_keeps_its_error() -> None:
    with pytest.raises(TypeError, match="odd"):
        unchecked(account(), "trigger", WithoutSignature())


def five(*header: object) -> int:
    return 5


def test_a_function_that_returns_no_event_is_refused() -> None:
    with pytest.raises(ApplyError, match="No handler applies int"):
        unchecked(account(), "trigger", five)


# --- the union -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "finding"),
    [
        (Renamed, "Shop: expected events with the header .*, found Renamed"),
        (Timed, "found Timed with originator_id, originator_version, event_id"),
        (ECCEvent, "found ECCEvent with originator_id, .*, causation_id"),
        (Opened | int, "expected classes of events, found <class 'int'>, which is not an event"),
        (Opened | None, "found <class 'NoneType'>"),
        ("Opened | Moved", "found the text 'Opened | Moved'. Move the events above the class"),
    ],
)
def test_a_union_with_something_else_is_refused_when_the_class_is_made(events: object, finding: str) -> None:
    base = unchecked(AggregateRoot, "__class_getitem__", events)
    with pytest.raises(ModelError, match=finding):
        new_class("Shop", (base,))


# --- ids -------------------------------------------------------------------------------------------


def test_an_id_that_is_a_text_is_told_that_it_is_a_uuid() -> None:
    store, text = MemoryStore(), str(UUID(int=1))
    accounts = EventSourcedRepository(Account, store)
    logs = EventSourcedTimeBucketedLogRepository(str, store)
    wrong = Opened(UUID(int=1), 0, account().created_on, owner="Ada")
    object.__setattr__(wrong, "originator_id", text)
    calls: list[tuple[str, Callable[[], object]]] = [
        ("Account", lambda: unchecked(Account, "create_with_id", text, Opened, owner="Ada")),
        ("Thing", lambda: unchecked(Thing, "create_with_id", text, Renamed, title="one")),
        ("Account", lambda: Account.replay([wrong])),
        ("Account", lambda: unchecked(accounts, "__getitem__", text)),
        ("Account", lambda: unchecked(accounts, "get_entity", text)),
        ("Account", lambda: unchecked(accounts, "events", text)),
        ("Account", lambda: unchecked(accounts, "verify", text)),
        ("Account", lambda: unchecked(accounts, "take_snapshot", text)),
        ("Array", lambda: unchecked(EventSourcedArrayRepository(int, store), "__getitem__", text)),
        ("BigArray", lambda: unchecked(EventSourcedBigArrayRepository(int, store), "__getitem__", text)),
        ("TimeBucketedLog", lambda: unchecked(logs, "__getitem__", text)),
        ("TimeBucketedLog", lambda: unchecked(logs, "start", text)),
        ("TimeBucketedLog", lambda: unchecked(logs, "get_or_create", text)),
    ]
    for subject, call in calls:
        with pytest.raises(
            ModelError, match=rf"{subject}: .* an id that is a UUID, .*\. Write UUID\('{text}'\)"
        ):
            call()
    with pytest.raises(ModelError, match=r"found None\. Write UUID\(\.\.\.\)"):
        unchecked(accounts, "__getitem__", None)
    assert text not in accounts
    assert list(store.read_all()) == []


def test_other_arguments_of_a_repository_are_checked() -> None:
    store = MemoryStore()
    accounts = EventSourcedRepository(Account, store)
    with pytest.raises(ModelError, match=r"at: expected a version, a whole number, found '1'"):
        unchecked(accounts, "get_entity", UUID(int=1), at="1")
    with pytest.raises(ModelError, match=r"snapshot_every: expected a whole number from 1, found 'x'"):
        unchecked(EventSourcedRepository, "__call__", Account, store, snapshot_every="x")
    with pytest.raises(ModelError, match=r"5: expected an aggregate"):
        unchecked(EventSourcedRepository, "__call__", 5, store)


# --- defaults that all instances share -------------------------------------------------------------


def shared_defaults() -> list[tuple[object, str]]:
    return [([], "list"), ({}, "dict"), (set[str](), "set"), (([],), "tuple"), (field(default=[]), "list")]


@pytest.mark.parametrize(("default", "kind"), shared_defaults())
@pytest.mark.parametrize("base", [AggregateEvent, Account])
def test_a_default_that_all_instances_share_is_refused(
    default: object, kind: str, base: type[object]
) -> None:
    body = {"__annotations__": {"items": object}, "items": default, "__module__": __name__}
    made = type("Shop", (base,), body)
    with pytest.raises(
        ModelError, match=rf"Shop\.items: .* found a {kind}, which .* Write items: \.\.\. = attrs\.Factory"
    ):
        (frozen if base is AggregateEvent else define)(made)


def test_a_default_that_a_factory_makes_is_each_instances_own() -> None:
    @define
    class Bag(AggregateRoot[Opened]):
        items: list[str] = attrs.Factory(list[str])
        more: list[str] = field(factory=list[str])

        @applies
        def opened(self, event: Opened) -> None:
            self.items.append(event.owner)

        apply = opened.exhaustive

    one, other = Bag.create(Opened, owner="Ada"), Bag.create(Opened, owner="Bob")
    assert (one.items, other.items) == (["Ada"], ["Bob"])


# --- functions that only begin to run --------------------------------------------------------------


async def a_coroutine(state: object, event: Opened) -> None:
    """Change nothing."""


def a_generator(state: object, event: Opened) -> Generator[None]:
    yield


async def an_async_generator(state: object, event: Opened) -> AsyncGenerator[None]:
    yield


class Awaitable:
    async def __call__(self, events: Sequence[DomainEvent]) -> None:
        """Do nothing."""

    async def method(self, events: Sequence[DomainEvent]) -> None:
        """Do nothing."""

    @staticmethod
    async def static(events: Sequence[DomainEvent]) -> None:
        """Do nothing."""


DEFERRED = [
    (a_coroutine, "a coroutine function"),
    (a_generator, "a generator function"),
    (an_async_generator, "an async generator function"),
]


@pytest.mark.parametrize(("handler", "kind"), DEFERRED)
def test_a_handler_that_only_begins_to_run_is_refused(handler: object, kind: str) -> None:
    for register in (applies, applies(Opened)):
        with pytest.raises(ApplyError, match=rf"{kind}, which nobody would run\. Write a plain function"):
            unchecked(register, "__call__", handler)


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        *DEFERRED,
        (Awaitable(), "a coroutine function"),
        (Awaitable().method, "a coroutine function"),
        (Awaitable.static, "a coroutine function"),
        (vars(Awaitable)["static"], "a coroutine function"),
        (partial(a_coroutine, None), "a coroutine function"),
    ],
)
def test_a_subscriber_that_only_begins_to_run_is_refused_where_it_is_written(
    handler: object, kind: str
) -> None:
    bus = EventBus()
    for call in (subscribe, bus.subscribe, subscribe_to(Opened, bus=bus)):
        with pytest.raises(ModelError, match=f"{kind}, which nobody would run"):
            unchecked(call, "__call__", handler)
    with pytest.raises(ModelError, match=f"{kind}, which nobody would run"):
        unchecked(bus, "subscribe", print, handler)
    assert bus.subscriptions == ()
