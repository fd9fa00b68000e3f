"""MachineContract and FullMachineContract: a state machine compares a store with the memory store."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

from hypothesis.stateful import run_state_machine_as_test
from typing_extensions import override

from esmodel.testing.contracts._fullmachine import FullStoreMachine
from esmodel.testing.contracts._machine import StoreMachine
from esmodel.testing.contracts._settings import machine_settings
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import ClosableStore, FullStore, TFullStore, TStore


class MachineContract(StoreOpener[TStore]):
    """A state machine finds no difference between the store and the memory store.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestMachine(MachineContract[MemoryStore]):
        ...     is_durable = False
        ...
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    is_durable: ClassVar[bool] = True
    """Whether the store keeps its rows when it is closed; if not, the machine never reopens it."""

    def test_the_store_behaves_like_the_memory_store(self) -> None:
        """The machine appends, reads ranges and last positions, and reopens the store."""
        store_machine(self.open_store, durable=self.is_durable)()


class FullMachineContract(StoreOpener[TFullStore]):
    """A state machine finds no difference between all capabilities of the store and the memory store.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestMachine(FullMachineContract[MemoryStore]):
        ...     is_durable = False
        ...
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    is_durable: ClassVar[bool] = True
    """Whether the store keeps its rows and snapshots when it is closed; if not, it is never reopened."""

    def test_all_capabilities_behave_like_the_memory_store(self) -> None:
        """The machine also appends batches of several streams, reads all commits and writes snapshots."""
        full_store_machine(self.open_store, durable=self.is_durable)()


def store_machine(
    open_store: Callable[[Path], ClosableStore], /, *, durable: bool = True
) -> Callable[[], None]:
    """Return a test that compares a store with the memory store, call by call.

    Args:
        open_store: opens the store of a folder; see ``StoreOpener``.
        durable: whether the store keeps its rows when it is closed; if not, the test never reopens it.

    Returns:
        The test. The active profile of hypothesis decides how many examples it runs.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> test_my_store = store_machine(lambda folder: MemoryStore(), durable=False)
    """

    class Machine(StoreMachine[ClosableStore]):
        is_durable = durable

        @override
        def open_store(self, folder: Path, /) -> ClosableStore:
            return open_store(folder)

    return partial(run_state_machine_as_test, Machine, settings=machine_settings())


def full_store_machine(
    open_store: Callable[[Path], FullStore], /, *, durable: bool = True
) -> Callable[[], None]:
    """Return a test as ``store_machine`` does, for a store with the capabilities of a ``FullStore``.

    Args:
        open_store: opens the store of a folder; see ``StoreOpener``.
        durable: whether the store keeps its rows and snapshots when it is closed; if not, the test never
            reopens it.

    Returns:
        The test. The active profile of hypothesis decides how many examples it runs.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> test_my_store = full_store_machine(lambda folder: MemoryStore(), durable=False)
    """

    class Machine(FullStoreMachine[FullStore]):
        is_durable = durable

        @override
        def open_store(self, folder: Path, /) -> FullStore:
            return open_store(folder)

    return partial(run_state_machine_as_test, Machine, settings=machine_settings())
