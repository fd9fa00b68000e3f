"""The namespace of a base class belongs to the users who derive from it."""

# pyright: reportUnnecessaryTypeIgnoreComment=false
# mypy alone needs the comments

from __future__ import annotations

import sys
import types
from datetime import datetime
from operator import attrgetter, methodcaller
from pathlib import Path
from typing import cast

import pytest
from attrs import define, field, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    Command,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    ModelError,
    RepositoryKeyError,
    applies,
    attribute,
    ignores,
)
from esmodel.model import (
    DomainEntity,
    DomainEvent,
    ECCEvent,
    EntityWithECC,
    EntityWithHashchain,
    HashchainedEvent,
    TimestampedEntity,
    TimestampedEvent,
    TimestampedVersionedEntity,
    TimestampedVersionedEvent,
    TimeuuidedEntity,
    TimeuuidedEvent,
    TimeuuidedVersionedEntity,
    TimeuuidedVersionedEvent,
    VersionedEntity,
    VersionedEvent,
)
from esmodel.model.events import RESERVED_BY_EVENTS, header_of
from esmodel.model.reserved import RESERVED_BY_ENTITIES
from esmodel.stores.memory import MemoryStore
from esmodel.testing.laws.history import History

RESERVED: dict[type[object], frozenset[str]] = {
    AggregateRoot: RESERVED_BY_ENTITIES,
    AggregateRootWithECC: RESERVED_BY_ENTITIES,
    HashchainedAggregateRoot: RESERVED_BY_ENTITIES | {"head"},
    Command: RESERVED_BY_ENTITIES | {"is_done", "done"},
}
AHEAD = {"recorded", "retired", "self"}
"""Reserved for what later versions need."""

ENTITIES: tuple[type[object], ...] = (
    DomainEntity,
    VersionedEntity,
    TimestampedEntity,
    TimestampedVersionedEntity,
    TimeuuidedEntity,
    TimeuuidedVersionedEntity,
    EntityWithECC,
    EntityWithHashchain,
)
EVENTS: tuple[type[DomainEvent], ...] = (
    DomainEvent,
    VersionedEvent,
    TimestampedEvent,
    TimestampedVersionedEvent,
    TimeuuidedEvent,
    TimeuuidedVersionedEvent,
    AggregateEvent,
    HashchainedEvent,
    ECCEvent,
)

# the public names of the bases before their machinery became `_es_...`, and the private ones
FORMER = """
    LIBRARY_EVENTS HEADER aliases apply begin begin_dispatch change_attribute class_version codec
    collect_events complete completed continue_with create create_with_id created_on discard done end
    event_name genesis_hash
    handler_for head id is_discarded is_done last_modified pending_events plan replay save snapshot_upcaster
    trigger upcaster version
    _id _version _created_on _last_modified _is_discarded _pending _head _is_done _dispatch _take _emit _seal
    _check _advance _now _hash _linked _verified
    name kind recorded retired publish state events store snapshot becomes
""".split()  # noqa: SIM905  # because words alone are easier to read


def shown_by(cls: type[object]) -> set[str]:
    # `_is_protocol` is that of `typing.Generic`
    return {name for name in dir(cls) if not name.startswith(("__", "_es_", "_is_protocol"))}


@pytest.mark.parametrize("root", RESERVED, ids=lambda root: root.__name__)
def test_a_root_shows_what_the_manual_reserves_and_nothing_else(root: type[object]) -> None:
    assert shown_by(root) | AHEAD | {"apply"} == RESERVED[root]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.__name__)
