"""Aggregates: entities that keep their new events pending until a repository stores them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import ClassVar, Concatenate, Final, Generic, ParamSpec, Self, TypeVar, cast, final, get_origin
from uuid import UUID

from attrs import define, field, frozen
from typing_extensions import TypeIs, override

from esmodel.clock import clock, now, system_time
from esmodel.codec.fields import fields_of
from esmodel.codec.typevars import is_class
from esmodel.exceptions import ModelError
from esmodel.model.calls import refuse_call
from esmodel.model.entity import APPLYING
from esmodel.model.events import AggregateEvent, DomainEvent, TimestampedVersionedEvent
from esmodel.model.kinds import TimestampedVersionedVerbs
from esmodel.model.markers import AttributeChangedEvent, DiscardedEvent
from esmodel.model.plan import OWN, LibraryEvents
from esmodel.model.properties import WithTimes, WithVersion
from esmodel.model.recording import Recorded, recorded
from esmodel.model.stored import Progress

# methods of what a module imports are bound before each call, those of its own names are not: 30 ns each
_clock: Final = clock
_datetime: Final = datetime
_applying: Final = APPLYING

_NONE: Final = range(0)

P = ParamSpec("P")
TMade = TypeVar("TMade", bound=DomainEvent)
TEvent = TypeVar("TEvent", bound=TimestampedVersionedEvent)
TRecorded = TypeVar("TRecorded", bound=TimestampedVersionedEvent)


@define
class Aggregate(WithVersion[TEvent], WithTimes[TEvent], Generic[TEvent, TRecorded]):
    """The base of aggregates of every kind: pending events, a version and times."""

    _es_pending: list[TimestampedVersionedEvent] = field(init=False, eq=False, metadata=OWN)
    _es_recordings: dict[int, Recorded] = field(init=False, eq=False, metadata=OWN)
    _es_collected: range = field(init=False, eq=False, metadata=OWN)  # the versions, of events not saved

    _es_is_signed: ClassVar[bool] = False

    @classmethod
    @override
    def _es_begin(cls, originator_id: UUID) -> Self:
        entity = super()._es_begin(originator_id)
        entity._es_pending = []
        entity._es_recordings = {}
        entity._es_collected = _NONE
        return entity

    @property
    @final
    def pending_events(self) -> tuple[TRecorded, ...]:
        """The events that are not stored yet, in order."""
        pending = self._es_pending
        events = tuple(map(self._es_fresh, pending)) if self._es_recordings else tuple(pending)
        return cast("tuple[TRecorded, ...]", events)  # because no others are triggered

    @final
    def collect_events(self) -> tuple[TRecorded, ...]:
        """Return the pending events, in order, and clear them.

        This stores nothing. A later save is refused, because the store lacks these events.
        """
        events = self.pending_events
        if self._es_pending:
            first = self._es_collected.start if self._es_collected else self._es_pending[0].originator_version
            self._es_collected = range(first, self._es_version + 1)
        self._es_pending.clear()
        self._es_recordings.clear()
        return events

    def __copy__(self) -> Self:
        """Return a deep copy: two aggregates that share a list would change each other's state."""
        twin = self.__class__.__new__(self.__class__)
        known: dict[int, object] = {id(self): twin}
        names = [each.name for each in fields_of(self.__class__) if hasattr(self, each.name)]
        values: dict[str, object] = {name: getattr(self, name) for name in names}
        values |= getattr(self, "__dict__", {})  # because a class without slots may have more than its fields
        for name, value in values.items():
            object.__setattr__(twin, name, deepcopy(value, known))
        return twin

    @override
    def _es_make(
        self, event_class: Callable[P, TMade], args: tuple[object, ...], payload: Mapping[str, object]
    ) -> TMade:
        header = self._es_next_header()
        try:
            try:
                make = self._es_makers[event_class]
            except KeyError:
                return self._es_recorded(event_class, args, payload, header)
            return make(args, payload, *header)
        except TypeError:
            refuse_call(type(self), event_class, args, payload)
            raise

    def _es_recorded(
        self,
        event_class: Callable[P, TMade],
        args: tuple[object, ...],
        payload: Mapping[str, object],
        header: tuple[object, ...],
    ) -> TMade:
        """Return an event whose class is new here, or whose payload is encoded when it is triggered."""
        cls, makers = type(self), self._es_makers
        event, kept = recorded(cls, makers, event_class, args, payload, header, is_signed=cls._es_is_signed)
        if kept is not None:
            self._es_recordings[self._es_version + 1] = kept
        return event

    def _es_recording_of(self, event: TimestampedVersionedEvent) -> Recorded | None:
        """Return what is kept of a pending event, unless it is encoded when it is saved."""
        found = self._es_recordings.get(event.originator_version)
        return found if found is not None and found.event is event else None

    def _es_payloads(self) -> Mapping[int, bytes]:
        """Return the payloads that were encoded when their pending events were triggered, by version."""
        if not self._es_recordings:
            return {}
        pairs = ((each.originator_version, self._es_recording_of(each)) for each in self._es_pending)
        return {
            version: found.data for version, found in pairs if found is not None and found.data is not None
        }

    def _es_fresh(self, event: TimestampedVersionedEvent) -> TimestampedVersionedEvent:
        """Return a pending event as it is stored, whatever was done to its payload."""
        found = self._es_recording_of(event)
        return of_aggregate(found.fresh(type(self))) if found is not None else event

    @override
    def _es_apply_each(self, events: Iterable[DomainEvent]) -> None:
        dispatch, own_id, version = self._es_dispatch, self._es_id, self._es_version
        for each in events:
            event = each if isinstance(each, TimestampedVersionedEvent) else of_aggregate(each)
            version += 1
            if (
                # `is` spares a comparison of two UUIDs: 60 ns
                (event.originator_id is not own_id and event.originator_id != own_id)
                or event.originator_version != version
                or self._es_is_discarded
            ):
                self._es_check(event)  # which raises
            try:  # faster than a dictionary that fills itself
                handler = dispatch[event.__class__]
            except KeyError:
                handler = self._es_handler_for(event.__class__)
            handler(self, event)
            if version == 0:
                self._es_check_set(event)
                self._es_created_on = event.timestamp
            self._es_version = version
            self._es_last_modified = event.timestamp

    @override
    def _es_take(self, event: DomainEvent) -> None:
        # that of `DomainEntity`, written out: that spares four calls
        kept = of_aggregate(event)
        handler = self._es_handler_for(kept.__class__)
        try:
            self._es_barred = APPLYING
            handler(self, kept)
            if self._es_version < 0:
                self._es_check_set(kept)
                self._es_created_on = kept.timestamp
            self._es_version += 1
            self._es_last_modified = kept.timestamp
            self._es_pending.append(kept)
            self._es_barred = None
        except BaseException as error:
            self._es_bar_after(kept, error)
            raise

    def _es_saved(self, last: int) -> None:
        """Clear the pending events up to a version, which are stored; later ones stay pending."""
        pending = self._es_pending
        if pending:  # they may have been collected meanwhile
            del pending[: max(0, last + 1 - pending[0].originator_version)]
        if self._es_collected:
            self._es_collected = range(max(last + 1, self._es_collected.start), self._es_collected.stop)
        for version in [each for each in self._es_recordings if each <= last]:
            self._es_recordings.pop(version, None)

    def _es_trigger(
        self, event_class: object, args: tuple[object, ...], payload: Mapping[str, object]
    ) -> None:
        """Trigger an event by its payload; ``trigger`` is the typed way.

        Raises:
            ModelError: if it is not a class of events.
        """
        origin: object = get_origin(event_class) or event_class
        if not isinstance(origin, type) or not issubclass(origin, DomainEvent):
            raise ModelError(f"{type(self).__qualname__}: expected a class of events, found {event_class!r}.")
        self._es_refuse_if_closed()
        self._es_record(origin, payload, args)

    def _es_progress(self) -> Progress:
        """Return what a snapshot holds besides the state.

        Raises:
            InvalidEntityError: if the state cannot be trusted.
        """
        self._es_refuse_if_invalid()
        return Progress(
            self._es_version, self.created_on, self.last_modified, self._es_is_discarded, self._es_flags()
        )

    def _es_flags(self) -> Mapping[str, bool]:
        """Return the flags of a special kind, by their stored names."""
        return {}

    def _es_resume(self, progress: Progress) -> None:
        """Set the version and times to those of a snapshot."""
        self._es_version = progress.version
        self._es_created_on = progress.created_on
        self._es_last_modified = progress.last_modified
        self._es_is_discarded = progress.is_discarded


