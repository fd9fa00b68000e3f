"""``Checked``: the result of a check of a whole store."""

from __future__ import annotations

from uuid import UUID

from attrs import frozen


@frozen
class Fault:
    """State one fault that ``check`` of a store found.

    Attributes:
        message: what is wrong, in a sentence that names the thing, what was expected and what was found.
        originator_id: the stream, or ``None`` if the fault belongs to no stream.
        position: the position of the row in the stream, or ``None`` if it belongs to no row.

    Example:
        >>> from esmodel.rows import Fault
        >>> Fault("The stream: expected 3 rows, found 2.", originator_id=UUID(int=1)).position is None
        True
    """

    message: str
    originator_id: UUID | None = None
    position: int | None = None


@frozen
class Checked:
    """State what ``check`` of a store read, and the faults that it found.

    Attributes:
        streams: the number of streams.
        rows: the number of rows of all streams; snapshots do not count.
        faults: the faults found, in no particular order; the store is whole if there are none. A store
            may stop after the first 1,000.

    Example:
        >>> from esmodel.rows import Checked
        >>> Checked(streams=3, rows=12).faults
        ()
    """

    streams: int
    rows: int
    faults: tuple[Fault, ...] = ()
