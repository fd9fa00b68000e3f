"""Saving several aggregates together, all or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from esmodel.exceptions import ModelError
from esmodel.model.bus import publish
from esmodel.model.events import TimestampedVersionedEvent
from esmodel.model.stored import StoredAggregate
from esmodel.repositories.outcome import append
from esmodel.repositories.snapshots import warn_of
from esmodel.rows.protocols import SupportsStreams
from esmodel.rows.record import Record


@frozen(eq=False)
class PendingSave:
    """An aggregate to save together with others; ``to_save`` of its repository returns one.

    Attributes:
        aggregate: the aggregate.
        store: the store of its repository.
        records: returns the rows of its events.
        saved: called once they are stored; returns the text of a warning, if any.
    """

    aggregate: StoredAggregate
    store: object
    records: Callable[[Sequence[TimestampedVersionedEvent]], list[Record]]
    saved: Callable[[], str | None]


def save_together(store: SupportsStreams, /, *saves: PendingSave) -> None:
    """Store the pending events of several aggregates, all or none, and publish them as one batch.

    Args:
        store: the store of all of them.
        saves: the aggregates, of any classes.

    Raises:
        ConcurrencyError: if somebody else saved one of them first. Nothing is stored, and the events
            of all of them stay pending; load them again and repeat the command.
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
    ids = [each.aggregate.id for each in saves]
    for each in saves:
        if each.store is not store:
            kind = type(each.aggregate).__qualname__
            raise ModelError(
                f"{kind} {each.aggregate.id}: expected an aggregate kept in {store!r}, found one of another "
                f"store. Save it by itself."
            )
        if ids.count(each.aggregate.id) > 1:
            kind = type(each.aggregate).__qualname__
            raise ModelError(f"{kind} {each.aggregate.id}: expected it once, found it twice. Name it once.")
    events: list[TimestampedVersionedEvent] = []
    records: list[Record] = []
    for each in saves:
        pending = each.aggregate.pending_events
        events += pending
        records += each.records(pending)
    if not records:
        return
    append(store, store.append_streams, records)
    warnings = [each.saved() for each in saves]
    publish(events)
    warn_of(warnings)
