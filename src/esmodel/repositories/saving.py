"""Saves: an append whose answer may be lost, and several aggregates in one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from esmodel.exceptions import ModelError, OutcomeUnknownError, StoreError
from esmodel.model.aggregate import StoredAggregate
from esmodel.model.events import TimestampedVersionedEvent, publish
from esmodel.rows.protocols import SupportsAppendIds, SupportsStreams
from esmodel.rows.record import Record


def append(store: object, to_store: Callable[[Sequence[Record]], None], records: Sequence[Record], /) -> None:
    """Store rows; where the answer is lost, ask the store what became of them.

    Args:
        store: asked, if it is one that can be.
        to_store: its ``append``, or its ``append_streams``.
        records: the rows.

    Raises:
        ConcurrencyError: if a position is taken; nothing is stored.
        OutcomeUnknownError: if the store can not be asked, or not be reached.
        StoreError: if the engine fails; nothing is stored.
    """
    try:
        to_store(records)
    except OutcomeUnknownError as error:
        if not isinstance(store, SupportsAppendIds):
            raise
        try:
            was_appended = store.was_appended(error.append_id)
        except StoreError:
            raise error from error.__cause__
        if not was_appended:
            msg = f"Append {error.append_id} was not stored: {error.finding}. Nothing is lost; save again."
            raise StoreError(msg) from error


@frozen(eq=False)
class PendingSave:
    """An aggregate that is to be saved together with others; ``to_save`` of its repository makes one.

    Attributes:
        aggregate: the aggregate.
        store: where its repository keeps it.
        records: what makes the rows of its events.
        saved: what is to be done once they are stored.
    """

    aggregate: StoredAggregate
    store: object
    records: Callable[[Sequence[TimestampedVersionedEvent]], list[Record]]
    saved: Callable[[], None]


def save_together(store: SupportsStreams, /, *saves: PendingSave) -> None:
    """Store the pending events of several aggregates, all or none, and publish them as one batch.

    Args:
        store: the store of all of them.
        saves: the aggregates, of any classes.

    Raises:
        ConcurrencyError: if somebody else saved one of them first. Nothing is stored, and the events
            of all of them still wait; load them again and repeat the command.
        ModelError: if an aggregate is there twice, or in another store.
        PayloadError: if a value cannot be written; nothing is stored.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> @frozen(kw_only=True)
        ... class Moved(AggregateEvent):
        ...     cents: int
        >>> @define
        ... class Account(AggregateRoot[Moved]):
        ...     balance: int = 0
        ...
        ...     @applies(Moved)
        ...     def moved(self, event: Moved) -> None:
        ...         self.balance += event.cents
        ...
        ...     apply = moved
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
            msg = f"{kind} {each.aggregate.id} is kept in another store than {store!r}: save it by itself"
            raise ModelError(msg)
        if ids.count(each.aggregate.id) > 1:
            msg = (
                f"{type(each.aggregate).__qualname__} {each.aggregate.id} is to be saved twice: name it once"
            )
            raise ModelError(msg)
    events: list[TimestampedVersionedEvent] = []
    records: list[Record] = []
    for each in saves:
        pending = each.aggregate.pending_events
        events += pending
        records += each.records(pending)
    if not records:
        return
    append(store, store.append_streams, records)
    for each in saves:
        each.saved()
    publish(events)
