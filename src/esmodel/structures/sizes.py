"""The sizes that the buckets of a log have had, and since when."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from attrs import define, field, frozen

from esmodel.clock import MICROSECOND, now, using_clock
from esmodel.exceptions import PayloadError
from esmodel.model.aggregate import AggregateRoot
from esmodel.model.apply import Exhaustive, applies
from esmodel.model.events import AggregateEvent
from esmodel.model.markers import CreatedEvent
from esmodel.structures.buckets import BucketSize, checked_bucket_size
from esmodel.structures.logindex import LAST


@frozen
class LogStarted(AggregateEvent, CreatedEvent, name="TimeBucketedLog.Started"):
    """A log was started.

    Attributes:
        bucket_size: the size of its buckets.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.structures.sizes import BucketSizes
        >>> BucketSizes.start(UUID(int=1), "day").pending_events[0].bucket_size
        'day'
    """

    bucket_size: BucketSize


@frozen
class BucketSizeChanged(AggregateEvent, name="TimeBucketedLog.BucketSizeChanged"):
    """The size of the buckets of a log was changed.

    Attributes:
        bucket_size: the size from now on.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.structures.sizes import BucketSizes
        >>> sizes = BucketSizes.start(UUID(int=1), "day")
        >>> sizes.trigger(BucketSizeChanged, bucket_size="hour")
        >>> sizes.pending_events[-1].bucket_size
        'hour'
    """

    bucket_size: BucketSize


@define(auto_attribs=False)  # only `field()` makes a field: `apply` is annotated and is not one
class BucketSizes(AggregateRoot[LogStarted | BucketSizeChanged]):
    """The sizes of the buckets of one log: all state of a log, except for its messages.

    Attributes:
        history: each size and since when, in order; the last one is current.
    """

    history: tuple[tuple[datetime, BucketSize], ...] = field(default=())

    @classmethod
    def start(cls, log_id: UUID, bucket_size: BucketSize, /) -> Self:
        """Return the sizes of a new log.

        Raises:
            PayloadError: if the size is unknown.
        """
        return cls.create_with_id(log_id, LogStarted, bucket_size=checked_bucket_size(bucket_size))

    @property
    def current(self) -> BucketSize:
        """The current size."""
        return self.history[-1][1]

    @property
    def known(self) -> tuple[BucketSize, ...]:
        """Every size so far, once, in the order of first use."""
        return tuple(dict.fromkeys(size for _, size in self.history))

    def change(self, bucket_size: BucketSize, after: datetime, /) -> None:
        """Change the size, at a moment later than a given one.

        Raises:
            PayloadError: if there is no later moment.
        """
        latest = max(after, self.last_modified)
        if latest >= LAST:
            raise PayloadError(
                f"Log {self.id}: expected a change of size after {latest}, found no later moment."
            )
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

    apply: Exhaustive[Any, LogStarted | BucketSizeChanged] = (started | changed).exhaustive
