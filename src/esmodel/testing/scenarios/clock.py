"""A clock that stands still, and ids that count: what a test can foretell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from esmodel.exceptions import PayloadError

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Where a fixed clock stands, unless it is told otherwise."""


class FixedClock:
    """A clock that moves only when it is told to.

    Attributes:
        tick: how far it moves each time it is read; by default not at all.

    Example:
        >>> from datetime import timedelta
        >>> from esmodel.clock import now
        >>> clock = FixedClock()
        >>> clock.advance(timedelta(hours=1))
        >>> with using_clock(clock):
        ...     now().isoformat()
        '2026-01-01T01:00:00+00:00'
    """

    __slots__ = ("_moment", "tick")

    def __init__(self, start: datetime = START, /, *, tick: timedelta = timedelta(0)) -> None:
        """Stand at a moment.

        Raises:
            PayloadError: if the moment is naive.
        """
        self._moment: datetime = _aware(start)
        self.tick: timedelta = tick

    def __call__(self) -> datetime:
        """Return the moment, and move on by the tick."""
        moment = self._moment
        self._moment = moment + self.tick
        return moment

    @property
    def moment(self) -> datetime:
        """The time that it shows, in UTC; reading it does not move it."""
        return self._moment

    def advance(self, duration: timedelta, /) -> None:
        """Move by a duration; by a negative one, back."""
        self._moment += duration

    def set_to(self, moment: datetime, /) -> None:
        """Move to a moment.

        Raises:
            PayloadError: if the moment is naive.
        """
        self._moment = _aware(moment)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        msg = f"A clock needs a moment that is aware, not {moment!r}: give it tzinfo=UTC"
        raise PayloadError(msg)
    return moment.astimezone(UTC)


class FixedIds:
    """Ids that count from 1, each a valid UUID of version 4.

    Example:
        >>> ids = FixedIds()
        >>> str(ids()), str(ids()) == str(ids[2])
        ('00000000-0000-4000-8000-000000000001', True)
    """

    __slots__ = ("_given",)

    def __init__(self, given: int = 0, /) -> None:
        """Count on from as many as were given before."""
        self._given = given

    def __call__(self) -> UUID:
        """Return the next id."""
        self._given += 1
        return self[self._given]

    def __getitem__(self, number: int, /) -> UUID:
        """Return the id that is, was or will be the ``number``-th, from 1."""
        return UUID(int=number, version=4)
