"""Values that go through the codec come back equal and of the same type."""

from __future__ import annotations

import math
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from attrs import frozen
from codec_types import Box, Card, Cash, Level, Mixed, Node, Point, Right
from codec_values import CARD, CASH, ELSEWHERE, HOOKED, assert_same, each_value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmodel import (
    Codec,
    TypeHook,
)
from esmodel.codec.codec import DEFAULT_CODEC


@each_value
def test_a_value_comes_back_from_the_codec_itself(hint: object, value: object) -> None:
    assert_same(HOOKED.decode(hint, HOOKED.encode(hint, value)), value)


@each_value
def test_equal_values_have_equal_bytes(hint: object, value: object) -> None:
    data = HOOKED.encode(hint, value)
    assert HOOKED.encode(hint, HOOKED.decode(hint, data)) == data


def test_a_sum_type_is_written_as_its_tag_and_its_value() -> None:
    assert HOOKED.encode(Card | Cash, CASH) == b'{"cash.v1":{"coins":5}}'
    assert HOOKED.encode(tuple[Card | Cash, ...], (CARD,)) == (b'[{"Card":{"number":"4000","limit":"1.10"}}]')


def test_a_set_is_written_in_one_order_however_it_was_made() -> None:
    names = [str(number) for number in range(50)]
    one = HOOKED.encode(frozenset[str], frozenset(names))
    assert HOOKED.encode(frozenset[str], frozenset(reversed(names))) == one


def test_a_hook_stands_before_what_the_codec_would_do_itself() -> None:
    codec = Codec(TypeHook(Node, encode=lambda node: node.name, decode=Node))
    assert_same(codec.decode(Node, codec.encode(Node, Node("a"))), Node("a"))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the `type` statement is new in Python 3.12")
def test_an_alias_of_the_type_statement_is_carried_as_what_it_stands_for() -> None:
    made: dict[str, object] = {"Mixed": Mixed}
    exec(  # noqa: S102  # because 3.11 cannot parse it
        "type Real = float | None\ntype Pair[S] = tuple[S, S] | None\nMixeds = Pair[Mixed]", made
    )
    for alias, value in ((made["Real"], math.inf), (made["Mixeds"], (Mixed.PAIR, Mixed.TEXT))):
        assert_same(HOOKED.decode(alias, HOOKED.encode(alias, value)), value)


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
moments = st.datetimes() | st.datetimes(timezones=st.sampled_from([UTC, ELSEWHERE]))
riches = st.builds(
    Rich,
    decimals=st.dictionaries(finite, st.frozensets(st.uuids(), max_size=4), max_size=4),
    moments=st.lists(moments, max_size=4).map(tuple),
    spans=st.lists(st.none() | seconds, max_size=4),
    payment=st.none() | payments,
    payments=st.dictionaries(texts, st.lists(payments, max_size=4).map(tuple), max_size=4),
    floats=st.lists(st.floats(allow_nan=False), max_size=4),
    kinds=st.frozensets(st.sampled_from(Mixed)),
    flag=st.sampled_from([Right(0), Right.READ, Right.WRITE, Right.READ | Right.WRITE]),
    box=st.builds(Box[Point], points, st.lists(points, max_size=4).map(tuple)),
    data=st.binary(),
    day=st.dates(),
    numbers=st.tuples(integers, texts, st.sampled_from(Level)),
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # because the speed of the machine is not at test
@given(riches)
def test_decoding_what_was_encoded_is_the_identity(rich: Rich) -> None:
    data = DEFAULT_CODEC.encode(Rich, rich)
    back = DEFAULT_CODEC.decode(Rich, data)
    assert back == rich
    assert_same(back, rich)
    assert DEFAULT_CODEC.encode(Rich, back) == data
