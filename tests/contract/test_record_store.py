"""The laws of record stores, on every store of esmodel.

A store joins with a class: the contracts that fit it, and how it is opened.
"""

from __future__ import annotations

import os
import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import ClassVar
from uuid import UUID, uuid4

import psycopg
import pytest
from postgres_proxy import Breakpoint
from postgres_server import PostgresServer
from psycopg import sql
from psycopg.conninfo import make_conninfo
from typing_extensions import override

from esmodel.exceptions import ConcurrencyError, PayloadError, StoreClosedError
from esmodel.rows import Record
from esmodel.rows.bounds import GREATEST
from esmodel.stores.memory import MemoryStore
from esmodel.stores.postgres import Order, PostgresStore
from esmodel.stores.postgres.schema import functions_of
from esmodel.stores.sqlite import SQLiteStore
from esmodel.testing.contracts import (
    AppendIdsContract,
    DurableContract,
    FullMachineContract,
    FullStoreContract,
    LostAnswersContract,
    MachineContract,
    RaceContract,
    ServerCrashContract,
    StoreOpener,
    StreamsCrashContract,
    TailRaceContract,
)
from esmodel.testing.contracts.samplerows import row


class TestMemoryStore(
    FullStoreContract[MemoryStore],
    MachineContract[MemoryStore],
    FullMachineContract[MemoryStore],
    RaceContract[MemoryStore],
    TailRaceContract[MemoryStore],
):
    is_durable = False
    in_processes = False

    @override
    def open_store(self, folder: Path, /) -> MemoryStore:
        return MemoryStore()


class PausingSQLiteStore(SQLiteStore):
    """Waits before it commits, where a test asks for it."""

    def pause_before_commit(self, pause: Callable[[], None], /) -> None:
        with self._writer as session:
            session.connection.set_trace_callback(lambda sql: pause() if sql == "COMMIT" else None)


class TestSQLiteStore(
    FullStoreContract[PausingSQLiteStore],
    DurableContract[PausingSQLiteStore],
    MachineContract[PausingSQLiteStore],
    FullMachineContract[PausingSQLiteStore],
    RaceContract[PausingSQLiteStore],
    TailRaceContract[PausingSQLiteStore],
    StreamsCrashContract[PausingSQLiteStore],
):
    @override
    def open_store(self, folder: Path, /) -> PausingSQLiteStore:
        return PausingSQLiteStore(folder / "events.db", synchronous="NORMAL")

    @override
    def pause_before_commit(self, store: PausingSQLiteStore, pause: Callable[[], None], /) -> None:
        store.pause_before_commit(pause)


# --- PostgreSQL ----------------------------------------------------------------------------------

DSN_VARIABLE = "ESMODEL_TEST_CONTRACT_DSN"
"""Tells the processes of writers which database the test has."""

SHORT = timedelta(milliseconds=300)

# Runs when the transaction commits. How long it sleeps is not in the seed.
PAUSE = """
CREATE FUNCTION {0}.pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF random() < 0.5 THEN PERFORM pg_sleep(random() * 0.004); END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER pause AFTER INSERT ON {0}.append
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {0}.pause();
"""


