"""The writers of races and crashes: what goes wrong with one of them is told to whoever started it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typing_extensions import override

from esmodel.exceptions import StoreError
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.testing.contracts import CrashContract, RaceContract, StreamsCrashContract, writer, writers
from esmodel.testing.contracts.crash import streams_of
from esmodel.testing.contracts.tailrace import Append, check_commit_order
from esmodel.testing.contracts.writer import Writer
from esmodel.testing.contracts.writerprocess import Place, place_of, write_alone
from esmodel.testing.contracts.writers import Writers


class Opens(RaceContract[SQLiteStore]):
    turns = 3

    @override
    def open_store(self, folder: Path, /) -> SQLiteStore:
        return SQLiteStore(folder / "events.db", synchronous="NORMAL")


class OpensNothing(Opens):
    @override
    def open_store(self, folder: Path, /) -> SQLiteStore:
        raise StoreError("There is no engine.")


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


def test_what_a_process_raises_is_raised_with_its_traceback(tmp_path: Path) -> None:
    with (
        Writers(tmp_path, 2, 5) as started,
        pytest.raises(AssertionError, match=r"(?s)writer \d of seed 5:.*open_store.*There is no engine"),
    ):
        started.start_processes(OpensNothing(), "add", tmp_path)


def test_a_process_that_dies_without_a_word_is_named_with_its_code(tmp_path: Path) -> None:
    with Writers(tmp_path, 1, 5) as started, pytest.raises(AssertionError, match=r"writer 0 ended with .* 3"):
        started.start_processes(Dies(), "add", tmp_path)


def test_what_a_thread_raises_is_raised_with_its_traceback(tmp_path: Path) -> None:
    def fail(writer: Writer) -> None:
        raise StoreError(f"The engine of {writer.number} is lost.")

    with Writers(tmp_path, 1, 5) as started:
        started.start_threads(fail)
        with pytest.raises(AssertionError, match=r"(?s)writer 0 of seed 5:.*The engine of 0 is lost"):
            started.wait()


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (writer, writers):
        monkeypatch.setattr(module, "PATIENCE", 0.05)
    with pytest.raises(TimeoutError, match="expected the word to go"):
        Writer(tmp_path, 0, 5).wait_for_go()
    with Writers(tmp_path / "late", 1, 5) as started, pytest.raises(TimeoutError, match="to be ready"):
        started.start_processes(Dawdles(), "add", tmp_path)
    with Writers(tmp_path / "slow", 1, 5) as started:
        started.start_threads(lambda _: time.sleep(0.5))
        with pytest.raises(TimeoutError, match="expected an end"):
            started.wait()


def test_no_process_is_left_behind(tmp_path: Path) -> None:
    with Writers(tmp_path, 1, 5) as started:
        started.start_processes(Kills(), "append until killed", tmp_path)
        (process,) = started.processes
        assert started.are_at_work()
    with pytest.raises(ValueError, match="closed"):
        process.is_alive()


def test_a_contract_is_found_by_its_file_where_its_module_is_not_on_the_path(tmp_path: Path) -> None:
    place = place_of(Opens)._replace(module="a_module_that_is_nowhere")
    (tmp_path / "go").touch()
    with pytest.raises(ValueError, match="not enough values"):  # nobody began to count
        write_alone(place, "add", tmp_path, tmp_path, number=0, seed=5)
    assert Writer(tmp_path, 0, 5).said() == ["ready"]
    assert "not enough values" in Writer(tmp_path, 0, 5).complaint()


def test_a_contract_that_no_process_can_find_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    class Inside(Opens):
        """Is in a function."""

    sentence = "expected a class that the process of a writer finds .* at the top of its module"
    for name in (Inside.__qualname__, "ROOT", "subprocess"):
        place = place_of(Inside)._replace(name=name)
        with pytest.raises(TypeError, match=sentence):
            write_alone(place, "add", tmp_path, tmp_path, number=0, seed=5)
    with pytest.raises(TypeError, match="expected a module in a file"):
        write_alone(Place("nowhere", "", "Opens"), "add", tmp_path, tmp_path, number=0, seed=5)


@pytest.mark.parametrize("contract", [Kills(), KillsPlainly()])
def test_a_batch_says_which_it_is_and_how_many_rows_it_has(
    contract: CrashContract[MemoryStore], tmp_path: Path
) -> None:
    store, mine = MemoryStore(), Writer(tmp_path, 1, 5)
    closing = random.Random(1)

    class Closing(Writer):
        @override
        def say(self, word: str, /) -> None:
            super().say(word)
            if closing.random() < 0.1:
                store.close()

    with pytest.raises(StoreError, match="was closed"):
        contract.append_until_killed(store, Closing(tmp_path, 1, 5))
    said = mine.said()
    assert said == [f"5/1/{turn}" for turn in range(len(said))]
    assert len(set(streams_of(mine, 3)) | set(streams_of(Writer(tmp_path, 2, 5), 3))) == 6


def test_numbers_against_the_order_of_time_are_found() -> None:
    early, late = Append("early", 1, 0.0, 1.0, stored=True), Append("late", 1, 2.0, 3.0, stored=True)
    beside = Append("beside", 1, 0.5, 2.5, stored=True)
    check_commit_order([late, beside, early], {"early": [2], "late": [3], "beside": [1]}, "")
    with pytest.raises(pytest.fail.Exception, match=r"rows of late to have numbers above 2, .* found"):
        check_commit_order([late, beside, early], {"early": [2], "late": [1], "beside": [3]}, "")


def test_a_seed_that_is_given_back_makes_the_same_choices(tmp_path: Path) -> None:
    test = tmp_path / "test_seed.py"
    test.write_text(
        "from test_writers import Opens\n"
        "class TestSeed(Opens):\n"
        "    def test_it(self, seed: int) -> None:\n"
        "        assert seed == 0\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "ESMODEL_TEST_SEED": "613509192", "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "test_it", str(test)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "assert 613509192 == 0" in ran.stdout, ran.stdout
    assert "ESMODEL_TEST_SEED=613509192" in ran.stdout
    one, same = Writer(tmp_path, 1, 613509192), Writer(tmp_path, 1, 613509192)
    assert [one.choose.random() for _ in range(9)] == [same.choose.random() for _ in range(9)]
    assert one.choose.random() != Writer(tmp_path, 2, 613509192).choose.random()
