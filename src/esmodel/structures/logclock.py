"""``LogClock``: the times of the messages that one object logs, and their places in a microsecond."""

from __future__ import annotations

from datetime import datetime
from threading import Lock

from esmodel.clock import MICROSECOND, now
from esmodel.exceptions import PayloadError
from esmodel.structures.logindex import FIRST, LAST, PLACES


class LogClock:
    """Times that never run backwards, and a place for each message of a microsecond; for any threads.

    Only this object's own messages count. Another writer's clock, such as that of the machine that started
    the log, may be fast.
    """

    __slots__ = ("_given", "_has_looked", "_lock", "_moment", "_place")

    def __init__(self) -> None:
        self._lock = Lock()
        self._moment = FIRST  # the last time of the clock, and the place of its last message
        self._place = 0
        self._given = FIRST  # the latest `timestamp` that was passed
        self._has_looked = False  # whether a message was logged by the clock

    @property
    def moment(self) -> datetime:
        """The last time."""
        return self._moment

    def tick(self) -> tuple[datetime, int, bool]:
        """Return the time, not before the last one, a place in its microsecond, and whether it is ahead.

        It is ahead if no bucket of another size can have a message of this object in this microsecond: it
        has looked before, and every ``timestamp`` passed since was earlier.
        """
        with self._lock:
            moment = max(now(), self._moment)
            place = self._place + 1 if moment == self._moment else 0
            if place >= PLACES and moment < LAST:
                moment, place = moment + MICROSECOND, 0
            self._moment, self._place = moment, place
            return moment, place, self._has_looked and moment > self._given

    def remember(self, moment: datetime, place: int, /, *, is_given: bool) -> None:
        """Note the time and the place of a logged message."""
        with self._lock:
            if is_given:
                self._given = max(self._given, moment)
            else:
                self._has_looked = True
            if moment == self._moment:
                self._place = max(self._place, place)

    def leave_full(self, moment: datetime, /, *, is_given: bool) -> None:
        """Note that a microsecond is full, so that the next message goes to the one after it.

        Raises:
            PayloadError: if the moment was given, or is the last one.
        """
        if is_given or moment >= LAST:
            raise PayloadError(
                f"Messages at {moment}: expected at most {PLACES} in a microsecond, found one more; "
                f"log it at another microsecond."
            )
        with self._lock:
            if moment == self._moment:
                self._place = PLACES - 1
