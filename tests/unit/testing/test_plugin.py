"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from esmodel.clock import now
from esmodel.ids import new_id
from esmodel.model.bus import DEFAULT_BUS, subscribe
from esmodel.stores.memory import MemoryStore
from esmodel.testing.scenarios import FixedClock, FixedIds

MODEL: Final = """
import pytest
from attrs import define, frozen
from esmodel import AggregateEvent, AggregateRoot, applies, ignores, subscribe
from esmodel.testing.scenarios import scenario

@frozen(kw_only=True)
class Opened(AggregateEvent):
    owner: str

@define
class Account(AggregateRoot[Opened]):
    opened = ignores(Opened)
    apply = opened.exhaustive

def open_account():
    return Account.create(Opened, owner="Ada")
"""


def run(folder: Path, tests: str) -> tuple[int, str]:
    (folder / "test_it.py").write_text(f"{MODEL}\n{tests}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_scenario_that_is_forgotten_half_way_fails_its_test(tmp_path: Path) -> None:
    status, said = run(
        tmp_path,
        """
def test_forgotten():
    scenario(Account).when(open_account)

def test_after_it():
    scenario(Account).when(open_account).then(Opened, owner="Ada")
""",
    )

    assert status == 1
    assert "ScenarioError: Account: when(...) triggered Opened, and no then(...) asserted it." in said
    assert "1 failed, 1 passed" in said


def test_a_test_that_fails_by_itself_is_not_blamed_for_what_it_did_not_reach(tmp_path: Path) -> None:
    status, said = run(
        tmp_path,
        """
def test_broken():
    outcome = scenario(Account).when(open_account)
    assert 1 == 2
    outcome.then(Opened, owner="Ada")
""",
    )

    assert status == 1
    assert "assert 1 == 2" in said
    assert "no then" not in said


def test_a_handler_that_stays_on_the_bus_fails_its_test_and_no_other(tmp_path: Path) -> None:
    status, said = run(
        tmp_path,
        """
def test_leaves_one(clean_event_bus):
    subscribe(print)

def test_leaves_none(clean_event_bus):
    with subscribe(print):
        pass

def test_finds_one():
    subscribe(print)

def test_is_told(clean_event_bus):
    pass
""",
    )

    assert status == 1
    assert "EventHandlersNotEmptyError: 1 handlers still subscribe: <built-in function print>" in said
    assert "3 passed, 2 errors" in said


def test_a_run_that_does_not_use_esmodel_does_not_load_it(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n\ndef test_it():\n    assert 'esmodel' not in sys.modules\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_other.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


def test_a_run_in_a_process_that_has_loaded_esmodel_does_not_warn(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_it():\n    pass\n", encoding="utf-8")
    arguments = ["-q", "-W", "error", "-p", "no:cacheprovider", "test_other.py"]
    code = f"import sys, esmodel.testing.scenarios, pytest; sys.exit(pytest.main({arguments!r}))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout + done.stderr


FORGETFUL: Final = """
from esmodel.rows import Append
from esmodel.stores.memory import MemoryStore
from esmodel.testing.contracts import StoreContract

class Forgetful(MemoryStore):
    def append(self, append):
        return super().append(Append(append.records[:1], append.after))

class TestForgetful(StoreContract[Forgetful]):
    def open_store(self, folder):
        return Forgetful()
"""


def test_a_contract_that_fails_shows_both_sides(tmp_path: Path) -> None:
    (tmp_path / "test_store.py").write_text(FORGETFUL, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_store.py"]
    command += ["-k", "test_appended_rows_come_back_byte_for_byte"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "RecordStore, law 3" in done.stdout, done.stdout + done.stderr
    assert "assert [Record(origi" in done.stdout
    assert "Right contains 3 more items, first extra item: Record(" in done.stdout


def test_the_fixtures_are_listed_with_what_they_do(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--fixtures", "-q", "-p", "no:cacheprovider"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    for name in ("memory_store", "fixed_clock", "fixed_ids", "clean_event_bus"):
        assert f"{name} -- " in said


# --- the fixtures, here ----------------------------------------------------------------------------


def test_the_memory_store_is_empty_and_open(memory_store: MemoryStore) -> None:
    assert memory_store.last(UUID(int=1)) is None


def test_the_fixed_clock_is_the_clock(fixed_clock: FixedClock) -> None:
    assert now() == fixed_clock.moment == datetime(2026, 1, 1, tzinfo=UTC)


def test_the_fixed_ids_are_the_ids(fixed_ids: FixedIds) -> None:
    assert new_id() == fixed_ids[1]


@pytest.mark.usefixtures("clean_event_bus")
def test_a_clean_bus_has_no_handler() -> None:
    assert DEFAULT_BUS.subscriptions == ()
    with subscribe(print):
        assert len(DEFAULT_BUS.subscriptions) == 1
