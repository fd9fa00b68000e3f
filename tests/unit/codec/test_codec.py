"""What the codec carries, in each place where a value can stand: equal, and of the same type."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum, auto
from operator import attrgetter
from pathlib import Path
from types import GenericAlias
from typing import Annotated, ClassVar, Final, Generic, Literal, NewType, Optional, TypeAlias, TypeVar
from uuid import UUID

import attrs
import pytest
from attrs import Factory, define, field, frozen
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypeAliasType

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    Codec,
    EventSourcedRepository,
    ModelError,
    PayloadError,
    TypeHook,
    applies,
    attribute,
    ignores,
)
from esmodel.codec.codec import DEFAULT_CODEC, is_iterable, is_mapping
from esmodel.codec.instances import fields_of
from esmodel.exceptions import UnsupportedTypeError
from esmodel.model import ApplyRegistry
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore

T = TypeVar("T")
TEvent = TypeVar("TEvent", bound=AggregateEvent)

STREAM: Final = UUID(int=7)
MOMENT: Final = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
ELSEWHERE: Final = timezone(timedelta(hours=5, minutes=30))

refused: list[str] = []


def refuse(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Stand for a validator; remembers each value it saw."""
    refused.append(value)


def shout(text: str) -> str:
    """Stand for a converter that is not idempotent."""
    return text + "!"


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Text(StrEnum):
    A = "a"
    B = "b"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(Enum):
    NUMBER = 1
    TEXT = "one"
    PAIR = (1, 2)


class Right(Flag):
    READ = auto()
    WRITE = auto()


class Mode(IntFlag):
    R = 4
    W = 2


@frozen
class Point:
    x: int
    y: int = 0


@frozen
class Line:
    start: Point
    end: Point
    tags: frozenset[str] = frozenset()


@frozen
class Strict:
    name: str = field(validator=refuse, converter=shout)
    _private: int = field(default=3, alias="private")


@define(slots=False)
class Loose:
    amount: Decimal
    history: list[Decimal] = Factory(list[Decimal])
    twice: Decimal = Factory(lambda self: self.amount * 2, takes_self=True)


@frozen
class Box(Generic[T]):
    item: T
    more: tuple[T, ...] = ()


@frozen
class Crate(Generic[T]):
    box: Box[T]


@frozen
class Card:
    number: str
    limit: Decimal


@frozen
class Cash:
    stored_name: ClassVar[str] = "cash.v1"
    coins: int


@frozen
class Node:
    name: str
    parent: Optional[Node] = None  # noqa: UP045  # because this spelling is to be refused as well


class Plain:
    pass


UserId = NewType("UserId", UUID)
Nested = NewType("Nested", UserId)
Payment: TypeAlias = Card | Cash
Named = TypeAliasType("Named", Card | Cash | None)

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
    """Return what a value is made of, in an order that equal values share."""
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


@frozen(kw_only=True)
class Kept(AggregateEvent, codec=HOOKED):
    value: object


@frozen(kw_only=True)
class ItemAdded(AggregateEvent, Generic[T], codec=HOOKED):
    item: T


VALUE: Callable[[object], object] = attrgetter("_value")


@define
class Keeper(AggregateRoot[TEvent], codec=HOOKED):
    """A value in each place; the type comes from ``keeper_of``."""

    _value: object


def keep(keeper: Keeper[AggregateEvent], event: Kept) -> None:
    object.__setattr__(keeper, "_value", event.value)


def add(keeper: Keeper[AggregateEvent], event: ItemAdded[object]) -> None:
    object.__setattr__(keeper, "_value", event.item)


@frozen(kw_only=True)
class Classes:
    event: type[Kept]
    aggregate: type[Keeper[AggregateEvent]]


def keeper_of(hint: object) -> Classes:
    """Return an event with a value of a type, and an aggregate that takes it from each place."""

    def value(keeper: Keeper[AggregateEvent]) -> object:
        return VALUE(keeper)

    value.__annotations__["return"] = hint
    event: type[Kept] = type("Kept1", (Kept,), {"__annotations__": {"value": hint}, "__slots__": ()})
    event = frozen(kw_only=True)(event)
    generic = GenericAlias(ItemAdded, (hint,))
    body: dict[str, object] = {
        "__annotations__": {"_value": hint},
        "value": attribute(value),
        "apply": ApplyRegistry({event: keep, generic: add}),
    }
    aggregate: type[Keeper[AggregateEvent]] = type("Keeper1", (Keeper,), body)
    return Classes(event=event, aggregate=define(aggregate))


@each_value
def test_a_value_comes_back_from_the_codec_itself(hint: object, value: object) -> None:
    assert_same(HOOKED.decode(hint, HOOKED.encode(hint, value)), value)


