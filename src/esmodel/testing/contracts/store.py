"""StoreContract: the laws of ``RecordStore``."""

from __future__ import annotations

from esmodel.testing.contracts.append import AppendContract
from esmodel.testing.contracts.concurrency import ThreadsContract
from esmodel.testing.contracts.lifetime import CloseContract
from esmodel.testing.contracts.protocols import (
    TStore,
)
from esmodel.testing.contracts.read import ReadContract
from esmodel.testing.contracts.repositories import RepositoryContract


class StoreContract(
    AppendContract[TStore],
    ReadContract[TStore],
    ThreadsContract[TStore],
    CloseContract[TStore],
    RepositoryContract[TStore],
):
    """The laws of ``RecordStore``, and of the repositories over it; a store is tested by a subclass.

    A store that can do more than a ``RecordStore`` has more contracts: ``StreamsContract``,
    ``ReadAllContract``, ``SnapshotsContract``, ``AppendIdsContract``, or all but the last at once,
    ``FullStoreContract``. The class of the store says which fit: a type checker refuses the others.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestMemoryStore(StoreContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """
