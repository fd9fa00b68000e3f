"""Saving several aggregates together, all or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from attrs import frozen

from esmodel.exceptions import ModelError
from esmodel.model.bus import publish
from esmodel.model.events import TimestampedVersionedEvent
from esmodel.model.stored import StoredAggregate
from esmodel.repositories.outcome import append
from esmodel.repositories.snapshots import warn_of
from esmodel.rows.append import Append
from esmodel.rows.protocols import SupportsStreams


@frozen(eq=False)
class PendingSave:
    """An aggregate to save together with others; ``to_save`` of its repository returns one.

    Attributes:
        aggregate: the aggregate.
        store: the store of its repository.
        append: returns the append of its events.
        saved: called with these events once they are stored; returns the text of a warning, if any.
    """

    aggregate: StoredAggregate
    store: object
    append: Callable[[Sequence[TimestampedVersionedEvent]], Append]
    saved: Callable[[Sequence[TimestampedVersionedEvent]], str | None]


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
        PayloadError: if a value cannot be written; nothing is stored.

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
    ids: set[UUID] = set()
    for each in saves:
        kind, originator_id = type(each.aggregate).__qualname__, each.aggregate.id
        if each.store is not store:
            raise ModelError(
                f"{kind} {originator_id}: expected an aggregate kept in {store!r}, found one of another "
                f"store. Save it by itself."
            )
        if originator_id in ids:
            raise ModelError(f"{kind} {originator_id}: expected it once, found it twice. Name it once.")
        ids.add(originator_id)
    pending = [each.aggregate.pending_events for each in saves]
    appends = [each.append(events) for each, events in zip(saves, pending, strict=True)]
    events = [event for events in pending for event in events]
    if not events:
        return
    append(store, store.append_streams, appends)
    warnings = [each.saved(events) for each, events in zip(saves, pending, strict=True)]
    publish(events)
    warn_of(warnings)
