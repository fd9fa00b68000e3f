"""Two histories side by side: what was expected, and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from esmodel.model.events import DomainEvent
from esmodel.testing.scenarios.comparison import differences, fields_by_name

_WIDEST = 48
"""Characters of a cell; what is longer is cut, and written out below the table."""


def side_by_side(expected: Sequence[DomainEvent], found: Sequence[DomainEvent], /, *, given: int = 0) -> str:
    """Return two histories as a table, a line for each event and each field of its payload.

    Args:
        expected: the one on the left.
        found: the one on the right.
        given: how many events of either were there before, and are marked so.

    Example:
        >>> print(side_by_side([], []))
        (no events) | (no events)
    """
    rows = [("", "expected", "found", "")] if expected or found else [("", "(no events)", "(no events)", "")]
    notes: list[str] = []
    for number, (left, right) in enumerate(zip_longest(expected, found)):
        rows += _rows(number, left, right, "given" if number < given else "", notes)
    marks, lefts, rights = (max(len(row[column]) for row in rows) for column in range(3))
    lines = [
        f"{mark:{marks}}{left:{lefts}} | {right:{rights}}  {note}".rstrip()
        for mark, left, right, note in rows
    ]
    return "\n".join([*lines, *notes])


def _rows(
    number: int, left: DomainEvent | None, right: DomainEvent | None, note: str, notes: list[str]
) -> list[tuple[str, str, str, str]]:
    is_other = type(left) is not type(right)
    expected = {} if left is None else fields_by_name(left)
    found = {} if right is None else fields_by_name(right)
    changed = set(differences(expected, found))
    rows = [(f"{'>' if is_other else ' '}{number:3}  ", _name(left), _name(right), note)]
    for name in [*expected, *(each for each in found if each not in expected)]:
        cells = [f"{name}={each[name]!r}" if name in each else "" for each in (expected, found)]
        if name in changed and not is_other and max(map(len, cells)) > _WIDEST:
            notes += [f"{name}, in full:", f"  expected {expected[name]!r}", f"  found    {found[name]!r}"]
        one, other = (_cut(each) for each in cells)
        rows.append((">" if name in changed or is_other else "", f"  {one}", f"  {other}", ""))
    return rows


def _name(event: DomainEvent | None) -> str:
    return "(nothing)" if event is None else type(event).__qualname__.rpartition("<locals>.")[2]


def _cut(cell: str) -> str:
    return cell if len(cell) <= _WIDEST else f"{cell[: _WIDEST - 3]}..."
