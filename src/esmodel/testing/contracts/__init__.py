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

from esmodel.testing.contracts.appendids import AppendIdsContract, LostAnswersContract
from esmodel.testing.contracts.crash import CrashContract, StreamsCrashContract
from esmodel.testing.contracts.forks import ForkContract
from esmodel.testing.contracts.fullstore import FullStoreContract
from esmodel.testing.contracts.interrupts import InterruptContract
from esmodel.testing.contracts.lifetime import DurableContract
from esmodel.testing.contracts.machine import (
    FullMachineContract,
    MachineContract,
    full_store_machine,
    store_machine,
)
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import (
    AppendIdsStore,
    ClosableStore,
    FullStore,
    ReadAllStore,
    SnapshotsStore,
    StreamsStore,
    TailStore,
)
from esmodel.testing.contracts.race import RaceContract
from esmodel.testing.contracts.readall import ReadAllContract
from esmodel.testing.contracts.repositories import RepositoryContract, SnapshotRepositoryContract
from esmodel.testing.contracts.restored import RestoreContract
from esmodel.testing.contracts.servercrash import ServerCrashContract
from esmodel.testing.contracts.snapshots import SnapshotsContract
from esmodel.testing.contracts.store import StoreContract
from esmodel.testing.contracts.streams import StreamsContract
from esmodel.testing.contracts.tailrace import TailRaceContract

__all__ = [
    "AppendIdsContract",
    "AppendIdsStore",
    "ClosableStore",
    "CrashContract",
    "DurableContract",
    "ForkContract",
    "FullMachineContract",
    "FullStore",
    "FullStoreContract",
    "InterruptContract",
    "LostAnswersContract",
    "MachineContract",
    "RaceContract",
    "ReadAllContract",
    "ReadAllStore",
    "RepositoryContract",
    "RestoreContract",
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
