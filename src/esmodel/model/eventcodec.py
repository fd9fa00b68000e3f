"""Event codecs: an event to the bytes of its row and back, through upcasters where it is old."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar, get_args, get_origin

from esmodel.codec.fields import fields_of
from esmodel.codec.instances import Maker, checked_maker
from esmodel.codec.typevars import bind, bound_in
from esmodel.codec.upcasting import ItemUpcasting, Upcasting
from esmodel.exceptions import ModelError
from esmodel.model.apply import Handler
from esmodel.model.attributes import AttributeValues, refuse_other_types
from esmodel.model.events import DomainEvent, class_version_of, header_of, schema_of
from esmodel.model.exhaustive import events_of, owner_of, registry_of
from esmodel.model.markers import AttributeChangedEvent, ItemEvent
from esmodel.model.plan import EntityPlan, Planned, plan_of
from esmodel.model.versioning import upcasting_of

TEvent = TypeVar("TEvent", bound=DomainEvent)

_ROW: Final = frozenset({"originator_id", "originator_version", "timestamp", "previous_hash", "event_hash"})
"""The fields of headers that a row has a column for."""

_NOTHING_BOUND: Final[Mapping[object, object]] = {}


class EventCodec(Generic[TEvent]):
    """Encodes the events of one class, and decodes them at every class version.

    Attributes:
        event_class: the class.
        name: its stored name.
        class_version: the version at which it is written.
        encode: returns the payload of an event as JSON; a ``PayloadError`` where a value cannot be written.
        extra: the fields of the header that a row has no column for.
        make: returns an event from its payload, as it is written today, and the fields of its header;
            ``None`` where more is needed, and ``decode`` must be called.
        is_immutable: whether no value can change, and each is written the same each time.

    Example:
        >>> from uuid import UUID
        >>> from datetime import UTC, datetime
        >>> from esmodel.model import event_codecs_of
        >>> @frozen
        ... class Deposited(AggregateEvent):
        ...     cents: int
        >>> @define
        ... class Account(AggregateRoot[Deposited]):
        ...     apply = ignores(Deposited).exhaustive
        >>> codec = event_codecs_of(Account).by_name["Deposited"]
        >>> codec.encode(Deposited(UUID(int=1), 0, datetime(2026, 1, 1, tzinfo=UTC), 5))
        b'{"cents":5}'
    """

    __slots__ = (
        "_changes",
        "_codec",
        "_extra",
        "_make",
        "_shape",
        "_upcasting",
        "class_version",
        "encode",
        "event_class",
        "extra",
        "is_immutable",
        "make",
        "name",
    )

    def __init__(
        self,
        event_class: type[TEvent],
        arguments: tuple[object, ...],
        plan: EntityPlan,
        bound: Mapping[object, object] = _NOTHING_BOUND,
        /,
    ) -> None:
        """Derive all that can be derived from the classes.

        Args:
            event_class: the class.
            arguments: its type arguments, where it is generic.
            plan: of the entity.
            bound: what the type variables of the entity stand for.

        Raises:
            ModelError: if the class is not an attrs class, or a field has a type that cannot be carried.
        """
        if "__attrs_attrs__" not in vars(event_class):
            raise ModelError(f"{event_class.__qualname__}: expected an attrs class: write @frozen above it.")
        header = header_of(event_class)
        fields = fields_of(event_class)
        for each in fields:
            if not each.init:
                raise ModelError(
                    f"{event_class.__qualname__}.{each.name}: expected an argument of the class, found "
                    f"a field with init=False. Remove it: what is not given when triggered is not recorded."
                )
        if tuple(each.name for each in fields[: len(header)]) != header:
            found = ", ".join(each.name for each in fields)
            raise ModelError(
                f"{event_class.__qualname__}: expected the header {', '.join(header)} first, found the "
                f"fields {found}. Derive it from its kind before any mixin that has fields."
            )
        schema = schema_of(event_class)
        self.event_class: type[TEvent] = event_class
        self.name: str = schema.name
        self.class_version: int = class_version_of(event_class)
        self._codec = schema.codec
        is_change = AttributeChangedEvent in event_class.__mro__
        self._changes: AttributeValues | None = AttributeValues(plan, bound) if is_change else None
        payload = {each.name for each in fields[len(header) :]}
        if is_change and payload != {"name", "value"}:
            raise ModelError(
                f"{event_class.__qualname__}: expected the fields name and value of a changed attribute, "
                f"found {', '.join(sorted(payload))}. Derive an event with other fields from its kind alone."
            )
        names = () if is_change else tuple(f.name for f in fields if f.name not in header)
        self._shape = self._codec.struct_codec(event_class, names, arguments)
        self._upcasting: Upcasting | ItemUpcasting | None = None
        if schema.upcaster is not None:
            self._upcasting = upcasting_of(
                event_class, schema.upcaster, self._codec, None if is_change else self._shape.form
            )
        elif plan.item_upcaster is not None and ItemEvent in event_class.__mro__:
            self.class_version = len(plan.item_upcaster)
            self._upcasting = ItemUpcasting(
                event_class.__qualname__, plan.item_upcaster, self._codec.shapes().wire, self._shape.fields
            )
        self.encode: Callable[[TEvent], bytes] = self._encode_change if is_change else self._shape.encode
        self.extra: tuple[str, ...] = tuple(name for name in header if name not in _ROW)
        self._extra = self._codec.struct_codec(event_class, self.extra)
        self.is_immutable: bool = self._shape.is_immutable and not is_change
        self._make = self._shape.loader(tuple(name for name in header if name in _ROW))
        self.make: Callable[..., TEvent] | None = None if self.extra or is_change else self._make

    def _encode_change(self, event: TEvent) -> bytes:
        change: object = event
        if self._changes is None or not isinstance(change, AttributeChangedEvent):
            raise ModelError(f"{event!r}: expected the event of a changed attribute.")
        return self._changes.encode(change)

    @property
    def checked_maker(self) -> Maker[TEvent] | None:
        """Constructs events whose payload can be written; ``None`` where only ``encode`` can tell."""
        guards = self._shape.guards
        if guards is None or self._changes is not None:
            return None
        return checked_maker(self.event_class, guards, self._shape.checks)

    def encode_header(self, event: TEvent, /) -> bytes:
        """Return the part of the header that a row has no column for; empty where there is none."""
        return self._extra.encode(event) if self.extra else b""

    def decode(self, header: tuple[object, ...], extra: bytes, data: bytes, class_version: int, /) -> TEvent:
        """Return an event from its row; no validator runs.

        Args:
            header: the fields of the header that a row has a column for, in their order.
            extra: the others, as JSON.
            data: the payload, as JSON.
            class_version: the class version at which it was written.

        Raises:
            ValueError: if the bytes do not have the shape that the class version had.
        """
        if self._upcasting is not None:
            data = self._upcasting.run(data, class_version)
        event = self._make(data if self._changes is None else b"{}", *header)
        if self.extra:
            self._extra.decode(extra, event)
        if self._changes is not None:
            name, value = self._changes.decode(data)
            object.__setattr__(event, "name", name)
            object.__setattr__(event, "value", value)
        return event


class EventCodecs:
    """The codecs of all events of one class of entities, by class and by stored name.

    Attributes:
        by_class: by the class of the event.
        by_name: by stored name, aliases included.

    Example:
        >>> from esmodel.model import EventCodecs
        >>> @frozen
        ... class Deposited(AggregateEvent, aliases=("PaidIn",)):
        ...     cents: int
        >>> @define
        ... class Account(AggregateRoot[Deposited]):
        ...     apply = ignores(Deposited).exhaustive
        >>> sorted(EventCodecs(Account).by_name)
        ['AttributeChanged', 'Deposited', 'Discarded', 'PaidIn']
    """

    __slots__ = ("by_class", "by_name")

    def __init__(self, entity: type[Planned], arguments: tuple[object, ...] = (), /) -> None:
        """Register the events of the registry, those of the union, and the library's.

        Args:
            entity: the class.
            arguments: its type arguments, where it is generic.

        Raises:
            ModelError: if two classes share a name, or a type cannot be carried.
        """
        plan = plan_of(entity)
        self.by_class: dict[object, EventCodec[DomainEvent]] = {}
        self.by_name: dict[str, EventCodec[DomainEvent]] = {}
        registry = registry_of(entity)
        bound = bound_in(entity, arguments)
        everywhere = {key: each for base in reversed(list(bound)) for key, each in bound[base].items()}
        refuse_other_types(entity, plan, arguments, everywhere)
        handlers: Mapping[object, Handler] = {} if registry is None else registry.handlers
        applied = [bind(each, bound[owner_of(handlers[each], entity)]) for each in handlers]
        union = events_of(entity, arguments)
        _refuse_two_types(entity, union)
        for event in (*union, *applied, *plan.library.all):
            event_class: object = get_origin(event) or event
            if not isinstance(event_class, type) or not issubclass(event_class, DomainEvent):
                raise ModelError(f"{entity.__qualname__} applies {event!r}: expected a DomainEvent.")
            if event_class not in self.by_class and event_class is not DomainEvent:
                self._add(EventCodec[DomainEvent](event_class, get_args(event), plan, everywhere))

    def _add(self, codec: EventCodec[DomainEvent]) -> None:
        self.by_class[codec.event_class] = codec
        for name in (codec.name, *schema_of(codec.event_class).aliases):
            other = self.by_name.setdefault(name, codec)
            if other is not codec:
                raise ModelError(
                    f"{codec.event_class.__qualname__} and {other.event_class.__qualname__} both have the "
                    f"stored name {name!r}. Give one another by the class keyword `name`."
                )

    def for_event(self, event: DomainEvent, /) -> EventCodec[DomainEvent]:
        """Return the codec of an event.

        Raises:
            ModelError: if its class is not among those of the registry.
        """
        codec = self.by_class.get(type(event))
        if codec is None:
            kind = type(event).__qualname__
            raise ModelError(
                f"{kind} is applied by a handler of a base of it, but has no stored name here. Write a "
                f"handler of it, or ignores({kind}), and join it."
            )
        return codec


def _refuse_two_types(entity: type[Planned], union: tuple[object, ...]) -> None:
    """Check that no generic event is in a union with two types: rows name the class alone."""
    first: dict[object, object] = {}
    for event in union:
        if first.setdefault(get_origin(event) or event, event) != event:
            raise ModelError(
                f"{entity.__qualname__}: expected each event with one type, found "
                f"{first[get_origin(event)]!r} and {event!r}. Give each a class of its own."
            )


_known: Final[dict[object, EventCodecs]] = {}
"""By class of entities, or by the class and its type arguments where there are any."""


def event_codecs_of(entity: type[Planned], arguments: tuple[object, ...] = (), /) -> EventCodecs:
    """Return the codecs of a class of entities, with its type arguments, derived once."""
    key = (entity, arguments) if arguments else entity
    found = _known.get(key)
    if found is None:
        found = _known[key] = EventCodecs(entity, arguments)
    return found
