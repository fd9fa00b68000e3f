"""``Append``: rows to append to one stream, and the position that they follow."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final, Literal, TypeAlias
from uuid import UUID

from attrs import field, frozen

from esmodel.exceptions import PayloadError
from esmodel.rows.record import Record


class Free(Enum):
    """The type of ``FREE``, so that type checkers can narrow ``After``.

    Example:
        >>> FREE is Free.FREE
        True
    """

    FREE = "free"
    """Positions that must only be free."""


FREE: Final = Free.FREE
"""Instead of the position that an append follows: its positions must only be free, and gaps are allowed."""

After: TypeAlias = int | Literal[Free.FREE] | None
"""The end that an append follows: the last position of its stream, ``None`` for a new stream, or ``FREE``."""


def _copied(records: Iterable[Record]) -> tuple[Record, ...]:
    return tuple(records)


@frozen
class Append:
    """Rows to append to one stream, and the last position of that stream as the writer knows it.

    An append without rows is allowed. It names no stream, so a store neither checks nor stores anything.

    Attributes:
        records: the rows, all of one stream; any iterable is copied.
        after: the last position of the stream, from 0; ``None`` for a new stream; or ``FREE``, for rows of
            which each has a place of its own, as the items of an array.

    Raises:
        PayloadError: if ``after`` is negative, the rows are of two streams, or their positions contradict
            ``after``: they must be ``after + 1``, ``after + 2`` and so on (from 0 in a new stream), or
            differ from each other after ``FREE``.

    Example:
        >>> from esmodel.rows import FREE, Append, Record
        >>> from esmodel.stores.memory import MemoryStore
        >>> store, stream = MemoryStore(), UUID(int=1)
        >>> opened, closed = (Record(stream, at, "Happened", 0, 0, b"{}") for at in (0, 1))
        >>> store.append(Append([opened], None))
        Appended(rows=1)
        >>> store.append(Append([closed], after=0))
        Appended(rows=1)
        >>> store.append(Append([closed._replace(position=9)], FREE))
        Appended(rows=1)
    """

    records: tuple[Record, ...] = field(converter=_copied)
    after: After

    def __attrs_post_init__(self) -> None:
        """Refuse rows that contradict each other or ``after``."""
        records, after = self.records, self.after
        position = expected = _first(after, records)
        stream: UUID | None = records[0][0] if records else None
        for record in records:
            originator_id, position = record[0], record[1]  # by index: 10 ns less than by name
            if originator_id is not stream and originator_id != stream:
                raise _of_two_streams(records[0], record)
            if position != expected:
                break
            expected += 1
        else:
            return
        if after is FREE:
            _check_distinct(records)
        else:
            follows = "a new stream" if after is None else f"position {after}"
            raise PayloadError(
                f"Append to stream {stream}: after {follows}, expected a row at position {expected}, found "
                f"{position}. Positions have no gaps, unless you append after FREE."
            )


@frozen
class Appended:
    """The result of an append that was stored.

    Attributes:
        rows: how many rows were stored.

    Example:
        >>> Appended(rows=2).rows
        2
    """

    rows: int


def check_streams(appends: Iterable[Append], /) -> None:
    """Refuse two appends to one stream in one call of ``append_streams``.

    Raises:
        PayloadError: if two of them are to one stream.

    Example:
        >>> row = Record(UUID(int=1), 0, "Happened", 0, 0, b"{}")
        >>> check_streams([Append([row], None), Append([row._replace(originator_id=UUID(int=2))], None)])
    """
    streams: set[UUID] = set()
    for each in appends:
        if each.records:
            stream = each.records[0].originator_id
            if stream in streams:
                raise PayloadError(
                    f"append_streams: expected one Append to stream {stream}, found two. Join their rows."
                )
            streams.add(stream)


def last_known(append: Append, /) -> int:
    """Return the ``expected`` of the ``ConcurrencyError`` of an append: the position that it follows.

    That is ``after``, -1 for a new stream, and the position before the first row after ``FREE``.

    Example:
        >>> last_known(Append([Record(UUID(int=1), 5, "Happened", 0, 0, b"{}")], FREE))
        4
    """
    return _first(append.after, append.records) - 1


def _first(after: After, records: tuple[Record, ...]) -> int:
    if after is None:
        return 0
    if after is FREE:
        return records[0].position if records else 0
    if after < 0:
        raise PayloadError(
            f"Append: expected after to be a position from 0, None or FREE, found {after}. "
            "Use None for a new stream."
        )
    return after + 1


def _check_distinct(records: tuple[Record, ...]) -> None:
    positions: set[int] = set()
    for record in records:
        if record.originator_id != records[0].originator_id:
            raise _of_two_streams(records[0], record)
        if record.position in positions:
            raise PayloadError(
                f"Append to stream {record.originator_id}: expected each position once, found "
                f"{record.position} twice."
            )
        positions.add(record.position)


def _of_two_streams(first: Record, other: Record) -> PayloadError:
    return PayloadError(
        f"Append to stream {first.originator_id}: expected rows of one stream, found a row of "
        f"{other.originator_id}. Use append_streams with an Append for each stream."
    )
