"""Scenarios: given some events, when a command runs, then these events and no others.

The type checker checks the payload of each event as it does in ``trigger``: aggregates have three headers,
which make three overloads, and the class of the aggregate selects one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Concatenate, Generic, ParamSpec, TypeVar, overload
from uuid import UUID

from esmodel.ids import new_id
from esmodel.model.aggregate import Root
from esmodel.model.ecc import AggregateRootWithECC, ECCAttributeChanged, ECCDiscarded
from esmodel.model.events import DomainEvent, HashchainedEvent, TimestampedVersionedEvent
from esmodel.model.hashchain import (
    HashchainedAggregateRoot,
    HashchainedAttributeChanged,
    HashchainedDiscarded,
)
from esmodel.model.stored import StoredAggregate, begin, trigger_any
from esmodel.testing.scenarios.outcome import Outcome
from esmodel.testing.scenarios.subject import Subject

P = ParamSpec("P")
TEvent = TypeVar("TEvent", bound=TimestampedVersionedEvent)
TRecorded = TypeVar("TRecorded", bound=TimestampedVersionedEvent)
THashed = TypeVar("THashed", bound=HashchainedEvent)
TAggregate = TypeVar("TAggregate", bound=StoredAggregate)
TAggregate_co = TypeVar("TAggregate_co", bound=StoredAggregate, covariant=True)


class _Givable(Generic[TAggregate_co]):
    """The base of scenarios: the events that happened."""

    __slots__ = ("_events", "_subject")

    def __init__(self, subject: Subject[TAggregate_co], events: tuple[DomainEvent, ...], /) -> None:
        """Take the class under test and the events; ``scenario`` and ``given`` do it for you."""
        self._subject = subject
        self._events = events

    @overload
    def given(
        self: _Givable[Root[TEvent, TRecorded]],
        event_class: Callable[Concatenate[UUID, int, datetime, P], TRecorded],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Given[TAggregate_co]: ...
    @overload
    def given(
        self: _Givable[HashchainedAggregateRoot[THashed]],
        event_class: Callable[
            Concatenate[UUID, int, datetime, bytes, bytes, P],
            THashed | HashchainedDiscarded | HashchainedAttributeChanged,
        ],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Given[TAggregate_co]: ...
    @overload
    def given(
        self: _Givable[AggregateRootWithECC[TEvent]],
        event_class: Callable[
            Concatenate[UUID, int, datetime, UUID, UUID, UUID | None, P],
            TEvent | ECCDiscarded | ECCAttributeChanged,
        ],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Given[TAggregate_co]: ...
    def given(self, event_class: object, /, *args: object, **payload: object) -> Given[TAggregate_co]:
        """Say that an event happened next, by its payload; its header is made.

        Raises:
            EventChangedError: if it does not come back from its stored form unchanged.
        """
        subject, events = self._subject, self._events
        aggregate = subject.rebuilt(events) if events else begin(subject.aggregate_class, new_id())
        trigger_any(aggregate, event_class, args, payload)
        return Given(subject, (*events, *subject.happened(aggregate, len(events))))


class Scenario(_Givable[TAggregate_co]):
    """A scenario in which nothing has happened yet; ``scenario`` returns it.

    Example:
        >>> from esmodel.structures import CollectionCreated
        >>> from esmodel.testing.scenarios import scenario
        >>> scenario(Collection[str]).when(Collection[str].register).then(CollectionCreated)
        <Outcome of Collection: 1 event, all asserted>
    """

    __slots__ = ()

    def given_by(self, factory: Callable[[], TAggregate_co], /) -> Given[TAggregate_co]:
        """Say that everything happened that a factory triggers."""
        return Given(self._subject, self._subject.happened(factory(), 0))

    def when(self, factory: Callable[[], TAggregate_co], /) -> Outcome[TAggregate_co]:
        """Run the function that creates the aggregate."""
        return Outcome(self._subject, (), factory)


class Given(_Givable[TAggregate_co]):
    """A scenario in which something has happened. It never changes, so several tests can share one.

    Example:
        >>> from esmodel.structures import CollectionCreated, ItemAdded
        >>> from esmodel.testing.scenarios import scenario
        >>> given = scenario(Collection[str]).given(CollectionCreated).given(ItemAdded[str], item="red")
        >>> given.when(lambda tags: tags.add_item("red")).then_nothing()
        <Outcome of Collection: 0 events, all asserted>
    """

    __slots__ = ()

    @property
    def events(self) -> tuple[DomainEvent, ...]:
        """The events that happened, in order."""
        return self._events

    def given_by(self, command: Callable[[TAggregate_co], object], /) -> Given[TAggregate_co]:
        """Say that everything happened that a command triggers."""
        aggregate = self._subject.rebuilt(self._events)
        command(aggregate)
        return Given(self._subject, (*self._events, *self._subject.happened(aggregate, len(self._events))))

    def when(self, command: Callable[[TAggregate_co], object], /) -> Outcome[TAggregate_co]:
        """Run a command on the aggregate, rebuilt from the stored form of its events."""
        aggregate = self._subject.rebuilt(self._events)

        def run() -> TAggregate_co:
            command(aggregate)
            return aggregate

        return Outcome(self._subject, self._events, run, aggregate)


def scenario(aggregate_class: type[TAggregate], /) -> Scenario[TAggregate]:
    """Begin a scenario for a class of aggregates; a generic one with its types, ``Collection[str]``.

    Raises:
        ModelError: if the class is not an aggregate, or an event has a type that cannot be carried.

    Example:
        >>> @frozen
        ... class Opened(AggregateEvent):
        ...     owner: str
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     owner: str
        ...
        ...     @applies
        ...     def opened(self, event: Opened) -> None:
        ...         self.owner = event.owner
        ...
        ...     apply = opened.exhaustive
        >>> outcome = scenario(Account).when(lambda: Account.create(Opened, owner="Ada"))
        >>> outcome.then(Opened, owner="Ada").then_state(lambda account: account.owner == "Ada")
        <Outcome of Account: 1 event, all asserted>
    """
    return Scenario(Subject(aggregate_class), ())
