"""A strictly typed kernel for event-sourced domain models.

General layout, from the bottom up; each layer imports only those below it::

    exceptions            the error tree, ordered by what the caller should do
    clock, ids, retry     times, new ids, and repeated calls
    codec                 a typed value to JSON and back
    rows                  the stored row, and what a record store owes
    model                 events, entities, aggregates, commands, snapshots
    stores                the engines; import yours: esmodel.stores.sqlite
    structures            arrays, collections and logs: what outgrows one stream
    repositories          events to rows and back
    testing               what tests import: scenarios, laws, contracts of stores

The names here are those of a first week. Import every other public name from the package of its layer, as in
``from esmodel.model import EventBus``.

PYTEST_DONT_REWRITE: the pytest plugin may load this package before assertion rewriting starts.
"""

from esmodel.clock import using_clock
from esmodel.codec import Codec, TypeHook
from esmodel.exceptions import (
    ConcurrencyError,
    EntityIsDiscarded,
    EsmodelError,
    IntegrityError,
    ModelError,
    OutcomeUnknownError,
    PayloadError,
    RepositoryKeyError,
    StoreError,
)
from esmodel.ids import using_ids
from esmodel.model import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    AttributeChanged,
    Command,
    Discarded,
    DomainEvent,
    ECCEvent,
    EntityRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    Value,
    applies,
    attribute,
    caused_by,
    ignores,
    publish,
    subscribe,
    subscribe_to,
    upcasts,
)
from esmodel.repositories import (
    EventSourcedArrayRepository,
    EventSourcedBigArrayRepository,
    EventSourcedRepository,
    EventSourcedTimeBucketedLogRepository,
    save_together,
)
from esmodel.retry import retry
from esmodel.structures import Collection, TimeBucketedLogReader

__all__ = [
    "AggregateEvent",
    "AggregateRoot",
    "AggregateRootWithECC",
    "AttributeChanged",
    "Codec",
    "Collection",
    "Command",
    "ConcurrencyError",
    "Discarded",
    "DomainEvent",
    "ECCEvent",
    "EntityIsDiscarded",
    "EntityRepository",
    "EsmodelError",
    "EventSourcedArrayRepository",
    "EventSourcedBigArrayRepository",
    "EventSourcedRepository",
    "EventSourcedTimeBucketedLogRepository",
    "HashchainedAggregateRoot",
    "HashchainedEvent",
    "IntegrityError",
    "ModelError",
    "OutcomeUnknownError",
    "PayloadError",
    "RepositoryKeyError",
    "StoreError",
    "TimeBucketedLogReader",
    "TypeHook",
    "Value",
    "applies",
    "attribute",
    "caused_by",
    "ignores",
    "publish",
    "retry",
    "save_together",
    "subscribe",
    "subscribe_to",
    "upcasts",
    "using_clock",
    "using_ids",
]
