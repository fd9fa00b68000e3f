"""The layout of a time-bucketed log: the positions of messages, and the index of its buckets.

The position of a message in its bucket is the time since the bucket began, in microseconds, times
2 ** 18. So each microsecond has room for as many messages, and a range of time is a range of positions.

The index has a row for each bucket that has a message. The index of hours is split into a stream per
year, that of minutes into one per month and that of seconds into one per day, so that no stream gets
long. Another stream, the upper index, lists these parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from esmodel.clock import MICROSECOND
from esmodel.structures.buckets import (
    TIMEBUCKETS,
    BucketSize,
    bucket_boundary,
    bucket_duration,
    bucket_starts,
    make_timebucket_id,
)

PLACES: Final = 1 << 18
"""The number of messages that a microsecond has room for. A leap year times this fits 63 bits."""

PARTS: Final[dict[BucketSize, BucketSize]] = {"hour": "year", "minute": "month", "second": "day"}
"""The span of a part of the index, for each size of bucket whose index is split."""

FIRST: Final = datetime.min.replace(tzinfo=UTC)
"""The first moment."""

LAST: Final = datetime.max.replace(tzinfo=UTC)
"""The last moment."""


class Bucket(NamedTuple):
    """A bucket of a log.

    Attributes:
        size: its size.
        starts: its first microsecond.
        ends: its last microsecond.
        id: the id of its stream.
    """

    size: BucketSize
    starts: datetime
    ends: datetime
    id: UUID


def bucket_at(log_id: UUID, moment: datetime, size: BucketSize, /) -> Bucket:
    """Return the bucket of a log that contains a moment."""
    starts = bucket_starts(moment, size)
    ends = starts + (bucket_duration(starts, size) - MICROSECOND)
    return Bucket(size, starts, ends, make_timebucket_id(log_id, starts, size))


def message_position(moment: datetime, starts: datetime, /) -> int:
    """Return the first position of a microsecond in a bucket, given when the bucket starts."""
    return (moment - starts) // MICROSECOND * PLACES


def index_position(starts: datetime, /) -> int:
    """Return the position of a bucket in an index: the seconds since the year 1 began."""
    return (starts - FIRST) // timedelta(seconds=1)


def index_id(log_id: UUID, size: BucketSize, part: str = "", /) -> UUID:
    """Return the id of the stream of a part of an index; without a part, of the upper index."""
    return uuid5(TIMEBUCKETS, f"{log_id.hex}_{size}s{part and '_'}{part}")


def index_entries(log_id: UUID, size: BucketSize, starts: datetime, /) -> Iterator[tuple[UUID, int, str]]:
    """Yield the rows of the index for a bucket, from the lowest: stream, position, text."""
    boundary = bucket_boundary(starts, size)
    span = PARTS.get(size)
    if span is None:
        yield index_id(log_id, size), index_position(starts), boundary
        return
    part = bucket_boundary(starts, span)
    yield index_id(log_id, size, part), index_position(starts), boundary
    yield index_id(log_id, size), index_position(bucket_starts(starts, span)), part
