"""Commands: aggregates that are done or not."""

# pyright: reportPrivateUsage=false
# `_es_...` belongs to entity and event classes; functions here access it for other modules.

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self, TypeVar, final
from uuid import UUID

from attrs import define, field, frozen
from typing_extensions import override

from esmodel.model.aggregate import AttributeChanged, Discarded, Root
from esmodel.model.apply import Handler
from esmodel.model.events import AggregateEvent, TimestampedVersionedEvent
from esmodel.model.plan import OWN, LibraryEvents
from esmodel.model.reserved import RESERVED_BY_ENTITIES
from esmodel.model.stored import Progress

TEvent = TypeVar("TEvent", bound=TimestampedVersionedEvent)

_STORED_FLAG = "_is_done"


@frozen
class Done(AggregateEvent, name="Done"):
    """The event of ``Command.done``.

    Example:
        >>> @frozen
        ... class Begun(AggregateEvent):
        ...     pass
        >>> @define
        ... class Payment(Command[Begun]):
        ...     apply = ignores(Begun).exhaustive
        >>> payment = Payment.create(Begun)
        >>> payment.done()
        >>> type(payment.pending_events[-1]).__name__
        'Done'
    """


@define
class Command(Root[TEvent, TEvent | Discarded | AttributeChanged | Done]):
    """A request, which is done or not.

    Example:
        >>> @frozen
        ... class Asked(AggregateEvent):
        ...     what: str
        >>> @define
        ... class Request(Command[Asked]):
        ...     what: str
        ...
        ...     @applies
        ...     def asked(self, event: Asked) -> None:
        ...         self.what = event.what
        ...
        ...     apply = asked.exhaustive
        >>> request = Request.create(Asked, what="a report")
        >>> request.done()
        >>> request.is_done
        True
    """

    _es_reserved: ClassVar[frozenset[str]] = RESERVED_BY_ENTITIES | {"done", "is_done"}
    _es_library: ClassVar[LibraryEvents] = LibraryEvents(Discarded, AttributeChanged, (Done,))
    _es_is_done: bool = field(init=False, metadata=OWN)

    @property
    @final
    def is_done(self) -> bool:
        """Whether the command is done."""
        return self._es_is_done

    @final
    def done(self) -> None:
        """Trigger that the command is done; a second time does nothing.

        Raises:
            EntityIsDiscarded: if the command was discarded.
            InvalidEntityError: if its state cannot be trusted.
        """
        self._es_refuse_if_closed()
        if not self._es_is_done:
            self._es_record(Done, {})

    @classmethod
    @override
    def _es_begin(cls, originator_id: UUID) -> Self:
        command = super()._es_begin(originator_id)
        command._es_is_done = False
        return command

    @classmethod
    @override
    def _es_completed(cls, event_class: type[object], handler: Handler) -> Handler:
        found = super()._es_completed(event_class, handler)
        return _finishing(found) if issubclass(event_class, Done) else found

    @override
    def _es_flags(self) -> Mapping[str, bool]:
        return {_STORED_FLAG: self._es_is_done}

    @override
    def _es_resume(self, progress: Progress) -> None:
        super()._es_resume(progress)
        self._es_is_done = progress.flags.get(_STORED_FLAG, False)


def _finishing(handler: Handler) -> Handler:
    def finish(command: Command[TEvent], event: Done) -> None:
        handler(command, event)
        command._es_is_done = True

    return finish
