"""The end of a stream: whether its rows reach the position that the store keeps apart from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar
from uuid import UUID

from esmodel.exceptions import HeadHashError
from esmodel.model.events import HashchainedEvent, TimestampedVersionedEvent
from esmodel.model.stored import StoredAggregate
from esmodel.repositories.mapper import EventMapper
from esmodel.rows.protocols import RecordStore
from esmodel.rows.record import Record

TAggregate = TypeVar("TAggregate", bound=StoredAggregate)


def check_end(  # noqa: PLR0913, PLR0917  # because it compares two ends
    store: RecordStore,
    originator_id: UUID,
    version: int,
    head: bytes,
    last: tuple[int, bytes] | None,
    at: int | None = None,
    /,
) -> None:
    """Check that the rows of a stream reach its end, and not beyond.

    Args:
        store: the store.
        originator_id: the stream.
        version: the version of the last row that was read, -1 for none.
        head: in a hash chain, the hash of that row; else empty.
        last: what ``store.last`` returned before the rows were read.
        at: the version up to which rows were read; by default, all were.

    Raises:
        HeadHashError: if they end before, reach beyond, or end with another hash.
    """
    try:
        position, event_hash = last or (-1, b"")
        if version > position:
            # an append may have come between `last` and the rows; it advanced the end together with them
            position, event_hash = store.last(originator_id) or (-1, b"")
            if version > position:
                finding = f"expected the stream to end at version {position}, found that it reaches {version}"
                raise HeadHashError(originator_id, position + 1, finding)
        elif version < (expected := position if at is None else min(position, at)):
            finding = f"the stream ends at version {version}, expected it to reach {expected}"
            raise HeadHashError(originator_id, version + 1, finding)
    except TypeError as error:
        # an engine may hold a value of another type than was written, as SQLite does
        finding = f"the end of the stream has another type than was written: {error}"
        raise HeadHashError(originator_id, version, finding) from error
    if version == position >= 0 and head != event_hash:
        finding = f"expected the head {_shown(event_hash)}, found {_shown(head)}"
        raise HeadHashError(originator_id, position, finding)


def events_to_the_end(
    mapper: EventMapper[TAggregate], store: RecordStore, originator_id: UUID, after: int, genesis: bytes, /
) -> Iterator[TimestampedVersionedEvent]:
    """Yield the events of a hash chain above a version, and check the end once it is reached.

    Args:
        mapper: of their class.
        store: the store.
        originator_id: the stream.
        after: the version, -1 for all events.
        genesis: the hash with which the chain begins.

    Raises:
        IntegrityError: while iterating, if a row does not continue the chain, or the chain its end.
    """
    last = store.last(originator_id)  # before the rows: a row that is appended meanwhile is then extra
    records = store.read(originator_id, gte=max(after, 0))
    return _checked(mapper, store, originator_id, after, genesis, last, records)


def _checked(  # noqa: PLR0913, PLR0917  # because a generator cannot ask for the end at the call
    mapper: EventMapper[TAggregate],
    store: RecordStore,
    originator_id: UUID,
    after: int,
    head: bytes,
    last: tuple[int, bytes] | None,
    records: Iterator[Record],
    /,
) -> Iterator[TimestampedVersionedEvent]:
    version = -1
    if after >= 0:
        first = next(records, None)
        if first is None and last is not None and last[0] < after:
            return  # the end is before
        if first is not None and first.position == after:
            version, head = after, first.event_hash
        elif first is not None:
            finding = f"expected a row at version {after}, found the next one at {first.position}"
            raise HeadHashError(originator_id, after, finding)
    for event in mapper.events(records, head):
        yield event
        version = event.originator_version
        head = event.event_hash if isinstance(event, HashchainedEvent) else head
    check_end(store, originator_id, version, head, last)


def _shown(given: object) -> str:
    """Return a hash, or the value that stands in its place, as text."""
    return given.hex() if isinstance(given, bytes) else repr(given)
