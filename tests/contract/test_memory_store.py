"""The contracts on ``MemoryStore``."""

from __future__ import annotations

from pathlib import Path

from typing_extensions import override

from esmodel.stores.memory import MemoryStore
from esmodel.testing.contracts import (
    FullMachineContract,
    FullStoreContract,
    InterruptContract,
    MachineContract,
    RaceContract,
    TailRaceContract,
)


class TestMemoryStore(
    FullStoreContract[MemoryStore],
    MachineContract[MemoryStore],
    FullMachineContract[MemoryStore],
    RaceContract[MemoryStore],
    TailRaceContract[MemoryStore],
    InterruptContract[MemoryStore],
):
    is_durable = False
    in_processes = False

    @override
    def open_store(self, folder: Path, /) -> MemoryStore:
        return MemoryStore()
