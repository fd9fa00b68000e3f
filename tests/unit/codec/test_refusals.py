"""Values, bytes and types that the codec refuses."""

from __future__ import annotations

import struct
import sys
from collections import OrderedDict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path, PurePath, PurePosixPath
from types import GenericAlias
from typing import ClassVar, Final, Literal, NamedTuple, Self, TypedDict, cast
from uuid import UUID
from zoneinfo import TZPATH, ZoneInfo

import msgspec
import pytest
from attrs import define, frozen
from codec_types import (
    Box,
    Card,
    Cash,
    Colour,
    LateReading,
    Level,
    Line,
    Mixed,
    Node,
    Options,
    Pair,
    Plain,
    Point,
    Reading,
    Right,
    T,
    Text,
)
from codec_values import CARD, HOOKED, IDS, assert_same
from typing_extensions import override

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    Codec,
    EventSourcedRepository,
    PayloadError,
    TypeHook,
    ignores,
)
from esmodel.codec.codec import DEFAULT_CODEC
from esmodel.exceptions import UnsupportedTypeError
from esmodel.stores.memory import MemoryStore


class Moment(datetime):
    """A subclass, as those of test libraries are."""


class Zone(tzinfo):
    """A zone of the user's own."""

    @override
    def utcoffset(self, moment: datetime | None, /) -> timedelta:
        return timedelta(hours=1)

    @override
    def dst(self, moment: datetime | None, /) -> timedelta:
        return timedelta(0)

    @override
    def tzname(self, moment: datetime | None, /) -> str:
        return "own"


class Path5(PurePosixPath):
    """A subclass that its hook does not return."""


def unnamed_zone(key: str | None = None) -> ZoneInfo:
    """Return a zone that was read from a file, by the rules of Tokyo."""
    data = next(Path(each, "Asia/Tokyo") for each in TZPATH if Path(each, "Asia/Tokyo").exists())
    with data.open("rb") as file:
        return ZoneInfo.from_file(file, key=key)


class Wider(Pair):
    """A subclass of a named tuple, whose instances take attributes."""


class Shy:
    """A class whose instances cannot be shown."""

    @override
    def __repr__(self) -> str:
        raise ValueError("shy")


def named_with_extra() -> Wider:
    """Return a named tuple with an attribute."""
    value = Wider(Decimal(1))
    vars(value)["extra"] = 5
    return value


def with_extra(reading: Reading) -> Reading:
    """Return an instance that has more than its fields."""
    vars(reading)["extra"] = 5
    return reading


