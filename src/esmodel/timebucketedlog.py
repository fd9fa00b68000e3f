"""Time-bucketed logs: messages in the order of time, cut into streams of a year down to a second.

Each bucket is a stream, and an index of streams tells which buckets hold something: a reader asks
for no others. The position of a message in its bucket is its time since the bucket began, in
microseconds, times 2 ** 18, so that as many messages of one microsecond have a place; a range of
time is a range of positions.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Final, Generic, Protocol, Self, TypeVar
from uuid import UUID, uuid5

from attrs import define, frozen
from typing_extensions import override

from esmodel.aggregate import AggregateRoot
from esmodel.apply import applies
from esmodel.entity import microseconds, moment_of, now, using_clock
from esmodel.events import DEFAULT_BUS, AggregateEvent, CreatedEvent, LoggedEvent, TimestampedEvent, publish
from esmodel.exceptions import ConcurrencyError, PayloadError
from esmodel.repository import EntityRepository
from esmodel.sequence import SequencedItem, Sequences
from esmodel.timebucket import (
    TIMEBUCKETS,
    BucketSize,
    bucket_boundary,
    bucket_duration,
    bucket_starts,
    checked_bucket_size,
    in_utc,
    make_timebucket_id,
)

T = TypeVar("T")
TMessage = TypeVar("TMessage")

_PLACES: Final = 1 << 18
"""How many messages of one microsecond a bucket holds; a leap year times this fits 63 bits."""

_UNITS: Final[dict[BucketSize, BucketSize]] = {"hour": "year", "minute": "month", "second": "day"}
"""The index of the short buckets is cut by these, so that none of its streams gets long."""

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LEAST: Final = microseconds(_FIRST)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_GREATEST: Final = microseconds(_LAST)
_MICROSECOND: Final = timedelta(microseconds=1)


@frozen(kw_only=True)
class LogStarted(AggregateEvent, CreatedEvent):
    """The first event of a log."""

    event_name = "TimeBucketedLog.Started"
    bucket_size: BucketSize


@frozen(kw_only=True)
class BucketSizeChanged(AggregateEvent):
    """The event of ``TimeBucketedLog.change_bucket_size``."""

    event_name = "TimeBucketedLog.BucketSizeChanged"
    bucket_size: BucketSize


@frozen(kw_only=True)
class MessageLogged(TimestampedEvent, LoggedEvent, Generic[TMessage]):
    """A message was logged: published once it is stored. Its originator is the log."""

    event_name = "MessageLogged"
    message: TMessage


@define
class BucketSizes(AggregateRoot[LogStarted | BucketSizeChanged]):
    """The sizes that the buckets of one log have had: what a log is, but for its messages.

    Attributes:
        history: since when, and which size; the last one is in force.
    """

    history: tuple[tuple[datetime, BucketSize], ...] = ()

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
        if latest >= _LAST:
            msg = f"no change of size can be later than {latest}"
            raise PayloadError(msg)
        moment = max(now(), latest + _MICROSECOND)
        with using_clock(lambda: moment):
            self.trigger(BucketSizeChanged, bucket_size=bucket_size)

    @applies(LogStarted)
    def started(self, event: LogStarted) -> None:
        """Begin the history."""
        self.history = ((event.timestamp, event.bucket_size),)

    @applies(BucketSizeChanged)
    def changed(self, event: BucketSizeChanged) -> None:
        """Continue the history."""
        self.history = (*self.history, (event.timestamp, event.bucket_size))

    apply = started | changed


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
        self._moment = _FIRST
        self._given = _FIRST
        self._place = 0
        self._has_looked = False
        self._opened: tuple[BucketSize, datetime] | None = None

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
        starts = bucket_starts(moment, sizes.current)
        bucket = make_timebucket_id(sizes.id, moment, sizes.current)
        self._open(sizes, starts, message)
        position = _position(moment, starts)
        while True:
            try:
                self._storage.messages.assign(bucket, position + place, (message,), timestamp=moment)
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
            first = _position(moment, bucket_starts(moment, size))
            rows = self._storage.messages.read(
                bucket, gte=first, lt=first + _PLACES, limit=1, descending=True
            )
            places += [found.position - first + 1 for found in rows]
        return max(places)

    def _open(self, sizes: BucketSizes, starts: datetime, message: TMessage) -> None:
        """See to it that a bucket is in the index, before a message is written to it."""
        size = sizes.current
        if self._opened == (size, starts):
            return
        missing: list[tuple[UUID, int, str]] = []
        for index, position, boundary in _entries(sizes.id, size, starts):
            if any(self._storage.buckets.read(index, gte=position, lt=position + 1)):
                break
            missing.append((index, position, boundary))
        if missing:
            self._storage.messages.check((message,))
        for index, position, boundary in reversed(missing):
            with suppress(ConcurrencyError):  # another writer has written the same
                self._storage.buckets.assign(index, position, (boundary,), timestamp=now())
        self._opened = size, starts


def _check_place(place: int, moment: datetime) -> None:
    if place >= _PLACES:
        msg = f"{_PLACES} messages of the microsecond {moment} are logged, and no more can be"
        raise PayloadError(msg)


def _position(moment: datetime, starts: datetime) -> int:
    return (moment - starts) // _MICROSECOND * _PLACES


def _seconds(starts: datetime) -> int:
    """Return the position of a bucket in an index: the seconds since the year 1 began."""
    return (starts - _FIRST) // timedelta(seconds=1)


def _index_id(log_id: UUID, size: BucketSize, part: str = "") -> UUID:
    return uuid5(TIMEBUCKETS, f"{log_id.hex}_{size}s{part}")


def _entries(log_id: UUID, size: BucketSize, starts: datetime) -> Iterator[tuple[UUID, int, str]]:
    """Yield the entries of the index that lead to a bucket, from the lowest."""
    boundary = bucket_boundary(starts, size)
    unit = _UNITS.get(size)
    if unit is None:
        yield _index_id(log_id, size), _seconds(starts), boundary
        return
    part = bucket_boundary(starts, unit)
    yield _index_id(log_id, size, f"_{part}"), _seconds(starts), boundary
    yield _index_id(log_id, size), _seconds(bucket_starts(starts, unit)), part


class TimeBucketedLogReader(Generic[TMessage]):
    """Reads a log, from either end, and from any moment to any other.

    It sees all that was logged before it began, and of what is logged meanwhile that which lies ahead
    of it, in buckets of the sizes that there were when it began. It asks for no bucket that is empty
    or outside the range.

    Cost, in queries of at most ``page_size`` rows: 1 for the sizes that the log has had; for each of
    them 1 for its index, and where buckets are shorter than a day 1 for each year (of hours), month
    (of minutes) or day (of seconds) in the range that holds something; then 1 for each bucket. A page
    that is full costs one more.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> logs = EventSourcedTimeBucketedLogRepository(str, MemoryStore())
        >>> log = logs.get_or_create(UUID(int=1), "second")
        >>> for year in (2024, 2025, 2026):
        ...     event = log.log_message(f"in {year}", timestamp=datetime(year, 1, 1, tzinfo=UTC))
        >>> list(TimeBucketedLogReader(log).messages(gt=datetime(2024, 1, 1, tzinfo=UTC), limit=1))
        ['in 2025']
    """

    __slots__ = ("_log", "_page_size")

    def __init__(self, log: TimeBucketedLog[TMessage], /, *, page_size: int = 500) -> None:
        """Take the log.

        Args:
            log: the log.
            page_size: how many rows a query reads at most, from 1.

        Raises:
            PayloadError: if the page size is below 1.
        """
        if page_size < 1:
            msg = f"page_size must be a whole number from 1, not {page_size!r}"
            raise PayloadError(msg)
        self._log = log
        self._page_size = page_size

    def messages(  # noqa: PLR0913  # because these are the bounds of a range
        self,
        *,
        gt: datetime | None = None,
        gte: datetime | None = None,
        lt: datetime | None = None,
        lte: datetime | None = None,
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[TMessage]:
        """Yield the messages within the bounds, in the order of time.

        Args:
            gt: later than this; aware, as all of them.
            gte: not earlier than this.
            lt: earlier than this.
            lte: not later than this.
            limit: how many at most.
            descending: from the latest to the earliest.

        Raises:
            PayloadError: if a bound is naive, or the limit negative.
        """
        rows = self._rows(_range(gt, gte, lt, lte), _checked_limit(limit), descending=descending)
        return (found.item for found in rows)

    def events(  # noqa: PLR0913  # because these are the bounds of a range
        self,
        *,
        gt: datetime | None = None,
        gte: datetime | None = None,
        lt: datetime | None = None,
        lte: datetime | None = None,
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[MessageLogged[TMessage]]:
        """Yield the events of the messages within the bounds, with their times; see ``messages``.

        Raises:
            PayloadError: if a bound is naive, or the limit negative.
        """
        rows = self._rows(_range(gt, gte, lt, lte), _checked_limit(limit), descending=descending)
        log_id = self._log.id
        return (MessageLogged(log_id, moment_of(found.timestamp), message=found.item) for found in rows)

    def _rows(
        self, bounds: tuple[int, int], limit: int | None, *, descending: bool
    ) -> Iterator[SequencedItem[TMessage]]:
        if bounds[0] > bounds[1] or limit == 0:
            return
        page = self._page_size if limit is None else min(self._page_size, limit)
        known = self._log.storage.sizes.get_entity(self._log.id).known
        streams = [self._of_size(size, bounds, page, descending=descending) for size in known]
        if len(streams) == 1:
            yield from islice(streams[0], limit)
            return
        ranked = [_ranked(rank, stream) for rank, stream in enumerate(streams)]
        merged = heapq.merge(*ranked, key=_order, reverse=descending)
        for _, found in islice(merged, limit):
            yield found

    def _of_size(
        self, size: BucketSize, bounds: tuple[int, int], page: int, *, descending: bool
    ) -> Iterator[SequencedItem[TMessage]]:
        """Yield the messages within the bounds that are in buckets of one size."""
        least, greatest = bounds
        messages, log_id = self._log.storage.messages, self._log.id
        for starts in self._starts(size, bounds, page, descending=descending):
            first = microseconds(starts)
            length = bucket_duration(starts, size) // _MICROSECOND
            yield from _paged(
                messages,
                make_timebucket_id(log_id, starts, size),
                max(least - first, 0) * _PLACES,
                min(greatest - first + 1, length) * _PLACES,
                page,
                descending=descending,
            )

    def _starts(
        self, size: BucketSize, bounds: tuple[int, int], page: int, *, descending: bool
    ) -> Iterator[datetime]:
        """Yield when each bucket starts that holds something and is not outside the bounds."""
        unit = _UNITS.get(size)
        if unit is None:
            index = _index_id(self._log.id, size)
            yield from self._listed(index, size, bounds, page, descending=descending)
            return
        parts = self._listed(_index_id(self._log.id, size), unit, bounds, page, descending=descending)
        for part in parts:
            index = _index_id(self._log.id, size, f"_{bucket_boundary(part, unit)}")
            yield from self._listed(index, size, bounds, page, descending=descending)

    def _listed(
        self, index: UUID, size: BucketSize, bounds: tuple[int, int], page: int, *, descending: bool
    ) -> Iterator[datetime]:
        least, greatest = (_seconds(bucket_starts(moment_of(bound), size)) for bound in bounds)
        buckets = self._log.storage.buckets
        for found in _paged(buckets, index, least, greatest + 1, page, descending=descending):
            yield _FIRST + timedelta(seconds=found.position)


def _paged(  # noqa: PLR0913  # because these are the bounds of a range
    sequences: Sequences[T], stream: UUID, gte: int, lt: int, page: int, *, descending: bool
) -> Iterator[SequencedItem[T]]:
    """Yield the items within the bounds, with a query for each page."""
    while gte < lt:
        found = list(sequences.read(stream, gte=gte, lt=lt, limit=page, descending=descending))
        yield from found
        if len(found) < page:
            return
        if descending:
            lt = found[-1].position
        else:
            gte = found[-1].position + 1


def _ranked(
    rank: int, stream: Iterator[SequencedItem[T]]
) -> Iterator[tuple[tuple[int, int, int], SequencedItem[T]]]:
    """Give each message its order among those in buckets of other sizes."""
    for found in stream:
        yield (found.timestamp, found.position % _PLACES, rank), found


def _order(ranked: tuple[tuple[int, int, int], SequencedItem[T]]) -> tuple[int, int, int]:
    return ranked[0]


def _range(
    gt: datetime | None, gte: datetime | None, lt: datetime | None, lte: datetime | None
) -> tuple[int, int]:
    """Return the first and the last microsecond within the bounds."""
    least, greatest = _LEAST, _GREATEST
    if gt is not None:
        least = max(least, microseconds(in_utc(gt)) + 1)
    if gte is not None:
        least = max(least, microseconds(in_utc(gte)))
    if lt is not None:
        greatest = min(greatest, microseconds(in_utc(lt)) - 1)
    if lte is not None:
        greatest = min(greatest, microseconds(in_utc(lte)))
    return least, greatest


def _checked_limit(limit: int | None) -> int | None:
    if limit is not None and limit < 0:
        msg = f"limit must be a whole number from 0, not {limit!r}"
        raise PayloadError(msg)
    return limit


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
