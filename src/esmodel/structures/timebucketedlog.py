"""Time-bucketed logs: messages in the order of time, in streams of a year down to a second.

Each bucket of time is a stream, and an index lists the buckets that have messages, so that a reader
looks into no others.
"""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from attrs import frozen
from typing_extensions import override

from esmodel.exceptions import ConcurrencyError, PublishError
from esmodel.model.bus import DEFAULT_BUS, deliver, raise_after_commit
from esmodel.model.events import TimestampedEvent
from esmodel.model.markers import LoggedEvent
from esmodel.model.repository import EntityRepository
from esmodel.structures.buckets import (
    BucketSize,
    bucket_starts,
    checked_bucket_size,
    in_utc,
    make_timebucket_id,
)
from esmodel.structures.logclock import LogClock
from esmodel.structures.logindex import PLACES, Bucket, bucket_at, index_entries, message_position
from esmodel.structures.sequence import Sequences, assign_shared
from esmodel.structures.sizes import BucketSizes

TMessage = TypeVar("TMessage")


@frozen
class MessageLogged(TimestampedEvent, LoggedEvent, Generic[TMessage], name="MessageLogged"):
    """A message was logged. It is published after the message is stored. Its originator is the log.

    Attributes:
        message: the message.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.stores.memory import MemoryStore
        >>> log = EventSourcedTimeBucketedLogRepository(str, MemoryStore()).get_or_create(UUID(int=1))
        >>> log.log_message("started").message
        'started'
    """

    message: TMessage


@frozen
class LogStorage(Generic[TMessage]):
    """The storage of the logs of one type of messages.

    Attributes:
        sizes: the sizes of the buckets of each log.
        messages: the messages, in a stream per bucket.
        buckets: the index: the buckets that have messages.
    """

    sizes: EntityRepository[BucketSizes]
    messages: Sequences[TMessage]
    buckets: Sequences[str]


