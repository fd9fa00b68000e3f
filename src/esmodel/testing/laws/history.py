"""The laws that every aggregate keeps, checked on one history; ``laws`` finds the histories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from datetime import timedelta
from typing import Final, Generic, Never, TypeVar, get_args

from attrs import frozen
from typing_extensions import override

from esmodel.clock import using_clock
from esmodel.codec.typevars import class_of
from esmodel.exceptions import IntegrityError, ModelError, RepositoryKeyError
from esmodel.ids import using_ids
from esmodel.model.aggregate import is_aggregate
from esmodel.model.eventcodec import EventCodecs, event_codecs_of
from esmodel.model.events import DomainEvent, header_of
from esmodel.model.hashchain import Hashchained
from esmodel.model.headers import originator_id_of
from esmodel.model.repository import EntityRepository
from esmodel.model.snapshot import SnapshotCodec
from esmodel.model.stored import StoredAggregate, begin, continue_with
from esmodel.repositories.aggregates import EventSourcedRepository
from esmodel.rows.append import FREE, Append, Appended
from esmodel.rows.record import Record
from esmodel.stores.memory import MemoryStore
from esmodel.testing.laws.law import LawError
from esmodel.testing.laws.tampering import changed_rows
from esmodel.testing.scenarios.clock import START, FixedClock, FixedIds
from esmodel.testing.scenarios.comparison import EventChangedError, differences, passed, state_of

T = TypeVar("T")
TAggregate = TypeVar("TAggregate", bound=StoredAggregate)

_MOST: Final = 48
"""Cuts, gaps and changed bytes that are tried in one history; in a longer one, every so many."""


class _KeptError(Exception):
    """Ends a save once the rows are stored, before they are published."""


class _SilentStore(MemoryStore):
    """A store whose saves publish nothing: the subscribers are the user's."""

    @override
    def append(self, append: Append, /) -> Appended:
        super().append(append)
        raise _KeptError


@frozen
class _Stored:
    """A triggered event, and its stored bytes."""

    event: DomainEvent
    data: bytes

    def read(self, codecs: EventCodecs, /) -> DomainEvent:
        """Return the event, decoded anew."""
        codec = codecs.for_event(self.event)
        header = tuple(
            getattr(self.event, each) for each in header_of(type(self.event)) if each not in codec.extra
        )
        return codec.decode(header, codec.encode_header(self.event), self.data, codec.class_version)


