"""Strategies draw values within the bounds that validators set."""

from __future__ import annotations

from decimal import Decimal

import attrs
from attrs import frozen, validators
from hypothesis import Phase, find, given, settings

from esmodel import (
    AggregateEvent,
)
from esmodel.testing.laws import events
from esmodel.testing.laws.bounds import Bounds, bounds_of


def is_odd(_: object, field: attrs.Attribute[int], value: int) -> None:
    if value % 2 == 0:
        raise ValueError(f"{field.name} must be odd, not {value}")


def is_before(event: Limited, field: attrs.Attribute[int], value: int) -> None:
    if value > event.last:
        raise ValueError(f"{field.name} must not be after the last")


@frozen(kw_only=True)
class Limited(AggregateEvent):
    positive: int = attrs.field(validator=validators.and_(validators.ge(1), validators.le(3)))
    ratio: float = attrs.field(validator=[validators.gt(0), validators.lt(1)])
    price: Decimal = attrs.field(validator=[validators.ge(Decimal(0)), validators.le(Decimal(1))])
    kind: str = attrs.field(validator=validators.in_(["new", "old"]))
    code: str = attrs.field(validator=validators.matches_re("[A-Z]{3}-[0-9]"))
    name: str = attrs.field(validator=[validators.min_len(2), validators.max_len(4)])
    tags: list[int] = attrs.field(validator=[validators.min_len(1), validators.max_len(2)])
    word: str | None = attrs.field(validator=validators.optional(validators.min_len(1)))
    first: int = attrs.field(validator=is_before)
    last: int
    odd: int = attrs.field(validator=is_odd)


@given(event=events(Limited))
def test_strategies_draw_nothing_that_a_validator_refuses(event: Limited) -> None:
    attrs.validate(event)

    assert 1 <= event.positive <= 3
    assert event.kind in {"new", "old"}


def test_strategies_draw_values_up_to_the_bounds_of_a_validator() -> None:
    unshrunk = settings(phases=[Phase.generate], max_examples=1_000)  # a smaller example is not needed
    least = find(
        events(Limited), lambda event: event.positive == 1 and event.kind == "old", settings=unshrunk
    )
    assert (least.positive, least.kind) == (1, "old")
    assert find(events(Limited), lambda event: event.positive == 3, settings=unshrunk).positive == 3


def test_a_validator_that_attrs_did_not_make_sets_no_bounds() -> None:
    assert bounds_of(is_odd) == bounds_of(None) == Bounds()
