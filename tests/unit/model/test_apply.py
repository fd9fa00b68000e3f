"""The apply registry finds the one handler of each event, and says what is missing."""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar, Union, cast

import pytest
from attrs import define, frozen
from typing_extensions import TypeAliasType

from esmodel import AggregateEvent, AggregateRoot, ModelError, applies, ignores
from esmodel.exceptions import ApplyError
from esmodel.model import ApplyRegistry
from esmodel.model.apply import Exhaustive
from esmodel.model.exhaustive import Applying, events_of, registry_of

TEvent = TypeVar("TEvent")
TBoth = TypeVar("TBoth")
TItem = TypeVar("TItem")


class Base:
    pass


class Middle(Base):
    pass


class Leaf(Middle):
    pass


class Other:
    pass


@applies
def based(state: list[str], event: Base) -> None:
    state.append("base")


@applies
def middled(state: list[str], event: Middle) -> None:
    state.append("middle")


@applies
def othered(state: list[str], event: Other) -> None:
    state.append("other")


@applies
def othered_again(state: list[str], event: Other) -> None:
    state.append("again")


@frozen(kw_only=True)
class Opened(AggregateEvent):
    pass


@frozen(kw_only=True)
class Closed(AggregateEvent):
    pass


class OpenMixin(Applying):  # type: ignore[type-arg]
    pass


AccountEvent: TypeAlias = Opened | Closed
LaterEvent = TypeAliasType("LaterEvent", Opened | Closed)


def test_a_fold_applies_each_event_in_turn_and_returns_the_state() -> None:
    state: list[str] = []
    assert (based | othered).fold(state, [Other(), Base(), Other()]) is state
    assert state == ["other", "base", "other"]


def test_a_fold_of_nothing_returns_the_state() -> None:
    assert based.fold(["kept"], []) == ["kept"]


def test_a_registry_is_called_with_one_event() -> None:
    state: list[str] = []
    based(state, Base())
    assert state == ["base"]


def test_the_nearest_base_with_a_handler_applies_an_event() -> None:
    registry = based | middled
    assert registry.fold([], [Leaf(), Middle(), Base(), Leaf()]) == ["middle", "middle", "base", "middle"]
    assert registry.handler_for(Leaf) is registry.handler_for(Middle)
    assert based.fold([], [Leaf()]) == ["base"]


def test_the_order_of_the_join_does_not_decide_who_applies() -> None:
    assert (middled | based).fold([], [Leaf(), Base()]) == ["middle", "base"]


def test_two_handlers_of_one_event_are_both_named() -> None:
    with pytest.raises(ApplyError, match=r"Two handlers apply Other: othered and othered_again"):
        _ = othered | othered_again


def test_one_handler_may_be_joined_twice() -> None:
    registry = (based | othered) | (othered | middled)
    assert registry.event_classes == (Base, Other, Middle)


def test_joining_changes_neither_side() -> None:
    _ = based | othered
    assert based.event_classes == (Base,)
    assert othered.event_classes == (Other,)


def test_an_event_without_a_handler_is_refused_with_what_to_write() -> None:
    with pytest.raises(ApplyError, match=r"No handler applies Other: .* \| other\).*: Base, Middle\."):
        (based | middled).handler_for(Other)
    with pytest.raises(ApplyError, match="It applies: none"):
        ApplyRegistry[object, Other]({})([], Other())


def test_an_unknown_event_stops_the_fold_where_it_stands() -> None:
    state: list[str] = []
    registry: ApplyRegistry[list[str], object] = ApplyRegistry(based.handlers)
    with pytest.raises(ApplyError, match="Other"):
        registry.fold(state, [Base(), Other(), Base()])
    assert state == ["base"]


def test_a_registry_shows_its_events() -> None:
    assert repr(based | othered) == "<ApplyRegistry of Base, Other>"
    assert (based | othered).event_classes == (Base, Other)
    assert list((based | othered).handlers) == [Base, Other]


def test_a_generic_event_is_applied_by_its_class() -> None:
    class Listed(Generic[TItem]):
        pass

    @applies
    def listed(state: list[str], event: Listed[int]) -> None:
        state.append("listed")

    assert listed.event_classes == (Listed,)
    assert list(listed.handlers) == [Listed[int]]
    assert listed.fold([], [Listed[int]()]) == ["listed"]


def test_what_is_no_class_has_no_handler() -> None:
    with pytest.raises(ApplyError, match=r"'Opened': expected a class of events"):
        ApplyRegistry[object, object]({"Opened": print})