class History(Generic[TAggregate]):
    """Checks the laws on an aggregate whose events, all of them, are still pending.

    Attributes:
        module: the module of the class of the aggregate.

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
        >>> History(Account).check(Account.create(Opened, owner="Ada"))
    """

    def __init__(
        self,
        aggregate_class: type[TAggregate],
        /,
        *,
        repository: Callable[[type[TAggregate], MemoryStore], EntityRepository[TAggregate]] | None = None,
        snapshots: bool = True,
    ) -> None:
        """Take a class of aggregates.

        Args:
            aggregate_class: the class; a generic one with its types, ``Collection[str]``.
            repository: returns their repository, if it is not an ``EventSourcedRepository``.
            snapshots: whether the state can be carried by a snapshot, and must be.

        Raises:
            ModelError: if the class is not an aggregate, or has a type that cannot be carried.
        """
        entity = class_of(aggregate_class)
        if not is_aggregate(entity):
            raise ModelError(
                f"{entity.__qualname__}: expected an aggregate: derive it from AggregateRoot[...]."
            )
        self._named: type[TAggregate] = aggregate_class
        self._class: type[TAggregate] = class_of(aggregate_class)
        self._codecs: EventCodecs = event_codecs_of(entity, get_args(aggregate_class))
        self._repository = repository
        self._snapshots = SnapshotCodec(aggregate_class) if snapshots else None
        self._is_chained = issubclass(entity, Hashchained)
        self.module: str = entity.__module__
        self.name: str = entity.__qualname__.rpartition("<locals>.")[2]

    def taken(self, found: object, /) -> TAggregate:
        """Return an aggregate, after a check that it is one of the class.

        Raises:
            ModelError: if it is not.
        """
        if not isinstance(found, self._class):
            msg = f"expected a {self.name}, found {found!r}"
            raise ModelError(msg)
        return found

    def examine(self, found: object, /) -> None:
        """Check each law on an aggregate; see ``check``."""
        self.check(self.taken(found))

    def check(self, aggregate: TAggregate, /) -> None:
        """Check each law on the events of an aggregate, which stays as it is.

        Raises:
            LawError: naming the law and the difference.
            ModelError: if events of the aggregate were saved or collected before.
        """
        events = aggregate.pending_events
        if aggregate.version + 1 != len(events):
            msg = (
                f"{self.name}: expected {aggregate.version + 1} pending events, found {len(events)}. "
                f"A command that saves or collects its events leaves none to check."
            )
            raise ModelError(msg)
        stored = [_Stored(event, self._coded(event)) for event in events]
        whole = self._replayed("replay", stored, FixedClock(), FixedIds())
        self._check_frozen(stored)
        later = FixedClock(START + timedelta(days=1_000, seconds=1, microseconds=1))
        self._compare("pure", "", whole, self._replayed("pure", stored, later, FixedIds(1_000)))
        self._compare("replay", "", whole, state_of(aggregate))
        self._check_snapshots(stored, whole)
        self._check_store(aggregate, whole)
        for each in stored:
            self._check_unchanged(each, each.event, "A replay")

    def _fail(self, law: str, finding: str, cause: Exception | None = None) -> Never:
        raise LawError(law, self.name, finding) from cause

    def _compare(
        self, law: str, where: str, expected: Mapping[str, object], found: Mapping[str, object]
    ) -> None:
        changed = [
            f"\n  {name}: expected {_shown(expected, name)}, found {_shown(found, name)}"
            for name in differences(expected, found)
        ]
        if changed:
            self._fail(law, f"{where}it differs in{''.join(changed)}")

    def _coded(self, event: DomainEvent) -> bytes:
        try:
            return passed(self._codecs, event)[0]
        except EventChangedError as error:
            self._fail("coding", str(error), error)

    def _read(self, stored: Sequence[_Stored]) -> list[DomainEvent]:
        """Return events, decoded anew, of which nobody holds any part."""
        return [each.read(self._codecs) for each in stored]

    def _replayed(
        self, law: str, stored: Sequence[_Stored], clock: FixedClock, ids: FixedIds
    ) -> dict[str, object]:
        """Return the state after some events."""
        with using_clock(clock), using_ids(ids):
            aggregate = begin(self._class, originator_id_of(stored[0].event))
            try:
                continue_with(aggregate, self._read(stored))
            except Exception as error:  # noqa: BLE001  # because a handler of the user's may raise anything
                self._fail(law, f"it raised {type(error).__qualname__}: {error}", error)
        return state_of(aggregate)

    def _check_frozen(self, stored: Sequence[_Stored]) -> None:
        events = self._read(stored)
        aggregate = begin(self._class, originator_id_of(events[0]))
        for number, event in enumerate(events):
            continue_with(aggregate, [event])
            for one, earlier in zip(stored, events[: number + 1], strict=False):
                self._check_unchanged(one, earlier, f"The handler of {_name(event)}")

    def _check_unchanged(self, stored: _Stored, event: DomainEvent, who: str) -> None:
        found = self._codecs.for_event(event).encode(event)
        if found != stored.data:
            finding = f"expected {stored.data.decode()}, found {found.decode()}"
            self._fail("frozen", f"{who} changed {_name(event)}: {finding}")

    def _check_snapshots(self, stored: Sequence[_Stored], whole: Mapping[str, object]) -> None:
        if self._snapshots is None:
            return
        walker = begin(self._class, originator_id_of(stored[0].event))
        chosen = frozenset(_some(range(len(stored))))
        for number, event in enumerate(self._read(stored)):
            continue_with(walker, [event])
            if number not in chosen:
                continue
            try:
                restored = self._snapshots.restore(self._snapshots.take(walker))
                continue_with(restored, self._read(stored[number + 1 :]))
            except Exception as error:  # noqa: BLE001  # because a handler of the user's may raise anything
                finding = f"at version {number} it raised {type(error).__qualname__}: {error}"
                self._fail("snapshot", finding, error)
            self._compare("snapshot", f"at version {number}, ", whole, state_of(restored))

    def _check_store(self, aggregate: TAggregate, whole: Mapping[str, object]) -> None:
        store = _SilentStore()
        with suppress(_KeptError):
            self._kept_in(store).save(copy(aggregate))  # which no longer knows what is stored
        rows = list(store.read(aggregate.id))
        try:
            loaded = state_of(self._kept_in(store)[aggregate.id])
        except RepositoryKeyError as error:
            if not aggregate.is_discarded:
                self._fail("store", f"it was saved, and is not found: {error}", error)
        except IntegrityError as error:
            self._fail("store", f"it was saved, and cannot be loaded: {error}", error)
        else:
            self._compare("store", "", whole, loaded)
        for number in _some(range(len(rows) - 1)):
            self._expect_refusal(
                "gap", f"a history without version {number}", [*rows[:number], *rows[number + 1 :]]
            )
        if self._is_chained:
            names = sorted(self._codecs.by_name)
            for number, change, row in _some(list(changed_rows(rows, names)), rows[-1].event_hash[0]):
                changed = [*rows[:number], row, *rows[number + 1 :]]
                self._expect_refusal("chain", f"{change} in version {number}", changed)

    def _kept_in(self, store: MemoryStore) -> EntityRepository[TAggregate]:
        if self._repository is not None:
            return self._repository(self._named, store)
        return EventSourcedRepository(self._named, store)

    def _expect_refusal(self, law: str, what: str, rows: Sequence[Record]) -> None:
        store = MemoryStore()
        store.append(Append(rows, FREE))
        try:
            self._kept_in(store)[rows[0].originator_id]
        except IntegrityError:
            return
        except RepositoryKeyError:
            pass  # it was loaded to its end, where it is discarded
        except Exception as error:  # noqa: BLE001  # because a handler of the user's may raise anything
            finding = f"{type(error).__qualname__}: {error}"
            self._fail(law, f"expected an IntegrityError for {what}, found {finding}", error)
        self._fail(law, f"expected an IntegrityError for {what}, found that it was loaded")


def _shown(state: Mapping[str, object], name: str) -> str:
    return repr(state[name]) if name in state else "nothing"


def _some(items: Sequence[T], offset: int = 0) -> Sequence[T]:
    """Return some items, at even distances."""
    distance = len(items) // _MOST + 1
    return items[offset % distance :: distance]


def _name(event: DomainEvent) -> str:
    return type(event).__qualname__.rpartition("<locals>.")[2]
