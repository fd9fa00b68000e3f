"""Recording: what is encoded of an event when it is triggered, so that nothing changes it afterwards.

The bytes of a payload are made when the event is triggered, unless its type says that it cannot change and
has no hook: then its values are checked, and the bytes are made when it is saved. A payload that can change
is read back from its bytes, so that the event shares nothing with the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, ParamSpec, TypeAlias, TypeVar, cast, get_origin

from esmodel.codec.instances import Maker, Makers, maker_of, names_class
from esmodel.exceptions import UnsupportedTypeError
from esmodel.model.eventcodec import EventCodec, EventCodecs, event_codecs_of
from esmodel.model.events import DomainEvent, header_of
from esmodel.model.plan import Planned

P = ParamSpec("P")
TEvent = TypeVar("TEvent", bound=DomainEvent)


Encoded: TypeAlias = tuple[DomainEvent, bytes, bool]
"""An event whose payload was encoded when it was triggered, the payload, and whether that can change."""


def fresh(entity: type[Planned], encoded: Encoded, /) -> DomainEvent:
    """Return the event as its bytes say it was."""
    event, data, can_change = encoded
    return own_of(event_codecs_of(entity).for_event(event), event, data) if can_change else event


def recorded(  # noqa: PLR0913, PLR0917  # because these make the event
    entity: type[Planned],
    makers: Makers,
    event_class: Callable[P, TEvent],
    args: tuple[object, ...],
    payload: Mapping[str, object],
    header: tuple[object, ...],
    *,
    is_signed: bool,
) -> tuple[TEvent, Encoded | None]:
    """Make an event that its entity can store.

    Args:
        entity: the class of the entity.
        makers: where to keep the maker of a class whose events are encoded when they are saved.
        event_class: the class of the event, or a function that returns one.
        args: the positional part of the payload.
        payload: the part that is passed by keyword.
        header: the fields of its header.
        is_signed: whether the entity encodes each event by itself, to sign it.

    Returns:
        The event, and its payload where that is encoded now.

    Raises:
        PayloadError: if a value cannot be stored, naming the class, the field and the path.
    """
    codecs = codecs_if_bound(entity)
    if codecs is None:
        unchecked = maker_of(event_class)
        if names_class(event_class):
            makers[event_class] = unchecked
        return unchecked(args, payload, *header), None
    codec = _codec_of(codecs, event_class)
    make = None if codec is None else _maker_of(codec, event_class, is_signed=is_signed)
    if make is not None:
        makers[event_class] = make
        return make(args, payload, *header), None
    event = maker_of(event_class)(args, payload, *header)
    codec = codec or _codec_of(codecs, type(event))
    if codec is None:
        return event, None  # no handler takes it, which is the error that follows
    data = codec.encode(event)
    if codec.is_immutable:
        return event, (event, data, False)
    own = own_of(codec, event, data)
    return own, (own, data, True)


def _maker_of(
    codec: EventCodec[TEvent], event_class: Callable[P, TEvent], *, is_signed: bool
) -> Maker[TEvent] | None:
    """Return the maker of a class whose events are encoded at the save; ``None`` for other classes."""
    if is_signed:
        return maker_of(event_class) if codec.is_immutable else None
    return codec.checked_maker


def own_of(codec: EventCodec[TEvent], event: TEvent, data: bytes, /) -> TEvent:
    """Return an event that is read from the bytes of another, and shares nothing with it."""
    header = tuple(getattr(event, name) for name in header_of(type(event)) if name not in codec.extra)
    return codec.decode(header, codec.encode_header(event), data, codec.class_version)


def codecs_if_bound(entity: type[Planned], /) -> EventCodecs | None:
    """Return the codecs of an entity; ``None`` if only its repository knows what its type variables mean."""
    if entity in _unbound:
        return None
    try:
        return event_codecs_of(entity)
    except UnsupportedTypeError:
        _unbound.add(entity)
        return None


_unbound: Final[set[type[Planned]]] = set()


def _codec_of(codecs: EventCodecs, event_class: Callable[P, TEvent]) -> EventCodec[TEvent] | None:
    found = codecs.by_class.get(get_origin(event_class) or event_class)
    return cast("EventCodec[TEvent] | None", found)  # because each class is the key of its own codec
