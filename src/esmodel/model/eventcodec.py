"""Payloads of the events of one class of entities: to stored bytes, and back through upcasters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar, get_args, get_origin

import msgspec

from esmodel.codec.fields import fields_of
from esmodel.codec.typevars import bind, bound_in
from esmodel.exceptions import ModelError, PayloadError
from esmodel.model.apply import Handler, events_of, owner_of, registry_of
from esmodel.model.entity import DeclaredAttribute, DomainEntity, EntityPlan, plan_of
from esmodel.model.events import AttributeChangedEvent, DomainEvent

TEvent = TypeVar("TEvent", bound=DomainEvent)

_ROW: Final = frozenset({"originator_id", "originator_version", "timestamp", "previous_hash", "event_hash"})

_NOTHING_BOUND: Final[Mapping[object, object]] = {}


class _Changed(msgspec.Struct, forbid_unknown_fields=True):
    """The stored form of a changed attribute: its value as JSON, typed only by the entity."""

    name: str
    value: msgspec.Raw


class Payload(Generic[TEvent]):
    """How the events of one class are written, and read at every class version.

    Attributes:
        event_class: the class.
        name: its stored name.
        class_version: the version at which it is written.
        encode: what makes of an event its payload as JSON; a ``PayloadError`` where a value cannot be
            written.
        extra: the fields of the header that a row has no column for.
        make: what makes an event of the payload as it is written today and the fields of its header;
            ``None`` where that is not all, and ``decode`` must be called.
    """

    __slots__ = (
        "_attributes",
        "_bound",
        "_codec",
        "_extra",
        "_is_change",
        "_make",
        "_shape",
        "_upcaster",
        "class_version",
        "encode",
        "event_class",
        "extra",
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
            ModelError: if the class is no attrs class, or a field has a type that cannot be carried.
        """
        if "__attrs_attrs__" not in vars(event_class):
            msg = f"{event_class.__qualname__} must be an attrs class: write @frozen(kw_only=True) above it"
            raise ModelError(msg)
        header = event_class.HEADER
        fields = fields_of(event_class)
        for each in fields:
            if each.name not in header and (not each.kw_only or not each.init):
                msg = (
                    f"{event_class.__qualname__}.{each.name} must be a keyword-only argument: "
                    f"write @frozen(kw_only=True) above {event_class.__qualname__}"
                )
                raise ModelError(msg)
        self.event_class: type[TEvent] = event_class
        self._bound = bound
        self.name: str = event_class.event_name
        self.class_version: int = event_class.class_version()
        self._codec = event_class.codec
        self._upcaster = event_class.upcaster
        is_change = AttributeChangedEvent in event_class.__mro__
        self._attributes: Mapping[str, DeclaredAttribute] = plan.attributes if is_change else {}
        self._is_change = is_change
        names = () if is_change else tuple(f.name for f in fields if f.name not in header)
        self._shape = self._codec.struct_codec(event_class, names, arguments)
        self.encode: Callable[[TEvent], bytes] = self._encode_change if is_change else self._shape.encode
        self.extra: tuple[str, ...] = tuple(name for name in header if name not in _ROW)
        self._extra = self._codec.struct_codec(event_class, self.extra)
        self._make = self._shape.loader(tuple(name for name in header if name in _ROW))
        self.make: Callable[..., TEvent] | None = None if self.extra or is_change else self._make

    def _encode_change(self, event: TEvent) -> bytes:
        name: str = getattr(event, "name")  # noqa: B009  # because the marker alone says it is there
        attribute = self._attributes[name]
        value = attribute.codec.encode(bind(attribute.value_type(), self._bound), getattr(event, "value"))  # noqa: B009
        return msgspec.json.encode(_Changed(name, msgspec.Raw(value)))

    def encode_header(self, event: TEvent, /) -> bytes:
        """Return the part of the header that a row has no column for; empty where there is none."""
        return self._extra.encode(event) if self.extra else b""

    def decode(self, header: tuple[object, ...], extra: bytes, data: bytes, class_version: int, /) -> TEvent:
        """Return an event from what was stored; no validator runs.

        Args:
            header: the fields of the header that a row has a column for, in their order.
            extra: the others, as JSON.
            data: the payload, as JSON.
            class_version: the class version at which it was written.

        Raises:
            ValueError: if the bytes do not have the shape that the class version had.
        """
        if self._upcaster is not None and class_version != self.class_version:
            plain: object = msgspec.json.decode(data)
            newest = self._upcaster.upcast(plain, class_version, self._codec.convert)
            data = self._codec.plain_bytes(newest, self._upcaster.returns)
        event = self._make(b"{}" if self._is_change else data, *header)
        if self.extra:
            self._extra.decode(extra, event)
        if self._is_change:
            self._set_attribute(event, msgspec.json.decode(data, type=_Changed))
        return event

    def _set_attribute(self, event: TEvent, changed: _Changed) -> None:
        attribute = self._attributes.get(changed.name)
        if attribute is None:
            msg = f"the entity has no @attribute {changed.name!r}"
            raise PayloadError(msg)
        value = attribute.codec.decode(bind(attribute.value_type(), self._bound), changed.value)
        object.__setattr__(event, "name", changed.name)
        object.__setattr__(event, "value", value)