class SchemaStore(PostgresStore):
    """A store in the schema of a folder, which it makes."""

    def __init__(
        self, dsn: str, order: Order, folder: Path, *, timeout: timedelta = timedelta(seconds=30)
    ) -> None:
        self.dsn = dsn
        self.schema = f"test_{sha256(str(folder).encode()).hexdigest()[:32]}"
        PostgresStore(dsn, order=order, schema=self.schema, migrate=True).close()
        super().__init__(dsn, order=order, schema=self.schema, timeout=timeout)

    def pause_before_commit(self) -> None:
        """Have each append wait on the server: it is one statement, in which the client has no turn."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(43)")  # each writer comes here
            has_pause = "SELECT 1 FROM pg_trigger WHERE tgname = 'pause' AND tgrelid = %s::regclass"
            if connection.execute(has_pause, (f"{self.schema}.append",)).rowcount == 0:
                connection.execute(sql.SQL(PAUSE).format(sql.Identifier(self.schema)))


def own_name() -> str:
    """Return what the server calls the sessions of this process."""
    return f"esmodel test {os.getpid()}"


class OnPostgres(StoreOpener[SchemaStore]):
    """Opens the schema of a folder, in a database that the test has for itself."""

    order: ClassVar[Order] = "dense"

    @pytest.fixture(autouse=True)
    def _database(self, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(DSN_VARIABLE, dsn)

    @override
    def open_store(self, folder: Path, /) -> SchemaStore:
        dsn = make_conninfo(os.environ[DSN_VARIABLE], application_name=own_name())
        return SchemaStore(dsn, self.order, folder)


class TestPostgresStore(
    OnPostgres,
    FullStoreContract[SchemaStore],
    AppendIdsContract[SchemaStore],
    DurableContract[SchemaStore],
    MachineContract[SchemaStore],
    FullMachineContract[SchemaStore],
    RaceContract[SchemaStore],
    TailRaceContract[SchemaStore],
    StreamsCrashContract[SchemaStore],
):
    turns = 30
    appends = 40
    rounds = 5

    @override
    def pause_before_commit(self, store: SchemaStore, _: Callable[[], None], /) -> None:
        store.pause_before_commit()

    @override
    def wait_for_killed_writers(self, store: SchemaStore, /) -> None:
        # the server ends a session when it has done what was sent, and finds that the line is closed
        others = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND application_name <> %s"
        )
        deadline = time.monotonic() + 30
        with psycopg.connect(store.dsn, autocommit=True) as connection:
            while connection.execute(others, (own_name(),)).rowcount:
                assert time.monotonic() < deadline
                time.sleep(0.005)


class TestPostgresStoreByTransaction(TestPostgresStore):
    order: ClassVar[Order] = "transaction"


# What would give or read numbers out of turn; the race must find out.
FAULTS: dict[Order, tuple[str, str]] = {
    "dense": (
        r"PERFORM pg_advisory_xact_lock.*?INTO base;",
        "base := nextval('{schema}.early') * 100;",
    ),
    "transaction": (r"AND number < \(SELECT .*?\.format\)", ""),
}


class EarlyStore(SchemaStore):
    """A store whose rows have numbers before their turn, or are read before it."""

    def __init__(self, dsn: str, order: Order, folder: Path) -> None:
        super().__init__(dsn, order, folder)
        fault, instead = FAULTS[order]
        right = functions_of(self.schema, order)
        wrong = re.sub(fault, instead.format(schema=self.schema), right, flags=re.DOTALL)
        assert wrong != right
        with psycopg.connect(dsn) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(44)")  # each writer comes here
            connection.execute(f"CREATE SEQUENCE IF NOT EXISTS {self.schema}.early".encode())
            connection.execute(wrong.encode())


class EarlyPostgres(OnPostgres, TailRaceContract[SchemaStore]):
    __test__ = False
    appends = 40

    @override
    def open_store(self, folder: Path, /) -> SchemaStore:
        return EarlyStore(os.environ[DSN_VARIABLE], self.order, folder)

    @override
    def pause_before_commit(self, store: SchemaStore, _: Callable[[], None], /) -> None:
        store.pause_before_commit()


class EarlyPostgresByTransaction(EarlyPostgres):
    order: ClassVar[Order] = "transaction"


@pytest.mark.parametrize("contract", [EarlyPostgres, EarlyPostgresByTransaction])
def test_the_race_finds_rows_that_a_reader_at_the_tail_would_miss(
    contract: type[EarlyPostgres], dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DSN_VARIABLE, dsn)
    race = contract()

    def run(seed: int) -> None:
        folder = tmp_path / str(seed)
        folder.mkdir()
        store = race.open_store(folder)
        try:
            race.test_a_tail_reader_sees_every_commit_once_in_order(store, seed, folder)
        finally:
            store.close()

    def run_three_times() -> None:  # a race finds it almost always, and not always
        for seed in range(3):
            run(seed)

    with pytest.raises(AssertionError, match="law 2: the reader skipped or repeated rows"):
        run_three_times()


class LosingStore(SchemaStore):
    """A store whose line breaks, and stays down until an append has raised."""

    def __init__(self, line: Breakpoint, order: Order, folder: Path) -> None:
        self.line = line
        super().__init__(line.dsn, order, folder, timeout=SHORT)

    @override
    def append(self, records: Sequence[Record], /) -> None:
        try:
            super().append(records)
        finally:
            self.line.is_down = False


class TestLostAnswersOfPostgresStore(LostAnswersContract[LosingStore]):
    order: ClassVar[Order] = "dense"

    @pytest.fixture(autouse=True)
    def _line(self, dsn: str) -> Iterator[None]:
        with tempfile.TemporaryDirectory(prefix="esmodel-") as folder:  # the path of a socket is short
            self.line = Breakpoint(dsn, Path(folder))
            yield
            self.line.close()

    @override
    def open_store(self, folder: Path, /) -> LosingStore:
        return LosingStore(self.line, self.order, folder)

    @override
    def lose_answer(self, store: LosingStore, /, *, stored: bool) -> None:
        store.line.at = "answer" if stored else "question"
        store.line.times, store.line.goes_down = 1, True


class TestLostAnswersOfPostgresStoreByTransaction(TestLostAnswersOfPostgresStore):
    order: ClassVar[Order] = "transaction"


class TestKilledPostgres(ServerCrashContract[SchemaStore]):
    order: ClassVar[Order] = "dense"
    kills = 5  # one backend that is killed has the server end all the others, and recover
    restarts = 3
    longest = 0.3

    @pytest.fixture(autouse=True)
    def _server(self, postgres_server: PostgresServer) -> None:
        self.server = postgres_server

    @override
    def open_store(self, folder: Path, /) -> SchemaStore:
        return SchemaStore(self.server.dsn, self.order, folder, timeout=SHORT)

    @override
    def kill_backend(self, store: SchemaStore, /) -> None:
        backends = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND query ~ %s"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(psycopg.OperationalError):  # it recovers from the last one
                with psycopg.connect(store.dsn, autocommit=True) as connection:
                    found = connection.execute(
                        backends + " AND pid <> pg_backend_pid()", (rf"{store.schema}\W",)
                    ).fetchall()
                if found:
                    pid: int = found[0][0]
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    return
            time.sleep(0.005)
        pytest.fail("expected a backend to kill, found none")

    @override
    def restart(self) -> None:
        self.server.kill()
        self.server.start()


class TestKilledPostgresByTransaction(TestKilledPostgres):
    order: ClassVar[Order] = "transaction"


# --- what our stores promise beyond the laws -----------------------------------------------------


def memory(_: Path) -> MemoryStore:
    return MemoryStore()


def sqlite(folder: Path) -> SQLiteStore:
    return SQLiteStore(folder / "events.db", synchronous="NORMAL")


every_store = pytest.mark.parametrize("open_store", [memory, sqlite])


@every_store
def test_numbers_have_no_gaps_also_after_a_refusal(
    open_store: Callable[[Path], MemoryStore | SQLiteStore], tmp_path: Path
) -> None:
    stream = uuid4()
    with open_store(tmp_path) as store:
        store.append([row(stream, 0)])
        with pytest.raises(ConcurrencyError):
            store.append([row(stream, 1), row(stream, 0)])
        store.append([row(stream, 1)])
        assert [number for number, _ in store.read_all()] == [1, 2]


@every_store
def test_what_is_refused_is_named_in_a_sentence(
    open_store: Callable[[Path], MemoryStore | SQLiteStore], tmp_path: Path
) -> None:
    large = row(uuid4(), 0)._replace(timestamp=GREATEST + 1)
    with open_store(tmp_path) as store:

        def write_snapshot(records: Sequence[Record]) -> None:
            store.write_snapshot(records[0])

        for refuse in (store.append, store.append_streams, write_snapshot):
            with pytest.raises(PayloadError, match="timestamp: expected an integer of 64 bits, found 92"):
                refuse([large])
            with pytest.raises(PayloadError, match=r"name: expected Unicode text, found 'half \\ud800'"):
                refuse([row(uuid4(), 0)._replace(name="half \ud800")])
        with pytest.raises(ValueError, match="limit: expected 0 or more, found -1"):
            store.read(uuid4(), limit=-1)
        with pytest.raises(ValueError, match="limit: expected 0 or more, found -1"):
            store.read_all(limit=-1)


@every_store
def test_a_closed_store_says_what_to_do_at_every_call(
    open_store: Callable[[Path], MemoryStore | SQLiteStore], tmp_path: Path
) -> None:
    with open_store(tmp_path) as store:
        store.append([row(UUID(int=1), 0)])
    store.close()  # twice does no harm
    calls: list[Callable[[], object]] = [
        lambda: store.append([row(UUID(int=1), 1)]),
        lambda: store.append([]),
        lambda: store.append_streams([]),
        lambda: store.read_from_snapshot(UUID(int=1)),
        lambda: store.read(UUID(int=1)),
        lambda: store.last(UUID(int=1)),
        store.read_all,
        lambda: store.write_snapshot(row(UUID(int=1), 1)),
        lambda: store.read_snapshot(UUID(int=1)),
        store.__enter__,
    ]
    for call in calls:
        with pytest.raises(StoreClosedError, match=r"was closed: open a new one\.$"):
            call()
