"""Verifying a stream: all its rows, its end, and the states of its snapshots."""

from __future__ import annotations

from itertools import islice
from typing import TypeVar

from attrs import frozen

from esmodel.exceptions import RepositoryKeyError, SnapshotError
from esmodel.model.hashchain import head_of
from esmodel.model.stored import StoredAggregate, continue_with
from esmodel.repositories.ends import check_end
from esmodel.repositories.mapper import EventMapper
from esmodel.repositories.snapshots import Snapshots
from esmodel.rows.protocols import RecordStore

TAggregate = TypeVar("TAggregate", bound=StoredAggregate)


@frozen
class Verified:
    """The result of ``verify`` of a repository: the counts of what it checked.

    Attributes:
        events: the number of events, from the first to the last.
        snapshots: the number of snapshots whose state was compared with that of the events.
        ignored: the number of snapshots that do not fit the class, which no load uses.
        signed: whether the snapshots are signed, and the signatures were checked.

    Example:
        >>> from esmodel.repositories import Verified
        >>> from esmodel.stores.memory import MemoryStore
        >>> @frozen
        ... class Opened(AggregateEvent):
        ...     owner: str
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     apply = ignores(Opened).exhaustive
        >>> accounts = EventSourcedRepository(Account, MemoryStore(), snapshot_every=1)
        >>> account = Account.create(Opened, owner="Ada")
        >>> accounts.save(account)
        >>> accounts.verify(account.id)
        Verified(events=1, snapshots=1, ignored=0, signed=False)
    """

    events: int
    snapshots: int = 0
    ignored: int = 0
    signed: bool = False


def verify(
    aggregate: TAggregate,
    mapper: EventMapper[TAggregate],
    store: RecordStore,
    snapshots: Snapshots[TAggregate],
    /,
) -> Verified:
    """Check all rows of a stream, its end and its snapshots.

    Args:
        aggregate: one before its first event; afterwards it is as it is now.
        mapper: of its class.
        store: the store.
        snapshots: of its class.

    Raises:
        RepositoryKeyError: if there is no such stream.
        IntegrityError: naming the first row or snapshot that does not fit.
    """
    originator_id = aggregate.id
    # First the snapshots, then the end, then the rows: what is stored meanwhile is extra, never missing.
    # Only the positions are kept: the states of all snapshots may be large.
    positions = [*snapshots.positions(originator_id)]
    last = store.last(originator_id)
    records = store.read(originator_id)
    events = mapper.events(records, head_of(aggregate))
    compared = ignored = 0
    for position in reversed(positions):
        continue_with(aggregate, islice(events, max(position - aggregate.version, 0)))
        if position < 0 or aggregate.version != position:
            break
        fits = snapshots.check(aggregate)
        compared += fits is True
        ignored += fits is False
    continue_with(aggregate, events)
    check_end(store, originator_id, aggregate.version, head_of(aggregate), last)
    for position in positions:
        if position not in range(aggregate.version + 1):
            finding = f"expected no snapshot beyond version {aggregate.version}, found one"
            raise SnapshotError(originator_id, position, finding)
    if aggregate.version < 0:
        raise RepositoryKeyError(mapper.name, originator_id)
    return Verified(aggregate.version + 1, compared, ignored, snapshots.are_signed)
