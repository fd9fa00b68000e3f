"""What a user writes: events, entities, aggregates, commands, and what is made of them."""

from esmodel.model.aggregate import AggregateRoot, AttributeChanged, Discarded, Root
from esmodel.model.apply import ApplyRegistry, Exhaustive, Ignored, applies, ignores
from esmodel.model.bus import (
    EventBus,
    Subscription,
    assert_event_handlers_empty,
    clear_event_handlers,
    publish,
    subscribe,
    unsubscribe,
)
from esmodel.model.causes import caused_by
from esmodel.model.command import Command, Done
from esmodel.model.decorators import attribute, subclassevents, subscribe_to
from esmodel.model.ecc import AggregateRootWithECC, ECCAttributeChanged, ECCDiscarded, EntityWithECC
from esmodel.model.entity import DomainEntity
from esmodel.model.eventcodec import EventCodec, EventCodecs, event_codecs_of
from esmodel.model.events import (
    AggregateEvent,
    AttributeChangedEvent,
    CreatedEvent,
    DiscardedEvent,
    DomainEvent,
    ECCEvent,
    HashchainedEvent,
    LoggedEvent,
    TimestampedEvent,
    TimestampedVersionedEvent,
    TimeuuidedEvent,
    TimeuuidedVersionedEvent,
    VersionedEvent,
    class_version_of,
    stored_name_of,
)
from esmodel.model.hashchain import (
    GENESIS_HASH,
    EntityWithHashchain,
    HashchainedAggregateRoot,
    HashchainedAttributeChanged,
    HashchainedDiscarded,
    hash_event,
)
from esmodel.model.kinds import TimestampedEntity, TimestampedVersionedEntity, VersionedEntity
from esmodel.model.protocols import (
    EventWithECC,
    EventWithHash,
    EventWithOriginatorID,
    EventWithOriginatorVersion,
    EventWithTimestamp,
    EventWithTimeuuid,
    Timestamped,
    Versioned,
)
from esmodel.model.repository import EntityRepository, ReadsEntities, SavesEntities, TakesSnapshots
from esmodel.model.snapshot import Snapshot, SnapshotCodec
from esmodel.model.stored import Records, StoredAggregate
from esmodel.model.timeuuided import TimeuuidedEntity, TimeuuidedVersionedEntity
from esmodel.model.versioning import Upcaster, upcasts

__all__ = [
    "GENESIS_HASH",
    "AggregateEvent",
    "AggregateRoot",
    "AggregateRootWithECC",
    "ApplyRegistry",
    "AttributeChanged",
    "AttributeChangedEvent",
    "Command",
    "CreatedEvent",
    "Discarded",
    "DiscardedEvent",
    "DomainEntity",
    "DomainEvent",
    "Done",
    "ECCAttributeChanged",
    "ECCDiscarded",
    "ECCEvent",
    "EntityRepository",
    "EntityWithECC",
    "EntityWithHashchain",
    "EventBus",
    "EventCodec",
    "EventCodecs",
    "EventWithECC",
    "EventWithHash",
    "EventWithOriginatorID",
    "EventWithOriginatorVersion",
    "EventWithTimestamp",
    "EventWithTimeuuid",
    "Exhaustive",
    "HashchainedAggregateRoot",
    "HashchainedAttributeChanged",
    "HashchainedDiscarded",
    "HashchainedEvent",
    "Ignored",
    "LoggedEvent",
    "ReadsEntities",
    "Records",
    "Root",
    "SavesEntities",
    "Snapshot",
    "SnapshotCodec",
    "StoredAggregate",
    "Subscription",
    "TakesSnapshots",
    "Timestamped",
    "TimestampedEntity",
    "TimestampedEvent",
    "TimestampedVersionedEntity",
    "TimestampedVersionedEvent",
    "TimeuuidedEntity",
    "TimeuuidedEvent",
    "TimeuuidedVersionedEntity",
    "TimeuuidedVersionedEvent",
    "Upcaster",
    "Versioned",
    "VersionedEntity",
    "VersionedEvent",
    "applies",
    "assert_event_handlers_empty",
    "attribute",
    "caused_by",
    "class_version_of",
    "clear_event_handlers",
    "event_codecs_of",
    "hash_event",
    "ignores",
    "publish",
    "stored_name_of",
    "subclassevents",
    "subscribe",
    "subscribe_to",
    "unsubscribe",
    "upcasts",
]
