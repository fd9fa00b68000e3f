"""The tables and functions of a PostgreSQL schema, and their constants."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from esmodel.rows.bounds import LEAST

Order: TypeAlias = Literal["dense", "transaction"]
"""The order of ``read_all``; see ``PostgresStore``."""

FORMAT: Final = 4
"""The format that ``migrate`` creates. The tables are those of format 1; the functions differ.

In format 1, appends lock the row of the counter; in formats 2 and 3, they take an advisory lock. Before
format 3, ``append_rows`` does not compare the end of a stream, and the statement that calls it does.
``migrate`` keeps that function for the processes that use it. Before format 4, ids of names are consecutive,
so that an id may stand for another name after a failover, and no process may cache them.
"""

LEAST_DIGEST: Final = 1 << 30
"""The least id of a name that is a digest of it; those that earlier formats gave are lower."""

NOT_READ_COMMITTED: Final = "ZE001"
"""The SQLSTATE of an append in a transaction of another isolation level."""

UNKNOWN_NAME: Final = "ZE002"
"""The SQLSTATE of an append of a row whose name the tables do not have."""

FOREIGN: Final = "ZE003"
"""The SQLSTATE of tables whose transaction ids are those of another cluster."""

NEW: Final = -1
"""Stands for ``None``, a new stream, in the argument ``_afters`` of ``append_rows``."""

ANYWHERE: Final = -2
"""Stands for ``FREE`` in the argument ``_afters`` of ``append_rows``."""

CONTINUES: Final = "stream_continues"
"""The constraint that ``append_rows`` names if a stream ends elsewhere than its append says."""

TABLES: Final = ("format", "counter", "stream", "name", "record", "snapshot", "append")
"""The names of the tables."""

FUNCTIONS: Final = (
    *("append_rows", "was_appended", "name_ids"),
    *("read_rows", "read_rows_descending", "read_all", "read_from_snapshot"),
)
"""The names of the functions, those of earlier formats included."""

PAGE_ROWS: Final = 500
"""The most rows in a page."""

PAGE_BYTES: Final = 1 << 20
"""The bytes of payload after which a page ends."""

PLACES: Final = 20
"""The bits of a number that hold the place of a row in its append, in the order ``"transaction"``."""

# In the order "transaction", the high bits of a number are the transaction id, and the low bits the
# place of the row in its append. The shift is what `migrate` added to the ids of this cluster.
_BASE: Final[dict[Order, str]] = {
    # One commit at a time: the lock is held until this append commits. Waiting for the row of the counter
    # instead is slower: a session that wakes up must read the row again, and may have to wait again. Unlike
    # an advisory lock, this one needs the privileges of an append.
    "dense": """LOCK TABLE {s}.format IN SHARE ROW EXCLUSIVE MODE;
    UPDATE {s}.counter SET last = last + cardinality(_of) RETURNING last - cardinality(_of) INTO base;""",
    "transaction": """IF {is_foreign} THEN
        RAISE SQLSTATE '{foreign}' USING MESSAGE = 'the rows have transaction ids of another cluster';
    END IF;
    base := (SELECT (pg_current_xact_id()::text::bigint + shift) << {places} FROM {s}.format);""",
}
# Transaction ids belong to one cluster. If the tables were restored into another cluster, its next
# transaction could get a number below those of the stored rows, or below 1.
IS_FOREIGN: Final = """(SELECT
        pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint + shift
        <= coalesce((SELECT pg_catalog.max(number) >> {places} FROM {s}.record), 0) FROM {s}.format)"""
"""Whether the numbers of the rows are those of another cluster, in the order ``"transaction"``."""
# No transaction in progress or in the future can write a number below that of the oldest transaction
# in progress, so the rows below it are final.
# Nothing is passed over in silence: neither rows that are missing, nor those of another cluster.
_WHOLE: Final[dict[Order, str]] = {
    "dense": """GET DIAGNOSTICS found = ROW_COUNT;
    IF found < _most AND (SELECT last FROM {s}.counter)
            IS DISTINCT FROM coalesce((SELECT max(number) FROM {s}.record), 0) THEN
        RAISE data_corrupted USING MESSAGE = 'the last rows are missing';
    END IF;""",
    "transaction": """GET DIAGNOSTICS found = ROW_COUNT;
    IF found < _most AND {is_foreign} THEN
        RAISE SQLSTATE '{foreign}' USING MESSAGE = 'the rows have transaction ids of another cluster';
    END IF;""",
}
_FINAL: Final[dict[Order, str]] = {
    "dense": "",
    "transaction": "AND number < (SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + shift)"
    " << {places} FROM {s}.format)",
}
_TYPES: Final = (
    '"position" bigint, name_id integer, class_version bigint, "timestamp" bigint, data bytea,'
    " header bytea, event_hash bytea"
)
COLUMNS: Final = 'position, name_id, class_version, "timestamp", data, header, event_hash'
"""The columns of a row in the order in which the store reads them."""

# `last` is stored apart from the rows; free space (fillfactor) keeps updates of a row out of the index.
# A row refers to its name by an id of four bytes; names are bytes, so any Unicode text comes back.
# Of two appends at one position, one succeeds (PRIMARY KEY); each row has its own number (UNIQUE).
# A snapshot never appears in `read`, `read_all` or `last`.
# An append id belongs to one append, or forever to none (PRIMARY KEY; `stored` tells which).
_TABLES: Final = """
CREATE TABLE {s}.format (one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL,
    numbering text NOT NULL, shift bigint NOT NULL);
