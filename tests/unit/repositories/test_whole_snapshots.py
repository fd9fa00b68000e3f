"""A snapshot holds the state that the events give, the whole of it, or is not taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from attrs import Factory, define, field, frozen

from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, PayloadError, applies
from esmodel.repositories import SnapshotWarning
from esmodel.stores.memory import MemoryStore


@frozen
class Noted(AggregateEvent):
    lines: list[str]


@define
class Notes(AggregateRoot[Noted]):
    lines: list[str] = Factory(list[str])

    @applies
    def noted(self, event: Noted) -> None:
        self.lines += event.lines

    apply = noted.exhaustive


def test_what_no_event_did_is_in_no_snapshot() -> None:
    store = MemoryStore()
    notes = EventSourcedRepository(Notes, store, snapshot_every=1)
    note = Notes.create(Noted, lines=["a"])
    note.lines.append("by hand")
    notes.save(note)
    assert store.read_snapshot(note.id) is not None
    assert notes[note.id].lines == ["a"]
    note.trigger(Noted, lines=["b"])
    notes.save(note)
    assert notes[note.id].lines == ["a", "b"]


# --- one value in two places -----------------------------------------------------------------------


@frozen
class Counted(AggregateEvent):
    number: int


@define
class Box:
    items: list[int] = Factory(list[int])


@dataclass
class Crate:
    items: list[int]


@define
class Shared(AggregateRoot[Counted]):
    numbers: list[int] = Factory(list[int])
    same: list[int] = Factory(list[int])
    nested: dict[str, tuple[list[int], ...]] = Factory(dict[str, tuple[list[int], ...]])
    box: Box = Factory(Box)
    boxes: list[Box] = Factory(list[Box])
    crate: Crate | None = None

    @applies
    def counted(self, event: Counted) -> None:
        self.numbers.append(event.number)
        SHARES[event.number](self)

    apply = counted.exhaustive


def share_a_list(shared: Shared) -> None:
    shared.same = shared.numbers


def share_deep(shared: Shared) -> None:
    shared.nested["a"] = ([], shared.numbers)


def share_twice_in_one_field(shared: Shared) -> None:
    shared.nested["a"] = (shared.same, shared.same)
    shared.same = []


def share_an_instance(shared: Shared) -> None:
    shared.boxes.append(shared.box)


def share_what_an_instance_holds(shared: Shared) -> None:
    shared.box.items = shared.numbers


def share_what_a_dataclass_holds(shared: Shared) -> None:
    shared.crate = Crate(shared.numbers)


def share_nothing(shared: Shared) -> None:
    shared.nested["b"] = (list(shared.numbers), list(shared.numbers))
    shared.boxes.append(Box())


SHARES: list[Callable[[Shared], None]] = [
    share_nothing,
    share_a_list,
    share_deep,
    share_twice_in_one_field,
    share_an_instance,
    share_what_an_instance_holds,
    share_what_a_dataclass_holds,
]


@pytest.mark.parametrize("number", range(1, len(SHARES)))
def test_a_state_that_holds_one_value_twice_has_no_snapshot(number: int) -> None:
    store = MemoryStore()
    aggregates = EventSourcedRepository(Shared, store)
    shared = Shared.create(Counted, number=number)
    aggregates.save(shared)
    with pytest.raises(PayloadError, match=r"Shared: expected state that holds each \w+ once, found one in"):
        aggregates.take_snapshot(shared.id)
    shared.trigger(Counted, number=0)
    with pytest.warns(SnapshotWarning, match="Its events are"):
        EventSourcedRepository(Shared, store, snapshot_every=1).save(shared)
    assert aggregates[shared.id] == shared


def test_equal_values_are_no_shared_ones() -> None:
    aggregates = EventSourcedRepository(Shared, MemoryStore(), snapshot_every=1)
    shared = Shared.create(Counted, number=0)
    aggregates.save(shared)
    assert aggregates[shared.id] == shared


# --- attributes that are no fields -----------------------------------------------------------------


@define(slots=False)
class Loose(AggregateRoot[Counted]):
    number: int = 0

    @applies
    def counted(self, event: Counted) -> None:
        self.number = event.number
        vars(self)["other"] = event.number

    apply = counted.exhaustive


class Slotted(AggregateRoot[Counted]):
    """A class with a slot that is no field."""

    __slots__ = ("other",)

    other: object

    @applies
    def counted(self, event: Counted) -> None:
        self.other = event.number

    apply = counted.exhaustive


def test_an_attribute_that_is_no_field_is_in_no_snapshot() -> None:
    aggregates = EventSourcedRepository(Loose, MemoryStore())
    loose = Loose.create(Counted, number=5)
    aggregates.save(loose)
    with pytest.raises(PayloadError, match=r"Loose.other: expected all state in fields"):
        aggregates.take_snapshot(loose.id)


def test_an_attribute_that_the_caller_set_is_no_state() -> None:
    aggregates = EventSourcedRepository(Tidy, MemoryStore(), snapshot_every=1)
    tidy = Tidy.create_with_id(UUID(int=5), Counted, number=5)
    vars(tidy)["seen"] = True
    aggregates.save(tidy)
    assert aggregates[tidy.id].number == 5


@define(slots=False)
class Tidy(AggregateRoot[Counted]):
    number: int = field(default=0)

    @applies
    def counted(self, event: Counted) -> None:
        self.number = event.number

    apply = counted.exhaustive
