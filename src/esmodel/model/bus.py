"""The event bus, which delivers published events to subscribers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

from esmodel.exceptions import EventHandlersNotEmptyError
from esmodel.model.events import DomainEvent

EventHandler = Callable[[Sequence[DomainEvent]], object]
"""Gets each batch of events that is published; its result is ignored."""
EventPredicate = Callable[[Sequence[DomainEvent]], bool]
"""Says whether a handler gets a batch."""


class Subscription:
    """A handler on a bus, until ``cancel`` or the end of the ``with`` block.

    Attributes:
        handler: gets each batch.
        predicate: asked once a batch, if there is one.

    Example:
        >>> bus = EventBus()
        >>> with bus.subscribe(print):
        ...     len(bus.subscriptions)
        1
        >>> len(bus.subscriptions)
        0
    """

    __slots__ = ("_bus", "handler", "predicate")

    def __init__(self, bus: EventBus, handler: EventHandler, predicate: EventPredicate | None) -> None:
        """Made by ``EventBus.subscribe``."""
        self._bus = bus
        self.handler: EventHandler = handler
        self.predicate: EventPredicate | None = predicate

    def cancel(self) -> None:
        """Take the handler off the bus; a second time does nothing."""
        self._bus.cancel(self)

    def __enter__(self) -> Self:
        """Return the subscription."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Take the handler off the bus."""
        self.cancel()


class EventBus:
    """Hands each published batch of events to those who subscribed; safe in threads.

    Example:
        >>> from datetime import datetime
        >>> from uuid import UUID
        >>> from esmodel.model import EventBus
        >>> bus = EventBus()
        >>> subscription = bus.subscribe(lambda batch: print(len(batch), "events"))
        >>> bus.publish([AggregateEvent(UUID(int=1), 0, datetime(2026, 1, 1))])
        1 events
    """

    __slots__ = ("_lock", "_subscriptions")

    def __init__(self) -> None:
        """Begin without subscribers."""
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """All subscriptions, oldest first."""
        return self._subscriptions

    def subscribe(self, handler: EventHandler, /, predicate: EventPredicate | None = None) -> Subscription:
        """Hand each batch that is published from now on to a handler.

        Args:
            handler: gets the whole batch, in order.
            predicate: asked once a batch; where it says no, the handler does not get it.
        """
        subscription = Subscription(self, handler, predicate)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def unsubscribe(self, handler: EventHandler, /, predicate: EventPredicate | None = None) -> None:
        """Take the oldest subscription of a handler with this predicate off; none is no error."""
        with self._lock:
            for each in self._subscriptions:
                if each.handler == handler and each.predicate == predicate:
                    self._subscriptions = tuple(one for one in self._subscriptions if one is not each)
                    return

    def cancel(self, subscription: Subscription, /) -> None:
        """Take one subscription off; none is no error."""
        with self._lock:
            self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)

    def publish(self, events: Sequence[DomainEvent], /) -> None:
        """Hand a batch to every subscriber, in the order in which they subscribed.

        An error of a handler goes to the caller, and the handlers after it do not get the batch.
        """
        if not events:
            return
        batch = tuple(events)
        for each in self._subscriptions:
            if each.predicate is None or each.predicate(batch):
                each.handler(batch)

    def assert_event_handlers_empty(self) -> None:
        """Check that nobody subscribes any more.

        Raises:
            EventHandlersNotEmptyError: with the handlers that are left.
        """
        if self._subscriptions:
            left = ", ".join(repr(each.handler) for each in self._subscriptions)
            msg = f"{len(self._subscriptions)} handlers still subscribe: {left}"
            raise EventHandlersNotEmptyError(msg)

    def clear_event_handlers(self) -> None:
        """Take every handler off."""
        with self._lock:
            self._subscriptions = ()


DEFAULT_BUS: Final = EventBus()
"""The bus behind the functions of this module."""


def subscribe(handler: EventHandler, /, predicate: EventPredicate | None = None) -> Subscription:
    """Hand each batch that is published on the default bus to a handler; see ``EventBus``."""
    return DEFAULT_BUS.subscribe(handler, predicate)


def unsubscribe(handler: EventHandler, /, predicate: EventPredicate | None = None) -> None:
    """Take a handler off the default bus; see ``EventBus``."""
    DEFAULT_BUS.unsubscribe(handler, predicate)


def publish(events: Sequence[DomainEvent], /) -> None:
    """Hand a batch to every subscriber of the default bus; see ``EventBus``."""
    DEFAULT_BUS.publish(events)


def assert_event_handlers_empty() -> None:
    """Check that nobody subscribes to the default bus; see ``EventBus``."""
    DEFAULT_BUS.assert_event_handlers_empty()


def clear_event_handlers() -> None:
    """Take every handler off the default bus."""
    DEFAULT_BUS.clear_event_handlers()
