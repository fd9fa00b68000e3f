"""The clock that events take their times from, and times as stored: microseconds since 1970 in UTC."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Final

from esmodel.exceptions import PayloadError

__all__ = [
    "microseconds",
    "moment_of",
    "now",
    "using_clock",
]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The moment from which stored times count."""

MICROSECOND: Final = timedelta(microseconds=1)
"""The resolution of stored times."""


def system_time() -> datetime:
    """Return the machine's time, in UTC."""
    return datetime.now(UTC)


clock: ContextVar[Callable[[], datetime]] = ContextVar("clock", default=system_time)
"""The current clock; ``using_clock`` sets it."""


@contextmanager
def using_clock(source: Callable[[], datetime], /) -> Generator[None]:
    """Take the time from another clock inside the block; it must return aware datetimes.

    Example:
        >>> from datetime import UTC, datetime
        >>> with using_clock(lambda: datetime(2026, 11, 23, tzinfo=UTC)):
        ...     now().day
        23
    """
    token = clock.set(source)
    try:
        yield
    finally:
        clock.reset(token)


def now() -> datetime:
    """Return the current clock's time, in UTC.

    Raises:
        PayloadError: if the clock returns a naive datetime.
    """
    moment = clock.get()()
    if moment.tzinfo is None:
        raise PayloadError(f"The clock returned {moment!r}, which is naive: return datetimes in UTC.")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def microseconds(moment: datetime, /) -> int:
    """Return the microseconds from 1970 to an aware moment; exact, unlike ``timestamp()``."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(count: int, /) -> datetime:
    """Return the moment, in UTC, that is this many microseconds after 1970 began."""
    return EPOCH + MICROSECOND * count  # half the time of timedelta(microseconds=...)
