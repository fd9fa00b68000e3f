"""The cost of a save on PostgreSQL: ways to store a batch, the id of an append, the two orders.

``python -m benchmarks.postgres.ways postgresql://...`` makes schemas named ``bench_...`` in that database,
takes turns between what it compares, prints medians and ratios, and drops the schemas.
"""

from __future__ import annotations

import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from esmodel.rows import Append, Record
from esmodel.stores.postgres import Order, PostgresStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Connection = psycopg.Connection[tuple[object, ...]]

DATA = b'{"cents": 500, "currency": "EUR"}'
WRITERS, SAVES = 4, 400


def batch(size: int) -> list[Record]:
    """Make a batch for a stream of its own."""
    stream = uuid4()
    return [
        Record(stream, position, "bank.deposited", 0, 1_700_000_000_000_000, DATA) for position in range(size)
    ]


def begin(cursor: psycopg.Cursor[tuple[object, ...]], rows: list[Record]) -> int:
    """Run the statements before the rows of a batch; return the number before its first row."""
    cursor.execute("INSERT INTO bench_raw.append VALUES (%s, true)", (uuid4(),))
    cursor.execute(
        "INSERT INTO bench_raw.stream AS old VALUES (%s, %s, %s) ON CONFLICT (originator_id) DO UPDATE "
        "SET last_position = excluded.last_position WHERE old.last_position < excluded.last_position",
        (rows[-1].originator_id, rows[-1].position, b""),
    )
    cursor.execute("UPDATE bench_raw.counter SET last = last + %s RETURNING last", (len(rows),))
    found = cursor.fetchone()
    if found is None or not isinstance(found[0], int):
        raise RuntimeError("bench_raw.counter: expected a row, found none.")
    return found[0] - len(rows)


def values(rows: list[Record], base: int) -> list[tuple[UUID | int | bytes, ...]]:
    """Return the rows as the columns of the table."""
    return [
        (row.originator_id, row.position, base + place, 0, row.timestamp, 1, row.data, b"", b"")
        for place, row in enumerate(rows, 1)
    ]


def execute_many(connection: Connection, rows: list[Record]) -> None:
    """Store a batch by INSERT statements, which the driver pipelines, in a transaction."""
    with connection.transaction(), connection.cursor() as cursor:
        base = begin(cursor, rows)
        cursor.executemany(
            "INSERT INTO bench_raw.record VALUES (%b, %b, %b, %b, %b, %b, %b, %b, %b)", values(rows, base)
        )


def copy(connection: Connection, rows: list[Record]) -> None:
    """Store a batch by COPY, in a transaction."""
    with connection.transaction(), connection.cursor() as cursor:
        base = begin(cursor, rows)
        with cursor.copy("COPY bench_raw.record FROM STDIN (FORMAT BINARY)") as lines:
            lines.set_types(["uuid", "int8", "int8", "int8", "int8", "int4", "bytea", "bytea", "bytea"])
            for each in values(rows, base):
                lines.write_row(each)


def compare(title: str, ways: dict[str, Callable[[], None]], turns: int) -> None:
    """Let the ways take turns; print each median and its ratio to the first."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(each) for name, each in times.items()}
    first = next(iter(medians.values()))
    print(title)
    for name, median in medians.items():
        print(f"  {name:<38}{median * 1_000:>10.3f} ms   x {median / first:.2f}")


def ways_to_store_a_batch(store: PostgresStore, connection: Connection) -> None:
    """Compare the store's statement with other means of the driver, on the same tables."""
    for size, turns in ((1, 400), (10, 400), (10_000, 9)):

        def ours(size: int = size) -> None:
            store.append(Append(batch(size), None))

        def many(size: int = size) -> None:
            execute_many(connection, batch(size))

        def copied(size: int = size) -> None:
            copy(connection, batch(size))

        ways: dict[str, Callable[[], None]] = {
            "one statement, arrays (PostgresStore)": ours,
            "executemany, pipelined": many,
            "COPY": copied,
        }
        compare(f"One save of {size:,} events", ways, turns)


def what_the_append_id_costs(dsn: str, store: PostgresStore, connection: Connection) -> None:
    """Compare with the same function without the line that stores the id."""
    with PostgresStore(dsn, schema="bench_no_id", migrate=True) as without:
        found = connection.execute(
            "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p "
            "JOIN pg_namespace AS n ON n.oid = pronamespace "
            "WHERE nspname = 'bench_no_id' AND proname = 'append_rows'"
        ).fetchone()
        line = 'INSERT INTO "bench_no_id".append VALUES (_append_id, true);'
        if found is None or line not in str(found[0]):
            raise RuntimeError("bench_no_id.append_rows: expected the line that stores the id, found none.")
        connection.execute(str(found[0]).replace(line, "").encode())
        for size in (1, 10):

            def bare(size: int = size) -> None:
                without.append(Append(batch(size), None))

            def ours(size: int = size) -> None:
                store.append(Append(batch(size), None))

            compare(f"The id of an append, at {size} events", {"without": bare, "with": ours}, 600)
    sizes = connection.execute(
        "SELECT pg_total_relation_size('bench_dense.append') / (SELECT count(*) FROM bench_dense.append)"
    ).fetchone()
    print(f"  bytes on the disk an append: {'?' if sizes is None else sizes[0]}")


def write(dsn: str, order: Order, schema: str) -> None:
    """Save to a stream of its own, as one of several processes."""
    with PostgresStore(dsn, order=order, schema=schema, connections=1) as store:
        stream = uuid4()
        for position in range(SAVES):
            row = Record(stream, position, "bank.deposited", 0, 0, DATA)
            store.append(Append([row], position - 1 if position else None))


def several_writers(dsn: str) -> None:
    """Compare the orders by the time of several processes, and of a reader over all rows."""
    with ProcessPoolExecutor(WRITERS) as pool:

        def run(order: Order) -> None:
            for done in [pool.submit(write, dsn, order, f"bench_{order}") for _ in range(WRITERS)]:
                done.result()

        ways: dict[str, Callable[[], None]] = {
            "dense": lambda: run("dense"),
            "transaction": lambda: run("transaction"),
        }
        compare(f"{WRITERS} processes, {SAVES} saves of one event each", ways, 5)
    with (
        PostgresStore(dsn, schema="bench_dense") as dense,
        PostgresStore(dsn, schema="bench_transaction", order="transaction") as other,
    ):

        def read(store: PostgresStore) -> None:
            sum(1 for _ in store.read_all(limit=WRITERS * SAVES * 5))

        compare(
            f"read_all of {WRITERS * SAVES * 5:,} events",
            {"dense": lambda: read(dense), "transaction": lambda: read(other)},
            5,
        )


def main(arguments: Sequence[str]) -> int:
    """Measure everything in the given database."""
    if len(arguments) != 1:
        print("usage: python -m benchmarks.postgres.ways postgresql://...", file=sys.stderr)
        return 2
    dsn = arguments[0]
    schemas = ["bench_dense", "bench_raw", "bench_no_id", "bench_transaction"]
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
        drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE")
        for schema in schemas:
            connection.execute(drop.format(sql.Identifier(schema)))
        try:
            PostgresStore(dsn, schema="bench_raw", migrate=True).close()
            PostgresStore(dsn, schema="bench_transaction", order="transaction", migrate=True).close()
            with PostgresStore(dsn, schema="bench_dense", migrate=True) as store:
                ways_to_store_a_batch(store, connection)
                what_the_append_id_costs(dsn, store, connection)
            several_writers(dsn)
        finally:
            for schema in schemas:
                connection.execute(drop.format(sql.Identifier(schema)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