def of_aggregate(event: DomainEvent, /) -> TimestampedVersionedEvent:
    """Return an event if an aggregate can take it.

    Raises:
        ModelError: if it is of another kind.
    """
    if isinstance(event, TimestampedVersionedEvent):
        return event
    raise ModelError(
        f"{type(event).__qualname__}: expected an event of an aggregate, found another kind. "
        f"Derive it from AggregateEvent."
    )


def is_aggregate(
    cls: object, /
) -> TypeIs[type[Aggregate[TimestampedVersionedEvent, TimestampedVersionedEvent]]]:
    """Whether a class is one of aggregates."""
    return is_class(cls) and issubclass(cls, Aggregate)


@frozen
class Discarded(AggregateEvent, DiscardedEvent, name="Discarded"):
    """The event of ``AggregateRoot.discard``.

    Example:
        >>> @frozen
        ... class Opened(AggregateEvent):
        ...     pass
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     apply = ignores(Opened).exhaustive
        >>> account = Account.create(Opened)
        >>> account.discard()
        >>> type(account.pending_events[-1]).__name__
        'Discarded'
    """


@frozen
class AttributeChanged(AggregateEvent, AttributeChangedEvent, name="AttributeChanged"):
    """The event of an assignment to an ``@attribute`` of an ``AggregateRoot``.

    Example:
        >>> @frozen
        ... class Opened(AggregateEvent):
        ...     pass
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     _limit: int = 0
        ...
        ...     @attribute
        ...     def limit(self) -> int:
        ...         return self._limit
        ...
        ...     apply = ignores(Opened).exhaustive
        >>> account = Account.create(Opened)
        >>> account.limit = 500
        >>> account.pending_events[-1].name, account.pending_events[-1].value
        ('limit', 500)
    """

    name: str
    value: object


