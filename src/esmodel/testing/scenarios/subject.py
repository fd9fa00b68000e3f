"""The aggregate under test: its class, and how its events are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar, get_args

from esmodel.codec.typevars import class_of
from esmodel.exceptions import ModelError
from esmodel.model.aggregate import is_aggregate
from esmodel.model.eventcodec import EventCodecs, event_codecs_of
from esmodel.model.events import DomainEvent
from esmodel.model.headers import originator_id_of
from esmodel.model.stored import StoredAggregate, begin, continue_with
from esmodel.testing.scenarios.comparison import passed

TAggregate_co = TypeVar("TAggregate_co", bound=StoredAggregate, covariant=True)


class ScenarioError(AssertionError):
    """A scenario found something else than was expected.

    Handling: mend the aggregate, or the scenario; the sentence shows both histories.
    """


class Subject(Generic[TAggregate_co]):
    """The class under test.

    Attributes:
        aggregate_class: the class.
        name: the name of the class in failures.
        codecs: encode and decode its events.
    """

    __slots__ = ("aggregate_class", "codecs", "name")

    def __init__(self, named: type[TAggregate_co], /) -> None:
        self.aggregate_class: type[TAggregate_co] = class_of(named)
        entity = class_of(named)
        if not is_aggregate(entity):
            raise ModelError(
                f"{entity.__qualname__}: expected an aggregate: derive it from AggregateRoot[...]."
            )
        self.name: str = entity.__qualname__.rpartition("<locals>.")[2]
        self.codecs: EventCodecs = event_codecs_of(entity, get_args(named))

    def rebuilt(self, events: Sequence[DomainEvent]) -> TAggregate_co:
        """Return an aggregate, rebuilt from its events."""
        aggregate = begin(self.aggregate_class, originator_id_of(events[0]))
        continue_with(aggregate, events)
        return aggregate

    def happened(self, aggregate: StoredAggregate, before: int) -> tuple[DomainEvent, ...]:
        """Return the pending events, as they come back from their stored form."""
        events = aggregate.pending_events
        triggered = aggregate.version + 1 - before
        if triggered != len(events):
            raise ScenarioError(
                f"{self.name}: expected {triggered} pending events, found {len(events)}. A command that "
                f"saves or collects its events leaves none to look at: save outside of it."
            )
        return self.recorded(events)

    def recorded(self, events: Sequence[DomainEvent]) -> tuple[DomainEvent, ...]:
        """Return events as they come back from their stored form."""
        return tuple(passed(self.codecs, each)[1] for each in events)

    def taken(self, found: object) -> TAggregate_co:
        """Return an aggregate, after a check that it is one of this class."""
        if not isinstance(found, self.aggregate_class):
            raise ScenarioError(f"expected a {self.name}, found {found!r}")
        return found
