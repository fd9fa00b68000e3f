"""Steps of a save around its append; save several aggregates together, all or none."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NoReturn
from uuid import UUID

from attrs import frozen

from esmodel.exceptions import ConcurrencyError, EsmodelError, ModelError, OutcomeUnknownError
from esmodel.model.bus import deliver, raise_after_commit
from esmodel.model.events import TimestampedVersionedEvent
from esmodel.model.stored import StoredAggregate, bar, mark_saved, refuse_collected, refuse_if_invalid
from esmodel.repositories.outcome import append
from esmodel.repositories.snapshots import SnapshotWarning
from esmodel.rows.append import Append
from esmodel.rows.protocols import SupportsStreams


@frozen(eq=False)
class PendingSave:
    """An aggregate to save together with others; ``to_save`` of its repository returns one.

    Attributes:
        aggregate: the aggregate.
        store: the store of its repository.
        append: returns the append of its events.
        take_snapshot: takes the one that is due, given the number of events that were stored and the version
            of the last one; returns the text of a warning, if any.
        explain: returns the error to raise for a conflict in its stream.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> @frozen
        ... class Opened(AggregateEvent):
        ...     pass
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     apply = ignores(Opened).exhaustive
        >>> accounts = EventSourcedRepository(Account, MemoryStore())
        >>> account = Account.create(Opened)
        >>> accounts.to_save(account).aggregate is account
        True
    """

    aggregate: StoredAggregate
    store: object
    append: Callable[[Sequence[TimestampedVersionedEvent]], Append]
    take_snapshot: Callable[[int, int], str | None]
    explain: Callable[[ConcurrencyError], EsmodelError]


def bar_unsure(error: BaseException, /, *aggregates: StoredAggregate) -> None:
    """Bar aggregates after an error of an append that does not say whether the events are stored.

    Of our errors, only an ``OutcomeUnknownError`` does not. Any other, such as a ``KeyboardInterrupt``, may
    come after the commit.
    """
    for each in aggregates:
        bar(each, f"a save raised {type(error).__name__} before it was known whether the events are stored")


def raise_explained(
    error: ConcurrencyError, explanations: Mapping[UUID, Callable[[ConcurrencyError], EsmodelError]], /
) -> NoReturn:
    """Raise a conflict, or the error that explains why no retry will help.

    Raises:
        EsmodelError: the conflict, or the error that the function of its stream returns.
    """
    explain = explanations.get(error.originator_id)
    explained = error if explain is None else explain(error)
    if explained is error:
        raise error
    raise explained from error


def announce(events: Sequence[TimestampedVersionedEvent], texts: Sequence[str | None], /) -> None:
    """Publish stored events, then warn of snapshots that failed, at the line that called ``save``.

    Raises:
        PublishError: with what subscribers raised, and the warnings that a filter turned into errors.
    """
    errors = list(deliver(events))
    for text in texts:
        if text is not None:
            try:
                warnings.warn(text, SnapshotWarning, stacklevel=3)
            except SnapshotWarning as error:
                errors.append(error)
    raise_after_commit(errors)


def save_together(store: SupportsStreams, /, *saves: PendingSave) -> None:
    """Store the pending events of several aggregates, all or none, and publish them as one batch.

    Args:
        store: the store of all of them.
        saves: the aggregates, of any classes.

    Raises:
        ConcurrencyError: if the stream of one of them does not end at the version before its first
            pending event, as after somebody else's save. Nothing is stored, and the events of all of them
            stay pending; load them again and repeat the command.
        ModelError: if an aggregate is given twice, or is kept in another store.
        EntityIsDiscarded: if a new one has the id of one that was discarded; nothing is stored.
        InvalidEntityError: if the state of one of them cannot be trusted; nothing is stored.
        OutcomeUnknownError: if the store was lost while it committed, and could not be asked. The aggregates
            take no more events: load them again, and look.
        PayloadError: if a value cannot be written; nothing is stored.
        PublishError: with what subscribers raised. All events are stored; do not repeat the command.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> @frozen
        ... class Moved(AggregateEvent):
        ...     cents: int
        >>> @define
        ... class Account(AggregateRoot[Moved]):
        ...     balance: int = 0
        ...
        ...     @applies
        ...     def moved(self, event: Moved) -> None:
        ...         self.balance += event.cents
        ...
        ...     apply = moved.exhaustive
        >>> store = MemoryStore()
        >>> accounts = EventSourcedRepository(Account, store)
        >>> one, other = Account.create(Moved, cents=-5), Account.create(Moved, cents=5)
        >>> save_together(store, accounts.to_save(one), accounts.to_save(other))
        >>> accounts[one.id].balance + accounts[other.id].balance
        0
    """
    _check(store, saves)
    pending = [(each, each.aggregate.pending_events) for each in saves]
    waiting = [(each, events, events[-1].originator_version) for each, events in pending if events]
    if not waiting:
        return
    appends = [each.append(events) for each, events, _ in waiting]
    try:
        append(store, store.append_streams, appends)
        for each, _, last in waiting:
            mark_saved(each.aggregate, last)
    except ConcurrencyError as error:
        raise_explained(error, {each.aggregate.id: each.explain for each in saves})
    except OutcomeUnknownError as error:
        bar_unsure(error, *(each.aggregate for each, _, _ in waiting))
        raise
    except EsmodelError:
        raise  # nothing is stored, or the error says whom to ask
    except BaseException as error:
        bar_unsure(error, *(each.aggregate for each, _, _ in waiting))
        raise
    warned = [each.take_snapshot(len(events), last) for each, events, last in waiting]
    announce([event for _, events, _ in waiting for event in events], warned)


def _check(store: SupportsStreams, saves: Iterable[PendingSave]) -> None:
    """Check that aggregates can be saved together.

    Raises:
        ConcurrencyError: if events of one were collected, and so are in no store.
        InvalidEntityError: if the state of one cannot be trusted.
        ModelError: if one is given twice, or is kept in another store.
    """
    if isinstance(store, PendingSave):
        raise ModelError(
            "save_together: expected the store first, found an aggregate. Write save_together(store, ...)."
        )
    ids: set[UUID] = set()
    for each in saves:
        kind, originator_id = type(each.aggregate).__qualname__, each.aggregate.id
        if each.store is not store:
            raise ModelError(
                f"{kind} {originator_id}: expected an aggregate kept in {store!r}, found one of another "
                f"store. Save it by itself."
            )
        refuse_if_invalid(each.aggregate)
        refuse_collected(each.aggregate)
        if originator_id in ids:
            raise ModelError(f"{kind} {originator_id}: expected it once, found it twice. Name it once.")
        ids.add(originator_id)
