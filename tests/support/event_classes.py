"""Events of each form that attrs can give to a class."""

from __future__ import annotations

from abc import ABC
from datetime import datetime
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

from attrs import field, frozen, validators

from esmodel import AggregateEvent, ECCEvent, HashchainedEvent

T = TypeVar("T")
told: list[str] = []


@frozen(kw_only=True)
class Paid(AggregateEvent):
    cents: int
    currency: str


@frozen(kw_only=True)
class WithDefaults(AggregateEvent):
    cents: int = 5
    tags: list[str] = field(factory=list[str])


@frozen(kw_only=True)
class Underscored(AggregateEvent):
    _secret: str
    plain: int = field(alias="other")


@frozen(kw_only=True)
class Empty(AggregateEvent):
    pass


@frozen(kw_only=True)
class Validated(AggregateEvent):
    cents: int = field(validator=validators.gt(0))


@frozen(kw_only=True)
class Converted(AggregateEvent):
    cents: int = field(converter=int)


@frozen(kw_only=True)
class Finished(AggregateEvent):
    cents: int

    def __attrs_post_init__(self) -> None:
        told.append(f"finished {self.cents}")


@frozen(kw_only=True, cache_hash=True)
class Hashed(AggregateEvent):
    cents: int


@frozen(kw_only=True, slots=False)
class WithoutSlots(AggregateEvent):
    cents: int


@frozen(kw_only=True)
class OfAType(AggregateEvent, Generic[T]):
    value: T


@frozen(kw_only=True)
class Abstract(AggregateEvent, ABC):
    cents: int


@frozen(kw_only=True)
class Own(AggregateEvent):
    cents: int

    def __init__(self, originator_id: UUID, version: int, moment: datetime, /, *, euros: int) -> None:
        self.__attrs_init__(originator_id, version, moment, cents=euros * 100)  # type: ignore[attr-defined]  # because attrs makes it at run time


class NoAttrs(Paid):
    pass


@frozen
class Plain(AggregateEvent):
    cents: int
    currency: str


@frozen
class PlainWithDefaults(AggregateEvent):
    cents: int = 5
    tags: list[str] = field(factory=list[str])


@frozen
class PlainEmpty(AggregateEvent):
    pass


@frozen
class Inherited(Plain):
    more: int = 7


@frozen
class PartlyByKeyword(AggregateEvent):
    cents: int
    currency: str = field(kw_only=True)


@frozen
class Sealed(HashchainedEvent):
    cents: int


@frozen
class Caused(ECCEvent):
    cents: int


@frozen
class HeaderWithDefault:
    _es_header: ClassVar[tuple[str, ...]] = ("originator_id", "version")
    originator_id: UUID
    version: int = 0
    cents: int = 5


@frozen
class Shuffled:
    _es_header: ClassVar[tuple[str, ...]] = ("version", "originator_id")
    originator_id: UUID
    version: int
    cents: int


@frozen
class NewStyle:
    _es_header: ClassVar[tuple[str, ...]] = ("originator_id", "version")
    originator_id: UUID
    version: int
    cents: int