@define
class Root(Aggregate[TEvent, TRecorded], TimestampedVersionedVerbs[TEvent], Generic[TEvent, TRecorded]):
    """The base of roots with the header of ``AggregateEvent``; derive yours from ``AggregateRoot``.

    Example:
        >>> from esmodel.model import Root
        >>> issubclass(AggregateRoot, Root)
        True
    """

    _es_library: ClassVar[LibraryEvents] = LibraryEvents(Discarded, AttributeChanged)

    @final
    @override
    def trigger(
        self,
        event_class: Callable[Concatenate[UUID, int, datetime, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        # `_es_refuse_if_closed`, `_es_now` and `_es_take`, written out: that spares four calls of 40 ns
        try:
            if self._es_barred is not None or self._es_is_discarded:
                self._es_refuse_if_closed()
        except AttributeError:
            self._es_refuse_unbegun()
        moment = _datetime.now(UTC) if _clock.get() is system_time else now()
        last = self._es_last_modified
        if last is not None and moment < last:
            moment = last
        version = self._es_version + 1
        try:
            try:
                make = self._es_makers[event_class]
            except KeyError:
                event = self._es_recorded(event_class, args, kwargs, (self._es_id, version, moment))
            else:
                event = make(args, kwargs, self._es_id, version, moment)
        except TypeError:
            refuse_call(type(self), event_class, args, kwargs)
            raise
        try:
            handler = self._es_dispatch[event.__class__]
        except KeyError:
            handler = self._es_handler_for(event.__class__)
        try:  # around the whole change: an interrupt may end it anywhere
            self._es_barred = _applying
            handler(self, event)
            if last is None:
                self._es_check_set(event)
                self._es_created_on = moment
            self._es_version = version
            self._es_last_modified = moment
            self._es_pending.append(event)
            self._es_barred = None
        except BaseException as error:
            self._es_bar_after(event, error)
            raise


@define
class AggregateRoot(Root[TEvent, TEvent | Discarded | AttributeChanged]):
    """The root of an aggregate, the unit that is loaded and saved as a whole.

    Example:
        >>> @frozen
        ... class Begun(AggregateEvent):
        ...     title: str
        >>> @define
        ... class Thing(AggregateRoot[Begun]):
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
