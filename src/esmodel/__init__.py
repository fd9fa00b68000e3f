"""A strictly typed kernel for event-sourced domain models.

General layout, from the ground up; each floor imports only those below it::

    exceptions, versioning, generics, codec
                                       what everything stands on
    events, apply                      what happened, and how it changes a state
    entity, payload, aggregate         what has an identity, and how its events are written
    command, decorators, snapshot      what is made of them
    repository, sequence               the Protocols of where they are kept
    collection, array, timebucket, logindex, timebucketedlog, logreader
                                       what grows very large
    persistence                        rows, and the repositories over them
    stores                             the engines; import yours: esmodel.stores.sqlite
    testing                            what is imported in tests: scenarios, strategies, laws

PYTEST_DONT_REWRITE: the plugin stands beside the package, and there is no assertion in here.
"""

from esmodel.clock import using_clock
from esmodel.codec.codec import (
    Codec,
    TypeHook,
)
from esmodel.exceptions import (
    ApplyError,
    ArrayIndexError,
    ClassVersionError,
    CollectionItemError,
    ConcurrencyError,
    EntityIsDiscarded,
    EsmodelError,
    EventHandlersNotEmptyError,
    EventHashError,
    HeadHashError,
    IntegrityError,
    ModelError,
    OriginatorIDError,
    OriginatorVersionError,
    OutcomeUnknownError,
    PayloadError,
    PositionTakenError,
    RepositoryKeyError,
    StoreClosedError,
    StoredDataError,
    StoreError,
    StoreFormatError,
    UnknownEventError,
    UnsetFieldError,
    UnsupportedTypeError,
)
from esmodel.ids import using_ids
from esmodel.model.aggregate import (
    AggregateRoot,
    AggregateRootWithECC,
    AttributeChanged,
    Discarded,
    EntityWithHashchain,
    HashchainedAggregateRoot,
    StoredAggregate,
)
from esmodel.model.apply import (
    ApplyRegistry,
    applies,
    ignores,
)
from esmodel.model.causes import caused_by
from esmodel.model.command import (
    Command,
    Done,
)
from esmodel.model.decorators import attribute, subclassevents, subscribe_to
from esmodel.model.entity import (
    DomainEntity,
    EntityWithECC,
    Timestamped,
    TimestampedEntity,
    TimestampedVersionedEntity,
    TimeuuidedEntity,
    TimeuuidedVersionedEntity,
    Versioned,
    VersionedEntity,
)
from esmodel.model.events import (
    AggregateEvent,
    AttributeChangedEvent,
    CreatedEvent,
    DiscardedEvent,
    DomainEvent,
    ECCEvent,
    EventBus,
    EventWithECC,
    EventWithHash,
    EventWithOriginatorID,
    EventWithOriginatorVersion,
    EventWithTimestamp,
    EventWithTimeuuid,
    HashchainedEvent,
    LoggedEvent,
    Subscription,
    TimestampedEvent,
    TimestampedVersionedEvent,
    TimeuuidedEvent,
    TimeuuidedVersionedEvent,
    VersionedEvent,
    assert_event_handlers_empty,
    clear_event_handlers,
    publish,
    subscribe,
    unsubscribe,
)
from esmodel.model.repository import (
    EntityRepository,
    ReadsEntities,
    SavesEntities,
    TakesSnapshots,
)
from esmodel.model.snapshot import (
    Snapshot,
)
from esmodel.model.versioning import (
    Upcaster,
    upcasts,
)
from esmodel.repositories.aggregates import (
    EventSourcedRepository,
    SnapshotWarning,
)
from esmodel.repositories.arrays import (
    EventSourcedArrayRepository,
    EventSourcedBigArrayRepository,
)
from esmodel.repositories.logs import (
    EventSourcedTimeBucketedLogRepository,
)
from esmodel.repositories.saving import (
    PendingSave,
    save_together,
)
from esmodel.repositories.sequences import (
    EventSourcedSequences,
)
from esmodel.retry import retry
from esmodel.rows.protocols import (
    RecordStore,
    SnapshottingRecordStore,
    SupportsAppendIds,
    SupportsReadAll,
    SupportsSnapshots,
    SupportsStreams,
)
from esmodel.rows.record import Record
from esmodel.structures.array import (
    Array,
    ArrayRepository,
    BigArray,
    BigArrayRepository,
    ItemAssigned,
    make_subarray_id,
    tree_height,
)
from esmodel.structures.buckets import (
    BUCKET_SIZES,
    BucketSize,
    bucket_boundary,
    bucket_duration,
    bucket_starts,
    make_timebucket_id,
    next_bucket_starts,
    previous_bucket_starts,
)
from esmodel.structures.collection import (
    Collection,
    CollectionCreated,
    CollectionRepository,
    ItemAdded,
    ItemRemoved,
    register_new_collection,
)
from esmodel.structures.logreader import (
    TimeBucketedLogReader,
)
from esmodel.structures.sequence import (
    SequencedItem,
    Sequences,
)
from esmodel.structures.timebucketedlog import (
    BucketSizeChanged,
    LogStarted,
    MessageLogged,
    TimeBucketedLog,
    TimeBucketedLogRepository,
    start_new_timebucketedlog,
)

