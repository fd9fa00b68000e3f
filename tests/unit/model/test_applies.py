"""Bare ``@applies``: the annotation names the event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import pytest
from attrs import define, frozen

import esmodel
from esmodel import AggregateEvent, AggregateRoot, applies, ignores
from esmodel.exceptions import ApplyError
from esmodel.model import VersionedEntity, VersionedEvent

if TYPE_CHECKING:
    from decimal import Decimal as Unknown

    Hidden: TypeAlias = AggregateEvent


@frozen
class Opened(AggregateEvent):
    owner: str


@frozen
class Closed(AggregateEvent):
    pass


Either: TypeAlias = Opened | Closed


def test_events_of_the_module_are_found() -> None:
    @applies
    def handle(state: list[str], event: Opened) -> None:
        state.append(event.owner)

    assert handle.event_classes == (Opened,)


def test_events_of_a_function_are_found_in_a_class_in_it() -> None:
    @frozen
    class Local(AggregateEvent):
        text: str

    @frozen
    class Other(AggregateEvent):
        pass

    @define
    class Thing(AggregateRoot[Local | Other]):
        text: str = ""

        @applies
        def local(self, event: Local) -> None:
            self.text = event.text

        apply = (local | ignores(Other)).exhaustive

    assert Thing.create(Local, text="x").text == "x"


def test_events_of_a_function_around_a_function_are_found() -> None:
    @frozen
    class Local(VersionedEvent):
        pass

    def make() -> type[VersionedEntity[Local]]:
        @define
        class Thing(VersionedEntity[Local]):
            seen: int = 0

            @applies
            def local(self, event: Local) -> None:
                self.seen += 1

            apply = local.exhaustive

        return Thing

    assert make().create(Local).version == 0


def test_events_nested_in_the_class_are_found() -> None:
    class Holder:
        @frozen
        class Nested(AggregateEvent):
            pass

        @applies
        def nested(self, event: Nested) -> None:
            """Change nothing."""

    assert Holder.nested.event_classes == (Holder.Nested,)


def test_a_union_makes_a_handler_of_each_member() -> None:
    @applies
    def both(state: list[object], event: Opened | Closed) -> None:
        state.append(type(event))

    @applies
    def alias(state: list[object], event: Either) -> None:
        """Change nothing."""

    @applies
    def annotated(state: list[object], event: Annotated[Closed, "words"]) -> None:
        """Change nothing."""

    assert both.event_classes == alias.event_classes == (Opened, Closed)
    assert annotated.event_classes == (Closed,)


def test_a_name_that_does_not_exist_yet_is_refused_in_a_sentence() -> None:
    with pytest.raises(ApplyError, match=r"handle: .* exists by now.*@applies\(TheEventClass\)"):

        @applies
        def handle(state: object, event: Unknown) -> None:
            """Change nothing."""


def test_the_long_form_takes_a_name_that_does_not_exist_yet() -> None:
    @applies(Opened)
    def handle(state: object, event: Hidden) -> None:
        """Change nothing."""

    assert handle.event_classes == (Opened,)


def test_the_long_form_is_compared_with_the_annotation() -> None:
    with pytest.raises(ApplyError, match=r"expected a handler of Opened, found the annotation Closed"):

        @applies(Opened)  # type: ignore[arg-type]  # because it is to be refused
        def handle(state: object, event: Closed) -> None:
            """Change nothing."""


def test_the_long_form_may_name_a_subclass_of_the_annotation() -> None:
    @applies(Opened)
    def handle(state: object, event: AggregateEvent) -> None:
        """Change nothing."""

    assert handle.event_classes == (Opened,)


@pytest.mark.parametrize("given", [5, "Opened", None, len])
def test_something_else_is_refused(given: object) -> None:
    loose: object = vars(esmodel)["applies"]
    assert callable(loose)
    with pytest.raises(ApplyError, match="expected a handler whose second parameter is annotated"):
        loose(given)


def test_nothing_is_ignored_by_nothing() -> None:
    loose: object = vars(esmodel)["ignores"]
    assert callable(loose)
    with pytest.raises(ApplyError, match="expected classes of events, found none"):
        loose()
    with pytest.raises(ApplyError, match="5: expected a class of events"):
        loose(5)
