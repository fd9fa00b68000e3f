"""The writers of races and crashes: an error in one of them reaches the test that started it."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from typing_extensions import override

from esmodel.exceptions import StoreError
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.testing.contracts import (
    CrashContract,
    RaceContract,
    StoreOpener,
    StreamsCrashContract,
    writer,
    writers,
)
from esmodel.testing.contracts.crash import streams_of
from esmodel.testing.contracts.opener import SEED_VARIABLE
from esmodel.testing.contracts.tailrace import LoggedAppend, check_commit_order
from esmodel.testing.contracts.writer import Writer
from esmodel.testing.contracts.writerprocess import ClassLocation, Task, location_of, run_writer
from esmodel.testing.contracts.writers import Writers

VARIABLE = "ESMODEL_TEST_OF_WRITERS"


class Opens(RaceContract[SQLiteStore]):
    turns = 3

    @override
    def open_store(self, folder: Path, /) -> SQLiteStore:
        return SQLiteStore(folder / "events.db", synchronous="NORMAL")


class OpensNothing(Opens):
    @override
    def open_store(self, folder: Path, /) -> SQLiteStore:
        raise StoreError("There is no engine.")


class ReadsTheEnvironment(Opens):
    @override
    def open_store(self, folder: Path, /) -> SQLiteStore:
        raise StoreError(f"found {os.environ[VARIABLE]}")


class Dies(Opens):
    @override
    def open_store(self, folder: Path, /) -> SQLiteStore:
        os._exit(3)


class Dawdles(Opens):
    @override
    def open_store(self, folder: Path, /) -> SQLiteStore:
        time.sleep(60)
        raise StoreError("The engine is late.")


class Kills(StreamsCrashContract[MemoryStore]):
    @override
    def open_store(self, folder: Path, /) -> MemoryStore:
        return MemoryStore()


class KillsPlainly(CrashContract[MemoryStore]):
    @override
    def open_store(self, folder: Path, /) -> MemoryStore:
        return MemoryStore()


def test_an_error_in_a_process_is_raised_with_its_traceback(tmp_path: Path) -> None:
    with (
        Writers(tmp_path, 2, 5) as started,
        pytest.raises(AssertionError, match=r"(?s)writer \d of seed 5:.*open_store.*There is no engine"),
    ):
        started.start_processes(OpensNothing(), "add", tmp_path)


def test_a_process_that_dies_is_named_with_its_exit_code(tmp_path: Path) -> None:
    with (
        Writers(tmp_path, 1, 5) as started,
        pytest.raises(AssertionError, match=r"writer 0 ended with exit code 3"),
    ):
        started.start_processes(Dies(), "add", tmp_path)


def test_an_error_in_a_thread_is_raised_with_its_traceback(tmp_path: Path) -> None:
    def fail(writer: Writer) -> None:
        raise StoreError(f"The engine of {writer.number} is lost.")

    with Writers(tmp_path, 1, 5) as started:
        started.start_threads(fail)
        with pytest.raises(AssertionError, match=r"(?s)writer 0 of seed 5:.*The engine of 0 is lost"):
            started.wait()


def test_every_wait_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (writer, writers):
        monkeypatch.setattr(module, "TIMEOUT", 0.05)
    with pytest.raises(TimeoutError, match=r"expected a start within 0\.05 s"):
        Writer(tmp_path, 0, 5).wait_for_start()
    with (
        Writers(tmp_path / "late", 1, 5) as started,
        pytest.raises(TimeoutError, match="expected all to be ready"),
    ):
        started.start_processes(Dawdles(), "add", tmp_path)
    with Writers(tmp_path / "slow", 1, 5) as started:
        started.start_threads(lambda _: time.sleep(0.5))
        with pytest.raises(TimeoutError, match="expected all to end"):
            started.wait()


def test_no_process_outlives_the_block(tmp_path: Path) -> None:
    with Writers(tmp_path, 1, 5) as started:
        started.start_processes(Kills(), "append until killed", tmp_path)
        (process,) = started.processes
        assert started.are_running()
    with pytest.raises(ValueError, match="closed"):
        process.is_alive()


def test_a_contract_is_found_by_its_file_where_its_module_is_not_on_the_path(tmp_path: Path) -> None:
    location = location_of(Opens)._replace(module="a_module_that_does_not_exist")
    (tmp_path / "start").touch()
    with pytest.raises(ValueError, match="not enough values"):  # the stream has no first row
        run_writer(Task(location, "add", tmp_path, tmp_path, 5), 0, os.environ.copy())
    assert Writer(tmp_path, 0, 5).logged() == ["ready"]
    assert "not enough values" in Writer(tmp_path, 0, 5).recorded_error()


def test_a_contract_that_no_process_can_import_is_refused(tmp_path: Path) -> None:
    class Inside(Opens):
        """Is defined in a function."""

    task = Task(location_of(Inside), "add", tmp_path, tmp_path, 5)
    sentence = "expected a contract class that the process .* Define it at the top level of its module"
    for name in (Inside.__qualname__, "missing", "random"):
        lost = task._replace(location=task.location._replace(name=name))
        with pytest.raises(TypeError, match=sentence):
            run_writer(lost, 0, os.environ.copy())
    with pytest.raises(TypeError, match="expected a module in a file"):
        run_writer(task._replace(location=ClassLocation("nowhere", "", "Opens")), 0, os.environ.copy())


def test_a_process_has_the_environment_of_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("one", "two"):  # a fork server keeps the environment in which it was started
        monkeypatch.setenv(VARIABLE, value)
        with (
            Writers(tmp_path / value, 1, 5) as started,
            pytest.raises(AssertionError, match=f"found {value}"),
        ):
            started.start_processes(ReadsTheEnvironment(), "add", tmp_path)


@pytest.mark.parametrize("contract", [Kills(), KillsPlainly()])
def test_each_acknowledged_batch_is_logged_by_name(
    contract: CrashContract[MemoryStore], tmp_path: Path
) -> None:
    store, mine = MemoryStore(), Writer(tmp_path, 1, 5)
    closing = random.Random(1)

    class Closing(Writer):
        @override
        def log(self, line: str, /) -> None:
            super().log(line)
            if closing.random() < 0.1:
                store.close()

    with pytest.raises(StoreError, match="was closed"):
        contract.append_until_killed(store, Closing(tmp_path, 1, 5))
    logged = mine.logged()
    assert logged == [f"5/1/{turn}" for turn in range(len(logged))]
    assert len(set(streams_of(mine, 3)) | set(streams_of(Writer(tmp_path, 2, 5), 3))) == 6


def test_numbers_out_of_commit_order_are_found() -> None:
    early, late = (
        LoggedAppend("early", 1, 0.0, 1.0, stored=True),
        LoggedAppend("late", 1, 2.0, 3.0, stored=True),
    )
    beside = LoggedAppend("beside", 1, 0.5, 2.5, stored=True)
    check_commit_order([late, beside, early], {"early": [2], "late": [3], "beside": [1]}, "")
    with pytest.raises(pytest.fail.Exception, match=r"rows of late to have numbers above 2, .* found"):
        check_commit_order([late, beside, early], {"early": [2], "late": [1], "beside": [3]}, "")


class TestSeedInTheEnvironment(StoreOpener[MemoryStore]):
    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(SEED_VARIABLE, "613509192")

    @override
    def open_store(self, folder: Path, /) -> MemoryStore:
        return MemoryStore()

    def test_it_is_the_seed_and_is_printed(self, capsys: pytest.CaptureFixture[str], seed: int) -> None:
        assert seed == 613509192
        assert capsys.readouterr().out == "ESMODEL_TEST_SEED=613509192\n"


def test_writers_with_one_seed_and_number_make_the_same_choices(tmp_path: Path) -> None:
    one, same = Writer(tmp_path, 1, 613509192), Writer(tmp_path, 1, 613509192)
    assert [one.random.random() for _ in range(9)] == [same.random.random() for _ in range(9)]
    assert one.random.random() != Writer(tmp_path, 2, 613509192).random.random()
