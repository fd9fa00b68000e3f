"""What users import in their own tests: scenarios, laws of aggregates, contracts of record stores.

The contracts need the extra ``esmodel[testing]`` and are loaded on first use; ``esmodel.testing.laws``
needs it too. The pytest fixtures come with the package.
"""

import sys
from typing import TYPE_CHECKING

from esmodel.testing.scenarios.clock import FixedClock, FixedIds
from esmodel.testing.scenarios.comparison import EventChangedError
from esmodel.testing.scenarios.outcome import Outcome
from esmodel.testing.scenarios.scenario import Given, Scenario, scenario
from esmodel.testing.scenarios.settled import UnsettledWarning, scenarios_settled
from esmodel.testing.scenarios.subject import ScenarioError

if TYPE_CHECKING:
    from esmodel.testing.contracts.stores import (
        AppendIdsContract,
        AppendIdsStore,
        ClosableStore,
        CrashContract,
        DurableContract,
        FullMachineContract,
        FullStore,
        FullStoreContract,
        LostAnswersContract,
        MachineContract,
        RaceContract,
        ReadAllContract,
        ReadAllStore,
        RepositoryContract,
        ServerCrashContract,
        SnapshotRepositoryContract,
        SnapshotsContract,
        SnapshotsStore,
        StoreContract,
        StoreOpener,
        StreamsContract,
        StreamsCrashContract,
        StreamsStore,
        TailRaceContract,
        TailStore,
        full_store_machine,
        store_machine,
    )
else:

    def __getattr__(name: str) -> object:
        """Load what tests a store."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from esmodel.testing.contracts import stores  # noqa: PLC0415  # because only who tests a store needs it

        return getattr(stores, name)


if sys.modules.get("pytest") is not None:
    import pytest

    # before they are imported: with it, a failure shows both sides of what was compared
    pytest.register_assert_rewrite(
        "esmodel.testing.contracts.capabilities",
        "esmodel.testing.contracts.contract",
        "esmodel.testing.contracts.crash",
        "esmodel.testing.contracts.machine",
        "esmodel.testing.contracts.race",
        "esmodel.testing.contracts.repositories",
        "esmodel.testing.contracts.server",
    )

__all__ = [
    "AppendIdsContract",
    "AppendIdsStore",
    "ClosableStore",
    "CrashContract",
    "DurableContract",
    "EventChangedError",
    "FixedClock",
    "FixedIds",
    "FullMachineContract",
    "FullStore",
    "FullStoreContract",
    "Given",
    "LostAnswersContract",
    "MachineContract",
    "Outcome",
    "RaceContract",
    "ReadAllContract",
    "ReadAllStore",
    "RepositoryContract",
    "Scenario",
    "ScenarioError",
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
    "UnsettledWarning",
    "full_store_machine",
    "scenario",
    "scenarios_settled",
    "store_machine",
]