def test_an_ignored_event_changes_nothing() -> None:
    quiet = ignores(Other)
    assert (based | quiet).fold([], [Other(), Base(), Other()]) == ["base"]


def test_an_event_of_the_union_without_a_handler_is_found_when_the_class_is_made() -> None:
    with pytest.raises(ApplyError, match=r"Account.apply has no handler for Closed\. .* \| closed\)"):

        @define
        class Account(AggregateRoot[AccountEvent]):
            opened = ignores(Opened)
            apply = opened.exhaustive  # type: ignore[assignment]


def test_a_union_behind_a_type_alias_is_seen() -> None:
    with pytest.raises(ApplyError, match="no handler for Closed"):

        @define
        class Account(AggregateRoot[LaterEvent]):
            opened = ignores(Opened)
            apply = opened.exhaustive  # type: ignore[assignment]


def test_a_union_is_checked_through_a_generic_base_of_ours() -> None:
    class Ledger(Applying[TEvent]):
        pass

    assert events_of(Ledger) == ()

    def make() -> type[object]:
        class Sub(Ledger[Other | Leaf]):
            apply = (cast("ApplyRegistry[object, Other | Leaf]", ignores(Other))).exhaustive

        return Sub

    with pytest.raises(ApplyError, match="no handler for Leaf"):
        make()


def test_a_union_is_found_where_it_stands_second_among_the_bases() -> None:
    class Plain:
        pass

    class Kept(Plain, Applying[Base]):
        apply = based.exhaustive

    class Below(Kept):
        pass

    assert events_of(Below) == (Base,)
    assert events_of(Plain) == ()
    assert registry_of(Below) is Kept.apply


def test_the_members_of_a_nested_union_are_one_row() -> None:
    class Wide(Applying[Union[Base, Other | Leaf]]):  # noqa: UP007  # because both forms must be seen
        pass

    assert events_of(Wide) == (Base, Other, Leaf)


def test_an_open_first_base_does_not_hide_the_union_of_the_second() -> None:
    class Open(Applying[TBoth]):
        pass

    class Filled(Open[Other]):
        apply = othered.exhaustive

    class Mixed(OpenMixin, Applying[Other]):
        apply = othered.exhaustive

    assert events_of(Filled) == (Other,)
    assert events_of(OpenMixin) == ()
    assert events_of(Mixed) == (Other,)


def test_applying_without_a_union_has_no_events() -> None:
    class Bare(Applying):  # type: ignore[type-arg]
        pass

    assert events_of(Bare) == ()
    assert events_of(Applying) == ()


def test_a_handler_of_a_base_covers_the_union() -> None:
    covering: Exhaustive[object, Leaf | Middle] = based.exhaustive

    class Covered(Applying[Leaf | Middle]):
        apply = covering

    assert Covered.apply.fold([], [Leaf()]) == ["base"]


def test_apply_must_be_a_registry() -> None:
    def make() -> type[object]:
        class Wrong(Applying[Base]):
            apply = cast("Exhaustive[object, Base]", 5)

        return Wrong

    with pytest.raises(ApplyError, match=r"Wrong.apply: expected a join that is checked whole, found 5"):
        make()


class Left(Applying[Base]):
    @applies
    def based(self, event: Base) -> None:
        pass

    apply = based.exhaustive


class LeftChild(Left):
    apply = Left.based.exhaustive


def test_the_handler_of_a_base_may_be_joined() -> None:
    assert LeftChild.apply.handlers == Left.based.handlers


def test_the_handler_of_another_class_is_refused() -> None:
    def make() -> type[object]:
        class Right(Applying[Base]):
            apply = Left.based.exhaustive

        return Right

    with pytest.raises(ApplyError, match=r"Right.apply: expected handlers of Right .*found Left.based"):
        make()


def test_a_registry_of_a_base_is_left_to_its_subclasses() -> None:
    assert registry_of(AggregateRoot) is None


def test_a_handler_without_a_name_is_shown_as_it_is() -> None:
    class Callable_:  # noqa: N801
        def __call__(self, state: object, event: object) -> None:
            pass

    first: ApplyRegistry[object, int] = ApplyRegistry({int: Callable_()})
    second: ApplyRegistry[object, int] = ApplyRegistry({int: Callable_()})
    with pytest.raises(ModelError, match="Callable_ object"):
        _ = first | second