def test_an_entity_shows_nothing_that_is_not_reserved(entity: type[object]) -> None:
    assert shown_by(entity) <= RESERVED_BY_ENTITIES | {"head"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_an_event_shows_its_header_and_nothing_else(event: type[DomainEvent]) -> None:
    assert shown_by(event) == set(header_of(event))
    assert {"becomes", "self"} == RESERVED_BY_EVENTS


def test_the_manual_lists_what_is_reserved() -> None:
    root = next(each for each in Path(__file__).parents if (each / "README.md").is_file())
    pages = "".join(each.read_text(encoding="utf-8") for each in sorted((root / "docs").rglob("*.md")))
    missing = {name for name in RESERVED_BY_ENTITIES | RESERVED_BY_EVENTS if f"`{name}`" not in pages}
    assert missing == set()


# --- each former name, in each place, on each root ------------------------------------------------

MODEL = """
from attrs import define, field, frozen
from esmodel import {root}, {event}, applies, attribute, ignores

@frozen
class Begun({event}):
    pass

@frozen
class Added({event}):
    {payload}: int = 0

@define
class Thing({root}[Begun | Added]):
    {field}: int = field(default=1)
    seen: int = 0

    def {verb}(self) -> None:
        self.trigger(Added, {argument}=7)

    @applies
    def {handler}(self, event: Added) -> None:
        self.seen += event.{payload}

    apply = ({handler} | ignores(Begun)).exhaustive
"""

ROOTS = {
    "AggregateRoot": "AggregateEvent",
    "AggregateRootWithECC": "ECCEvent",
    "HashchainedAggregateRoot": "HashchainedEvent",
    "Command": "AggregateEvent",
}
PLACES = ("field", "verb", "handler", "payload")
OWN = {"field": "own_field", "verb": "own_verb", "handler": "own_handler", "payload": "own_payload"}


def made(root: str, place: str, name: str, modules: pytest.MonkeyPatch) -> types.ModuleType:
    names = OWN | {place: name}
    text = MODEL.format(root=root, event=ROOTS[root], argument=names["payload"].lstrip("_"), **names)
    module = types.ModuleType("a_model")
    modules.setitem(sys.modules, "a_model", module)
    exec(text, vars(module))  # noqa: S102  # because the names are those of a list here
    return module


def refusal(root: str, place: str, name: str, modules: pytest.MonkeyPatch) -> str | None:
    try:
        made(root, place, name, modules)
    except ModelError as error:
        return str(error)
    return None


def repository_of(
    thing_class: type[AggregateRoot[AggregateEvent]],
) -> EventSourcedRepository[AggregateRoot[AggregateEvent]]:
    """Return a repository that takes snapshots, for which a hash chain needs a key."""
    if HashchainedAggregateRoot in thing_class.__mro__:
        chained = cast("type[HashchainedAggregateRoot[HashchainedEvent]]", thing_class)  # because it is one
        keyed = EventSourcedRepository(chained, MemoryStore(), snapshot_every=1, snapshot_key=bytes(32))
        plain: object = keyed
        # because the same test runs for each root
        return cast("EventSourcedRepository[AggregateRoot[AggregateEvent]]", plain)
    return EventSourcedRepository(thing_class, MemoryStore(), snapshot_every=1)


def check_it_works(
    thing_class: type[AggregateRoot[AggregateEvent]], begun: type[AggregateEvent], verb: str
) -> None:
    history = History(thing_class)
    thing = thing_class.create(begun)
    methodcaller(verb)(thing)
    assert attrgetter("seen")(thing) == 7
    history.check(thing)
    things = repository_of(thing_class)
    things.save(thing)
    assert things[thing.id] == thing
    assert things.take_snapshot(thing.id).originator_version == 1
    methodcaller(verb)(thing)
    things.save(thing)
    loaded = things[thing.id]
    assert loaded == thing
    assert attrgetter("seen")(loaded) == 14
    loaded.discard()
    things.save(loaded)
    assert thing.id not in things


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("root", ROOTS)
def test_each_former_name_is_the_users_or_is_refused_in_a_sentence(
    root: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: set[str] = set()
    for name in dict.fromkeys(FORMER):
        if name == "apply" and place in {"verb", "handler"}:
            continue  # the registry has the last word in a class body: Python's own rule
        sentence = refusal(root, place, name, monkeypatch)
        if sentence is not None:
            refused.add(name)
            assert name in sentence
            assert "Rename" in sentence or "alone" in sentence
            continue
        module = made(root, place, name, monkeypatch)
        thing, begun = vars(module)["Thing"], vars(module)["Begun"]
        check_it_works(thing, begun, name if place == "verb" else OWN["verb"])
    if place == "payload":
        assert refused == {"becomes"}
    else:
        shown = {"AggregateRoot": AggregateRoot, "Command": Command}
        reserved = RESERVED[HashchainedAggregateRoot] if root.startswith("Hash") else RESERVED_BY_ENTITIES
        reserved = RESERVED[Command] if root in shown and root == "Command" else reserved
        assert refused == set(FORMER) & (reserved - ({"apply"} if place != "field" else set()))


# --- other mistakes with names ---------------------------------------------------------------------


@frozen
class Opened(AggregateEvent):
    owner: str


@pytest.mark.parametrize("name", ["originator_id", "originator_version", "timestamp", "becomes"])
def test_a_payload_field_with_a_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=rf"Measured\.{name}: expected a field .* Rename the field"):
        type("Measured", (AggregateEvent,), {"__annotations__": {name: datetime}, "__qualname__": "Measured"})


def class_of(bases: tuple[type[object], ...], body: dict[str, object]) -> type[object]:
    """Make a class that no type checker would let pass."""
    return types.new_class("Account", bases, exec_body=lambda namespace: namespace.update(body))


def test_a_name_with_the_prefix_of_the_library_is_refused() -> None:
    with pytest.raises(ModelError, match=r"Account\._es_version: .*prefix '_es_'"):
        class_of((AggregateRoot,), {"__annotations__": {"_es_version": int}})


def es_version(self: object) -> int:
    return 5


def test_an_attribute_whose_field_would_have_the_prefix_is_refused() -> None:
    with pytest.raises((ModelError, RuntimeError)) as caught:
        class_of((AggregateRoot,), {"es_version": attribute(es_version)})
    # Python 3.11 wraps what `__set_name__` raises
    assert "'es_'" in str(caught.value.__cause__ or caught.value)


@applies
def open_it(state: object, event: Opened) -> None:
    """Change nothing."""


def test_a_handler_with_the_name_of_a_field_is_refused() -> None:
    with pytest.raises(ModelError, match=r"Account\.opened: expected the handler opened"):
        class_of((AggregateRoot,), {"__annotations__": {"opened": object}, "opened": open_it})


@define
class Base(AggregateRoot[Opened]):
    opened: object = None
    apply = ignores(Opened).exhaustive


def test_a_handler_with_the_name_of_an_inherited_field_is_refused() -> None:
    with pytest.raises(ModelError, match=r"Account\.opened: expected a handler with a name of its own"):
        class_of((Base,), {"opened": open_it})


def test_an_annotated_registry_is_refused() -> None:
    with pytest.raises(ModelError, match=r"Account\.apply: .*Write apply = \.\.\. alone"):
        class_of(
            (AggregateRoot,), {"__annotations__": {"apply": object}, "apply": ignores(Opened).exhaustive}
        )


def test_a_discarded_aggregate_is_gone_though_it_has_a_verb_called_end() -> None:
    @define
    class Lease(AggregateRoot[Opened]):
        ended: int = field(default=0)
        apply = ignores(Opened).exhaustive

        def end(self) -> None:
            self.ended += 1

    leases = EventSourcedRepository(Lease, MemoryStore())
    lease = Lease.create(Opened, owner="Ada")
    leases.save(lease)
    lease.discard()
    assert (lease.is_discarded, lease.ended) == (True, 0)
    leases.save(lease)
    with pytest.raises(RepositoryKeyError):
        leases[lease.id]


def test_an_entity_with_a_hash_chain_has_no_repository() -> None:
    @frozen
    class Signed(HashchainedEvent):
        text: str

    @define
    class Note(EntityWithHashchain[Signed]):
        apply = ignores(Signed).exhaustive

    with pytest.raises(ModelError, match=r"Note: expected an aggregate"):
        EventSourcedRepository(Note, MemoryStore())  # type: ignore[type-var]  # because it is to be refused
