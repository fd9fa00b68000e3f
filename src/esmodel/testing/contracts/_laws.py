"""The laws of record stores, as failing tests quote them."""

from __future__ import annotations

from typing import Final

ATOMIC: Final = "RecordStore, law 1: an append stores all its rows, or raises and stores none"
KEPT: Final = "RecordStore, law 1: acknowledged rows stay"
ONE_WINS: Final = (
    "RecordStore, law 2: ConcurrencyError has the stream, the position that the append follows, and the last "
    "position found"
)
AS_APPENDED: Final = "RecordStore, law 3: read yields the rows as they were appended, byte for byte"
IN_ORDER: Final = "RecordStore, law 3: read yields the rows within the bounds in the order of their positions"
LAST: Final = "RecordStore, law 4: last is the highest position ever appended, with the hash of that row"
CONTINUES: Final = (
    "RecordStore, law 5: an append continues its stream, or nothing is stored; the error has the position "
    "that it follows and the last position found"
)
OUTLIVES: Final = (
    "RecordStore, law 6: what a store remembers does not outlive what it describes; after a fork, an "
    "interrupted call or a restored engine it goes on, or refuses with an error"
)
TOGETHER: Final = "SupportsStreams, law 1: the rows of all streams are stored, or none"
RISING: Final = "SupportsReadAll, law 1: rows come in commit order, with numbers above 0 that rise"
READ_ON: Final = "SupportsReadAll, law 2: reading on skips nothing and repeats nothing"
ASIDE: Final = "SupportsSnapshots, law 1: a snapshot is not part of read, read_all or last"
REPLACED: Final = "SupportsSnapshots, law 2: a snapshot replaces the one at its position"
HIGHEST: Final = (
    "SupportsSnapshots, law 3: read_snapshot returns the snapshot with the highest position within the bound"
)
AND_ROWS: Final = (
    "SupportsSnapshots, law 4: read_from_snapshot returns the snapshot of read_snapshot and the rows after it"
)
CONTINUED: Final = (
    "SupportsSnapshots, law 5: the rows continue the snapshot, also while snapshots are written or deleted"
)
FINAL: Final = "SupportsAppendIds, law 2: was_appended tells whether the rows are stored, and never changes"
