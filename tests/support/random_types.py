"""Random types of any depth, with values that type checkers take for them; some are to be refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import types
import typing
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, MutableSet, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from itertools import count
from typing import Annotated, Final, Literal, NamedTuple, TypedDict, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
from codec_types import Colour, Level, Mixed, Mode, Right, Text
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from esmodel.codec.containers import pairs_of
from esmodel.codec.instances import Constructor
from esmodel.codec.wire import union_of

ZONES: Final = tuple(
    map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Etc/GMT+5"))
)
OFFSETS: Final = (
    dt.UTC,
    dt.timezone(dt.timedelta(hours=5, minutes=30)),
    dt.timezone(dt.timedelta(hours=1, seconds=28)),
    dt.timezone(-dt.timedelta(microseconds=1)),
    dt.timezone(dt.timedelta(hours=2), "CEST"),
    dt.timezone(dt.timedelta(hours=2), "Central European"),
    dt.timezone(dt.timedelta(0), "UTC"),
)
_numbers: Final = count()


class MyStr(str):
    """A subclass of text."""

    __slots__ = ()


class MyInt(int):
    """A subclass of int."""


class MyFloat(float):
    """A subclass of float."""


class MyMoment(dt.datetime):
    """A subclass of datetime, as those of test libraries are."""


@attrs.frozen
class Drawn:
    """A type, and values that type checkers take for it.

    Attributes:
        hint: the type.
        values: draws them.
        hashable: whether all that the codec can carry of them have a hash.
    """

    hint: object
    values: SearchStrategy[object]
    hashable: bool = True


def _times(draw: st.DrawFn) -> object:
    zone = draw(st.none() | st.sampled_from([*OFFSETS, *ZONES]))
    return draw(st.times()).replace(tzinfo=zone, fold=draw(st.integers(0, 1)))


def _moments(draw: st.DrawFn) -> object:
    near = st.datetimes(dt.datetime(2026, 3, 29), dt.datetime(2026, 3, 30))  # noqa: DTZ001
    back = st.datetimes(dt.datetime(2026, 10, 25), dt.datetime(2026, 10, 26))  # noqa: DTZ001
    zone = draw(st.none() | st.sampled_from([*OFFSETS, *ZONES]))
    return draw(st.datetimes() | near | back).replace(tzinfo=zone, fold=draw(st.integers(0, 1)))


LEAVES: Final = (
    Drawn(type(None), st.none()),
    Drawn(bool, st.booleans()),
    Drawn(
        int,
        st.integers()
        | st.booleans()
        | st.sampled_from([2**63, -(2**64), MyInt(5), Level.LOW])
        | st.just(20_000).map(lambda bits: 1 << bits),
    ),
    Drawn(
        float, st.floats() | st.integers() | st.booleans() | st.sampled_from([-0.0, -math.nan, MyFloat(2.5)])
    ),
    Drawn(str, st.text() | st.sampled_from(["\ud800", MyStr("a"), Text.A])),
    Drawn(bytes, st.binary()),
    Drawn(Decimal, st.decimals() | st.sampled_from([Decimal("-0"), Decimal("1E+5"), Decimal("sNaN7")])),
    Drawn(UUID, st.uuids()),
    Drawn(dt.date, st.dates() | st.datetimes()),
    Drawn(dt.time, st.composite(_times)()),
    Drawn(dt.datetime, st.composite(_moments)() | st.just(MyMoment(2026, 1, 1, tzinfo=dt.UTC))),
    Drawn(dt.timedelta, st.timedeltas()),
    *(Drawn(each, st.sampled_from(each)) for each in (Colour, Level, Mixed, Text)),
    Drawn(Right, st.sampled_from([Right(0), Right.READ, Right.READ | Right.WRITE])),
    Drawn(Mode, st.sampled_from([Mode(0), Mode.R, Mode.R | Mode.W, Mode(64)])),
    Drawn(Literal["a", 1] | None, st.sampled_from(["a", 1, None])),
    Drawn(Literal[True, "b"], st.sampled_from([True, "b", 1])),
    Drawn(Literal[Colour.RED, Mixed.TEXT], st.sampled_from([Colour.RED, Mixed.TEXT])),
    Drawn(complex, st.complex_numbers(allow_nan=False)),
    Drawn(object, st.integers()),
    Drawn(bytearray, st.binary().map(bytearray), hashable=False),
)


Make = Callable[[Iterable[object]], object]

_SET: Final[Make] = set[object]
_FROZENSET: Final[Make] = frozenset[object]
_LIST: Final[Make] = list[object]
_TUPLE: Final[Make] = tuple[object, ...]
_DEQUE: Final[Make] = deque[object]

SETS: Final[tuple[tuple[type, tuple[Make, ...]], ...]] = (
    (set, (_SET,)),
    (MutableSet, (_SET,)),
    (frozenset, (_FROZENSET,)),
    (AbstractSet, (_SET, _FROZENSET)),
)
SEQUENCES: Final[tuple[tuple[type, tuple[Make, ...]], ...]] = (
    (list, (_LIST,)),
    (MutableSequence, (_LIST, _DEQUE)),
    (Sequence, (_LIST, _TUPLE, _DEQUE)),
    (tuple, (_TUPLE,)),
)


def _made(pair: tuple[Make, Iterable[object]]) -> object:
    make, given = pair
    return make(given)


def _sequence(item: Drawn, drawn: tuple[type, tuple[Make, ...]]) -> Drawn:
    kind, makers = drawn
    items = st.lists(item.values, max_size=3)
    arguments = (item.hint, ...) if kind is tuple else (item.hint,)
    values = st.tuples(st.sampled_from(makers), items).map(_made)
    return Drawn(types.GenericAlias(kind, arguments), values, item.hashable and kind is tuple)


def _set(item: Drawn, drawn: tuple[type, tuple[Make, ...]]) -> Drawn:
    kind, makers = drawn
    items = st.lists(item.values, max_size=3).map(_with_hash)
    values = st.tuples(st.sampled_from(makers), items).map(_made)
    return Drawn(types.GenericAlias(kind, (item.hint,)), values, kind is frozenset)


def _with_hash(items: list[object]) -> list[object]:
    return [each for each in items if _has_hash(each)]


def _has_hash(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _mapping(key: Drawn, value: Drawn, kind: type) -> Drawn:
    pairs = st.lists(st.tuples(key.values, value.values), max_size=3)
    makers: tuple[Make, ...] = (_dict,) if kind is dict else (_dict, _ordered)
    values = st.tuples(st.sampled_from(makers), pairs).map(_made)
    return Drawn(types.GenericAlias(kind, (key.hint, value.hint)), values, hashable=False)


def _dict(pairs: Iterable[object]) -> object:
    return {key: value for key, value in pairs_of(pairs) if _has_hash(key)}


def _ordered(pairs: Iterable[object]) -> object:
    return OrderedDict((key, value) for key, value in pairs_of(pairs) if _has_hash(key))


def _fixed(items: list[Drawn]) -> Drawn:
    hint = types.GenericAlias(tuple, tuple(each.hint for each in items))
    return Drawn(hint, st.tuples(*(each.values for each in items)), all(each.hashable for each in items))


def _new_class(bases: tuple[object, ...], hints: dict[str, object], **keywords: object) -> type[object]:
    def fill(namespace: dict[str, object]) -> None:
        namespace.update(__annotations__=hints, __module__=__name__)

    return types.new_class(f"Drawn{next(_numbers)}", bases, keywords, fill)


def _class(kind: str, fields: list[Drawn]) -> Drawn:
    hints = {f"f{index}": each.hint for index, each in enumerate(fields)}
    hashable = all(each.hashable for each in fields)
    bare = _new_class((NamedTuple,) if kind == "namedtuple" else (), hints)
    if kind == "attrs":
        bare = attrs.frozen(bare)
    elif kind == "define":
        bare, hashable = attrs.define(bare, slots=False), False
    elif kind == "dataclass":
        bare = dataclasses.dataclass(bare, frozen=True)
    make = cast("Constructor[object]", bare)  # because its fields were drawn
    return Drawn(bare, st.tuples(*(each.values for each in fields)).map(lambda drawn: make(*drawn)), hashable)


def _typed_dict(fields: list[Drawn]) -> Drawn:
    hints = {f"f{index}": each.hint for index, each in enumerate(fields)}
    values = {name: each.values for name, each in zip(hints, fields, strict=True)}
    some = st.permutations(list(hints)).flatmap(
        lambda names: st.integers(0, len(names)).map(lambda size: names[:size])
    )
    dicts = some.flatmap(lambda names: st.fixed_dictionaries({name: values[name] for name in names}))
    return Drawn(_new_class((TypedDict,), hints, total=False), dicts, hashable=False)


def _union(members: list[Drawn], optional: bool) -> Drawn:  # noqa: FBT001  # because a strategy draws it
    values = [each.values for each in members] + ([st.none()] if optional else [])
    hints = [each.hint for each in members] + ([type(None)] if optional else [])
    return Drawn(union_of(hints), st.one_of(values), all(each.hashable for each in members))


def _new_type(each: Drawn) -> Drawn:
    new: Callable[[str, object], object] = vars(typing)["NewType"]  # its name is drawn
    return Drawn(new(f"New{next(_numbers)}", each.hint), each.values, each.hashable)


def _annotated(each: Drawn) -> Drawn:
    return Drawn(Annotated[each.hint, "note"], each.values, each.hashable)


def _deeper(children: SearchStrategy[Drawn]) -> SearchStrategy[Drawn]:
    few = st.lists(children, min_size=1, max_size=3)
    with_hash = children.filter(lambda each: each.hashable)
    return st.one_of(
        st.builds(_sequence, children, st.sampled_from(SEQUENCES)),
        st.builds(_set, with_hash, st.sampled_from(SETS)),
        st.builds(_mapping, with_hash, children, st.sampled_from([dict, Mapping, MutableMapping])),
        st.builds(_class, st.sampled_from(["attrs", "define", "dataclass", "namedtuple"]), few),
        st.builds(_union, few, st.booleans()),
        few.map(_fixed),
        few.map(_typed_dict),
        children.map(_new_type),
        children.map(_annotated),
    )


types_of_depth = st.recursive(st.sampled_from(LEAVES), _deeper, max_leaves=12)