CREATE TABLE {s}.counter (one boolean PRIMARY KEY DEFAULT true CHECK (one), last bigint NOT NULL)
    WITH (fillfactor = 10);
CREATE TABLE {s}.stream (originator_id uuid PRIMARY KEY, last_position bigint NOT NULL,
    last_hash bytea NOT NULL) WITH (fillfactor = 80);
CREATE TABLE {s}.name (name_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE, name bytea NOT NULL);
CREATE TABLE {s}.record (originator_id uuid NOT NULL, position bigint NOT NULL, number bigint NOT NULL,
    class_version bigint NOT NULL, "timestamp" bigint NOT NULL, name_id integer NOT NULL,
    data bytea NOT NULL, header bytea NOT NULL, event_hash bytea NOT NULL,
    CONSTRAINT record_position PRIMARY KEY (originator_id, position),
    CONSTRAINT record_number UNIQUE (number));
CREATE TABLE {s}.snapshot (originator_id uuid NOT NULL, position bigint NOT NULL,
    class_version bigint NOT NULL, "timestamp" bigint NOT NULL, name_id integer NOT NULL,
    data bytea NOT NULL, header bytea NOT NULL, event_hash bytea NOT NULL,
    PRIMARY KEY (originator_id, position));
CREATE TABLE {s}.append (append_id uuid CONSTRAINT append_once PRIMARY KEY, stored boolean NOT NULL);
INSERT INTO {s}.counter (last) VALUES (0);
INSERT INTO {s}.format (version, numbering, shift)
    VALUES ({version}, '{order}', -pg_current_xact_id()::text::bigint);
