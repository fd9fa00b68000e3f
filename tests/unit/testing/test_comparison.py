"""What is the same, what differs, and how two histories stand side by side."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from uuid import UUID

import attrs
import pytest
from attrs import define, frozen
from hypothesis import given
from hypothesis import strategies as st

from esmodel import AggregateEvent
from esmodel.testing.scenarios.comparison import differences, fields_by_name, same, state_of
from esmodel.testing.scenarios.sidebyside import side_by_side

NAN = float("nan")


@frozen
class Card:
    number: float
    note: str = attrs.field(default="", eq=False)


@attrs.frozen(eq=False)
class Cash:
    cents: int


plain = st.recursive(
    st.none() | st.integers() | st.floats() | st.text() | st.builds(Card, st.floats()),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
)


def copy_of(value: object) -> object:
    """Return an equal value that shares nothing, floats included."""
    copied: object = pickle.loads(pickle.dumps(value))  # noqa: S301  # because it is ours
    return copied


@given(value=plain)
def test_a_copy_is_the_same_whatever_holds_a_nan(value: object) -> None:
    assert same(value, copy_of(value))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        ([1], (1,)),
        ([1], [1, 2]),
        ({"a": NAN}, {"b": NAN}),
        ([NAN], [1.0]),
        (NAN, "nan"),
        (Card(NAN), Card(1.0)),
        (object(), object()),
        ([], [1]),
    ],
)
def test_what_differs_is_not_the_same(one: object, other: object) -> None:
    assert not same(one, other)


def test_what_has_no_equality_of_its_own_is_compared_by_its_fields() -> None:
    assert same(Cash(5), Cash(5))
    assert not same(Cash(5), Cash(6))
    assert same(Card(NAN, "a"), Card(NAN, "b"))


def test_differences_are_named_in_the_order_of_the_fields() -> None:
    assert differences({"a": 1, "b": 2, "c": NAN}, {"c": float("nan"), "b": 3, "d": None}) == ["a", "b", "d"]


@define(slots=False)
class Open:
    number: int
    cache: int = attrs.field(default=0, eq=False)


class Slotted:
    __slots__ = ("aside",)
    aside: int


@define
class Inheriting(Slotted):
    number: int


def test_a_state_has_what_stands_beside_the_fields() -> None:
    opened = Open(1, cache=5)
    assert state_of(opened) == {"number": 1}
    vars(opened)["hidden"] = 2
    assert state_of(opened) == {"number": 1, "hidden": 2}
    inheriting = Inheriting(1)
    assert state_of(inheriting) == {"number": 1}
    object.__setattr__(inheriting, "aside", 3)
    assert state_of(inheriting) == {"number": 1, "aside": 3}


@frozen(kw_only=True)
class Opened(AggregateEvent):
    owner: str


@frozen(kw_only=True)
class Closed(AggregateEvent):
    pass


HEADER = (UUID(int=1), 0, datetime(2026, 1, 1, tzinfo=UTC))


def test_fields_are_those_of_the_payload_unless_the_header_is_asked_for() -> None:
    event = Opened(*HEADER, owner="Ada")

    assert fields_by_name(event) == {"owner": "Ada"}
    assert list(fields_by_name(event, header=True)) == [
        "originator_id",
        "originator_version",
        "timestamp",
        "owner",
    ]


def test_histories_of_different_length_stand_side_by_side() -> None:
    opened, closed = Opened(*HEADER, owner="Ada"), Closed(*HEADER)

    assert side_by_side([opened], [opened, closed], given=1) == (
        "      expected      | found\n"
        "   0  Opened        | Opened         given\n"
        "        owner='Ada' |   owner='Ada'\n"
        ">  1  (nothing)     | Closed"
    )
    assert side_by_side([closed], []).splitlines()[-1] == ">  0  Closed   | (nothing)"
