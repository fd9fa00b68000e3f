"""One value of each type that the codec carries, and a comparison that respects types."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Final, Literal, Optional
from uuid import UUID

import attrs
import pytest
from codec_types import (
    Box,
    Card,
    Cash,
    Colour,
    Crate,
    Level,
    Line,
    Loose,
    Mixed,
    Mode,
    Named,
    Nested,
    Payment,
    Point,
    Right,
    Several,
    Text,
    Twice,
    UserId,
)

from esmodel import (
    Codec,
    TypeHook,
)
from esmodel.codec.containers import is_iterable, is_mapping
from esmodel.codec.fields import fields_of

MOMENT: Final = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
ELSEWHERE: Final = timezone(timedelta(hours=5, minutes=30))
HOOKED: Final = Codec(TypeHook(complex, encode=str, decode=complex))
CARD: Final = Card("4000", Decimal("1.10"))
CASH: Final = Cash(5)
IDS: Final = (UUID(int=1), UUID(int=2))
VALUES: Final[tuple[tuple[str, object, object], ...]] = (
    ("str", str, "Ada \u2028 \x00 \U0001f600"),
    ("int", int, 2**63 - 1),
    ("large int", int, -(2**63)),
    ("int of more than 64 bits", int, 2**70),
    ("bool", bool, True),
    ("none", None, None),
    ("bytes", bytes, bytes(range(256))),
    ("float", float, 0.1),
    ("whole float", float, 2.0),
    ("negative zero", float, -0.0),
    ("nan", float, math.nan),
    ("inf", float, math.inf),
    ("minus inf", float, -math.inf),
    ("Decimal", Decimal, Decimal("1.10")),
    ("Decimal nan", Decimal, Decimal("NaN")),
    ("Decimal of many digits", Decimal, Decimal("1234567890123456789012345678901234567890.10")),
    ("Decimal exponent", Decimal, Decimal("1E+3")),
    ("UUID", UUID, UUID(int=12345)),
    ("date", date, date(2026, 2, 28)),
    ("time", time, time(1, 2, 3, 4)),
    ("aware time", time, time(1, 2, 3, 4, tzinfo=UTC)),
    ("aware datetime", datetime, MOMENT),
    ("datetime elsewhere", datetime, MOMENT.astimezone(ELSEWHERE)),
    ("naive datetime", datetime, datetime(2026, 1, 1, 1, 1, 1, 1)),  # noqa: DTZ001
    ("timedelta", timedelta, timedelta(days=3, seconds=5, microseconds=7)),
    ("negative timedelta", timedelta, -timedelta(days=3, microseconds=1)),
    ("enum of text", Colour, Colour.GREEN),
    ("StrEnum", Text, Text.B),
    ("IntEnum", Level, Level.HIGH),
    ("mixed enum", Mixed, Mixed.PAIR),
    ("mixed enum, number", Mixed, Mixed.NUMBER),
    ("Flag", Right, Right.READ | Right.WRITE),
    ("no Flag", Right, Right(0)),
    ("IntFlag", Mode, Mode.R | Mode.W),
    ("frozenset", frozenset[str], frozenset({"a", "b"})),
    ("frozenset of Decimal", frozenset[Decimal], frozenset({Decimal("1.0"), Decimal(2)})),
    ("set", set[UUID], set(IDS)),
    ("set of floats", set[float], {1.5, math.inf}),
    ("set of enums", set[Colour], {Colour.RED}),
    ("set of mixed enums", set[Mixed], {Mixed.PAIR, Mixed.TEXT}),
    ("set of attrs", frozenset[Point], frozenset({Point(1), Point(2)})),
    ("set of tuples", frozenset[tuple[int, str]], frozenset({(1, "a"), (2, "b")})),
    ("set of sets", frozenset[frozenset[int]], frozenset({frozenset({1}), frozenset({2, 3})})),
    ("fixed tuple", tuple[int, str], (1, "a")),
    ("fixed tuple, rich", tuple[Decimal, Mixed, float], (Decimal("1.0"), Mixed.TEXT, math.inf)),
    ("variable tuple", tuple[int, ...], (1, 2, 3)),
    ("variable tuple, rich", tuple[Mixed, ...], (Mixed.TEXT, Mixed.PAIR)),
    ("no items", tuple[Decimal, ...], ()),
    ("list", list[int], [1, 2]),
    ("list of attrs", list[Point], [Point(1, 2)]),
    ("list of lists", list[list[Decimal]], [[Decimal(1)], []]),
    ("Sequence", Sequence[date], (date(2026, 1, 1),)),
    ("AbstractSet", AbstractSet[int], frozenset({1})),
    ("mapping by text", dict[str, int], {"b": 1, "a": 2}),
    ("mapping by text, rich", dict[str, Mixed], {"b": Mixed.PAIR}),
    ("mapping by Decimal", dict[Decimal, str], {Decimal("1.10"): "x", Decimal("1.2"): "y"}),
    ("mapping by UUID", dict[UUID, int], {IDS[1]: 1, IDS[0]: 2}),
    ("mapping by date", Mapping[date, float], {date(2026, 1, 1): math.inf}),
    ("mapping by enum", dict[Mixed, Colour], {Mixed.PAIR: Colour.RED}),
    ("mapping by StrEnum", dict[Text, int], {Text.A: 1}),
    ("mapping by int", dict[int, str], {1: "a"}),
    ("mapping by bool", dict[bool, str], {True: "a"}),
    ("mapping by set", dict[frozenset[str], int], {frozenset({"a", "b"}): 1}),
    ("mapping by tuple", dict[tuple[int, int], int], {(1, 2): 3}),
    ("mapping by attrs", dict[Point, Point], {Point(1): Point(2)}),
    ("mapping of mappings", dict[str, dict[UUID, Decimal]], {"a": {IDS[0]: Decimal("1.0")}}),
    ("attrs", Line, Line(Point(1, 2), Point(3), frozenset({"a"}))),
    ("attrs with slots off", Loose, Loose(Decimal("1.0"), [Decimal(2)])),
    ("generic attrs", Box[Decimal], Box(Decimal("1.0"), (Decimal(2),))),
    ("generic in generic", Crate[Point], Crate(Box(Point(1)))),
    ("optional", Decimal | None, Decimal("1.0")),
    ("optional, none", Decimal | None, None),
    ("optional mixed enum", Mixed | None, Mixed.PAIR),
    ("optional mixed enum, none", Mixed | None, None),
    ("typing.Optional", Optional[Point], Point(1)),  # noqa: UP045
    ("optional attrs, none", Point | None, None),
    ("optional tuple", tuple[int, ...] | None, (1,)),
    ("int or str, int", int | str, 5),
    ("int or str, str", int | str, "5"),
    ("int or Decimal, Decimal", int | Decimal, Decimal(5)),
    ("str or Decimal, str", str | Decimal, "5"),
    ("str or Decimal, Decimal", str | Decimal, Decimal(5)),
    ("date or datetime, date", date | datetime, date(2026, 1, 1)),
    ("date or datetime, datetime", date | datetime, MOMENT),
    ("int or float, int", int | float, 2),
    ("int or float, float", int | float, 2.0),
    ("str or UUID", str | UUID | None, str(IDS[0])),
    ("str or bytes", str | bytes, b"abc"),
    ("list or tuple", list[int] | tuple[int, ...], (1,)),
    ("str or StrEnum", str | Text, Text.A),
    ("sum type, card", Card | Cash, CARD),
    ("sum type, cash", Card | Cash, CASH),
    ("sum type, alias", Payment, CASH),
    ("sum type in a tuple", tuple[Card | Cash, ...], (CARD, CASH)),
    ("sum type in a fixed tuple", tuple[int, Card | Cash], (1, CASH)),
    ("sum type in a list", list[Card | Cash], [CASH]),
    ("sum type, optional", Card | Cash | None, CARD),
    ("sum type, none", Card | Cash | None, None),
    ("sum type as mapping value", dict[str, Card | Cash], {"a": CARD, "b": CASH}),
    ("sum type as mapping value by UUID", dict[UUID, Card | Cash], {IDS[0]: CASH}),
    ("sum type as mapping key", dict[Card | Cash, int], {CARD: 1, CASH: 2}),
    ("sum type in a set", frozenset[Card | Cash], frozenset({CARD, CASH})),
    ("sum type in attrs", Box[Card | Cash], Box(CASH, (CARD,))),
    ("sum type of generics", Box[int] | Card, Box(1)),
    ("sum type with a scalar", Card | int, 5),
    ("sum type with a hook", complex | Card, 1j),
    ("NewType", UserId, UserId(IDS[0])),
    ("NewType of NewType", Nested, Nested(UserId(IDS[1]))),
    ("Literal", Literal["a", 1], 1),
    ("Literal, text", Literal["a", 1], "a"),
    ("Literal or none", Literal["a"] | None, None),
    ("type alias", Named, CARD),
    ("type alias, none", Named, None),
    ("generic type alias", Several[float], [math.inf, 1.5]),
    ("generic type alias, none", Several[Mixed], None),
    ("generic type alias in itself", Several[Several[Decimal]], [{"a": Decimal("1.0")}, None]),
    ("generic type alias of one", Twice[Mixed], {"a": [Mixed.PAIR]}),
    ("generic type alias in attrs", Box[Several[Decimal]], Box([Decimal("1.0")])),
    ("Annotated", Annotated[Decimal, "in EUR"], Decimal("1.0")),
    ("Annotated sum", Annotated[Card | Cash, "paid by"], CASH),
    ("hook", complex, 1 + 2j),
    ("optional hook", complex | None, None),
    ("hook in a mapping", dict[complex, complex], {2j: 1j}),
    ("hook in attrs", Box[complex], Box(3j)),
)
each_value = pytest.mark.parametrize(
    ("hint", "value"), [each[1:] for each in VALUES], ids=[each[0] for each in VALUES]
)


def items_of(value: object) -> list[object]:
    """Return the parts of a value, in the same order for equal values."""
    if is_mapping(value):
        return [part for pair in value.items() for part in pair]
    if is_iterable(value) and type(value) in {set, frozenset}:
        return sorted(value, key=repr)
    if is_iterable(value) and type(value) in {list, tuple}:
        return list(value)
    return [getattr(value, each.name) for each in fields_of(type(value))]


def assert_same(one: object, other: object) -> None:
    """Assert that two values are equal and of the same type, in all their parts."""
    assert type(one) is type(other)
    if isinstance(one, (float, Decimal)):
        assert repr(one) == repr(other)
    elif isinstance(one, datetime) and isinstance(other, datetime):
        assert (one, one.utcoffset()) == (other, other.utcoffset())
    elif (is_iterable(one) and not isinstance(one, (str, bytes, Enum))) or attrs.has(type(one)):
        mine, others = items_of(one), items_of(other)
        assert len(mine) == len(others)
        for left, right in zip(mine, others, strict=True):
            assert_same(left, right)
    else:
        assert one == other
