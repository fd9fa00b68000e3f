"""Readers of time-bucketed logs: any range of time, in either direction, whatever the bucket sizes."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Final, Generic, TypeVar
from uuid import UUID

from esmodel.clock import MICROSECOND, microseconds, moment_of
from esmodel.exceptions import PayloadError
from esmodel.structures.buckets import (
    BucketSize,
    bucket_boundary,
    bucket_duration,
    bucket_starts,
    in_utc,
    make_timebucket_id,
)
from esmodel.structures.logindex import FIRST, LAST, PARTS, PLACES, index_id, index_position
from esmodel.structures.sequence import SequencedItem, Sequences
from esmodel.structures.timebucketedlog import MessageLogged, TimeBucketedLog

T = TypeVar("T")
TMessage = TypeVar("TMessage")

_LEAST: Final = microseconds(FIRST)
_GREATEST: Final = microseconds(LAST)


class TimeBucketedLogReader(Generic[TMessage]):
    """Reads a log in either direction, between any two moments.

    It sees every message that was logged before it began. Of those that are logged meanwhile, it sees
    the ones ahead of it, in buckets of the sizes that the log had when it began. It looks into no bucket
    that is empty or outside the range.

    Cost, in queries of at most ``page_size`` rows: 1 for the sizes that the log has had. For each size,
    1 for its index, and if buckets are shorter than a day, 1 for each part of the index in the range
    that has messages (a year of hours, a month of minutes, a day of seconds). Then 1 for each bucket.
    A full page costs 1 more.

    Example:
        >>> from datetime import UTC, datetime
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
            page_size: the maximum number of rows of a query, 1 or more.

        Raises:
            PayloadError: if the page size is below 1.
        """
        if page_size < 1:
            raise PayloadError(f"page_size: expected 1 or more, found {page_size!r}.")
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
            gt: later than this moment. All bounds are aware.
            gte: at this moment or later.
            lt: earlier than this moment.
            lte: at this moment or earlier.
            limit: the maximum number of messages.
            descending: from the latest to the earliest.

        Raises:
            PayloadError: if a bound is naive, or the limit negative.
        """
        rows = self._rows(_range(gt, gte, lt, lte), _checked_limit(limit), descending=descending)
        return (item for _, _, item in rows)

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
        """Yield the messages within the bounds, in microseconds, merged from buckets of all sizes."""
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
        starts = self._starts(size, bounds, page, descending=descending)
        # chained, not nested generators: one step per message instead of one per level
        return chain.from_iterable(
            chain.from_iterable(
                self._of_bucket(each, size, bounds, page, descending=descending) for each in starts
            )
        )

    def _of_bucket(
        self, starts: datetime, size: BucketSize, bounds: tuple[int, int], page: int, *, descending: bool
    ) -> Iterator[Sequence[SequencedItem[TMessage]]]:
        """Yield the pages of one bucket."""
        least, greatest = bounds
        first = microseconds(starts)
        length = bucket_duration(starts, size) // MICROSECOND
        return _pages(
            self._log.storage.messages,
            make_timebucket_id(self._log.id, starts, size),
            max(least - first, 0) * PLACES,
            min(greatest - first + 1, length) * PLACES,
            page,
            descending=descending,
        )

    def _starts(
        self, size: BucketSize, bounds: tuple[int, int], page: int, *, descending: bool
    ) -> Iterator[datetime]:
        """Yield the start of each bucket of a size that has messages and overlaps the bounds."""
        span = PARTS.get(size)
        if span is None:
            index = index_id(self._log.id, size)
            yield from self._listed(index, size, bounds, page, descending=descending)
            return
        parts = self._listed(index_id(self._log.id, size), span, bounds, page, descending=descending)
        for part in parts:
            index = index_id(self._log.id, size, bucket_boundary(part, span))
            yield from self._listed(index, size, bounds, page, descending=descending)

    def _listed(
        self, index: UUID, size: BucketSize, bounds: tuple[int, int], page: int, *, descending: bool
    ) -> Iterator[datetime]:
        """Yield the starts that one stream of the index lists, as far as they overlap the bounds."""
        least, greatest = (index_position(bucket_starts(moment_of(bound), size)) for bound in bounds)
        buckets = self._log.storage.buckets
        for found in _pages(buckets, index, least, greatest + 1, page, descending=descending):
            yield from (FIRST + timedelta(seconds=each.position) for each in found)


def _pages(  # noqa: PLR0913  # because these are the bounds of a range
    sequences: Sequences[T], stream: UUID, gte: int, lt: int, page: int, *, descending: bool
) -> Iterator[Sequence[SequencedItem[T]]]:
    """Yield the items within the bounds, page by page, with one query per page."""
    while gte < lt:
        found = list(sequences.read(stream, gte=gte, lt=lt, limit=page, descending=descending))
        yield found
        if len(found) < page:
            return
        if descending:
            lt = found[-1].position
        else:
            gte = found[-1].position + 1


def _ranked(
    rank: int, stream: Iterator[SequencedItem[T]]
) -> Iterator[tuple[tuple[int, int, int], SequencedItem[T]]]:
    """Yield each message with its rank among messages in buckets of other sizes."""
    for found in stream:
        yield (found.timestamp, found.position % PLACES, rank), found


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
        raise PayloadError(f"limit: expected 0 or more, found {limit!r}.")
    return limit
