"""Commands: aggregates that are done or not."""

from __future__ import annotations

from typing import ClassVar, Self, TypeVar
from uuid import UUID

from attrs import define, field, frozen
from typing_extensions import override

from esmodel.model.aggregate import AggregateRoot, AttributeChanged, Discarded
from esmodel.model.apply import Handler
from esmodel.model.events import AggregateEvent, DomainEvent, TimestampedVersionedEvent

TEvent = TypeVar("TEvent", bound=TimestampedVersionedEvent)


@frozen(kw_only=True)
class Done(AggregateEvent):
    """The event of ``Command.done``."""

    event_name = "Done"


@define
class Command(AggregateRoot[TEvent]):
    """Something that was asked for, and is done or not.

    Example:
        >>> @frozen(kw_only=True)
        ... class Asked(AggregateEvent):
        ...     what: str
        >>> @define
        ... class Request(Command[Asked]):
        ...     what: str
        ...
        ...     @applies(Asked)
        ...     def asked(self, event: Asked) -> None:
        ...         self.what = event.what
        ...
        ...     apply = asked
        >>> request = Request.create(Asked, what="a report")
        >>> request.done()
        >>> request.is_done
        True
    """

    LIBRARY_EVENTS: ClassVar[tuple[type[DomainEvent], ...]] = (Discarded, AttributeChanged, Done)
    _is_done: bool = field(init=False, metadata={"esmodel": True})

    @classmethod
    @override
    def begin(cls, originator_id: UUID, /) -> Self:
        command = super().begin(originator_id)
        command._is_done = False
        return command

    @property
    def is_done(self) -> bool:
        """Whether the command is done."""
        return self._is_done

    def done(self) -> None:
        """Trigger that the command is done; a second time does nothing.

        Raises:
            EntityIsDiscarded: if the command was discarded.
        """
        self._refuse_if_discarded()
        if not self._is_done:
            self._take(Done(self._id, self._version + 1, self._now()))

    def complete(self) -> None:
        """Count as done; called when ``Done`` is applied."""
        self._is_done = True

    @classmethod
    @override
    def completed(cls, event_class: type[object], handler: Handler, /) -> Handler:
        found = super().completed(event_class, handler)
        return _finishing(found) if issubclass(event_class, Done) else found


def _finishing(handler: Handler) -> Handler:
    def finish(command: Command[TEvent], event: Done) -> None:
        handler(command, event)
        command.complete()

    return finish
