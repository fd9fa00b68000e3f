"""Markers: what an event means to its entity, besides its header."""

from __future__ import annotations


class CreatedEvent:
    """Marks an event with which an entity begins.

    Example:
        >>> from esmodel.model import CreatedEvent
        >>> @frozen
        ... class Opened(AggregateEvent, CreatedEvent):
        ...     owner: str
        >>> issubclass(Opened, CreatedEvent)
        True
    """

    __slots__ = ()


class AttributeChangedEvent:
    """Marks the event of an assignment to an ``@attribute``.

    Attributes:
        name: the name of the attribute.
        value: its new value.

    Example:
        >>> from esmodel.model import AttributeChangedEvent
        >>> issubclass(AttributeChanged, AttributeChangedEvent)
        True
    """

    __slots__ = ()

    name: str
    value: object


class ItemEvent:
    """Marks an event whose field ``item`` is an item of a collection.

    Example:
        >>> from esmodel.model.markers import ItemEvent
        >>> from esmodel.structures import ItemAdded
        >>> issubclass(ItemAdded, ItemEvent)
        True
    """

    __slots__ = ()


class DiscardedEvent:
    """Marks an event that discards its entity, which takes no events after it.

    Example:
        >>> from esmodel.model import DiscardedEvent
        >>> @frozen
        ... class Closed(AggregateEvent, DiscardedEvent):
        ...     reason: str
        >>> @define
        ... class Account(AggregateRoot[Closed]):
        ...     apply = ignores(Closed).exhaustive
        >>> Account.create(Closed, reason="moved").is_discarded
        True
    """

    __slots__ = ()


class LoggedEvent:
    """Marks an event of a log, which changes no state.

    Example:
        >>> from esmodel.model import LoggedEvent
        >>> from esmodel.structures import MessageLogged
        >>> issubclass(MessageLogged, LoggedEvent)
        True
    """

    __slots__ = ()
