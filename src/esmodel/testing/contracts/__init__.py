"""Contracts: the laws of record stores, as test classes that the author of a store subclasses.

It needs pytest and hypothesis, which ``pip install 'esmodel[testing]'`` installs.
"""

from importlib.util import find_spec

if not (find_spec("pytest") and find_spec("hypothesis")):
    raise ImportError(
        "esmodel.testing.contracts: expected pytest and hypothesis, found at most one of them. "
        "Install both with the extra: pip install 'esmodel[testing]'.",
        name=__name__,
    )

from esmodel.testing.contracts.capabilities import (
    AppendIdsContract,
    FullStoreContract,
    LostAnswersContract,
    ReadAllContract,
    SnapshotsContract,
    StreamsContract,
)
from esmodel.testing.contracts.contract import DurableContract, StoreContract
from esmodel.testing.contracts.crash import CrashContract, StreamsCrashContract
from esmodel.testing.contracts.machine import (
    FullMachineContract,
    MachineContract,
    full_store_machine,
    store_machine,
)
from esmodel.testing.contracts.opening import (
    AppendIdsStore,
    ClosableStore,
    FullStore,
    ReadAllStore,
    SnapshotsStore,
    StoreOpener,
    StreamsStore,
    TailStore,
)
from esmodel.testing.contracts.race import RaceContract, TailRaceContract
from esmodel.testing.contracts.repositories import RepositoryContract, SnapshotRepositoryContract
from esmodel.testing.contracts.server import ServerCrashContract

__all__ = [
    "AppendIdsContract",
    "AppendIdsStore",
    "ClosableStore",
    "CrashContract",
    "DurableContract",
    "FullMachineContract",
    "FullStore",
    "FullStoreContract",
    "LostAnswersContract",
    "MachineContract",
    "RaceContract",
    "ReadAllContract",
    "ReadAllStore",
    "RepositoryContract",
    "ServerCrashContract",
    "SnapshotRepositoryContract",
    "SnapshotsContract",
    "SnapshotsStore",
    "StoreContract",
    "StoreOpener",
    "StreamsContract",
    "StreamsCrashContract",
    "StreamsStore",
    "TailRaceContract",
    "TailStore",
    "full_store_machine",
    "store_machine",
]