__all__ = [
    "BUCKET_SIZES",
    "AggregateEvent",
    "AggregateRoot",
    "AggregateRootWithECC",
    "ApplyError",
    "ApplyRegistry",
    "Array",
    "ArrayIndexError",
    "ArrayRepository",
    "AttributeChanged",
    "AttributeChangedEvent",
    "BigArray",
    "BigArrayRepository",
    "BucketSize",
    "BucketSizeChanged",
    "ClassVersionError",
    "Codec",
    "Collection",
    "CollectionCreated",
    "CollectionItemError",
    "CollectionRepository",
    "Command",
    "ConcurrencyError",
    "CreatedEvent",
    "Discarded",
    "DiscardedEvent",
    "DomainEntity",
    "DomainEvent",
    "Done",
    "ECCEvent",
    "EntityIsDiscarded",
    "EntityRepository",
    "EntityWithECC",
    "EntityWithHashchain",
    "EsmodelError",
    "EventBus",
    "EventHandlersNotEmptyError",
    "EventHashError",
    "EventSourcedArrayRepository",
    "EventSourcedBigArrayRepository",
    "EventSourcedRepository",
    "EventSourcedSequences",
    "EventSourcedTimeBucketedLogRepository",
    "EventWithECC",
    "EventWithHash",
    "EventWithOriginatorID",
    "EventWithOriginatorVersion",
    "EventWithTimestamp",
    "EventWithTimeuuid",
    "HashchainedAggregateRoot",
    "HashchainedEvent",
    "HeadHashError",
    "IntegrityError",
    "ItemAdded",
    "ItemAssigned",
    "ItemRemoved",
    "LogStarted",
    "LoggedEvent",
    "MessageLogged",
    "ModelError",
    "OriginatorIDError",
    "OriginatorVersionError",
    "OutcomeUnknownError",
    "PayloadError",
    "PendingSave",
    "PositionTakenError",
    "ReadsEntities",
    "Record",
    "RecordStore",
    "RepositoryKeyError",
    "SavesEntities",
    "SequencedItem",
    "Sequences",
    "Snapshot",
    "SnapshotWarning",
    "SnapshottingRecordStore",
    "StoreClosedError",
    "StoreError",
    "StoreFormatError",
    "StoredAggregate",
    "StoredDataError",
    "Subscription",
    "SupportsAppendIds",
    "SupportsReadAll",
    "SupportsSnapshots",
    "SupportsStreams",
    "TakesSnapshots",
    "TimeBucketedLog",
    "TimeBucketedLogReader",
    "TimeBucketedLogRepository",
    "Timestamped",
    "TimestampedEntity",
    "TimestampedEvent",
    "TimestampedVersionedEntity",
    "TimestampedVersionedEvent",
    "TimeuuidedEntity",
    "TimeuuidedEvent",
    "TimeuuidedVersionedEntity",
    "TimeuuidedVersionedEvent",
    "TypeHook",
    "UnknownEventError",
    "UnsetFieldError",
    "UnsupportedTypeError",
    "Upcaster",
    "Versioned",
    "VersionedEntity",
    "VersionedEvent",
    "applies",
    "assert_event_handlers_empty",
    "attribute",
    "bucket_boundary",
    "bucket_duration",
    "bucket_starts",
    "caused_by",
    "clear_event_handlers",
    "ignores",
    "make_subarray_id",
    "make_timebucket_id",
    "next_bucket_starts",
    "previous_bucket_starts",
    "publish",
    "register_new_collection",
    "retry",
    "save_together",
    "start_new_timebucketedlog",
    "subclassevents",
    "subscribe",
    "subscribe_to",
    "tree_height",
    "unsubscribe",
    "upcasts",
    "using_clock",
    "using_ids",
]
