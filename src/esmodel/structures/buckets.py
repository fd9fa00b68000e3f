"""Buckets of time: the year, month, day, hour, minute or second, in UTC, that holds a moment."""

from __future__ import annotations

import calendar
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID, uuid5

from esmodel.clock import MICROSECOND
from esmodel.exceptions import PayloadError

BucketSize: TypeAlias = Literal["year", "month", "day", "hour", "minute", "second"]
"""How long a bucket is."""

BUCKET_SIZES: Final[tuple[BucketSize, ...]] = ("year", "month", "day", "hour", "minute", "second")
"""Every size, from the longest to the shortest."""

TIMEBUCKETS: Final = UUID("0d7ee297-a976-4c29-91ff-84ffc79d8155")
"""The namespace of the ids of buckets."""

# how much of "2026-11-23T04:05:06" tells the bucket
_LENGTHS: Final[dict[BucketSize, int]] = {
    "year": 4,
    "month": 7,
    "day": 10,
    "hour": 13,
    "minute": 16,
    "second": 19,
}
_DURATIONS: Final[dict[BucketSize, timedelta]] = {
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}
_REST: Final = "0001-01-01T00:00:00+00:00"
_SEPARATORS: Final = str.maketrans("T:", "_-")


def bucket_starts(timestamp: datetime, bucket_size: BucketSize, /) -> datetime:
    """Return when the bucket that holds a moment starts, in UTC.

    Raises:
        PayloadError: if the timestamp is naive, or the size unknown.

    Example:
        >>> bucket_starts(datetime(2024, 2, 29, 13, tzinfo=UTC), "month").isoformat()
        '2024-02-01T00:00:00+00:00'
    """
    length = _LENGTHS[checked_bucket_size(bucket_size)]
    return datetime.fromisoformat(in_utc(timestamp).isoformat()[:length] + _REST[length:])


def next_bucket_starts(timestamp: datetime, bucket_size: BucketSize, /) -> datetime:
    """Return when the bucket after the one that holds a moment starts, in UTC.

    Raises:
        PayloadError: if there is none, since dates end with the year 9999; if the timestamp is
            naive, or the size unknown.

    Example:
        >>> next_bucket_starts(datetime(2023, 12, 31, tzinfo=UTC), "day").isoformat()
        '2024-01-01T00:00:00+00:00'
    """
    starts = bucket_starts(timestamp, bucket_size)
    try:
        return starts + bucket_duration(starts, bucket_size)
    except OverflowError as error:
        msg = f"no {bucket_size} follows the one of {timestamp}: dates end with the year {MAXYEAR}"
        raise PayloadError(msg) from error


def previous_bucket_starts(timestamp: datetime, bucket_size: BucketSize, /) -> datetime:
    """Return when the bucket before the one that holds a moment starts, in UTC.

    Raises:
        PayloadError: if there is none, since dates begin with the year 1; if the timestamp is
            naive, or the size unknown.

    Example:
        >>> previous_bucket_starts(datetime(2024, 3, 1, tzinfo=UTC), "day").isoformat()
        '2024-02-29T00:00:00+00:00'
    """
    starts = bucket_starts(timestamp, bucket_size)
    try:
        return bucket_starts(starts - MICROSECOND, bucket_size)
    except OverflowError as error:
        msg = f"no {bucket_size} comes before the one of {timestamp}: dates begin with the year 1"
        raise PayloadError(msg) from error


def bucket_duration(timestamp: datetime, bucket_size: BucketSize, /) -> timedelta:
    """Return how long the bucket that holds a moment is: years and months differ.

    Raises:
        PayloadError: if the timestamp is naive, or the size unknown.

    Example:
        >>> bucket_duration(datetime(2024, 2, 1, tzinfo=UTC), "month").days
        29
    """
    moment = in_utc(timestamp)
    size = checked_bucket_size(bucket_size)
    if size == "year":
        return timedelta(days=366 if calendar.isleap(moment.year) else 365)
    if size == "month":
        return timedelta(days=calendar.monthrange(moment.year, moment.month)[1])
    return _DURATIONS[size]


def bucket_boundary(timestamp: datetime, bucket_size: BucketSize, /) -> str:
    """Return how the bucket that holds a moment is written.

    Raises:
        PayloadError: if the timestamp is naive, or the size unknown.

    Example:
        >>> bucket_boundary(datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC), "second")
        '2026-11-23_04-05-06'
    """
    length = _LENGTHS[checked_bucket_size(bucket_size)]
    return in_utc(timestamp).isoformat()[:length].translate(_SEPARATORS)


def make_timebucket_id(log_id: UUID, timestamp: datetime, bucket_size: BucketSize, /) -> UUID:
    """Return the id of the stream of the bucket that holds a moment.

    Raises:
        PayloadError: if the timestamp is naive, or the size unknown.

    Example:
        >>> make_timebucket_id(UUID(int=1), datetime(2026, 11, 23, tzinfo=UTC), "year")
        UUID('0deca1e9-f1c3-5257-8e55-49a315f2470f')
    """
    return uuid5(TIMEBUCKETS, f"{log_id.hex}_{bucket_boundary(timestamp, bucket_size)}")


def in_utc(timestamp: object, /) -> datetime:
    """Return an aware moment in UTC.

    Raises:
        PayloadError: if it is naive, no datetime, or in UTC beyond the years 1 to 9999.
    """
    if not isinstance(timestamp, datetime) or timestamp.utcoffset() is None:
        msg = (
            f"a moment must be an aware datetime, not {timestamp!r}: "
            f"give it a time zone, as in datetime(2026, 11, 23, tzinfo=UTC)"
        )
        raise PayloadError(msg)
    if timestamp.tzinfo is UTC:
        return timestamp
    try:
        return timestamp.astimezone(UTC)
    except OverflowError as error:
        msg = f"{timestamp} is in UTC beyond the years 1 to {MAXYEAR}"
        raise PayloadError(msg) from error


def checked_bucket_size(bucket_size: object, /) -> BucketSize:
    """Return the size of a bucket if it is one.

    Raises:
        PayloadError: if it is none, with the list of those that are.
    """
    for each in BUCKET_SIZES:
        if each == bucket_size:
            return each
    msg = f"{bucket_size!r} is no size of a bucket; the sizes are {', '.join(BUCKET_SIZES)}"
    raise PayloadError(msg)
