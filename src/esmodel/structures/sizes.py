"""The sizes of the buckets of a log, and when each came into force."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from attrs import define, field, frozen

from esmodel.clock import MICROSECOND, now, using_clock
from esmodel.exceptions import PayloadError
from esmodel.model.aggregate import AggregateRoot
from esmodel.model.apply import ApplyRegistry, applies
from esmodel.model.events import AggregateEvent, CreatedEvent
from esmodel.structures.buckets import BucketSize, checked_bucket_size
from esmodel.structures.logindex import LAST


@frozen(kw_only=True)
class LogStarted(AggregateEvent, CreatedEvent):
    """The first event of a log.

    Attributes:
        bucket_size: the size of the buckets.
    """

    event_name = "TimeBucketedLog.Started"
    bucket_size: BucketSize


@frozen(kw_only=True)
class BucketSizeChanged(AggregateEvent):
    """The event of ``TimeBucketedLog.change_bucket_size``.

    Attributes:
        bucket_size: the size of the buckets from now on.
    """

    event_name = "TimeBucketedLog.BucketSizeChanged"
    bucket_size: BucketSize


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

    @applies(LogStarted)
    def started(self, event: LogStarted) -> None:
        """Begin the history."""
        self.history = ((event.timestamp, event.bucket_size),)

    @applies(BucketSizeChanged)
    def changed(self, event: BucketSizeChanged) -> None:
        """Continue the history."""
        self.history = (*self.history, (event.timestamp, event.bucket_size))

    apply: ApplyRegistry[BucketSizes, LogStarted | BucketSizeChanged] = started | changed