class TimeBucketedLog(Generic[TMessage]):
    """Messages of one type in the order of time, in a stream per bucket.

    Any number of threads and processes may log to the same log. The times that one object records never
    run backwards. Messages of the same microsecond are all kept, and those of one object in the order in
    which it logged them. The size of the buckets may change at any time: readers still find all earlier
    messages, and those that objects log before they learn of the change.

    Cost, in queries and appends of one row each:

    ========================== =================================================================
    ``log_message``            1 append. An object's first message to a bucket: 1 query more; if the
                               bucket is new, 1 append more; if it also starts a part of the index
                               (a year of hours, a month of minutes, a day of seconds), 1 query and
                               1 append more again.
                               After a lost race: 1 query for each size that the log has had, and 1
                               append more. With a ``timestamp``, and for an object's first message:
                               1 query for each size, if there are several
    ``change_bucket_size``     1 query of a row for the start and each earlier change, 1 append
    ========================== =================================================================

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> logs = EventSourcedTimeBucketedLogRepository(str, MemoryStore())
        >>> log = logs.get_or_create(UUID(int=1), "day")
        >>> log.log_message("first").message
        'first'
        >>> log.change_bucket_size("hour")
        >>> event = log.log_message("second")
        >>> list(TimeBucketedLogReader(log).messages(descending=True))
        ['second', 'first']
    """

    __slots__ = ("_clock", "_opened", "_sizes", "_storage")

    def __init__(self, sizes: BucketSizes, storage: LogStorage[TMessage], /) -> None:
        """Open a log; applications call a repository instead.

        Args:
            sizes: the sizes of its buckets.
            storage: the storage of messages and of the index.
        """
        self._sizes = sizes
        self._storage = storage
        self._clock = LogClock()
        self._opened: Bucket | None = None

    @property
    def id(self) -> UUID:
        """The id of the log."""
        return self._sizes.id

    @property
    def storage(self) -> LogStorage[TMessage]:
        """The storage of the log."""
        return self._storage

    @property
    def started_on(self) -> datetime:
        """When the log was started."""
        return self._sizes.created_on

    @property
    def bucket_size(self) -> BucketSize:
        """The size of the buckets that this object logs to."""
        return self._sizes.current

    @property
    def bucket_sizes(self) -> tuple[tuple[datetime, BucketSize], ...]:
        """Each size that this object knows of, and since when; the last one is current."""
        return self._sizes.history

    def log_message(
        self, message: TMessage, /, *, timestamp: datetime | None = None
    ) -> MessageLogged[TMessage]:
        """Log a message, and return its event.

        Args:
            message: the message.
            timestamp: when it happened, an aware datetime; by default, now. It may be earlier than
                messages that are logged already.

        Raises:
            PayloadError: if the message could not be read back as one of the type, or the timestamp
                is naive; nothing is stored.
            PublishError: with what subscribers raised; the message is stored.
        """
        sizes = self._sizes
        while True:
            if timestamp is None:
                moment, least, is_ahead = self._clock.tick()
            else:
                moment, least, is_ahead = in_utc(timestamp), 0, False
            place = self._store(sizes, moment, least, message, is_ahead=is_ahead)
            if place is not None:
                break
            self._clock.leave_full(moment, is_given=timestamp is not None)
        self._clock.remember(moment, place, is_given=timestamp is not None)
        event = MessageLogged(sizes.id, moment, message=message)
        if DEFAULT_BUS.subscriptions:
            raise_after_commit(deliver((event,)))
        return event

    def change_bucket_size(self, bucket_size: BucketSize, /) -> None:
        """Log to buckets of another size from now on. The current size changes nothing.

        The change is later than every message that this object has logged. Other objects of the same
        log learn of it when they are opened again; until then, readers find their messages too.

        Raises:
            PayloadError: if the size is unknown, or if there is no later moment.
            PublishError: with what subscribers raised; the change is stored.
        """
        wanted = checked_bucket_size(bucket_size)
        while True:
            sizes = self._storage.sizes.get_entity(self.id)
            if sizes.current != wanted:
                sizes.change(wanted, self._clock.moment)
                try:
                    # without the lock: a subscriber may log to this log
                    self._storage.sizes.save(sizes)
                except ConcurrencyError:
                    continue  # another change was saved first
                except PublishError:
                    self._sizes = sizes  # which is stored
                    raise
            self._sizes = sizes
            return

    @override
    def __repr__(self) -> str:
        return f"<TimeBucketedLog {self.id} by the {self.bucket_size}>"

    def _store(
        self, sizes: BucketSizes, moment: datetime, place: int, message: TMessage, *, is_ahead: bool
    ) -> int | None:
        """Store a message at a place of its microsecond, or after it, and return the place.

        Returns:
            ``None`` if the microsecond is full.
        """
        if not is_ahead and len(sizes.known) > 1:
            # a bucket of another size may have a message of the same microsecond
            place = max(place, self._next_place(sizes, moment))
        if place >= PLACES:
            return None
        bucket = self._open(sizes, moment, message)
        position = message_position(moment, bucket.starts)
        while True:
            try:
                self._storage.messages.assign(bucket.id, position + place, (message,), timestamp=moment)
            except ConcurrencyError:
                free = self._next_place(sizes, moment)
                if free <= place:
                    raise  # the place is free: the conflict has another reason
                if free >= PLACES:
                    return None
                place = free
            else:
                return place

    def _next_place(self, sizes: BucketSizes, moment: datetime) -> int:
        """Return the place after the last message of a microsecond, in buckets of any size."""
        places = [0]
        for size in sizes.known:
            bucket = make_timebucket_id(sizes.id, moment, size)
            first = message_position(moment, bucket_starts(moment, size))
            rows = self._storage.messages.read(bucket, gte=first, lt=first + PLACES, limit=1, descending=True)
            places += [found.position - first + 1 for found in rows]
        return max(places)

    def _open(self, sizes: BucketSizes, moment: datetime, message: TMessage) -> Bucket:
        """Return the bucket of a moment. It is in the index before a message is written to it."""
        size, opened = sizes.current, self._opened
        if opened is not None and opened.size == size and opened.starts <= moment <= opened.ends:
            return opened  # saves 6 us of calendar arithmetic
        bucket = bucket_at(sizes.id, moment, size)
        missing: list[tuple[UUID, int, str]] = []
        for index, position, boundary in index_entries(sizes.id, size, bucket.starts):
            if any(self._storage.buckets.read(index, gte=position, lt=position + 1)):
                break
            missing.append((index, position, boundary))
        if missing:
            self._storage.messages.check((message,))
            assign_shared(self._storage.buckets, reversed(missing))
        self._opened = bucket
        return bucket


class TimeBucketedLogRepository(Protocol[TMessage]):
    """Opens the logs of one type of messages.

    Laws:
        1. A log that was started exists for ever.
        2. Every object of a log reads the messages that any object has logged to it.
    """

    def __getitem__(self, log_id: UUID, /) -> TimeBucketedLog[TMessage]:
        """Return a log; ``RepositoryKeyError`` if it was not started."""
        ...

    def __contains__(self, log_id: object, /) -> bool:
        """Whether a log was started."""
        ...

    def start(self, log_id: UUID, bucket_size: BucketSize = "year", /) -> TimeBucketedLog[TMessage]:
        """Start a log; ``ConcurrencyError`` if it was started before."""
        ...

    def get_or_create(self, log_id: UUID, bucket_size: BucketSize = "year", /) -> TimeBucketedLog[TMessage]:
        """Return a log, and start it first if needed. An existing log keeps its size."""
        ...


def start_new_timebucketedlog(
    repository: TimeBucketedLogRepository[TMessage], log_id: UUID, bucket_size: BucketSize = "year", /
) -> TimeBucketedLog[TMessage]:
    """Start a log; the same as ``repository.start``.

    Raises:
        ConcurrencyError: if it was started before.
        PayloadError: if the size is unknown.
    """
    return repository.start(log_id, bucket_size)
