"""What is asked of PostgreSQL, for one schema and order."""

from __future__ import annotations

from typing import Final, NamedTuple

from esmodel.stores.postgres.schema import COLUMNS, PLACES, Order, functions_of, quoted, tables_of

BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"  # what others committed before a lock is seen after it
COMMIT: Final = "COMMIT"
# Two processes that migrate at once take turns; the lock goes with the transaction.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('esmodel ' || %s, 0))"
HAS_SCHEMA: Final = "SELECT count(*) > 0 FROM pg_namespace WHERE nspname = %s"
HAS_FORMAT: Final = "SELECT count(*) > 0 FROM pg_tables WHERE schemaname = %s AND tablename = 'format'"

# No other version misreads the tables, and no two processes disagree about the order.
_IDENTIFY = """SELECT version, numbering, current_setting('default_transaction_isolation')
    FROM {s}.format"""
# Transaction ids are those of one cluster: where the tables were restored into another, its next
# transaction could be numbered below what is stored already.
_IS_FOREIGN = """SELECT coalesce((SELECT max(number) >> {places} FROM {s}.record) >=
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint + shift, false) FROM {s}.format"""
_MEND = """UPDATE {s}.format SET shift =
    (SELECT max(number) >> {places} FROM {s}.record) - pg_current_xact_id()::text::bigint"""
_APPEND = "SELECT {s}.append_rows(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)"
# The position that refused the batch is named.
_FIRST_TAKEN = """SELECT min(o) FROM unnest(%b::uuid[], %b::bigint[]) WITH ORDINALITY AS r (i, p, o)
    JOIN {s}.record ON originator_id = i AND position = p"""
# Writing a snapshot at a position that has one replaces it.
_WRITE_SNAPSHOT = """INSERT INTO {s}.snapshot (originator_id, {columns})
    VALUES (%b, %b, %b, %b, %b, %b, %b, %b) ON CONFLICT (originator_id, position) DO UPDATE SET
    name_id = excluded.name_id, class_version = excluded.class_version,
    "timestamp" = excluded."timestamp", data = excluded.data, header = excluded.header,
    event_hash = excluded.event_hash RETURNING true"""
# The snapshot with the highest position within the bound.
_READ_SNAPSHOT = """SELECT {columns} FROM {s}.snapshot
    WHERE originator_id = %b AND position <= %b ORDER BY position DESC LIMIT 1"""


class Statements(NamedTuple):
    """The statements, each as it is sent."""

    create_schema: bytes
    create_tables: bytes
    create_functions: bytes
    identify: bytes
    set_version: bytes
    is_foreign: bytes
    lock_records: bytes
    mend: bytes
    append: bytes
    was_appended: bytes
    name_ids: bytes
    names: bytes
    last: bytes
    first_taken: bytes
    read: bytes
    read_descending: bytes
    read_all: bytes
    write_snapshot: bytes
    read_snapshot: bytes
    read_from_snapshot: bytes

    @classmethod
    def of(cls, schema: str, order: Order) -> Statements:
        """Make the statements for one schema and order."""
        parts = {"s": quoted(schema), "columns": COLUMNS, "places": PLACES}

        def told(text: str) -> bytes:
            return text.format_map(parts).encode()

        return cls(
            create_schema=told("CREATE SCHEMA {s}"),
            create_tables=tables_of(schema, order).encode(),
            create_functions=functions_of(schema, order).encode(),
            identify=told(_IDENTIFY),
            set_version=told("UPDATE {s}.format SET version = %s"),
            is_foreign=told(_IS_FOREIGN),
            lock_records=told("LOCK TABLE {s}.record IN EXCLUSIVE MODE"),
            mend=told(_MEND),
            append=told(_APPEND),
            was_appended=told("SELECT {s}.was_appended(%b, %b)"),
            name_ids=told("SELECT digest, name_id FROM {s}.name_ids(%b, %b)"),
            names=told("SELECT name_id, name FROM {s}.name WHERE name_id = ANY (%b)"),
            last=told("SELECT last_position, last_hash FROM {s}.stream WHERE originator_id = %b"),
            first_taken=told(_FIRST_TAKEN),
            read=told("SELECT * FROM {s}.read_rows(%b, %b, %b, %b)"),
            read_descending=told("SELECT * FROM {s}.read_rows_descending(%b, %b, %b, %b)"),
            read_all=told("SELECT * FROM {s}.read_all(%b, %b)"),
            write_snapshot=told(_WRITE_SNAPSHOT),
            read_snapshot=told(_READ_SNAPSHOT),
            read_from_snapshot=told("SELECT * FROM {s}.read_from_snapshot(%b, %b)"),
        )