@each_value
def test_a_value_comes_back_as_the_field_of_an_event(hint: object, value: object, tmp_path: Path) -> None:
    classes = keeper_of(hint)
    with SQLiteStore(tmp_path / "events.db") as store:
        repository = EventSourcedRepository(classes.aggregate, store)
        keeper = classes.aggregate.create(classes.event, value=value)
        repository.save(keeper)
        (event,) = repository.events(keeper.id)
        assert isinstance(event, classes.event)
        assert_same(event.value, value)
        assert_same(VALUE(repository[keeper.id]), value)


@each_value
def test_a_value_comes_back_as_the_item_of_a_generic_event(
    hint: object, value: object, tmp_path: Path
) -> None:
    classes = keeper_of(hint)
    with SQLiteStore(tmp_path / "events.db") as store:
        repository = EventSourcedRepository(classes.aggregate, store)
        keeper = classes.aggregate.create(ItemAdded[object], item=value)
        repository.save(keeper)
        assert_same(VALUE(repository[keeper.id]), value)


@each_value
def test_a_value_comes_back_as_that_of_an_attribute(hint: object, value: object, tmp_path: Path) -> None:
    classes = keeper_of(hint)
    with SQLiteStore(tmp_path / "events.db") as store:
        repository = EventSourcedRepository(classes.aggregate, store)
        keeper = classes.aggregate.create(classes.event, value=value)
        keeper.change_attribute("value", value)
        repository.save(keeper)
        _, event = repository.events(keeper.id)
        assert_same(getattr(event, "value"), value)  # noqa: B009
        assert_same(VALUE(repository[keeper.id]), value)


@each_value
def test_a_value_comes_back_as_a_field_of_the_state_in_a_snapshot(
    hint: object, value: object, tmp_path: Path
) -> None:
    classes = keeper_of(hint)
    with SQLiteStore(tmp_path / "events.db") as store:
        repository = EventSourcedRepository(classes.aggregate, store, snapshot_every=1)
        keeper = classes.aggregate.create(classes.event, value=value)
        repository.save(keeper)
        snapshot = store.read_snapshot(keeper.id)
        assert snapshot is not None
        assert snapshot.position == 0
        # a snapshot that is passed over warns, and a warning fails the test
        assert_same(VALUE(repository[keeper.id]), value)


@each_value
def test_equal_values_have_equal_bytes(hint: object, value: object) -> None:
    data = HOOKED.encode(hint, value)
    assert HOOKED.encode(hint, HOOKED.decode(hint, data)) == data


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
    ("no JSON", str, Plain()),
    ("set item", set[str], {Plain()}),
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
)


@pytest.mark.parametrize(("hint", "data"), [each[1:] for each in BYTES], ids=[each[0] for each in BYTES])
def test_bytes_of_another_shape_are_refused(hint: object, data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # because each sentence is another
        HOOKED.decode(hint, data)


def test_a_sum_type_is_written_as_its_tag_and_its_value() -> None:
    assert HOOKED.encode(Card | Cash, CASH) == b'{"cash.v1":{"coins":5}}'
    assert HOOKED.encode(tuple[Card | Cash, ...], (CARD,)) == (b'[{"Card":{"number":"4000","limit":"1.10"}}]')


def test_a_set_is_written_in_one_order_however_it_was_made() -> None:
    names = [str(number) for number in range(50)]
    one = HOOKED.encode(frozenset[str], frozenset(names))
    assert HOOKED.encode(frozenset[str], frozenset(reversed(names))) == one


def test_validators_and_converters_do_not_run_on_history() -> None:
    value = Strict("Ada")
    assert value.name == "Ada!"
    data = HOOKED.encode(Strict, value)
    refused.clear()
    assert_same(HOOKED.decode(Strict, data), value)
    assert refused == []


def test_a_missing_field_gets_its_default_or_what_its_factory_makes() -> None:
    assert_same(HOOKED.decode(Point, b'{"x":1}'), Point(1, 0))
    loose = HOOKED.decode(Loose, b'{"amount":"1.5"}')
    assert_same(loose, Loose(Decimal("1.5"), [], Decimal("3.0")))
    assert HOOKED.decode(Loose, b'{"amount":"1.5"}') is not loose


def test_a_hook_stands_before_what_the_codec_would_do_itself() -> None:
    codec = Codec(TypeHook(Node, encode=lambda node: node.name, decode=Node))
    assert_same(codec.decode(Node, codec.encode(Node, Node("a"))), Node("a"))


def test_fields_of_names_the_class_that_is_no_attrs_class() -> None:
    with pytest.raises(ModelError, match="Plain must be an attrs class"):
        fields_of(Plain)


def test_two_members_of_a_sum_type_cannot_be_written_the_same() -> None:
    with pytest.raises(UnsupportedTypeError, match="stored_name"):
        DEFAULT_CODEC.encode(Box[int] | Box[str], Box(1))


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
)


