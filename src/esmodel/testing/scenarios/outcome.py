"""The outcome of a command in a scenario, and what was expected of it."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable
from datetime import datetime
from types import EllipsisType
from typing import Concatenate, Generic, Never, ParamSpec, TypeVar, overload
from uuid import UUID

from typing_extensions import override

from esmodel.codec.fields import fields_of
from esmodel.model.aggregate import Root
from esmodel.model.ecc import AggregateRootWithECC, ECCAttributeChanged, ECCDiscarded
from esmodel.model.events import DomainEvent, HashchainedEvent, TimestampedVersionedEvent, header_of
from esmodel.model.hashchain import (
    HashchainedAggregateRoot,
    HashchainedAttributeChanged,
    HashchainedDiscarded,
)
from esmodel.model.stored import StoredAggregate
from esmodel.testing.scenarios.comparison import differences, fields_by_name, same, state_of
from esmodel.testing.scenarios.expected import expected_event, name_of, names_of, sentence_of
from esmodel.testing.scenarios.settled import UnsettledWarning, is_watched, watch
from esmodel.testing.scenarios.sidebyside import side_by_side
from esmodel.testing.scenarios.subject import ScenarioError, Subject

P = ParamSpec("P")
TEvent = TypeVar("TEvent", bound=TimestampedVersionedEvent)
TRecorded = TypeVar("TRecorded", bound=TimestampedVersionedEvent)
THashed = TypeVar("THashed", bound=HashchainedEvent)
TAggregate_co = TypeVar("TAggregate_co", bound=StoredAggregate, covariant=True)
TValue = TypeVar("TValue")


class Outcome(Generic[TAggregate_co]):
    """The outcome of a command. Assert each of its events, or that there were none.

    An outcome that is not asserted to the end fails its test, by the pytest plugin of esmodel. Under another
    runner it is an ``UnsettledWarning``, or fails inside ``with scenarios_settled():``.

    Example:
        >>> from esmodel.structures import CollectionCreated, ItemAdded
        >>> from esmodel.testing.scenarios import scenario
        >>> given = scenario(Collection[str]).given(CollectionCreated)
        >>> given.when(lambda tags: tags.add_item("red")).then(ItemAdded[str], item="red")
        <Outcome of Collection: 1 event, all asserted>
    """

    __slots__ = ("_aggregate", "_asked", "_error", "_found", "_given", "_matched", "_subject")

    def __init__(
        self,
        subject: Subject[TAggregate_co],
        given: tuple[DomainEvent, ...],
        run: Callable[[], TAggregate_co],
        aggregate: TAggregate_co | None = None,
        /,
    ) -> None:
        """Made by ``when``, which runs the command here."""
        self._asked = True
        self._matched = 0
        self._subject = subject
        self._given = given
        self._error: Exception | None = None
        self._aggregate: TAggregate_co | None = aggregate
        try:
            self._aggregate = run()
        except Exception as error:  # noqa: BLE001  # because `then_raises` asserts it later
            self._error = error
        self._found: tuple[DomainEvent, ...] = ()
        if self._aggregate is not None:
            self._found = subject.happened(subject.taken(self._aggregate), len(given))
            self._check_replay(self._aggregate)
        self._asked = False
        watch(self)

    def _check_replay(self, aggregate: StoredAggregate) -> None:
        events = (*self._given, *self._found)
        if not events:
            return
        live, replayed = state_of(aggregate), state_of(self._subject.rebuilt(events))
        changed = [
            f"\n  {name}: expected {replayed.get(name)!r}, found {live.get(name)!r}"
            for name in differences(replayed, live)
        ]
        if changed:
            finding = "has another state than its events make" + "".join(changed)
            hint = "Change the state in handlers only, and by nothing but the event."
            msg = f"{self._subject.name} {finding}\n{hint}"
            raise ScenarioError(msg) from self._error

    @property
    def is_settled(self) -> bool:
        """Whether something was asserted, and if events were, all of them."""
        return self._asked and self._matched in {0, len(self._found)}

    @property
    def events(self) -> tuple[DomainEvent, ...]:
        """The events that the command triggered, in order; reading them asserts all."""
        self._refuse_error("events")
        self._matched = len(self._found)
        return self._found

    @property
    def aggregate(self) -> TAggregate_co:
        """The aggregate after the command; reading it asserts its state."""
        self._refuse_error("a state")
        return self._subject.taken(self._aggregate)

    @overload
    def then(
        self: Outcome[Root[TEvent, TRecorded]],
        event_class: Callable[Concatenate[UUID, int, datetime, P], TRecorded],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Outcome[TAggregate_co]: ...
    @overload
    def then(
        self: Outcome[HashchainedAggregateRoot[THashed]],
        event_class: Callable[
            Concatenate[UUID, int, datetime, bytes, bytes, P],
            THashed | HashchainedDiscarded | HashchainedAttributeChanged,
        ],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Outcome[TAggregate_co]: ...
    @overload
    def then(
        self: Outcome[AggregateRootWithECC[TEvent]],
        event_class: Callable[
            Concatenate[UUID, int, datetime, UUID, UUID, UUID | None, P],
            TEvent | ECCDiscarded | ECCAttributeChanged,
        ],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Outcome[TAggregate_co]: ...
    def then(self, event_class: object, /, *_: object, **payload: object) -> Outcome[TAggregate_co]:
        """Expect the next event, by its payload; ids, versions and times are not compared.

        Raises:
            ScenarioError: if the next event is another, or there is none.
        """
        name = name_of(event_class)
        self._refuse_error(name)
        found = self._found[self._matched] if self._matched < len(self._found) else None
        expected = expected_event(event_class, payload, found)
        if found is None or type(found) is not type(expected):
            kind = "no event" if found is None else name_of(type(found))
            self._fail(f"expected {name}, found {kind}", expected)
        before, after = fields_by_name(expected), fields_by_name(found)
        changed = differences(before, after)
        if changed:
            each = ", ".join(f"{field} {before[field]!r}, found {after[field]!r}" for field in changed)
            self._fail(f"expected {name} with {each}", expected)
        self._matched += 1
        return self

    def with_header(  # noqa: PLR0913  # because a header has as many fields
        self,
        *,
        originator_id: UUID | EllipsisType = ...,
        originator_version: int | EllipsisType = ...,
        timestamp: datetime | EllipsisType = ...,
        event_id: UUID | EllipsisType = ...,
        correlation_id: UUID | EllipsisType = ...,
        causation_id: UUID | EllipsisType | None = ...,
    ) -> Outcome[TAggregate_co]:
        """Expect fields in the header of the event that the last ``then`` matched.

        Raises:
            ScenarioError: if a field is another, or the event has no such field.
        """
        asked: dict[str, object] = {
            "originator_id": originator_id,
            "originator_version": originator_version,
            "timestamp": timestamp,
            "event_id": event_id,
            "correlation_id": correlation_id,
            "causation_id": causation_id,
        }
        if not self._matched:
            self._fail("expected a header, found no event before it: write then(...) first")
        event = self._found[self._matched - 1]
        for name, expected in asked.items():
            if expected is ...:
                continue
            if name not in header_of(type(event)):
                self._fail(f"expected {name_of(type(event))} to have {name} in its header, found none there")
            found: object = getattr(event, name)
            if found != expected:
                self._fail(f"expected {name_of(type(event))} with {name} {expected!r}, found {found!r}")
        return self

    def then_nothing(self) -> Outcome[TAggregate_co]:
        """Expect that no event was triggered.

        Raises:
            ScenarioError: if there was one, or the command raised an error.
        """
        self._refuse_error("no event")
        if self._found:
            self._fail(f"expected no event, found {names_of(self._found)}")
        return self

    def then_nothing_more(self) -> Outcome[TAggregate_co]:
        """Expect that no event was triggered besides those already asserted.

        Raises:
            ScenarioError: if there was one, or the command raised an error.
        """
        self._refuse_error("no event")
        if self._matched < len(self._found):
            self._fail(f"expected no more events, found {names_of(self._found[self._matched :])}")
        return self

    def then_raises(
        self, error_class: type[Exception] | tuple[type[Exception], ...], /, *, match: str | None = None
    ) -> Outcome[TAggregate_co]:
        """Expect that the command raised an error, and triggered nothing.

        Args:
            error_class: the class, or several of which one is enough.
            match: a regular expression that must be found in the error's sentence.

        Raises:
            ScenarioError: if there was no error or another one, or an event was triggered before it.
        """
        self._asked = True
        classes = error_class if isinstance(error_class, tuple) else (error_class,)
        name = " or ".join(each.__qualname__ for each in classes)
        if self._error is None:
            self._fail(f"expected {name}, found no error")
        elif not isinstance(self._error, classes):
            self._fail(f"expected {name}, found {sentence_of(self._error)}")
        elif match is not None and not re.search(match, str(self._error)):
            self._fail(f"expected {name} that matches {match!r}, found {sentence_of(self._error)}")
        if self._found:
            self._fail(f"expected {name} and no event, found {names_of(self._found)} before it")
        return self

    @overload
    def then_state(self, check: Callable[[TAggregate_co], bool], /) -> Outcome[TAggregate_co]: ...
    @overload
    def then_state(
        self, read: Callable[[TAggregate_co], TValue], /, *, equals: TValue
    ) -> Outcome[TAggregate_co]: ...
    def then_state(
        self, read: Callable[[TAggregate_co], object], /, *, equals: object = ...
    ) -> Outcome[TAggregate_co]:
        """Expect something of the state after the command: that it is true, or equals a value.

        Raises:
            ScenarioError: if it is otherwise.
        """
        aggregate = self.aggregate
        found = read(aggregate)
        expected: object = True if equals is ... else equals
        if not same(expected, found if equals is not ... else bool(found)):
            own = {each.name for each in fields_of(type(aggregate)) if "esmodel" in each.metadata}
            fields = [
                f"\n  {name} = {value!r}" for name, value in state_of(aggregate).items() if name not in own
            ]
            self.settle()
            finding = f"expected the state to give {expected!r}, found {found!r}:{''.join(fields)}"
            raise ScenarioError(f"{self._subject.name}: {finding}")
        return self

    def _refuse_error(self, expected: str) -> None:
        self._asked = True
        if self._error is not None:
            self._fail(f"expected {expected}, found {sentence_of(self._error)}")

    def _fail(self, finding: str, expected: DomainEvent | None = None) -> Never:
        """Raise that something is not as expected, and settle the outcome."""
        asked_for = (*self._given, *self._found[: self._matched])
        left = asked_for if expected is None else (*asked_for, expected)
        right = (*self._given, *self._found)
        self.settle()
        table = side_by_side(left, right, given=len(self._given)) if left or right else ""
        raise ScenarioError(f"{self._subject.name}: {finding}\n\n{table}".rstrip()) from self._error

    @override
    def __repr__(self) -> str:
        count = len(self._found)
        events = f"{count} event{'' if count == 1 else 's'}" if self._error is None else repr(self._error)
        asked = "all asserted" if self.is_settled else "not all asserted"
        return f"<Outcome of {self._subject.name}: {events}, {asked}>"

    def __del__(self) -> None:
        if not self.is_settled and not is_watched() and not sys.is_finalizing():
            warnings.warn(self.complaint(), UnsettledWarning, stacklevel=2)

    def settle(self) -> None:
        """Mark as asserted to the end."""
        self._asked, self._matched = True, len(self._found)

    def complaint(self) -> str:
        """Return a sentence that says what was not asserted."""
        if self._error is not None:
            finding = f"raised {sentence_of(self._error)}, and no then_raises(...) asserted it"
        elif not self._found:
            finding = "triggered nothing, and no then_nothing() asserted it"
        else:
            finding = f"triggered {names_of(self._found[self._matched :])}, and no then(...) asserted it"
        return f"{self._subject.name}: when(...) {finding}."
