"""Events: the kinds, which differ by their headers, and the markers.

The header of an event comes first and is positional; its payload follows. Each kind declares its header
fields in order, because mypy and attrs order the fields of several mixins differently.
"""

# pyright: reportPrivateUsage=false
# `_es_...` belongs to entity and event classes; functions here access it for other modules.

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Final, Never
from uuid import UUID

from attrs import frozen
from typing_extensions import override

from esmodel.codec.codec import DEFAULT_CODEC, Codec
from esmodel.codec.containers import is_iterable
from esmodel.codec.fields import fields_of
from esmodel.exceptions import ModelError
from esmodel.model.defaults import refuse_mutable_defaults
from esmodel.model.markers import AttributeChangedEvent
from esmodel.model.reserved import names_of_mixins, own_names, refuse_reserved
from esmodel.model.subclassing import refuse_attributes, refuse_keywords, refuse_unheard
from esmodel.model.versioning import Upcaster, compare_early


@frozen
class EventSchema:
    """Declarations in the class keywords of an event.

    Attributes:
        name: the stored name.
        aliases: former names, under which rows may still be stored.
        upcaster: the steps from the oldest shape of the payload to today's.
        codec: encodes and decodes the payload.
    """

    name: str
    aliases: tuple[str, ...]
    upcaster: Upcaster[Never, object] | None
    codec: Codec


class DomainEvent:
    """Something that happened: an attrs class, ``@frozen``, derived from one of the kinds.

    Class keywords:
        name: the stored name; by default the qualified name of the class.
        aliases: former names of the class, under which rows may still be stored.
        upcaster: the chain of steps from the oldest shape of the payload to today's.
        codec: encodes and decodes the payload; subclasses inherit it.

    Example:
        >>> from esmodel.model import class_version_of, stored_name_of
        >>> @frozen
        ... class Opened(AggregateEvent, name="bank.opened", aliases=("Created",)):
        ...     owner: str
        >>> stored_name_of(Opened), class_version_of(Opened)
        ('bank.opened', 0)
    """

    __slots__ = ()

    _es_header: ClassVar[tuple[str, ...]] = ()
    _es_schema: ClassVar[EventSchema] = EventSchema("DomainEvent", (), None, DEFAULT_CODEC)

    @override
    def __init_subclass__(
        cls,
        *,
        name: str | None = None,
        aliases: tuple[str, ...] = (),
        upcaster: Upcaster[Never, object] | None = None,
        codec: Codec | None = None,
        **unknown: Never,
    ) -> None:
        """Keep what the keywords declare; all but the codec holds for this class only.

        Raises:
            ModelError: if a keyword is unknown or has a value of the wrong type, or the class uses a reserved
                name.
        """
        refuse_keywords(cls, unknown)
        super().__init_subclass__()
        if "_es_schema" in vars(cls):
            return  # attrs makes a slotted class a second time, from the first one and without keywords
        _refuse_wrong_keywords(cls, {"name": name, "aliases": aliases, "upcaster": upcaster, "codec": codec})
        refuse_attributes(cls, ("name", "aliases", "upcaster", "codec"))
        names = {**names_of_mixins(cls, "_es_header"), **own_names(cls)}
        refuse_reserved(cls, {*cls._es_header, *RESERVED_BY_EVENTS}, names)
        cls._es_schema = EventSchema(
            cls.__qualname__.rpartition("<locals>.")[2] if name is None else name,
            aliases,
            upcaster,
            cls._es_schema.codec if codec is None else codec,
        )

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        """Check the defaults of the fields, and compare the upcaster with them, once attrs knows them.

        Raises:
            ModelError: if all events would share a default, or the steps fit neither each other nor the
                fields.
        """
        if "_es_schema" not in vars(cls):
            refuse_unheard(cls, "DomainEvent")
        refuse_mutable_defaults(cls)
        schema = cls._es_schema
        if schema.upcaster is not None:
            is_change = AttributeChangedEvent in cls.__mro__
            names = [each.name for each in fields_of(cls) if each.name not in cls._es_header]
            compare_early(cls, schema.upcaster, schema.codec, None if is_change else names)


RESERVED_BY_EVENTS: Final = frozenset({"becomes", "self"})
"""The names that no field or method of an event may have, besides the fields of its header."""


def _refuse_wrong_keywords(cls: type[DomainEvent], given: Mapping[str, object]) -> None:
    """Check what no type checker saw.

    Raises:
        ModelError: naming the class and the keyword.
    """
    name, aliases, upcaster, codec = given["name"], given["aliases"], given["upcaster"], given["codec"]
    wanted: str | None = None
    if name is not None and (not isinstance(name, str) or not name):
        wanted = f'name: expected a text, found {name!r}: name="bank.opened"'
    elif not are_texts(aliases):
        wanted = f'aliases: expected a tuple of texts, found {aliases!r}: aliases=("bank.created",)'
    elif upcaster is not None and not isinstance(upcaster, Upcaster):
        wanted = f"upcaster: expected an Upcaster, found {upcaster!r}: upcaster=upcasts(step).then(step)"
    elif codec is not None and not isinstance(codec, Codec):
        wanted = f"codec: expected a Codec, found {codec!r}: codec=Codec(TypeHook(...))"
    if wanted is not None:
        raise ModelError(f"{cls.__qualname__}: {wanted}.")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def are_texts(value: object, /) -> bool:
    """Whether a value is a tuple of texts, none of them empty."""
    return is_iterable(value) and isinstance(value, tuple) and all(map(_is_text, value))


def schema_of(event_class: type[DomainEvent], /) -> EventSchema:
    """Return what the class keywords of an event declare."""
    return event_class._es_schema


