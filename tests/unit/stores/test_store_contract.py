"""Every test of every contract fails on a store that breaks its law.

``FAULTS`` has stores with one fault each. A test of a contract that runs on one of them must fail, with the
right words: it is an expected failure, and an error where it passes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from faulty_capabilities import AppendsRowByRow, WritesLater
from faulty_engines import AnswersTheChildForAnother, Engine, RemembersNames
from faulty_servers import ServedStore
from hypothesis import Phase, settings
from law_faults import FAULTS, Fault
from typing_extensions import override

from esmodel.exceptions import ModelError
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.testing import contracts
from esmodel.testing.contracts import (
    DurableContract,
    ForkContract,
    FullMachineContract,
    FullStoreContract,
    InterruptContract,
    LostAnswersContract,
    MachineContract,
    RaceContract,
    RestoreContract,
    ServerCrashContract,
    StreamsCrashContract,
    TailRaceContract,
)

settings.register_profile(
    "faults", max_examples=100, derandomize=True, database=None, phases=(Phase.generate,), print_blob=False
)


class TestServedStore(LostAnswersContract[ServedStore], ServerCrashContract[ServedStore]):
    opened: ClassVar[type[ServedStore]] = ServedStore
    served: ClassVar[list[ServedStore]] = []

    @override
    def open_store(self, folder: Path, /) -> ServedStore:
        self.served.append(self.opened())
        return self.served[-1]

    @override
    def lose_answer(self, store: ServedStore, /, *, stored: bool) -> None:
        store.next_is_stored = stored

    @override
    def kill_backend(self, store: ServedStore, /) -> None:
        store.is_killed = True

    @override
    def restart(self) -> None:
        self.served[-1].is_down = True
        time.sleep(0.01)
        self.served[-1].is_down = False


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fault" in metafunc.fixturenames:
        names = metafunc.definition.nodeid.split("::")[1:]
        faults = [fault for fault in FAULTS if [fault.run_by, fault.test] == names]
        metafunc.parametrize("fault", faults, ids=[fault.store.__name__ for fault in faults])


class Faulty:
    """Expects each test to fail, and draws the same examples in each run."""

    @pytest.fixture(autouse=True)
    def _same_examples(self) -> Iterator[None]:
        before = settings.get_current_profile_name()
        settings.load_profile("faults")
        yield
        settings.load_profile(before)

    @pytest.fixture(autouse=True)
    def _expected_to_fail(self, fault: Fault, request: pytest.FixtureRequest) -> None:
        if not any(request.getfixturevalue(name) in values for name, values in fault.passes.items()):
            failure = pytest.RaisesExc(BaseException, check=fault.explains)
            request.applymarker(pytest.mark.xfail(reason=fault.words, raises=failure, strict=True))


class TestBrokenStore(
    Faulty,
    FullStoreContract[MemoryStore],
    DurableContract[MemoryStore],
    MachineContract[MemoryStore],
    FullMachineContract[MemoryStore],
    RaceContract[MemoryStore],
    TailRaceContract[MemoryStore],
    InterruptContract[MemoryStore],
):
    is_durable = False
    in_processes = False
    patience = 0.5
    opened: ClassVar[type[MemoryStore]]

    @pytest.fixture(autouse=True)
    def _chosen(self, fault: Fault) -> None:
        assert issubclass(fault.store, MemoryStore)
        type(self).opened = fault.store

    @override
    def open_store(self, folder: Path, /) -> MemoryStore:
        return self.opened()


class TestBrokenServer(Faulty, TestServedStore):
    timeout = 0.5

    @pytest.fixture(autouse=True)
    def _chosen(self, fault: Fault) -> None:
        assert issubclass(fault.store, ServedStore)
        type(self).opened = fault.store


@pytest.mark.slow
class TestBrokenRows(Faulty, StreamsCrashContract[SQLiteStore]):
    rounds = 4

    @override
    def open_store(self, folder: Path, /) -> SQLiteStore:
        return AppendsRowByRow(folder / "events.db")


@pytest.mark.slow
class TestBrokenPromise(Faulty, StreamsCrashContract[SQLiteStore]):
    rounds = 4

    @override
    def open_store(self, folder: Path, /) -> SQLiteStore:
        return WritesLater(folder / "events.db")


@pytest.mark.slow
class TestBrokenFork(Faulty, ForkContract[SQLiteStore]):
    @override
    def open_store(self, folder: Path, /) -> SQLiteStore:
        return AnswersTheChildForAnother(folder / "events.db")


class TestBrokenEngine(Faulty, RestoreContract[RemembersNames]):
    engines: ClassVar[dict[Path, Engine]] = {}

    @override
    def open_store(self, folder: Path, /) -> RemembersNames:
        return RemembersNames(self.engines.setdefault(folder, Engine()))

    @override
    def save_state(self, store: RemembersNames, folder: Path, /) -> None:
        store.engine.save()

    @override
    def restore_state(self, store: RemembersNames, folder: Path, /) -> None:
        store.engine.restore()


def test_a_test_class_that_does_not_open_a_store_is_refused() -> None:
    def open_nothing() -> type[FullStoreContract[MemoryStore]]:
        class TestNothing(FullStoreContract[MemoryStore]):
            """Would have no tests."""

        return TestNothing

    def define_half() -> type[LostAnswersContract[ServedStore]]:
        class TestHalf(LostAnswersContract[ServedStore]):
            @override
            def open_store(self, folder: Path, /) -> ServedStore:
                return ServedStore()

        return TestHalf

    with pytest.raises(ModelError, match=r"TestNothing: expected open_store, found none\. .*def open_store"):
        open_nothing()
    with pytest.raises(ModelError, match="TestHalf: expected lose_answer, found none"):
        define_half()


def test_each_test_of_each_contract_fails_on_some_store() -> None:
    found = [getattr(contracts, name) for name in contracts.__all__ if name.endswith("Contract")]
    tests = {name for contract in found for name in dir(contract) if name.startswith("test_")}
    assert len(tests) > 50
    assert tests - {fault.test for fault in FAULTS} == set()