class Payloads:
    """The payloads of all events of one class of entities, by class and by stored name.

    Attributes:
        by_class: by the class of the event.
        by_name: by stored name, aliases included.
    """

    __slots__ = ("by_class", "by_name")

    def __init__(self, entity: type[DomainEntity[TEvent]], arguments: tuple[object, ...] = (), /) -> None:
        """Register the events of the registry, those of the union, and the library's.

        Args:
            entity: the class.
            arguments: its type arguments, where it is generic.

        Raises:
            ModelError: if two classes share a name, or a type cannot be carried.
        """
        plan = plan_of(entity)
        self.by_class: dict[type[object], Payload[DomainEvent]] = {}
        self.by_name: dict[str, Payload[DomainEvent]] = {}
        registry = registry_of(entity)
        bound = bound_in(entity, arguments)
        everywhere = {key: each for base in reversed(list(bound)) for key, each in bound[base].items()}
        handlers: Mapping[object, Handler] = {} if registry is None else registry.handlers
        applied = [bind(each, bound[owner_of(handlers[each], entity)]) for each in handlers]
        for event in (*events_of(entity, arguments), *applied, *entity.LIBRARY_EVENTS):
            event_class: object = get_origin(event) or event
            if not isinstance(event_class, type) or not issubclass(event_class, DomainEvent):
                msg = f"{entity.__qualname__} applies {event!r}, which is no DomainEvent"
                raise ModelError(msg)
            if event_class not in self.by_class and event_class is not DomainEvent:
                self._add(Payload[DomainEvent](event_class, get_args(event), plan, everywhere))

    def _add(self, payload: Payload[DomainEvent]) -> None:
        self.by_class[payload.event_class] = payload
        for name in (payload.name, *payload.event_class.aliases):
            other = self.by_name.setdefault(name, payload)
            if other is not payload:
                msg = (
                    f"{payload.event_class.__qualname__} and {other.event_class.__qualname__} both "
                    f"have the stored name {name!r}; give one another event_name"
                )
                raise ModelError(msg)

    def for_event(self, event: DomainEvent, /) -> Payload[DomainEvent]:
        """Return how an event is written.

        Raises:
            ModelError: if its class is not among those of the registry.
        """
        payload = self.by_class.get(type(event))
        if payload is None:
            kind = type(event).__qualname__
            msg = (
                f"{kind} is applied by a handler of a base of it, but has no name here: join @applies({kind})"
            )
            raise ModelError(msg)
        return payload


_known: Final[dict[tuple[type[object], tuple[object, ...]], Payloads]] = {}


def payloads_of(entity: type[DomainEntity[TEvent]], arguments: tuple[object, ...] = (), /) -> Payloads:
    """Return the payloads of a class of entities, with its type arguments, derived once."""
    found = _known.get((entity, arguments))
    if found is None:
        found = _known[entity, arguments] = Payloads(entity, arguments)
    return found
