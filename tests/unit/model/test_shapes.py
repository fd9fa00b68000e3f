"""Steps of upcasters by the kinds of shapes that they take and return, with fields of every type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from types import GenericAlias
from typing import Final, Generic, Never, TypedDict, TypeVar
from uuid import UUID

import pytest
from attrs import define, frozen
from codec_values import HOOKED, assert_same, each_value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from profiles import examples
from random_types import Drawn, types_of_depth

from esmodel import AggregateEvent, AggregateRoot, ignores, upcasts
from esmodel.codec.upcasting import Upcasting
from esmodel.exceptions import PayloadError, UnsupportedTypeError
from esmodel.model import EventCodec, Upcaster
from esmodel.model.plan import plan_of

T = TypeVar("T")
LENIENT: Final = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

HEADER: Final = (UUID(int=1), 0, datetime(2026, 1, 1, tzinfo=UTC))


@frozen
class Begun(AggregateEvent):
    pass


@define
class Thing(AggregateRoot[Begun]):
    apply = ignores(Begun).exhaustive


class OldDict(TypedDict, Generic[T]):
    value: T


class NewDict(TypedDict, Generic[T]):
    value: T
    extra: int


@frozen
class OldAttrs(Generic[T]):
    value: T


@frozen
class NewAttrs(Generic[T]):
    value: T
    extra: int


@dataclass
class OldData(Generic[T]):
    value: T

    def __post_init__(self) -> None:
        raise ValueError("history is read without __post_init__")


@dataclass
class NewData(Generic[T]):
    value: T
    extra: int


def by_dict(old: OldDict[object]) -> NewDict[object]:
    return {"value": old["value"], "extra": 1}


def by_attrs(old: OldAttrs[object]) -> NewAttrs[object]:
    return NewAttrs(old.value, 1)


def by_data(old: OldData[object]) -> NewData[object]:
    return NewData(old.value, 1)


def by_json(old: dict[str, object]) -> dict[str, object]:
    return {**old, "extra": 1}


SHAPES: Final[tuple[tuple[Callable[[Never], object], type[object], type[object]], ...]] = (
    (by_dict, OldDict, NewDict),
    (by_attrs, OldAttrs, NewAttrs),
    (by_data, OldData, NewData),
    (by_json, dict, dict),
)


def typed(
    step: Callable[[Never], object], old: type[object], new: type[object], hint: object
) -> Upcaster[Never, object]:
    """Return the upcaster of a step whose shapes have a field of a type."""

    def typed_step(payload: Never) -> object:
        return step(payload)

    arguments = (str, object) if old is dict else (hint,)
    takes, returns = GenericAlias(old, arguments), GenericAlias(new, arguments)
    typed_step.__annotations__.update({"payload": takes, "return": returns})
    return upcasts(typed_step)


@frozen(kw_only=True)
class Before(AggregateEvent, Generic[T], name="kept", codec=HOOKED):
    value: T
    note: str = ""


VALUE: Final[Callable[[object], object]] = attrgetter("value")
REST: Final[Callable[[object], object]] = attrgetter("extra", "note")


def codec_of(event_class: type[AggregateEvent], *arguments: object) -> EventCodec[AggregateEvent]:
    return EventCodec(event_class, arguments, plan_of(Thing))


@pytest.mark.parametrize(("step", "old", "new"), SHAPES, ids=["TypedDict", "attrs", "dataclass", "JSON"])
@each_value
def test_an_old_field_of_any_type_passes_a_step_unchanged(
    hint: object, value: object, step: Callable[[Never], object], old: type[object], new: type[object]
) -> None:
    @frozen(kw_only=True)
    class After(AggregateEvent, Generic[T], name="kept", codec=HOOKED, upcaster=typed(step, old, new, hint)):
        value: T
        extra: int
        note: str = ""

    data = codec_of(Before, hint).encode(Before(*HEADER, value=value, note="rent, March"))
    event = codec_of(After, hint).decode(HEADER, b"", data, 0)
    assert_same(VALUE(event), value)
    assert REST(event) == (1, "rent, March")
    assert codec_of(After, hint).encode(event).startswith(data.partition(b',"note"')[0])


@settings(max_examples=examples(40), suppress_health_check=LENIENT, deadline=None)
@given(types_of_depth, st.data())
def test_an_old_field_of_a_random_type_passes_each_kind_of_step(drawn: Drawn, data: st.DataObject) -> None:
    try:
        before = codec_of(Before, drawn.hint)
    except UnsupportedTypeError:
        return
    for step, old, new in SHAPES:
        upcasting = Upcasting("Kept", typed(step, old, new, drawn.hint), HOOKED.shapes().wire, None)
        for _ in range(3):
            try:
                stored = before.encode(Before(*HEADER, value=data.draw(drawn.values)))
            except PayloadError:
                continue
            expected = stored.removesuffix(b',"note":""}')
            assert upcasting.run(stored, 0).replace(b'"note":"",', b"", 1).startswith(expected)
