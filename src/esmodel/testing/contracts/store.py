"""StoreContract: the laws of ``RecordStore``."""

from __future__ import annotations

from esmodel.testing.contracts.append import AppendContract
from esmodel.testing.contracts.concurrency import ThreadsContract
from esmodel.testing.contracts.continues import ContinuesContract
from esmodel.testing.contracts.lifetime import CloseContract
from esmodel.testing.contracts.protocols import TStore
from esmodel.testing.contracts.read import ReadContract
from esmodel.testing.contracts.repositories import RepositoryContract


class StoreContract(
    AppendContract[TStore],
    ContinuesContract[TStore],
    ReadContract[TStore],
    ThreadsContract[TStore],
    CloseContract[TStore],
    RepositoryContract[TStore],
):
    """The laws of ``RecordStore`` and of the repositories over it. Subclass it to test a store.

    A store with more capabilities has more contracts: ``StreamsContract``, ``ReadAllContract``,
    ``SnapshotsContract``, ``AppendIdsContract``; ``FullStoreContract`` combines all but the last. A type
    checker refuses a contract whose capability the store does not have.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestMemoryStore(StoreContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """
