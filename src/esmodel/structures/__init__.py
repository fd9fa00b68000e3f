"""What outgrows one stream: arrays, collections and logs."""

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
from esmodel.structures.logreader import TimeBucketedLogReader
from esmodel.structures.sequence import SequencedItem, Sequences
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
    "Array",
    "ArrayRepository",
    "BigArray",
    "BigArrayRepository",
    "BucketSize",
    "BucketSizeChanged",
    "Collection",
    "CollectionCreated",
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
