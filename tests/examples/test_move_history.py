"""The example examples/move_history.py, on a database that version 8.2.5 of eventsourcing writes."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

import esmodel
import move_history
from esmodel import EventSourcedRepository, RepositoryKeyError
from esmodel.stores.sqlite import SQLiteStore
from move_history import Account, Deposited, MoveError, OldRow, move_all, old_rows

SCRIPT = Path(str(move_history.__file__))
ROOT = SCRIPT.parents[1]
PAGE = ROOT / "docs" / "coming-from-eventsourcing.md"


def python_of_version_8() -> str:
    code = (
        "from benchmarks.contenders import CONTENDERS, EIGHT, python_of; print(python_of(CONTENDERS[EIGHT]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        reason = f"the environment of eventsourcing 8.2.5 could not be made: {done.stderr[-500:]}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database that the script of the manual wrote."""
    folder = tmp_path_factory.mktemp("old")
    found = re.search(
        r"<!-- run with eventsourcing8 -->\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found is not None
    script = folder / "old_bank.py"
    script.write_text(found[1], encoding="utf-8")
    subprocess.run([python_of_version_8(), script], cwd=folder, check=True, timeout=120)
    return folder / "old.db"


class OldState(msgspec.Struct):
    timestamp: dict[str, str]
    originator_version: int


def old_facts(path: Path) -> list[tuple[UUID, int, datetime, str]]:
    """Read id, version, time and topic of each row, in the order of the commits, in another way."""
    with closing(sqlite3.connect(path)) as database:
        rows: list[tuple[bytes, str, bytes]] = database.execute(
            "SELECT originator_id, topic, state FROM stored_events ORDER BY notification_id"
        ).fetchall()
    facts: list[tuple[UUID, int, datetime, str]] = []
    for originator_id, topic, data in rows:
        state = msgspec.json.decode(data, type=OldState)
        seconds, _, fraction = state.timestamp["__decimal__"].partition(".")
        moment = datetime.fromtimestamp(int(seconds), UTC) + timedelta(
            microseconds=int(fraction.ljust(6, "0"))
        )
        facts.append((UUID(bytes=originator_id), state.originator_version, moment, topic.rpartition(".")[2]))
    return facts


needs_version_8 = pytest.mark.slow  # pip installs it into an environment of its own

NAMES = {"Opened": "account.opened", "Deposited": "account.deposited", "Discarded": "Discarded"}


def new_facts(store: SQLiteStore) -> list[tuple[UUID, int, datetime, str]]:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return [
        (row.originator_id, row.position, epoch + timedelta(microseconds=row.timestamp), row.name)
        for _, row in store.read_all()
    ]


def whole_of(rows: list[OldRow], folder: Path) -> list[tuple[UUID, int, datetime, str]]:
    """Move rows in one go, and return what is there then."""
    with SQLiteStore(folder / "whole.db") as store:
        move_all(iter(rows), store)
        return new_facts(store)


@needs_version_8
def test_ids_versions_times_and_the_order_of_all_rows_are_kept(old: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", SCRIPT, old, tmp_path / "new.db"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr, done.stdout) == (0, "", "moved 5 rows\n")
    with SQLiteStore(tmp_path / "new.db") as store:
        facts = new_facts(store)
    assert facts == [(each, version, moment, NAMES[name]) for each, version, moment, name in old_facts(old)]
    assert len(facts) == 5
    assert len({each[0] for each in facts}) == 2


@needs_version_8
def test_what_was_moved_is_read_as_aggregates(old: Path, tmp_path: Path) -> None:
    ada, bob = dict.fromkeys(each for each, *_ in old_facts(old))
    with SQLiteStore(tmp_path / "new.db") as store:
        move_all(old_rows(old), store)
        accounts = EventSourcedRepository(Account, store)
        account = accounts[ada]
        events = list(accounts.events(ada))
        with pytest.raises(RepositoryKeyError):
            accounts[bob]  # it was discarded

    assert (account.owner, account.balance, account.version) == ("Ada", Decimal("3.75"), 2)
    assert isinstance(events[1], Deposited)
    assert (events[1].amount, events[1].on) == (Decimal("1.50"), date(2020, 2, 3))


@needs_version_8
@pytest.mark.parametrize("count", range(6))
def test_a_move_that_was_stopped_goes_on(count: int, old: Path, tmp_path: Path) -> None:
    rows = list(old_rows(old))
    whole = whole_of(rows, tmp_path)
    with SQLiteStore(tmp_path / "new.db") as store:
        assert move_all(iter(rows[:count]), store) == count
        assert move_all(iter(rows), store) == 5 - count
        assert new_facts(store) == whole


@needs_version_8
def test_a_topic_without_a_move_is_named_and_what_was_saved_before_stays(old: Path, tmp_path: Path) -> None:
    rows = list(old_rows(old))
    rows[3] = rows[3]._replace(topic="bank#Account.Renamed")
    with SQLiteStore(tmp_path / "new.db") as store:
        with pytest.raises(MoveError, match=r"bank#Account\.Renamed.*expected one of Account\.Opened"):
            move_all(iter(rows), store)
        assert new_facts(store) == whole_of(rows[:2], tmp_path)  # the row before it was of the same save


@needs_version_8
def test_a_row_that_is_missing_is_named(old: Path, tmp_path: Path) -> None:
    rows = list(old_rows(old))
    del rows[2]
    with SQLiteStore(tmp_path / "new.db") as store, pytest.raises(MoveError, match="expected version 2"):
        move_all(iter(rows), store)


@needs_version_8
def test_the_old_database_is_not_changed(old: Path, tmp_path: Path) -> None:
    before = old.read_bytes()
    with SQLiteStore(tmp_path / "new.db") as store:
        move_all(old_rows(old), store)

    assert old.read_bytes() == before
    assert sorted(each.name for each in old.parent.iterdir()) == ["old.db", "old_bank.py"]


# --- the table of names ------------------------------------------------------------------------------

LISTING = """
import importlib, inspect

modules = "events entity aggregate command decorators snapshot versioning timebucketedlog collection array"
# what Python gives a class by itself, and the methods that every sequence has
ordinary = set(dir(type("Nothing", (), {}))) | {
    "__abstractmethods__", "__annotations__", "__parameters__", "__orig_bases__", "__slots__",
    "__firstlineno__", "__static_attributes__",
    "__len__", "__iter__", "__getitem__", "__setitem__", "__contains__",
}
for short in modules.split():
    module = importlib.import_module("eventsourcing.domain.model." + short)
    for name, value in vars(module).items():
        home = getattr(value, "__module__", module.__name__)
        if name.startswith("_") or inspect.ismodule(value) or home != module.__name__:
            continue
        print(short, name)
        for member in vars(value) if inspect.isclass(value) else ():
            is_private = member.startswith("_") and not member.startswith("__")
            if member not in ordinary and not is_private:
                print(short, name + "." + member)
"""


@needs_version_8
def test_each_public_name_of_version_8_is_in_the_table() -> None:
    done = subprocess.run(
        [python_of_version_8(), "-c", LISTING], capture_output=True, text=True, check=True, timeout=120
    )
    names = [line.split() for line in done.stdout.splitlines()]
    assert len(names) > 150
    sections = dict(
        re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
    missing = [f"{module}: {name}" for module, name in names if f"`{name}`" not in sections.get(module, "")]
    assert missing == []


def test_each_name_that_the_table_gives_for_it_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("## Every name")[2]
    cells = [line.split(" | ")[1] for line in text.splitlines() if line.startswith("| `") and " | " in line]
    assert len(cells) > 50
    sources = [each.read_text(encoding="utf-8") for each in Path(esmodel.__file__).parent.rglob("*.py")]
    known = {found[0] or found[1] for source in sources for found in DEFINED.findall(source)}
    given = {name for cell in cells for name in re.findall(r"`([A-Za-z_]+)`", cell)}
    assert given - known - {"in", "len", "datetime", "timedelta", "Decimal"} == set()


DEFINED = re.compile(r"\b(?:def|class) (\w+)|^ *(\w+)(?:: [^=\n]+)?(?: =|$)", re.MULTILINE)
