"""Hash chains: each event is signed with the hash of the one before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import ClassVar, Concatenate, Final, Never, ParamSpec, Self, TypeVar, final
from uuid import UUID

import attrs
from attrs import define, field, frozen
from typing_extensions import override

from esmodel.codec.codec import Codec
from esmodel.exceptions import EventHashError, HeadHashError, ModelError
from esmodel.ids import new_id
from esmodel.model.aggregate import Aggregate
from esmodel.model.apply import Handler
from esmodel.model.calls import refuse_call
from esmodel.model.eventcodec import EventCodec, event_codecs_of
from esmodel.model.eventhash import GENESIS_HASH, hash_of
from esmodel.model.events import DomainEvent, HashchainedEvent, stored_name_of
from esmodel.model.markers import AttributeChangedEvent, DiscardedEvent
from esmodel.model.plan import OWN, LibraryEvents
from esmodel.model.properties import WithTimes, WithVersion
from esmodel.model.reserved import RESERVED_BY_ENTITIES
from esmodel.model.stored import Progress
from esmodel.model.versioning import Upcaster

P = ParamSpec("P")
TEvent = TypeVar("TEvent", bound=HashchainedEvent)

NO_SLOTS: Final[tuple[str, ...]] = ()


class Hashchained(WithVersion[TEvent], WithTimes[TEvent]):
    """The base of entities with a hash chain: the head, the links, and the signing of events.

    Class keywords:
        genesis_hash: what the first event continues, 32 bytes; inherited.
    """

    __slots__ = NO_SLOTS  # the classes below have that of `_es_head`: it would conflict with `_es_pending`

    _es_reserved: ClassVar[frozenset[str]] = RESERVED_BY_ENTITIES | {"head"}
    _es_genesis: ClassVar[bytes] = GENESIS_HASH
    _es_head: bytes

    @override
    def __init_subclass__(
        cls,
        *,
        codec: Codec | None = None,
        snapshot_upcaster: Upcaster[Never, object] | None = None,
        genesis_hash: bytes | None = None,
        **unknown: Never,
    ) -> None:
        """Keep the genesis hash.

        Raises:
            ModelError: if it has not 32 bytes; see ``DomainEntity`` for other mistakes.
        """
        super().__init_subclass__(codec=codec, snapshot_upcaster=snapshot_upcaster, **unknown)
        if genesis_hash is not None:
            if not _is_hash(genesis_hash):
                raise ModelError(
                    f"{cls.__qualname__}: genesis_hash: expected 32 bytes, found {genesis_hash!r}."
                )
            cls._es_genesis = genesis_hash

    @property
    @final
    def head(self) -> bytes:
        """The hash of the last event, or the genesis hash."""
        return self._es_head

    @classmethod
    @final
    def create(
        cls,
        event_class: Callable[Concatenate[UUID, int, datetime, bytes, bytes, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with a new id, from its first event and the payload of that event."""
        return cls.create_with_id(new_id(), event_class, *args, **kwargs)

    @classmethod
    @final
    def create_with_id(
        cls,
        originator_id: UUID,
        event_class: Callable[Concatenate[UUID, int, datetime, bytes, bytes, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with an id of your choice; see ``create``."""
        entity = cls._es_begin(originator_id)
        entity.trigger(event_class, *args, **kwargs)
        return entity

    @final
    def trigger(
        self,
        event_class: Callable[Concatenate[UUID, int, datetime, bytes, bytes, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Make an event of the payload, sign it, apply it and emit it.

        Raises:
            EntityIsDiscarded: if the entity was discarded.
            ApplyError: if no handler applies the event.
            PayloadError: if a value cannot be written, and so not be signed.
        """
        try:
            if self._es_barred is not None or self._es_is_discarded:  # spares a call: 40 ns
                self._es_refuse_if_closed()
        except AttributeError:
            self._es_refuse_unbegun()
        try:
            try:  # `_es_make`, written out: that spares two calls
                make = self._es_makers[event_class]
            except KeyError:
                event = self._es_make(event_class, args, kwargs)
            else:
                event = make(
                    args, kwargs, self._es_id, self._es_version + 1, self._es_now(), self._es_head, b""
                )
        except TypeError:
            refuse_call(type(self), event_class, args, kwargs)
            raise
        self._es_take(event)

    @override
    def _es_next_header(self) -> tuple[UUID, int, datetime, bytes, bytes]:
        return (self._es_id, self._es_version + 1, self._es_now(), self._es_head, b"")

    @classmethod
    @override
    def _es_begin(cls, originator_id: UUID) -> Self:
        entity = super()._es_begin(originator_id)
        entity._es_head = cls._es_genesis
        return entity

    @classmethod
    @override
    def _es_verified(cls, events: Iterable[DomainEvent]) -> Iterable[DomainEvent]:
        for event in events:
            signed = _of_chain(event)
            if cls._es_hash(signed) != signed.event_hash:
                finding = f"the hash of {stored_name_of(type(event))} is not that of its content"
                raise EventHashError(signed.originator_id, signed.originator_version, finding)
            yield signed

    @classmethod
    def _es_hash(cls, event: HashchainedEvent) -> bytes:
        """Return the hash of an event as its class writes it today."""
        codec = event_codecs_of(cls).for_event(event)
        return hash_of(codec, event, codec.encode(event))

    @override
    def _es_continue_with(self, events: Iterable[DomainEvent]) -> None:
        super()._es_continue_with(self._es_linked(events))

    def _es_linked(self, events: Iterable[DomainEvent]) -> Iterator[HashchainedEvent]:
        """Yield each event that continues the chain."""
        for event in events:
            signed = _of_chain(event)
            if signed.previous_hash != self._es_head:
                self._es_check(event)  # where it is of another stream or out of order, that is the fault
                finding = f"expected to continue {self._es_head.hex()}, found {signed.previous_hash.hex()}"
                self._es_barred = None  # nothing has changed
                raise HeadHashError(self._es_id, signed.originator_version, finding)
            yield signed

    @classmethod
    @override
    def _es_completed(cls, event_class: type[object], handler: Handler) -> Handler:
        found = super()._es_completed(event_class, handler)

        def link(entity: Self, event: HashchainedEvent) -> None:
            found(entity, event)
            entity._es_head = event.event_hash  # nothing comes between the state and the head

        return link

    @override
    def _es_take(self, event: DomainEvent) -> None:
        """Sign a new event, before anyone sees it, and take it."""
        signed = event if isinstance(event, HashchainedEvent) else _of_chain(event)  # spares a call
        codec = event_codecs_of(type(self)).for_event(signed)
        data = codec.encode(signed) if codec.is_immutable else self._es_encode(codec, signed)
        object.__setattr__(signed, "event_hash", hash_of(codec, signed, data))
        super()._es_take(signed)

    def _es_encode(self, codec: EventCodec[DomainEvent], event: HashchainedEvent) -> bytes:
        """Return the payload of a new event that can change; what is hashed is what is stored."""
        return codec.encode(event)


def _is_hash(given: object) -> bool:
    return isinstance(given, bytes) and len(given) == len(GENESIS_HASH)


def _of_chain(event: DomainEvent) -> HashchainedEvent:
    if isinstance(event, HashchainedEvent):
        return event
    raise ModelError(
        f"{type(event).__qualname__}: expected an event of a hash chain, found one without hashes. "
        f"Derive it from HashchainedEvent."
    )


@frozen
class HashchainedDiscarded(HashchainedEvent, DiscardedEvent, name="Discarded"):
    """The event of ``discard`` in a hash chain."""


@frozen
class HashchainedAttributeChanged(HashchainedEvent, AttributeChangedEvent, name="AttributeChanged"):
    """The event of an assignment to an ``@attribute`` in a hash chain."""

    name: str
    value: object


@define
class HashchainedAggregateRoot(
    Hashchained[TEvent], Aggregate[TEvent, TEvent | HashchainedDiscarded | HashchainedAttributeChanged]
):
    """An aggregate whose events form a hash chain: no recorded byte changes unseen.

    Example:
        >>> @frozen
        ... class Begun(HashchainedEvent):
        ...     title: str
        >>> @define
        ... class Thing(HashchainedAggregateRoot[Begun]):
        ...     title: str
        ...
        ...     @applies
        ...     def begun(self, event: Begun) -> None:
        ...         self.title = event.title
        ...
        ...     apply = begun.exhaustive
        >>> Thing.create(Begun, title="one").title
        'one'
    """

    _es_library: ClassVar[LibraryEvents] = LibraryEvents(HashchainedDiscarded, HashchainedAttributeChanged)
    _es_is_signed: ClassVar[bool] = True
    _es_head: bytes = field(init=False, metadata=OWN)

    @override
    def _es_encode(self, codec: EventCodec[DomainEvent], event: HashchainedEvent) -> bytes:
        found = self._es_recording_of(event)
        return codec.encode(event) if found is None or found.data is None else found.data

    @override
    def _es_progress(self) -> Progress:
        return attrs.evolve(super()._es_progress(), head=self._es_head)

    @override
    def _es_resume(self, progress: Progress) -> None:
        super()._es_resume(progress)
        self._es_head = progress.head


@define
class EntityWithHashchain(Hashchained[TEvent]):
    """An entity with a hash chain. It publishes as it triggers; no repository keeps it.

    Example:
        >>> from esmodel.model import EntityWithHashchain
        >>> @frozen
        ... class Begun(HashchainedEvent):
        ...     title: str
        >>> @define
        ... class Thing(EntityWithHashchain[Begun]):
        ...     title: str
        ...
        ...     @applies
        ...     def begun(self, event: Begun) -> None:
        ...         self.title = event.title
        ...
        ...     apply = begun.exhaustive
        >>> Thing.create(Begun, title="one").title
        'one'
    """

    _es_library: ClassVar[LibraryEvents] = LibraryEvents(HashchainedDiscarded, HashchainedAttributeChanged)
    _es_is_signed: ClassVar[bool] = True
    _es_head: bytes = field(init=False, metadata=OWN)


def head_of(aggregate: object, /) -> bytes:
    """Return the head of a chained entity; of any other, empty bytes."""
    return aggregate.head if isinstance(aggregate, Hashchained) else b""
