"""The event bus, which delivers published events to subscribers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Final, Self

from esmodel._callables import deferred, is_coroutine
from esmodel.exceptions import EventHandlersNotEmptyError, ModelError, PublishError
from esmodel.model.copies import can_change, copied
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


class _Delivery(threading.local):
    """The batches that one thread has yet to deliver.

    It is not a ``ContextVar``: a task that a subscriber starts would inherit a queue that nobody works on.

    Attributes:
        queue: the batches, each with the number of batches that led to it; ``None`` while none is delivered.
        causes: the number of batches that led to the one under way.
    """

    queue: deque[tuple[int, tuple[DomainEvent, ...]]] | None = None
    causes: int = 0


_LONGEST: Final = 1_000
"""The batches in a row, each published by a subscriber to the one before: in place of a RecursionError."""


class EventBus:
    """Hands each published batch of events to those who subscribed; safe in threads.

    Laws:
        - Every subscriber gets every batch, whatever others raise, or do to the lists in it.
        - A batch that a subscriber publishes is delivered after the one that it got, to all.

    Example:
        >>> from datetime import datetime
        >>> from uuid import UUID
        >>> from esmodel.model import EventBus
        >>> bus = EventBus()
        >>> subscription = bus.subscribe(lambda batch: print(len(batch), "events"))
        >>> bus.publish([AggregateEvent(UUID(int=1), 0, datetime(2026, 1, 1))])
        1 events
    """

    __slots__ = ("_delivery", "_lock", "_subscriptions")

    def __init__(self) -> None:
        """Begin without subscribers."""
        self._delivery = _Delivery()
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

        Raises:
            ModelError: if one of them is a coroutine function or a generator function: nobody would run it.
        """
        refuse_deferred("subscribe", handler)
        refuse_deferred("subscribe", predicate)
        subscription = Subscription(self, handler, predicate)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def unsubscribe(self, handler: EventHandler, /, predicate: EventPredicate | None = None) -> None:
        """Take the oldest subscription of a handler with this predicate off; do nothing if there is none."""
        with self._lock:
            for each in self._subscriptions:
                if each.handler == handler and each.predicate == predicate:
                    self._subscriptions = tuple(one for one in self._subscriptions if one is not each)
                    return

    def cancel(self, subscription: Subscription, /) -> None:
        """Take one subscription off; do nothing if there is none."""
        with self._lock:
            self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)

    def publish(self, events: Sequence[DomainEvent], /) -> None:
        """Hand a batch to every subscriber, in the order in which they subscribed.

        Inside a subscriber it returns at once: the batch is delivered after the one under way.

        Raises:
            PublishError: with what subscribers raised, after all of them were called.
        """
        _raise_if("The events were published; do not publish them again.", self.deliver(events))

    def deliver(self, events: Sequence[DomainEvent], /) -> tuple[Exception, ...]:
        """Hand a batch to every subscriber as ``publish`` does, and return what they raised."""
        if not events or not self._subscriptions:
            return ()
        delivery = self._delivery
        if delivery.queue is not None:
            if delivery.causes >= _LONGEST:
                return (_endless(events),)
            delivery.queue.append((delivery.causes + 1, tuple(events)))
            return ()
        errors: list[Exception] = []
        delivery.queue = deque([(0, tuple(events))])
        try:
            while delivery.queue:
                delivery.causes, batch = delivery.queue.popleft()
                hand_out = _copies(batch, len(self._subscriptions))
                for each in self._subscriptions:
                    self._hand(next(hand_out), each, errors)
        finally:
            delivery.queue, delivery.causes = None, 0
        return tuple(errors)

    def _hand(
        self, batch: tuple[DomainEvent, ...], subscription: Subscription, errors: list[Exception]
    ) -> None:
        """Hand a batch to a subscriber that is not cancelled yet, and keep what it raises."""
        if subscription not in self._subscriptions:
            return
        try:
            if subscription.predicate is None or subscription.predicate(batch):
                refuse_coroutine(subscription.handler, subscription.handler(batch))
        except PublishError as error:
            errors.extend(error.exceptions)
        except Exception as error:  # noqa: BLE001  # because it is raised when all were called
            errors.append(error)

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


def _copies(events: tuple[DomainEvent, ...], count: int) -> Iterator[tuple[DomainEvent, ...]]:
    """Yield events once for each subscriber; where their payloads can change, copies of what they were."""
    is_shared = count > 1 and any(map(can_change, events))
    pristine = copied(events) if is_shared else events
    yield events
    while True:
        yield copied(pristine) if is_shared else events


def refuse_deferred(verb: str, handler: object, /) -> None:
    """Refuse a handler whose call runs none of its code.

    Raises:
        ModelError: naming the handler.
    """
    kind = deferred(handler)
    if kind is not None:
        raise ModelError(
            f"{verb}: expected a function that runs when it is called, found {handler!r}, {kind}, which "
            f"nobody would run. Write a plain function; it may start a task: loop.create_task(...)."
        )


def refuse_coroutine(handler: object, result: object, /) -> None:
    """Refuse the result of a handler that is a coroutine.

    Raises:
        ModelError: naming the handler.
    """
    if result is not None and is_coroutine(result):
        result.close()
        raise ModelError(
            f"expected a subscriber that runs when it is called, found {handler!r}, which returned a "
            f"coroutine that nobody awaits. Write a plain function; it may start a task: "
            f"loop.create_task(...)."
        )


def raise_after_commit(errors: Sequence[Exception], /) -> None:
    """Raise what subscribers and others raised after events were stored, as one error.

    Raises:
        PublishError: if there is any.
    """
    _raise_if("The events are stored; do not repeat the command.", tuple(errors))


def _raise_if(finding: str, errors: tuple[Exception, ...]) -> None:
    if errors:
        cause = errors[0] if len(errors) == 1 else ExceptionGroup(finding, errors)
        raise PublishError(finding, errors) from cause


def _endless(events: Sequence[DomainEvent]) -> ModelError:
    return ModelError(
        f"expected subscribers that come to an end, found {_LONGEST} batches in a row, each published by a "
        f"subscriber to the one before. {type(events[0]).__qualname__} and those after it are not delivered."
    )


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


def deliver(events: Sequence[DomainEvent], /) -> tuple[Exception, ...]:
    """Hand a batch to every subscriber of the default bus, and return what they raised; see ``EventBus``."""
    return DEFAULT_BUS.deliver(events)


def assert_event_handlers_empty() -> None:
    """Check that nobody subscribes to the default bus; see ``EventBus``."""
    DEFAULT_BUS.assert_event_handlers_empty()


def clear_event_handlers() -> None:
    """Take every handler off the default bus."""
    DEFAULT_BUS.clear_event_handlers()
