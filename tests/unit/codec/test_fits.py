"""Two types compared by the JSON that one writes and the other reads."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Literal, NamedTuple, TypedDict
from uuid import UUID

import pytest
from attrs import frozen
from codec_types import Box, Card, Cash, Mixed, Point, Right
from codec_values import HOOKED, each_value

from esmodel.codec.fits import misfit_of

SHAPES = HOOKED.shapes()


class Pair(NamedTuple):
    left: int
    right: int


class Coins(TypedDict):
    coins: int


class Tagged(TypedDict):
    Card: Card


class Either(TypedDict, total=False):
    Card: Card
    Wallet: Coins


class Both(TypedDict):
    Card: Card
    Wallet: Coins


@frozen
class Wallet:
    coins: int
    more: tuple[int, ...] = ()


class Word(Enum):
    A = "a"


class Number(IntEnum):
    ONE = 1


def misfit(given: object, wanted: object) -> str | None:
    return misfit_of(SHAPES.wire(given), SHAPES.wire(wanted))


@each_value
def test_each_type_fits_itself_and_any_json(hint: object, value: object) -> None:
    del value
    assert misfit(hint, hint) is None
    assert misfit(hint, object) is None
    assert misfit(object, hint) is None


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (int, float),
        (int, Decimal),
        (str, UUID),
        (UUID, str),
        (str, datetime),
        (Decimal, str),
        (int, int | None),
        (None, int | None),
        (int, int | str),
        (list[int], tuple[int, ...]),
        (list[int], list[float]),
        (tuple[int, ...], frozenset[int]),
        (list[int], tuple[int, int]),
        (dict[str, int], dict[str, float]),
        (dict[str, int], Wallet),
        (Wallet, dict[str, object]),
        (Coins, Wallet),
        (Wallet | None, Wallet | None),
        (Tagged, Card | Cash),
        (Card | Cash, Card | Cash | None),
        (Card | Cash, dict[str, object]),
        (Card | Wallet, Either),
        (Pair, list[int]),
        (list[int], Pair),
        (Word, str),
        (str, Word),
        (Number, int),
        (str, complex),
        (int, Right),
        (str, Mixed),
        (Literal["a"], str),
        (dict[UUID, int], list[list[object]]),
        (Box[int], dict[str, object]),
        (list[Card | Cash], list[dict[str, object]]),
        (timedelta, str),
    ],
)
def test_what_may_be_read_is_accepted(given: object, wanted: object) -> None:
    assert misfit(given, wanted) is None


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (float, int),
        (bool, int),
        (int, bool),
        (int, str),
        (str, int),
        (UUID, date),
        (date, datetime),
        (Decimal, float),
        (int | None, int),
        (int | str, int),
        (list[int], list[str]),
        (list[int], int),
        (list[list[int]], list[list[str]]),
        (dict[str, int], dict[str, str]),
        (dict[str, int], list[int]),
        (Wallet, Point),
        (Wallet | None, Wallet),
        (Coins, Point),
        (Card, Card | Cash),
        (Card | Cash, Card),
        (Card | Cash, Tagged),
        (Card | Wallet, Both),
        (Card | Cash, str),
        (Card | Cash | None, Card | Cash),
        (int, Card | Cash),
        (Pair, Wallet),
        (Number, Word),
        (Word, int),
        (int, float | str),
        (float, int | float),
    ],
)
def test_what_cannot_be_read_is_refused(given: object, wanted: object) -> None:
    assert misfit(given, wanted) is not None
