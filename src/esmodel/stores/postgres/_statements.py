"""The SQL statements of one schema and order."""

from __future__ import annotations

from typing import Final, NamedTuple

from esmodel.stores.postgres.schema import (
    COLUMNS,
    IS_FOREIGN,
    NEW,
    PLACES,
    Order,
    functions_of,
    quoted,
    tables_of,
)

BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"  # sees rows committed while it waited for a lock
COMMIT: Final = "COMMIT"
# Processes that migrate concurrently take turns; the end of the transaction releases the lock.
LOCK: Final = (
    "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('esmodel ' || %s, 0::bigint))"
)
HAS_SCHEMA: Final = "SELECT count(*) > 0 FROM pg_catalog.pg_namespace WHERE nspname = %s"
HAS_FORMAT: Final = (
    "SELECT count(*) > 0 FROM pg_catalog.pg_tables WHERE schemaname = %s AND tablename = 'format'"
)

# The owner of a schema or a function can replace what every append runs. `pg_has_role` is true of a superuser
# for each role, so it is asked for others only; `pg_database_owner` is whoever owns the database.
STRANGERS: Final = """SELECT what, rolname FROM (
        SELECT 'schema ' || nspname AS what, nspowner AS owner FROM pg_catalog.pg_namespace
            WHERE nspname = %(s)s
        UNION ALL SELECT 'table ' || relname, relowner FROM pg_catalog.pg_class
            WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %(s)s)
                AND relname = ANY (%(tables)s)
        UNION ALL SELECT 'function ' || proname, proowner FROM pg_catalog.pg_proc
            WHERE pronamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %(s)s)
                AND proname = ANY (%(functions)s)
    ) AS found JOIN pg_catalog.pg_roles ON pg_roles.oid = owner
    WHERE NOT rolsuper AND rolname NOT IN (current_user, 'pg_database_owner') AND (
        (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
        OR NOT pg_catalog.pg_has_role(current_user, owner, 'USAGE'))
    ORDER BY what LIMIT 1"""

# No other version misreads the tables, and all processes use the same order.
_IDENTIFY = """SELECT version, numbering, pg_catalog.current_setting('default_transaction_isolation')
    FROM {s}.format"""
# The next transaction gets a number above those of the stored rows.
_SHIFT_NUMBERS = """UPDATE {s}.format SET shift =
    coalesce((SELECT pg_catalog.max(number) >> {places} FROM {s}.record), 0)
    - pg_catalog.pg_current_xact_id()::text::bigint"""
_APPEND = "SELECT {s}.append_rows(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)"
# Before format 3, `append_rows` does not compare the ends of the streams: this locks and compares them first,
# and returns the first that differs. A new stream has no row to lock, but of two appends to a new stream one
# fails, because both begin at position 0.
_APPEND_BEFORE_3 = """WITH ends AS MATERIALIZED (SELECT originator_id, last_position FROM {s}.stream
        WHERE originator_id = ANY (%b::uuid[]) ORDER BY originator_id FOR UPDATE)
    SELECT number, coalesce(last_position, -1), CASE WHEN number IS NULL THEN
        {s}.append_rows(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)::text END
    FROM (SELECT) AS one LEFT JOIN (
        SELECT number, last_position
        FROM ROWS FROM (pg_catalog.unnest(%b::uuid[]), pg_catalog.unnest(%b::bigint[]))
            WITH ORDINALITY AS appends (id, after, number)
        LEFT JOIN ends ON originator_id = id
        WHERE CASE WHEN after >= 0 THEN last_position IS DISTINCT FROM after
            ELSE after = {new} AND last_position IS NOT NULL END
        ORDER BY number LIMIT 1) AS differs ON true"""
# A conflict names the first taken position.
_FIRST_TAKEN = """SELECT pg_catalog.min(o)
    FROM ROWS FROM (pg_catalog.unnest(%b::uuid[]), pg_catalog.unnest(%b::bigint[]))
        WITH ORDINALITY AS r (i, p, o)
    JOIN {s}.record ON originator_id = i AND position = p"""
# Writing a snapshot replaces the one at the same position.
_WRITE_SNAPSHOT = """INSERT INTO {s}.snapshot (originator_id, {columns})
    SELECT %b, %b, name_id, %b, %b, %b, %b, %b FROM {s}.name WHERE name_id = %b
    ON CONFLICT (originator_id, position) DO UPDATE SET
    name_id = excluded.name_id, class_version = excluded.class_version,
    "timestamp" = excluded."timestamp", data = excluded.data, header = excluded.header,
    event_hash = excluded.event_hash RETURNING true"""
# The snapshot with the highest position within the bound.
_READ_SNAPSHOT = """SELECT {columns} FROM {s}.snapshot
    WHERE originator_id = %b AND position <= %b ORDER BY position DESC LIMIT 1"""


class Statements(NamedTuple):
    """The SQL statements, encoded as they are sent."""

    create_schema: bytes
    create_tables: bytes
    create_functions: bytes
    identify: bytes
    set_version: bytes
    is_foreign: bytes
    lock_records: bytes
    shift_numbers: bytes
    append: bytes
    append_before_3: bytes
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
        """Return the statements of one schema and order."""
        parts = {"s": quoted(schema), "columns": COLUMNS, "places": PLACES, "new": NEW}

        def filled(text: str) -> bytes:
            return text.format_map(parts).encode()

        return cls(
            create_schema=filled("CREATE SCHEMA {s}"),
            create_tables=tables_of(schema, order).encode(),
            create_functions=functions_of(schema, order).encode(),
            identify=filled(_IDENTIFY),
            set_version=filled("UPDATE {s}.format SET version = %s"),
            is_foreign=filled(f"SELECT {IS_FOREIGN}"),
            lock_records=filled("LOCK TABLE {s}.record IN EXCLUSIVE MODE"),
            shift_numbers=filled(_SHIFT_NUMBERS),
            append=filled(_APPEND),
            append_before_3=filled(_APPEND_BEFORE_3),
            was_appended=filled("SELECT {s}.was_appended(%b, %b)"),
            name_ids=filled("SELECT digest, name_id FROM {s}.name_ids(%b, %b)"),
            names=filled("SELECT name_id, name FROM {s}.name WHERE name_id = ANY (%b)"),
            last=filled("SELECT last_position, last_hash FROM {s}.stream WHERE originator_id = %b"),
            first_taken=filled(_FIRST_TAKEN),
            read=filled("SELECT * FROM {s}.read_rows(%b, %b, %b, %b)"),
            read_descending=filled("SELECT * FROM {s}.read_rows_descending(%b, %b, %b, %b)"),
            read_all=filled("SELECT * FROM {s}.read_all(%b, %b)"),
            write_snapshot=filled(_WRITE_SNAPSHOT),
            read_snapshot=filled(_READ_SNAPSHOT),
            read_from_snapshot=filled("SELECT * FROM {s}.read_from_snapshot(%b, %b)"),
        )