WRONG: Final[tuple[tuple[str, object, object], ...]] = (
    ("mixed enum", Mixed, "NUMBER"),
    ("Flag", Right, 1),
    ("sum type", Card | Cash, Point(1)),
    ("sum type, none", Card | Cash, None),
    ("attrs", Point, Line(Point(1), Point(2))),
    ("hook", complex, "1j"),
    ("set", frozenset[int], 5),
    ("tuple too short", tuple[Mixed, int], (Mixed.TEXT,)),
    ("list of wrong items", list[Mixed], [1]),
    ("no mapping by text", dict[str, Mixed], 5),
    ("no mapping by UUID", dict[UUID, int], None),
    ("pairs in place of a mapping", Mapping[UUID, int], [(IDS[0], 1)]),
    ("no JSON", str, Plain()),
    ("set item", set[str], {Plain()}),
    ("item of a fixed tuple", tuple[Mixed, int], (Mixed.TEXT, "a")),
    ("value of a mapping", dict[str, int], {"a": "b"}),
    ("value of a mapping by UUID", dict[UUID, int], {IDS[0]: "b"}),
    ("field that was never set", Line, Line.__new__(Line)),
    ("attribute of a named tuple", Wider, named_with_extra()),
    ("value without a repr", int, Shy()),
    ("text for a time", time, "09:00"),
    ("set of two nan", frozenset[float], frozenset([float("nan"), float("nan")])),
    ("set of tuples with two nan", set[tuple[float, int]], {(float("nan"), 1), (float("nan"), 1)}),
    ("mapping by two nan", dict[float, int], {float("nan"): 1, float("nan"): 2}),
    ("bool for int", int, True),
    ("bool for float", float, True),
    ("int beyond what Python reads", int, int.from_bytes(b"\x01" * 3_000)),
    ("surrogate", str, "\ud800"),
    ("surrogate in a mapping", dict[str, int], {"\ud800": 1}),
    ("subclass of str", str, Text.A),
    ("subclass of int", int, Level.LOW),
    ("subclass of datetime", datetime, Moment(2026, 1, 1)),
    ("nan with a payload", float, struct.unpack("<d", b"\x01\0\0\0\0\0\xf8\x7f")[0]),
    ("zone without a key", datetime, datetime(2026, 1, 1, tzinfo=unnamed_zone())),
    ("zone without a key, time", time, time(1, tzinfo=unnamed_zone())),
    ("zone of a class of its own", datetime, datetime(2026, 1, 1, tzinfo=Zone())),
    ("named offset", datetime, datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1), "two words"))),
    ("zone by other rules", datetime, datetime(2026, 7, 1, tzinfo=unnamed_zone("Europe/Berlin"))),
    ("list for a tuple", tuple[int, ...], [1]),
    ("tuple for a list", list[int], (1,)),
    ("list for a fixed tuple", tuple[int, int], [1, 2]),
    ("text for a Sequence", Sequence[str], "abc"),
    ("deque for a Sequence", Sequence[int], deque([1])),
    ("OrderedDict", dict[str, int], OrderedDict[str, int](a=1)),
    ("subclass of a dataclass", Reading, LateReading(1.0)),
    ("dataclass with a wrong field", Reading, Reading(celsius=True)),
    ("attribute beside the fields", Reading, with_extra(Reading(1.0))),
    ("named tuple with a wrong field", Pair, Pair(Decimal(1), {5: CARD})),  # type: ignore[dict-item]
    ("tuple for a named tuple", Pair, (Decimal(1), dict[UUID, Card]())),
    ("TypedDict without a key", Options, {"colour": None}),
    ("TypedDict with another key", Options, {"size": 1, "extra": 5}),
    ("TypedDict with a key that is no text", Options, {"size": 1, 5: 5}),
    ("TypedDict with a wrong value", Options, {"size": True}),
    ("Literal, equal value", Literal[1], True),
    ("Literal without a hash", Literal["a"], list[int]()),
    ("hook of another class", PurePath, Path5("a")),
)


