"""Models that look right and are not: each is refused where it is written, in a sentence."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from copy import copy
from datetime import datetime
from functools import cached_property
from operator import methodcaller
from typing import Annotated, ClassVar, Final, Union
from uuid import UUID

import pytest
from attrs import define, frozen
from typing_extensions import override

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    Codec,
    Collection,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    Value,
    applies,
    attribute,
    ignores,
    upcasts,
)
from esmodel.exceptions import ApplyError, PayloadError, UnsupportedTypeError
from esmodel.model import DomainEvent, VersionedEntity, VersionedEvent
from esmodel.stores.memory import MemoryStore


@frozen
class Opened(AggregateEvent):
    owner: str = ""


@frozen
class Closed(AggregateEvent):
    pass


@define
class Account(AggregateRoot[Opened]):
    owner: str = ""

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    apply = opened.exhaustive


def class_of(bases: tuple[type[object], ...], body: dict[str, object], **keywords: object) -> type[object]:
    """Make a class that no type checker would let pass."""
    return types.new_class("Made", bases, keywords, lambda namespace: namespace.update(body))


# --- classes ---------------------------------------------------------------------------------------


def test_a_frozen_aggregate_is_refused() -> None:
    with pytest.raises(ModelError, match=r"Made: expected a class whose fields .* Write @define above it"):
        frozen(class_of((Account,), {"__module__": __name__}))


@pytest.mark.parametrize("base", [DomainEvent, Opened, Account, Collection, HashchainedAggregateRoot, Value])
def test_a_class_keyword_that_there_is_not_is_refused(base: type[object]) -> None:
    with pytest.raises(ModelError, match=r"Made: expected one of the class keywords .*; found colour"):
        class_of((base,), {}, colour="red")


def test_the_keywords_of_all_bases_are_shown() -> None:
    with pytest.raises(ModelError, match=r"keywords codec, genesis_hash, snapshot_upcaster; found colour"):
        class_of((HashchainedAggregateRoot,), {}, colour="red")


@pytest.mark.parametrize("base", [AggregateEvent, Account])
def test_a_field_called_self_is_refused(base: type[object]) -> None:
    with pytest.raises(ModelError, match="expected a field with a name of your own, found 'self'"):
        class_of((base,), {"__annotations__": {"self": int}, "__module__": __name__})


def test_a_cached_property_is_refused() -> None:
    with pytest.raises(ModelError, match=r"Stale.size: expected a property that follows the state"):

        @define
        class Stale(Account):
            @cached_property
            def size(self) -> int:
                return len(self.owner)


class Quiet:
    """Does not hand on that it has a subclass."""

    @override
    def __init_subclass__(cls) -> None:
        pass


@frozen
class Said(VersionedEvent):
    text: str


def test_a_base_that_keeps_the_creation_of_a_class_to_itself_is_refused() -> None:
    with pytest.raises(ModelError, match=r"Speaker: expected Quiet.__init_subclass__ to call"):

        @define
        class Speaker(Quiet, VersionedEntity[Said]):
            apply = ignores(Said).exhaustive

    with pytest.raises(ModelError, match=r"Whispered: expected Quiet.__init_subclass__ to call"):

        @frozen
        class Whispered(Quiet, VersionedEvent):
            pass


# --- handlers --------------------------------------------------------------------------------------


def test_a_handler_that_is_not_joined_is_refused() -> None:
    with pytest.raises(ApplyError, match=r"Two.renamed: .*Write apply = \(\.\.\. \| renamed\)\.exhaustive"):

        @define
        class Two(AggregateRoot[Opened]):
            owner: str = ""

            @applies
            def opened(self, event: Opened) -> None:
                self.owner = event.owner

            @applies
            def renamed(self, event: Opened) -> None:
                self.owner = event.owner

            apply = opened.exhaustive


def test_a_handler_that_an_inherited_registry_lacks_is_refused() -> None:
    with pytest.raises(
        ApplyError, match=r"Sub.closed: .*Write apply = \(Account\.apply \| closed\)\.exhaustive"
    ):

        @define
        class Sub(Account):
            @applies
            def closed(self, event: Closed) -> None:
                self.owner = ""


def test_ignored_events_that_are_not_joined_are_refused() -> None:
    with pytest.raises(ApplyError, match=r"Sub\.closed: expected each handler in apply"):

        @define
        class Sub(Account):
            closed = ignores(Closed)


def test_handlers_that_are_joined_on_the_way_are_joined() -> None:
    @define
    class Both(AggregateRoot[Opened | Closed]):
        owner: str = ""

        @applies
        def opened(self, event: Opened) -> None:
            self.owner = event.owner

        @applies
        def closed(self, event: Closed) -> None:
            self.owner = ""

        ends = opened | closed
        apply = ends.exhaustive

    assert Both.create(Opened, owner="Ada").owner == "Ada"


# --- types -----------------------------------------------------------------------------------------


def test_an_attribute_of_another_type_than_its_field_is_refused() -> None:
    @define
    class Limited(AggregateRoot[Opened]):
        _limit: int = 0

        @attribute
        def limit(self) -> str:
            return str(self._limit)

        apply = ignores(Opened).exhaustive

    with pytest.raises(ModelError, match=r"Limited.limit: expected an @attribute .* _limit, int, found str"):
        EventSourcedRepository(Limited, MemoryStore())


@pytest.mark.parametrize("form", [Union, Annotated, Final, ClassVar])
def test_a_form_without_types_is_refused(form: object) -> None:
    with pytest.raises(UnsupportedTypeError, match="of a type, found it alone"):
        Codec().encode(form, 1)


async def wait(old: dict[str, object]) -> dict[str, object]:
    return old


def give(old: dict[str, object]) -> Iterable[dict[str, object]]:
    yield old


def add(old: dict[str, object], more: int) -> dict[str, object]:
    return {**old, "more": more}


def name(*, old: dict[str, object]) -> dict[str, object]:
    return old


@pytest.mark.parametrize(
    ("step", "finding"),
    [
        (wait, "found a coroutine function"),
        (give, "found a generator function"),
        (add, "expected a function of one payload, found the parameters"),
        (name, "expected a function of one payload, found the parameters"),
    ],
)
def test_a_step_that_cannot_be_called_with_a_payload_is_refused(
    step: Callable[[dict[str, object]], object], finding: str
) -> None:
    with pytest.raises(ModelError, match=finding):
        upcasts(step)


def test_a_step_may_have_parameters_with_defaults() -> None:
    def scale(old: dict[str, object], by: int = 2) -> dict[str, object]:
        return {**old, "by": by}

    assert len(upcasts(scale)) == 1


# --- instances -------------------------------------------------------------------------------------


@frozen
class Signed(HashchainedEvent):
    pass


@define
class Ledger(HashchainedAggregateRoot[Signed]):
    apply = ignores(Signed).exhaustive


def save(account: Account) -> None:
    EventSourcedRepository(Account, MemoryStore()).save(account)


def open_again(account: Account) -> None:
    account.trigger(Opened, owner="Ada")


@pytest.mark.parametrize("use", [save, open_again])
def test_an_entity_that_never_began_is_refused(use: Callable[[Account], object]) -> None:
    with pytest.raises(ModelError, match="expected an entity with a first event, found one that never began"):
        use(Account.__new__(Account))
    ledger = Ledger.__new__(Ledger)
    with pytest.raises(ModelError, match="expected an entity with a first event, found one that never began"):
        ledger.trigger(Signed)
    assert repr(ledger) == repr(copy(ledger)) == "Ledger(<never began>)"


@pytest.mark.parametrize(
    ("events", "error"), [(None, ModelError), ([None], PayloadError), ([], PayloadError)]
)
def test_what_is_no_history_is_not_replayed(events: Iterable[DomainEvent], error: type[Exception]) -> None:
    with pytest.raises(error, match=r"expected .*event"):
        Account.replay(events)


def opened_elsewhere(originator_id: UUID, originator_version: int, timestamp: datetime, owner: str) -> Opened:
    return Opened(originator_id, originator_version + 7, timestamp, owner)


def opened_here(originator_id: UUID, originator_version: int, timestamp: datetime, owner: str) -> Opened:
    return Opened(originator_id, originator_version, timestamp, owner)


def test_a_function_that_makes_an_event_passes_the_header_on() -> None:
    assert Account.create(opened_here, owner="Ada").owner == "Ada"
    with pytest.raises(
        ModelError, match=r"expected an event with the header .* originator_version 7 in place"
    ):
        Account.create(opened_elsewhere, owner="Ada")
    account = Account.create(Opened, owner="Ada")
    with pytest.raises(ModelError, match=r"originator_version 8 in place of 1"):
        account.trigger(opened_elsewhere, owner="Eve")
    assert (account.owner, account.version) == ("Ada", 0)


def test_a_key_that_is_no_bytes_is_refused() -> None:
    with pytest.raises(ModelError, match="snapshot_key: expected bytes, or several in a list, found 5"):
        methodcaller("__call__", Ledger, MemoryStore(), snapshot_key=5)(EventSourcedRepository)


@pytest.mark.parametrize(
    ("keyword", "value"), [("name", "opened.2"), ("aliases", ("old",)), ("codec", Codec()), ("upcaster", 5)]
)
def test_a_keyword_that_is_written_as_a_class_attribute_is_refused(keyword: str, value: object) -> None:
    with pytest.raises(ModelError, match=rf"Made\.{keyword}: expected a class keyword, found"):
        class_of((AggregateEvent,), {keyword: value})


def test_fields_methods_and_properties_may_have_the_names_of_keywords() -> None:
    @frozen
    class Named(AggregateEvent):
        name: str = "none"
        codec: str = "utf-8"

        @property
        def aliases(self) -> list[str]:
            return [self.name]

        def upcaster(self) -> None: ...

    assert Named.__name__ == "Named"


def test_a_method_without_applies_is_named_in_the_join() -> None:
    def deposited(_: object, __: object) -> None: ...

    for other in (deposited, 5):
        with pytest.raises(ApplyError, match=r"in the join, found none\. Write @applies"):
            methodcaller("__or__", other)(ignores(Opened))
        with pytest.raises(ApplyError, match=r"in the join, found none\. Write @applies"):
            methodcaller("__or__", other)(Account.apply)
