"""Buckets of time: years, months, days, hours, minutes and seconds, in UTC."""

from __future__ import annotations

import calendar
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID, uuid5

from esmodel.clock import MICROSECOND
from esmodel.exceptions import PayloadError

BucketSize: TypeAlias = Literal["year", "month", "day", "hour", "minute", "second"]
"""The size of a bucket."""

BUCKET_SIZES: Final[tuple[BucketSize, ...]] = ("year", "month", "day", "hour", "minute", "second")
"""All sizes, from the longest to the shortest."""

TIMEBUCKETS: Final = UUID("0d7ee297-a976-4c29-91ff-84ffc79d8155")
"""The UUID namespace of bucket ids."""

# the number of characters of "2026-11-23T04:05:06" that identify the bucket
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
    """Return the start of the bucket that contains a moment, in UTC.

    Raises:
        PayloadError: if the timestamp is naive, or the size is unknown.

    Example:
        >>> bucket_starts(datetime(2024, 2, 29, 13, tzinfo=UTC), "month").isoformat()
        '2024-02-01T00:00:00+00:00'
    """
    length = _LENGTHS[checked_bucket_size(bucket_size)]
    return datetime.fromisoformat(in_utc(timestamp).isoformat()[:length] + _REST[length:])


def next_bucket_starts(timestamp: datetime, bucket_size: BucketSize, /) -> datetime:
    """Return the start of the bucket after the one that contains a moment, in UTC.

    Raises:
        PayloadError: if there is none, because dates end with the year 9999; if the timestamp is
            naive, or the size is unknown.

    Example:
        >>> next_bucket_starts(datetime(2023, 12, 31, tzinfo=UTC), "day").isoformat()
        '2024-01-01T00:00:00+00:00'
    """
    starts = bucket_starts(timestamp, bucket_size)
    try:
        return starts + bucket_duration(starts, bucket_size)
    except OverflowError as error:
        raise PayloadError(
            f"{timestamp}: expected a later {bucket_size}, found none: dates end with the year {MAXYEAR}."
        ) from error


def previous_bucket_starts(timestamp: datetime, bucket_size: BucketSize, /) -> datetime:
    """Return the start of the bucket before the one that contains a moment, in UTC.

    Raises:
        PayloadError: if there is none, because dates begin with the year 1; if the timestamp is
            naive, or the size is unknown.

    Example:
        >>> previous_bucket_starts(datetime(2024, 3, 1, tzinfo=UTC), "day").isoformat()
        '2024-02-29T00:00:00+00:00'
    """
    starts = bucket_starts(timestamp, bucket_size)
    try:
        return bucket_starts(starts - MICROSECOND, bucket_size)
    except OverflowError as error:
        raise PayloadError(
            f"{timestamp}: expected an earlier {bucket_size}, found none: dates begin with the year 1."
        ) from error


def bucket_duration(timestamp: datetime, bucket_size: BucketSize, /) -> timedelta:
    """Return the duration of the bucket that contains a moment; years and months differ.

    Raises:
        PayloadError: if the timestamp is naive, or the size is unknown.

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
    """Return the text that identifies the bucket that contains a moment.

    Raises:
        PayloadError: if the timestamp is naive, or the size is unknown.

    Example:
        >>> bucket_boundary(datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC), "second")
        '2026-11-23_04-05-06'
    """
    length = _LENGTHS[checked_bucket_size(bucket_size)]
    return in_utc(timestamp).isoformat()[:length].translate(_SEPARATORS)


def make_timebucket_id(log_id: UUID, timestamp: datetime, bucket_size: BucketSize, /) -> UUID:
    """Return the id of the stream of the bucket that contains a moment.

    Raises:
        PayloadError: if the timestamp is naive, or the size is unknown.

    Example:
        >>> make_timebucket_id(UUID(int=1), datetime(2026, 11, 23, tzinfo=UTC), "year")
        UUID('0deca1e9-f1c3-5257-8e55-49a315f2470f')
    """
    return uuid5(TIMEBUCKETS, f"{log_id.hex}_{bucket_boundary(timestamp, bucket_size)}")


def in_utc(timestamp: object, /) -> datetime:
    """Convert an aware datetime to UTC.

    Raises:
        PayloadError: if it is not a datetime, is naive, or is outside the years 1 to 9999 in UTC.
    """
    if not isinstance(timestamp, datetime) or timestamp.utcoffset() is None:
        raise PayloadError(
            f"moment: expected an aware datetime, found {timestamp!r}; "
            f"add a time zone, as in datetime(2026, 11, 23, tzinfo=UTC)."
        )
    if timestamp.tzinfo is UTC:
        return timestamp
    try:
        return timestamp.astimezone(UTC)
    except OverflowError as error:
        raise PayloadError(
            f"moment: expected one within the years 1 to {MAXYEAR} in UTC, found {timestamp}."
        ) from error


def checked_bucket_size(bucket_size: object, /) -> BucketSize:
    """Return the size of a bucket, after a check.

    Raises:
        PayloadError: if it is not a known size.
    """
    for each in BUCKET_SIZES:
        if each == bucket_size:
            return each
    raise PayloadError(f"bucket size: expected one of {', '.join(BUCKET_SIZES)}, found {bucket_size!r}.")
