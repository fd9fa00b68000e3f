"""The repository of time-bucketed logs over a record store."""

from __future__ import annotations

from typing import Generic, Never, TypeVar
from uuid import UUID

from typing_extensions import TypeForm

from esmodel.codec.codec import DEFAULT_CODEC, Codec
from esmodel.exceptions import ConcurrencyError, RepositoryKeyError
from esmodel.ids import checked_id
from esmodel.model.versioning import Upcaster
from esmodel.repositories.aggregates import EventSourcedRepository
from esmodel.repositories.sequences import EventSourcedSequences
from esmodel.rows.protocols import RecordStore
from esmodel.structures.buckets import BucketSize, checked_bucket_size
from esmodel.structures.sizes import BucketSizes
from esmodel.structures.timebucketedlog import LogStorage, TimeBucketedLog

TMessage = TypeVar("TMessage")


class EventSourcedTimeBucketedLogRepository(Generic[TMessage]):
    """Opens the logs of one type of messages, stored as one row per message and per bucket.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.stores.memory import MemoryStore
        >>> logs = EventSourcedTimeBucketedLogRepository(str, MemoryStore())
        >>> UUID(int=1) in logs
        False
        >>> logs.get_or_create(UUID(int=1), "month").bucket_size
        'month'
    """

    __slots__ = ("_storage",)

    def __init__(
        self,
        message_type: TypeForm[TMessage],
        store: RecordStore,
        /,
        *,
        event_name: str = "MessageLogged",
        codec: Codec = DEFAULT_CODEC,
        upcaster: Upcaster[Never, object] | None = None,
    ) -> None:
        """Take the type of the messages and the store.

        Args:
            message_type: a class, or any type that the codec can carry, such as ``Reading | Fault``.
            store: the store for the rows.
            event_name: the stored name of the rows of messages; those of the index are named
                ``BucketListed``.
            codec: the codec for the messages.
            upcaster: the steps from the oldest shape of a message, as JSON, to the current one.

        Raises:
            UnsupportedTypeError: if the codec cannot carry the type.
        """
        messages = EventSourcedSequences(
            message_type, store, event_name=event_name, codec=codec, upcaster=upcaster
        )
        buckets = EventSourcedSequences(str, store, event_name="BucketListed")
        self._storage = LogStorage(EventSourcedRepository(BucketSizes, store), messages, buckets)

    def __getitem__(self, log_id: UUID, /) -> TimeBucketedLog[TMessage]:
        """Return a log. One row is read for its start and for each change of size.

        Raises:
            RepositoryKeyError: if it was not started.
        """
        try:
            sizes = self._storage.sizes[checked_id(log_id, TimeBucketedLog.__qualname__)]
        except RepositoryKeyError:
            raise RepositoryKeyError(TimeBucketedLog.__qualname__, log_id) from None
        return TimeBucketedLog(sizes, self._storage)

    def __contains__(self, log_id: object, /) -> bool:
        """Whether a log was started. The same rows are read as for ``[]``."""
        return log_id in self._storage.sizes

    def start(self, log_id: UUID, bucket_size: BucketSize = "year", /) -> TimeBucketedLog[TMessage]:
        """Start a log, with 1 append.

        Raises:
            ConcurrencyError: if it was started before.
            PayloadError: if the size is unknown.
        """
        sizes = BucketSizes.start(checked_id(log_id, TimeBucketedLog.__qualname__), bucket_size)
        self._storage.sizes.save(sizes)
        return TimeBucketedLog(sizes, self._storage)

    def get_or_create(self, log_id: UUID, bucket_size: BucketSize = "year", /) -> TimeBucketedLog[TMessage]:
        """Return a log, and start it first if needed. An existing log keeps its size.

        Raises:
            PayloadError: if the size is unknown.
        """
        size = checked_bucket_size(bucket_size)
        try:
            return self[log_id]
        except RepositoryKeyError:
            try:
                return self.start(log_id, size)
            except ConcurrencyError:
                return self[log_id]  # another writer started it first
