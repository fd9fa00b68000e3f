"""The index of a log: where a message and a bucket stand, and which buckets hold something.

The position of a message in its bucket is its time since the bucket began, in microseconds, times
2 ** 18, so that as many messages of one microsecond have a place; a range of time is a range of
positions. The index has a row for each bucket that holds something. That of the short sizes is cut
into streams by years, months or days, so that none gets long; another stream tells which there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from esmodel.clock import MICROSECOND
from esmodel.structures.buckets import TIMEBUCKETS, BucketSize, bucket_boundary, bucket_starts

PLACES: Final = 1 << 18
"""How many messages of one microsecond a bucket holds; a leap year times this fits 63 bits."""

UNITS: Final[dict[BucketSize, BucketSize]] = {"hour": "year", "minute": "month", "second": "day"}
"""What the index of the short buckets is cut by."""

FIRST: Final = datetime.min.replace(tzinfo=UTC)
"""The first moment there is."""

LAST: Final = datetime.max.replace(tzinfo=UTC)
"""The last moment there is."""


def message_position(moment: datetime, starts: datetime, /) -> int:
    """Return the first position of a microsecond in a bucket that starts at a moment."""
    return (moment - starts) // MICROSECOND * PLACES


def index_position(starts: datetime, /) -> int:
    """Return the position of a bucket in an index: the seconds since the year 1 began."""
    return (starts - FIRST) // timedelta(seconds=1)


def index_id(log_id: UUID, size: BucketSize, part: str = "", /) -> UUID:
    """Return the id of a stream of the index; of the uppermost one where no part is given."""
    return uuid5(TIMEBUCKETS, f"{log_id.hex}_{size}s{part and '_'}{part}")


def index_entries(log_id: UUID, size: BucketSize, starts: datetime, /) -> Iterator[tuple[UUID, int, str]]:
    """Yield the rows of the index that lead to a bucket, from the lowest: stream, position, text."""
    boundary = bucket_boundary(starts, size)
    unit = UNITS.get(size)
    if unit is None:
        yield index_id(log_id, size), index_position(starts), boundary
        return
    part = bucket_boundary(starts, unit)
    yield index_id(log_id, size, part), index_position(starts), boundary
    yield index_id(log_id, size), index_position(bucket_starts(starts, unit)), part