@pytest.mark.parametrize(("hint", "word"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_type_that_cannot_be_carried_is_named_with_its_class_and_field(hint: object, word: str) -> None:
    made: type[AggregateEvent] = type(
        "Bad", (AggregateEvent,), {"__annotations__": {"payload": hint}, "__slots__": ()}
    )
    event = frozen(kw_only=True)(made)
    aggregate: type[AggregateRoot[AggregateEvent]] = type(
        "Holder", (AggregateRoot,), {"apply": ignores(event), "__slots__": ()}
    )
    with pytest.raises(UnsupportedTypeError, match=rf"Bad\.payload: .*{word}"):
        EventSourcedRepository(define(aggregate), MemoryStore())


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


@frozen(kw_only=True)
class Added(AggregateEvent, Generic[T]):
    item: T


@define
class Shelf(AggregateRoot[Added[str]]):
    items: tuple[str, ...] = ()

    @applies
    def added(self, event: Added[str]) -> None:
        self.items += (event.item,)

    apply = added.exhaustive


def forget(state: object, event: object) -> None:
    """Change nothing."""


FORGETS: ApplyRegistry[object, Added[str]] = ApplyRegistry({Added: forget})


@define
class OpenShelf(AggregateRoot[Added[str]]):
    apply = FORGETS.exhaustive


def test_a_generic_event_is_carried_by_the_type_it_is_applied_with(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "events.db") as store:
        shelves = EventSourcedRepository(Shelf, store)
        shelf = Shelf.create(Added[str], item="a")
        shelf.trigger(Added[str], item="b")
        shelves.save(shelf)
        assert shelves[shelf.id] == shelf
        assert shelves[shelf.id].items == ("a", "b")


@frozen
class Rich:
    decimals: dict[Decimal, frozenset[UUID]]
    moments: tuple[datetime, ...]
    spans: list[timedelta | None]
    payment: Card | Cash | None
    payments: dict[str, tuple[Card | Cash, ...]]
    floats: list[float]
    kinds: frozenset[Mixed]
    flag: Right
    box: Box[Point]
    data: bytes
    day: date
    numbers: tuple[int, str, Level]


finite = st.decimals(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
integers = st.integers(-(2**63), 2**63 - 1)
payments = st.builds(Card, texts, finite) | st.builds(Cash, integers)
points = st.builds(Point, integers, integers)
seconds = st.timedeltas(timedelta(days=-9999), timedelta(days=9999))
riches = st.builds(
    Rich,
    decimals=st.dictionaries(finite, st.frozensets(st.uuids())),
    moments=st.lists(st.datetimes() | st.datetimes(timezones=st.sampled_from([UTC, ELSEWHERE]))).map(tuple),
    spans=st.lists(st.none() | seconds),
    payment=st.none() | payments,
    payments=st.dictionaries(texts, st.lists(payments).map(tuple)),
    floats=st.lists(st.floats(allow_nan=False)),
    kinds=st.frozensets(st.sampled_from(Mixed)),
    flag=st.sampled_from([Right(0), Right.READ, Right.WRITE, Right.READ | Right.WRITE]),
    box=st.builds(Box[Point], points, st.lists(points).map(tuple)),
    data=st.binary(),
    day=st.dates(),
    numbers=st.tuples(integers, texts, st.sampled_from(Level)),
)


@given(riches)
def test_decoding_what_was_encoded_is_the_identity(rich: Rich) -> None:
    data = DEFAULT_CODEC.encode(Rich, rich)
    back = DEFAULT_CODEC.decode(Rich, data)
    assert back == rich
    assert_same(back, rich)
    assert DEFAULT_CODEC.encode(Rich, back) == data


@frozen
class Wide:
    x: int
    word: str = "w"
    spot: Point = Point(0)


def test_convert_takes_a_mapping_or_an_instance_to_another_type() -> None:
    assert HOOKED.convert({"x": 1, "spot": Point(5)}, Wide) == Wide(1, "w", Point(5))
    assert HOOKED.convert(Line(Point(1), Point(2)), Line) == Line(Point(1), Point(2))


def test_what_a_step_returns_may_hold_sets_and_an_absent_value() -> None:
    assert DEFAULT_CODEC.convert(frozenset({3, 1, 2}), list[int]) == [1, 2, 3]
    assert DEFAULT_CODEC.convert(None, float | None) is None
    assert DEFAULT_CODEC.convert([math.inf], tuple[float, ...]) == (math.inf,)