"""

_FUNCTIONS: Final = """
-- `append` is atomic and costs one round trip, because this is one statement and so one transaction.
-- All writers take their locks in the same order: the id, the sorted streams, the counter.
CREATE OR REPLACE FUNCTION {s}.append_rows(_append_id uuid, _wait text, _streams uuid[], _lasts bigint[],
    _heads bytea[], _afters bigint[], _of integer[], _positions bigint[], _name_ids integer[],
    _class_versions bigint[], _timestamps bigint[], _data bytea[], _headers bytea[], _hashes bytea[])
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE base bigint;
BEGIN
    -- A stricter level would report conflicts where there are none.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE SQLSTATE '{not_read_committed}' USING MESSAGE = 'an append needs the level read committed';
    END IF;
    -- What a process remembers may be the id of a name that was lost in a failover.
    IF EXISTS (SELECT FROM unnest(_name_ids) AS given (id)
            WHERE NOT EXISTS (SELECT FROM {s}.name WHERE name_id = given.id)) THEN
        RAISE SQLSTATE '{unknown_name}' USING MESSAGE = 'a row has the id of a name that is not stored';
    END IF;
    -- Waiting for a lock times out.
    PERFORM set_config('lock_timeout', _wait, true);
    -- The id tells later that the append was stored; an append reported as not stored fails here.
    INSERT INTO {s}.append VALUES (_append_id, true);
    FOR i IN 1 .. pg_catalog.cardinality(_streams) LOOP
        IF _afters[i] >= 0 THEN
            -- An append continues its stream: its end is compared once the row of the stream is locked.
            UPDATE {s}.stream SET last_position = _lasts[i], last_hash = _heads[i]
                WHERE originator_id = _streams[i] AND last_position = _afters[i];
        ELSIF _afters[i] = {new} THEN
            INSERT INTO {s}.stream VALUES (_streams[i], _lasts[i], _heads[i])
                ON CONFLICT (originator_id) DO NOTHING;
        ELSE
            -- `last` is the highest position ever appended.
            INSERT INTO {s}.stream AS old VALUES (_streams[i], _lasts[i], _heads[i])
                ON CONFLICT (originator_id) DO UPDATE
                SET last_position = excluded.last_position, last_hash = excluded.last_hash
                WHERE old.last_position < excluded.last_position;
            CONTINUE;
        END IF;
        IF NOT FOUND THEN
            RAISE unique_violation USING CONSTRAINT = '{continues}',
                MESSAGE = 'a stream ends elsewhere than the append says', DETAIL = i || ' ' || coalesce(
                    (SELECT last_position FROM {s}.stream WHERE originator_id = _streams[i]), -1);
        END IF;
    END LOOP;
    {base}
    -- Rows are only ever inserted; a taken position violates the primary key.
    INSERT INTO {s}.record
        SELECT _streams[i], p, base + o, v, t, n, d, h, e
        FROM unnest(_of, _positions, _class_versions, _timestamps, _name_ids, _data, _headers, _hashes)
        WITH ORDINALITY AS r (i, p, v, t, n, d, h, e, o);
END $$;

