"""Protocols of the stores that the contracts test: each names the capabilities that a contract needs."""

from __future__ import annotations

from typing import Protocol, TypeVar

from esmodel.rows.protocols import (
    RecordStore,
    SupportsAppendIds,
    SupportsReadAll,
    SupportsSnapshots,
    SupportsStreams,
)


class ClosableStore(RecordStore, Protocol):
    """A record store that can be closed.

    Laws:
        1. Closing a closed store does nothing.
        2. Every other call on a closed store raises ``StoreClosedError``.
    """

    def close(self) -> None:
        """Release the files and connections of the store."""
        ...


class StreamsStore(ClosableStore, SupportsStreams, Protocol):
    """A closable store that appends to several streams at once."""


class ReadAllStore(ClosableStore, SupportsReadAll, Protocol):
    """A closable store that reads all rows in commit order."""


class SnapshotsStore(ClosableStore, SupportsSnapshots, Protocol):
    """A closable store that keeps snapshots."""


class AppendIdsStore(ClosableStore, SupportsAppendIds, Protocol):
    """A closable store that can tell whether an append was stored."""


class TailStore(ReadAllStore, StreamsStore, Protocol):
    """A closable store that appends to several streams at once and reads all rows in commit order."""


class FullStore(TailStore, SnapshotsStore, Protocol):
    """A closable store with the capabilities that every store of esmodel has."""


TStore = TypeVar("TStore", bound=ClosableStore)
TStreamsStore = TypeVar("TStreamsStore", bound=StreamsStore)
TReadAllStore = TypeVar("TReadAllStore", bound=ReadAllStore)
TSnapshotsStore = TypeVar("TSnapshotsStore", bound=SnapshotsStore)
TAppendIdsStore = TypeVar("TAppendIdsStore", bound=AppendIdsStore)
TTailStore = TypeVar("TTailStore", bound=TailStore)
TFullStore = TypeVar("TFullStore", bound=FullStore)
