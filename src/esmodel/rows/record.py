"""The stored row, and the Protocols of what keeps rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias, runtime_checkable
from uuid import UUID

from esmodel.exceptions import PayloadError

LEAST: Final = -(2**63)
"""The lowest number that every store can hold."""

GREATEST: Final = 2**63 - 1
"""The highest number that every store can hold."""


class Record(NamedTuple):
    """One stored row: an event, a snapshot or an item.

    Attributes:
        originator_id: the stream.
        position: the place in the stream, from 0; of an aggregate, its version.
        name: the stored name of the class.
        class_version: the version of the class's schema, from 0.
        timestamp: microseconds since 1970 in UTC.
        data: the payload as JSON.
        header: what else the header holds, as JSON; empty for most kinds of event.
        event_hash: SHA-256 of the row and of the hash before it; empty where there is no chain.

    Example:
        >>> from uuid import UUID
        >>> Record(UUID(int=1), 0, "Opened", 0, 0, b"{}").event_hash
        b''
    """

    originator_id: UUID
    position: int
    name: str
    class_version: int
    timestamp: int
    data: bytes
    header: bytes = b""
    event_hash: bytes = b""


_Columns: TypeAlias = tuple[UUID, int, str, int, int, bytes, bytes, bytes]
_Make: TypeAlias = Callable[[type[Record], _Columns], Record]

make_record: Final[_Make] = getattr(tuple, "__new__")  # noqa: B009  # because the stubs say less
"""Makes a row of its columns in 150 ns, where ``Record(...)`` takes 260."""


def check_record(record: Record, /) -> None:
    """Refuse a row that no store can hold.

    Raises:
        PayloadError: if a number does not fit 64 bits, or the name is no Unicode text.
    """
    for field in ("position", "class_version", "timestamp"):
        value: int = getattr(record, field)
        if not LEAST <= value <= GREATEST:
            raise PayloadError(
                f"Record {record.position} of stream {record.originator_id}: "
                f"{field}: expected an integer of 64 bits, found {value}."
            )
    try:
        record.name.encode()
    except UnicodeEncodeError as error:
        raise PayloadError(
            f"Record {record.position} of stream {record.originator_id}: "
            f"name: expected Unicode text, found {record.name!r}."
        ) from error


def bounds_of(gt: int | None, gte: int | None, lt: int | None, lte: int | None, /) -> tuple[int, int]:
    """Return the lowest and the highest position within the bounds of ``read``.

    Where the first is above the second, there is none.

    Example:
        >>> bounds_of(None, 5, 9, None)
        (5, 8)
    """
    low, high = LEAST, GREATEST
    if gt is not None:
        low = max(low, gt + 1)
    if gte is not None:
        low = max(low, gte)
    if lt is not None:
        high = min(high, lt - 1)
    if lte is not None:
        high = min(high, lte)
    return low, high


def check_limit(limit: int | None, /) -> None:
    """Refuse a negative limit of what is read.

    Raises:
        PayloadError: if it is one.
    """
    if limit is not None and limit < 0:
        raise PayloadError(f"limit: expected 0 or more, found {limit}.")


class RecordStore(Protocol):
    """What keeps rows in streams.

    Laws:
        1. ``append`` is atomic: all rows are stored, or none. What it acknowledged stays. Where it
           raises, nothing was stored, unless it raises ``OutcomeUnknownError``.
        2. Of two appends at one ``(originator_id, position)`` exactly one succeeds; the
           other raises ``ConcurrencyError`` with the position before its first row of that
           stream and the last position found.
        3. ``read`` yields the rows of one stream in the order of their positions, as they
           were appended, byte for byte.
        4. ``last`` is the highest position ever appended to a stream, with the hash of that
           row, kept apart from the rows: it shows when rows at the end were removed.
    """

    def append(self, records: Sequence[Record], /) -> None:
        """Store all rows, which are of one stream, or none.

        Raises:
            ConcurrencyError: if a position is taken.
            OutcomeUnknownError: if the engine was lost while it committed; see ``SupportsAppendIds``.
            StoreError: if the engine fails.
        """
        ...

    def read(  # noqa: PLR0913  # because these are the bounds of a range
        self,
        originator_id: UUID,
        /,
        *,
        gt: int | None = None,
        gte: int | None = None,
        lt: int | None = None,
        lte: int | None = None,
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[Record]:
        """Stream the rows of one stream within the bounds."""
        ...

    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        """Return the last position appended and its hash, or ``None`` for a new stream."""
        ...


class SupportsStreams(Protocol):
    """A store that appends to several streams at once.

    Laws:
        1. ``append_streams`` upholds the laws of ``append`` for rows of any number of streams: all
           of them are stored, or none.
        2. Their order across streams is kept: where there is ``read_all``, it gives them in it.
    """

    def append_streams(self, records: Sequence[Record], /) -> None:
        """Store all rows, of any streams, or none; raises what ``append`` raises."""
        ...


@runtime_checkable
class SupportsAppendIds(Protocol):
    """A store that can be asked what became of an append whose answer was lost.

    Laws:
        1. Each append has an id, and an ``OutcomeUnknownError`` names it.
        2. ``was_appended`` tells whether the rows of that append are stored. Its answer is final: an
           append that is under way is waited for, and one that is not stored then never will be.
    """

    def was_appended(self, append_id: UUID, /) -> bool:
        """Whether the rows of an append are stored, all of them.

        Raises:
            StoreError: if the engine fails; ask again.
        """
        ...


class SupportsReadAll(Protocol):
    """A store that knows the order of all its commits.

    Laws:
        1. ``read_all`` yields rows in commit order, each with its number; the numbers rise. What was
           acknowledged before an append began comes before it; appends that are under way at once
           have either order, the same for every reader.
        2. Reading on after the last number seen skips nothing and repeats nothing.
    """

    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        """Stream ``(number, row)`` of all streams with numbers above ``after``, at most ``limit``."""
        ...


@runtime_checkable
class SupportsSnapshots(Protocol):
    """A store that keeps snapshots beside the rows.

    Laws:
        1. A snapshot never takes part in ``read``, ``read_all`` or ``last``.
        2. Writing one at a position that has one replaces it.
        3. ``read_snapshot`` gives the one with the highest position within the bound.
        4. ``read_from_snapshot`` gives the same, and the rows that ``read`` gives after it; together
           they are no older than the call, and cost as few round trips as the engine allows.
    """

    def write_snapshot(self, record: Record, /) -> None:
        """Store a snapshot, or replace the one at its position."""
        ...

    def read_snapshot(self, originator_id: UUID, /, *, lte: int | None = None) -> Record | None:
        """Return the latest snapshot at or before a position."""
        ...

    def read_from_snapshot(
        self, originator_id: UUID, /, *, lte: int | None = None
    ) -> tuple[Record | None, Iterator[Record]]:
        """Return the latest snapshot at or before a position, and the rows from there to it.

        Without a snapshot, the rows are those from the beginning of the stream.
        """
        ...


class SnapshottingRecordStore(RecordStore, SupportsSnapshots, Protocol):
    """A record store that also keeps snapshots."""