-- The answer is final: this waits for an append in progress, which has locked the id, and otherwise
-- takes the id forever.
CREATE OR REPLACE FUNCTION {s}.was_appended(_append_id uuid, _wait text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE answer boolean;
BEGIN
    PERFORM set_config('lock_timeout', _wait, true);
    -- This writes also where it finds the id: so its commit waits for the standby for which the append may
    -- not have waited.
    INSERT INTO {s}.append AS old VALUES (_append_id, false)
        ON CONFLICT (append_id) DO UPDATE SET stored = old.stored RETURNING old.stored INTO answer;
    RETURN answer;
END $$;

-- The id of a name is a digest of it, so that it stands for no other name in any state of the tables, also
-- after a failover. The rare name whose id is taken gets a number, as the names of earlier formats have.
CREATE OR REPLACE FUNCTION {s}.name_ids(_digests bytea[], _names bytea[])
RETURNS TABLE (digest bytea, name_id integer)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO {s}.name (name_id, digest, name) OVERRIDING SYSTEM VALUE
        SELECT (get_byte(d, 0) << 24 | get_byte(d, 1) << 16 | get_byte(d, 2) << 8 | get_byte(d, 3))
            & ({least_digest} - 1) | {least_digest}, d, n FROM unnest(_digests, _names) AS new (d, n)
        WHERE NOT EXISTS (SELECT FROM {s}.name WHERE digest = d) ON CONFLICT DO NOTHING;
    INSERT INTO {s}.name (digest, name) SELECT d, n FROM unnest(_digests, _names) AS new (d, n)
        WHERE NOT EXISTS (SELECT FROM {s}.name WHERE digest = d) ON CONFLICT (digest) DO NOTHING;
    RETURN QUERY SELECT digest, name_id FROM {s}.name WHERE digest = ANY (_digests);
END $$;

-- Functions that read pages are planned once a session, and scan the index. With old or missing
-- statistics, PostgreSQL would otherwise read and sort all remaining rows for each page.

-- The rows of one stream in the order of their positions; a page starts where the previous one ended,
-- and ends once its data is long.
CREATE OR REPLACE FUNCTION {s}.read_rows(_id uuid, _low bigint, _high bigint, _most integer)
RETURNS TABLE ({types})
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_sort = off
    SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT {columns} FROM (
            SELECT {columns}, sum(octet_length(data)) OVER (ORDER BY position) - octet_length(data) AS before
            FROM {s}.record WHERE originator_id = _id AND position BETWEEN _low AND _high
            ORDER BY position LIMIT _most) AS page
        WHERE before <= {page_bytes};
END $$;

-- The same rows from the end.
CREATE OR REPLACE FUNCTION {s}.read_rows_descending(_id uuid, _low bigint, _high bigint, _most integer)
RETURNS TABLE ({types})
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_sort = off
    SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT {columns} FROM (
            SELECT {columns},
                sum(octet_length(data)) OVER (ORDER BY position DESC) - octet_length(data) AS before
            FROM {s}.record WHERE originator_id = _id AND position BETWEEN _low AND _high
            ORDER BY position DESC LIMIT _most) AS page
        WHERE before <= {page_bytes};
END $$;

-- Commit order; no row returned can be preceded by a row committed later.
CREATE OR REPLACE FUNCTION {s}.read_all(_after bigint, _most integer)
RETURNS TABLE ({types}, number bigint, originator_id uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_sort = off
    SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE found integer;
BEGIN
    RETURN QUERY SELECT {columns}, number, originator_id FROM (
            SELECT {columns}, number, originator_id,
                sum(octet_length(data)) OVER (ORDER BY number) - octet_length(data) AS before
            FROM {s}.record WHERE number > _after ORDER BY number LIMIT _most) AS page
        WHERE before <= {page_bytes} {final};
    {whole}
END $$;

-- The snapshot with the highest position within the bound, and the first page of the rows after it, in
-- one round trip and as of one moment (STABLE).
CREATE OR REPLACE FUNCTION {s}.read_from_snapshot(_id uuid, _high bigint)
RETURNS TABLE ({types}, is_snapshot boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE low bigint := {least};
BEGIN
    SELECT {columns}, true INTO "position", name_id, class_version, "timestamp", data, header, event_hash,
            is_snapshot
        FROM {s}.snapshot AS s WHERE s.originator_id = _id AND s.position <= _high
        ORDER BY s.position DESC LIMIT 1;
    IF FOUND THEN
        RETURN NEXT;
        IF "position" >= _high THEN
            RETURN;
        END IF;
        low := "position" + 1;
    END IF;
    RETURN QUERY SELECT {columns}, false FROM {s}.read_rows(_id, low, _high, {page_rows});
END $$;
"""


def tables_of(schema: str, order: Order) -> str:
    """Return the SQL that creates the tables and their initial rows."""
    return _TABLES.format(s=quoted(schema), version=FORMAT, order=order)


def functions_of(schema: str, order: Order) -> str:
    """Return the SQL that creates the functions, or replaces those of an earlier format."""
    numbers: dict[str, str | int] = {
        "s": quoted(schema),
        "places": PLACES,
        "new": NEW,
        "continues": CONTINUES,
        "foreign": FOREIGN,
        "unknown_name": UNKNOWN_NAME,
        "not_read_committed": NOT_READ_COMMITTED,
        "least_digest": LEAST_DIGEST,
    }
    numbers["is_foreign"] = IS_FOREIGN.format(**numbers)
    return _FUNCTIONS.format(
        **numbers,
        types=_TYPES,
        columns=COLUMNS,
        least=LEAST,
        page_rows=PAGE_ROWS,
        page_bytes=PAGE_BYTES,
        base=_BASE[order].format(**numbers),
        final=_FINAL[order].format(**numbers),
        whole=_WHOLE[order].format(**numbers),
    )


def quoted(schema: str) -> str:
    """Quote the name of a schema, which may be a keyword of SQL."""
    return f'"{schema}"'