def header_of(event_class: type[DomainEvent], /) -> tuple[str, ...]:
    """Return the names of the header fields of an event, in order."""
    return event_class._es_header


def stored_name_of(event_class: type[DomainEvent], /) -> str:
    """Return the name under which events of a class are stored."""
    return event_class._es_schema.name


def class_version_of(event_class: type[DomainEvent], /) -> int:
    """Return the version of an event's schema: the number of steps of its upcaster."""
    upcaster = event_class._es_schema.upcaster
    return 0 if upcaster is None else len(upcaster)


@frozen
class VersionedEvent(DomainEvent):
    """An event of a ``VersionedEntity``.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.model import VersionedEvent
        >>> @frozen
        ... class Opened(VersionedEvent):
        ...     owner: str
        >>> Opened(UUID(int=1), 0, "Ada").originator_version
        0
    """

    _es_header: ClassVar[tuple[str, ...]] = ("originator_id", "originator_version")
    originator_id: UUID
    originator_version: int


@frozen
class TimestampedEvent(DomainEvent):
    """An event of a ``TimestampedEntity``.

    Example:
        >>> from datetime import UTC, datetime
        >>> from uuid import UUID
        >>> from esmodel.model import TimestampedEvent
        >>> @frozen
        ... class Opened(TimestampedEvent):
        ...     owner: str
        >>> Opened(UUID(int=1), datetime(2026, 1, 1, tzinfo=UTC), "Ada").timestamp.year
        2026
    """

    _es_header: ClassVar[tuple[str, ...]] = ("originator_id", "timestamp")
    originator_id: UUID
    timestamp: datetime


@frozen
class TimestampedVersionedEvent(DomainEvent):
    """An event of a ``TimestampedVersionedEntity``.

    Example:
        >>> from datetime import UTC, datetime
        >>> from uuid import UUID
        >>> from esmodel.model import TimestampedVersionedEvent
        >>> @frozen
        ... class Opened(TimestampedVersionedEvent):
        ...     owner: str
        >>> Opened(UUID(int=1), 0, datetime(2026, 1, 1, tzinfo=UTC), "Ada").owner
        'Ada'
    """

    _es_header: ClassVar[tuple[str, ...]] = ("originator_id", "originator_version", "timestamp")
    originator_id: UUID
    originator_version: int
    timestamp: datetime


@frozen
class TimeuuidedEvent(DomainEvent):
    """An event of a ``TimeuuidedEntity``.

    Example:
        >>> from uuid import UUID, uuid1
        >>> from esmodel.model import TimeuuidedEvent
        >>> @frozen
        ... class Opened(TimeuuidedEvent):
        ...     owner: str
        >>> Opened(UUID(int=1), uuid1(), "Ada").event_id.version
        1
    """

    _es_header: ClassVar[tuple[str, ...]] = ("originator_id", "event_id")
    originator_id: UUID
    event_id: UUID


@frozen
class TimeuuidedVersionedEvent(DomainEvent):
    """An event of a ``TimeuuidedVersionedEntity``.

    Example:
        >>> from uuid import UUID, uuid1
        >>> from esmodel.model import TimeuuidedVersionedEvent
        >>> @frozen
        ... class Opened(TimeuuidedVersionedEvent):
        ...     owner: str
        >>> Opened(UUID(int=1), 0, uuid1(), "Ada").originator_version
        0
    """

    _es_header: ClassVar[tuple[str, ...]] = ("originator_id", "originator_version", "event_id")
    originator_id: UUID
    originator_version: int
    event_id: UUID


@frozen
class AggregateEvent(TimestampedVersionedEvent):
    """An event of an ``AggregateRoot``.

    Example:
        >>> @frozen
        ... class Deposited(AggregateEvent):
        ...     cents: int
        >>> @define
        ... class Account(AggregateRoot[Deposited]):
        ...     balance: int = 0
        ...
        ...     @applies
        ...     def deposited(self, event: Deposited) -> None:
        ...         self.balance += event.cents
        ...
        ...     apply = deposited.exhaustive
        >>> Account.create(Deposited, cents=5).balance
        5
    """


@frozen
class HashchainedEvent(TimestampedVersionedEvent):
    """An event of a ``HashchainedAggregateRoot`` or an ``EntityWithHashchain``.

    Example:
        >>> @frozen
        ... class Paid(HashchainedEvent):
        ...     cents: int
        >>> @define
        ... class Ledger(HashchainedAggregateRoot[Paid]):
        ...     apply = ignores(Paid).exhaustive
        >>> ledger = Ledger.create(Paid, cents=5)
        >>> ledger.pending_events[0].event_hash == ledger.head
        True
    """

    _es_header: ClassVar[tuple[str, ...]] = (
        "originator_id",
        "originator_version",
        "timestamp",
        "previous_hash",
        "event_hash",
    )
    previous_hash: bytes
    event_hash: bytes


@frozen
class ECCEvent(TimestampedVersionedEvent):
    """An event of an ``AggregateRootWithECC`` or an ``EntityWithECC``.

    Example:
        >>> @frozen
        ... class Ordered(ECCEvent):
        ...     item: str
        >>> @define
        ... class Order(AggregateRootWithECC[Ordered]):
        ...     apply = ignores(Ordered).exhaustive
        >>> event = Order.create(Ordered, item="book").pending_events[0]
        >>> event.correlation_id == event.event_id, event.causation_id
        (True, None)
    """

    _es_header: ClassVar[tuple[str, ...]] = (
        "originator_id",
        "originator_version",
        "timestamp",
        "event_id",
        "correlation_id",
        "causation_id",
    )
    event_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
