"""Results of upcaster steps, converted to another type."""

from __future__ import annotations

import math

from attrs import frozen
from codec_types import Line, Point
from codec_values import HOOKED

from esmodel.codec.codec import DEFAULT_CODEC


@frozen
class Wide:
    x: int
    word: str = "w"
    spot: Point = Point(0)  # noqa: RUF009  # because it is frozen


def test_convert_takes_a_mapping_or_an_instance_to_another_type() -> None:
    assert HOOKED.convert({"x": 1, "spot": Point(5)}, Wide) == Wide(1, "w", Point(5))
    assert HOOKED.convert(Line(Point(1), Point(2)), Line) == Line(Point(1), Point(2))


def test_what_a_step_returns_may_hold_sets_and_an_absent_value() -> None:
    assert DEFAULT_CODEC.convert(frozenset({3, 1, 2}), list[int]) == [1, 2, 3]
    assert DEFAULT_CODEC.convert(None, float | None) is None
    assert DEFAULT_CODEC.convert([math.inf], tuple[float, ...]) == (math.inf,)
