"""Protocols of stores: what a store must be able to do to be tested by a contract."""

from __future__ import annotations

from typing import Protocol, TypeVar

from esmodel.rows.record import (
    RecordStore,
    SupportsAppendIds,
    SupportsReadAll,
    SupportsSnapshots,
    SupportsStreams,
)


class ClosableStore(RecordStore, Protocol):
    """A record store that can be closed.

    Laws:
        1. To close twice does no harm.
        2. Every call on a closed store raises ``StoreClosedError``.
    """

    def close(self) -> None:
        """Let go of what the store holds of its engine."""
        ...


class StreamsStore(ClosableStore, SupportsStreams, Protocol):
    """A closable store that appends to several streams at once."""


class ReadAllStore(ClosableStore, SupportsReadAll, Protocol):
    """A closable store that knows the order of all its commits."""


class SnapshotsStore(ClosableStore, SupportsSnapshots, Protocol):
    """A closable store that keeps snapshots."""


class AppendIdsStore(ClosableStore, SupportsAppendIds, Protocol):
    """A closable store that can be asked what became of an append."""


class TailStore(ReadAllStore, StreamsStore, Protocol):
    """A closable store whose commits, of several streams each, can be followed."""


class FullStore(TailStore, SnapshotsStore, Protocol):
    """A closable store that can do all that the stores of esmodel can."""


TStore = TypeVar("TStore", bound=ClosableStore)
TStreamsStore = TypeVar("TStreamsStore", bound=StreamsStore)
TReadAllStore = TypeVar("TReadAllStore", bound=ReadAllStore)
TSnapshotsStore = TypeVar("TSnapshotsStore", bound=SnapshotsStore)
TAppendIdsStore = TypeVar("TAppendIdsStore", bound=AppendIdsStore)
TTailStore = TypeVar("TTailStore", bound=TailStore)
TFullStore = TypeVar("TFullStore", bound=FullStore)
