"""Recording: what is encoded of an event when it is triggered, so that nothing changes it afterwards.

The bytes of a payload are made when the event is triggered, unless its type says that it cannot change and
has no hook: then its values are checked, and the bytes are made when it is saved. A payload that can change
is read back from its bytes, so that the event shares nothing with the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Final, ParamSpec, TypeVar, cast, get_origin

from attrs import frozen

from esmodel.codec.instances import Maker, Makers, maker_of
from esmodel.exceptions import PayloadError, UnsupportedTypeError
from esmodel.model.copies import can_change
from esmodel.model.eventcodec import EventCodec, EventCodecs, event_codecs_of
from esmodel.model.events import DomainEvent, header_of
from esmodel.model.plan import Planned

P = ParamSpec("P")
TEvent = TypeVar("TEvent", bound=DomainEvent)


@frozen
class Recorded:
    """Keeps an event as it was triggered, so that nothing changes it afterwards.

    Attributes:
        event: the event.
        data: its payload; ``None`` if only the repository knows the types of its fields.
        pristine: a copy of the event, where there is no payload.
        can_change: whether its payload can change.
    """

    event: DomainEvent
    data: bytes | None
    pristine: DomainEvent | None = None
    can_change: bool = True

    def fresh(self, entity: type[Planned], /) -> DomainEvent:
        """Return the event as it was."""
        if self.data is not None and self.can_change:
            return own_of(event_codecs_of(entity).for_event(self.event), self.event, self.data)
        return self.event if self.pristine is None else deepcopy(self.pristine)


def recorded(  # noqa: PLR0913, PLR0917  # because these make the event
    entity: type[Planned],
    makers: Makers,
    event_class: Callable[P, TEvent],
    args: tuple[object, ...],
    payload: Mapping[str, object],
    header: tuple[object, ...],
    *,
    is_signed: bool,
) -> tuple[TEvent, Recorded | None]:
    """Make an event that its entity can store.

    Args:
        entity: the class of the entity.
        makers: where the maker of a class is kept if its events are encoded when they are saved.
        event_class: the class of the event, or a function that returns one.
        args: the positional part of the payload.
        payload: the part that is passed by keyword.
        header: the fields of its header.
        is_signed: whether the entity encodes each event by itself, to sign it.

    Returns:
        The event, and what is kept of it, unless it is encoded when it is saved.

    Raises:
        PayloadError: if a value cannot be stored, naming the class, the field and the path.
    """
    codecs = codecs_if_bound(entity)
    if codecs is None:
        return _of_open_type(maker_of(event_class)(args, payload, *header))
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
        return event, Recorded(event, data, can_change=False)
    own = own_of(codec, event, data)
    return own, Recorded(own, data)


def _of_open_type(event: TEvent) -> tuple[TEvent, Recorded | None]:
    """Return an event whose types only a repository knows, as those of ``Collection[str]``; see ``recorded``.

    Raises:
        PayloadError: if its payload can change, and cannot be copied.
    """
    if not can_change(event):
        return event, None
    try:
        own, pristine = deepcopy(event), deepcopy(event)
    except Exception as error:
        raise PayloadError(
            f"{type(event).__qualname__}: expected a payload that can be copied, found {error!r}. Derive the "
            f"entity from a base with its types, so that the payload is encoded when it is triggered."
        ) from error
    return own, Recorded(own, None, pristine)


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
