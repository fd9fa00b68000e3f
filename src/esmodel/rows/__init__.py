"""What a store owes: the record, and the Protocols of record stores."""

from esmodel.rows.record import (
    Record,
    RecordStore,
    SnapshottingRecordStore,
    SupportsAppendIds,
    SupportsReadAll,
    SupportsSnapshots,
    SupportsStreams,
    bounds_of,
    check_limit,
    check_record,
)

__all__ = [
    "Record",
    "RecordStore",
    "SnapshottingRecordStore",
    "SupportsAppendIds",
    "SupportsReadAll",
    "SupportsSnapshots",
    "SupportsStreams",
    "bounds_of",
    "check_limit",
    "check_record",
]
