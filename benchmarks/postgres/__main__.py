"""``python -m benchmarks.postgres``: compare esmodel on PostgreSQL with a baseline and another library.

Without a connection string, a server with PostgreSQL's own defaults is started in a temporary folder, and
removed after the last row. With one, a database is made there, and dropped.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from benchmarks.contenders import POSTGRES_CONTENDERS, ContenderError, Process
from benchmarks.postgres.place import VARIABLE
from benchmarks.rows import BASELINE, ESMODEL, POSTGRES_ROWS
from benchmarks.run import Plan, Result, measured
from benchmarks.table import as_json, lines

SUPPORT: Final = Path(__file__).parents[2] / "tests" / "support"
SETTINGS: Final = ("server_version", "fsync", "synchronous_commit", "wal_sync_method", "shared_buffers")
NOTE: Final = """\
The ratio of esmodel compares it with the baseline: 1.2 = esmodel needs 1.2 times as much. All other ratios
compare with esmodel in the order "dense": 7 = that contender needs 7 times as much. "fastest" = of both
styles of the other library. Each save is a transaction. All contenders use this server:"""


@contextmanager
def server() -> Generator[str]:
    """Start a server as the tests do, but with ``fsync``; give its connection string.

    Raises:
        ContenderError: if the machine has no PostgreSQL.
    """
    sys.path.append(str(SUPPORT))  # tests are not a package
    from postgres_server import MISSING, PostgresServer, find_binaries  # noqa: PLC0415  # because of the path

    binaries = find_binaries()
    if binaries is None:
        raise ContenderError(MISSING)
    with ExitStack() as stack:
        started = PostgresServer(binaries, fsync=True, autovacuum=True)
        stack.callback(started.remove)
        started.start()
        yield started.dsn


@contextmanager
def database(dsn: str) -> Generator[str]:
    """Make a database on a server; give its connection string."""
    name = f"esmodel_benchmark_{uuid4().hex}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield make_conninfo(dsn, dbname=name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def settings(dsn: str) -> str:
    """Return the relevant settings of a server."""
    with psycopg.connect(dsn) as connection:
        query = "SELECT name || ' = ' || current_setting(name) FROM unnest(%s::text[]) AS s (name)"
        return ", ".join(str(row[0]) for row in connection.execute(query, (list(SETTINGS),)))


def measure(plan: Plan, wanted: list[str], names: tuple[str, ...]) -> list[Result]:
    """Measure the rows in the database of the environment variable."""
    results: list[Result] = []
    with ExitStack() as stack:
        processes: dict[str, Process] = {}
        for name in names:
            try:
                processes[name] = stack.enter_context(Process(POSTGRES_CONTENDERS[name]))
            except ContenderError as error:
                print(f"{POSTGRES_CONTENDERS[name].label} is left out: {error}", file=sys.stderr)
        for row in POSTGRES_ROWS:
            if row.name in wanted:
                print(f"{row.name} ...", file=sys.stderr)
                results.extend(measured(row, plan, processes))
    return results


def stop(number: int, _: object) -> None:
    """Raise ``SystemExit``, so that everything is cleaned up."""
    sys.exit(128 + number)


def main() -> int:
    """Run, and return the exit status."""
    names = [row.name for row in POSTGRES_ROWS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.postgres", description=__doc__)
    parser.add_argument(
        "dsn", nargs="?", help="postgresql://... of a server, as a role that may make databases"
    )
    parser.add_argument("--rows", nargs="+", choices=names, metavar="ROW", help=", ".join(names))
    parser.add_argument("--repeats", type=int, help="how many turns each contender has (7; quick: 3)")
    parser.add_argument("--quick", action="store_true", help="esmodel and baseline only, smaller, no network")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    given = parser.parse_args()
    is_quick: bool = given.quick
    wanted: list[str] = given.rows or names
    json_path: Path | None = given.json
    dsn: str | None = given.dsn
    plan = Plan(given.repeats or (3 if is_quick else 7), is_quick, ("FULL",))
    contenders = (BASELINE, ESMODEL) if is_quick else tuple(POSTGRES_CONTENDERS)
    # A signal that ends this process ends its server, too.
    signal.signal(signal.SIGTERM, stop)
    with ExitStack() as stack:
        try:
            address = stack.enter_context(database(dsn or stack.enter_context(server())))
            os.environ[VARIABLE] = address
            described = settings(address)
            results = measure(plan, wanted, contenders)
        except (ContenderError, psycopg.Error) as error:
            print(error, file=sys.stderr)
            return 2
    print("\n".join([*lines(results), "", NOTE, f"{described}."]))
    if json_path is not None:
        json_path.write_text(json.dumps(as_json(results), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