@pytest.mark.parametrize(("hint", "value"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_a_value_of_another_type_is_refused_before_it_is_stored(hint: object, value: object) -> None:
    with pytest.raises(PayloadError):
        HOOKED.encode(hint, value)


BYTES: Final[tuple[tuple[str, object, bytes], ...]] = (
    ("mixed enum", Mixed, b'"OTHER"'),
    ("enum", Colour, b'"blue"'),
    ("Flag", Right, b"64"),
    ("float", float, b'"1.5"'),
    ("tag", Card | Cash, b'{"Point":{"x":1}}'),
    ("no tag", Card | Cash, b"{}"),
    ("two tags", Card | Cash, b'{"Card":{"number":"1","limit":"1"},"cash.v1":{"coins":1}}'),
    ("wrong member", Card | Cash, b'{"cash.v1":{"coins":"one"}}'),
    ("null", Card | Cash, b"null"),
    ("Decimal", Decimal, b'"ten"'),
    ("date", date, b'"2026-02-30"'),
    ("UUID", UUID, b'"1"'),
    ("tuple", tuple[int, str], b"[1]"),
    ("unknown field", Point, b'{"x":1,"z":1}'),
    ("missing field", Point, b'{"y":1}'),
    ("field of a nested class", Line, b'{"start":{"x":"1"},"end":{"x":1}}'),
    ("Literal", Literal["a"], b'"b"'),
    ("no JSON", int, b"{"),
    ("datetime", datetime, b'"tomorrow"'),
    ("time", time, b'"noon"'),
    ("time zone that is unknown", datetime, b'"2026-01-01T00:00:00+01:00[Europe/Atlantis]"'),
    ("time zone that is unknown, time", time, b'"00:00:00[Europe/Atlantis]"'),
    ("tag of a time that is unknown", datetime, b'"2026-01-01T00:00:00[_other=1]"'),
    ("text after a tag", datetime, b'"2026-01-01T00:00:00[UTC]x[UTC]"'),
    ("two zones", datetime, b'"2026-01-01T00:00:00+00:00[UTC][UTC]"'),
    ("name without an offset", datetime, b'"2026-01-01T00:00:00[_name=CET]"'),
    ("set item twice", set[int], b"[1,1]"),
    ("key twice", dict[int, str], b'[[1,"a"],[1,"b"]]'),
    ("other tag in a Sequence", Sequence[int], b'{"deque":[1]}'),
    ("unknown key of a dataclass", Reading, b'{"celsius":1.0,"count":3}'),
    ("unknown key of a TypedDict", Options, b'{"size":1,"count":3}'),
    ("missing key of a TypedDict", Options, b'{"colour":null}'),
    ("wrong value of a TypedDict", Options, b'{"size":"1"}'),
    ("named tuple too long", Pair, b'["1",[],5]'),
    ("Literal, equal value", Literal[1], b"true"),
)


@pytest.mark.parametrize(("hint", "data"), [each[1:] for each in BYTES], ids=[each[0] for each in BYTES])
def test_bytes_of_another_shape_are_refused(hint: object, data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # because each sentence is another
        HOOKED.decode(hint, data)


def test_two_members_of_a_sum_type_cannot_be_written_the_same() -> None:
    with pytest.raises(UnsupportedTypeError, match="nothing tells them apart"):
        DEFAULT_CODEC.encode(Box[int] | Box[str], Box(1))


@dataclass
class Open:
    extra: dict[str, object]


class Counts(dict[str, int]):
    """A class that holds more than its fields."""


@frozen
class Counted(Counts):
    owner: str


@dataclass
class Made:
    name: str

    def __new__(cls, *_: object) -> Self:
        return object.__new__(cls)


class Sizes(TypedDict):
    size: int


class Untyped(NamedTuple):
    """A named tuple that lost its annotations."""

    left: int


Untyped.__annotations__.clear()


class Record(msgspec.Struct):
    name: str


LITERAL_OR_TEXT: Final = Literal["a"] | str  # noqa: PYI051  # because it is to be refused


class Amount:
    """A class without ``__eq__``."""

    def __init__(self, cents: int) -> None:
        self.cents = cents


class Slotted:
    """A class with slots, and without ``__eq__``."""

    __slots__ = ("cents", "note")

    def __init__(self, cents: int) -> None:
        self.cents = cents


class Uncomparable:
    """A class whose comparison fails, or gives something without a truth, as that of arrays does."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    @override
    def __eq__(self, other: object) -> bool:
        raise self.error or TypeError("no comparison")

    @override
    def __hash__(self) -> int:
        return 0


def test_the_slots_of_a_hooked_class_are_compared() -> None:
    def encode(value: Slotted) -> str:
        return str(value.cents)

    good = Codec(TypeHook(Slotted, encode=encode, decode=lambda text: Slotted(int(text))))
    assert good.encode(Slotted, Slotted(5)) == b'"5"'
    bad = Codec(TypeHook(Slotted, encode=encode, decode=lambda text: Slotted(int(text) + 1)))
    with pytest.raises(PayloadError, match="decodes Slotted"):
        bad.encode(Slotted, Slotted(5))


def test_a_comparison_that_fails_is_an_error_of_the_hook() -> None:
    codec = Codec(TypeHook(Uncomparable, encode=lambda _: "", decode=lambda _: Uncomparable()))
    with pytest.raises(PayloadError, match=r"cannot carry Uncomparable.*TypeError: no comparison"):
        codec.encode(Uncomparable, Uncomparable())


def as_number(amount: Amount) -> str:
    number: object = amount.cents
    return cast("str", number)  # because it is to be refused


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        (
            TypeHook(Amount, encode=lambda _: "x", decode=lambda text: Amount(int(text))),
            "cannot carry Amount",
        ),
        (TypeHook(Amount, encode=lambda _: "\ud800", decode=lambda _: Amount(5)), "surrogates not allowed"),
        (TypeHook(Amount, encode=lambda _: "0", decode=lambda text: Amount(int(text))), "decodes Amount"),
        (
            TypeHook(Amount, encode=as_number, decode=lambda _: Amount(5)),
            "expected text of encode, found int 5",
        ),
    ],
)
def test_a_hook_that_does_not_return_its_value_is_refused(hook: TypeHook[Amount], message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        Codec(hook).encode(Amount, Amount(5))


def test_an_offset_that_python_cannot_read_is_refused_or_comes_back() -> None:
    zone = timezone(-timedelta(microseconds=1))
    for hint, value in ((time, time(1, tzinfo=zone)), (datetime, datetime(2026, 1, 1, tzinfo=zone))):
        try:
            data = DEFAULT_CODEC.encode(hint, value)
        except PayloadError as error:
            assert "whose zone its text can express" in str(error)  # noqa: PT017  # because either is right
        else:
            assert_same(DEFAULT_CODEC.decode(hint, data), value)


@frozen
class OtherCard:
    stored_name: ClassVar[str] = "Card"


def test_two_classes_with_one_stored_name_are_refused_in_a_union() -> None:
    with pytest.raises(UnsupportedTypeError, match="two members that are stored as 'Card'"):
        DEFAULT_CODEC.encode(Card | OtherCard, OtherCard())


REFUSED: Final[tuple[tuple[str, object, str], ...]] = (
    ("object", object, "object"),
    ("open type variable", T, "open"),
    ("open type variable in a list", GenericAlias(list, (T,)), "open"),
    ("plain class", Plain, "Plain"),
    ("plain class in a mapping", dict[str, Plain], "Plain"),
    ("plain class in a fixed tuple", tuple[int, Plain], "Plain"),
    ("plain class in a sum type", Card | Plain, "Plain"),
    ("recursive attrs class", Node, "Node"),
    ("bare list", list, "list"),
    ("bare tuple", tuple, "tuple"),
    ("bare dict", dict, "dict"),
    ("list of objects", list[object], "object"),
    ("hook of another codec", complex, "complex"),
    ("number", 5, "5"),
    ("Any in a dataclass", Open, "Open.extra.*object"),
    ("subclass of dict", Counted, "derives from dict"),
    ("class with a __new__", Made, "__new__"),
    ("named tuple without types", Untyped, "Untyped.left: expected an annotation"),
    ("Struct", Record, "Record"),
    ("Collection", Collection[int], "Collection"),
    ("Literal of bytes", Literal[b"a"], "use an Enum"),
    ("Literal beside its class", LITERAL_OR_TEXT, "class str"),
    ("typed dictionary beside a dictionary", Sizes | dict[str, int], "class dict"),
)


@pytest.mark.parametrize(("hint", "word"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_type_that_cannot_be_carried_is_named_with_its_class_and_field(hint: object, word: str) -> None:
    made: type[AggregateEvent] = type(
        "Bad", (AggregateEvent,), {"__annotations__": {"payload": hint}, "__slots__": ()}
    )
    event = frozen(kw_only=True)(made)
    aggregate: type[AggregateRoot[AggregateEvent]] = type(
        "Holder", (AggregateRoot,), {"apply": ignores(event).exhaustive, "__slots__": ()}
    )
    with pytest.raises(UnsupportedTypeError, match=rf"Bad\.payload: .*{word}"):
        EventSourcedRepository(define(aggregate), MemoryStore())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the `type` statement is new in Python 3.12")
@pytest.mark.parametrize("alias", ["Tree", "Growing[int]", "Nest"])
def test_an_alias_that_contains_itself_is_refused(alias: str) -> None:
    made: dict[str, object] = {"Box": Box}
    exec(  # noqa: S102  # because 3.11 cannot parse it
        "type Tree = list[Tree] | int\n"
        "type Growing[S] = list[Growing[list[S]]] | S\n"
        "type Nest = Box[Nest] | int\n"
        f"asked = {alias}",
        made,
    )
    with pytest.raises(UnsupportedTypeError, match=f"{alias[:4]}.* contains itself.* add a hook"):
        HOOKED.encode(made["asked"], 5)


@frozen(kw_only=True)
class Unresolvable(AggregateEvent):
    payload: Missing  # type: ignore[name-defined]  # noqa: F821  # because that is the point


@define
class HoldsUnresolvable(AggregateRoot[Unresolvable]):
    unresolvable = ignores(Unresolvable)
    apply = unresolvable.exhaustive


def test_an_annotation_that_cannot_be_resolved_is_named_with_its_class() -> None:
    with pytest.raises(UnsupportedTypeError, match=r"Unresolvable.*'Missing' cannot be resolved"):
        EventSourcedRepository(HoldsUnresolvable, MemoryStore())
