"""Structures that outgrow one stream: arrays, time-bucketed logs, and collections.

Their repositories are in ``esmodel.repositories``.
"""

from esmodel.structures.array import Array, ArrayRepository, ItemAssigned
from esmodel.structures.bigarray import BigArray, BigArrayRepository
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
    CollectionEvent,
    CollectionRepository,
    ItemAdded,
    ItemRemoved,
    register_new_collection,
)
from esmodel.structures.layout import make_subarray_id, tree_height
from esmodel.structures.logreader import TimeBucketedLogReader
from esmodel.structures.sequence import SequencedItem, Sequences
from esmodel.structures.sizes import BucketSizeChanged, LogStarted
from esmodel.structures.timebucketedlog import (
    MessageLogged,
    TimeBucketedLog,
    TimeBucketedLogRepository,
    start_new_timebucketedlog,
)

__all__ = [
    "BUCKET_SIZES",
    "Array",
    "ArrayRepository",
    "BigArray",
    "BigArrayRepository",
    "BucketSize",
    "BucketSizeChanged",
    "Collection",
    "CollectionCreated",
    "CollectionEvent",
    "CollectionRepository",
    "ItemAdded",
    "ItemAssigned",
    "ItemRemoved",
    "LogStarted",
    "MessageLogged",
    "SequencedItem",
    "Sequences",
    "TimeBucketedLog",
    "TimeBucketedLogReader",
    "TimeBucketedLogRepository",
    "bucket_boundary",
    "bucket_duration",
    "bucket_starts",
    "make_subarray_id",
    "make_timebucket_id",
    "next_bucket_starts",
    "previous_bucket_starts",
    "register_new_collection",
    "start_new_timebucketedlog",
    "tree_height",
]
