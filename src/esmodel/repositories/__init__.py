"""Repositories: events to rows and back, over a record store."""

from esmodel.repositories.aggregates import EventSourcedRepository
from esmodel.repositories.arrays import EventSourcedArrayRepository, EventSourcedBigArrayRepository
from esmodel.repositories.logs import EventSourcedTimeBucketedLogRepository
from esmodel.repositories.mapper import EventMapper
from esmodel.repositories.saving import PendingSave, save_together
from esmodel.repositories.sequences import EventSourcedSequences
from esmodel.repositories.snapshots import SnapshotWarning
from esmodel.repositories.verifying import Verified

__all__ = [
    "EventMapper",
    "EventSourcedArrayRepository",
    "EventSourcedBigArrayRepository",
    "EventSourcedRepository",
    "EventSourcedSequences",
    "EventSourcedTimeBucketedLogRepository",
    "PendingSave",
    "SnapshotWarning",
    "Verified",
    "save_together",
]
