"""Stored rows, and the Protocols that a record store implements."""

from esmodel.rows.append import FREE, After, Append, Appended, Free, check_streams, last_known
from esmodel.rows.bounds import bounds_of, check_limit
from esmodel.rows.checked import Checked, Fault
from esmodel.rows.protocols import (
    RecordStore,
    SnapshottingRecordStore,
    SupportsAppendIds,
    SupportsCheck,
    SupportsReadAll,
    SupportsSnapshots,
    SupportsStreams,
)
from esmodel.rows.record import Record, check_record

__all__ = [
    "FREE",
    "After",
    "Append",
    "Appended",
    "Checked",
    "Fault",
    "Free",
    "Record",
    "RecordStore",
    "SnapshottingRecordStore",
    "SupportsAppendIds",
    "SupportsCheck",
    "SupportsReadAll",
    "SupportsSnapshots",
    "SupportsStreams",
    "bounds_of",
    "check_limit",
    "check_record",
    "check_streams",
    "last_known",
]
