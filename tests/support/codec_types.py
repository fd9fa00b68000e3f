"""Classes, enums and aliases of every form that the codec carries or refuses."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum, auto
from typing import (
    ClassVar,
    Final,
    Generic,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Required,
    TypeAlias,
    TypedDict,
    TypeVar,
)
from uuid import UUID

import attrs
from attrs import Factory, define, field, frozen
from typing_extensions import TypeAliasType

T = TypeVar("T")
refused: list[str] = []


def refuse(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Record each value that is validated."""
    refused.append(value)


def shout(text: str) -> str:
    """Convert a name in a manner that is not idempotent."""
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


@dataclass(frozen=True)
class Reading:
    celsius: float
    by_id: dict[UUID, float] = dataclasses.field(default_factory=dict[UUID, float])
    _private: int = 3


@dataclass(slots=True)
class Seats(Generic[T]):
    number: T
    price: complex = 0j  # carried by a hook

    def __post_init__(self) -> None:
        """Refuse what is to be read all the same."""
        if self.number == _REFUSED:
            raise ValueError("at most 4, since this year")


_REFUSED: Final = 8


@dataclass(frozen=True)
class LateReading(Reading):
    late: bool = True


class Pair(NamedTuple):
    left: Decimal
    right: dict[UUID, Card] = {}  # noqa: RUF012  # because a named tuple has no factories


class Partly(TypedDict):
    size: int
    name: NotRequired[str]


class Options(TypedDict, total=False):
    size: Required[int]
    colour: Colour | None
    prices: dict[UUID, complex]


UserId = NewType("UserId", UUID)
Nested = NewType("Nested", UserId)
Payment: TypeAlias = Card | Cash
Named = TypeAliasType("Named", Card | Cash | None)
Several = TypeAliasType("Several", list[T] | dict[str, T] | None, type_params=(T,))
Twice = TypeAliasType("Twice", Several[Several[T]], type_params=(T,))
