"""Time-bucketed logs: messages in the order of time, cut into streams of a year down to a second.

Each bucket is a stream, and an index of streams tells which buckets hold something: a reader asks
for no others. The position of a message in its bucket is its time since the bucket began, in
microseconds, times 2 ** 18, so that as many messages of one microsecond have a place; a range of
time is a range of positions.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from threading import Lock
from typing import Generic, NamedTuple, Protocol, Self, TypeVar
from uuid import UUID

from attrs import define, field, frozen
from typing_extensions import override

from esmodel.clock import MICROSECOND, now, using_clock
from esmodel.exceptions import ConcurrencyError, PayloadError
from esmodel.model.aggregate import AggregateRoot
from esmodel.model.apply import applies
from esmodel.model.bus import DEFAULT_BUS, publish
from esmodel.model.events import AggregateEvent, CreatedEvent, LoggedEvent, TimestampedEvent
from esmodel.model.repository import EntityRepository
from esmodel.structures.buckets import (
    BucketSize,
    bucket_duration,
    bucket_starts,
    checked_bucket_size,
    in_utc,
    make_timebucket_id,
)
from esmodel.structures.logindex import FIRST, LAST, PLACES, index_entries, message_position
from esmodel.structures.sequence import Sequences

T = TypeVar("T")
TMessage = TypeVar("TMessage")


@frozen
class LogStarted(AggregateEvent, CreatedEvent, name="TimeBucketedLog.Started"):
    """The first event of a log.

    Attributes:
        bucket_size: the size of the buckets.
    """

    bucket_size: BucketSize


@frozen
class BucketSizeChanged(AggregateEvent, name="TimeBucketedLog.BucketSizeChanged"):
    """The event of ``TimeBucketedLog.change_bucket_size``.

    Attributes:
        bucket_size: the size of the buckets from now on.
    """

    bucket_size: BucketSize


@frozen
class MessageLogged(TimestampedEvent, LoggedEvent, Generic[TMessage], name="MessageLogged"):
    """A message was logged: published once it is stored. Its originator is the log.

    Attributes:
        message: what was logged.
    """

    message: TMessage


@define(auto_attribs=False)  # what is annotated and no field() is no field
class BucketSizes(AggregateRoot[LogStarted | BucketSizeChanged]):
    """The sizes that the buckets of one log have had: what a log is, but for its messages.

    Attributes:
        history: since when, and which size; the last one is in force.
    """

    history: tuple[tuple[datetime, BucketSize], ...] = field(default=())

    @classmethod
    def start(cls, log_id: UUID, bucket_size: BucketSize, /) -> Self:
        """Return those of a new log.

        Raises:
            PayloadError: if the size is unknown.
        """
        return cls.create_with_id(log_id, LogStarted, bucket_size=checked_bucket_size(bucket_size))

    @property
    def current(self) -> BucketSize:
        """The size in force."""
        return self.history[-1][1]

    @property
    def known(self) -> tuple[BucketSize, ...]:
        """Every size that there was, in the order in which they came, each once."""
        return tuple(dict.fromkeys(size for _, size in self.history))

    def change(self, bucket_size: BucketSize, after: datetime, /) -> None:
        """Put another size in force, later than a moment.

        Raises:
            PayloadError: if no moment is later.
        """
        latest = max(after, self.last_modified)
        if latest >= LAST:
            msg = f"no change of size can be later than {latest}"
            raise PayloadError(msg)
        moment = max(now(), latest + MICROSECOND)
        with using_clock(lambda: moment):
            self.trigger(BucketSizeChanged, bucket_size=bucket_size)

    @applies
    def started(self, event: LogStarted) -> None:
        """Begin the history."""
        self.history = ((event.timestamp, event.bucket_size),)

    @applies
    def changed(self, event: BucketSizeChanged) -> None:
        """Continue the history."""
        self.history = (*self.history, (event.timestamp, event.bucket_size))

    apply = (started | changed).exhaustive


@frozen
class LogStorage(Generic[TMessage]):
    """Where logs of one type of messages are kept.

    Attributes:
        sizes: the history of the sizes of each log.
        messages: the messages, in a stream for each bucket.
        buckets: the index: which buckets hold something.
    """

    sizes: EntityRepository[BucketSizes]
    messages: Sequences[TMessage]
    buckets: Sequences[str]


class _Bucket(NamedTuple):
    """A bucket that is in the index: its first and its last microsecond, and its stream."""

    size: BucketSize
    starts: datetime
    ends: datetime
    id: UUID


class TimeBucketedLog(Generic[TMessage]):
    """Messages of one type in the order of time, in a stream for each bucket.

    Any number of threads and processes may log to one log. Its times never run backwards, as far as
    one object is concerned; messages of one microsecond are all kept, those of one object in the
    order in which it logged them. The size of the buckets may change at any time: what was logged
    before is found as before, and also what an object logs that has not heard of the change.

    Cost, in queries and appends of one row each:

    ========================== =================================================================
    ``log_message``            1 append. For the first message of an object to a bucket 1 query more;
                               where the bucket is new, 1 append more; where buckets are shorter
                               than a day, and it is the first of its year (of hours), month (of
                               minutes) or day (of seconds), 1 query and 1 append more again.
                               If another writer has taken its place, 1 query for each size that
                               the log has had, and 1 append more. With a ``timestamp``, and for the
                               first message of an object, 1 query for each size, if several
    ``change_bucket_size``     1 query of a row for the start and each change before, 1 append
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

    __slots__ = ("_given", "_has_looked", "_lock", "_moment", "_opened", "_place", "_sizes", "_storage")

    def __init__(self, sizes: BucketSizes, storage: LogStorage[TMessage], /) -> None:
        """Take the history of the sizes and where all is kept; a repository does it for you."""
        self._sizes = sizes
        self._storage = storage
        self._lock = Lock()
        self._moment = FIRST
        self._given = FIRST
        self._place = 0
        self._has_looked = False
        self._opened: _Bucket | None = None

    @property
    def id(self) -> UUID:
        """The id of the log."""
        return self._sizes.id

    @property
    def storage(self) -> LogStorage[TMessage]:
        """Where the log is kept."""
        return self._storage

    @property
    def started_on(self) -> datetime:
        """When the log was started."""
        return self._sizes.created_on

    @property
    def bucket_size(self) -> BucketSize:
        """The size of the buckets to which this object logs."""
        return self._sizes.current

    @property
    def bucket_sizes(self) -> tuple[tuple[datetime, BucketSize], ...]:
        """Since when, and which size, as far as this object has heard; the last is in force."""
        return self._sizes.history

    def log_message(
        self, message: TMessage, /, *, timestamp: datetime | None = None
    ) -> MessageLogged[TMessage]:
        """Log a message, and return its event.

        Args:
            message: the message.
            timestamp: when it happened, where that is not now, as for what is brought from
                elsewhere; aware. It is recorded as it is, whatever was logged before.

        Raises:
            PayloadError: if the message could not be read again as one of the type, or the timestamp
                is naive; nothing is stored.
        """
        sizes = self._sizes
        if timestamp is None:
            moment, place, is_ahead = self._tick(sizes)
        else:
            moment, place, is_ahead = in_utc(timestamp), 0, False
        if not is_ahead and len(sizes.known) > 1:
            # one of the same microsecond may be in a bucket of another size
            place = max(place, self._next_place(sizes, moment))
        _check_place(place, moment)
        bucket = self._open(sizes, moment, message)
        position = message_position(moment, bucket.starts)
        while True:
            try:
                self._storage.messages.assign(bucket.id, position + place, (message,), timestamp=moment)
            except ConcurrencyError:
                free = self._next_place(sizes, moment)
                if free <= place:
                    raise  # nobody took the place, so that to try again would not help
                _check_place(free, moment)
                place = free
            else:
                break
        self._remember(moment, place, is_given=timestamp is not None)
        event = MessageLogged(sizes.id, moment, message=message)
        if DEFAULT_BUS.subscriptions:
            publish((event,))
        return event

    def change_bucket_size(self, bucket_size: BucketSize, /) -> None:
        """Log to buckets of another size from now on; the one that is in force changes nothing.

        It is later than all that this object has logged. Other objects of this log hear of it when
        they are made again; what they log until then is found all the same.

        Raises:
            PayloadError: if the size is unknown, or no moment is later.
        """
        wanted = checked_bucket_size(bucket_size)
        while True:
            sizes = self._storage.sizes.get_entity(self.id)
            if sizes.current != wanted:
                sizes.change(wanted, self._moment)
                try:
                    # without the lock: a subscriber may log to this log
                    self._storage.sizes.save(sizes)
                except ConcurrencyError:
                    continue  # another change came first
            self._sizes = sizes
            return

    @override
    def __repr__(self) -> str:
        return f"<TimeBucketedLog {self.id} by the {self.bucket_size}>"

    def _tick(self, sizes: BucketSizes) -> tuple[datetime, int, bool]:
        """Return a moment that is not before any other, and the place in its microsecond.

        And whether it is known that no message of it is in a bucket of another size: this object
        has looked before, a change is later than all before it, and no given time is as late.
        """
        with self._lock:
            moment = max(now(), self._moment, sizes.last_modified)
            self._place = self._place + 1 if moment == self._moment else 0
            self._moment = moment
            return moment, self._place, self._has_looked and moment > self._given

    def _remember(self, moment: datetime, place: int, *, is_given: bool) -> None:
        with self._lock:
            if is_given:
                self._given = max(self._given, moment)
            else:
                self._has_looked = True
            if moment == self._moment:
                self._place = max(self._place, place)

    def _next_place(self, sizes: BucketSizes, moment: datetime) -> int:
        """Return the place after the last of a microsecond, in buckets of whatever size."""
        places = [0]
        for size in sizes.known:
            bucket = make_timebucket_id(sizes.id, moment, size)
            first = message_position(moment, bucket_starts(moment, size))
            rows = self._storage.messages.read(bucket, gte=first, lt=first + PLACES, limit=1, descending=True)
            places += [found.position - first + 1 for found in rows]
        return max(places)

    def _open(self, sizes: BucketSizes, moment: datetime, message: TMessage) -> _Bucket:
        """Return the bucket of a moment, which is in the index before a message is written to it."""
        size, opened = sizes.current, self._opened
        if opened is not None and opened.size == size and opened.starts <= moment <= opened.ends:
            return opened  # spares the arithmetic of buckets: 6 us
        starts = bucket_starts(moment, size)
        missing: list[tuple[UUID, int, str]] = []
        for index, position, boundary in index_entries(sizes.id, size, starts):
            if any(self._storage.buckets.read(index, gte=position, lt=position + 1)):
                break
            missing.append((index, position, boundary))
        if missing:
            self._storage.messages.check((message,))
        for index, position, boundary in reversed(missing):
            with suppress(ConcurrencyError):  # another writer has written the same
                self._storage.buckets.assign(index, position, (boundary,), timestamp=now())
        ends = starts + (bucket_duration(starts, size) - MICROSECOND)
        self._opened = _Bucket(size, starts, ends, make_timebucket_id(sizes.id, starts, size))
        return self._opened


def _check_place(place: int, moment: datetime) -> None:
    if place >= PLACES:
        msg = f"{PLACES} messages of the microsecond {moment} are logged, and no more can be"
        raise PayloadError(msg)


class TimeBucketedLogRepository(Protocol[TMessage]):
    """Gives the logs of one type of messages.

    Laws: a log that was started is there for ever; what is logged to it by one object is read from
    any other.
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
        """Return a log, and start it if need be; the size of one that is there does not change."""
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
