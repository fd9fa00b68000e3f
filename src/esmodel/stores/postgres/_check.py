"""``check_tables``: how the streams, rows, names and numbers of a schema agree."""

from __future__ import annotations

from typing import Final, TypeAlias
from uuid import UUID

from esmodel.rows.checked import Checked, Fault
from esmodel.stores.postgres._executor import Executor
from esmodel.stores.postgres.schema import IS_FOREIGN, PLACES, Order, quoted

_MOST: Final = 1_000  # faults

# Each yields the originator id and the position of a row at fault.
_FINDINGS: Final = {
    "expected the last row of the stream, found none": """SELECT s.originator_id, last_position
        FROM {s}.stream AS s LEFT JOIN {s}.record AS r
            ON r.originator_id = s.originator_id AND position = last_position WHERE number IS NULL""",
    "expected the hash that is stored with the end of the stream, found another one": """
        SELECT s.originator_id, position FROM {s}.stream AS s JOIN {s}.record AS r
            ON r.originator_id = s.originator_id AND position = last_position
            WHERE event_hash <> last_hash""",
    "expected no row after the last position of the stream, found one": """
        SELECT originator_id, position FROM {s}.record JOIN {s}.stream USING (originator_id)
            WHERE position > last_position""",
    "expected a stream for the row, found none": """SELECT originator_id, position FROM {s}.record AS r
        WHERE NOT EXISTS (SELECT FROM {s}.stream AS s WHERE s.originator_id = r.originator_id)""",
    "expected a name for the row, found none": """SELECT originator_id, position FROM {s}.record AS r
        WHERE NOT EXISTS (SELECT FROM {s}.name AS n WHERE n.name_id = r.name_id)""",
    "expected a name for the snapshot, found none": """SELECT originator_id, position FROM {s}.snapshot AS r
        WHERE NOT EXISTS (SELECT FROM {s}.name AS n WHERE n.name_id = r.name_id)""",
}
_FINDING: Final = "(SELECT '{finding}' AS finding, * FROM ({query}) AS at (originator_id, position))"
# All in one statement, and so as of one moment. The first row has the counts.
_CHECK: Final = """SELECT NULL::text, NULL::uuid, NULL::bigint,
        (SELECT pg_catalog.count(*) FROM {s}.stream), (SELECT pg_catalog.count(*) FROM {s}.record),
        (SELECT pg_catalog.min(number) FROM {s}.record), (SELECT pg_catalog.max(number) FROM {s}.record),
        (SELECT last FROM {s}.counter), {is_foreign}
    UNION ALL (SELECT finding, originator_id, position, NULL, NULL, NULL, NULL, NULL, NULL
        FROM ({findings}) AS found LIMIT {most})"""

_Row: TypeAlias = tuple[
    str | None,
    UUID | None,
    int | None,
    int | None,
    int | None,
    int | None,
    int | None,
    int | None,
    bool | None,
]


def check_tables(executor: Executor, schema: str, order: Order) -> Checked:
    """Check the tables of a schema in one statement."""
    parts = {"s": quoted(schema), "places": PLACES}
    findings = " UNION ALL ".join(
        _FINDING.format(finding=finding, query=statement.format_map(parts))
        for finding, statement in _FINDINGS.items()
    )
    is_foreign = IS_FOREIGN.format_map(parts) if order == "transaction" else "false"
    statement = _CHECK.format(**parts, findings=findings, is_foreign=is_foreign, most=_MOST)
    rows: list[_Row] = executor.run(statement.encode())
    streams = count = 0
    faults: list[Fault] = []
    for finding, stream, position, has_streams, has_rows, first, last, counted, foreign in rows:
        if finding is not None:
            faults.append(Fault(f"Row {position} of stream {stream}: {finding}.", stream, position))
            continue
        streams, count = has_streams or 0, has_rows or 0
        if order == "dense" and (first or 1, last or 0, counted) != (1, count, count):
            faults.append(
                Fault(
                    f"Expected {count} rows with the numbers 1 to {count}, found {first} to {last}, and the "
                    f"counter at {counted}."
                )
            )
        if foreign:
            faults.append(Fault("Expected the transaction ids of this cluster, found those of another one."))
    return Checked(streams, count, tuple(faults))
