"""Random types of any depth, with values that type checkers take for them; some are to be refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import types
from collections import OrderedDict, deque
from collections.abc import Mapping, MutableMapping, MutableSequence, MutableSet, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from itertools import count
from typing import Annotated, Final, Literal, NamedTuple, NewType, Optional, TypedDict, Union
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
from codec_types import Colour, Level, Mixed, Mode, Right, Text
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

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
    Drawn(Literal["a", 1, None], st.sampled_from(["a", 1, None])),
    Drawn(Literal[True, "b"], st.sampled_from([True, "b", 1])),
    Drawn(Literal[Colour.RED, Mixed.TEXT], st.sampled_from([Colour.RED, Mixed.TEXT])),
    Drawn(complex, st.complex_numbers(allow_nan=False)),
    Drawn(object, st.integers()),
    Drawn(bytearray, st.binary().map(bytearray), hashable=False),
)


def _many(item: Drawn, kind: object) -> Drawn:
    items = st.lists(item.values, max_size=3)
    if kind in {set, frozenset, AbstractSet, MutableSet}:
        if not item.hashable:
            return item
        makers: list[type] = {set: [set], MutableSet: [set], frozenset: [frozenset]}.get(
            kind, [set, frozenset]
        )
        return Drawn(
            _of(kind, item.hint),
            st.tuples(st.sampled_from(makers), items.map(_hashable)).map(_made),
            kind is frozenset,
        )
    if kind is tuple:
        return Drawn(_of(tuple, item.hint, ...), items.map(tuple), item.hashable)
    makers = {list: [list], MutableSequence: [list, deque]}.get(kind, [list, tuple, deque])
    return Drawn(_of(kind, item.hint), st.tuples(st.sampled_from(makers), items).map(_made), hashable=False)


def _hashable(items: list[object]) -> list[object]:
    found: list[object] = []
    for each in items:
        try:
            hash(each)
        except TypeError:
            continue
        found.append(each)
    return found


def _made(pair: tuple[type, object]) -> object:
    make, given = pair
    return make(given)


def _of(origin: object, *arguments: object) -> object:
    return types.GenericAlias(origin, arguments)


def _mapping(key: Drawn, value: Drawn, kind: object) -> Drawn:
    pairs = st.lists(st.tuples(key.values, value.values), max_size=3)
    makers = [dict, OrderedDict] if kind is not dict else [dict]
    return Drawn(
        _of(kind, key.hint, value.hint),
        st.tuples(st.sampled_from(makers), pairs.map(_with_hash)).map(_made),
        hashable=False,
    )


def _with_hash(pairs: list[tuple[object, object]]) -> dict[object, object]:
    return {key: value for key, value in pairs if _hashable([key])}


def _class(kind: str, fields: list[Drawn]) -> Drawn:
    name = f"Drawn{next(_numbers)}"
    hints = {f"f{index}": each.hint for index, each in enumerate(fields)}
    values = st.tuples(*(each.values for each in fields))
    hashable = all(each.hashable for each in fields)
    if kind == "attrs":
        made = attrs.frozen(type(name, (), {"__annotations__": hints}))
    elif kind == "define":
        made, hashable = attrs.define(type(name, (), {"__annotations__": hints}), slots=False), False
    elif kind == "dataclass":
        made = dataclasses.make_dataclass(name, list(hints.items()), frozen=True)
    elif kind == "namedtuple":
        made = NamedTuple(name, list(hints.items()))
    else:
        total = TypedDict(name, hints, total=False)
        dicts = st.tuples(values, st.permutations(list(hints)), st.integers(0, len(hints))).map(
            lambda drawn: {key: drawn[0][int(key[1:])] for key in drawn[1][: drawn[2]]}
        )
        return Drawn(total, dicts, hashable=False)
    return Drawn(made, values.map(lambda drawn: made(*drawn)), hashable)


def _union(members: list[Drawn], *, optional: bool) -> Drawn:
    hints = [each.hint for each in members]
    union = Union[tuple(hints)]  # noqa: UP007
    return Drawn(
        Optional[union] if optional else union,  # noqa: UP045
        st.one_of([each.values for each in members] + ([st.none()] if optional else [])),
        all(each.hashable for each in members),
    )


def _deeper(children: SearchStrategy[Drawn]) -> SearchStrategy[Drawn]:
    kinds = st.sampled_from([list, tuple, set, frozenset, Sequence, MutableSequence, AbstractSet, MutableSet])
    few = st.lists(children, min_size=1, max_size=3)
    return st.one_of(
        st.builds(_many, children, kinds),
        few.map(
            lambda each: Drawn(
                _of(tuple, *(d.hint for d in each)),
                st.tuples(*(d.values for d in each)),
                all(d.hashable for d in each),
            )
        ),
        st.builds(
            _mapping,
            children.filter(lambda each: each.hashable),
            children,
            st.sampled_from([dict, Mapping, MutableMapping]),
        ),
        st.builds(_class, st.sampled_from(["attrs", "define", "dataclass", "namedtuple", "typeddict"]), few),
        st.builds(
            lambda each, o: _union(each, optional=o),
            st.lists(children, min_size=1, max_size=3),
            st.booleans(),
        ),
        children.map(
            lambda each: Drawn(NewType(f"New{next(_numbers)}", each.hint), each.values, each.hashable)
        ),
        children.map(lambda each: Drawn(Annotated[each.hint, "note"], each.values, each.hashable)),
    )


types_of_depth = st.recursive(st.sampled_from(LEAVES), _deeper, max_leaves=12)
