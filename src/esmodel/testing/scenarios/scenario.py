"""Scenarios: given some events, when a command runs, then these events and no others.

The payload of each event is checked by the type checker as in ``trigger``: the three headers
that aggregates have make three overloads, of which the class of the aggregate leaves one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Concatenate, Generic, ParamSpec, TypeVar, overload
from uuid import UUID

from esmodel.ids import new_id
from esmodel.model.aggregate import (
    AggregateRoot,
    AggregateRootWithECC,
    AttributeChanged,
    Discarded,
    ECCAttributeChanged,
    ECCDiscarded,
    HashchainedAggregateRoot,
    HashchainedAttributeChanged,
    HashchainedDiscarded,
    StoredAggregate,
)
from esmodel.model.apply import Handler
from esmodel.model.command import Done
from esmodel.model.events import DomainEvent, TimestampedVersionedEvent
from esmodel.testing.scenarios.outcome import Outcome, Subject

P = ParamSpec("P")
TEvent = TypeVar("TEvent", bound=TimestampedVersionedEvent)
TAggregate = TypeVar("TAggregate", bound=StoredAggregate)
TAggregate_co = TypeVar("TAggregate_co", bound=StoredAggregate, covariant=True)


def scenario(aggregate_class: type[TAggregate], /) -> Scenario[TAggregate]:
    """Begin a scenario for a class of aggregates; a generic one with its types, ``Collection[str]``.

    Raises:
        ModelError: if the class is no aggregate, or an event has a type that cannot be carried.

    Example:
        >>> @frozen(kw_only=True)
        ... class Opened(AggregateEvent):
        ...     owner: str
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     owner: str
        ...
        ...     @applies(Opened)
        ...     def opened(self, event: Opened) -> None:
        ...         self.owner = event.owner
        ...
        ...     apply = opened
        >>> outcome = scenario(Account).when(lambda: Account.create(Opened, owner="Ada"))
        >>> outcome.then(Opened, owner="Ada").then_state(lambda account: account.owner == "Ada")
        <Outcome of Account: 1 event, all asked for>
    """
    return Scenario(Subject(aggregate_class))


class Scenario(Generic[TAggregate_co]):
    """A scenario in which nothing has happened yet; ``scenario`` makes it.

    Example:
        >>> scenario(Collection[str]).when(Collection[str].register).then(CollectionCreated)
        <Outcome of Collection: 1 event, all asked for>
    """

    __slots__ = ("_subject",)

    def __init__(self, subject: Subject[TAggregate_co], /) -> None:
        """Made by ``scenario``."""
        self._subject = subject

    @overload
    def given(
        self: Scenario[AggregateRoot[TEvent]],
        event_class: Callable[
            Concatenate[UUID, int, datetime, P], TEvent | Discarded | AttributeChanged | Done
        ],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Given[TAggregate_co]: ...
    @overload
    def given(
        self: Scenario[HashchainedAggregateRoot[TEvent]],
        event_class: Callable[
            Concatenate[UUID, int, datetime, bytes, bytes, P],
            TEvent | HashchainedDiscarded | HashchainedAttributeChanged,
        ],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Given[TAggregate_co]: ...
    @overload
    def given(
        self: Scenario[AggregateRootWithECC[TEvent]],
        event_class: Callable[
            Concatenate[UUID, int, datetime, UUID, UUID, UUID | None, P],
            TEvent | ECCDiscarded | ECCAttributeChanged,
        ],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Given[TAggregate_co]: ...
    def given(self, event_class: object, /, *_: object, **payload: object) -> Given[TAggregate_co]:
        """Say that the first event happened, by its payload; its header is made.

        Raises:
            EventChangedError: if it does not come back from its stored form as it is.
        """
        return _given(self._subject, (), event_class, payload)

    def given_by(self, factory: Callable[[], TAggregate_co], /) -> Given[TAggregate_co]:
        """Say that all happened that a factory triggers."""
        return Given(self._subject, self._subject.happened(factory(), 0))

    def when(self, factory: Callable[[], TAggregate_co], /) -> Outcome[TAggregate_co]:
        """Run what creates the aggregate."""
        return Outcome(self._subject, (), factory)


class Given(Generic[TAggregate_co]):
    """A scenario in which something has happened. It does not change: several tests can share one.

    Example:
        >>> given = scenario(Collection[str]).given(CollectionCreated).given(ItemAdded[str], item="red")
        >>> given.when(lambda tags: tags.add_item("red")).then_nothing()
        <Outcome of Collection: 0 events, all asked for>
    """

    __slots__ = ("_events", "_subject")

    def __init__(self, subject: Subject[TAggregate_co], events: tuple[DomainEvent, ...], /) -> None:
        """Made by ``Scenario.given``."""
        self._subject = subject
        self._events = events

    @property
    def events(self) -> tuple[DomainEvent, ...]:
        """What happened, in order."""
        return self._events

    @overload
    def given(
        self: Given[AggregateRoot[TEvent]],
        event_class: Callable[
            Concatenate[UUID, int, datetime, P], TEvent | Discarded | AttributeChanged | Done
        ],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Given[TAggregate_co]: ...
    @overload
    def given(
        self: Given[HashchainedAggregateRoot[TEvent]],
        event_class: Callable[
            Concatenate[UUID, int, datetime, bytes, bytes, P],
            TEvent | HashchainedDiscarded | HashchainedAttributeChanged,
        ],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Given[TAggregate_co]: ...
    @overload
    def given(
        self: Given[AggregateRootWithECC[TEvent]],
        event_class: Callable[
            Concatenate[UUID, int, datetime, UUID, UUID, UUID | None, P],
            TEvent | ECCDiscarded | ECCAttributeChanged,
        ],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Given[TAggregate_co]: ...
    def given(self, event_class: object, /, *_: object, **payload: object) -> Given[TAggregate_co]:
        """Say that an event happened next, by its payload; its header is made.

        Raises:
            EventChangedError: if it does not come back from its stored form as it is.
        """
        return _given(self._subject, self._events, event_class, payload)

    def given_by(self, command: Callable[[TAggregate_co], object], /) -> Given[TAggregate_co]:
        """Say that all happened that a command triggers."""
        aggregate = self._subject.rebuilt(self._events)
        command(aggregate)
        return Given(self._subject, (*self._events, *self._subject.happened(aggregate, len(self._events))))

    def when(self, command: Callable[[TAggregate_co], object], /) -> Outcome[TAggregate_co]:
        """Run a command on the aggregate, as its events, read from their stored form, make it."""
        aggregate = self._subject.rebuilt(self._events)

        def run() -> TAggregate_co:
            command(aggregate)
            return aggregate

        return Outcome(self._subject, self._events, run, aggregate)


def _given(
    subject: Subject[TAggregate],
    events: tuple[DomainEvent, ...],
    event_class: object,
    payload: Mapping[str, object],
) -> Given[TAggregate]:
    aggregate = subject.rebuilt(events) if events else subject.aggregate_class.begin(new_id())
    # each kind of aggregate has a `trigger` of its own, which makes the header of its events
    trigger: Handler = getattr(aggregate, "trigger")  # noqa: B009
    trigger(event_class, **payload)
    return Given(subject, (*events, *subject.happened(aggregate, len(events))))
